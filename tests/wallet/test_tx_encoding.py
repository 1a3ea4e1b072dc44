"""Serialisation of transactions: equal to bitcointx's, strict, linear."""

from dataclasses import replace

import pytest
from bitcointx.core import CTransaction
from hypothesis import given
from hypothesis import strategies as st

from tests.timing import least_seconds
from wallet.amounts import MAX_MONEY, Sats
from wallet.errors import MalformedError
from wallet.tx import MAX_TRANSACTION_BYTES, OutPoint, Transaction, Txid, TxIn, TxOut

U32 = st.integers(0, 0xFFFFFFFF)
OUTPOINTS = st.builds(OutPoint, st.binary(min_size=32, max_size=32).map(Txid), U32)
INPUTS = st.builds(
    TxIn, OUTPOINTS, U32, st.binary(max_size=60), st.lists(st.binary(max_size=80), max_size=3).map(tuple)
)
OUTPUTS = st.builds(TxOut, st.integers(0, MAX_MONEY // 8).map(Sats), st.binary(max_size=300))
TRANSACTIONS = st.builds(
    Transaction,
    st.lists(INPUTS, min_size=1, max_size=4, unique_by=lambda txin: txin.prevout).map(tuple),
    st.lists(OUTPUTS, min_size=1, max_size=4).map(tuple),
    U32,
    st.integers(-(1 << 31), (1 << 31) - 1),
)
TX = Transaction((TxIn(OutPoint(Txid(b"\x11" * 32), 7), witness=(b"sig",)),), (TxOut(Sats(5), b"\x51"),))


@given(TRANSACTIONS)
def test_a_transaction_reads_back_and_is_the_same_to_bitcointx(tx: Transaction) -> None:
    assert Transaction.from_bytes(bytes(tx)) == tx
    theirs = CTransaction.deserialize(bytes(tx))
    assert theirs.serialize() == bytes(tx)
    assert theirs.GetTxid() == tx.txid
    assert theirs.GetHash() == tx.wtxid


@given(st.binary(max_size=120), st.integers(0, 200))
def test_other_bytes_are_refused_as_malformed(junk: bytes, cut: int) -> None:
    for data in (junk, bytes(TX)[:cut] + junk):
        try:
            tx = Transaction.from_bytes(data)
        except MalformedError:
            continue
        assert bytes(tx) == data


def test_every_truncation_and_a_trailing_byte_are_refused() -> None:
    data = bytes(TX)
    for end in range(len(data)):
        with pytest.raises(MalformedError):
            Transaction.from_bytes(data[:end])
    with pytest.raises(MalformedError, match="left over"):
        Transaction.from_bytes(data + b"\x00")


def test_a_segwit_form_without_a_witness_is_refused() -> None:
    data = bytes(TX).replace(b"\x01\x03sig", b"\x00")
    with pytest.raises(MalformedError, match="witnesses are empty"):
        Transaction.from_bytes(data)


def test_another_flag_than_that_of_bip_144_is_refused() -> None:
    data = bytes(TX)
    with pytest.raises(MalformedError, match="no inputs"):
        Transaction.from_bytes(data[:5] + b"\x02" + data[6:])


def test_a_value_above_all_money_is_refused_as_it_is_read() -> None:
    data = bytes(TX).replace((5).to_bytes(8, "little"), b"\xff" * 8)
    with pytest.raises(MalformedError, match="value of an output"):
        Transaction.from_bytes(data)


@pytest.mark.parametrize("change", [{"locktime": 1 << 32}, {"locktime": -1}, {"version": 1 << 31}])
def test_numbers_that_have_no_encoding_are_refused(change: dict[str, int]) -> None:
    with pytest.raises(MalformedError, match="out of range"):
        Transaction(TX.inputs, TX.outputs, **change)


def test_a_transaction_longer_than_a_block_is_refused() -> None:
    def spending(stack_item: int) -> bytes:
        return bytes(replace(TX, inputs=(replace(TX.inputs[0], witness=(bytes(stack_item),)),)))

    longest = MAX_TRANSACTION_BYTES - len(spending(1 << 20)) + (1 << 20)
    assert len(bytes(Transaction.from_bytes(spending(longest)))) == MAX_TRANSACTION_BYTES
    with pytest.raises(MalformedError, match="longer than a block"):
        Transaction.from_bytes(spending(longest + 1))


def test_a_count_of_inputs_that_are_not_there_costs_nothing() -> None:
    bomb = bytes(4) + b"\xfe\xff\xff\xff\x7f" + bytes(1000)

    def refused() -> None:
        with pytest.raises(MalformedError):
            Transaction.from_bytes(bomb)

    assert least_seconds(refused) < 0.05
