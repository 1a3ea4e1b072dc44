"""Kills, failing writes and full disks: at most one share of a presignature, and nothing comes back."""

import os
import random
import signal
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from presig_pool.burning import Use
from presig_pool.errors import PresignatureVoid
from presig_pool.pool import Pool
from protocol.errors import SecretReuseError
from protocol.ids import PartyId
from storage.engine import Database
from storage.errors import FullError, StorageError
from tests.presig_pool.samples import NOW, batch, digest, signer, stock
from tests.storage.crashes import Report, fill, killed
from tests.storage.pools import BIG, M1, M2, A, B, a_party, opened, pool_of, refill, states
from tests.storage.samples import entry, full_party

KILLS = 8

pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return a_party(tmp_path / "1")


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
