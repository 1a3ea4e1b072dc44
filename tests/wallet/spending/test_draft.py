"""Drafts: what a PSBT carries for signers, and that nothing in it tells the change apart."""

import random
from collections import Counter
from dataclasses import replace

import pytest

from tests.wallet.fakes import ACCOUNTS, SEGWIT, TAPROOT, confirmed, pay, script
from tests.wallet.funded import NO_CAPS, TIP, basis, funding
from wallet.account import Branch, KeyPath
from wallet.amounts import FeeRate, Sats
from wallet.build import CoinControl, Payment, send
from wallet.errors import RefusedError
from wallet.psbt import KeyOrigin, Psbt, TapKeyOrigin
from wallet.review import review
from wallet.script import ScriptType, p2wpkh
from wallet.tx import OutPoint, TxOut

RATE = FeeRate(2000)
SHOP = p2wpkh(b"\x07" * 20)


def draft_of(stored, *, seed=1, outputs=((SHOP, 100_000),), tip=TIP, **fields):
    wallet = basis(stored, seed=seed)
    wallet = replace(wallet, ledger=replace(wallet.ledger, tip=tip))
    recipients = tuple(TxOut(Sats(value), to) for to, value in outputs)
    use = CoinControl(frozenset(OutPoint(each.tx.txid, 0) for each in stored))
    return send(wallet, Payment(recipients, RATE, use, **fields))


def mixed():
    return funding(90_000, 91_000, 92_000) + funding(80_000, 81_000, account=SEGWIT)


def test_the_psbt_survives_its_encoding():
    draft = draft_of(mixed())
    assert draft.psbt.version == 0
    assert Psbt.from_bytes(bytes(draft.psbt)) == draft.psbt
    assert draft.psbt.fee == draft.fee
    assert draft.rate >= RATE


def test_every_input_proves_its_amount_and_names_its_key():
    stored = mixed()
    draft = draft_of(stored)
    previous = {each.tx.txid: each.tx for each in stored}
    for fields, coin in zip(draft.psbt.inputs, draft.inputs, strict=True):
        assert fields.non_witness_utxo == previous[coin.outpoint.txid]
        assert fields.witness_utxo == coin.out
        check_origin(fields, ACCOUNTS[coin.owner.account], coin.owner.path)
        assert fields.sighash_type is None


def test_the_witnesses_of_a_previous_transaction_take_no_room():
    (stored,) = funding(300_000)
    large = replace(stored, tx=stored.tx.with_witnesses(((bytes(3_900_000),),)))
    (fields,) = draft_of([large]).psbt.inputs
    assert fields.non_witness_utxo == stored.tx


def batch(index, account=TAPROOT):
    """Return a payment of almost a megabyte, one of whose outputs is ours."""
    return confirmed(pay((script(account, index), 90_000), (b"\x6a" + bytes(999_000), 0)), 500)


def test_previous_transactions_that_a_psbt_has_no_room_for_are_left_out_where_all_coins_are_p2tr():
    stored = [batch(i) for i in range(4)]
    for count in (3, 4):
        psbt = Psbt.from_bytes(bytes(draft_of(stored[:count]).psbt))
        assert {fields.non_witness_utxo is None for fields in psbt.inputs} == {count == 4}
        assert review(psbt, ACCOUNTS, NO_CAPS).fee == psbt.fee


def test_a_previous_transaction_of_many_coins_is_shown_once_where_there_is_no_room_for_each():
    for account in (TAPROOT, SEGWIT):
        ours = [(script(account, i), 90_000) for i in range(5)]
        parent = confirmed(pay(*ours, (b"\x6a" + bytes(999_000), 0)), 500)
        for count in (3, 5):
            use = CoinControl(frozenset(OutPoint(parent.tx.txid, i) for i in range(count)))
            draft = send(basis([parent]), Payment((TxOut(Sats(100_000), SHOP),), RATE, use))
            psbt = Psbt.from_bytes(bytes(draft.psbt))
            assert psbt == draft.psbt
            shown = [fields.non_witness_utxo for fields in psbt.inputs]
            assert shown == [parent.tx] * 3 if count == 3 else [parent.tx, None, None, None, None]
            assert review(psbt, ACCOUNTS, NO_CAPS).fee == draft.fee


