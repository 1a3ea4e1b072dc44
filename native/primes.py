"""Secret primes for Paillier and ring-Pedersen moduli, searched in C by several threads."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import final

from native._core import ffi, lib
from native.errors import check
from native.secret import SecretResidues, SecretSeed, _size, _take

PROGRESS_INTERVAL = 0.2  # seconds


class PrimeKind(Enum):
    """What kind of prime p is searched."""

    SAFE = lib.MPCW_PRIME_SAFE  # p = 2q + 1 with q prime
    BLUM = lib.MPCW_PRIME_BLUM  # p = 3 mod 4


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a search is; all of it is public."""

    found: int
    sieves: int  # windows sieved
    tests: int  # numbers put through Fermat's test
    expected_tests: int  # mean of tests at the end; a single prime may well need three times its share


@final
class PrimeSearch:
    """One search for primes of exactly `bits` bits whose two top bits are set; it runs once.

    A product of two such primes has exactly 2 * bits bits. The search starts at random points, sieves a
    window of candidates by small primes, puts the survivors through Fermat's test to base 2 and what passes
    through 64 rounds of Miller-Rabin with random bases.

    A composite is taken for a prime with probability at most 4**-64 = 2**-128: the bound of Miller-Rabin
    holds for every composite, so it does not matter that candidates follow each other in a window. For a
    safe prime p = 2q + 1 the rounds are spent on q, and p adds no error: with q prime, 2**(p-1) = 1 mod p
    and gcd(2**2 - 1, p) = 1 prove p prime (Pocklington).

    Security:
        The search takes variable time and touches memory that depends on the candidates. Run it ahead of
        time; never let a remote peer trigger it.
    """

    __slots__ = ("_owner",)

    def __init__(self, kind: PrimeKind, bits: int, count: int = 1) -> None:
        """Prepare a search.

        Args:
            kind: safe or Blum primes.
            bits: length of a prime, 64..2048, a multiple of 64.
            count: number of primes, 1..64.

        Raises:
            RangeError: bits is not a length that can be searched.
            LengthError: count is out of range, or a number is negative.
        """
        out = ffi.new("mpcw_prime_search **")
        check(lib.mpcw_prime_search_new(out, kind.value, _size(bits), _size(count)), "PrimeSearch")
        self._owner = ffi.gc(out[0], lib.mpcw_prime_search_free)

    def run(
        self,
        threads: int = 0,
        seed: SecretSeed | None = None,
        progress: Callable[[Progress], None] | None = None,
    ) -> SecretResidues:
        """Search until all primes are found.

        The calling thread waits and reports; it may be interrupted (KeyboardInterrupt), which cancels the
        search and waits for its end.

        Args:
            threads: number of searching threads, at most 256; 0 for one on each processor.
            seed: randomness to replay; with one thread the result is a function of it. None draws afresh.
            progress: called about five times a second from the calling thread, and at the end. What it
                raises cancels the search and is raised here.

        Returns:
            The primes, bits / 8 bytes each.

        Raises:
            CancelledError: cancel() was called.
            UsedError: the search was run before.
            RangeError: there are too many threads.
            LengthError: threads is negative.
            ForkedError: the seed was made before fork() in the parent.
            MemoryLockError: there is no locked memory.
            EntropyError: the operating system gave no random bytes.
        """
        count = _size(threads)
        handle = ffi.NULL if seed is None else seed._handle
        outcome: list[SecretResidues | BaseException] = []
        # Waiting for a lock can be interrupted at any point without harm to the worker, who only releases it.
        # A future or a join() has locks of its own, which an interrupt at the wrong moment leaves held.
        bell = threading.Lock()
        bell.acquire()

        def work() -> None:
            try:
                outcome.append(self._search(count, handle))
            except BaseException as e:  # raised again below
                outcome.append(e)
            bell.release()

        worker = threading.Thread(target=work, name="primes")
        try:
            worker.start()
            while not outcome:
                bell.acquire(timeout=PROGRESS_INTERVAL)
                if progress and not outcome:
                    progress(self.progress())
        except BaseException:
            self.cancel()
            while worker.is_alive() and not outcome:
                bell.acquire(timeout=PROGRESS_INTERVAL)
            raise
        worker.join()
        primes = outcome[0]
        if isinstance(primes, BaseException):
            raise primes
        if progress:
            progress(self.progress())
        return primes

    def _search(self, threads: int, seed: object) -> SecretResidues:
        out = ffi.new("mpcw_secret **")
        check(lib.mpcw_prime_search_run(out, self._owner, threads, seed), "prime search")
        return _take(out, SecretResidues)

    def progress(self) -> Progress:
        """Read how far the search is, from any thread.

        Returns:
            Counts that never decrease.
        """
        now = ffi.new("mpcw_prime_progress *")
        check(lib.mpcw_prime_search_progress(now, self._owner), "progress")
        return Progress(now.found, now.sieves, now.tests, now.expected_tests)

    def cancel(self) -> None:
        """End the search within a fraction of a second, from any thread; before run(), forbid it."""
        check(lib.mpcw_prime_search_cancel(self._owner), "cancel")


def check_primes(kind: PrimeKind, bits: int, primes: SecretResidues) -> None:
    """Check that primes out of a store are what one search finds; the error bound is that of PrimeSearch.

    Args:
        kind: safe or Blum primes.
        bits: length of a prime, 64..2048, a multiple of 64.
        primes: bits / 8 bytes each.

    Raises:
        RejectedError: one is composite, too small, not 3 mod 4, not safe, or there twice.
        RangeError: bits is not a length that can be searched.
        LengthError: the numbers are of another length.
    """
    check(lib.mpcw_prime_check(kind.value, _size(bits), primes._handle), "prime check")


def safe_primes(
    bits: int,
    count: int = 1,
    *,
    threads: int = 0,
    seed: SecretSeed | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> SecretResidues:
    """Search for safe primes p = 2q + 1: PrimeSearch has the arguments, the error bound, the security."""
    return PrimeSearch(PrimeKind.SAFE, bits, count).run(threads, seed, progress)


def blum_primes(
    bits: int,
    count: int = 1,
    *,
    threads: int = 0,
    seed: SecretSeed | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> SecretResidues:
    """Search for Blum primes p = 3 mod 4: PrimeSearch has the arguments, the error bound, the security."""
    return PrimeSearch(PrimeKind.BLUM, bits, count).run(threads, seed, progress)
