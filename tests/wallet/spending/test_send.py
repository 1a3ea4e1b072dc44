"""Payments: sums to the satoshi, change, coin control, send-all, and what is refused."""

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.wallet.fakes import (
    ACCOUNTS,
    SEGWIT,
    TAPROOT,
    change,
    confirmed,
    in_mempool,
    pay,
    pending,
    script,
)
from tests.wallet.funded import TIP, basis, check_sums, funding
from tests.wallet.signer import consensus_accepts, sign
from wallet.account import Branch, KeyPath
from wallet.amounts import MAX_MONEY, FeeRate, Sats
from wallet.build import CoinControl, Payment, send, send_all
from wallet.conflicts import COINBASE
from wallet.errors import InsufficientFundsError, MalformedError, RefusedError, UnknownError
from wallet.fees import ChangeCost, FeeCaps, fee_without_inputs, input_fee, to_vsize, transaction_weight
from wallet.script import ScriptType, p2sh, p2tr, p2wpkh
from wallet.script_index import Owner
from wallet.tx import MAX_STANDARD_WEIGHT, OutPoint, Txid, TxOut

SHOP = p2wpkh(b"\x07" * 20)
SHOPS = [SHOP, p2tr(b"\x79\xbe" + bytes(30)), p2sh(b"\x08" * 20), p2wpkh(b"\x09" * 20)]
RATE = FeeRate(5000)
AMOUNT = 100_000


def payment(*amounts, rate=RATE, **fields):
    return Payment(tuple(TxOut(Sats(a), s) for a, s in zip(amounts, SHOPS, strict=False)), rate, **fields)


def outpoint(stored, index=0):
    return OutPoint(stored.tx.txid, index)


COINS = st.lists(
    st.tuples(st.sampled_from(ACCOUNTS), st.integers(300, 300_000)), min_size=1, max_size=12
).map(lambda coins: [confirmed(pay((script(a, i), value)), 5) for i, (a, value) in enumerate(coins)])
RATES = st.integers(0, 60_000).map(FeeRate)
AMOUNTS = st.lists(st.integers(1000, 200_000), min_size=1, max_size=4)


@given(COINS, AMOUNTS, RATES, st.integers(0, 2**32))
@settings(deadline=None)
def test_a_payment_is_exact_and_signs_within_its_size(stored, amounts, rate, seed):
    plan = payment(*amounts, rate=rate)
    wallet = basis(stored, seed=seed)
    worth = sum(max(0, c.value - input_fee(c.kind, rate)) for c in wallet.ledger.unspent)
    try:
        draft = send(wallet, plan)
    except InsufficientFundsError as e:
        assert e.available == worth < e.needed  # noqa: PT017
        return
    check_sums(draft, rate)
    assert draft.recipients == plan.recipients
    if draft.change is None:
        # what is left over is less than change would cost
        assert draft.fee - rate.fee(draft.vsize) <= rate.fee(43) + 680 + rate.fee(3) + len(draft.inputs)
    else:
        assert draft.fee <= rate.fee(draft.vsize)
        assert draft.change.value >= 575
    tx = sign(draft)
    # a signature of random length is at most two bytes shorter than the longest, almost always
    assert draft.vsize - 1 - len(draft.inputs) <= tx.vsize <= draft.vsize


@given(COINS, AMOUNTS, RATES, st.data())
@settings(deadline=None)
def test_recipients_who_pay_the_fee_share_it(stored, amounts, rate, data):
    some = data.draw(st.sets(st.integers(0, len(amounts) - 1), min_size=1))
    plan = payment(*amounts, rate=rate, fee_from=frozenset(some))
    try:
        draft = send(basis(stored), plan)
    except (InsufficientFundsError, RefusedError):
        return
    check_sums(draft, rate)
    paid = [a - out.value for a, out in zip(amounts, draft.recipients, strict=True)]
    assert all(paid[i] == 0 for i in range(len(amounts)) if i not in some)
    parts = [paid[i] for i in sorted(some)]
    assert max(parts[1:], default=0) == min(parts[1:], default=0)
    assert 0 <= parts[0] - max(parts[1:], default=parts[0]) < len(some)
    if draft.change is not None:
        assert sum(parts) == draft.fee


