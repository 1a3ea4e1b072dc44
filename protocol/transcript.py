"""The Fiat-Shamir transcript: a challenge is a hash of all that it must depend on, encoded injectively.

Every item is written as type, label, length and value, every list with its type and count, so that no two
sequences of items are the same bytes (TSSHOCK, CVE-2022-47931), and every transcript begins with its domain,
so that a proof is worth nothing in another session, for another prover or verifier, or in another place
(CVE-2022-47930).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from hashlib import sha256
from typing import Final

from native.curve import Point, PointVector, Scalar
from protocol.codec import POINT_SIZE, Writer
from protocol.errors import UsageError
from protocol.header import NAME_LIMIT, Header
from protocol.ids import EVERYBODY, PartyId

VERSION: Final = 1
MAX_CHALLENGE: Final = 1 << 24  # bytes
_LABEL_LIMIT: Final = 255


class _Type(IntEnum):
    DOMAIN = 0
    BYTES = 1
    INTEGER = 2
    SCALAR = 3
    POINT = 4
    LIST = 5
    CHALLENGE = 6


@dataclass(frozen=True, slots=True)
class Domain:
    """Where a proof belongs.

    Args:
        header: the session: protocol, version, session id, roster, parties, parameters.
        round: number of the round, 0..65535.
        prover: who proves.
        proof: name of the proof, printable ASCII.
        verifier: who is to be convinced; EVERYBODY unless the proof is for one.
        instance: which of several proofs of that name in the round, 0..2^32-1.
    """

    header: Header
    round: int
    prover: PartyId
    proof: str
    verifier: PartyId = EVERYBODY
    instance: int = 0

    def __bytes__(self) -> bytes:
        """Return the encoding, of the length of the name and the header's digest."""
        writer = Writer().fixed(self.header.digest, 32).unsigned(self.round, 2).unsigned(self.prover, 4)
        writer.unsigned(self.verifier, 4).text(self.proof, NAME_LIMIT)
        return bytes(writer.unsigned(self.instance, 4))


class Transcript:
    """What was said so far; immutable, every with_* method returns a longer one.

    Two transcripts give the same challenge only if all their items, labels and types are the same, in order.
    """

    __slots__ = ("_state",)

    def __init__(self, domain: Domain) -> None:
        """Begin with the domain."""
        tag = sha256(b"mpcwallet/transcript").digest()
        self._state = sha256(tag + tag + _item(_Type.DOMAIN, "", bytes([VERSION]) + bytes(domain)))

    def _append(self, *parts: bytes) -> "Transcript":
        longer = Transcript.__new__(Transcript)
        longer._state = self._state.copy()
        for part in parts:
            longer._state.update(part)
        return longer

    def with_bytes(self, label: str, value: bytes) -> "Transcript":
        """Append bytes."""
        return self._append(_item(_Type.BYTES, label, value))

    def with_integer(self, label: str, value: int) -> "Transcript":
        """Append a public integer of any sign and size."""
        return self._append(_item(_Type.INTEGER, label, _integer(value)))

    def with_scalar(self, label: str, value: Scalar) -> "Transcript":
        """Append a public scalar."""
        return self._append(_item(_Type.SCALAR, label, bytes(value)))

    def with_point(self, label: str, value: Point) -> "Transcript":
        """Append a point, possibly infinity."""
        return self._append(_item(_Type.POINT, label, value.to_bytes_ext()))

    def with_points(self, label: str, values: Sequence[Point]) -> "Transcript":
        """Append a list of points."""
        data = PointVector(values).to_bytes_ext()
        return self._append(
            *_list(_Type.POINT, label, [data[at : at + POINT_SIZE] for at in range(0, len(data), POINT_SIZE)])
        )

    def with_integers(self, label: str, values: Sequence[int]) -> "Transcript":
        """Append a list of public integers."""
        return self._append(*_list(_Type.INTEGER, label, [_integer(value) for value in values]))

    def with_byte_strings(self, label: str, values: Sequence[bytes]) -> "Transcript":
        """Append a list of byte strings."""
        return self._append(*_list(_Type.BYTES, label, values))

    def challenge_bytes(self, label: str, size: int = 32) -> bytes:
        """Return size pseudorandom bytes.

        Args:
            label: what they are for; another label or size gives unrelated bytes.
            size: 1..2^24.

        Returns:
            The bytes.

        Raises:
            UsageError: the size is out of range.
        """
        if not 0 < size <= MAX_CHALLENGE:
            raise UsageError("transcript: the size of a challenge is out of range")
        seed = self._append(_item(_Type.CHALLENGE, label, size.to_bytes(4, "big")))._state.digest()
        blocks = [sha256(seed + i.to_bytes(4, "big")).digest() for i in range((size + 31) // 32)]
        return b"".join(blocks)[:size]

    def challenge_scalar(self, label: str) -> Scalar:
        """Return a scalar that is uniform in 0..n-1 up to 2^-256."""
        return Scalar.reduce(self.challenge_bytes(label, 64))

    def challenge_bits(self, label: str, count: int) -> tuple[bool, ...]:
        """Return count independent bits.

        Raises:
            UsageError: the count is out of range.
        """
        data = self.challenge_bytes(label, (count + 7) // 8)
        return tuple(bool(data[i // 8] >> (7 - i % 8) & 1) for i in range(count))


def _head(kind: _Type, label: str) -> bytes:
    name = label.encode()
    if len(name) > _LABEL_LIMIT:
        raise UsageError("transcript: a label is too long")
    return bytes([kind, len(name)]) + name


def _item(kind: _Type, label: str, value: bytes) -> bytes:
    return _head(kind, label) + len(value).to_bytes(8, "big") + value


def _list(kind: _Type, label: str, values: Sequence[bytes]) -> list[bytes]:
    head = _head(_Type.LIST, label) + bytes([kind]) + len(values).to_bytes(8, "big")
    return [head, *(len(value).to_bytes(8, "big") + value for value in values)]


def _integer(value: int) -> bytes:
    """Return a sign byte, 0 or 1, and the magnitude without leading zeros."""
    return bytes([value < 0]) + abs(value).to_bytes((value.bit_length() + 7) // 8, "big")
