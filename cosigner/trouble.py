"""What stops a keeper at home: the file of its own party fails. The peers have no part in it."""

from dataclasses import dataclass
from typing import Final, Self

from presig_pool.refill import BackOff, longer
from storage.errors import CorruptError, DiskError, NewerFormatError, SealedError, StorageError

STORE_FAILURES: Final = (StorageError, OSError)
_LASTING: Final = (CorruptError, DiskError, NewerFormatError, SealedError)


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why no presignatures are made for a party: its file cannot be read or written.

    Args:
        until: Unix seconds; it is tried again then. None: not before the process is started again.
        reason: in words, with what the user can do.
    """

    until: int | None
    reason: str

    @classmethod
    def of(cls, error: Exception, again: BackOff | None = None) -> Self:
        """Say what an error of a store means.

        Args:
            error: one of STORE_FAILURES.
            again: when it is tried again, unless the file is lost to this process; None for never.
        """
        hint = getattr(error, "hint", "")
        until = None if again is None or isinstance(error, _LASTING) else again.until
        return cls(until, f"{error}: {hint}" if hint else str(error))


class OwnStore:
    """How the file of a keeper's own party fares; the keeper locks it."""

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
