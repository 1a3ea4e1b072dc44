"""Addresses against the vectors of BIP-173 and BIP-350, bdkpython, and single typos."""

import json
from pathlib import Path

import bdkpython as bdk
import pytest
from bitcointx import segwit_addr
from bitcointx.base58 import CBase58Data
from hypothesis import given
from hypothesis import strategies as st

from wallet import address
from wallet.errors import MalformedError, NetworkMismatchError
from wallet.network import MAINNET, NETWORKS, REGTEST, SIGNET, TESTNET4, Network
from wallet.script import ScriptType, p2pkh, p2sh, p2tr, p2wpkh, script_type

VECTORS = Path(__file__).parents[1] / "vectors"
BIP173 = json.loads((VECTORS / "bip-0173" / "addresses.json").read_text())
BIP350 = json.loads((VECTORS / "bip-0350" / "addresses.json").read_text())

BDK = {
    MAINNET: bdk.Network.BITCOIN,
    TESTNET4: bdk.Network.TESTNET4,
    SIGNET: bdk.Network.SIGNET,
    REGTEST: bdk.Network.REGTEST,
}
BASE32 = segwit_addr.CHARSET
BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
SEGWIT = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080"

networks = st.sampled_from(list(NETWORKS.values()))


@st.composite
def scripts(draw) -> bytes:
    """Return an output script that has an address."""
    kind = draw(st.sampled_from([p2pkh, p2sh, p2wpkh, p2tr, None]))
    if kind is None:
        program = draw(st.binary(min_size=2, max_size=40))
        return bytes([0x50 + draw(st.integers(1, 16)), len(program)]) + program
    size = 32 if kind is p2tr else 20
    return kind(draw(st.binary(min_size=size, max_size=size)))


def network_of(text: str) -> Network:
    return MAINNET if text[:2].lower() == "bc" else TESTNET4


@pytest.mark.parametrize(("text", "script"), {**BIP173["valid_v0"], **BIP350["valid"]}.items())
def test_bip_vector(text, script):
    assert address.decode(text, network_of(text)).hex() == script
    assert address.encode(bytes.fromhex(script), network_of(text)) == text.lower()


INVALID = [*BIP173["invalid"], *BIP173["bech32_of_later_versions"], *BIP350["invalid"]]


@pytest.mark.parametrize("text", INVALID)
def test_invalid_bip_vector_is_refused(text):
    with pytest.raises(MalformedError):
        address.decode(text, network_of(text))


REASONS = {
    "tc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vq5zuyut": "no Bitcoin network",
    "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5": "typo",
    "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqh2y7hd": "version 1 takes Bech32m",
    "BC1S0XLXVLHEMJA6C4DQV22UAPCTQUPFHLXM9H8Z3K2E72Q4K9HCZ7VQ54WELL": "version 16 takes Bech32m",
    "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kemeawh": "version 0 takes Bech32 ",
    "bc1p38j9r5y49hruaue7wxjce0updqjuyyx0kh56v8s25huc6995vvpql3jow4": "character 'o'",
    "BC130XLXVLHEMJA6C4DQV22UAPCTQUPFHLXM9H8Z3K2E72Q4K9HCZ7VQ7ZWS8R": "witness version 17",
    "bc1pw5dgrnzv": "1 bytes",
    "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7v8n0nx0muaewav253zgeav": "41 bytes",
    "BC1QR508D6QEJXTDG4Y5R3ZARVARYV98GJ9P": "16 bytes, which version 0",
    "tb1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vq47Zagq": "mixes upper and lower case",
    "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7v07qwwzcrf": "bits left over",
    "bc1gmk9yu": "empty after its prefix",
    "": "empty",
    "bcrt1q w508": "no spaces",
    "bitcoin:bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4": "payment URI",
    "BITCOIN:1": "payment URI",
    "bc1" + "q" * 88: "at most 90 characters and this has 91",
    "bc1" + "q" * 87: "typo",
    "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN3": "typo",
    "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVNO": "no Bitcoin address",
    "satoshi": "no Bitcoin address",
    "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN\u00b2": "no Bitcoin address",
    "b\u0441rt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080": "no Bitcoin address",
    "LM2WMpR1Rp6j3Sa59cMXMs1SPzj9eXpGc1": "no Bitcoin network",
    str(CBase58Data.from_bytes(bytes(20))): "holds 20",
    str(CBase58Data.from_bytes(bytes(22))): "holds 22",
}


