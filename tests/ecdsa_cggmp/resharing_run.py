"""Refresh and resharing of ECDSA keys in one process, and signatures with what they make."""

from collections.abc import Mapping, Sequence

from ecdsa_cggmp.key_share import KeyShare
from ecdsa_cggmp.resharing import RESHARING, begin_resharing
from ecdsa_cggmp.sign import SigningRequest
from native.curve import Scalar
from native.verify import verify_ecdsa
from protocol.driver import Outcome, Tamper, run
from protocol.ids import PartyId
from protocol.resharing.handover import Certificate, Holding, Pending
from protocol.resharing.plan import Plan
from tests.ecdsa_cggmp.network import CHAIN_CODE, Parties
from tests.ecdsa_cggmp.sign_run import sign_in_session

DIGEST = bytes(range(100, 132))


def reshare(
    parties: Parties, plan: Plan, shares: Sequence[KeyShare], tamper: Tamper | None = None
) -> dict[PartyId, Outcome[Pending[KeyShare]]]:
    """Run a resharing in which the old holders bring these shares, and nobody else does."""
    old = {share.party: share for share in shares}
    sessions = parties.sessions(RESHARING, plan.parties, bytes(plan))
    openings = {i: (s, begin_resharing(s, CHAIN_CODE, old.get(i))) for i, s in sessions.items()}
    return run(openings, tamper)


def hand_over(parties: Parties, plan: Plan, shares: Sequence[KeyShare]) -> list[KeyShare]:
    """Run a resharing and its handover to the end; return the new shares by the new ids."""
    outcomes = reshare(parties, plan, shares)
    assert all(outcome.error is None for outcome in outcomes.values())
    pending: Mapping[PartyId, Pending[KeyShare]] = {i: outcome.result for i, outcome in outcomes.items()}
    confirmations = {i: item.confirm(parties.keys[i]) for i, item in pending.items()}
    proof = next(iter(pending.values())).certify(confirmations)
    proof = Certificate.from_bytes(bytes(proof))
    old = {share.party: share for share in shares}
    after = [Holding(plan.old.epoch, old.get(i)).prepare(item).activate(proof) for i, item in pending.items()]
    kept = [holding.share for holding in after if holding.share is not None]
    return sorted(kept, key=lambda share: share.party)


def presign_and_sign(shares: Sequence[KeyShare], signers: Sequence[int]) -> bool:
    """Make a presignature and a signature with it; tell whether the signature holds for the key."""
    parties, sharing = Parties(len(shares), coordinated=True), shares[0].sharing
    made = {i: outcome.result for i, outcome in parties.presign(shares, signers).items()}
    (signature,) = sign_in_session(parties, made, [SigningRequest(DIGEST, Scalar(0))])
    return verify_ecdsa(signature, DIGEST, sharing.key)