def test_previous_transactions_that_prove_a_p2wpkh_amount_are_never_left_out():
    stored = [*(batch(i) for i in range(3)), batch(0, SEGWIT)]
    wallet = basis(stored)
    use = CoinControl(frozenset(OutPoint(each.tx.txid, 0) for each in stored))
    with pytest.raises(RefusedError) as caught:
        send(wallet, Payment((TxOut(Sats(100_000), SHOP),), RATE, use))
    assert caught.value.rule == "psbt-size"
    assert "the 4 transactions that the coins are of have 39" in str(caught.value)
    assert "fewer coins" in caught.value.hint
    assert wallet.reserve(0, Branch.CHANGE) == 0


def check_origin(fields, account, path):
    key = account.public_key(path)
    origin = KeyOrigin(account.key.fingerprint, path.steps)
    if account.kind is ScriptType.P2TR:
        assert fields.tap_internal_key == key[1:]
        assert fields.tap_bip32_derivation == {key[1:]: TapKeyOrigin(origin)}
        assert not fields.bip32_derivation
    else:
        assert fields.bip32_derivation == {key: origin}
        assert fields.tap_internal_key is None


def test_outputs_of_ours_name_their_key_and_others_do_not():
    receive = KeyPath(Branch.RECEIVE, 4)
    outputs = ((SHOP, 100_000), (SEGWIT.script(receive), 50_000))
    for account in ACCOUNTS:
        draft = draft_of(funding(300_000, account=account), outputs=outputs)
        change = draft.change.position
        check_origin(draft.psbt.outputs[change], account, KeyPath(Branch.CHANGE, 0))
        others = [fields for i, fields in enumerate(draft.psbt.outputs) if i != change]
        assert not others[0].bip32_derivation
        assert others[0].tap_internal_key is None
        check_origin(others[1], SEGWIT, receive)


def test_change_is_at_any_place_and_recipients_keep_their_order():
    stored = funding(500_000)
    outputs = tuple((p2wpkh(bytes([i]) * 20), 10_000 + i) for i in range(3))
    places = Counter(draft_of(stored, seed=seed, outputs=outputs).change.position for seed in range(80))
    assert set(places) == {0, 1, 2, 3}
    assert max(places.values()) < 40


def test_inputs_are_in_any_order():
    stored = funding(*[50_000] * 4)
    orders = {tuple(coin.outpoint for coin in draft_of(stored, seed=seed).inputs) for seed in range(40)}
    assert len(orders) > 12


def test_replacement_is_signalled_unless_refused():
    assert {txin.sequence for txin in draft_of(mixed()).tx.inputs} == {0xFFFFFFFD}
    final = draft_of(mixed(), rbf=False).tx
    assert not final.signals_rbf
    assert {txin.sequence for txin in final.inputs} == {0xFFFFFFFE}  # the locktime still counts


def test_the_locktime_is_the_tip_and_a_tenth_of_the_time_up_to_100_blocks_older():
    stored = funding(200_000)
    times = [draft_of(stored, seed=seed).tx.locktime for seed in range(400)]
    older = [TIP - time for time in times if time != TIP]
    assert 15 < len(older) < 70
    assert all(0 < back < 100 for back in older)
    assert len(set(older)) > 10


@pytest.mark.parametrize("tip", [-1, 0, 3])
def test_the_locktime_is_never_negative(tip):
    stored = [confirmed(pay((script(TAPROOT), 200_000)), 0)]
    for seed in range(50):
        assert 0 <= draft_of(stored, seed=seed, tip=tip).tx.locktime <= max(0, tip)


def test_the_default_randomness_is_the_systems():
    wallet = basis([])
    fresh = type(wallet)(wallet.ledger, wallet.reserve)
    assert isinstance(fresh.rng, random.SystemRandom)
