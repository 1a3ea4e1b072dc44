"""CPFP: the package reaches the rate, whoever sent the parent."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.wallet.fakes import SEGWIT, TAPROOT, confirmed, in_mempool, pay, script
from tests.wallet.funded import TIP, basis, check_sums
from tests.wallet.signer import consensus_accepts, sign
from wallet.account import Branch
from wallet.amounts import FeeRate, Sats
from wallet.build import cpfp
from wallet.chain.base import MempoolEntry
from wallet.conflicts import COINBASE
from wallet.errors import InsufficientFundsError, RefusedError, UnknownError
from wallet.fees import FeeCaps
from wallet.script import p2wpkh
from wallet.tx import OutPoint, Txid

SHOP = p2wpkh(b"\x07" * 20)
RATE = FeeRate(10_000)


def entry(vsize=200, fee=200, above=0, above_fee=0):
    return MempoolEntry(vsize, Sats(fee), vsize + above, Sats(fee + above_fee), 1, Sats(fee))


def incoming(*values, account=TAPROOT):
    return in_mempool(pay((SHOP, 5000), *((script(account, i), value) for i, value in enumerate(values))))


def check_package(draft, known, rate):
    """Claim that the package reaches the rate, and pays no satoshi more than rounding."""
    size = known.ancestor_vsize + draft.vsize
    assert rate.fee(size) <= draft.fee + known.ancestor_fee <= rate.fee(size) + 1


@pytest.mark.parametrize("account", [TAPROOT, SEGWIT])
def test_a_payment_to_us_is_pulled_along(account):
    parent = incoming(50_000, account=account)
    draft = cpfp(basis([parent]), parent.tx.txid, RATE, entry())
    check_sums(draft, RATE)
    check_package(draft, entry(), RATE)
    assert not draft.recipients
    assert draft.change.owner.path.branch is Branch.CHANGE
    tx = sign(draft)
    assert consensus_accepts(tx, [coin.out for coin in draft.inputs])
    assert entry().ancestor_fee + draft.fee >= RATE.fee(entry().ancestor_vsize + tx.vsize)


def test_unconfirmed_ancestors_are_paid_for():
    parent = incoming(50_000)
    known = entry(above=1000, above_fee=1000)
    draft = cpfp(basis([parent]), parent.tx.txid, RATE, known)
    check_package(draft, known, RATE)
    assert draft.fee > cpfp(basis([parent]), parent.tx.txid, RATE, entry()).fee + 8000


def test_the_most_valuable_output_is_spent():
    parent = incoming(20_000, 50_000, 30_000)
    [coin] = cpfp(basis([parent]), parent.tx.txid, RATE, entry()).inputs
    assert coin.outpoint == OutPoint(parent.tx.txid, 2)


def test_confirmed_coins_help_a_small_output():
    parent = incoming(600)
    helper = confirmed(pay((script(SEGWIT, 7), 90_000)), 9)
    other = in_mempool(pay((script(index=9), 80_000)))
    for stored in ([parent], [parent, other]):
        with pytest.raises(InsufficientFundsError):
            cpfp(basis(stored), parent.tx.txid, RATE, entry())
    frozen = {OutPoint(helper.tx.txid, 0)}
    with pytest.raises(InsufficientFundsError):
        cpfp(basis([parent, helper], frozen=frozen), parent.tx.txid, RATE, entry())
    coinbase = confirmed(pay((script(index=2), 90_000), spending=[COINBASE]), TIP)
    with pytest.raises(InsufficientFundsError):
        cpfp(basis([parent, coinbase]), parent.tx.txid, RATE, entry())
    draft = cpfp(basis([parent, helper, other]), parent.tx.txid, RATE, entry())
    check_sums(draft, RATE)
    check_package(draft, entry(), RATE)
    assert {coin.value for coin in draft.inputs} == {600, 90_000}


def test_the_change_is_of_the_kind_that_the_fee_was_reckoned_with():
    # most inputs are P2WPKH, whose change would be dropped: it costs more to spend
    parent = incoming(600)
    helpers = [confirmed(pay((script(SEGWIT, i), 170)), 9) for i in range(2)]
    draft = cpfp(basis([parent, *helpers]), parent.tx.txid, FeeRate(1000), entry(fee=100))
    assert len(draft.inputs) == 3
    assert (draft.change.owner.account, draft.change.value) == (0, 940 - 100 - 247)


def test_a_package_that_pays_enough_is_refused():
    parent = incoming(50_000)
    known = entry(fee=1999)
    cpfp(basis([parent]), parent.tx.txid, RATE, known)
    with pytest.raises(RefusedError) as e:
        cpfp(basis([parent]), parent.tx.txid, RATE, entry(fee=2000))
    assert e.value.rule == "rate-reached"


def test_what_cannot_be_pulled_along_is_refused():
    parent = incoming(50_000)
    coin = confirmed(pay((script(index=3), 6000)), 5)
    payment = in_mempool(pay((SHOP, 5000), spending=[OutPoint(coin.tx.txid, 0)]))
    spent = in_mempool(pay((SHOP, 40_000), spending=[OutPoint(parent.tx.txid, 1)]))
    cases = [
        ("confirmed", [confirmed(parent.tx, 5)], parent, entry(), {}),
        ("not-in-mempool", [replace(parent, in_mempool=False)], parent, None, {}),
        ("no-output", [coin, payment], payment, entry(), {}),
        ("no-output", [parent, spent], parent, entry(), {}),
        ("no-output", [parent], parent, entry(), {"frozen": {OutPoint(parent.tx.txid, 1)}}),
        (
            "fee-rate",
            [parent],
            parent,
            entry(vsize=1000),
            {"caps": FeeCaps(relative=100, rate=FeeRate(50_000))},
        ),
    ]
    for rule, stored, tx, known, fields in cases:
        with pytest.raises(RefusedError) as e:
            cpfp(basis(stored, **fields), tx.tx.txid, RATE, known)
        assert e.value.rule == rule
    with pytest.raises(UnknownError):
        cpfp(basis([]), Txid(bytes(32)), RATE, entry())


@given(
    st.lists(st.tuples(st.sampled_from([TAPROOT, SEGWIT]), st.integers(400, 60_000)), min_size=1, max_size=5),
    st.integers(100, 5000),
    st.integers(0, 20_000),
    st.integers(1000, 40_000).map(FeeRate),
    st.integers(0, 2**32),
)
@settings(deadline=None)
def test_every_package_reaches_its_rate_or_is_refused(coins, size, fee, rate, seed):
    parent = incoming(coins[0][1], account=coins[0][0])
    helpers = [confirmed(pay((script(a, 1 + i), value)), 5) for i, (a, value) in enumerate(coins[1:])]
    known = entry(size, fee)
    try:
        draft = cpfp(basis([parent, *helpers], seed=seed), parent.tx.txid, rate, known)
    except InsufficientFundsError:
        return
    except RefusedError as e:
        assert e.rule == "rate-reached"  # noqa: PT017
        return
    check_sums(draft, rate)
    check_package(draft, known, rate)
    assert OutPoint(parent.tx.txid, 1) in {coin.outpoint for coin in draft.inputs}
