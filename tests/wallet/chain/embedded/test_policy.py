"""The rules of relay that the embedded mempool keeps beyond those of consensus, one by one."""

from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from bitcointx.core import CTransaction
from bitcointx.core.script import SIGVERSION_WITNESS_V0, CScript
from coincurve import PrivateKey, PublicKey

from native.hashing import tagged_hash
from tests.wallet.chain.embedded.rig import NOBODY, EmbeddedRig
from tests.wallet.chain.purse import Coin, Key, Purse, high_s, outputs_of, spend, with_witness
from wallet.amounts import Sats
from wallet.bip32 import hash160
from wallet.chain.embedded.backend import EmbeddedChain
from wallet.errors import ChainRefusedError
from wallet.script import ScriptType, p2tr
from wallet.tx import OutPoint, Transaction, TxIn, TxOut, double_sha256

OP_1 = b"\x51"
SECRET = PrivateKey(b"\x01" * 32)
PUBLIC = SECRET.public_key.format()


def refusal(rig: EmbeddedRig, *package: Transaction) -> str:
    with pytest.raises(ChainRefusedError) as caught:
        rig.chain.broadcast(package)
    return caught.value.reason


def some_coin(rig: EmbeddedRig, value: int = 1_000_000) -> Coin:
    return rig.fund(Purse(ScriptType.P2TR).key(), value=value)[0]


def with_script_sig(tx: Transaction, script: bytes) -> Transaction:
    return replace(tx, inputs=(replace(tx.inputs[0], script_sig=script), *tx.inputs[1:]))


def pay_to(rig: EmbeddedRig, script: bytes, value: int = 100_000) -> Coin:
    """Return a confirmed coin of any script, whose key signs nothing that fits it."""
    key = Key(SECRET, ScriptType.NONSTANDARD, script)
    tx = spend([some_coin(rig)], (value, script), (0, NOBODY))
    rig.chain.broadcast([tx])
    rig.mine()
    return outputs_of(tx, [key])[0]


def unsigned(coins: Sequence[Coin], fee: int = 1_000) -> Transaction:
    value = sum(coin.out.value for coin in coins) - fee
    return Transaction(tuple(TxIn(coin.prevout) for coin in coins), (TxOut(Sats(value), NOBODY),))


def push(data: bytes) -> bytes:
    return bytes([len(data)]) + data if len(data) < 76 else b"\x4c" + bytes([len(data)]) + data


# form


@pytest.mark.parametrize("version", [-1, 0, 4])
def test_other_versions_than_1_to_3_are_refused(rig: EmbeddedRig, version: int) -> None:
    assert refusal(rig, spend([some_coin(rig)], (0, NOBODY), version=version)) == "version"


def test_version_1_is_taken_and_its_sequence_is_no_lock(rig: EmbeddedRig) -> None:
    rig.chain.broadcast([spend([some_coin(rig)], (0, NOBODY), version=1, sequence=100)])


def test_a_disabled_sequence_is_no_lock(rig: EmbeddedRig) -> None:
    rig.chain.broadcast([spend([some_coin(rig)], (0, NOBODY), sequence=1 << 31 | 100)])


def test_a_transaction_heavier_than_400_000_is_refused(rig: EmbeddedRig) -> None:
    script = p2tr(b"\x02" * 32)
    coin = some_coin(rig, 10_000_000)
    heavy = spend([coin], *[(1_000, script)] * 2_400, fee=200_000)
    assert heavy.weight > 400_000
    assert refusal(rig, heavy) == "tx-size"
    rig.chain.broadcast([spend([coin], *[(1_000, script)] * 2_300, fee=200_000)])


def test_a_long_input_script_is_refused(rig: EmbeddedRig) -> None:
    tx = spend([some_coin(rig)], (0, NOBODY))
    assert refusal(rig, with_script_sig(tx, b"\x00" * 1651)) == "scriptsig-size"
    assert refusal(rig, with_script_sig(tx, b"\x00" * 1650)) != "scriptsig-size"


@pytest.mark.parametrize("script", [b"\x61", b"\x05\x00"])
def test_an_input_script_that_does_more_than_push_is_refused(rig: EmbeddedRig, script: bytes) -> None:
    tx = spend([some_coin(rig)], (0, NOBODY))
    assert refusal(rig, with_script_sig(tx, script)) == "scriptsig-not-pushonly"


