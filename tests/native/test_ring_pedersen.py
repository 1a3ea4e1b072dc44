"""Ring-Pedersen commitments against plain Python integers."""

import copy
import pickle
import random
from collections.abc import Callable
from dataclasses import replace

import gmpy2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from native._core import ffi, lib
from native.errors import KindError, LengthError, ModulusError, NotUnitError, RangeError, WipedError, check
from native.ring_pedersen import PedersenParameters, RingPedersen, RingPedersenSecret

from . import keys
from .keys import Pedersen, column, ints, numbers, opened, pedersen, residues, seed

SMALL = 512
X_BITS, Y_BITS = 448, 896

pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")


@pytest.fixture(scope="module")
def rp() -> RingPedersen:
    return pedersen(SMALL).tables(X_BITS, Y_BITS)


def exponents(count: int, bits: int, r: random.Random) -> list[int]:
    top = 2 ** (bits - 1)
    return [
        r.choice([0, 1, -1, top - 1, -top, r.randrange(-top, top), r.randrange(-9, 9)]) for _ in range(count)
    ]


# commitments


@pytest.mark.parametrize("count", range(1, 10))
@pytest.mark.parametrize("widths", [(64, 64), (64, 896), (448, 64), (448, 896), (256, 512)])
def test_commitments_are_those_of_the_equation(rp: RingPedersen, count: int, widths: tuple[int, int]) -> None:
    r = random.Random(count)
    x, y = (exponents(count, bits, r) for bits in widths)
    got = rp.commit(ints(x, widths[0] // 8), ints(y, widths[1] // 8))
    want = [pedersen(SMALL).commit(*pair) for pair in zip(x, y, strict=True)]
    assert numbers(got, SMALL // 8) == want


@settings(max_examples=100, deadline=None)
@given(st.data(), st.integers(1, 7), st.integers(1, 14))
def test_any_pair_is_committed(data: st.DataObject, x_limbs: int, y_limbs: int) -> None:
    rp = pedersen(SMALL).tables(64 * x_limbs, 64 * y_limbs)
    x, y = (
        data.draw(st.integers(-(2 ** (64 * limbs - 1)), 2 ** (64 * limbs - 1) - 1))
        for limbs in (x_limbs, y_limbs)
    )
    got = rp.commit(ints([x], 8 * x_limbs), ints([y], 8 * y_limbs))
    assert numbers(got, SMALL // 8) == [pedersen(SMALL).commit(x, y)]


def test_the_widest_tables_commit_the_widest_integers() -> None:
    rp = pedersen(SMALL).tables(8192, 8192)
    x, y = -(2**8191), 2**8191 - 1
    assert numbers(rp.commit(ints([x], 1024), ints([y], 1024)), SMALL // 8) == [pedersen(SMALL).commit(x, y)]


def test_integers_wider_than_the_tables_are_refused(rp: RingPedersen) -> None:
    for x, y in ((X_BITS + 64, 64), (64, Y_BITS + 64)):
        with pytest.raises(LengthError):
            rp.commit(ints([0], x // 8), ints([0], y // 8))


def test_counts_that_differ_are_refused(rp: RingPedersen) -> None:
    with pytest.raises(LengthError):
        rp.commit(ints([0, 0], 8), ints([0], 8))
    with pytest.raises(LengthError):
        rp.commit(ints([0], 8), ints([0, 0], 8))


def test_an_output_of_a_wrong_length_is_refused_and_zeroed(rp: RingPedersen) -> None:
    x = ints([1], 8)
    for size in (0, 1, SMALL // 8 - 1, SMALL // 8 + 1, SMALL // 4):
        out = ffi.new("uint8_t[]", b"\x55" * size)
        assert lib.mpcw_ring_pedersen_commit(out, size, rp._handle, x._handle, x._handle) == lib.MPCW_E_LENGTH
        assert not any(ffi.buffer(out)[:size])


# parameters


def parameters() -> PedersenParameters:
    return pedersen(SMALL).parameters


@pytest.mark.parametrize("length", [0, 1, 56, 63, 65, 72, 520])
@pytest.mark.parametrize("name", ["n", "s", "t"])
def test_a_parameter_of_a_wrong_length_is_refused(name: str, length: int) -> None:
    with pytest.raises(LengthError):
        RingPedersen(replace(parameters(), **{name: b"\x03" * length}), 64, 64)


@pytest.mark.parametrize("length", [0, 63, 520])
def test_parameters_of_one_wrong_length_are_refused(length: int) -> None:
    with pytest.raises(LengthError):
        RingPedersen(PedersenParameters(b"\x99" * length, b"\x03" * length, b"\x05" * length), 64, 64)


@pytest.mark.parametrize("bits", [0, -64, 1, 63, 65, 8193, 8256, 2**63, 2**64])
def test_a_width_that_does_not_fit_is_refused(bits: int) -> None:
    for widths in ((bits, 64), (64, bits)):
        with pytest.raises(LengthError):
            RingPedersen(parameters(), *widths)


@pytest.mark.parametrize("n", [0, 1, 2, 2**448 - 1, 2**512 - 2, 2**511])
def test_a_modulus_that_is_even_or_short_is_refused(n: int) -> None:
    with pytest.raises(ModulusError):
        RingPedersen(replace(parameters(), n=column([n], 64)), 64, 64)


def test_degenerate_bases_are_refused() -> None:
    key = pedersen(SMALL)
    n = key.n
    for name in ("s", "t"):
        for value in (0, 1, n - 1, n, n + 1, 2**512 - 1):
            with pytest.raises(RangeError):
                RingPedersen(replace(parameters(), **{name: column([value], 64)}), 64, 64)
        for value in (key.p, key.q, 2 * key.p, n - key.q):
            with pytest.raises(NotUnitError):
                RingPedersen(replace(parameters(), **{name: column([value], 64)}), 64, 64)
    with pytest.raises(RangeError):
        RingPedersen(replace(parameters(), s=parameters().t), 64, 64)


# the trapdoor


def generated(p: int, q: int, size: int, once: int) -> Pedersen:
    made = RingPedersenSecret.generate(residues([p], size // 2), residues([q], size // 2), seed(once))
    return Pedersen(p, q, size, made)


def expect_trapdoor(key: Pedersen) -> None:
    (lambda_,) = opened(key.secret.lambda_)
    assert int.from_bytes(key.parameters.n, "big") == key.n
    assert 0 <= lambda_ < (key.p - 1) * (key.q - 1) // 4
    assert key.s == gmpy2.powmod(key.t, lambda_, key.n)
    # t is a square: of order P' Q' at most
    assert gmpy2.legendre(key.t, key.p) == gmpy2.legendre(key.t, key.q) == 1
    assert gmpy2.gcd(key.t, key.n) == 1


@pytest.mark.parametrize("once", range(20))
def test_generated_parameters_are_a_square_and_its_power(once: int) -> None:
    expect_trapdoor(generated(*keys.primes(SMALL // 2, "safe"), SMALL // 8, once))


def test_primes_that_do_not_fill_their_limbs_work_as_well() -> None:
    r = random.Random(7)
    p, q = (int(gmpy2.next_prime(r.getrandbits(560) | 3 << 558)) for _ in range(2))
    key = generated(p, q, 144, 1)
    expect_trapdoor(key)
    assert numbers(key.tables(64, 64).commit(ints([-3], 8), ints([5], 8)), 144) == [key.commit(-3, 5)]


def test_lambda_is_uniform() -> None:
    p, q = keys.primes(SMALL // 2, "safe")
    counts, quarter = [0] * 8, (p - 1) * (q - 1) // 4
    for once in range(400):
        (lambda_,) = opened(generated(p, q, SMALL // 8, once).secret.lambda_)
        counts[8 * lambda_ // quarter] += 1
    assert keys.looks_uniform(counts)


def test_the_parameters_come_back_from_what_is_stored() -> None:
    key = pedersen(SMALL)
    stored = key.secret.lambda_.declassify()
    half = SMALL // 16
    again = RingPedersenSecret(
        residues([key.p], half),
        residues([key.q], half),
        type(key.secret.lambda_).from_bytes(stored),
        memoryview(key.parameters.t),
    )
    assert again.parameters == key.parameters


def test_one_seed_generates_the_same_and_another_or_none_something_else() -> None:
    p, q = (residues([prime], 32) for prime in keys.primes(256, "safe"))
    made = [RingPedersenSecret.generate(p, q, s).parameters for s in (seed(1), seed(1), seed(2), None, None)]
    assert made[0] == made[1]
    assert len(set(made)) == 4


def test_wrong_primes_are_refused() -> None:
    p, q = keys.primes(256, "safe")
    lambda_, t = residues([5], 64), column([4], 64)
    cases = [
        (residues([p], 32), residues([q], 40), LengthError),
        (residues([p, p], 32), residues([q, q], 32), LengthError),
        (residues([p], 264), residues([q], 264), LengthError),
        (ints([5], 32), residues([q], 32), KindError),
        (residues([p], 32), ints([5], 32), KindError),
        (residues([p], 32), residues([q + 1], 32), ModulusError),
        (residues([p + 1], 32), residues([q], 32), ModulusError),
        (residues([p], 32), residues([3], 32), ModulusError),
        (residues([p], 32), residues([0], 32), ModulusError),
        (residues([p], 32), residues([p], 32), ModulusError),
    ]
    for P, Q, error in cases:
        with pytest.raises(error):
            RingPedersenSecret.generate(P, Q)
        with pytest.raises(error):
            RingPedersenSecret(P, Q, lambda_, t)


def test_a_wrong_trapdoor_is_refused() -> None:
    key = pedersen(SMALL)
    P, Q = (residues([prime], 32) for prime in (key.p, key.q))
    lambda_, t = residues([5], 64), column([4], 64)
    cases = [
        (residues([5], 56), t, LengthError),
        (residues([5, 5], 64), t, LengthError),
        (ints([5], 64), t, KindError),
        (lambda_, t[1:], LengthError),
        (lambda_, t + b"\x00", LengthError),
        (lambda_, b"", LengthError),
        (lambda_, column([0], 64), RangeError),
        (lambda_, column([1], 64), RangeError),
        (lambda_, column([key.n - 1], 64), RangeError),
        (lambda_, column([key.n], 64), RangeError),
        (lambda_, column([key.p], 64), NotUnitError),
    ]
    for trapdoor, base, error in cases:
        with pytest.raises(error):
            RingPedersenSecret(P, Q, trapdoor, base)


def test_outputs_of_a_wrong_length_are_refused_in_c() -> None:
    key = pedersen(SMALL)
    P, Q = (residues([prime], 32)._handle for prime in (key.p, key.q))
    for size in (0, 63, 65, 128):
        out, lambda_ = ffi.new("uint8_t[]", b"\x55" * size), ffi.new("mpcw_secret **")
        assert lib.mpcw_ring_pedersen_generate(lambda_, out, size, P, Q, ffi.NULL) == lib.MPCW_E_LENGTH
        assert not any(ffi.buffer(out)[:size])
        good = ffi.new("uint8_t[]", 64)
        for wrong in range(3):
            outs = [(out, size) if k == wrong else (good, 64) for k in range(3)]
            assert lib.mpcw_ring_pedersen_public(*outs, key.secret._handle) == lib.MPCW_E_LENGTH
            assert not any(bytes(ffi.buffer(good)))


def test_missing_handles_and_wrong_kinds_are_refused(rp: RingPedersen) -> None:
    key, none = pedersen(SMALL), ffi.NULL
    out, secret = ffi.new("uint8_t[]", 64), ffi.new("mpcw_secret **")
    x, wrong = ints([1], 8)._handle, residues([1], 8)._handle
    P, Q = (residues([prime], 32)._handle for prime in (key.p, key.q))
    statuses = [
        lib.mpcw_ring_pedersen_commit(out, 64, none, x, x),
        lib.mpcw_ring_pedersen_commit(out, 64, rp._handle, none, x),
        lib.mpcw_ring_pedersen_commit(out, 64, rp._handle, wrong, x),
        lib.mpcw_ring_pedersen_commit(out, 64, rp._handle, x, wrong),
        lib.mpcw_ring_pedersen_generate(secret, out, 64, none, P, none),
        lib.mpcw_ring_pedersen_generate(secret, out, 64, P, none, none),
        lib.mpcw_ring_pedersen_generate(secret, out, 64, P, Q, wrong),
        lib.mpcw_ring_pedersen_public((out, 64), (out, 64), (out, 64), none),
    ]
    assert statuses == [lib.MPCW_E_KIND] * len(statuses)
    for free in (lib.mpcw_ring_pedersen_free, lib.mpcw_ring_pedersen_secret_free):
        free(none)


# handles


@pytest.mark.parametrize("operation", [copy.copy, copy.deepcopy, pickle.dumps])
def test_no_handle_is_copied(rp: RingPedersen, operation: Callable[[object], object]) -> None:
    for handle in (rp, pedersen(SMALL).secret):
        with pytest.raises(TypeError, match="stays in C memory"):
            operation(handle)


@pytest.mark.parametrize("operation", [lambda h: h == h, hash, bool, str, "{}".format])  # noqa: PLR0124
def test_a_trapdoor_has_no_value(operation: Callable[[object], object]) -> None:
    with pytest.raises(TypeError, match="stays in C memory"):
        operation(pedersen(SMALL).secret)


def test_a_child_may_not_use_parameters_of_its_parent(rp: RingPedersen) -> None:
    key = pedersen(SMALL)
    P, Q = (residues([prime], 32) for prime in (key.p, key.q))
    assert keys.in_child(lambda: rp.commit(ints([1], 8), ints([1], 8))) == "ForkedError"
    assert keys.in_child(lambda: RingPedersenSecret.generate(P, Q)) == "ForkedError"
    out, secret = (ffi.new("uint8_t[]", 64), 64), key.secret._handle
    public = lib.mpcw_ring_pedersen_public
    assert keys.in_child(lambda: check(public(out, out, out, secret), "public")) == "ForkedError"
    assert public(out, out, out, secret) == lib.MPCW_OK


def test_memory_is_given_back_with_the_last_reference() -> None:
    before = keys.settled_usage()

    def use() -> None:
        key = generated(*keys.primes(256, "safe"), 64, 1)
        key.tables(64, 128).commit(ints([1], 8), ints([2], 16))
        key.secret.wipe()
        with pytest.raises(WipedError):
            key.secret._handle  # noqa: B018

    use()
    for widths in ((64, 63), (63, 64)):
        with pytest.raises(LengthError):
            RingPedersen(parameters(), *widths)
    with pytest.raises(NotUnitError):
        RingPedersen(replace(parameters(), t=column([pedersen(SMALL).p], 64)), 64, 64)
    assert keys.usage() == before


@pytest.mark.slow
def test_full_size_parameters_commit() -> None:
    key, r = pedersen(3072), random.Random(3072)
    expect_trapdoor(key)
    rp = key.tables(1792, 3840)
    x, y = exponents(5, 1792, r), exponents(5, 3840, r)
    want = [key.commit(*pair) for pair in zip(x, y, strict=True)]
    assert numbers(rp.commit(ints(x, 224), ints(y, 480)), key.size) == want


@pytest.mark.parametrize("path", keys.other_paths())
def test_every_claim_holds_on_the_other_paths(path: str) -> None:
    keys.passes_on(path, __file__)
