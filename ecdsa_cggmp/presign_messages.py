"""The messages of presigning (CGGMP24, figure 8), in the order of their rounds, about B presignatures each.

Rounds 1 and 2 are echoed: proofs answer the K and the Gamma of others, and who shows one signer another Gamma
would let its right Delta look wrong. What figure 9 needs goes to everybody: D, F and the proofs of all pairs
in round 2; and every message is signed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, Self

from ecdsa_cggmp.aux_info import AuxPublic
from ecdsa_cggmp.params import Params
from ecdsa_cggmp.zk.aff_g import AffGProofs
from ecdsa_cggmp.zk.elog import ElogProofs
from ecdsa_cggmp.zk.enc_elg import EncElgProofs
from ecdsa_cggmp.zk.keys import ProofKeys
from native.curve import Point, PointVector, Scalar, multi_mul, sum_points
from protocol.codec import POINT_SIZE, SCALAR_SIZE, Reader, Writer, decode
from protocol.errors import EncodingError, UsageError
from protocol.header import PARAMS_LIMIT, Header
from protocol.ids import PartyId
from protocol.resharing.plan import Sharing
from protocol.signed import MAX_BODY
from protocol.vss import weights

ENCRYPT: Final = 1
MULTIPLY: Final = 2
REVEAL: Final = 3

MAX_BATCH: Final = 1024


@dataclass(frozen=True, slots=True)
class PresignPlan:
    """The public parameters of a session.

    Args:
        sharing: the key.
        signers: the t parties of the session, ascending.
        batch: B, number of presignatures, 1..1024; and the messages must not exceed what a peer accepts.
        publics: auxiliary info of each signer.

    Raises:
        UsageError: a value does not fit, or the public shares of the signers do not make the key.
    """

    sharing: Sharing
    signers: tuple[PartyId, ...]
    batch: int
    publics: Mapping[PartyId, AuxPublic]

    def __post_init__(self) -> None:
        if len(self.signers) != self.sharing.t or self.signers[-1] >= self.sharing.n:
            raise UsageError("a presignature is made by exactly t parties of the key")
        if len(self.signers) < 2:
            raise UsageError("presigning takes two parties or more")
        if not 1 <= self.batch <= MAX_BATCH:
            raise UsageError(f"a batch has 1 to {MAX_BATCH} presignatures")
        if tuple(sorted(self.publics)) != self.signers:
            raise UsageError("auxiliary info is needed of every signer, and of nobody else")
        if sum_points([self.public_summand(j) for j in self.signers]) != self.sharing.key:
            raise UsageError("the public shares of the signers do not match the key")

    def __bytes__(self) -> bytes:
        """Return the encoding, for the session's header."""
        writer = Writer().unsigned(self.batch, 2)
        for signer in self.signers:
            self.publics[signer].write(writer)
        return bytes(writer) + bytes(self.sharing)

    @classmethod
    def of(cls, header: Header, params: Params) -> "PresignPlan":
        """Read the plan of a session.

        Raises:
            EncodingError: the header has none.
        """
        return _read_plan(header.params, header.parties, params)

    def peers(self, party: PartyId) -> tuple[PartyId, ...]:
        """Return the other signers, ascending."""
        return tuple(j for j in self.signers if j != party)

    def half(self, number: int) -> range:
        """Return the indices of the first or second half, 0 or 1, of proofs in pairs."""
        return range(number * self.batch, (number + 1) * self.batch)

    def proof_keys(self, params: Params, prover: PartyId, verifier: PartyId) -> ProofKeys:
        """Return what proofs of one signer to another hash."""
        i, j = self.publics[prover], self.publics[verifier]
        return ProofKeys(params, i.N, j.N, j.pedersen)

    def weight(self, party: PartyId) -> Scalar:
        """Return the Lagrange weight lambda_i of a signer."""
        return weights(self.signers)[self.signers.index(party)]

    def public_summand(self, party: PartyId) -> Point:
        """Return X_i = lambda_i X'_i, the signer's part of the key as a sum."""
        return multi_mul([self.weight(party)], [self.sharing.pubshares[party]])


@lru_cache(maxsize=64)
def _read_plan(data: bytes, signers: tuple[PartyId, ...], params: Params) -> PresignPlan:
    def read(reader: Reader) -> PresignPlan:
        batch = reader.unsigned("batch", 2)
        publics = {signer: AuxPublic.read(reader, params) for signer in signers}
        try:
            plan = PresignPlan(Sharing.read(reader), signers, batch, publics)
        except UsageError as e:
            raise EncodingError("plan", str(e)) from e
        if MultiplyMsg.size(params, batch, len(signers) - 1) > MAX_BODY:
            raise EncodingError("batch", "the messages would be too long")
        return plan

    return decode(data, PARAMS_LIMIT, read)


