"""What every backend of a regtest chain does; conftest.py says which there are."""

from dataclasses import replace

import pytest

from tests.wallet.chain.purse import (
    KINDS,
    Coin,
    Purse,
    high_s,
    outputs_of,
    spend,
    uncompressed_key,
    with_witness,
)
from tests.wallet.chain.rig import COIN_VALUE, Rig
from wallet.account import Branch
from wallet.amounts import FeeRate, Sats
from wallet.chain.base import Seen
from wallet.errors import ChainRefusedError
from wallet.network import REGTEST
from wallet.script import ScriptType, dust_threshold, p2wpkh
from wallet.tx import SEQUENCE_FINAL, SEQUENCE_NO_RBF, OutPoint, Transaction, Txid, TxIn, TxOut

SCRIPT_FAILED = "script-verify-flag"  # with a prefix and a detail that differ between versions of Core
MISSING = {"missing-inputs", "bad-txns-inputs-missingorspent"}
NOWHERE = p2wpkh(bytes(20))


def refusal(rig: Rig, *package: Transaction) -> str:
    with pytest.raises(ChainRefusedError) as caught:
        rig.chain.broadcast(package)
    return caught.value.reason


def to_nowhere(coin: Coin, **options: int) -> Transaction:
    return spend([coin], (0, NOWHERE), **options)


def seen_of(seen: tuple[Seen, ...], tx: Transaction) -> list[Seen]:
    return [one for one in seen if one.tx.txid == tx.txid]


# mining


def test_it_says_its_network(rig: Rig) -> None:
    assert rig.chain.network == REGTEST
    assert rig.chain.name in {"embedded", "bitcoind"}


def test_mined_blocks_extend_the_chain(rig: Rig) -> None:
    before = rig.chain.tip()
    blocks = rig.chain.mine(3, NOWHERE)
    assert [block.height for block in blocks] == [before.height + i for i in (1, 2, 3)]
    assert blocks[-1] == rig.chain.tip()
    assert len({before.hash, *(block.hash for block in blocks)}) == 4


