"""The messages that make auxiliary info, in the order of their rounds (CGGMP24, figure 7 without shares)."""

from dataclasses import dataclass
from typing import Final, Self

from ecdsa_cggmp.aux_info import AuxPublic
from ecdsa_cggmp.params import Params
from ecdsa_cggmp.zk.fac import FacProof
from ecdsa_cggmp.zk.mod import ModProof
from ecdsa_cggmp.zk.prm import PrmProof
from native.hashing import tagged_hash
from protocol.codec import Reader, Writer
from protocol.header import Header
from protocol.ids import PartyId

COMMIT: Final = 1
REVEAL: Final = 2
PROVE: Final = 3

RHO_SIZE: Final = 32  # kappa / 8


@dataclass(frozen=True, slots=True)
class CommitMsg:
    """V_i = H(sid, i, what the party will reveal), 32 bytes."""

    V: bytes

    def __bytes__(self) -> bytes:
        """Return 32 bytes."""
        return self.V

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """Read a commitment."""
        return cls(reader.fixed("V", 32))


@dataclass(frozen=True, slots=True)
class RevealMsg:
    """What V_i hides.

    Args:
        public: N, N^, s and t.
        prm: Pi-prm of N^, s and t.
        rho: share of the common randomness, 32 bytes.
        u: what hides the rest in V, 32 bytes.
    """

    public: AuxPublic
    prm: PrmProof
    rho: bytes
    u: bytes

    @staticmethod
    def size(params: Params) -> int:
        """Return the length in bytes."""
        return 4 * params.modulus_bytes + PrmProof.size(params) + 2 * RHO_SIZE

    def __bytes__(self) -> bytes:
        """Return the encoding."""
        writer = Writer()
        self.public.write(writer)
        self.prm.write(writer)
        return bytes(writer.fixed(self.rho, RHO_SIZE).fixed(self.u, RHO_SIZE))

    @classmethod
    def read(cls, reader: Reader, params: Params) -> Self:
        """Read what was revealed."""
        public, prm = AuxPublic.read(reader, params), PrmProof.read(reader, params)
        return cls(public, prm, reader.fixed("rho", RHO_SIZE), reader.fixed("u", RHO_SIZE))

    def commit(self, header: Header, party: PartyId) -> CommitMsg:
        """Return the commitment of a party in a session."""
        sender = party.to_bytes(4, "big")
        return CommitMsg(tagged_hash("mpcwallet/CGGMP24 aux", header.digest, sender, bytes(self)))


@dataclass(frozen=True, slots=True)
class ModMsg:
    """Pi-mod of N, for everybody."""

    proof: ModProof

    def __bytes__(self) -> bytes:
        """Return the encoding."""
        writer = Writer()
        self.proof.write(writer)
        return bytes(writer)

    @classmethod
    def read(cls, reader: Reader, params: Params) -> Self:
        """Read a proof."""
        return cls(ModProof.read(reader, params))


@dataclass(frozen=True, slots=True)
class FacMsg:
    """Pi-fac of N, for one verifier.

    Args:
        proof: the proof.
        params: the level.
    """

    proof: FacProof
    params: Params

    def __bytes__(self) -> bytes:
        """Return the encoding."""
        writer = Writer()
        self.proof.write(writer, self.params)
        return bytes(writer)

    @classmethod
    def read(cls, reader: Reader, params: Params) -> Self:
        """Read a proof."""
        return cls(FacProof.read(reader, params), params)
