"""Pi-enc-elg and Pi-aff-g: provers and strict checks against the paper's equations in plain integers."""

import copy
import gc
import pickle
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from native._core import ffi, lib
from native.columns import take
from native.errors import (
    KindError,
    LengthError,
    ModulusError,
    NotUnitError,
    PointError,
    RangeError,
    UsedError,
)
from native.range_proof import (
    AffGProver,
    EncElgProver,
    ProofSizes,
    Violation,
    aff_g_violations,
    enc_elg_violations,
)
from native.ring_pedersen import PedersenParameters
from native.secret import SecretScalars
from native.secret_scalar import random_scalars

from . import curve_model as curve
from . import keys, proofs
from .keys import column, ints, residues, seed
from .proofs import FULL, SMALL, AffG, EncElg, aff_g, challenges, enc_elg, field_of, violations, with_field

NONE = Violation(0)
BOTH = [enc_elg, aff_g]

pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")


def e_of(count: int, once: int = 0) -> bytes:
    return column(challenges(count, random.Random(once)), 32)


@cache
def case(make: Callable[..., EncElg | AffG], count: int = 3) -> EncElg | AffG:
    return make(SMALL, count, 100 * count)


@cache
def proof(make: Callable[..., EncElg | AffG]):
    """One valid proof with a large challenge."""
    return case(make).proofs(column([curve.N // 3, curve.N // 5, 7], 32), seed(1))[0]


def prover_of(this: EncElg | AffG, once: int | None = None) -> EncElgProver | AffGProver:
    cls = EncElgProver if isinstance(this, EncElg) else AffGProver
    return cls(this.keys, this.witness, this.level.sizes, None if once is None else seed(once))


# completeness


@pytest.mark.parametrize("make", BOTH)
@pytest.mark.parametrize("with_table", [False, True])
@pytest.mark.parametrize("count", range(1, 10))
def test_proofs_satisfy_the_equations_in_groups_of_every_size(make, count: int, with_table: bool) -> None:
    this = make(SMALL, count, 10 * count, with_table)
    for one in this.proofs(e_of(count, count)):
        assert all(proofs.holds(SMALL, one).values())
        assert violations(SMALL, one) == NONE


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**64), st.lists(st.integers(0, curve.N - 1), min_size=1, max_size=4))
@pytest.mark.parametrize("make", BOTH)
def test_any_honest_proof_is_accepted(make, once: int, e: list[int]) -> None:
    for one in make(SMALL, len(e), once).proofs(column(e, 32)):
        assert violations(SMALL, one) == NONE


@pytest.mark.parametrize("make", BOTH)
def test_responses_are_exactly_as_wide_as_their_intervals(make) -> None:
    one, sizes = proof(make), SMALL.sizes
    wide, hat = (sizes.ell + sizes.epsilon) // 8, 64
    widths = {f.name: len(getattr(one.response, f.name)) for f in fields(one.response)}
    if make is enc_elg:
        assert widths == {"z1": wide, "z2": 64, "z3": wide + hat, "w": 32}
    else:
        wider = (sizes.ell_prime + sizes.epsilon) // 8
        assert widths == {"z1": wide, "z2": wider, "z3": wide + hat, "z4": wide + hat, "w": 64, "w_y": 64}


@pytest.mark.parametrize("make", BOTH)
def test_masks_fill_their_intervals(make) -> None:
    # with e = 0 a response is its mask
    this = make(SMALL, 9, 77)
    top = [0] * 4
    for once in range(60):
        _, response = this.prove(bytes(32 * 9), seed(once))
        for z in keys.numbers(response.z1, 48, signed=True):
            top[(z >> 382) + 2] += 1
    assert keys.looks_uniform(top)


@pytest.mark.parametrize("make", BOTH)
def test_one_seed_makes_the_same_proof_and_another_or_none_something_else(make) -> None:
    this, e = case(make), e_of(3)
    made = [this.prove(e, s) for s in (seed(1), seed(1), seed(2), None, None)]
    assert made[0] == made[1]
    for name in [f.name for f in fields(made[0][0])]:
        # statements' own parts stay (S and T of Pi-aff-g have fresh masks, too)
        assert len({getattr(commitment, name) for commitment, _ in made}) == 4


# one shot


@pytest.mark.parametrize("make", BOTH)
def test_a_second_response_raises_used_error(make) -> None:
    prover, e = prover_of(case(make)), e_of(3)
    prover.respond(e)
    for again in (e, e_of(3, 1), b""):
        with pytest.raises(UsedError):
            prover.respond(again)


@pytest.mark.parametrize("make", BOTH)
@pytest.mark.parametrize(
    ("e", "error"),
    [
        (b"", LengthError),
        (bytes(95), LengthError),
        (bytes(97), LengthError),
        (bytes(64), LengthError),
        (bytes(128), LengthError),
        (column([1, 2, curve.N], 32), RangeError),
        (column([2**256 - 1, 2, 1], 32), RangeError),
        ("text", TypeError),
        (None, TypeError),
    ],
)
def test_a_response_that_fails_uses_the_prover_up(make, e: object, error: type[Exception]) -> None:
    prover = prover_of(case(make))
    with pytest.raises(error):
        prover.respond(e)
    with pytest.raises(UsedError):
        prover.respond(e_of(3))


@pytest.mark.parametrize("make", BOTH)
def test_a_response_out_of_its_interval_is_refused_and_never_shown(make) -> None:
    # epsilon is too small for a challenge of 256 bits
    this = make(proofs.Level(512, ProofSizes(64, 64, 64)), 3, 5)
    prover = prover_of(this)
    with pytest.raises(RangeError):
        prover.respond(column([curve.N - 1] * 3, 32))
    with pytest.raises(UsedError):
        prover.respond(bytes(96))


@pytest.mark.parametrize("make", BOTH)
def test_of_many_threads_one_gets_the_response(make) -> None:
    for _ in range(10):
        prover, e = prover_of(case(make)), e_of(3)

        def respond(_: int, prover=prover, e=e) -> bool:
            try:
                prover.respond(e)
            except UsedError:
                return False
            return True

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(respond, range(16))) == 1


