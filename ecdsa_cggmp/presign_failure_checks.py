"""The checks of defences (CGGMP24, figure 9), on all broadcasts of the session.

The engine compares them with the culprit's echoes: all three rounds are echoed.
"""

from dataclasses import dataclass

from ecdsa_cggmp.params import Params
from ecdsa_cggmp.presign_failure import Failure, View
from ecdsa_cggmp.presign_messages import DEFEND, DefenceMsg
from protocol.errors import EncodingError
from protocol.spec import Check, Claim

DEC = "dec"
AFF_G_STAR = "aff-g*"


@dataclass(frozen=True, slots=True)
class DefenceChecks:
    """The checks at one level.

    Args:
        params: the level.
    """

    params: Params

    def by_name(self) -> dict[str, Check]:
        """Return the checks by their names."""
        return {DEC: self._dec_fails, AFF_G_STAR: self._aff_g_star_fails}

    def _dec_fails(self, claim: Claim) -> bool:
        """Pi-dec does not hold: the culprit's delta or S is not what its view decrypts to."""
        view, failure = self._view(claim)
        return not view.dec_holds(failure, claim.broadcast(DefenceMsg, DEFEND).dec)

    def _aff_g_star_fails(self, claim: Claim) -> bool:
        """Pi-aff-g* does not hold about one of the culprit's products."""
        view, failure = self._view(claim)
        proofs = claim.broadcast(DefenceMsg, DEFEND).aff_g_star
        return not all(
            view.aff_g_star_holds(failure, j, proof)
            for j, proof in zip(view.plan.peers(claim.culprit), proofs, strict=True)
        )

    def _view(self, claim: Claim) -> tuple[View, Failure]:
        """Return the culprit's view and what is wrong in it."""
        view = View.of(claim.header, self.params, claim.culprit, claim.broadcast)
        failure = view.failure
        if failure is None:
            raise EncodingError("evidence", "the sums are right")
        return view, failure
