"""Pi-aff-g* of CGGMP24 (ePrint 2021/060): D = C^x Enc_j(y; rho), Y = Enc_i(y; rho_y), X = x G.

x is in +-2^ell and y in +-2^ell'. It takes no ring-Pedersen parameters, so that it convinces those who do
not trust the owner of C, too: kappa repetitions with one-bit challenges.

DEVIATION: one sign of y in both places, as in Pi-aff-g; and the short form of zk/bits.py.
"""

from dataclasses import dataclass
from typing import Self

from ecdsa_cggmp.params import Params
from ecdsa_cggmp.zk.bits import Bits, Encrypted, column, pack, point_commitments, unpack
from ecdsa_cggmp.zk.keys import ProofKeys
from native.bigint import Modulus
from native.bit_proof import respond_ints, respond_units
from native.curve import Point, mul_base
from native.integer import random_ints
from native.paillier import PaillierKey, RandomnessTable
from native.secret import SecretInts, SecretResidues
from native.secret_scalar import from_ints
from protocol.codec import Reader, Writer
from protocol.transcript import Domain, Transcript


@dataclass(frozen=True, slots=True)
class AffGStarStatement:
    """One product.

    Args:
        C: a ciphertext under N_j.
        D: C^x Enc_j(y; rho).
        Y: Enc_i(y; rho_y).
        X: x G.
    """

    C: bytes
    D: bytes
    Y: bytes
    X: Point


@dataclass(frozen=True, slots=True, eq=False)
class AffGStarWitness:
    """The x, y, rho and rho_y of a statement, one item each."""

    x: SecretInts
    y: SecretInts
    rho: SecretResidues
    rho_y: SecretResidues


@dataclass(frozen=True, slots=True, eq=False)
class AffGStarKeys:
    """Handles of the prover: N_i, N_j and a table of N_j, if there is one."""

    own: PaillierKey
    peer: PaillierKey
    peer_table: RandomnessTable | None = None


@dataclass(frozen=True, slots=True)
class AffGStarProof:
    """A proof of kappa repetitions; every width is that of its interval, which the encoding enforces.

    Args:
        e: the bits, kappa / 8 bytes.
        z1: alpha + e x, in +-2^(ell + epsilon).
        z2: beta + e y, in +-2^(ell' + epsilon).
        w: r rho^e mod N_j.
        w_y: r_y rho_y^e mod N_i.
    """

    e: bytes
    z1: bytes
    z2: bytes
    w: bytes
    w_y: bytes

    @staticmethod
    def _widths(params: Params) -> tuple[int, ...]:
        wide, wider = (params.ell + params.epsilon) // 8, (params.ell_prime + params.epsilon) // 8
        return wide, wider, params.modulus_bytes, params.modulus_bytes

    @classmethod
    def size(cls, params: Params) -> int:
        """Return the bytes of a proof."""
        return params.kappa // 8 + params.kappa * sum(cls._widths(params))

    @classmethod
    def read(cls, reader: Reader, params: Params) -> Self:
        """Read a proof."""
        names = ("z1", "z2", "w", "w_y")
        e = reader.fixed("e", params.kappa // 8)
        widths = cls._widths(params)
        return cls(e, *(reader.fixed(name, params.kappa * w) for name, w in zip(names, widths, strict=True)))

    def write(self, writer: Writer) -> None:
        """Write the proof."""
        for data in (self.e, self.z1, self.z2, self.w, self.w_y):
            writer.fixed(data, len(data))


@dataclass(frozen=True, slots=True)
class _Commitments:
    """A = C^alpha Enc_j(beta; r), B_x = alpha G, B_y = Enc_i(beta; r_y), kappa each."""

    A: list[int]
    B_x: list[Point]
    B_y: list[int]

    def challenge(self, domain: Domain, keys: ProofKeys, statement: AffGStarStatement) -> Bits:
        transcript = Transcript(domain).with_bytes("context", keys.context).with_bytes("C", statement.C)
        transcript = transcript.with_bytes("D", statement.D).with_bytes("Y", statement.Y)
        transcript = transcript.with_point("X", statement.X).with_integers("A", self.A)
        transcript = transcript.with_points("B_x", self.B_x).with_integers("B_y", self.B_y)
        return transcript.challenge_bits("e", keys.params.kappa)


def prove(
    domain: Domain, keys: ProofKeys, own: AffGStarKeys, statement: AffGStarStatement, witness: AffGStarWitness
) -> AffGStarProof:
    """Prove a statement to everybody.

    Args:
        domain: where the proof belongs.
        keys: what both sides hash.
        own: the handles of N_i and N_j.
        statement: C, D, Y and X.
        witness: x, y, rho and rho_y.

    Returns:
        The proof.

    Raises:
        RangeError: a response fell out of its interval (with probability below 2^-kappa).
    """
    params, m = keys.params, keys.params.kappa
    with (
        random_ints(m, params.ell + params.epsilon) as alpha,
        random_ints(m, params.ell_prime + params.epsilon) as beta,
    ):
        A = own.peer.affine(statement.C * m, alpha, beta, own.peer_table)
        # by N, not by its primes: a fault modulo one of them would give it away
        B_y = own.own.encrypt(beta)
        with A.rho as r, B_y.rho as r_y:
            committed = _Commitments(column(A.c, m), list(mul_base(from_ints(alpha))), column(B_y.c, m))
            e = committed.challenge(domain, keys, statement)
            return AffGStarProof(
                pack(e),
                respond_ints(alpha, witness.x, bytes(e)),
                respond_ints(beta, witness.y, bytes(e)),
                respond_units(own.peer, r, witness.rho, bytes(e)),
                respond_units(own.own, r_y, witness.rho_y, bytes(e)),
            )


def holds(domain: Domain, keys: ProofKeys, statement: AffGStarStatement, proof: AffGStarProof) -> bool:
    """Tell whether a proof holds, with public keys only; seconds at full size."""
    m, e = keys.params.kappa, unpack(proof.e)
    z1, z2 = column(proof.z1, m, signed=True), column(proof.z2, m, signed=True)
    C, D, Y = (int.from_bytes(c, "big") for c in (statement.C, statement.D, statement.Y))
    N_i, N_j = (Modulus(int.from_bytes(n, "big")) for n in (keys.N_i, keys.N_j))
    # A = C^z1 Enc_j(z2; w) D^-e mod N_j^2
    A = Encrypted(N_j, e, z2, column(proof.w, m)).affine_commitments(C, D, z1)
    # B_y = Enc_i(z2; w_y) Y^-e mod N_i^2
    B_y = Encrypted(N_i, e, z2, column(proof.w_y, m)).commitments(Y)
    if A is None or B_y is None:
        return False
    # B_x = z1 G - e X
    B_x = point_commitments(e, z1, statement.X)
    return _Commitments(A, B_x, B_y).challenge(domain, keys, statement) == e
