"""Files of the embedded chain beside libbitcoinkernel's own: its lock, a mark of being open, the mempool.

DIR/lock         held while a process has the chain open
DIR/open         there while the databases are not written; found on open, it tells of a kill: reindex
DIR/mempool.json transactions of the mempool, parents first
DIR/blocks/      block files, from which everything else can be rebuilt
"""

import fcntl
import json
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from wallet.errors import ChainError, MalformedError
from wallet.tx import Transaction

LOCK_TIMEOUT: Final = 5.0  # seconds; a command of the CLI is done by then

_POLL: Final = 0.02  # seconds
_FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class Waiting:
    """A transaction of the mempool as stored.

    Args:
        tx: the transaction.
        first_seen: Unix seconds.
    """

    tx: Transaction
    first_seen: int


class Disk:
    """The directory of a chain, locked until it is closed.

    Args:
        directory: made if it does not exist, with access for its owner only.
        timeout: seconds to wait for another process to close it.

    Raises:
        ChainError: another process has it, or it cannot be written.
    """

    def __init__(self, directory: Path, timeout: float = LOCK_TIMEOUT) -> None:
        self.directory = directory
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as e:
            raise ChainError(f"the directory of the embedded chain cannot be used: {e}") from e
        deadline = time.monotonic() + timeout
        while not self._try_lock():
            if time.monotonic() >= deadline:
                os.close(self._lock)
                raise ChainError(
                    f"another process has the embedded chain in {directory} open",
                    "wait until it ends, or run several processes on one chain with bitcoind",
                )
            time.sleep(_POLL)

    def _try_lock(self) -> bool:
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def unlock(self) -> None:
        """Let another process open the chain."""
        os.close(self._lock)

    @property
    def was_killed(self) -> bool:
        """Whether the last process that had the chain open did not close it."""
        return self._mark.exists()

    @property
    def _mark(self) -> Path:
        return self.directory / "open"

    def mark_open(self) -> None:
        """Record durably that the databases may be behind the block files."""
        self._replace(self._mark, b"")

    def mark_closed(self) -> None:
        """Record durably that the databases are written."""
        self._mark.unlink()
        _sync(self.directory)

    def sync_blocks(self) -> None:
        """Make the block files durable: libbitcoinkernel leaves them to the operating system."""
        blocks = self.directory / "blocks"
        for path in (*blocks.glob("blk*.dat"), *blocks.glob("xor.dat"), blocks):
            _sync(path)

    def load_mempool(self) -> list[Waiting]:
        """Return the transactions of the mempool, parents first.

        Raises:
            ChainError: the file is damaged.
        """
        path = self.directory / "mempool.json"
        try:
            stored = json.loads(path.read_bytes())
            if stored["format"] != _FORMAT:
                raise ChainError(f"{path} is of another version of this program")
            return [Waiting(Transaction.from_hex(tx), int(seen)) for tx, seen in stored["transactions"]]
        except FileNotFoundError:
            return []
        except (ValueError, KeyError, TypeError, MalformedError) as e:
            raise ChainError(
                f"{path} is damaged", "remove it: a wallet sends its own transactions again"
            ) from e

    def save_mempool(self, transactions: Iterable[Waiting]) -> None:
        """Replace the stored mempool durably.

        Raises:
            ChainError: the disk is full or cannot be written.
        """
        rows = [(bytes(waiting.tx).hex(), waiting.first_seen) for waiting in transactions]
        stored = json.dumps({"format": _FORMAT, "transactions": rows})
        self._replace(self.directory / "mempool.json", stored.encode())

    def _replace(self, path: Path, content: bytes) -> None:
        fresh = path.with_suffix(".new")
        try:
            fresh.write_bytes(content)
            _sync(fresh)
            fresh.replace(path)
            _sync(self.directory)
        except OSError as e:
            raise ChainError(f"{path} cannot be written: {e.strerror}", "free space on the disk") from e


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
