"""Attempts to use presignatures again are in the file, and do not fill it."""

from pathlib import Path

import pytest

from presig_pool.burning import Use
from presig_pool.pool import Pool
from presig_pool.store import ReuseAttempt
from protocol.errors import SecretReuseError
from protocol.ids import PartyId
from storage.errors import CorruptError, StorageError
from storage.parties import PartyStore
from storage.reuse_log import KEPT, ReuseLog
from tests.presig_pool.samples import NOW, batch, digest, signer, stock
from tests.storage.samples import phrase, sql

A, B = digest(1), digest(2)
M1, M2 = digest(101), digest(102)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "1" / "party.db"


@pytest.fixture
def store(path: Path) -> PartyStore:
    return PartyStore.create(path, PartyId(1), phrase())


@pytest.fixture
def pool(store: PartyStore) -> Pool:
    return Pool(store.presignatures)


@pytest.fixture
def used(pool: Pool) -> list[bytes]:
    """Two presignatures that request A used."""
    made = batch(1, 2)
    ids = [item.public.id for item in made]
    label = pool.add(made, NOW)
    pool.confirm(label, dict.fromkeys(made[0].public.signers, label), NOW)
    pool.grant(stock(), A, ids, NOW)
    pool.burn(A, [Use(item, M1) for item in ids], signer(M1, M1), NOW)
    return ids


def attempt(pool: Pool, number: int, *items: bytes) -> None:
    with pytest.raises(SecretReuseError):
        pool.burn(digest(1000 + number), [Use(item, M2) for item in items], signer(), NOW + number)


def test_attempts_are_there_after_a_restart_and_while_sealed(
    store: PartyStore, path: Path, pool: Pool, used: list[bytes]
) -> None:
    assert store.reuse_log() == ReuseLog(0, ())
    attempt(pool, 1, *used)
    with pytest.raises(SecretReuseError):
        pool.grant(stock(), B, used[:1], NOW + 2)
    store.close()
    again = PartyStore.open(path)
    assert again.is_sealed
    assert again.reuse_log() == ReuseLog(
        3,
        (
            ReuseAttempt(used[0], B, None, NOW + 2),
            ReuseAttempt(used[1], digest(1001), M2, NOW + 1),
            ReuseAttempt(used[0], digest(1001), M2, NOW + 1),
        ),
    )
    assert again.reuse_log(1).latest == again.reuse_log().latest[:1]


def test_attempts_without_end_are_counted_and_do_not_fill_the_disk(
    store: PartyStore, path: Path, pool: Pool, used: list[bytes]
) -> None:
    for number in range(KEPT):
        attempt(pool, number, used[0])
    attempt(pool, 99, used[0])
    store._db.truncate_log()
    size = path.stat().st_size
    for number in range(100, 400):
        attempt(pool, number, used[0])
    store._db.truncate_log()
    assert path.stat().st_size == size
    attempt(pool, 1000, used[1])  # the other one has its own
    log = store.reuse_log()
    assert log.count == KEPT + 1 + 300 + 1
    assert [item.time - NOW for item in log.latest] == [1000, *reversed(range(KEPT))]


def test_what_was_not_used_has_no_attempts(store: PartyStore, used: list[bytes]) -> None:
    presignatures = store.presignatures
    wrong = ReuseAttempt(digest(9), B, None, NOW)
    with pytest.raises(StorageError):
        presignatures.note_reuse([ReuseAttempt(used[0], B, None, NOW), wrong])
    assert store.reuse_log().count == 0


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE reuse_attempts SET time = 0",
        "DELETE FROM reuse_attempts",
        "INSERT OR REPLACE INTO reuse_attempts SELECT seq, presignature, zeroblob(32), NULL, 0"
        " FROM reuse_attempts WHERE seq = 1",
        "INSERT INTO reuse_attempts SELECT 99, presignature, zeroblob(32), NULL, 0 FROM reuse_attempts"
        " WHERE seq = 1",
        "UPDATE further_reuse_attempts SET count = count - 1",
        "UPDATE further_reuse_attempts SET count = count",
        "UPDATE further_reuse_attempts SET count = 9, presignature ="
        " (SELECT presignature FROM consumptions WHERE presignature != further_reuse_attempts.presignature)",
        "DELETE FROM further_reuse_attempts",
        "INSERT OR REPLACE INTO further_reuse_attempts SELECT presignature, 1 FROM further_reuse_attempts",
    ],
)
def test_the_tables_only_grow(store: PartyStore, pool: Pool, used: list[bytes], statement: str) -> None:
    for number in range(KEPT + 3):
        attempt(pool, number, used[0])
    before = store.reuse_log()
    with pytest.raises(StorageError):
        store._db.execute(statement)
    assert store.reuse_log() == before


def test_a_row_that_is_none_is_refused(store: PartyStore, path: Path, pool: Pool, used: list[bytes]) -> None:
    attempt(pool, 1, *used)
    store.close()
    ((text,),) = sql(path, "SELECT sql FROM sqlite_schema WHERE name = 'reuse_attempts_are_not_changed'")
    change = "UPDATE reuse_attempts SET time = -1"
    sql(path, "DROP TRIGGER reuse_attempts_are_not_changed", change, str(text))
    with pytest.raises(CorruptError, match="reuse_attempts"):
        PartyStore.open(path).reuse_log()
