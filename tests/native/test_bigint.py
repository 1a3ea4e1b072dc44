import os
import random
from collections.abc import Callable
from typing import Any

import gmpy2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from native._core import ffi, lib
from native.bigint import FixedBase, Modulus
from native.errors import (
    KindError,
    LengthError,
    ModulusError,
    NativeError,
    NotUnitError,
    RangeError,
)
from native.secret import SecretInts, SecretResidues, SecretScalars

MODULI = [
    3,
    5,
    2**64 - 1,
    2**64 + 13,
    2**128 - 1,
    2**128 + 1,
    2 ** (28 * 8) - 1,  # all-ones digits of the vector engine
    2 ** (28 * 16) - 1,
    2**256 - 1,
    2**511 + 1,
    2**512 - 1,
    random.Random(1).getrandbits(1000) | 1 << 999 | 1,
]


def residues(n: int, rng: random.Random) -> list[int]:
    edges = {0, 1, 2, n - 1, n - 2, n // 2, n >> 1 & ~1, 2 ** (n.bit_length() - 1) - 1}
    return sorted(x for x in edges if 0 <= x < n) + [rng.randrange(n) for _ in range(3)]


def secret(values: list[int], size: int = 40) -> SecretResidues:
    return SecretResidues.from_bytes(b"".join(x.to_bytes(size, "big") for x in values), len(values))


# powers


@pytest.mark.parametrize("square", [False, True])
@pytest.mark.parametrize("n", MODULI)
def test_powers_of_edge_values_are_those_of_gmp(n: int, square: bool) -> None:
    rng = random.Random(n)
    modulus, m = Modulus(n), n * n if square else n
    exponents = [
        0,
        1,
        2,
        3,
        2**64 - 1,
        2**64,
        2**64 + 1,
        2**255,
        2**256 - 1,
        n % 2**300,
        rng.getrandbits(300),
    ]
    bases = residues(m, rng)
    pairs = [(x, e) for x in bases for e in exponents]
    xs, es = [x for x, _ in pairs], [e for _, e in pairs]
    want = tuple(int(gmpy2.powmod(x, e, m)) for x, e in pairs)
    assert modulus.pow_var(xs, es, square=square) == want
    assert modulus.pow(xs, secret(es), square=square) == want


@pytest.mark.parametrize("square", [False, True])
@pytest.mark.parametrize("count", range(1, 10))
def test_any_number_of_powers_comes_back_in_order(count: int, square: bool) -> None:
    rng = random.Random(count)
    n = MODULI[-1]
    m = n * n if square else n
    xs, es = [rng.randrange(m) for _ in range(count)], [rng.getrandbits(200) for _ in range(count)]
    want = tuple(pow(x, e, m) for x, e in zip(xs, es, strict=True))
    assert Modulus(n).pow_var(xs, es, square=square) == want
    assert Modulus(n).pow(xs, secret(es), square=square) == want


def test_non_negative_secret_integers_are_exponents() -> None:
    n = MODULI[-1]
    e = SecretInts.from_bytes((5).to_bytes(8, "big") + (7).to_bytes(8, "big"), 2)
    assert Modulus(n).pow([2, n - 3], e) == (32, pow(n - 3, 7, n))


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_products_of_signed_powers_are_those_of_gmp(data: st.DataObject) -> None:
    n = data.draw(st.sampled_from([x for x in MODULI if x > 5])) if data.draw(st.booleans()) else 2**127 - 1
    square = data.draw(st.booleans())
    m = n * n if square else n
    count = data.draw(st.integers(1, 12))
    xs = [data.draw(st.integers(1, m - 1).filter(lambda x: gmpy2.gcd(x, n) == 1)) for _ in range(count)]
    es = [data.draw(st.integers(-(2**130), 2**130)) for _ in range(count)]
    powers = tuple(int(gmpy2.powmod(x, e, m)) for x, e in zip(xs, es, strict=True))
    product = 1
    for power in powers:
        product = product * power % m
    assert Modulus(n).pow_var(xs, es, square=square) == powers
    assert Modulus(n).multi_pow_var(xs, es, square=square) == product


@pytest.mark.parametrize("count", [1, 2, 3, 64, 260, 900])
def test_long_products_are_those_of_gmp(count: int) -> None:
    rng = random.Random(count)
    n = MODULI[-1]
    xs = [rng.randrange(n) for _ in range(count)]
    es = [rng.getrandbits(rng.choice([0, 1, 64, 127, 128, 128, 128])) for _ in range(count)]
    want = gmpy2.mpz(1)
    for x, e in zip(xs, es, strict=True):
        want = want * gmpy2.powmod(x, e, n) % n
    assert Modulus(n).multi_pow_var(xs, es) == want


@pytest.mark.parametrize("square", [False, True])
@pytest.mark.parametrize("bits", [64, 128, 320])
def test_a_fixed_base_raises_to_every_width_it_was_made_for(bits: int, square: bool) -> None:
    rng = random.Random(bits)
    n = MODULI[-1]
    m = n * n if square else n
    for x in (0, 1, m - 1, rng.randrange(m)):
        base = FixedBase(Modulus(n), x, bits, square=square)
        for size in range(8, bits // 8 + 1, 8):
            es = [0, 1, 2 ** (8 * size) - 1, *(rng.getrandbits(8 * size) for _ in range(2))]
            assert base.pow(secret(es, size)) == tuple(int(gmpy2.powmod(x, e, m)) for e in es)


@pytest.mark.slow
def test_powers_at_full_size_are_those_of_gmp() -> None:
    rng = random.Random(3072)
    n = rng.getrandbits(3072) | 1 << 3071 | 1
    m = n * n
    xs, es = [rng.randrange(m) for _ in range(5)], [rng.getrandbits(3072) for _ in range(5)]
    want = tuple(int(gmpy2.powmod(x, e, m)) for x, e in zip(xs, es, strict=True))
    assert Modulus(n).pow_var(xs, es, square=True) == want
    assert Modulus(n).pow(xs, secret(es, 384), square=True) == want


@pytest.mark.slow
def test_the_largest_modulus_works() -> None:
    n = 2**4096 - 1
    assert Modulus(n).pow_var([n - 2, n * n - 1][:1], [65537]) == (pow(n - 2, 65537, n),)
    assert Modulus(n).pow_var([n * n - 2], [65537], square=True) == (int(gmpy2.powmod(-2, 65537, n * n)),)


# units and symbols


def test_units_and_jacobi_symbols_are_those_of_gmp() -> None:
    rng = random.Random(2)
    for n in MODULI:
        xs = [x % n for x in (0, 1, 2, 3, 6, n - 1, *(rng.randrange(n) for _ in range(5)))]
        assert Modulus(n).jacobi(xs) == tuple(gmpy2.jacobi(x, n) for x in xs)
        bad = tuple(i for i, x in enumerate(xs) if gmpy2.gcd(x, n) != 1)
        assert Modulus(n).non_units(xs) == bad
    n = 2**64 - 1
    assert Modulus(n).non_units([n * n - 1, n, n * n, 0, 2**128 - 1], square=True) == (1, 2, 3, 4)


# what is refused


@pytest.mark.parametrize("n", [0, 1, 2, 4, -3, -(2**70), 2**64, 2**4096, 2**4096 + 1, 1 << 9999 | 1])
def test_a_modulus_that_is_even_or_out_of_range_is_refused(n: int) -> None:
    with pytest.raises(ModulusError):
        Modulus(n)


@pytest.mark.parametrize("square", [False, True])
@pytest.mark.parametrize("x", [-1, "n", "n + 1", "all ones", "too long"])
def test_a_base_out_of_range_is_refused(x: int | str, square: bool) -> None:
    n = 2**100 + 1
    m = n * n if square else n
    value = {"n": m, "n + 1": m + 1, "all ones": 2 ** (256 if square else 128) - 1, "too long": 2**256}
    base = x if isinstance(x, int) else value[x]
    modulus = Modulus(n)
    actions: list[Callable[[], Any]] = [
        lambda: modulus.pow([1, base], secret([1, 1]), square=square),
        lambda: modulus.pow_var([base], [1], square=square),
        lambda: modulus.multi_pow_var([1, 1, base], [1, 1, 1], square=square),
        lambda: FixedBase(modulus, base, 64, square=square),
    ]
    for action in actions:
        with pytest.raises(RangeError):
            action()


@pytest.mark.parametrize("square", [False, True])
def test_a_negative_power_of_no_unit_is_refused(square: bool) -> None:
    modulus = Modulus(3 * (2**89 - 1))
    for x in (0, 3, 6, 2**89 - 1):
        with pytest.raises(NotUnitError):
            modulus.pow_var([1, x], [-1, -1], square=square)
        with pytest.raises(NotUnitError):
            modulus.multi_pow_var([x, 1], [-5, 1], square=square)
        assert modulus.pow_var([x], [1], square=square) == (x,)


def test_a_negative_secret_exponent_is_refused() -> None:
    modulus = Modulus(2**89 - 1)
    e = SecretInts.from_bytes((1).to_bytes(8, "big") + b"\xff" * 8, 2)
    with pytest.raises(RangeError):
        modulus.pow([2, 2], e)
    with pytest.raises(RangeError):
        FixedBase(modulus, 2, 64).pow(e)


def test_a_secret_scalar_is_no_exponent() -> None:
    scalar: Any = SecretScalars.from_bytes(bytes(31) + b"\x01")
    with pytest.raises(KindError):
        Modulus(2**89 - 1).pow([2], scalar)
    with pytest.raises(KindError):
        FixedBase(Modulus(2**89 - 1), 2, 256).pow(scalar)


def test_counts_that_differ_are_refused() -> None:
    modulus = Modulus(2**89 - 1)
    for bases, exponents in (([], []), ([1], []), ([], [1]), ([1], [1, 2]), ([1, 2], [1])):
        with pytest.raises(LengthError):
            modulus.pow_var(bases, exponents)
        with pytest.raises(LengthError):
            modulus.multi_pow_var(bases, exponents)
    for bases in ([], [1], [1, 2, 3]):
        with pytest.raises(LengthError):
            modulus.pow(bases, secret([1, 2]))
    with pytest.raises(LengthError):
        modulus.non_units([])
    with pytest.raises(LengthError):
        modulus.jacobi([])


def test_an_exponent_that_is_too_long_is_refused() -> None:
    modulus = Modulus(5)
    assert modulus.pow_var([2], [2**32767 - 1]) == (pow(2, 2**32767 - 1, 5),)
    with pytest.raises(LengthError):
        modulus.pow_var([2], [2**32767])
    with pytest.raises(LengthError):
        modulus.pow([2], secret([1], 4104))
    with pytest.raises(LengthError):
        FixedBase(modulus, 2, 64).pow(secret([1], 72))


@pytest.mark.parametrize("bits", [0, 1, 63, 65, 32832, -64, 2**64])
def test_a_table_of_unfit_width_is_refused(bits: int) -> None:
    with pytest.raises(LengthError):
        FixedBase(Modulus(5), 2, bits)


def span(size: int) -> tuple[Any, int]:
    return ffi.new("uint8_t[]", max(size, 1)), size


def test_every_entry_point_refuses_wrong_lengths() -> None:
    modulus, one = Modulus(2**89 - 1)._handle, secret([1])._handle
    base = FixedBase(Modulus(2**89 - 1), 2, 320)
    place = ffi.new("mpcw_modulus **")
    for size in (0, 1, 7, 9, 520):
        assert lib.mpcw_modulus_new(place, *span(size)) == lib.MPCW_E_LENGTH
        assert place[0] == ffi.NULL
    for square, width in ((0, 16), (1, 32)):
        for wrong in (0, 1, width - 1, width + 1):
            x, good, e = span(wrong), span(width), span(8)
            out = ffi.new("uint8_t[]", 64)
            table = ffi.new("mpcw_fixed_base **")
            assert lib.mpcw_modulus_pow(out, width, modulus, square, x, one) == lib.MPCW_E_LENGTH
            assert lib.mpcw_modulus_pow(out, wrong, modulus, square, good, one) == lib.MPCW_E_LENGTH
            assert lib.mpcw_modulus_pow_var(out, width, modulus, square, x, e) == lib.MPCW_E_LENGTH
            assert lib.mpcw_modulus_pow_var(out, wrong, modulus, square, good, e) == lib.MPCW_E_LENGTH
            assert lib.mpcw_modulus_multi_pow_var(out, width, modulus, square, x, e) == lib.MPCW_E_LENGTH
            assert lib.mpcw_modulus_multi_pow_var(out, wrong, modulus, square, good, e) == lib.MPCW_E_LENGTH
            assert lib.mpcw_modulus_units_var(out, 1, modulus, square, x) == lib.MPCW_E_LENGTH
            assert lib.mpcw_fixed_base_new(table, modulus, square, x, 64) == lib.MPCW_E_LENGTH
        for empty in (span(0), span(4097)):
            assert lib.mpcw_modulus_pow_var(out, width, modulus, square, good, empty) == lib.MPCW_E_LENGTH
        two = span(2 * width)
        assert lib.mpcw_modulus_pow_var(out, 2 * width, modulus, square, two, span(9)) == lib.MPCW_E_LENGTH
        assert lib.mpcw_modulus_units_var(out, 1, modulus, square, two) == lib.MPCW_E_LENGTH
    symbols = ffi.new("int8_t[]", 2)
    for count, size in ((0, 0), (1, 0), (1, 15), (1, 17), (1, 32), (2, 16)):
        assert lib.mpcw_modulus_jacobi_var(symbols, count, modulus, span(size)) == lib.MPCW_E_LENGTH
    for size in (0, 15, 17, 32):
        out = ffi.new("uint8_t[]", 64)
        assert lib.mpcw_fixed_base_pow(out, size, base._handle, one) == lib.MPCW_E_LENGTH


def test_a_refused_call_leaves_zeros() -> None:
    out = ffi.new("uint8_t[]", b"\xff" * 16)
    data = ffi.new("uint8_t[]", b"\xff" * 16)
    status = lib.mpcw_modulus_pow_var(out, 16, Modulus(2**89 - 1)._handle, 0, (data, 16), (data, 1))
    assert status == lib.MPCW_E_RANGE
    assert bytes(ffi.buffer(out, 16)) == bytes(16)


def test_no_handle_is_no_crash() -> None:
    out, x, null = ffi.new("uint8_t[]", 16), span(16), ffi.NULL
    assert lib.mpcw_modulus_pow(out, 16, null, 0, x, null) == lib.MPCW_E_KIND
    assert lib.mpcw_modulus_pow_var(out, 16, null, 0, x, x) == lib.MPCW_E_KIND
    assert lib.mpcw_modulus_multi_pow_var(out, 16, null, 0, x, x) == lib.MPCW_E_KIND
    assert lib.mpcw_modulus_units_var(out, 1, null, 0, x) == lib.MPCW_E_KIND
    assert lib.mpcw_modulus_jacobi_var(ffi.new("int8_t[]", 1), 1, null, x) == lib.MPCW_E_KIND
    assert lib.mpcw_fixed_base_new(ffi.new("mpcw_fixed_base **"), null, 0, x, 64) == lib.MPCW_E_KIND
    assert lib.mpcw_fixed_base_pow(out, 16, null, null) == lib.MPCW_E_KIND


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_child_does_not_use_its_parents_modulus() -> None:
    modulus = Modulus(2**89 - 1)
    child = os.fork()
    if child == 0:
        try:
            modulus.pow_var([2], [3])
        except NativeError as e:
            os._exit(7 if type(e).__name__ == "ForkedError" else 1)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
