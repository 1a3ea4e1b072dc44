from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from presig_pool.errors import LeaseRefused
from presig_pool.refill import (
    BACK_OFF_SECONDS,
    LEASE_SECONDS,
    MAX_BACK_OFF_SECONDS,
    BackOff,
    BackOffs,
    Depth,
    Lease,
    Order,
    View,
    after_abort,
    after_success,
    claim,
    leader_at,
    lend,
    plan_refill,
    waits_until,
)
from presig_pool.state import Stock
from presig_pool.watermarks import Watermarks
from protocol.errors import UsageError
from protocol.ids import Epoch, PartyId
from tests.presig_pool.samples import NOW, stock

ME, PEER, THIRD = PartyId(0), PartyId(1), PartyId(2)
S = stock((0, 1))
T = stock((0, 2))
THREE = Stock(S.key, S.epoch, (ME, PEER, THIRD))


def counts(view: View) -> list[tuple[Stock, int]]:
    return [(order.stock, order.count) for order in plan_refill(view).orders]


def seen(depths: Mapping[Stock, Depth], **changes: object) -> View:
    return replace(View(ME, NOW, depths), **changes)  # type: ignore[arg-type]


# watermarks


@pytest.mark.parametrize(
    ("depth", "expected"),
    [
        (Depth(0), [32, 32, 32, 4]),
        (Depth(19), [32, 32, 17]),
        (Depth(20), []),
        (Depth(0, pending=20), []),
        (Depth(10, pending=5), [32, 32, 21]),
        (Depth(0, running=32), []),
        (Depth(100, wanted=10), [10]),
        (Depth(100, wanted=1000), [32, 18]),
        (Depth(150, wanted=1), []),
        (Depth(160, wanted=1), []),
        (Depth(10, wanted=5), [32, 32, 26]),
        (Depth(10, wanted=120), [32, 32, 32, 24]),
    ],
)
def test_a_refill_begins_below_low_and_goes_on_to_the_target(depth: Depth, expected: list[int]) -> None:
    assert counts(seen({S: depth})) == [(S, count) for count in expected]


def test_the_emptiest_stock_comes_first() -> None:
    marks = Watermarks(low=5, target=6, max=10)
    assert counts(seen({S: Depth(4), T: Depth(1)}, watermarks=marks)) == [(T, 5), (S, 2)]


def test_a_refill_yields_to_signatures_of_its_signers() -> None:
    depths = {S: Depth(0), T: Depth(30, wanted=4)}
    assert counts(seen(depths, signing=frozenset({PEER}))) == [(T, 4)]
    assert counts(seen(depths, signing=frozenset({ME}))) == []


def test_only_a_signer_refills() -> None:
    assert counts(seen({stock((1, 2)): Depth(0)})) == []
    with pytest.raises(UsageError):
        leader_at(S, None, NOW, THIRD)


# back-off


def test_back_off_doubles_to_an_hour() -> None:
    backoffs: BackOffs = {}
    waits = []
    for _ in range(12):
        backoffs = after_abort(backoffs, S, [PEER], ME, NOW)
        waits.append(backoffs[PEER].until - NOW)
    assert waits[:3] == [BACK_OFF_SECONDS, 2 * BACK_OFF_SECONDS, 4 * BACK_OFF_SECONDS]
    assert waits[-1] == MAX_BACK_OFF_SECONDS
    assert waits == sorted(waits)
    plan = plan_refill(seen({S: Depth(0), T: Depth(0)}, backoffs=backoffs))
    assert plan.waiting == {S: NOW + MAX_BACK_OFF_SECONDS}
    assert {order.stock for order in plan.orders} == {T}
    assert not plan_refill(seen({S: Depth(50)}, backoffs=backoffs)).waiting  # it is not short
    over = plan_refill(seen({S: Depth(0)}, backoffs=backoffs, now=NOW + MAX_BACK_OFF_SECONDS))
    assert over.waiting == {}
    assert after_success(backoffs, S) == {}
    assert after_success(backoffs, T) == backoffs


def test_an_abort_without_blame_backs_off_from_these_signers_alone() -> None:
    for blamed in ([], [ME], [PartyId(9)]):
        backoffs = after_abort({}, THREE, blamed, ME, NOW)
        assert set(backoffs) == {THREE}
        plan = plan_refill(seen({THREE: Depth(0), S: Depth(0), T: Depth(0)}, backoffs=backoffs))
        assert plan.waiting == {THREE: NOW + BACK_OFF_SECONDS}
        assert {order.stock for order in plan.orders} == {S, T}
    assert set(after_abort({}, THREE, [THIRD, ME], ME, NOW)) == {THIRD}


