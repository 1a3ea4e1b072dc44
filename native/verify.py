"""Verification of ECDSA and BIP-340 signatures, by libsecp256k1 where it can; everything here is public."""

from collections.abc import Sequence
from typing import Any

import native.secp  # noqa: F401  (fills the function table)
from native._core import ffi, lib
from native.curve import G, Point, Scalar, _join, multi_mul
from native.errors import LengthError, PointError, RangeError, check
from native.hashing import tagged_hash

_SIGNATURE = 64


def verify_ecdsa(signature: bytes, message_hash: bytes, key: Point) -> bool:
    """Tell whether an ECDSA signature holds.

    Args:
        signature: 64 bytes, r || s; s above n/2 never holds (BIP-146).
        message_hash: 32 bytes.
        key: the public key.

    Returns:
        Whether it holds.

    Raises:
        LengthError: an argument has a wrong length.
    """
    return not failed_ecdsa([signature], [message_hash], [key])


def verify_bip340(signature: bytes, message: bytes, key: bytes) -> bool:
    """Tell whether a BIP-340 signature holds.

    Args:
        signature: 64 bytes, R.x || s.
        message: any bytes.
        key: the x-only public key, 32 bytes.

    Returns:
        Whether it holds.

    Raises:
        LengthError: an argument has a wrong length.
    """
    return not failed_bip340([signature], [message], [key])


def verify_bip340_tagged(signature: bytes, message: bytes, key: bytes, tag: str) -> bool:
    """Tell whether a signature holds that was made as in BIP-340 with another tag.

    Args:
        signature: 64 bytes, R.x || s.
        message: any bytes.
        key: the x-only public key, 32 bytes.
        tag: what stands for "BIP0340" in the tag of the challenge, such as "BIP DKG/pop message" in ChillDKG.

    Returns:
        Whether it holds.

    Raises:
        LengthError: an argument has a wrong length.
    """
    _expect_items([signature], _SIGNATURE)
    try:
        P = Point.lift_x(key)
    except PointError:
        return False
    return _holds_tagged(signature, message, P, tag)


def _holds_tagged(signature: bytes, message: bytes, P: Point, tag: str) -> bool:
    """Tell whether a signature of 64 bytes holds under a point of even y."""
    try:
        s = Scalar.from_bytes(signature[32:])
    except RangeError:
        return False
    e = Scalar.reduce(tagged_hash(f"{tag}/challenge", signature[:32], P.x_bytes, message))
    # R = s G - e P must be the even point whose x was signed (BIP-340, Verification)
    R = multi_mul([s, -e], [G, P])
    return not R.is_infinity and R.has_even_y and R.x_bytes == signature[:32]


def failed_ecdsa(
    signatures: Sequence[bytes], message_hashes: Sequence[bytes], keys: Sequence[Point]
) -> tuple[int, ...]:
    """Return the indices of the ECDSA signatures that do not hold; arguments as for verify_ecdsa.

    Raises:
        LengthError: an argument has a wrong length, or the counts differ or are 0.
    """
    _expect_items(message_hashes, 32)
    xy = _join(keys)
    return _failed(lib.mpcw_verify_ecdsa_var, signatures, b"".join(message_hashes), xy)


def failed_bip340(
    signatures: Sequence[bytes], messages: Sequence[bytes], keys: Sequence[bytes]
) -> tuple[int, ...]:
    """Return the indices of the BIP-340 signatures that do not hold; arguments as for verify_bip340.

    Raises:
        LengthError: an argument has a wrong length, messages differ in length, or the counts differ or are 0.
    """
    _expect_items(keys, 32)
    if len(messages) != len(signatures):
        raise LengthError("verify: as many messages as signatures are needed")
    _expect_items(messages, len(messages[0]) if messages else 0)
    return _failed(lib.mpcw_verify_bip340_var, signatures, b"".join(messages), b"".join(keys))


def _expect_items(items: Sequence[bytes], size: int) -> None:
    if any(len(item) != size for item in items):
        raise LengthError(f"verify: an item is not {size} bytes long")


def _failed(function: Any, signatures: Sequence[bytes], messages: bytes, keys: bytes) -> tuple[int, ...]:
    _expect_items(signatures, _SIGNATURE)
    data, n = b"".join(signatures), len(signatures)
    failed = ffi.new("uint8_t[]", n)
    status = function(failed, n, data, len(data), messages, len(messages), keys, len(keys))
    if status != lib.MPCW_REJECTED:
        check(status, "verify")
    return tuple(i for i in range(n) if failed[i])


def ecdsa_from_der(der: bytes) -> bytes:
    """Read a signature in strict DER (BIP-66).

    Returns:
        64 bytes, r || s.

    Raises:
        RejectedError: the encoding is malformed, or r or s is not in 1..n-1.
    """
    out = ffi.new("uint8_t[]", _SIGNATURE)
    check(lib.mpcw_ecdsa_from_der_var(out, len(out), der, len(der)), "ecdsa_from_der")
    return bytes(ffi.buffer(out))


def ecdsa_to_der(signature: bytes) -> bytes:
    """Write a signature of 64 bytes, r || s, in DER.

    Raises:
        LengthError: the signature is not 64 bytes long.
        RejectedError: r or s is not in 1..n-1.
    """
    out, written = ffi.new("uint8_t[]", 72), ffi.new("size_t *")
    check(lib.mpcw_ecdsa_to_der_var(out, len(out), written, signature, len(signature)), "ecdsa_to_der")
    return bytes(ffi.buffer(out, written[0]))
