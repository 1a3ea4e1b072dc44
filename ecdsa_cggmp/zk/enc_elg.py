"""Pi-enc-elg of CGGMP24 (ePrint 2021/060): C = Enc_i(x; rho), B = b G, X = b A + x G, x in +-2^ell.

DEVIATION: a challenge is in [0, q) instead of +-q, which leaves the proof's arguments as they are and spares
the verifier inverses.
"""

from dataclasses import dataclass, replace
from typing import Self

from ecdsa_cggmp.params import Params
from ecdsa_cggmp.zk.curve_equations import Equation, failed_equations
from ecdsa_cggmp.zk.keys import ProofKeys
from ecdsa_cggmp.zk.wire import (
    POINT,
    SCALAR,
    Column,
    Hashed,
    Layout,
    challenges,
    layout_size,
    point_items,
    read_columns,
    scalar_items,
    signed_items,
    write_columns,
)
from native.batch import (
    EncryptionEquations,
    PedersenEquations,
    verify_encryptions,
    verify_own_encryptions,
    verify_pedersen,
)
from native.columns import take
from native.curve import G, Scalar
from native.errors import FaultError
from native.paillier import PaillierKey
from native.range_proof import (
    EncElgCommitment,
    EncElgKeys,
    EncElgProof,
    EncElgProver,
    EncElgResponse,
    EncElgStatement,
    EncElgWitness,
    enc_elg_violations,
)
from native.ring_pedersen import RingPedersenSecret
from protocol.codec import Reader, Writer
from protocol.transcript import Domain

_MINUS_ONE = -Scalar(1)


def _statement(params: Params) -> Layout:
    return {"C": Column(params.ciphertext_bytes), "A": POINT, "B": POINT, "X": POINT}


def _commitment(params: Params) -> Layout:
    unit = Column(params.modulus_bytes)
    return {"S": unit, "T": unit, "D": Column(params.ciphertext_bytes), "Y": POINT, "Z": POINT}


def _response(params: Params) -> Layout:
    wide, unit = (params.ell + params.epsilon) // 8, params.modulus_bytes
    return {"z1": Column(wide), "z2": Column(unit), "z3": Column(wide + unit), "w": SCALAR}


@dataclass(frozen=True, slots=True)
class EncElgProofs:
    """Proofs of one prover to one verifier.

    Args:
        count: how many.
        commitment: columns S, T, D, Y, Z.
        response: columns z1, z2, z3, w, as wide as their intervals.
    """

    count: int
    commitment: EncElgCommitment
    response: EncElgResponse

    @staticmethod
    def size(params: Params, count: int) -> int:
        """Return the bytes of so many proofs."""
        return count * (layout_size(_commitment(params)) + layout_size(_response(params)))

    @classmethod
    def read(cls, reader: Reader, params: Params, count: int) -> Self:
        """Read proofs.

        Raises:
            EncodingError: bytes are missing, or a point is malformed or infinity.
        """
        commitment = read_columns(reader, EncElgCommitment, _commitment(params), count)
        return cls(count, commitment, read_columns(reader, EncElgResponse, _response(params), count))

    def write(self, writer: Writer, params: Params) -> None:
        """Write the proofs."""
        write_columns(writer, self.commitment, _commitment(params), self.count)
        write_columns(writer, self.response, _response(params), self.count)


def _challenges(
    domain: Domain, keys: ProofKeys, statement: EncElgStatement, commitment: EncElgCommitment, count: int
) -> bytes:
    hashed = [Hashed(statement, _statement(keys.params)), Hashed(commitment, _commitment(keys.params))]
    return challenges(domain, keys.context, hashed, count)


