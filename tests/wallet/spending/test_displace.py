"""What may be pushed aside: bumps and cancels pass, a payment that nobody meant to take back is kept."""

import pytest

from tests.wallet.fakes import change, confirmed, in_mempool, pay, pending, script
from tests.wallet.funded import basis, funding
from tests.wallet.signer import sign
from wallet.amounts import FeeRate, Sats
from wallet.build import Payment, bump, cancel, check_displaced, send, send_all
from wallet.errors import RefusedError
from wallet.script import p2wpkh
from wallet.tx import OutPoint, TxOut

SHOP, BANK = p2wpkh(b"\x07" * 20), p2wpkh(b"\x08" * 20)
LOW, HIGH = FeeRate(2000), FeeRate(9000)
STORED = funding(300_000)
(COIN,) = (OutPoint(each.tx.txid, 0) for each in STORED)


def check(tx, *others):
    check_displaced(basis([*STORED, *others]).ledger, tx)


def refuse(tx, *others):
    with pytest.raises(RefusedError) as caught:
        check(tx, *others)
    assert caught.value.rule == "takes-back"


def test_bump_shrunk_bump_and_cancel_push_their_original_aside():
    sent = in_mempool(sign(send_all(basis(STORED), SHOP, LOW)), own=True)
    shrunk = bump(basis([*STORED, sent]), sent.tx.txid, HIGH, shrink=0)
    assert shrunk.amount < sent.tx.outputs[0].value
    check(shrunk.tx, sent)
    payment = Payment((TxOut(Sats(100_000), SHOP), TxOut(Sats(50_000), BANK)), LOW)
    sent = in_mempool(sign(send(basis(STORED), payment)), own=True)
    for make in (bump, cancel):
        check(make(basis([*STORED, sent]), sent.tx.txid, HIGH).tx, sent)


@pytest.mark.parametrize("kind", [pending, in_mempool])
def test_payment_of_somebody_else_pushes_none_aside(kind):
    sent = kind(pay((SHOP, 100_000), (change(), 190_000), spending=[COIN]))
    refuse(pay((BANK, 100_000), (change(), 180_000), spending=[COIN]), sent)


def test_larger_payment_of_the_same_recipient_is_another_one():
    sent = in_mempool(pay((SHOP, 100_000), (change(), 190_000), spending=[COIN]))
    refuse(pay((SHOP, 100_001), (change(), 180_000), spending=[COIN]), sent)
    check(pay((SHOP, 100_000), (change(), 180_000), spending=[COIN]), sent)


def test_payment_that_pays_one_of_two_recipients_is_another_one():
    sent = in_mempool(pay((SHOP, 100_000), (BANK, 100_000), spending=[COIN]))
    refuse(pay((SHOP, 100_000), spending=[COIN]), sent)


def test_merging_of_coins_is_no_cancel():
    more = confirmed(pay((script(index=1), 50_000)), 500)
    sent = in_mempool(pay((SHOP, 100_000), spending=[COIN]))
    refuse(pay((script(index=2), 340_000), spending=[COIN, OutPoint(more.tx.txid, 0)]), sent, more)


def test_payment_that_builds_on_what_is_replaced_is_kept():
    parent = in_mempool(pay((change(), 290_000), spending=[COIN]))
    child = in_mempool(pay((SHOP, 100_000), spending=[OutPoint(parent.tx.txid, 0)]))
    other = pay((change(index=1), 280_000), spending=[COIN])
    check(other, parent)
    refuse(other, parent, child)


def test_what_stands_is_sent_again_and_what_is_confirmed_is_the_chain_s_to_refuse():
    sent = pay((SHOP, 100_000), (change(), 190_000), spending=[COIN])
    child = pay((BANK, 100_000), spending=[OutPoint(sent.txid, 1)])
    check(sent, in_mempool(sent), in_mempool(child))
    check(pay((BANK, 100_000), spending=[COIN]), confirmed(sent, 600))
