"""Partially signed transactions: version 0 (BIP-174), version 2 (BIP-370), Taproot fields (BIP-371)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from wallet.errors import MalformedError
from wallet.psbt.maps import PsbtInput, PsbtOutput
from wallet.psbt.values import KeyOrigin
from wallet.tx import Transaction, TxIn, TxOut


@dataclass(frozen=True, slots=True)
class UnsignedTx:
    """The transaction of a PSBT without signatures; it may still lack inputs or outputs.

    Args:
        inputs: with empty scriptSigs and witnesses.
        outputs: the outputs.
        locktime: in version 2 computed from the inputs (BIP-370, Determining Lock Time).
        version: of the transaction.

    Raises:
        MalformedError: an input is signed, or it breaks a rule of Transaction.
    """

    inputs: tuple[TxIn, ...]
    outputs: tuple[TxOut, ...]
    locktime: int = 0
    version: int = 2
    complete: Transaction | None = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        if any(txin.script_sig or txin.witness for txin in self.inputs):
            raise MalformedError("the unsigned transaction of a PSBT has a scriptSig or witness")
        complete = None
        if self.inputs and self.outputs:
            complete = Transaction(self.inputs, self.outputs, self.locktime, self.version)
        object.__setattr__(self, "complete", complete)


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
        if len(self.inputs) != len(self.unsigned.inputs) or len(self.outputs) != len(self.unsigned.outputs):
            raise MalformedError("a PSBT has one map for each input and output of its transaction")

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
        """Satoshi that inputs bring over outputs, as the maps say it; None if an amount is missing."""
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
        raise NotImplementedError

    @classmethod
    def from_base64(cls, text: str) -> Self:
        """Read the base64 form.

        Raises:
            MalformedError: as from_bytes.
        """
        raise NotImplementedError

    @classmethod
    def parse(cls, content: str | bytes) -> Self:
        """Read the content of a file or what a user pastes: base64 or binary.

        Raises:
            MalformedError: as from_bytes; hex is refused with a hint.
        """
        raise NotImplementedError

    def __bytes__(self) -> bytes:
        """Return the binary form, which is one for each value."""
        raise NotImplementedError

    def base64(self) -> str:
        """Return the base64 form."""
        raise NotImplementedError
