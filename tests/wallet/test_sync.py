"""Sync: what the store knows after blocks, forks, replacements, lost transactions and failures."""

import random
from copy import deepcopy
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.wallet.fake_chain import FakeChain
from tests.wallet.fakes import ACCOUNTS, SEGWIT, MemoryStore, change, foreign_coin, pay, pending, script
from wallet.account import GAP_LIMIT, Branch
from wallet.coins import Balance
from wallet.errors import ChainError, ChainRefusedError
from wallet.history import Status
from wallet.ledger import Ledger
from wallet.script_index import ScriptIndex
from wallet.sync import WATCH_STEP, publish, sync
from wallet.tx import OutPoint

SHOP = script(SEGWIT, 10**6)  # beyond every gap
NOW = 1_900_000_000


class Rig:
    def __init__(self):
        self.chain, self.store = FakeChain(), MemoryStore()

    def sync(self, **fields):
        return sync(self.chain, self.store, ScriptIndex(ACCOUNTS), "w", **fields)

    @property
    def ledger(self):
        return Ledger.load(ScriptIndex(ACCOUNTS), self.store)

    def stored(self, tx):
        return {each.tx.txid: each for each in self.store.transactions()}[tx.txid]

    def status(self, tx):
        return self.ledger.entry(tx.txid).status


@pytest.fixture
def rig():
    return Rig()


def spending(tx, *outputs, index=0):
    return pay(*outputs, spending=[OutPoint(tx.txid, index)])


def changes_of(report):
    return [(each.txid, each.before, each.after) for each in report.changes]


def test_the_first_sync_reads_all_and_the_next_only_what_is_new(rig):
    first, second = pay((script(), 5000)), pay((script(index=1), 600))
    rig.chain.mine(first, empty=2)
    report = rig.sync()
    assert changes_of(report) == [(first.txid, None, Status.CONFIRMED)]
    assert rig.store.sync_point() == report.tip == rig.chain.tip()
    assert rig.ledger.entry(first.txid).confirmations == 3
    rig.chain.mine(second)
    assert changes_of(rig.sync()) == [(second.txid, None, Status.CONFIRMED)]
    assert rig.ledger.balance() == Balance(confirmed=5600)
    assert rig.chain.asked == [None, report.tip.hash]
    assert changes_of(rig.sync()) == []


def test_a_payment_is_followed_from_the_mempool_into_a_block(rig):
    tx = pay((script(), 5000))
    rig.chain.see(tx)
    assert changes_of(rig.sync()) == [(tx.txid, None, Status.MEMPOOL)]
    seen = rig.stored(tx).first_seen
    rig.chain.mine(tx)
    assert changes_of(rig.sync()) == [(tx.txid, Status.MEMPOOL, Status.CONFIRMED)]
    assert rig.stored(tx).first_seen == seen < rig.chain.tip().time + NOW
    assert not rig.stored(tx).own


def test_a_fork_takes_back_what_is_above_it(rig):
    old, moved, lost = (pay((script(index=i), 1000 + i)) for i in range(3))
    rig.chain.mine(old)
    rig.chain.mine(moved)
    rig.chain.mine(lost)
    rig.sync()
    rig.chain.fork(1)
    del rig.chain.mempool[lost.txid]
    report = rig.sync()
    assert changes_of(report) == [
        (moved.txid, Status.CONFIRMED, Status.MEMPOOL),
        (lost.txid, Status.CONFIRMED, Status.DROPPED),
    ]
    assert rig.status(old) is Status.CONFIRMED
    assert rig.ledger.balance() == Balance(confirmed=1000, unconfirmed_foreign=1001)
    rig.chain.mine(moved)
    assert changes_of(rig.sync()) == [(moved.txid, Status.MEMPOOL, Status.CONFIRMED)]
    assert rig.stored(moved).block == rig.chain.tip()


def test_a_chain_that_shares_no_known_block_is_read_from_its_start(rig):
    gone, new = pay((script(), 1000)), pay((script(), 2000))
    rig.chain.mine(gone)
    rig.sync()
    rig.chain = FakeChain()
    rig.chain.branch = 9
    rig.chain.blocks = [(replace(rig.chain.tip(), hash=b"\xee" * 32), [])]
    rig.chain.mine(new)
    rig.sync()
    assert (rig.status(gone), rig.status(new)) == (Status.DROPPED, Status.CONFIRMED)


