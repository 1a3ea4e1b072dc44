"""Primes in a stock: sealed for one party, taken once, and gone from the disk before anybody has them."""

import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from native.secret import SecretResidues
from protocol.errors import UsageError
from protocol.ids import PartyId
from storage import directory, prime_stock
from storage.engine import Database
from storage.errors import (
    CorruptError,
    FullError,
    LockedError,
    MissingError,
    RolledBackError,
    SealedError,
    StorageError,
    WrongPassphraseError,
)
from storage.prime_stock import PrimeSet, PrimeStock
from tests.ecdsa_cggmp.levels import TINY
from tests.ecdsa_cggmp.network import aux_secret
from tests.storage.crashes import Report, fill, killed
from tests.storage.samples import phrase, script, sql

ME, HOME = PartyId(1), bytes(range(16))
SETS = 3

forking = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")


def primes(i: int) -> SecretResidues:
    return aux_secret(i).primes


def filled(path: Path, sets: int = SETS) -> tuple[PrimeSet, ...]:
    """A stock of some sets, closed."""
    with PrimeStock.create(path, ME, phrase()) as stock:
        return tuple(stock.put(primes(i % 7), HOME, 100 + i) for i in range(sets))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "primes" / "1" / "primes.db"


@pytest.fixture
def stock(path: Path) -> Iterator[PrimeStock]:
    filled(path)
    with PrimeStock.open(path) as it:
        it.unseal(phrase())
        yield it


def unseal(path: Path, text: str = "correct horse") -> list[PrimeSet]:
    with PrimeStock.open(path) as stock:
        stock.unseal(phrase(text))
        return list(stock.sets())


def test_each_set_comes_out_once_as_it_was_put_in(stock: PrimeStock) -> None:
    for i, item in enumerate(stock.sets()):
        assert (item.home, item.bits, item.made) == (HOME, TINY.prime_bits, 100 + i)
        assert stock.take(item).declassify() == primes(i).declassify()
        with pytest.raises(MissingError):
            stock.take(item)
    assert stock.sets() == []


def test_what_is_public_is_read_without_the_passphrase(path: Path) -> None:
    made = filled(path)
    with PrimeStock.open(path) as stock:
        assert tuple(stock.sets()) == made
        assert stock.party == ME
        with pytest.raises(SealedError):
            stock.take(made[0])
        with pytest.raises(SealedError):
            stock.put(primes(3), HOME, 1)


def test_another_passphrase_opens_nothing_and_changes_nothing(path: Path) -> None:
    filled(path)
    before = path.read_bytes()
    with pytest.raises(WrongPassphraseError):
        unseal(path, "wrong")
    assert path.read_bytes() == before


def test_a_set_that_was_taken_is_in_no_file(path: Path) -> None:
    first, *others = filled(path)
    with PrimeStock.open(path) as stock:
        stock.unseal(phrase())
        ((sealed,),) = stock._db.rows("SELECT secret FROM sealed WHERE key = ?", first.id)

        def stands() -> bool:
            return any(sealed[60:300] in file.read_bytes() for file in path.parent.iterdir())

        assert stands()
        stock.take(first)
        assert not stands()
        assert tuple(stock.sets()) == tuple(others)


def test_no_prime_is_in_any_file(path: Path) -> None:
    filled(path)
    data = b"".join(file.read_bytes() for file in path.parent.iterdir())
    for i in range(SETS):
        kept = primes(i).declassify()
        size = TINY.prime_bits // 8
        for at in range(0, len(kept), size):
            assert kept[at : at + size] not in data
            assert kept[at : at + size][::-1] not in data


def test_another_number_of_primes_and_more_than_a_stock_holds_are_refused(
    stock: PrimeStock, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError, match="four"):
        stock.put(primes(0).slice(0, 3), HOME, 1)
    monkeypatch.setattr(prime_stock, "MAX_SETS", SETS)
    with pytest.raises(UsageError, match="full"):
        stock.put(primes(3), HOME, 1)
    assert len(stock.sets()) == SETS


