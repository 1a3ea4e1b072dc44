"""Valid proofs of Pi-enc-elg and Pi-aff-g, and the paper's equations in plain integers."""

import random
from dataclasses import dataclass, field, fields, replace
from functools import cache
from typing import TypeVar

import gmpy2

from native.columns import take
from native.curve import mul_add_secret, mul_base
from native.range_proof import (
    AffGCommitment,
    AffGKeys,
    AffGProof,
    AffGProver,
    AffGResponse,
    AffGStatement,
    AffGWitness,
    EncElgCommitment,
    EncElgKeys,
    EncElgProof,
    EncElgProver,
    EncElgResponse,
    EncElgStatement,
    EncElgWitness,
    ProofSizes,
    Violation,
    aff_g_violations,
    enc_elg_violations,
)
from native.ring_pedersen import RingPedersen
from native.secret import SecretInts, SecretSeed
from native.secret_scalar import from_ints, random_scalars

from . import curve_model as curve
from .keys import Paillier, Pedersen, ints, paillier, pedersen, seed, tables

Proof = TypeVar("Proof", EncElgProof, AffGProof)


@dataclass(frozen=True)
class Level:
    """Sizes of keys and parameters."""

    bits: int
    sizes: ProofSizes
    own: Paillier = field(init=False)
    peer: Paillier = field(init=False)
    verifier: Pedersen = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "own", paillier(self.bits, 0))
        object.__setattr__(self, "peer", paillier(self.bits, 1))
        object.__setattr__(self, "verifier", pedersen(self.bits))

    @property
    def rp(self) -> RingPedersen:
        return _rp(self.bits, self.sizes)


@cache
def _rp(bits: int, sizes: ProofSizes) -> RingPedersen:
    return pedersen(bits).tables(sizes.ell_prime + sizes.epsilon, sizes.ell + sizes.epsilon + bits)


SMALL = Level(512, ProofSizes(64, 128, 320))
FULL = Level(3072, ProofSizes(256, 1280, 512))


def edge_ints(count: int, bits: int, r: random.Random) -> list[int]:
    top = 2 ** (bits - 1)
    return [
        r.choice([0, 1, -1, top - 1, -top, r.randrange(-top, top), r.randrange(-top, top)])
        for _ in range(count)
    ]


def challenges(count: int, r: random.Random) -> list[int]:
    return [r.choice([0, 1, curve.N - 1, *(r.randrange(curve.N) for _ in range(5))]) for _ in range(count)]


def curve_points(count: int, once: int) -> bytes:
    return mul_base(random_scalars(count, seed(once))).xy


@dataclass(frozen=True, eq=False)
class EncElg:
    level: Level
    count: int
    witness: EncElgWitness
    statement: EncElgStatement
    keys: EncElgKeys

    def prove(self, e: bytes, once: SecretSeed | None = None) -> tuple[EncElgCommitment, EncElgResponse]:
        prover = EncElgProver(self.keys, self.witness, self.level.sizes, once)
        return prover.commitment, prover.respond(e)

    def proofs(self, e: bytes, once: SecretSeed | None = None) -> list[EncElgProof]:
        commitment, response = self.prove(e, once)
        n = self.count
        return [
            EncElgProof(
                take(self.statement, i, n),
                take(commitment, i, n),
                e[32 * i : 32 * i + 32],
                take(response, i, n),
            )
            for i in range(n)
        ]


