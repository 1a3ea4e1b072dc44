"""Families in the embedded mempool: their limits, replacement, and a child that pays for its parent."""

import pytest

from tests.wallet.chain.embedded.rig import NOBODY, EmbeddedRig
from tests.wallet.chain.purse import Coin, Purse, outputs_of, spend, with_witness
from wallet.errors import ChainRefusedError
from wallet.script import ScriptType
from wallet.tx import Transaction


def refusal(rig: EmbeddedRig, *package: Transaction) -> str:
    with pytest.raises(ChainRefusedError) as caught:
        rig.chain.broadcast(package)
    return caught.value.reason


# limits and replacement


def test_large_relatives_are_limited(rig: EmbeddedRig) -> None:
    key = Purse(ScriptType.P2TR).key()
    (coin,) = rig.fund(key, value=10_000_000)
    parent = spend([coin], *[(1_000, key.script)] * 1_200, (0, key.script), fee=80_000)
    rig.chain.broadcast([parent])
    rest = outputs_of(parent, [key])[-1]
    child = spend([rest], *[(1_000, key.script)] * 1_200, (0, key.script), fee=80_000)
    assert parent.vsize + child.vsize > 101_000
    assert refusal(rig, child) == "too-long-mempool-chain"
    rig.chain.broadcast([spend([rest], *[(1_000, key.script)] * 1_000, (0, key.script), fee=80_000)])


def test_a_transaction_has_at_most_25_descendants_with_itself(rig: EmbeddedRig) -> None:
    key = Purse(ScriptType.P2TR).key()
    parent = spend(rig.fund(key), *[(30_000, key.script)] * 24, (0, key.script), fee=2_000)
    rig.chain.broadcast([parent])
    *coins, last = outputs_of(parent, [key])
    for coin in coins:
        rig.chain.broadcast([spend([coin], (0, NOBODY))])
    assert refusal(rig, spend([last], (0, NOBODY))) == "too-long-mempool-chain"


def test_a_replacement_at_the_limit_counts_without_what_it_evicts(rig: EmbeddedRig) -> None:
    key = Purse(ScriptType.P2TR).key()
    (coin,) = rig.fund(key)
    for _ in range(25):
        last = spend([coin], (0, key.script))
        rig.chain.broadcast([last])
        previous, (coin,) = coin, outputs_of(last, [key])
    rig.chain.broadcast([spend([previous], (0, NOBODY), fee=5_000)])
    assert rig.chain.mempool_entry(last.txid) is None


def test_a_replacement_must_not_add_unconfirmed_inputs(rig: EmbeddedRig) -> None:
    key = Purse(ScriptType.P2TR).key()
    one, two, three = rig.fund(key, key, key)
    other = spend([two], (0, key.script))
    rig.chain.broadcast([spend([one], (0, NOBODY))])
    rig.chain.broadcast([other])
    extended = spend([one, *outputs_of(other, [key])], (0, NOBODY), fee=50_000)
    assert refusal(rig, extended) == "replacement-adds-unconfirmed"
    rig.chain.broadcast([spend([one, three], (0, NOBODY), fee=50_000)])  # confirmed inputs may be added


def test_a_replacement_may_keep_an_unconfirmed_input(rig: EmbeddedRig) -> None:
    key = Purse(ScriptType.P2TR).key()
    parent = spend(rig.fund(key), (0, key.script))
    coins = outputs_of(parent, [key])
    rig.chain.broadcast([parent])
    rig.chain.broadcast([spend(coins, (0, NOBODY))])
    rig.chain.broadcast([spend(coins, (0, NOBODY), fee=5_000)])


def test_a_replacement_evicts_at_most_100(rig: EmbeddedRig) -> None:
    key = Purse(ScriptType.P2TR).key()
    coins = rig.fund(*[key] * 5, value=2_000_000)
    for coin in coins:
        fan = spend([coin], *[(10_000, key.script)] * 19, (0, key.script))
        rig.chain.broadcast([fan])
        children = [spend([c], (0, NOBODY)) for c in outputs_of(fan, [key])]
        rig.chain.broadcast(children[:19])
    everything = spend(coins, (0, NOBODY), fee=1_000_000)
    assert rig.reason(everything) is None  # 5 * 20
    rig.chain.broadcast(children[19:])
    assert refusal(rig, everything) == "too many potential replacements"


# packages


def free_parent(rig: EmbeddedRig) -> tuple[Transaction, list[Coin]]:
    """Return a parent of version 3 that pays nothing, and its output."""
    key = Purse(ScriptType.P2TR).key()
    parent = spend(rig.fund(key), (0, key.script), fee=0, version=3)
    return parent, outputs_of(parent, [key])


def test_a_child_pays_for_its_parent_to_the_satoshi(rig: EmbeddedRig) -> None:
    parent, coins = free_parent(rig)
    least = parent.vsize + spend(coins, (0, NOBODY)).vsize
    cheap = spend(coins, (0, NOBODY), fee=least - 1, version=3)
    enough = spend(coins, (0, NOBODY), fee=least, version=3)
    assert refusal(rig, parent, cheap) == "min relay fee not met"
    assert [verdict.reason for verdict in rig.chain.test([parent, enough])] == [None, None]
    assert rig.chain.mempool_entry(parent.txid) is None  # testing took nothing
    rig.chain.broadcast([parent, enough])
    (block,) = rig.mine()
    assert [tx.txid for tx in rig.chain.transactions(block.height)[1:]] == [parent.txid, enough.txid]


