"""Descriptions of PSBTs against those of bitcoind's decodepsbt."""

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.wallet.psbt.raw import PREVIOUS, TX, v2
from tests.wallet.psbt.vectors import BITCOIND, VALID
from wallet.amounts import Sats
from wallet.network import MAINNET, REGTEST, SIGNET
from wallet.psbt import Psbt, PsbtInput, PsbtOutput, decode
from wallet.tx import TxOut

LEFT_OUT = {"asm", "desc"}


def as_ours(theirs: Any) -> Any:
    """Return a description by bitcoind without disassembly and with amounts in satoshi."""
    if isinstance(theirs, list):
        return sorted(map(as_ours, theirs), key=json.dumps) if is_map(theirs) else list(map(as_ours, theirs))
    if not isinstance(theirs, dict):
        return theirs
    plain = {name: as_ours(value) for name, value in theirs.items() if name not in LEFT_OUT}
    for name in ("value", "amount", "fee"):
        if isinstance(plain.get(name), float):
            plain[f"{name}_sat"] = round(plain.pop(name) * 10**8)
    # empty ones are left out, and we do not tell bare multisig by name
    plain = {name: value for name, value in plain.items() if value or name not in ("proprietary", "unknown")}
    return plain if plain.get("type") != "multisig" else plain | {"type": "nonstandard"}


def is_map(items: list[Any]) -> bool:
    """Whether the order of items means nothing: bitcoind's is that of hashes of keys."""
    keyed = {"master_fingerprint", "leaf_ver"}
    return bool(items) and isinstance(items[0], dict) and bool(keyed & items[0].keys())


@pytest.mark.parametrize(("text", "theirs"), BITCOIND.items(), ids=range(len(BITCOIND)))
def test_a_description_is_that_of_bitcoind(text: str, theirs: Any) -> None:
    psbt = Psbt.from_base64(text)
    expected = as_ours(theirs)
    expected["tx"].pop("hash")
    if not psbt.inputs:
        expected.pop("fee_sat")  # which it works out of no inputs
    assert as_ours(decode(psbt, REGTEST)) == expected


@pytest.mark.parametrize("text", VALID.values(), ids=VALID.keys())
def test_a_description_is_json_without_floats(text: str) -> None:
    def refuse(number: str) -> None:
        raise AssertionError(number)

    json.loads(json.dumps(decode(Psbt.from_base64(text), REGTEST)), parse_float=refuse)


def test_version_2_is_described_with_the_names_of_bitcoin_core() -> None:
    height = ("12", (90).to_bytes(4, "little"))
    psbt = Psbt.from_bytes(v2([height], more=[("06", b"\x05"), ("03", (9).to_bytes(4, "little"))]))
    described = decode(psbt, REGTEST)
    named = {
        "psbt_version": 2, "tx_version": 2, "fallback_locktime": 9, "input_count": 2, "output_count": 2,
        "inputs_modifiable": True, "outputs_modifiable": False, "has_sighash_single": True,
    }  # fmt: skip
    assert named.items() <= described.items()
    assert described["inputs"][0] == {"height_locktime": 90}
    assert described["tx"]["locktime"] == 90
    assert not {"fallback_locktime", "inputs_modifiable"} & decode(Psbt.from_bytes(v2()), REGTEST).keys()


def test_addresses_are_those_of_the_network() -> None:
    psbt = Psbt.of(TX)
    for network in (MAINNET, SIGNET, REGTEST):
        address = decode(psbt, network)["tx"]["vout"][0]["scriptPubKey"]["address"]
        assert address.startswith(network.hrp + "1q")


def test_a_script_without_address_has_none() -> None:
    psbt = Psbt.of(replace(TX, outputs=(TxOut(Sats(0), b"\x6a\x01\x01"),)))
    assert decode(psbt, REGTEST)["tx"]["vout"][0]["scriptPubKey"] == {"hex": "6a0101", "type": "nulldata"}


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (0, "DEFAULT"),
        (1, "ALL"),
        (2, "NONE"),
        (3, "SINGLE"),
        (0x81, "ALL|ANYONECANPAY"),
        (0x80, "0x00000080"),
        (0x1234, "0x00001234"),
    ],
)
def test_sighash_types_are_named(value: int, name: str) -> None:
    assert (
        decode(Psbt.of(TX, [PsbtInput(sighash_type=value), PsbtInput()]), REGTEST)["inputs"][0]["sighash"]
        == name
    )


def test_the_fee_is_described_when_it_is_known() -> None:
    utxos = [PsbtInput(non_witness_utxo=PREVIOUS), PsbtInput(witness_utxo=TxOut(Sats(500), b""))]
    assert decode(Psbt.of(TX, utxos), REGTEST)["fee_sat"] == 70_000 + 500 - 61_000
    assert "fee_sat" not in decode(Psbt.of(TX), REGTEST)


def test_proprietary_fields_are_told_from_unknown_ones() -> None:
    output = PsbtOutput(unknown={b"\xfc\x04mpcw\x07key": b"value", b"\xf0\x01": b"other"})
    described = decode(Psbt.of(TX, (), [output, PsbtOutput()]), REGTEST)["outputs"]
    assert described[0] == {
        "proprietary": [
            {"identifier": b"mpcw".hex(), "subtype": 7, "key": b"key".hex(), "value": b"value".hex()}
        ],
        "unknown": {"f001": b"other".hex()},
    }
    assert described[1] == {}
