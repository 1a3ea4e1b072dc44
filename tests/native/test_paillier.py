"""Paillier keys, encryption, the affine operation and decryption against plain Python integers."""

import copy
import operator
import os
import pickle
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import gmpy2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from native._core import ffi, lib
from native.errors import KindError, LengthError, ModulusError, NotUnitError, RangeError, WipedError
from native.integer import random_ints
from native.paillier import Encryption, PaillierKey, PaillierSecretKey, RandomnessTable
from native.secret import SecretInts

from . import keys
from .keys import Paillier, column, ints, numbers, opened, paillier, residues, seed, tables

SMALL = 512
GROUPS = range(1, 10)

pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")


def edges(n: int) -> list[int]:
    half = n // 2
    return [0, 1, -1, 2, half, -half, half - 1, 1 - half, 2**64, -(2**64), 2**255, -(2**63)]


def plaintexts(key: Paillier, count: int, salt: int) -> list[int]:
    r = random.Random(count * 1000 + salt)
    half = key.n // 2
    return [r.choice([*edges(key.n), r.randint(-half, half)]) for _ in range(count)]


def encrypt_each_way(key: Paillier, m: SecretInts, once: int) -> list[Encryption]:
    foreign, own = tables(key)
    return [
        key.secret.public.encrypt(m, None, seed(once)),
        key.secret.public.encrypt(m, foreign, seed(once)),
        key.secret.encrypt(m, None, seed(once)),
        key.secret.encrypt(m, own, seed(once)),
    ]


def expect_encryption(key: Paillier, got: Encryption, m: list[int], factors: list[int] | None = None) -> None:
    rho = opened(got.rho)
    c = numbers(got.c, 2 * key.size)
    assert got.rho.size == key.size
    assert all(gmpy2.gcd(unit, key.n) == 1 and 0 < unit < key.n for unit in rho)
    want = [key.encrypt(*pair) for pair in zip(m, rho, strict=True)]
    if factors:
        want = [a * b % key.n**2 for a, b in zip(want, factors, strict=True)]
    assert c == want


# encryption


@pytest.mark.parametrize("count", GROUPS)
def test_ciphertexts_are_those_of_the_equation_in_groups_of_every_size(count: int) -> None:
    key = paillier(SMALL)
    m = plaintexts(key, count, 0)
    for got in encrypt_each_way(key, ints(m, key.size), count):
        expect_encryption(key, got, m)
        assert opened(key.secret.decrypt(got.c)) == m