def test_a_set_that_is_not_as_it_was_listed_stays(stock: PrimeStock) -> None:
    item = stock.sets()[0]
    other = PrimeSet(item.id, bytes(16), item.bits, item.made)
    with pytest.raises(CorruptError, match="another"):
        stock.take(other)
    assert stock.take(item).declassify() == primes(0).declassify()


def test_a_stock_goes_on_with_the_key_of_one_that_was_released(path: Path) -> None:
    filled(path, 1)
    stock = PrimeStock.open(path)
    stock.unseal(phrase())
    master = stock.release()
    with PrimeStock.reopen(path, master) as again:
        again.put(primes(1), HOME, 200)
    assert len(unseal(path)) == 2


# whoever writes the disk


def swap_secrets(path: Path) -> None:
    (a, x), (b, y) = sql(path, "SELECT key, secret FROM sealed LIMIT 2")
    sql(
        path,
        ("UPDATE sealed SET secret = ? WHERE key = ?", (y, a)),
        ("UPDATE sealed SET secret = ? WHERE key = ?", (x, b)),
    )


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE sealed SET public = zeroblob(26)",
        "UPDATE sealed SET secret = zeroblob(length(secret))",
        "UPDATE sealed SET secret = CAST(secret || x'00' AS BLOB)",
        "UPDATE sealed SET epoch = 1",
        "UPDATE sealed SET kind = 'share'",
        "UPDATE sealed SET version = 1",
        "UPDATE sealed SET key = zeroblob(16) WHERE rowid = 1",
        "DELETE FROM sealed WHERE rowid = 1",
        "INSERT INTO sealed SELECT kind, x'01', epoch, version, public, secret FROM sealed LIMIT 1",
        "UPDATE vault SET manifest = zeroblob(length(manifest))",
        swap_secrets,
    ],
)
def test_what_was_changed_on_the_disk_is_refused(path: Path, change: str | Callable[[Path], None]) -> None:
    filled(path)
    if callable(change):
        change(path)
    else:
        sql(path, change)
    with pytest.raises(CorruptError):
        unseal(path)


def test_a_set_that_is_put_back_from_a_copy_is_refused(path: Path) -> None:
    first, *_ = filled(path)
    (row,) = sql(path, ("SELECT * FROM sealed WHERE key = ?", (first.id,)))
    with PrimeStock.open(path) as stock:
        stock.unseal(phrase())
        stock.take(first)
    sql(path, ("INSERT INTO sealed VALUES (?, ?, ?, ?, ?, ?)", row))
    with pytest.raises(CorruptError, match="not written by this program"):
        unseal(path)


def test_an_old_header_is_refused(path: Path) -> None:
    filled(path)
    ((header,),) = sql(path, "SELECT header FROM vault")
    with PrimeStock.open(path) as stock:
        stock.change_passphrase(phrase(), phrase("another"))
    sql(path, ("UPDATE vault SET header = ?", (header,)))
    with pytest.raises(RolledBackError):
        unseal(path)


@pytest.mark.parametrize(
    "public",
    [b"", bytes(25), bytes(27), bytes(18) + b"\xff" * 8],
    ids=["empty", "short", "long", "after the last year"],
)
def test_public_sides_that_are_none_are_named(path: Path, public: bytes) -> None:
    filled(path)
    sql(path, ("UPDATE sealed SET public = ?", (public,)))
    with PrimeStock.open(path) as stock, pytest.raises(CorruptError, match="primes"):
        stock.sets()


# processes that end, and disks that are full


@forking
def test_a_killed_process_has_lost_no_set_that_it_reported(path: Path) -> None:
    rng = random.Random(1)
    filled(path, 0)

    def make(report: Report) -> None:
        stock = PrimeStock.open(path)
        stock.unseal(phrase())
        for i in range(60):
            stock.put(primes(i % 7), HOME, i)
            report(i)

    count = 0
    for _ in range(4):
        reported = int(killed(make, rng)[-1]) + 1
        found = len(unseal(path))
        assert reported <= found - count <= reported + 1
        count = found


