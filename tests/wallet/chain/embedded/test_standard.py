"""Counts and forms of standard transactions that need no chain."""

import pytest

from wallet.amounts import Sats
from wallet.bip32 import hash160
from wallet.chain.embedded.standard import check_standard, sigop_cost
from wallet.errors import ChainRefusedError
from wallet.script import p2tr, p2wpkh
from wallet.tx import OutPoint, Transaction, Txid, TxIn, TxOut

P2PKH = b"\x76\xa9\x14" + bytes(20) + b"\x88\xac"
P2WSH = b"\x00\x20" + bytes(32)
MULTISIG = b"\x52" + (b"\x21" + bytes(33)) * 3 + b"\x53\xae"  # 2 of 3


def spent_by(script: bytes, script_sig: bytes = b"", *witness: bytes) -> tuple[TxIn, TxOut]:
    return TxIn(OutPoint(Txid(b"\x01" * 32), 0), 0, script_sig, witness), TxOut(Sats(1), script)


def cost(
    script: bytes, script_sig: bytes = b"", *witness: bytes, outputs: tuple[bytes, ...] = (P2WSH,)
) -> int:
    txin, spent = spent_by(script, script_sig, *witness)
    return sigop_cost(Transaction((txin,), tuple(TxOut(Sats(1), s) for s in outputs)), [spent])


def p2sh(redeem: bytes) -> bytes:
    return b"\xa9\x14" + hash160(redeem) + b"\x87"


def push(data: bytes) -> bytes:
    return (b"\x4c" if len(data) > 75 else b"") + bytes([len(data)]) + data


def test_signature_operations_cost_four_outside_a_witness_and_one_in_it() -> None:
    nested = b"\x00\x14" + bytes(20)
    assert cost(p2wpkh(bytes(20))) == 1
    assert cost(p2tr(b"\x02" * 32)) == 0
    assert cost(P2WSH, b"", MULTISIG) == 3
    assert cost(P2WSH, b"", b"\xac\xae") == 21  # the keys of a bare OP_CHECKMULTISIG count as 20
    assert cost(P2WSH, b"", b"\xac\xad\x51\xaf\x60\xae\x4c") == 2 + 1 + 16  # and a push that is cut off
    assert cost(P2WSH) == 1
    assert cost(p2sh(MULTISIG), push(MULTISIG)) == 12
    assert cost(p2sh(nested), push(nested), b"", b"") == 1
    assert cost(p2wpkh(bytes(20)), outputs=(P2PKH, P2WSH, P2PKH)) == 1 + 4 + 4


@pytest.mark.parametrize(
    ("script", "standard"),
    [
        (b"\x6a", True),
        (b"\x6a\x00\x51\x60\x02ab", True),
        (b"\x6a\x61", False),
        (b"\x6a\x02a", False),
        (b"\x6a\x4c\x50" + bytes(80), True),
        (b"\x6a\x4c\x51" + bytes(81), False),
    ],
)
def test_data_outputs_only_push(script: bytes, standard: bool) -> None:
    txin, _ = spent_by(P2WSH)
    tx = Transaction((txin,), (TxOut(Sats(0), script), TxOut(Sats(1000), P2WSH)))
    if standard:
        check_standard(tx, tx.weight)
    else:
        with pytest.raises(ChainRefusedError, match="scriptpubkey"):
            check_standard(tx, tx.weight)
