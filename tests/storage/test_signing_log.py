from collections.abc import Iterator
from pathlib import Path

import pytest

from protocol.errors import SecretReuseError, UsageError
from protocol.ids import PartyId
from storage import signing_log
from storage.engine import Database
from storage.errors import CorruptError, StorageError
from storage.party_file import SCHEMA
from storage.signing_log import START, SignedEntry, append, check, entries
from tests.storage.samples import entry

ENTRIES = [entry(i) for i in range(3)]


@pytest.fixture
def db(tmp_path: Path) -> Database:
    return Database.create(tmp_path / "d" / "party.db", SCHEMA, lambda _: None)


@pytest.fixture
def head(db: Database) -> bytes:
    head = START
    for item in ENTRIES:
        head = append(db, head, item)
    return head


@pytest.fixture
def unguarded(db: Database, head: bytes) -> Database:
    """The table without its triggers, as an attacker would have it."""
    assert head
    for (name,) in db.rows("SELECT name FROM sqlite_schema WHERE type = 'trigger'"):
        db.execute(f"DROP TRIGGER {name}")
    return db


def test_entries_come_back_in_order(db: Database, head: bytes) -> None:
    assert entries(db) == tuple(ENTRIES)
    check(db, head)


def test_an_empty_log_has_the_start_as_its_head(db: Database) -> None:
    assert entries(db) == ()
    check(db, START)
    with pytest.raises(CorruptError, match="added or deleted"):
        check(db, b"\1" * 32)


def test_a_session_is_signed_once(db: Database, head: bytes) -> None:
    with pytest.raises(SecretReuseError):
        append(db, head, entry(1, txid=bytes(32)))
    assert entries(db) == tuple(ENTRIES)


@pytest.mark.usefixtures("head")
@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE signatures SET fee = 0", "never changed"),
        ("UPDATE OR REPLACE signatures SET session = zeroblob(32)", "never changed"),
        ("DELETE FROM signatures", "never deleted"),
        ("DELETE FROM signatures WHERE seq = 2", "never deleted"),
    ],
)
def test_what_was_signed_stays(db: Database, statement: str, words: str) -> None:
    with pytest.raises(StorageError, match=words):
        db.execute(statement)
    assert entries(db) == tuple(ENTRIES)


COLUMNS = ["session", "key", "txid", "psbt_digest", "sighashes", "signers", "answer", "chain"]


def flips(value: bytes) -> Iterator[bytes]:
    for at in range(len(value)):
        changed = bytearray(value)
        changed[at] ^= 1
        yield bytes(changed)
    yield value[:-1]
    yield value + b"\0"


@pytest.mark.parametrize("column", COLUMNS)
def test_every_changed_byte_is_noticed_and_its_row_named(
    unguarded: Database, head: bytes, column: str
) -> None:
    ((value,),) = unguarded.rows(f"SELECT {column} FROM signatures WHERE seq = 1")
    for changed in flips(value):
        unguarded.execute(f"UPDATE signatures SET {column} = ? WHERE seq = 1", changed)
        with pytest.raises(CorruptError, match="row 1"):
            check(unguarded, head)
    unguarded.execute(f"UPDATE signatures SET {column} = ? WHERE seq = 1", value)
    check(unguarded, head)


@pytest.mark.parametrize("column", ["epoch", "sent", "fee", "time"])
@pytest.mark.parametrize("change", ["+ 1", "- 1", "* -1", "+ 9000000000000000"])
def test_every_changed_number_is_noticed(unguarded: Database, head: bytes, column: str, change: str) -> None:
    before = unguarded.rows(f"SELECT {column} FROM signatures WHERE seq = 1")
    unguarded.execute(f"UPDATE signatures SET {column} = {column} {change} WHERE seq = 1")
    if unguarded.rows(f"SELECT {column} FROM signatures WHERE seq = 1") == before:
        return
    with pytest.raises(CorruptError, match="row 1"):
        check(unguarded, head)


@pytest.mark.parametrize("seq", [0, 1, 2])
def test_a_deleted_row_is_noticed(unguarded: Database, head: bytes, seq: int) -> None:
    unguarded.execute("DELETE FROM signatures WHERE seq = ?", seq)
    with pytest.raises(CorruptError, match="deleted"):
        check(unguarded, head)
    unguarded.execute("UPDATE signatures SET seq = seq - 1 WHERE seq > ?", seq)
    with pytest.raises(CorruptError, match="deleted"):
        check(unguarded, head)


def test_rows_are_numbered_from_0(unguarded: Database, head: bytes) -> None:
    unguarded.execute("UPDATE signatures SET seq = seq + 10")
    with pytest.raises(CorruptError, match="row 0"):
        check(unguarded, head)


def test_a_row_that_was_added_with_a_hash_of_its_own_is_noticed(unguarded: Database, head: bytes) -> None:
    append(unguarded, head, entry(9))
    with pytest.raises(CorruptError, match="at the end"):
        check(unguarded, head)


def test_a_log_made_anew_is_noticed(unguarded: Database, head: bytes) -> None:
    unguarded.execute("DELETE FROM signatures")
    other = START
    for item in (*ENTRIES[:2], entry(2, sent=1)):
        other = append(unguarded, other, item)
    with pytest.raises(CorruptError, match="at the end"):
        check(unguarded, head)
    check(unguarded, other)


def test_the_hash_of_an_entry_is_that_of_its_encoding() -> None:
    item = entry(
        0, sighashes=(b"\x11" * 32,), answer=b"ab", signers=(PartyId(1),), epoch=7, sent=1, fee=2, time=3
    )
    assert bytes(item).hex() == (
        "00" * 32 + "02" + "00" * 32 + f"{7:016x}" + "01" * 32 + "02" * 32 + f"{1:016x}" + f"{2:016x}"
        "00000001" + "11" * 32 + "01" + "01" + "00000002" + "6162" + f"{3:016x}"
    )
    assert (
        signing_log._next(START, item).hex()
        == "3a999578f6c67c42268887b68096066f7490bfb964581f10066d28b4e02b6c79"
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"session": bytes(31)},
        {"key": bytes(32)},
        {"txid": bytes(33)},
        {"psbt_digest": b""},
        {"sent": -1},
        {"sent": 21_000_000 * 10**8 + 1},
        {"fee": -1},
        {"fee": 21_000_000 * 10**8 + 1},
        {"epoch": -1},
        {"epoch": 2**63},
        {"time": -1},
        {"time": 2**63},
        {"sighashes": ()},
        {"sighashes": (bytes(31),)},
        {"sighashes": (bytes(32),) * 100_001},
        {"signers": ()},
        {"signers": tuple(range(129))},
        {"signers": (256,)},
        {"answer": bytes((1 << 24) + 1)},
    ],
)
def test_an_entry_out_of_range_does_not_exist(changes: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        entry(0, **changes)


def test_an_entry_takes_the_largest_values() -> None:
    item = entry(0, sent=21_000_000 * 10**8, epoch=2**63 - 1, time=2**63 - 1, signers=tuple(range(128)))
    assert isinstance(item, SignedEntry)
