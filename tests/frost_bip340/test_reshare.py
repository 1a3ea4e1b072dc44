"""Resharing keeps the key whoever holds it, and every deviation is proved against who deviated."""

import random
from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frost_bip340.resharing import REPAIR, RESHARING, begin_repair, begin_resharing
from native.curve import G, PointVector, Scalar, mul_base
from native.errors import WipedError
from native.secret import SecretScalars
from protocol.codec import decode
from protocol.driver import Tamper, run
from protocol.errors import EncodingError, FaultyPartyError, SessionTimeout, UnattributedAbort, UsageError
from protocol.evidence import Evidence
from protocol.ids import COORDINATOR, Epoch, PartyId
from protocol.resharing.checks import share_slots
from protocol.resharing.dealing import knows_constant
from protocol.resharing.key import plan_refresh, plan_resharing
from protocol.resharing.messages import COMMIT, COMPLAINT, REVEAL, SHARE, CommitMsg, ComplaintMsg
from protocol.resharing.plan import Plan, Sharing
from protocol.session import Session
from protocol.signed import ENVELOPE_OVERHEAD, Kind, SignedMessage, Slot, read_envelope
from protocol.vss import interpolate

from .parties import CHAIN_CODE, deal
from .resharing_cheats import (
    dealing_of,
    opening,
    openings,
    with_constant,
    with_digest,
    with_other_shares,
    with_reveal,
    wrong_scalar_to,
)
from .resharing_run import (
    by_new_id,
    changing,
    every_quorum_signs,
    expect_blame,
    expect_dead,
    expect_silent,
    hand_over,
    host_key,
    open_session,
    reshare,
    roster_of,
    side,
    third_party,
)

CHEAT, VICTIM = 1, 0


@st.composite
def changes(draw):
    t = draw(st.integers(1, 3))
    n = t + draw(st.integers(0, 2))
    hosts = n + draw(st.integers(0, 3))
    quorum = draw(st.sets(st.integers(0, n - 1), min_size=t))
    holders = draw(st.permutations(range(hosts)))[: draw(st.integers(1, min(hosts, 5)))]
    # the roster has no gaps: newcomers are n, n + 1, ...
    new = sorted(i for i in holders if i >= n)
    holders = [n + new.index(i) if i >= n else i for i in holders]
    return t, n, sorted(quorum), draw(st.integers(1, len(holders))), holders


@settings(max_examples=15, deadline=None)
@given(changes(), st.randoms(use_true_random=False))
def test_resharing_keeps_the_key_and_every_new_quorum_signs(change, rng):
    t, n, quorum, new_t, holders = change
    shares = deal(t, n, rng)
    plan = plan_resharing(side(shares), CHAIN_CODE, quorum, new_t, holders)
    parties = sorted({*plan.parties, *rng.sample(range(n), rng.randint(0, n))})
    given_shares = {i: shares[i] for i in range(n) if i in parties}
    moved = hand_over(plan, given_shares, parties=parties)
    assert {i for i in parties if moved[i] is None} == set(parties) - set(holders)
    new = by_new_id(moved.values())
    assert [moved[i].party for i in holders] == list(range(len(holders)))
    assert new[0].info.thresh_pk == shares[0].info.thresh_pk
    assert (new[0].info.t, new[0].info.n, new[0].epoch) == (new_t, len(holders), 1)
    assert every_quorum_signs(new)


def test_old_and_new_shares_do_not_mix():
    shares = deal(2, 3, random.Random(1))
    plan = plan_resharing(side(shares), CHAIN_CODE, [0, 2], 2, [0, 1, 2])
    new = by_new_id(hand_over(plan, {0: shares[0], 2: shares[2]}).values())
    for i, j in combinations(range(3), 2):
        for a, b in ((shares, new), (new, shares)):
            key = interpolate(SecretScalars.concat([a[i].secshare, b[j].secshare]), [i, j])
            assert mul_base(key)[0] != shares[0].info.thresh_pk


def test_who_lost_its_share_gets_a_new_one_by_resharing_without_it():
    shares = deal(2, 3, random.Random(2))
    plan = plan_resharing(side(shares), CHAIN_CODE, [0, 2], 2, [0, 1, 2])
    assert every_quorum_signs(by_new_id(hand_over(plan, {0: shares[0], 2: shares[2]}).values()))


