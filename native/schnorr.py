"""BIP-340 signing with a key that stays in C memory; composed of constant-time operations of the C core."""

from typing import Final

import native.secp  # noqa: F401  (fills the function table)
from native.curve import Point, Scalar, mul_base
from native.errors import FaultError, LengthError
from native.hashing import hash_to_scalars, hash_to_seed, tagged_hash, xor
from native.secret import SecretScalars, SecretSeed
from native.secret_scalar import inner_product, negate
from native.verify import _holds_tagged, verify_bip340

BIP340: Final = "BIP0340"

_ONE: Final = Scalar(1)


def xonly_key(seckey: SecretScalars) -> bytes:
    """Return the x-only public key of one secret scalar, 32 bytes.

    Raises:
        RangeError: the scalar is 0.
    """
    return mul_base(seckey)[0].x_bytes


def sign_bip340(
    seckey: SecretScalars,
    message: bytes,
    aux_rand: SecretSeed | bytes,
    tag: str = BIP340,
    public_key: Point | None = None,
) -> bytes:
    """Sign as BIP-340, "Default Signing".

    Args:
        seckey: one scalar, not 0.
        message: any public bytes.
        aux_rand: 32 bytes of randomness; the nonce stays secret even if these do not.
        tag: what stands for "BIP0340" in the tags of the three hashes.
        public_key: seckey G with its true parity, when it is at hand; the signature is verified under it.

    Returns:
        64 bytes, x(R) || s.

    Raises:
        LengthError: aux_rand is not 32 bytes long.
        RangeError: the key is 0.
        PointError: public_key is infinity.
        FaultError: the signature does not hold; it was not released.
    """
    if isinstance(aux_rand, bytes) and len(aux_rand) != 32:
        raise LengthError("sign_bip340: aux_rand takes 32 bytes")
    P = mul_base(seckey)[0] if public_key is None else public_key
    d = seckey if P.has_even_y else negate(seckey)
    t = xor(d, hash_to_seed(f"{tag}/aux", aux_rand))
    k = hash_to_scalars(f"{tag}/nonce", t, P.x_bytes, message)
    R = mul_base(k)[0]
    k = k if R.has_even_y else negate(k)
    e = Scalar.reduce(tagged_hash(f"{tag}/challenge", R.x_bytes, P.x_bytes, message))
    # s = k + e d
    s = inner_product(SecretScalars.concat([k, d]), [_ONE, e]).declassify()
    signature = R.x_bytes + s
    holds = (
        verify_bip340(signature, message, P.x_bytes)
        if tag == BIP340
        else _holds_tagged(signature, message, P if P.has_even_y else -P, tag)
    )
    if not holds:
        raise FaultError("sign_bip340: the signature does not hold")
    return signature
