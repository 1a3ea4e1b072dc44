"""Provers in plain integers, free to choose witnesses, masks and what they send."""

import random
from dataclasses import dataclass, replace
from math import isqrt
from typing import Any

import gmpy2

from ecdsa_cggmp.zk import aff_g, enc_elg, fac
from ecdsa_cggmp.zk.keys import ProofKeys
from native.curve import ORDER, G, Point, Scalar
from native.fac_proof import FacCommitment, FacResponse
from native.range_proof import (
    AffGCommitment,
    AffGResponse,
    AffGStatement,
    EncElgCommitment,
    EncElgResponse,
    EncElgStatement,
)
from native.ring_pedersen import PedersenParameters
from protocol.transcript import Domain
from tests.ecdsa_cggmp.levels import TINY
from tests.ecdsa_cggmp.network import primes_of

from .cases import DOMAIN, PROVER, VERIFIER, Case, aff_g_case, enc_elg_case, infos, proof_keys

UNIT, CIPHERTEXT = TINY.modulus_bytes, TINY.ciphertext_bytes
WIDE, WIDER = (TINY.ell + TINY.epsilon) // 8, (TINY.ell_prime + TINY.epsilon) // 8


def number(data: bytes) -> int:
    return int.from_bytes(data, "big")


def wrapped(value: int, size: int) -> bytes:
    """What fits of an integer in two's complement of a width."""
    return (value % (1 << 8 * size)).to_bytes(size, "big")


def point(scalar: int, base: Point = G) -> Point:
    return Scalar.reduce(scalar % ORDER) * base


def modulus(party: int) -> int:
    p, q = primes_of(party, "blum")
    return p * q


def encrypt(n: int, m: int, rho: int) -> int:
    """(1 + N)^m rho^N mod N^2"""
    return int((1 + m % n * n) * gmpy2.powmod(rho, n, n * n) % (n * n))


@dataclass(frozen=True)
class Ring:
    """The ring-Pedersen parameters of the verifier."""

    parameters: PedersenParameters

    @property
    def n(self) -> int:
        return number(self.parameters.n)

    def commit(self, x: int, y: int) -> int:
        """s^x t^y mod N^"""
        s, t = number(self.parameters.s), number(self.parameters.t)
        return int(gmpy2.powmod(s, x, self.n) * gmpy2.powmod(t, y, self.n) % self.n)


def ring() -> Ring:
    return Ring(infos()[VERIFIER].own.pedersen.parameters)


def item(value: int | Point, size: int) -> bytes:
    return value.xy if isinstance(value, Point) else value.to_bytes(size, "big")


@dataclass
class EncElgProver:
    """One proof that C encrypts x.

    Args:
        x: the plaintext of C, in X.
        committed: what S commits to, x if not given.
        alpha: the mask of x, drawn if not given.
        answered: the integer of z1, x if not given.
        hidden: the logarithm that X hides, x if not given.
        blinded: whether B is b G.
    """

    x: int
    committed: int | None = None
    alpha: int | None = None
    answered: int | None = None
    hidden: int | None = None
    blinded: bool = True

    def prove(self, seed: int = 1) -> Case:
        rng, R, N = random.Random(seed), ring(), modulus(PROVER)
        x = self.x
        committed = x if self.committed is None else self.committed
        answered = x if self.answered is None else self.answered
        hidden = x if self.hidden is None else self.hidden
        rho, r, b, beta = (rng.randrange(1, ORDER) for _ in range(4))
        A = point(rng.randrange(1, ORDER))
        alpha = rng.randrange(1 << 8 * WIDE - 2) if self.alpha is None else self.alpha
        mu, gamma = rng.randrange(R.n << TINY.ell - 1), rng.randrange(R.n << 8 * WIDE - 3)
        statement = EncElgStatement(
            item(encrypt(N, x, rho), CIPHERTEXT),
            A.xy,
            point(b + (not self.blinded)).xy,
            (point(b, A) + point(hidden)).xy,
        )
        commitment = EncElgCommitment(
            item(R.commit(committed, mu), UNIT),
            item(R.commit(alpha, gamma), UNIT),
            item(encrypt(N, alpha, r), CIPHERTEXT),
            (point(beta, A) + point(alpha)).xy,
            point(beta).xy,
        )
        e = number(enc_elg._challenges(DOMAIN, proof_keys(), statement, commitment, 1))
        response = EncElgResponse(
            wrapped(alpha + e * answered, WIDE),
            item(r * pow(rho, e, N) % N, UNIT),
            wrapped(gamma + e * mu, WIDE + UNIT),
            item((beta + e * b) % ORDER, 32),
        )
        return case_of(enc_elg_case(1), statement, enc_elg.EncElgProofs(1, commitment, response))


