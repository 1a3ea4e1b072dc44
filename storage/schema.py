"""Schemas of SQLite files: numbered SQL scripts, each of which takes a file from one version to the next."""

import re
import sqlite3
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

from storage.errors import CorruptError, NewerFormatError, StorageError

_SCRIPT: Final = re.compile(r"(\d{3})_[a-z0-9_]+\.sql")
_OBJECTS: Final = "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name"


@dataclass(frozen=True, slots=True)
class Schema:
    """The tables of a kind of file.

    Args:
        name: of the kind, in words.
        application_id: four bytes in the file's header (PRAGMA application_id).
        folder: scripts 001_*.sql, 002_*.sql, ...; a released one never changes, not in a comment either.
    """

    name: str
    application_id: int
    folder: Traversable

    @property
    def scripts(self) -> tuple[str, ...]:
        """The text of the scripts, script i leading from version i to i + 1."""
        found = {m[1]: entry for entry in self.folder.iterdir() if (m := _SCRIPT.fullmatch(entry.name))}
        return tuple(found[f"{i + 1:03d}"].read_text(encoding="utf-8") for i in range(len(found)))

    def create(self, connection: sqlite3.Connection) -> None:
        """Make the tables in an empty file."""
        connection.execute(f"PRAGMA application_id = {self.application_id}")
        _run(connection, self.scripts, 0)

    def check(self, connection: sqlite3.Connection) -> None:
        """Check that a file is of this kind and version or older, and that nobody changed its schema.

        Raises:
            CorruptError: it is of another kind, or a table or trigger is not as the scripts made it.
            NewerFormatError: a newer program wrote it.
        """
        version = _pragma(connection, "user_version")
        if _pragma(connection, "application_id") != self.application_id or version < 1:
            raise CorruptError(f"the file is no {self.name}")
        scripts = self.scripts
        if version > len(scripts):
            raise NewerFormatError(
                f"the file has format {version} and this program knows formats up to {len(scripts)}",
                "install the version of the program that wrote it, or a newer one",
            )
        if connection.execute(_OBJECTS).fetchall() != _objects(scripts[:version]):
            raise CorruptError("the tables are not those that this program makes")

    def migrate(self, connection: sqlite3.Connection) -> None:
        """Bring a checked file to the newest version, each step in a transaction of its own."""
        version = _pragma(connection, "user_version")
        _run(connection, self.scripts[version:], version)


def packaged(name: str, application_id: bytes) -> Schema:
    """Return the schema whose scripts stand in storage/migrations/<name>."""
    number = int.from_bytes(application_id, "big")
    return Schema(f"{name} file of mpcwallet", number, files("storage") / "migrations" / name)


def _run(connection: sqlite3.Connection, scripts: tuple[str, ...], version: int) -> None:
    for script in scripts:
        version += 1
        try:
            connection.executescript(f"BEGIN IMMEDIATE;\n{script}\nPRAGMA user_version = {version};\nCOMMIT;")
        except sqlite3.Error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


def _objects(scripts: tuple[str, ...]) -> list[tuple[str, str, str, str]]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    try:
        _run(connection, scripts, 0)
        return connection.execute(_OBJECTS).fetchall()
    finally:
        connection.close()


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    row = connection.execute(f"PRAGMA {name}").fetchone()
    if row is None or not isinstance(row[0], int):
        raise StorageError(f"SQLite does not know PRAGMA {name}")
    return row[0]
