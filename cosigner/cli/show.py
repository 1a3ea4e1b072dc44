"""How amounts, addresses and times look on a screen."""

from datetime import UTC, datetime
from typing import Final

from rich.table import Table

from wallet.address import grouped
from wallet.amounts import format_btc

_THIN: Final = "\u2009"


def sats(amount: int) -> str:
    """Return satoshi with thin separators."""
    return f"{amount:,}".replace(",", _THIN) + " sat"


def amount(value: int) -> str:
    """Return satoshi, and bitcoin with 8 decimals."""
    return f"{sats(value)}  ({format_btc(value)} BTC)"


def when(seconds: int) -> str:
    """Return a time of day, UTC, to the minute."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")


def table(*columns: str, right: tuple[str, ...] = ()) -> Table:
    """Return an empty table.

    Args:
        columns: the headings.
        right: those whose cells are numbers.
    """
    made = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for name in columns:
        made.add_column(name, justify="right" if name in right else "left", no_wrap=name in right)
    return made


def facts(*rows: tuple[str, str]) -> Table:
    """Return a table of names and values."""
    made = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    made.add_column(style="dim", no_wrap=True)
    made.add_column(overflow="fold")
    for name, value in rows:
        made.add_row(name, value)
    return made


def spaced(address: str) -> str:
    """Return an address in groups of four."""
    return grouped(address)
