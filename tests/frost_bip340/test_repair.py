"""Repair gives back exactly the share that was lost, and blames who spoils it."""

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frost_bip340.key_share import KeyShare
from frost_bip340.resharing import REPAIR, RESHARING, begin_repair, begin_resharing
from native.curve import G, Scalar
from protocol.driver import Tamper, run
from protocol.errors import FaultyPartyError, SessionTimeout, UsageError
from protocol.ids import Epoch, PartyId
from protocol.resharing.key import plan_repair
from protocol.resharing.messages import PART, REVEAL, SHARE
from protocol.resharing.plan import Plan
from protocol.signed import Slot

from .parties import CHAIN_CODE, deal
from .resharing_cheats import openings, with_constant, wrong_scalar_to
from .resharing_run import (
    accusation,
    changing,
    every_quorum_signs,
    expect_blame,
    expect_dead,
    expect_silent,
    open_session,
    recording,
    repair,
    roster_of,
    seed,
    side,
    third_party,
)

CHEAT, LOST = 2, 1


def others(shares: list[KeyShare], lost: int) -> dict[int, KeyShare]:
    return {share.party: share for share in shares if share.party != lost}


@settings(max_examples=12, deadline=None)
@given(st.integers(1, 4), st.integers(1, 3), st.randoms(use_true_random=False))
def test_repaired_share_is_the_lost_one(t, extra, rng):
    n = t + extra
    shares = deal(t, n, rng, epoch=rng.randrange(100))
    lost = rng.randrange(n)
    rest = others(shares, lost)
    helpers = rng.sample(sorted(rest), rng.randint(t, n - 1))
    outcomes = repair(plan_repair(side(shares), CHAIN_CODE, helpers, lost), rest)
    assert all(outcomes[i].result is None and outcomes[i].error is None for i in helpers)
    repaired = outcomes[lost].result
    assert repaired.secshare.declassify() == shares[lost].secshare.declassify()
    assert (repaired.info, repaired.party, repaired.epoch) == (shares[lost].info, lost, shares[lost].epoch)
    assert every_quorum_signs([*shares[:lost], repaired, *shares[lost + 1 :]])


def test_parts_are_new_in_every_repair():
    shares = deal(2, 3, random.Random(1))
    plan = plan_repair(side(shares), CHAIN_CODE, [0, 2], LOST)
    parts = []
    for label in (b"one", b"other"):

        def tap(sender, receiver, envelope):
            if int.from_bytes(envelope[32:34], "big") == PART:
                parts.append(envelope)
            return (envelope,)

        sessions = {i: open_session(plan, i, REPAIR) for i in plan.parties}
        run(
            {
                i: (s, begin_repair(s, CHAIN_CODE, others(shares, LOST).get(i), seed(i, label)))
                for i, s in sessions.items()
            },
            Tamper(intercept=tap),
        )
    assert len(parts) == len({part[-32:] for part in parts}) == 4


@pytest.mark.parametrize(
    ("helpers", "lost"),
    [
        ([0], 1),
        ([], 1),
        ([0, 1], 1),
        ([0, 0], 1),
        ([0, 3], 1),
        ([0, 2], 3),
        ([0, 2], -1),
        ([0, 2], True),
        ([0, -1], 1),
    ],
)
def test_impossible_repairs_are_refused(helpers, lost):
    with pytest.raises(UsageError):
        plan_repair(side(deal(2, 3, random.Random(2))), CHAIN_CODE, helpers, lost)


def test_repair_changes_neither_threshold_nor_epoch_nor_holders():
    plan = plan_repair(side(deal(2, 4, random.Random(3))), CHAIN_CODE, [0, 2], LOST)
    assert Plan.from_bytes(bytes(plan)) == plan
    for change in (
        {"t": 1},
        {"epoch": Epoch(1)},
        {"holders": (PartyId(0), PartyId(3))},
        {"holders": (PartyId(2), PartyId(0))},
        {"lost": None},
    ):
        with pytest.raises(UsageError):
            replace(plan, **change)


def test_session_that_does_not_fit_the_plan_is_refused():
    shares = deal(2, 4, random.Random(4))
    plan = plan_repair(side(shares), CHAIN_CODE, [0, 2], LOST)
    with pytest.raises(UsageError):
        begin_repair(open_session(plan, 3, REPAIR, [0, 1, 2, 3]), CHAIN_CODE, shares[3])
    with pytest.raises(UsageError, match="helper"):
        begin_repair(open_session(plan, 0, REPAIR), CHAIN_CODE, None)
    with pytest.raises(UsageError, match="helper"):
        begin_repair(open_session(plan, LOST, REPAIR), CHAIN_CODE, shares[LOST])
    with pytest.raises(UsageError, match="another party"):
        begin_repair(open_session(plan, 0, REPAIR), CHAIN_CODE, shares[2])
    with pytest.raises(UsageError, match="chain code"):
        begin_repair(open_session(plan, 0, REPAIR), bytes(32), shares[0])
    with pytest.raises(UsageError, match="repair"):
        begin_resharing(open_session(plan, 0, RESHARING), CHAIN_CODE, shares[0])
    stale = KeyShare(shares[0].info, PartyId(0), shares[0].secshare, CHAIN_CODE, 1)
    with pytest.raises(UsageError, match="another epoch"):
        begin_repair(open_session(plan, 0, REPAIR), CHAIN_CODE, stale)


