import os
import sqlite3
import threading
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from storage import directory, engine
from storage.engine import Database
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
from tests.storage.samples import sql


@pytest.fixture
def schema(tmp_path: Path) -> Schema:
    folder = tmp_path / "migrations"
    folder.mkdir()
    (folder / "001_initial.sql").write_text(
        "CREATE TABLE a (x INTEGER PRIMARY KEY) STRICT;"
        "CREATE TABLE b (y INTEGER NOT NULL REFERENCES a (x)) STRICT;"
        "CREATE TABLE c (data BLOB NOT NULL) STRICT;"
        "CREATE TABLE d (name TEXT NOT NULL UNIQUE) STRICT;"
    )
    return Schema("test file", 7, folder)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "wallet" / "x.db"


@pytest.fixture
def db(path: Path, schema: Schema) -> Database:
    return Database.create(path, schema, lambda db: db.execute("INSERT INTO a VALUES (1)"))


def values(db: Database) -> list[int]:
    return [x for (x,) in db.rows("SELECT x FROM a ORDER BY x")]


# making and opening


def test_a_new_file_has_its_first_rows_and_is_private(db: Database, path: Path) -> None:
    assert values(db) == [1]
    db.execute("INSERT INTO a VALUES (2)")
    for file in path.parent.iterdir():
        assert file.stat().st_mode & 0o777 == 0o600, file
    assert {file.name for file in path.parent.iterdir()} == {"x.db", "x.db-wal"}
    assert path.parent.stat().st_mode & 0o777 == 0o700
    db.close()
    assert [file.name for file in path.parent.iterdir()] == ["x.db"]


def test_a_file_that_is_there_is_not_overwritten(db: Database, path: Path, schema: Schema) -> None:
    db.close()
    before = path.read_bytes()
    with pytest.raises(ExistsError):
        Database.create(path, schema, lambda _: None)
    assert path.read_bytes() == before
    Database.open(path, schema).close()


def test_nothing_is_left_of_a_file_whose_first_rows_fail(path: Path, schema: Schema) -> None:
    def fail(db: Database) -> None:
        db.execute("INSERT INTO a VALUES (1)")
        raise KeyError

    with pytest.raises(KeyError):
        Database.create(path, schema, fail)
    assert list(path.parent.iterdir()) == []
    Database.create(path, schema, lambda _: None).close()


def full_at_the_checkpoint(connection: sqlite3.Connection, sql: str) -> sqlite3.Cursor:
    error = sqlite3.OperationalError("database or disk is full")
    error.sqlite_errorcode = sqlite3.SQLITE_FULL
    raise error


def busy_at_the_checkpoint(connection: sqlite3.Connection, sql: str) -> sqlite3.Cursor:
    return connection.execute("SELECT 1, 5, 0")


@pytest.mark.parametrize(
    ("answer", "error"), [(full_at_the_checkpoint, FullError), (busy_at_the_checkpoint, StorageError)]
)
def test_a_file_whose_first_rows_stay_in_its_log_is_not_made(
    path: Path, schema: Schema, answer: Any, error: type[StorageError]
) -> None:
    class Connection(sqlite3.Connection):
        def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
            if "wal_checkpoint" in sql:
                return answer(super(), sql)
            return super().execute(sql, *values)

    connect = partial(sqlite3.connect, factory=Connection)
    with patch("storage.engine.sqlite3.connect", connect), pytest.raises(error):
        Database.create(path, schema, lambda _: None)
    assert list(path.parent.iterdir()) == []
    Database.create(path, schema, lambda _: None).close()


@pytest.mark.parametrize("name", ["x.db", ""], ids=["the file", "its directory"])
def test_what_cannot_be_written_is_not_opened(db: Database, path: Path, schema: Schema, name: str) -> None:
    db.close()
    closed = path if name else path.parent
    with (
        patch("storage.engine.os.access", lambda asked, _: asked != closed),
        pytest.raises(StorageError, match="cannot be written"),
    ):
        Database.open(path, schema)
    Database.open(path, schema).close()


def test_what_a_killed_process_left_unfinished_is_replaced(path: Path, schema: Schema) -> None:
    path.parent.mkdir(parents=True)
    for suffix in ("", "-wal", "-shm"):
        (path.parent / f".x.db.new{suffix}").write_bytes(b"half")
    Database.create(path, schema, lambda _: None).close()
    assert [file.name for file in path.parent.iterdir()] == ["x.db"]