@pytest.mark.parametrize(("text", "reason"), REASONS.items())
def test_refusal_names_the_reason(text, reason):
    with pytest.raises(MalformedError, match=reason):
        address.decode(text, MAINNET)


MISMATCHES = {
    "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4": (REGTEST, "a mainnet address, the wallet is on regtest"),
    "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2": (SIGNET, "a mainnet address, the wallet is on signet"),
    "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx": (MAINNET, "a testnet4 or signet address"),
    SEGWIT: (TESTNET4, "a regtest address, the wallet is on testnet4"),
    "mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfn": (MAINNET, "a testnet4, signet or regtest address"),
}


@pytest.mark.parametrize(("text", "network", "message"), [(t, *m) for t, m in MISMATCHES.items()])
def test_address_of_another_network_is_refused_by_name(text, network, message):
    with pytest.raises(NetworkMismatchError, match=message):
        address.decode(text, network)


@pytest.mark.parametrize("network", [TESTNET4, SIGNET])
def test_test_networks_share_their_addresses(network):
    assert address.decode("tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx", network)
    assert address.decode("mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfn", network)


def test_white_space_around_an_address_is_ignored():
    assert address.decode(f" {SEGWIT}\n", REGTEST) == address.decode(SEGWIT, REGTEST)


def test_anchor_can_be_paid():
    assert script_type(address.decode("bc1pfeessrawgf", MAINNET)) is ScriptType.P2A


@given(scripts(), networks)
def test_round_trip(script, network):
    text = address.encode(script, network)
    assert address.decode(text, network) == script
    if text.startswith(network.hrp):
        assert address.decode(text.upper(), network) == script


@given(scripts(), networks)
def test_bdk_agrees(script, network):
    theirs = bdk.Address(address.encode(script, network), BDK[network])
    assert theirs.script_pubkey().to_bytes() == script
    assert str(bdk.Address.from_script(bdk.Script(script), BDK[network])) == address.encode(script, network)


@given(scripts(), networks, st.data())
def test_one_changed_character_never_decodes(script, network, data):
    text = address.encode(script, network)
    at = data.draw(st.integers(0, len(text) - 1))
    new = data.draw(st.sampled_from(BASE32 + "1" if text.startswith(network.hrp) else BASE58))
    changed = text[:at] + new + text[at + 1 :]
    if changed != text:
        with pytest.raises(MalformedError):
            address.decode(changed, network)


@given(st.text(max_size=120), networks)
def test_any_text_decodes_to_what_it_encodes_or_is_refused(text, network):
    try:
        script = address.decode(text, network)
    except (MalformedError, NetworkMismatchError):
        return
    assert address.encode(script, network) == text.strip()


@pytest.mark.parametrize(
    "script",
    [b"", b"\x6a\x01\x00", b"\x21" + bytes(33) + b"\xac", b"\x00\x15" + bytes(21), b"\x51\x29" + bytes(41)],
    ids=["empty", "data", "p2pk", "v0 of 21 bytes", "v1 of 41 bytes"],
)  # fmt: skip
def test_script_without_address_is_refused(script):
    with pytest.raises(MalformedError, match="no address"):
        address.encode(script, MAINNET)


def test_groups_of_four():
    assert address.grouped("bc1qw508d6") == "bc1q w508 d6"
    assert address.grouped(SEGWIT).replace(" ", "") == SEGWIT
