"""secp256k1: public scalars and points, and secret scalars times points.

Batch functions take any sequence of points and return a PointVector, which crosses to C as one buffer.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import prod
from typing import Any, Final, Self, overload

import native.secp  # noqa: F401  (fills the function table)
from native._core import ffi, lib
from native.errors import LengthError, NotUnitError, PointError, RangeError, check
from native.secret import SecretScalars, SecretSeed, _take

ORDER: Final = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141  # SEC 2, section 2.4.1

_XY = 64  # bytes of x || y
_SEC1 = 33
_INFINITY = bytes(_XY)


@dataclass(frozen=True, slots=True)
class Scalar:
    """A public integer modulo ORDER; never a secret (see native.secret.SecretScalars).

    Args:
        value: integer in 0..ORDER-1.

    Raises:
        RangeError: value is outside.
    """

    value: int

    def __post_init__(self) -> None:
        if not 0 <= self.value < ORDER:
            raise RangeError("Scalar: the value is not in 0..n-1")

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read 32 bytes, big-endian.

        Raises:
            LengthError: data is not 32 bytes long.
            RangeError: the number is not below ORDER.
        """
        if len(data) != 32:
            raise LengthError("Scalar.from_bytes: a scalar takes 32 bytes")
        return cls(int.from_bytes(data, "big"))

    @classmethod
    def reduce(cls, number: int | bytes) -> Self:
        """Take a number, or big-endian bytes of any length, modulo ORDER."""
        return cls((int.from_bytes(number, "big") if isinstance(number, bytes) else number) % ORDER)

    def __bytes__(self) -> bytes:
        return self.value.to_bytes(32, "big")

    def __int__(self) -> int:
        return self.value

    def __bool__(self) -> bool:
        return self.value != 0

    def __add__(self, other: "Scalar") -> "Scalar":
        return Scalar((self.value + other.value) % ORDER) if isinstance(other, Scalar) else NotImplemented

    def __sub__(self, other: "Scalar") -> "Scalar":
        return Scalar((self.value - other.value) % ORDER) if isinstance(other, Scalar) else NotImplemented

    @overload
    def __mul__(self, other: "Scalar") -> "Scalar": ...
    @overload
    def __mul__(self, other: "Point") -> "Point": ...
    def __mul__(self, other: "Scalar | Point") -> "Scalar | Point":
        if isinstance(other, Scalar):
            return Scalar(self.value * other.value % ORDER)
        return mul_each([self], [other])[0] if isinstance(other, Point) else NotImplemented

    def __neg__(self) -> "Scalar":
        return Scalar(-self.value % ORDER)

    def invert(self) -> "Scalar":
        """Return the inverse modulo ORDER.

        Raises:
            NotUnitError: the scalar is 0.
        """
        if not self.value:
            raise NotUnitError("Scalar.invert: 0 has no inverse")
        return Scalar(pow(self.value, -1, ORDER))