def raw_respond(make, handle: object, widths: dict[str, int], e: bytes) -> int:
    name = "enc_elg" if make is enc_elg else "aff_g"
    out = {key: ffi.new("uint8_t[]", b"\x55" * width) for key, width in widths.items()}
    struct = ffi.new(f"mpcw_{name}_response *", {key: (room, len(room) - 1) for key, room in out.items()})
    status = getattr(lib, f"mpcw_{name}_respond")(struct, handle, keys.span(e))
    if status != lib.MPCW_OK:
        assert not any(any(bytes(ffi.buffer(room))[:-1]) for room in out.values())
    return status


@pytest.mark.parametrize("make", BOTH)
def test_the_core_itself_answers_once(make) -> None:
    prover, e = prover_of(case(make)), e_of(3)
    widths = {name: 3 * width for name, width in prover._widths.items()}
    # 1 more: ffi.new with bytes adds a zero, which raw_respond takes off
    assert raw_respond(make, prover._handle, widths, e) == lib.MPCW_OK
    assert raw_respond(make, prover._handle, widths, e) == lib.MPCW_E_USED


@pytest.mark.parametrize("make", BOTH)
def test_response_columns_of_a_wrong_length_are_refused_zeroed_and_use_the_prover_up(make) -> None:
    for name in prover_of(case(make))._widths:
        for by in (-1, 1, -3, 3):
            prover, e = prover_of(case(make)), e_of(3)
            good = {key: 3 * width for key, width in prover._widths.items()}
            wrong = good | {name: good[name] + by}
            assert raw_respond(make, prover._handle, wrong, e) == lib.MPCW_E_LENGTH
            assert raw_respond(make, prover._handle, good, e) == lib.MPCW_E_USED


