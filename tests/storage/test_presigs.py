"""The presignatures of a party's file: sealed under a key of the process, each used once whatever happens."""

import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from presig_pool.burning import Use
from presig_pool.errors import PresignatureVoid
from presig_pool.state import State
from presig_pool.store import Consumption
from protocol.errors import SecretReuseError, UsageError
from protocol.ids import PartyId
from storage import envelope
from storage.engine import Database
from storage.errors import CorruptError, FullError, StorageError
from storage.parties import PartyStore
from tests.presig_pool.samples import NOW, batch, digest, signer, stock
from tests.storage.pools import M1, M2, A, B, a_party, opened, pool_of, refill, states
from tests.storage.samples import entry, sql


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return a_party(tmp_path / "1")


@pytest.fixture
def store(path: Path) -> Iterator[PartyStore]:
    with opened(path) as store:
        yield store


# life


def test_presignatures_come_back_as_they_were_and_make_one_share(store: PartyStore) -> None:
    pool = pool_of(store)
    first, second, _ = refill(pool)
    (public, other) = pool.grant(stock(), A, [second, first], NOW)
    expected = batch(1, 3)
    assert (public, other) == (expected[1].public, expected[0].public)
    shares = pool.burn(A, [Use(second, M1), Use(first, M2)], signer(M1, M2), NOW)
    assert shares == tuple(signer(M1, M2)([expected[1], expected[0]]))
    assert pool.burn(A, [Use(second, M1), Use(first, M2)], signer(), NOW) == shares
    with pytest.raises(SecretReuseError):
        pool.burn(B, [Use(first, M1)], signer(M1), NOW)
    figures = pool.statistics(stock(), NOW)
    assert (figures.ready, figures.burned, figures.hourly_use) == (1, 2, 2)


def test_no_secret_is_in_the_file_in_clear(path: Path, store: PartyStore) -> None:
    pool = pool_of(store)
    made = batch(1)
    plain = [secret.declassify() for secret in made[0].secrets()]
    refill(pool, count=1)
    files = [file.read_bytes() for file in path.parent.iterdir()]
    assert any(made[0].public.id in data for data in files)
    for secret in plain:
        for form in (secret, secret[::-1], secret.hex().encode()):
            assert all(form not in data for data in files)


def test_the_sealed_secret_of_what_was_used_leaves_the_file(path: Path, store: PartyStore) -> None:
    pool = pool_of(store)
    first, second, third = refill(pool)
    boxes = [row[0] for row in store._db.rows("SELECT secret FROM presignatures")]
    pool.grant(stock(), A, [first], NOW)
    pool.burn(A, [Use(first, M1)], signer(M1), NOW)
    pool.void("drained", NOW)
    pool.purge()
    data = b"".join(file.read_bytes() for file in path.parent.iterdir())
    assert all(box not in data for box in boxes)
    assert first in data  # its use stays
    assert second not in data
    assert third not in data
    assert pool.statistics(stock(), NOW).voided == 2


@pytest.mark.parametrize(
    "kind", [{"epoch": 1}, {"signers": (1, 2)}, {"x": 99}], ids=["epoch", "signers", "key"]
)
def test_stocks_are_kept_apart(store: PartyStore, kind: dict[str, object]) -> None:
    pool = pool_of(store)
    mine, other = refill(pool, 1), refill(pool, 2, **kind)
    assert pool.choose(stock(), 3, NOW) == tuple(mine)
    assert pool.choose(stock(**kind), 3, NOW) == tuple(other)  # type: ignore[arg-type]
    assert sorted(pool.stocks()) == list(pool.stocks())
    with pytest.raises(UsageError):
        pool.grant(stock(), A, other[:1], NOW)
    mixed = store.presignatures
    with pytest.raises(UsageError, match="another stock"):
        mixed.add([*batch(8), *batch(9, **kind)], bytes(32), NOW)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="another party"):
        mixed.add(batch(8, me=0), bytes(32), NOW)
    assert set(mixed.find([batch(8)[0].public.id])) == set()


def test_the_audit_row_and_the_share_are_written_together(path: Path, store: PartyStore) -> None:
    pool = pool_of(store)
    first, second, _ = refill(pool)
    for item, number in ((first, 0), (second, 1)):
        pool.grant(stock(), digest(number), [item], NOW)
    pool.burn(digest(0), [Use(first, M1)], signer(M1), NOW, lambda _: store.record(entry(0)))
    with pytest.raises(SecretReuseError):  # the session was recorded before: its share does not come to be
        pool.burn(digest(1), [Use(second, M1)], signer(M1), NOW, lambda _: store.record(entry(0)))
    store.record(entry(1))  # the chain of the log goes on from what is in the file
    store.close()
    with opened(path) as again:
        assert again.signatures() == (entry(0), entry(1))
    assert states(path)[first] == "BURNED"
    assert states(path).get(second, "VOID") == "VOID"


