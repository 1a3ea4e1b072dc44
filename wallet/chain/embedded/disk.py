"""Files of the embedded chain beside libbitcoinkernel's own: a lock, and a state that is replaced as a whole.

DIR/lock        held while a process has the chain open
DIR/state.json  whether the databases are written, how many blocks are durable, the mempool
DIR/blocks/     block files, from which the databases can be rebuilt
"""

import fcntl
import json
import os
import time
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


@dataclass(frozen=True, slots=True)
class State:
    """What is known of a chain that is not open.

    Args:
        height: of the last block that is durable.
        closed: whether the databases are written; if not, a process was killed.
        mempool: parents first.
    """

    height: int = 0
    closed: bool = False
    mempool: tuple[Waiting, ...] = ()


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
        self._synced: set[Path] = set()  # block files
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

    def sync_blocks(self) -> None:
        """Make the block files durable: libbitcoinkernel leaves them to the operating system."""
        blocks = self.directory / "blocks"
        files = sorted(blocks.glob("blk*.dat"))  # the last one grows
        fresh = set(files) - self._synced
        for path in fresh | set(files[-1:]):
            _sync(path)
        if fresh:
            _sync(blocks / "xor.dat")  # the files cannot be read without it
            _sync(blocks)
            self._synced |= fresh

    def load(self) -> State:
        """Return the state of the chain; one without a file was never closed.

        Raises:
            ChainError: the file is damaged.
        """
        try:
            stored = json.loads(self._state.read_bytes())
            if stored["format"] != _FORMAT:
                raise ChainError(f"{self._state} is of another version of this program", "update the program")
            mempool = (Waiting(Transaction.from_hex(tx), int(seen)) for tx, seen in stored["mempool"])
            return State(int(stored["height"]), bool(stored["closed"]), tuple(mempool))
        except FileNotFoundError:
            return State()
        except (ValueError, KeyError, TypeError, AttributeError, MalformedError) as e:
            raise ChainError(
                f"{self._state} is damaged",
                "remove it: blocks are kept, and a wallet sends its own unconfirmed transactions again",
            ) from e

    def save(self, state: State) -> None:
        """Replace the state durably.

        Raises:
            ChainError: the disk is full or cannot be written.
        """
        stored = {
            "format": _FORMAT,
            "height": state.height,
            "closed": state.closed,
            "mempool": [(bytes(waiting.tx).hex(), waiting.first_seen) for waiting in state.mempool],
        }
        fresh = self._state.with_suffix(".new")
        try:
            fresh.write_text(json.dumps(stored))
            _sync(fresh)
            fresh.replace(self._state)
            _sync(self.directory)
        except OSError as e:
            raise ChainError(
                f"{self._state} cannot be written: {e.strerror}", "free space on the disk"
            ) from e

    @property
    def _state(self) -> Path:
        return self.directory / "state.json"


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