def test_a_file_that_cannot_be_made_is_an_error(path: Path, schema: Schema) -> None:
    error = OSError(30, "read-only")
    with (
        patch.object(Path, "rename", side_effect=error),
        pytest.raises(StorageError, match="made: Read-only"),
    ):
        Database.create(path, schema, lambda _: None)
    assert list(path.parent.iterdir()) == []
    Database.create(path, schema, lambda _: None).close()


def test_a_missing_file_is_not_made_by_opening(path: Path, schema: Schema) -> None:
    with pytest.raises(MissingError):
        Database.open(path, schema)
    assert not path.parent.exists()


def test_one_owner_at_a_time(
    db: Database, path: Path, schema: Schema, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(directory, "LOCK_WAIT", 0.01)
    for _ in range(2):
        with pytest.raises(LockedError):
            Database.open(path, schema)
    with pytest.raises(LockedError):
        Database.create(path.with_name("other.db"), schema, lambda _: None)
    db.close()
    db.close()
    Database.open(path, schema).close()


def test_a_refused_file_is_free_again(path: Path, schema: Schema) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(b"nothing that SQLite knows" * 100)
    for _ in range(2):
        with pytest.raises(CorruptError):
            Database.open(path, schema)


def test_no_setting_of_durability_is_left_to_how_sqlite_was_built() -> None:
    asked = {name: value for name, value, _ in engine._SETTINGS}
    assert asked.items() >= {
        ("journal_mode", "WAL"),
        ("synchronous", "FULL"),
        ("foreign_keys", "ON"),
        ("secure_delete", "ON"),
    }


def test_the_settings_of_durability_hold(db: Database, path: Path, schema: Schema) -> None:
    db.close()
    for database in (
        Database.open(path, schema),
        Database.create(path.parent / "d" / "x.db", schema, lambda _: None),
    ):
        for name, value in {
            "locking_mode": "exclusive",
            "journal_mode": "wal",
            "synchronous": 2,
            "foreign_keys": 1,
            "secure_delete": 1,
            "trusted_schema": 0,
            "cell_size_check": 1,
            "temp_store": 2,
        }.items():
            assert database.row(f"PRAGMA {name}") == (value,), name
        database.close()


@pytest.mark.parametrize("name", [name for name, _, expected in engine._SETTINGS if expected is not None])
def test_a_setting_that_is_not_taken_stops_the_start(
    db: Database, path: Path, schema: Schema, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    db.close()
    weaker = tuple((n, v, "another" if n == name else e) for n, v, e in engine._SETTINGS)
    monkeypatch.setattr(engine, "_SETTINGS", weaker)
    with pytest.raises(StorageError, match=f"does not take {name}"):
        Database.open(path, schema)


def test_an_old_sqlite_is_refused(
    db: Database, path: Path, schema: Schema, monkeypatch: pytest.MonkeyPatch
) -> None:
    db.close()
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 36, 0))
    with pytest.raises(StorageError, match="too old"):
        Database.open(path, schema)


# damage


@pytest.mark.parametrize("content", [b"", b"x", b"SQLite format 3\0", bytes(8192), os.urandom(8192)])
def test_what_is_no_file_of_ours_is_refused(path: Path, schema: Schema, content: bytes) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    with pytest.raises(CorruptError) as e:
        Database.open(path, schema)
    assert "backup" in e.value.hint
    assert path.read_bytes() == content


@pytest.mark.parametrize("keep", [50, 99, 100, 4095, 4096, 4097, 12000, -4096, -1])
def test_a_truncated_file_is_refused(db: Database, path: Path, schema: Schema, keep: int) -> None:
    for i in range(20):
        db.execute("INSERT INTO c VALUES (?)", bytes([i]) * 3000)
    db.close()
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(CorruptError):
        Database.open(path, schema)


def test_a_page_that_is_whole_in_the_log_may_be_cut_in_the_file(
    db: Database, path: Path, schema: Schema, tmp_path: Path
) -> None:
    db.execute("INSERT INTO a VALUES (2)")
    copy = tmp_path / "copy" / "x.db"
    copy.parent.mkdir()
    copy.write_bytes(path.read_bytes() + b"part of a page")
    copy.with_name("x.db-wal").write_bytes(path.with_name("x.db-wal").read_bytes())
    assert values(Database.open(copy, schema)) == [1, 2]


def test_a_damaged_page_is_refused(db: Database, path: Path, schema: Schema) -> None:
    for i in range(200):
        db.execute("INSERT INTO a VALUES (?)", i + 100)
    db.close()
    data = bytearray(path.read_bytes())
    page = data.rindex(b"\x0d", 0, 4097)  # the leaf of table a begins the second page
    assert page == 4096
    data[page : page + 8] = bytes(8)
    path.write_bytes(data)
    with pytest.raises(CorruptError):
        Database.open(path, schema)


