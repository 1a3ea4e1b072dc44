"""Bumps and cancels: BIP-125, the recipients' amounts, and what cannot be replaced."""

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.wallet.fakes import SEGWIT, TAPROOT, change, confirmed, in_mempool, pay, pending, script
from tests.wallet.funded import basis, check_sums, funding
from tests.wallet.signer import consensus_accepts, sign
from wallet.account import Branch
from wallet.amounts import FeeRate, Sats
from wallet.build import CoinControl, Payment, bump, cancel, send, send_all
from wallet.chain.base import MempoolEntry
from wallet.errors import InsufficientFundsError, RefusedError, UnknownError
from wallet.fees import FeeCaps
from wallet.script import p2wpkh
from wallet.tx import OutPoint, Txid, TxOut

SHOP = p2wpkh(b"\x07" * 20)
LOW, HIGH = FeeRate(2000), FeeRate(9000)


def paid(stored, amount=100_000, rate=LOW, seed=1, *, all_=False, **fields):
    """Return the signed payment of a wallet, and its transactions with it in the mempool."""
    wallet = basis(stored, seed=seed)
    if all_:
        draft = send_all(wallet, SHOP, rate)
    else:
        draft = send(wallet, Payment((TxOut(Sats(amount), SHOP),), rate, **fields))
    return draft, in_mempool(sign(draft), own=True)


def rebuilt(stored, sent, seed=2, **fields):
    return basis([*stored, sent], seed=seed, handed_out={(0, Branch.CHANGE): 1}, **fields)


def check_rules(draft, old, sent, evicted=None):
    """Claim BIP-125 rules 1 to 4 and Bitcoin Core's rule on the rate."""
    size = draft.vsize
    assert draft.fee >= (evicted or old.fee) + size
    assert draft.fee * sent.tx.vsize > old.fee * size
    assert {coin.outpoint for coin in draft.inputs} >= {coin.outpoint for coin in old.inputs}
    added = {coin.outpoint for coin in draft.inputs} - {coin.outpoint for coin in old.inputs}
    assert all(coin.height is not None for coin in draft.inputs if coin.outpoint in added)
    assert draft.replaces == sent.tx.txid
    assert draft.tx.signals_rbf


def test_a_bump_takes_the_fee_from_the_change_and_keeps_its_address():
    stored = funding(300_000)
    old, sent = paid(stored)
    draft = bump(rebuilt(stored, sent), sent.tx.txid, HIGH)
    check_sums(draft, HIGH)
    check_rules(draft, old, sent)
    assert draft.recipients == old.recipients
    assert draft.change.owner == old.change.owner
    assert draft.change.value == old.change.value - (draft.fee - old.fee)
    assert consensus_accepts(sign(draft), [coin.out for coin in draft.inputs])


def test_a_bump_drops_change_that_is_too_small():
    stored = funding(100_000 + LOW.fee(142) + 600)
    old, sent = paid(stored)
    assert old.change.value == 600
    draft = bump(rebuilt(stored, sent), sent.tx.txid, FeeRate(5000))
    check_sums(draft, FeeRate(5000))
    check_rules(draft, old, sent)
    assert draft.change is None
    assert draft.recipients == old.recipients


def test_a_bump_adds_confirmed_coins_if_it_must():
    stored = funding(100_000 + LOW.fee(142) + 600)
    old, sent = paid(stored)
    unconfirmed = in_mempool(pay((script(index=8), 500_000)))
    extra = confirmed(pay((script(SEGWIT, 3), 40_000)), 7)
    with pytest.raises(InsufficientFundsError):
        bump(rebuilt([*stored, unconfirmed], sent), sent.tx.txid, HIGH)
    avoid = CoinControl(avoid=frozenset([OutPoint(extra.tx.txid, 0)]))
    with pytest.raises(InsufficientFundsError):
        bump(rebuilt([*stored, extra], sent), sent.tx.txid, HIGH, control=avoid)
    draft = bump(rebuilt([*stored, unconfirmed, extra], sent), sent.tx.txid, HIGH)
    check_sums(draft, HIGH)
    check_rules(draft, old, sent)
    assert len(draft.inputs) == 2
    assert draft.change.owner == old.change.owner


