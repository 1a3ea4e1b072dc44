"""Pi-aff-g of CGGMP24 (ePrint 2021/060): D = C^x Enc_j(y; rho), Y = Enc_i(y; rho_y), X = x G.

x is in +-2^ell and y in +-2^ell'.

DEVIATION: Y encrypts the y that D adds, with one sign in both places, where the paper has y in one and -y in
the other; and a challenge is in [0, q) instead of +-q.
"""

from dataclasses import dataclass, replace
from typing import Self

from ecdsa_cggmp.params import Params
from ecdsa_cggmp.zk.curve_equations import Equation, failed_equations
from ecdsa_cggmp.zk.keys import ProofKeys
from ecdsa_cggmp.zk.wire import (
    POINT,
    Column,
    Hashed,
    Layout,
    challenges,
    layout_size,
    point_items,
    read_columns,
    scalar_items,
    signed_items,
    widened,
    write_columns,
)
from native.batch import (
    AffineEquations,
    EncryptionEquations,
    PedersenEquations,
    verify_affine,
    verify_encryptions,
    verify_own_encryptions,
    verify_pedersen,
)
from native.columns import take
from native.curve import G, Scalar
from native.errors import FaultError
from native.paillier import PaillierKey, PaillierSecretKey
from native.range_proof import (
    AffGCommitment,
    AffGKeys,
    AffGProof,
    AffGProver,
    AffGResponse,
    AffGStatement,
    AffGWitness,
    aff_g_violations,
)
from native.ring_pedersen import RingPedersenSecret
from native.secret import SecretInts
from protocol.codec import Reader, Writer
from protocol.transcript import Domain

_MINUS_ONE = -Scalar(1)


def _statement(params: Params) -> Layout:
    ciphertext = Column(params.ciphertext_bytes)
    return {"C": ciphertext, "D": ciphertext, "Y": ciphertext, "X": POINT}


def _commitment(params: Params) -> Layout:
    ciphertext, unit = Column(params.ciphertext_bytes), Column(params.modulus_bytes)
    return {"A": ciphertext, "B_x": POINT, "B_y": ciphertext, "E": unit, "S": unit, "F": unit, "T": unit}


def _response(params: Params) -> Layout:
    wide, wider = (params.ell + params.epsilon) // 8, (params.ell_prime + params.epsilon) // 8
    masked, unit = Column(wide + params.modulus_bytes), Column(params.modulus_bytes)
    return {"z1": Column(wide), "z2": Column(wider), "z3": masked, "z4": masked, "w": unit, "w_y": unit}


@dataclass(frozen=True, slots=True)
class AffGProofs:
    """Proofs of one prover to one verifier.

    Args:
        count: how many.
        commitment: columns A, B_x, B_y, E, S, F, T.
        response: columns z1, z2, z3, z4, w, w_y, as wide as their intervals.
    """

    count: int
    commitment: AffGCommitment
    response: AffGResponse

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
        commitment = read_columns(reader, AffGCommitment, _commitment(params), count)
        return cls(count, commitment, read_columns(reader, AffGResponse, _response(params), count))

    def write(self, writer: Writer, params: Params) -> None:
        """Write the proofs."""
        write_columns(writer, self.commitment, _commitment(params), self.count)
        write_columns(writer, self.response, _response(params), self.count)


def _challenges(
    domain: Domain, keys: ProofKeys, statement: AffGStatement, commitment: AffGCommitment, count: int
) -> bytes:
    hashed = [Hashed(statement, _statement(keys.params)), Hashed(commitment, _commitment(keys.params))]
    return challenges(domain, keys.context, hashed, count)


