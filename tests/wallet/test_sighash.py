"""Sighashes: the vectors of BIP-143 and BIP-341, and two independent implementations."""

import json
from pathlib import Path
from random import Random

import btclib.script.sig_hash
import btclib.tx
import pytest
from bitcointx.core import CTransaction, CTxOut
from bitcointx.core.script import (
    SIGVERSION_WITNESS_V0,
    CScript,
    SIGHASH_Type,
    SignatureHash,
    SignatureHashSchnorr,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from wallet.amounts import MAX_MONEY, Sats
from wallet.bip32 import hash160
from wallet.errors import MalformedError
from wallet.script import p2tr, p2wpkh
from wallet.sighash import (
    SIGHASH_ALL,
    SIGHASH_DEFAULT,
    SIGHASH_SINGLE,
    TAPROOT_TYPES,
    V0_TYPES,
    SighashCache,
)
from wallet.tx import OutPoint, Transaction, Txid, TxIn, TxOut, double_sha256

VECTORS = Path(__file__).parents[1] / "vectors"
BIP143 = {
    section["section"]: section
    for section in json.loads((VECTORS / "bip-0143" / "bip143.json").read_text())["sections"]
}
(BIP341,) = json.loads((VECTORS / "bip-0341" / "wallet-test-vectors.json").read_text())["keyPathSpending"]


def txout(value: int, script: bytes) -> TxOut:
    return TxOut(Sats(value), script)


# the amounts and keys are given by the BIP in words
@pytest.mark.parametrize(
    ("section", "index", "amount", "key"),
    [
        (
            "Native P2WPKH",
            1,
            600_000_000,
            "025476c2e83188368da1ff3e292e7acafcdb3566bb0ad253f62fc70f07aeee6357",
        ),
        (
            "P2SH-P2WPKH",
            0,
            1_000_000_000,
            "03ad1d8e89212f0b92c74d23bb710c00662ad1470198ac48c43f7d6f93a2a26873",
        ),
    ],
)
def test_bip143_vector(section, index, amount, key):
    tx = Transaction.from_hex(BIP143[section]["unsigned_tx"][0])
    prevouts = [txout(0, b"")] * len(tx.inputs)
    prevouts[index] = txout(amount, b"")  # BIP-143 commits to the amount of its own input only
    digest = SighashCache(tx, prevouts).segwit_v0(index, hash160(bytes.fromhex(key)))
    assert digest.hex() == BIP143[section]["preimage_sighash"][0]["sighash"]


PREIMAGES = [
    (section, bytes.fromhex(item["preimage"]))
    for section in BIP143.values()
    for item in section["preimage_sighash"]
]


@pytest.mark.parametrize(("section", "preimage"), PREIMAGES)
def test_bip143_preimage_of_every_type_with_the_script_code_of_p2wpkh(section, preimage):
    # version, hashPrevouts, hashSequence, outpoint; scriptCode; amount, sequence, hashOutputs, locktime, type
    before, after = preimage[:104], preimage[-52:]
    outpoint, amount, kind = before[68:], int.from_bytes(after[:8], "little"), after[48]
    tx, index = next(
        (tx, index)
        for tx in map(Transaction.from_hex, section["unsigned_tx"])
        for index, txin in enumerate(tx.inputs)
        if txin.without_witness().startswith(outpoint)
    )
    prevouts = [txout(0, b"")] * len(tx.inputs)
    prevouts[index] = txout(amount, b"")
    expected = before + b"\x19\x76\xa9\x14" + bytes(range(20)) + b"\x88\xac" + after
    assert SighashCache(tx, prevouts).segwit_v0(index, bytes(range(20)), kind) == double_sha256(expected)


def bip341_cache() -> SighashCache:
    given = BIP341["given"]
    prevouts = [
        txout(spent["amountSats"], bytes.fromhex(spent["scriptPubKey"])) for spent in given["utxosSpent"]
    ]
    return SighashCache(Transaction.from_hex(given["rawUnsignedTx"]), prevouts)


@pytest.mark.parametrize("case", BIP341["inputSpending"], ids=lambda case: str(case["given"]["hashType"]))
def test_bip341_key_path_vector(case):
    digest = bip341_cache().taproot_key_path(case["given"]["txinIndex"], case["given"]["hashType"])
    assert digest.hex() == case["intermediary"]["sigHash"]


outpoints = st.builds(OutPoint, st.binary(min_size=32, max_size=32).map(Txid), st.integers(0, 2**32 - 1))
txins = st.builds(TxIn, outpoints, st.integers(0, 2**32 - 1))
scripts = st.one_of(
    st.binary(min_size=20, max_size=20).map(p2wpkh),
    st.binary(min_size=32, max_size=32).map(p2tr),
    st.binary(max_size=80),
    st.integers(252, 260).map(bytes),  # where the length takes three bytes
)
txouts = st.builds(txout, st.integers(0, MAX_MONEY // 8), scripts)


@st.composite
def transactions(draw):
    inputs = draw(st.lists(txins, min_size=1, max_size=6, unique_by=lambda txin: txin.prevout))
    outputs = draw(st.lists(txouts, min_size=1, max_size=6))
    tx = Transaction(
        tuple(inputs), tuple(outputs), draw(st.integers(0, 2**32 - 1)), draw(st.integers(-(2**31), 2**31 - 1))
    )
    return SighashCache(tx, draw(st.lists(txouts, min_size=len(inputs), max_size=len(inputs))))


def bitcointx_form(cache: SighashCache) -> tuple[CTransaction, list[CTxOut]]:
    spent = [CTxOut(out.value, CScript(out.script_pubkey)) for out in cache.prevouts]
    return CTransaction.deserialize(bytes(cache.tx)), spent


@given(transactions(), st.binary(min_size=20, max_size=20))
@settings(max_examples=25, deadline=None)
def test_segwit_v0_agrees_with_bitcointx_and_btclib_for_every_type(cache, key_hash):
    tx, spent = bitcointx_form(cache)
    other = btclib.tx.Tx.parse(bytes(cache.tx), check_validity=False)
    script_code = b"\x76\xa9\x14" + key_hash + b"\x88\xac"
    for i, out in enumerate(spent):
        for kind in V0_TYPES:
            digest = cache.segwit_v0(i, key_hash, kind)
            assert digest == btclib.script.sig_hash.segwit_v0(script_code, other, i, kind, out.nValue)
            if cache.tx.locktime < 2**31:  # bitcointx packs it as a signed number
                assert digest == SignatureHash(
                    CScript(script_code), tx, i, SIGHASH_Type(kind), out.nValue, SIGVERSION_WITNESS_V0
                )


@given(transactions())
@settings(max_examples=25, deadline=None)
def test_taproot_key_path_agrees_with_bitcointx_and_btclib_for_every_type(cache):
    tx, spent = bitcointx_form(cache)
    other = btclib.tx.Tx.parse(bytes(cache.tx), check_validity=False)
    prevouts = [btclib.tx.TxOut.parse(out.serialize(), check_validity=False) for out in spent]
    for i in range(len(spent)):
        for kind in TAPROOT_TYPES:
            if kind & 3 == SIGHASH_SINGLE and i >= len(cache.tx.outputs):
                with pytest.raises(MalformedError, match="no output that SIGHASH_SINGLE"):
                    cache.taproot_key_path(i, kind)
                continue
            digest = cache.taproot_key_path(i, kind)
            hashtype = SIGHASH_Type(kind) if kind != SIGHASH_DEFAULT else None
            assert digest == SignatureHashSchnorr(tx, i, spent, hashtype=hashtype)
            assert digest == btclib.script.sig_hash.taproot(other, i, prevouts, kind, 0, b"", b"")


def small_cache() -> SighashCache:
    rng = Random(1)
    inputs = tuple(TxIn(OutPoint(Txid(rng.randbytes(32)), i)) for i in range(3))
    prevouts = [txout(1000 * i + 1000, p2tr(rng.randbytes(32))) for i in range(3)]
    return SighashCache(Transaction(inputs, (txout(900, p2wpkh(bytes(20))),)), prevouts)


def test_default_and_all_sign_the_same_but_differ():
    cache = small_cache()
    assert cache.taproot_key_path(0, SIGHASH_DEFAULT) != cache.taproot_key_path(0, SIGHASH_ALL)


def test_digest_of_every_input_commits_to_every_amount_in_taproot_and_to_its_own_in_segwit_v0():
    cache = small_cache()
    prevouts = [*cache.prevouts[:2], txout(cache.prevouts[2].value + 1, cache.prevouts[2].script_pubkey)]
    lied = SighashCache(cache.tx, prevouts)
    assert [cache.taproot_key_path(i) == lied.taproot_key_path(i) for i in range(3)] == [False] * 3
    assert [cache.segwit_v0(i, bytes(20)) == lied.segwit_v0(i, bytes(20)) for i in range(3)] == [
        True,
        True,
        False,
    ]


def test_too_few_or_too_many_prevouts_are_refused():
    cache = small_cache()
    for prevouts in (cache.prevouts[:2], [*cache.prevouts, cache.prevouts[0]]):
        with pytest.raises(MalformedError, match="one spent output for each input"):
            SighashCache(cache.tx, prevouts)


@pytest.mark.parametrize("index", [-1, 3])
def test_input_that_does_not_exist_is_refused(index):
    with pytest.raises(MalformedError, match="no input"):
        small_cache().taproot_key_path(index)
    with pytest.raises(MalformedError, match="no input"):
        small_cache().segwit_v0(index, bytes(20))


def test_every_undefined_type_is_refused():
    cache = small_cache()
    for kind in range(-1, 257):
        if kind not in V0_TYPES:
            with pytest.raises(MalformedError, match="no sighash type"):
                cache.segwit_v0(0, bytes(20), kind)
        if kind not in TAPROOT_TYPES:
            with pytest.raises(MalformedError, match="no sighash type"):
                cache.taproot_key_path(0, kind)
    assert sorted(V0_TYPES) == [1, 2, 3, 0x81, 0x82, 0x83]
    assert sorted(TAPROOT_TYPES) == [0, 1, 2, 3, 0x81, 0x82, 0x83]


def test_key_hash_of_another_length_is_refused():
    with pytest.raises(MalformedError, match="20 bytes"):
        small_cache().segwit_v0(0, bytes(32))