def test_a_bump_adds_the_coins_of_a_draft_last():
    stored = funding(100_000 + LOW.fee(142) + 600)
    _, sent = paid(stored)
    extras = [confirmed(pay((script(SEGWIT, i), 40_000)), 7) for i in (3, 4)]
    coins = [OutPoint(extra.tx.txid, 0) for extra in extras]
    wallet = rebuilt([*stored, *extras], sent)
    for drafted, left in (coins, reversed(coins)):
        draft = bump(replace(wallet, drafted=frozenset([drafted])), sent.tx.txid, HIGH)
        added = {coin.outpoint for coin in draft.inputs} & set(coins)
        assert added == {left}
    assert len(bump(replace(wallet, drafted=frozenset(coins)), sent.tx.txid, HIGH).inputs) > 1


def test_a_bump_that_adds_coins_to_a_payment_without_change_reserves_an_address():
    stored = funding(100_000 + LOW.fee(99))
    _, sent = paid(stored)
    extra = confirmed(pay((script(index=9), 90_000)), 7)
    calls = []
    wallet = rebuilt([*stored, extra], sent)
    wallet = replace(wallet, reserve=lambda *branch: calls.append(branch) or 5)
    draft = bump(wallet, sent.tx.txid, HIGH)
    assert (draft.change.owner.path.index, calls) == (5, [(0, Branch.CHANGE)])


def test_a_bump_must_not_add_unconfirmed_coins_by_name():
    stored = funding(300_000)
    _, sent = paid(stored)
    coin = in_mempool(pay((script(index=8), 500_000)))
    control = CoinControl(frozenset([OutPoint(coin.tx.txid, 0)]))
    with pytest.raises(RefusedError) as e:
        bump(rebuilt([*stored, coin], sent), sent.tx.txid, HIGH, control=control)
    assert e.value.rule == "replacement-unconfirmed"
    coin = confirmed(coin.tx, 8)
    draft = bump(rebuilt([*stored, coin], sent), sent.tx.txid, HIGH, control=control)
    assert control.use <= {each.outpoint for each in draft.inputs}


def test_without_a_rate_a_bump_pays_the_least_that_nodes_accept():
    stored = funding(300_000)
    old, sent = paid(stored)
    draft = bump(rebuilt(stored, sent), sent.tx.txid)
    check_rules(draft, old, sent)
    assert draft.fee == old.fee + draft.vsize
    with pytest.raises(RefusedError) as e:
        bump(rebuilt(stored, sent), sent.tx.txid, FeeRate(draft.rate.sat_per_kvb - 10))
    assert e.value.rule == "replacement-fee"
    assert "pay 3 sat/vB or more" in e.value.hint
    bump(rebuilt(stored, sent), sent.tx.txid, FeeRate(3000))


def test_a_replacement_pays_for_all_that_it_evicts():
    stored = funding(300_000)
    old, sent = paid(stored)
    entry = MempoolEntry(old.vsize, old.fee, old.vsize, old.fee, 3, Sats(old.fee + 5000))
    for build in (bump, cancel):
        draft = build(rebuilt(stored, sent), sent.tx.txid, None, entry)
        check_rules(draft, old, sent, evicted=old.fee + 5000)
        with pytest.raises(RefusedError) as e:
            build(rebuilt(stored, sent), sent.tx.txid, HIGH, entry)
        assert e.value.rule == "replacement-fee"


def test_a_replacement_has_a_higher_rate_even_if_it_is_larger():
    # 20 sat/vB and a much larger replacement: one more satoshi per virtual byte of it would be a lower rate
    stored = funding(100_000 + FeeRate(20_000).fee(99))
    old, sent = paid(stored, rate=FeeRate(20_000))
    extra = [confirmed(pay((script(index=2 + i), 3500)), 7) for i in range(10)]
    use = CoinControl(frozenset(OutPoint(each.tx.txid, 0) for each in extra))
    draft = bump(rebuilt([*stored, *extra], sent), sent.tx.txid, control=use)
    assert draft.vsize > 5 * old.vsize
    check_rules(draft, old, sent)
    with pytest.raises(RefusedError) as e:
        bump(rebuilt([*stored, *extra], sent), sent.tx.txid, FeeRate(10_000), control=use)
    assert e.value.rule == "replacement-fee"


def test_a_cancel_returns_everything_to_the_change_address():
    stored = funding(60_000, 70_000) + funding(80_000, account=SEGWIT)
    old, sent = paid(stored, 150_000)
    for rate in (None, HIGH, FeeRate(15_000)):
        draft = cancel(rebuilt(stored, sent), sent.tx.txid, rate)
        check_sums(draft, rate or LOW)
        check_rules(draft, old, sent)
        assert not draft.recipients
        assert draft.change.owner == old.change.owner
        assert {coin.outpoint for coin in draft.inputs} == {coin.outpoint for coin in old.inputs}
        assert consensus_accepts(sign(draft), [coin.out for coin in draft.inputs])


