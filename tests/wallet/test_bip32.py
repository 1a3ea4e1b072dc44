"""Extended public keys against the vectors of BIP-32 and BIP-84, and bdkpython."""

import hashlib
import hmac
import json
from pathlib import Path

import bdkpython as bdk
import pytest
from bitcointx.base58 import B58_DIGITS, CBase58Data
from coincurve import PublicKey
from hypothesis import given
from hypothesis import strategies as st

from wallet import bip32
from wallet.bip32 import HARDENED, ExtendedKey, hash160
from wallet.errors import MalformedError, NetworkMismatchError
from wallet.network import MAINNET, NETWORKS, REGTEST, SIGNET, TESTNET4

from .accounts import master

VECTORS = Path(__file__).parents[1] / "vectors"
BIP32 = json.loads((VECTORS / "bip-0032" / "bip32_test_vectors.json").read_text())
INVALID = json.loads((VECTORS / "bip-0032" / "bip32_invalid_keys.json").read_text())

PUBLIC = [public for nodes in BIP32.values() for _, public, _ in nodes]
PRIVATE = [private for nodes in BIP32.values() for _, _, private in nodes]
indices = st.integers(0, HARDENED - 1)


def public_steps():
    """Yield parent, child and index for each step of the vectors that needs no private key."""
    for nodes in BIP32.values():
        keys = {path: public for path, public, _ in nodes}
        for path, public in keys.items():
            parent, _, last = path.rpartition("/")
            if last.isdigit():
                yield keys[parent], public, int(last)


@pytest.mark.parametrize(("parent", "child", "index"), list(public_steps()))
def test_public_derivation_vector(parent, child, index):
    assert ExtendedKey.parse(parent, MAINNET).derive([index]).text(MAINNET) == child


@pytest.mark.parametrize("text", PUBLIC)
def test_vector_is_written_as_it_was_read(text):
    assert ExtendedKey.parse(text, MAINNET).text(MAINNET) == text


@pytest.mark.parametrize("text", PRIVATE)
def test_private_key_is_refused_and_not_repeated(text):
    with pytest.raises(MalformedError, match="private key") as refusal:
        ExtendedKey.parse(text, MAINNET)
    assert text[10:20] not in str(refusal.value)


@pytest.mark.parametrize(("text", "reason"), INVALID)
def test_invalid_vector_is_refused(text, reason):
    with pytest.raises(MalformedError):
        ExtendedKey.parse(text, MAINNET)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no extended key"),
        ("xpub", "no extended key"),
        (PUBLIC[0][:-1] + "9", "typo"),
        (PUBLIC[0] + "1", "typo"),
        ("1" * 113, "at most 112 characters"),
        (str(CBase58Data.from_bytes(MAINNET.xpub + bytes(73))), "78 bytes"),
        (str(CBase58Data.from_bytes(bytes(78))), "unknown version"),
        (PUBLIC[0].replace("x", "l", 1), "no extended key"),
    ],
)
def test_refusal_names_the_reason(text, message):
    with pytest.raises(MalformedError, match=message):
        ExtendedKey.parse(text, MAINNET)


def test_zpub_is_refused_with_a_hint():
    zpub = json.loads((VECTORS / "bip-0084" / "bip084.json").read_text())["rootpub"]
    with pytest.raises(MalformedError, match="unknown version") as refusal:
        ExtendedKey.parse(zpub, MAINNET)
    assert "zpub" in refusal.value.hint


def test_key_of_another_network_is_refused_by_name():
    with pytest.raises(NetworkMismatchError, match="is of mainnet, the wallet is on signet"):
        ExtendedKey.parse(master().text(MAINNET), SIGNET)
    with pytest.raises(NetworkMismatchError, match="is of testnet4 or signet or regtest"):
        ExtendedKey.parse(master().text(REGTEST), MAINNET)


def test_test_networks_share_their_keys():
    text = master().text(REGTEST)
    assert text.startswith("tpub")
    assert ExtendedKey.parse(text, TESTNET4) == ExtendedKey.parse(text, SIGNET) == master()


@pytest.mark.parametrize("index", [-1, HARDENED, HARDENED + 1, 1 << 32])
def test_hardened_and_impossible_indices_are_refused(index):
    with pytest.raises(MalformedError, match="hardened"):
        master().derive([index])


def test_index_without_a_key_is_refused(monkeypatch):
    monkeypatch.setattr(hmac, "digest", lambda *_: b"\xff" * 64)
    with pytest.raises(MalformedError, match="take the next one"):
        master().derive([0])


def test_depth_ends_at_255():
    key = ExtendedKey(master().key, bytes(32), 254, bytes(4), 1).derive([0])
    assert ExtendedKey.parse(key.text(MAINNET), MAINNET) == key
    with pytest.raises(MalformedError, match="depth"):
        key.derive([0])


@pytest.mark.parametrize(
    "fields",
    [
        (b"\x02" * 32, bytes(32)),
        (master().key, bytes(31)),
        (master().key, bytes(32), 1, bytes(3)),
        (master().key, bytes(32), 1, bytes(5)),
        (master().key, bytes(32), -1),
        (master().key, bytes(32), 256, bytes(4), 1),
        (master().key, bytes(32), 1, bytes(4), 1 << 32),
        (master().key, bytes(32), 0, b"\1" * 4),
        (master().key, bytes(32), 0, bytes(4), 1),
        (b"\x02" + b"\xff" * 32, bytes(32)),
        (b"\x04" + master().key[1:], bytes(32)),
        (PublicKey(master().key).format(compressed=False), bytes(32)),
        (b"\x02" + bytes(32), bytes(32)),
    ],
)
def test_field_that_does_not_fit_is_refused(fields):
    with pytest.raises(MalformedError):
        ExtendedKey(*fields)


@given(
    st.integers(1, 155), st.lists(indices, min_size=1, max_size=4), st.sampled_from(list(NETWORKS.values()))
)
def test_bdk_derives_the_same_keys(seed, path, network):
    root, key = master(seed).text(network), master(seed).derive(path)
    steps = bdk.DerivationPath("m/" + "/".join(map(str, path)))
    theirs = bdk.DescriptorPublicKey.from_string(root).derive(steps)
    assert str(theirs).split("]")[1] == key.text(network)
    assert ExtendedKey.parse(key.text(network), network) == key


@given(st.lists(indices, max_size=3), st.lists(indices, max_size=3))
def test_derivation_goes_step_by_step(first, second):
    assert master().derive(first).derive(second) == master().derive([*first, *second])


@given(st.data())
def test_one_changed_character_never_parses(data):
    text = master().text(MAINNET)
    at = data.draw(st.integers(0, len(text) - 1))
    changed = text[:at] + data.draw(st.sampled_from(B58_DIGITS)) + text[at + 1 :]
    if changed != text:
        with pytest.raises(MalformedError):
            ExtendedKey.parse(changed, MAINNET)


@given(st.binary(max_size=100))
def test_hash160_is_the_same_without_openssl(data):
    expected = hash160(data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bip32, "_OPENSSL_HAS_RIPEMD160", False)
        assert hash160(data) == expected


def test_missing_ripemd160_is_noticed(monkeypatch):
    def missing(name):
        raise ValueError(name)

    monkeypatch.setattr(hashlib, "new", missing)
    assert bip32._openssl_has_ripemd160() is False


def test_hash160_of_the_generator():
    generator = bytes.fromhex("0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798")
    assert hash160(generator).hex() == "751e76e8199196d454941c45d1b3a323f1433bd6"
