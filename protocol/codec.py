"""The canonical encoding: one string of bytes for each value, of a length known before it is read.

Integers are big-endian and of fixed width, scalars 32 bytes below the order, points 33 bytes SEC1 compressed.
Lists carry no count: it follows from the protocol's parameters. What has no fixed length (bytes_of, text) is
prefixed with it.
"""

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from native.curve import ORDER, Point, PointVector, Scalar, parse_points
from native.errors import NativeError
from protocol.errors import EncodingError, UsageError

T = TypeVar("T")

POINT_SIZE: Final = 33
SCALAR_SIZE: Final = 32


def decode(data: bytes, limit: int, read: "Callable[[Reader], T]") -> T:
    """Read one value that takes all of data.

    Args:
        data: the encoding.
        limit: the most bytes that a value can take; nothing is parsed beyond.
        read: reads the value's fields.

    Returns:
        The value.

    Raises:
        EncodingError: data is not the encoding of a value; names the field.
    """
    if len(data) > limit:
        raise EncodingError("length", f"more than {limit} bytes")
    reader = Reader(data)
    value = read(reader)
    reader.end()
    return value


class Reader:
    """Read fields one after the other; every method refuses all encodings but one and names the field.

    Every method raises EncodingError when bytes are missing or the value is not allowed.
    """

    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def end(self) -> None:
        """Refuse trailing bytes."""
        if self._at != len(self._data):
            raise EncodingError("end", "trailing bytes")

    def fixed(self, field: str, size: int) -> bytes:
        """Read size bytes."""
        end = self._at + size
        if size < 0 or end > len(self._data):
            raise EncodingError(field, "bytes are missing")
        data = self._data[self._at : end]
        self._at = end
        return data

    def bytes_of(self, field: str, limit: int) -> bytes:
        """Read a length of 4 bytes and as many bytes, at most limit."""
        size = self.unsigned(f"{field} length", 4)
        if size > limit:
            raise EncodingError(field, f"more than {limit} bytes")
        return self.fixed(field, size)

    def text(self, field: str, limit: int) -> str:
        """Read bytes_of printable ASCII."""
        data = self.bytes_of(field, limit)
        if any(not 0x20 <= byte < 0x7F for byte in data):
            raise EncodingError(field, "not printable ASCII")
        return data.decode("ascii")

    def unsigned(self, field: str, size: int, below: int | None = None) -> int:
        """Read a non-negative integer of size bytes, if below is given less than that."""
        value = int.from_bytes(self.fixed(field, size), "big")
        if below is not None and value >= below:
            raise EncodingError(field, "out of range")
        return value

    def signed(self, field: str, size: int, bound: int | None = None) -> int:
        """Read an integer in two's complement of size bytes, if bound is given in -bound..bound."""
        value = int.from_bytes(self.fixed(field, size), "big", signed=True)
        if bound is not None and not -bound <= value <= bound:
            raise EncodingError(field, "out of range")
        return value

    def boolean(self, field: str) -> bool:
        """Read a byte that is 0 or 1."""
        return self.unsigned(field, 1, below=2) == 1

    def scalar(self, field: str) -> Scalar:
        """Read a scalar in 0..n-1."""
        return Scalar(self.unsigned(field, SCALAR_SIZE, below=ORDER))

    def nonzero_scalar(self, field: str) -> Scalar:
        """Read a scalar in 1..n-1."""
        scalar = self.scalar(field)
        if not scalar:
            raise EncodingError(field, "zero")
        return scalar

    def scalars(self, field: str, count: int) -> tuple[Scalar, ...]:
        """Read count scalars in 0..n-1."""
        return self.items(field, count, Reader.scalar)

    def point(self, field: str) -> Point:
        """Read a finite point."""
        return self.points(field, 1)[0]

    def points(self, field: str, count: int) -> PointVector:
        """Read count finite points."""
        return self._points(field, count, allow_infinity=False)

    def point_ext(self, field: str) -> Point:
        """Read a point, 33 zero bytes being infinity (cpoint_ext of BIP-327)."""
        return self.points_ext(field, 1)[0]

    def points_ext(self, field: str, count: int) -> PointVector:
        """Read count points, each possibly infinity."""
        return self._points(field, count, allow_infinity=True)

    def items(self, field: str, count: int, read: "Callable[[Reader, str], T]") -> tuple[T, ...]:
        """Read exactly count items; read takes the reader and the item's name."""
        return tuple(read(self, f"{field}[{i}]") for i in range(count))

    def _points(self, field: str, count: int, *, allow_infinity: bool) -> PointVector:
        data = self.fixed(field, POINT_SIZE * count)
        if not count:
            return PointVector([])
        try:
            return parse_points(data, allow_infinity=allow_infinity)
        except NativeError as e:
            raise EncodingError(_bad_point(field, data, allow_infinity), "not a point") from e


