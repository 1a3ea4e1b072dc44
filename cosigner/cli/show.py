"""How amounts, addresses, times and tables look on a screen.

No line is broken here: a terminal wraps one that is too long, and what is copied from it stays in one piece.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from rich.text import Text

from wallet.address import grouped
from wallet.amounts import format_btc

_THIN: Final = "\u2009"
_GAP: Final = "  "
_GROUPS: Final = 8  # of an address on a line: 39 characters

Line = str | Text


def sats(amount: int) -> str:
    """Return satoshi with thin separators."""
    return f"{amount:,}".replace(",", _THIN) + " sat"


def amount(value: int) -> str:
    """Return satoshi, and bitcoin with 8 decimals."""
    return f"{sats(value)}  ({format_btc(value)} BTC)"


def percent(part: int, whole: int) -> str:
    """Return a part as a percentage that is never a misleading zero."""
    share = 100 * part / whole
    return f"{share:.2f} percent" if share >= 0.01 else "less than 0.01 percent"


def when(seconds: int) -> str:
    """Return a time of day, UTC, to the minute."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")


def span(seconds: int) -> str:
    """Return a length of time in its largest unit: 45 s, 12 min, 3 h, 7 days."""
    for unit, size in (("day", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}{'s' if unit == 'day' else ''}"
    return f"{seconds} s"


def count(number: int, thing: str) -> str:
    """Return a number of things: 1 coin, 2 coins."""
    return f"{number} {thing}{'' if number == 1 else 's'}"


def spaced(address: str) -> list[str]:
    """Return an address in groups of four, for eyes that compare, on lines of eight groups."""
    groups = grouped(address).split(" ")
    return [" ".join(groups[i : i + _GROUPS]) for i in range(0, len(groups), _GROUPS)]


def facts(*rows: tuple[str, str]) -> list[Line]:
    """Return names and values, a line each; those without a value are left out."""
    width = max(len(name) for name, _ in rows)
    return [Text.assemble((name.ljust(width), "dim"), _GAP, value) for name, value in rows if value]


class Rows:
    """A table of short cells, with something long, such as a transaction id, on a line below each row.

    Args:
        columns: the headings.
        right: those whose cells are numbers.
    """

    def __init__(self, *columns: str, right: Sequence[str] = ()) -> None:
        self._columns, self._right = columns, right
        self._rows: list[tuple[tuple[Line, ...], str]] = []

    def add(self, *cells: Line, below: str = "") -> None:
        """Add a row, a cell for each column."""
        self._rows.append((cells, below))

    def __bool__(self) -> bool:
        return bool(self._rows)

    def lines(self, empty: str = "") -> list[Line]:
        """Return the table, or a sentence if it has no rows."""
        if not self._rows:
            return [empty]
        table = [self._columns, *(cells for cells, _ in self._rows)]
        widths = [max(len(cell) for cell in column) for column in zip(*table, strict=True)]
        head = self._line([Text(name, "bold") for name in self._columns], widths)
        lines: list[Line] = [head] if any(self._columns) else []
        for cells, below in self._rows:
            lines.append(self._line(cells, widths))
            lines += [Text.assemble(_GAP, (line, "dim")) for line in below.splitlines()]
        return lines

    def _line(self, cells: Sequence[Line], widths: Sequence[int]) -> Text:
        line = Text()
        for name, cell, width in zip(self._columns, cells, widths, strict=True):
            space = " " * (width - len(cell))
            line.append(_GAP if line else "")
            line.append(Text(space) + cell if name in self._right else Text.assemble(cell, space))
        line.rstrip()
        return line
