"""A party's pool: grants, burns and incoming batches, beside a bare commit of SQLite on the same disk.

    python bench/bench_pool.py             figures, and what the pool adds to a presignature: half a minute
    python bench/bench_pool.py --quick     without presigning at full size
    python bench/bench_pool.py --at DIR    with the party's file on the disk of a directory
    pytest bench --benchmark-only          the same operations

Every round runs every operation once, so that a slow minute hits all alike. A burn is one durable
transaction: state, signature share, row of the signing log. Its time is that of a commit and of the work
around it; the column of CPU time has nothing of the disk.
"""

import argparse
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from typing import Final

import pytest

from bench_cggmp import Presigning, cpu_ms
from comparison.depths import Recording
from comparison.targets import HEAD, Target
from ecdsa_cggmp.params import SECURITY_128
from ecdsa_cggmp.presignature import Presignature
from pool_load import simulated
from presig_pool.burning import Use
from presig_pool.pool import Pool
from presig_pool.watermarks import MOST, Watermarks
from protocol.ids import PartyId
from storage.parties import PartyStore
from tests.presig_pool.samples import NOW, batch, digest, signer, stock
from tests.storage.cheap import cheap_passphrases
from tests.storage.samples import entry, phrase

BATCH: Final = 32
INPUTS: Final = 10  # of the larger transaction
ROUNDS: Final = 60
POOL_PERCENT: Final = 5.0  # of a presignature, issue of the pool


class BareDisk:
    """A SQLite file with the settings of ours and nothing in it: what a durable write costs here at least.

    Args:
        path: where.
    """

    def __init__(self, path: Path) -> None:
        self.connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        for setting in ("locking_mode = EXCLUSIVE", "journal_mode = WAL", "synchronous = FULL"):
            self.connection.execute(f"PRAGMA {setting}")
        self.connection.execute("CREATE TABLE bare (id INTEGER PRIMARY KEY, data BLOB)")

    def commit(self) -> None:
        """Make one small row durable."""
        self.connection.execute("INSERT INTO bare (data) VALUES (zeroblob(200))")


class Work:
    """A party's pool, and operations on it.

    Args:
        directory: for the party's file.
    """

    def __init__(self, directory: Path) -> None:
        with cheap_passphrases():
            self.store = PartyStore.create(directory / "party" / "party.db", PartyId(1), phrase())
        self.pool = Pool(self.store.presignatures, Watermarks(max=MOST, target=MOST))
        self._numbers = count(1)
        self._requests = count(1)
        self._fresh: list[bytes] = []

    def made(self) -> Sequence[Presignature]:
        """Return what a presigning session made."""
        return batch(next(self._numbers), BATCH)

    def add(self, made: Sequence[Presignature]) -> bytes:
        """Keep a batch as PENDING."""
        return self.pool.add(made, NOW)

    def confirm(self, label: bytes) -> None:
        """Make it READY."""
        self.pool.confirm(label, {PartyId(0): label, PartyId(1): label}, NOW)

    def take(self, inputs: int) -> list[bytes]:
        """Return presignatures that are READY and of no request."""
        while len(self._fresh) < inputs:
            made = self.made()
            self._fresh += [item.public.id for item in made]
            self.confirm(self.add(made))
        taken, self._fresh = self._fresh[:inputs], self._fresh[inputs:]
        return taken

    def grant(self, ids: Sequence[bytes]) -> bytes:
        """Grant presignatures to a new request."""
        request = digest(next(self._requests))
        self.pool.grant(stock(), request, ids, NOW)
        return request

    def granted(self, inputs: int) -> tuple[bytes, list[bytes]]:
        """Return a request and what it was granted."""
        ids = self.take(inputs)
        return self.grant(ids), ids

    def burn(self, request: bytes, ids: Sequence[bytes]) -> None:
        """Sign with them, and write the log."""
        uses = [Use(item, request) for item in ids]
        log = entry(0, session=request)
        self.pool.burn(request, uses, signer(*[request] * len(ids)), NOW, lambda _: self.store.record(log))

    def forget(self, made: Sequence[Presignature]) -> None:
        """Void what is not needed, so that the pool keeps its size."""
        self.store.presignatures.void([item.public.id for item in made], "measured")

    def figures(self) -> None:
        """Work out what a status shows."""
        self.pool.statistics(stock(), NOW)


@contextmanager
def on_a_disk(directory: Path | None = None) -> Iterator[tuple[Work, BareDisk]]:
    """Open a pool and a bare file in a directory that goes afterwards."""
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=directory)))
        work, bare = Work(place), BareDisk(place / "bare.db")
        stack.callback(bare.connection.close)
        stack.enter_context(work.store)
        yield work, bare