# ---- one party deviates ----


@pytest.fixture(scope="module")
def shares():
    return deal(2, 4, random.Random(5))


@pytest.fixture(scope="module")
def plan(shares):
    return plan_repair(side(shares), CHAIN_CODE, [0, 2, 3], LOST)


def test_helper_that_sends_garbage_to_the_lost_one_is_proved(plan, shares):
    outcomes = repair(plan, others(shares, LOST), wrong_scalar_to(LOST, CHEAT, PART))
    error = outcomes[LOST].error
    assert isinstance(error, FaultyPartyError)
    assert error.culprits == {CHEAT: "part"}
    expect_dead(outcomes[LOST])
    expect_silent(error, shares)
    (proof,) = error.evidence
    assert third_party(roster_of(plan), proof) == f"{CHEAT} part"
    specs = {REPAIR.name: REPAIR}
    assert not replace(proof, check="share").holds(roster_of(plan), specs)
    assert not replace(proof, culprit=PartyId(0)).holds(roster_of(plan), specs)
    for left_out in range(len(proof.messages)):
        fewer = proof.messages[:left_out] + proof.messages[left_out + 1 :]
        assert not replace(proof, messages=fewer).holds(roster_of(plan), specs)


def test_second_dealing_of_the_lost_one_does_not_make_an_honest_helper_look_faulty(plan, shares):
    network, sent = recording()
    repair(plan, others(shares, LOST), network)
    liar, helper, lost = open_session(plan, LOST, REPAIR), PartyId(CHEAT), PartyId(LOST)
    revealed = Slot.broadcast(REVEAL, lost)
    second = liar.sign(revealed, sent[revealed].body[:65] + bytes(G) + sent[revealed].body[98:])
    outcomes = repair(plan, others(shares, LOST), wrong_scalar_to(LOST, CHEAT, PART))
    (true,) = outcomes[LOST].error.evidence
    specs = {REPAIR.name: REPAIR}
    honest = sent[Slot.direct(PART, helper, lost)]
    right = [honest if message.slot == honest.slot else message for message in true.messages]
    assert not accusation(liar, CHEAT, "part", right).holds(roster_of(plan), specs)
    lies = [second if message.slot == revealed else message for message in right]
    assert not accusation(liar, CHEAT, "part", lies).holds(roster_of(plan), specs)


def test_helper_that_sends_garbage_to_a_helper_is_proved(plan, shares):
    outcomes = repair(plan, others(shares, LOST), wrong_scalar_to(0, CHEAT, SHARE))
    error = outcomes[0].error
    assert error.culprits == {CHEAT: "share"}
    assert outcomes[LOST].result is None
    expect_silent(error, shares)
    (proof,) = error.evidence
    assert third_party(roster_of(plan), proof) == f"{CHEAT} share"


def test_wrong_weight_is_proved(plan, shares):
    all_of_them = openings(plan, others(shares, LOST))
    all_of_them[CHEAT] = with_constant(plan, CHEAT, shares[CHEAT], plan.weight(PartyId(CHEAT)) + Scalar(1))
    expect_blame(plan, run(all_of_them), CHEAT, "constant")


def test_who_lost_its_share_cannot_shift_the_result(plan, shares):
    all_of_them = openings(plan, others(shares, LOST))
    all_of_them[LOST] = with_constant(plan, LOST, None, Scalar(1))
    expect_blame(plan, run(all_of_them), LOST, "constant")


def test_part_out_of_range_is_proved(plan, shares):
    slot = Slot.direct(PART, PartyId(CHEAT), PartyId(LOST))
    outcomes = repair(plan, others(shares, LOST), changing(slot, lambda _: b"\xff" * 32, CHEAT))
    assert outcomes[LOST].error.culprits == {CHEAT: "encoding"}


def test_silent_helper_is_missing(plan, shares):
    slot = Slot.direct(PART, PartyId(CHEAT), PartyId(LOST))
    outcomes = repair(plan, others(shares, LOST), changing(slot, lambda _: None, CHEAT))
    assert isinstance(outcomes[LOST].error, SessionTimeout)
    assert outcomes[LOST].error.missing == {CHEAT}