def test_largest_groups_are_planned_and_larger_ones_refused():
    shares = deal(2, 128, random.Random(3))
    assert plan_refresh(side(shares), CHAIN_CODE).t == 2
    plan = plan_resharing(side(shares), CHAIN_CODE, [5, 127], 128, range(128))
    assert Plan.from_bytes(bytes(plan)) == plan
    with pytest.raises(UsageError):
        plan_resharing(side(shares), CHAIN_CODE, [5, 127], 2, range(129))


@pytest.mark.parametrize(
    ("quorum", "t", "holders"),
    [
        ([0, 1], 0, [0, 1, 2]),
        ([0, 1], -1, [0, 1, 2]),
        ([0, 1], 4, [0, 1, 2]),
        ([0, 1], 1, []),
        ([0, 1], True, [0, 1, 2]),
        ([0, 1], 2, [0, 1, 1]),
        ([0, 1], 2, [0, 1, -1]),
        ([0, 1], 2, [0, 1, 128]),
        ([0, 1], 2, [0, True, 2]),
        ([0], 2, [0, 1, 2]),
        ([], 2, [0, 1, 2]),
        ([0, 0], 2, [0, 1, 2]),
        ([0, 3], 2, [0, 1, 2]),
        ([0, -1], 2, [0, 1, 2]),
        ([False, 1], 2, [0, 1, 2]),
    ],
)
def test_impossible_plans_are_refused(quorum, t, holders):
    with pytest.raises(UsageError):
        plan_resharing(side(deal(2, 3, random.Random(4))), CHAIN_CODE, quorum, t, holders)


def test_plan_must_fit_the_key_and_go_forward():
    old = side(deal(2, 3, random.Random(5)))
    plan = plan_resharing(old, CHAIN_CODE, [0, 1], 2, [0, 1, 2])
    for epoch in (0, -1, 1 << 64, True):
        with pytest.raises(UsageError):
            replace(plan, epoch=epoch)
    with pytest.raises(UsageError, match="ascending"):
        replace(plan, quorum=(1, 0))
    with pytest.raises(UsageError, match="match the key"):
        replace(plan, old=replace(old, key=old.key + G))
    for length in (0, 31, 33):
        with pytest.raises(UsageError):
            replace(plan, context=bytes(length))
    with pytest.raises(UsageError):
        replace(plan, lost=PartyId(2))


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_plan_has_one_encoding(data):
    plan = plan_resharing(side(deal(2, 3, random.Random(6))), CHAIN_CODE, [0, 1], 2, [3, 1])
    encoding = bytes(plan)
    assert Plan.from_bytes(encoding) == plan
    at = data.draw(st.integers(0, len(encoding) - 1))
    flipped = bytearray(encoding)
    flipped[at] ^= 1 << data.draw(st.integers(0, 7))
    try:
        other = Plan.from_bytes(bytes(flipped))
    except EncodingError:
        pass
    else:
        assert bytes(other) == bytes(flipped)
        assert other != plan
    for wrong in (encoding[:at], encoding + b"\0"):
        with pytest.raises(EncodingError):
            Plan.from_bytes(wrong)


def test_public_side_refuses_infinity_and_bad_sizes():
    old = side(deal(2, 3, random.Random(7)))
    for change in ({"key": G - G}, {"pubshares": (G, G - G)}, {"t": 4}, {"t": 0}, {"epoch": -1}):
        with pytest.raises(UsageError):
            replace(old, **change)
    assert Sharing(G, 1, (G,), Epoch(0)).n == 1