@dataclass(frozen=True, slots=True, repr=False)
class Point:
    """A public point of secp256k1, possibly infinity.

    Args:
        xy: 64 bytes, x || y big-endian; 64 zero bytes for infinity.

    Raises:
        LengthError: xy is not 64 bytes long.
        PointError: the coordinates are not those of a point.
    """

    xy: bytes

    def __post_init__(self) -> None:
        if len(self.xy) != _XY:
            raise LengthError("Point: the coordinates take 64 bytes")
        compress(self.xy)

    @classmethod
    def infinity(cls) -> "Point":
        """Return the neutral element."""
        return _point(_INFINITY)

    @classmethod
    def from_bytes(cls, data: bytes) -> "Point":
        """Read 33 bytes, SEC1 compressed (cpoint of BIP-327).

        Raises:
            LengthError: data is not 33 bytes long.
            PointError: it is not the encoding of a finite point.
        """
        return _only(parse_points(data))

    @classmethod
    def from_bytes_ext(cls, data: bytes) -> "Point":
        """Read 33 bytes like from_bytes, 33 zero bytes being infinity (cpoint_ext of BIP-327)."""
        return _only(parse_points(data, allow_infinity=True))

    @classmethod
    def lift_x(cls, x: bytes) -> "Point":
        """Return the point of even y with the given x (lift_x of BIP-340).

        Args:
            x: 32 bytes, big-endian.

        Raises:
            LengthError: x is not 32 bytes long.
            PointError: there is no such point.
        """
        return _only(lift_xs(x))

    @property
    def is_infinity(self) -> bool:
        """Whether this is the neutral element."""
        return self.xy == _INFINITY

    @property
    def has_even_y(self) -> bool:
        """Whether y is even.

        Raises:
            PointError: the point is infinity.
        """
        return not self._finite()[-1] & 1

    @property
    def x_bytes(self) -> bytes:
        """The x coordinate, 32 bytes big-endian (xbytes of BIP-327).

        Raises:
            PointError: the point is infinity.
        """
        return self._finite()[:32]

    def __bytes__(self) -> bytes:
        """Return 33 bytes, SEC1 compressed (cbytes of BIP-327).

        Raises:
            PointError: the point is infinity.
        """
        xy = self._finite()
        return bytes([2 | (xy[-1] & 1)]) + xy[:32]

    def to_bytes_ext(self) -> bytes:
        """Return 33 bytes, zeros for infinity (cbytes_ext of BIP-327)."""
        return bytes(_SEC1) if self.is_infinity else bytes(self)

    def _finite(self) -> bytes:
        if self.is_infinity:
            raise PointError("Point: infinity has no coordinates")
        return self.xy

    def __add__(self, other: "Point") -> "Point":
        return sum_points([self, other]) if isinstance(other, Point) else NotImplemented

    def __sub__(self, other: "Point") -> "Point":
        return sum_points([self, -other]) if isinstance(other, Point) else NotImplemented

    def __neg__(self) -> "Point":
        if self.is_infinity:
            return self
        y = _FIELD - int.from_bytes(self.xy[32:], "big")
        return _point(self.xy[:32] + y.to_bytes(32, "big"))

    def __mul__(self, other: Scalar) -> "Point":
        return other * self if isinstance(other, Scalar) else NotImplemented

    def __repr__(self) -> str:
        return f"Point({self.to_bytes_ext().hex()})"


_FIELD = 2**256 - 2**32 - 977


def _point(xy: bytes) -> Point:
    """Make a Point of coordinates that C has just computed or checked."""
    point = object.__new__(Point)
    object.__setattr__(point, "xy", xy)
    return point


class PointVector(Sequence[Point]):
    """An immutable sequence of public points in one buffer."""

    __slots__ = ("_xy",)
    _xy: bytes

    def __init__(self, points: Sequence[Point]) -> None:
        """Join points."""
        self._xy = _join(points)

    @classmethod
    def _own(cls, xy: bytes) -> "PointVector":
        vector = cls.__new__(cls)
        vector._xy = xy
        return vector

    @property
    def xy(self) -> bytes:
        """64 bytes per point, x || y big-endian, zeros for infinity."""
        return self._xy

    def to_bytes_ext(self) -> bytes:
        """Return 33 bytes per point, SEC1 compressed, zeros for infinity."""
        return compress(self._xy) if self._xy else b""

    def __len__(self) -> int:
        return len(self._xy) // _XY

    @overload
    def __getitem__(self, index: int) -> Point: ...
    @overload
    def __getitem__(self, index: slice) -> "PointVector": ...
    def __getitem__(self, index: int | slice) -> "Point | PointVector":
        if isinstance(index, slice):
            start, stop, step = index.indices(len(self))
            if step == 1:
                return PointVector._own(self._xy[_XY * start : _XY * max(start, stop)])
            return PointVector([self[i] for i in range(start, stop, step)])
        at = range(len(self))[index]
        return _point(self._xy[_XY * at : _XY * (at + 1)])

    def __iter__(self) -> Iterator[Point]:
        return (_point(self._xy[at : at + _XY]) for at in range(0, len(self._xy), _XY))

    def __eq__(self, other: object) -> bool:
        return self._xy == other._xy if isinstance(other, PointVector) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._xy)

    def __repr__(self) -> str:
        return f"PointVector({len(self)} points)"


def _join(points: Sequence[Point]) -> bytes:
    return points.xy if isinstance(points, PointVector) else b"".join([point.xy for point in points])


def _join_scalars(scalars: Sequence[Scalar]) -> bytes:
    return b"".join([bytes(scalar) for scalar in scalars])


def _only(points: PointVector) -> Point:
    if len(points) != 1:
        raise LengthError("one point was expected")
    return points[0]


