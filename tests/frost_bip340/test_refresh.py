"""Refresh: one key, new shares; one epoch never meets another; nobody is ever left without a share."""

import copy
import itertools
import pickle
import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frost_bip340.key_share import KeyShare
from frost_bip340.reconstruct import reconstruct_whole_key
from frost_bip340.session import SigningSession
from frost_bip340.signing import sign
from native.curve import mul_base
from native.secret import SecretScalars
from protocol.errors import FaultyPartyError, UnattributedAbort, UsageError
from protocol.ids import Epoch
from protocol.resharing.handover import Certificate, Holding
from protocol.resharing.key import plan_refresh
from protocol.vss import interpolate

from .parties import CHAIN_CODE, deal, fresh_nonce, pubnonces_of
from .resharing_run import (
    MSG,
    by_new_id,
    certificate,
    every_quorum_signs,
    hand_over,
    host_key,
    reshare,
    side,
    signs,
)


def refreshed(shares: list[KeyShare], label: bytes = b"") -> list[KeyShare]:
    plan = plan_refresh(side(shares), CHAIN_CODE)
    return by_new_id(hand_over(plan, dict(enumerate(shares)), label=label).values())


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 4), st.integers(0, 2), st.randoms(use_true_random=False))
def test_refresh_keeps_the_key_and_every_quorum_signs(t, extra, rng):
    shares = deal(t, t + extra, rng, epoch=rng.randrange(1 << 20))
    new = refreshed(shares)
    assert new[0].info.thresh_pk == shares[0].info.thresh_pk
    assert (new[0].info.t, new[0].info.n) == (t, t + extra)
    assert {share.epoch for share in new} == {shares[0].epoch + 1}
    assert {share.chain_code for share in new} == {CHAIN_CODE}
    assert every_quorum_signs(new)


@settings(max_examples=15, deadline=None)
@given(st.integers(2, 4), st.integers(0, 2), st.randoms(use_true_random=False))
def test_old_and_new_shares_do_not_fit_together(t, extra, rng):
    shares = deal(t, t + extra, rng)
    new = refreshed(shares)
    parties = rng.sample(range(t + extra), t)
    old_ones = set(rng.sample(parties, rng.randint(1, t - 1)))
    mixed = [shares[i] if i in old_ones else new[i] for i in parties]
    with pytest.raises(UsageError, match="another epoch"):
        reconstruct_whole_key(mixed)
    key = interpolate(SecretScalars.concat([share.secshare for share in mixed]), parties)
    assert mul_base(key)[0] != shares[0].info.thresh_pk


def test_every_share_changes_and_two_refreshes_differ():
    shares = deal(2, 3, random.Random(1))
    one, other = refreshed(shares, b"one"), refreshed(shares, b"other")
    points = [P for key in (shares, one, other) for P in key[0].info.pubshares]
    assert len(set(points)) == 9


def test_refreshes_follow_each_other():
    shares = deal(2, 3, random.Random(2))
    for epoch in range(1, 4):
        shares = refreshed(shares)
        assert shares[0].epoch == epoch
    assert every_quorum_signs(shares)


def test_stale_share_is_refused_and_not_blamed():
    shares = deal(2, 3, random.Random(3))
    new = refreshed(shares)
    nonces = {0: fresh_nonce(new[0]), 1: fresh_nonce(shares[1])}
    session = SigningSession.of(new[0].info, pubnonces_of(nonces), MSG, (), new[0].epoch)
    with pytest.raises(UsageError):
        sign(nonces[1], shares[1], session)
    # not even a share that pretends to be of the new epoch
    with pytest.raises(UsageError, match="does not match"):
        KeyShare(new[1].info, 1, shares[1].secshare, CHAIN_CODE, new[1].epoch)


def test_plan_of_another_epoch_key_or_chain_code_is_refused():
    rng = random.Random(4)
    shares, foreign = deal(2, 3, rng), deal(2, 3, rng)
    plan = plan_refresh(side(shares), CHAIN_CODE)
    stale = [replace_epoch(share, 5) for share in shares]
    for wrong in (foreign, stale):
        with pytest.raises(UsageError):
            reshare(plan, dict(enumerate(wrong)))
    with pytest.raises(UsageError):
        reshare(plan, {0: shares[1], 1: shares[0], 2: shares[2]})
    with pytest.raises(UsageError):
        reshare(plan, {0: shares[0], 1: shares[1]})
    with pytest.raises(UsageError, match="chain code"):
        reshare(plan_refresh(side(shares), bytes(32)), dict(enumerate(shares)))


def replace_epoch(share: KeyShare, epoch: int) -> KeyShare:
    return KeyShare(share.info, share.party, share.secshare, share.chain_code, epoch)


# ---- handing over ----


@pytest.fixture
def shares():
    return deal(2, 3, random.Random(5))


def run_refresh(shares, label=b"", epoch=None):
    plan = plan_refresh(side(shares), CHAIN_CODE)
    if epoch is not None:
        plan = replace(plan, epoch=Epoch(epoch))
    return {i: outcome.result for i, outcome in reshare(plan, dict(enumerate(shares)), label=label).items()}


