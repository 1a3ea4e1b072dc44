"""Parameters of the networks, beside those of bdkpython, bitcointx and btclib."""

import bdkpython as bdk
import pytest
from bitcointx import ChainParams
from bitcointx.wallet import CCoinExtPubKey, P2PKHCoinAddress, P2SHCoinAddress, P2WPKHCoinAddress
from btclib.network import NETWORKS as BTCLIB

from wallet.descriptor import Descriptor
from wallet.errors import UnknownError
from wallet.network import MAINNET, NETWORKS, REGTEST, SIGNET, TESTNET4, network
from wallet.script import ScriptType

from .accounts import account

BDK = {
    MAINNET: bdk.Network.BITCOIN,
    TESTNET4: bdk.Network.TESTNET4,
    SIGNET: bdk.Network.SIGNET,
    REGTEST: bdk.Network.REGTEST,
}
BITCOINTX = {
    MAINNET: "bitcoin",
    TESTNET4: "bitcoin/testnet",  # it has no testnet4, which shares all of these
    SIGNET: "bitcoin/signet",
    REGTEST: "bitcoin/regtest",
}
every_network = pytest.mark.parametrize("net", NETWORKS.values(), ids=str)


@every_network
def test_network_is_found_by_name(net):
    assert network(str(net)) is net


@pytest.mark.parametrize("name", ["", "main", "testnet", "Regtest"])
def test_unknown_name_is_refused_with_the_known_ones(name):
    with pytest.raises(UnknownError) as refusal:
        network(name)
    assert refusal.value.hint == "choose one of mainnet, testnet4, signet, regtest"


@every_network
def test_genesis_is_where_a_new_bdk_wallet_begins(net):
    kind = bdk.NetworkKind.MAIN if net is MAINNET else bdk.NetworkKind.TEST
    descriptor = bdk.Descriptor(Descriptor.of(account(ScriptType.P2TR, net)).text(), kind)
    wallet = bdk.Wallet.create_from_two_path_descriptor(descriptor, BDK[net], bdk.Persister.new_in_memory())
    assert str(wallet.latest_checkpoint().hash) == net.genesis


@every_network
def test_prefixes_are_those_of_bitcointx(net):
    with ChainParams(BITCOINTX[net]):
        assert P2WPKHCoinAddress.from_bytes(bytes(20)).bech32_hrp == net.hrp
        assert P2PKHCoinAddress.from_bytes(bytes(20)).base58_prefix == bytes([net.p2pkh])
        assert P2SHCoinAddress.from_bytes(bytes(20)).base58_prefix == bytes([net.p2sh])
        assert CCoinExtPubKey.base58_prefix == net.xpub


@every_network
def test_parameters_are_those_of_btclib(net):
    theirs = BTCLIB[str(net)]
    assert (theirs.hrp, theirs.p2pkh, theirs.p2sh) == (net.hrp, bytes([net.p2pkh]), bytes([net.p2sh]))
    assert (theirs.bip32_pub, theirs.genesis_block.hex()) == (net.xpub, net.genesis)


@every_network
def test_name_in_bitcoin_core(net):
    assert net.core_name == {"mainnet": "main"}.get(net.name, net.name)
