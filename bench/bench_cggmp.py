"""CGGMP24: primes, key generation, auxiliary info, presignatures, signatures, wire and memory; per party.

    python bench/bench_cggmp.py            figures beside their targets, at full size: four minutes
    python bench/bench_cggmp.py --quick    2 of 3 only: a minute
    pytest bench --benchmark-only          the same operations at the tests' tiny level

Times of the program are CPU time of all threads, divided by the parties, with signatures of messages, hashes
and echoes: the latency of a party that has one core. Targets are those of performance.md 7.3; that of a
single presignature counts kernels alone and leaves out that a prover verifies its own proofs first.
"""

import argparse
import shutil
from collections.abc import Callable
from functools import partial
from time import process_time
from typing import Final

import pytest

from bench_primes import openssl, ours
from cggmp_group import Presigning, keygen, presigning, signer_bytes
from cggmp_node import longest_gap_ms, memory_mb, sign_ms, sign_ms_beside
from comparison.targets import HEAD, Target
from ecdsa_cggmp.params import SECURITY_128
from ecdsa_cggmp.presignature import Presignature
from ecdsa_cggmp.sign import SigningContext, combine, sign_share
from native.primes import PrimeKind
from tests.ecdsa_cggmp.network import Parties, aux_infos
from tests.ecdsa_cggmp.presignatures import shares_of

GROUPS = pytest.mark.parametrize(("t", "n"), [(2, 3), (3, 5), (4, 5)], ids=["2of3", "3of5", "4of5"])
# of performance.md 7.3
PRIME_SECONDS: Final = {PrimeKind.SAFE: 1.0}
AUX_INFO_SECONDS: Final = 4.3
TABLE_SECONDS: Final = (1.1, 2.6)  # of the own key, of a peer's
KEYGEN_MS: Final = 3.0
LATENCY_MS: Final = 110.0
REFILL_BATCH: Final = 32  # which the targets of refills are for, or more
REFILL: Final = {(2, 3): 860.0, (3, 5): 440.0, (4, 5): 297.0}  # presignatures a minute and core
SIGN_MS: Final = 0.3
GAP_MS: Final = 50.0
SIGNER_BYTES: Final = {2: 20_736.0}


@GROUPS
def test_keygen(benchmark, t, n):
    benchmark.extra_info["target"] = f"{KEYGEN_MS} ms a party of 2 of 3"
    benchmark(keygen, t, n)


def test_aux_info(benchmark):
    benchmark.extra_info["target"] = f"{AUX_INFO_SECONDS} s a party of 3, at full size"
    benchmark.pedantic(lambda: Parties(2).aux(), rounds=1)


@GROUPS
@pytest.mark.parametrize("batch", [1, 8])
def test_presign(benchmark, t, n, batch):
    benchmark.extra_info["target"] = f"{REFILL[t, n]} a minute and core, at full size"
    benchmark.pedantic(presigning(t, n).run, (batch,), rounds=1)


@GROUPS
def test_sign_share(benchmark, t, n):
    def fresh() -> tuple[tuple[Presignature, SigningContext], dict[str, object]]:
        made, item = presigning(t, n).signing()
        return (made[0], item), {}

    benchmark.extra_info["target"] = f"{SIGN_MS} ms with combine"
    benchmark.pedantic(sign_share, setup=fresh, rounds=20)


@GROUPS
def test_combine(benchmark, t, n):
    made, item = presigning(t, n).signing()
    benchmark.extra_info["target"] = f"{SIGN_MS} ms with sign_share"
    benchmark(combine, item, shares_of(made, item))


def test_failure(benchmark):
    benchmark.pedantic(presigning(2, 3).fail, rounds=1)


def cpu_ms(call: Callable[[], object], parties: int, repeats: int = 3) -> float:
    """Return the least milliseconds of CPU time of all threads that a call takes for each party."""
    taken = []
    for _ in range(repeats):
        start = process_time()
        call()
        taken.append(process_time() - start)
    return 1e3 * min(taken) / parties


def show(name: str, taken: float, target: float | None = None) -> None:
    """Print a figure of which less is better, beside its target if there is one."""
    print(
        f"{name:60}{taken:9.2f}" if target is None else Target(name, target, taken, at_most=True), flush=True
    )


