"""What a signer refuses of outputs, fees and lock times: for every rule a PSBT that breaks only this one."""

from dataclasses import replace

import pytest

from wallet.account import GAP_LIMIT, Account
from wallet.amounts import FeeRate, Sats
from wallet.errors import MalformedError
from wallet.fees import FeeCaps
from wallet.psbt import (
    KeyOrigin,
    Psbt,
    TapKeyOrigin,
    UnsignedTx,
)
from wallet.review import LOCKTIME_SLACK, Review, Rule, review
from wallet.script import dust_threshold
from wallet.script_index import Owner

from .fakes import ACCOUNTS, SEGWIT, TAPROOT
from .own_psbts import (
    CAPS,
    HERE,
    MIXED,
    OTHER,
    OTHER_TR,
    Coin,
    change,
    derivation,
    payment,
    receive,
    refused,
    returned,
    spend,
    with_output,
)


def change_of(owner: Account, path, value: int = 109_000, **fields) -> Review:
    psbt = spend(HERE[1:], [payment(90_000), returned(value, owner, path)])
    return review(with_output(psbt, 1, **fields), ACCOUNTS, CAPS, next_change=(30, 7))


@pytest.mark.parametrize(("owner", "next_index"), [(TAPROOT, 30), (SEGWIT, 7)])
def test_change_counts_as_ours_up_to_the_gap_limit(owner, next_index):
    last = change(next_index + GAP_LIMIT - 1)
    assert change_of(owner, last).outputs[1].own == Owner(ACCOUNTS.index(owner), last)
    beyond = change_of(owner, change(next_index + GAP_LIMIT))
    assert beyond.outputs[1].own is None
    assert (beyond.sent, beyond.returned) == (199_000, 0)


def test_change_index_of_an_account_that_was_not_told_starts_at_zero():
    for index, own in ((GAP_LIMIT - 1, Owner(1, change(GAP_LIMIT - 1))), (GAP_LIMIT, None)):
        psbt = spend(HERE[:1], [payment(90_000), returned(9_000, SEGWIT, change(index))])
        assert review(psbt, ACCOUNTS, CAPS, next_change=(100,)).outputs[1].own == own


def test_receiving_address_of_ours_counts_as_payment():
    assert change_of(TAPROOT, receive(0)).outputs[1].own is None


KEY = TAPROOT.public_key(change(1))[1:]
ORIGINS = derivation(TAPROOT, change(1))["tap_bip32_derivation"]


@pytest.mark.parametrize(
    "fields",
    [
        derivation(OTHER_TR, change(1)),
        derivation(TAPROOT, change(2)),
        {"tap_bip32_derivation": {}},
        {"tap_bip32_derivation": {KEY: TapKeyOrigin(KeyOrigin(bytes(4), (1, 1)))}},
        {"tap_bip32_derivation": ORIGINS | derivation(TAPROOT, change(2))["tap_bip32_derivation"]},
    ],
    ids=["foreign", "other index", "none", "other fingerprint", "two"],
)
def test_change_whose_derivation_does_not_lead_to_its_script_counts_as_payment(fields):
    assert change_of(TAPROOT, change(1)).outputs[1].own is not None
    assert change_of(TAPROOT, change(1), **fields).outputs[1].own is None


@pytest.mark.parametrize(("own", "other"), [(TAPROOT, OTHER_TR), (SEGWIT, OTHER)])
def test_substituted_change_script_counts_as_payment(own, other):
    """Our fingerprint, path and even key on an output that pays somebody else."""
    assert change_of(other, change(1), **derivation(own, change(1))).outputs[1].own is None


def test_dust_is_refused():
    for index in (0, 1):
        least = dust_threshold(MIXED.tx.outputs[index].script_pubkey)
        outputs = [payment(298_000), returned(298_000, TAPROOT, change(5))]
        outputs[index] = replace(outputs[index][0], value=least), outputs[index][1]
        assert review(spend(HERE, outputs), ACCOUNTS, FeeCaps(relative=1000)).fee > 0
        outputs[index] = replace(outputs[index][0], value=Sats(least - 1)), outputs[index][1]
        refused(Rule.DUST, spend(HERE, outputs))


def test_output_that_nodes_do_not_relay_is_refused():
    refused(Rule.OUTPUT_SCRIPT, spend(HERE, [payment(299_000, b"\x51")]))


