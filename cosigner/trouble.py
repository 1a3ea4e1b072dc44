"""What stops a keeper at home: its own party's file fails, or the program. The peers have no part in it."""

import threading
from dataclasses import dataclass
from typing import Final, Self

from cosigner.errors import CosignerError
from native.errors import NativeError
from presig_pool.refill import BackOff, longer
from protocol.errors import MpcError
from storage.errors import CorruptError, DiskError, NewerFormatError, SealedError, StorageError

STORE_FAILURES: Final = (StorageError, OSError)
_LASTING: Final = (CorruptError, DiskError, NewerFormatError, SealedError)


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why no presignatures are made for a party: its file cannot be read or written, or the program errs.

    Args:
        until: Unix seconds; it is tried again then. None: not before the process is started again.
        reason: in words, with what the user can do.
    """

    until: int | None
    reason: str

    @classmethod
    def of(cls, error: Exception, again: BackOff | None = None) -> Self:
        """Say what an error means.

        Args:
            error: one of STORE_FAILURES or of the keeper's work; what else it is, its text is not shown.
            again: when it is tried again, unless the file is lost to this process; None for never.
        """
        if not isinstance(error, (*STORE_FAILURES, MpcError, NativeError)):
            error = CosignerError(f"an error in the program, {type(error).__name__}", "its log says where")
        hint = getattr(error, "hint", "")
        until = None if again is None or isinstance(error, _LASTING) else again.until
        return cls(until, f"{error}: {hint}" if hint else str(error))


def tell_unexpected(error: Exception) -> None:
    """Tell of an error that nobody expects as threads that end with one do, in a thread that goes on."""
    traceback, thread = error.__traceback__, threading.current_thread()
    threading.excepthook(threading.ExceptHookArgs((type(error), error, traceback, thread)))


class OwnSide:
    """How a keeper's own side fares; the keeper locks it."""

    __slots__ = ("_backoff", "trouble")

    def __init__(self) -> None:
        self._backoff: BackOff | None = None
        self.trouble: Trouble | None = None

    @property
    def lost(self) -> bool:
        """Whether nothing but a new start helps."""
        return self.trouble is not None and self.trouble.until is None

    def rests(self, now: int) -> bool:
        """Tell whether it is too early to try again."""
        return self.lost or (self._backoff is not None and now < self._backoff.until)

    def failed(self, error: Exception, now: int) -> None:
        """Note a failure: each after another one costs twice as long a rest."""
        self._backoff = longer(self._backoff, now)
        self.trouble = Trouble.of(error, self._backoff)

    def works(self) -> None:
        """Note that work with it has succeeded."""
        self._backoff = self.trouble = None