def compress(xy: bytes) -> bytes:
    """Return points of 64 bytes each, x || y, in 33 bytes each, SEC1 compressed, zeros for infinity."""
    out = ffi.new("uint8_t[]", len(xy) // _XY * _SEC1)
    check(lib.mpcw_points_serialize_var(out, len(out), xy, len(xy)), "point")
    return bytes(ffi.buffer(out))


def _call(operation: str, function: Any, count: int, *inputs: Any) -> PointVector:
    """Call a C function that writes count points."""
    out = ffi.new("uint8_t[]", _XY * count)
    check(function(out, len(out), *inputs), operation)
    return PointVector._own(bytes(ffi.buffer(out)))


def parse_points(data: bytes, *, allow_infinity: bool = False) -> PointVector:
    """Read points of 33 bytes each, SEC1 compressed.

    Args:
        data: the encodings one after the other, at least one.
        allow_infinity: whether 33 zero bytes stand for infinity (BIP-327, BIP-445).

    Returns:
        The points.

    Raises:
        LengthError: the length is not a positive multiple of 33.
        PointError: one encoding is not of a point.
    """
    count = len(data) // _SEC1
    return _call("parse_points", lib.mpcw_points_parse_var, count, data, len(data), int(allow_infinity))


def lift_xs(data: bytes) -> PointVector:
    """Return the points of even y with the x coordinates of 32 bytes each (lift_x of BIP-340).

    Raises:
        LengthError: the length is not a positive multiple of 32.
        PointError: one x belongs to no point.
    """
    return _call("lift_x", lib.mpcw_points_lift_x_var, len(data) // 32, data, len(data))


def sum_points(points: Sequence[Point]) -> Point:
    """Return the sum of public points, infinity for none."""
    return sum_vectors([points])[0] if len(points) == 1 else sum_vectors([[point] for point in points])[0]


def sum_vectors(vectors: Sequence[Sequence[Point]]) -> PointVector:
    """Return the vector whose item j is the sum of all vectors' items j.

    Args:
        vectors: at least one, all of one positive length.

    Returns:
        As many points as one vector has.

    Raises:
        LengthError: there is no vector, or lengths differ.
    """
    rows = [_join(vector) for vector in vectors]
    if not rows or any(len(row) != len(rows[0]) for row in rows):
        raise LengthError("sum_vectors: vectors of one length are needed")
    data = b"".join(rows)
    return _call("sum_vectors", lib.mpcw_points_sum_var, len(rows[0]) // _XY, data, len(data))


def mul_each(scalars: Sequence[Scalar], points: Sequence[Point]) -> PointVector:
    """Return each public scalar times its public point; a single scalar or point is repeated.

    Raises:
        LengthError: the counts do not fit, or are 0.
    """
    k, xy = _join_scalars(scalars), _join(points)
    count = max(len(scalars), len(points))
    return _call("mul_each", lib.mpcw_points_mul_var, count, k, len(k), xy, len(xy))


def multi_mul(scalars: Sequence[Scalar], points: Sequence[Point]) -> Point:
    """Return the sum of all scalars times their points, all public.

    Raises:
        LengthError: the counts differ or are 0.
    """
    k, xy = _join_scalars(scalars), _join(points)
    return _call("multi_mul", lib.mpcw_points_multi_mul_var, 1, k, len(k), xy, len(xy))[0]


def eval_polynomial(coefficients: Sequence[Point], places: Sequence[int]) -> PointVector:
    """Evaluate a polynomial with public points as coefficients.

    Args:
        coefficients: the constant one first, at least one.
        places: integers in 0..2^32-1, at least one; runs of consecutive ones are cheap.

    Returns:
        sum_k place^k * coefficients[k] for each place.

    Raises:
        LengthError: there is no coefficient or no place.
        RangeError: a place is out of range.
    """
    xy, x = _join(coefficients), _places(places)
    return _call("eval_polynomial", lib.mpcw_points_eval_poly_var, len(places), xy, len(xy), x, len(x))


def _places(places: Sequence[int]) -> Any:
    if any(not 0 <= place < 1 << 32 for place in places):
        raise RangeError("a place of a polynomial is not in 0..2^32-1")
    return ffi.new("uint32_t[]", list(places))


def lagrange(places: Sequence[int], at: int = 0) -> tuple[Scalar, ...]:
    """Return the weights that interpolate a polynomial of degree below len(places).

    Args:
        places: where the polynomial is known, distinct modulo ORDER.
        at: where it is wanted.

    Returns:
        lambda_i = prod_{j != i} (at - x_j) / (x_i - x_j) mod ORDER, in the order of places.

    Raises:
        NotUnitError: two places are the same.
    """
    x = [place % ORDER for place in places]
    # lambda_i = prod_j (at - x_j) / ((at - x_i) prod_{j != i} (x_i - x_j))
    bottoms = [prod([x_i - x_j for j, x_j in enumerate(x) if j != i]) % ORDER for i, x_i in enumerate(x)]
    if not all(bottoms):
        raise NotUnitError("lagrange: two places are the same")
    at %= ORDER
    if at in x:
        return tuple(Scalar(int(x_i == at)) for x_i in x)
    top = prod([at - x_i for x_i in x]) % ORDER
    inverses = _invert_all([(at - x_i) * bottom % ORDER for x_i, bottom in zip(x, bottoms, strict=True)])
    return tuple(Scalar(top * inverse % ORDER) for inverse in inverses)


def _invert_all(numbers: Sequence[int]) -> list[int]:
    """Return the inverses modulo ORDER of nonzero numbers with a single inversion (Montgomery's trick)."""
    partial = list(accumulate(numbers, lambda a, b: a * b % ORDER, initial=1))
    inverse = pow(partial.pop(), -1, ORDER)
    out = []
    for number, before in zip(reversed(numbers), reversed(partial), strict=True):
        out.append(inverse * before % ORDER)
        inverse = inverse * number % ORDER
    return out[::-1]


def mul_base(k: SecretScalars) -> PointVector:
    """Return k_i G for each item, in constant time.

    Raises:
        RangeError: an item is 0.

    Security:
        The results are public from here on.
    """
    return _call("mul_base", lib.mpcw_points_mul_base, k.count, k._handle)


def mul_secret(k: SecretScalars, points: Sequence[Point]) -> PointVector:
    """Return k_i P_i, in constant time in k; a single scalar or point is repeated.

    Raises:
        LengthError: the counts do not fit.
        RangeError: an item of k is 0.
        PointError: a point is infinity.

    Security:
        The results are public from here on; for a shared secret see ecdh.
    """
    xy = _join(points)
    count = max(k.count, len(points))
    return _call("mul_secret", lib.mpcw_points_mul_secret, count, k._handle, xy, len(xy))


def mul_add_secret(a: SecretScalars, b: SecretScalars, points: Sequence[Point]) -> PointVector:
    """Return a_i G + b_i P_i, in constant time in a and b; a single point is repeated.

    Args:
        a: secret factors of G; 0 is allowed.
        b: as many secret factors of the points; 0 is allowed.
        points: public points.

    Returns:
        The sums, possibly infinity.

    Raises:
        LengthError: the counts do not fit.
        PointError: a point is infinity.

    Security:
        The sums are public from here on; the summands never leave C.
    """
    xy = _join(points)
    return _call("mul_add_secret", lib.mpcw_points_mul_add_secret, a.count, a._handle, b._handle, xy, len(xy))


def ecdh(k: SecretScalars, point: Point) -> SecretSeed:
    """Return the secret SHA-256 of the compressed k P, for one k.

    Raises:
        LengthError: k has several items.
        RangeError: k is 0.
        PointError: the point is infinity.
    """
    out = ffi.new("mpcw_secret **")
    check(lib.mpcw_ecdh(out, k._handle, point.xy, len(point.xy)), "ecdh")
    return _take(out, SecretSeed)


def ecdh_scalars(
    k: SecretScalars, points: Sequence[Point], tag: str, labels: Sequence[bytes], context: bytes
) -> SecretScalars:
    """Return int(hash(ecdh(k, P_i) || label_i || context)) mod n for each point.

    Args:
        k: one scalar.
        points: at least one.
        tag: the tag of BIP-340.
        labels: public bytes for each point, all of one length.
        context: public bytes for all.

    Raises:
        LengthError: k has several items, the counts differ or are 0, or the labels differ in length.
        RangeError: k is 0.
        PointError: a point is infinity.
    """
    if len(labels) != len(points) or len(set(map(len, labels))) > 1:
        raise LengthError("ecdh_scalars: one label of one length for each point is needed")
    xy, data, hash_tag = _join(points), b"".join(labels), tag.encode()
    parts = (xy, len(xy), hash_tag, len(hash_tag), data, len(data), context, len(context))
    out = ffi.new("mpcw_secret **")
    check(lib.mpcw_ecdh_scalars(out, k._handle, *parts), "ecdh_scalars")
    return _take(out, SecretScalars)


G: Final = Point.from_bytes(
    bytes.fromhex("0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798")
)
