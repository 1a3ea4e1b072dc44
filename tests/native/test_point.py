"""Public points against plain Python and against libsecp256k1."""

import random

import coincurve
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from native import curve
from native._core import ffi, lib
from native.curve import (
    G,
    Point,
    PointVector,
    Scalar,
    eval_polynomial,
    lift_xs,
    mul_each,
    multi_mul,
    parse_points,
    sum_points,
    sum_vectors,
)
from native.errors import LengthError, PointError, RangeError

from . import curve_model as model
from .curve_model import EDGES, N, P

NUMBERS = st.one_of(st.sampled_from(EDGES), st.integers(0, N - 1))
INFINITY = Point.infinity()


def libsecp_point(k: int) -> Point:
    """k G by libsecp256k1."""
    if k % N == 0:
        return INFINITY
    return Point(coincurve.PrivateKey((k % N).to_bytes(32, "big")).public_key.format(compressed=False)[1:])


def some_points(count: int, seed: int) -> tuple[list[int], PointVector]:
    rng = random.Random(seed)
    logs = [rng.randrange(1, N) for _ in range(count)]
    return logs, PointVector([libsecp_point(k) for k in logs])


def test_generator_is_that_of_sec2():
    assert G.xy == model.xy(model.G)


@settings(max_examples=60)
@given(NUMBERS, NUMBERS)
def test_sum_and_difference_equal_libsecp256k1_in_every_special_case(a, b):
    p, q = libsecp_point(a), libsecp_point(b)
    assert p + q == libsecp_point(a + b)
    assert p - q == libsecp_point(a - b)
    assert p + p == libsecp_point(2 * a)
    assert p - p == INFINITY
    assert p + INFINITY == INFINITY + p == p
    assert -p == libsecp_point(-a)


@settings(max_examples=60)
@given(NUMBERS, NUMBERS)
def test_public_multiple_equals_libsecp256k1(k, log):
    assert Scalar(k) * libsecp_point(log) == libsecp_point(log) * Scalar(k) == libsecp_point(k * log)


@pytest.mark.parametrize("k", EDGES)
def test_public_multiple_of_the_generator_equals_plain_python(k):
    assert (Scalar(k) * G).xy == model.xy(model.mul(k, model.G))


@pytest.mark.parametrize("n", [1, 2, 3, 10, 63, 64, 65, 150, 700])
def test_multi_mul_equals_the_sum_of_logarithms(n):
    rng = random.Random(n)
    logs, points = some_points(min(n, 150), n)
    logs, points = [logs[i % 150] for i in range(n)], PointVector([points[i % 150] for i in range(n)])
    scalars = [rng.choice(EDGES) if rng.random() < 0.3 else rng.randrange(N) for _ in range(n)]
    expected = libsecp_point(sum(k * log for k, log in zip(scalars, logs, strict=True)))
    assert multi_mul([Scalar(k) for k in scalars], points) == expected


