"""Secret integers against plain Python."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from native._core import ffi, lib
from native.errors import LengthError, ModulusError
from native.integer import negate, random_ints, random_multiples
from native.secret import SecretInts, SecretResidues

from . import keys
from .keys import column, ints, opened, seed

MODULI = [3 << 62, 2**64 - 1, 1, 2**128 - 159, (1 << 64) + 13, (2**512) - 569, (2**448) + 33]


def size_of(n: int) -> int:
    return (n.bit_length() + 63) // 64 * 8


@pytest.mark.parametrize("bits", [64, 128, 256, 1280, 32768])
def test_random_ints_are_as_wide_as_asked(bits: int) -> None:
    drawn = random_ints(3, bits, seed(bits))
    assert (drawn.count, drawn.size) == (3, bits // 8)
    assert max(abs(x) for x in opened(drawn)).bit_length() > bits - 16


def test_random_ints_are_uniform_in_the_half_interval() -> None:
    counts = [0] * 64
    for x in opened(random_ints(20000, 128, seed(1))):
        assert -(2**127) <= x < 2**127
        counts[(x >> 122) + 32] += 1
    assert keys.looks_uniform(counts)


@pytest.mark.parametrize("bits", [64, 192])
@pytest.mark.parametrize("n", MODULI)
def test_random_multiples_are_uniform_in_the_half_interval(n: int, bits: int) -> None:
    drawn = random_multiples(8000, bits, n.to_bytes(size_of(n), "big"), seed(n % 1000 + bits))
    assert drawn.size == bits // 8 + size_of(n)
    low, width = -(2 ** (bits - 1)) * n, 2**bits * n
    counts = [0] * 16
    for x in opened(drawn):
        assert low <= x < low + width
        counts[16 * (x - low) // width] += 1
    assert keys.looks_uniform(counts)


@given(st.data(), st.integers(1, 6), st.integers(1, 5))
def test_negate_is_that_of_twos_complement(data: st.DataObject, limbs: int, count: int) -> None:
    bound = 1 << (64 * limbs - 1)
    edges = st.sampled_from([0, 1, -1, bound - 1, -bound, 1 - bound])
    values = data.draw(st.lists(edges | st.integers(-bound, bound - 1), min_size=count, max_size=count))
    want = [-x if x != -bound else x for x in values]
    assert opened(negate(ints(values, 8 * limbs))) == want


@pytest.mark.parametrize("draw", [random_ints, lambda *a: random_multiples(a[0], a[1], b"\x99" * 16, *a[2:])])
def test_one_seed_draws_the_same_and_another_or_none_something_else(draw) -> None:
    first = draw(5, 128, seed(1)).declassify()
    assert draw(5, 128, seed(1)).declassify() == first
    others = [draw(5, 128, seed(2)), draw(5, 128), draw(5, 128)]
    assert len({first, *(other.declassify() for other in others)}) == 4


@pytest.mark.parametrize("count", [0, -1, 2**20 + 1, 2**63, 2**64])
def test_a_wrong_count_is_refused(count: int) -> None:
    with pytest.raises(LengthError):
        random_ints(count, 64)
    with pytest.raises(LengthError):
        random_multiples(count, 64, b"\x99" * 8)


@pytest.mark.parametrize("bits", [0, -64, 1, 63, 65, 32768 + 64, 2**63, 2**64])
def test_a_wrong_width_is_refused(bits: int) -> None:
    with pytest.raises(LengthError):
        random_ints(1, bits)
    with pytest.raises(LengthError):
        random_multiples(1, bits, b"\x99" * 8)


@pytest.mark.parametrize("length", [0, 1, 7, 9, 520, 4096])
def test_a_modulus_of_a_wrong_length_is_refused(length: int) -> None:
    with pytest.raises(LengthError):
        random_multiples(1, 64, b"\x99" * length)


def test_a_product_that_is_too_wide_is_refused() -> None:
    assert random_multiples(1, 32768 - 512, b"\x99" * 64).size == 4096
    with pytest.raises(LengthError):
        random_multiples(1, 32768 - 448, b"\x99" * 64)


def test_a_modulus_shorter_than_its_length_is_refused() -> None:
    with pytest.raises(ModulusError):
        random_multiples(1, 64, column([2**64 - 1], 16))
    with pytest.raises(ModulusError):
        random_multiples(1, 64, bytes(8))


def test_a_handle_of_another_kind_is_refused() -> None:
    out = ffi.new("mpcw_secret **")
    other = SecretResidues.from_bytes(bytes(8))
    assert lib.mpcw_ints_negate(out, other._handle) == lib.MPCW_E_KIND
    assert lib.mpcw_ints_negate(out, ffi.NULL) == lib.MPCW_E_KIND
    assert lib.mpcw_ints_random(out, 1, 64, other._handle) == lib.MPCW_E_KIND
    assert lib.mpcw_ints_random_multiple(out, 1, 64, keys.span(b"\x99" * 8), other._handle) == lib.MPCW_E_KIND
    assert out[0] == ffi.NULL


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_child_may_not_use_integers_or_seeds_of_its_parent() -> None:
    secret, once = SecretInts.from_bytes(bytes(8)), seed(1)
    assert keys.in_child(lambda: negate(secret)) == "ForkedError"
    assert keys.in_child(lambda: random_ints(1, 64, once)) == "ForkedError"
    assert keys.in_child(lambda: random_multiples(1, 64, b"\x99" * 8, once)) == "ForkedError"