def test_a_prover_of_the_other_proof_is_refused_and_stays_usable() -> None:
    for make, other in ((enc_elg, aff_g), (aff_g, enc_elg)):
        prover, e = prover_of(case(make)), e_of(3)
        widths = {name: 3 * width for name, width in prover_of(case(other))._widths.items()}
        assert raw_respond(other, prover._handle, widths, e) == lib.MPCW_E_KIND
        assert raw_respond(other, ffi.NULL, widths, e) == lib.MPCW_E_KIND
        prover.respond(e)
    lib.mpcw_prover_free(ffi.NULL)


# lifetime


@pytest.mark.parametrize("make", BOTH)
def test_a_prover_keeps_its_keys_alive(make) -> None:
    level = replace_keys(SMALL)
    this = make(level, 3, 8, False)
    prover, e = prover_of(this), e_of(3)
    commitment, statement = prover.commitment, this.statement
    own = level.own.secret.public.n
    level.own.secret.wipe()
    del this, level
    gc.collect()
    response = prover.respond(e)
    kind = type(proof(make))
    for i in range(3):
        one = kind(
            take(statement, i, 3), take(commitment, i, 3), e[32 * i : 32 * i + 32], take(response, i, 3)
        )
        assert own == SMALL.own.secret.public.n
        assert violations(SMALL, one) == NONE


def replace_keys(level: proofs.Level) -> proofs.Level:
    """The level with handles of its own for the same keys."""
    copied = replace(level)
    for name in ("own", "peer"):
        key = getattr(level, name)
        object.__setattr__(copied, name, keys.paillier_of(key.p, key.q, key.size))
    return copied


@pytest.mark.parametrize("make", BOTH)
def test_masks_are_given_back_with_the_response(make) -> None:
    this, e = case(make), e_of(3)
    before = keys.settled_usage()
    prover = prover_of(this)
    assert keys.usage() > before
    prover.respond(e)
    assert keys.usage() == before
    prover = prover_of(this)
    with pytest.raises(RangeError):
        prover.respond(b"\xff" * 96)
    assert keys.usage() == before


@pytest.mark.parametrize("make", BOTH)
def test_a_child_may_not_respond_and_the_parent_may(make) -> None:
    this, e = case(make), e_of(3)
    prover = prover_of(this)
    assert keys.in_child(lambda: prover.respond(e)) == "ForkedError"
    assert keys.in_child(lambda: prover_of(this)) == "ForkedError"
    assert keys.in_child(lambda: this.prove(e)) == "ForkedError"
    prover.respond(e)


@pytest.mark.parametrize("make", BOTH)
@pytest.mark.parametrize(
    "operation",
    [copy.copy, copy.deepcopy, pickle.dumps, lambda h: h == h, hash, bool, str],  # noqa: PLR0124
)
def test_a_prover_is_not_copied_and_has_no_value(make, operation: Callable[[object], object]) -> None:
    with pytest.raises(TypeError, match="stays in C memory"):
        operation(prover_of(case(make)))


# what a prover refuses


