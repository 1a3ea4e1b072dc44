"""Conflicts: who wins a coin, and what falls with a loser."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.timing import least_seconds
from tests.wallet.fakes import confirmed, foreign_coin, in_mempool, pay, pending, script
from wallet.conflicts import COINBASE, settle
from wallet.tx import OutPoint

HERE = script()


def standing(*stored):
    return {each.tx.txid for each in settle(stored).standing}


def rivals(n=2):
    """Return transactions that spend one coin."""
    coin = foreign_coin()
    return [pay((HERE, 1000 + i), spending=[coin]) for i in range(n)]


@pytest.mark.parametrize("turn", [1, -1])
def test_confirmed_wins_over_the_mempool(turn):
    a, b = rivals()
    outcome = settle([confirmed(a, 5), in_mempool(b)][::turn])
    assert [each.tx for each in outcome.standing] == [a]
    assert outcome.replaced_by == {b.txid: a.txid}
    assert outcome.spent_by == {a.inputs[0].prevout: a.txid}


@pytest.mark.parametrize("turn", [1, -1])
def test_the_mempool_wins_over_what_is_pending_however_late_that_is(turn):
    a, b = rivals()
    assert standing(*[in_mempool(a, at=1), pending(b, at=2)][::turn]) == {a.txid}


def test_of_two_pending_the_later_wins():
    a, b = rivals()
    assert standing(pending(a, at=1), pending(b, at=2)) == {b.txid}
    assert standing(pending(a, at=2), pending(b, at=1)) == {a.txid}


def test_what_spends_from_a_loser_falls_with_it_and_frees_its_other_coins():
    a, b = rivals()
    other = foreign_coin()
    child = pay((HERE, 900), spending=[OutPoint(b.txid, 0), other])
    late = pay((HERE, 800), spending=[other])
    outcome = settle([confirmed(a, 5), in_mempool(b), pending(child, at=9), pending(late, at=1)])
    assert {each.tx for each in outcome.standing} == {a, late}
    assert outcome.replaced_by == {b.txid: a.txid, child.txid: a.txid}


def test_anothers_transaction_that_left_the_mempool_is_gone_with_what_spends_from_it():
    gone = replace(in_mempool(pay((HERE, 1000))), in_mempool=False)
    child = pending(pay((HERE, 900), spending=[OutPoint(gone.tx.txid, 0)]))
    outcome = settle([gone, child])
    assert not outcome.standing
    assert not outcome.spent_by
    assert not outcome.replaced_by


def test_what_was_replaced_stays_so_when_its_rival_left_the_mempool_too():
    a, b = rivals()
    old = replace(pending(a), replaced_by=b.txid)
    assert standing(old, pending(b)) == {b.txid}
    assert standing(old) == set()


@pytest.mark.parametrize("older", [0, 1])
def test_of_two_in_the_mempool_within_a_second_the_replacement_wins(older):
    txs = rivals()
    old, new = txs[older], txs[1 - older]
    assert standing(replace(in_mempool(old), replaced_by=new.txid), in_mempool(new)) == {new.txid}


def test_what_was_replaced_comes_back_with_the_mempool():
    a, b = rivals()
    back = replace(in_mempool(a), replaced_by=b.txid)
    assert standing(back, pending(b)) == {a.txid}


def test_coinbases_do_not_conflict():
    a, b = (pay((HERE, value), spending=[COINBASE]) for value in (1, 2))
    assert standing(confirmed(a, 1), confirmed(b, 2)) == {a.txid, b.txid}


def test_parents_come_first():
    a = pay((HERE, 3000))
    b = pay((HERE, 2000), spending=[OutPoint(a.txid, 0)])
    c = pay((HERE, 1000), spending=[OutPoint(b.txid, 0), OutPoint(a.txid, 1)])
    outcome = settle([pending(c, at=3), pending(b, at=2), pending(a, at=1)])
    assert [each.tx for each in outcome.standing] == [a, b, c]


@given(st.data())
@settings(deadline=None)
def test_no_coin_is_spent_twice_and_what_is_confirmed_stands(data):
    coins = [foreign_coin() for _ in range(4)]
    stored = []
    for i in range(data.draw(st.integers(1, 8))):
        spending = data.draw(st.lists(st.sampled_from(coins), min_size=1, max_size=3, unique=True))
        tx = pay((HERE, 1000 + i), spending=spending)
        coins.append(OutPoint(tx.txid, 0))
        how = data.draw(st.sampled_from([in_mempool, pending, lambda tx: replace(pending(tx), own=False)]))
        stored.append(how(tx))
    chain = settle([replace(each, in_mempool=True) for each in stored]).standing
    block = {each.tx.txid for each in chain[: len(chain) // 2]}
    stored = [confirmed(each.tx, 1) if each.tx.txid in block else each for each in stored]
    outcome = settle(data.draw(st.permutations(stored)))
    spent = [txin.prevout for each in outcome.standing for txin in each.tx.inputs]
    assert len(spent) == len(set(spent))
    assert block <= {each.tx.txid for each in outcome.standing}
    for each in outcome.standing:
        for txin in each.tx.inputs:
            assert txin.prevout.txid not in outcome.replaced_by


def test_a_chain_of_transactions_takes_linear_time():
    def chain(n):
        txs = [pay((HERE, n))]
        for i in range(1, n):
            txs.append(pay((HERE, n - i), spending=[OutPoint(txs[-1].txid, 0)]))
        return [pending(tx, at=-i) for i, tx in enumerate(txs)]

    def seconds(stored):
        assert len(settle(stored).standing) == len(stored)
        return least_seconds(lambda: settle(stored))

    short, long = chain(500), chain(5000)
    assert seconds(long) < 40 * max(seconds(short), 0.001)
