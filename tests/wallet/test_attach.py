"""Signatures enter a MIXED only if they hold."""

from dataclasses import replace

import pytest

from native.curve import ORDER
from wallet.attach import attach
from wallet.errors import MalformedError, SignatureError
from wallet.psbt import extract, finalize, to_v2
from wallet.review import review
from wallet.sighash import SIGHASH_ALL
from wallet.signature import encode_bip340, encode_ecdsa

from .fakes import ACCOUNTS, SEGWIT, TAPROOT
from .own_psbts import (
    CAPS,
    FOREIGN,
    HERE,
    MIXED,
    OTHER,
    change,
    payment,
    receive,
    returned,
    sign,
    spend,
    with_input,
)

SEEN = review(MIXED, ACCOUNTS, CAPS)
SIGNATURES = {item.index: sign(item) for item in SEEN.inputs}


def test_signatures_stand_where_finalisers_look():
    signed = attach(MIXED, SEEN, SIGNATURES)
    assert signed.inputs[0].partial_sigs == {SEGWIT.public_key(receive(3)): encode_ecdsa(SIGNATURES[0])}
    assert signed.inputs[1].tap_key_sig == SIGNATURES[1]
    assert extract(finalize(signed)).txid == MIXED.tx.txid


def test_signatures_may_come_one_by_one():
    first = attach(MIXED, SEEN, {1: SIGNATURES[1]})
    assert not first.inputs[0].partial_sigs
    assert attach(first, SEEN, {0: SIGNATURES[0]}) == attach(MIXED, SEEN, SIGNATURES)


def test_signatures_of_other_keys_stay():
    other = {OTHER.public_key(receive(0)): encode_ecdsa(SIGNATURES[0])}
    signed = attach(with_input(MIXED, 0, partial_sigs=other), SEEN, SIGNATURES)
    assert signed.inputs[0].partial_sigs.items() > other.items()


def test_signature_for_all_in_taproot_has_its_type_behind():
    psbt = with_input(MIXED, 1, sighash_type=SIGHASH_ALL)
    seen = review(psbt, ACCOUNTS, CAPS)
    signature = sign(seen.inputs[1])
    assert attach(psbt, seen, {1: signature}).inputs[1].tap_key_sig == encode_bip340(signature, SIGHASH_ALL)


def test_high_s_is_normalised():
    r, s = SIGNATURES[0][:32], int.from_bytes(SIGNATURES[0][32:], "big")
    high = r + (ORDER - s).to_bytes(32, "big")
    assert attach(MIXED, SEEN, {0: high}) == attach(MIXED, SEEN, {0: SIGNATURES[0]})


@pytest.mark.parametrize("index", [0, 1])
def test_signature_that_does_not_hold_is_refused(index):
    flipped = SIGNATURES[index][:63] + bytes([SIGNATURES[index][63] ^ 1])
    for wrong in (flipped, SIGNATURES[1 - index], SIGNATURES[index][:63]):
        with pytest.raises(SignatureError):
            attach(MIXED, SEEN, {index: wrong})


def test_psbt_of_another_transaction_is_refused():
    other = spend(HERE, [payment(90_001), returned(208_999, TAPROOT, change(5))])
    with pytest.raises(MalformedError, match="not of the transaction"):
        attach(other, SEEN, SIGNATURES)


@pytest.mark.parametrize("index", [-1, 2, 3])
def test_input_that_is_not_ours_is_refused(index):
    psbt = spend([*HERE, FOREIGN], [payment(349_000)])
    seen = review(psbt, ACCOUNTS, CAPS, foreign=frozenset({FOREIGN.outpoint}))
    with pytest.raises(MalformedError, match="not ours to sign"):
        attach(psbt, seen, {index: SIGNATURES[0]})


def test_signed_psbt_of_version_2_is_no_longer_modifiable():
    open_psbt = replace(to_v2(MIXED), tx_modifiable=0b111)
    assert attach(open_psbt, SEEN, SIGNATURES).tx_modifiable == 0b100