@pytest.fixture(scope="module")
def disk():
    with on_a_disk() as both:
        yield both


def test_bare_commit(benchmark, disk):
    benchmark(disk[1].commit)


def test_grant(benchmark, disk):
    work, _ = disk
    benchmark.pedantic(work.grant, setup=lambda: ((work.take(1),), {}), rounds=ROUNDS)


@pytest.mark.parametrize("inputs", [1, INPUTS])
def test_burn(benchmark, disk, inputs):
    work, _ = disk
    benchmark.pedantic(work.burn, setup=lambda: (work.granted(inputs), {}), rounds=20)


def test_add(benchmark, disk):
    work, _ = disk
    benchmark.pedantic(work.add, setup=lambda: ((work.made(),), {}), rounds=10)


def test_confirm(benchmark, disk):
    work, _ = disk
    benchmark.pedantic(work.confirm, setup=lambda: ((work.add(work.made()),), {}), rounds=10)


def test_figures(benchmark, disk):
    benchmark(disk[0].figures)


def test_depth_under_load(benchmark, tmp_path):
    recording = benchmark.pedantic(simulated, (tmp_path, 1200), rounds=1)
    recording.write(tmp_path / "depth.csv")
    assert Recording.read(tmp_path / "depth.csv", recording.title, recording.watermarks) == recording
    assert min(item.ready for item in recording.samples) == 0
    assert recording.watermarks.max >= max(item.ready for item in recording.samples)


class Samples:
    """Milliseconds of one operation.

    Args:
        name: of it.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.wall: list[float] = []
        self.cpu: list[float] = []

    def time(self, call: Callable[..., object], *arguments: object) -> object:
        """Run it once."""
        wall, cpu = time.perf_counter(), time.process_time()
        result = call(*arguments)
        self.cpu.append(1e3 * (time.process_time() - cpu))
        self.wall.append(1e3 * (time.perf_counter() - wall))
        return result

    def over(self, other: "Samples") -> float:
        """Return how many times the other's time it takes: the median of the ratios inside each round."""
        return statistics.median(a / b for a, b in zip(self.wall, other.wall, strict=True))


def measured(work: Work, bare: BareDisk, rounds: int) -> dict[str, Samples]:
    """Run all operations in rounds."""
    names = (
        "bare commit",
        "grant of 1",
        "burn of 1",
        f"burn of {INPUTS}",
        f"add of {BATCH}",
        f"confirm of {BATCH}",
        "figures",
    )
    samples = {name: Samples(name) for name in names}
    commit, grant, burn, burn_many, add, confirm, figures = samples.values()
    for _ in range(rounds):
        one, many, made = work.take(1), work.granted(INPUTS), work.made()
        commit.time(bare.commit)
        request = grant.time(work.grant, one)
        burn.time(work.burn, request, one)
        burn_many.time(work.burn, *many)
        confirm.time(work.confirm, add.time(work.add, made))
        work.forget(made)
        figures.time(work.figures)
    return samples


def presign_ms() -> float:
    """Return the CPU milliseconds of a presignature at each of two signers, at full size."""
    group = Presigning(2, 3, SECURITY_128, tables=True)
    group.run(1)
    return cpu_ms(lambda: group.run(BATCH), 2, 2) / BATCH


def main() -> None:
    """Print all figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="leave presigning out")
    parser.add_argument("--at", type=Path, help="directory on the disk to be measured")
    arguments = parser.parse_args()
    with on_a_disk(arguments.at) as (work, bare):
        samples = measured(work, bare, ROUNDS)
    commit = samples["bare commit"]
    print(f"{f'median of {ROUNDS} rounds':20}{'ms':>9}{'CPU ms':>9}{'bare commits':>15}{'a second':>11}")
    for item in samples.values():
        wall, cpu = statistics.median(item.wall), statistics.median(item.cpu)
        print(f"{item.name:20}{wall:9.3f}{cpu:9.3f}{item.over(commit):15.2f}{1e3 / wall:11.0f}")
    if arguments.quick:
        return
    parts = samples[f"add of {BATCH}"], samples[f"confirm of {BATCH}"]
    pool = sum(statistics.median(item.cpu) for item in parts) / BATCH
    print(HEAD)
    percent = 100 * pool / presign_ms()
    print(Target("pool's part of a refill, percent of the CPU time", POOL_PERCENT, percent, at_most=True))


if __name__ == "__main__":
    main()
