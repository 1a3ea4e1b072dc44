"""The checks of presigning for evidence: on signed messages only, with public keys, proof by proof.

Where a proof answers broadcasts of others, the engine compares them with the prover's echo: rounds 1 and 2
are echoed, so that a party that signs two messages cannot blame who received the other one.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ecdsa_cggmp.params import Params
from ecdsa_cggmp.presign_messages import (
    ENCRYPT,
    MULTIPLY,
    REVEAL,
    EncryptMsg,
    EncryptProofMsg,
    MultiplyMsg,
    PresignPlan,
    RevealMsg,
)
from ecdsa_cggmp.presign_statements import (
    AFF_G,
    BY_GAMMA,
    BY_X,
    DELTA_LOG,
    ENC_ELG,
    G_PROOF,
    GAMMA_LOG,
    K_PROOF,
    about_Delta,
    about_encryptions,
    about_Gamma,
    domain,
    logarithms,
)
from ecdsa_cggmp.zk import aff_g, elog, enc_elg
from native.curve import sum_vectors
from native.range_proof import AffGStatement
from protocol.errors import EncodingError
from protocol.ids import PartyId
from protocol.signed import Kind
from protocol.spec import Check, Claim


@dataclass(frozen=True, slots=True)
class PresignChecks:
    """The checks at one level.

    Args:
        params: the level.
    """

    params: Params

    def by_name(self) -> dict[str, Check]:
        """Return the checks by their names."""
        return {
            K_PROOF: self._K_fails,
            G_PROOF: self._G_fails,
            GAMMA_LOG: self._Gamma_fails,
            BY_GAMMA: self._gamma_product_fails,
            BY_X: self._x_product_fails,
            DELTA_LOG: self._Delta_fails,
        }

    def of_one(self, proof: str, k: int) -> Check:
        """Return the part of a check that is about one proof.

        Args:
            proof: ENC_ELG or AFF_G.
            k: index of the proof, of those of both halves.
        """
        fails = {ENC_ELG: self._enc_elg_fails, AFF_G: self._aff_g_fails}[proof]
        return lambda claim: fails(claim, (k,))

    def _K_fails(self, claim: Claim) -> bool:
        """Pi-enc-elg about K does not hold for its receiver."""
        return self._enc_elg_fails(claim, self._plan(claim).half(0))

    def _G_fails(self, claim: Claim) -> bool:
        """Pi-enc-elg about G does not hold for its receiver."""
        return self._enc_elg_fails(claim, self._plan(claim).half(1))

    def _enc_elg_fails(self, claim: Claim, which: Sequence[int]) -> bool:
        plan, receiver = self._plan(claim), claim.receiver
        if receiver not in plan.signers:
            raise EncodingError("evidence", "the receiver is no signer")
        statement = about_encryptions(claim.broadcast(EncryptMsg, ENCRYPT))
        proofs = claim.direct(EncryptProofMsg, ENCRYPT, receiver).psi
        keys = plan.proof_keys(self.params, claim.culprit, receiver)
        place = domain(claim.header, ENC_ELG, claim.culprit, receiver)
        return not all(enc_elg.holds(place, keys, statement, proofs, k) for k in which)

    def _Gamma_fails(self, claim: Claim) -> bool:
        """Pi-elog about Gamma does not hold."""
        message = claim.broadcast(MultiplyMsg, MULTIPLY)
        statement = about_Gamma(claim.broadcast(EncryptMsg, ENCRYPT), message.Gamma)
        return self._elog_fails(claim, GAMMA_LOG, statement, message.psi)

    def _Delta_fails(self, claim: Claim) -> bool:
        """Pi-elog about Delta does not hold."""
        message = claim.broadcast(RevealMsg, REVEAL)
        Gamma = sum_vectors(
            [claim.broadcast(MultiplyMsg, MULTIPLY, party).Gamma for party in claim.header.parties]
        )
        statement = about_Delta(claim.broadcast(EncryptMsg, ENCRYPT), message.Delta, Gamma)
        return self._elog_fails(claim, DELTA_LOG, statement, message.psi)

    def _elog_fails(
        self, claim: Claim, proof: str, statement: elog.ElogStatement, proofs: elog.ElogProofs
    ) -> bool:
        place = domain(claim.header, proof, claim.culprit)
        return bool(elog.failed(place, claim.header.digest, statement, proofs))

    def _gamma_product_fails(self, claim: Claim) -> bool:
        """Pi-aff-g about a product of gamma does not hold for the verifier in the claim."""
        return self._aff_g_fails(claim, self._plan(claim).half(0))

    def _x_product_fails(self, claim: Claim) -> bool:
        """Pi-aff-g about a product of the key share does not hold for the verifier in the claim."""
        return self._aff_g_fails(claim, self._plan(claim).half(1))

    def _aff_g_fails(self, claim: Claim, which: Sequence[int]) -> bool:
        plan, prover, verifier = self._plan(claim), claim.culprit, self._verifier(claim)
        message = claim.broadcast(MultiplyMsg, MULTIPLY)
        products = message.products[plan.peers(prover).index(verifier)]
        K = claim.broadcast(EncryptMsg, ENCRYPT, verifier).K
        X = logarithms(plan, prover, message.Gamma)
        statement = AffGStatement(K * 2, products.D, products.F, X)
        keys = plan.proof_keys(self.params, prover, verifier)
        place = domain(claim.header, AFF_G, prover, verifier)
        return not all(aff_g.holds(place, keys, statement, products.psi, k) for k in which)

    def _verifier(self, claim: Claim) -> PartyId:
        """Return the verifier of products: the other party whose first message the claim has."""
        others = [
            slot.sender
            for slot in claim.messages
            if slot.round == ENCRYPT and slot.kind is Kind.BROADCAST and slot.sender != claim.culprit
        ]
        if len(others) != 1 or others[0] not in claim.header.parties:
            raise EncodingError("evidence", "the first message of one verifier is needed")
        return others[0]

    def _plan(self, claim: Claim) -> PresignPlan:
        plan = PresignPlan.of(claim.header, self.params)
        if claim.culprit not in plan.signers:
            raise EncodingError("evidence", "the culprit is no signer")
        return plan
