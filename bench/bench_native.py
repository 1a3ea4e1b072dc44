"""Time the C core beside GMP, gmpy2 and OpenSSL in one run, and tell which targets it reaches.

    python bench/bench_native.py            all tables, minutes: keep the machine quiet
    python bench/bench_native.py --quick    the most important rows, with few rounds
    pytest bench --benchmark-only           the same operations under pytest-benchmark

Times are CPU times of one thread, except where threads are compared. Contestants take turns in every round;
ratios are the median of the ratios inside each round. Our functions are the product's: constant time, but for
`mpcw var`, whose exponents are public. Single multiplications (performance.md 1.2) have no public function.
"""

import argparse
import json
import os
import platform
import statistics
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from comparison import report
from comparison.measure import Run, measure
from comparison.pair import COUNT, Pair, measure_pair, total
from comparison.peers import POWM, versions
from comparison.powers import COMMITMENT, OURS, SECTIONS, Section
from comparison.safe_primes import measure_safe_primes
from comparison.targets import HEAD, Target
from comparison.threads import measure_threads
from native._core import lib
from native.primes import safe_primes

PATHS: Final = {
    lib.MPCW_PATH_PORTABLE: "portable",
    lib.MPCW_PATH_ADX: "mulx, adcx, adox",
    lib.MPCW_PATH_AVX2: "AVX2",
    lib.MPCW_PATH_IFMA: "AVX-512 IFMA",
}
PRIME_BITS: Final = 1536
NTH_POWER: Final = "r^N secret N"


# ---- under pytest-benchmark ----


def _runs() -> list[Any]:
    return [
        pytest.param(
            f"{section.key}: {row.name}", run, id=f"{section.key}-{row.name}-{name}".replace(" ", "_")
        )
        for section in SECTIONS
        for row in section.rows(True)
        for name, run in row.runs.items()
    ]


@pytest.mark.parametrize(("group", "run"), _runs())
def test_power(benchmark: BenchmarkFixture, group: str, run: Run) -> None:
    benchmark.group = group
    benchmark.extra_info["operations a call"] = run.items
    benchmark(run.call)


def test_pair(benchmark: BenchmarkFixture) -> None:
    steps = Pair().steps()
    benchmark.extra_info["presignatures a call"] = COUNT
    benchmark.pedantic(lambda: [step.call() for step in steps], rounds=3, warmup_rounds=1)


def test_safe_prime(benchmark: BenchmarkFixture) -> None:
    benchmark.pedantic(lambda: safe_primes(512, threads=1), rounds=20)


# ---- as a program ----


@dataclass
class Results:
    """What a run has measured: everything for --json, and the figures of the targets."""

    tables: dict[str, Any] = field(default_factory=dict)
    figures: dict[str, float] = field(default_factory=dict)

    def targets(self) -> list[Target]:
        """Compare with what is required."""
        get = self.figures.get
        return [
            Target("r^N mod N^2, 3072 bits: times mpz_powm", 2.5, get("nth")),
            Target(f"ring-Pedersen {COMMITMENT}: times mpz_powm", 9.0, get("commitment")),
            Target(f"pair and presignature, B = {COUNT}: ms", 70.0, get("pair ms"), at_most=True),
            Target(f"pair and presignature, B = {COUNT}: times mpz_powm", 11.5, get("pair")),
            Target(f"safe prime, {PRIME_BITS} bits: mean s, one thread", 1.1, get("prime s"), at_most=True),
            Target(f"safe prime, {PRIME_BITS} bits: times openssl prime", 5.0, get("prime")),
            Target("two threads: times one (least of our calls)", 1.9, get("threads")),
        ]


def powers(section: Section, results: Results, options: argparse.Namespace) -> None:
    """Print one table of modular powers."""
    print(report.heading(section.title))
    print(report.columns())
    for row in section.rows(options.quick):
        timings = measure(row.runs, 3 if options.quick else 7)
        print(report.power_row(row, timings), flush=True)
        results.tables.setdefault(section.key, {})[row.name] = {
            name: {"min": timing.best, "median": timing.median} for name, timing in timings.items()
        }
        figure = {NTH_POWER: "nth", COMMITMENT: "commitment"}.get(row.name)
        if figure:
            results.figures[figure] = timings[POWM].over(timings[OURS])


