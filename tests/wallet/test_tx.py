"""Transactions as values: rules, identifiers, weight. tests/wallet/test_tx_encoding.py has the encoding."""

import json
from pathlib import Path

import bdkpython as bdk
import pytest
from bitcointx.core import CTransaction
from btclib.tx.tx import Tx
from hypothesis import given

from tests.timing import least_seconds
from wallet import tx as module
from wallet.amounts import MAX_MONEY, Sats
from wallet.errors import MalformedError
from wallet.script import p2tr, p2wpkh
from wallet.tx import (
    SEQUENCE_FINAL,
    SEQUENCE_NO_RBF,
    SEQUENCE_RBF,
    OutPoint,
    Transaction,
    Txid,
    TxIn,
    TxOut,
    parse_txid,
    show_txid,
)

from .test_tx_encoding import TRANSACTIONS

BIP143 = json.loads((Path(__file__).parents[1] / "vectors" / "bip-0143" / "bip143.json").read_text())
SIGNED = [text for section in BIP143["sections"] for text in section["signed_tx"]]

GENESIS_TXID = "4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b"
TXID = Txid(bytes(range(32)))
ECDSA = (bytes(72), bytes(33))
SCHNORR = (bytes(64),)


def spend(witness: tuple[bytes, ...], inputs: int, scripts: list[bytes]) -> Transaction:
    """Return a transaction whose inputs have a witness."""
    txins = (TxIn(OutPoint(TXID, i), witness=witness) for i in range(inputs))
    return Transaction(tuple(txins), tuple(TxOut(Sats(1000), script) for script in scripts))


# -- identifiers


def test_txid_is_displayed_reversed():
    assert show_txid(TXID) == TXID[::-1].hex()
    assert parse_txid(show_txid(TXID)) == parse_txid(show_txid(TXID).upper()) == TXID


@pytest.mark.parametrize(
    "text", ["", GENESIS_TXID[1:], GENESIS_TXID + "0", "g" * 64, " " * 64, "\u0661" * 64, "0" * 9999]
)
def test_malformed_txid_is_refused(text):
    with pytest.raises(MalformedError, match="64 hex digits") as refusal:
        parse_txid(text)
    assert len(str(refusal.value)) < 600


def test_coin_is_read_as_it_is_shown():
    for index in (0, 7, 0xFFFFFFFF):
        coin = OutPoint(TXID, index)
        assert OutPoint.parse(str(coin)) == OutPoint.parse(str(coin).upper()) == coin


@pytest.mark.parametrize("index", ["", "-1", "01", "4294967296", "1 ", "\u0661", "0x1", "1:1"])
def test_malformed_coin_is_refused(index):
    with pytest.raises(MalformedError, match="is no coin"):
        OutPoint.parse(f"{GENESIS_TXID}:{index}")


@pytest.mark.parametrize(
    ("txid", "index"), [(bytes(31), 0), (bytes(33), 0), (bytes(32), -1), (bytes(32), 1 << 32)]
)
def test_coin_with_a_field_of_another_size_is_refused(txid, index):
    with pytest.raises(MalformedError, match="coin"):
        OutPoint(Txid(txid), index)


# -- rules


OUT = TxOut(Sats(1), b"")
IN = TxIn(OutPoint(TXID, 0))
NOTHING = TxIn(OutPoint(Txid(bytes(32)), 0xFFFFFFFF))


@pytest.mark.parametrize(
    ("inputs", "outputs", "message"),
    [
        ((), (OUT,), "needs an input"),
        ((IN,), (), "needs an input"),
        ((IN, TxIn(OutPoint(TXID, 0), 5)), (OUT,), "twice"),
        ((IN, NOTHING), (OUT,), "spends nothing"),
        ((IN,), (TxOut(Sats(-1), b""),), "an output of a transaction is out of range"),
        ((IN,), (TxOut(Sats(MAX_MONEY + 1), b""),), "an output of a transaction is out of range"),
        ((IN,), (TxOut(Sats(MAX_MONEY), b""), OUT), "an output of a transaction is out of range"),
        ((TxIn(OutPoint(TXID, 0), 1 << 32),), (OUT,), "out of range"),
        ((TxIn(OutPoint(TXID, 0), -1),), (OUT,), "out of range"),
    ],
)
def test_broken_rule_is_refused(inputs, outputs, message):
    with pytest.raises(MalformedError, match=message):
        Transaction(inputs, outputs)


def test_coinbase_is_read():
    assert Transaction((NOTHING,), (OUT,))


def test_all_money_may_move():
    for outputs in ((TxOut(Sats(MAX_MONEY - 1), b""), OUT), (TxOut(Sats(MAX_MONEY), b""),)):
        tx = Transaction((IN,), outputs)
        assert Transaction.from_bytes(bytes(tx)) == tx


