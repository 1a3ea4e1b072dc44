"""The one adapter to libbitcoinkernel: a regtest chain in a directory, and the consensus check of scripts.

For py-bitcoinkernel 0.1.0a5, whose interface changes with every release: nothing else imports pbk.
"""

import ctypes
import functools
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import pbk
from pbk.capi.bindings import btck_logging_disable
from pbk.notifications import NotificationInterfaceCallbacks
from pbk.script import PrecomputedTransactionData

from wallet.chain.base import Block
from wallet.errors import ChainError
from wallet.tx import Transaction, TxOut

_CLOSED: Final = "the embedded chain is closed"


class Kernel:
    """A regtest chain: blocks that it takes are validated, stored, and followed when they have the most work.

    Args:
        directory: where the chain is; made if it does not exist. One process at a time may open it.
        reindex: whether to rebuild both databases from the block files.

    Attributes:
        faults: what could not be written or read, in the words of the library; not to be used further then.

    Raises:
        ChainError: the databases cannot be opened.
    """

    def __init__(self, directory: Path, *, reindex: bool = False) -> None:
        _disable_logging()
        self._stack = ExitStack()
        # What callbacks heard. ctypes swallows an exception in a callback: they append and nothing else.
        self._verdicts: list[tuple[Any, Any]] = []
        self.faults: list[str] = []
        self._manager: Any = None
        self._chain: Any = None
        try:
            self._manager = self._stack.enter_context(self._open(directory, reindex))
            self._chain = self._manager.get_active_chain()
            failed = self._manager.import_blocks([])
        except (RuntimeError, UnicodeError) as e:
            self.close()
            raise ChainError(f"the embedded chain in {directory} cannot be opened: {e}") from e
        if failed or self.faults:
            fault = self._fault()
            self.close()
            raise ChainError(
                f"the embedded chain in {directory} cannot be opened{fault}",
                "see that its disk has 100 MB free, and try again",  # libbitcoinkernel wants 50 and takes 17
            )

    def _open(self, directory: Path, reindex: bool) -> Any:
        context = pbk.ContextOptions()
        context.set_chainparams(pbk.ChainParameters(pbk.ChainType.REGTEST))
        context.set_validation_interface(
            pbk.ValidationInterfaceCallbacks(
                block_checked=lambda _, __, state: self._verdicts.append(
                    (state.validation_mode, state.block_validation_result)
                )
            )
        )
        context.set_notifications(
            NotificationInterfaceCallbacks(flush_error=self._on_fault, fatal_error=self._on_fault)
        )
        options = pbk.ChainstateManagerOptions(
            self._stack.enter_context(pbk.Context(context)),
            str(directory.absolute()),
            str((directory / "blocks").absolute()),
        )
        if reindex:
            options.set_wipe_dbs(True, True)
        return pbk.ChainstateManager(options)

    def _on_fault(self, _: object, message: Any, length: int) -> None:
        self.faults.append(ctypes.string_at(message, length).decode(errors="replace"))

    def _fault(self) -> str:
        return ": " + "; ".join(self.faults) if self.faults else ""

    def close(self) -> None:
        """Write the databases and let go of the directory. A second call does nothing."""
        self._manager = self._chain = None
        self._stack.close()

    @property
    def is_open(self) -> bool:
        """Whether it has not been closed."""
        return self._manager is not None

    def tip(self) -> Block:
        """Return the last block of the active chain."""
        return self.block(self._active.height)

    def block(self, height: int) -> Block:
        """Return a block of the active chain, 0..tip."""
        return _block(self._active.block_tree_entries[height])

    def fork(self, block_hash: bytes) -> Block | None:
        """Return the last block that the active chain shares with the history of a block; None if unknown."""
        active = self._active.block_tree_entries
        try:
            entry = self._manager.block_tree_entries[pbk.BlockHash(block_hash)]
        except KeyError:
            return None
        while entry not in active:
            entry = entry.previous
        return _block(entry)

    def transactions(self, height: int) -> tuple[Transaction, ...]:
        """Read the transactions of a block of the active chain.

        Raises:
            ChainError: its file cannot be read.
        """
        try:
            block = self._manager.blocks[self._active.block_tree_entries[height]]
        except RuntimeError as e:
            raise ChainError(f"block {height} of the embedded chain cannot be read: {e}") from e
        return tuple(Transaction.from_bytes(bytes(tx)) for tx in block.transactions)

    def process(self, block: bytes) -> None:
        """Validate and store a block; a block known already is no error.

        Raises:
            ChainError: it is malformed or breaks a rule of consensus, or it cannot be written.
        """
        self._require_open()
        self._require_sound()
        self._verdicts.clear()
        failure = ""
        try:
            self._manager.process_block(pbk.Block(block))
        except (RuntimeError, pbk.KernelException) as e:
            failure = str(e)
        self._require_sound()
        for mode, result in self._verdicts:
            if mode != pbk.ValidationMode.VALID:
                raise ChainError(f"a block was refused: {result.name.lower().replace('_', '-')}")
        if failure:
            raise ChainError(f"a block was refused: {failure}")

    @property
    def _active(self) -> Any:
        self._require_open()
        return self._chain

    def _require_sound(self) -> None:
        if self.faults:
            raise ChainError(f"a block cannot be stored{self._fault()}", "free space and start again")

    def _require_open(self) -> None:
        if not self.is_open:  # a null pointer would end the process
            raise ChainError(_CLOSED)


def _block(entry: Any) -> Block:
    time = int.from_bytes(bytes(entry.block_header)[68:72], "little")
    return Block(entry.height, bytes(entry.block_hash), time)


def failing_input(tx: Transaction, spent: Sequence[TxOut]) -> int | None:
    """Run the scripts of a transaction under the rules of consensus.

    Args:
        tx: the transaction.
        spent: what its inputs spend, in their order.

    Returns:
        Index of the first input whose script fails; None if all hold. The rules of relay, such as low-S,
        are not among those of consensus.
    """
    kernel_tx = pbk.Transaction(bytes(tx))
    outputs = [pbk.TransactionOutput(pbk.ScriptPubkey(out.script_pubkey), out.value) for out in spent]
    precomputed = PrecomputedTransactionData(kernel_tx, outputs)
    flags = pbk.ScriptVerificationFlags.ALL
    for i, out in enumerate(outputs):
        if not out.script_pubkey.verify(out.amount, kernel_tx, precomputed, i, flags):
            return i
    return None


@functools.cache
def _disable_logging() -> None:
    """Keep the library from buffering log lines that nobody reads; it may be told once."""
    btck_logging_disable()
