"""Parts of columns: several threads work on one batch, each on some of its items."""

from collections.abc import Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

C = TypeVar("C", bound="DataclassInstance")


def cut(columns: C, count: int, part: range) -> C:
    """Return some items of every column.

    Args:
        columns: a dataclass whose fields are columns of count items each.
        count: items of a column.
        part: which items.
    """
    return type(columns)(**{name: cut_column(data, count, part) for name, data in _columns(columns).items()})


def cut_column(column: bytes, count: int, part: range) -> bytes:
    """Return some items of a column of count items."""
    width = len(column) // count
    return column[part.start * width : part.stop * width]


def join(pieces: Sequence[C]) -> C:
    """Return columns of the items of all pieces, at least one."""
    columns = [_columns(piece) for piece in pieces]
    return type(pieces[0])(**{name: b"".join(column[name] for column in columns) for name in columns[0]})


def _columns(columns: "DataclassInstance") -> dict[str, bytes]:
    return {field.name: getattr(columns, field.name) for field in fields(columns)}
