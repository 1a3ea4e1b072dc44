import gc
import json
import os
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import gmpy2
import pytest

from native._core import ffi, lib
from native.errors import (
    CancelledError,
    ForkedError,
    KindError,
    LengthError,
    RangeError,
    RejectedError,
    UsedError,
    WipedError,
)
from native.primes import PrimeKind, PrimeSearch, Progress, blum_primes, check_primes, safe_primes
from native.secret import SecretInts, SecretResidues, SecretSeed

SEED = bytes(range(32))

pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")


def numbers(primes: SecretResidues) -> list[int]:
    out = primes.declassify()
    return [int.from_bytes(out[i : i + primes.size], "big") for i in range(0, len(out), primes.size)]


def seed() -> SecretSeed:
    return SecretSeed.from_bytes(SEED)


def used_memory() -> int:
    used, mapped = ffi.new("size_t *"), ffi.new("size_t *")
    assert lib.mpcw_secret_usage(used, mapped) == lib.MPCW_OK
    return int(used[0])


def settled_memory() -> int:
    """What is in use when the garbage of other tests has gone, which could go in the midst of this one."""
    gc.collect()
    return used_memory()


def assert_right(p: int, bits: int, kind: PrimeKind) -> None:
    assert p.bit_length() == bits
    assert p >> (bits - 2) == 3
    assert p % 4 == 3
    assert gmpy2.is_prime(p, 40)
    if kind is PrimeKind.SAFE:
        assert gmpy2.is_prime(p // 2, 40)


def run_script(source: str, path: str = "") -> str:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(source)],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        env=os.environ | {"MPCW_TEST_PATH": path},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def in_child(action: Callable[[], bytes]) -> bytes:
    """Return what action returns in a forked child, or the name of the error that it raises."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            answer = action()
        except BaseException as e:
            answer = type(e).__name__.encode()
        os.write(write, answer)
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        answer = pipe.read()
    assert os.waitpid(child, 0)[1] == 0
    return answer


# the primes


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("bits", [64, 128, 192, 256, 320])
@pytest.mark.parametrize("kind", PrimeKind)
def test_every_number_is_a_prime_of_its_kind_and_exact_length(
    kind: PrimeKind, bits: int, threads: int
) -> None:
    found = numbers(PrimeSearch(kind, bits, 8).run(threads))
    assert len(set(found)) == 8
    for p in found:
        assert_right(p, bits, kind)


def test_blum_primes_of_full_size_are_right() -> None:
    for p in numbers(blum_primes(1536, 2)):
        assert_right(p, 1536, PrimeKind.BLUM)


@pytest.mark.slow
def test_safe_primes_of_full_size_are_right() -> None:
    found = numbers(safe_primes(1536, 2))
    assert (found[0] * found[1]).bit_length() == 3072
    for p in found:
        assert_right(p, 1536, PrimeKind.SAFE)


@pytest.mark.slow
def test_the_largest_blum_prime_is_right() -> None:
    assert_right(numbers(blum_primes(2048))[0], 2048, PrimeKind.BLUM)


def test_primes_differ_every_time_and_between_threads() -> None:
    found = [p for threads in (1, 1, 2, 4) for p in numbers(safe_primes(64, 64, threads=threads))]
    assert len(set(found)) == len(found) == 256


def test_the_bits_below_the_top_two_are_balanced() -> None:
    found = [p for _ in range(8) for p in numbers(blum_primes(128, 64, threads=1, seed=None))]
    for bit in range(2, 126):
        ones = sum(p >> bit & 1 for p in found)
        assert abs(ones - 256) < 80  # 7 standard deviations


def test_blum_primes_of_both_residues_modulo_8_and_safe_q_of_both_modulo_4_appear() -> None:
    assert {p % 8 for p in numbers(blum_primes(64, 64))} == {3, 7}
    assert {p // 2 % 4 for p in numbers(safe_primes(64, 64))} == {1, 3}


# replay


@pytest.mark.parametrize("find", [safe_primes, blum_primes])
def test_one_thread_is_a_function_of_the_seed(find: Callable[..., SecretResidues]) -> None:
    first = numbers(find(128, 4, threads=1, seed=seed()))
    assert numbers(find(128, 4, threads=1, seed=seed())) == first
    other = SecretSeed.from_bytes(SEED[::-1])
    assert not set(numbers(find(128, 4, threads=1, seed=other))) & set(first)


def test_threads_of_one_seed_search_different_streams() -> None:
    found = numbers(blum_primes(64, 64, threads=4, seed=seed()))
    assert len(set(found)) == 64


@pytest.mark.parametrize("path", ["portable", "adx"])
def test_the_first_prime_of_a_seed_is_the_same_on_every_engine(path: str) -> None:
    answer = run_script(
        """
        from native.primes import safe_primes
        from native.secret import SecretSeed
        seed = SecretSeed.from_bytes(bytes(range(32)))
        print(safe_primes(128, threads=1, seed=seed).declassify().hex())
        """,
        path,
    )
    assert int(answer, 16) == numbers(safe_primes(128, threads=1, seed=seed()))[0]


# cancellation and progress


@pytest.mark.parametrize("threads", [1, 2])
def test_cancel_ends_a_long_search_within_a_second_of_work(threads: int) -> None:
    before = settled_memory()
    search = PrimeSearch(PrimeKind.SAFE, 2048, 64)
    called = []

    def cancel() -> None:
        called.append(time.process_time())
        search.cancel()

    timer = threading.Timer(0.3, cancel)
    timer.start()
    with pytest.raises(CancelledError):
        search.run(threads)
    assert time.process_time() - called[0] < 1
    assert used_memory() == before


def test_cancel_before_the_run_forbids_it() -> None:
    search = PrimeSearch(PrimeKind.SAFE, 64)
    search.cancel()
    with pytest.raises(CancelledError):
        search.run()
    assert search.progress().tests == 0


def test_cancel_after_the_end_changes_nothing() -> None:
    search = PrimeSearch(PrimeKind.BLUM, 64)
    primes = search.run()
    search.cancel()
    assert_right(numbers(primes)[0], 64, PrimeKind.BLUM)


def test_progress_never_decreases_and_ends_with_all_found() -> None:
    seen: list[Progress] = []
    search = PrimeSearch(PrimeKind.SAFE, 768, 4)
    assert search.progress() == Progress(0, 0, 0, search.progress().expected_tests)
    search.run(progress=seen.append)
    for earlier, later in pairwise(seen):
        assert earlier.found <= later.found
        assert earlier.sieves <= later.sieves
        assert earlier.tests <= later.tests
        assert earlier.expected_tests == later.expected_tests
    assert seen[-1].found == 4
    assert seen[-1].sieves >= 4
    assert seen[-1] == search.progress()


def test_progress_is_reported_from_the_calling_thread_while_the_search_runs() -> None:
    search = PrimeSearch(PrimeKind.SAFE, 2048, 64)
    reports: list[tuple[int, Progress]] = []

    def report(now: Progress) -> None:
        reports.append((threading.get_ident(), now))
        if now.tests > reports[0][1].tests:
            search.cancel()

    with pytest.raises(CancelledError):
        search.run(1, progress=report)
    assert {thread for thread, _ in reports} == {threading.get_ident()}
    assert reports[0][1].tests < reports[-1][1].tests


@pytest.mark.parametrize("kind", PrimeKind)
def test_the_expected_number_of_tests_is_the_mean(kind: PrimeKind) -> None:
    search = PrimeSearch(kind, 128, 64)
    search.run(1, seed())
    now = search.progress()
    # 64 geometric variables: a standard deviation of an eighth, and Mertens' formula is asymptotic
    assert 0.5 < now.tests / now.expected_tests < 1.7


def test_what_the_callback_raises_ends_the_search_and_comes_out() -> None:
    before = settled_memory()

    def report(_: Progress) -> None:
        called.append(time.process_time())
        raise KeyError("stop")

    called: list[float] = []
    with pytest.raises(KeyError):
        safe_primes(2048, 64, threads=2, progress=report)
    assert len(called) == 1
    assert time.process_time() - called[0] < 1
    assert used_memory() == before


def test_keyboard_interrupt_cancels_and_joins() -> None:
    answer = run_script("""
        import os, signal, threading, time
        from native.primes import PrimeKind, PrimeSearch
        search, called = PrimeSearch(PrimeKind.SAFE, 2048, 64), []
        def interrupt():
            while not search.progress().sieves:
                time.sleep(0.05)
            called.append(time.process_time())
            os.kill(os.getpid(), signal.SIGINT)
        try:
            threading.Thread(target=interrupt).start()
            search.run(2)
        except KeyboardInterrupt:
            print("interrupted", time.process_time() - called[0] < 1)
        for thread in set(threading.enumerate()) - {threading.main_thread()}:
            thread.join(60)
        print(threading.active_count())
    """)
    assert answer.split() == ["interrupted", "True", "1"]


# the check of primes out of a store


def residues(*items: int, bits: int = 128) -> SecretResidues:
    return SecretResidues.from_bytes(b"".join(p.to_bytes(bits // 8, "big") for p in items), len(items))


def next_prime(start: int, holds: Callable[[int], bool]) -> int:
    p = int(gmpy2.next_prime(start))
    while not holds(p):
        p = int(gmpy2.next_prime(p))
    return p


TOP = 3 << 126  # the least number of 128 bits with its two top bits set
BLUM = next_prime(TOP, lambda p: p % 4 == 3 and not gmpy2.is_prime(p // 2))
COMPOSITE = next(n for n in range(BLUM, BLUM + 99, 4) if not gmpy2.is_prime(n))
SAFE = numbers(safe_primes(128, 2, threads=1, seed=seed()))


@pytest.mark.parametrize("bits", [64, 128, 192, 832, 1536])
@pytest.mark.parametrize("kind", PrimeKind)
def test_what_a_search_finds_passes_the_check(kind: PrimeKind, bits: int) -> None:
    if kind is PrimeKind.SAFE and bits > 192:
        made = json.loads((Path(__file__).parents[1] / "ecdsa_cggmp" / "primes.json").read_text())
        found = residues(*(int(p, 16) for p in made[str(bits)]["safe"][:2]), bits=bits)
    else:
        found = PrimeSearch(kind, bits, 3).run()
    check_primes(kind, bits, found)


@pytest.mark.parametrize(
    ("kind", "items"),
    [
        pytest.param(PrimeKind.BLUM, [BLUM, BLUM], id="twice"),
        pytest.param(PrimeKind.SAFE, [*SAFE, SAFE[0]], id="twice, apart"),
        pytest.param(PrimeKind.BLUM, [next_prime(TOP, lambda p: p % 4 == 1)], id="1 mod 4"),
        pytest.param(PrimeKind.BLUM, [next_prime(TOP >> 1, lambda p: p % 4 == 3)], id="127 bits"),
        pytest.param(PrimeKind.BLUM, [next_prime(1 << 127, lambda p: p % 4 == 3)], id="second bit"),
        pytest.param(PrimeKind.BLUM, [COMPOSITE], id="composite"),
        pytest.param(PrimeKind.BLUM, [BLUM, SAFE[0] ^ 1], id="even, second"),
        pytest.param(PrimeKind.BLUM, [0], id="zero"),
        pytest.param(PrimeKind.SAFE, [BLUM], id="not safe"),
        pytest.param(
            PrimeKind.SAFE,
            [2 * next_prime(TOP >> 1, lambda q: not gmpy2.is_prime(2 * q + 1)) + 1],
            id="half of it prime alone",
        ),
    ],
)
def test_what_no_search_finds_is_rejected(kind: PrimeKind, items: list[int]) -> None:
    with pytest.raises(RejectedError, match="no prime of its kind"):
        check_primes(kind, 128, residues(*items))


@pytest.mark.parametrize("path", ["portable", "adx", "avx2", "ifma"])
def test_every_engine_tells_primes_from_composites_as_gmp_does(path: str) -> None:
    items = [TOP + 3 + 4 * k for k in range(120)]
    answer = run_script(
        f"""
        from native.errors import RejectedError
        from native.primes import PrimeKind, check_primes
        from native.secret import SecretResidues
        for p in {items}:
            try:
                check_primes(PrimeKind.BLUM, 128, SecretResidues.from_bytes(p.to_bytes(16, "big")))
                print(1, end="")
            except RejectedError:
                print(0, end="")
        """,
        path,
    )
    assert answer == "".join(str(int(gmpy2.is_prime(p))) for p in items)
    assert "1" in answer


def test_primes_of_another_length_or_kind_of_secret_are_refused_by_the_check() -> None:
    with pytest.raises(LengthError):
        check_primes(PrimeKind.BLUM, 192, residues(BLUM))
    with pytest.raises(RangeError):
        check_primes(PrimeKind.BLUM, 127, residues(BLUM))
    with pytest.raises(RangeError):
        check_primes(PrimeKind.BLUM, 2112, residues(BLUM))
    wrong: Any = SecretInts.from_bytes(bytes(16))
    with pytest.raises(KindError):
        check_primes(PrimeKind.BLUM, 128, wrong)
    assert lib.mpcw_prime_check(3, 128, residues(BLUM)._handle) == lib.MPCW_E_KIND
    assert lib.mpcw_prime_check(PrimeKind.BLUM.value, 128, ffi.NULL) == lib.MPCW_E_KIND


# wrong arguments


@pytest.mark.parametrize("bits", [0, 1, 63, 65, 96, 1537, 2047, 2112, 2**62])
@pytest.mark.parametrize("kind", PrimeKind)
def test_lengths_that_cannot_be_searched_are_refused(kind: PrimeKind, bits: int) -> None:
    with pytest.raises(RangeError):
        PrimeSearch(kind, bits)


@pytest.mark.parametrize(("bits", "count"), [(-64, 1), (2**64, 1), (64, 0), (64, -1), (64, 65), (64, 2**64)])
def test_wrong_counts_are_refused(bits: int, count: int) -> None:
    with pytest.raises(LengthError):
        PrimeSearch(PrimeKind.SAFE, bits, count)


@pytest.mark.parametrize(("threads", "error"), [(257, RangeError), (2**62, RangeError), (-1, LengthError)])
def test_wrong_numbers_of_threads_are_refused(threads: int, error: type[Exception]) -> None:
    search = PrimeSearch(PrimeKind.BLUM, 64)
    with pytest.raises(error):
        search.run(threads)
    assert search.run(256).count == 1


def test_a_second_run_is_refused() -> None:
    search = PrimeSearch(PrimeKind.BLUM, 64)
    search.run()
    with pytest.raises(UsedError):
        search.run()
    assert search.progress().found == 1


def test_a_wiped_seed_is_refused() -> None:
    wiped = seed()
    wiped.wipe()
    with pytest.raises(WipedError):
        blum_primes(64, seed=wiped)


def test_a_seed_of_another_kind_is_refused() -> None:
    wrong: Any = SecretInts.from_bytes(SEED)
    with pytest.raises(KindError):
        blum_primes(64, seed=wrong)


@pytest.mark.parametrize("kind", [0, 3, 2**31 - 1])
def test_an_unknown_kind_of_prime_is_refused(kind: int) -> None:
    out = ffi.new("mpcw_prime_search **")
    assert lib.mpcw_prime_search_new(out, kind, 64, 1) == lib.MPCW_E_KIND
    assert out[0] == ffi.NULL


def test_a_missing_search_is_refused_with_zeroed_outputs() -> None:
    out = ffi.new("mpcw_secret **", ffi.cast("mpcw_secret *", 8))
    now = ffi.new("mpcw_prime_progress *", {"tests": 7})
    assert lib.mpcw_prime_search_run(out, ffi.NULL, 1, ffi.NULL) == lib.MPCW_E_KIND
    assert out[0] == ffi.NULL
    assert lib.mpcw_prime_search_progress(now, ffi.NULL) == lib.MPCW_E_KIND
    assert now.tests == 0
    assert lib.mpcw_prime_search_cancel(ffi.NULL) == lib.MPCW_E_KIND
    lib.mpcw_prime_search_free(ffi.NULL)


# memory and fork


def test_a_search_keeps_no_memory_but_its_primes() -> None:
    before = settled_memory()
    primes = safe_primes(256, 4)
    assert used_memory() == before + 4 * 32
    del primes
    assert used_memory() == before


def test_memory_that_cannot_be_locked_ends_the_search_with_an_error() -> None:
    answer = run_script("""
        import os, resource
        from native.errors import MemoryLockError
        from native.primes import safe_primes
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (64 << 10, 64 << 10))
        if os.geteuid() == 0:
            os.setuid(65534)  # root may lock without limit
        try:
            safe_primes(128)
        except MemoryLockError:
            print("refused")
    """)
    assert answer == "refused"


def test_children_search_with_randomness_of_their_own() -> None:
    def search() -> bytes:
        return blum_primes(128, threads=1).declassify()

    found = [search(), in_child(search), in_child(search), search()]
    assert len(set(found)) == 4
    for p in found:
        assert_right(int.from_bytes(p, "big"), 128, PrimeKind.BLUM)


def test_a_child_may_run_a_search_made_before_fork_but_not_with_its_parents_seed() -> None:
    search, parents = PrimeSearch(PrimeKind.BLUM, 64), seed()
    p = in_child(lambda: search.run(2).declassify())
    assert_right(int.from_bytes(p, "big"), 64, PrimeKind.BLUM)
    assert in_child(lambda: blum_primes(64, seed=parents).declassify()) == ForkedError.__name__.encode()
    assert search.run().count == 1


def test_fork_during_a_search_harms_neither_process() -> None:
    search = PrimeSearch(PrimeKind.SAFE, 512, 4)
    children = []

    def report(_: Progress) -> None:
        if not children:
            children.append(in_child(lambda: blum_primes(64, threads=2).declassify()))

    primes = search.run(2, progress=report)
    assert_right(int.from_bytes(children[0], "big"), 64, PrimeKind.BLUM)
    for p in numbers(primes):
        assert_right(p, 512, PrimeKind.SAFE)