@pytest.mark.parametrize("place", ["table", "index"])
def test_an_index_that_has_other_values_than_its_table_is_refused(
    db: Database, path: Path, schema: Schema, place: str
) -> None:
    db.execute("INSERT INTO d VALUES ('presignature')")
    db.close()
    data = path.read_bytes()
    assert data.count(b"presignature") == 2
    at = data.index(b"presignature") if place == "table" else data.rindex(b"presignature")
    path.write_bytes(data[:at] + b"P" + data[at + 1 :])
    with pytest.raises(CorruptError):
        Database.open(path, schema)


def test_a_text_that_is_none_is_damage(db: Database, path: Path, schema: Schema) -> None:
    db.close()
    data = path.read_bytes()
    at = data.index(b"UNIQUE")  # SQLite cites what it cannot read
    path.write_bytes(data[:at] + b"\xf0" + data[at + 1 :])
    with pytest.raises(CorruptError):
        Database.open(path, schema)


def test_a_directory_in_the_place_of_the_file_is_no_file(path: Path, schema: Schema) -> None:
    path.mkdir(parents=True)
    with pytest.raises(MissingError):
        Database.open(path, schema)


# transactions


def insert_and_raise(db: Database, x: int, error: type[BaseException]) -> None:
    with db.transaction():
        db.execute("INSERT INTO a VALUES (?)", x)
        raise error


def test_a_transaction_is_kept_whole(db: Database, path: Path, schema: Schema) -> None:
    with db.transaction():
        db.execute("INSERT INTO a VALUES (2)")
        db.execute("INSERT INTO a VALUES (3)")
    db.close()
    assert values(Database.open(path, schema)) == [1, 2, 3]


@pytest.mark.parametrize("error", [KeyError, KeyboardInterrupt, SystemExit])
def test_a_transaction_that_raises_changes_nothing(db: Database, error: type[BaseException]) -> None:
    with pytest.raises(error):
        insert_and_raise(db, 2, error)
    assert values(db) == [1]
    with db.transaction():
        db.execute("INSERT INTO a VALUES (2)")
    assert values(db) == [1, 2]


def test_a_statement_that_raises_undoes_the_transaction(db: Database) -> None:
    with pytest.raises(StorageError, match="CONSTRAINT"):
        insert_and_raise(db, 1, KeyError)
    assert values(db) == [1]
    with pytest.raises(KeyError):
        insert_and_raise(db, 2, KeyError)
    assert values(db) == [1]


def test_an_inner_transaction_is_part_of_the_outer(db: Database) -> None:
    def outer() -> None:
        with db.transaction():
            with db.transaction():
                db.execute("INSERT INTO a VALUES (2)")
            assert values(db) == [1, 2]
            raise KeyError

    with pytest.raises(KeyError):
        outer()
    assert values(db) == [1]


def test_an_inner_transaction_is_undone_alone(db: Database) -> None:
    def inner() -> None:
        with db.transaction():
            db.execute("INSERT INTO a VALUES (3)")
            with db.transaction():
                db.execute("INSERT INTO a VALUES (4)")
            raise KeyError

    with db.transaction():
        db.execute("INSERT INTO a VALUES (2)")
        with pytest.raises(KeyError):
            inner()
        db.execute("INSERT INTO a VALUES (5)")
    assert values(db) == [1, 2, 5]


def test_a_transaction_keeps_other_threads_out(db: Database) -> None:
    seen: list[list[int]] = []
    reader = threading.Thread(target=lambda: seen.append(values(db)))
    with db.transaction():
        db.execute("INSERT INTO a VALUES (2)")
        reader.start()
        reader.join(0.05)
        assert reader.is_alive()
        db.execute("INSERT INTO a VALUES (3)")
    reader.join()
    assert seen == [[1, 2, 3]]


def test_threads_lose_no_change(db: Database) -> None:
    db.execute("INSERT INTO c VALUES (x'00')")

    def count() -> None:
        for _ in range(20):
            with db.transaction():
                ((data,),) = db.rows("SELECT data FROM c")
                db.execute("UPDATE c SET data = ?", bytes([data[0] + 1]))

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert db.row("SELECT data FROM c") == (bytes([80]),)