def test_session_of_other_parties_than_the_plan_is_refused():
    shares = deal(2, 3, random.Random(8))
    plan = plan_resharing(side(shares), CHAIN_CODE, [0, 1], 2, [0, 3])
    with pytest.raises(UsageError):
        reshare(plan, {0: shares[0], 1: shares[1]}, parties=[0, 1])
    wider = replace(plan, holders=(PartyId(0), PartyId(4)))
    with pytest.raises(UsageError):
        reshare(wider, {0: shares[0], 1: shares[1]}, parties=[0, 1, 3, 4])
    session = open_session(plan, 0, REPAIR)
    with pytest.raises(UsageError, match="repair"):
        begin_repair(session, CHAIN_CODE, shares[0])
    bad = replace(session.header, params=b"", protocol=RESHARING.name)
    with pytest.raises(UsageError, match="no plan"):
        begin_resharing(
            Session(RESHARING, bad, session.roster, PartyId(0), host_key(0)), CHAIN_CODE, shares[0]
        )
    keys = replace(session.roster, coordinator=session.roster.keys[0])
    led = replace(session.header, roster=keys.digest, protocol=RESHARING.name)
    with pytest.raises(UsageError, match="only parties"):
        begin_resharing(Session(RESHARING, led, keys, COORDINATOR, host_key(0)), CHAIN_CODE, shares[0])


# ---- one party deviates ----


@pytest.fixture(scope="module")
def shares():
    return deal(2, 3, random.Random(9))


@pytest.fixture(scope="module")
def plan(shares):
    # party 2 is an old holder outside the quorum, party 3 a newcomer
    return plan_resharing(side(shares), CHAIN_CODE, [0, 1], 2, [0, 1, 2, 3])


def cheated(plan, shares, party, cheat):
    return run({**openings(plan, dict(enumerate(shares))), party: cheat})


def test_honest_run_of_the_same_openings_succeeds(plan, shares):
    outcomes = run(openings(plan, dict(enumerate(shares))))
    assert every_quorum_signs(by_new_id(outcome.result.share for outcome in outcomes.values()))


def test_wrong_lambda_is_proved(plan, shares):
    cheat = with_constant(plan, CHEAT, shares[CHEAT], plan.weight(PartyId(CHEAT)) + Scalar(1))
    error = expect_blame(plan, cheated(plan, shares, CHEAT, cheat), CHEAT, "constant")
    expect_silent(error, shares)


def test_unweighted_share_is_proved(plan, shares):
    cheat = with_constant(plan, CHEAT, shares[CHEAT], Scalar(1))
    expect_blame(plan, cheated(plan, shares, CHEAT, cheat), CHEAT, "constant")


@pytest.mark.parametrize("party", [2, 3])
def test_change_of_the_key_by_a_party_outside_the_quorum_is_proved(plan, shares, party):
    cheat = with_constant(plan, party, shares[2] if party == 2 else None, Scalar(1))
    expect_blame(plan, cheated(plan, shares, party, cheat), party, "constant")


def test_wrong_proof_of_knowledge_is_proved(plan, shares):
    honest = opening(plan, CHEAT, shares[CHEAT])
    reveal = dealing_of(honest).reveal
    cheat = with_reveal(honest, replace(reveal, z=reveal.z + Scalar(1)))
    expect_blame(plan, cheated(plan, shares, CHEAT, cheat), CHEAT, "knowledge")


@pytest.mark.parametrize("source", ["another session", "another party"])
def test_proof_of_knowledge_from_elsewhere_is_proved(plan, shares, source):
    party, label = (CHEAT, b"another") if source == "another session" else (VICTIM, b"")
    foreign = dealing_of(opening(plan, party, shares[party], label)).reveal
    honest = opening(plan, CHEAT, shares[CHEAT])
    cheat = with_reveal(honest, replace(dealing_of(honest).reveal, R=foreign.R, z=foreign.z))
    expect_blame(plan, cheated(plan, shares, CHEAT, cheat), CHEAT, "knowledge")


def test_proof_of_knowledge_holds_for_its_prover_and_session_only(plan, shares):
    session, _ = honest = opening(plan, CHEAT, shares[CHEAT])
    reveal = dealing_of(honest).reveal
    assert knows_constant(session.header, PartyId(CHEAT), reveal)
    assert not knows_constant(session.header, PartyId(VICTIM), reveal)
    elsewhere = open_session(plan, CHEAT, RESHARING, label=b"elsewhere")
    assert not knows_constant(elsewhere.header, PartyId(CHEAT), reveal)


def test_reveal_of_something_else_than_committed_is_proved(plan, shares):
    honest = opening(plan, CHEAT, shares[CHEAT])
    reveal = dealing_of(honest).reveal
    cheat = with_reveal(honest, replace(reveal, salt=bytes(32)), committed=reveal)
    error = expect_blame(plan, cheated(plan, shares, CHEAT, cheat), CHEAT, "commitment")
    expect_silent(error, shares)


