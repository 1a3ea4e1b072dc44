"""Fees: caps to the satoshi, the weight of what is not signed yet, change that is dropped."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wallet.amounts import FeeRate, Sats
from wallet.errors import ChainError, MalformedError, RefusedError
from wallet.fees import (
    FALLBACK_RATE,
    ChangeCost,
    FeeCaps,
    estimated_rate,
    input_fee,
    to_vsize,
    transaction_weight,
)
from wallet.network import MAINNET, REGTEST
from wallet.script import ScriptType, dust_threshold, p2tr, p2wpkh
from wallet.tx import OutPoint, Transaction, Txid, TxIn, TxOut

WPKH = p2wpkh(bytes(20))
TR = p2tr(bytes(32))

# the largest witnesses that a low-S signer makes: DER with a 33-byte r, and BIP-340
WITNESS = {ScriptType.P2WPKH: (bytes(71 + 1), bytes(33)), ScriptType.P2TR: (bytes(64),)}


def signed(kinds, scripts):
    inputs = tuple(TxIn(OutPoint(Txid(bytes(32)), i), witness=WITNESS[kind]) for i, kind in enumerate(kinds))
    return Transaction(inputs, tuple(TxOut(Sats(1000), script) for script in scripts))


@pytest.mark.parametrize(
    ("rule", "fee", "amount", "vsize"),
    [
        ("fee-absolute", 1_000_000, 100_000_000, 10_000),
        ("fee-relative", 10_000, 100_000, 10_000),
        ("fee-rate", 50_000, 10_000_000, 100),
    ],
)
def test_a_fee_at_a_cap_passes_and_one_satoshi_above_is_refused(rule, fee, amount, vsize):
    FeeCaps().check(fee, amount, vsize)
    with pytest.raises(RefusedError, match="is above") as e:
        FeeCaps().check(fee + 1, amount, vsize)
    assert e.value.rule == rule
    assert e.value.hint


def test_caps_are_the_users_choice():
    FeeCaps(Sats(10**8), 100, FeeRate(10**7)).check(2_000_000, 2_000_000, 200)


@pytest.mark.parametrize("caps", [{"absolute": Sats(-1)}, {"relative": -1}])
def test_negative_cap_is_refused(caps):
    with pytest.raises(MalformedError, match="negative"):
        FeeCaps(**caps)


def test_a_fee_at_the_capped_rate_passes_whatever_the_size():
    # FeeRate.fee rounds up: the cap must not refuse what it names
    for vsize in range(1, 2000):
        rate = FeeRate(1001)
        FeeCaps(rate=rate).check(rate.fee(vsize), 10**9, vsize)


KINDS = st.lists(st.sampled_from(sorted(WITNESS, key=str)), min_size=1, max_size=30)
SCRIPTS = st.lists(st.sampled_from([WPKH, TR, b"\x6a" + bytes(300)]), min_size=1, max_size=8)


@given(KINDS, SCRIPTS)
@settings(deadline=None)
def test_weight_is_that_of_the_largest_signatures(kinds, scripts):
    tx = signed(kinds, scripts)
    assert transaction_weight(kinds, scripts) == tx.weight
    assert to_vsize(tx.weight) == tx.vsize


@pytest.mark.parametrize("count", [252, 253])
def test_weight_counts_the_bytes_of_large_counts(count):
    kinds = [ScriptType.P2TR] * count
    scripts = [WPKH] * count
    assert transaction_weight(kinds, scripts) == signed(kinds, scripts).weight


def test_known_sizes():
    # 1-input-2-output P2WPKH is 141 vB with a 72-byte signature, P2TR with a 64-byte signature is 154 vB
    assert to_vsize(transaction_weight([ScriptType.P2WPKH], [WPKH, WPKH])) == 141
    assert to_vsize(transaction_weight([ScriptType.P2TR], [TR, TR])) == 154


def test_input_fee_covers_the_weight_of_an_input():
    assert input_fee(ScriptType.P2TR, FeeRate(1000)) == 58  # 230 weight units, 57.5 vB
    assert input_fee(ScriptType.P2WPKH, FeeRate(1000)) == 68  # 272 weight units
    assert input_fee(ScriptType.P2TR, FeeRate(2000)) == 115


@pytest.mark.parametrize(("kind", "script"), [(ScriptType.P2WPKH, WPKH), (ScriptType.P2TR, TR)])
def test_change_is_dropped_below_dust_and_below_the_cost_of_spending_it(kind, script):
    cost = ChangeCost.of(kind, script, FeeRate(5000))
    assert cost.create == {ScriptType.P2WPKH: 155, ScriptType.P2TR: 215}[kind]
    assert cost.spend == {ScriptType.P2WPKH: 680, ScriptType.P2TR: 575}[kind]
    assert cost.least == cost.spend > dust_threshold(script)


def test_change_is_never_dust_however_cheap_it_is_to_spend(monkeypatch):
    monkeypatch.setattr("wallet.fees.LONG_TERM_RATE", FeeRate(1000))
    cost = ChangeCost.of(ScriptType.P2TR, TR, FeeRate(5000))
    assert (cost.spend, cost.least) == (58, dust_threshold(TR))


def test_an_estimate_is_not_below_the_minimum_of_the_mempool():
    assert estimated_rate(MAINNET, FeeRate(5000), FeeRate(1000)) == FeeRate(5000)
    assert estimated_rate(MAINNET, FeeRate(500), FeeRate(1000)) == FeeRate(1000)


def test_without_an_estimate_only_test_networks_fall_back():
    assert estimated_rate(REGTEST, None, FeeRate(1000)) == FALLBACK_RATE
    assert estimated_rate(REGTEST, None, FeeRate(9000)) == FeeRate(9000)
    with pytest.raises(ChainError, match="estimate") as e:
        estimated_rate(MAINNET, None, FeeRate(1000))
    assert e.value.hint
