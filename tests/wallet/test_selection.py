"""Coin selection: against brute force, against BDK, and its limits."""

import random
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.wallet.fakes import foreign_coin
from wallet.account import Branch, KeyPath
from wallet.amounts import FeeRate, Sats
from wallet.coins import Coin
from wallet.errors import InsufficientFundsError, RefusedError
from wallet.fees import ChangeCost, input_fee
from wallet.script import INPUT_WEIGHT, ScriptType, p2tr, p2wpkh
from wallet.script_index import Owner
from wallet.selection import (
    COMFORTABLE_CHANGE,
    Goal,
    branch_and_bound,
    select,
    single_random_draw,
)
from wallet.tx import MAX_STANDARD_WEIGHT, TxOut

SCRIPTS = {ScriptType.P2WPKH: p2wpkh(bytes(20)), ScriptType.P2TR: p2tr(bytes(32))}
TR = ScriptType.P2TR


def coin(value, kind=TR):
    out = TxOut(Sats(value), SCRIPTS[kind])
    owner = Owner(0, KeyPath(Branch.RECEIVE, 0))
    return Coin(foreign_coin(), out, kind, owner, 1, 1, False, True, False, False, None)


def goal(amount, rate=5000, max_weight=MAX_STANDARD_WEIGHT, **fields):
    change = ChangeCost.of(TR, SCRIPTS[TR], FeeRate(rate))
    return Goal(amount, FeeRate(rate), change, max_weight, **fields)


def values(coins):
    return sorted(each.value for each in coins)


def effective(coins, aim):
    return sum(map(aim.effective_value, coins))


def window(aim):
    return aim.amount + aim.change.create + aim.change.spend


def brute_force(pool, aim):
    """Return the waste of the best subset without change, or None."""
    best = None
    for size in range(1, len(pool) + 1):
        for subset in combinations(pool, size):
            value = effective(subset, aim)
            weight = sum(INPUT_WEIGHT[each.kind] for each in subset)
            if aim.amount <= value <= window(aim) and weight <= aim.max_weight:
                waste = waste_of(subset, aim)
                best = waste if best is None else min(best, waste)
    return best


def waste_of(coins, aim):
    return sum(map(aim.waste, coins)) + effective(coins, aim) - aim.amount


POOLS = st.lists(
    st.builds(coin, st.integers(2000, 9000), st.sampled_from(sorted(SCRIPTS, key=str))), max_size=10
)
RATES = st.sampled_from([0, 1000, 5000, 10_000, 20_000])


@given(POOLS, st.integers(1, 40_000), RATES, st.integers(200, 2000))
@settings(max_examples=300, deadline=None)
def test_branch_and_bound_finds_the_least_waste_iff_brute_force_finds_any(pool, amount, rate, max_weight):
    aim = goal(amount, rate, max_weight)
    pool = [each for each in pool if aim.effective_value(each) > 0]
    found = branch_and_bound(pool, amount, max_weight, aim)
    best = brute_force(pool, aim)
    assert (found is None) == (best is None)
    if found is not None:
        assert waste_of(found, aim) == best
        assert amount <= effective(found, aim) <= window(aim)
        assert sum(INPUT_WEIGHT[each.kind] for each in found) <= max_weight
        assert len({each.outpoint for each in found}) == len(found)


@given(st.lists(st.sampled_from([3000, 5000, 8000]), min_size=1, max_size=10), st.integers(1, 60_000), RATES)
@settings(deadline=None)
def test_branch_and_bound_passes_no_solution_among_equal_coins(amounts, amount, rate):
    aim = goal(amount, rate)
    pool = [each for each in map(coin, amounts) if aim.effective_value(each) > 0]
    found = branch_and_bound(pool, amount, aim.max_weight, aim)
    best = brute_force(pool, aim)
    assert (best is None) if found is None else waste_of(found, aim) == best


def test_branch_and_bound_tries_a_lighter_coin_of_the_same_value():
    aim = goal(14_000, rate=0, max_weight=2 * INPUT_WEIGHT[TR])
    heavy = coin(5000, ScriptType.P2WPKH)
    light = [coin(9000), coin(5000)]
    found = branch_and_bound([*light, heavy], aim.amount, aim.max_weight, aim)
    assert set(found) == set(light)


def test_branch_and_bound_takes_more_coins_when_fees_are_low_and_fewer_when_they_are_high():
    for rate, expected in ((1000, [1000, 2000, 3000]), (20_000, [6000])):
        pool = [coin(value + input_fee(TR, FeeRate(rate))) for value in (6000, 3000, 2000, 1000)]
        found = branch_and_bound(pool, 6000, MAX_STANDARD_WEIGHT, goal(6000, rate))
        assert values(found) == [value + input_fee(TR, FeeRate(rate)) for value in expected]


def hard_case(n):
    """Return a pool and its only solution, found late (Bitcoin Core, coinselector_tests, make_hard_case)."""
    solution = [coin(1 << (n + i)) for i in range(n)]
    pool = [each for i in range(n) for each in (solution[i], coin((1 << (n + i)) + (1 << (n - 1 - i))))]
    return pool, solution


