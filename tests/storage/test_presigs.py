"""The presignatures of a party's file: sealed under a key of the process, each used once whatever happens."""

import os
import random
import signal
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from presig_pool.errors import PresignatureVoid
from presig_pool.pool import Pool, Use
from presig_pool.state import State
from presig_pool.store import Consumption
from protocol.errors import SecretReuseError, UsageError
from protocol.ids import PartyId
from storage.engine import Database
from storage.errors import CorruptError, FullError, StorageError
from storage.parties import PartyStore
from tests.presig_pool.samples import NOW, batch, digest, signer, stock
from tests.storage.crashes import Report, fill, killed
from tests.storage.pools import BIG, M1, M2, A, B, a_party, opened, pool_of, refill, states
from tests.storage.samples import entry, full_party, sql

KILLS = 8

pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")


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


def test_the_store_burns_all_or_none(store: PartyStore) -> None:
    first, second, third = refill(pool_of(store))
    store.presignatures.void([third], "for a test")
    with pytest.raises(SecretReuseError):
        store.presignatures.burn([Consumption(item, A, M1, b"share", NOW) for item in (first, second, third)])
    assert store.presignatures.consumption(first) is None
    assert store.presignatures.ready(stock(), 9) == (first, second)


def test_the_settings_are_durable(store: PartyStore) -> None:
    assert store._db.row("PRAGMA synchronous") == (2,)
    assert store._db.row("PRAGMA secure_delete") == (1,)


# kills and full disks


def no_two_shares(shares: Sequence[tuple[str, str, str]]) -> None:
    """Two shares of one presignature reveal the key share: see that there are none."""
    by_presignature: dict[str, set[tuple[str, str]]] = {}
    for item, sighash, share in shares:
        by_presignature.setdefault(item, set()).add((sighash, share))
    assert all(len(made) == 1 for made in by_presignature.values())


def test_a_killed_signer_makes_one_share_of_each_presignature(path: Path) -> None:
    rng = random.Random(1)
    sent: list[tuple[str, str, str]] = []

    def sign(report: Report) -> None:
        pool = pool_of(opened(path))
        for number in range(start, start + 6):
            first, second, _ = refill(pool, number)
            for item in (first, second):
                request = digest(rng.randrange(2**60))
                pool.grant(stock(), request, [item], NOW)
                (share,) = pool.burn(request, [Use(item, request)], signer(request), NOW)
                report(f"{item.hex()} {request.hex()} {share.hex()}")
            pool.void("for a test", NOW)
            report("void")

    for kill in range(KILLS):
        rng.seed(kill)
        start = 6 * kill
        for number in range(start, start + 6):
            batch(number, 3)  # dealt before the time counts
        reports = [tuple(line.split()) for line in killed(sign, rng) if " " in line]
        sent += [report for report in reports if len(report) == 3 and len(report[2]) == 64]
        no_two_shares(sent)
        before = states(path)
        with opened(path) as store:
            pool = pool_of(store)
            ready = [item for item, state in before.items() if state in ("PENDING", "READY")]
            assert store.presignatures.find(ready) == {}  # nothing is left to be used
            for item, request, share in sent:
                again = pool.burn(bytes.fromhex(request), [Use(bytes.fromhex(item), bytes.fromhex(request))],
                                  signer(), NOW)  # fmt: skip
                assert again == (bytes.fromhex(share),)
                with pytest.raises(SecretReuseError):
                    pool.burn(B, [Use(bytes.fromhex(item), M1)], signer(M1), NOW)
        assert set(states(path).values()) <= {"BURNED", "VOID"}
    assert len(sent) >= KILLS