@forking
def test_what_a_killed_process_took_is_taken_by_no_other(path: Path) -> None:
    rng = random.Random(2)
    filled(path, 7)
    known = {primes(i).declassify().hex()[:40] for i in range(7)}

    def take(report: Report) -> None:
        stock = PrimeStock.open(path)
        stock.unseal(phrase())
        report("open")
        for item in stock.sets():
            report(stock.take(item).declassify().hex()[:40])

    taken: list[str] = []
    for _ in range(3):
        taken += killed(take, rng)[1:]
        assert len(taken) <= 7 - len(unseal(path)) <= len(taken) + 3
    assert len(set(taken)) == len(taken)
    assert set(taken) <= known


def test_a_crash_between_deletion_and_use_costs_the_set(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, *others = filled(path)

    def crash(_: Database) -> None:
        raise SystemExit

    with PrimeStock.open(path) as stock:
        stock.unseal(phrase())
        with monkeypatch.context() as patch:
            patch.setattr(Database, "truncate_log", crash)
            with pytest.raises(SystemExit):
                stock.take(first)
    assert unseal(path) == others


def test_two_processes_do_not_have_one_stock(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directory, "LOCK_WAIT", 0.05)
    filled(path)
    with script(f"""
        from storage.prime_stock import PrimeStock
        stock = PrimeStock.open(Path({str(path)!r}))
        stock.unseal(phrase())
        print(len(stock.sets()), flush=True)
        sys.stdin.readline()
        stock.take(stock.sets()[0])
    """) as other:
        assert other.stdin
        assert other.stdout
        assert other.stdout.readline() == f"{SETS}\n"
        with pytest.raises(LockedError):
            PrimeStock.open(path)
        with pytest.raises(LockedError):
            Database.destroy(path)
        other.stdin.write("\n")
    assert len(unseal(path)) == SETS - 1


def test_a_full_disk_takes_no_set_and_loses_none(small_disk: Path) -> None:
    path = small_disk / "1" / "primes.db"
    filled(path, 1)
    with PrimeStock.open(path) as stock:
        stock.unseal(phrase())
        ballast = fill(small_disk)
        with pytest.raises(FullError) as e:  # noqa: PT012
            while True:
                stock.put(primes(1), HOME, 2)
        assert "free some space" in e.value.hint
        kept = list(stock.sets())
        ballast.unlink()
        stock.put(primes(2), HOME, 3)
    assert len(unseal(path)) == len(kept) + 1


def test_a_set_that_cannot_be_deleted_is_not_handed_out(
    stock: PrimeStock, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Database._run

    def full(self: Database, sql: str, *values: object) -> object:
        if sql == "COMMIT":
            raise FullError("the disk is full")
        return run(self, sql, *values)

    with monkeypatch.context() as patch:
        patch.setattr(Database, "_run", full)
        with pytest.raises(FullError):
            stock.take(stock.sets()[0])
    assert stock.take(stock.sets()[0]).declassify() == primes(0).declassify()
    stock.close()
    assert len(unseal(path)) == SETS - 1


# discarding


def test_a_discarded_stock_is_gone_whatever_is_in_it(path: Path) -> None:
    filled(path)
    Database.destroy(path)
    assert list(path.parent.iterdir()) == []
    path.write_bytes(b"no database")
    path.with_name("primes.db-wal").write_bytes(b"x")
    Database.destroy(path)
    assert list(path.parent.iterdir()) == []
    with pytest.raises(MissingError):
        Database.destroy(path)
    filled(path)


def test_a_discarded_file_is_overwritten_before_it_goes(path: Path, tmp_path: Path) -> None:
    filled(path)
    other = tmp_path / "other name of the file"
    other.hardlink_to(path)
    size = other.stat().st_size
    Database.destroy(path)
    assert other.read_bytes() == bytes(size)


def test_what_a_link_names_is_not_overwritten(path: Path, tmp_path: Path) -> None:
    filled(path)
    precious = tmp_path / "precious"
    shutil.move(path, precious)
    path.symlink_to(precious)
    with pytest.raises(StorageError, match="cannot be deleted"):
        Database.destroy(path)
    assert any(precious.read_bytes())
