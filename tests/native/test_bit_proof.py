"""Responses to one-bit challenges, and the opening of a hidden ciphertext, against plain Python integers."""

import random

import gmpy2
import pytest

from native._core import ffi, lib
from native.bit_proof import open_product, respond_ints, respond_units
from native.errors import (
    FaultError,
    KindError,
    LengthError,
    ModulusError,
    NotUnitError,
    RangeError,
    WipedError,
)
from native.secret import SecretInts, SecretResidues

from .keys import Paillier, column, ints, numbers, opened, paillier, paillier_of, residues

SMALL = 512
WIDE = 48  # bytes of the integer masks


def bits(count: int) -> bytes:
    return bytes(random.Random(count).randrange(2) for _ in range(count))


def integers(count: int, size: int) -> list[int]:
    bound = 2 ** (8 * size - 2)
    r = random.Random(count * size)
    return [r.choice([0, -1, bound - 1, -bound, r.randint(-bound, bound)]) for _ in range(count)]


def units(key: Paillier, count: int) -> list[int]:
    r = random.Random(count)
    return [r.choice([1, key.n - 1, r.randrange(2, key.n)]) for _ in range(count)]


# responses


@pytest.mark.parametrize("count", range(1, 10))
@pytest.mark.parametrize("x", [0, 1, -1, 2**255, -(2**255), 12345])
def test_integers_are_those_of_the_equation(count: int, x: int) -> None:
    masks, e = integers(count, WIDE), bits(count)
    z = respond_ints(ints(masks, WIDE), ints([x], 40), e)
    assert numbers(z, WIDE, signed=True) == [a + bit * x for a, bit in zip(masks, e, strict=True)]


def test_a_witness_may_be_wider_than_the_masks_as_long_as_the_response_fits() -> None:
    assert numbers(respond_ints(ints([5], 8), ints([-6], 64), b"\1"), 8, signed=True) == [-1]


@pytest.mark.parametrize(("mask", "x"), [(2**63 - 1, 1), (-(2**63), -1), (0, 2**64), (0, -(2**200))])
def test_a_response_that_does_not_fit_stays_here(mask: int, x: int) -> None:
    with pytest.raises(RangeError):
        respond_ints(ints([0, mask], 8), ints([x], 32), b"\0\1")
    assert respond_ints(ints([mask], 8), ints([x], 32), b"\0") == column([mask], 8, signed=True)


@pytest.mark.parametrize("count", range(1, 10))
def test_units_are_those_of_the_equation(count: int) -> None:
    key = paillier(SMALL)
    masks, e = units(key, count), bits(count)
    for rho in (1, key.n - 1, units(key, 3)[2]):
        w = respond_units(key.secret.public, residues(masks, key.size), residues([rho], key.size), e)
        assert numbers(w, key.size) == [
            r * pow(rho, bit, key.n) % key.n for r, bit in zip(masks, e, strict=True)
        ]


def test_masks_serve_once() -> None:
    key = paillier(SMALL)
    masks, r = ints([1], 8), residues([1], key.size)
    respond_ints(masks, ints([1], 8), b"\1")
    respond_units(key.secret.public, r, residues([1], key.size), b"\1")
    with pytest.raises(WipedError):
        respond_ints(masks, ints([1], 8), b"\0")
    with pytest.raises(WipedError):
        respond_units(key.secret.public, r, residues([1], key.size), b"\0")


@pytest.mark.parametrize(
    ("e", "error"),
    [
        (b"", LengthError),
        (b"\0", LengthError),
        (b"\0\0\0", LengthError),
        (b"\0\2", RangeError),
        (b"\xff\0", RangeError),
    ],
)
def test_a_wrong_challenge_uses_the_masks_up(e: bytes, error: type[Exception]) -> None:
    key = paillier(SMALL)
    masks, r = ints([1, 2], 8), residues([1, 2], key.size)
    with pytest.raises(error):
        respond_ints(masks, ints([1], 8), e)
    with pytest.raises(error):
        respond_units(key.secret.public, r, residues([1], key.size), e)
    for mask in (masks, r):
        with pytest.raises(WipedError):
            _ = mask._handle