@pytest.mark.parametrize("bits", [0, -64, 1, 63, 65, 8256, 2**64])
@pytest.mark.parametrize("name", ["ell", "ell_prime", "epsilon"])
def test_sizes_that_do_not_fit_are_refused(name: str, bits: int) -> None:
    with pytest.raises(LengthError):
        replace(SMALL.sizes, **{name: bits})


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"x": ints([1] * 3, 16)}, LengthError),
        ({"x": ints([1] * 2, 8)}, LengthError),
        ({"x": ints([1] * 4, 8)}, LengthError),
        ({"x": residues([1] * 3, 8)}, KindError),
        ({"rho": residues([1] * 3, 56)}, LengthError),
        ({"rho": residues([1] * 3, 72)}, LengthError),
        ({"rho": residues([1] * 2, 64)}, LengthError),
        ({"rho": ints([1] * 3, 64)}, KindError),
        ({"b": SecretScalars.from_bytes(bytes(64), 2)}, LengthError),
        ({"b": ints([1] * 3, 32)}, KindError),
        ({"A": b""}, LengthError),
        ({"A": bytes(64)}, PointError),
        ({"A": curve.xy(curve.G) * 2}, LengthError),
        ({"A": curve.xy(curve.G) * 3 + b"\x00"}, LengthError),
        ({"A": curve.xy(curve.G) * 2 + bytes(64)}, PointError),
        ({"A": curve.xy(curve.G) * 2 + b"\x01" * 64}, PointError),
    ],
)
def test_enc_elg_refuses_a_witness_that_does_not_fit(
    change: dict[str, object], error: type[Exception]
) -> None:
    this, before = case(enc_elg), keys.settled_usage()
    with pytest.raises(error):
        EncElgProver(this.keys, replace(this.witness, **change), SMALL.sizes)
    assert keys.usage() == before


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"x": ints([1] * 3, 16)}, LengthError),
        ({"x": ints([1] * 2, 8)}, LengthError),
        ({"x": residues([1] * 3, 8)}, KindError),
        ({"y": ints([1] * 3, 24)}, LengthError),
        ({"y": ints([1] * 4, 16)}, LengthError),
        ({"y": residues([1] * 3, 16)}, KindError),
        ({"rho": residues([1] * 3, 56)}, LengthError),
        ({"rho": residues([1] * 2, 64)}, LengthError),
        ({"rho": ints([1] * 3, 64)}, KindError),
        ({"rho_y": residues([1] * 3, 72)}, LengthError),
        ({"rho_y": residues([1] * 4, 64)}, LengthError),
        ({"rho_y": ints([1] * 3, 64)}, KindError),
        ({"C": b""}, LengthError),
        ({"C": column([2] * 3, 128)[1:]}, LengthError),
        ({"C": column([2] * 3, 128) + b"\x00"}, LengthError),
        ({"C": column([2] * 4, 128)}, LengthError),
        ({"C": column([2, 2, 0], 128)}, RangeError),
        ({"C": column([2, SMALL.peer.n**2, 2], 128)}, RangeError),
        ({"C": column([SMALL.peer.p, 2, 2], 128)}, NotUnitError),
    ],
)
def test_aff_g_refuses_a_witness_that_does_not_fit(change: dict[str, object], error: type[Exception]) -> None:
    this, before = case(aff_g), keys.settled_usage()
    with pytest.raises(error):
        AffGProver(this.keys, replace(this.witness, **change), SMALL.sizes)
    assert keys.usage() == before


def test_tables_of_other_keys_are_refused() -> None:
    own, peer = keys.tables(SMALL.own), keys.tables(SMALL.peer)
    this = case(enc_elg)
    for table in (own[0], peer[0], peer[1]):
        with pytest.raises(KindError):
            EncElgProver(replace(this.keys, own_table=table), this.witness, SMALL.sizes)
    this = case(aff_g)
    for change in (
        {"own_table": own[0]},
        {"own_table": peer[1]},
        {"peer_table": own[0]},
        {"peer_table": peer[1]},
    ):
        with pytest.raises(KindError):
            AffGProver(replace(this.keys, **change), this.witness, SMALL.sizes)


@pytest.mark.parametrize("make", BOTH)
def test_masks_that_the_verifiers_tables_do_not_hold_are_refused(make) -> None:
    this = case(make)
    for x_bits, y_bits in ((64, 896), (448, 832)):
        narrow = replace(this.keys, verifier=SMALL.verifier.tables(x_bits, y_bits))
        with pytest.raises(LengthError):
            type(prover_of(this))(narrow, this.witness, SMALL.sizes)


@pytest.mark.parametrize("make", BOTH)
def test_masks_that_the_plaintexts_do_not_hold_are_refused(make) -> None:
    wide = ProofSizes(64, 64, 512)
    this = replace(make(SMALL, 1, 3), level=replace(SMALL, sizes=wide))
    verifier = SMALL.verifier.tables(576, 1152)
    witness = replace(this.witness, **({} if make is enc_elg else {"y": ints([1], 8)}))
    with pytest.raises(RangeError):
        type(prover_of(case(make)))(replace(this.keys, verifier=verifier), witness, wide)


