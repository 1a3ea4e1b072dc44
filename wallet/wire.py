"""The encoding that transactions and PSBTs share: little-endian integers and compact sizes."""

from collections.abc import Sequence
from typing import Final

from wallet.errors import MalformedError

_WIDTHS: Final = {0xFD: 2, 0xFE: 4, 0xFF: 8}


def compact_size(value: int) -> bytes:
    """Return the shortest compact size of 0..2^64-1."""
    if value < 0xFD:
        return bytes((value,))
    prefix = next(prefix for prefix, width in _WIDTHS.items() if value < 1 << 8 * width)
    return bytes((prefix,)) + value.to_bytes(_WIDTHS[prefix], "little")


def sized(data: bytes) -> bytes:
    """Return bytes behind their compact size."""
    return compact_size(len(data)) + data


def counted(items: Sequence[bytes]) -> bytes:
    """Return items behind their number."""
    return compact_size(len(items)) + b"".join(items)


class Reader:
    """Read fields one after the other; every method raises MalformedError when bytes are missing."""

    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def left(self) -> int:
        """Number of bytes not read yet."""
        return len(self._data) - self._at

    def fixed(self, size: int) -> bytes:
        """Read size bytes."""
        end = self._at + size
        if end > len(self._data):
            raise MalformedError("bytes are missing at the end")
        data = self._data[self._at : end]
        self._at = end
        return data

    def peek(self, size: int) -> bytes:
        """Return up to size bytes without reading them."""
        return self._data[self._at : self._at + size]

    def unsigned(self, size: int) -> int:
        """Read an unsigned integer of so many bytes."""
        return int.from_bytes(self.fixed(size), "little")

    def signed(self, size: int) -> int:
        """Read a signed integer of so many bytes."""
        return int.from_bytes(self.fixed(size), "little", signed=True)

    def compact_size(self) -> int:
        """Read a compact size; one that is not the shortest is refused."""
        first = self.unsigned(1)
        width = _WIDTHS.get(first)
        if width is None:
            return first
        value = self.unsigned(width)
        if value < (0xFD if width == 2 else 1 << 4 * width):
            raise MalformedError("a length is not in its shortest form")
        return value

    def count(self, least: int) -> int:
        """Read a number of items, each of which takes at least so many of the bytes that are left."""
        value = self.compact_size()
        if value * least > self.left:
            raise MalformedError("bytes are missing at the end")
        return value

    def sized(self) -> bytes:
        """Read bytes behind their compact size."""
        return self.fixed(self.compact_size())

    def end(self) -> None:
        """Refuse bytes that are left."""
        if self.left:
            raise MalformedError(f"{self.left} bytes are left over at the end")