def test_data_is_relayed_up_to_83_bytes_once(rig: EmbeddedRig) -> None:
    coin = some_coin(rig)
    longest = b"\x6a\x4c\x50" + bytes(80)
    assert refusal(rig, spend([coin], (0, longest + b"\x00"), (0, NOBODY))) == "scriptpubkey"
    assert refusal(rig, spend([coin], (0, b"\x6a\x61"), (0, NOBODY))) == "scriptpubkey"
    assert refusal(rig, spend([coin], (0, longest), (0, b"\x6a"), (0, NOBODY))) == "multi-op-return"
    rig.chain.broadcast([spend([coin], (0, longest), (0, NOBODY))])


@pytest.mark.parametrize(
    "script", [b"\x6a", b"\x51\x02\x4e\x73", b"\x60\x02\x00\x00", b"\x00\x20" + bytes(32)]
)
def test_standard_outputs_are_taken(rig: EmbeddedRig, script: bytes) -> None:
    rig.chain.broadcast([spend([some_coin(rig)], (5_000, script), (0, NOBODY))])


@pytest.mark.parametrize("script", [b"", b"\x21" + PUBLIC + b"\xac", b"\x00\x13" + bytes(19)])
def test_other_outputs_are_refused(rig: EmbeddedRig, script: bytes) -> None:
    assert refusal(rig, spend([some_coin(rig)], (5_000, script), (0, NOBODY))) == "scriptpubkey"


# coins


@pytest.mark.parametrize("script", [b"\x52\x02\x00\x00", b"\x51\x03\x00\x00\x00"])
def test_a_witness_program_of_the_future_is_not_spent(rig: EmbeddedRig, script: bytes) -> None:
    assert refusal(rig, unsigned([pay_to(rig, script)])) == "bad-txns-nonstandard-inputs"


def test_a_coin_of_a_bare_script_is_not_spent(rig: EmbeddedRig) -> None:
    (block,) = rig.chain.mine(1, OP_1)
    rig.mine(100)
    coinbase = rig.coinbase(block)
    coin = Coin(OutPoint(coinbase.txid, 0), coinbase.outputs[0], Purse(ScriptType.P2TR).key())
    assert refusal(rig, unsigned([coin])) == "bad-txns-nonstandard-inputs"


def test_an_anchor_is_spent_without_a_witness(rig: EmbeddedRig) -> None:
    tx = unsigned([pay_to(rig, b"\x51\x02\x4e\x73")])
    assert refusal(rig, with_witness(tx, 0, b"\x00")) == "bad-witness-nonstandard"
    rig.chain.broadcast([tx])


# P2WPKH


def sign_v0(secret: PrivateKey, tx: Transaction, code: bytes, value: int, hash_type: int = 1) -> bytes:
    parsed = CTransaction.deserialize(tx.without_witness())
    digest = CScript(code).sighash(parsed, 0, hash_type, amount=value, sigversion=SIGVERSION_WITNESS_V0)
    return secret.sign(digest, hasher=None) + bytes([hash_type])


def sign_v0_oddly(tx: Transaction, value: int, hash_type: int) -> bytes:
    """Sign as sign_v0 does for one input and a type that commits to all outputs (BIP-143), known or not."""
    (txin,) = tx.inputs
    prevout = txin.prevout.txid + txin.prevout.index.to_bytes(4, "little")
    sequence = txin.sequence.to_bytes(4, "little")
    alone = hash_type & 0x80
    serialised = tx.without_witness()
    digest = double_sha256(
        serialised[:4]
        + (bytes(64) if alone else double_sha256(prevout) + double_sha256(sequence))
        + prevout
        + push(p2pkh(PUBLIC))
        + value.to_bytes(8, "little")
        + sequence
        + double_sha256(serialised[4 + 1 + 41 + 1 : -4])
        + serialised[-4:]
        + hash_type.to_bytes(4, "little")
    )
    return SECRET.sign(digest, hasher=None) + bytes([hash_type])


def p2pkh(key: bytes) -> bytes:
    return b"\x76\xa9\x14" + hash160(key) + b"\x88\xac"


