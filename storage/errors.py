"""The errors of storage/: each says what was wrong with what is kept and what to do."""

from protocol.errors import MpcError


class StorageError(MpcError):
    """What is kept cannot be read or written; a change that raises it was not made.

    Attributes:
        hint: what the user can do; empty when the message says it all.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        self.hint = hint
        super().__init__(message)


class MissingError(StorageError):
    """There is nothing under this name."""


class ExistsError(StorageError):
    """There is something under this name already: nothing was overwritten."""


class WrongPassphraseError(StorageError):
    """The passphrase does not open the file; nothing was changed."""


class SealedError(StorageError):
    """A secret was asked for before unseal()."""


class CorruptError(StorageError):
    """The file is not what this program wrote: damaged, or changed by somebody.

    Attributes:
        table: where, empty when it is the file as a whole.
        row: which row, in words; empty when it is the table as a whole.
    """

    def __init__(self, message: str, table: str = "", row: str = "", hint: str = "") -> None:
        self.table = table
        self.row = row
        place = " ".join(part for part in (table, row) if part)
        super().__init__(f"{place}: {message}" if place else message, hint or _RESTORE)


class RolledBackError(CorruptError):
    """A part of the file is older than the rest: somebody put it back from a copy."""


class DiskError(StorageError):
    """The disk failed: nothing more is read or written until the file is opened again."""


class LockedError(StorageError):
    """Another process has the file open."""


class FullError(StorageError):
    """The disk is full."""


class NewerFormatError(StorageError):
    """The file was written by a newer version of the program."""


_RESTORE = "do not use the file; keep it, and restore this party from its backup"
