"""Signatures enter a PSBT only if they hold."""

from dataclasses import replace

import pytest

from native.curve import ORDER
from wallet.attach import attach
from wallet.errors import MalformedError, SignatureError
from wallet.fees import FeeCaps
from wallet.psbt import extract, finalize, to_v2
from wallet.review import review
from wallet.sighash import SIGHASH_ALL
from wallet.signature import encode_bip340, encode_ecdsa

from .spending import (
    ACCOUNTS,
    OTHER,
    TR,
    WPKH,
    Coin,
    change,
    payment,
    receive,
    returned,
    sign,
    spend,
    with_input,
)

HERE = [Coin(WPKH, receive(3), 100_000), Coin(TR, change(4), 200_000)]
PSBT = spend(HERE, [payment(90_000), returned(209_000, TR, change(5))])
SEEN = review(PSBT, ACCOUNTS, FeeCaps())
SIGNATURES = {item.index: sign(item) for item in SEEN.inputs}


def test_signatures_stand_where_finalisers_look():
    signed = attach(PSBT, SEEN, SIGNATURES)
    assert signed.inputs[0].partial_sigs == {WPKH.public_key(receive(3)): encode_ecdsa(SIGNATURES[0])}
    assert signed.inputs[1].tap_key_sig == SIGNATURES[1]
    assert extract(finalize(signed)).txid == PSBT.tx.txid


def test_signatures_may_come_one_by_one():
    first = attach(PSBT, SEEN, {1: SIGNATURES[1]})
    assert not first.inputs[0].partial_sigs
    assert attach(first, SEEN, {0: SIGNATURES[0]}) == attach(PSBT, SEEN, SIGNATURES)


def test_signature_for_all_in_taproot_has_its_type_behind():
    psbt = with_input(PSBT, 1, sighash_type=SIGHASH_ALL)
    seen = review(psbt, ACCOUNTS, FeeCaps())
    signature = sign(seen.inputs[1])
    assert attach(psbt, seen, {1: signature}).inputs[1].tap_key_sig == encode_bip340(signature, SIGHASH_ALL)


def test_high_s_is_normalised():
    r, s = SIGNATURES[0][:32], int.from_bytes(SIGNATURES[0][32:], "big")
    high = r + (ORDER - s).to_bytes(32, "big")
    assert attach(PSBT, SEEN, {0: high}) == attach(PSBT, SEEN, {0: SIGNATURES[0]})


@pytest.mark.parametrize("index", [0, 1])
def test_signature_that_does_not_hold_is_refused(index):
    flipped = SIGNATURES[index][:63] + bytes([SIGNATURES[index][63] ^ 1])
    for wrong in (flipped, SIGNATURES[1 - index], SIGNATURES[index][:63]):
        with pytest.raises(SignatureError):
            attach(PSBT, SEEN, {index: wrong})


def test_psbt_of_another_transaction_is_refused():
    other = spend(HERE, [payment(90_001), returned(208_999, TR, change(5))])
    with pytest.raises(MalformedError, match="not of the transaction"):
        attach(other, SEEN, SIGNATURES)


@pytest.mark.parametrize("index", [-1, 2, 3])
def test_input_that_is_not_ours_is_refused(index):
    foreign = Coin(OTHER, receive(7), 50_000)
    psbt = spend([*HERE, foreign], [payment(349_000)])
    seen = review(psbt, ACCOUNTS, FeeCaps(), foreign=frozenset({foreign.outpoint}))
    with pytest.raises(MalformedError, match="not ours to sign"):
        attach(psbt, seen, {index: SIGNATURES[0]})


def test_signed_psbt_of_version_2_is_no_longer_modifiable():
    open_psbt = replace(to_v2(PSBT), tx_modifiable=0b111)
    assert attach(open_psbt, SEEN, SIGNATURES).tx_modifiable == 0b100