def test_value_on_data_is_refused():
    data = b"\x6a\x04data"
    assert review(spend(HERE, [payment(299_000), payment(0, data)]), ACCOUNTS, CAPS).fee == 1000
    refused(Rule.BURN, spend(HERE, [payment(298_999), payment(1, data)]))


# --- the transaction ---------------------------------------------------------------------------------------


def test_negative_fee_is_refused():
    assert review(spend(HERE, [payment(300_000)]), ACCOUNTS, CAPS).fee == 0
    refused(Rule.FEE_NEGATIVE, spend(HERE, [payment(300_001)]))


@pytest.mark.parametrize(
    ("caps", "rule"),
    [
        (FeeCaps(absolute=Sats(999)), "fee-absolute"),
        (FeeCaps(relative=1), "fee-relative"),
        (FeeCaps(rate=FeeRate.parse("4")), "fee-rate"),
    ],
)
def test_fee_above_a_cap_is_refused(caps, rule):
    refused(rule, MIXED, caps=caps)


def test_relative_cap_is_of_the_payments_or_else_of_what_comes_back():
    assert review(MIXED, ACCOUNTS, FeeCaps(relative=2)).sent == 90_000
    refused(
        "fee-relative",
        spend(HERE, [payment(40_000), returned(259_000, TAPROOT, change(5))]),
        caps=FeeCaps(relative=2),
    )
    assert (
        review(spend(HERE, [returned(297_100, TAPROOT, change(5))]), ACCOUNTS, FeeCaps(relative=1)).sent == 0
    )


def test_everything_for_the_fee_is_refused():
    refused("fee-relative", spend(HERE[:1], [payment(0, b"\x6a\x00")]))


@pytest.mark.parametrize("version", [-1, 0, 3, 2**31 - 1])
def test_other_versions_of_transactions_are_refused(version):
    refused(Rule.VERSION, spend(HERE, [payment(299_000)], version=version))
    assert review(spend(HERE, [payment(299_000)], version=1), ACCOUNTS, CAPS)


def test_transaction_above_the_standard_weight_is_refused():
    # an output of 31 bytes weighs 124 units, and 322 is the rest: 10 bytes, marker and flag, the input
    outputs = [payment(294)] * 3223
    coin = Coin(SEGWIT, receive(0), 294 * 3224)
    assert review(spend([coin], outputs), ACCOUNTS, CAPS).weight <= 400_000
    refused(Rule.WEIGHT, spend([coin], [payment(294)] * 3224))


def test_lock_time_that_is_not_reached_is_refused():
    tip = 1000
    at = spend(HERE, [payment(299_000)], locktime=tip + LOCKTIME_SLACK)
    assert review(at, ACCOUNTS, CAPS, tip=tip).tx.locktime == 1006
    late = spend(HERE, [payment(299_000)], locktime=tip + LOCKTIME_SLACK + 1)
    refused(Rule.LOCKTIME, late, tip=tip)
    assert review(late, ACCOUNTS, CAPS).tx.locktime == 1007


def test_lock_time_in_seconds_is_refused():
    assert review(spend(HERE, [payment(299_000)], locktime=499_999_999), ACCOUNTS, CAPS)
    refused(Rule.LOCKTIME, spend(HERE, [payment(299_000)], locktime=500_000_000))


@pytest.mark.parametrize("sequence", [0, 1, 144, 1 << 22, (1 << 31) - 1])
def test_relative_lock_time_is_refused(sequence):
    for index in (0, 1):
        inputs = list(MIXED.tx.inputs)
        inputs[index] = replace(inputs[index], sequence=sequence)
        unsigned = UnsignedTx(tuple(inputs), MIXED.tx.outputs)
        refused(Rule.SEQUENCE, replace(MIXED, unsigned=unsigned))
        inputs[index] = replace(inputs[index], sequence=1 << 31)
        unsigned = UnsignedTx(tuple(inputs), MIXED.tx.outputs)
        assert review(replace(MIXED, unsigned=unsigned), ACCOUNTS, CAPS)


def test_psbt_without_outputs_is_refused():
    empty = Psbt(UnsignedTx(MIXED.tx.inputs, ()), MIXED.inputs, ())
    with pytest.raises(MalformedError, match="no inputs or no outputs"):
        review(empty, ACCOUNTS, CAPS)
