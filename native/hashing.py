"""BIP-340 tagged hashes of public data, and of messages with secret pieces."""

from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from native._core import ffi, lib
from native.errors import check
from native.secret import SecretBytes, SecretScalars, SecretSeed, _size, _take

if TYPE_CHECKING:
    from hashlib import _Hash

Piece = bytes | SecretScalars | SecretSeed | SecretBytes


@lru_cache(maxsize=256)
def _tagged(tag: str) -> "_Hash":
    digest = sha256(tag.encode()).digest()
    return sha256(digest + digest)


def tagged_hash(tag: str, *parts: bytes) -> bytes:
    """Return SHA256(SHA256(tag) || SHA256(tag) || parts), for public data.

    Args:
        tag: the tag of BIP-340; one of the protocols' constants.
        parts: the message, joined without separators.

    Returns:
        32 bytes.
    """
    state = _tagged(tag).copy()
    for part in parts:
        state.update(part)
    return state.digest()


def tagged_hashes(tag: str, messages: bytes, count: int) -> bytes:
    """Return the tagged hashes of count public messages of one length, which stand one after the other.

    Returns:
        32 bytes per message.

    Raises:
        LengthError: count is 0 or does not divide the length.
    """
    label = tag.encode()
    out = ffi.new("uint8_t[]", 32 * _size(count))
    check(lib.mpcw_tagged_hashes(out, len(out), label, len(label), messages, len(messages)), "tagged_hashes")
    return bytes(ffi.buffer(out))


@dataclass(frozen=True, slots=True)
class Each:
    """A piece of which message i takes item i only, instead of the whole.

    Args:
        piece: secrets, one item per message, or public bytes that split into one item per message.
    """

    piece: Piece


def hash_to_scalars(tag: str, *parts: Piece | Each, count: int = 1) -> SecretScalars:
    """Hash messages with secret pieces to secret scalars: int(hash) mod n.

    Args:
        tag: the tag of BIP-340.
        parts: the pieces of every message; a secret enters as 32 bytes, big-endian, per item.
        count: number of messages.

    Returns:
        One scalar per message.

    Raises:
        LengthError: a piece does not split into count items.
    """
    return _take(_hash(lib.MPCW_KIND_SCALAR, tag, parts, count), SecretScalars)


def hash_to_seed(tag: str, *parts: Piece) -> SecretSeed:
    """Hash a message with secret pieces to 32 secret bytes."""
    return _take(_hash(lib.MPCW_KIND_SEED, tag, parts, 1), SecretSeed)


def _hash(kind: int, tag: str, parts: tuple[Piece | Each, ...], count: int) -> Any:
    label = tag.encode()
    keep = []  # from_buffer does not outlive its owner
    array = ffi.new("mpcw_hash_part[]", len(parts))
    for slot, part in zip(array, parts, strict=True):
        piece = part.piece if isinstance(part, Each) else part
        slot.each = isinstance(part, Each)
        if isinstance(piece, bytes):
            keep.append(ffi.from_buffer("uint8_t[]", piece))
            slot.bytes, slot.bytes_len = keep[-1], len(piece)
        else:
            keep.append(piece._handle)
            slot.secret = keep[-1]
    out = ffi.new("mpcw_secret **")
    check(lib.mpcw_hash_secret(out, kind, _size(count), label, len(label), array, len(parts)), "hash")
    return out


def xor(a: SecretScalars | SecretSeed, b: SecretScalars | SecretSeed) -> SecretSeed:
    """Return the XOR of two secrets of 32 bytes, as BIP-340 masks a key with randomness.

    Raises:
        LengthError: one has several items.
    """
    out = ffi.new("mpcw_secret **")
    check(lib.mpcw_secret_xor(out, a._handle, b._handle), "xor")
    return _take(out, SecretSeed)