def test_success_of_some_signers_ends_no_back_off_of_others() -> None:
    backoffs: BackOffs = after_abort(after_abort({}, THREE, [], ME, NOW), T, [THIRD], ME, NOW)
    assert after_success(backoffs, S) == backoffs
    assert set(after_success(backoffs, T)) == {THREE}
    assert after_success(backoffs, THREE) == {}


def test_a_stock_waits_for_the_longest_back_off_of_its_signers_and_its_own() -> None:
    backoffs: BackOffs = {PEER: BackOff(1, NOW + 5), THIRD: BackOff(2, NOW + 9), ME: BackOff(9, NOW + 99)}
    assert plan_refill(seen({THREE: Depth(0)}, backoffs=backoffs)).waiting == {THREE: NOW + 9}
    assert waits_until({**backoffs, THREE: BackOff(3, NOW + 12)}, THREE, ME) == NOW + 12
    assert waits_until({}, THREE, ME) == 0


# leases


def test_signers_lead_in_turn_until_one_renews() -> None:
    assert leader_at(S, None, NOW, PEER) == (ME, 0)
    held = Lease(S, PEER, 7, NOW)
    assert leader_at(S, held, NOW - 1, ME) == (PEER, 7)
    assert leader_at(S, held, NOW, ME) == (ME, 8)
    assert leader_at(S, held, NOW + LEASE_SECONDS, ME) == (PEER, 9)
    with pytest.raises(UsageError):
        leader_at(T, held, NOW, ME)


def test_the_plan_of_who_does_not_lead_is_empty() -> None:
    lease = Lease(S, PEER, 1, NOW + 1)
    assert counts(seen({S: Depth(0)}, leases={S: lease})) == []
    (order, *_) = plan_refill(seen({S: Depth(0)}, leases={S: replace(lease, leader=ME)})).orders
    assert order == Order(S, 32, 1)


@pytest.mark.parametrize(
    ("asked", "now", "accepted"),
    [
        (Lease(S, PEER, 4, 0), NOW, True),  # a renewal
        (Lease(S, PEER, 5, 0), NOW, False),  # of another number
        (Lease(S, PEER, 3, 0), NOW, False),
        (Lease(S, ME, 5, 0), NOW, False),  # while another leads
        (Lease(S, ME, 5, 0), NOW + 10, True),
        (Lease(S, ME, 4, 0), NOW + 10, False),
        (Lease(S, PEER, 4, 0), NOW + 10, False),  # over
        (Lease(S, PEER, 5, 0), NOW + 10, True),
        (Lease(S, THIRD, 5, 0), NOW + 10, False),  # no signer
        (Lease(stock((0, 1), 1), ME, 5, 0), NOW + 10, False),  # another epoch
    ],
)
def test_a_signer_lends_to_one_leader_at_a_time(asked: Lease, now: int, accepted: bool) -> None:
    held = Lease(S, PEER, 4, NOW + 10)
    if accepted:
        assert lend(held, asked, Epoch(0), now) == replace(asked, until=now + LEASE_SECONDS)
    else:
        with pytest.raises(LeaseRefused):
            lend(held, asked, Epoch(0), now)


def test_a_lease_of_an_old_epoch_is_refused() -> None:
    with pytest.raises(LeaseRefused, match="epoch"):
        lend(None, Lease(S, ME, 0, 0), Epoch(1), NOW)
    with pytest.raises(UsageError):
        lend(Lease(T, ME, 0, 0), Lease(S, ME, 1, 0), Epoch(0), NOW)


def test_a_user_orders_a_refill_out_of_turn_but_not_while_another_leads() -> None:
    assert claim(S, None, NOW, PEER) == Lease(S, PEER, 0, NOW + LEASE_SECONDS)
    held = Lease(S, ME, 7, NOW)
    assert claim(S, held, NOW, PEER) == Lease(S, PEER, 8, NOW + LEASE_SECONDS)
    assert claim(S, held, NOW - 1, ME) == held
    with pytest.raises(LeaseRefused, match="party 0 leads"):
        claim(S, held, NOW - 1, PEER)
    (order, *_) = plan_refill(seen({S: Depth(0)}, me=PEER, leases={S: claim(S, held, NOW, PEER)})).orders
    assert order.fence == 8