@pytest.mark.parametrize("make", BOTH)
def test_commitment_columns_of_a_wrong_length_are_refused_and_zeroed(make) -> None:
    name = "enc_elg" if make is enc_elg else "aff_g"
    this, none = case(make), ffi.NULL
    w, k, sizes = this.witness, this.keys, SMALL.sizes._c()
    point = keys.span(w.A if make is enc_elg else w.C)
    secrets = (w.x, w.rho, w.b) if make is enc_elg else (w.x, w.y, w.rho, w.rho_y)
    witness = ffi.new(f"mpcw_{name}_witness *", (*[s._handle for s in secrets], point))
    if make is enc_elg:
        head = (k.own._handle, none, k.verifier._handle)
    else:
        head = (
            ffi.new("mpcw_aff_g_keys *", (k.own._handle, none, k.peer._handle, none, k.verifier._handle)),
        )
    commitment = prover_of(this).commitment
    widths = {f.name: len(getattr(commitment, f.name)) for f in fields(commitment)}
    for wrong, width in widths.items():
        for by in (-1, 1, -width, 8):
            room = {
                n: ffi.new("uint8_t[]", b"\x55" * (size + by * (n == wrong))) for n, size in widths.items()
            }
            spans = {n: (r, len(r) - 1) for n, r in room.items()}
            out, prover = ffi.new(f"mpcw_{name}_commitment *", spans), ffi.new("mpcw_prover **")
            status = getattr(lib, f"mpcw_{name}_commit")(prover, out, *head, witness, sizes, none)
            assert status == lib.MPCW_E_LENGTH
            assert prover[0] == none
            assert not any(any(bytes(ffi.buffer(r))[:-1]) for r in room.values())


# strict checks: every field

POINTS = {enc_elg: ["A", "B", "X", "Y", "Z"], aff_g: ["X", "B_x"]}
UNITS = {  # field: (modulus, squared)
    enc_elg: {"C": (0, True), "D": (0, True), "z2": (0, False), "S": (2, False), "T": (2, False)},
    aff_g: {
        "C": (1, True),
        "D": (1, True),
        "A": (1, True),
        "Y": (0, True),
        "B_y": (0, True),
        "w": (1, False),
        "w_y": (0, False),
        **dict.fromkeys("ESFT", (2, False)),
    },
}
EQUATIONS = {
    enc_elg: {
        Violation.PAILLIER: ["C", "D", "e", "z1", "z2"],
        Violation.CURVE: ["A", "B", "X", "Y", "Z", "e", "z1", "w"],
        Violation.PEDERSEN: ["S", "T", "e", "z1", "z3"],
    },
    aff_g: {
        Violation.PAILLIER: ["C", "D", "A", "e", "z1", "z2", "w"],
        Violation.PLAINTEXT: ["Y", "B_y", "e", "z2", "w_y"],
        Violation.CURVE: ["X", "B_x", "e", "z1"],
        Violation.PEDERSEN: ["E", "S", "F", "T", "e", "z1", "z2", "z3", "z4"],
    },
}
FIELDS = {
    enc_elg: ["C", "A", "B", "X", "S", "T", "D", "Y", "Z", "e", "z1", "z2", "z3", "w"],
    aff_g: [*"CDYXA", "B_x", "B_y", *"ESFTe", "z1", "z2", "z3", "z4", "w", "w_y"],
}
EACH_FIELD = [(make, name) for make in BOTH for name in FIELDS[make]]


def moduli() -> list[keys.Paillier | keys.Pedersen]:
    return [SMALL.own, SMALL.peer, SMALL.verifier]


def expected(make, name: str) -> Violation:
    found = NONE
    for violation, names in EQUATIONS[make].items():
        if name in names:
            found |= violation
    return found


@pytest.mark.parametrize(("make", "name"), EACH_FIELD)
def test_a_changed_field_violates_exactly_its_equations(make, name: str) -> None:
    one, r = proof(make), random.Random(name)
    value = field_of(one, name)
    for bit in [0, 1, 8 * len(value) - 12, *(r.randrange(8 * len(value) - 9) for _ in range(5))]:
        if name in POINTS[make]:
            changed = proofs.curve_points(1, bit)
        else:
            changed = (int.from_bytes(value, "big") ^ 1 << bit).to_bytes(len(value), "big")
        bad = with_field(one, name, changed)
        got = violations(SMALL, bad)
        if got in (Violation.UNIT, Violation.CHALLENGE):
            continue
        assert got == expected(make, name)
        assert {v.name for v in got} == {key for key, good in proofs.holds(SMALL, bad).items() if not good}