@pytest.mark.parametrize("hash_type", [0, 4, 0x41, 0x80])
def test_an_unknown_hash_type_is_refused(rig: EmbeddedRig, hash_type: int) -> None:
    coin = rig.fund(Key(SECRET, ScriptType.P2WPKH, b"\x00\x14" + hash160(PUBLIC)))[0]
    tx = unsigned([coin])
    signature = sign_v0_oddly(tx, coin.out.value, hash_type)
    assert "hash type" in refusal(rig, with_witness(tx, 0, signature, PUBLIC))


@pytest.mark.parametrize("hash_type", [1, 2, 3, 0x81, 0x82, 0x83])
def test_known_hash_types_are_taken(rig: EmbeddedRig, hash_type: int) -> None:
    coin = rig.fund(Key(SECRET, ScriptType.P2WPKH, b"\x00\x14" + hash160(PUBLIC)))[0]
    tx = unsigned([coin])
    signature = sign_v0(SECRET, tx, p2pkh(PUBLIC), coin.out.value, hash_type)
    rig.chain.broadcast([with_witness(tx, 0, signature, PUBLIC)])


def test_the_reason_names_high_s_and_the_uncompressed_key(rig: EmbeddedRig) -> None:
    (coin,) = rig.fund(Purse(ScriptType.P2WPKH).key())
    tx = spend([coin], (0, NOBODY))
    signature, key = tx.inputs[0].witness
    assert refusal(rig, with_witness(tx, 0, high_s(signature), key)) == (
        "mempool-script-verify-flag-failed (Non-canonical signature: S value is unnecessarily high)"
    )
    uncompressed = SECRET.public_key.format(compressed=False)
    (coin,) = rig.fund(Key(SECRET, ScriptType.P2WPKH, b"\x00\x14" + hash160(uncompressed)))
    tx = unsigned([coin])
    signature = sign_v0(SECRET, tx, p2pkh(uncompressed), coin.out.value)
    assert refusal(rig, with_witness(tx, 0, signature, uncompressed)) == (
        "mempool-script-verify-flag-failed (Using non-compressed keys in segwit)"
    )


# scripts: P2PKH, P2SH, P2WSH


def legacy_signature(tx: Transaction, script: bytes) -> bytes:
    digest = CScript(script).sighash(CTransaction.deserialize(tx.without_witness()), 0, 1)
    return SECRET.sign(digest, hasher=None) + b"\x01"


def test_p2pkh_is_spent_with_low_s_only(rig: EmbeddedRig) -> None:
    coin = pay_to(rig, p2pkh(PUBLIC))
    tx = unsigned([coin])
    signature = legacy_signature(tx, p2pkh(PUBLIC))
    high = with_script_sig(tx, push(high_s(signature)) + push(PUBLIC))
    assert refusal(rig, high).startswith("mempool-script-verify-flag-failed (")
    good = with_script_sig(tx, push(signature) + push(PUBLIC))
    assert refusal(rig, with_witness(good, 0, b"\x01")) == "bad-witness-nonstandard"
    rig.chain.broadcast([good])


def test_nested_p2wpkh_is_spent(rig: EmbeddedRig) -> None:
    redeem = b"\x00\x14" + hash160(PUBLIC)
    coin = pay_to(rig, b"\xa9\x14" + hash160(redeem) + b"\x87")
    tx = with_script_sig(unsigned([coin]), push(redeem))
    signature = sign_v0(SECRET, tx, p2pkh(PUBLIC), coin.out.value)
    assert "low-S" in refusal(rig, with_witness(tx, 0, high_s(signature), PUBLIC))
    rig.chain.broadcast([with_witness(tx, 0, signature, PUBLIC)])


def test_p2sh_with_many_signature_operations_is_refused(rig: EmbeddedRig) -> None:
    def spent_with(redeem: bytes) -> Transaction:
        coin = pay_to(rig, b"\xa9\x14" + hash160(redeem) + b"\x87")
        return with_script_sig(unsigned([coin]), push(redeem))

    dead = b"\x00\x63" + b"\xac" * 15  # OP_0 OP_IF 15 OP_CHECKSIG
    assert refusal(rig, spent_with(dead + b"\xac\x68\x51")) == "bad-txns-nonstandard-inputs"
    rig.chain.broadcast([spent_with(dead + b"\x68\x51")])


