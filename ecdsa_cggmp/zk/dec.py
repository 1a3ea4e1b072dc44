"""Pi-dec of CGGMP24 (ePrint 2021/060): Enc_i(y; rho) = K^x D, X = x G, S = y base.

x is in +-2^ell and y is what K^x D decrypts to. kappa repetitions with one-bit challenges.

DEVIATION: the paper's range of y, +-2^ell', is too small for a sum of plaintexts that others made, of which
their proofs show +-2^(ell' + epsilon) each; y is in +-2^(ell' + epsilon + 1 + ceil(log n)) here. As a
challenge is one bit, a mask that is wider by kappa hides it; masks have DEC_ROOM bits instead of
1 + ceil(log n). And the short form of zk/bits.py.
"""

from dataclasses import dataclass
from typing import Self

from ecdsa_cggmp.params import DEC_ROOM, Params
from ecdsa_cggmp.zk.bits import Bits, Encrypted, column, pack, point_commitments, unpack
from ecdsa_cggmp.zk.keys import ProofKeys
from native.bigint import Modulus
from native.bit_proof import open_product, respond_ints, respond_units
from native.curve import Point, mul_base, mul_secret
from native.integer import negate, random_ints
from native.paillier import PaillierSecretKey
from native.secret import SecretInts
from native.secret_scalar import from_ints
from protocol.codec import Reader, Writer
from protocol.transcript import Domain, Transcript


@dataclass(frozen=True, slots=True)
class DecStatement:
    """One decryption.

    Args:
        K: a ciphertext under N_i.
        D: another one.
        X: x G.
        S: y base.
        base: a point, not infinity.
    """

    K: bytes
    D: bytes
    X: Point
    S: Point
    base: Point


@dataclass(frozen=True, slots=True)
class DecProof:
    """A proof of kappa repetitions; every width is that of its interval, which the encoding enforces.

    Args:
        e: the bits, kappa / 8 bytes.
        z: alpha + e x, in +-2^(ell + epsilon).
        w: beta + e y, in +-2^(ell' + epsilon + kappa + DEC_ROOM).
        nu: r rho^e mod N_i.
    """

    e: bytes
    z: bytes
    w: bytes
    nu: bytes

    @staticmethod
    def _widths(params: Params) -> tuple[int, ...]:
        return (params.ell + params.epsilon) // 8, _y_bits(params) // 8, params.modulus_bytes

    @classmethod
    def size(cls, params: Params) -> int:
        """Return the bytes of a proof."""
        return params.kappa // 8 + params.kappa * sum(cls._widths(params))

    @classmethod
    def read(cls, reader: Reader, params: Params) -> Self:
        """Read a proof."""
        e, widths = reader.fixed("e", params.kappa // 8), cls._widths(params)
        names = ("z", "w", "nu")
        return cls(e, *(reader.fixed(name, params.kappa * w) for name, w in zip(names, widths, strict=True)))

    def write(self, writer: Writer) -> None:
        """Write the proof."""
        for data in (self.e, self.z, self.w, self.nu):
            writer.fixed(data, len(data))


def _y_bits(params: Params) -> int:
    return params.ell_prime + params.epsilon + params.kappa + DEC_ROOM


@dataclass(frozen=True, slots=True)
class _Commitments:
    """A = K^-alpha Enc(beta; r), B = beta base, C = alpha G, kappa each."""

    A: list[int]
    B: list[Point]
    C: list[Point]

    def challenge(self, domain: Domain, keys: ProofKeys, statement: DecStatement) -> Bits:
        transcript = Transcript(domain).with_bytes("context", keys.context)
        transcript = transcript.with_bytes("K", statement.K).with_bytes("D", statement.D)
        transcript = transcript.with_points("X, S, base", [statement.X, statement.S, statement.base])
        transcript = transcript.with_integers("A", self.A).with_points("B", self.B).with_points("C", self.C)
        return transcript.challenge_bits("e", keys.params.kappa)


def prove(
    domain: Domain, keys: ProofKeys, own: PaillierSecretKey, statement: DecStatement, x: SecretInts
) -> DecProof:
    """Prove a statement to everybody; y and rho come from the key.

    Args:
        domain: where the proof belongs.
        keys: what both sides hash; N_i is the prover's.
        own: the key of N_i.
        statement: K, D, X, S and the base.
        x: the logarithm of X, one integer.

    Returns:
        The proof, which does not hold unless the statement does.

    Raises:
        RangeError: a response fell out of its interval (with probability below 2^-kappa).
        FaultError: the computer made a mistake.
    """
    params, m = keys.params, keys.params.kappa
    y, rho = open_product(own, statement.D, statement.K, x)
    with (
        y,
        rho,
        random_ints(m, params.ell + params.epsilon) as alpha,
        random_ints(m, _y_bits(params)) as beta,
        negate(alpha) as minus_alpha,
    ):
        # by N, not by its primes: a fault modulo one of them would give it away
        A = own.public.affine(statement.K * m, minus_alpha, beta)
        with A.rho as r:
            B = mul_secret(from_ints(beta), [statement.base] * m)
            committed = _Commitments(column(A.c, m), list(B), list(mul_base(from_ints(alpha))))
            e = committed.challenge(domain, keys, statement)
            return DecProof(
                pack(e),
                respond_ints(alpha, x, bytes(e)),
                respond_ints(beta, y, bytes(e)),
                respond_units(own.public, r, rho, bytes(e)),
            )


def holds(domain: Domain, keys: ProofKeys, statement: DecStatement, proof: DecProof) -> bool:
    """Tell whether a proof holds, with public keys only; seconds at full size."""
    m, e = keys.params.kappa, unpack(proof.e)
    z, w = column(proof.z, m, signed=True), column(proof.w, m, signed=True)
    K, D = (int.from_bytes(c, "big") for c in (statement.K, statement.D))
    N_i = Modulus(int.from_bytes(keys.N_i, "big"))
    # A = K^-z Enc(w; nu) D^-e mod N_i^2
    A = Encrypted(N_i, e, w, column(proof.nu, m)).affine_commitments(K, D, [-item for item in z])
    if A is None:
        return False
    # B = w base - e S, C = z G - e X
    B, C = point_commitments(e, w, statement.S, statement.base), point_commitments(e, z, statement.X)
    return _Commitments(A, B, C).challenge(domain, keys, statement) == e
