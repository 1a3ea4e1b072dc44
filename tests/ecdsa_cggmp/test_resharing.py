"""Refresh and resharing: one key, new shares, and nothing of the old epoch is of use any more.

The checks are those of protocol/resharing, which tests/frost_bip340/test_reshare.py attacks one by one.
"""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecdsa_cggmp import presign, sign_messages
from ecdsa_cggmp.key_share import KeyShare
from ecdsa_cggmp.reconstruct import reconstruct_whole_key
from ecdsa_cggmp.resharing import RESHARING, begin_resharing
from ecdsa_cggmp.sign import SigningRequest
from native.curve import PointVector, Scalar, mul_base
from native.secret import SecretScalars
from protocol.driver import run
from protocol.errors import FaultyPartyError, UnattributedAbort, UsageError
from protocol.ids import Epoch, PartyId
from protocol.resharing import dealing
from protocol.resharing.key import plan_refresh, plan_resharing
from protocol.resharing.messages import SHARE
from protocol.resharing.plan import Plan
from protocol.resharing.rounds import Dealt, new_sharing
from protocol.signed import Slot
from protocol.vss import Commitment, interpolate
from tests.ecdsa_cggmp.keygen_cheats import altered, flipped
from tests.ecdsa_cggmp.levels import TINY
from tests.ecdsa_cggmp.network import CHAIN_CODE, Parties, aux_infos, dealt, judged, presign_plan
from tests.ecdsa_cggmp.resharing_run import DIGEST, hand_over, presign_and_sign, reshare

CHEAT, VICTIM = PartyId(1), PartyId(0)


@settings(max_examples=8, deadline=None)
@given(st.integers(2, 4), st.integers(0, 2), st.data())
def test_refresh_keeps_the_key_and_changes_all_shares(t, extra, data):
    n = t + extra
    old = dealt(n, t)
    new = hand_over(Parties(n), plan_refresh(old[0].sharing, CHAIN_CODE), old)
    assert [share.party for share in new] == list(range(n))
    assert {share.chain_code for share in new} == {CHAIN_CODE}
    before, after = old[0].sharing, new[0].sharing
    assert (after.key, after.t, after.n, after.epoch) == (before.key, t, n, before.epoch + 1)
    assert len({*before.pubshares, *after.pubshares}) == 2 * n
    quorum = data.draw(st.permutations(range(n)))[:t]
    whole = reconstruct_whole_key([new[i] for i in quorum])
    assert mul_base(whole)[0] == before.key
    # old and new shares do not mix
    mixed = [old[quorum[0]], *(new[i] for i in quorum[1:])]
    with pytest.raises(UsageError, match="another epoch"):
        reconstruct_whole_key(mixed)
    key = interpolate(SecretScalars.concat([share.secshare for share in mixed]), quorum)
    assert mul_base(key)[0] != before.key
    with pytest.raises(UsageError, match="does not match"):
        KeyShare(after, PartyId(0), old[0].secshare, CHAIN_CODE)


@settings(max_examples=8, deadline=None)
@given(st.integers(2, 3), st.integers(0, 2), st.integers(1, 4), st.integers(0, 2), st.data())
def test_resharing_keeps_the_key(t, extra, new_t, new_extra, data):
    n, new_n = t + extra, new_t + new_extra
    old = dealt(n, t)
    quorum = sorted(data.draw(st.permutations(range(n)))[:t])
    # old holders stay in the order of their ids, and newcomers take the places after n
    holders = list(range(new_n))
    plan = plan_resharing(old[0].sharing, CHAIN_CODE, quorum, new_t, holders)
    new = hand_over(Parties(max(n, new_n)), plan, [old[i] for i in range(n) if i in plan.parties])
    assert (new[0].sharing.t, new[0].sharing.n, new[0].sharing.epoch) == (new_t, new_n, 1)
    some = data.draw(st.permutations(range(new_n)))[:new_t]
    assert mul_base(reconstruct_whole_key([new[i] for i in some]))[0] == old[0].sharing.key


def test_two_of_three_becomes_three_of_five_and_signs():
    old = dealt(3, 2)
    plan = plan_resharing(old[0].sharing, CHAIN_CODE, [0, 2], 3, range(5))
    new = hand_over(Parties(5), plan, old)
    assert new[0].sharing.key == old[0].sharing.key
    assert presign_and_sign(new, [0, 2, 4])


def test_three_of_five_becomes_two_of_three_and_signs():
    old = dealt(5, 3)
    plan = plan_resharing(old[0].sharing, CHAIN_CODE, [0, 1, 4], 2, [4, 2, 0])
    new = hand_over(Parties(5), plan, [old[i] for i in (0, 1, 2, 4)])
    assert len(new) == 3
    assert presign_and_sign(new, [1, 2])


