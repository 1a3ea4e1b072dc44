"""A SQLite file that survives power loss: settings asserted at the start, one process, whole transactions."""

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, Self

from storage.directory import DirectoryLock, make_private, sync_directory
from storage.errors import (
    CorruptError,
    DiskError,
    ExistsError,
    FullError,
    LockedError,
    MissingError,
    StorageError,
)
from storage.schema import Schema

# Asserted after opening, where a value is named (security.md, Durability settings).
_SETTINGS: Final = (
    # one process owns the file: there is no shared memory, whose file would need space to open a wallet
    ("locking_mode", "EXCLUSIVE", "exclusive"),
    ("trusted_schema", "OFF", 0),  # a schema may not call functions with side effects
    ("cell_size_check", "ON", 1),
    ("temp_store", "MEMORY", 2),  # no temporary files
    ("mmap_size", "0", None),  # a failing disk is an error, not a SIGBUS; no row where SQLite has none
    ("journal_mode", "WAL", "wal"),
    ("synchronous", "FULL", 2),  # each commit is on the disk when it returns
    ("foreign_keys", "ON", 1),
    ("secure_delete", "ON", 1),
)
_MINIMUM_SQLITE: Final = (3, 37, 0)  # STRICT tables
_SUFFIXES: Final = ("", "-wal", "-shm")  # of the files that are one
_CHUNK: Final = 1 << 16

Row = tuple[Any, ...]