def pair(results: Results, options: argparse.Namespace) -> None:
    """Print the tables of a pair of signers."""
    print(report.heading(f"2.1  one pair, i proves to j: ms a presignature, batches of {COUNT}"))
    print("naive: measured mpz_powm of each size, times its number (78 a pair)")
    calls, items = measure_pair(2 if options.quick else 6)
    print(report.pair(calls, items), flush=True)
    whole = total("pair", calls[1:])
    results.figures |= {"pair ms": whole.ours.best * 1e3, "pair": whole.ratio}
    results.tables["pair"] = {
        part.name: {
            "naive": {"min": part.naive.best, "median": part.naive.median},
            OURS: {"min": part.ours.best, "median": part.ours.median},
            "ratio": part.ratio,
        }
        for part in (*calls, *items, whole)
    }


def threads(results: Results, options: argparse.Namespace) -> None:
    """Print how much two threads do while one would do 1."""
    print(report.heading("1.7  two threads: work done in the time in which one does 1 (wall time)"))
    scalings = measure_threads(3 if options.quick else 7)
    print(report.threads(scalings), flush=True)
    results.figures["threads"] = min(scaling.median for scaling in scalings if scaling.ours)
    results.tables["threads"] = {s.name: {"best": s.best, "median": s.median} for s in scalings}


def primes(results: Results, options: argparse.Namespace) -> None:
    """Print mean times of safe primes."""
    print(report.heading(f"4  safe primes of {PRIME_BITS} bits: CPU seconds on one thread"))
    ours, theirs = measure_safe_primes(PRIME_BITS, options.primes)
    print(report.PRIMES_HEAD, ours, theirs or "openssl: no such program", sep="\n", flush=True)
    mean = statistics.mean(ours.seconds)
    results.figures["prime s"] = mean
    results.tables["primes"] = {OURS: ours.seconds, "tests": ours.tests, "expected": ours.expected_tests}
    if theirs:
        results.figures["prime"] = statistics.mean(theirs.seconds) / mean
        results.tables["primes"]["openssl"] = theirs.seconds


def machine() -> dict[str, str]:
    """Describe what the figures depend on."""
    with open("/proc/cpuinfo") as info:
        models = [line.split(":", 1)[1].strip() for line in info if line.startswith("model name")]
    load = os.getloadavg()[0]
    return {
        "CPU": f"{models[0] if models else platform.machine()}, {os.cpu_count()} cores, load {load:.1f}",
        "path": PATHS[lib.mpcw_path_in_use()],
    } | versions()


def main() -> None:
    """Print the tables that were asked for, and the targets."""
    sections: dict[str, Callable[[Results, argparse.Namespace], None]] = {
        section.key: lambda results, options, s=section: powers(s, results, options) for section in SECTIONS
    } | {"threads": threads, "pair": pair, "primes": primes}
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="few rows and rounds, no safe primes")
    parser.add_argument("--json", metavar="FILE", help="write all figures there, in seconds")
    parser.add_argument("--only", nargs="+", choices=sections, metavar="SECTION", help=", ".join(sections))
    parser.add_argument("--primes", type=int, metavar="N", help="number of safe primes (50; quick: 0)")
    options = parser.parse_args()
    if options.primes is None:
        options.primes = 0 if options.quick and not options.only else 50

    about, results = machine(), Results()
    print("\n".join(f"{name:8} {value}" for name, value in about.items()))
    for key, run in sections.items():
        if key in (options.only or sections) and (key != "primes" or options.primes > 0):
            run(results, options)

    targets = results.targets()
    print(report.heading("Targets"), HEAD, *targets, sep="\n")
    if options.json:
        with open(options.json, "w") as file:
            json.dump(
                {
                    "machine": about,
                    "tables": results.tables,
                    "targets": [
                        {"name": t.name, "required": t.required, "reached": t.reached} for t in targets
                    ],
                },
                file,
                indent=1,
            )


if __name__ == "__main__":
    main()
