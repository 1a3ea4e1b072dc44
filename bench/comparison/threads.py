"""Two threads against one, in wall time: the calls release the interpreter lock (performance.md 1.7)."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Final

import gmpy2

from comparison.keys import KEYS, number, secret_residues
from comparison.peers import PEERS, POWM
from native.bigint import Modulus
from native.integer import random_ints

CALL_SECONDS: Final = 0.15  # what one thread does in a round, about
THREADS: Final = 2


@dataclass(frozen=True, slots=True)
class Scaling:
    """Work of two threads in the time in which one does 1.

    Args:
        name: of the call.
        ours: whether it is a call of our core.
        rounds: one figure each.
    """

    name: str
    ours: bool
    rounds: tuple[float, ...]

    @property
    def best(self) -> float:
        """The most of all rounds."""
        return max(self.rounds)

    @property
    def median(self) -> float:
        """The middle of all rounds."""
        return median(self.rounds)


def _contestants() -> Iterator[tuple[str, bool, Callable[[], Callable[[], object]]]]:
    """Yield name, whether it is ours, and what makes a call for one thread."""
    bits = 3072
    modulus = number(bits, "modulus")
    N2, exponent = modulus**2, number(bits, "exponent")
    arithmetic, secret = Modulus(modulus), secret_residues(*[exponent] * 4)
    bases = [number(N2.bit_length() - 1, f"base {k}") for k in range(4)]
    x, y = random_ints(32, 768), random_ints(32, 3840)
    yield "mpcw x^e mod N^2", True, lambda: lambda: arithmetic.pow(bases, secret, square=True)
    yield "mpcw s^x t^y", True, lambda: lambda: KEYS.j_pedersen_public.commit(x, y)
    yield "mpcw Enc, table", True, lambda: lambda: KEYS.j_public.encrypt(x, KEYS.j_table)
    for name in (POWM, "BN mont", "gmpy2"):
        yield name, False, partial(PEERS[name], bases[0], exponent, N2)
    yield "gmpy2 allow_release_gil", False, lambda: _released(bases[0], exponent, N2)


def _released(base: int, exponent: int, modulus: int) -> Callable[[], object]:
    power = PEERS["gmpy2"](base, exponent, modulus)

    def run() -> object:
        gmpy2.get_context().allow_release_gil = True  # a context belongs to its thread
        try:
            return power()
        finally:
            gmpy2.get_context().allow_release_gil = False

    return run


def measure_threads(rounds: int) -> list[Scaling]:
    """Compare two threads with one, in rounds."""
    contestants = [(name, ours, [make() for _ in range(THREADS)]) for name, ours, make in _contestants()]
    with ThreadPoolExecutor(THREADS) as pool:
        repeats = {}
        for name, _, calls in contestants:
            calls[0]()
            repeats[name] = max(1, round(CALL_SECONDS / _wall(pool, calls[:1], 1)))
        gains: dict[str, list[float]] = {name: [] for name, _, _ in contestants}
        for _ in range(rounds):
            for name, _, calls in contestants:
                one = _wall(pool, calls[:1], repeats[name])
                gains[name].append(THREADS * one / _wall(pool, calls, repeats[name]))
    return [Scaling(name, ours, tuple(gains[name])) for name, ours, _ in contestants]


def _wall(pool: ThreadPoolExecutor, calls: list[Callable[[], object]], repeats: int) -> float:
    def work(call: Callable[[], object]) -> None:
        for _ in range(repeats):
            call()

    start = time.perf_counter()
    for done in [pool.submit(work, call) for call in calls]:
        done.result()
    return time.perf_counter() - start