def test_a_package_may_hold_others_that_stand_alone(rig: EmbeddedRig) -> None:
    parent, coins = free_parent(rig)
    alone = spend(rig.fund(Purse(ScriptType.P2TR).key()), (0, NOBODY))
    rig.chain.broadcast([alone, parent, spend(coins, (0, NOBODY), fee=9_000, version=3)])


def test_only_version_3_waits_for_a_child(rig: EmbeddedRig) -> None:
    key = Purse(ScriptType.P2TR).key()
    parent = spend(rig.fund(key), (0, key.script), fee=0)
    child = spend(outputs_of(parent, [key]), (0, NOBODY), fee=9_000)
    assert refusal(rig, parent, child) == "min relay fee not met"


def test_a_stranger_does_not_pay_for_a_parent(rig: EmbeddedRig) -> None:
    parent, _ = free_parent(rig)
    other, coins = free_parent(rig)
    child = spend(coins, (0, NOBODY), fee=9_000, version=3)
    assert refusal(rig, parent, child) == "min relay fee not met"
    assert refusal(rig, child, other) == "missing-inputs"  # parents come first
    assert refusal(rig, parent, other, child) == "min relay fee not met"


def test_a_child_does_not_bring_more_than_its_parent(rig: EmbeddedRig) -> None:
    key = Purse(ScriptType.P2TR).key()
    parent, coins = free_parent(rig)
    child = spend(coins, (0, key.script), fee=9_000, version=3)
    grandchild = spend(outputs_of(child, [key]), (0, NOBODY), fee=9_000, version=3)
    assert refusal(rig, parent, child, grandchild) == "min relay fee not met"
    assert rig.chain.mempool_entry(parent.txid) is None


def test_an_invalid_child_leaves_nothing(rig: EmbeddedRig) -> None:
    parent, coins = free_parent(rig)
    child = with_witness(spend(coins, (0, NOBODY), fee=9_000, version=3), 0, bytes(64))
    assert refusal(rig, parent, child) == "min relay fee not met"
    assert rig.chain.mempool_entry(parent.txid) is None


def test_a_child_does_not_make_a_parent_replace_without_paying(rig: EmbeddedRig) -> None:
    key = Purse(ScriptType.P2TR).key()
    (coin,) = rig.fund(key)
    rig.chain.broadcast([first := spend([coin], (0, NOBODY))])
    parent = spend([coin], (0, key.script), fee=0, version=3)
    child = spend(outputs_of(parent, [key]), (0, NOBODY), fee=90_000, version=3)
    assert refusal(rig, parent, child) == "min relay fee not met"
    assert rig.chain.mempool_entry(first.txid) is not None


# version 3


def test_version_3_has_one_parent_and_one_child(rig: EmbeddedRig) -> None:
    key = Purse(ScriptType.P2TR).key()
    one, two = rig.fund(key, key)
    parent = spend([one], (300_000, key.script), (0, key.script), version=3)
    first, second = outputs_of(parent, [key])
    child = spend([first], (0, key.script), version=3)
    rig.chain.broadcast([parent, child])
    assert refusal(rig, spend([second], (0, NOBODY), version=3)) == "TRUC-violation"
    assert refusal(rig, spend(outputs_of(child, [key]), (0, NOBODY), version=3)) == "TRUC-violation"
    other = spend([two], (0, key.script), version=3)
    rig.chain.broadcast([other])
    both = [second, *outputs_of(other, [key])]
    assert refusal(rig, spend(both, (0, NOBODY), version=3)) == "TRUC-violation"
    rig.chain.broadcast([spend([first], (0, NOBODY), fee=5_000, version=3)])  # a child may be replaced


def test_version_3_has_two_unconfirmed_parents_never(rig: EmbeddedRig) -> None:
    key = Purse(ScriptType.P2TR).key()
    parents = [spend([coin], (0, key.script), version=3) for coin in rig.fund(key, key)]
    rig.chain.broadcast(parents)
    coins = [outputs_of(parent, [key])[0] for parent in parents]
    assert refusal(rig, spend(coins, (0, NOBODY), version=3)) == "TRUC-violation"


@pytest.mark.parametrize(("parent_version", "child_version"), [(3, 2), (2, 3), (1, 3)])
def test_version_3_does_not_mix_with_others_while_unconfirmed(
    rig: EmbeddedRig, parent_version: int, child_version: int
) -> None:
    key = Purse(ScriptType.P2TR).key()
    parent = spend(rig.fund(key), (0, key.script), version=parent_version)
    rig.chain.broadcast([parent])
    child = spend(outputs_of(parent, [key]), (0, NOBODY), version=child_version)
    assert refusal(rig, child) == "TRUC-violation"
    rig.mine()
    rig.chain.broadcast([child])


def test_version_3_is_small_and_its_child_smaller(rig: EmbeddedRig) -> None:
    key = Purse(ScriptType.P2TR).key()
    (coin,) = rig.fund(key, value=2_000_000)
    large = spend([coin], *[(400, key.script)] * 231, (0, key.script), fee=20_000, version=3)
    assert large.vsize > 10_000
    assert refusal(rig, large) == "TRUC-violation"
    parent = spend([coin], *[(400, key.script)] * 229, (0, key.script), fee=20_000, version=3)
    rig.chain.broadcast([parent])
    rest = outputs_of(parent, [key])[-1]
    child = spend([rest], *[(400, key.script)] * 21, (0, key.script), fee=9_000, version=3)
    assert child.vsize > 1_000
    assert refusal(rig, child) == "TRUC-violation"
    rig.chain.broadcast([spend([rest], *[(400, key.script)] * 20, (0, key.script), fee=9_000, version=3)])
