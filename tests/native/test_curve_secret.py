"""Secret scalars times points against plain Python and against libsecp256k1."""

import hashlib
import random
from types import SimpleNamespace

import coincurve
import pytest
from coincurve import _libsecp256k1
from hypothesis import given, settings
from hypothesis import strategies as st

from native import secp
from native import secret_scalar as sc
from native._core import ffi, lib
from native.curve import (
    G,
    Point,
    Scalar,
    ecdh,
    ecdh_scalars,
    eval_polynomial,
    mul_add_secret,
    mul_base,
    mul_secret,
)
from native.errors import KindError, LengthError, PointError, RangeError
from native.hashing import tagged_hash
from native.secret import SecretInts, SecretScalars, SecretSeed

from .curve_model import EDGES, N, scalars

NUMBERS = st.one_of(st.sampled_from(EDGES), st.integers(0, N - 1))
INFINITY = Point.infinity()


def secret(*numbers: int) -> SecretScalars:
    return SecretScalars.from_bytes(scalars(*numbers), len(numbers))


def test_products_with_the_generator_equal_libsecp256k1():
    rng = random.Random(1)
    numbers = [k for k in EDGES if k] + [rng.randrange(1, N) for _ in range(50)]
    expected = [coincurve.PrivateKey(k.to_bytes(32, "big")).public_key.format() for k in numbers]
    assert [bytes(point) for point in mul_base(secret(*numbers))] == expected


def test_products_with_points_equal_public_products():
    rng = random.Random(2)
    numbers = [k for k in EDGES if k] + [rng.randrange(1, N) for _ in range(30)]
    points = [Scalar(rng.randrange(1, N)) * G for _ in numbers]
    expected = [Scalar(k) * point for k, point in zip(numbers, points, strict=True)]
    assert list(mul_secret(secret(*numbers), points)) == expected


def test_single_scalar_or_point_is_repeated():
    P, Q = Scalar(5) * G, Scalar(6) * G
    assert list(mul_secret(secret(3), [P, Q])) == [Scalar(3) * P, Scalar(3) * Q]
    assert list(mul_secret(secret(3, 4), [P])) == [Scalar(3) * P, Scalar(4) * P]
    assert list(mul_add_secret(secret(1, 2), secret(3, 4), [P])) == [
        G + Scalar(3) * P,
        Scalar(2) * G + Scalar(4) * P,
    ]


@settings(max_examples=80)
@given(NUMBERS, NUMBERS, NUMBERS.filter(bool))
def test_combination_equals_the_public_one(a, b, log):
    P = Scalar(log) * G
    assert mul_add_secret(secret(a), secret(b), [P])[0] == Scalar(a) * G + Scalar(b) * P


@pytest.mark.parametrize(
    ("a", "b", "log"),
    [
        (0, 0, 7),
        (0, 5, 7),
        (5, 0, 7),
        (7, 1, 7),
        (14, 2, 7),
        (N - 7, 1, 7),
        (7, N - 1, 7),
        (1, 1, 1),
        (1, N - 1, 1),
    ],
)
def test_combination_of_equal_opposite_and_missing_summands(a, b, log):
    P = Scalar(log) * G
    assert mul_add_secret(secret(a), secret(b), [P])[0] == Scalar((a + b * log) % N) * G


def test_zero_among_others_is_refused():
    for call in (mul_base, lambda k: mul_secret(k, [G]), lambda k: mul_secret(k, [G, G, G])):
        with pytest.raises(RangeError):
            call(secret(1, 0, 2))
    for call in (lambda k: ecdh(k, G), lambda k: ecdh_scalars(k, [G], "tag", [b""], b"")):
        with pytest.raises(RangeError):
            call(secret(0))


def test_no_product_is_written_when_one_scalar_is_zero():
    out = ffi.new("uint8_t[]", b"\xaa" * 128)
    assert lib.mpcw_points_mul_base(out, 128, secret(5, 0)._handle) == lib.MPCW_E_RANGE
    assert not any(bytes(ffi.buffer(out, 128)))


def test_infinity_and_points_off_the_curve_are_refused():
    out = ffi.new("uint8_t[]", 64)
    k = secret(3)
    for point in (INFINITY.xy, G.xy[:32] + bytes(32), b"\xff" * 64):
        assert lib.mpcw_points_mul_secret(out, 64, k._handle, point, 64) == lib.MPCW_E_POINT
        assert lib.mpcw_points_mul_add_secret(out, 64, k._handle, k._handle, point, 64) == lib.MPCW_E_POINT
        assert lib.mpcw_ecdh(ffi.new("mpcw_secret **"), k._handle, point, 64) == lib.MPCW_E_POINT
    with pytest.raises(PointError):
        mul_secret(k, [INFINITY])


