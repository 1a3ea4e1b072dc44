"""Time the search for secret primes next to OpenSSL's, in one run, one thread each.

The CPU time of a test varies little. The time of a prime is geometric, its standard deviation about its
mean: with small counts tests / expected shows how lucky a run was, and the last column takes the luck out.
"""

import argparse
import resource
import shutil
import statistics
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from native._core import lib
from native.primes import PrimeKind, PrimeSearch

PATHS = {
    lib.MPCW_PATH_PORTABLE: "portable",
    lib.MPCW_PATH_ADX: "adx",
    lib.MPCW_PATH_AVX2: "avx2",
    lib.MPCW_PATH_IFMA: "ifma",
}


@dataclass(frozen=True, slots=True)
class Row:
    """CPU seconds of every prime of one maker; its Fermat tests where they are known."""

    maker: str
    seconds: list[float]
    tests: int = 0
    expected_tests: int = 0

    @property
    def expected_seconds(self) -> float:
        """The seconds of a prime, without the luck of the run."""
        return sum(self.seconds) / self.tests * self.expected_tests / len(self.seconds)

    def __str__(self) -> str:
        mean = statistics.mean(self.seconds)
        error = statistics.stdev(self.seconds) / len(self.seconds) ** 0.5 if len(self.seconds) > 1 else 0.0
        text = f"{self.maker:28} {len(self.seconds):5} {mean:9.3f} {error:8.3f}"
        if self.tests:
            a_prime = self.tests / len(self.seconds)
            text += f" {a_prime:9.0f} {self.tests / self.expected_tests:9.2f}"
            text += f" {sum(self.seconds) / self.tests * 1e3:8.3f}"
            text += f" {self.expected_seconds:11.3f}"
        return text


def cpu_seconds(action: Callable[[], object], who: int) -> float:
    """Return the CPU time that action takes in this process or in its children."""
    before = resource.getrusage(who)
    action()
    after = resource.getrusage(who)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def ours(kind: PrimeKind, bits: int, count: int) -> Row:
    """Search one prime after the other."""
    searches = [PrimeSearch(kind, bits) for _ in range(count)]
    seconds = [cpu_seconds(partial(search.run, 1), resource.RUSAGE_SELF) for search in searches]
    done = [search.progress() for search in searches]
    return Row(
        f"mpcw {kind.name.lower()} {bits} ({PATHS[lib.mpcw_path_in_use()]})",
        seconds,
        sum(now.tests for now in done),
        sum(now.expected_tests for now in done),
    )


def openssl(program: str, kind: PrimeKind, bits: int, count: int) -> Row:
    """Let openssl generate one prime after the other; it has no Blum primes, its ordinary ones stand in."""
    command = [program, "prime", "-generate", "-bits", str(bits)]
    if kind is PrimeKind.SAFE:
        command.append("-safe")
    seconds = [
        cpu_seconds(
            lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL), resource.RUSAGE_CHILDREN
        )
        for _ in range(count)
    ]
    name = "safe" if kind is PrimeKind.SAFE else "prime"
    return Row(f"openssl {name} {bits}", seconds)


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", nargs="?", type=int, default=10, help="primes of each kind and length")
    parser.add_argument("bits", nargs="*", type=int, default=[1024, 1536])
    arguments = parser.parse_args()
    program = shutil.which("openssl")
    print(
        f"{'':28} {'count':>5} {'mean CPU s':>9} {'+-':>7} {'tests':>9} {'/expected':>9} {'ms/test':>8}"
        f" {'expected s':>11}"
    )
    for kind in PrimeKind:
        for bits in arguments.bits:
            print(ours(kind, bits, arguments.count))
            if program:
                print(openssl(program, kind, bits, arguments.count))


if __name__ == "__main__":
    main()
