"""Output keys against the vectors of BIP-341 and BIP-86, and btclib."""

import json
from pathlib import Path

import pytest
from btclib.script.taproot import output_pubkey_from_merkle_root_var
from hypothesis import given
from hypothesis import strategies as st

from wallet import address
from wallet.errors import MalformedError
from wallet.network import MAINNET
from wallet.script import p2tr
from wallet.taproot import output_key

from .accounts import master

VECTORS = Path(__file__).parents[1] / "vectors"
BIP341 = json.loads((VECTORS / "bip-0341" / "wallet-test-vectors.json").read_text())["scriptPubKey"]
BIP86 = json.loads((VECTORS / "bip-0086" / "bip086.json").read_text())["cases"][1:]


@pytest.mark.parametrize("case", BIP341, ids=lambda case: case["expected"]["bip350Address"])
def test_bip341_vector(case):
    root = bytes.fromhex(case["intermediary"]["merkleRoot"] or "")
    key = output_key(bytes.fromhex(case["given"]["internalPubkey"]), root)
    assert key.hex() == case["intermediary"]["tweakedPubkey"]
    assert p2tr(key).hex() == case["expected"]["scriptPubKey"]
    assert address.encode(p2tr(key), MAINNET) == case["expected"]["bip350Address"]


@pytest.mark.parametrize("case", BIP86, ids=lambda case: case["path"])
def test_bip86_vector(case):
    key = output_key(bytes.fromhex(case["internal_key"]))
    assert key.hex() == case["output_key"]
    assert address.encode(p2tr(key), MAINNET) == case["address"]


@given(st.integers(1, 155), st.sampled_from([b"", b"\x07" * 32]))
def test_btclib_agrees(seed, root):
    internal = master(seed).key[1:]
    assert output_key(internal, root) == output_pubkey_from_merkle_root_var(internal, root)[0]


@pytest.mark.parametrize("key", [b"", bytes(31), bytes(32), b"\xff" * 32, master().key])
def test_internal_key_that_is_no_point_is_refused(key):
    with pytest.raises(MalformedError, match="internal key"):
        output_key(key)


@pytest.mark.parametrize("root", [bytes(1), bytes(31), bytes(33)])
def test_merkle_root_of_another_length_is_refused(root):
    with pytest.raises(MalformedError, match="merkle root"):
        output_key(master().key[1:], root)
