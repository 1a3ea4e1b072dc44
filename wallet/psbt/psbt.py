"""Partially signed transactions: version 0 (BIP-174), version 2 (BIP-370), Taproot fields (BIP-371)."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Self, TypeVar

from wallet.errors import MalformedError
from wallet.psbt.fields import Table, naming
from wallet.psbt.maps import PsbtInput, PsbtOutput
from wallet.psbt.tables import GLOBAL, INPUT, OUTPUT
from wallet.psbt.unsigned import UnsignedTx, check_counts, required_locktime
from wallet.psbt.values import KeyOrigin
from wallet.tx import SEQUENCE_FINAL, OutPoint, Transaction, TxIn, TxOut
from wallet.wire import Reader

T = TypeVar("T")

MAGIC: Final = b"psbt\xff"
MAX_BYTES: Final = 4_000_000

INPUTS_MODIFIABLE: Final = 1
OUTPUTS_MODIFIABLE: Final = 2
HAS_SIGHASH_SINGLE: Final = 4

_MAX_TEXT: Final = 2 * MAX_BYTES  # base64 takes 4/3; the rest is white space
_VERSIONS: Final = (0, 2)
_VERSION_KEY: Final = b"\xfb"
_XPUB_DEPTH: Final = 4  # offset of the depth byte (BIP-32, Serialization format)


@dataclass(frozen=True, slots=True)
class Psbt:
    """A partially signed transaction.

    Args:
        unsigned: the unsigned transaction.
        inputs: one map for each of its inputs.
        outputs: one map for each of its outputs.
        version: 0 or 2.
        xpubs: origin by extended public key of 78 bytes (PSBT_GLOBAL_XPUB).
        fallback_locktime: lock time if no input requires one; version 2 only.
        tx_modifiable: flags of what may still change (BIP-370); version 2 only.
        unknown: values of global fields without a name here, by key type || key data.

    Raises:
        MalformedError: the parts do not fit together; names map and field.
    """

    unsigned: UnsignedTx
    inputs: tuple[PsbtInput, ...]
    outputs: tuple[PsbtOutput, ...]
    version: int = 0
    xpubs: Mapping[bytes, KeyOrigin] = field(default_factory=dict)
    fallback_locktime: int | None = None
    tx_modifiable: int | None = None
    unknown: Mapping[bytes, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.version not in _VERSIONS:
            raise MalformedError(
                f"there is no version {self.version} of PSBT", "versions 0 and 2 can be read"
            )
        if len(self.inputs) != len(self.unsigned.inputs) or len(self.outputs) != len(self.unsigned.outputs):
            raise MalformedError("a PSBT has one map for each input and output of its transaction")
        with naming("global map"):
            GLOBAL.freeze(self)
            GLOBAL.check_version(self, self.version)
            self._check_xpubs()
        for index, fields in enumerate(self.inputs):
            with naming(f"input {index}"):
                INPUT.check_version(fields, self.version)
                self._check_utxo(index)
        if self.version == 2 and self.unsigned.locktime != required_locktime(
            self.fallback_locktime, self.inputs
        ):
            raise MalformedError("the lock time is not the one that the inputs require")

    def _check_xpubs(self) -> None:
        for xpub, origin in self.xpubs.items():
            if xpub[_XPUB_DEPTH] != len(origin.path):
                raise MalformedError("PSBT_GLOBAL_XPUB: the path has not the depth of the key")

    def _check_utxo(self, index: int) -> None:
        prevout, fields = self.unsigned.inputs[index].prevout, self.inputs[index]
        if fields.non_witness_utxo is None:
            return
        if fields.non_witness_utxo.txid != prevout.txid:
            raise MalformedError("PSBT_IN_NON_WITNESS_UTXO is not the transaction that the input spends from")
        if prevout.index >= len(fields.non_witness_utxo.outputs):
            raise MalformedError("PSBT_IN_NON_WITNESS_UTXO has not the output that the input spends")
        if fields.witness_utxo not in (None, fields.non_witness_utxo.outputs[prevout.index]):
            raise MalformedError("PSBT_IN_WITNESS_UTXO is not the output of PSBT_IN_NON_WITNESS_UTXO")

    @classmethod
    def of(
        cls, tx: Transaction, inputs: Sequence[PsbtInput] = (), outputs: Sequence[PsbtOutput] = ()
    ) -> Self:
        """Make a version-0 PSBT of an unsigned transaction (BIP-174, Creator).

        Args:
            tx: without scriptSigs and witnesses.
            inputs: a map for each input; none for empty maps.
            outputs: a map for each output; none for empty maps.

        Raises:
            MalformedError: as the class.
        """
        unsigned = UnsignedTx(tx.inputs, tx.outputs, tx.locktime, tx.version)
        return cls(
            unsigned,
            tuple(inputs) or (PsbtInput(),) * len(tx.inputs),
            tuple(outputs) or (PsbtOutput(),) * len(tx.outputs),
        )

    @property
    def tx(self) -> Transaction:
        """The unsigned transaction.

        Raises:
            MalformedError: it still has no inputs or no outputs.
        """
        if self.unsigned.complete is None:
            raise MalformedError("the transaction of this PSBT has no inputs or no outputs yet")
        return self.unsigned.complete

    def with_signatures(self, inputs: Sequence[PsbtInput]) -> Self:
        """Return this PSBT with maps of inputs that were signed with SIGHASH_ALL or DEFAULT.

        Nothing of the transaction may be changed after that, which version 2 says (BIP-370, Signer).

        Raises:
            MalformedError: as the class.
        """
        flags = self.tx_modifiable
        if flags is not None:
            flags &= ~(INPUTS_MODIFIABLE | OUTPUTS_MODIFIABLE)
        return replace(self, inputs=tuple(inputs), tx_modifiable=flags)

    def spent(self, index: int) -> TxOut | None:
        """Return the output that an input spends as its map says it; None if it does not say.

        It is not proven: a signer believes wallet.review alone.
        """
        fields = self.inputs[index]
        if fields.non_witness_utxo is not None:
            return fields.non_witness_utxo.outputs[self.unsigned.inputs[index].prevout.index]
        return fields.witness_utxo

    @property
    def fee(self) -> int | None:
        """Satoshi of inputs less those of outputs, as the maps say it; None if an amount is missing."""
        spent = [self.spent(index) for index in range(len(self.inputs))]
        if not spent or None in spent:
            return None
        return sum(out.value for out in spent if out) - sum(out.value for out in self.unsigned.outputs)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read the binary form.

        Raises:
            MalformedError: it is another thing or breaks a rule; names map and field.
        """
        if len(data) > MAX_BYTES:
            raise MalformedError(f"a PSBT has at most {MAX_BYTES} bytes")
        if not data.startswith(MAGIC):
            raise MalformedError("this is no PSBT: it does not begin with psbt")
        reader = Reader(data[len(MAGIC) :])
        with naming("global map"):
            pairs = GLOBAL.read(reader)
            version = _version(pairs)
            values = GLOBAL.decode(pairs, version)
            values["version"] = version
            if version == 0:
                with naming("PSBT_GLOBAL_UNSIGNED_TX"):
                    values["unsigned"] = UnsignedTx.from_bytes(values.pop("unsigned_tx"))
                counts = len(values["unsigned"].inputs), len(values["unsigned"].outputs)
            else:
                counts = values.pop("input_count"), values.pop("output_count")
                check_counts(*counts)
        inputs = _read_maps(reader, INPUT, "input", counts[0], version)
        outputs = _read_maps(reader, OUTPUT, "output", counts[1], version)
        reader.end()
        return cls(**_assemble(values, inputs, outputs))

    @classmethod
    def from_base64(cls, text: str) -> Self:
        """Read the base64 form; white space is skipped.

        Raises:
            MalformedError: as from_bytes; hex is refused with a hint.
        """
        if len(text) > _MAX_TEXT:
            raise MalformedError(f"a PSBT has at most {MAX_BYTES} bytes")
        plain = "".join(text.split())
        if plain.lower().startswith(MAGIC.hex()):
            raise MalformedError("this PSBT is in hex", "give it in base64, or the binary file")
        try:
            data = base64.b64decode(plain, validate=True)
        except (binascii.Error, ValueError) as e:
            raise MalformedError("this is no PSBT: it is not base64", "a PSBT begins with cHNidP") from e
        return cls.from_bytes(data)

    @classmethod
    def parse(cls, content: str | bytes) -> Self:
        """Read the content of a file or what a user pastes: base64 or binary.

        Raises:
            MalformedError: as from_base64.
        """
        if isinstance(content, str):
            return cls.from_base64(content)
        if content.startswith(MAGIC):
            return cls.from_bytes(content)
        return cls.from_base64(content.decode("ascii", errors="replace"))

    def __bytes__(self) -> bytes:
        """Return the binary form; fields ascend by key, so that it is one for each value."""
        values = GLOBAL.values_of(self)
        inputs = [INPUT.values_of(fields) for fields in self.inputs]
        outputs = [OUTPUT.values_of(fields) for fields in self.outputs]
        if self.version == 0:
            values |= {"version": None, "unsigned_tx": bytes(self.unsigned)}
        else:
            values |= {
                "tx_version": self.unsigned.version,
                "input_count": len(inputs),
                "output_count": len(outputs),
            }
            inputs = [
                fields | _of_txin(txin) for fields, txin in zip(inputs, self.unsigned.inputs, strict=True)
            ]
            outputs = [
                fields | _of_txout(out) for fields, out in zip(outputs, self.unsigned.outputs, strict=True)
            ]
        maps = [GLOBAL.encode(values), *map(INPUT.encode, inputs), *map(OUTPUT.encode, outputs)]
        return MAGIC + b"".join(maps)

    def base64(self) -> str:
        """Return the base64 form."""
        return base64.b64encode(bytes(self)).decode()