def test_wrong_counts_lengths_and_kinds_are_refused():
    k, two = secret(1), secret(1, 2)
    for call in (
        lambda: mul_secret(k, []),
        lambda: mul_secret(two, [G, G, G]),
        lambda: mul_add_secret(k, two, [G]),
        lambda: mul_add_secret(two, two, [G, G, G]),
        lambda: mul_add_secret(k, k, []),
        lambda: ecdh(two, G),
        lambda: ecdh_scalars(two, [G, G], "tag", [b"1", b"2"], b""),
        lambda: ecdh_scalars(k, [], "tag", [], b""),
        lambda: ecdh_scalars(k, [G, G], "tag", [b"1"], b""),
        lambda: ecdh_scalars(k, [G, G], "tag", [b"1", b"23"], b""),
    ):
        with pytest.raises(LengthError):
            call()
    for call in (
        lambda: mul_base(SecretInts.from_bytes(bytes(32))),
        lambda: mul_secret(SecretSeed.fresh(), [G]),
        lambda: ecdh_scalars(SecretSeed.fresh(), [G], "tag", [b""], b""),
        lambda: mul_add_secret(k, SecretSeed.fresh(), [G]),
    ):
        with pytest.raises(KindError):
            call()
    out = ffi.new("uint8_t[]", 128)
    for length in (0, 63, 65, 128):
        assert lib.mpcw_points_mul_base(out, length, k._handle) == lib.MPCW_E_LENGTH
        assert lib.mpcw_points_mul_secret(out, length, k._handle, G.xy, 64) == lib.MPCW_E_LENGTH
        assert (
            lib.mpcw_points_mul_add_secret(out, length, k._handle, k._handle, G.xy, 64) == lib.MPCW_E_LENGTH
        )
    for length in (0, 1, 63):
        assert lib.mpcw_points_mul_secret(out, 64, k._handle, G.xy, length) == lib.MPCW_E_LENGTH
    for length in (0, 1, 63, 65, 128):
        assert lib.mpcw_ecdh(ffi.new("mpcw_secret **"), k._handle, 2 * G.xy, length) == lib.MPCW_E_LENGTH


def test_ecdh_is_the_hash_of_the_compressed_point_on_both_sides():
    a, b = sc.random_scalars(2).slice(0, 1), sc.random_scalars()
    A, B = mul_base(a)[0], mul_base(b)[0]
    left, right = ecdh(a, B).declassify(), ecdh(b, A).declassify()
    assert left == right == hashlib.sha256(bytes(mul_secret(a, [B])[0])).digest()
    assert left == coincurve.PrivateKey(a.declassify()).ecdh(bytes(B))


@pytest.mark.parametrize("count", [1, 2, 7])
def test_ecdh_scalars_are_the_tagged_hashes_of_libsecp256k1s_ecdh(count):
    k, points = sc.random_scalars(), mul_base(sc.random_scalars(count))
    labels = [bytes([i]) * 5 for i in range(count)]
    scalars = ecdh_scalars(k, points, "tag", labels, b"context").declassify()
    for i, point in enumerate(points):
        shared = coincurve.PrivateKey(k.declassify()).ecdh(bytes(point))
        expected = Scalar.reduce(tagged_hash("tag", shared, labels[i], b"context"))
        assert scalars[32 * i : 32 * i + 32] == bytes(expected)


def test_ecdh_scalars_take_empty_labels_and_context():
    k = sc.random_scalars()
    expected = Scalar.reduce(tagged_hash("", ecdh(k, G).declassify()))
    assert ecdh_scalars(k, [G], "", [b""], b"").declassify() == bytes(expected)


@pytest.mark.parametrize("bad", [INFINITY.xy, G.xy[:32] + bytes(32), b"\xff" * 64])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_one_bad_point_spoils_the_ecdh_scalars_of_all(bad, place):
    points, out = [G.xy] * 3, ffi.new("mpcw_secret **")
    points[place] = bad
    assert call_ecdh_scalars(out, secret(3), b"".join(points), bytes(6)) == lib.MPCW_E_POINT
    assert out[0] == ffi.NULL


@pytest.mark.parametrize(("points_len", "labels_len"), [(0, 0), (0, 3), (63, 1), (65, 1), (191, 3), (192, 4)])
def test_ecdh_scalars_refuse_points_and_labels_of_wrong_lengths(points_len, labels_len):
    out = ffi.new("mpcw_secret **")
    points, labels = (3 * G.xy)[:points_len], bytes(labels_len)
    assert call_ecdh_scalars(out, secret(3), points, labels) == lib.MPCW_E_LENGTH
    assert out[0] == ffi.NULL


def call_ecdh_scalars(out, k, points, labels):
    return lib.mpcw_ecdh_scalars(
        out, k._handle, points, len(points), b"tag", 3, labels, len(labels), b"context", 7
    )


def test_feldman_shares_match_their_commitments():
    coefficients = sc.random_scalars(5)
    shares = sc.eval_polynomial(coefficients, range(1, 8))
    assert mul_base(shares) == eval_polynomial(mul_base(coefficients), range(1, 8))


def test_second_load_of_the_function_table_is_refused():
    with pytest.raises(ImportError, match="refused"):
        secp.load(_libsecp256k1)


def test_missing_function_is_named():
    fake = SimpleNamespace(ffi=_libsecp256k1.ffi, lib=SimpleNamespace())
    fake.ffi = SimpleNamespace(addressof=lambda lib_, name: (_ for _ in ()).throw(AttributeError(name)))
    with pytest.raises(ImportError, match="secp256k1_context_create"):
        secp.load(fake)