def statements(work: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> int:
    """Count the statements of some work."""
    count = 0
    run = Database._run

    def counting(self: Database, query: str, *values: object) -> sqlite3.Cursor:
        nonlocal count
        count += 1
        return run(self, query, *values)

    with monkeypatch.context() as patch:
        patch.setattr(Database, "_run", counting)
        work()
    return count


def stop_at(number: int, stop: Callable[[], object], patch: pytest.MonkeyPatch) -> None:
    """Stop before a statement."""
    left = number
    run = Database._run

    def stopping(self: Database, query: str, *values: object) -> sqlite3.Cursor:
        nonlocal left
        left -= 1
        if left == -1:
            stop()
        return run(self, query, *values)

    patch.setattr(Database, "_run", stopping)


def fail_disk() -> None:
    raise StorageError("the disk failed")


STEPS = ["add", "confirm", "burn", "void", "purge"]


class Life:
    """A pool of which each step can be stopped."""

    def __init__(self, path: Path, at: str) -> None:
        self.store = opened(path)
        self.pool = pool_of(self.store)
        self.made = batch(1, 2)
        self.ids = [item.public.id for item in self.made]
        self.uses = [Use(item, M1) for item in self.ids]
        self.shares: list[tuple[bytes, ...]] = []
        for step in STEPS[: STEPS.index(at)]:
            if step != "burn" or at == "purge":
                getattr(self, step)()
        if at == "burn":
            self.pool.grant(stock(), A, self.ids, NOW)

    def add(self) -> None:
        self.label = self.pool.add(self.made, NOW)

    def confirm(self) -> None:
        self.pool.confirm(self.label, dict.fromkeys((PartyId(0), PartyId(1)), self.label), NOW)

    def burn(self) -> None:
        self.pool.grant(stock(), A, self.ids, NOW)
        self.shares.append(self.pool.burn(A, self.uses, signer(M1, M1), NOW, self.record))

    def record(self, _: object) -> None:
        self.store.record(entry(0))

    def void(self) -> None:
        self.pool.void("for a test", NOW)

    def purge(self) -> None:
        self.pool.purge()


def expect_no_second_share(life: Life, path: Path) -> None:
    """After a restart: all shares or none, the audit row with them, and nothing to sign with."""
    with opened(path) as store:
        pool = pool_of(store)
        stored = [use.share for use in map(store.presignatures.consumption, life.ids) if use is not None]
        assert len(stored) in (0, 2)
        assert life.shares in ([], [tuple(stored)])
        assert len(store.signatures()) == len(stored) // 2
        if stored:
            assert pool.burn(A, life.uses, signer(), NOW) == tuple(stored)
        for item in life.ids:
            with pytest.raises((PresignatureVoid, SecretReuseError)):
                pool.grant(stock(), B, [item], NOW)
            with pytest.raises((PresignatureVoid, SecretReuseError)):
                pool.burn(B, [Use(item, M2)], signer(M2), NOW)
        assert pool.statistics(stock(), NOW).ready == 0


@pytest.mark.parametrize("step", STEPS)
def test_a_kill_before_every_statement_leaves_no_second_share(
    tmp_path: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    life = Life(a_party(tmp_path / "count"), step)
    points = statements(getattr(life, step), monkeypatch)
    life.store.close()
    assert points >= 3
    for number in range(points):
        path = a_party(tmp_path / str(number))
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                life = Life(path, step)
                stop_at(number, lambda: os.kill(os.getpid(), signal.SIGKILL), monkeypatch)
                getattr(life, step)()
            finally:
                os.write(write, b"not killed")
                os._exit(0)
        os.close(write)
        with os.fdopen(read, "rb") as pipe:
            assert pipe.read() == b""
        os.waitpid(child, 0)
        life.shares.clear()
        expect_no_second_share(life, path)


@pytest.mark.parametrize("step", STEPS)
def test_a_failure_before_every_statement_leaves_no_second_share(
    tmp_path: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    life = Life(a_party(tmp_path / "count"), step)
    points = statements(getattr(life, step), monkeypatch)
    life.store.close()
    for number in range(points):
        path = a_party(tmp_path / str(number))
        life = Life(path, step)
        with monkeypatch.context() as patch:
            stop_at(number, fail_disk, patch)
            with suppress(StorageError):
                getattr(life, step)()
        if step == "burn" and not life.shares:
            # a failure before anything was signed leaves the grant, any other leaves nothing
            for use in life.uses:
                with suppress(PresignatureVoid, SecretReuseError):
                    life.shares.append(life.pool.burn(A, [use], signer(M1), NOW))
            assert len(life.shares) in (0, 2)
            life.shares.clear()
            life.store.close()
            continue
        life.store.close()
        expect_no_second_share(life, path)


def test_a_full_disk_makes_no_share_and_nothing_of_it_comes_back(small_disk: Path) -> None:
    path = small_disk / "1" / "party.db"
    full_party(path)
    store = opened(path)
    pool = Pool(store.presignatures, BIG)
    items = refill(pool, 1, 60)
    store._db.truncate_log()
    ballast = fill(small_disk)
    refused: list[bytes] = []
    for i, item in enumerate(items):
        pool.grant(stock(), digest(i), [item], NOW)
        try:
            pool.burn(digest(i), [Use(item, M1)], signer(M1), NOW, lambda _, i=i: store.record(
                entry(i + 10, answer=bytes(20_000))))  # fmt: skip
        except FullError:
            refused.append(item)
            break
    assert refused
    ballast.unlink()
    (item,) = refused
    with pytest.raises(PresignatureVoid):
        pool.burn(A, [Use(item, M1)], signer(M1), NOW)
    with pytest.raises(PresignatureVoid):
        pool.grant(stock(), B, [item], NOW)
    assert item not in pool.choose(stock(), 10, NOW)
    used = pool.statistics(stock(), NOW).burned
    store.close()
    with opened(path) as again:
        assert len(again.signatures()) == 2 + used
        assert again.presignatures.consumption(item) is None


def test_a_full_disk_does_not_hinder_opening_without_presignatures(small_disk: Path) -> None:
    path = small_disk / "1" / "party.db"
    full_party(path)
    ballast = fill(small_disk)
    with opened(path) as store:
        assert store.presignatures.voided == 0
    ballast.unlink()


# formats


def test_a_file_of_format_1_gets_the_tables(path: Path) -> None:
    later = "further_reuse_attempts", "reuse_attempts", "consumptions", "presignatures", "stocks"
    sql(path, *(f"DROP TABLE {table}" for table in later))
    sql(path, "PRAGMA user_version = 1")
    with opened(path) as store:
        refill(pool_of(store))
    assert sql(path, "PRAGMA user_version") == [(3,)]