# properties

STOCKS = [S, T, stock((1, 2)), THREE, stock((0, 1), 1)]
small = st.integers(0, 200)
depths = st.builds(Depth, small, small, st.integers(0, 64), small)
marks = st.lists(st.integers(1, 160), min_size=3, max_size=3).flatmap(
    lambda three: st.builds(
        Watermarks, *map(st.just, sorted(three)), batch=st.integers(1, 40)
    )
)  # fmt: skip
times = st.integers(NOW - 500, NOW + 500)
backoffs = st.dictionaries(
    st.sampled_from([ME, PEER, THIRD, S, THREE]), st.builds(BackOff, st.integers(1, 9), times), max_size=3
)


@st.composite
def views(draw: st.DrawFn) -> View:
    stocks = draw(st.lists(st.sampled_from(STOCKS), unique=True))
    leases = {
        s: Lease(s, draw(st.sampled_from(s.signers)), draw(st.integers(0, 5)), draw(times))
        for s in stocks
        if draw(st.booleans())
    }
    return View(
        draw(st.sampled_from([ME, PEER, THIRD])),
        NOW,
        {s: draw(depths) for s in stocks},
        leases,
        draw(backoffs),
        frozenset(draw(st.sets(st.sampled_from([ME, PEER, THIRD]), max_size=1))),
        draw(marks),
    )


@settings(max_examples=150, deadline=None)
@given(views())
def test_a_plan_keeps_the_rules(view: View) -> None:
    plan = plan_refill(view)
    assert plan == plan_refill(view)
    for s, depth in view.depths.items():
        mine = [order for order in plan.orders if order.stock == s]
        total = sum(order.count for order in mine)
        assert not mine or depth.expected + total <= view.watermarks.max
        assert not mine or depth.running == 0
        assert all(0 < order.count <= view.watermarks.batch for order in mine)
        assert total <= max(view.watermarks.target - depth.expected, depth.wanted, 0)
        if mine:
            assert view.me in s.signers
            assert s not in plan.waiting
            assert not view.signing & set(s.signers)
            assert leader_at(s, view.leases.get(s), NOW, view.me) == (view.me, mine[0].fence)
            assert waits_until(view.backoffs, s, view.me) <= NOW
    for s, until in plan.waiting.items():
        causes = [cause for cause, held in view.backoffs.items() if held.until == until > NOW]
        assert {s, *s.signers} & set(causes)


@settings(max_examples=150, deadline=None)
@given(st.sets(st.sampled_from([S, THREE]), min_size=1), depths, times)
def test_of_those_who_see_the_same_one_leads(stocks: set[Stock], depth: Depth, until: int) -> None:
    leases = {s: Lease(s, s.signers[-1], 3, until) for s in stocks}
    for s in stocks:
        leaders = [
            me
            for me in s.signers
            if any(order.stock == s for order in plan_refill(View(me, NOW, {s: depth}, leases)).orders)
        ]
        assert len(leaders) <= 1


steps = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 90), st.booleans()), max_size=60)


@settings(max_examples=150, deadline=None)
@given(steps, st.lists(st.integers(-300, 300), min_size=3, max_size=3), st.integers(0, 2))
def test_no_two_leaders_ever_have_the_consent_of_all(
    asks: list[tuple[int, int, bool]], skews: list[int], liar: int
) -> None:
    """Clocks differ, requests are lost or partly answered, and one signer asks out of turn."""
    held: list[Lease | None] = [None, None, None]
    now = NOW

    def leading() -> set[PartyId]:
        """Those to whom every signer, by its own clock, lends at this moment."""
        live = {
            lease.leader if lease is not None and now + skews[i] < lease.until else PartyId(-1 - i)
            for i, lease in enumerate(held)
        }
        return live if len(live) == 1 else set()

    for who, passed, out_of_turn in asks:
        now += passed
        me = PartyId(who)
        leader, fence = leader_at(THREE, held[who], now + skews[who], me)
        if leader != me and not (out_of_turn and who == liar):
            continue
        asked = Lease(THREE, me, fence, 2**62)
        before = leading()
        answers = 0
        for i in (who, *(i for i in range(3) if i != who)):
            try:
                held[i] = lend(held[i], asked, Epoch(0), now + skews[i])
                answers += 1
            except LeaseRefused:
                break
        if answers == 3:
            assert before <= {me}
            assert leading() == {me}