def test_copied_commitment_is_proved_even_with_the_copied_opening(plan, shares):
    copied = dealing_of(opening(plan, VICTIM, shares[VICTIM]))
    cheat = with_digest(opening(plan, CHEAT, shares[CHEAT]), copied.commit.digest, copied.reveal)
    expect_blame(plan, cheated(plan, shares, CHEAT, cheat), CHEAT, "commitment")


def test_all_who_cheat_in_one_round_are_named(plan, shares):
    all_of_them = openings(plan, dict(enumerate(shares)))
    all_of_them[1] = with_constant(plan, 1, shares[1], Scalar(1))
    all_of_them[3] = with_constant(plan, 3, None, Scalar(5))
    errors = [outcome.error for outcome in run(all_of_them).values()]
    # the first to see it names both; its evidence ends the sessions of the others
    (error,) = [error for error in errors if error.culprits == {1: "constant", 3: "constant"}]
    proved = [third_party(roster_of(plan), proof) for proof in error.evidence]
    assert proved == ["1 constant", "3 constant"]


@pytest.mark.parametrize("points", [1, 3])
def test_commitment_of_another_length_is_proved(plan, shares, points):
    # 32 salt, 33 each for C_0, C_1 and R, 32 z
    def resize(body: bytes) -> bytes:
        return body[:65] + body[65:98] * (points - 1) + body[98:]

    tamper = changing(Slot.broadcast(REVEAL, PartyId(CHEAT)), resize, CHEAT)
    expect_blame(plan, reshare(plan, dict(enumerate(shares)), tamper), CHEAT, "size")


BAD_POINTS = {
    "infinity": bytes(33),
    "not on the curve": b"\2" + bytes(31) + b"\5",
    "hybrid": b"\6" + b"\1" * 32,
}


@pytest.mark.parametrize("point", BAD_POINTS.values(), ids=BAD_POINTS)
@pytest.mark.parametrize(
    ("number", "at"),
    [(COMMIT, 32), (COMMIT, 131), (REVEAL, 65), (REVEAL, 98)],
    ids=["key", "last key", "C", "R"],
)
def test_bad_point_is_proved(plan, shares, number, at, point):
    slot = Slot.broadcast(number, PartyId(CHEAT))
    tamper = changing(slot, lambda body: body[:at] + point + body[at + 33 :], CHEAT)
    outcomes = reshare(plan, dict(enumerate(shares)), tamper)
    for i in (0, 2, 3):
        assert outcomes[i].error.culprits == {CHEAT: "encoding"}
        (proof,) = outcomes[i].error.evidence
        assert proof.holds(roster_of(plan), {RESHARING.name: RESHARING})
        expect_dead(outcomes[i])


@pytest.mark.parametrize("number", [COMMIT, REVEAL])
def test_two_views_are_proved(plan, shares, number):
    def mutate(slot: Slot, receiver: PartyId, body: bytes) -> bytes:
        if slot == Slot.broadcast(number, PartyId(CHEAT)) and receiver == VICTIM:
            return bytes(32) + body[32:]
        return body

    tamper = Tamper(corrupted={PartyId(CHEAT)}, mutate=mutate)
    expect_blame(plan, reshare(plan, dict(enumerate(shares)), tamper), CHEAT, "equivocation")


def test_wrong_share_is_proved_and_nobody_can_go_on(plan, shares):
    outcomes = run(openings(plan, dict(enumerate(shares))), wrong_scalar_to(VICTIM, CHEAT))
    error = outcomes[VICTIM].error
    assert isinstance(error, FaultyPartyError)
    assert error.culprits == {CHEAT: "share"}
    expect_dead(outcomes[VICTIM])
    expect_silent(error, shares)
    (proof,) = error.evidence
    assert third_party(roster_of(plan), Evidence.from_bytes(bytes(proof))) == f"{CHEAT} share"
    # who finished before it learned of this has old shares still, and no certificate without the victim
    finished = {i: outcome.result for i, outcome in outcomes.items() if outcome.result}
    confirmations = {i: item.confirm(host_key(i)) for i, item in finished.items()}
    for item in finished.values():
        with pytest.raises(UsageError):
            item.certify(confirmations)


