"""Batch verification: the first of the bad equations is found, and no good one is taken for bad."""

import random
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import cache

import gmpy2
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20
from hypothesis import given, settings
from hypothesis import strategies as st

from native._core import ffi, lib
from native.batch import (
    AffineEquations,
    EncryptionEquations,
    PedersenEquations,
    verify_affine,
    verify_encryptions,
    verify_own_encryptions,
    verify_pedersen,
)
from native.errors import KindError, LengthError, WipedError
from native.range_proof import Violation
from native.secret import SecretInts, SecretSeed

from . import curve_model as curve
from . import keys
from .keys import column, ints, residues, seed
from .proofs import FULL, SMALL, Level, aff_g, challenges, enc_elg, violations, with_field

pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")

Equations = EncryptionEquations | PedersenEquations | AffineEquations


@dataclass(frozen=True, eq=False)
class Batch:
    """Equations that hold, and how to verify them."""

    key: object
    equations: Equations
    verify: Callable[..., tuple[int, ...]]
    modulus: int
    count: int

    def bad(self, equations: Equations | None = None, once: SecretSeed | None = None) -> tuple[int, ...]:
        return self.verify(self.key, equations or self.equations, once)

    def columns(self) -> list[str]:
        return [f.name for f in fields(self.equations) if f.name not in ("k", "d")]

    def item(self, name: str, i: int) -> bytes:
        value = getattr(self.equations, name)
        width = len(value) // self.count
        return value[width * i : width * (i + 1)]

    def changed(self, changes: dict[tuple[str, int], bytes]) -> Equations:
        equations = self.equations
        for (name, i), item in changes.items():
            value = bytearray(getattr(equations, name))
            width = len(value) // self.count
            assert len(item) == width
            value[width * i : width * (i + 1)] = item
            equations = replace(equations, **{name: bytes(value)})
        return equations


@cache
def encryptions(level: Level, count: int) -> Batch:
    this, e = enc_elg(level, count, count), e_of(count)
    commitment, response = this.prove(e, seed(count))
    equations = EncryptionEquations(commitment.D, this.statement.C, e, response.z1, response.z2)
    return Batch(level.own.secret.public, equations, verify_encryptions, level.own.n, count)


@cache
def own_encryptions(level: Level, count: int) -> Batch:
    batch = encryptions(level, count)
    return replace(batch, key=level.own.secret, verify=verify_own_encryptions)


@cache
def commitments(level: Level, count: int) -> Batch:
    this, e = enc_elg(level, count, count), e_of(count)
    commitment, response = this.prove(e, seed(count))
    equations = PedersenEquations(commitment.T, commitment.S, e, response.z1, response.z3)
    return Batch(level.verifier.secret, equations, verify_pedersen, level.verifier.n, count)


@cache
def affines(level: Level, count: int) -> Batch:
    this, e = aff_g(level, count, count), e_of(count)
    commitment, response = this.prove(e, seed(count))
    d = level.peer.secret.decrypt(this.statement.D)
    equations = AffineEquations(
        this.statement.C, this.statement.D, commitment.A, e, response.z1, response.z2, response.w, this.k, d
    )
    return Batch(level.peer.secret, equations, verify_affine, level.peer.n, count)


KINDS = [encryptions, own_encryptions, commitments, affines]
COLUMNS = {
    encryptions: "D C e z w",
    own_encryptions: "D C e z w",
    commitments: "T S e z1 z3",
    affines: "C D A e z1 z2 w",
}
EACH_COLUMN = [(make, name) for make in KINDS for name in COLUMNS[make].split()]


def e_of(count: int) -> bytes:
    return column(challenges(count, random.Random(count)), 32)


def flipped(item: bytes, bit: int) -> bytes:
    return (int.from_bytes(item, "big") ^ 1 << bit).to_bytes(len(item), "big")


# completeness


