from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from native.curve import ORDER, G, Point, Scalar
from protocol.codec import Reader, Writer, decode
from protocol.errors import EncodingError, UsageError

P = 2**256 - 2**32 - 977
X_OFF_THE_CURVE = (5).to_bytes(32, "big")  # 5^3 + 7 is no square
scalars = st.integers(0, ORDER - 1).map(Scalar)
points = st.integers(1, ORDER - 1).map(lambda k: Scalar(k) * G)
points_ext = st.one_of(points, st.just(Point.infinity()))

# name -> (values, write, read)
FIELDS: dict[str, tuple[st.SearchStrategy[Any], Callable[..., Any], Callable[[Reader], Any]]] = {
    "fixed": (st.binary(min_size=5, max_size=5), lambda w, v: w.fixed(v, 5), lambda r: r.fixed("f", 5)),
    "bytes_of": (st.binary(max_size=9), lambda w, v: w.bytes_of(v, 9), lambda r: r.bytes_of("f", 9)),
    "text": (st.text("az ~", max_size=9), lambda w, v: w.text(v, 9), lambda r: r.text("f", 9)),
    "unsigned": (st.integers(0, 999), lambda w, v: w.unsigned(v, 2), lambda r: r.unsigned("f", 2, 1000)),
    "signed": (st.integers(-999, 999), lambda w, v: w.signed(v, 2), lambda r: r.signed("f", 2, 999)),
    "any signed": (
        st.integers(-(1 << 15), (1 << 15) - 1),
        lambda w, v: w.signed(v, 2),
        lambda r: r.signed("f", 2),
    ),
    "boolean": (st.booleans(), lambda w, v: w.boolean(v), lambda r: r.boolean("f")),
    "scalar": (scalars, lambda w, v: w.scalar(v), lambda r: r.scalar("f")),
    "scalars": (
        st.lists(scalars, min_size=2, max_size=2).map(tuple),
        lambda w, v: w.scalars(v),
        lambda r: r.scalars("f", 2),
    ),
    "point": (points, lambda w, v: w.point(v), lambda r: r.point("f")),
    "points_ext": (
        st.lists(points_ext, min_size=2, max_size=2),
        lambda w, v: w.points_ext(v),
        lambda r: list(r.points_ext("f", 2)),
    ),
    "point_ext": (points_ext, lambda w, v: w.point_ext(v), lambda r: r.point_ext("f")),
    "no points": (st.just([]), lambda w, v: w.points(v), lambda r: list(r.points("f", 0))),
}
fields = pytest.mark.parametrize("name", FIELDS)


@fields
@given(data=st.data())
def test_what_is_written_is_read_again(name: str, data: st.DataObject) -> None:
    values, write, read = FIELDS[name]
    value = data.draw(values)
    encoded = bytes(write(Writer(), value))
    assert decode(encoded, len(encoded), read) == value


@fields
@given(data=st.data())
def test_no_other_bytes_give_a_value(name: str, data: st.DataObject) -> None:
    values, write, read = FIELDS[name]
    encoded = bytearray(bytes(write(Writer(), data.draw(values))))
    if encoded:
        at = data.draw(st.integers(0, len(encoded) - 1))
        encoded[at] ^= data.draw(st.integers(1, 255))
    try:
        value = decode(bytes(encoded), 1000, read)
    except EncodingError:
        return
    assert bytes(write(Writer(), value)) == bytes(encoded)


@fields
@given(data=st.data())
def test_missing_and_trailing_bytes_are_refused(name: str, data: st.DataObject) -> None:
    values, write, read = FIELDS[name]
    encoded = bytes(write(Writer(), data.draw(values)))
    with pytest.raises(EncodingError, match="end: trailing"):
        decode(encoded + b"\0", 1000, read)
    if encoded:
        with pytest.raises(EncodingError, match="f"):
            decode(encoded[:-1], 1000, read)


def test_nothing_is_parsed_beyond_the_limit() -> None:
    def read(reader: Reader) -> None:
        raise AssertionError

    with pytest.raises(EncodingError, match="length: more than 4 bytes"):
        decode(bytes(5), 4, read)