def test_a_cancel_can_be_bumped():
    stored = funding(300_000)
    _, sent = paid(stored)
    old = cancel(rebuilt(stored, sent), sent.tx.txid)
    again = in_mempool(sign(old), own=True)
    draft = bump(rebuilt([*stored, replace(sent, in_mempool=False)], again), again.tx.txid, FeeRate(20_000))
    check_sums(draft, FeeRate(20_000))
    check_rules(draft, old, again)
    assert not draft.recipients
    assert draft.change.owner == old.change.owner


def test_a_cancel_of_a_payment_without_change_goes_to_a_new_address():
    stored = funding(100_000 + LOW.fee(99))
    _, sent = paid(stored)
    draft = cancel(rebuilt(stored, sent), sent.tx.txid, HIGH)
    assert draft.change.owner.path.branch is Branch.CHANGE
    check_sums(draft, HIGH)


def test_a_cancel_that_is_not_worth_its_fee_is_refused():
    stored = funding(2000)
    _, sent = paid(stored, all_=True)
    with pytest.raises(InsufficientFundsError):
        cancel(rebuilt(stored, sent), sent.tx.txid, FeeRate(15_000))


def test_an_output_can_pay_for_the_bump_of_a_send_all():
    stored = funding(60_000, 70_000)
    old, sent = paid(stored, all_=True)
    with pytest.raises(InsufficientFundsError):
        bump(rebuilt(stored, sent), sent.tx.txid, HIGH)
    draft = bump(rebuilt(stored, sent), sent.tx.txid, HIGH, shrink=0)
    check_sums(draft, HIGH)
    check_rules(draft, old, sent)
    assert draft.change is None
    assert draft.amount == old.amount - (draft.fee - old.fee)


def test_an_output_that_pays_for_a_bump_leaves_the_change_alone():
    stored = funding(300_000)
    old, sent = paid(stored)
    [index] = [i for i, out in enumerate(sent.tx.outputs) if out.script_pubkey == SHOP]
    draft = bump(rebuilt(stored, sent), sent.tx.txid, HIGH, shrink=index)
    check_sums(draft, HIGH)
    check_rules(draft, old, sent)
    assert (draft.change.owner, draft.change.value) == (old.change.owner, old.change.value)
    assert draft.amount == old.amount - (draft.fee - old.fee)
    with pytest.raises(UnknownError):
        bump(rebuilt(stored, sent), sent.tx.txid, HIGH, shrink=2)


@pytest.mark.parametrize(("rate", "error"), [(FeeRate(45_000), RefusedError), (HIGH, InsufficientFundsError)])
def test_an_output_that_cannot_pay_for_a_bump_is_refused(rate, error):
    amount = {RefusedError: 4400, InsufficientFundsError: 500}[error]
    stored = funding(amount + LOW.fee(99))
    _, sent = paid(stored, amount)
    with pytest.raises(error):
        bump(rebuilt(stored, sent), sent.tx.txid, rate, shrink=0)


def test_change_itself_can_be_named_to_pay():
    stored = funding(300_000)
    old, sent = paid(stored)
    draft = bump(rebuilt(stored, sent), sent.tx.txid, HIGH, shrink=old.change.position)
    check_sums(draft, HIGH)
    assert draft.recipients == old.recipients
    assert draft.change.value == old.change.value - (draft.fee - old.fee)


def irreplaceable():
    """Return wallets with a transaction that cannot be replaced, by the rule."""
    stored = funding(300_000)
    _, sent = paid(stored)
    _, final = paid(stored, rbf=False)
    [position] = [i for i, out in enumerate(sent.tx.outputs) if out.script_pubkey != SHOP]
    child = pay((SHOP, 1000), spending=[OutPoint(sent.tx.txid, position)])
    rival = confirmed(pay((SHOP, 1000), spending=[OutPoint(stored[0].tx.txid, 0)]), 900)
    mine_and_theirs = in_mempool(
        pay((SHOP, 1000), spending=[OutPoint(stored[0].tx.txid, 0), OutPoint(Txid(b"\x01" * 32), 0)])
    )
    return {
        "confirmed": ([*stored, confirmed(sent.tx, 900, own=True)], sent.tx),
        "replaced": ([*stored, sent, rival], sent.tx),
        "not-ours": ([*stored, mine_and_theirs], mine_and_theirs.tx),
        "not-signalling": ([*stored, final], final.tx),
        "descendants": ([*stored, sent, pending(child)], sent.tx),
    }