def test_another_transaction_may_replace_a_payment(rig):
    coin = foreign_coin()
    first, second = (pay((script(), value), spending=[coin]) for value in (1000, 2000))
    rig.chain.see(first)
    rig.sync()
    rig.chain.mine(second)
    assert changes_of(rig.sync()) == [
        (second.txid, None, Status.CONFIRMED),
        (first.txid, Status.MEMPOOL, Status.REPLACED),
    ]
    assert rig.stored(first).replaced_by == second.txid
    # a fork without the second one does not bring back the first by itself, but the mempool may
    rig.chain.fork(0, keep=False)
    rig.sync()
    assert rig.status(first) is Status.REPLACED
    rig.chain.see(first)
    rig.sync()
    assert rig.status(first) is Status.MEMPOOL


def test_use_raises_the_indices_that_are_handed_out(rig):
    tx = pay((script(index=4), 1000), (change(SEGWIT, 2), 1000))
    rig.chain.mine(tx)
    rig.store.raise_index(1, Branch.RECEIVE, 9)
    rig.sync()
    assert rig.store.next_index(0, Branch.RECEIVE) == 5
    assert rig.store.next_index(1, Branch.CHANGE) == 3
    assert rig.store.next_index(1, Branch.RECEIVE) == 9
    assert rig.store.next_index(0, Branch.CHANGE) == 0


def test_all_of_a_long_used_wallet_is_found_in_few_rounds(rig):
    txs = [pay((script(index=i), 1000)) for i in range(0, 600, GAP_LIMIT)]
    for tx in txs:
        rig.chain.mine(tx)
    rig.sync()
    assert rig.ledger.balance().total == 1000 * len(txs)
    assert len(rig.chain.asked) < 6
    assert set(rig.chain.asked) == {None}
    assert rig.store.next_index(0, Branch.RECEIVE) == 581
    assert rig.sync().changes == ()


def test_use_beyond_the_gap_limit_counts_once_the_gap_is_closed(rig):
    far = pay((script(index=GAP_LIMIT + 5), 1000))
    rig.chain.mine(far)
    assert rig.sync().changes == ()
    assert rig.ledger.balance() == Balance()
    near = pay((script(index=GAP_LIMIT - 1), 1000))
    rig.chain.mine(near)
    assert {each.txid for each in rig.sync().changes} == {near.txid, far.txid}
    assert rig.ledger.balance() == Balance(confirmed=2000)
    assert rig.store.next_index(0, Branch.RECEIVE) == GAP_LIMIT + 6


def test_use_of_what_was_not_watched_is_looked_for_from_the_birth_on(rig):
    indices = range(19, 2 * WATCH_STEP, GAP_LIMIT)
    far = [index for index in indices if index >= WATCH_STEP]
    near = [index for index in indices if index < WATCH_STEP]
    for index in far:
        rig.chain.mine(pay((script(index=index), 1000)))
    rig.sync()
    assert rig.store.transactions() == ()
    for index in near:
        rig.chain.mine(pay((script(index=index), 1000)))
    rig.sync()
    assert rig.ledger.balance() == Balance(confirmed=1000 * len(indices))


def test_a_backend_that_invents_use_ever_further_out_is_stopped(rig, monkeypatch):
    monkeypatch.setattr("wallet.sync.MAX_ADDRESSES", 1000)
    honest = rig.chain.changes

    def invent(since):
        end = next(iter(rig.chain.ends.values()))
        rig.chain.see(*(pay((script(index=index), 1000)) for index in range(GAP_LIMIT - 1, end, GAP_LIMIT)))
        return honest(since)

    rig.chain.changes = invent
    with pytest.raises(ChainError, match="more than 1000 addresses"):
        rig.sync()
    assert rig.store.transactions() == ()


def test_all_handed_out_addresses_are_watched_with_room_for_more(rig):
    rig.store.raise_index(1, Branch.CHANGE, 71)
    rig.sync()
    assert sorted(rig.chain.ends.values()) == [WATCH_STEP] * 3 + [2 * WATCH_STEP]
    assert 71 + 2 * GAP_LIMIT > WATCH_STEP


def test_what_a_backend_tells_of_others_does_not_count(rig):
    rig.chain.tells_all = True
    funding = pay((script(), 5000))
    rig.chain.mine(funding, pay((SHOP, 1)))
    payment = spending(funding, (SHOP, 4000))
    rig.chain.see(payment, pay((SHOP, 2)))
    assert {each.txid for each in rig.sync().changes} == {funding.txid, payment.txid}
    assert rig.ledger.entries.keys() == {funding.txid, payment.txid}


def test_all_changes_are_kept_or_none(rig):
    rig.chain.mine(pay((script(), 5000)))
    rig.sync()
    rig.chain.mine(pay((script(index=1), 600)))
    before = deepcopy(rig.store.state)
    for n in (1, 2, 3):
        rig.store.fail_at = rig.store.changes + n
        with pytest.raises(OSError, match="full"):
            rig.sync()
        assert rig.store.state == before
    rig.store.fail_at = None
    rig.sync()
    assert rig.ledger.balance() == Balance(confirmed=5600)