@pytest.mark.parametrize(("make", "name"), [(make, name) for make in BOTH for name in UNITS[make]])
def test_a_value_that_is_no_unit_is_named(make, name: str) -> None:
    one = proof(make)
    which, squared = UNITS[make][name]
    key, size = moduli()[which], len(field_of(one, name))
    bound = key.n**2 if squared else key.n
    value = int.from_bytes(field_of(one, name), "big")
    values = [0, bound, key.p, key.q, bound - key.p, 256**size - 1]
    values += [value + bound] if value + bound < 256**size else []
    values += [key.n, key.p * key.n] if squared else []
    for bad in values:
        assert violations(SMALL, with_field(one, name, bad.to_bytes(size, "big"))) == Violation.UNIT


@pytest.mark.parametrize(("make", "name"), [(make, name) for make in BOTH for name in POINTS[make]])
def test_a_malformed_point_is_named(make, name: str) -> None:
    one = proof(make)
    xy = field_of(one, name)
    off = xy[:63] + bytes([xy[63] ^ 1])
    beyond = (int.from_bytes(xy[:32], "big") + curve.P) % 2**256
    for bad in (bytes(64), off, b"\xff" * 64, beyond.to_bytes(32, "big") + xy[32:], xy[32:] + xy[:32]):
        assert violations(SMALL, with_field(one, name, bad)) == Violation.POINT


@pytest.mark.parametrize(("make", "name"), [(enc_elg, "e"), (enc_elg, "w"), (aff_g, "e")])
@pytest.mark.parametrize("number", [curve.N, curve.N + 1, 2**256 - 1])
def test_a_scalar_that_is_not_below_the_order_is_named(make, name: str, number: int) -> None:
    assert violations(SMALL, with_field(proof(make), name, number.to_bytes(32, "big"))) == Violation.CHALLENGE


def test_several_malformed_values_are_all_named() -> None:
    bad = with_field(with_field(proof(enc_elg), "S", bytes(64)), "X", bytes(64))
    bad = with_field(bad, "e", b"\xff" * 32)
    assert violations(SMALL, bad) == Violation.UNIT | Violation.POINT | Violation.CHALLENGE


@pytest.mark.parametrize(("make", "name"), EACH_FIELD)
def test_a_field_of_a_wrong_width_is_refused(make, name: str) -> None:
    one = proof(make)
    value = field_of(one, name)
    for wrong in (b"", value[1:], value[:-1], value + b"\x00", b"\x00" + value, value * 2, bytes(8) + value):
        with pytest.raises(LengthError):
            violations(SMALL, with_field(one, name, wrong))


@pytest.mark.parametrize(("make", "name"), [(enc_elg, "z2"), (aff_g, "w"), (aff_g, "w_y")])
def test_the_negative_of_a_unit_is_rejected(make, name: str) -> None:
    one = proof(make)
    modulus = moduli()[UNITS[make][name][0]].n
    negative = modulus - int.from_bytes(field_of(one, name), "big")
    got = violations(SMALL, with_field(one, name, column([negative], 64)))
    assert got == (Violation.PLAINTEXT if name == "w_y" else Violation.PAILLIER)


@pytest.mark.parametrize("make", BOTH)
def test_a_proof_is_not_one_of_another_statement_or_challenge(make) -> None:
    this = case(make)
    first, second, _ = this.proofs(column([1, 2, 3], 32))
    assert violations(SMALL, replace(first, statement=second.statement)) != NONE
    assert violations(SMALL, replace(first, e=second.e)) == expected(make, "e")
    assert violations(SMALL, replace(first, commitment=second.commitment)) != NONE
    assert violations(SMALL, replace(first, response=second.response)) != NONE