@given(COINS, RATES)
@settings(deadline=None)
def test_send_all_leaves_no_coin_that_is_worth_its_fee(stored, rate):
    wallet = basis(stored)
    worth = {c.outpoint for c in wallet.ledger.unspent if c.value > input_fee(c.kind, rate)}
    try:
        draft = send_all(wallet, SHOP, rate)
    except InsufficientFundsError as e:
        assert e.available < e.needed  # noqa: PT017
        return
    check_sums(draft, rate)
    assert {coin.outpoint for coin in draft.inputs} == worth
    assert draft.change is None
    assert draft.fee == rate.fee(draft.vsize)
    assert sign(draft).vsize <= draft.vsize


@pytest.mark.parametrize("seed", range(5))
def test_mixed_inputs_pass_consensus(seed):
    stored = funding(60_000, 70_000) + funding(80_000, 90_000, account=SEGWIT)
    draft = send(basis(stored, seed=seed), payment(220_000))
    assert {coin.kind for coin in draft.inputs} == {ScriptType.P2TR, ScriptType.P2WPKH}
    tx = sign(draft)
    spent = [coin.out for coin in draft.inputs]
    assert consensus_accepts(tx, spent)
    wrong = replace(tx, outputs=(replace(tx.outputs[0], value=Sats(1)), *tx.outputs[1:]))
    assert not consensus_accepts(wrong, spent)


def test_an_exact_match_makes_no_change():
    wallet = basis(funding(50_000, 60_000, 400_000))
    exact = 110_000 - 2 * input_fee(ScriptType.P2TR, RATE) - RATE.fee(45)
    draft = send(wallet, payment(exact))
    assert draft.change is None
    assert sorted(coin.value for coin in draft.inputs) == [50_000, 60_000]


def test_change_goes_to_the_account_of_most_inputs():
    stored = funding(60_000, 60_001) + funding(60_002, account=SEGWIT)
    use = CoinControl(frozenset(map(outpoint, stored)))
    draft = send(basis(stored), payment(AMOUNT, control=use))
    assert draft.change.owner == Owner(0, KeyPath(Branch.CHANGE, 0))
    stored = funding(60_000) + funding(60_002, 60_003, account=SEGWIT)
    use = CoinControl(frozenset(map(outpoint, stored)))
    draft = send(basis(stored), payment(AMOUNT, control=use))
    assert draft.change.owner == Owner(1, KeyPath(Branch.CHANGE, 0))


def test_change_of_as_many_inputs_of_each_kind_goes_to_taproot():
    for accounts in ((SEGWIT, TAPROOT), (TAPROOT, SEGWIT)):
        stored = funding(90_000, account=accounts[0]) + funding(95_000, account=accounts[1])
        draft = send(basis(stored), payment(AMOUNT))
        assert draft.change.owner.account == 0


def test_a_new_index_is_reserved_for_change_only_when_nothing_is_refused():
    calls = []

    def reserve(account, branch):
        calls.append((account, branch))
        return 7

    wallet = replace(basis(funding(500_000)), reserve=reserve, caps=FeeCaps(Sats(1)))
    with pytest.raises(RefusedError):
        send(wallet, payment(AMOUNT))
    assert not calls
    draft = send(replace(wallet, caps=FeeCaps()), payment(AMOUNT))
    assert calls == [(0, Branch.CHANGE)]
    assert draft.change.owner.path == KeyPath(Branch.CHANGE, 7)