def prove(
    domain: Domain, keys: ProofKeys, own: EncElgKeys, statement: EncElgStatement, witness: EncElgWitness
) -> EncElgProofs:
    """Prove statements to one verifier.

    Args:
        domain: of the first proof; the others are the instances that follow.
        keys: what both sides hash.
        own: the same keys as handles, with the prover's secret key.
        statement: columns C, A, B, X.
        witness: their x, rho and b.

    Returns:
        The proofs.

    Raises:
        FaultError: a proof does not hold: the computer made a mistake, or the witness is not the statement's.
            Nothing of it may be sent: what is right modulo p^2 and wrong modulo q^2 gives away p.
        NativeError: of EncElgProver.
    """
    prover = EncElgProver(own, witness, keys.params.sizes)
    e = _challenges(domain, keys, statement, prover.commitment, prover.count)
    proofs = EncElgProofs(prover.count, prover.commitment, prover.respond(e))
    if verify_own_encryptions(own.own, _encryptions(statement, proofs, e)):
        raise FaultError("Pi-enc-elg: an own proof does not hold")
    return proofs


@dataclass(frozen=True, slots=True, eq=False)
class EncElgVerifier:
    """The handles of a verifier.

    Args:
        prover: the prover's Paillier key, verified by Pi-mod and Pi-fac.
        own: the verifier's ring-Pedersen parameters with their trapdoor.
    """

    prover: PaillierKey
    own: RingPedersenSecret


def failed(
    domain: Domain,
    keys: ProofKeys,
    verifier: EncElgVerifier,
    statement: EncElgStatement,
    proofs: EncElgProofs,
) -> tuple[int, ...]:
    """Return indices of proofs that do not hold, by batch verification: one or more, if there are any.

    Args:
        domain: of the first proof.
        keys: what both sides hash.
        verifier: the verifier's handles.
        statement: columns C, A, B, X.
        proofs: as many proofs.

    Returns:
        The indices, ascending: those of the first equation that fails for any, since to find all that a
        hostile prover has spoiled would cost seconds. A batch that passes shows every plaintext and integer
        with an error of at most 2^-128; see native.batch.
    """
    c, r = proofs.commitment, proofs.response
    e = _challenges(domain, keys, statement, c, proofs.count)
    # s^z1 t^z3 = T S^e mod N^_j
    bad = verify_encryptions(verifier.prover, _encryptions(statement, proofs, e)) or verify_pedersen(
        verifier.own, PedersenEquations(c.T, c.S, e, r.z1, r.z3)
    )
    return bad or tuple(sorted({at // 2 for at in failed_equations(_curve_equations(statement, proofs, e))}))


def _encryptions(statement: EncElgStatement, proofs: EncElgProofs, e: bytes) -> EncryptionEquations:
    """Return (1 + N_i)^z1 z2^N_i = D C^e mod N_i^2 of every proof."""
    c, r = proofs.commitment, proofs.response
    return EncryptionEquations(c.D, statement.C, e, r.z1, r.z2)


def _curve_equations(statement: EncElgStatement, proofs: EncElgProofs, challenge: bytes) -> list[Equation]:
    """Return w A + z1 G = Y + e X and w G = Z + e B of every proof."""
    c, r = proofs.commitment, proofs.response
    A, B, X, Y, Z = map(point_items, (statement.A, statement.B, statement.X, c.Y, c.Z))
    w, e, z1 = scalar_items(r.w), scalar_items(challenge), signed_items(r.z1, proofs.count)
    equations: list[Equation] = []
    for k in range(proofs.count):
        equations.append([(w[k], A[k]), (Scalar.reduce(z1[k]), G), (_MINUS_ONE, Y[k]), (-e[k], X[k])])
        equations.append([(w[k], G), (_MINUS_ONE, Z[k]), (-e[k], B[k])])
    return equations


def holds(domain: Domain, keys: ProofKeys, statement: EncElgStatement, proofs: EncElgProofs, k: int) -> bool:
    """Check one of several proofs strictly, with public keys only: what evidence stands on.

    Args:
        domain: of the first proof.
        keys: what both sides hash.
        statement: columns of all proofs.
        proofs: all proofs.
        k: index of the one to check.

    Returns:
        Whether it holds.
    """
    one = take(statement, k, proofs.count)
    commitment, response = take(proofs.commitment, k, proofs.count), take(proofs.response, k, proofs.count)
    e = _challenges(replace(domain, instance=domain.instance + k), keys, one, commitment, 1)
    proof = EncElgProof(one, commitment, e, response)
    return not enc_elg_violations(keys.N_i, keys.pedersen, proof, keys.params.sizes)