@pytest.mark.parametrize("n", [2, 40, 100])
def test_multi_mul_meets_infinity_equal_and_opposite_points(n):
    points = [G, -G, INFINITY, G][: min(n, 4)] * (n // min(n, 4))
    assert multi_mul([Scalar(5)] * len(points), points) == sum_points(points) * Scalar(5)
    opposite = [G, -G] * (n // 2)
    assert multi_mul([Scalar(N - 1)] * len(opposite), opposite) == INFINITY
    assert multi_mul([Scalar(0)] * n, [G] * n) == INFINITY


def test_multi_mul_finds_a_linear_combination_that_vanishes():
    logs, points = some_points(3, 5)
    k = [2, 3, -(2 * logs[0] + 3 * logs[1]) * pow(logs[2], -1, N) % N]
    assert multi_mul([Scalar(x) for x in k], points).is_infinity
    assert not multi_mul([Scalar(2), Scalar(4), Scalar(k[2])], points).is_infinity


@pytest.mark.parametrize("degree_plus_1", [1, 2, 3, 7, 20])
@pytest.mark.parametrize(
    "places",
    [[0], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], [97], [128, 5, 6, 7, 1], [0, 1, 2, 3, 2**32 - 2, 2**32 - 1]],
)
def test_polynomial_of_points_equals_the_polynomial_of_logarithms(degree_plus_1, places):
    logs, coefficients = some_points(degree_plus_1, degree_plus_1)
    expected = [libsecp_point(sum(c * x**k for k, c in enumerate(logs))) for x in places]
    assert list(eval_polynomial(coefficients, places)) == expected


def test_polynomial_with_infinity_and_repeated_values_is_exact():
    coefficients = [INFINITY, G, -G]  # x - x^2: 0, 0, -2, -6, -12 ...
    got = eval_polynomial(coefficients, range(6))
    assert list(got) == [libsecp_point(x - x * x) for x in range(6)]
    assert set(eval_polynomial([G], range(9))) == {G}


def test_sum_of_vectors_adds_column_by_column():
    logs, points = some_points(12, 3)
    got = sum_vectors([points[0:4], points[4:8], points[8:12]])
    assert list(got) == [libsecp_point(logs[j] + logs[j + 4] + logs[j + 8]) for j in range(4)]
    assert sum_points(points) == libsecp_point(sum(logs))


def test_parse_inverts_serialisation_and_equals_libsecp256k1():
    logs, points = some_points(40, 9)
    data = b"".join(bytes(point) for point in points)
    assert data == b"".join(coincurve.PrivateKey(k.to_bytes(32, "big")).public_key.format() for k in logs)
    assert parse_points(data) == points
    assert points.to_bytes_ext() == data


def off_curve_x() -> int:
    return next(x for x in range(1, 100) if pow(x**3 + 7, (P - 1) // 2, P) != 1)


@pytest.mark.parametrize(
    "data",
    [
        bytes(33),
        b"\0" + bytes(G)[1:],
        b"\1" + bytes(G)[1:],
        b"\4" + bytes(G)[1:],
        b"\5" + bytes(G)[1:],
        b"\6" + bytes(G)[1:],
        b"\xff" * 33,
        b"\2" + P.to_bytes(32, "big"),
        b"\2" + (P + 1).to_bytes(32, "big"),
        b"\3" + (2**256 - 1).to_bytes(32, "big"),
        b"\2" + off_curve_x().to_bytes(32, "big"),
        b"\2" + bytes(32),
    ],
    ids=lambda data: data[:3].hex() + data[-2:].hex(),
)
def test_malformed_encodings_are_refused(data):
    with pytest.raises(PointError):
        Point.from_bytes(data)
    with pytest.raises(PointError):
        parse_points(bytes(G) + data)


def test_x_of_p_minus_1_and_of_no_point_follow_libsecp256k1():
    rng = random.Random(4)
    for x in [1, 2, 3, 5, P - 1, P - 2, N, *(rng.randrange(P) for _ in range(100))]:
        data = b"\3" + x.to_bytes(32, "big")
        try:
            expected = coincurve.PublicKey(data).format(compressed=False)[1:]
        except ValueError:
            with pytest.raises(PointError):
                Point.from_bytes(data)
        else:
            assert Point.from_bytes(data).xy == expected


def test_infinity_is_accepted_only_where_asked():
    assert Point.from_bytes_ext(bytes(33)) == INFINITY
    assert INFINITY.to_bytes_ext() == bytes(33)
    assert parse_points(bytes(33) + bytes(G), allow_infinity=True).to_bytes_ext() == bytes(33) + bytes(G)
    for malformed in (bytes(32) + b"\1", b"\4" + bytes(32)):
        with pytest.raises(PointError):
            Point.from_bytes_ext(malformed)
    for attribute in ("x_bytes", "has_even_y"):
        with pytest.raises(PointError):
            getattr(INFINITY, attribute)
    with pytest.raises(PointError):
        bytes(INFINITY)


def test_lift_x_gives_the_even_point():
    _, points = some_points(20, 11)
    lifted = lift_xs(b"".join(point.x_bytes for point in points))
    assert list(lifted) == [point if point.has_even_y else -point for point in points]
    for x in (bytes(32), P.to_bytes(32, "big"), off_curve_x().to_bytes(32, "big")):
        with pytest.raises(PointError):
            Point.lift_x(x)


@pytest.mark.parametrize(
    "xy",
    [
        G.xy[:32] + bytes(32),
        bytes(32) + G.xy[32:],
        G.xy[32:] + G.xy[:32],
        bytes(63) + b"\1",
        (1 + P).to_bytes(32, "big") + Point.lift_x((1).to_bytes(32, "big")).xy[32:],
        b"\xff" * 64,
    ],
    ids=["y0", "x0", "swapped", "y1", "x-above-p", "ones"],
)
def test_coordinates_off_the_curve_are_refused_everywhere(xy):
    with pytest.raises(PointError):
        Point(xy)
    forged = curve._point(xy)
    k = Scalar(3)
    calls = (
        lambda: forged + G,
        lambda: k * forged,
        lambda: multi_mul([k, k], [G, forged]),
        lambda: eval_polynomial([G, forged], [1]),
        lambda: sum_vectors([[G, forged]]),
        lambda: PointVector([forged]).to_bytes_ext(),
    )
    for call in calls:
        with pytest.raises(PointError):
            call()


def test_wrong_counts_are_refused():
    k = Scalar(1)
    calls = (
        lambda: Point(bytes(63)),
        lambda: Point.from_bytes(b""),
        lambda: Point.from_bytes(bytes(G)[:32]),
        lambda: Point.from_bytes(bytes(G) + b"\0"),
        lambda: Point.from_bytes(bytes(G) * 2),
        lambda: Point.lift_x(bytes(31)),
        lambda: parse_points(b""),
        lambda: sum_points([]),
        lambda: sum_vectors([]),
        lambda: sum_vectors([[]]),
        lambda: sum_vectors([[G], [G, G]]),
        lambda: multi_mul([], []),
        lambda: multi_mul([k], [G, G]),
        lambda: multi_mul([k, k], [G]),
        lambda: mul_each([], [G]),
        lambda: mul_each([k], []),
        lambda: mul_each([k, k], [G, G, G]),
        lambda: eval_polynomial([], [1]),
        lambda: eval_polynomial([G], []),
    )
    for call in calls:
        with pytest.raises(LengthError):
            call()
    with pytest.raises(RangeError):
        eval_polynomial([G], [2**32])
    with pytest.raises(RangeError):
        eval_polynomial([G], [-1])


@pytest.mark.parametrize("length", [0, 1, 63, 65, 127, 128])
def test_c_functions_refuse_wrong_buffer_lengths_and_zero_the_output(length):
    out = ffi.new("uint8_t[]", b"\xaa" * max(length, 1))
    one, two = bytes(31) + b"\1", G.xy * 2
    status = [
        lib.mpcw_points_parse_var(out, length, bytes(G), 33, 0),
        lib.mpcw_points_lift_x_var(out, length, G.x_bytes, 32),
        lib.mpcw_points_serialize_var(out, length, G.xy, 64),
        lib.mpcw_points_mul_var(out, length, one, 32, G.xy, 64),
        lib.mpcw_points_multi_mul_var(out, length, one, 32, G.xy, 64),
        lib.mpcw_points_eval_poly_var(out, length, G.xy, 64, ffi.new("uint32_t[]", [1]), 1),
    ]
    if length != 128:
        status.append(lib.mpcw_points_sum_var(out, length, two, 128))
    assert set(status) == {lib.MPCW_E_LENGTH}
    assert not any(bytes(ffi.buffer(out, length)))


def test_c_functions_refuse_public_scalars_not_below_n():
    out = ffi.new("uint8_t[]", 64)
    for scalar in (N, 2**256 - 1):
        data = scalar.to_bytes(32, "big")
        assert lib.mpcw_points_mul_var(out, 64, data, 32, G.xy, 64) == lib.MPCW_E_RANGE
        assert lib.mpcw_points_multi_mul_var(out, 64, data, 32, G.xy, 64) == lib.MPCW_E_RANGE


def test_vector_behaves_as_a_sequence():
    _, points = some_points(5, 1)
    as_list = list(points)
    assert len(points) == 5
    assert points[-1] == as_list[4]
    assert list(points[1:3]) == as_list[1:3]
    assert list(points[3:1]) == []
    assert list(points[::2]) == as_list[::2]
    assert points == PointVector(as_list)
    assert len({points, PointVector(as_list)}) == 1
    with pytest.raises(IndexError):
        points[5]


def test_point_is_immutable():
    with pytest.raises(AttributeError):
        G.xy = bytes(64)
