"""Addresses, kinds of scripts and the exported descriptors, as the real node reads them."""

import json
from collections.abc import Iterator

import pytest

from tests.wallet.accounts import account
from tests.wallet.test_address import INVALID
from tests.wallet.test_script import KINDS
from wallet.account import Branch, KeyPath
from wallet.address import decode, encode
from wallet.chain.regtest_node import RegtestNode
from wallet.chain.rpc import RpcClient
from wallet.descriptor import Descriptor, import_json
from wallet.errors import MalformedError, NetworkMismatchError
from wallet.network import REGTEST
from wallet.script import ScriptType

# the kinds as Bitcoin Core's decodescript names them
NAMES = {
    ScriptType.P2PKH: "pubkeyhash",
    ScriptType.P2SH: "scripthash",
    ScriptType.P2WPKH: "witness_v0_keyhash",
    ScriptType.P2WSH: "witness_v0_scripthash",
    ScriptType.P2TR: "witness_v1_taproot",
    ScriptType.P2A: "anchor",
    ScriptType.WITNESS_UNKNOWN: "witness_unknown",
    ScriptType.NULL_DATA: "nulldata",
    ScriptType.NONSTANDARD: "nonstandard",
}


@pytest.fixture
def rpc(node: RegtestNode) -> Iterator[RpcClient]:
    """Calls to the node, whose chain does not matter here; its wallets are closed afterwards."""
    rpc = RpcClient(node.endpoint)
    yield rpc
    for wallet in rpc.call("listwallets"):
        rpc.call("unloadwallet", wallet.text(), False)


@pytest.mark.parametrize("script", KINDS, ids=[s.hex()[:12] + f"-{len(s)}" for s in KINDS])
def test_the_node_sees_the_same_kind_and_address(rpc: RpcClient, script: bytes) -> None:
    theirs = rpc.call("decodescript", script.hex())
    assert theirs["type"].text() == NAMES[KINDS[script]]
    address = theirs.get("address")
    if address is None:
        with pytest.raises(MalformedError, match="no address"):
            encode(script, REGTEST)
    else:
        assert address.text() == encode(script, REGTEST)
        assert decode(address.text(), REGTEST) == script
        assert rpc.call("validateaddress", address.text())["scriptPubKey"].raw() == script


@pytest.mark.parametrize("text", INVALID)
def test_the_node_refuses_what_we_refuse(rpc: RpcClient, text: str) -> None:
    assert not rpc.call("validateaddress", text)["isvalid"].boolean()
    with pytest.raises((MalformedError, NetworkMismatchError)):
        decode(text, REGTEST)


def test_the_node_imports_our_export_and_hands_out_our_addresses(rpc: RpcClient) -> None:
    accounts = {"bech32": account(ScriptType.P2WPKH), "bech32m": account(ScriptType.P2TR)}
    rpc.named("createwallet", {"wallet_name": "export", "disable_private_keys": True, "blank": True})
    wallet = rpc.of_wallet("export")
    requests = json.loads(import_json(*accounts.values(), end=10))
    assert all(result["success"].boolean() for result in wallet.call("importdescriptors", requests))
    for kind, ours in accounts.items():
        for index in range(2):
            theirs = wallet.call("getnewaddress", "", kind).text()
            assert theirs == encode(ours.script(KeyPath(Branch.RECEIVE, index)), REGTEST)
        change = wallet.call("getrawchangeaddress", kind).text()
        assert change == encode(ours.script(KeyPath(Branch.CHANGE, 0)), REGTEST)
    listed = {entry["desc"].text() for entry in wallet.call("listdescriptors")["descriptors"]}
    assert listed == {Descriptor.of(ours).branch(b) for ours in accounts.values() for b in Branch}


@pytest.mark.parametrize("kind", [ScriptType.P2WPKH, ScriptType.P2TR])
def test_our_descriptor_is_what_the_node_writes_of_an_address(rpc: RpcClient, kind: ScriptType) -> None:
    ours = account(kind)
    rpc.named("createwallet", {"wallet_name": kind.value, "disable_private_keys": True, "blank": True})
    wallet = rpc.of_wallet(kind.value)
    wallet.call("importdescriptors", json.loads(import_json(ours, end=3)))
    for path, script in ours.scripts(Branch.CHANGE, 0, 3):
        info = wallet.call("getaddressinfo", encode(script, REGTEST))
        assert info["hdkeypath"].text() == f"m/{path}"
        assert info["hdmasterfingerprint"].text() == ours.key.fingerprint.hex()
        assert info["parent_desc"].text() == Descriptor.of(ours).branch(Branch.CHANGE)
        assert info["ischange"].boolean()