@pytest.mark.parametrize("build", [bump, cancel])
@pytest.mark.parametrize("rule", irreplaceable())
def test_what_cannot_be_replaced_is_refused(rule, build):
    stored, tx = irreplaceable()[rule]
    with pytest.raises(RefusedError) as e:
        build(basis(stored), tx.txid, HIGH)
    assert e.value.rule == rule


def test_no_more_than_100_transactions_are_evicted():
    stored = funding(300_000)
    old, sent = paid(stored)
    entry = MempoolEntry(old.vsize, old.fee, old.vsize, old.fee, 100, old.fee)
    bump(rebuilt(stored, sent), sent.tx.txid, HIGH, entry)
    with pytest.raises(RefusedError) as e:
        bump(rebuilt(stored, sent), sent.tx.txid, HIGH, replace(entry, descendant_count=101))
    assert e.value.rule == "descendants"


def test_what_is_unknown_is_told():
    with pytest.raises(UnknownError):
        bump(basis([]), Txid(bytes(32)), HIGH)


def test_what_the_mempool_lost_can_be_replaced():
    stored = funding(300_000)
    old, sent = paid(stored)
    lost = replace(sent, in_mempool=False)
    check_rules(bump(rebuilt(stored, lost), sent.tx.txid, HIGH), old, sent)


def test_fee_caps_hold_for_replacements():
    stored = funding(300_000)
    _, sent = paid(stored)
    for build, caps, rule in (
        (bump, FeeCaps(relative=1), "fee-relative"),
        (bump, FeeCaps(Sats(1000)), "fee-absolute"),
        (cancel, FeeCaps(rate=FeeRate(8000)), "fee-rate"),
    ):
        with pytest.raises(RefusedError) as e:
            build(rebuilt(stored, sent, caps=caps), sent.tx.txid, HIGH)
        assert e.value.rule == rule


@given(
    st.lists(
        st.tuples(st.sampled_from([TAPROOT, SEGWIT]), st.integers(2000, 200_000)), min_size=1, max_size=8
    ),
    st.integers(1000, 300_000),
    st.integers(1000, 20_000).map(FeeRate),
    st.one_of(st.none(), st.integers(1000, 60_000).map(FeeRate)),
    st.sampled_from([bump, cancel]),
    st.integers(0, 2**32),
)
@settings(deadline=None)
def test_every_replacement_keeps_the_rules_or_is_refused(coins, amount, first, second, build, seed):
    stored = [confirmed(pay((script(a, i), value)), 5) for i, (a, value) in enumerate(coins)]
    try:
        old, sent = paid(stored, amount, first, seed)
    except InsufficientFundsError:
        return
    try:
        draft = build(rebuilt(stored, sent, seed=seed), sent.tx.txid, second)
    except InsufficientFundsError:
        return
    except RefusedError as e:
        assert e.rule == "replacement-fee"  # noqa: PT017
        assert second is not None
        return
    check_sums(draft, second or FeeRate(1000))
    check_rules(draft, old, sent)
    assert draft.recipients == (old.recipients if build is bump else ())
    assert sign(draft).vsize <= draft.vsize


def test_a_replacement_with_the_change_of_two_kinds_of_inputs_keeps_the_kind_of_the_change():
    stored = funding(90_000) + funding(30_000, 40_000, account=SEGWIT)
    use = CoinControl(frozenset(OutPoint(each.tx.txid, 0) for each in stored))
    old, sent = paid(stored, control=use)
    assert old.change.owner.account == 1
    wallet = replace(rebuilt(stored, sent), rng=random.Random(3))
    assert bump(wallet, sent.tx.txid, HIGH).change.owner == old.change.owner


def test_a_payment_to_our_own_receiving_address_is_kept_by_a_bump():
    stored = funding(300_000)
    wallet = basis(stored)
    old = send(wallet, Payment((TxOut(Sats(100_000), script(index=7)),), LOW))
    sent = in_mempool(sign(old), own=True)
    assert change() in {out.script_pubkey for out in sent.tx.outputs}
    assert bump(rebuilt(stored, sent), sent.tx.txid, HIGH).recipients == old.recipients
