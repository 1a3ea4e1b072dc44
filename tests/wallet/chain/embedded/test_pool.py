"""The graph of the mempool, and what a block takes from it."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.wallet.chain.embedded.rig import NOBODY, EmbeddedRig
from tests.wallet.chain.purse import Purse, outputs_of, spend
from wallet.amounts import Sats
from wallet.chain.embedded import backend
from wallet.chain.embedded.pool import Entry, Pool
from wallet.script import ScriptType
from wallet.tx import OutPoint, Transaction, Txid, TxIn, TxOut

NO_LIMIT = 10**9


def entry(number: int, parents: list[Entry], fee: int, vsize: int, sigops: int = 1) -> Entry:
    """Return a transaction that spends output number of each parent."""
    prevouts = [OutPoint(parent.tx.txid, number) for parent in parents] or [OutPoint(Txid(bytes(32)), number)]
    tx = Transaction(tuple(map(TxIn, prevouts)), (TxOut(Sats(1), b""),) * 30)
    return Entry(tx, (), Sats(fee), 4 * vsize, vsize, sigops, 0)


def pool_of(*entries: Entry) -> Pool:
    pool = Pool()
    for one in entries:
        pool.add(one)
    return pool


@st.composite
def pools(draw: st.DrawFn) -> Pool:
    pool = Pool()
    entries: list[Entry] = []
    for i in range(draw(st.integers(0, 12))):
        parents = draw(st.lists(st.sampled_from(entries), max_size=3, unique_by=id)) if entries else []
        one = entry(
            i, parents, draw(st.integers(0, 2_000)), draw(st.integers(60, 400)), draw(st.integers(0, 5))
        )
        pool.add(one)
        entries.append(one)
    return pool


def naive_selection(pool: Pool, max_weight: int, max_sigops: int) -> list[Fraction]:
    """Return the rates of the packages that a block takes one after the other, looking at all every time."""
    chosen: set[Txid] = set()
    refused: set[Txid] = set()
    rates = []
    while True:
        best: tuple[Fraction, Txid, set[Txid]] | None = None
        for txid in pool.entries.keys() - chosen - refused:
            package = (pool.ancestors(pool.entries[txid].tx) | {txid}) - chosen
            rate = Fraction(pool.fee(package), pool.vsize(package))
            if best is None or rate > best[0]:
                best = rate, txid, package
        if best is None:
            return rates
        rate, txid, package = best
        weight = sum(pool.entries[t].weight for t in package)
        sigops = sum(pool.entries[t].sigops for t in package)
        if weight > max_weight or sigops > max_sigops:
            refused.add(txid)
            continue
        max_weight, max_sigops = max_weight - weight, max_sigops - sigops
        chosen |= package
        rates.append(rate)


@given(pools(), st.integers(0, 12_000), st.integers(0, 40))
def test_a_block_is_within_its_limits_and_has_parents_first(pool: Pool, weight: int, sigops: int) -> None:
    chosen = pool.select(weight, sigops)
    assert sum(e.weight for e in chosen) <= weight
    assert sum(e.sigops for e in chosen) <= sigops
    before: set[Txid] = set()
    for one in chosen:
        assert pool.parents(one.tx) <= before
        assert one.tx.txid not in before
        before.add(one.tx.txid)


@given(pools())
def test_a_block_without_limits_takes_everything_best_first(pool: Pool) -> None:
    chosen = pool.select(NO_LIMIT, NO_LIMIT)
    assert len(chosen) == len(pool.entries)
    rates = naive_selection(pool, NO_LIMIT, NO_LIMIT)
    paid = 0
    taken = 0
    for rate in rates:  # the packages follow each other at falling rates, so fees add up as they do
        package_fee = package_vsize = 0
        while taken < len(chosen) and (package_vsize == 0 or Fraction(package_fee, package_vsize) != rate):
            package_fee += chosen[taken].fee
            package_vsize += chosen[taken].vsize
            taken += 1
        paid += package_fee
        assert Fraction(package_fee, package_vsize) == rate


def test_a_child_that_pays_takes_its_parent_along_and_ahead_of_others() -> None:
    poor = entry(0, [], 10, 100)
    middle = entry(1, [], 300, 100)
    rich = entry(2, [poor], 2_000, 100)
    pool = pool_of(poor, middle, rich)
    assert pool.select(NO_LIMIT, NO_LIMIT) == [poor, rich, middle]
    assert pool.select(800, NO_LIMIT) == [poor, rich]
    assert pool.select(799, NO_LIMIT) == [middle]
    assert pool.select(NO_LIMIT, 1) == [middle]


def test_what_is_left_of_a_family_is_rated_without_the_part_that_is_chosen() -> None:
    parent = entry(0, [], 0, 1_000)
    payer = entry(1, [parent], 20_000, 100)
    sibling = entry(2, [parent], 900, 100)  # 0.8 sat/vB with its parent, 9 without
    other = entry(3, [], 500, 100)
    assert pool_of(parent, payer, sibling, other).select(NO_LIMIT, NO_LIMIT) == [
        parent,
        payer,
        sibling,
        other,
    ]


def test_relatives_are_found_over_generations() -> None:
    a = entry(0, [], 1, 100)
    b = entry(1, [a], 2, 110)
    c = entry(2, [a, b], 4, 120)
    d = entry(3, [], 8, 130)
    pool = pool_of(a, b, c, d)
    assert pool.ancestors(c.tx) == {a.tx.txid, b.tx.txid}
    assert pool.descendants([a.tx.txid]) == {a.tx.txid, b.tx.txid, c.tx.txid}
    described = pool.describe(b.tx.txid)
    assert described is not None
    assert (described.ancestor_vsize, described.ancestor_fee) == (210, 3)
    assert (described.descendant_count, described.descendant_fee) == (2, 6)
    assert pool.describe(Txid(bytes(32))) is None


def test_a_copy_is_independent() -> None:
    a, b = entry(0, [], 1, 100), entry(1, [], 1, 100)
    pool = pool_of(a)
    copy = pool.copy()
    copy.add(b)
    copy.remove([a.tx.txid])
    assert list(pool) == [a]
    assert list(copy) == [b]
    rival = replace(a.tx, locktime=1)
    assert pool.conflicts(rival) == {a.tx.txid}
    assert pool.conflicts(a.tx) == copy.conflicts(rival) == set()


@pytest.mark.parametrize("count", [1, 2, 3, 7, 8])
def test_the_kernel_takes_blocks_of_several_transactions(rig: EmbeddedRig, count: int) -> None:
    key = Purse(ScriptType.P2WPKH).key()
    txs = [
        spend([coin], (0, key.script), fee=300 + 10 * i) for i, coin in enumerate(rig.fund(*[key] * count))
    ]
    children = [spend(outputs_of(tx, [key]), (0, NOBODY), fee=5_000) for tx in txs[:2]]
    rig.chain.broadcast([*txs, *children])
    (block,) = rig.mine()
    mined = [tx.txid for tx in rig.chain.transactions(block.height)[1:]]
    assert set(mined) == {tx.txid for tx in (*txs, *children)}
    assert mined[-1] == (txs[2] if count > 2 else children[0]).txid


@pytest.mark.parametrize(
    ("limit", "free"), [("MAX_BLOCK_WEIGHT", 8_000 + 1_200), ("MAX_BLOCK_SIGOPS", 400 + 2)]
)
def test_a_full_block_leaves_the_rest_for_the_next(
    rig: EmbeddedRig, monkeypatch: pytest.MonkeyPatch, limit: str, free: int
) -> None:
    coins = rig.fund(*[Purse(ScriptType.P2WPKH).key()] * 3)
    rig.chain.broadcast([spend([coin], (0, NOBODY), fee=1_000 + i) for i, coin in enumerate(coins)])
    monkeypatch.setattr(backend, limit, free)  # room for two of 440 weight units and one operation
    blocks = rig.mine(2)
    assert [len(rig.chain.transactions(block.height)) - 1 for block in blocks] == [2, 1]
