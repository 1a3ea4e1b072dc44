"""The checks of presigning for evidence: on signed messages only, with public keys, proof by proof.

A proof that answers broadcasts of others is judged together with its prover's echo of them: a party that
signs two of them cannot blame who received the other one.
"""

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
    Products,
    RevealMsg,
)
from ecdsa_cggmp.presign_statements import (
    BY_GAMMA,
    BY_X,
    DELTA_LOG,
    G_PROOF,
    GAMMA_LOG,
    K_PROOF,
    about_Delta,
    about_G,
    about_Gamma,
    about_K,
    about_products,
    domain,
    key_points,
)
from ecdsa_cggmp.zk import aff_g, elog, enc_elg
from native.curve import PointVector, sum_vectors
from native.range_proof import EncElgStatement
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

    def _K_fails(self, claim: Claim) -> bool:
        """Pi-enc-elg about K does not hold for its receiver."""
        proofs = claim.direct(EncryptProofMsg, ENCRYPT, claim.receiver).psi0
        return self._enc_elg_fails(claim, K_PROOF, about_K(claim.broadcast(EncryptMsg, ENCRYPT)), proofs)

    def _G_fails(self, claim: Claim) -> bool:
        """Pi-enc-elg about G does not hold for its receiver."""
        proofs = claim.direct(EncryptProofMsg, ENCRYPT, claim.receiver).psi1
        return self._enc_elg_fails(claim, G_PROOF, about_G(claim.broadcast(EncryptMsg, ENCRYPT)), proofs)

    def _enc_elg_fails(
        self, claim: Claim, proof: str, statement: EncElgStatement, proofs: enc_elg.EncElgProofs
    ) -> bool:
        plan, receiver = self._plan(claim), claim.receiver
        if receiver not in plan.signers:
            raise EncodingError("evidence", "the receiver is no signer")
        keys = plan.proof_keys(self.params, claim.culprit, receiver)
        place = domain(claim.header, proof, claim.culprit, receiver)
        return not all(enc_elg.holds(place, keys, statement, proofs, k) for k in range(proofs.count))

    def _Gamma_fails(self, claim: Claim) -> bool:
        """Pi-elog about Gamma does not hold."""
        message = claim.broadcast(MultiplyMsg, MULTIPLY)
        statement = about_Gamma(claim.broadcast(EncryptMsg, ENCRYPT), message.Gamma)
        return self._elog_fails(claim, GAMMA_LOG, statement, message.psi)

    def _Delta_fails(self, claim: Claim) -> bool:
        """Pi-elog about Delta does not hold."""
        message = claim.broadcast(RevealMsg, REVEAL)
        peers = self._plan(claim).peers(claim.culprit)
        others = [claim.answered(MultiplyMsg, MULTIPLY, j).Gamma for j in peers]
        Gamma = sum_vectors([claim.broadcast(MultiplyMsg, MULTIPLY).Gamma, *others])
        statement = about_Delta(claim.broadcast(EncryptMsg, ENCRYPT), message.Delta, Gamma)
        return self._elog_fails(claim, DELTA_LOG, statement, message.psi)

    def _elog_fails(
        self, claim: Claim, proof: str, statement: elog.ElogStatement, proofs: elog.ElogProofs
    ) -> bool:
        place = domain(claim.header, proof, claim.culprit)
        return bool(elog.failed(place, claim.header.digest, statement, proofs))

    def _gamma_product_fails(self, claim: Claim) -> bool:
        """Pi-aff-g about a product of gamma does not hold for the verifier in the claim."""
        message, plan, verifier = self._product(claim)
        products = message.by_gamma[plan.peers(claim.culprit).index(verifier)]
        return self._aff_g_fails(claim, BY_GAMMA, verifier, products, message.Gamma)

    def _x_product_fails(self, claim: Claim) -> bool:
        """Pi-aff-g about a product of the key share does not hold for the verifier in the claim."""
        message, plan, verifier = self._product(claim)
        products = message.by_x[plan.peers(claim.culprit).index(verifier)]
        return self._aff_g_fails(claim, BY_X, verifier, products, key_points(plan, claim.culprit))

    def _product(self, claim: Claim) -> tuple[MultiplyMsg, PresignPlan, PartyId]:
        """Return the culprit's message and the verifier, whose first message the claim has, too."""
        others = [
            slot.sender
            for slot in claim.messages
            if slot.round == ENCRYPT and slot.kind is Kind.BROADCAST and slot.sender != claim.culprit
        ]
        plan = self._plan(claim)
        if len(others) != 1 or others[0] not in plan.signers:
            raise EncodingError("evidence", "the first message of one verifier is needed")
        return claim.broadcast(MultiplyMsg, MULTIPLY), plan, others[0]

    def _aff_g_fails(
        self, claim: Claim, proof: str, verifier: PartyId, products: Products, X: PointVector
    ) -> bool:
        encrypted = claim.answered(EncryptMsg, ENCRYPT, verifier)
        statement = about_products(encrypted, products.D, products.F, X)
        keys = self._plan(claim).proof_keys(self.params, claim.culprit, verifier)
        place = domain(claim.header, proof, claim.culprit, verifier)
        return not all(
            aff_g.holds(place, keys, statement, products.psi, k) for k in range(products.psi.count)
        )

    def _plan(self, claim: Claim) -> PresignPlan:
        return PresignPlan.of(claim.header, self.params)