def test_wrong_shares_of_several_dealers_are_all_proved(plan, shares):
    all_of_them = openings(plan, dict(enumerate(shares)))
    for party in (CHEAT, 3):
        other = opening(plan, party, shares[party] if party < 3 else None, b"other")
        all_of_them[party] = with_other_shares(all_of_them[party], other)

    def only_to_the_victim(_sender, receiver, envelope):
        is_share = int.from_bytes(envelope[32:34], "big") == SHARE
        return () if is_share and receiver != VICTIM else (envelope,)

    error = run(all_of_them, Tamper(intercept=only_to_the_victim))[VICTIM].error
    assert error.culprits == {CHEAT: "share", 3: "share"}
    assert all(proof.holds(roster_of(plan), {RESHARING.name: RESHARING}) for proof in error.evidence)


def test_complaint_about_a_right_share_proves_nothing(plan, shares):
    outcomes = run(openings(plan, dict(enumerate(shares))), wrong_scalar_to(VICTIM, CHEAT))
    (proof,) = outcomes[VICTIM].error.evidence
    specs, keys = {RESHARING.name: RESHARING}, roster_of(plan)
    assert proof.holds(keys, specs)
    # the same messages, but the share that an honest dealer sends to the same receiver
    honest: list[bytes] = []

    def tap(sender, receiver, envelope):
        if (sender, receiver) == (CHEAT, VICTIM):
            honest.append(envelope)
        return (envelope,)

    run(openings(plan, dict(enumerate(shares))), Tamper(intercept=tap))
    session = open_session(plan, CHEAT, RESHARING)
    share = next(e[ENVELOPE_OVERHEAD:] for e in honest if len(e) == ENVELOPE_OVERHEAD + 32)
    slot = Slot.direct(SHARE, PartyId(CHEAT), PartyId(VICTIM))
    right = session.sign(slot, share)
    messages = tuple(right if message.slot == slot else message for message in proof.messages)
    assert not replace(proof, messages=messages).holds(keys, specs)
    # a key that is not the announced one opens nothing
    victim = open_session(plan, VICTIM, RESHARING)
    slot = Slot.direct(COMPLAINT, PartyId(VICTIM), PartyId(CHEAT))
    lie = victim.sign(slot, bytes(ComplaintMsg(Scalar(7))))
    messages = tuple(lie if message.slot == slot else message for message in proof.messages)
    assert not replace(proof, messages=messages).holds(keys, specs)
    for check in ("part", "constant", "knowledge", "commitment", "unknown"):
        assert not replace(proof, check=check).holds(keys, specs)
    assert not replace(proof, culprit=PartyId(VICTIM)).holds(keys, specs)
    assert not replace(proof, culprit=COORDINATOR).holds(keys, specs)
    for left_out in range(len(proof.messages)):
        fewer = proof.messages[:left_out] + proof.messages[left_out + 1 :]
        assert not replace(proof, messages=fewer).holds(keys, specs)


def test_victim_with_a_second_first_message_frames_nobody(plan, shares):
    seen: dict[Slot, SignedMessage] = {}

    def tap(sender, receiver, envelope):
        _, message = read_envelope(envelope, PartyId(sender), PartyId(receiver))
        if VICTIM in (sender, receiver):
            seen[message.slot] = message
        return (envelope,)

    reshare(plan, dict(enumerate(shares)), Tamper(intercept=tap))
    victim = open_session(plan, VICTIM, RESHARING)
    slots = [*share_slots(PartyId(CHEAT), PartyId(VICTIM)), Slot(COMMIT, Kind.ECHO, PartyId(CHEAT))]
    # a key other than the one that the dealer encrypted to, in a first message made for the third party
    commit = decode(
        seen[slots[1]].body, CommitMsg.size(victim.header), lambda r: CommitMsg.read(r, victim.header)
    )
    keys = [mul_base(SecretScalars.from_bytes(bytes(Scalar(7))))[0] for _ in commit.keys]
    second = victim.sign(slots[1], bytes(CommitMsg(commit.digest, PointVector(keys))))
    key = bytes(ComplaintMsg(Scalar(7)))
    complaint = victim.sign(Slot.direct(COMPLAINT, PartyId(VICTIM), PartyId(CHEAT)), key)
    specs = {RESHARING.name: RESHARING}
    for bound in (slots, slots[:-1]):
        messages = [second if slot == slots[1] else seen[slot] for slot in bound]
        ordered = tuple(sorted([*messages, complaint], key=lambda message: message.slot))
        assert not Evidence(victim.header, PartyId(CHEAT), "share", ordered).holds(roster_of(plan), specs)


