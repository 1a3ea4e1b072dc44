"""The messages of resharing, in the order of the rounds.

Round 1 and 2 are echoed broadcasts of all parties, round 3 goes to each new holder, round 4 to who lost its
share. A complaint is signed by a receiver only to be part of evidence.
"""

from dataclasses import dataclass, field
from typing import Final, Self

from native.curve import Point, PointVector, Scalar
from native.secret import SecretScalars
from protocol.codec import POINT_SIZE, SCALAR_SIZE, Reader, Writer
from protocol.header import Header
from protocol.resharing.plan import Plan

COMMIT: Final = 1
REVEAL: Final = 2
SHARE: Final = 3
PART: Final = 4
COMPLAINT: Final = 5

DIGEST_SIZE: Final = 32


@dataclass(frozen=True, slots=True)
class CommitMsg:
    """A commitment to a RevealMsg, and encryption keys of this session.

    Args:
        digest: the commitment, 32 bytes.
        keys: for each party of the session, ascending, the key that it encrypts to the sender with; in the
            sender's own place the key that the sender encrypts with.
    """

    digest: bytes
    keys: PointVector

    def __bytes__(self) -> bytes:
        """Return 32 bytes and 33 per party."""
        return bytes(Writer().fixed(self.digest, DIGEST_SIZE).points(self.keys))

    @classmethod
    def read(cls, reader: Reader, header: Header) -> Self:
        """Read the message."""
        digest = reader.fixed("commitment", DIGEST_SIZE)
        return cls(digest, reader.points("encryption key", len(header.parties)))

    @staticmethod
    def size(header: Header) -> int:
        """Return the size in bytes."""
        return DIGEST_SIZE + POINT_SIZE * len(header.parties)


@dataclass(frozen=True, slots=True)
class RevealMsg:
    """What a party deals.

    Args:
        salt: 32 random bytes, which hide it until it is revealed.
        points: commitments C_0, ..., C_(t-1) to its polynomial; C_0 alone may be infinity.
        R: commitment of the proof that it knows the logarithm of C_0.
        z: response of the proof.
    """

    salt: bytes = field(repr=False)
    points: PointVector
    R: Point
    z: Scalar

    def __bytes__(self) -> bytes:
        """Return 97 + 33 t bytes."""
        return bytes(
            Writer().fixed(self.salt, DIGEST_SIZE).points_ext(self.points).point(self.R).scalar(self.z)
        )

    @classmethod
    def read(cls, reader: Reader, header: Header) -> Self:
        """Read the message."""
        salt, constant = reader.fixed("salt", DIGEST_SIZE), reader.point_ext("commitment[0]")
        points = PointVector([constant, *reader.points("coefficient", Plan.of(header).t - 1)])
        return cls(salt, points, reader.point("R"), reader.scalar("z"))

    @staticmethod
    def size(header: Header) -> int:
        """Return the size in bytes."""
        return DIGEST_SIZE + POINT_SIZE * (Plan.of(header).t + 1) + SCALAR_SIZE


@dataclass(frozen=True, slots=True)
class MaskedMsg:
    """A share, or a part of a lost one, encrypted to its receiver.

    Args:
        masked: the secret plus the pad of the two.
    """

    masked: Scalar

    def __bytes__(self) -> bytes:
        """Return 32 bytes."""
        return bytes(self.masked)

    @classmethod
    def read(cls, reader: Reader, _header: Header) -> Self:
        """Read the message."""
        return cls(reader.scalar("masked share"))

    @staticmethod
    def size(_header: Header) -> int:
        """Return the size in bytes."""
        return SCALAR_SIZE


@dataclass(frozen=True, slots=True)
class ComplaintMsg:
    """What opens the one MaskedMsg that the culprit sent to the signer of the complaint.

    Args:
        key: the logarithm of the encryption key that the signer gave the culprit.
    """

    key: Scalar = field(repr=False)

    @classmethod
    def opening(cls, key: SecretScalars) -> Self:
        """Make public the logarithm of one encryption key."""
        return cls(Scalar.from_bytes(key.declassify()))

    def __bytes__(self) -> bytes:
        """Return 32 bytes."""
        return bytes(self.key)

    @classmethod
    def read(cls, reader: Reader, _header: Header) -> Self:
        """Read the message."""
        return cls(reader.nonzero_scalar("key"))

    @staticmethod
    def size(_header: Header) -> int:
        """Return the size in bytes."""
        return SCALAR_SIZE
