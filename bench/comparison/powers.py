"""Rows of modular powers beside the same powers by the peers (performance.md 1.1, 1.4-1.6).

Each of our calls works on LANES operations, as the protocol does; rows named "one" show a single operation.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Final

from comparison.keys import KEYS, number, prime, secret_residues
from comparison.measure import Row, Run
from comparison.peers import PEERS
from native.bigint import FixedBase, Modulus
from native.integer import random_ints
from native.ring_pedersen import RingPedersen

OURS: Final = "mpcw"
OURS_VAR: Final = "mpcw var"
LANES: Final = 4

Powers = Sequence[tuple[int, int, int]]  # base, exponent, modulus


@dataclass(frozen=True, slots=True)
class Section:
    """A table.

    Args:
        key: for --only.
        title: what it shows.
        rows: makes the rows; those for a quick run only when asked so.
    """

    key: str
    title: str
    rows: Callable[[bool], Iterator[Row]]


def peers(powers: Powers, result: bool = False) -> dict[str, Run]:
    """Return one run of each peer that computes all powers.

    Args:
        powers: base, exponent and modulus of each.
        result: whether the first power is what our run computes too.
    """
    runs = {}
    for name, make in PEERS.items():
        made = [make(*power) for power in powers]
        runs[name] = Run(_all(made), 1, made[0].value if result else None)
    return runs


def _all(calls: Sequence[Callable[[], object]]) -> Callable[[], object]:
    if len(calls) == 1:
        return calls[0]

    def run() -> None:
        for call in calls:
            call()

    return run


class _Ours:
    """A power by our core that remembers its last results."""

    def __init__(self, call: Callable[[], tuple[int, ...]]) -> None:
        self._call = call
        self._results: tuple[int, ...] = ()

    def __call__(self) -> None:
        self._results = self._call()

    def value(self) -> int:
        return self._results[0]


def ours(call: Callable[[], tuple[int, ...]], items: int = LANES) -> Run:
    """Return our run with its first result."""
    power = _Ours(call)
    return Run(power, items, power.value)


# ---- 1.1 ----

# bits of N, bits of the exponent, modulo N^2; the first ones are the quick run's
_SIZES: Final = (
    (1536, 1536, False),
    (3072, 256, False),
    (3072, 3072, False),
    (3072, 256, True),
    (3072, 768, True),
    (1024, 1024, False),
    (2048, 2048, False),
    (3072, 768, False),
    (3072, 1536, False),
    (3072, 4352, False),
    (4096, 4096, False),
    (1536, 1536, True),
    (2048, 2048, True),
    (3072, 3072, True),
)
_QUICK_SIZES: Final = 5


def modexp(quick: bool) -> Iterator[Row]:
    """Yield x^e for random x and e, e secret (mpcw) and public (mpcw var)."""
    for bits, exponent_bits, square in _SIZES[: _QUICK_SIZES if quick else None]:
        modulus = number(bits, "modulus")
        N = modulus**2 if square else modulus
        bases = [number(N.bit_length() - 1, f"base {k}") for k in range(LANES)]
        exponents = [number(exponent_bits, f"exponent {k}") for k in range(LANES)]
        secret, arithmetic = secret_residues(*exponents), Modulus(modulus)
        runs = {
            OURS: ours(partial(arithmetic.pow, bases, secret, square=square)),
            OURS_VAR: ours(partial(arithmetic.pow_var, bases, exponents, square=square)),
        }
        name = f"{bits}^{exponent_bits}" + (" mod N^2" if square else "")
        yield Row(name, runs | peers([(bases[0], exponents[0], N)], True))


# ---- 1.4 ----


def nth_powers(quick: bool) -> Iterator[Row]:
    """Yield r^N mod N^2 at 3072 bits in every way that the protocol has, and decryption."""
    N = int.from_bytes(KEYS.j_public.n, "big")
    p, q = prime("p_i"), prime("q_i")
    r = [number(3071, f"r {k}") for k in range(LANES)]
    arithmetic, exponents = Modulus(N), secret_residues(*[N] * LANES)
    one = exponents.slice(0, 1)
    direct = [(r[0], N, N**2)]
    lifted = [power for f, g in ((p, q), (q, p)) for power in ((r[0] % f, g, f), (r[1] % f, f, f**2))]
    yield Row(
        "r^N secret N",
        {OURS: ours(lambda: arithmetic.pow(r, exponents, square=True))}
        | {OURS_VAR: ours(lambda: arithmetic.pow_var(r, [N] * LANES, square=True))}
        | peers(direct, True),
    )
    m = random_ints(LANES, 256)
    if not quick:
        yield Row(
            "same, one",
            {OURS: ours(lambda: arithmetic.pow(r[:1], one, square=True), 1)}
            | {OURS_VAR: ours(lambda: arithmetic.pow_var(r[:1], [N], square=True), 1)}
            | peers(direct, True),
        )
        yield Row("Enc, no table", {OURS: Run(lambda: KEYS.j_public.encrypt(m), LANES)} | peers(direct))
    yield Row(
        "Enc, table", {OURS: Run(lambda: KEYS.j_public.encrypt(m, KEYS.j_table), LANES)} | peers(direct)
    )
    yield Row("own Enc, CRT lift", {OURS: Run(lambda: KEYS.i.encrypt(m), LANES)} | peers(lifted))
    yield Row("own Enc, table", {OURS: Run(lambda: KEYS.i.encrypt(m, KEYS.i_table), LANES)} | peers(direct))
    c = KEYS.i.public.encrypt(m).c
    halves = [(number(3071, "c"), f - 1, f**2) for f in (p, q)]
    yield Row("decryption, CRT", {OURS: Run(lambda: KEYS.i.decrypt(c), LANES)} | peers(halves))


# ---- 1.5 ----

X_BITS: Final = 1280
Y_BITS: Final = 4352
COMMITMENT: Final = f"s^{X_BITS} t^{Y_BITS}"


@cache
def _pedersen() -> RingPedersen:
    return RingPedersen(KEYS.j_pedersen.parameters, X_BITS, Y_BITS)


def ring_pedersen(quick: bool) -> Iterator[Row]:
    """Yield commitments modulo a foreign N^ of 3072 bits, and one fixed base alone."""
    hat = KEYS.j_pedersen.parameters
    n, s, t = (int.from_bytes(value, "big") for value in (hat.n, hat.s, hat.t))
    x, y = random_ints(LANES, X_BITS), random_ints(LANES, Y_BITS)
    naive = [(s, number(X_BITS, "x"), n), (t, number(Y_BITS, "y"), n)]
    yield Row(COMMITMENT, {OURS: Run(lambda: _pedersen().commit(x, y), LANES)} | peers(naive))
    if quick:
        return
    first = x.slice(0, 1), y.slice(0, 1)
    yield Row("same, one", {OURS: Run(lambda: _pedersen().commit(*first))} | peers(naive))
    base = FixedBase(Modulus(n), t, Y_BITS)
    exponents = [number(Y_BITS, f"y {k}") for k in range(LANES)]
    secret = secret_residues(*exponents)
    yield Row(f"t^{Y_BITS}", {OURS: ours(lambda: base.pow(secret))} | peers([(t, exponents[0], n)], True))


# ---- 1.6 ----


def multi_powers(quick: bool) -> Iterator[Row]:
    """Yield products of n powers with public 128-bit exponents modulo N^2 at 3072 bits, per term."""
    modulus = number(3072, "modulus")
    N2, arithmetic = modulus**2, Modulus(modulus)
    for terms in (32,) if quick else (8, 32, 128, 512):
        bases = [number(N2.bit_length() - 1, f"base {k}") for k in range(terms)]
        exponents = [number(128, f"exponent {k}") for k in range(terms)]
        product = Run(partial(arithmetic.multi_pow_var, bases, exponents, square=True), terms)
        yield Row(f"{terms} terms", {OURS_VAR: product} | peers([(bases[0], exponents[0], N2)]))


SECTIONS: Final = (
    Section("modexp", "1.1  x^e mod N, ms: rows name the bits of N and of e", modexp),
    Section(
        "nth", "1.4  r^N mod N^2 and Paillier at 3072 bits, ms; peers: the powers it replaces", nth_powers
    ),
    Section("pedersen", "1.5  ring-Pedersen at 3072 bits, ms; peers: one power for each base", ring_pedersen),
    Section(
        "multi",
        "1.6  product of powers mod N^2, 3072 and 128 bits, ms a term; peers: one power",
        multi_powers,
    ),
)