def test_a_failure_after_the_audit_row_takes_it_back(path: Path, store: PartyStore) -> None:
    pool = pool_of(store)
    (item, *_) = refill(pool)
    pool.grant(stock(), A, [item], NOW)

    def record(_: object) -> None:
        store.record(entry(0))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pool.burn(A, [Use(item, M1)], signer(M1), NOW, record)
    assert store.signatures() == ()
    store.record(entry(0))
    store.close()
    with opened(path) as again:
        assert again.signatures() == (entry(0),)


# rows


def test_a_row_that_is_put_back_with_its_secret_does_not_open(path: Path) -> None:
    with opened(path) as store:
        (item, *_) = refill(pool_of(store))
        ((box, boot),) = store._db.rows("SELECT secret, boot FROM presignatures WHERE id = ?", item)
    with opened(path) as store:
        pool_of(store)
        refill(pool_of(store), 2, 1)
        unguard(store)
        ((row, mine),) = store._db.rows("SELECT id, boot FROM presignatures WHERE state = 'READY'")
        assert mine != boot
        store._db.execute("UPDATE presignatures SET secret = ? WHERE id = ?", box, row)
        with pytest.raises(CorruptError):
            store.presignatures.secrets([row])
        store._db.execute("UPDATE presignatures SET boot = ? WHERE id = ?", boot, row)
        with pytest.raises(PresignatureVoid):
            store.presignatures.secrets([row])


def unguard(store: PartyStore) -> None:
    for (name,) in store._db.rows("SELECT name FROM sqlite_schema WHERE type = 'trigger'"):
        store._db.execute(f"DROP TRIGGER {name}")


@pytest.mark.parametrize("column", ["batch", "public", "secret", "boot"])
def test_a_changed_row_does_not_open(store: PartyStore, column: str) -> None:
    first, second, _ = refill(pool_of(store))
    refill(pool_of(store), 2)
    unguard(store)
    ((value,),) = store._db.rows(f"SELECT {column} FROM presignatures WHERE id = ?", first)
    others = store._db.rows(f"SELECT DISTINCT {column} FROM presignatures WHERE {column} != ?", value)
    for changed in (*[row[0] for row in others], value[:-1] + bytes([value[-1] ^ 1]), value[:-1]):
        with suppress(StorageError):  # the CHECKs of the table refuse some
            store._db.execute(f"UPDATE presignatures SET {column} = ? WHERE id = ?", changed, first)
            with pytest.raises((CorruptError, PresignatureVoid)):
                store.presignatures.secrets([first])
    store._db.execute(f"UPDATE presignatures SET {column} = ? WHERE id = ?", value, first)
    assert len(store.presignatures.secrets([first, second])) == 2


def test_a_presignature_under_the_id_of_another_does_not_open(store: PartyStore) -> None:
    first, second, _ = refill(pool_of(store))
    unguard(store)
    store._db.execute(
        "UPDATE presignatures SET (batch, public, secret) ="
        " (SELECT batch, public, secret FROM presignatures WHERE id = ?) WHERE id = ?",
        second, first,
    )  # fmt: skip
    assert len(store.presignatures.secrets([second])) == 1
    for read in (store.presignatures.secrets, store.presignatures.publics):
        with pytest.raises(CorruptError, match="another presignature"):
            read([first])


def test_a_presignature_of_another_store_does_not_open(store: PartyStore) -> None:
    """The owner is bound to the secret, besides the key of the process that no other store has."""
    (item, *_) = refill(pool_of(store))
    presignatures = store.presignatures
    mine = presignatures._owner
    for other in (replace(mine, store=bytes(16)), replace(mine, party=PartyId(0))):
        presignatures._owner = other
        with pytest.raises(CorruptError):
            presignatures.secrets([item])
    presignatures._owner = mine
    assert len(presignatures.secrets([item])) == 1


def test_a_row_without_a_secret_or_a_public_side_is_damaged(store: PartyStore) -> None:
    first, second, _ = refill(pool_of(store))
    unguard(store)
    presignatures = store.presignatures
    assert presignatures._key is not None
    ((batch_id, public),) = store._db.rows("SELECT batch, public FROM presignatures WHERE id = ?", first)
    box = envelope.seal(presignatures._key, presignatures._context(batch_id, public), None)
    store._db.execute("UPDATE presignatures SET secret = ? WHERE id = ?", box, first)
    with pytest.raises(CorruptError, match="no secret"):
        presignatures.secrets([first])
    store._db.execute("UPDATE presignatures SET public = x'00' WHERE id = ?", second)
    with pytest.raises(CorruptError, match=second.hex()):
        presignatures.publics([second])