@pytest.mark.parametrize("make", KINDS)
@pytest.mark.parametrize("count", [*range(1, 10), 16, 33, 70])
def test_equations_that_hold_pass_in_batches_of_every_size(make, count: int) -> None:
    assert make(SMALL, count).bad() == ()


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**64), st.integers(1, 6))
def test_any_honest_proof_passes(once: int, count: int) -> None:
    e = column(challenges(count, random.Random(once)), 32)
    this = aff_g(SMALL, count, once)
    commitment, response = this.prove(e)
    parts = this.statement, commitment, response
    D, own, hat = SMALL.peer.secret.decrypt(parts[0].D), SMALL.own.secret.public, SMALL.verifier.secret
    affine = AffineEquations(
        parts[0].C, parts[0].D, commitment.A, e, *parts_of(response, "z1 z2 w"), this.k, D
    )
    assert verify_affine(SMALL.peer.secret, affine) == ()
    plain = EncryptionEquations(commitment.B_y, parts[0].Y, e, *parts_of(response, "z2 w_y"))
    assert verify_encryptions(own, plain) == ()
    assert (
        verify_pedersen(hat, PedersenEquations(*parts_of(commitment, "E S"), e, *parts_of(response, "z1 z3")))
        == ()
    )
    assert (
        verify_pedersen(hat, PedersenEquations(*parts_of(commitment, "F T"), e, *parts_of(response, "z2 z4")))
        == ()
    )


def parts_of(values: object, names: str) -> list[bytes]:
    return [getattr(values, name) for name in names.split()]


@pytest.mark.parametrize("make", KINDS)
def test_any_buffer_is_taken(make) -> None:
    batch = make(SMALL, 5)
    views = {name: memoryview(bytearray(getattr(batch.equations, name))) for name in batch.columns()}
    assert batch.bad(replace(batch.equations, **views)) == ()


# soundness


def damage(batch: Batch, bad: list[int], r: random.Random) -> Equations:
    """Change one column of each bad item so that its equation fails even with a challenge of 0."""
    names = {
        EncryptionEquations: ("D", "z", "w"),
        PedersenEquations: ("T", "z1", "z3"),
        AffineEquations: ("A", "z2", "w"),
    }[type(batch.equations)]
    return batch.changed(
        {
            (name, i): flipped(batch.item(name, i), r.randrange(16, 250))
            for i in bad
            for name in [r.choice(names)]
        }
    )


