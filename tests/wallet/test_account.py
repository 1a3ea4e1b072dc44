"""Accounts against the vectors of BIP-84 and BIP-86, and bdkpython."""

import json
from pathlib import Path

import bdkpython as bdk
import pytest
from bitcointx.base58 import CBase58Data
from hypothesis import given
from hypothesis import strategies as st

from tests.timing import least_seconds
from wallet import address
from wallet.account import Account, Branch, KeyPath, output_script
from wallet.bip32 import HARDENED, ExtendedKey, hash160
from wallet.descriptor import Descriptor
from wallet.errors import MalformedError
from wallet.network import MAINNET, REGTEST
from wallet.script import ScriptType, p2wpkh

from .accounts import BIRTH, account, master

VECTORS = Path(__file__).parents[1] / "vectors"
BIP84 = json.loads((VECTORS / "bip-0084" / "bip084.json").read_text())["cases"]
BIP86 = json.loads((VECTORS / "bip-0086" / "bip086.json").read_text())["cases"]

KINDS = [ScriptType.P2WPKH, ScriptType.P2TR]
CASES = [(kind, vectors[0]["xpub"], case) for kind, vectors in zip(KINDS, (BIP84, BIP86), strict=True)
         for case in vectors[1:]]  # fmt: skip


def as_root(xpub: str) -> ExtendedKey:
    """Return the key of an extended key of any version as if it had no parent."""
    data = bytes(CBase58Data(xpub))
    return ExtendedKey(data[45:], data[13:45])


@pytest.mark.parametrize(("kind", "xpub", "case"), CASES, ids=[case["path"] for _, _, case in CASES])
def test_bip84_and_bip86_vectors(kind, xpub, case):
    wallet = Account("", kind, as_root(xpub), MAINNET, BIRTH)
    path = KeyPath(*map(int, case["path"].split("/")[-2:]))
    assert address.encode(wallet.script(path), MAINNET) == case["address"]
    if "pubkey" in case:
        assert wallet.public_key(path).hex() == case["pubkey"]
    else:
        assert wallet.public_key(path)[1:].hex() == case["internal_key"]


@pytest.mark.parametrize("kind", KINDS)
def test_bdk_wallet_shows_the_same_addresses(kind):
    wallet = account(kind, REGTEST, seed=9)
    theirs = bdk.Wallet.create_from_two_path_descriptor(
        bdk.Descriptor(Descriptor.of(wallet).text(), bdk.NetworkKind.TEST),
        bdk.Network.REGTEST,
        bdk.Persister.new_in_memory(),
    )
    keychains = {Branch.RECEIVE: bdk.KeychainKind.EXTERNAL, Branch.CHANGE: bdk.KeychainKind.INTERNAL}
    for branch, keychain in keychains.items():
        for path, script in wallet.scripts(branch, 0, 25):
            shown = str(theirs.peek_address(keychain, path.index).address)
            assert shown == address.encode(script, REGTEST)


@given(st.sampled_from(KINDS), st.sampled_from(Branch), st.integers(0, HARDENED - 6))
def test_scripts_of_a_range_are_those_of_its_paths(kind, branch, start):
    wallet = account(kind)
    for path, script in wallet.scripts(branch, start, start + 5):
        assert script == wallet.script(path) == output_script(kind, wallet.public_key(path))


def test_p2wpkh_pays_the_hash_of_the_key():
    wallet, path = account(ScriptType.P2WPKH), KeyPath(Branch.CHANGE, 3)
    assert wallet.script(path) == p2wpkh(hash160(master().derive([1, 3]).key))


def test_last_index_is_the_last():
    wallet = account(ScriptType.P2TR)
    assert len(list(wallet.scripts(Branch.RECEIVE, HARDENED - 1, HARDENED))) == 1
    with pytest.raises(MalformedError):
        list(wallet.scripts(Branch.RECEIVE, HARDENED - 1, HARDENED + 1))
    with pytest.raises(MalformedError):
        list(wallet.scripts(Branch.RECEIVE, -1, 1))


@pytest.mark.parametrize("index", [-1, HARDENED])
def test_path_out_of_range_is_refused(index):
    with pytest.raises(MalformedError, match="index"):
        KeyPath(Branch.RECEIVE, index)


def test_path_is_shown_below_the_key():
    assert str(KeyPath(Branch.CHANGE, 7)) == "1/7"
    assert KeyPath(Branch.CHANGE, 7).steps == (1, 7)


@pytest.mark.parametrize("kind", [kind for kind in ScriptType if kind not in KINDS])
def test_other_kinds_are_refused(kind):
    with pytest.raises(MalformedError, match="P2WPKH or P2TR"):
        Account("x", kind, master(), REGTEST, BIRTH)


def test_key_with_a_parent_is_refused():
    with pytest.raises(MalformedError, match="depth 0"):
        Account("x", ScriptType.P2TR, master().derive([0]), REGTEST, BIRTH)


def test_negative_birth_is_refused():
    assert Account("x", ScriptType.P2TR, master(), REGTEST, 0).birth == 0
    with pytest.raises(MalformedError, match="birth"):
        Account("x", ScriptType.P2TR, master(), REGTEST, -1)


@pytest.mark.parametrize("kind", KINDS)
def test_thousand_scripts_take_less_than_a_second(kind):
    assert least_seconds(lambda: list(account(kind).scripts(Branch.RECEIVE, 0, 1000))) < 1