def test_change_that_is_not_worth_its_spending_goes_to_the_fee():
    for above, kept in ((0, True), (-1, False)):
        value = AMOUNT + RATE.fee(99 + 43) + 575 + above  # 1 P2TR input, P2WPKH recipient, P2TR change
        [coin] = stored = funding(value)
        draft = send(basis(stored), payment(AMOUNT, control=CoinControl(frozenset([outpoint(coin)]))))
        assert (draft.change is not None) == kept, value
        check_sums(draft, RATE)


@pytest.mark.parametrize(("above", "kept"), [(0, False), (1, True)])
def test_change_that_costs_more_than_it_brings_goes_to_the_fee(above, kept):
    rate = FeeRate(100_000)
    cost = ChangeCost.of(ScriptType.P2TR, script(), rate)
    spent = input_fee(ScriptType.P2TR, rate) + fee_without_inputs([SHOP], rate)
    draft = send(
        basis(funding(AMOUNT + spent + cost.create + cost.spend + above)), payment(AMOUNT, rate=rate)
    )
    assert (draft.change is not None) == kept


@pytest.mark.parametrize(("to", "least"), [(SHOPS[0], 294), (SHOPS[1], 330), (SHOPS[2], 540)])
def test_dust_is_refused_with_its_threshold(to, least):
    wallet = basis(funding(500_000))
    assert send(wallet, Payment((TxOut(Sats(least), to),), RATE)).amount == least
    with pytest.raises(RefusedError) as e:
        send(wallet, Payment((TxOut(Sats(least - 1), to),), RATE))
    assert e.value.rule == "dust"
    assert str(least) in e.value.hint


def test_a_recipient_who_is_left_with_dust_is_refused():
    wallet = basis(funding(500_000))
    with pytest.raises(RefusedError) as e:
        send(wallet, payment(1000, fee_from=frozenset([0])))
    assert e.value.rule == "dust"
    with pytest.raises(InsufficientFundsError):
        send(wallet, payment(500, fee_from=frozenset([0])))


@pytest.mark.parametrize(
    ("caps", "rule"),
    [
        (FeeCaps(Sats(400)), "fee-absolute"),
        (FeeCaps(relative=0), "fee-relative"),
        (FeeCaps(rate=FeeRate(4900)), "fee-rate"),
    ],
)
def test_fee_caps_hold_for_payments_and_send_all(caps, rule):
    wallet = basis(funding(500_000), caps=caps)
    with pytest.raises(RefusedError) as e:
        send(wallet, payment(AMOUNT))
    assert e.value.rule == rule
    with pytest.raises(RefusedError) as e:
        send_all(wallet, SHOP, RATE)
    assert e.value.rule == rule


def test_default_caps_pass_an_ordinary_payment():
    send(basis(funding(500_000), caps=FeeCaps()), payment(AMOUNT))


def test_too_little_money():
    with pytest.raises(InsufficientFundsError) as e:
        send(basis(funding(AMOUNT)), payment(AMOUNT))
    assert e.value.available < AMOUNT < e.value.needed
    for build in (send, lambda wallet, _: send_all(wallet, SHOP, RATE)):
        with pytest.raises(InsufficientFundsError):
            build(basis([]), payment(AMOUNT))


def test_all_coins_pay_to_the_last_satoshi():
    stored = funding(60_000, 50_000, 300) + funding(40_000, account=SEGWIT)
    everything = send_all(basis(stored), SHOP, FeeRate(100_000))
    plan = payment(everything.amount, rate=FeeRate(100_000))
    draft = send(basis(stored), plan)
    assert (draft.fee, draft.change) == (everything.fee, None)
    with pytest.raises(InsufficientFundsError):
        send(basis(stored), payment(everything.amount + 1, rate=FeeRate(100_000)))


def test_all_coins_are_not_more_than_nodes_relay():
    count = 1750
    tx = pay(*[(script(), 1000)] * count)
    size = to_vsize(transaction_weight([ScriptType.P2TR] * count, [SHOP]))
    with pytest.raises(InsufficientFundsError):
        send(basis([confirmed(tx, 5)]), payment(1000 * count - size, rate=FeeRate(1000)))


