"""Kinds of scripts, their sizes and dust, beside bitcointx and the figures of Bitcoin Core."""

import pytest
from bitcointx.core.script import CScript
from hypothesis import given
from hypothesis import strategies as st

from wallet.amounts import Sats
from wallet.script import (
    INPUT_WEIGHT,
    ScriptType,
    dust_threshold,
    is_dust,
    output_size,
    p2pkh,
    p2sh,
    p2tr,
    p2wpkh,
    script_type,
    witness_program,
)
from wallet.tx import OutPoint, Transaction, Txid, TxIn, TxOut

ANCHOR = bytes.fromhex("51024e73")
KINDS = {
    p2pkh(bytes(20)): ScriptType.P2PKH,
    p2sh(bytes(20)): ScriptType.P2SH,
    p2wpkh(bytes(20)): ScriptType.P2WPKH,
    b"\x00\x20" + bytes(32): ScriptType.P2WSH,
    p2tr(bytes(32)): ScriptType.P2TR,
    ANCHOR: ScriptType.P2A,
    b"\x51\x02ab": ScriptType.WITNESS_UNKNOWN,
    b"\x51\x14" + bytes(20): ScriptType.WITNESS_UNKNOWN,
    b"\x60\x28" + bytes(40): ScriptType.WITNESS_UNKNOWN,
    b"\x6a": ScriptType.NULL_DATA,
    b"\x6a\x51\x4f\x60": ScriptType.NULL_DATA,
    b"\x6a\x02ab": ScriptType.NULL_DATA,
    b"\x6a\x4c\x02ab": ScriptType.NULL_DATA,
    b"\x6a\x4d\x02\x00ab": ScriptType.NULL_DATA,
    b"\x6a\x4e\x02\x00\x00\x00ab": ScriptType.NULL_DATA,
    b"\x6a\x02a": ScriptType.NONSTANDARD,
    b"\x6a\x4d\x02": ScriptType.NONSTANDARD,
    b"\x6a\x61": ScriptType.NONSTANDARD,
    b"": ScriptType.NONSTANDARD,
    b"\x00\x15" + bytes(21): ScriptType.NONSTANDARD,
    b"\x51\x29" + bytes(41): ScriptType.NONSTANDARD,
    b"\x51\x01a": ScriptType.NONSTANDARD,
    b"\x61\x14" + bytes(20): ScriptType.NONSTANDARD,
    b"\x4f\x14" + bytes(20): ScriptType.NONSTANDARD,
    b"\x00\x14" + bytes(21): ScriptType.NONSTANDARD,
    p2pkh(bytes(20))[:-1] + b"\x87": ScriptType.NONSTANDARD,
    p2pkh(bytes(20)) + b"\x00": ScriptType.NONSTANDARD,
    b"\x76\xa9\x13" + p2pkh(bytes(20))[3:]: ScriptType.NONSTANDARD,
    p2sh(bytes(20))[:-1] + b"\x88": ScriptType.NONSTANDARD,
    b"\xa9\x13" + p2sh(bytes(20))[2:]: ScriptType.NONSTANDARD,
}  # fmt: skip


@pytest.mark.parametrize(("script", "kind"), KINDS.items(), ids=[s.hex()[:12] + f"-{len(s)}" for s in KINDS])
def test_kind(script, kind):
    assert script_type(script) is kind


@pytest.mark.parametrize("script", KINDS)
def test_bitcointx_sees_the_same_kinds(script):
    theirs, kind = CScript(script), script_type(script)
    assert theirs.is_witness_v0_keyhash() == (kind is ScriptType.P2WPKH)
    assert theirs.is_witness_v0_scripthash() == (kind is ScriptType.P2WSH)
    assert theirs.is_p2pkh() == (kind is ScriptType.P2PKH)
    assert theirs.is_p2sh() == (kind is ScriptType.P2SH)


@given(st.binary(max_size=50))
def test_bitcointx_sees_the_same_witness_programs(script):
    program, theirs = witness_program(script), CScript(script)
    assert theirs.is_witness_scriptpubkey() == (program is not None)
    if program is not None:
        assert (theirs.witness_version(), theirs.witness_program()) == program


@given(st.binary(max_size=60))
def test_bitcointx_sees_the_same_data(rest):
    theirs = CScript(rest)
    assert (script_type(b"\x6a" + rest) is ScriptType.NULL_DATA) == theirs.is_push_only()


# Bitcoin Core, GetDustThreshold at 3000 sat/kvB
DUST = {
    p2wpkh(bytes(20)): 294,
    p2tr(bytes(32)): 330,
    b"\x00\x20" + bytes(32): 330,
    p2pkh(bytes(20)): 546,
    p2sh(bytes(20)): 540,
    ANCHOR: 240,
    b"\x6a\x02ab": 0,
    b"\x6a\x61": 0,
    b"\x51" * 10_001: 0,
    b"\x51" * 10_000: 3 * (8 + 3 + 10_000 + 148),
}


@pytest.mark.parametrize(("script", "dust"), DUST.items(), ids=range(len(DUST)))
def test_dust_threshold(script, dust):
    assert dust_threshold(script) == dust
    assert not is_dust(TxOut(Sats(dust), script))
    assert is_dust(TxOut(Sats(dust - 1), script))


@pytest.mark.parametrize("length", [0, 1, 22, 252, 253, 65535, 65536])
def test_output_size_is_that_of_its_bytes(length):
    script = bytes(length)
    assert output_size(script) == len(bytes(TxOut(Sats(0), script)))


# the largest witnesses of a signer that grinds nothing: r with its top bit set, low s
WITNESSES = {ScriptType.P2WPKH: (bytes(72), bytes(33)), ScriptType.P2TR: (bytes(64),)}


@pytest.mark.parametrize("kind", INPUT_WEIGHT)
def test_input_weight_is_what_a_signed_input_adds(kind):
    def weight(count):
        inputs = (TxIn(OutPoint(Txid(bytes(32)), i), witness=WITNESSES[kind]) for i in range(count))
        return Transaction(tuple(inputs), (TxOut(Sats(1), b""),)).weight

    assert weight(2) - weight(1) == INPUT_WEIGHT[kind]