def test_refresh_voids_presignatures():
    parties, old = Parties(3), dealt(3, 2)
    signers = (PartyId(0), PartyId(2))
    stale = {i: outcome.result[0] for i, outcome in parties.presign(old, signers).items()}
    new = hand_over(parties, plan_refresh(old[0].sharing, CHAIN_CODE), old)
    entry = sign_messages.Input(stale[PartyId(0)].public, SigningRequest(DIGEST, Scalar(0)))
    assert sign_messages.SigningPlan(old[0].sharing, signers, (entry,))
    with pytest.raises(UsageError, match="epoch"):
        sign_messages.SigningPlan(new[0].sharing, signers, (entry,))
    # nor is anything presigned by shares of two epochs
    for plan_of, brought in ((old, new), (new, old)):
        plan = presign_plan(plan_of, signers)
        session = parties.sessions(presign.presign_spec(TINY), signers, bytes(plan))[PartyId(0)]
        with pytest.raises(UsageError, match="not for this share"):
            presign.participate(session, brought[0], aux_infos(3)[0])
    assert presign_and_sign(new, signers)


def test_plan_of_another_key_epoch_chain_code_or_party_is_refused():
    parties, shares, foreign = Parties(3), dealt(3, 2), dealt(3, 2)
    plan = plan_refresh(shares[0].sharing, CHAIN_CODE)
    session = parties.sessions(RESHARING, params=bytes(plan))[VICTIM]
    with pytest.raises(UsageError, match="another key"):
        begin_resharing(session, CHAIN_CODE, foreign[0])
    with pytest.raises(UsageError, match="another chain code"):
        begin_resharing(session, bytes(32), shares[0])
    with pytest.raises(UsageError, match="another party"):
        begin_resharing(session, CHAIN_CODE, shares[1])
    with pytest.raises(UsageError):
        begin_resharing(session, CHAIN_CODE, None)
    later = replace(shares[0].sharing, epoch=Epoch(5))
    with pytest.raises(UsageError, match="another epoch"):
        begin_resharing(session, CHAIN_CODE, KeyShare(later, VICTIM, shares[0].secshare, CHAIN_CODE))
    other_chain = KeyShare(shares[0].sharing, VICTIM, shares[0].secshare, bytes(32))
    with pytest.raises(UsageError, match="another key"):
        begin_resharing(session, CHAIN_CODE, other_chain)
    broken = parties.sessions(RESHARING, params=b"")[VICTIM]
    with pytest.raises(UsageError, match="no plan"):
        begin_resharing(broken, CHAIN_CODE, shares[0])


def test_cheating_dealer_is_named_and_proved():
    parties, shares = Parties(3), dealt(3, 2)
    plan = plan_refresh(shares[0].sharing, CHAIN_CODE)
    outcomes = reshare(parties, plan, shares, altered(Slot.direct(SHARE, CHEAT, VICTIM), flipped(-1)))
    error = outcomes[VICTIM].error
    assert isinstance(error, FaultyPartyError)
    assert error.culprits == {CHEAT: "share"}
    assert outcomes[VICTIM].result is None
    (evidence,) = error.evidence
    assert judged(parties.roster, evidence) == f"{CHEAT} share"
    assert presign_and_sign(shares, [0, 2])


def test_dealer_that_moves_the_key_is_named_and_proved(monkeypatch):
    """The constants of a refresh are lambda_i x_i; anything else is another key (A-K8)."""
    parties, shares = Parties(3), dealt(3, 2)
    plan = plan_refresh(shares[0].sharing, CHAIN_CODE)
    sessions = parties.sessions(RESHARING, params=bytes(plan))
    openings = {i: (s, begin_resharing(s, CHAIN_CODE, shares[i])) for i, s in sessions.items()}
    with monkeypatch.context() as patch:
        patch.setattr(dealing, "_constant", lambda _plan, _me, secshare: secshare)
        patch.setattr(Plan, "constant", lambda plan, party: plan.old.pubshares[party])
        openings[CHEAT] = sessions[CHEAT], begin_resharing(sessions[CHEAT], CHAIN_CODE, shares[CHEAT])
    outcomes = run(openings)
    for party in (VICTIM, PartyId(2)):
        assert outcomes[party].error.culprits == {CHEAT: "constant"}
    assert judged(parties.roster, outcomes[VICTIM].error.evidence[0]) == f"{CHEAT} constant"


def test_new_public_share_at_infinity_blames_nobody():
    """It takes all dealers together, or generators that are broken."""
    shares = dealt(3, 2)
    plan = plan_refresh(shares[0].sharing, CHAIN_CODE)
    key = shares[0].sharing.key
    # F(x) = key - x key is infinity at 1, where party 0 is
    commitment = Commitment(PointVector([key, -key]))
    with pytest.raises(UnattributedAbort, match="public share"):
        new_sharing(plan, Dealt(None, {}, commitment, shares[0].secshare))