def test_send_all_of_dust_is_too_little():
    fee = RATE.fee(99)  # 1 P2TR input, 1 P2WPKH output
    assert send_all(basis(funding(fee + 294)), SHOP, RATE).amount == 294
    with pytest.raises(InsufficientFundsError) as e:
        send_all(basis(funding(fee + 293)), SHOP, RATE)
    assert (e.value.needed, e.value.available) == (fee + 294, fee + 293)


def test_coins_that_must_be_used_are_and_others_only_if_needed():
    stored = funding(30_000, 40_000, 200_000)
    use = frozenset(map(outpoint, stored[:2]))
    wallet = basis(stored)
    draft = send(wallet, payment(60_000, control=CoinControl(use)))
    assert {coin.outpoint for coin in draft.inputs} == use
    draft = send(wallet, payment(AMOUNT, control=CoinControl(use)))
    assert {coin.outpoint for coin in draft.inputs} == {*use, outpoint(stored[2])}
    with pytest.raises(InsufficientFundsError):
        send(wallet, payment(AMOUNT, control=CoinControl(use, only=True)))
    assert {coin.outpoint for coin in send_all(wallet, SHOP, RATE, CoinControl(use)).inputs} == use


def test_coins_that_are_avoided_are_not_spent():
    stored = funding(300_000, 301_000)
    for one, other in (stored, stored[::-1]):
        draft = send(basis(stored), payment(AMOUNT, control=CoinControl(avoid=frozenset([outpoint(one)]))))
        assert [coin.outpoint for coin in draft.inputs] == [outpoint(other)]


def unusable():
    """Return what makes a coin of 300000 sat unusable, by its rule."""
    [spent] = funding(300_000)
    [plain] = funding(300_000)
    coinbase = confirmed(pay((script(), 300_000), spending=[COINBASE]), TIP - 98)
    parent = confirmed(pay((script(), 310_000)), 5)
    unsent = pending(pay((script(), 300_000), spending=[OutPoint(parent.tx.txid, 0)]))
    return {
        "coin-spent": ([spent, in_mempool(pay((SHOP, 5), spending=[outpoint(spent)]))], spent, {}),
        "coin-frozen": ([plain], plain, {"frozen": {outpoint(plain)}}),
        "coin-immature": ([coinbase], coinbase, {}),
        "coin-pending": ([parent, unsent], unsent, {}),
    }


@pytest.mark.parametrize("rule", unusable())
def test_a_coin_that_cannot_be_spent_is_passed_over_and_refused_by_name(rule):
    stored, coin, fields = unusable()[rule]
    wallet = basis(stored, **fields)
    with pytest.raises(InsufficientFundsError):
        send(wallet, payment(AMOUNT))
    with pytest.raises(RefusedError, match=str(outpoint(coin))) as e:
        send(wallet, payment(AMOUNT, control=CoinControl(frozenset([outpoint(coin)]))))
    assert e.value.rule == rule
    with pytest.raises(RefusedError):
        send_all(wallet, SHOP, RATE, CoinControl(frozenset([outpoint(coin)])))


def test_a_mature_coinbase_is_spent():
    coinbase = confirmed(pay((script(), 300_000), spending=[COINBASE]), TIP - 99)
    send(basis([coinbase]), payment(AMOUNT))


def test_coins_that_contradict_or_do_not_exist_are_refused():
    [coin] = stored = funding(300_000)
    both = CoinControl(frozenset([outpoint(coin)]), avoid=frozenset([outpoint(coin)]))
    with pytest.raises(RefusedError) as e:
        send(basis(stored), payment(AMOUNT, control=both))
    assert e.value.rule == "coin-avoided"
    with pytest.raises(UnknownError):
        send(basis(stored), payment(AMOUNT, control=CoinControl(frozenset([OutPoint(Txid(bytes(32)), 0)]))))


