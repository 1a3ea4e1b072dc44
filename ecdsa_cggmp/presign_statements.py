"""What the proofs of presigning are about, and where they belong."""

from ecdsa_cggmp.presign_messages import ENCRYPT, MULTIPLY, REVEAL, EncryptMsg, PresignPlan
from ecdsa_cggmp.zk.elog import ElogStatement
from native.curve import G, PointVector
from native.range_proof import AffGStatement, EncElgStatement
from protocol.header import Header
from protocol.ids import EVERYBODY, PartyId
from protocol.transcript import Domain

K_PROOF = "enc-elg K"
G_PROOF = "enc-elg G"
GAMMA_LOG = "elog Gamma"
BY_GAMMA = "aff-g gamma"
BY_X = "aff-g x"
DELTA_LOG = "elog Delta"

_ROUNDS = {
    K_PROOF: ENCRYPT,
    G_PROOF: ENCRYPT,
    GAMMA_LOG: MULTIPLY,
    BY_GAMMA: MULTIPLY,
    BY_X: MULTIPLY,
    DELTA_LOG: REVEAL,
}


def domain(header: Header, proof: str, prover: PartyId, verifier: PartyId = EVERYBODY) -> Domain:
    """Return where the first proof of a batch belongs."""
    return Domain(header, _ROUNDS[proof], prover, proof, verifier)


def about_K(message: EncryptMsg) -> EncElgStatement:
    """K encrypts the k of A1 and A2."""
    return EncElgStatement(message.K, message.Y.xy, message.A1.xy, message.A2.xy)


def about_G(message: EncryptMsg) -> EncElgStatement:
    """G encrypts the gamma of B1 and B2."""
    return EncElgStatement(message.G, message.Y.xy, message.B1.xy, message.B2.xy)


def about_Gamma(message: EncryptMsg, Gamma: PointVector) -> ElogStatement:
    """Gamma = gamma G for the gamma of B1 and B2."""
    H = G.xy * len(Gamma)
    return ElogStatement(message.B1.xy, message.B2.xy, message.Y.xy, Gamma.xy, H)


def about_Delta(message: EncryptMsg, Delta: PointVector, Gamma: PointVector) -> ElogStatement:
    """Delta = k Gamma for the k of A1 and A2, with the sum of all Gamma."""
    return ElogStatement(message.A1.xy, message.A2.xy, message.Y.xy, Delta.xy, Gamma.xy)


def about_products(verifier: EncryptMsg, D: bytes, F: bytes, X: PointVector) -> AffGStatement:
    """D and F come from the logarithms of X and from K of the verifier."""
    return AffGStatement(verifier.K, D, F, X.xy)


def key_points(plan: PresignPlan, signer: PartyId) -> PointVector:
    """Return X_i = lambda_i X'_i, once for each presignature."""
    return PointVector([plan.public_summand(signer)] * plan.batch)
