"""Write tests/vectors/cggmp24: make vectors. Fixed seeds make it repeatable.

A file of a proof has its transcript at the tests' level: seeds, where it belongs, public keys, statement,
proof and challenges in bytes, and last items of columns with which it is rejected, each with the reason. That
of a session (session_vectors.py) has all messages, the result, and what is said when a bit of one is flipped.
"""

import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))

from ecdsa_cggmp.zk import aff_g, aff_g_star, dec, elog, enc_elg, fac, mod, prm, sch
from ecdsa_cggmp.zk.aff_g_star import AffGStarKeys, AffGStarStatement, AffGStarWitness
from ecdsa_cggmp.zk.dec import DecStatement
from ecdsa_cggmp.zk.keys import ProofKeys
from ecdsa_cggmp.zk.wire import scalar_items
from native.bit_proof import open_product
from native.curve import G, Point, Scalar, mul_add_secret, mul_base, mul_secret
from native.fac_proof import FacProver
from native.hashing import tagged_hash
from native.integer import random_ints
from native.mod_proof import mod_commit, mod_respond
from native.paillier import PaillierSecretKey
from native.prm_proof import PrmProver
from native.range_proof import (
    AffGKeys,
    AffGProver,
    AffGStatement,
    AffGWitness,
    EncElgKeys,
    EncElgProver,
    EncElgStatement,
    EncElgWitness,
)
from native.ring_pedersen import RingPedersen, RingPedersenSecret
from native.secret import SecretScalars, SecretSeed
from native.secret_scalar import add, from_ints, random_scalars, scale, to_ints
from protocol.codec import Reader, Writer
from protocol.header import Header
from protocol.ids import PartyId, SessionId
from protocol.transcript import Domain
from tests.ecdsa_cggmp.levels import TINY
from tests.ecdsa_cggmp.network import primes_of, residues
from tests.ecdsa_cggmp.replay import replayed
from tests.ecdsa_cggmp.session_vectors import SESSIONS
from tests.ecdsa_cggmp.session_vectors import vector as session_vector

FOLDER = Path(__file__).parents[1] / "vectors" / "cggmp24"
HEADER = Header("vectors", 1, SessionId(bytes(range(32))), bytes(32), (PartyId(0), PartyId(1)))
RHO = bytes(range(32, 64))
COUNT = 2

Vector = dict[str, Any]

# why a proof with another last item of a column is rejected: another challenge, or what the kernel finds
CHALLENGE = "challenge"
REASONS = {
    "enc_elg": {"z1": "PAILLIER, CURVE, PEDERSEN", "z2": "PAILLIER", "z3": "PEDERSEN", "w": "CURVE"},
    "aff_g": {
        "z1": "PAILLIER, CURVE, PEDERSEN",
        "z2": "PAILLIER, PLAINTEXT, PEDERSEN",
        "z3": "PEDERSEN",
        "z4": "PEDERSEN",
        "w": "PAILLIER",
        "w_y": "PLAINTEXT",
    },
    "elog": {"z": "z G = A + e L; u G + z X = N + e M", "u": "u G + z X = N + e M; u H = B + e Y"},
    "prm": {"z": "EQUATION"},
    "mod": {"a": "FOURTH_ROOT", "b": "FOURTH_ROOT", "x": "FOURTH_ROOT", "z": "NTH_ROOT", "w": "W"},
    "fac": {"z1": "FACTORS, PRODUCT", "z2": "FACTORS", "w1": "FACTORS", "w2": "FACTORS", "v": "PRODUCT"},
    "sch": {"z": "z G = A + e X"},
}

_seeds: dict[str, str] = {}  # those of the vector that is being made


def seed(name: str) -> SecretSeed:
    drawn = tagged_hash("mpcwallet/test vectors", name.encode())
    _seeds[name] = drawn.hex()
    return SecretSeed.from_bytes(drawn)


def scalars(name: str) -> SecretScalars:
    return random_scalars(COUNT, seed(name))


def paillier(party: int) -> PaillierSecretKey:
    primes = residues(primes_of(party, "blum"))
    return PaillierSecretKey(primes.slice(0, 1), primes.slice(1, 1))


def pedersen(party: int) -> RingPedersenSecret:
    primes = residues(primes_of(party, "safe"))
    return RingPedersenSecret.generate(primes.slice(0, 1), primes.slice(1, 1), seed(f"lambda {party}"))


def tables() -> RingPedersen:
    x_bits, y_bits = TINY.ell_prime + TINY.epsilon, TINY.ell + TINY.epsilon + TINY.modulus_bits
    return RingPedersen(pedersen(1).parameters, x_bits, y_bits)


def proof_keys() -> ProofKeys:
    return ProofKeys(TINY, paillier(0).public.n, paillier(1).public.n, pedersen(1).parameters)


def domain(proof: str) -> Domain:
    return Domain(HEADER, 1, PartyId(0), proof, PartyId(1), 7)


