"""Text of the tables: at most WIDTH columns, times in milliseconds, ratios to mpz_powm."""

from collections.abc import Iterable, Sequence
from typing import Final

from comparison.measure import Row, Timing
from comparison.pair import COUNT, Part, total
from comparison.peers import PEERS, POWM
from comparison.powers import OURS, OURS_VAR
from comparison.threads import Scaling

WIDTH: Final = 110
_COLUMNS: Final = (OURS, OURS_VAR, *PEERS)
_NAME, _CELL = 20, 10
# bench_primes.Row prints under it
PRIMES_HEAD: Final = (
    f"{'':28} {'count':>5} {'mean':>9} {'+-':>8} {'tests':>9} {'/expected':>9} {'ms/test':>8}"
    f" {'expected s':>11}"
)


def heading(title: str) -> str:
    """Return a title with a rule."""
    return f"\n{title}\n{'-' * min(len(title), WIDTH)}"


def columns() -> str:
    """Return the head of a table of powers."""
    return " " * _NAME + "".join(f"{name:>{_CELL}}" for name in _COLUMNS) + f"{'powm/mpcw':>{_CELL + 1}}"


def power_row(row: Row, timings: dict[str, Timing]) -> str:
    """Return two lines: the least of all rounds and the median."""
    ours = timings[next(iter(row.runs))]

    def cells(values: dict[str, float]) -> str:
        return "".join(
            f"{values[name] * 1e3:{_CELL}.3f}" if name in values else " " * _CELL for name in _COLUMNS
        )

    return (
        f"{row.name:{_NAME}}{cells({name: timing.best for name, timing in timings.items()})}"
        f"{timings[POWM].over(ours):{_CELL + 1}.2f}\n"
        f"{'  median':{_NAME}}{cells({name: timing.median for name, timing in timings.items()})}"
    )


def pair(calls: Sequence[Part], items: Sequence[Part]) -> str:
    """Return the tables of the protocol's calls and of the items in them."""
    per_presignature, *others = calls
    verifier = [part for part in others if part.name[0] in "Vd"]
    responses = [part for part in others if "respond" in part.name]
    itemised = [*items, total("rho^e, 6 (both responses)", responses), *verifier]
    head = f"{'':32}{'naive':>10}{'median':>10}{'mpcw':>10}{'median':>10}{'ratio':>9}"
    lines = [head, *map(_part, itemised), _part(total("sum of items", itemised)), "", head]
    lines += [*map(_part, others), _part(total(f"TOTAL per pair, B = {COUNT}", others))]
    return "\n".join([*lines, _part(per_presignature) + "   a presignature, not a pair"])


def _part(part: Part) -> str:
    values = (part.naive.best, part.naive.median, part.ours.best, part.ours.median)
    return f"{part.name:32}" + "".join(f"{value * 1e3:10.2f}" for value in values) + f"{part.ratio:9.2f}"


def threads(scalings: Iterable[Scaling]) -> str:
    """Return a table of throughputs."""
    lines = [f"{'':32}{'best':>10}{'median':>10}"]
    return "\n".join([*lines, *(f"{s.name:32}{s.best:10.2f}{s.median:10.2f}" for s in scalings)])