@pytest.mark.parametrize("make", KINDS)
@pytest.mark.parametrize("count", [1, 2, 5, 9, 33])
def test_first_of_the_bad_ones_is_found_and_no_other(make, count: int) -> None:
    batch, r = make(SMALL, count), random.Random(count)
    patterns = [[0], [count - 1], [count // 2], list(range(count)), list(range(0, count, 2))]
    patterns += [sorted(r.sample(range(count), r.randint(1, count))) for _ in range(3)]
    for pattern in patterns:
        bad = sorted(set(pattern))
        assert batch.bad(damage(batch, bad, r)) == (bad[0],)


@pytest.mark.parametrize("make", KINDS)
def test_every_single_flipped_bit_is_found(make) -> None:
    count, r = 4, random.Random(200)
    e = column([r.randrange(1, curve.N) for _ in range(count)], 32)
    batch = with_challenges(make, count, e)
    assert batch.bad() == ()
    for _ in range(200):
        name, i = r.choice(batch.columns()), r.randrange(count)
        item = batch.item(name, i)
        changed = batch.changed({(name, i): flipped(item, r.randrange(8 * len(item)))})
        assert batch.bad(changed) == (i,), name


def with_challenges(make, count: int, e: bytes) -> Batch:
    """The batch with other challenges, none of which is 0."""
    batch = make(SMALL, count)
    this = (aff_g if make is affines else enc_elg)(SMALL, count, count)
    commitment, response = this.prove(e, seed(9))
    values = {
        f.name: getattr(part, f.name) for part in (this.statement, commitment, response) for f in fields(part)
    }
    values["e"] = e
    if make in (encryptions, own_encryptions):
        return replace(
            batch, equations=EncryptionEquations(*(values[n] for n in ("D", "C", "e", "z1", "z2")))
        )
    if make is commitments:
        return replace(batch, equations=PedersenEquations(*(values[n] for n in ("T", "S", "e", "z1", "z3"))))
    public = {name: values[name] for name in batch.columns()}
    d = SMALL.peer.secret.decrypt(values["D"])
    return replace(batch, equations=AffineEquations(**public, k=this.k, d=d))


def test_errors_that_cancel_without_weights_are_found() -> None:
    for make in (encryptions, own_encryptions):
        batch = make(SMALL, 5)
        n = batch.modulus
        D = [int.from_bytes(batch.item("D", i), "big") for i in (1, 3)]
        shifted = [D[0] * (1 + n) % n**2, D[1] * (1 - n) % n**2]
        changes = {("D", i): value.to_bytes(128, "big") for i, value in zip((1, 3), shifted, strict=True)}
        assert batch.bad(batch.changed(changes)) == (1,)
    batch = affines(SMALL, 5)
    n = batch.modulus
    A = [int.from_bytes(batch.item("A", i), "big") for i in (1, 3)]
    shifted = [A[0] * (1 + n) % n**2, A[1] * (1 - n) % n**2]
    changes = {("A", i): value.to_bytes(128, "big") for i, value in zip((1, 3), shifted, strict=True)}
    assert batch.bad(batch.changed(changes)) == (1,)
    batch = commitments(SMALL, 5)
    n = batch.modulus
    T = [int.from_bytes(batch.item("T", i), "big") for i in (1, 3)]
    shifted = [T[0] * 4 % n, T[1] * int(gmpy2.invert(4, n)) % n]
    changes = {("T", i): value.to_bytes(64, "big") for i, value in zip((1, 3), shifted, strict=True)}
    assert batch.bad(batch.changed(changes)) == (1,)


def first_weights(once: SecretSeed, count: int) -> list[int]:
    """The weights that a seed gives: 1, then 128 bits each (RFC 8439, block 0 on, nonce "batch")."""
    nonce = bytes(4) + b"batch".ljust(12, b"\0")
    stream = Cipher(ChaCha20(once.declassify(), nonce), mode=None).encryptor().update(bytes(16 * count))
    return [1, *(int.from_bytes(stream[16 * i : 16 * i + 16], "little") for i in range(1, count))]


@pytest.mark.parametrize("make", KINDS)
def test_weights_have_all_of_their_128_bits(make) -> None:
    """Errors pass that cancel under these very weights, which differ from shorter ones."""
    batch, once = make(SMALL, 3), seed(5)
    weights = first_weights(once, 3)[1:]
    assert all(weight >> 120 for weight in weights)
    n, name = batch.modulus, {affines: "A", commitments: "T"}.get(make, "D")
    modulus, base = (n, 4) if make is commitments else (n * n, 1 + n)
    changes = {}
    # base^(d_1 d_2 - d_2 d_1) = 1
    for i, exponent in ((1, weights[1]), (2, -weights[0])):
        item = batch.item(name, i)
        wrong = int.from_bytes(item, "big") * gmpy2.powmod(base, exponent, modulus) % modulus
        changes[name, i] = int(wrong).to_bytes(len(item), "big")
    assert batch.bad(batch.changed(changes), once) == ()
    assert batch.bad(batch.changed(changes), seed(6)) == (1,)


def test_two_equations_swapped_are_found() -> None:
    for make in KINDS:
        batch = make(SMALL, 5)
        for name in {"z", "z1", "w", "T", "D", "A"} & set(batch.columns()):
            swapped = {(name, 1): batch.item(name, 3), (name, 3): batch.item(name, 1)}
            if batch.item(name, 1) == batch.item(name, 3):
                continue
            bad = batch.bad(batch.changed(swapped))
            assert set(bad) <= {1, 3}
            assert bad or name == "D"


def test_an_error_modulo_one_prime_only_is_found() -> None:
    # right modulo P and wrong modulo Q
    batch, key = commitments(SMALL, 5), SMALL.verifier
    T = int.from_bytes(batch.item("T", 2), "big")
    for p, q in ((key.p, key.q), (key.q, key.p)):
        wrong = T * gmpy2.powmod(1 + p * int(gmpy2.invert(p, q)) * 3, 1, key.n) % key.n
        assert wrong % p == T % p
        assert batch.bad(batch.changed({("T", 2): int(wrong).to_bytes(64, "big")})) == (2,)
    # the same of an own ciphertext, modulo p^2, q^2 and what is right modulo q, too
    batch, own = own_encryptions(SMALL, 5), SMALL.own
    D = int.from_bytes(batch.item("D", 2), "big")
    for p, q in ((own.p, own.q), (own.q, own.p)):
        for factor in (p**2, p**2 * q):
            wrong = D * (1 + factor) % own.n**2
            assert wrong % p**2 == D % p**2
            assert batch.bad(batch.changed({("D", 2): wrong.to_bytes(128, "big")})) == (2,)
    # the same of the unit part of an affine equation
    batch, peer = affines(SMALL, 5), SMALL.peer
    w = int.from_bytes(batch.item("w", 2), "big")
    for p, q in ((peer.p, peer.q), (peer.q, peer.p)):
        wrong = w * (1 + p * int(gmpy2.invert(p, q)) * 3) % peer.n
        assert batch.bad(batch.changed({("w", 2): wrong.to_bytes(64, "big")})) == (2,)


@pytest.mark.parametrize("make", KINDS)
def test_a_negative_may_pass_a_batch_but_never_the_strict_check(make) -> None:
    # -1 has order 2: it hides behind an even weight (documented in native.batch)
    batch = make(SMALL, 5)
    name = "T" if make is commitments else "w"
    value = batch.modulus - int.from_bytes(batch.item(name, 2), "big")
    changed = batch.changed({(name, 2): value.to_bytes(64, "big")})
    verdicts = {batch.bad(changed, seed(once)) for once in range(40)}
    assert verdicts == {(), (2,)}
    one = (aff_g if make is affines else enc_elg)(SMALL, 5, 5).proofs(e_of(5), seed(5))[2]
    field = {commitments: "T", affines: "w"}.get(make, "z2")
    got = violations(SMALL, with_field(one, field, value.to_bytes(64, "big")))
    assert got == (Violation.PEDERSEN if make is commitments else Violation.PAILLIER)


@pytest.mark.parametrize("make", KINDS)
def test_a_negative_in_the_first_equation_whose_weight_is_1_never_passes(make) -> None:
    batch = make(SMALL, 2)
    name = "T" if make is commitments else "w"
    value = batch.modulus - int.from_bytes(batch.item(name, 0), "big")
    changed = batch.changed({(name, 0): value.to_bytes(64, "big")})
    assert {batch.bad(changed, seed(once)) for once in range(10)} == {(0,)}


def test_wrong_plaintexts_of_the_verifier_blame_nobody() -> None:
    batch = affines(SMALL, 5)
    k, d = batch.equations.k, batch.equations.d
    assert isinstance(d, SecretInts)
    assert batch.bad(replace(batch.equations, k=ints([3] * 5, 8))) == ()
    assert batch.bad(replace(batch.equations, d=ints([3] * 5, 8))) == ()
    # and other widths of the right ones do not matter
    wide = [ints(keys.opened(secret), secret.size + 64) for secret in (k, d)]
    assert batch.bad(replace(batch.equations, k=wide[0], d=wide[1])) == ()


def test_plaintexts_shifted_by_the_modulus_hold_as_well() -> None:
    batch = affines(SMALL, 5)
    k = ints([value - 7 * batch.modulus for value in keys.opened(batch.equations.k)], 128)
    d = ints([value + 5 * batch.modulus for value in keys.opened(batch.equations.d)], 128)
    assert batch.bad(replace(batch.equations, k=k, d=d)) == ()


# malformed values


def hostile(make, name: str) -> list[int]:
    key = {commitments: SMALL.verifier, affines: SMALL.peer}.get(make, SMALL.own)
    size = len(make(SMALL, 3).item(name, 0))
    if name == "e":
        return [curve.N, curve.N + 1, 2**256 - 1]
    bound = key.n**2 if size == 2 * key.size else key.n
    return [0, bound, key.p, key.q, bound - key.p, bound - key.q, 256**size - 1]


@pytest.mark.parametrize(
    ("make", "name"), [pair for pair in EACH_COLUMN if pair[1] not in ("z", "z1", "z2", "z3")]
)
def test_a_malformed_value_is_bad_wherever_it_stands(make, name: str) -> None:
    batch = make(SMALL, 5)
    size = len(batch.item(name, 0))
    for k, value in enumerate(hostile(make, name)):
        item = value.to_bytes(size, "big")
        assert batch.bad(batch.changed({(name, k % 5): item})) == (k % 5,)
        assert batch.bad(batch.changed({(name, i): item for i in range(5)})) == (0, 1, 2, 3, 4)


@pytest.mark.parametrize(
    ("make", "name"), [pair for pair in EACH_COLUMN if pair[1] in ("z", "z1", "z2", "z3")]
)
def test_integers_of_any_width_are_taken(make, name: str) -> None:
    batch = make(SMALL, 5)
    value = getattr(batch.equations, name)
    width = len(value) // 5
    wide = column(keys.numbers(value, width, signed=True), width + 64, signed=True)
    assert batch.bad(replace(batch.equations, **{name: wide})) == ()
    assert batch.bad(replace(batch.equations, **{name: b"\x7f" * 5 * 4096})) == (0,)
    assert batch.bad(replace(batch.equations, **{name: b"\x80" + bytes(5 * 4096 - 1)})) == (0,)


@pytest.mark.parametrize(("make", "name"), EACH_COLUMN)
def test_a_column_of_a_wrong_length_is_refused(make, name: str) -> None:
    batch = make(SMALL, 3)
    value = getattr(batch.equations, name)
    wrong = [b"", value[1:], value[:-1], value + b"\x00", value[8:], value + bytes(8), b"\x01"]
    if name not in ("z", "z1", "z2", "z3"):
        wrong += [value[: len(value) // 3], value * 2, value + value[: len(value) // 3]]
    for column_ in wrong:
        with pytest.raises(LengthError):
            batch.bad(replace(batch.equations, **{name: column_}))
    if name in ("z", "z1", "z2", "z3"):
        with pytest.raises(LengthError):
            batch.bad(replace(batch.equations, **{name: bytes(3 * 4104)}))


@pytest.mark.parametrize("make", KINDS)
def test_no_equations_are_refused(make) -> None:
    batch = make(SMALL, 3)
    empty = dict.fromkeys(batch.columns(), b"")
    with pytest.raises(LengthError):
        batch.bad(replace(batch.equations, **empty))


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"k": ints([1] * 2, 8)}, LengthError),
        ({"k": ints([1] * 4, 8)}, LengthError),
        ({"d": ints([1] * 2, 64)}, LengthError),
        ({"k": residues([1] * 3, 8)}, KindError),
        ({"d": residues([1] * 3, 64)}, KindError),
    ],
)
def test_plaintexts_that_do_not_fit_are_refused(change: dict[str, object], error: type[Exception]) -> None:
    batch = affines(SMALL, 3)
    with pytest.raises(error):
        batch.bad(replace(batch.equations, **change))


