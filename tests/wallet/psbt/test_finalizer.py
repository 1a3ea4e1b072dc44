"""Finalising and extracting: the kernel takes the transaction, and no wrong signature becomes a witness."""

from dataclasses import replace

import pbk
import pytest
from coincurve import PrivateKey

from tests.wallet.psbt.signing import (
    KEY,
    PREVIOUS,
    SIGNED,
    TX,
    UNSIGNED,
    partial_sig,
    tap_key_sig,
    with_input,
)
from wallet.amounts import Sats
from wallet.errors import MalformedError, SignatureError
from wallet.psbt import Psbt, PsbtInput, extract, finalize, to_v2
from wallet.sighash import SIGHASH_ALL, SIGHASH_ANYONECANPAY, SIGHASH_DEFAULT, SIGHASH_NONE, SIGHASH_SINGLE
from wallet.tx import Transaction, TxOut


def kernel_takes(tx: Transaction) -> bool:
    spent = [
        pbk.TransactionOutput(pbk.ScriptPubkey(out.script_pubkey), out.value) for out in PREVIOUS.outputs
    ]
    theirs = pbk.Transaction(bytes(tx))
    pre = pbk.script.PrecomputedTransactionData(theirs, spent)
    return all(
        out.script_pubkey.verify(PREVIOUS.outputs[i].value, theirs, pre, i, pbk.ScriptVerificationFlags.ALL)
        for i, out in enumerate(spent)
    )


@pytest.mark.parametrize("psbt", [SIGNED, to_v2(SIGNED)], ids=["v0", "v2"])
def test_a_finalised_transaction_is_valid_to_the_kernel(psbt: Psbt) -> None:
    tx = extract(finalize(psbt))
    assert tx.txid == TX.txid
    assert [len(txin.witness) for txin in tx.inputs] == [2, 1]
    assert kernel_takes(tx)


def test_the_kernel_refuses_the_transaction_with_another_amount() -> None:
    tx = extract(finalize(SIGNED))
    assert not kernel_takes(replace(tx, outputs=(replace(tx.outputs[0], value=Sats(1)),)))


def test_finalising_keeps_what_an_extractor_needs_and_nothing_else() -> None:
    unknown = {b"\xf0": b"kept"}
    final = finalize(with_input(SIGNED, 0, unknown=unknown, sighash_type=SIGHASH_ALL, redeem_script=b""))
    assert final.inputs[0] == PsbtInput(
        non_witness_utxo=PREVIOUS,
        witness_utxo=PREVIOUS.outputs[0],
        final_script_witness=(partial_sig(), KEY),
        unknown=unknown,
    )
    assert final.inputs[1].final_script_witness == (tap_key_sig(),)
    assert finalize(final) == final


def test_finalising_keeps_the_lock_times_that_inputs_require() -> None:
    height = with_input(replace(to_v2(UNSIGNED), fallback_locktime=None), 1, final_script_witness=(b"\1",))
    locked = Psbt(
        replace(height.unsigned, locktime=90),
        (height.inputs[0], replace(height.inputs[1], required_height_locktime=90)),
        height.outputs,
        2,
    )
    assert finalize(locked).inputs[1].required_height_locktime == 90


def test_inputs_without_a_signature_stay_as_they_are() -> None:
    half = with_input(UNSIGNED, 0, partial_sigs={KEY: partial_sig()})
    final = finalize(half)
    assert final.inputs[0].is_final
    assert final.inputs[1] == half.inputs[1]
    with pytest.raises(MalformedError, match="inputs are not final: 1"):
        extract(final)
    with pytest.raises(MalformedError, match="inputs are not final: 0, 1"):
        extract(UNSIGNED)


def test_a_segwit_input_is_finalised_beside_one_that_is_unknown_and_taproot_is_not() -> None:
    blind = with_input(SIGNED, 1, non_witness_utxo=None, witness_utxo=None)
    assert [fields.is_final for fields in finalize(blind).inputs] == [True, False]
    blind = with_input(SIGNED, 0, non_witness_utxo=None, witness_utxo=None)
    assert [fields.is_final for fields in finalize(blind).inputs] == [False, False]


def test_a_signature_of_another_key_is_left_alone() -> None:
    other = PrivateKey(b"\x05" * 32).public_key.format()
    uncompressed = PrivateKey((0xC0FFEE).to_bytes(32, "big")).public_key.format(compressed=False)
    psbt = with_input(UNSIGNED, 0, partial_sigs={other: partial_sig(), uncompressed: partial_sig()})
    assert finalize(psbt) == psbt


def test_other_kinds_of_outputs_are_left_alone() -> None:
    psbt = with_input(SIGNED, 0, non_witness_utxo=None, witness_utxo=TxOut(Sats(50_000), b"\x51"))
    assert not finalize(with_input(psbt, 1, tap_key_sig=None)).inputs[0].is_final


@pytest.mark.parametrize("index", [0, 1])
def test_a_signature_that_does_not_hold_is_refused_by_input(index: int) -> None:
    lie = replace(PREVIOUS.outputs[index], value=Sats(1))
    psbt = with_input(SIGNED, index, non_witness_utxo=None, witness_utxo=lie)
    with pytest.raises(SignatureError, match=f"input {index}: .* does not hold"):
        finalize(psbt if index == 0 else with_input(psbt, 0, partial_sigs={}))


@pytest.mark.parametrize("sighash_type", [SIGHASH_NONE, SIGHASH_SINGLE, SIGHASH_ALL | SIGHASH_ANYONECANPAY])
def test_another_type_than_all_is_refused_unless_it_was_asked_for(sighash_type: int) -> None:
    psbt = with_input(UNSIGNED, 0, partial_sigs={KEY: partial_sig(sighash_type)})
    with pytest.raises(SignatureError, match="input 0: the sighash type"):
        finalize(psbt)
    assert finalize(with_input(psbt, 0, sighash_type=sighash_type)).inputs[0].is_final
    with pytest.raises(SignatureError, match="input 0: the sighash type"):
        finalize(with_input(psbt, 0, sighash_type=SIGHASH_ALL))


def test_taproot_takes_default_and_all_unless_one_was_asked_for() -> None:
    for sighash_type in (SIGHASH_DEFAULT, SIGHASH_ALL):
        psbt = with_input(UNSIGNED, 1, tap_key_sig=tap_key_sig(sighash_type))
        assert finalize(psbt).inputs[1].is_final
        assert finalize(with_input(psbt, 1, sighash_type=sighash_type)).inputs[1].is_final
        with pytest.raises(SignatureError, match="input 1: the sighash type"):
            finalize(with_input(psbt, 1, sighash_type=1 - sighash_type))
    with pytest.raises(SignatureError, match="input 1: the sighash type 0x82"):
        finalize(with_input(UNSIGNED, 1, tap_key_sig=tap_key_sig(SIGHASH_NONE | SIGHASH_ANYONECANPAY)))


def test_extraction_takes_script_sig_and_witness() -> None:
    psbt = with_input(with_input(UNSIGNED, 0, final_script_sig=b"\x51"), 1, final_script_witness=(b"a", b""))
    tx = extract(psbt)
    assert (tx.inputs[0].script_sig, tx.inputs[0].witness) == (b"\x51", ())
    assert (tx.inputs[1].script_sig, tx.inputs[1].witness) == (b"", (b"a", b""))
