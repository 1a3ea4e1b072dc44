"""Secret scalars against Python's integers."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from native import secret_scalar as sc
from native.curve import ORDER, Scalar, lagrange
from native.errors import KindError, LengthError, NotUnitError, RangeError
from native.secret import SecretInts, SecretScalars, SecretSeed

from .curve_model import EDGES, N, scalars

NUMBERS = st.one_of(st.sampled_from(EDGES), st.integers(0, N - 1))


def secret(*numbers: int) -> SecretScalars:
    return SecretScalars.from_bytes(scalars(*numbers), len(numbers))


def values(secrets: SecretScalars) -> list[int]:
    data = secrets.declassify()
    return [int.from_bytes(data[i : i + 32], "big") for i in range(0, len(data), 32)]


PAIRS = [(a, b) for a in EDGES for b in EDGES]
LEFT, RIGHT = ([pair[i] for pair in PAIRS] for i in (0, 1))


@pytest.mark.parametrize(
    ("operation", "model"),
    [
        (sc.add, lambda a, b: a + b),
        (sc.sub, lambda a, b: a - b),
        (sc.mul, lambda a, b: a * b),
        (lambda a, b: sc.mul_add(a, b, a), lambda a, b: a * b + a),
        (lambda a, b: sc.negate(a), lambda a, b: -a),
    ],
    ids=["add", "sub", "mul", "mul_add", "negate"],
)
def test_arithmetic_equals_integers_modulo_n_at_edges_and_at_random(operation, model):
    rng = random.Random(1)
    left = LEFT + [rng.randrange(N) for _ in range(500)]
    right = RIGHT + [rng.randrange(N) for _ in range(500)]
    got = values(operation(secret(*left), secret(*right)))
    assert got == [model(a, b) % N for a, b in zip(left, right, strict=True)]


@settings(max_examples=50)
@given(NUMBERS.filter(bool))
def test_inverse_times_number_is_one(a):
    assert values(sc.invert(secret(a))) == [pow(a, -1, N)]


def test_zero_among_others_has_no_inverse():
    with pytest.raises(NotUnitError):
        sc.invert(secret(5, 0, 7))


def test_single_item_is_repeated():
    assert values(sc.add(secret(1), secret(2, 3, 4))) == [3, 4, 5]
    assert values(sc.mul(secret(2, 3), secret(5))) == [10, 15]
    assert values(sc.mul_add(secret(2), secret(3, 4), secret(1))) == [7, 9]
    assert values(sc.scale(secret(2, 3), [Scalar(7)])) == [14, 21]
    assert values(sc.shift(secret(2), [Scalar(7), Scalar(8)])) == [9, 10]


def test_counts_that_do_not_fit_are_refused():
    for operation in (sc.add, sc.sub, sc.mul):
        with pytest.raises(LengthError):
            operation(secret(1, 2), secret(1, 2, 3))
    with pytest.raises(LengthError):
        sc.mul_add(secret(1, 2), secret(1), secret(1, 2, 3))
    with pytest.raises(LengthError):
        sc.scale(secret(1, 2), [Scalar(1)] * 3)
    with pytest.raises(LengthError):
        sc.shift(secret(1), [])
    with pytest.raises(LengthError):
        sc.inner_product(secret(1, 2), [Scalar(1)])
    with pytest.raises(LengthError):
        sc.eval_polynomial(secret(1), [])


def test_other_kinds_are_refused():
    ints = SecretInts.from_bytes(bytes(32))
    with pytest.raises(KindError):
        sc.add(ints, secret(1))
    with pytest.raises(KindError):
        sc.negate(SecretSeed.fresh())
    with pytest.raises(KindError):
        sc.from_ints(secret(1))


@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=20))
def test_sums_and_inner_products_equal_integers(pairs):
    a, factors = [p[0] for p in pairs], [p[1] for p in pairs]
    assert values(sc.total(secret(*a))) == [sum(a) % N]
    product = sc.inner_product(secret(*a), [Scalar(f) for f in factors])
    assert values(product) == [sum(x * f for x, f in pairs) % N]


@given(
    st.lists(NUMBERS, min_size=1, max_size=12), st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=5)
)
def test_polynomial_equals_its_powers(coefficients, places):
    got = values(sc.eval_polynomial(secret(*coefficients), places))
    assert got == [sum(c * x**k for k, c in enumerate(coefficients)) % N for x in places]


@pytest.mark.parametrize("place", [-1, 2**32])
def test_place_out_of_range_is_refused(place):
    with pytest.raises(RangeError):
        sc.eval_polynomial(secret(1), [place])


def test_random_scalars_replay_from_a_seed_and_differ_without():
    seed = SecretSeed.from_bytes(bytes(range(32)))
    assert values(sc.random_scalars(50, seed)) == values(sc.random_scalars(50, seed))
    drawn = values(sc.random_scalars(200))
    assert len(set(drawn)) == 200
    assert all(0 < k < N for k in drawn)
    with pytest.raises(LengthError):
        sc.random_scalars(0)


@pytest.mark.parametrize("size", [8, 32, 40, 768])
def test_integers_of_any_width_and_sign_reduce_modulo_n(size):
    rng, top = random.Random(size), 1 << (8 * size - 1)
    numbers = [0, 1, -1, top - 1, -top, *(rng.randrange(-top, top) for _ in range(100))]
    if size >= 40:
        numbers += [N, -N, N - 1, 1 - N, N + 1, 2**256 - 1, -(2**256)]
    data = b"".join(number.to_bytes(size, "big", signed=True) for number in numbers)
    assert values(sc.from_ints(SecretInts.from_bytes(data, len(numbers)))) == [
        number % N for number in numbers
    ]


@pytest.mark.parametrize("size", [32, 40, 256])
def test_centred_representatives_lie_in_the_half_interval(size):
    rng = random.Random(size)
    numbers = [*EDGES, *(rng.randrange(N) for _ in range(100))]
    data = sc.to_ints(secret(*numbers), size).declassify()
    got = [int.from_bytes(data[i : i + size], "big", signed=True) for i in range(0, len(data), size)]
    assert got == [k if k <= N // 2 else k - N for k in numbers]


@pytest.mark.parametrize("size", [0, 24, 31, 33, -8])
def test_centred_representatives_need_a_fitting_size(size):
    with pytest.raises(LengthError):
        sc.to_ints(secret(1), size)


@pytest.mark.parametrize("value", [-1, N, 2**256 - 1])
def test_public_scalar_out_of_range_is_refused(value):
    with pytest.raises(RangeError):
        Scalar(value)


def test_public_scalar_bytes_are_strict():
    assert Scalar.from_bytes(scalars(N - 1)) == Scalar(N - 1)
    assert bytes(Scalar(7)) == bytes(31) + b"\7"
    with pytest.raises(RangeError):
        Scalar.from_bytes(N.to_bytes(32, "big"))
    for wrong in (b"", bytes(31), bytes(33)):
        with pytest.raises(LengthError):
            Scalar.from_bytes(wrong)


@given(NUMBERS, NUMBERS)
def test_public_scalar_arithmetic_equals_integers(a, b):
    x, y = Scalar(a), Scalar(b)
    assert (int(x + y), int(x - y), int(x * y), int(-x)) == ((a + b) % N, (a - b) % N, a * b % N, -a % N)
    assert Scalar.reduce(a + N * b) == x
    assert Scalar.reduce((a + N).to_bytes(40, "big")) == x
    if a:
        assert x * x.invert() == Scalar(1)


def test_public_zero_has_no_inverse():
    with pytest.raises(NotUnitError):
        Scalar(0).invert()


@given(st.lists(st.integers(1, 300), min_size=1, max_size=12, unique=True), st.integers(0, 400), st.randoms())
def test_lagrange_weights_interpolate(places, at, rng):
    coefficients = [rng.randrange(N) for _ in places]

    def polynomial(x):
        return sum(c * x**k for k, c in enumerate(coefficients)) % N

    weights = lagrange(places, at)
    assert sum(int(w) * polynomial(x) for w, x in zip(weights, places, strict=True)) % N == polynomial(at)


@pytest.mark.parametrize("places", [[1, 2, 1], [3, 3 + ORDER]])
def test_lagrange_refuses_a_place_twice(places):
    with pytest.raises(NotUnitError):
        lagrange(places)