def _version(pairs: Mapping[bytes, bytes]) -> int:
    data = pairs.get(_VERSION_KEY, bytes(4))
    version = int.from_bytes(data, "little")
    if len(data) != 4 or version not in _VERSIONS:
        raise MalformedError("PSBT_GLOBAL_VERSION is not 0 or 2", "no other version of PSBT exists")
    return version


def _read_maps(reader: Reader, table: Table, kind: str, count: int, version: int) -> list[dict[str, Any]]:
    maps = []
    for index in range(count):
        with naming(f"{kind} {index}"):
            maps.append(table.decode(table.read(reader), version))
    return maps


def _assemble(
    values: dict[str, Any], inputs: list[dict[str, Any]], outputs: list[dict[str, Any]]
) -> dict[str, Any]:
    """Return the arguments of Psbt; those of its transaction are spread over the maps in version 2."""
    if values["version"] == 2:
        txins, txouts = tuple(map(_pop_txin, inputs)), tuple(map(_pop_txout, outputs))
    values["inputs"] = _build(PsbtInput, "input", inputs)
    values["outputs"] = _build(PsbtOutput, "output", outputs)
    if values["version"] == 2:
        locktime = required_locktime(values.get("fallback_locktime"), values["inputs"])
        values["unsigned"] = UnsignedTx(txins, txouts, locktime, values.pop("tx_version"))
    return values


def _build(make: type[T], kind: str, maps: list[dict[str, Any]]) -> tuple[T, ...]:
    built = []
    for index, values in enumerate(maps):
        with naming(f"{kind} {index}"):
            built.append(make(**values))
    return tuple(built)


def _pop_txin(values: dict[str, Any]) -> TxIn:
    prevout = OutPoint(values.pop("previous_txid"), values.pop("output_index"))
    return TxIn(prevout, values.pop("sequence", SEQUENCE_FINAL))


def _of_txin(txin: TxIn) -> dict[str, Any]:
    sequence = None if txin.sequence == SEQUENCE_FINAL else txin.sequence
    return {
        "previous_txid": txin.prevout.txid,
        "output_index": txin.prevout.index,
        "sequence": sequence,  # the final one is what an absent field means
    }


def _pop_txout(values: dict[str, Any]) -> TxOut:
    return TxOut(values.pop("amount"), values.pop("script"))


def _of_txout(out: TxOut) -> dict[str, Any]:
    return {"amount": out.value, "script": out.script_pubkey}
