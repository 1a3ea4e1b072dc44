"""What the proofs of presigning are about, and where they belong.

Two proofs of one kind to one verifier are made in one batch of 2 B, as the kernels take four items in the
time of one: first those about K, or by gamma, then those about G, or by the key share.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from ecdsa_cggmp.presign_messages import ENCRYPT, MULTIPLY, REVEAL, EncryptMsg, PresignPlan
from ecdsa_cggmp.zk.elog import ElogStatement
from native.curve import G, PointVector
from native.range_proof import EncElgStatement
from protocol.header import Header
from protocol.ids import EVERYBODY, PartyId
from protocol.transcript import Domain

# names of checks, and of the proofs that are not in pairs
K_PROOF: Final = "enc-elg K"
G_PROOF: Final = "enc-elg G"
GAMMA_LOG: Final = "elog Gamma"
BY_GAMMA: Final = "aff-g gamma"
BY_X: Final = "aff-g x"
DELTA_LOG: Final = "elog Delta"
# proofs in pairs, with the checks of their first and second half
ENC_ELG: Final = "enc-elg"
AFF_G: Final = "aff-g"
HALVES: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {ENC_ELG: (K_PROOF, G_PROOF), AFF_G: (BY_GAMMA, BY_X)}
)

_ROUNDS: Final = {ENC_ELG: ENCRYPT, GAMMA_LOG: MULTIPLY, AFF_G: MULTIPLY, DELTA_LOG: REVEAL}


def domain(
    header: Header, proof: str, prover: PartyId, verifier: PartyId = EVERYBODY, instance: int = 0
) -> Domain:
    """Return where a proof, or the first of several, belongs."""
    return Domain(header, _ROUNDS[proof], prover, proof, verifier, instance)


def about_encryptions(message: EncryptMsg) -> EncElgStatement:
    """K encrypts the k of A1 and A2; G encrypts the gamma of B1 and B2."""
    return EncElgStatement(
        message.K + message.G,
        message.Y.xy * 2,
        message.A1.xy + message.B1.xy,
        message.A2.xy + message.B2.xy,
    )


def about_Gamma(message: EncryptMsg, Gamma: PointVector) -> ElogStatement:
    """Gamma = gamma G for the gamma of B1 and B2."""
    H = G.xy * len(Gamma)
    return ElogStatement(message.B1.xy, message.B2.xy, message.Y.xy, Gamma.xy, H)


def about_Delta(message: EncryptMsg, Delta: PointVector, Gamma: PointVector) -> ElogStatement:
    """Delta = k Gamma for the k of A1 and A2, with the sum of all Gamma."""
    return ElogStatement(message.A1.xy, message.A2.xy, message.Y.xy, Delta.xy, Gamma.xy)


def logarithms(plan: PresignPlan, signer: PartyId, Gamma: PointVector) -> bytes:
    """Return what the products of a signer are about, 2 B points: its Gamma, then its X_i B times.

    Args:
        plan: what the session makes.
        signer: who multiplies.
        Gamma: its points gamma G.
    """
    return Gamma.xy + plan.public_summand(signer).xy * plan.batch