@dataclass(frozen=True, slots=True)
class EncryptMsg:
    """What a signer encrypts, to everybody in round 1.

    Args:
        K: Enc_i(k), B ciphertexts.
        G: Enc_i(gamma), B ciphertexts.
        Y: B points that nobody knows a logarithm of.
        A1, A2: ElGamal encryptions of k: a G and a Y + k G.
        B1, B2: of gamma: b G and b Y + gamma G.
    """

    K: bytes
    G: bytes
    Y: PointVector
    A1: PointVector
    A2: PointVector
    B1: PointVector
    B2: PointVector

    @staticmethod
    def size(params: Params, batch: int) -> int:
        """Return the length in bytes."""
        return batch * (2 * params.ciphertext_bytes + 5 * POINT_SIZE)

    def __bytes__(self) -> bytes:
        """Return the encoding."""
        writer = Writer().fixed(self.K, len(self.K)).fixed(self.G, len(self.G))
        for points in (self.Y, self.A1, self.A2, self.B1, self.B2):
            writer.points(points)
        return bytes(writer)

    @classmethod
    def read(cls, reader: Reader, params: Params, batch: int) -> Self:
        """Read the message; the proofs show that the ciphertexts are such."""
        column = batch * params.ciphertext_bytes
        K, G = reader.fixed("K", column), reader.fixed("G", column)
        return cls(K, G, *(reader.points(name, batch) for name in ("Y", "A1", "A2", "B1", "B2")))


@dataclass(frozen=True, slots=True)
class EncryptProofMsg:
    """Pi-enc-elg about K, then about G, to one verifier in round 1.

    Args:
        params: the level.
        psi: 2 B proofs.
    """

    params: Params = field(repr=False)
    psi: EncElgProofs

    @staticmethod
    def size(params: Params, batch: int) -> int:
        """Return the length in bytes."""
        return EncElgProofs.size(params, 2 * batch)

    def __bytes__(self) -> bytes:
        """Return the encoding."""
        writer = Writer()
        self.psi.write(writer, self.params)
        return bytes(writer)

    @classmethod
    def read(cls, reader: Reader, params: Params, batch: int) -> Self:
        """Read the proofs."""
        return cls(params, EncElgProofs.read(reader, params, 2 * batch))


@dataclass(frozen=True, slots=True)
class Products:
    """The secrets of a signer i times the k_j of one verifier j: multiplications by MtA.

    The first B items are those of gamma_i, the other B those of x_i.

    Args:
        D: K_j^x Enc_j(y), 2 B ciphertexts under N_j.
        F: Enc_i(y), 2 B ciphertexts under N_i.
        psi: Pi-aff-g about them.
    """

    D: bytes
    F: bytes
    psi: AffGProofs

    @staticmethod
    def size(params: Params, batch: int) -> int:
        """Return the length in bytes."""
        return 4 * batch * params.ciphertext_bytes + AffGProofs.size(params, 2 * batch)

    def write(self, writer: Writer, params: Params) -> None:
        """Write the products."""
        writer.fixed(self.D, len(self.D)).fixed(self.F, len(self.F))
        self.psi.write(writer, params)

    @classmethod
    def read(cls, reader: Reader, params: Params, batch: int) -> Self:
        """Read the products."""
        column = 2 * batch * params.ciphertext_bytes
        D, F = reader.fixed("D", column), reader.fixed("F", column)
        return cls(D, F, AffGProofs.read(reader, params, 2 * batch))


@dataclass(frozen=True, slots=True)
class MultiplyMsg:
    """What a signer multiplies, to everybody in round 2.

    Args:
        params: the level.
        Gamma: gamma G, B points.
        psi: Pi-elog that gamma is what B1, B2 encrypt.
        products: with the k of each peer, ascending.
    """

    params: Params = field(repr=False)
    Gamma: PointVector
    psi: ElogProofs
    products: tuple[Products, ...]

    @staticmethod
    def size(params: Params, batch: int, peers: int) -> int:
        """Return the length in bytes."""
        return batch * POINT_SIZE + ElogProofs.size(batch) + peers * Products.size(params, batch)

    def __bytes__(self) -> bytes:
        """Return the encoding."""
        writer = Writer().points(self.Gamma)
        self.psi.write(writer)
        for products in self.products:
            products.write(writer, self.params)
        return bytes(writer)

    @classmethod
    def read(cls, reader: Reader, params: Params, batch: int, peers: int) -> Self:
        """Read the message of a signer with so many peers."""
        Gamma, psi = reader.points("Gamma", batch), ElogProofs.read(reader, batch)
        products = reader.items("products", peers, lambda r, _: Products.read(r, params, batch))
        return cls(params, Gamma, psi, products)


@dataclass(frozen=True, slots=True)
class RevealMsg:
    """A signer's parts of the sums, to everybody in round 3.

    Args:
        delta: B scalars.
        S: chi Gamma, B points.
        Delta: k Gamma, B points.
        psi: Pi-elog that k is what A1, A2 encrypt.
    """

    delta: tuple[Scalar, ...]
    S: PointVector
    Delta: PointVector
    psi: ElogProofs

    @staticmethod
    def size(batch: int) -> int:
        """Return the length in bytes."""
        return batch * (SCALAR_SIZE + 2 * POINT_SIZE) + ElogProofs.size(batch)

    def __bytes__(self) -> bytes:
        """Return the encoding."""
        writer = Writer().scalars(self.delta).points(self.S).points(self.Delta)
        self.psi.write(writer)
        return bytes(writer)

    @classmethod
    def read(cls, reader: Reader, batch: int) -> Self:
        """Read the message."""
        delta, S = reader.scalars("delta", batch), reader.points("S", batch)
        return cls(delta, S, reader.points("Delta", batch), ElogProofs.read(reader, batch))