def _bad_point(field: str, data: bytes, allow_infinity: bool) -> str:
    """Return the name of the first item that is not a point."""
    count = len(data) // POINT_SIZE
    for i in range(count if count > 1 else 0):
        try:
            parse_points(data[POINT_SIZE * i : POINT_SIZE * (i + 1)], allow_infinity=allow_infinity)
        except NativeError:
            return f"{field}[{i}]"
    return field


class Writer:
    """Write fields one after the other; every method mirrors the Reader's and returns the writer.

    Every method raises UsageError when the value has no encoding of the given size.
    """

    __slots__ = ("_parts",)

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def __bytes__(self) -> bytes:
        """Return what was written."""
        return b"".join(self._parts)

    def fixed(self, data: bytes, size: int) -> "Writer":
        """Write size bytes."""
        if len(data) != size:
            raise UsageError(f"codec: {size} bytes are needed")
        self._parts.append(data)
        return self

    def bytes_of(self, data: bytes, limit: int) -> "Writer":
        """Write the length in 4 bytes, then the bytes, at most limit."""
        if len(data) > limit:
            raise UsageError(f"codec: more than {limit} bytes")
        return self.unsigned(len(data), 4).fixed(data, len(data))

    def text(self, text: str, limit: int) -> "Writer":
        """Write bytes_of printable ASCII."""
        if any(not " " <= character <= "~" for character in text):
            raise UsageError("codec: a text is not printable ASCII")
        return self.bytes_of(text.encode("ascii"), limit)

    def unsigned(self, value: int, size: int) -> "Writer":
        """Write a non-negative integer in size bytes."""
        if not 0 <= value < 1 << 8 * size:
            raise UsageError(f"codec: the integer is not one of {size} bytes")
        return self.fixed(value.to_bytes(size, "big"), size)

    def signed(self, value: int, size: int) -> "Writer":
        """Write an integer in two's complement in size bytes."""
        if not -(1 << 8 * size - 1) <= value < 1 << 8 * size - 1:
            raise UsageError(f"codec: the integer is not one of {size} bytes")
        return self.fixed(value.to_bytes(size, "big", signed=True), size)

    def boolean(self, value: bool) -> "Writer":
        """Write 0 or 1 in a byte."""
        return self.unsigned(int(value), 1)

    def scalar(self, scalar: Scalar) -> "Writer":
        """Write a scalar."""
        return self.fixed(bytes(scalar), SCALAR_SIZE)

    def scalars(self, scalars: Sequence[Scalar]) -> "Writer":
        """Write scalars."""
        return self.items(scalars, Writer.scalar)

    def point(self, point: Point) -> "Writer":
        """Write a finite point."""
        return self.points([point])

    def points(self, points: Sequence[Point]) -> "Writer":
        """Write finite points."""
        if any(point.is_infinity for point in points):
            raise UsageError("codec: a point is infinity")
        return self.points_ext(points)

    def point_ext(self, point: Point) -> "Writer":
        """Write a point, possibly infinity."""
        return self.points_ext([point])

    def points_ext(self, points: Sequence[Point]) -> "Writer":
        """Write points, each possibly infinity."""
        self._parts.append(PointVector(points).to_bytes_ext())
        return self

    def items(self, items: Sequence[T], write: "Callable[[Writer, T], object]") -> "Writer":
        """Write items without their count."""
        for item in items:
            write(self, item)
        return self
