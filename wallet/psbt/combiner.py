"""Join PSBTs of one transaction (BIP-174, Combiner)."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from wallet.errors import MalformedError
from wallet.psbt.fields import Map, Table, naming
from wallet.psbt.maps import PsbtInput, PsbtOutput
from wallet.psbt.psbt import HAS_SIGHASH_SINGLE, Psbt
from wallet.psbt.tables import GLOBAL, INPUT, OUTPUT
from wallet.tx import Transaction, show_txid


def combine(psbts: Sequence[Psbt]) -> Psbt:
    """Return a PSBT with all fields of PSBTs of the same transaction, whatever their order.

    Raises:
        MalformedError: none is given, transactions or versions differ, or values of a field do.
    """
    if not psbts:
        raise MalformedError("there is no PSBT to combine")
    first = psbts[0]
    for other in psbts[1:]:
        _expect_same_transaction(first, other)
    flags = _join_flags([psbt.tx_modifiable for psbt in psbts])
    with naming("global map"):
        values = _join(GLOBAL, [replace(psbt, tx_modifiable=flags) for psbt in psbts])
    inputs, outputs = [], []
    for index, in_maps in enumerate(zip(*(psbt.inputs for psbt in psbts), strict=True)):
        with naming(f"input {index}"):
            inputs.append(PsbtInput(**_join(INPUT, _same_utxo(in_maps))))
    for index, out_maps in enumerate(zip(*(psbt.outputs for psbt in psbts), strict=True)):
        with naming(f"output {index}"):
            outputs.append(PsbtOutput(**_join(OUTPUT, out_maps)))
    return Psbt(first.unsigned, tuple(inputs), tuple(outputs), **values)


def _expect_same_transaction(first: Psbt, other: Psbt) -> None:
    if first.version != other.version:
        raise MalformedError(
            f"the PSBTs are of versions {first.version} and {other.version}", "convert one of them first"
        )
    if first.unsigned != other.unsigned:
        txids = (show_txid(psbt.unsigned.txid) for psbt in (first, other))
        raise MalformedError("the PSBTs are of different transactions: " + " and ".join(txids))


def _join(table: Table, maps: Sequence[Map]) -> dict[str, Any]:
    """Return the values of maps by attribute; those of fields that none has are left out."""
    joined: dict[str, Any] = {}
    for spec in table.fields:
        values = [value for each in maps if (value := getattr(each, spec.attribute, None)) is not None]
        if spec.key is not None:
            joined[spec.attribute] = _union(spec.name, values)
        elif values:
            if any(value != values[0] for value in values):
                raise MalformedError(f"{spec.name} has different values")
            joined[spec.attribute] = values[0]
    joined["unknown"] = _union("the unknown field", [each.unknown for each in maps])
    return joined


def _union(name: str, mappings: Sequence[Mapping[bytes, Any]]) -> dict[bytes, Any]:
    union: dict[bytes, Any] = {}
    for mapping in mappings:
        for key, value in mapping.items():
            if union.setdefault(key, value) != value:
                raise MalformedError(f"{name} {key.hex()} has different values")
    return union


def _same_utxo(maps: Sequence[PsbtInput]) -> Sequence[PsbtInput]:
    """Strip the witnesses of the transaction that is spent from if not all maps have the same of them.

    Some tools write it without: its txid does not depend on them, nor does anything that is signed.
    """
    given = [fields.non_witness_utxo for fields in maps if fields.non_witness_utxo is not None]
    if all(tx == given[0] for tx in given):
        return maps
    return [
        replace(fields, non_witness_utxo=fields.non_witness_utxo and _stripped(fields.non_witness_utxo))
        for fields in maps
    ]


def _stripped(tx: Transaction) -> Transaction:
    return tx.with_witnesses(((),) * len(tx.inputs))


def _join_flags(flags: Sequence[int | None]) -> int | None:
    """Return what all allow to be changed, and SIGHASH_SINGLE if one has it (BIP-370, Signer)."""
    present = [flag for flag in flags if flag is not None]
    if not present:
        return None
    joined = -1 if len(present) == len(flags) else 0  # an absent field allows nothing
    single = 0
    for flag in present:
        joined, single = joined & flag, single | flag & HAS_SIGHASH_SINGLE
    return joined | single