class Database:
    """An open file. Threads may share it: a transaction excludes the others.

    After an error of the disk nothing more is read or written: what reached the disk is not known until the
    file is opened again.
    """

    __slots__ = ("_connection", "_depth", "_failed", "_guard", "_lock", "path")

    def __init__(self, path: Path, connection: sqlite3.Connection, lock: DirectoryLock) -> None:
        self.path = path
        self._connection = connection
        self._lock = lock
        self._guard = threading.RLock()
        self._depth = 0
        self._failed = False

    @classmethod
    def create(cls, path: Path, schema: Schema, fill: "Callable[[Database], object]") -> Self:
        """Make a file, whole or not at all.

        Args:
            path: where; its directory is made with mode 0700 when it is missing, the file with 0600.
            schema: its tables.
            fill: writes the first rows.

        Returns:
            The open file.

        Raises:
            ExistsError: there is one.
            LockedError, FullError, StorageError: it cannot be made.
        """
        make_private(path.parent)
        lock = DirectoryLock.take(path.parent)
        try:
            if path.exists():
                raise ExistsError(f"{path} exists already")
            # under the lock, what another process left unfinished belongs to nobody
            draft = path.with_name(f".{path.name}.new")
            _remove(draft)
            try:
                _write(draft, schema, lambda connection: fill(cls(draft, connection, lock)))
                draft.rename(path)
                sync_directory(path.parent)
            except BaseException:
                _remove(draft)
                raise
            return cls(path, _connect(path, schema), lock)
        except OSError as e:
            lock.release()
            raise StorageError(f"{path} cannot be made: {os.strerror(e.errno or 0)}") from e
        except BaseException:
            lock.release()
            raise

    @classmethod
    def open(cls, path: Path, schema: Schema) -> Self:
        """Open a file, check it and bring it to the newest format.

        Raises:
            MissingError: there is none.
            LockedError: another process has it.
            NewerFormatError: a newer program wrote it.
            CorruptError: it is damaged or another thing.
            StorageError: it, or its directory, cannot be written.
        """
        if not path.is_file():
            raise MissingError(f"there is no {path}")
        if not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)):
            raise StorageError(
                f"{path} cannot be written",
                "check its owner, its permissions, and whether the disk is read-only",
            )
        lock = DirectoryLock.take(path.parent)
        try:
            return cls(path, _connect(path, schema), lock)
        except BaseException:
            lock.release()
            raise

    @staticmethod
    def destroy(path: Path) -> None:
        """Overwrite a file and its log with zeros and delete them, whatever is in them.

        Raises:
            MissingError: there is none.
            LockedError: another process has it.
            StorageError: it cannot be deleted; do it again.

        Security:
            A disk that writes elsewhere than it is told, such as flash, keeps old blocks for a while.
        """
        if not path.is_file():
            raise MissingError(f"there is no {path}")
        lock = DirectoryLock.take(path.parent)
        try:
            for suffix in _SUFFIXES:
                _overwrite(path.with_name(path.name + suffix))
            _remove(path)
            sync_directory(path.parent)
        except OSError as e:
            raise StorageError(f"{path} cannot be deleted: {os.strerror(e.errno or 0)}") from e
        finally:
            lock.release()

    def close(self) -> None:
        """Close the file and free its directory; a second call does nothing."""
        with self._guard:
            with suppress(sqlite3.Error):
                self._connection.close()
            self._lock.release()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Run a block whose changes become durable together at its end, or not at all when it raises.

        A transaction in a transaction is a part of it, undone on its own when its block raises.
        """
        with self._guard:
            name = f"level{self._depth}"
            self._run("BEGIN IMMEDIATE" if self._depth == 0 else f"SAVEPOINT {name}")
            self._depth += 1
            try:
                yield
                self._run("COMMIT" if self._depth == 1 else f"RELEASE {name}")
            except BaseException:
                self._undo(name)
                raise
            finally:
                self._depth -= 1

    def execute(self, sql: str, *values: object) -> int:
        """Run one statement, durable by its end when it is not in a transaction.

        Returns:
            The number of rows that it changed.
        """
        with self._guard:
            return self._run(sql, *values).rowcount

    def rows(self, sql: str, *values: object) -> list[Row]:
        """Return all rows of a query."""
        with self._guard, translated(self):
            return self._run(sql, *values).fetchall()

    def row(self, sql: str, *values: object) -> Row | None:
        """Return the first row of a query, None if there is none."""
        found = self.rows(sql, *values)
        return found[0] if found else None

    def truncate_log(self) -> None:
        """Move the write-ahead log into the file and empty it, so that what was deleted is in neither."""
        with self._guard:
            self._run("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def fail(self) -> None:
        """Refuse every further use: the disk failed."""
        self._failed = True

    def _run(self, sql: str, *values: object) -> sqlite3.Cursor:
        if self._failed:
            raise DiskError(f"{self.path} was given up after an error of the disk", "start again")
        with translated(self):
            return self._connection.execute(sql, values)

    def _undo(self, name: str) -> None:
        # SQLite may have rolled the transaction back already
        with suppress(sqlite3.Error):
            if self._depth == 1:
                self._connection.execute("ROLLBACK")
            else:
                self._connection.execute(f"ROLLBACK TO {name}")
                self._connection.execute(f"RELEASE {name}")


@contextmanager
def translated(database: Database | None = None) -> Iterator[None]:
    """Raise the StorageError of an error of SQLite."""
    try:
        yield
    except sqlite3.Error as e:
        code = getattr(e, "sqlite_errorcode", 0) & 0xFF
        if code == sqlite3.SQLITE_IOERR and database is not None:
            database.fail()
        raise _translate(code, e) from e
    except UnicodeDecodeError as e:
        raise CorruptError("the file is damaged: a text in it is none") from e


def _translate(code: int, error: sqlite3.Error) -> StorageError:
    name = getattr(error, "sqlite_errorname", type(error).__name__)
    if code == sqlite3.SQLITE_FULL:
        return FullError("the disk is full", "free some space and do it again: nothing was changed")
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return LockedError("another process has the file open", "wait until it has ended, or end it")
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return CorruptError("the file is damaged or no database")
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN):
        return StorageError(f"the file cannot be written ({name})", "check its owner and permissions")
    if code == sqlite3.SQLITE_IOERR:
        return DiskError(f"the disk failed ({name})", "check the disk and its free space, then start again")
    return StorageError(f"SQLite refused ({name}): {error}")


def _connect(path: Path, schema: Schema) -> sqlite3.Connection:
    """Open an existing file with its settings, and check it."""
    if sqlite3.sqlite_version_info < _MINIMUM_SQLITE:
        raise StorageError(f"SQLite {sqlite3.sqlite_version} is too old: 3.37 or newer is needed")
    with translated():
        connection = sqlite3.connect(
            path.absolute().as_uri() + "?mode=rw", uri=True, isolation_level=None, check_same_thread=False
        )
        try:
            _check(connection, path, schema)
            schema.migrate(connection)
        except BaseException:
            connection.close()
            raise
    return connection


def _check(connection: sqlite3.Connection, path: Path, schema: Schema) -> None:
    # nothing of the schema runs before it is known to be ours, and the first read decides on shared memory
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    schema.check(connection)
    _settle(connection)
    # also that an index has what its table has: rows are looked for in either
    sound = connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    if not sound or _ends_in_a_page(connection, path):
        raise CorruptError("the file is damaged")


def _ends_in_a_page(connection: sqlite3.Connection, path: Path) -> bool:
    """Tell whether the last page was cut off, for which SQLite would read zeros, and is in no log either."""
    ((page,),) = connection.execute("PRAGMA page_size").fetchall()
    log = path.with_name(path.name + "-wal")
    return path.stat().st_size % page != 0 and not (log.exists() and log.stat().st_size)


def _settle(connection: sqlite3.Connection) -> None:
    for name, value, expected in _SETTINGS:
        connection.execute(f"PRAGMA {name} = {value}").fetchall()
        row = connection.execute(f"PRAGMA {name}").fetchone()
        if expected is not None and row != (expected,):
            raise StorageError(
                f"SQLite does not take {name} = {value}", "use a local disk and another SQLite"
            )


def _write(path: Path, schema: Schema, fill: Callable[[sqlite3.Connection], object]) -> None:
    """Make a file in one transaction per script and one for its first rows, and close it."""
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    with translated():
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            _settle(connection)
            schema.create(connection)
            fill(connection)
            # close() would do it, too, but says nothing when a full disk keeps it from doing so
            if connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall() != [(0, 0, 0)]:
                raise StorageError("SQLite does not move its log into the file", "do it again")
        finally:
            connection.close()


def _overwrite(path: Path) -> None:
    with suppress(FileNotFoundError), open(path, "r+b", opener=_no_link, buffering=0) as file:
        for left in range(os.fstat(file.fileno()).st_size, 0, -_CHUNK):
            file.write(bytes(min(left, _CHUNK)))
        os.fsync(file.fileno())


def _no_link(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW)


def _remove(path: Path) -> None:
    for suffix in _SUFFIXES:
        path.with_name(path.name + suffix).unlink(missing_ok=True)
