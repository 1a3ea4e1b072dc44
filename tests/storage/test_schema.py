import sqlite3
from pathlib import Path

import pytest

from storage.engine import Database
from storage.errors import CorruptError, NewerFormatError, StorageError
from storage.party_file import SCHEMA as PARTY
from storage.schema import Schema, _pragma
from storage.wallets import SCHEMA as WALLET
from tests.storage.samples import sql

SCRIPTS = {
    "001_initial.sql": "CREATE TABLE a (x INTEGER NOT NULL) STRICT;",
    "002_more.sql": "CREATE TABLE b (y TEXT NOT NULL) STRICT;\nINSERT INTO b SELECT 'was ' || x FROM a;",
    "003_broken.sql": "CREATE TABLE c (z TEXT);INSERT INTO b VALUES ('half');INSERT INTO nothing VALUES (1);",
}


def schema(folder: Path, versions: int, application_id: int = 7) -> Schema:
    folder.mkdir(exist_ok=True)
    for name, text in sorted(SCRIPTS.items())[:versions]:
        (folder / name).write_text(text)
    (folder / "README").write_text("no script")
    return Schema("test file", application_id, folder)


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A file of version 1."""
    path = tmp_path / "d" / "test.db"
    Database.create(
        path, schema(tmp_path / "1", 1), lambda db: db.execute("INSERT INTO a VALUES (5)")
    ).close()
    return path


def test_an_old_file_is_brought_to_the_newest_version(tmp_path: Path, old: Path) -> None:
    for _ in range(2):
        db = Database.open(old, schema(tmp_path / "2", 2))
        assert db.rows("SELECT y FROM b") == [("was 5",)]
        assert db.row("PRAGMA user_version") == (2,)
        db.close()


def test_a_step_that_fails_changes_nothing(tmp_path: Path, old: Path) -> None:
    three = schema(tmp_path / "3", 3)
    connection = sqlite3.connect(old, isolation_level=None)
    with pytest.raises(sqlite3.OperationalError, match="nothing"):
        three.migrate(connection)
    assert not connection.in_transaction
    assert connection.execute("PRAGMA user_version").fetchone() == (2,)
    assert connection.execute("SELECT y FROM b").fetchall() == [("was 5",)]
    assert connection.execute("SELECT name FROM sqlite_schema WHERE name = 'c'").fetchall() == []
    connection.close()


def test_a_newer_file_is_refused_and_not_touched(tmp_path: Path, old: Path) -> None:
    Database.open(old, schema(tmp_path / "2", 2)).close()
    before = old.read_bytes()
    with pytest.raises(NewerFormatError, match=r"format 2 .* up to 1"):
        Database.open(old, schema(tmp_path / "1", 1))
    assert old.read_bytes() == before


@pytest.mark.parametrize(
    "change",
    [
        "CREATE TABLE b (y TEXT)",
        "DROP TABLE a",
        "ALTER TABLE a ADD COLUMN y TEXT",
        "CREATE TRIGGER t AFTER INSERT ON a BEGIN DELETE FROM a; END",
        "CREATE VIEW v AS SELECT * FROM a",
        "CREATE INDEX i ON a (x)",
        "PRAGMA user_version = 0",
        "PRAGMA user_version = -1",
        "PRAGMA application_id = 8",
    ],
)
def test_a_file_with_another_schema_is_refused(tmp_path: Path, old: Path, change: str) -> None:
    sql(old, change)
    with pytest.raises(CorruptError):
        Database.open(old, schema(tmp_path / "1", 1))


def test_a_version_below_the_first_is_refused(tmp_path: Path, old: Path) -> None:
    sql(old, "PRAGMA user_version = -1")
    with pytest.raises(CorruptError, match="no test file"):
        Database.open(old, schema(tmp_path / "2", 2))


def test_the_triggers_of_a_party_cannot_be_taken_away(tmp_path: Path) -> None:
    path = tmp_path / "d" / "party.db"
    Database.create(path, PARTY, lambda _: None).close()
    sql(path, "DROP TRIGGER signatures_are_not_deleted")
    with pytest.raises(CorruptError, match="tables"):
        Database.open(path, PARTY)


def test_the_files_of_the_program_are_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "d" / "x.db"
    Database.create(path, WALLET, lambda _: None).close()
    with pytest.raises(CorruptError, match="no party file of mpcwallet"):
        Database.open(path, PARTY)


def test_scripts_are_numbered_without_gaps(tmp_path: Path) -> None:
    (tmp_path / "002_b.sql").write_text("")
    with pytest.raises(KeyError):
        Schema("test", 7, tmp_path).scripts  # noqa: B018


@pytest.mark.parametrize("packaged", [PARTY, WALLET])
def test_every_table_of_the_program_is_strict(packaged: Schema) -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    packaged.create(connection)
    tables = connection.execute("PRAGMA table_list").fetchall()
    own = [row for row in tables if not row[1].startswith("sqlite_")]
    assert own
    assert all(row[5] == 1 for row in own)
    connection.close()


def test_a_pragma_that_is_missing_is_an_error() -> None:
    with pytest.raises(StorageError, match="does not know"):
        _pragma(sqlite3.connect(":memory:"), "no_such_pragma")