def test_a_backend_that_is_down_changes_nothing(rig):
    rig.chain.mine(pay((script(), 5000)))
    rig.chain.down = True
    with pytest.raises(ChainError):
        rig.sync()
    assert rig.store.sync_point() is None
    assert rig.store.transactions() == ()


def test_a_full_sync_finds_what_the_store_has_lost(rig):
    tx = pay((script(), 5000))
    rig.chain.mine(tx)
    rig.sync()
    rig.store.state.transactions.clear()
    rig.sync()
    assert rig.ledger.balance() == Balance()
    rig.sync(full=True)
    assert rig.ledger.balance() == Balance(confirmed=5000)


# ---- our own transactions ----


def funded(rig):
    funding = pay((script(), 10_000), (script(index=1), 20_000))
    rig.chain.mine(funding)
    rig.sync()
    return funding


def test_what_is_published_is_in_the_mempool_and_the_store(rig):
    tx = spending(funded(rig), (SHOP, 6000), (change(), 3500))
    publish(rig.chain, rig.store, tx, NOW)
    assert tx.txid in rig.chain.mempool
    stored = rig.stored(tx)
    assert (stored.own, stored.in_mempool, stored.first_seen) == (True, True, NOW)
    report = rig.sync()
    assert (report.changes, report.resent) == ((), ())
    rig.chain.mine(tx)
    rig.sync()
    assert rig.stored(tx).own
    sent = list(rig.chain.sent)
    publish(rig.chain, rig.store, tx, NOW)  # it is confirmed: nothing happens
    assert rig.chain.sent == sent
    assert rig.status(tx) is Status.CONFIRMED


def test_what_is_refused_is_given_up(rig):
    funding = funded(rig)
    tx = spending(funding, (SHOP, 6000))
    rig.chain.refuse[tx.txid] = "min relay fee not met"
    with pytest.raises(ChainRefusedError):
        publish(rig.chain, rig.store, tx, NOW)
    assert rig.status(tx) is Status.DROPPED
    assert rig.ledger.balance() == Balance(confirmed=30_000)
    rig.chain.refuse.clear()
    assert not rig.sync().resent
    publish(rig.chain, rig.store, tx, NOW)
    assert rig.status(tx) is Status.MEMPOOL


def test_what_could_not_be_sent_is_sent_at_the_next_sync(rig):
    tx = spending(funded(rig), (SHOP, 6000), (change(), 3500))
    rig.chain.down = True
    with pytest.raises(ChainError):
        publish(rig.chain, rig.store, tx, NOW)
    assert rig.status(tx) is Status.PENDING
    rig.chain.down = False
    assert rig.sync().resent == (tx.txid,)
    assert rig.status(tx) is Status.MEMPOOL


def test_what_the_mempool_lost_is_sent_again_and_a_refusal_is_told(rig):
    tx = spending(funded(rig), (SHOP, 6000))
    publish(rig.chain, rig.store, tx, NOW)
    rig.chain.mempool.clear()
    rig.chain.refuse[tx.txid] = "mempool full"
    report = rig.sync()
    assert (report.resent, report.refused) == ((), {tx.txid: "mempool full"})
    assert changes_of(report) == [(tx.txid, Status.MEMPOOL, Status.PENDING)]
    rig.chain.refuse.clear()
    report = rig.sync()
    assert (report.resent, report.refused) == ((tx.txid,), {})


def test_witnesses_of_ours_are_kept_whatever_a_backend_tells(rig):
    funding = pay((script(), 5000))
    tx = spending(funding, (SHOP, 4000)).with_witnesses(((b"ours",),))
    rig.chain.mine(funding)
    publish(rig.chain, rig.store, tx, NOW)
    rig.chain.mempool[tx.txid] = tx.with_witnesses(((b"another",),))
    rig.sync()
    assert rig.stored(tx).tx == tx
    del rig.chain.mempool[tx.txid]
    assert rig.sync().resent == (tx.txid,)
    assert rig.chain.mempool[tx.txid] == tx


def test_what_others_lost_is_not_sent_again(rig):
    tx = pay((script(), 5000))
    rig.chain.see(tx)
    rig.sync()
    rig.chain.mempool.clear()
    report = rig.sync()
    assert changes_of(report) == [(tx.txid, Status.MEMPOOL, Status.DROPPED)]
    assert (report.resent, rig.chain.sent) == ((), [])