NAMES = {
    encryptions: "encryption",
    own_encryptions: "encryption",
    commitments: "pedersen",
    affines: "affine",
}
FUNCTIONS = {
    encryptions: lib.mpcw_verify_encryptions_var,
    own_encryptions: lib.mpcw_verify_own_encryptions,
    commitments: lib.mpcw_verify_pedersen,
    affines: lib.mpcw_verify_affine,
}


def raw_verify(make, equations: Equations, key: object, flags: int) -> tuple[int, bytes]:
    values = {f.name: getattr(equations, f.name) for f in fields(equations)}
    views = {name: keys.span(v) for name, v in values.items() if name not in ("k", "d")}
    secrets = {name: v._handle for name, v in values.items() if name in ("k", "d")}
    bad = ffi.new("uint8_t[]", b"\x55" * flags)
    eqs = ffi.new(f"mpcw_{NAMES[make]}_equations *", views | secrets)
    status = FUNCTIONS[make]((bad, flags), key, eqs, ffi.NULL)
    return status, bytes(ffi.buffer(bad))[:flags]


@pytest.mark.parametrize("make", KINDS)
def test_flags_of_a_wrong_number_are_refused_and_zeroed(make) -> None:
    batch = make(SMALL, 3)
    for flags in (0, 1, 2, 4, 96):
        assert raw_verify(make, batch.equations, batch.key._handle, flags) == (
            lib.MPCW_E_LENGTH,
            bytes(flags),
        )
    assert raw_verify(make, batch.equations, batch.key._handle, 3) == (lib.MPCW_OK, bytes(3))


