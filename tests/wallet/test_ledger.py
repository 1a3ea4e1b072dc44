"""The ledger: coins, balance, history, indices and warnings from the transactions of a wallet."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.timing import least_seconds
from tests.wallet.fakes import (
    ACCOUNTS,
    SEGWIT,
    MemoryStore,
    block,
    change,
    confirmed,
    foreign_coin,
    in_mempool,
    pay,
    pending,
    script,
)
from wallet.account import GAP_LIMIT, Branch, KeyPath
from wallet.coins import Balance
from wallet.conflicts import COINBASE
from wallet.errors import UnknownError
from wallet.history import Status
from wallet.ledger import GapWarning, Ledger
from wallet.script import ScriptType
from wallet.script_index import Owner, ScriptIndex
from wallet.tx import OutPoint, Txid

ELSEWHERE = script(SEGWIT, 10**6)  # beyond every gap
TIP = 100


def ledger(*stored, tip=TIP, **fields):
    return Ledger.of(ScriptIndex(ACCOUNTS), stored, tip, **fields)


def test_an_empty_wallet():
    empty = ledger(tip=-1)
    assert empty.balance() == Balance()
    assert not empty.coins
    assert not empty.entries
    assert not empty.gap_warnings
    assert set(empty.next_index.values()) == {0}


def test_a_confirmed_payment():
    tx = pay((ELSEWHERE, 5), (script(SEGWIT, 4), 7000))
    state = ledger(confirmed(tx, 98))
    [coin] = state.coins.values()
    assert (coin.outpoint, coin.value, coin.kind) == (OutPoint(tx.txid, 1), 7000, ScriptType.P2WPKH)
    assert coin.owner == Owner(1, KeyPath(Branch.RECEIVE, 4))
    assert (coin.height, coin.confirmations, coin.own, coin.spent_by) == (98, 3, False, None)
    assert state.balance() == state.balance(1) == Balance(confirmed=7000)
    assert state.balance(0) == Balance()
    assert state.next_index[1, Branch.RECEIVE] == 5
    assert state.unspent == (coin,)
    entry = state.entry(tx.txid)
    assert (entry.status, entry.net, entry.fee, entry.confirmations) == (Status.CONFIRMED, 7000, None, 3)
    assert entry.block == block(98)


def test_a_block_above_the_tip_confirms_nothing_yet():
    assert [
        coin.confirmations for coin in ledger(confirmed(pay((script(), 5)), 9), tip=3).coins.values()
    ] == [0]


def test_a_payment_of_ours_with_change():
    funding = pay((script(), 10_000))
    tx = pay((ELSEWHERE, 6000), (change(), 3500), spending=[OutPoint(funding.txid, 0)])
    state = ledger(confirmed(funding, 90), in_mempool(tx, own=True))
    assert state.coins[OutPoint(funding.txid, 0)].spent_by == tx.txid
    assert state.balance() == Balance(unconfirmed_own=3500)
    entry = state.entry(tx.txid)
    assert (entry.status, entry.net, entry.fee, entry.confirmations) == (Status.MEMPOOL, -6500, 500, 0)
    assert (entry.own, entry.block) == (True, None)
    assert [each.tx for each in state.entries.values()] == [funding, tx]


def test_the_fee_is_unknown_unless_all_inputs_are_ours():
    funding = pay((script(), 10_000))
    tx = pay((change(), 11_000), spending=[OutPoint(funding.txid, 0), foreign_coin()])
    state = ledger(confirmed(funding, 90), in_mempool(tx))
    assert (state.entry(tx.txid).net, state.entry(tx.txid).fee) == (1000, None)
    assert state.balance() == Balance(unconfirmed_foreign=11_000)


def test_change_of_change_is_ours_and_change_of_anothers_unconfirmed_coin_is_not():
    funding = pay((script(), 10_000))
    first = pay((change(), 9000), spending=[OutPoint(funding.txid, 0)])
    second = pay((change(index=1), 8000), spending=[OutPoint(first.txid, 0)])
    below = [in_mempool(first, own=True), in_mempool(second, own=True)]
    assert ledger(confirmed(funding, 90), *below).balance() == Balance(unconfirmed_own=8000)
    assert ledger(in_mempool(funding), *below).balance() == Balance(unconfirmed_foreign=8000)


def test_a_pending_payment_holds_its_coins_and_its_change_is_told_from_the_mempool():
    funding = pay((script(), 10_000))
    tx = pay((ELSEWHERE, 6000), (change(), 3500), spending=[OutPoint(funding.txid, 0)])
    state = ledger(confirmed(funding, 90), pending(tx))
    assert state.entry(tx.txid).status is Status.PENDING
    assert state.balance() == Balance(unconfirmed_own=3500)
    assert [coin.in_mempool for coin in state.coins.values()] == [True, False]


@pytest.mark.parametrize(("height", "mature"), [(1, True), (2, False)])
def test_a_coinbase_matures_after_100_blocks(height, mature):
    # it may be in the block at height + 100, the next one after a tip of height + 99
    tx = pay((script(), 5000), spending=[COINBASE])
    state = ledger(confirmed(tx, height), tip=100)
    [coin] = state.coins.values()
    assert (coin.coinbase, coin.mature, coin.own) == (True, mature, False)
    assert state.balance() == (Balance(confirmed=5000) if mature else Balance(immature=5000))


def test_frozen_coins_are_counted_apart():
    tx = pay((script(), 5000), (script(index=1), 600))
    state = ledger(confirmed(tx, 1), frozen={OutPoint(tx.txid, 1)})
    assert state.balance() == Balance(confirmed=5000, frozen=600)
    assert state.balance().total == 5600
    assert [coin.frozen for coin in state.coins.values()] == [False, True]


def test_a_replaced_transaction_brings_nothing_and_names_its_winner():
    funding = pay((script(), 10_000))
    coin = OutPoint(funding.txid, 0)
    old = pay((ELSEWHERE, 6000), (change(), 3500), spending=[coin])
    new = pay((ELSEWHERE, 6000), (change(), 3000), spending=[coin])
    state = ledger(confirmed(funding, 90), pending(old, at=1), in_mempool(new, own=True, at=2))
    assert state.balance() == Balance(unconfirmed_own=3000)
    assert OutPoint(old.txid, 1) not in state.coins
    entry = state.entry(old.txid)
    assert (entry.status, entry.replaced_by, entry.fee) == (Status.REPLACED, new.txid, 500)
    assert state.entry(new.txid).replaced_by is None
    assert not state.reused  # both pay the same change address, but only one stands


def test_a_payment_that_left_the_mempool_is_dropped():
    tx = pay((script(), 5000))
    state = ledger(replace(in_mempool(tx), in_mempool=False))
    assert state.entry(tx.txid).status is Status.DROPPED
    assert state.balance() == Balance()
    assert state.next_index[0, Branch.RECEIVE] == 1  # its address is known to somebody


def test_a_replaced_transaction_that_is_confirmed_after_all_is_not_replaced():
    tx = pay((script(), 5000))
    state = ledger(replace(confirmed(tx, 5), replaced_by=Txid(bytes(32))))
    assert (state.entry(tx.txid).status, state.entry(tx.txid).replaced_by) == (Status.CONFIRMED, None)


def test_the_next_index_is_beyond_what_is_used_and_what_is_handed_out():
    tx = pay((script(index=3), 5000), (change(index=7), 6000))
    handed_out = {(0, Branch.RECEIVE): 9, (0, Branch.CHANGE): 2}
    state = ledger(confirmed(tx, 1), handed_out=handed_out)
    assert state.next_index[0, Branch.RECEIVE] == 9
    assert state.next_index[0, Branch.CHANGE] == 8
    assert state.next_index[1, Branch.CHANGE] == 0


def test_use_far_out_is_found_one_gap_after_the_other():
    txs = [confirmed(pay((script(index=index), 1000)), 1) for index in (57, 38, 19)]
    assert ledger(*txs).balance() == Balance(confirmed=3000)
    assert ledger(*txs[:1]).balance() == Balance()


def test_reuse_of_an_address_is_told():
    first, second = pay((script(), 1000)), pay((script(), 2000))
    state = ledger(confirmed(first, 1), in_mempool(second))
    owner = Owner(0, KeyPath(Branch.RECEIVE, 0))
    assert state.reused == (owner,)
    assert state.received[owner] == (first.txid, second.txid)


@pytest.mark.parametrize(("handed_out", "warned"), [(GAP_LIMIT, False), (GAP_LIMIT + 1, True)])
def test_handing_out_addresses_beyond_the_gap_limit_is_told(handed_out, warned):
    state = ledger(handed_out={(1, Branch.RECEIVE): handed_out})
    owner = Owner(1, KeyPath(Branch.RECEIVE, GAP_LIMIT))
    assert state.gap_warnings == ((GapWarning(owner, GAP_LIMIT + 1),) if warned else ())


def test_a_hole_wider_than_the_gap_limit_between_used_addresses_is_told():
    txs = [confirmed(pay((script(index=index), 1000)), 1) for index in (2, 23, 24)]
    state = ledger(*txs, handed_out={(0, Branch.RECEIVE): 25})
    assert state.gap_warnings == (GapWarning(Owner(0, KeyPath(Branch.RECEIVE, 23)), 21),)


def test_history_is_oldest_first_and_what_is_unconfirmed_last():
    txs = [pay((script(), 1000 + i)) for i in range(4)]
    stored = [in_mempool(txs[3], at=9), in_mempool(txs[2], at=3), confirmed(txs[1], 8), confirmed(txs[0], 7)]
    assert [entry.tx for entry in ledger(*stored).entries.values()] == txs


def test_unknown_coins_and_transactions_are_told_with_their_name():
    with pytest.raises(UnknownError, match="00:3"):
        ledger().coin(OutPoint(Txid(bytes(32)), 3))
    with pytest.raises(UnknownError, match="no transaction 00"):
        ledger().entry(Txid(bytes(32)))


def test_transactions_of_others_are_not_in_the_history():
    beyond = pay((script(index=GAP_LIMIT), 1000))
    state = ledger(confirmed(beyond, 1), in_mempool(pay((ELSEWHERE, 5))))
    assert not state.entries


def test_load_reads_a_store():
    store = MemoryStore()
    assert Ledger.load(ScriptIndex(ACCOUNTS), store).tip == -1
    tx = pay((script(index=2), 5000), (script(index=30), 600))
    store.put_transactions([confirmed(tx, 98)])
    store.set_sync_point(block(99))
    store.set_frozen(OutPoint(tx.txid, 0), True)
    store.raise_index(0, Branch.RECEIVE, 12)
    state = Ledger.load(ScriptIndex(ACCOUNTS), store)
    assert state.balance() == Balance(confirmed=600, frozen=5000)
    assert [coin.confirmations for coin in state.coins.values()] == [2, 2]
    assert state.next_index[0, Branch.RECEIVE] == 31


@given(st.data())
@settings(deadline=None)
def test_balance_is_what_came_minus_what_went(data):
    stored, unspent, expected = [], {}, 0
    for i in range(data.draw(st.integers(1, 12))):
        picked = data.draw(st.lists(st.sampled_from(sorted(unspent)), unique=True)) if unspent else []
        total = sum(unspent.pop(coin) for coin in picked)
        ours = [data.draw(st.integers(1000, 10**6)) for _ in range(data.draw(st.integers(0, 2)))]
        if not picked and not ours:
            continue
        account = data.draw(st.sampled_from(ACCOUNTS))
        outputs = [(script(account, i), value) for value in ours] + [(ELSEWHERE, 100 + i)]
        tx = pay(*outputs, spending=picked)
        unspent.update((OutPoint(tx.txid, n), value) for n, value in enumerate(ours))
        expected += sum(ours) - total
        stored.append(confirmed(tx, i) if data.draw(st.booleans()) else in_mempool(tx, at=i))
    state = ledger(*data.draw(st.permutations(stored)))
    assert state.balance().total == expected == sum(unspent.values())
    assert {coin.outpoint for coin in state.unspent} == unspent.keys()
    assert sum(entry.net for entry in state.entries.values()) == expected
    assert state.balance().total == sum(state.balance(i).total for i in range(len(ACCOUNTS)))


def test_the_ledger_takes_linear_time():
    def stored(n):
        txs, coin = [], None
        for i in range(n):
            tx = pay((script(), 1000 + i), (ELSEWHERE, 1000), spending=[coin] if coin else [])
            coin = OutPoint(tx.txid, 0)
            txs.append(in_mempool(tx, own=True, at=i))
        return txs

    def seconds(transactions):
        return least_seconds(lambda: ledger(*transactions))

    few, many = stored(300), stored(3000)
    index = seconds([])  # what deriving the first scripts takes
    assert seconds(many) - index < 40 * max(seconds(few) - index, 0.002)