def test_witnesses_and_widths_must_fit() -> None:
    key = paillier(SMALL)
    public = key.secret.public
    with pytest.raises(LengthError):
        respond_ints(ints([1, 2], 8), ints([1, 2], 8), b"\0\1")
    with pytest.raises(LengthError):
        respond_units(public, residues([1, 2], key.size), residues([1, 2], key.size), b"\0\1")
    with pytest.raises(LengthError):
        respond_units(public, residues([1], key.size), residues([1], key.size + 8), b"\0")
    with pytest.raises(LengthError):
        respond_units(public, residues([1], key.size - 8), residues([1], key.size), b"\0")
    with pytest.raises(KindError):
        respond_ints(residues([1], 8), ints([1], 8), b"\0")  # type: ignore[arg-type]
    with pytest.raises(KindError):
        respond_units(public, residues([1], key.size), ints([1], key.size), b"\0")  # type: ignore[arg-type]


def test_c_refuses_room_of_a_wrong_length() -> None:
    key = paillier(SMALL)
    masks, x, unit = ints([1], 8), ints([1], 8), residues([1], key.size)
    room, e = ffi.new("uint8_t[]", b"\7" * (key.size + 1)), ffi.new("uint8_t[]", b"\0")
    for size in (7, 9):
        status = lib.mpcw_bits_respond_ints((room, size), masks._handle, x._handle, (e, 1))
        assert status == lib.MPCW_E_LENGTH
        assert bytes(room)[:size] == bytes(size)
    for size in (key.size - 1, key.size + 1):
        status = lib.mpcw_bits_respond_units(
            (room, size), key.secret.public._handle, unit._handle, unit._handle, (e, 1)
        )
        assert status == lib.MPCW_E_LENGTH
        assert bytes(room)[:size] == bytes(size)


# opening


def expect_opening(key: Paillier, D: int, K: int, x: int, opening: tuple[SecretInts, SecretResidues]) -> int:
    (y,), (rho,) = map(opened, opening)
    square = key.n**2
    assert abs(y) <= key.n // 2
    assert 0 < rho < key.n
    assert gmpy2.powmod(K, x, square) * D % square == key.encrypt(y, rho)
    return y


@pytest.mark.parametrize("x", [0, 1, -1, 7, 2**255 - 1, -(2**255)])
def test_an_opening_encrypts_to_the_product(x: int) -> None:
    key = paillier(SMALL)
    half = key.n // 2
    for k, d in [(0, 0), (1, -1), (5, half), (-3, -half), (12345, 2**200)]:
        K, D = key.encrypt(k, units(key, 3)[2]), key.encrypt(d, units(key, 4)[3])
        opening = open_product(
            key.secret, column([D], 2 * key.size), column([K], 2 * key.size), ints([x], 32)
        )
        y = expect_opening(key, D, K, x, opening)
        assert (y - x * k - d) % key.n == 0


def test_no_ciphertext_is_refused_that_is_a_unit() -> None:
    key = paillier(SMALL)
    for number in (1, key.n**2 - 1, key.n + 1, 2):
        data = column([number], 2 * key.size)
        expect_opening(key, number, number, -3, open_product(key.secret, data, data, ints([-3], 8)))


def test_an_opening_needs_units_and_one_of_each() -> None:
    key = paillier(SMALL)
    good, x = column([1], 2 * key.size), ints([1], 8)
    for number, error in [
        (0, RangeError),
        (key.n**2, RangeError),
        (key.n, NotUnitError),
        (key.p, NotUnitError),
    ]:
        bad = column([number], 2 * key.size)
        for pair in ((bad, good), (good, bad)):
            with pytest.raises(error):
                open_product(key.secret, *pair, x)
    for wrong in (b"", good[1:], good + good):
        for pair in ((wrong, good), (good, wrong)):
            with pytest.raises(LengthError):
                open_product(key.secret, *pair, x)
    with pytest.raises(LengthError):
        open_product(key.secret, good, good, ints([1, 2], 8))


def test_a_key_whose_primes_are_of_another_form_opens_nothing() -> None:
    """Modulo p - 1 = 2 * odd the N-th root is found; a prime 1 modulo 4 is refused or gives a fault."""
    size = SMALL // 16
    q = paillier(SMALL).q
    p = int(gmpy2.next_prime(3 << (8 * size - 2)))
    while p % 4 != 1:
        p = int(gmpy2.next_prime(p))
    key = paillier_of(p, q, 2 * size)
    data = column([key.encrypt(5, 7)], 2 * key.size)
    with pytest.raises((ModulusError, FaultError)):
        open_product(key.secret, data, data, ints([3], 8))
