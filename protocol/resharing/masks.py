"""Encryption of one scalar to one receiver with keys of this session only (CGGMP24, Figure 7: C_ik).

The receiver has a key of its own for each sender: to open it as evidence discloses one message and no other.
"""

from native.curve import Point, Scalar, ecdh
from native.hashing import hash_to_scalars
from native.secret import SecretScalars
from native.secret_scalar import add, negate, shift
from protocol.header import Header
from protocol.signed import Slot


def _pad(key: SecretScalars, point: Point, header: Header, slot: Slot) -> SecretScalars:
    return hash_to_scalars("mpcwallet/reshare mask", ecdh(key, point), header.digest, bytes(slot))


def mask(secret: SecretScalars, key: SecretScalars, point: Point, header: Header, slot: Slot) -> Scalar:
    """Encrypt.

    Args:
        secret: one scalar.
        key: the sender's key.
        point: the receiver's key for this sender.
        header: the session.
        slot: where the message belongs.

    Returns:
        secret + H(key point, session, slot).
    """
    return Scalar.from_bytes(add(secret, _pad(key, point, header, slot)).declassify())


def unmask(masked: Scalar, key: SecretScalars, point: Point, header: Header, slot: Slot) -> SecretScalars:
    """Decrypt, as mask() with the receiver's key for this sender and the sender's point."""
    return shift(negate(_pad(key, point, header, slot)), [masked])