@pytest.mark.parametrize(("make", "name"), EACH_COLUMN)
def test_flags_are_zero_when_a_call_is_refused_behind_a_bad_item(make, name: str) -> None:
    batch = make(SMALL, 3)
    for other in batch.columns():
        if other in (name, "e", "z", "z1", "z2", "z3"):
            continue
        equations = batch.changed({(other, 1): bytes(len(batch.item(other, 1)))})
        equations = replace(equations, **{name: getattr(equations, name)[:-1]})
        assert raw_verify(make, equations, batch.key._handle, 3) == (lib.MPCW_E_LENGTH, bytes(3))


@pytest.mark.parametrize("make", KINDS)
def test_a_missing_key_or_a_wrong_seed_is_refused(make) -> None:
    batch = make(SMALL, 3)
    assert raw_verify(make, batch.equations, ffi.NULL, 3) == (lib.MPCW_E_KIND, bytes(3))
    with pytest.raises(KindError):
        batch.bad(None, ints([1], 32))


@pytest.mark.parametrize("make", KINDS)
def test_a_child_may_not_verify_with_the_keys_of_its_parent(make) -> None:
    assert keys.in_child(make(SMALL, 3).bad) == "ForkedError"


def test_use_after_wipe_raises_wiped_error() -> None:
    key = keys.paillier_of(SMALL.peer.p, SMALL.peer.q, SMALL.peer.size).secret
    key.wipe()
    with pytest.raises(WipedError):
        verify_affine(key, affines(SMALL, 3).equations)


@pytest.mark.parametrize("make", KINDS)
def test_memory_is_given_back(make) -> None:
    batch = make(SMALL, 9)
    before = keys.settled_usage()
    batch.bad()
    batch.bad(damage(batch, [0, 3, 8], random.Random(1)))
    with pytest.raises(LengthError):
        batch.bad(replace(batch.equations, e=batch.equations.e[1:]))
    assert keys.usage() == before


# full size and other paths


@pytest.mark.slow
@pytest.mark.parametrize("make", KINDS)
def test_full_size_batches_find_the_first_bad_one(make) -> None:
    batch = make(FULL, 7)
    assert batch.bad() == ()
    assert batch.bad(damage(batch, [2, 5], random.Random(3))) == (2,)
    assert batch.bad(damage(batch, [5], random.Random(3))) == (5,)


@pytest.mark.parametrize("path", keys.other_paths())
def test_every_claim_holds_on_the_other_paths(path: str) -> None:
    keys.passes_on(path, __file__)
