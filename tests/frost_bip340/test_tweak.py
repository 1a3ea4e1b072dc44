"""Tweaks: BIP-32 derivation, BIP-341 output keys, and their vectors."""

import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

from frost_bip340.tweak import HARDENED, Tweak, TweakContext, derive, output_tweak
from native.curve import ORDER, G, Point, Scalar
from protocol.errors import UsageError

VECTORS = Path(__file__).parents[1] / "vectors"
BIP32 = json.loads((VECTORS / "bip-0032" / "bip32_test_vectors.json").read_text())
BIP86 = json.loads((VECTORS / "bip-0086" / "bip086.json").read_text())
BIP341 = json.loads((VECTORS / "bip-0341" / "wallet-test-vectors.json").read_text())["scriptPubKey"]

ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def base58check(text: str) -> bytes:
    number = 0
    for character in text:
        number = number * 58 + ALPHABET.index(character)
    data = number.to_bytes(82, "big")
    assert hashlib.sha256(hashlib.sha256(data[:-4]).digest()).digest()[:4] == data[-4:]
    return data[:-4]


def xpub(text: str) -> tuple[Point, bytes]:
    """Return key and chain code of an extended public key (BIP-32, serialization format)."""
    data = base58check(text)
    return Point.from_bytes(data[45:]), data[13:45]


def public_steps() -> list[tuple[str, str, list[int]]]:
    """Return parent, child and path for every descent of the vectors that needs no private key."""
    steps = []
    for nodes in BIP32.values():
        keys = {path: public for path, public, _ in nodes}
        for path, public in keys.items():
            parent, _, last = path.rpartition("/")
            if last.isdigit():
                steps.append((keys[parent], public, [int(last)]))
    return steps


@pytest.mark.parametrize(("parent", "child", "path"), public_steps())
def test_bip32_vector(parent, child, path):
    derived = derive(*xpub(parent), path)
    assert (derived.public_key, derived.chain_code) == xpub(child)


def test_bip32_vectors_were_found():
    assert len(public_steps()) == 6


@pytest.mark.parametrize("case", BIP86["cases"][1:], ids=lambda case: case["path"])
def test_bip86_vector(case):
    account = xpub(BIP86["cases"][0]["xpub"])
    path = [int(index) for index in case["path"].split("/")[4:]]
    child = derive(*account, path)
    assert child.public_key.x_bytes.hex() == case["internal_key"]
    context = TweakContext.of(account[0], [*child.tweaks, output_tweak(child.public_key, None)])
    assert context.Q.x_bytes.hex() == case["output_key"]


@pytest.mark.parametrize("case", BIP341, ids=range(len(BIP341)))
def test_bip341_output_key_vector(case):
    internal_key = Point.lift_x(bytes.fromhex(case["given"]["internalPubkey"]))
    root = case["intermediary"]["merkleRoot"]
    tweak = output_tweak(internal_key, None if root is None else bytes.fromhex(root))
    assert bytes(tweak.value).hex() == case["intermediary"]["tweak"]
    assert TweakContext.of(internal_key, [tweak]).Q.x_bytes.hex() == case["intermediary"]["tweakedPubkey"]


def test_hardened_index_is_refused():
    with pytest.raises(UsageError, match="hardened"):
        derive(G, bytes(32), [0, HARDENED])
    with pytest.raises(UsageError, match="hardened"):
        derive(G, bytes(32), [-1])


@pytest.mark.parametrize("length", [0, 31, 33])
def test_wrong_lengths_are_refused(length):
    with pytest.raises(UsageError, match="32 bytes"):
        Tweak.from_bytes(bytes(length), is_xonly=True)
    with pytest.raises(UsageError, match="32 bytes"):
        output_tweak(G, bytes(length))
    with pytest.raises(UsageError, match="32 bytes"):
        derive(G, bytes(length), [])


@pytest.mark.parametrize("value", [ORDER, ORDER + 1, 2**256 - 1])
def test_tweak_not_below_the_order_is_refused(value):
    with pytest.raises(UsageError):
        Tweak.from_bytes(value.to_bytes(32, "big"), is_xonly=False)


@pytest.mark.parametrize("is_xonly", [False, True])
def test_tweak_to_infinity_is_refused(is_xonly):
    with pytest.raises(UsageError, match="infinity"):
        TweakContext.of(G, [Tweak(Scalar(ORDER - 1), is_xonly)])


def test_no_script_is_another_output_than_an_empty_root():
    assert output_tweak(G, None) != output_tweak(G, bytes(32))


tweak_lists = st.lists(
    st.builds(Tweak, st.builds(Scalar, st.integers(0, ORDER - 1)), st.booleans()), max_size=6
)


@given(st.integers(1, ORDER - 1), tweak_lists)
def test_accumulators_lead_from_the_threshold_key_to_the_tweaked_key(secret, tweaks):
    thresh_pk = Scalar(secret) * G
    try:
        context = TweakContext.of(thresh_pk, tweaks)
    except UsageError:
        reject()
    assert context.gacc.value in {1, ORDER - 1}
    assert context.gacc * thresh_pk + context.tacc * G == context.Q
    # plain Python, on secrets: an x-only tweak takes the even one of x and -x
    for tweak in tweaks:
        if tweak.is_xonly and not (Scalar(secret) * G).has_even_y:
            secret = -secret % ORDER
        secret = (secret + tweak.value.value) % ORDER
    assert Scalar(secret) * G == context.Q
    assert (context.sign == context.gacc) == context.Q.has_even_y