def test_every_edge_plaintext_comes_back() -> None:
    key = paillier(SMALL)
    m = edges(key.n)
    for got in encrypt_each_way(key, ints(m, key.size), 1):
        expect_encryption(key, got, m)
        assert opened(key.secret.decrypt(got.c)) == m


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_plaintext_comes_back_from_any_width(data: st.DataObject) -> None:
    key = paillier(SMALL)
    limbs = data.draw(st.integers(1, key.size // 8))
    bound = min(key.n // 2, 2 ** (64 * limbs - 1) - 1)
    m = data.draw(st.lists(st.integers(-bound, bound), min_size=1, max_size=6))
    got = key.secret.encrypt(ints(m, 8 * limbs), tables(key)[1])
    expect_encryption(key, got, m)
    assert opened(key.secret.decrypt(got.c)) == m
    assert opened(key.secret.decrypt(key.secret.public.encrypt(ints(m, 8 * limbs), tables(key)[0]).c)) == m


@pytest.mark.parametrize("position", [0, 1, 4])
def test_a_plaintext_out_of_range_is_refused_wherever_it_stands(position: int) -> None:
    key = paillier(SMALL)
    half, top = key.n // 2, 2 ** (8 * key.size - 1)
    for bad in (
        half + 1,
        -half - 1,
        key.n - 1,
        key.n,
        key.n + 1,
        -key.n,
        1 - key.n,
        -key.n - 1,
        top - 1,
        -top,
    ):
        if not -top <= bad < top:
            continue
        m = [3] * 5
        m[position] = bad
        secret = ints(m, key.size)
        for encrypt in (key.secret.encrypt, key.secret.public.encrypt):
            with pytest.raises(RangeError):
                encrypt(secret)


def test_a_plaintext_wider_than_n_is_refused() -> None:
    key = paillier(SMALL)
    for encrypt in (key.secret.encrypt, key.secret.public.encrypt):
        with pytest.raises(RangeError):
            encrypt(ints([1], key.size + 8))


def test_a_short_modulus_in_its_length_works_as_well() -> None:
    # 2 * 72 bytes for an N of 1100 bits: the highest limb is nearly empty
    r = random.Random(9)
    p, q = (int(gmpy2.next_prime(r.getrandbits(550) | 1 << 549)) for _ in range(2))
    key = keys.paillier_of(p, q, 144)
    m = plaintexts(key, 5, 3)
    for got in encrypt_each_way(key, ints(m, key.size), 3):
        expect_encryption(key, got, m)
        assert opened(key.secret.decrypt(got.c)) == m


def test_the_smallest_keys_work_as_well() -> None:
    # one limb for p and q, two for N
    p, q = (int(gmpy2.next_prime(2**64 - k)) for k in (2**20, 2**30))
    key = keys.paillier_of(p, q, 16)
    m = plaintexts(key, 9, 4)
    for got in encrypt_each_way(key, ints([x % 2**32 for x in m], 8), 4):
        expect_encryption(key, got, [x % 2**32 for x in m])
        assert opened(key.secret.decrypt(got.c)) == [x % 2**32 for x in m]


def test_one_seed_makes_the_same_ciphertext_and_another_or_none_something_else() -> None:
    key = paillier(SMALL)
    m, C = ints([5] * 5, 8), key.secret.encrypt(ints([7] * 5, 8)).c
    foreign, own = tables(key)
    for encrypt in (
        lambda s: key.secret.public.encrypt(m, None, s),
        lambda s: key.secret.public.encrypt(m, foreign, s),
        lambda s: key.secret.encrypt(m, None, s),
        lambda s: key.secret.encrypt(m, own, s),
        lambda s: key.secret.public.affine(C, m, m, foreign, s),
    ):
        first, again = encrypt(seed(1)), encrypt(seed(1))
        assert first.c == again.c
        assert first.rho.declassify() == again.rho.declassify()
        others = [encrypt(seed(2)).c, encrypt(None).c, encrypt(None).c]
        assert len({first.c, *others}) == 4
        # and no two items of a call share their randomness
        assert len(set(opened(first.rho))) == 5


# the affine operation


@pytest.mark.parametrize("count", GROUPS)
@pytest.mark.parametrize("with_table", [False, True])
def test_affine_is_c_to_the_x_times_an_encryption(count: int, with_table: bool) -> None:
    key = paillier(SMALL)
    r = random.Random(count)
    c = [key.encrypt(r.randrange(key.n), key.unit(r)) for _ in range(count)]
    x = [r.choice([0, 1, -1, 2**127 - 1, -(2**127), r.randrange(-(2**127), 2**127)]) for _ in range(count)]
    y = plaintexts(key, count, 1)
    table = tables(key)[0] if with_table else None
    got = key.secret.public.affine(
        column(c, 2 * key.size), ints(x, 16), ints(y, key.size), table, seed(count)
    )
    factors = [int(gmpy2.powmod(base, e, key.n**2)) for base, e in zip(c, x, strict=True)]
    expect_encryption(key, got, y, factors)
    want = [
        (key.decrypt(base) * e + s + key.n // 2) % key.n - key.n // 2
        for base, e, s in zip(c, x, y, strict=True)
    ]
    assert opened(key.secret.decrypt(got.c)) == want


def test_affine_takes_factors_of_any_width_and_ciphertext_one() -> None:
    key = paillier(SMALL)
    for limbs in (1, 5, 8, 13):
        x = -(2 ** (64 * limbs - 1))
        got = key.secret.public.affine(column([1], 2 * key.size), ints([x], 8 * limbs), ints([3], 8))
        expect_encryption(key, got, [3], [1])


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("limbs", [1, 2, 5, 12])
def test_affine_of_one_ciphertext_takes_factors_of_any_width_and_sign(count: int, limbs: int) -> None:
    """Up to two items share lanes, which then take halves of the exponents."""
    key = paillier(SMALL)
    r = random.Random(count)
    top = 2 ** (64 * limbs - 1)
    c, y = key.encrypt(r.randrange(key.n), key.unit(r)), plaintexts(key, count, 1)
    for edge in (0, 1, -1, top - 1, -top, 1 << 64 * ((limbs + 1) // 2), r.randrange(-top, top)):
        x = [min(edge, top - 1), r.randrange(-top, top), 5][:count]
        items = column([c] * count, 2 * key.size), ints(x, 8 * limbs), ints(y, key.size)
        got = key.secret.public.affine(*items, None, seed(count))
        expect_encryption(key, got, y, [int(gmpy2.powmod(c, e, key.n**2)) for e in x])


@pytest.mark.parametrize("position", [0, 1, 4])
def test_affine_refuses_what_is_no_ciphertext(position: int) -> None:
    key = paillier(SMALL)
    x = random_ints(5, 64)
    for bad, error in hostile(key):
        c = [2] * 5
        c[position] = bad
        with pytest.raises(error):
            key.secret.public.affine(column(c, 2 * key.size), x, x)


def test_affine_refuses_summands_out_of_range() -> None:
    key = paillier(SMALL)
    y = ints([key.n // 2 + 1], key.size)
    with pytest.raises(RangeError):
        key.secret.public.affine(column([2], 2 * key.size), ints([1], 8), y)


# decryption


def hostile(key: Paillier) -> list[tuple[int, type[Exception]]]:
    n, square, top = key.n, key.n**2, 2 ** (16 * key.size) - 1
    outside = [0, square, square + 1, top]
    shared = [n, key.p, key.q, key.p**2, 7 * key.p, square - key.p, square - n, n * key.q, key.p * (n - 1)]
    return [(c, RangeError) for c in outside] + [(c, NotUnitError) for c in shared]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1), min_size=1, max_size=6))
def test_decrypt_agrees_with_plain_python_on_any_unit(values: list[int]) -> None:
    key = paillier(SMALL)
    c = [value**3 % key.n**2 for value in values]
    c = [value if gmpy2.gcd(value, key.n) == 1 else 1 for value in c]
    assert opened(key.secret.decrypt(column(c, 2 * key.size))) == [key.decrypt(value) for value in c]


def test_decrypt_of_special_units_is_right() -> None:
    key = paillier(SMALL)
    square = key.n**2
    c = [1, square - 1, key.n + 1, square - key.n + 1, key.n - 1, 2, square - 2, 1 + key.n * (key.n // 2)]
    m = opened(key.secret.decrypt(column(c, 2 * key.size)))
    assert m == [key.decrypt(value) for value in c]
    assert m[:4] == [0, 0, 1, -1]


@pytest.mark.parametrize("position", [0, 1, 4])
def test_decrypt_refuses_what_is_no_ciphertext_wherever_it_stands(position: int) -> None:
    key = paillier(SMALL)
    for bad, error in hostile(key):
        c = [2] * 5
        c[position] = bad
        with pytest.raises(error):
            key.secret.decrypt(column(c, 2 * key.size))


def test_check_finds_exactly_the_bad_ones() -> None:
    key, r = paillier(SMALL), random.Random(5)
    bad = [c for c, _ in hostile(key)]
    for trial in range(20):
        c = [
            r.choice(bad) if r.random() < trial / 20 else r.randrange(1, 2**200)
            for _ in range(r.randint(1, 9))
        ]
        want = tuple(i for i, value in enumerate(c) if value in bad)
        assert key.secret.public.check(column(c, 2 * key.size)) == want
        units = [value % 2 ** (8 * key.size) for value in c]
        want = tuple(i for i, w in enumerate(units) if not 0 < w < key.n or gmpy2.gcd(w, key.n) != 1)
        assert key.secret.public.check_units(column(units, key.size)) == want


# keys


def test_the_public_key_is_p_times_q() -> None:
    key = paillier(SMALL)
    assert int.from_bytes(key.secret.public.n, "big") == key.n
    again = PaillierKey(np.frombuffer(key.secret.public.n, dtype=np.uint8))
    assert again.n == key.secret.public.n
    assert opened(key.secret.decrypt(again.encrypt(ints([-9], 8)).c)) == [-9]


@pytest.mark.parametrize("length", [0, 1, 7, 9, 63, 65, 520, 4096])
def test_a_modulus_of_a_wrong_length_is_refused(length: int) -> None:
    with pytest.raises(LengthError):
        PaillierKey(b"\x99" * length)


@pytest.mark.parametrize("n", [0, 1, 2, 2**63, 2**512 - 2, 2**448 - 1, 2**511])
def test_a_modulus_that_is_even_or_short_is_refused(n: int) -> None:
    with pytest.raises(ModulusError):
        PaillierKey(column([n], 8 if n < 2**64 else 64))


def test_wrong_primes_are_refused() -> None:
    p, q = keys.primes(256, "blum")[:2]
    wrong = [
        (p, p),
        (p, 0),
        (0, q),
        (p, 1),
        (p, 2),
        (p, 3),
        (p, q + 1),
        (p, 2**256 - 1),
        (p, p * 3 % 2**256 | 1),
    ]
    for pair in wrong:
        with pytest.raises(ModulusError):
            PaillierSecretKey(*(residues([prime], 32) for prime in pair))


def test_primes_of_other_shapes_are_refused() -> None:
    p, q = keys.primes(256, "blum")[:2]
    with pytest.raises(LengthError):
        PaillierSecretKey(residues([p], 32), residues([q], 40))
    with pytest.raises(LengthError):
        PaillierSecretKey(residues([p, q], 32), residues([p, q], 32))
    with pytest.raises(LengthError):
        PaillierSecretKey(residues([p], 264), residues([q], 264))
    with pytest.raises(KindError):
        PaillierSecretKey(ints([p >> 1], 32), residues([q], 32))
    with pytest.raises(KindError):
        PaillierSecretKey(residues([p], 32), ints([q >> 1], 32))


# lengths and kinds

LENGTHS = [-1, 1, -8, 8]


@pytest.mark.parametrize(
    "call",
    [
        lambda key, cut: key.secret.decrypt(cut(2 * key.size)),
        lambda key, cut: key.secret.public.check(cut(2 * key.size)),
        lambda key, cut: key.secret.public.check_units(cut(key.size)),
        lambda key, cut: key.secret.public.affine(cut(2 * key.size), ints([1], 8), ints([1], 8)),
        lambda key, cut: RandomnessTable.from_bytes(key.secret.public, cut(3 * 264 * key.size)),
    ],
)
def test_a_column_of_a_wrong_length_is_refused(call: Callable[..., object]) -> None:
    key = paillier(SMALL)
    for by in LENGTHS:
        with pytest.raises(LengthError):
            call(key, lambda size, by=by: b"\x01" * (size + by))
    with pytest.raises(LengthError):
        call(key, lambda _: b"")
    with pytest.raises(TypeError):
        call(key, lambda _: "text")
    with pytest.raises(TypeError):
        call(key, lambda size: np.zeros((size, 2), dtype=np.uint8)[:, :1])


def test_counts_that_differ_are_refused_by_affine() -> None:
    key = paillier(SMALL)
    one, two, c = ints([1], 8), ints([1, 1], 8), column([2], 2 * key.size)
    for args in ((c, two, two), (c, one, two), (c, two, one), (c + c, one, one), (c + c, two, one)):
        with pytest.raises(LengthError):
            key.secret.public.affine(*args)


def test_outputs_of_a_wrong_length_are_refused_and_zeroed() -> None:
    key = paillier(SMALL)
    pub, sec, m = key.secret.public._handle, key.secret._handle, ints([1], 8)
    rho, view = ffi.new("mpcw_secret **"), ffi.from_buffer("uint8_t[]", column([2], 2 * key.size))
    for size in (0, 1, 2 * key.size - 1, 2 * key.size + 1, 4 * key.size, key.size):
        out = ffi.new("uint8_t[]", b"\x55" * size)
        tail = (ffi.NULL, m._handle, ffi.NULL)
        assert lib.mpcw_paillier_encrypt(out, size, rho, pub, *tail) == lib.MPCW_E_LENGTH
        assert lib.mpcw_paillier_encrypt_own(out, size, rho, sec, *tail) == lib.MPCW_E_LENGTH
        args = (rho, pub, ffi.NULL, view, len(view), m._handle, m._handle, ffi.NULL)
        assert lib.mpcw_paillier_affine(out, size, *args) == lib.MPCW_E_LENGTH
        assert rho[0] == ffi.NULL
        assert not any(ffi.buffer(out)[:size])
        if size != key.size:
            assert lib.mpcw_paillier_n(out, size, pub) == lib.MPCW_E_LENGTH
    for count in (0, 2, 3):
        bad = ffi.new("uint8_t[]", b"\x55" * count)
        assert lib.mpcw_paillier_check_var(bad, count, pub, view, len(view)) == lib.MPCW_E_LENGTH
        assert lib.mpcw_paillier_check_units_var(bad, count, pub, view, len(view)) in (
            lib.MPCW_E_LENGTH if count != 2 else lib.MPCW_REJECTED,
        )


def test_missing_handles_and_wrong_kinds_are_refused() -> None:
    key = paillier(SMALL)
    out, rho, none = ffi.new("uint8_t[]", 2 * key.size), ffi.new("mpcw_secret **"), ffi.NULL
    pub, sec, m = key.secret.public._handle, key.secret._handle, ints([1], 8)._handle
    wrong, once, size = residues([1], 8)._handle, seed(1)._handle, 2 * key.size
    view = ffi.from_buffer("uint8_t[]", column([2], size))
    encrypt, own, affine = lib.mpcw_paillier_encrypt, lib.mpcw_paillier_encrypt_own, lib.mpcw_paillier_affine
    statuses = [
        encrypt(out, size, rho, none, none, m, none),
        encrypt(out, size, rho, pub, none, none, none),
        encrypt(out, size, rho, pub, none, wrong, none),
        encrypt(out, size, rho, pub, none, m, wrong),
        own(out, size, rho, none, none, m, none),
        own(out, size, rho, sec, none, once, none),
        own(out, size, rho, sec, none, m, m),
        affine(out, size, rho, none, none, view, size, m, m, none),
        affine(out, size, rho, pub, none, view, size, wrong, m, none),
        affine(out, size, rho, pub, none, view, size, m, wrong, none),
        affine(out, size, rho, pub, none, view, size, m, m, m),
        lib.mpcw_paillier_decrypt(rho, none, view, size),
        lib.mpcw_paillier_n(out, size, none),
        lib.mpcw_paillier_check_var(out, 1, none, view, size),
        lib.mpcw_paillier_check_units_var(out, 1, none, view, size),
        lib.mpcw_paillier_public(ffi.new("mpcw_paillier **"), none),
        lib.mpcw_randomness_new(ffi.new("mpcw_randomness **"), none, none),
        lib.mpcw_randomness_new_own(ffi.new("mpcw_randomness **"), none, none),
        lib.mpcw_randomness_import(ffi.new("mpcw_randomness **"), none, view, size),
        lib.mpcw_randomness_export(out, size, none),
        lib.mpcw_randomness_export_size(ffi.new("size_t *"), none),
    ]
    assert statuses == [lib.MPCW_E_KIND] * len(statuses)
    assert rho[0] == none
    for free in (lib.mpcw_paillier_free, lib.mpcw_paillier_secret_free, lib.mpcw_randomness_free):
        free(none)


# what Python may not do


@pytest.mark.parametrize(
    "operation", [copy.copy, copy.deepcopy, pickle.dumps, lambda h: pickle.dumps(h, protocol=0)]
)
def test_no_handle_is_copied(operation: Callable[[object], object]) -> None:
    key = paillier(SMALL)
    for handle in (key.secret, key.secret.public, *tables(key)):
        with pytest.raises(TypeError, match="stays in C memory"):
            operation(handle)


@pytest.mark.parametrize(
    "operation",
    [lambda h: operator.eq(h, h), lambda h: operator.ne(h, h), hash, bool, str, "{}".format, lambda h: {h}],
)
def test_a_secret_key_has_no_value(operation: Callable[[object], object]) -> None:
    with pytest.raises(TypeError, match="stays in C memory"):
        operation(paillier(SMALL).secret)


def test_repr_is_the_class() -> None:
    assert repr(paillier(SMALL).secret) == "PaillierSecretKey"
    assert repr(paillier(SMALL).secret.public) == "PaillierKey"


# lifetime, threads, forks


def test_memory_is_given_back_with_the_last_reference() -> None:
    p, q = keys.primes(256, "blum")[:2]
    before = keys.settled_usage()

    def use() -> None:
        key = keys.paillier_of(p, q, 64)
        own = RandomnessTable.build_own(key.secret)
        key.secret.decrypt(key.secret.encrypt(ints([1, 2, 3], 8), own).c)
        with pytest.raises(RangeError):
            key.secret.encrypt(ints([key.n // 2 + 1], 64), own)
        with pytest.raises(NotUnitError):
            key.secret.decrypt(column([key.p], 128))

    use()
    with pytest.raises(ModulusError):
        PaillierSecretKey(residues([p], 32), residues([p], 32))
    with pytest.raises(ModulusError):
        PaillierKey(b"\x98" * 64)
    assert keys.usage() == before


def test_use_after_wipe_raises_wiped_error() -> None:
    p, q = keys.primes(256, "blum")[:2]
    key = keys.paillier_of(p, q, 64).secret
    public = key.public
    key.wipe()
    for use in (
        lambda: key.encrypt(ints([1], 8)),
        lambda: key.decrypt(bytes(128)),
        lambda: RandomnessTable.build_own(key),
    ):
        with pytest.raises(WipedError):
            use()
    assert public.check(column([2], 128)) == ()


def test_threads_share_keys_and_tables() -> None:
    key = paillier(SMALL)
    foreign, own = tables(key)
    m = ints(range(-3, 4), 8)
    want = (key.secret.public.encrypt(m, foreign, seed(1)).c, key.secret.encrypt(m, own, seed(1)).c)

    def work(_: int) -> bool:
        once = seed(1)
        got = key.secret.public.encrypt(m, foreign, once).c, key.secret.encrypt(m, own, once).c
        return got == want and opened(key.secret.decrypt(got[0])) == list(range(-3, 4))

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(64)))


@pytest.mark.parametrize(
    "use",
    [
        lambda key: key.secret.encrypt(ints([1], 8)),
        lambda key: key.secret.decrypt(column([2], 2 * key.size)),
        lambda key: key.secret.public.encrypt(ints([1], 8)),
        lambda key: key.secret.public.affine(column([2], 2 * key.size), ints([1], 8), ints([1], 8)),
        lambda key: key.secret.public.check(column([2], 2 * key.size)),
        lambda key: key.secret.public.check_units(column([2], key.size)),
        lambda key: RandomnessTable.build(key.secret.public),
        lambda key: RandomnessTable.build_own(key.secret),
        lambda key: tables(key)[0].to_bytes(),
        lambda key: keys.paillier_of(key.p, key.q, key.size).secret.encrypt(ints([1], 8), tables(key)[1]),
    ],
)
def test_a_child_may_not_use_keys_of_its_parent(use: Callable[[Paillier], object]) -> None:
    key = paillier(SMALL)
    tables(key)
    assert keys.in_child(lambda: use(key)) == "ForkedError"


def test_a_child_may_make_its_own_keys_and_free_those_it_inherited() -> None:
    key = keys.paillier_of(*keys.primes(256, "blum")[:2], 64)
    handles = [key.secret]

    def child() -> None:
        handles.clear()
        own = keys.paillier_of(*keys.primes(256, "blum")[2:4], 64)
        assert opened(own.secret.decrypt(own.secret.encrypt(ints([-5], 8)).c)) == [-5]

    assert keys.in_child(child) == ""


# sizes and paths


@pytest.mark.slow
@pytest.mark.parametrize("bits", [1024, 3072])
def test_full_size_keys_agree_with_the_equations(bits: int) -> None:
    key = paillier(bits)
    m = edges(key.n)
    for got in encrypt_each_way(key, ints(m, key.size), bits):
        expect_encryption(key, got, m)
        assert opened(key.secret.decrypt(got.c)) == m
    x = random_ints(5, 768, seed(1))
    C = key.secret.encrypt(ints(m[:5], key.size), None, seed(3))
    got = key.secret.public.affine(C.c, x, ints(m[5:10], key.size), tables(key)[0], seed(4))
    bases = numbers(C.c, 2 * key.size)
    factors = [int(gmpy2.powmod(c, e, key.n**2)) for c, e in zip(bases, opened(x), strict=True)]
    expect_encryption(key, got, m[5:10], factors)


@pytest.mark.slow
@pytest.mark.parametrize("bits", [3200, 4096])
def test_keys_beyond_the_lanes_agree_with_the_equations(bits: int) -> None:
    # N itself is too wide for the AVX2 engine, p and q are not
    r = random.Random(bits)
    p, q = (int(gmpy2.next_prime(r.getrandbits(bits // 2) | 3 << bits // 2 - 2)) for _ in range(2))
    key = keys.paillier_of(p, q, bits // 8)
    m = ints([-1, 5, key.n // 2], key.size)
    for got in (key.secret.encrypt(m), key.secret.public.encrypt(m)):
        expect_encryption(key, got, opened(m))
        assert opened(key.secret.decrypt(got.c)) == opened(m)


def test_the_arithmetic_path_is_the_one_asked_for() -> None:
    path = os.environ.get("MPCW_TEST_PATH", "ifma")
    flags = set(Path("/proc/cpuinfo").read_text().split())
    needed = [{"avx512ifma", "avx512vl"}, {"avx2", "fma"}, {"adx", "bmi2"}, set[str]()]
    best = 3 - next(at for at, names in enumerate(needed) if names <= flags)
    assert lib.mpcw_path_in_use() == min(best, keys.PATHS[path])


@pytest.mark.parametrize("path", keys.other_paths())
def test_every_claim_holds_on_the_other_paths(path: str) -> None:
    keys.passes_on(path, __file__)


def test_operations_with_one_seed_draw_unlike_randomness() -> None:
    key = paillier(SMALL)
    public, m = key.secret.public, ints([1], 8)
    c = column([2], 2 * key.size)
    for own, foreign in ((None, None), (tables(key)[1], tables(key)[0])):
        drawn = (
            public.encrypt(m, foreign, seed(1)),
            key.secret.encrypt(m, own, seed(1)),
            public.affine(c, m, m, foreign, seed(1)),
        )
        assert len({opened(item.rho)[0] for item in drawn}) == len(drawn)
