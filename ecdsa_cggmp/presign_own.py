"""What a signer keeps from the first round of presigning on (CGGMP24, figure 8)."""

from dataclasses import dataclass

from ecdsa_cggmp.aux_info import AuxInfo
from ecdsa_cggmp.presign_messages import EncryptMsg, PresignPlan
from native.secret import Secret, SecretResidues, SecretScalars


@dataclass(frozen=True, slots=True, eq=False)
class Own:
    """What a signer keeps from round 1 on.

    Args:
        aux: auxiliary info of all.
        plan: what the session makes.
        x: its summand of the key, one scalar.
        k, gamma: B scalars each.
        a, b: B scalars each, which A1 and B1 are the points of.
        rho: the B units of K, then those of G.
        message: its first message.
    """

    aux: AuxInfo
    plan: PresignPlan
    x: SecretScalars
    k: SecretScalars
    gamma: SecretScalars
    a: SecretScalars
    b: SecretScalars
    rho: SecretResidues
    message: EncryptMsg

    def secrets(self) -> tuple[Secret, ...]:
        """Return what belongs to this session alone."""
        return self.x, self.k, self.gamma, self.a, self.b, self.rho
