"""Describe a PSBT as JSON with the names of Bitcoin Core's decodepsbt.

Amounts are integers of satoshi under names that end in _sat, where Core has numbers of bitcoin. Scripts are
in hex with type and address; Core's disassembly is left out.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any, Final

from bitcointx.base58 import CBase58Data

from wallet.address import encode
from wallet.errors import MalformedError
from wallet.network import Network
from wallet.psbt.maps import PsbtInput, PsbtOutput
from wallet.psbt.psbt import HAS_SIGHASH_SINGLE, INPUTS_MODIFIABLE, OUTPUTS_MODIFIABLE, Psbt
from wallet.psbt.unsigned import UnsignedTx
from wallet.psbt.values import KeyOrigin, LeafScript, TapKeyOrigin, TapLeaf
from wallet.script import ScriptType, script_type
from wallet.sighash import SIGHASH_ANYONECANPAY, TAPROOT_TYPES
from wallet.tx import Transaction, TxIn, TxOut, show_txid
from wallet.wire import Reader

Json = dict[str, Any]

_PROPRIETARY: Final = 0xFC
_SIGHASH_NAMES: Final = ("DEFAULT", "ALL", "NONE", "SINGLE")


def decode(psbt: Psbt, network: Network) -> Json:
    """Return a description of a PSBT that json.dumps takes; fields that are absent are left out.

    Args:
        psbt: in either version.
        network: of the addresses.
    """
    described: Json = {"tx": _unsigned(psbt.unsigned, network)}
    described["global_xpubs"] = [
        {"xpub": str(CBase58Data.from_bytes(xpub)), **_origin(origin)} for xpub, origin in psbt.xpubs.items()
    ]
    if psbt.version == 2:
        described |= _version_2(psbt)
    described |= {"psbt_version": psbt.version, **_unknown(psbt.unknown)}
    described["inputs"] = [_described(fields, network) for fields in psbt.inputs]
    described["outputs"] = [_described(fields, network) for fields in psbt.outputs]
    if psbt.fee is not None:
        described["fee_sat"] = psbt.fee
    return described


def _version_2(psbt: Psbt) -> Json:
    described: Json = {
        "tx_version": psbt.unsigned.version,
        "input_count": len(psbt.inputs),
        "output_count": len(psbt.outputs),
    }
    if psbt.fallback_locktime is not None:
        described["fallback_locktime"] = psbt.fallback_locktime
    if psbt.tx_modifiable is not None:
        described["inputs_modifiable"] = bool(psbt.tx_modifiable & INPUTS_MODIFIABLE)
        described["outputs_modifiable"] = bool(psbt.tx_modifiable & OUTPUTS_MODIFIABLE)
        described["has_sighash_single"] = bool(psbt.tx_modifiable & HAS_SIGHASH_SINGLE)
    return described


def _unsigned(tx: UnsignedTx, network: Network) -> Json:
    size = len(bytes(tx))
    return {
        "txid": show_txid(tx.txid),
        "version": tx.version,
        "size": size,
        "vsize": size,
        "weight": 4 * size,
        "locktime": tx.locktime,
        "vin": [_txin(txin) for txin in tx.inputs],
        "vout": [_vout(index, out, network) for index, out in enumerate(tx.outputs)],
    }


def _transaction(tx: Transaction, network: Network) -> Json:
    return {
        "txid": show_txid(tx.txid),
        "hash": show_txid(tx.wtxid),
        "version": tx.version,
        "size": len(bytes(tx)),
        "vsize": tx.vsize,
        "weight": tx.weight,
        "locktime": tx.locktime,
        "vin": [_txin(txin) for txin in tx.inputs],
        "vout": [_vout(index, out, network) for index, out in enumerate(tx.outputs)],
    }


def _txin(txin: TxIn) -> Json:
    described: Json = {
        "txid": show_txid(txin.prevout.txid),
        "vout": txin.prevout.index,
        "scriptSig": {"hex": txin.script_sig.hex()},
        "sequence": txin.sequence,
    }
    if txin.witness:
        described["txinwitness"] = _hex_list(txin.witness)
    return described


def _vout(index: int, out: TxOut, network: Network) -> Json:
    return {"value_sat": out.value, "n": index, "scriptPubKey": _script(out.script_pubkey, network)}


def _output(out: TxOut, network: Network) -> Json:
    return {"amount_sat": out.value, "scriptPubKey": _script(out.script_pubkey, network)}


def _script(script: bytes, network: Network) -> Json:
    described = _plain_script(script)
    with suppress(MalformedError):  # a script that has no address
        described["address"] = encode(script, network)
    return described


_CORE_TYPES: Final = {
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


def _plain_script(script: bytes) -> Json:
    return {"hex": script.hex(), "type": _CORE_TYPES[script_type(script)]}


def _final_script_sig(script: bytes) -> Json:
    return {"hex": script.hex()}


def _sighash(value: int) -> str:
    if value not in TAPROOT_TYPES:
        return f"0x{value:08x}"
    anyone = "|ANYONECANPAY" if value & SIGHASH_ANYONECANPAY else ""
    return _SIGHASH_NAMES[value & 3] + anyone


def _hex(data: bytes) -> str:
    return data.hex()


def _hex_list(items: Iterable[bytes]) -> list[str]:
    return [item.hex() for item in items]


def _hex_map(items: Mapping[bytes, bytes]) -> dict[str, str]:
    return {key.hex(): value.hex() for key, value in items.items()}


def _origin(origin: KeyOrigin) -> Json:
    return {"master_fingerprint": origin.fingerprint.hex(), "path": origin.path_text}


def _origins(origins: Mapping[bytes, KeyOrigin]) -> list[Json]:
    return [{"pubkey": key.hex(), **_origin(origin)} for key, origin in origins.items()]


def _tap_origins(origins: Mapping[bytes, TapKeyOrigin]) -> list[Json]:
    return [
        {"pubkey": key.hex(), **_origin(value.origin), "leaf_hashes": _hex_list(value.leaf_hashes)}
        for key, value in origins.items()
    ]


def _tap_script_sigs(sigs: Mapping[bytes, bytes]) -> list[Json]:
    return [
        {"pubkey": key[:32].hex(), "leaf_hash": key[32:].hex(), "sig": sig.hex()} for key, sig in sigs.items()
    ]


def _tap_scripts(scripts: Mapping[bytes, LeafScript]) -> list[Json]:
    blocks: dict[LeafScript, list[str]] = {}
    for control_block, leaf in scripts.items():
        blocks.setdefault(leaf, []).append(control_block.hex())
    return [
        {"script": leaf.script.hex(), "leaf_ver": leaf.version, "control_blocks": controls}
        for leaf, controls in blocks.items()
    ]


def _tap_tree(leaves: Iterable[TapLeaf]) -> list[Json]:
    return [
        {"depth": leaf.depth, "leaf_ver": leaf.leaf.version, "script": leaf.leaf.script.hex()}
        for leaf in leaves
    ]


# Name and description of each attribute, in Core's order; those that take a network have addresses in them.
_WITH_ADDRESSES: Final[Mapping[str, tuple[str, Callable[[Any, Network], Any]]]] = {
    "non_witness_utxo": ("non_witness_utxo", _transaction),
    "witness_utxo": ("witness_utxo", _output),
}
_DESCRIPTIONS: Final[Mapping[str, tuple[str, Callable[[Any], Any]]]] = {
    "partial_sigs": ("partial_signatures", _hex_map),
    "sighash_type": ("sighash", _sighash),
    "redeem_script": ("redeem_script", _plain_script),
    "witness_script": ("witness_script", _plain_script),
    "bip32_derivation": ("bip32_derivs", _origins),
    "final_script_sig": ("final_scriptSig", _final_script_sig),
    "final_script_witness": ("final_scriptwitness", _hex_list),
    "ripemd160_preimages": ("ripemd160_preimages", _hex_map),
    "sha256_preimages": ("sha256_preimages", _hex_map),
    "hash160_preimages": ("hash160_preimages", _hex_map),
    "hash256_preimages": ("hash256_preimages", _hex_map),
    "required_time_locktime": ("time_locktime", int),
    "required_height_locktime": ("height_locktime", int),
    "tap_key_sig": ("taproot_key_path_sig", _hex),
    "tap_script_sigs": ("taproot_script_path_sigs", _tap_script_sigs),
    "tap_leaf_scripts": ("taproot_scripts", _tap_scripts),
    "tap_tree": ("taproot_tree", _tap_tree),
    "tap_bip32_derivation": ("taproot_bip32_derivs", _tap_origins),
    "tap_internal_key": ("taproot_internal_key", _hex),
    "tap_merkle_root": ("taproot_merkle_root", _hex),
}


def _described(fields: PsbtInput | PsbtOutput, network: Network) -> Json:
    described: Json = {}
    for attribute, (name, with_addresses) in _WITH_ADDRESSES.items():
        if (value := getattr(fields, attribute, None)) is not None:
            described[name] = with_addresses(value, network)
    for attribute, (name, describe) in _DESCRIPTIONS.items():
        if (value := getattr(fields, attribute, None)) not in (None, {}):
            described[name] = describe(value)
    return {**described, **_unknown(fields.unknown)}


def _unknown(unknown: Mapping[bytes, bytes]) -> Json:
    described: Json = {"proprietary": [], "unknown": {}}
    for key, value in unknown.items():
        reader = Reader(key)
        if reader.compact_size() != _PROPRIETARY:
            described["unknown"][key.hex()] = value.hex()
            continue
        identifier, subtype = reader.sized(), reader.compact_size()
        described["proprietary"].append(
            {
                "identifier": identifier.hex(),
                "subtype": subtype,
                "key": reader.fixed(reader.left).hex(),
                "value": value.hex(),
            }
        )
    return {name: value for name, value in described.items() if value}