def enc_elg(level: Level, count: int, once: int, with_table: bool = True) -> EncElg:
    r = random.Random(once)
    x = ints(edge_ints(count, level.sizes.ell, r), level.sizes.ell // 8)
    C = level.own.secret.encrypt(x, None, seed(once))
    A = mul_base(random_scalars(count, seed(once + 1)))
    b = random_scalars(count, seed(once + 2))
    X = mul_add_secret(from_ints(x), b, A)
    keys = EncElgKeys(level.own.secret, level.rp, tables(level.own)[1] if with_table else None)
    witness = EncElgWitness(x, C.rho, b, A.xy)
    return EncElg(level, count, witness, EncElgStatement(C.c, A.xy, mul_base(b).xy, X.xy), keys)


@dataclass(frozen=True, eq=False)
class AffG:
    level: Level
    count: int
    witness: AffGWitness
    statement: AffGStatement
    keys: AffGKeys
    k: SecretInts  # plaintexts of C, the verifier's

    def prove(self, e: bytes, once: SecretSeed | None = None) -> tuple[AffGCommitment, AffGResponse]:
        prover = AffGProver(self.keys, self.witness, self.level.sizes, once)
        return prover.commitment, prover.respond(e)

    def proofs(self, e: bytes, once: SecretSeed | None = None) -> list[AffGProof]:
        commitment, response = self.prove(e, once)
        n = self.count
        return [
            AffGProof(
                take(self.statement, i, n),
                take(commitment, i, n),
                e[32 * i : 32 * i + 32],
                take(response, i, n),
            )
            for i in range(n)
        ]


def aff_g(level: Level, count: int, once: int, with_table: bool = True) -> AffG:
    r, sizes = random.Random(once), level.sizes
    k = ints(edge_ints(count, sizes.ell, r), sizes.ell // 8)
    C = level.peer.secret.encrypt(k, None, seed(once)).c
    x = [value or 1 for value in edge_ints(count, sizes.ell, r)]
    x_secret, y = ints(x, sizes.ell // 8), ints(edge_ints(count, sizes.ell_prime, r), sizes.ell_prime // 8)
    D = level.peer.secret.public.affine(C, x_secret, y, None, seed(once + 1))
    Y = level.own.secret.encrypt(y, None, seed(once + 2))
    pair = (tables(level.own)[1], tables(level.peer)[0]) if with_table else (None, None)
    keys = AffGKeys(level.own.secret, level.peer.secret.public, level.rp, *pair)
    witness = AffGWitness(x_secret, y, D.rho, Y.rho, C)
    X = mul_base(from_ints(x_secret)).xy
    return AffG(level, count, witness, AffGStatement(C, D.c, Y.c, X), keys, k)


# the paper's equations


def _int(data: bytes) -> int:
    return int.from_bytes(data, "big")


def _twos(data: bytes) -> int:
    return int.from_bytes(data, "big", signed=True)


def _point(xy: bytes) -> curve.Affine:
    return _int(xy[:32]), _int(xy[32:])


def enc_elg_holds(level: Level, proof: EncElgProof) -> dict[str, bool]:
    """Each equation of the verifier of Pi-enc-elg, by the names of Violation."""
    f = {k.name: getattr(part, k.name) for part in parts(proof) for k in fields(part)}
    n, e, z1, w = level.own.n, _int(proof.e), _twos(f["z1"]), _int(f["w"])
    A, B, X, Y, Z = (_point(f[name]) for name in "ABXYZ")
    left = level.own.encrypt(z1, _int(f["z2"]))
    commitment = _int(f["T"]) * gmpy2.powmod(_int(f["S"]), e, level.verifier.n) % level.verifier.n
    return {
        "PAILLIER": left == _int(f["D"]) * gmpy2.powmod(_int(f["C"]), e, n**2) % n**2,
        "CURVE": curve.add(curve.mul(w, A), curve.mul(z1, curve.G)) == curve.add(Y, curve.mul(e, X))
        and curve.mul(w, curve.G) == curve.add(Z, curve.mul(e, B)),
        "PEDERSEN": level.verifier.commit(z1, _twos(f["z3"])) == commitment,
    }


def aff_g_holds(level: Level, proof: AffGProof) -> dict[str, bool]:
    """Each equation of the verifier of Pi-aff-g, by the names of Violation."""
    f = {k.name: getattr(part, k.name) for part in parts(proof) for k in fields(part)}
    e, z1, z2, N_i, N_j = _int(proof.e), _twos(f["z1"]), _twos(f["z2"]), level.own.n, level.peer.n
    hat = level.verifier.n
    left = gmpy2.powmod(_int(f["C"]), z1, N_j**2) * level.peer.encrypt(z2, _int(f["w"])) % N_j**2
    plain = level.own.encrypt(z2, _int(f["w_y"]))
    first = _int(f["E"]) * gmpy2.powmod(_int(f["S"]), e, hat) % hat
    second = _int(f["F"]) * gmpy2.powmod(_int(f["T"]), e, hat) % hat
    return {
        "PAILLIER": left == _int(f["A"]) * gmpy2.powmod(_int(f["D"]), e, N_j**2) % N_j**2,
        "PLAINTEXT": plain == _int(f["B_y"]) * gmpy2.powmod(_int(f["Y"]), e, N_i**2) % N_i**2,
        "CURVE": curve.mul(z1, curve.G) == curve.add(_point(f["B_x"]), curve.mul(e, _point(f["X"]))),
        "PEDERSEN": level.verifier.commit(z1, _twos(f["z3"])) == first
        and level.verifier.commit(z2, _twos(f["z4"])) == second,
    }


# single fields


def parts(proof: EncElgProof | AffGProof) -> tuple[object, ...]:
    return proof.statement, proof.commitment, proof.response


def field_of(proof: EncElgProof | AffGProof, name: str) -> bytes:
    if name == "e":
        return proof.e
    return next(getattr(part, name) for part in parts(proof) if hasattr(part, name))


def with_field(proof: Proof, name: str, value: bytes) -> Proof:
    if name == "e":
        return replace(proof, e=value)
    for part in ("statement", "commitment", "response"):
        if hasattr(getattr(proof, part), name):
            return replace(proof, **{part: replace(getattr(proof, part), **{name: value})})
    raise KeyError(name)


def violations(level: Level, proof: EncElgProof | AffGProof) -> Violation:
    parameters, own = level.verifier.parameters, level.own.secret.public.n
    if isinstance(proof, EncElgProof):
        return enc_elg_violations(own, parameters, proof, level.sizes)
    return aff_g_violations(own, level.peer.secret.public.n, parameters, proof, level.sizes)


def holds(level: Level, proof: EncElgProof | AffGProof) -> dict[str, bool]:
    return enc_elg_holds(level, proof) if isinstance(proof, EncElgProof) else aff_g_holds(level, proof)