@pytest.mark.parametrize("make", BOTH)
def test_a_check_is_done_with_the_sizes_of_the_proof(make) -> None:
    for sizes in (ProofSizes(128, 128, 320), ProofSizes(64, 128, 384), ProofSizes(64, 128, 256)):
        with pytest.raises(LengthError):
            violations(replace(SMALL, sizes=sizes), proof(make))


@pytest.mark.parametrize("make", BOTH)
def test_the_widest_sizes_are_checked_without_harm(make) -> None:
    sizes = ProofSizes(8192, 8192, 8192)
    bad = with_field(proof(make), "z1", b"\x80" + bytes(2046) + b"\x01")
    bad = with_field(bad, "z3", b"\x7f" * (2048 + 64))
    if make is aff_g:
        bad = with_field(with_field(bad, "z2", b"\xff" * 2048), "z4", b"\xff" * (2048 + 64))
    got = violations(replace(SMALL, sizes=sizes), bad)
    assert {v.name for v in got} == {name for name, good in proofs.holds(SMALL, bad).items() if not good}


def test_wrong_moduli_are_refused() -> None:
    sizes, parameters, own = SMALL.sizes, SMALL.verifier.parameters, SMALL.own.secret.public.n
    short, even = b"\x00" * 8 + own[8:], own[:-1] + bytes([own[-1] ^ 1])
    for n, error in (
        (short, ModulusError),
        (even, ModulusError),
        (bytes(64), ModulusError),
        (b"", LengthError),
    ):
        with pytest.raises(error):
            enc_elg_violations(n, parameters, proof(enc_elg), sizes)
        for pair in ((n, own), (own, n)):
            with pytest.raises(error):
                aff_g_violations(*pair, parameters, proof(aff_g), sizes)
        with pytest.raises((error, LengthError)):
            enc_elg_violations(own, replace(parameters, n=n), proof(enc_elg), sizes)
        with pytest.raises((error, LengthError)):
            aff_g_violations(own, own, replace(parameters, n=n), proof(aff_g), sizes)
    for length in (63, 65, 520):
        with pytest.raises(LengthError):
            enc_elg_violations(b"\x99" * length, parameters, proof(enc_elg), sizes)


def test_wrong_parameters_of_the_verifier_are_refused() -> None:
    sizes, good, own = SMALL.sizes, SMALL.verifier.parameters, SMALL.own.secret.public.n
    key = SMALL.verifier
    for name in ("s", "t"):
        for value in (0, key.n, key.p, 256**64 - 1):
            bad = replace(good, **{name: column([value], 64)})
            with pytest.raises(NotUnitError):
                enc_elg_violations(own, bad, proof(enc_elg), sizes)
            with pytest.raises(NotUnitError):
                aff_g_violations(own, SMALL.peer.secret.public.n, bad, proof(aff_g), sizes)
        with pytest.raises(LengthError):
            enc_elg_violations(own, replace(good, **{name: b"\x03" * 63}), proof(enc_elg), sizes)
    assert enc_elg_violations(own, PedersenParameters(good.n, good.t, good.s), proof(enc_elg), sizes) == (
        Violation.PEDERSEN
    )


def test_take_refuses_what_is_no_item() -> None:
    this = case(enc_elg)
    for index, count in ((-1, 3), (3, 3), (0, 0), (0, -1), (0, 2**40), (0, 5)):
        with pytest.raises(LengthError):
            take(this.statement, index, count)
    assert this.statement.A[128:] == take(this.statement, 2, 3).A


# full size and other paths


@pytest.mark.slow
@pytest.mark.parametrize("make", BOTH)
def test_full_size_proofs_satisfy_the_equations(make) -> None:
    this = make(FULL, 5, 3072, False)
    assert random_scalars(1).count == 1
    for one in this.proofs(e_of(5, 1)):
        assert all(proofs.holds(FULL, one).values())
        assert violations(FULL, one) == NONE


@pytest.mark.parametrize("path", keys.other_paths())
def test_every_claim_holds_on_the_other_paths(path: str) -> None:
    keys.passes_on(path, __file__)