def test_the_coinbase_pays_the_script_with_the_fees(rig: Rig) -> None:
    key = Purse(ScriptType.P2TR).key()
    (coin,) = rig.fund(key)
    empty = rig.coinbase(rig.mine()[0]).outputs[0].value
    rig.chain.broadcast([to_nowhere(coin, fee=12_345)])
    (block,) = rig.chain.mine(1, key.script)
    paid = rig.coinbase(block).outputs[0]
    assert paid.script_pubkey == key.script
    assert paid.value - empty in {12_345, 12_345 - empty // 2}  # the subsidy may just have halved


# transactions that are taken


@pytest.mark.parametrize("kind", KINDS)
def test_a_spend_is_tested_sent_and_mined(rig: Rig, kind: ScriptType) -> None:
    purse = Purse(kind)
    (coin,) = rig.fund(purse.key())
    rig.chain.watch(purse.name, purse.watch(2), 0)
    tx = to_nowhere(coin, fee=500)
    (verdict,) = rig.chain.test([tx])
    assert (verdict.txid, verdict.reason, verdict.vsize, verdict.fee) == (tx.txid, None, tx.vsize, 500)
    assert rig.chain.mempool_entry(tx.txid) is None  # testing sent nothing
    rig.chain.broadcast([tx])
    assert rig.chain.confirmations(tx.txid) == 0
    rig.mine()
    assert rig.chain.confirmations(tx.txid) == 1
    assert rig.chain.mempool_entry(tx.txid) is None
    rig.mine(5)
    assert rig.chain.confirmations(tx.txid) == 6


def test_inputs_of_both_kinds_are_taken_together(rig: Rig) -> None:
    keys = [Purse(kind).key(i) for kind in KINDS for i in range(3)]
    tx = spend(rig.fund(*keys), (10_000, keys[3].script), (0, NOWHERE))
    rig.chain.broadcast([tx])
    assert rig.chain.mempool_entry(tx.txid) is not None


def test_sending_what_is_known_is_no_error(rig: Rig) -> None:
    (coin,) = rig.fund(Purse(ScriptType.P2TR).key())
    tx = to_nowhere(coin)
    rig.chain.broadcast([tx])
    rig.chain.broadcast([tx])
    assert rig.reason(tx) == "txn-already-in-mempool"
    rig.mine()
    rig.chain.broadcast([tx])
    assert rig.reason(tx) == "txn-already-known"


def test_unconfirmed_outputs_can_be_spent(rig: Rig) -> None:
    key = Purse(ScriptType.P2WPKH).key()
    parent = spend(rig.fund(key), (0, key.script))
    child = spend(outputs_of(parent, [key]), (0, key.script), fee=3_000)
    grandchild = spend(outputs_of(child, [key]), (0, NOWHERE), fee=5_000)
    assert [v.reason for v in rig.chain.test([parent, child])] == [None, None]
    rig.chain.broadcast([parent, child])
    rig.chain.broadcast([grandchild])
    entry = rig.chain.mempool_entry(child.txid)
    assert entry is not None
    assert (entry.vsize, entry.fee) == (child.vsize, 3_000)
    assert (entry.ancestor_vsize, entry.ancestor_fee) == (parent.vsize + child.vsize, 4_000)
    assert (entry.descendant_count, entry.descendant_fee) == (2, 8_000)
    rig.mine()
    assert rig.chain.mempool_entry(grandchild.txid) is None


def test_the_minimum_fee_rate_is_enough_and_less_is_not(rig: Rig) -> None:
    (coin,) = rig.fund(Purse(ScriptType.P2TR).key())
    vsize = to_nowhere(coin).vsize
    assert rig.chain.min_fee_rate() <= FeeRate(1000)
    least = rig.chain.min_fee_rate().fee(vsize)
    assert rig.reason(to_nowhere(coin, fee=least - 1)) == "min relay fee not met"
    rig.chain.broadcast([to_nowhere(coin, fee=least)])


def test_an_estimate_is_a_rate_or_nothing(rig: Rig) -> None:
    rate = rig.chain.fee_rate(6)
    assert rate is None or rate >= FeeRate(100)


# transactions that are refused


@pytest.mark.parametrize("kind", KINDS)
def test_a_tampered_signature_is_refused(rig: Rig, kind: ScriptType) -> None:
    (coin,) = rig.fund(Purse(kind).key())
    tx = to_nowhere(coin)
    signature, *rest = tx.inputs[0].witness
    flipped = signature[:20] + bytes([signature[20] ^ 1]) + signature[21:]
    assert SCRIPT_FAILED in refusal(rig, with_witness(tx, 0, flipped, *rest))
    rig.chain.broadcast([tx])


def test_a_tampered_amount_is_refused(rig: Rig) -> None:
    coins = rig.fund(*(Purse(kind).key() for kind in KINDS))
    tx = spend(coins, (0, NOWHERE))
    output = replace(tx.outputs[0], value=Sats(tx.outputs[0].value - 1))
    assert SCRIPT_FAILED in refusal(rig, replace(tx, outputs=(output,)))


def test_a_missing_signature_is_refused(rig: Rig) -> None:
    (coin,) = rig.fund(Purse(ScriptType.P2WPKH).key())
    assert SCRIPT_FAILED in refusal(rig, with_witness(to_nowhere(coin), 0))


def test_a_signature_with_high_s_is_refused(rig: Rig) -> None:
    (coin,) = rig.fund(Purse(ScriptType.P2WPKH).key())
    tx = to_nowhere(coin)
    signature, key = tx.inputs[0].witness
    assert SCRIPT_FAILED in refusal(rig, with_witness(tx, 0, high_s(signature), key))


def test_an_uncompressed_key_is_refused(rig: Rig) -> None:
    key = uncompressed_key()
    tx = to_nowhere(rig.fund(key)[0])
    signature = tx.inputs[0].witness[0]
    uncompressed = key.secret.public_key.format(compressed=False)
    assert SCRIPT_FAILED in refusal(rig, with_witness(tx, 0, signature, uncompressed))


def test_an_annex_is_refused(rig: Rig) -> None:
    (coin,) = rig.fund(Purse(ScriptType.P2TR).key())
    tx = to_nowhere(coin)
    reason = rig.reason(with_witness(tx, 0, *tx.inputs[0].witness, b"\x50"))
    assert reason in {"bad-witness-nonstandard", "bad-witness-taproot-annex"}  # the latter is Bitcoin Knots'


def test_a_coin_that_does_not_exist_is_refused(rig: Rig) -> None:
    (coin,) = rig.fund(Purse(ScriptType.P2TR).key())
    assert rig.reason(to_nowhere(replace(coin, prevout=OutPoint(Txid(b"\x07" * 32), 0)))) in MISSING
    assert rig.reason(to_nowhere(replace(coin, prevout=replace(coin.prevout, index=9)))) in MISSING


def test_a_spent_coin_is_refused(rig: Rig) -> None:
    (coin,) = rig.fund(Purse(ScriptType.P2TR).key())
    rig.chain.broadcast([to_nowhere(coin)])
    rig.mine()
    other = to_nowhere(coin, fee=90_000)
    assert rig.reason(other) in MISSING
    assert refusal(rig, other) in MISSING


def test_a_young_coinbase_is_refused_until_it_is_mature(rig: Rig) -> None:
    key = Purse(ScriptType.P2WPKH).key()
    (block,) = rig.chain.mine(1, key.script)
    (coin,) = outputs_of(rig.coinbase(block), [key])
    tx = to_nowhere(coin)
    rig.mine(98)
    assert refusal(rig, tx) == "bad-txns-premature-spend-of-coinbase"
    rig.mine()
    rig.chain.broadcast([tx])


def test_more_out_than_in_is_refused(rig: Rig) -> None:
    (coin,) = rig.fund(Purse(ScriptType.P2TR).key())
    assert rig.reason(to_nowhere(coin, fee=-1)) == "bad-txns-in-belowout"


@pytest.mark.parametrize("kind", KINDS)
def test_dust_is_refused_and_its_threshold_is_not(rig: Rig, kind: ScriptType) -> None:
    script = Purse(kind).key().script
    (coin,) = rig.fund(Purse(ScriptType.P2TR).key())
    threshold = dust_threshold(script)
    assert rig.reason(spend([coin], (threshold - 1, script), (0, NOWHERE))) == "dust"
    assert rig.reason(spend([coin], (threshold, script), (0, NOWHERE))) is None


def test_a_script_of_no_known_form_is_refused(rig: Rig) -> None:
    (coin,) = rig.fund(Purse(ScriptType.P2TR).key())
    assert refusal(rig, spend([coin], (0, b"\x51\x51"))).startswith("scriptpubkey")


def test_an_unknown_version_is_refused(rig: Rig) -> None:
    (coin,) = rig.fund(Purse(ScriptType.P2TR).key())
    assert refusal(rig, to_nowhere(coin, version=9)) == "version"


def test_a_tiny_transaction_is_refused(rig: Rig) -> None:
    (coin,) = rig.fund(Purse(ScriptType.P2TR).key())
    assert rig.reason(spend([coin], (0, b"\x6a"), fee=COIN_VALUE)) == "tx-size-small"


def test_a_coinbase_is_refused(rig: Rig) -> None:
    tx = Transaction(
        (TxIn(OutPoint(Txid(bytes(32)), 0xFFFFFFFF), script_sig=b"\x01\x01"),), (TxOut(Sats(5000), NOWHERE),)
    )
    assert refusal(rig, tx) == "coinbase"


# locks


def test_a_locktime_is_refused_until_the_block_before_its_height(rig: Rig) -> None:
    (coin,) = rig.fund(Purse(ScriptType.P2TR).key())
    height = rig.chain.tip().height
    assert rig.reason(to_nowhere(coin, locktime=height)) is None  # against fee sniping
    tx = to_nowhere(coin, locktime=height + 1)
    assert refusal(rig, tx) == "non-final"
    assert rig.reason(to_nowhere(coin, locktime=height + 1, sequence=SEQUENCE_FINAL)) is None
    rig.mine()
    rig.chain.broadcast([tx])


def test_a_locktime_is_held_against_the_median_time(rig: Rig) -> None:
    (coin,) = rig.fund(Purse(ScriptType.P2TR).key())
    assert rig.reason(to_nowhere(coin, locktime=rig.chain.tip().time)) == "non-final"
    assert rig.reason(to_nowhere(coin, locktime=1_300_000_000)) is None


def test_a_relative_lock_is_refused_until_it_opens(rig: Rig) -> None:
    (coin,) = rig.fund(Purse(ScriptType.P2TR).key())
    tx = to_nowhere(coin, sequence=3)
    assert refusal(rig, tx) == "non-BIP68-final"
    rig.mine()
    assert rig.reason(tx) == "non-BIP68-final"
    rig.mine()
    assert rig.reason(tx) is None
    assert rig.reason(to_nowhere(coin, sequence=1 << 22 | 1)) == "non-BIP68-final"
    assert rig.reason(to_nowhere(coin, sequence=1 << 22)) is None


# replacement


@pytest.mark.parametrize("sequence", [0, SEQUENCE_NO_RBF, SEQUENCE_FINAL])
def test_a_higher_fee_replaces_whether_or_not_it_was_signalled(rig: Rig, sequence: int) -> None:
    (coin,) = rig.fund(Purse(ScriptType.P2WPKH).key())
    first = to_nowhere(coin, sequence=sequence)
    second = to_nowhere(coin, fee=2_000)
    rig.chain.broadcast([first])
    rig.chain.broadcast([second])
    assert rig.chain.mempool_entry(first.txid) is None
    assert rig.chain.mempool_entry(second.txid) is not None


def test_a_replacement_pays_for_its_own_relay(rig: Rig) -> None:
    (coin,) = rig.fund(Purse(ScriptType.P2TR).key())
    first = to_nowhere(coin)
    rig.chain.broadcast([first])
    step = rig.chain.min_fee_rate().fee(first.vsize)
    for fee in (999, 1_000, 1_000 + step - 1):
        assert refusal(rig, spend([coin], (0, NOWHERE), fee=fee, locktime=1)) == "insufficient fee"
    rig.chain.broadcast([to_nowhere(coin, fee=1_000 + step)])


def test_a_replacement_needs_a_higher_rate_and_not_only_a_higher_fee(rig: Rig) -> None:
    key = Purse(ScriptType.P2TR).key()
    small, *others = rig.fund(*[key] * 12)
    rig.chain.broadcast([to_nowhere(small, fee=1_500)])
    assert refusal(rig, spend([small, *others], (0, NOWHERE), fee=3_000)) == "insufficient fee"


def test_a_replacement_evicts_what_builds_on_the_replaced_and_pays_for_it(rig: Rig) -> None:
    key = Purse(ScriptType.P2TR).key()
    (coin,) = rig.fund(key)
    parent = spend([coin], (0, key.script))
    child = spend(outputs_of(parent, [key]), (0, NOWHERE), fee=10_000)
    rig.chain.broadcast([parent, child])
    assert refusal(rig, to_nowhere(coin, fee=10_900)) == "insufficient fee"
    rig.chain.broadcast([to_nowhere(coin, fee=11_500)])
    assert rig.chain.mempool_entry(parent.txid) is None
    assert rig.chain.mempool_entry(child.txid) is None


def test_a_replacement_must_not_spend_what_it_replaces(rig: Rig) -> None:
    key = Purse(ScriptType.P2TR).key()
    (coin,) = rig.fund(key)
    parent = spend([coin], (0, key.script))
    rig.chain.broadcast([parent])
    tx = spend([coin, *outputs_of(parent, [key])], (0, NOWHERE), fee=50_000)
    assert rig.reason(tx) == "bad-txns-spends-conflicting-tx"


# chains and packages


def test_a_chain_has_at_most_25_transactions(rig: Rig) -> None:
    key = Purse(ScriptType.P2WPKH).key()
    (coin,) = rig.fund(key)
    for _ in range(25):
        tx = spend([coin], (0, key.script))
        rig.chain.broadcast([tx])
        (coin,) = outputs_of(tx, [key])
    assert refusal(rig, to_nowhere(coin)) == "too-long-mempool-chain"
    rig.mine()
    rig.chain.broadcast([to_nowhere(coin)])


def test_a_child_pays_for_its_parent_in_a_package(rig: Rig) -> None:
    key = Purse(ScriptType.P2TR).key()
    parent = spend(rig.fund(key), (0, key.script), fee=0, version=3)
    child = spend(outputs_of(parent, [key]), (0, NOWHERE), fee=5_000, version=3)
    assert refusal(rig, parent) == "min relay fee not met"
    rig.chain.broadcast([parent, child])
    assert rig.chain.mempool_entry(parent.txid) is not None
    (block,) = rig.mine()
    assert rig.chain.mempool_entry(parent.txid) is None
    assert rig.chain.tip() == block


def test_a_child_that_pays_too_little_for_its_parent_is_refused(rig: Rig) -> None:
    key = Purse(ScriptType.P2TR).key()
    parent = spend(rig.fund(key), (0, key.script), fee=0, version=3)
    rate = rig.chain.min_fee_rate()
    fee = rate.fee(2 * parent.vsize) - rate.fee(parent.vsize // 2)
    child = spend(outputs_of(parent, [key]), (0, NOWHERE), fee=fee, version=3)
    assert refusal(rig, parent, child)
    assert rig.chain.mempool_entry(parent.txid) is None
    assert rig.chain.mempool_entry(child.txid) is None


def test_a_parent_of_version_2_pays_the_minimum_by_itself(rig: Rig) -> None:
    key = Purse(ScriptType.P2TR).key()
    parent = spend(rig.fund(key), (0, key.script), fee=0)
    child = spend(outputs_of(parent, [key]), (0, NOWHERE), fee=50_000)
    assert refusal(rig, parent, child).startswith("min relay fee not met")


def test_version_3_does_not_build_on_version_2(rig: Rig) -> None:
    key = Purse(ScriptType.P2TR).key()
    parent = spend(rig.fund(key), (0, key.script))
    rig.chain.broadcast([parent])
    reason = rig.reason(spend(outputs_of(parent, [key]), (0, NOWHERE), version=3))
    assert reason in {"TRUC-violation", "truc-spends-nontruc"}  # the latter is Bitcoin Knots'


def test_what_comes_before_a_refused_transaction_may_be_taken_and_the_refused_is_not(rig: Rig) -> None:
    good, bad = (to_nowhere(coin) for coin in rig.fund(*[Purse(ScriptType.P2TR).key()] * 2))
    bad = with_witness(bad, 0, bytes(64))
    assert refusal(rig, good, bad)
    assert rig.chain.mempool_entry(bad.txid) is None


# what happens to watched scripts


def test_changes_tell_of_receiving_spending_and_nothing_else(rig: Rig) -> None:
    purse, stranger = Purse(ScriptType.P2WPKH), Purse(ScriptType.P2TR)
    rig.chain.watch(purse.name, purse.watch(3), 0)
    start = rig.chain.tip()
    coin, foreign = rig.fund(purse.key(2), stranger.key())
    middle = rig.chain.tip()
    rig.chain.broadcast([tx := to_nowhere(coin), other := to_nowhere(foreign)])

    everything = rig.chain.changes(None)
    assert everything.fork is None
    assert everything.tip == middle
    assert [(s.tx.txid, s.block) for s in everything.seen] == [(coin.prevout.txid, middle), (tx.txid, None)]
    assert rig.chain.changes(start.hash).fork == start
    assert [s.tx.txid for s in rig.chain.changes(start.hash).seen] == [coin.prevout.txid, tx.txid]
    after = rig.chain.changes(middle.hash)
    assert (after.fork, [s.tx for s in after.seen]) == (middle, [tx])  # with its witness
    assert rig.chain.confirmations(other.txid) is None

    (block,) = rig.mine()
    assert [(s.tx, s.block) for s in rig.chain.changes(middle.hash).seen] == [(tx, block)]
    assert rig.chain.changes(block.hash).seen == ()


def test_changes_since_an_unknown_block_tell_everything(rig: Rig) -> None:
    purse = Purse(ScriptType.P2TR)
    rig.chain.watch(purse.name, purse.watch(1), 0)
    rig.fund(purse.key())
    assert rig.chain.changes(b"\x09" * 32) == rig.chain.changes(None)


def test_both_branches_and_only_indices_below_the_end_are_watched(rig: Rig) -> None:
    purse = Purse(ScriptType.P2TR)
    rig.chain.watch(purse.name, purse.watch(2), 0)
    keys = [purse.key(i, branch) for branch in Branch for i in (0, 1, 9)]
    watched = [rig.fund(key)[0] for key in keys if key not in (keys[2], keys[5])]
    beyond = [rig.fund(key)[0] for key in (keys[2], keys[5])]
    known = [rig.chain.confirmations(coin.prevout.txid) is not None for coin in (*watched, *beyond)]
    assert known == [True] * 4 + [False] * 2


def test_watching_further_finds_the_past_after_a_rescan(rig: Rig) -> None:
    purse = Purse(ScriptType.P2WPKH)
    rig.chain.watch(purse.name, purse.watch(1), 0)
    height = rig.chain.tip().height
    (coin,) = rig.fund(purse.key(4))
    rig.mine()
    assert rig.chain.changes(None).seen == ()
    rig.chain.watch(purse.name, purse.watch(5), 0)
    rig.chain.rescan(height)
    assert [s.tx.txid for s in rig.chain.changes(None).seen] == [coin.prevout.txid]
    rig.chain.watch(purse.name, purse.watch(5), 0)  # idempotent
    assert len(rig.chain.changes(None).seen) == 1


def test_a_replaced_transaction_is_no_longer_told(rig: Rig) -> None:
    purse = Purse(ScriptType.P2TR)
    rig.chain.watch(purse.name, purse.watch(1), 0)
    (coin,) = rig.fund(purse.key())
    rig.chain.broadcast([first := to_nowhere(coin)])
    rig.chain.broadcast([second := to_nowhere(coin, fee=9_000)])
    seen = rig.chain.changes(rig.chain.tip().hash).seen
    assert seen_of(seen, second)
    assert not [s for s in seen_of(seen, first) if s.block is not None]


# reorganisations


def test_a_reorganisation_returns_transactions_to_the_mempool(rig: Rig) -> None:
    purse = Purse(ScriptType.P2WPKH)
    rig.chain.watch(purse.name, purse.watch(1), 0)
    (coin,) = rig.fund(purse.key())
    rig.mine()
    fork = rig.chain.tip()
    rig.chain.broadcast([tx := to_nowhere(coin)])
    (stale, _) = rig.mine(2)
    assert rig.chain.confirmations(tx.txid) == 2

    tip = rig.reorganise(2)
    assert tip == rig.chain.tip()
    assert tip.height == fork.height + 3
    assert rig.chain.confirmations(tx.txid) == 0
    assert rig.chain.mempool_entry(tx.txid) is not None

    changes = rig.chain.changes(stale.hash)
    assert changes.fork == fork
    assert [s.block for s in seen_of(changes.seen, tx)] == [None]
    (block,) = rig.mine()
    assert [s.block for s in seen_of(rig.chain.changes(stale.hash).seen, tx)] == [block]


def test_a_reorganisation_returns_a_parent_with_its_child(rig: Rig) -> None:
    key = Purse(ScriptType.P2TR).key()
    (coin,) = rig.fund(key)
    rig.mine()
    parent = spend([coin], (0, key.script))
    rig.chain.broadcast([parent])
    rig.mine()
    child = spend(outputs_of(parent, [key]), (0, NOWHERE))
    rig.chain.broadcast([child])
    rig.reorganise(1)
    entry = rig.chain.mempool_entry(child.txid)
    assert entry is not None
    assert entry.ancestor_vsize == parent.vsize + child.vsize
    rig.mine()
    assert rig.reason(child) == "txn-already-known"


def test_a_reorganisation_takes_a_coinbase_and_what_spent_it(rig: Rig) -> None:
    key = Purse(ScriptType.P2TR).key()
    (block,) = rig.chain.mine(1, key.script)
    (coin,) = outputs_of(rig.coinbase(block), [key])
    rig.mine(99)
    rig.chain.broadcast([tx := to_nowhere(coin)])
    rig.mine(1)
    rig.reorganise(101)
    assert rig.chain.mempool_entry(tx.txid) is None
    assert rig.reason(tx) in MISSING


# life of a backend


def test_a_reopened_backend_knows_blocks_and_mempool(rig: Rig) -> None:
    purse = Purse(ScriptType.P2TR)
    (coin,) = rig.fund(purse.key())
    rig.chain.broadcast([tx := to_nowhere(coin)])
    tip = rig.chain.tip()
    rig.reopen()
    rig.chain.watch(purse.name, purse.watch(1), 0)
    assert rig.chain.tip() == tip
    assert rig.chain.mempool_entry(tx.txid) is not None
    seen = rig.chain.changes(None).seen
    assert [s.tx.txid for s in seen] == [coin.prevout.txid, tx.txid]
    rig.mine()
    assert rig.chain.confirmations(tx.txid) == 1
