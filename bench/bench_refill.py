"""Refills end to end beside presigning alone, and signatures while a refill runs; parties in one process.

    python bench/bench_refill.py           2 of 3 and 3 of 5 at full size: some minutes
    python bench/bench_refill.py --quick   2 of 3 only
    pytest bench --benchmark-only          the same operations at the tests' tiny level

"Presigning alone" is ecdsa_cggmp with a thread for each party, and nothing else: no leases, no sessions to
look up, no pool, no vouchers, no disk. The refill does all of this, into a file for each party. Both run in
threads of the same priority, in turns, batches of 32. The pool's share is one of CPU time: the wall time of
a machine that does other work says nothing.
"""

import argparse
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from comparison.targets import HEAD, Target
from cosigner.exchange import carry
from cosigner.keeper import Keeper
from cosigner.priority import yield_to_others
from ecdsa_cggmp import presign
from ecdsa_cggmp.params import SECURITY_128, Params
from native.entropy import random_bytes
from presig_pool.watermarks import Watermarks
from protocol.errors import MpcError
from protocol.ids import PartyId, SessionId
from protocol.machine import Sealed, SessionMachine
from storage.parties import PartyStore
from tests.cosigner.ecdsa_signing import sign, stocked
from tests.cosigner.signers import Signers
from tests.cosigner.wallets import passphrase
from tests.ecdsa_cggmp.levels import TINY
from tests.ecdsa_cggmp.network import Parties, aux_infos, presign_plan
from tests.storage.cheap import cheap_passphrases

GROUPS = pytest.mark.parametrize(("t", "n"), [(2, 3), (3, 5)], ids=["2of3", "3of5"])
BATCH: Final = 32
ROOM: Final = Watermarks(low=1, target=1, max=4096, batch=BATCH)
POOL_SHARE: Final = 0.05  # of the work of a refill


class Machine:
    """A party of a presigning session, and nothing else."""

    def __init__(self, machine: SessionMachine[object]) -> None:
        self._machine = machine

    def receive(self, sender: PartyId, envelope: bytes) -> Sequence[Sealed]:
        return self._machine.receive(sender, envelope)

    def end(self, _session: SessionId, _evidence: Iterable[bytes] = ()) -> MpcError | None:
        assert self._machine.done
        return None


class Refilling:
    """A group whose first t parties refill their stock.

    Args:
        t, n: threshold and parties.
        folder: of the parties' files.
        params: the level.
    """

    def __init__(self, t: int, n: int, folder: Path, params: Params = TINY) -> None:
        self.t, self.params = t, params
        with cheap_passphrases():
            self.files = [
                PartyStore.create(folder / str(i) / "party.db", PartyId(i), passphrase(i)) for i in range(t)
            ]
        stores = {i: file.presignatures for i, file in enumerate(self.files)}
        self.group = Signers(n, t, ROOM, stores, params)
        self.stock = self.group.stock(*range(t))
        self.keeper = Keeper(
            self.group.signer(0), self.group.peers, [], lambda: self.group.now, lambda _: None
        )
        self.parties = Parties(n)
        for info in aux_infos(n, params)[:t]:
            for party in range(t):
                if info.table(PartyId(party)) is None:
                    info.build_table(PartyId(party))

    def close(self) -> None:
        for file in self.files:
            file.close()

    def refill(self, count: int = BATCH) -> None:
        """Have presignatures made and agreed on."""
        assert self.keeper.refill(self.stock, count) == count

    def alone(self, count: int = BATCH) -> None:
        """Make presignatures and drop them."""
        with ThreadPoolExecutor(1, initializer=yield_to_others) as thread:
            thread.submit(self._alone, count).result()

    def _alone(self, count: int) -> None:
        shares, aux = self.group.shares, aux_infos(self.group.n, self.params)
        plan = bytes(presign_plan(shares, range(self.t), count, self.params))
        sessions = self.parties.sessions(presign.presign_spec(self.params), range(self.t), plan)
        with ThreadPoolExecutor(self.t) as threads:
            begun = threads.map(
                lambda s: SessionMachine.begin(s, presign.participate(s, shares[s.me], aux[s.me])),
                sessions.values(),
            )
            machines = dict(zip(sessions, begun, strict=True))
            letters = [(j, sealed) for j, (_, first) in machines.items() for sealed in first]
            endpoints = {j: Machine(machine) for j, (machine, _) in machines.items()}
            assert not carry(sessions[PartyId(0)].header.session, endpoints, letters, threads)

    def sign(self) -> float:
        """Return the milliseconds from choosing a presignature to a verified signature, all parties' work."""
        start = time.perf_counter()
        sign(self.group, self.stock, random_bytes(32))
        return 1e3 * (time.perf_counter() - start)


