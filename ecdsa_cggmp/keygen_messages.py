"""The messages of key generation of CGGMP24 (ePrint 2021/060), in the order of the rounds.

Round 1 is echoed, and binds what round 2 reveals. The commitment, the masked share and the complaint are
messages of resharing.
"""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, Self

from ecdsa_cggmp.key_share import CHAIN_CODE_SIZE
from native.curve import Point, PointVector, Scalar
from native.hashing import tagged_hash
from protocol.codec import POINT_SIZE, SCALAR_SIZE, Reader, Writer, decode
from protocol.errors import EncodingError, UsageError
from protocol.header import PARAMS_LIMIT, Header
from protocol.ids import PartyId
from protocol.vss import expect_threshold

PROVE: Final = 3

RID_SIZE: Final = 32
SALT_SIZE: Final = 32


def keygen_params(t: int) -> bytes:
    """Return the parameters of a session for a threshold, for its header."""
    return bytes(Writer().unsigned(t, 1))


@lru_cache(maxsize=64)
def _threshold(params: bytes, n: int) -> int:
    t = decode(params, PARAMS_LIMIT, lambda reader: reader.unsigned("threshold", 1))
    try:
        expect_threshold(t, n)
    except UsageError as e:
        raise EncodingError("threshold", str(e)) from e
    return t


def threshold_of(header: Header) -> int:
    """Return the threshold of a session.

    Raises:
        EncodingError: it has none that fits its parties.
    """
    return _threshold(header.params, len(header.parties))


@dataclass(frozen=True, slots=True)
class RevealMsg:
    """What a party committed to.

    Args:
        rid: its share of the common randomness, 32 bytes.
        chain_code: its share of the chain code, 32 bytes.
        S: commitments to the t coefficients of its polynomial.
        A: the first move of its Schnorr proof.
        u: what hides the rest in the commitment, 32 bytes.
    """

    rid: bytes
    chain_code: bytes = field(repr=False)
    S: PointVector
    A: Point
    u: bytes = field(repr=False)

    def __bytes__(self) -> bytes:
        """Return 129 + 33 t bytes."""
        writer = Writer().fixed(self.rid, RID_SIZE).fixed(self.chain_code, CHAIN_CODE_SIZE)
        return bytes(writer.points(self.S).point(self.A).fixed(self.u, SALT_SIZE))

    @classmethod
    def read(cls, reader: Reader, header: Header) -> Self:
        """Read the message."""
        rid, chain_code = reader.fixed("rid", RID_SIZE), reader.fixed("chain code", CHAIN_CODE_SIZE)
        S, A = reader.points("S", threshold_of(header)), reader.point("A")
        return cls(rid, chain_code, S, A, reader.fixed("u", SALT_SIZE))

    @staticmethod
    def size(header: Header) -> int:
        """Return the size in bytes."""
        return RID_SIZE + CHAIN_CODE_SIZE + POINT_SIZE * (threshold_of(header) + 1) + SALT_SIZE

    def commitment(self, header: Header, party: PartyId) -> bytes:
        """Return V_i = H(sid, i, all of it), 32 bytes."""
        return tagged_hash("mpcwallet/CGGMP24 keygen", header.digest, party.to_bytes(4, "big"), bytes(self))


@dataclass(frozen=True, slots=True)
class ProveMsg:
    """The response z of the Schnorr proof of a party's share."""

    z: Scalar

    def __bytes__(self) -> bytes:
        """Return 32 bytes."""
        return bytes(self.z)

    @classmethod
    def read(cls, reader: Reader, _header: Header) -> Self:
        """Read the message."""
        return cls(reader.scalar("z"))

    @staticmethod
    def size(_header: Header) -> int:
        """Return the size in bytes."""
        return SCALAR_SIZE