def test_a_stock_that_is_none_is_damaged(store: PartyStore) -> None:
    (item, *_) = refill(pool_of(store))
    store._db.execute("UPDATE stocks SET signers = x'0100'")
    for read in (store.presignatures.stocks, lambda: store.presignatures.find([item])):
        with pytest.raises(CorruptError, match="stocks"):
            read()


# the tables


STATEMENTS = [
    "UPDATE presignatures SET state = 'READY', secret = x'00' WHERE id = {burned}",
    "UPDATE presignatures SET state = 'VOID' WHERE id = {burned}",
    "UPDATE presignatures SET state = 'PENDING' WHERE id = {ready}",
    "UPDATE presignatures SET state = 'BURNED', secret = NULL WHERE id = {ready}",
    "UPDATE presignatures SET state = 'READY', secret = x'00' WHERE id = {void}",
    "UPDATE presignatures SET state = 'BURNED' WHERE id = {void}",
    "UPDATE presignatures SET id = zeroblob(32), state = 'VOID', secret = NULL WHERE id = {ready}",
    "UPDATE presignatures SET made = 0, state = 'VOID', secret = NULL WHERE id = {ready}",
    "UPDATE presignatures SET state = 'VOID' WHERE id = {ready}",
    "UPDATE presignatures SET secret = NULL WHERE id = {ready}",
    "DELETE FROM presignatures WHERE id = {burned}",
    "DELETE FROM presignatures WHERE id = {ready}",
    "INSERT OR REPLACE INTO presignatures SELECT * FROM presignatures WHERE id = {ready}",
    "INSERT INTO presignatures SELECT 99, zeroblob(32), stock, batch, boot, 'READY', made, 1, '', public,"
    " secret FROM presignatures WHERE id = {ready}",
    "UPDATE consumptions SET share = x'01'",
    "DELETE FROM consumptions",
    "INSERT OR REPLACE INTO consumptions SELECT presignature, stock, zeroblob(32), sighash, share, 1"
    " FROM consumptions",
    "INSERT INTO consumptions SELECT id, stock, zeroblob(32), zeroblob(32), x'01', 1 FROM presignatures"
    " WHERE id = {void}",
    "INSERT INTO consumptions SELECT zeroblob(32), stock, zeroblob(32), zeroblob(32), x'01', 1"
    " FROM consumptions",
]  # fmt: skip


@pytest.mark.parametrize("statement", STATEMENTS)
def test_the_tables_refuse_what_leads_back(store: PartyStore, statement: str) -> None:
    pool = pool_of(store)
    burned, ready, void = refill(pool)
    pool.grant(stock(), A, [burned], NOW)
    pool.burn(A, [Use(burned, M1)], signer(M1), NOW)
    store.presignatures.void([void], "for a test")
    everything = "SELECT * FROM presignatures ORDER BY seq", "SELECT * FROM consumptions"
    before = [store._db.rows(query) for query in everything]
    names = {"burned": burned, "ready": ready, "void": void}
    with pytest.raises(StorageError):
        store._db.execute(statement.format(**{name: f"x'{item.hex()}'" for name, item in names.items()}))
    assert [store._db.rows(query) for query in everything] == before


def test_the_store_itself_burns_once(store: PartyStore) -> None:
    (item, *_) = refill(pool_of(store))
    one = Consumption(item, A, M1, b"share", NOW)
    store.presignatures.burn([one])
    for again in (one, Consumption(item, B, M2, b"other", NOW)):
        with pytest.raises(SecretReuseError):
            store.presignatures.burn([again])
    assert store.presignatures.consumption(item) == one
    with pytest.raises(PresignatureVoid):
        store.presignatures.secrets([item])
    with pytest.raises(PresignatureVoid):
        store.presignatures.confirm([item], NOW)
    store.presignatures.void([item], "for a test")
    assert store.presignatures.find([item])[item].state is State.BURNED
    with pytest.raises(PresignatureVoid):
        store.presignatures.publics([bytes(32)])


def test_the_store_keeps_and_confirms_each_once_all_or_none(store: PartyStore) -> None:
    presignatures = store.presignatures
    first, second = (item.public.id for item in batch(1, 2))
    presignatures.add(batch(1, 1), digest(9), NOW)
    with pytest.raises(SecretReuseError):
        presignatures.add(batch(1, 2)[::-1], digest(9), NOW)
    assert list(presignatures.find([first, second])) == [first]
    with pytest.raises(PresignatureVoid):
        presignatures.confirm([first, second], NOW)
    assert presignatures.find([first])[first].state is State.PENDING


def test_purging_more_than_once_keeps_the_counts(store: PartyStore) -> None:
    pool = pool_of(store)
    for number in (1, 2):
        refill(pool, number)
        pool.void("for a test", NOW)
        assert pool.purge() == 3
    assert pool.statistics(stock(), NOW).voided == 6