def report_primes(count: int) -> float:
    """Print the figures of prime search; return the mean seconds of two primes of each kind."""
    program, total = shutil.which("openssl"), 0.0
    for kind in PrimeKind:
        row = ours(kind, SECURITY_128.prime_bits, count * (1 if kind is PrimeKind.SAFE else 10))
        name = f"{kind.name.lower()} prime of {SECURITY_128.prime_bits} bits"
        show(f"{name}: expected seconds", row.expected_seconds, PRIME_SECONDS.get(kind))
        total += 2 * row.expected_seconds
        if program:
            other = openssl(program, kind, SECURITY_128.prime_bits, 4)
            mean = sum(other.seconds) / len(other.seconds)
            print(
                f"{f'{name}: openssl, mean of 4, over ours':60}{mean / row.expected_seconds:9.2f}", flush=True
            )
    return total


def report_aux_info(prime_seconds: float) -> None:
    """Print the figures of auxiliary info among three."""
    taken = cpu_ms(lambda: Parties(3).aux(params=SECURITY_128), 3, 1) / 1e3
    show("3 parties: auxiliary info with given primes, s", taken)
    show("3 parties: auxiliary info, expected s", taken + prime_seconds, AUX_INFO_SECONDS)
    (info, *_) = aux_infos(3, SECURITY_128)
    for name, party, target in zip(("own key", "a peer's key"), (0, 1), TABLE_SECONDS, strict=True):
        show(f"table of randomness, {name}, s", cpu_ms(partial(info.build_table, party), 1, 1) / 1e3, target)


def report_group(t: int, n: int, batches: tuple[int, ...]) -> Presigning:
    """Print the figures of one group."""
    name = f"{t} of {n}"
    keygen(t, n)
    taken = cpu_ms(lambda: keygen(t, n), n, 10)
    show(f"{name}: key generation, ms", taken, KEYGEN_MS if (t, n) == (2, 3) else None)
    show(f"{name}: bytes that a signer sends", signer_bytes(SECURITY_128, t), SIGNER_BYTES.get(t))
    group = Presigning(t, n, SECURITY_128, tables=True)
    group.run(1)
    for batch in batches:
        taken = cpu_ms(partial(group.run, batch), t, 3 if batch == 1 else 1) / batch
        if batch == 1:
            show(f"{name}: single presignature, ms", taken, LATENCY_MS if t == 2 else None)
        text = f"{name}: presignatures a minute and core, B = {batch} ({taken:.1f} ms)"
        rate = 60_000 / taken
        print(
            Target(text, REFILL[t, n], rate) if batch >= REFILL_BATCH else f"{text:60}{rate:9.2f}", flush=True
        )
    show(
        f"{name}: signature from presignature, ms", min(group.sign(process_time) for _ in range(50)), SIGN_MS
    )
    return group


def report_failure(group: Presigning) -> None:
    """Print the figures of figure 9."""
    defending, judging = group.fail()
    show("2 of 3: a defence after a wrong delta, ms", defending)
    show("2 of 3: verifying the peer's defence, ms", judging)


def report_node(group: Presigning) -> None:
    """Print what presigning does to a node: on the clock, so of a quiet machine only."""
    held, peak = memory_mb(32)
    show("2 of 3: memory of a signer between batches, MB", held)
    show("2 of 3: peak memory of a signer, B = 32, MB", peak)
    show("2 of 3: longest delay of the event loop, B = 32, ms", longest_gap_ms(group, 32), GAP_MS)
    for name, figures in (
        ("idle", sign_ms(group)),
        ("beside a refill of nice 10", sign_ms_beside(group, 128)),
    ):
        show(f"signature, ms on the clock, {name}: median", figures[0])
        show(f"signature, ms on the clock, {name}: longest", figures[1])


def main() -> None:
    """Print all figures beside their targets."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="2 of 3 only")
    quick = parser.parse_args().quick
    print(HEAD)
    if not quick:
        report_aux_info(report_primes(6))
    group = report_group(2, 3, (1, 8, 32) if quick else (1, 8, 32, 128))
    report_failure(group)
    report_node(group)
    if not quick:
        report_group(3, 5, (1, 8, 32, 128))
        report_group(4, 5, (1, 8, 32))


if __name__ == "__main__":
    main()