def test_crash_at_any_step_leaves_every_party_a_share_and_all_can_meet(shares):
    pending = run_refresh(shares)
    proof = certificate(pending)
    before = {i: Holding(Epoch(0), shares[i]) for i in range(3)}
    prepared = {i: before[i].prepare(pending[i]) for i in range(3)}
    # each party crashed before it stored the pending share, before it stored the certificate, or after
    for steps in itertools.product(range(3), repeat=3):
        at = {i: (before[i], prepared[i], prepared[i].activate(proof))[step] for i, step in enumerate(steps)}
        assert all(holding.share is not None for holding in at.values())
        if 0 in steps and 2 in steps:
            continue  # impossible: who has not stored has not confirmed, and there is no certificate
        if 2 in steps:
            # whoever has the certificate passes it on
            at = {i: holding if holding.epoch else holding.activate(proof) for i, holding in at.items()}
        assert len({holding.epoch for holding in at.values()}) == 1
        assert every_quorum_signs([at[i].share for i in range(3)])


def test_certificate_needs_the_confirmation_of_every_party(shares):
    pending = run_refresh(shares)
    confirmations = {i: item.confirm(host_key(i)) for i, item in pending.items()}
    for missing in range(3):
        with pytest.raises(UsageError):
            pending[0].certify({i: c for i, c in confirmations.items() if i != missing})
    with pytest.raises(UsageError):
        pending[0].certify({**confirmations, 3: confirmations[0]})
    for wrong in (confirmations[0], bytes(64), b"", confirmations[2][:63], confirmations[2] + b"\0"):
        with pytest.raises(FaultyPartyError) as caught:
            pending[0].certify({**confirmations, 2: wrong})
        assert caught.value.culprits == {2: "confirmation"}
    with pytest.raises(UsageError):
        pending[0].confirm(host_key(3))


def test_certificate_is_of_one_session_and_of_what_it_gave(shares):
    pending = run_refresh(shares)
    proof = certificate(pending)
    other = run_refresh(shares, b"other session")[0]
    assert pending[0].certified_by(proof)
    assert not replace(pending[0], header=other.header).certified_by(proof)
    assert not replace(pending[0], sharing=other.sharing).certified_by(proof)


def test_certificate_that_does_not_hold_changes_nothing(shares):
    pending = run_refresh(shares)
    other = certificate(run_refresh(shares, b"other session"))
    proof = certificate(pending)
    holding = Holding(Epoch(0), shares[0]).prepare(pending[0])
    forged = [
        other,
        replace(proof, agreement=other.agreement),
        replace(proof, confirmations=proof.confirmations[:2]),
        replace(proof, confirmations=(*proof.confirmations[:2], proof.confirmations[0])),
        replace(proof, confirmations=proof.confirmations[::-1]),
        Certificate(proof.agreement, ()),
    ]
    for certificate_ in forged:
        with pytest.raises(UnattributedAbort, match="certificate"):
            holding.activate(certificate_)
    assert holding.share is shares[0]
    with pytest.raises(UnattributedAbort):
        Holding(Epoch(0), shares[0]).activate(proof)


def test_activated_holding_no_longer_contains_the_old_share(shares):
    pending = run_refresh(shares)
    after = Holding(Epoch(0), shares[0]).prepare(pending[0]).activate(certificate(pending))
    assert after.share is pending[0].share
    assert after.pending == ()


def test_highest_certified_epoch_wins_at_everybody(shares):
    first, second = run_refresh(shares, b"first"), run_refresh(shares, b"second", epoch=2)
    holdings = {i: Holding(Epoch(0), shares[i]).prepare(first[i]).prepare(second[i]) for i in range(3)}
    early, late = certificate(first), certificate(second)
    # party 0 gets the certificate that somebody held back, the others do not
    holdings[0] = holdings[0].activate(early)
    assert (holdings[0].epoch, len(holdings[0].pending)) == (1, 1)
    holdings = {i: holding.activate(late) for i, holding in holdings.items()}
    assert {holding.epoch for holding in holdings.values()} == {2}
    assert every_quorum_signs([holdings[i].share for i in range(3)])
    for holding in holdings.values():
        with pytest.raises(UnattributedAbort):
            holding.activate(early)


def test_second_handover_must_go_beyond_the_first(shares):
    first, second = run_refresh(shares, b"first"), run_refresh(shares, b"second")
    holding = Holding(Epoch(0), shares[0]).prepare(first[0])
    with pytest.raises(UsageError, match="higher epoch"):
        holding.prepare(second[0])
    with pytest.raises(UsageError, match="another epoch"):
        Holding(Epoch(1), shares[0]).prepare(first[0])


def test_pending_share_shows_nothing_and_cannot_be_pickled(shares):
    pending = run_refresh(shares)[0]
    assert pending.share.secshare.declassify().hex() not in repr(pending)
    for duplicate in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError):
            duplicate(pending)


def test_two_of_three_sign_with_old_shares_while_a_refresh_hangs(shares):
    run_refresh(shares)
    assert signs(shares, [0, 2])