def test_coordinator_that_signs_like_a_dealer_is_no_dealer(plan, shares):
    outcomes = run(openings(plan, dict(enumerate(shares))), wrong_scalar_to(VICTIM, CHEAT))
    (proof,) = outcomes[VICTIM].error.evidence
    roster = replace(roster_of(plan), coordinator=roster_of(plan).keys[CHEAT])
    header = replace(proof.header, roster=roster.digest)
    messages = []
    for message in proof.messages:
        slot, signer = message.slot, message.slot.sender
        places = [COORDINATOR if party == CHEAT else party for party in (slot.sender, slot.receiver)]
        session = Session(RESHARING, header, roster, places[0], host_key(signer))
        messages.append(session.sign(replace(slot, sender=places[0], receiver=places[1]), message.body))
    messages.sort(key=lambda message: message.slot)
    for check in ("share", "part"):
        forged = Evidence(header, COORDINATOR, check, tuple(messages))
        assert not forged.holds(roster, {RESHARING.name: RESHARING})


def test_share_out_of_range_is_proved(plan, shares):
    slot = Slot.direct(SHARE, PartyId(CHEAT), PartyId(VICTIM))
    outcomes = reshare(plan, dict(enumerate(shares)), changing(slot, lambda _: b"\xff" * 32, CHEAT))
    assert outcomes[VICTIM].error.culprits == {CHEAT: "encoding"}


@pytest.mark.parametrize("number", [COMMIT, REVEAL, SHARE])
def test_silent_party_is_missing_and_not_blamed(plan, shares, number):
    tamper = Tamper(
        corrupted={PartyId(CHEAT)}, mutate=lambda slot, _, body: None if slot.round == number else body
    )
    outcomes = reshare(plan, dict(enumerate(shares)), tamper)
    for i in (0, 2, 3):
        assert isinstance(outcomes[i].error, SessionTimeout)
        assert outcomes[i].error.missing == {CHEAT}


def test_messages_of_another_session_are_nobodys_fault(plan, shares):
    recorded: dict[tuple[int, int], bytes] = {}

    def tap(sender, receiver, envelope):
        recorded.setdefault((sender, receiver), envelope)
        return (envelope,)

    reshare(plan, dict(enumerate(shares)), Tamper(intercept=tap), label=b"earlier")

    def replay(sender, receiver, envelope):
        return (recorded[sender, receiver],) if sender == CHEAT else (envelope,)

    outcomes = reshare(plan, dict(enumerate(shares)), Tamper(intercept=replay))
    for i in (0, 2, 3):
        assert isinstance(outcomes[i].error, UnattributedAbort)


def test_parties_with_different_plans_accept_nothing_from_each_other(plan, shares):
    all_of_them = openings(plan, dict(enumerate(shares)))
    other = replace(plan, t=3)
    all_of_them[3] = opening(other, 3, None)
    outcomes = run(all_of_them)
    assert all(isinstance(outcome.error, UnattributedAbort | SessionTimeout) for outcome in outcomes.values())


def test_failed_session_wipes_what_it_drew_and_not_the_old_share(plan, shares):
    all_of_them = openings(plan, dict(enumerate(shares)))
    all_of_them[CHEAT] = with_constant(plan, CHEAT, shares[CHEAT], Scalar(1))
    drawn = [secret for i in (0, 2, 3) for secret in all_of_them[i][1].round.secrets()]
    run(all_of_them)
    for secret in drawn:
        with pytest.raises(WipedError):
            secret.declassify()
    assert all(share.secshare.declassify() for share in shares)


def test_public_side_that_is_none_is_malformed():
    data = bytes(side(deal(2, 3, random.Random(6))))
    assert bytes(decode(data, len(data), Sharing.read)) == data
    for t in (0, 4):
        with pytest.raises(EncodingError, match="threshold"):
            decode(data[:1] + bytes([t]) + data[2:], len(data), Sharing.read)