@contextmanager
def refilling(t: int, n: int, params: Params = TINY) -> Iterator[Refilling]:
    with tempfile.TemporaryDirectory() as folder:
        group = Refilling(t, n, Path(folder), params)
        try:
            yield group
        finally:
            group.close()


@GROUPS
@pytest.mark.parametrize("kind", ["refill", "alone"])
def test_refill(benchmark, t, n, kind):
    with refilling(t, n) as group:
        benchmark.pedantic(getattr(group, kind), (2,), rounds=1)


def test_sign(benchmark):
    with refilling(2, 3) as group:
        stocked(group.group, 0, 1, count=1)
        benchmark.pedantic(group.sign, rounds=1)


# the program


def measured(call: Callable[[], object]) -> tuple[float, float]:
    """Return seconds and seconds of CPU time of all threads."""
    start, cpu = time.perf_counter(), time.process_time()
    call()
    return time.perf_counter() - start, time.process_time() - cpu


def report_refill(group: Refilling, name: str, rounds: int) -> None:
    """Print what a refill costs beside presigning alone."""
    group.alone(1)
    group.refill(1)
    taken: dict[str, list[tuple[float, float]]] = {"refill": [], "alone": []}
    for number in range(2 * rounds):
        kind = ("refill", "alone", "alone", "refill")[number % 4]
        taken[kind].append(measured(getattr(group, kind)))
    for kind, figures in taken.items():
        wall, cpu = min(wall for wall, _ in figures), min(cpu for _, cpu in figures)
        speed, cost = 60 * BATCH / wall, 1e3 * cpu / BATCH
        print(f"{name}: {kind:8}{speed:9.0f} presignatures a minute, {cost:7.1f} ms of CPU each")
    refill, alone = (min(cpu for _, cpu in taken[kind]) for kind in ("refill", "alone"))
    share = max(1 - alone / refill, 0.001)  # less than what can be measured may come out negative
    print(Target(f"{name}: share of the pool in a refill", POOL_SHARE, share, at_most=True))


def percentiles(times: Sequence[float]) -> str:
    """Return the median, the 95th percentile and the largest."""
    ordered = sorted(times)
    p95 = ordered[len(ordered) * 95 // 100]
    return f"median {statistics.median(ordered):6.1f}, p95 {p95:6.1f}, most {ordered[-1]:6.1f} ms"


def report_signatures(group: Refilling, name: str, count: int = 200) -> None:
    """Print how long signatures take while nothing else runs, and while a refill does."""
    stocked(group.group, *range(group.t), count=2 * count + 8)
    idle = [group.sign() for _ in range(count)]
    print(f"{name}: signature, idle             {percentiles(idle)}")
    busy, running = list[float](), threading.Event()

    def refill() -> None:
        while not running.is_set():
            group.refill()

    thread = threading.Thread(target=refill)
    thread.start()
    try:
        for _ in range(count):
            time.sleep(0.05)
            busy.append(group.sign())
    finally:
        running.set()
        thread.join()
    print(f"{name}: signature, during a refill  {percentiles(busy)}")


def main() -> None:
    """Print all figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="2 of 3 only")
    quick = parser.parse_args().quick
    print(HEAD)
    for t, n in [(2, 3)] if quick else [(2, 3), (3, 5)]:
        with refilling(t, n, SECURITY_128) as group:
            report_refill(group, f"{t} of {n}", 4)
            report_signatures(group, f"{t} of {n}")


if __name__ == "__main__":
    main()