def p2wsh(script: bytes) -> bytes:
    return b"\x00\x20" + sha256(script).digest()


def test_p2wsh_is_spent_with_the_flags_of_relay(rig: EmbeddedRig) -> None:
    script = push(PUBLIC) + b"\xac"
    coin = pay_to(rig, p2wsh(script))
    tx = unsigned([coin])
    signature = sign_v0(SECRET, tx, script, coin.out.value)
    assert "low-S" in refusal(rig, with_witness(tx, 0, high_s(signature), script))
    rig.chain.broadcast([with_witness(tx, 0, signature, script)])


def test_a_multisig_is_spent(rig: EmbeddedRig) -> None:
    script = b"\x52" + push(PUBLIC) + push(PUBLIC) + b"\x52\xae"
    coin = pay_to(rig, p2wsh(script))
    tx = unsigned([coin])
    signature = sign_v0(SECRET, tx, script, coin.out.value)
    assert refusal(rig, with_witness(tx, 0, b"", signature, high_s(signature), script)).endswith("low-S)")
    rig.chain.broadcast([with_witness(tx, 0, b"", signature, signature, script)])


@pytest.mark.parametrize(
    ("script", "items"),
    [
        (b"\x75\x51", [bytes(81)]),  # OP_DROP OP_1 with an item of 81 bytes
        (b"\x6d" * 50 + b"\x75\x51", [b""] * 101),  # OP_2DROP: 101 items
        (b"\x51" + (b"\x4d\x08\x02" + bytes(520) + b"\x75") * 7, []),  # 3669 bytes
    ],
    ids=["item", "items", "script"],
)
def test_a_large_p2wsh_witness_is_refused(rig: EmbeddedRig, script: bytes, items: list[bytes]) -> None:
    tx = unsigned([pay_to(rig, p2wsh(script))], fee=20_000)
    assert refusal(rig, with_witness(tx, 0, *items, script)) == "bad-witness-nonstandard"


@pytest.mark.parametrize(
    ("script", "items"),
    [
        (b"\x75\x51", [bytes(80)]),
        (b"\x6d" * 50 + b"\x51", [b""] * 100),
        (b"\x51" + (b"\x4d\x08\x02" + bytes(520) + b"\x75") * 6, []),
    ],
    ids=["item", "items", "script"],
)
def test_a_p2wsh_witness_at_its_limit_is_taken(rig: EmbeddedRig, script: bytes, items: list[bytes]) -> None:
    tx = unsigned([pay_to(rig, p2wsh(script))], fee=20_000)
    rig.chain.broadcast([with_witness(tx, 0, *items, script)])


def test_signature_operations_count_as_size_and_are_limited(rig: EmbeddedRig) -> None:
    # 190 unexecuted OP_CHECKMULTISIG count as 20 each: 3800, of which each counts as 20 weight units
    script = b"\x00\x63" + b"\xae" * 190 + b"\x68\x51"
    coins = [pay_to(rig, p2wsh(script)) for _ in range(5)]
    one = with_witness(unsigned(coins[:1], fee=19_000), 0, script)
    assert rig.chain.test([one])[0].vsize == 3_800 * 20 // 4
    assert refusal(rig, with_witness(unsigned(coins[:1], fee=18_999), 0, script)) == "min relay fee not met"
    five = unsigned(coins, fee=100_000)
    five = five.with_witnesses(((script,),) * 5)
    assert refusal(rig, five) == "bad-txns-too-many-sigops"
    rig.chain.broadcast([one])


# Taproot scripts


def tapscript(rig: EmbeddedRig, script: bytes, version: int = 0xC0) -> tuple[Transaction, bytes]:
    """Return an unsigned spend of a script path, and its control block."""
    leaf = tagged_hash("TapLeaf", bytes([version]), push(script))
    Q = PublicKey(b"\x02" + PUBLIC[1:]).add(tagged_hash("TapTweak", PUBLIC[1:], leaf)).format()
    coin = pay_to(rig, p2tr(Q[1:]))
    return unsigned([coin]), bytes([version | Q[0] & 1]) + PUBLIC[1:]


