import dataclasses
import itertools
import random
from collections.abc import Sequence
from math import prod
from typing import Any

import gmpy2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from native._core import ffi, lib
from native.errors import LengthError, ModulusError, NotUnitError, RangeError
from native.mod_proof import ModProof, ModResponse, ModViolation, mod_commit, mod_respond, mod_violations
from native.paillier import PaillierKey, PaillierSecretKey
from native.secret import SecretSeed
from tests.native.proof_keys import Keys, column, items, keys, phi, prime, secret

M = 16
KEYS = keys(256)
SIZE = KEYS.size
N = KEYS.n
BITS = N.bit_length()


def units(rng: random.Random, n: int, m: int = M) -> list[int]:
    found: list[int] = []
    while len(found) < m:
        y = rng.randrange(n)
        if gmpy2.gcd(y, n) == 1:
            found.append(y)
    return found


def honest(k: Keys = KEYS, m: int = M, seed: int = 1) -> ModProof:
    w = mod_commit(k.own.public)
    y = column(units(random.Random(seed), k.n, m), k.size)
    return ModProof(w, y, mod_respond(k.own, w, y))


def check(proof: ModProof, n: int = N, bits: int = 0) -> ModViolation:
    bits = bits or n.bit_length()
    return mod_violations(n.to_bytes((bits + 63) // 64 * 8, "big"), bits, proof, M)


def change(proof: ModProof, **fields: bytes) -> ModProof:
    response = {f: v for f, v in fields.items() if f in {"a", "b", "x", "z"}}
    rest = {f: v for f, v in fields.items() if f not in response}
    return dataclasses.replace(proof, response=dataclasses.replace(proof.response, **response), **rest)


def fourth_root(y: int, factors: Sequence[int]) -> int | None:
    """Return a fourth root modulo a product of distinct primes, when there is one."""
    x, modulus = 0, 1
    for p in factors:
        root = next(iter(prime_fourth_roots(y % p, p)), None)
        if root is None:
            return None
        x += modulus * ((root - x) * pow(modulus, -1, p) % p)
        modulus *= p
    return x


def prime_fourth_roots(y: int, p: int) -> list[int]:
    if p % 4 == 3:
        x = pow(y, ((p + 1) // 4) ** 2 % (p - 1), p)
        return [x] if pow(x, 4, p) == y else []
    roots = [r for s in square_roots(y, p) for r in square_roots(s, p)]
    assert all(pow(r, 4, p) == y for r in roots)
    return roots


def square_roots(y: int, p: int) -> list[int]:
    """Cipolla's or the direct method."""
    if gmpy2.legendre(y, p) == -1:
        return []
    if p % 4 == 3:
        r = pow(y, (p + 1) // 4, p)
        return [r, p - r]
    a = next(a for a in itertools.count() if gmpy2.legendre(a * a - y, p) == -1)
    d = (a * a - y) % p
    r, s, u, v, e = 1, 0, a, 1, (p + 1) // 2
    while e:
        if e & 1:
            r, s = (r * u + s * v * d) % p, (r * v + s * u) % p
        u, v, e = (u * u + v * v * d) % p, 2 * u * v % p, e >> 1
    assert r * r % p == y
    return [r, p - r]


def best_effort(factors: Sequence[int], w: int | None = None) -> tuple[int, ModProof, int]:
    """Return the modulus, what a prover with its primes can do, and how many rounds have a fourth root."""
    rng = random.Random(4)
    n = prod(factors)
    size = (n.bit_length() + 63) // 64 * 8
    if w is None:
        w = next(w for w in iter(lambda: rng.randrange(1, n), 0) if gmpy2.jacobi(w, n) == -1)
    ys = units(rng, n)
    order = phi(list(factors))
    z = [pow(y, pow(n, -1, order), n) if gmpy2.gcd(n, order) == 1 else 1 for y in ys]
    rows: list[tuple[int, int, int]] = []
    solved = 0
    for y in ys:
        found = [
            (a, b, root)
            for a in (0, 1)
            for b in (0, 1)
            if (root := fourth_root((-1) ** a * w**b * y % n, factors)) is not None
        ]
        solved += bool(found)
        rows.append(found[0] if found else (0, 0, 1))
    a, b, x = zip(*rows, strict=True)
    response = ModResponse(bytes(a), bytes(b), column(list(x), size), column(z, size))
    return n, ModProof(w.to_bytes(size, "big"), column(ys, size), response), solved


# honest provers


@pytest.mark.parametrize("m", [1, 2, 3, 4, 5, 13, 128])
def test_an_honest_proof_holds(m: int) -> None:
    assert not mod_violations(KEYS.own.public.n, BITS, honest(m=m), m)


@given(st.integers(0, 2**64))
@settings(max_examples=15, deadline=None)
def test_a_and_b_are_the_only_ones_that_make_a_square_and_the_roots_are_roots(seed: int) -> None:
    proof = honest(seed=seed)
    w, r = int.from_bytes(proof.w, "big"), proof.response
    assert gmpy2.jacobi(w, N) == -1
    columns = (items(proof.y, SIZE), items(r.x, SIZE), items(r.z, SIZE), r.a, r.b)
    for y, x, z, a, b in zip(*columns, strict=True):
        squares = [
            (i, j)
            for i in (0, 1)
            for j in (0, 1)
            if all(gmpy2.legendre((-1) ** i * w**j * y, p) == 1 for p in (KEYS.p, KEYS.q))
        ]
        assert squares == [(a, b)]
        assert pow(x, 4, N) == (-1) ** a * w**b * y % N
        assert pow(z, N, N) == y
    assert not check(proof)


def test_challenges_at_the_edges_have_roots() -> None:
    w = mod_commit(KEYS.own.public)
    ys = [1, N - 1, 2, N - 2, 4, 16, int.from_bytes(w, "big"), *units(random.Random(6), N, M - 7)]
    y = column(ys, SIZE)
    assert not check(ModProof(w, y, mod_respond(KEYS.own, w, y)))


def test_a_plain_python_prover_is_accepted() -> None:
    n, proof, solved = best_effort([KEYS.p, KEYS.q])
    assert solved == M
    assert not check(proof, n)


def test_w_is_drawn_anew_and_replayed_by_a_seed() -> None:
    seed = SecretSeed.from_bytes(bytes(range(32)))
    assert mod_commit(KEYS.own.public, seed) == mod_commit(KEYS.own.public, seed)
    assert mod_commit(KEYS.own.public) != mod_commit(KEYS.own.public)


@pytest.mark.parametrize("bits", [2, 3, 8, 9, 64, 65, 66, 71, 72, 73, 127, 128])
def test_w_fits_moduli_of_any_size(bits: int) -> None:
    rng = random.Random(bits)
    n = next(n for n in iter(lambda: rng.getrandbits(bits) | 1 << bits - 1 | 1, 0) if not gmpy2.is_square(n))
    key = PaillierKey(n.to_bytes((bits + 63) // 64 * 8, "big"))
    ws = {int.from_bytes(mod_commit(key), "big") for _ in range(200)}
    assert all(w < n and gmpy2.jacobi(w, n) == -1 for w in ws)
    if bits <= 3:
        assert ws == {w for w in range(n) if gmpy2.jacobi(w, n) == -1}
    else:
        assert max(ws).bit_length() > bits - 7


def test_a_square_modulus_has_no_w() -> None:
    with pytest.raises(ModulusError):
        mod_commit(PaillierKey((KEYS.p**2).to_bytes(SIZE, "big")))


@pytest.mark.slow
def test_an_honest_proof_of_full_size_holds() -> None:
    k = keys(1536)
    proof = honest(k, 128)
    n, bits = k.own.public.n, k.n.bit_length()
    assert not mod_violations(n, bits, proof, 128)
    z = items(proof.response.z, k.size)
    z[77] = k.n - z[77]
    assert mod_violations(n, bits, change(proof, z=column(z, k.size)), 128) == ModViolation.NTH_ROOT


# CVE-2025-66016: with w = 0 the fourth roots of any N are zeros


def eighteen_primes() -> list[int]:
    rng = random.Random(18)
    factors: set[int] = set()
    while len(factors) < 18:
        factors.add(prime(rng, 28))
    return sorted(factors)


def test_the_forgery_with_w_zero_is_rejected() -> None:
    factors = eighteen_primes()
    n, order = prod(factors), phi(factors)
    assert gmpy2.gcd(n, order) == 1
    size, ys = (n.bit_length() + 63) // 64 * 8, units(random.Random(0), n)
    z = [pow(y, pow(n, -1, order), n) for y in ys]
    for x, w in itertools.product((0, 1, n), (0, n)):
        response = ModResponse(bytes(M), b"\x01" * M, column([x] * M, size), column(z, size))
        assert all(pow(z_k, n, n) == y for z_k, y in zip(z, ys, strict=True))
        found = check(ModProof(w.to_bytes(size, "big"), column(ys, size), response), n)
        assert ModViolation.W in found
        # the units check alone would also stop x = 0
        assert (ModViolation.UNIT in found) == (x != 1)


@pytest.mark.parametrize(
    "which", ["one", "minus one", "square", "other symbol 1", "factor", "multiple", "above"]
)
def test_a_w_without_symbol_minus_one_is_rejected(which: str) -> None:
    rng = random.Random(5)
    other = next(
        w
        for w in iter(lambda: rng.randrange(N), 0)
        if gmpy2.legendre(w, KEYS.p) == gmpy2.legendre(w, KEYS.q) == -1
    )
    good = int.from_bytes(honest().w, "big")
    w = {
        "one": 1,
        "minus one": N - 1,
        "square": 25,
        "other symbol 1": other,
        "factor": KEYS.p,
        "multiple": KEYS.q * 6,
        "above": good + N if good + N < 2**512 else N,
    }[which]
    if which not in {"factor", "multiple", "above"}:
        _, proof, solved = best_effort([KEYS.p, KEYS.q], w)
        assert solved < M
    else:
        proof = change(honest(), w=w.to_bytes(SIZE, "big"))
    assert check(proof) == ModViolation.W


# moduli of another form


def test_a_prime_modulus_is_rejected() -> None:
    n, proof, _ = best_effort([prime(random.Random(7), 512)])
    assert check(proof, n) == ModViolation.MODULUS


def test_a_modulus_with_a_small_factor_is_rejected() -> None:
    rng = random.Random(8)
    for small in (3, 7, 1048571):  # the last is the largest prime below 2^20
        n, proof, _ = best_effort([small, prime(rng, 256), prime(rng, 240)])
        assert check(proof, n) == ModViolation.MODULUS
    n, proof, _ = best_effort([1048583, prime(rng, 256), prime(rng, 240)])
    assert check(proof, n) == ModViolation.FOURTH_ROOT


def test_an_even_modulus_is_rejected() -> None:
    for n in (N - 1, N + 1, 2 * KEYS.p * (KEYS.q >> 1)):
        assert check(honest(), n, 512) == ModViolation.MODULUS


@pytest.mark.parametrize("bits", [BITS - 1, BITS + 1, 449])
def test_a_modulus_of_another_size_is_rejected(bits: int) -> None:
    if bits <= 512:
        assert mod_violations(KEYS.own.public.n, bits, honest(), M) == ModViolation.MODULUS
    else:
        with pytest.raises(LengthError):
            mod_violations(KEYS.own.public.n, bits, honest(), M)


def test_a_short_modulus_in_full_width_is_rejected() -> None:
    rng = random.Random(9)
    n, proof, solved = best_effort([prime(rng, 250), prime(rng, 250)])
    assert solved == M
    assert check(proof, n, 512) == ModViolation.MODULUS
    assert not check(proof, n)


@pytest.mark.parametrize("count", [3, 4])
def test_a_product_of_more_primes_is_rejected(count: int) -> None:
    rng = random.Random(count)
    n, proof, solved = best_effort([prime(rng, 512 // count) for _ in range(count)])
    assert solved < M
    assert check(proof, n) == ModViolation.FOURTH_ROOT


@pytest.mark.parametrize("residues", [(1, 3), (3, 1), (1, 1)])
def test_a_prime_that_is_one_modulo_four_is_rejected(residues: tuple[int, int]) -> None:
    rng = random.Random(11)
    n, proof, solved = best_effort([prime(rng, 256, r) for r in residues])
    assert solved < M
    assert check(proof, n) == ModViolation.FOURTH_ROOT


def test_a_modulus_with_a_square_is_rejected() -> None:
    rng = random.Random(12)
    p, q = prime(rng, 170), prime(rng, 172)
    n, order = p * p * q, p * (p - 1) * (q - 1)
    size = (n.bit_length() + 63) // 64 * 8
    # this way every challenge has a fourth root
    w = next(
        w
        for w in iter(lambda: rng.randrange(n), 0)
        if gmpy2.legendre(w, p) == 1 and gmpy2.legendre(w, q) == -1
    )
    ys, rows = units(rng, n), []
    for y in ys:
        # raise a square to the inverse of 4 in the odd part of the group
        odd = order // 4
        a, b, square = next(
            (a, b, v) for a in (0, 1) for b in (0, 1) if pow(v := (-1) ** a * w**b * y % n, odd, n) == 1
        )
        rows.append((a, b, pow(square, pow(4, -1, odd), n), pow(y, pow(q, -1, (p - 1) * (q - 1)), n)))
    a, b, x, z = zip(*rows, strict=True)
    assert all(pow(v, 4, n) == (-1) ** i * w**j * y % n for v, i, j, y in zip(x, a, b, ys, strict=True))
    response = ModResponse(bytes(a), bytes(b), column(list(x), size), column(list(z), size))
    proof = ModProof(w.to_bytes(size, "big"), column(ys, size), response)
    assert check(proof, n) == ModViolation.NTH_ROOT


# one dishonest answer for each check


@pytest.mark.parametrize("k", [0, 5, M - 1])
def test_a_changed_round_is_rejected(k: int) -> None:
    proof = honest()
    r = proof.response
    x, z, y = items(r.x, SIZE), items(r.z, SIZE), items(proof.y, SIZE)

    def put(column_: list[int], value: int) -> bytes:
        return column([*column_[:k], value, *column_[k + 1 :]], SIZE)

    def bit(bits: bytes, value: int) -> bytes:
        return bits[:k] + bytes([value]) + bits[k + 1 :]

    fourth, nth = ModViolation.FOURTH_ROOT, ModViolation.NTH_ROOT
    assert check(change(proof, a=bit(r.a, r.a[k] ^ 1))) == fourth
    assert check(change(proof, b=bit(r.b, r.b[k] ^ 1))) == fourth
    assert check(change(proof, x=put(x, x[k] * 2 % N))) == fourth
    assert check(change(proof, z=put(z, N - z[k]))) == nth
    assert check(change(proof, z=put(z, z[k] * 2 % N))) == nth
    assert check(change(proof, y=put(y, y[k] * 16 % N), x=put(x, x[k] * 2 % N))) == nth
    # -x is another fourth root
    assert not check(change(proof, x=put(x, N - x[k])))
    for bad in (2, 255):
        assert check(change(proof, a=bit(r.a, bad))) == ModViolation.BIT
        assert check(change(proof, b=bit(r.b, bad))) == ModViolation.BIT
    for bad in (0, N, KEYS.p, KEYS.q * 3, 2**512 - 1):
        assert check(change(proof, x=put(x, bad))) == ModViolation.UNIT
        assert check(change(proof, z=put(z, bad))) == ModViolation.UNIT
        assert check(change(proof, y=put(y, bad))) == ModViolation.UNIT


def test_a_root_above_the_modulus_is_rejected_though_its_equation_holds() -> None:
    rng = random.Random(13)
    p, q = gmpy2.next_prime(2**255), prime(rng, 256)
    while p % 4 != 3:
        p = gmpy2.next_prime(p)
    n, proof, solved = best_effort([int(p), q])
    assert solved == M
    assert not check(proof, n)
    for field in ("x", "z"):
        values = items(getattr(proof.response, field), SIZE)
        k = next(k for k, v in enumerate(values) if v + n < 2**512)
        values[k] += n
        assert check(change(proof, **{field: column(values, SIZE)}), n) == ModViolation.UNIT


# lengths


@pytest.mark.parametrize("count", [0, 1, M - 1, M + 1])
@pytest.mark.parametrize("field", ["y", "a", "b", "x", "z", "all"])
def test_any_other_number_of_rounds_is_refused(field: str, count: int) -> None:
    proof, longer = honest(), honest(m=M + 1)
    cut = {f: getattr(longer.response, f)[: count * (1 if f in "ab" else SIZE)] for f in ("a", "b", "x", "z")}
    cut["y"] = longer.y[: count * SIZE]
    wrong = change(longer, **cut) if field == "all" else change(proof, **{field: cut[field]})
    with pytest.raises(LengthError):
        check(wrong)


@pytest.mark.parametrize("m", [-1, 0, 1025, 2**64])
def test_an_unfit_number_of_rounds_is_refused(m: int) -> None:
    with pytest.raises(LengthError):
        mod_violations(KEYS.own.public.n, BITS, honest(), m)
    with pytest.raises(LengthError):
        mod_violations(KEYS.own.public.n, BITS, ModProof(honest().w, b"", ModResponse(b"", b"", b"", b"")), m)


@pytest.mark.parametrize("size", [0, 1, 56, 63, 65, 72, 520])
def test_numbers_of_a_wrong_length_are_refused(size: int) -> None:
    proof = honest()
    for changed in (change(proof, w=b"\x01" * size), change(proof, y=b"\x01" * (size * M))):
        with pytest.raises(LengthError):
            check(changed)
    with pytest.raises(LengthError):
        mod_violations(b"\xff" * size, BITS, proof, M)
    with pytest.raises(LengthError):
        mod_respond(KEYS.own, b"\x01" * size, proof.y)
    if size % SIZE or size == 0:
        with pytest.raises(LengthError):
            mod_respond(KEYS.own, proof.w, b"\x01" * size)


def test_a_size_that_is_too_large_is_refused() -> None:
    for bits in (0, 2**63 - 1, 2**64 - 1, 2**64, 4097, -1):
        with pytest.raises(LengthError):
            mod_violations(KEYS.own.public.n, bits, honest(), M)


def test_c_itself_refuses_outputs_of_a_wrong_length() -> None:
    own: Any = KEYS.own
    proof = honest()
    w, y = ffi.from_buffer(proof.w), ffi.from_buffer(proof.y)
    room = ffi.new("uint8_t[]", SIZE * M + 8)
    good = {"a": M, "b": M, "x": SIZE * M, "z": SIZE * M}
    for field, right in good.items():
        for wrong in (0, right - 1, right + 1):
            sizes = good | {field: wrong}
            outs = {f: ffi.new("uint8_t[]", size + 1) for f, size in sizes.items()}
            out = ffi.new("mpcw_mod_response *", {f: (outs[f], sizes[f]) for f in sizes})
            spans = ((ffi.cast("uint8_t *", w), SIZE), (ffi.cast("uint8_t *", y), SIZE * M))
            assert lib.mpcw_mod_respond(out, own._handle, *spans) == lib.MPCW_E_LENGTH
    for wrong in (0, SIZE - 1, SIZE + 1):
        public: Any = KEYS.own.public
        assert lib.mpcw_mod_commit((room, wrong), public._handle, ffi.NULL) == lib.MPCW_E_LENGTH
    assert lib.mpcw_mod_commit((room, SIZE), ffi.NULL, ffi.NULL) == lib.MPCW_E_KIND


# what a prover refuses


def test_a_prover_refuses_unfit_challenges() -> None:
    proof = honest()
    y = items(proof.y, SIZE)
    for bad, error in ((0, RangeError), (N, RangeError), (KEYS.p, NotUnitError), (KEYS.q * 2, NotUnitError)):
        with pytest.raises(error):
            mod_respond(KEYS.own, proof.w, column([*y[:-1], bad], SIZE))


def test_a_prover_refuses_an_unfit_w() -> None:
    y = honest().y
    for bad, error in (
        (1, RangeError),
        (4, RangeError),
        (0, NotUnitError),
        (KEYS.p, NotUnitError),
        (N, NotUnitError),
    ):
        with pytest.raises(error):
            mod_respond(KEYS.own, bad.to_bytes(SIZE, "big"), y)


@pytest.mark.parametrize("residues", [(1, 3), (3, 1), (1, 1)])
def test_a_prover_refuses_a_prime_that_is_one_modulo_four(residues: tuple[int, int]) -> None:
    rng = random.Random(14)
    own = PaillierSecretKey(*(secret(prime(rng, 256, r), 32) for r in residues))
    w = mod_commit(own.public)
    with pytest.raises(ModulusError):
        mod_respond(own, w, column([1], SIZE))


def test_a_prover_refuses_a_modulus_that_shares_a_factor_with_phi() -> None:
    rng = random.Random(15)
    p = next(
        p
        for p in iter(lambda: rng.getrandbits(127) | 3 << 125 | 3, 0)
        if gmpy2.is_prime(p) and gmpy2.is_prime(2 * p + 1)
    )
    for pair in ((p, 2 * p + 1), (2 * p + 1, p)):
        own = PaillierSecretKey(*(secret(x, 16) for x in pair))
        with pytest.raises(ModulusError):
            mod_respond(own, mod_commit(own.public), column([1], 32))