def test_purge_of_what_is_old_leaves_the_rest(store: PartyStore, monkeypatch: pytest.MonkeyPatch) -> None:
    pool = pool_of(store)
    old, burned, ready = refill(pool)
    young = batch(2)
    label = pool.add(young, NOW + 1)
    pool.confirm(label, {}, NOW + 1)
    pool.grant(stock(), A, [burned], NOW)
    pool.burn(A, [Use(burned, M1)], signer(M1), NOW)
    store.presignatures.void([old], "for a test")
    assert pool.purge(NOW + 1) == 1
    everything = [old, burned, ready, *(item.public.id for item in young)]
    assert list(store.presignatures.find(everything)) == everything[1:]
    assert pool.statistics(stock(), NOW).voided == 2
    monkeypatch.setattr(Database, "execute", None)  # nothing is old: nothing is written
    assert pool.purge(NOW + 1) == 0


def test_the_store_burns_all_or_none(store: PartyStore) -> None:
    first, second, third = refill(pool_of(store))
    store.presignatures.void([third], "for a test")
    with pytest.raises(SecretReuseError):
        store.presignatures.burn([Consumption(item, A, M1, b"share", NOW) for item in (first, second, third)])
    assert store.presignatures.consumption(first) is None
    assert store.presignatures.ready(stock(), 9) == (first, second)


def test_void_that_the_disk_had_no_room_for_costs_no_signature(
    store: PartyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store never opens one that it was told to void, and the pool does not offer it meanwhile."""
    pool = pool_of(store)
    first, second, third = refill(pool)
    run = Database._run

    def full(self: Database, query: str, *values: object) -> sqlite3.Cursor:
        if "SET state = 'VOID'" in query:
            raise FullError("no room")
        return run(self, query, *values)

    with monkeypatch.context() as patch:
        patch.setattr(Database, "_run", full)
        with pytest.raises(FullError):
            pool.keep(stock(), [third], NOW)
    assert store.presignatures.find([first])[first].state is State.READY
    assert pool.choose(stock(), 1, NOW) == (third,)
    pool.grant(stock(), A, [third], NOW)
    assert pool.burn(A, [Use(third, M1)], signer(M1), NOW)
    for item in (first, second):
        with pytest.raises(PresignatureVoid):
            pool.grant(stock(), B, [item], NOW)
    pool.expire(NOW)
    found = store.presignatures.find([first, second, third])
    assert [found[item].state for item in (first, second, third)] == [State.VOID, State.VOID, State.BURNED]


def test_the_settings_are_durable(store: PartyStore) -> None:
    assert store._db.row("PRAGMA synchronous") == (2,)
    assert store._db.row("PRAGMA secure_delete") == (1,)


# figures


def test_no_step_looks_through_all_that_was_ever_used(
    store: PartyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pool that has run for years answers as fast as a new one."""
    pool = pool_of(store)
    asked: dict[str, tuple[object, ...]] = {}
    run = Database._run

    def noting(self: Database, query: str, *values: object) -> sqlite3.Cursor:
        asked[query] = values
        return run(self, query, *values)

    with monkeypatch.context() as patch:
        patch.setattr(Database, "_run", noting)
        first, *_ = refill(pool)
        pool.grant(stock(), A, pool.choose(stock(), 1, NOW), NOW)
        pool.burn(A, [Use(first, M1)], signer(M1), NOW, lambda _: store.record(entry(0)))
        with pytest.raises(SecretReuseError):
            pool.grant(stock(), B, [first], NOW)
        pool.expire(NOW)
        pool.statistics(stock(), NOW)
        pool.void("for a test", NOW)
        pool.purge(NOW + 1)
    plans = [
        store._db.rows(f"EXPLAIN QUERY PLAN {query}", *values)
        for query, values in asked.items()
        if query.startswith(("SELECT", "UPDATE", "INSERT", "DELETE"))
    ]
    assert len(plans) > 15
    steps = {step for plan in plans for *_, step in plan}
    scans = {step for step in steps if step.startswith("SCAN")}
    assert scans == {"SCAN vault", "SCAN p USING INDEX presignatures_live", "SCAN stocks"}  # signer sets
    assert not any(step.endswith("(stock=?)") for step in steps)


# formats


def test_a_file_of_format_1_gets_the_tables(path: Path) -> None:
    later = "further_reuse_attempts", "reuse_attempts", "consumptions", "presignatures", "stocks"
    sql(path, *(f"DROP TABLE {table}" for table in later))
    sql(path, "PRAGMA user_version = 1")
    with opened(path) as store:
        refill(pool_of(store))
    assert sql(path, "PRAGMA user_version") == [(4,)]