def test_foreign_keys_and_types_hold(db: Database) -> None:
    with pytest.raises(StorageError, match="FOREIGNKEY"):
        db.execute("INSERT INTO b VALUES (9)")
    with pytest.raises(StorageError, match="cannot store TEXT"):
        db.execute("INSERT INTO c VALUES ('text')")


def test_row_is_the_first_or_none(db: Database) -> None:
    db.execute("INSERT INTO a VALUES (2)")
    assert db.row("SELECT x FROM a ORDER BY x") == (1,)
    assert db.row("SELECT x FROM a WHERE x = 9") is None
    assert db.execute("DELETE FROM a WHERE x > 0") == 2


def test_deleted_bytes_are_in_no_file(db: Database, path: Path) -> None:
    canary = b"canary" * 10
    db.execute("INSERT INTO c VALUES (?)", canary)
    assert any(canary in file.read_bytes() for file in path.parent.iterdir())
    db.execute("DELETE FROM c")
    db.truncate_log()
    assert path.with_name("x.db-wal").stat().st_size == 0
    assert not any(canary in file.read_bytes() for file in path.parent.iterdir())


# errors of SQLite


class Failing:
    """A connection that fails as SQLite does."""

    def __init__(self, code: int, name: str) -> None:
        self.error = sqlite3.OperationalError("the words of SQLite")
        self.error.sqlite_errorcode, self.error.sqlite_errorname = code, name

    def execute(self, *_: object) -> None:
        raise self.error

    def close(self) -> None:
        raise self.error


@pytest.mark.parametrize(
    ("code", "name", "kind", "words"),
    [
        (sqlite3.SQLITE_FULL, "SQLITE_FULL", FullError, "disk is full"),
        (sqlite3.SQLITE_BUSY, "SQLITE_BUSY", LockedError, "another process"),
        (sqlite3.SQLITE_LOCKED, "SQLITE_LOCKED", LockedError, "another process"),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, "SQLITE_BUSY_SNAPSHOT", LockedError, "another process"),
        (sqlite3.SQLITE_CORRUPT, "SQLITE_CORRUPT", CorruptError, "damaged"),
        (sqlite3.SQLITE_NOTADB, "SQLITE_NOTADB", CorruptError, "damaged"),
        (sqlite3.SQLITE_READONLY, "SQLITE_READONLY", StorageError, "cannot be written"),
        (sqlite3.SQLITE_CANTOPEN, "SQLITE_CANTOPEN", StorageError, "cannot be written"),
        (sqlite3.SQLITE_PERM, "SQLITE_PERM", StorageError, "cannot be written"),
        (sqlite3.SQLITE_IOERR_FSYNC, "SQLITE_IOERR_FSYNC", DiskError, "disk failed .SQLITE_IOERR_FSYNC"),
        (sqlite3.SQLITE_ERROR, "SQLITE_ERROR", StorageError, "the words of SQLite"),
    ],
)
def test_an_error_of_sqlite_is_told_as_ours(
    db: Database, code: int, name: str, kind: type[StorageError], words: str
) -> None:
    db._connection.close()
    db._connection = Failing(code, name)
    with pytest.raises(kind, match=words) as e:
        db.execute("SELECT 1")
    assert type(e.value) is kind
    assert isinstance(e.value.__cause__, sqlite3.Error)
    db.close()


def test_after_an_error_of_the_disk_nothing_more_is_tried(db: Database) -> None:
    good = db._connection
    db._connection = Failing(sqlite3.SQLITE_IOERR_FSYNC, "SQLITE_IOERR_FSYNC")
    with pytest.raises(DiskError, match="disk failed"), db.transaction():
        pass
    db._connection = good
    for _ in range(2):
        with pytest.raises(DiskError, match="given up"):
            db.rows("SELECT 1")
    db.close()


def test_a_full_disk_can_be_freed_and_used_again(db: Database) -> None:
    good = db._connection
    db._connection = Failing(sqlite3.SQLITE_FULL, "SQLITE_FULL")
    with pytest.raises(FullError):
        db.execute("INSERT INTO a VALUES (2)")
    db._connection = good
    db.execute("INSERT INTO a VALUES (2)")
    assert values(db) == [1, 2]


def test_a_file_that_must_not_be_written_is_refused(db: Database, path: Path, schema: Schema) -> None:
    db.close()
    assert sql(path, "PRAGMA journal_mode") == [("wal",)]
    if os.geteuid() == 0:
        pytest.skip("root may write everything")
    path.chmod(0o400)
    with pytest.raises(StorageError, match="cannot be written"):
        Database.open(path, schema)