def test_a_tapscript_is_spent(rig: EmbeddedRig) -> None:
    tx, control = tapscript(rig, OP_1)
    assert "script-verify-flag" in refusal(rig, with_witness(tx, 0, b"\x52", control))
    assert refusal(rig, with_witness(tx, 0, OP_1, control, b"\x50")) == "bad-witness-nonstandard"
    rig.chain.broadcast([with_witness(tx, 0, OP_1, control)])


def test_a_large_item_of_a_tapscript_is_refused(rig: EmbeddedRig) -> None:
    script = b"\x75\x51"
    tx, control = tapscript(rig, script)
    assert refusal(rig, with_witness(tx, 0, bytes(81), script, control)) == "bad-witness-nonstandard"
    rig.chain.broadcast([with_witness(tx, 0, bytes(80), script, control)])


def test_an_empty_control_block_is_refused(rig: EmbeddedRig) -> None:
    tx, _ = tapscript(rig, OP_1)
    assert refusal(rig, with_witness(tx, 0, OP_1, b"")) == "bad-witness-nonstandard"


def test_a_leaf_version_of_the_future_is_refused(rig: EmbeddedRig) -> None:
    tx, control = tapscript(rig, OP_1, version=0xC2)
    assert "soft-fork" in refusal(rig, with_witness(tx, 0, OP_1, control))


# what is known, missing or locked


def test_another_witness_of_a_known_transaction_is_known(rig: EmbeddedRig) -> None:
    tx = spend([some_coin(rig)], (0, NOBODY))
    rig.chain.broadcast([tx])
    other = with_witness(tx, 0, bytes(64))
    assert rig.reason(other) == "txn-same-nonwitness-data-in-mempool"
    rig.chain.broadcast([other])


def test_a_parents_output_that_does_not_exist_is_missing(rig: EmbeddedRig) -> None:
    key = Purse(ScriptType.P2TR).key()
    parent = spend(rig.fund(key), (0, key.script))
    rig.chain.broadcast([parent])
    (coin,) = outputs_of(parent, [key])
    beyond = replace(coin, prevout=OutPoint(parent.txid, 1))
    assert rig.reason(spend([beyond], (0, NOBODY))) == "missing-inputs"


def test_a_relative_lock_on_an_unconfirmed_coin_waits_for_its_block(rig: EmbeddedRig) -> None:
    key = Purse(ScriptType.P2TR).key()
    parent = spend(rig.fund(key), (0, key.script))
    rig.chain.broadcast([parent])
    coins = outputs_of(parent, [key])
    assert rig.reason(spend(coins, (0, NOBODY), sequence=0)) is None
    assert rig.reason(spend(coins, (0, NOBODY), sequence=1)) == "non-BIP68-final"
    assert rig.reason(spend(coins, (0, NOBODY), sequence=1 << 22 | 1)) == "non-BIP68-final"


def test_time_locks_open_when_the_median_time_reaches_them(tmp_path: Path) -> None:
    now = 1_600_000_000
    with EmbeddedChain(tmp_path, clock=lambda: now) as chain:
        key = Purse(ScriptType.P2TR).key()
        (block, *_) = chain.mine(101, key.script)
        tx = spend(
            outputs_of(chain.transactions(block.height)[0], [key]), (50_000, key.script), (0, key.script)
        )
        chain.broadcast([tx])
        chain.mine(1, NOBODY)
        one, two = outputs_of(tx, [key])
        # 90 units of 512 seconds after the median time before the coin's block
        opens = chain._index.median_time(chain.tip().height - 1) + 90 * 512
        relative = spend([one], (0, NOBODY), sequence=1 << 22 | 90)
        absolute = spend([two], (0, NOBODY), locktime=opens - 1)
        now = opens - 1
        chain.mine(6, NOBODY)  # of eleven blocks: the median is now
        assert chain.test([relative])[0].reason == "non-BIP68-final"
        assert chain.test([absolute])[0].reason == "non-final"
        now = opens
        chain.mine(5, NOBODY)
        assert chain.test([relative])[0].reason == "non-BIP68-final"
        chain.mine(1, NOBODY)
        chain.broadcast([relative, absolute])
        (block,) = chain.mine(1, NOBODY)
        assert len(chain.transactions(block.height)) == 3