def hexed(columns: Any) -> dict[str, str]:
    return {name: value.hex() for name, value in asdict(columns).items()}


def vector(
    proof: str, statement: dict[str, str], parts: tuple[Any, ...], e: bytes, encoded: Writer
) -> Vector:
    """The transcript, and the last item of each column of the proof changed by one bit or by G."""
    keys, changes = proof_keys(), {}
    items = ITEMS.get(proof, COUNT)
    for part in parts:
        for name, column in hexed(part).items():
            data = bytes.fromhex(column)
            last = data[-max(1, len(data) // items) :]
            if name in {"Y", "Z", "B_x"} or (proof == "elog" and name in {"A", "N", "B"}):
                changes[name] = rejected(proof, name, (Point(last) + G).xy)
            elif proof == "sch" and name == "A":
                changes[name] = rejected(proof, name, bytes(Point.from_bytes(last) + G))
            else:
                changes[name] = rejected(proof, name, last[:-1] + bytes([last[-1] ^ 1]))
    seeds = dict(_seeds)
    _seeds.clear()
    return {
        "proof": proof,
        "seeds": seeds,
        "domain": bytes(domain(proof)).hex(),
        "context": keys.context.hex(),
        "N_i": keys.N_i.hex(),
        "N_j": keys.N_j.hex(),
        **{f"ring-Pedersen {name}": value for name, value in hexed(keys.pedersen).items()},
        "statement": statement,
        "challenge": e.hex(),
        "bytes": bytes(encoded).hex(),
        "holds": True,
        "rejected with last item": changes,
    }


def rejected(proof: str, column: str, last: bytes) -> dict[str, str]:
    return {"value": last.hex(), "reason": REASONS.get(proof, {}).get(column, CHALLENGE)}


def enc_elg_vector() -> Vector:
    k, b, A = scalars("k"), scalars("b"), mul_base(scalars("A"))
    x = to_ints(k)
    C = paillier(0).encrypt(x, None, seed("C"))
    statement = EncElgStatement(C.c, A.xy, mul_base(b).xy, mul_add_secret(k, b, A).xy)
    witness = EncElgWitness(x, C.rho, b, A.xy)
    prover = EncElgProver(EncElgKeys(paillier(0), tables()), witness, TINY.sizes, seed("enc_elg"))
    e = enc_elg._challenges(domain("enc_elg"), proof_keys(), statement, prover.commitment, COUNT)
    proofs = enc_elg.EncElgProofs(COUNT, prover.commitment, prover.respond(e))
    proofs.write(writer := Writer(), TINY)
    return vector("enc_elg", hexed(statement), (proofs.commitment, proofs.response), e, writer)


def aff_g_vector() -> Vector:
    gamma, y = scalars("gamma"), random_ints(COUNT, TINY.ell_prime, seed("y"))
    x, C = to_ints(gamma), paillier(1).encrypt(to_ints(scalars("peer's k")), None, seed("K")).c
    D = paillier(1).public.affine(C, x, y, None, seed("D"))
    Y = paillier(0).encrypt(y, None, seed("Y"))
    statement = AffGStatement(C, D.c, Y.c, mul_base(gamma).xy)
    witness, keys = AffGWitness(x, y, D.rho, Y.rho, C), AffGKeys(paillier(0), paillier(1).public, tables())
    prover = AffGProver(keys, witness, TINY.sizes, seed("aff_g"))
    e = aff_g._challenges(domain("aff_g"), proof_keys(), statement, prover.commitment, COUNT)
    proofs = aff_g.AffGProofs(COUNT, prover.commitment, prover.respond(e))
    proofs.write(writer := Writer(), TINY)
    return vector("aff_g", hexed(statement), (proofs.commitment, proofs.response), e, writer)


def elog_vector() -> Vector:
    lambda_, y, X, H = scalars("lambda"), scalars("y"), mul_base(scalars("X")), mul_base(scalars("H"))
    M, Y = mul_add_secret(y, lambda_, X), mul_secret(y, H)
    statement = elog.ElogStatement(mul_base(lambda_).xy, M.xy, X.xy, Y.xy, H.xy)
    alpha, m = scalars("alpha"), scalars("m")
    commitment = elog.ElogCommitment(mul_base(alpha).xy, mul_add_secret(m, alpha, X).xy, mul_secret(m, H).xy)
    e = elog._challenges(domain("elog"), proof_keys().context, statement, commitment, COUNT)
    z, u = (add(mask, scale(x, scalar_items(e))).declassify() for mask, x in ((alpha, lambda_), (m, y)))
    proofs = elog.ElogProofs(COUNT, commitment, elog.ElogResponse(z, u))
    proofs.write(writer := Writer())
    return vector("elog", hexed(statement), (proofs.commitment, proofs.response), e, writer)


def prm_vector() -> Vector:
    prover = PrmProver(pedersen(1), TINY.m, seed("prm"))
    e = prm._challenges(domain("prm"), TINY, pedersen(1).parameters, prover.A)
    proof = prm.PrmProof(prover.A, prover.respond(e))
    proof.write(writer := Writer())
    return vector("prm", {}, (proof,), e, writer)


def mod_vector() -> Vector:
    own = paillier(0)
    w = mod_commit(own.public, seed("w"))
    y = mod._challenges(domain("mod"), TINY, RHO, own.public.n, w)
    proof = mod.ModProof(w, mod_respond(own, w, y))
    proof.write(writer := Writer())
    made = vector("mod", {"rho": RHO.hex()}, (proof.response,), y, writer)
    square = bytes(len(w) - 1) + b"\x04"
    made["rejected with last item"]["w"] = rejected("mod", "w", square)
    return made


def fac_vector() -> Vector:
    prover = FacProver(paillier(0), pedersen(1).parameters, TINY.sizes, seed("fac"))
    e = fac._challenge(domain("fac"), proof_keys(), RHO, prover.commitment)
    proof = fac.FacProof(prover.commitment, prover.respond(e))
    proof.write(writer := Writer(), TINY)
    return vector("fac", {"rho": RHO.hex()}, (proof.commitment, proof.response), e, writer)


@dataclass(frozen=True)
class SchProof:
    """Commitment and response, which key generation sends in two messages."""

    A: bytes
    z: bytes

    @classmethod
    def read(cls, reader: Reader) -> Self:
        return cls(bytes(reader.point("A")), bytes(reader.scalar("z")))

    def write(self, writer: Writer) -> None:
        writer.fixed(self.A, 33).fixed(self.z, 32)


def sch_vector() -> Vector:
    x, tau = random_scalars(1, seed("x")), random_scalars(1, seed("tau"))
    X, commitment = mul_base(x)[0], sch.SchCommitment(tau, mul_base(tau)[0])
    e = sch._challenge(domain("sch"), RHO, X, commitment.A)
    proof = SchProof(bytes(commitment.A), bytes(sch.respond(domain("sch"), RHO, commitment, x)))
    proof.write(writer := Writer())
    return vector("sch", {"rid": RHO.hex(), "X": bytes(X).hex()}, (proof,), bytes(e), writer)


def dec_vector() -> Vector:
    own, x, base = paillier(0), to_ints(random_scalars(1, seed("x"))), Scalar(7) * G
    K = own.public.encrypt(random_ints(1, TINY.ell, seed("k")), None, seed("K")).c
    D = own.public.encrypt(random_ints(1, TINY.ell_prime + TINY.epsilon, seed("d")), None, seed("D")).c
    y, _ = open_product(own, D, K, x)
    S = mul_secret(from_ints(y), [base])[0]
    statement = DecStatement(K, D, mul_base(from_ints(x))[0], S, base)
    with replayed("dec"):
        proof = dec.prove(domain("dec"), proof_keys(), own, statement, x)
    proof.write(writer := Writer())
    return vector("dec", bit_statement(statement), (proof,), proof.e, writer)


def aff_g_star_vector() -> Vector:
    own, peer = paillier(0).public, paillier(1).public
    x, y = to_ints(random_scalars(1, seed("x"))), random_ints(1, TINY.ell_prime, seed("y"))
    C = peer.encrypt(random_ints(1, TINY.ell, seed("k")), None, seed("K")).c
    D, Y = peer.affine(C, x, y, None, seed("D")), own.encrypt(y, None, seed("Y"))
    statement = AffGStarStatement(C, D.c, Y.c, mul_base(from_ints(x))[0])
    witness, keys = AffGStarWitness(x, y, D.rho, Y.rho), AffGStarKeys(own, peer)
    with replayed("aff_g_star"):
        proof = aff_g_star.prove(domain("aff_g_star"), proof_keys(), keys, statement, witness)
    proof.write(writer := Writer())
    return vector("aff_g_star", bit_statement(statement), (proof,), proof.e, writer)


def bit_statement(statement: DecStatement | AffGStarStatement) -> dict[str, str]:
    values = {name: getattr(statement, name) for name in statement.__slots__}
    return {name: bytes(value).hex() for name, value in values.items()}


# of a column of a proof, where that is not COUNT
ITEMS = {"prm": TINY.m, "mod": TINY.m, "fac": 1, "sch": 1, "dec": TINY.kappa, "aff_g_star": TINY.kappa}
MAKERS = {
    "enc_elg": enc_elg_vector,
    "aff_g": aff_g_vector,
    "elog": elog_vector,
    "prm": prm_vector,
    "mod": mod_vector,
    "fac": fac_vector,
    "sch": sch_vector,
    "dec": dec_vector,
    "aff_g_star": aff_g_star_vector,
}


def text(made: Vector) -> str:
    return json.dumps(made, indent=1) + "\n"


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, make in MAKERS.items():
        (FOLDER / f"{name}.json").write_text(text(make()))
    for name in SESSIONS:
        (FOLDER / f"{name}.json").write_text(text(session_vector(name)))
