"""The encoding of integers and lengths, and its bounds."""

import pytest
from bitcointx.core.serialize import VarIntSerializer
from hypothesis import given
from hypothesis import strategies as st

from wallet.errors import MalformedError
from wallet.wire import Reader, compact_size, counted, sized

EDGES = [0, 1, 0xFC, 0xFD, 0xFF, 0x100, 0xFFFF, 0x10000, 0xFFFFFFFF, 1 << 32, (1 << 64) - 1]


@pytest.mark.parametrize("value", EDGES)
def test_compact_sizes_are_those_of_bitcointx(value: int) -> None:
    assert compact_size(value) == VarIntSerializer.serialize(value)
    reader = Reader(compact_size(value))
    assert reader.compact_size() == value
    reader.end()


@pytest.mark.parametrize(
    "text", ["fd0000", "fdfc00", "fe00000000", "feffff0000", "ffffffffff00000000", "ff" + "00" * 8]
)
def test_a_compact_size_that_is_not_the_shortest_is_refused(text: str) -> None:
    with pytest.raises(MalformedError, match="shortest"):
        Reader(bytes.fromhex(text)).compact_size()


@given(st.binary(max_size=300))
def test_sized_bytes_are_read_back(data: bytes) -> None:
    reader = Reader(sized(data) + b"z")
    assert reader.sized() == data
    assert reader.left == 1
    with pytest.raises(MalformedError, match="1 bytes are left over"):
        reader.end()


def test_counted_items_follow_their_number() -> None:
    assert counted([b"ab", b"c"]) == b"\x02abc"


@pytest.mark.parametrize("data", [b"", b"\xfd\x00", b"\x02a", b"\xff" * 9])
def test_missing_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(MalformedError, match="missing"):
        Reader(data).sized()


def test_a_count_of_more_items_than_bytes_is_refused_before_they_are_read() -> None:
    assert Reader(b"\x02" + bytes(82)).count(41) == 2
    with pytest.raises(MalformedError, match="missing"):
        Reader(b"\x02" + bytes(81)).count(41)


def test_integers_are_little_endian() -> None:
    reader = Reader(b"\x01\x02\xff\xff\xff\xff")
    assert reader.peek(2) == b"\x01\x02"
    assert reader.unsigned(2) == 0x0201
    assert reader.signed(4) == -1