def test_unconfirmed_coins_of_others_are_spent_only_if_named_or_allowed():
    coin = in_mempool(pay((script(), 300_000)))
    with pytest.raises(InsufficientFundsError):
        send(basis([coin]), payment(AMOUNT))
    for control in (CoinControl(unsafe=True), CoinControl(frozenset([outpoint(coin)]))):
        assert send(basis([coin]), payment(AMOUNT, control=control)).inputs[0].outpoint == outpoint(coin)


def test_our_unconfirmed_change_is_spent_but_after_confirmed_coins():
    [old, coin] = funding(310_000, 200_000)
    own = in_mempool(pay((change(), 300_000), spending=[outpoint(old)]), own=True)
    wallet = basis([old, own, coin])
    for seed in range(10):
        draft = send(replace(wallet, rng=random.Random(seed)), payment(AMOUNT))
        assert [each.outpoint for each in draft.inputs] == [outpoint(coin)]
    draft = send(wallet, payment(250_000))
    assert outpoint(own) in {each.outpoint for each in draft.inputs}
    with pytest.raises(InsufficientFundsError):
        send(wallet, payment(250_000, control=CoinControl(min_confirmations=1)))


def test_confirmations_can_be_asked_for():
    wallet = basis(funding(300_000, height=TIP - 5))
    send(wallet, payment(AMOUNT, control=CoinControl(min_confirmations=6)))
    with pytest.raises(InsufficientFundsError):
        send(wallet, payment(AMOUNT, control=CoinControl(min_confirmations=7)))


def test_many_inputs_are_counted_in_more_bytes():
    tx = pay(*[(script(), 1000)] * 1737)
    data = TxOut(Sats(0), b"\x6a" + bytes(27))
    # without the 8 weight units of a longer count there would be room for all inputs and change
    base = transaction_weight([], [SHOP, data.script_pubkey, script()])
    assert -8 < base + 1737 * 230 - MAX_STANDARD_WEIGHT <= 0
    plan = Payment((TxOut(Sats(1000), SHOP), data), FeeRate(100))
    use = frozenset(OutPoint(tx.txid, i) for i in range(1737))
    with pytest.raises(RefusedError) as e:
        send(basis([confirmed(tx, 5)]), replace(plan, control=CoinControl(use)))
    assert e.value.rule == "weight"


def test_a_transaction_does_not_outgrow_what_nodes_relay():
    tx = pay(*[(script(), 1000)] * 1800)
    wallet = basis([confirmed(tx, 5)])
    rate = FeeRate(1000)
    with pytest.raises(RefusedError) as e:
        send_all(wallet, SHOP, rate)
    assert e.value.rule == "weight"
    with pytest.raises(RefusedError) as e:
        send(wallet, payment(1_690_000, rate=rate))
    assert e.value.rule == "weight"
    draft = send(wallet, payment(1_600_000, rate=rate))
    assert 4 * draft.vsize <= MAX_STANDARD_WEIGHT


def test_our_unconfirmed_change_is_spent_where_confirmed_coins_are_too_many():
    tx = pay(*[(script(), 1000)] * 1745)
    [old] = funding(5_100_000)
    own = in_mempool(pay((change(), 5_000_000), spending=[outpoint(old)]), own=True)
    draft = send(basis([confirmed(tx, 5), old, own]), payment(1_730_000, rate=FeeRate(100)))
    assert outpoint(own) in {coin.outpoint for coin in draft.inputs}


@pytest.mark.parametrize(
    ("amounts", "fields"),
    [((), {}), ((1000,), {"fee_from": frozenset([1])}), ((-1, 1000), {}), ((MAX_MONEY, 1), {})],
)
def test_a_malformed_payment_is_refused(amounts, fields):
    with pytest.raises(MalformedError):
        payment(*amounts, **fields)