def prove(
    domain: Domain, keys: ProofKeys, own: AffGKeys, statement: AffGStatement, witness: AffGWitness
) -> AffGProofs:
    """Prove statements to one verifier.

    Args:
        domain: of the first proof; the others are the instances that follow.
        keys: what both sides hash.
        own: the same keys as handles, with the prover's secret key.
        statement: columns C, D, Y, X.
        witness: their x, y, rho and rho_y.

    Returns:
        The proofs.

    Raises:
        FaultError: a proof does not hold: the computer made a mistake, or the witness is not the statement's.
            Nothing of it may be sent: what is right modulo p^2 and wrong modulo q^2 gives away p.
        NativeError: of AffGProver.
    """
    prover = AffGProver(own, witness, keys.params.sizes)
    e = _challenges(domain, keys, statement, prover.commitment, prover.count)
    proofs = AffGProofs(prover.count, prover.commitment, prover.respond(e))
    if verify_own_encryptions(own.own, _encryptions(statement, proofs, e)):
        raise FaultError("Pi-aff-g: an own proof does not hold")
    return proofs


@dataclass(frozen=True, slots=True, eq=False)
class AffGVerifier:
    """The handles of a verifier, and what it knows of the ciphertexts.

    Args:
        prover: the prover's Paillier key, verified by Pi-mod and Pi-fac.
        own: the verifier's Paillier key.
        pedersen: the verifier's ring-Pedersen parameters with their trapdoor.
        k: plaintexts of the C.
        d: plaintexts of the D.
    """

    prover: PaillierKey
    own: PaillierSecretKey
    pedersen: RingPedersenSecret
    k: SecretInts
    d: SecretInts


def failed(
    domain: Domain, keys: ProofKeys, verifier: AffGVerifier, statement: AffGStatement, proofs: AffGProofs
) -> tuple[int, ...]:
    """Return indices of proofs that do not hold, by batch verification: one or more, if there are any.

    Args:
        domain: of the first proof.
        keys: what both sides hash.
        verifier: the handles and plaintexts of the verifier that the proofs are for.
        statement: columns C, D, Y, X.
        proofs: as many proofs.

    Returns:
        The indices, ascending: those of the first equation that fails for any, since to find all that a
        hostile prover has spoiled would cost seconds. A batch that passes shows every plaintext and integer
        with an error of at most 2^-128; see native.batch.
    """
    c, r = proofs.commitment, proofs.response
    e = _challenges(domain, keys, statement, c, proofs.count)
    # C^z1 (1 + N_j)^z2 w^N_j = A D^e mod N_j^2
    affine = AffineEquations(statement.C, statement.D, c.A, e, r.z1, r.z2, r.w, verifier.k, verifier.d)
    # s^z1 t^z3 = E S^e and s^z2 t^z4 = F T^e mod N^_j, in one batch
    z1 = widened(r.z1, proofs.count, len(r.z2))
    both = PedersenEquations(c.E + c.F, c.S + c.T, e + e, z1 + r.z2, r.z3 + r.z4)
    bad = (
        verify_affine(verifier.own, affine)
        or verify_encryptions(verifier.prover, _encryptions(statement, proofs, e))
        or verify_pedersen(verifier.pedersen, both)
        or failed_equations(_curve_equations(statement, proofs, e))
    )
    return tuple(sorted({at % proofs.count for at in bad}))


def _encryptions(statement: AffGStatement, proofs: AffGProofs, e: bytes) -> EncryptionEquations:
    """Return (1 + N_i)^z2 w_y^N_i = B_y Y^e mod N_i^2 of every proof."""
    c, r = proofs.commitment, proofs.response
    return EncryptionEquations(c.B_y, statement.Y, e, r.z2, r.w_y)


def _curve_equations(statement: AffGStatement, proofs: AffGProofs, challenge: bytes) -> list[Equation]:
    """Return z1 G = B_x + e X of every proof."""
    X, B_x = point_items(statement.X), point_items(proofs.commitment.B_x)
    e, z1 = scalar_items(challenge), signed_items(proofs.response.z1, proofs.count)
    return [[(Scalar.reduce(z1[k]), G), (_MINUS_ONE, B_x[k]), (-e[k], X[k])] for k in range(proofs.count)]


def holds(domain: Domain, keys: ProofKeys, statement: AffGStatement, proofs: AffGProofs, k: int) -> bool:
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
    proof = AffGProof(one, commitment, e, response)
    return not aff_g_violations(keys.N_i, keys.N_j, keys.pedersen, proof, keys.params.sizes)
