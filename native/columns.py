"""Columns: public items of one width behind each other in one buffer, the form in which they cross to C."""

from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any, TypeVar

from native._core import ffi, lib
from native.errors import LengthError, check

if TYPE_CHECKING:
    from _typeshed import DataclassInstance
    from typing_extensions import Buffer  # collections.abc has it from Python 3.12 on

C = TypeVar("C", bound="DataclassInstance")


def take(columns: C, index: int, count: int) -> C:
    """Return one item of every column.

    Args:
        columns: a dataclass whose fields are columns of count items each.
        index: which item, 0..count-1.
        count: items in a column, at least 1.

    Returns:
        The same dataclass with that item in each column.

    Raises:
        LengthError: index is out of range or a column cannot have count items.
    """
    if not 0 <= index < count:
        raise LengthError("take: the index is not in 0..count-1")
    items = {}
    for field in fields(columns):
        column = memoryview(getattr(columns, field.name)).cast("B")
        width, rest = divmod(len(column), count)
        if rest:
            raise LengthError(f"take: the column {field.name} has not {count} items")
        items[field.name] = bytes(column[width * index : width * (index + 1)])
    return type(columns)(**items)


def _view(items: "Buffer") -> Any:
    """Return the uint8_t[] of a contiguous buffer, which lives as long as the view."""
    view = memoryview(items)
    if not view.c_contiguous:
        raise TypeError("a column must be contiguous")
    return ffi.from_buffer("uint8_t[]", view)


def _views(columns: "DataclassInstance") -> dict[str, Any]:
    return {field.name: _view(getattr(columns, field.name)) for field in fields(columns)}


def _room(widths: Mapping[str, int], count: int) -> dict[str, Any]:
    """Return zeroed columns of count items with the given widths in bytes."""
    return {name: ffi.new("uint8_t[]", width * count) for name, width in widths.items()}


def _spans(columns: Mapping[str, Any]) -> dict[str, tuple[Any, int]]:
    """Return the initialiser of a struct of mpcw_bytes or mpcw_buffer; the columns must outlive it."""
    return {name: (column, len(column)) for name, column in columns.items()}


def _contents(columns: Mapping[str, Any]) -> dict[str, bytes]:
    return {name: bytes(ffi.buffer(column)) for name, column in columns.items()}


def _bad(status: int, flags: Any, operation: str) -> tuple[int, ...]:
    """Return the indices that a C function has flagged; raise when it failed for another reason."""
    if status != lib.MPCW_REJECTED:
        check(status, operation)
    return tuple(i for i, flag in enumerate(flags) if flag)
