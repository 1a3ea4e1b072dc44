"""The transaction of a PSBT before it is signed, and its lock time in version 2."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Self

from wallet.amounts import MAX_MONEY
from wallet.errors import MalformedError
from wallet.psbt.maps import PsbtInput
from wallet.tx import Transaction, Txid, TxIn, TxOut, double_sha256, serialize
from wallet.wire import Reader

MAX_INPUTS: Final = 10_000
MAX_OUTPUTS: Final = 10_000


@dataclass(frozen=True, slots=True)
class UnsignedTx:
    """The transaction of a PSBT without signatures; it may still lack inputs or outputs.

    Args:
        inputs: with empty scriptSigs and witnesses, at most MAX_INPUTS.
        outputs: at most MAX_OUTPUTS.
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
        check_counts(len(self.inputs), len(self.outputs))
        if any(txin.script_sig or txin.witness for txin in self.inputs):
            raise MalformedError("the unsigned transaction has a scriptSig or a witness")
        if any(not 0 <= out.value <= MAX_MONEY for out in self.outputs):
            raise MalformedError("an output of the unsigned transaction is out of range")
        complete = None
        if self.inputs and self.outputs:
            complete = Transaction(self.inputs, self.outputs, self.locktime, self.version)
        object.__setattr__(self, "complete", complete)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read the serialisation without witnesses (BIP-174, PSBT_GLOBAL_UNSIGNED_TX).

        Raises:
            MalformedError: it is another thing or breaks a rule of the class.
        """
        reader = Reader(data)
        version = reader.signed(4)
        n_inputs = reader.count(TxIn.LEAST_SIZE)
        check_counts(n_inputs, 0)
        inputs = tuple(TxIn.read(reader) for _ in range(n_inputs))
        n_outputs = reader.count(TxOut.LEAST_SIZE)
        check_counts(0, n_outputs)
        outputs = tuple(TxOut.read(reader) for _ in range(n_outputs))
        locktime = reader.unsigned(4)
        reader.end()
        return cls(inputs, outputs, locktime, version)

    def __bytes__(self) -> bytes:
        """Return the serialisation without witnesses."""
        return serialize(self.version, self.inputs, self.outputs, self.locktime)

    @property
    def txid(self) -> Txid:
        """The transaction id, also of a transaction that still lacks inputs or outputs."""
        return Txid(double_sha256(bytes(self)))


def check_counts(inputs: int, outputs: int) -> None:
    """Check that a PSBT is small enough to be read.

    Raises:
        MalformedError: there are more inputs or outputs than the limits.
    """
    if inputs > MAX_INPUTS or outputs > MAX_OUTPUTS:
        raise MalformedError(f"a PSBT has at most {MAX_INPUTS} inputs and {MAX_OUTPUTS} outputs")


def required_locktime(fallback: int | None, inputs: Sequence[PsbtInput]) -> int:
    """Return the lock time of a version-2 PSBT (BIP-370, Determining Lock Time).

    Args:
        fallback: PSBT_GLOBAL_FALLBACK_LOCKTIME.
        inputs: the maps, each of which may require a height, a time or both.

    Raises:
        MalformedError: one input requires a height and another one a time.
    """
    heights = [fields.required_height_locktime for fields in inputs]
    times = [fields.required_time_locktime for fields in inputs]
    required = sum(pair != (None, None) for pair in zip(heights, times, strict=True))
    if not required:
        return fallback or 0
    # Every input that requires something must support the kind that is chosen; heights come first.
    for kind in (heights, times):
        values = [value for value in kind if value is not None]
        if len(values) == required:
            return max(values)
    raise MalformedError("inputs require lock times of different kinds")