def test_size_is_bounded_before_parsing(monkeypatch):
    data = bytes(spend(SCHNORR, 1, [b""]))
    monkeypatch.setattr(module, "MAX_TRANSACTION_BYTES", len(data))
    assert bytes(Transaction.from_bytes(data)) == data
    assert bytes(Transaction.from_hex(data.hex())) == data
    monkeypatch.setattr(module, "MAX_TRANSACTION_BYTES", len(data) - 1)
    with pytest.raises(MalformedError, match="longer than a block"):
        Transaction.from_bytes(data)
    with pytest.raises(MalformedError, match="longer than a block"):
        Transaction.from_hex(data.hex())


@pytest.mark.parametrize("text", ["xyz", "0", "0x00", "\u0661\u0661"])
def test_text_that_is_no_hex_is_refused(text):
    with pytest.raises(MalformedError, match="in hex"):
        Transaction.from_hex(text)


def test_number_of_witnesses_must_be_that_of_inputs():
    tx = spend((), 2, [b""])
    assert [txin.witness for txin in tx.with_witnesses((SCHNORR, ECDSA)).inputs] == [SCHNORR, ECDSA]
    for stacks in ((), (SCHNORR,), (SCHNORR,) * 3):
        with pytest.raises(MalformedError, match="one witness for each input"):
            tx.with_witnesses(stacks)


def test_witness_changes_wtxid_only():
    tx = spend((), 1, [b""])
    signed = tx.with_witnesses((SCHNORR,))
    assert tx.wtxid == tx.txid == signed.txid != signed.wtxid


@pytest.mark.parametrize(
    ("sequences", "signals"),
    [
        ((SEQUENCE_RBF,), True),
        ((0,), True),
        ((SEQUENCE_NO_RBF, SEQUENCE_FINAL), False),
        ((SEQUENCE_FINAL, SEQUENCE_RBF), True),
    ],
)
def test_replacement_is_signalled_by_any_input(sequences, signals):
    inputs = tuple(TxIn(OutPoint(TXID, i), sequence) for i, sequence in enumerate(sequences))
    assert Transaction(inputs, (OUT,)).signals_rbf is signals


# -- weight


@pytest.mark.parametrize("text", SIGNED)
def test_bip143_transactions_weigh_the_same_to_others(text):
    tx = Transaction.from_hex(text)
    assert bytes(tx).hex() == text
    theirs, third = bdk.Transaction(bytes(tx)), Tx.parse(bytes(tx))
    assert (tx.weight, tx.vsize) == (theirs.weight(), theirs.vsize()) == (third.weight, third.vsize)
    assert show_txid(tx.txid) == str(theirs.compute_txid())
    assert show_txid(tx.wtxid) == str(theirs.compute_wtxid())


@given(TRANSACTIONS)
def test_weight_is_that_of_bitcointx(tx):
    theirs = CTransaction.deserialize(bytes(tx))
    assert tx.vsize == theirs.get_virtual_size()
    assert tx.weight == 3 * len(tx.without_witness()) + len(bytes(tx))


# figures that wallets quote: a signature of 72 bytes with its sighash type, or of 64
KNOWN_VSIZE = {
    "P2WPKH, 1 to 1": (spend(ECDSA, 1, [p2wpkh(bytes(20))]), 110),
    "P2WPKH, 1 to 2": (spend(ECDSA, 1, [p2wpkh(bytes(20))] * 2), 141),
    "P2WPKH, 2 to 2": (spend(ECDSA, 2, [p2wpkh(bytes(20))] * 2), 209),
    "P2TR, 1 to 1": (spend(SCHNORR, 1, [p2tr(bytes(32))]), 111),
    "P2TR, 1 to 2": (spend(SCHNORR, 1, [p2tr(bytes(32))] * 2), 154),
    "P2TR, 2 to 2": (spend(SCHNORR, 2, [p2tr(bytes(32))] * 2), 212),
}


@pytest.mark.parametrize(("tx", "vsize"), KNOWN_VSIZE.values(), ids=KNOWN_VSIZE)
def test_known_virtual_size(tx, vsize):
    assert tx.vsize == vsize


def test_five_hundred_inputs_are_read_in_a_moment():
    data = bytes(spend(ECDSA, 500, [p2wpkh(bytes(20))]))
    tx = Transaction.from_bytes(data)
    assert tx.weight == 4 * len(tx.without_witness()) + 2 + 500 * (1 + 73 + 34)
    assert least_seconds(lambda: Transaction.from_bytes(data).weight) < 0.1