@dataclass
class AffGProver:
    """One proof that D = C^x Enc_j(y).

    Args:
        x, y: the witness.
        committed: the x and y of S and T, those of the witness if not given.
        masks: alpha and beta, drawn if not given.
        F: the plaintext of Y, y if not given.
        added: the y in D, y if not given.
        public: the logarithm of X, x if not given.
    """

    x: int
    y: int
    committed: tuple[int, int] | None = None
    masks: tuple[int, int] | None = None
    F: int | None = None
    added: int | None = None
    public: int | None = None

    def prove(self, seed: int = 1) -> Case:
        rng, R, N_i, N_j = random.Random(seed), ring(), modulus(PROVER), modulus(VERIFIER)
        x, y, square = self.x, self.y, modulus(VERIFIER) ** 2
        F, added = (y if other is None else other for other in (self.F, self.added))
        public = x if self.public is None else self.public
        x_S, y_T = (x, y) if self.committed is None else self.committed
        alpha, beta = self.masks or (rng.randrange(1 << 8 * WIDE - 2), rng.randrange(1 << 8 * WIDER - 2))
        rho, rho_y, r, r_y = (rng.randrange(1, ORDER) for _ in range(4))
        gamma, delta = (rng.randrange(R.n << 8 * WIDE - 3) for _ in range(2))
        m, mu = (rng.randrange(R.n << TINY.ell - 1) for _ in range(2))
        C = encrypt(N_j, rng.randrange(ORDER), rng.randrange(1, ORDER))

        def affine(factor: int, summand: int, unit: int) -> int:
            return int(gmpy2.powmod(C, factor, square) * encrypt(N_j, summand, unit) % square)

        statement = AffGStatement(
            item(C, CIPHERTEXT),
            item(affine(x, added, rho), CIPHERTEXT),
            item(encrypt(N_i, F, rho_y), CIPHERTEXT),
            point(public).xy,
        )
        commitment = AffGCommitment(
            item(affine(alpha, beta, r), CIPHERTEXT),
            point(alpha).xy,
            item(encrypt(N_i, beta, r_y), CIPHERTEXT),
            *(item(R.commit(*pair), UNIT) for pair in ((alpha, gamma), (x_S, m), (beta, delta), (y_T, mu))),
        )
        e = number(aff_g._challenges(DOMAIN, proof_keys(), statement, commitment, 1))
        response = AffGResponse(
            wrapped(alpha + e * x, WIDE),
            wrapped(beta + e * y, WIDER),
            wrapped(gamma + e * m, WIDE + UNIT),
            wrapped(delta + e * mu, WIDE + UNIT),
            item(r * pow(rho, e, N_j) % N_j, UNIT),
            item(r_y * pow(rho_y, e, N_i) % N_i, UNIT),
        )
        return case_of(aff_g_case(1), statement, aff_g.AffGProofs(1, commitment, response))


def prove_fac(
    factors: tuple[int, int],
    keys: ProofKeys,
    domain: Domain,
    rho: bytes,
    masks: tuple[int, int] | None = None,
) -> fac.FacProof:
    """Prove that a modulus has two large factors, whether that is so or not."""
    (p, q), params, R = factors, keys.params, Ring(keys.pedersen)
    rng = random.Random(p)
    n, wide = number(keys.N_i), params.ell + params.epsilon

    def draw(bits: int, m: int) -> int:
        return rng.randrange(-(m << bits - 1), m << bits - 1)

    alpha, beta = masks or (draw(wide, isqrt(n)), draw(wide, isqrt(n)))
    mu, nu = draw(params.ell, R.n), draw(params.ell, R.n)
    x, y, r = draw(wide, R.n), draw(wide, R.n), draw(wide, n * R.n)
    Q = R.commit(q, nu)
    T = int(gmpy2.powmod(Q, alpha, R.n) * R.commit(0, r) % R.n)
    points = (R.commit(p, mu), Q, R.commit(alpha, x), R.commit(beta, y), T)
    commitment = FacCommitment(*(item(value, params.modulus_bytes) for value in points))
    e = number(fac._challenge(domain, keys, rho, commitment))
    answers = (alpha + e * p, beta + e * q, x + e * mu, y + e * nu, r - e * nu * p)
    sizes = [column.size for column in fac._response(params).values()]
    response = (wrapped(value, size) for value, size in zip(answers, sizes, strict=True))
    return fac.FacProof(commitment, FacResponse(*response))


def case_of(case: Case, statement: Any, proofs: Any) -> Case:
    return replace(case, statement=statement, proofs=proofs)
