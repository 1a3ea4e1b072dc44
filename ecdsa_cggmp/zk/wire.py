"""Columns of proofs on the wire, and the challenges that are hashed from them.

A message carries n proofs of one kind as columns, one behind the other; a point takes 33 bytes there and 64
in native/.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, TypeVar

from native.curve import Point, Scalar, compress
from protocol.codec import POINT_SIZE, SCALAR_SIZE, Reader, Writer
from protocol.transcript import Domain, Transcript

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

C = TypeVar("C", bound="DataclassInstance")


@dataclass(frozen=True, slots=True)
class Column:
    """What the items of a column are.

    Args:
        size: bytes of an item on the wire.
        is_point: whether they are points, 64 bytes x || y in native/.
        is_scalar: whether they are scalars below q.
    """

    size: int
    is_point: bool = False
    is_scalar: bool = False


POINT: Final = Column(POINT_SIZE, is_point=True)
SCALAR: Final = Column(SCALAR_SIZE, is_scalar=True)

# the columns by name, in the order of the wire
Layout = Mapping[str, Column]


def layout_size(layout: Layout) -> int:
    """Return the bytes on the wire of one item of every column."""
    return sum(column.size for column in layout.values())


def read_columns(reader: Reader, cls: type[C], layout: Layout, count: int) -> C:
    """Read count items of every column.

    Args:
        reader: where they stand.
        cls: a dataclass whose fields are the columns of the layout.
        layout: the columns.
        count: items of a column, at least 1.

    Returns:
        The columns; nothing but lengths, points and scalars is checked.

    Raises:
        EncodingError: bytes are missing, a point is malformed or infinity, or a scalar is not below q.
    """
    return cls(**{name: _read(reader, name, column, count) for name, column in layout.items()})


def _read(reader: Reader, name: str, column: Column, count: int) -> bytes:
    if column.is_point:
        return reader.points(name, count).xy
    if column.is_scalar:
        return b"".join(bytes(scalar) for scalar in reader.scalars(name, count))
    return reader.fixed(name, count * column.size)


def write_columns(writer: Writer, columns: "DataclassInstance", layout: Layout, count: int) -> None:
    """Write count items of every column of a layout."""
    for name, column in layout.items():
        writer.fixed(_on_the_wire(columns, name, column), count * column.size)


def _on_the_wire(columns: "DataclassInstance", name: str, column: Column) -> bytes:
    data: bytes = getattr(columns, name)
    return compress(data) if column.is_point else data


@dataclass(frozen=True, slots=True)
class Hashed:
    """Columns that enter challenges.

    Args:
        columns: a dataclass of columns.
        layout: which of them, in which order.
    """

    columns: "DataclassInstance"
    layout: Layout


def challenges(domain: Domain, context: bytes, hashed: Sequence[Hashed], count: int) -> bytes:
    """Derive the challenges of count proofs, each from its place, the context and its own items.

    Args:
        domain: of the first proof; the others are the instances that follow.
        context: hash of all keys and parameters that the proofs are made under, 32 bytes.
        hashed: statements and commitments.
        count: number of proofs.

    Returns:
        A scalar of 32 bytes for each.
    """
    columns = [
        (name, _on_the_wire(part.columns, name, column), column.size)
        for part in hashed
        for name, column in part.layout.items()
    ]
    e = []
    for k in range(count):
        transcript = Transcript(replace(domain, instance=domain.instance + k)).with_bytes("context", context)
        for name, data, width in columns:
            transcript = transcript.with_bytes(name, data[k * width : (k + 1) * width])
        e.append(bytes(transcript.challenge_scalar("e")))
    return b"".join(e)


def signed_items(column: bytes, count: int) -> list[int]:
    """Return the public integers of a column of two's complements."""
    width = len(column) // count
    return [int.from_bytes(column[k * width : (k + 1) * width], "big", signed=True) for k in range(count)]


def widened(column: bytes, count: int, size: int) -> bytes:
    """Return a column of count two's complements as one of size bytes in all, not fewer than it has."""
    items = signed_items(column, count)
    return b"".join(item.to_bytes(size // count, "big", signed=True) for item in items)


def scalar_items(column: bytes) -> list[Scalar]:
    """Return the scalars of a column."""
    return [Scalar.from_bytes(column[at : at + SCALAR_SIZE]) for at in range(0, len(column), SCALAR_SIZE)]


def point_items(xy: bytes) -> list[Point]:
    """Return the points of a column, 64 bytes each."""
    return [Point(xy[at : at + 64]) for at in range(0, len(xy), 64)]
