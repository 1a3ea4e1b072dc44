"""Safe primes by our search and by `openssl prime`, in turns."""

import shutil
from typing import Final

from bench_primes import Row, openssl, ours
from native.primes import PrimeKind

TURN: Final = 4  # primes of ours for one of OpenSSL, which takes longer than four


def measure_safe_primes(bits: int, count: int) -> tuple[Row, Row | None]:
    """Search count primes, and a quarter of that with OpenSSL.

    Args:
        bits: length of a prime.
        count: primes of ours.

    Returns:
        CPU seconds of ours and of OpenSSL's; None for the latter when the program is missing.
    """
    program = shutil.which("openssl")
    mine, theirs = [], []
    for first in range(0, count, TURN):
        mine.append(ours(PrimeKind.SAFE, bits, min(TURN, count - first)))
        if program:
            theirs.append(openssl(program, PrimeKind.SAFE, bits, 1))
    return _merge(mine), _merge(theirs) if theirs else None


def _merge(rows: list[Row]) -> Row:
    return Row(
        rows[0].maker,
        [second for row in rows for second in row.seconds],
        sum(row.tests for row in rows),
        sum(row.expected_tests for row in rows),
    )