BAD_SCALARS = [ORDER, ORDER + 1, 2**256 - 1]
BAD_POINTS = {
    "infinity": bytes(33),
    "off the curve": b"\x02" + X_OFF_THE_CURVE,
    "x not below p": b"\x02" + (P + 1).to_bytes(32, "big"),
    "uncompressed": b"\x04" + G.x_bytes,
    "hybrid": b"\x06" + G.x_bytes,
    "prefix 0": b"\x00" + G.x_bytes,
    "prefix 1": b"\x01" + G.x_bytes,
    "all ones": b"\xff" * 33,
}


@pytest.mark.parametrize("value", BAD_SCALARS)
def test_scalar_not_below_the_order_is_refused_with_its_name(value: int) -> None:
    data = value.to_bytes(32, "big")
    for read in (Reader.scalar, Reader.nonzero_scalar):
        with pytest.raises(EncodingError) as e:
            read(Reader(data), "delta")
        assert e.value.field == "delta"
    with pytest.raises(EncodingError) as e:
        Reader(bytes(32) + data).scalars("delta", 2)
    assert e.value.field == "delta[1]"


def test_zero_is_no_nonzero_scalar() -> None:
    with pytest.raises(EncodingError, match="s: zero"):
        Reader(bytes(32)).nonzero_scalar("s")
    assert Reader(bytes(Scalar(1))).nonzero_scalar("s") == Scalar(1)


@pytest.mark.parametrize("data", BAD_POINTS.values(), ids=BAD_POINTS)
def test_bad_point_is_refused_with_its_name(data: bytes) -> None:
    with pytest.raises(EncodingError) as e:
        Reader(data).point("Gamma")
    assert e.value.field == "Gamma"
    with pytest.raises(EncodingError) as e:
        Reader(bytes(G) + bytes(G) + data).points("C", 3)
    assert e.value.field == "C[2]"


@pytest.mark.parametrize("data", [d for d in BAD_POINTS.values() if any(d)])
def test_infinity_is_the_only_addition_of_point_ext(data: bytes) -> None:
    assert Reader(bytes(33)).point_ext("D").is_infinity
    with pytest.raises(EncodingError, match="D"):
        Reader(data).point_ext("D")


@pytest.mark.parametrize(
    ("read", "data"),
    [
        (lambda r: r.unsigned("f", 2, below=256), b"\x01\x00"),
        (lambda r: r.signed("f", 1, bound=3), b"\x04"),
        (lambda r: r.signed("f", 1, bound=3), b"\xfc"),
        (lambda r: r.boolean("f"), b"\x02"),
        (lambda r: r.bytes_of("f", 2), b"\0\0\0\x03abc"),
        (lambda r: r.bytes_of("f", 9), b"\0\0\0\x04abc"),
        (lambda r: r.text("f", 9), b"\0\0\0\x01\x1f"),
        (lambda r: r.text("f", 9), b"\0\0\0\x01\x7f"),
        (lambda r: r.text("f", 9), b"\0\0\0\x01\xe9"),
        (lambda r: r.fixed("f", -1), b""),
        (lambda r: r.points("f", 1), b""),
        (lambda r: r.items("f", 2, Reader.scalar), bytes(63)),
    ],
)
def test_value_out_of_range_is_refused_with_its_name(read: Callable[[Reader], Any], data: bytes) -> None:
    with pytest.raises(EncodingError) as e:
        read(Reader(data))
    assert e.value.field.startswith("f")


@pytest.mark.parametrize(
    "write",
    [
        lambda w: w.fixed(b"abc", 2),
        lambda w: w.bytes_of(b"abc", 2),
        lambda w: w.text("abc", 2),
        lambda w: w.text("é", 2),
        lambda w: w.text("a\x1f", 2),
        lambda w: w.text("a\x7f", 2),
        lambda w: w.unsigned(256, 1),
        lambda w: w.unsigned(-1, 1),
        lambda w: w.signed(128, 1),
        lambda w: w.signed(-129, 1),
        lambda w: w.point(Point.infinity()),
        lambda w: w.points([G, Point.infinity()]),
    ],
)
def test_value_without_encoding_is_not_written(write: Callable[[Writer], Any]) -> None:
    with pytest.raises(UsageError):
        write(Writer())