@pytest.mark.parametrize(("n", "solved"), [(14, True), (17, False)])
def test_branch_and_bound_gives_up_after_100000_steps(n, solved):
    pool, solution = hard_case(n)
    nothing = Sats(0)
    aim = Goal(sum(values(solution)), FeeRate(0), ChangeCost(nothing, nothing, nothing), MAX_STANDARD_WEIGHT)
    found = branch_and_bound(pool, aim.amount, aim.max_weight, aim)
    assert (found is not None) == solved
    if solved:
        assert values(found) == values(solution)


@given(POOLS, st.integers(1, 60_000), RATES, st.integers(0, 2**32))
@settings(deadline=None)
def test_a_selection_reaches_the_amount_or_there_is_too_little(pool, amount, rate, seed):
    aim = goal(amount, rate)
    worth = [each for each in pool if aim.effective_value(each) > 0]
    if effective(worth, aim) < amount:
        with pytest.raises(InsufficientFundsError) as e:
            select(pool, [], aim, random.Random(seed))
        assert (e.value.needed, e.value.available) == (amount, effective(worth, aim))
        return
    selection = select(pool, [], aim, random.Random(seed))
    assert effective(selection.coins, aim) >= amount
    assert set(selection.coins) <= set(worth)
    assert selection.exact == (brute_force(worth, aim) is not None)


def test_a_coin_that_costs_more_than_it_brings_is_not_chosen():
    rate = FeeRate(20_000)
    least = input_fee(TR, rate)
    for fee_from_outputs in (False, True):
        aim = goal(1, rate.sat_per_kvb, fee_from_outputs=fee_from_outputs)
        with pytest.raises(InsufficientFundsError):
            select([coin(least)], [], aim, random.Random(1))
    assert select([coin(least + 1)], [], goal(1, rate.sat_per_kvb), random.Random(1)).coins


def test_required_coins_come_first_and_alone_if_they_suffice():
    required, other = coin(10_000), coin(20_000)
    selection = select([other], [required], goal(9000), random.Random(1))
    assert (selection.coins, selection.exact) == ((required,), False)
    selection = select([other], [required], goal(15_000), random.Random(1))
    assert selection.coins == (required, other)


def test_a_required_coin_that_costs_more_than_it_brings_is_paid_for():
    dear = coin(1)
    aim = goal(9000)
    exact = coin(9000 + 2 * input_fee(TR, aim.rate) - 1)
    assert select([exact], [dear], aim, random.Random(1)).coins == (dear, exact)
    with pytest.raises(InsufficientFundsError) as e:
        select([coin(exact.value - 1)], [dear], aim, random.Random(1))
    assert (e.value.needed, e.value.available) == (9000, 8999)


def test_coins_count_in_full_where_recipients_pay_the_fee():
    aim = goal(10_000, fee_from_outputs=True)
    selection = select([coin(10_000)], [], aim, random.Random(1))
    assert (values(selection.coins), selection.exact) == ([10_000], False)
    with pytest.raises(InsufficientFundsError):
        select([coin(9999)], [], aim, random.Random(1))


def test_a_draw_has_comfortable_change_if_it_can():
    pool = [coin(30_000) for _ in range(20)]
    aim = goal(100_000)
    drawn = single_random_draw(pool, aim.amount, aim.max_weight, aim, random.Random(1))
    assert effective(drawn, aim) >= aim.amount + aim.change.create + COMFORTABLE_CHANGE
    least = drawn[1:]
    assert effective(least, aim) < aim.amount + aim.change.create + COMFORTABLE_CHANGE


@pytest.mark.parametrize("above", [0, 1])
def test_a_draw_takes_all_that_there_is_for_the_least_change(above):
    aim = goal(100_000)
    last = aim.change.create + aim.change.least + above
    pool = [coin(value + input_fee(TR, aim.rate)) for value in (60_000, 40_000, last)]
    drawn = single_random_draw(pool, aim.amount, aim.max_weight, aim, random.Random(5))
    assert len(drawn) == 3


def test_draws_differ():
    pool = [coin(10_000 + i) for i in range(100)]
    aim = goal(30_000)
    draws = {
        tuple(values(single_random_draw(pool, aim.amount, aim.max_weight, aim, random.Random(seed))))
        for seed in range(20)
    }
    assert len(draws) > 15


def test_a_draw_that_is_too_heavy_gives_back_its_smallest_coins():
    pool = [coin(2000) for _ in range(20)] + [coin(100_000), coin(90_000)]
    aim = goal(150_000, max_weight=2 * INPUT_WEIGHT[TR])
    for seed in range(10):
        drawn = single_random_draw(pool, aim.amount, aim.max_weight, aim, random.Random(seed))
        assert values(drawn) == [90_000, 100_000]


def test_what_does_not_fit_in_a_standard_transaction_is_refused():
    pool = [coin(10_000) for _ in range(10)]
    with pytest.raises(RefusedError) as e:
        select(pool, [], goal(50_000, max_weight=5 * INPUT_WEIGHT[TR]), random.Random(1))
    assert (e.value.rule, bool(e.value.hint)) == ("weight", True)
    with pytest.raises(RefusedError):
        select([], pool, goal(1, max_weight=10 * INPUT_WEIGHT[TR] - 1), random.Random(1))
    assert len(select([], pool, goal(1, max_weight=10 * INPUT_WEIGHT[TR]), random.Random(1)).coins) == 10
