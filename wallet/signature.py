"""Signatures as they stand in witnesses and PSBTs: low-S strict DER (BIP-66, BIP-146) and BIP-340.

Inside the program an ECDSA signature is r || s, 64 bytes, which libsecp256k1 calls compact. A signature
leaves only through checked_ecdsa or checked_bip340, after libsecp256k1 has verified it.
"""

from typing import Final, NamedTuple

from coincurve import PublicKey

from native.curve import ORDER, Point, Scalar
from native.errors import LengthError, PointError, RangeError, RejectedError
from native.verify import ecdsa_from_der, ecdsa_to_der, verify_bip340, verify_ecdsa
from wallet.errors import SignatureError
from wallet.sighash import SIGHASH_ALL, SIGHASH_DEFAULT, TAPROOT_TYPES, V0_TYPES

_SIGNATURE: Final = 64


class TypedSignature(NamedTuple):
    """A signature and what it signs.

    Args:
        signature: 64 bytes.
        sighash_type: of the digest.
    """

    signature: bytes
    sighash_type: int


def low_s(signature: bytes) -> bytes:
    """Return an ECDSA signature with the lower of its two values of s (BIP-146).

    Args:
        signature: r || s, 64 bytes.

    Raises:
        SignatureError: r or s is not in 1..n-1.
    """
    s = _expect_scalars(signature)
    return signature[:32] + bytes(-s if s.value > ORDER // 2 else s)


def _expect_scalars(signature: bytes) -> Scalar:
    """Refuse r or s outside 1..n-1 and return s."""
    if len(signature) != _SIGNATURE:
        raise SignatureError("a signature has 64 bytes")
    try:
        r, s = Scalar.from_bytes(signature[:32]), Scalar.from_bytes(signature[32:])
    except RangeError as e:
        raise SignatureError("a number of an ECDSA signature is not below the order of the group") from e
    if r.value == 0 or s.value == 0:
        raise SignatureError("a number of an ECDSA signature is zero")
    return s


def _expect_low_s(signature: bytes) -> None:
    if _expect_scalars(signature).value > ORDER // 2:
        raise SignatureError("the s of an ECDSA signature is above n/2: nodes do not relay it")


def encode_ecdsa(signature: bytes, sighash_type: int = SIGHASH_ALL) -> bytes:
    """Return the form of witnesses and partial signatures: DER || sighash type.

    Args:
        signature: r || s, 64 bytes, with low s.
        sighash_type: one of V0_TYPES.

    Returns:
        9..72 bytes.

    Raises:
        SignatureError: an argument is out of range, or s is high.
    """
    _expect_low_s(signature)
    _expect_type(sighash_type, V0_TYPES)
    return ecdsa_to_der(signature) + bytes([sighash_type])


def decode_ecdsa(data: bytes) -> TypedSignature:
    """Read DER || sighash type as strictly as nodes do before they relay (BIP-66, BIP-146).

    Raises:
        SignatureError: the encoding is not the one of the signature, s is high, or the type is undefined.
    """
    try:
        signature = ecdsa_from_der(data[:-1])
    except RejectedError as e:
        raise SignatureError("an ECDSA signature is not strict DER, or r or s is out of range") from e
    _expect_low_s(signature)
    return TypedSignature(signature, _expect_type(data[-1], V0_TYPES))


def encode_bip340(signature: bytes, sighash_type: int = SIGHASH_DEFAULT) -> bytes:
    """Return the form of Taproot witnesses: 64 bytes for DEFAULT, with the type behind for others (BIP-341).

    Args:
        signature: R.x || s, 64 bytes.
        sighash_type: one of TAPROOT_TYPES.

    Raises:
        SignatureError: an argument is out of range.
    """
    _expect_bip340(signature)
    _expect_type(sighash_type, TAPROOT_TYPES)
    return signature if sighash_type == SIGHASH_DEFAULT else signature + bytes([sighash_type])


def decode_bip340(data: bytes) -> TypedSignature:
    """Read a signature of a Taproot witness (BIP-341, Taproot key path spending signature validation).

    Raises:
        SignatureError: it is not 64 or 65 bytes long, its type is undefined or DEFAULT written out, R.x is no
            coordinate of a point, or s is not below n.
    """
    if len(data) not in (_SIGNATURE, _SIGNATURE + 1):
        raise SignatureError("a Taproot signature has 64 or 65 bytes")
    _expect_bip340(data[:_SIGNATURE])
    if len(data) == _SIGNATURE:
        return TypedSignature(data, SIGHASH_DEFAULT)
    # V0_TYPES are those of Taproot without DEFAULT, which must not be written out
    return TypedSignature(data[:_SIGNATURE], _expect_type(data[_SIGNATURE], V0_TYPES))


def _expect_bip340(signature: bytes) -> None:
    if len(signature) != _SIGNATURE:
        raise SignatureError("a signature has 64 bytes")
    try:
        Point.lift_x(signature[:32])
        Scalar.from_bytes(signature[32:])
    except (PointError, RangeError) as e:
        raise SignatureError("a BIP-340 signature has no point R, or its s is not below n") from e


def _expect_type(sighash_type: int, types: frozenset[int]) -> int:
    if sighash_type not in types:
        raise SignatureError(f"0x{sighash_type:02x} is no sighash type of this kind of signature")
    return sighash_type


def checked_ecdsa(signature: bytes, digest: bytes, key: bytes) -> bytes:
    """Return an ECDSA signature with low s after verifying it: no other may leave.

    Args:
        signature: r || s, 64 bytes; s may be high.
        digest: 32 bytes.
        key: public key, 33 bytes.

    Returns:
        r || s, 64 bytes, s at most n/2.

    Raises:
        SignatureError: it does not hold for the digest under the key.
    """
    normal = low_s(signature)
    try:
        holds = verify_ecdsa(normal, digest, Point.from_bytes(key))
    except (LengthError, PointError) as e:
        raise SignatureError("a digest has 32 bytes, a public key is a point of 33 bytes") from e
    if not holds:
        raise SignatureError("an ECDSA signature does not hold for its digest and key")
    return normal


def checked_bip340(signature: bytes, digest: bytes, key: bytes) -> bytes:
    """Return a BIP-340 signature after verifying it: no other may leave.

    Args:
        signature: R.x || s, 64 bytes.
        digest: 32 bytes.
        key: x-only public key, 32 bytes; for a Taproot output its output key.

    Raises:
        SignatureError: it does not hold for the digest under the key.
    """
    if len(digest) != 32:
        raise SignatureError("a digest has 32 bytes")
    try:
        holds = verify_bip340(signature, digest, key)
    except LengthError as e:
        raise SignatureError("a signature has 64 bytes, an x-only key 32") from e
    if not holds:
        raise SignatureError("a BIP-340 signature does not hold for its digest and key")
    return signature


def recoverable_ecdsa(signature: bytes, digest: bytes, key: bytes) -> bytes:
    """Return a signature from which its key can be recovered (libsecp256k1, recovery module).

    Args:
        signature: r || s, 64 bytes; s may be high.
        digest: 32 bytes.
        key: public key, 33 bytes.

    Returns:
        65 bytes: r || s with low s || recovery id 0..3.

    Raises:
        SignatureError: it does not hold for the digest under the key.
    """
    normal = checked_ecdsa(signature, digest, key)
    # what holds has exactly one recovery id for its key
    return next(
        candidate
        for candidate in (normal + bytes([recovery_id]) for recovery_id in range(4))
        if _recovers(candidate, digest, key)
    )


def _recovers(candidate: bytes, digest: bytes, key: bytes) -> bool:
    try:
        recovered: bytes = PublicKey.from_signature_and_message(candidate, digest, hasher=None).format()
    except ValueError:
        return False
    return recovered == key