def test_transactions_that_spend_from_each_other_are_sent_together_parents_first(rig):
    funding = funded(rig)
    parents = [spending(funding, (change(index=i), 9000), index=i) for i in range(2)]
    child = pay((SHOP, 15_000), spending=[OutPoint(parent.txid, 0) for parent in parents])
    alone = pay((SHOP, 1), (change(index=9), 1))
    rig.store.put_transactions([pending(tx, at=NOW + i) for i, tx in enumerate((child, *parents, alone))])
    rig.chain.refuse[parents[1].txid] = "too low"
    report = rig.sync()
    [package] = [sent for sent in rig.chain.sent if child.txid in sent]
    assert (set(package[:2]), package[2]) == ({tx.txid for tx in parents}, child.txid)
    assert [alone.txid] in rig.chain.sent
    assert {parents[1].txid, child.txid} <= report.refused.keys()
    assert alone.txid in report.resent


def bumped(rig):
    funding = funded(rig)
    old = spending(funding, (SHOP, 6000), (change(), 3500))
    new = spending(funding, (SHOP, 6000), (change(), 3000))
    publish(rig.chain, rig.store, old, NOW)
    return old, new


def test_a_bump_takes_the_place_of_what_it_replaces(rig):
    old, new = bumped(rig)
    del rig.chain.mempool[old.txid]
    publish(rig.chain, rig.store, new, NOW)
    assert (rig.status(old), rig.status(new)) == (Status.REPLACED, Status.MEMPOOL)
    assert rig.ledger.entry(old.txid).replaced_by == new.txid
    assert rig.ledger.balance() == Balance(confirmed=20_000, unconfirmed_own=3000)
    rig.sync()
    rig.chain.mempool.clear()
    assert rig.sync().resent == (new.txid,)
    rig.chain.mine(old)  # a miner had kept it
    report = rig.sync()
    assert (rig.status(old), rig.status(new)) == (Status.CONFIRMED, Status.REPLACED)
    assert (report.resent, report.refused) == ((), {})


def test_a_bump_that_could_not_be_sent_is_sent_at_the_next_sync(rig):
    old, new = bumped(rig)
    rig.chain.down = True
    with pytest.raises(ChainError):
        publish(rig.chain, rig.store, new, NOW)
    rig.chain.down = False
    assert rig.sync().resent == (new.txid,)
    assert (rig.status(old), rig.status(new)) == (Status.REPLACED, Status.MEMPOOL)
    assert not rig.stored(old).in_mempool
    del rig.chain.mempool[old.txid]
    rig.sync()
    assert (rig.status(old), rig.status(new)) == (Status.REPLACED, Status.MEMPOOL)


def test_what_is_confirmed_is_not_replaced_by_what_is_published(rig):
    old, new = bumped(rig)
    rig.chain.mine(old)
    rig.sync()
    before = rig.stored(old)
    publish(rig.chain, rig.store, new, NOW)  # the chain of this test takes anything
    assert rig.stored(old) == before
    assert rig.status(new) is Status.REPLACED


def test_a_bump_that_is_refused_leaves_the_old_one(rig):
    old, new = bumped(rig)
    rig.chain.refuse[new.txid] = "insufficient fee"
    with pytest.raises(ChainRefusedError):
        publish(rig.chain, rig.store, new, NOW)
    assert (rig.status(old), rig.stored(old).replaced_by) == (Status.MEMPOOL, None)
    assert rig.sync().changes == ()
    assert rig.status(old) is Status.MEMPOOL


@given(st.integers(0, 2**32))
@settings(deadline=None, max_examples=30)
def test_syncs_at_any_moments_end_where_one_sync_ends(seed):
    rng, often, once = random.Random(seed), Rig(), Rig()
    once.chain = often.chain
    txs = [pay((script(index=rng.randrange(30)), 1000 + i)) for i in range(6)]
    txs += [spending(a, (change(index=rng.randrange(30)), 500)) for a, _ in pairwise(txs)]
    rng.shuffle(txs)
    for tx in txs:
        match rng.randrange(4):
            case 0:
                often.chain.see(tx)
            case 1 if often.chain.tip().height > 2:
                often.chain.fork(often.chain.tip().height - rng.randrange(1, 3))
                often.chain.mine(empty=3)
            case _:
                parents = [p for p in txs if p.txid == tx.inputs[0].prevout.txid]
                confirmed = {t.txid for _, block_txs in often.chain.blocks for t in block_txs}
                if all(p.txid in confirmed for p in parents) and tx.txid not in confirmed:
                    often.chain.mine(tx)
        if rng.random() < 0.4:
            often.sync()
    often.sync()
    once.sync()
    alive = {s.tx.txid: s.block for s in often.store.transactions() if s.in_mempool}
    assert alive == {s.tx.txid: s.block for s in once.store.transactions()}
    assert often.ledger.balance() == once.ledger.balance()
    for branch in Branch:
        assert often.store.next_index(0, branch) >= once.store.next_index(0, branch)
