import dataclasses
import random
from dataclasses import dataclass
from math import isqrt
from typing import Any

import gmpy2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from native._core import ffi, lib
from native.errors import LengthError, ModulusError, NotUnitError, UsedError
from native.fac_proof import FacCommitment, FacProof, FacProver, FacResponse, FacViolation, fac_violations
from native.range_proof import ProofSizes
from native.ring_pedersen import PedersenParameters
from native.secret import SecretSeed
from tests.native.proof_keys import Keys, keys

ELL, EPSILON = 64, 128
SIZES = ProofSizes(ELL, 64, EPSILON)
WIDE = ELL + EPSILON
KEYS = keys(256)
SIZE = KEYS.size
NH, S, T = KEYS.n_hat, KEYS.s, KEYS.t
COMMITMENTS = ("P", "Q", "A", "B", "T")
RESPONSES = {
    "z1": WIDE // 8 + SIZE // 2,
    "z2": WIDE // 8 + SIZE // 2,
    "w1": WIDE // 8 + SIZE,
    "w2": WIDE // 8 + SIZE,
    "v": WIDE // 8 + 2 * SIZE,
}


def bound(n: int) -> int:
    """Return the largest |z| of the half interval +-2^(ell + epsilon) sqrt(N)."""
    return isqrt(n) << WIDE - 1


def honest(k: Keys = KEYS, sizes: ProofSizes = SIZES, seed: int = 1) -> FacProof:
    prover = FacProver(k.own, k.pedersen.parameters, sizes)
    e = random.Random(seed).randbytes(sizes.ell // 8)
    return FacProof(prover.commitment, e, prover.respond(e))


def check(proof: FacProof, n: int = KEYS.n, parameters: PedersenParameters | None = None) -> FacViolation:
    return fac_violations(n.to_bytes(SIZE, "big"), parameters or KEYS.pedersen.parameters, proof, SIZES)


def power(*pairs: tuple[int, int]) -> int:
    product = gmpy2.mpz(1)
    for base, e in pairs:
        product = product * gmpy2.powmod(base, e, NH) % NH
    return int(product)


@dataclass
class Model:
    """A prover in plain Python, free to choose its masks."""

    p: int
    q: int
    e: int
    alpha: int | None = None
    beta: int | None = None

    def prove(self) -> FacProof:
        rng = random.Random(self.e)

        def draw(bits: int, m: int) -> int:
            return rng.randrange(-(m << bits - 1), m << bits - 1)

        n, e = self.p * self.q, self.e
        alpha = draw(WIDE, isqrt(n)) if self.alpha is None else self.alpha
        beta = draw(WIDE, isqrt(n)) if self.beta is None else self.beta
        mu, nu, x, y, r = draw(ELL, NH), draw(ELL, NH), draw(WIDE, NH), draw(WIDE, NH), draw(WIDE, n * NH)
        Q = power((S, self.q), (T, nu))
        values = (
            power((S, self.p), (T, mu)),
            Q,
            power((S, alpha), (T, x)),
            power((S, beta), (T, y)),
            power((Q, alpha), (T, r)),
        )
        responses = {
            "z1": alpha + e * self.p,
            "z2": beta + e * self.q,
            "w1": x + e * mu,
            "w2": y + e * nu,
            "v": r - e * nu * self.p,
        }
        response = {f: z.to_bytes(RESPONSES[f], "big", signed=True) for f, z in responses.items()}
        commitment = FacCommitment(*(c.to_bytes(SIZE, "big") for c in values))
        return FacProof(commitment, e.to_bytes(ELL // 8, "big"), FacResponse(**response))


def change(proof: FacProof, **fields: bytes) -> FacProof:
    commitment = {f: v for f, v in fields.items() if f in COMMITMENTS}
    response = {f: v for f, v in fields.items() if f in RESPONSES}
    return FacProof(
        dataclasses.replace(proof.commitment, **commitment),
        fields.get("e", proof.e),
        dataclasses.replace(proof.response, **response),
    )


# honest provers


@given(st.binary(min_size=32, max_size=32), st.binary(min_size=ELL // 8, max_size=ELL // 8))
@settings(max_examples=25, deadline=None)
def test_every_challenge_has_a_response(seed: bytes, e: bytes) -> None:
    prover = FacProver(KEYS.own, KEYS.pedersen.parameters, SIZES, SecretSeed.from_bytes(seed))
    assert not check(FacProof(prover.commitment, e, prover.respond(e)))


@pytest.mark.parametrize("e", [b"\x00" * 8, b"\x00" * 7 + b"\x01", b"\x80" + b"\x00" * 7, b"\xff" * 8])
def test_challenges_at_the_edges_have_responses(e: bytes) -> None:
    prover = FacProver(KEYS.own, KEYS.pedersen.parameters, SIZES)
    assert not check(FacProof(prover.commitment, e, prover.respond(e)))


def test_the_responses_open_the_commitments_in_plain_python() -> None:
    # masks are what remains of a response with e = 0; the same seed draws them again
    seed = SecretSeed.from_bytes(bytes(range(32)))
    zero = FacProver(KEYS.own, KEYS.pedersen.parameters, SIZES, seed)
    commitment, masks = zero.commitment, zero.respond(bytes(ELL // 8))
    alpha, beta, x, y, r = (int.from_bytes(getattr(masks, f), "big", signed=True) for f in RESPONSES)
    number = {f: int.from_bytes(getattr(commitment, f), "big") for f in COMMITMENTS}
    assert number["A"] == power((S, alpha), (T, x))
    assert number["B"] == power((S, beta), (T, y))
    assert number["T"] == power((number["Q"], alpha), (T, r))
    e = 2**ELL - 3
    again = FacProver(KEYS.own, KEYS.pedersen.parameters, SIZES, seed)
    assert again.commitment == commitment
    response = again.respond(e.to_bytes(ELL // 8, "big"))
    z1, z2, w1, w2, v = (int.from_bytes(getattr(response, f), "big", signed=True) for f in RESPONSES)
    assert (z1, z2) == (alpha + e * KEYS.p, beta + e * KEYS.q)
    mu, nu = (w1 - x) // e, (w2 - y) // e
    assert number["P"] == power((S, KEYS.p), (T, mu))
    assert number["Q"] == power((S, KEYS.q), (T, nu))
    assert v == r - e * nu * KEYS.p


def test_masks_fill_their_intervals_on_both_sides() -> None:
    signs = set()
    for i in range(12):
        prover = FacProver(KEYS.own, KEYS.pedersen.parameters, SIZES, SecretSeed.from_bytes(bytes([i]) * 32))
        masks = prover.respond(bytes(ELL // 8))
        values = [int.from_bytes(getattr(masks, f), "big", signed=True) for f in RESPONSES]
        signs |= {(f, z > 0) for f, z in zip(RESPONSES, values, strict=True)}
        limits = [bound(KEYS.n)] * 2 + [NH << WIDE - 1] * 2 + [KEYS.n * NH << WIDE - 1]
        assert all(abs(z) <= limit for z, limit in zip(values, limits, strict=True))
        assert all(abs(z) > limit >> 12 for z, limit in zip(values, limits, strict=True))
    assert len(signs) == 2 * len(RESPONSES)


def test_a_plain_python_prover_is_accepted() -> None:
    for e in (0, 1, 2**63, 2**64 - 1):
        assert not check(Model(KEYS.p, KEYS.q, e).prove())


@pytest.mark.slow
def test_an_honest_proof_of_full_size_holds() -> None:
    k, sizes = keys(1536), ProofSizes(256, 1280, 512)
    proof = honest(k, sizes)
    n, parameters = k.own.public.n, k.pedersen.parameters
    assert not fac_violations(n, parameters, proof, sizes)
    swapped = FacProof(proof.commitment, bytes(32), proof.response)
    violations = fac_violations(n, parameters, swapped, sizes)
    assert violations == FacViolation.FACTORS | FacViolation.PRODUCT


# one dishonest prover for each check


@pytest.mark.parametrize("side", ["alpha", "beta"])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_z_beyond_its_interval_is_rejected_though_its_equations_hold(side: str, sign: int) -> None:
    e = 2**64 - 5
    for beyond in (0, 1):
        factor = KEYS.p if side == "alpha" else KEYS.q
        mask = sign * (bound(KEYS.n) + beyond) - e * factor
        model = Model(KEYS.p, KEYS.q, e, **{side: mask})
        assert check(model.prove()) == (FacViolation.RANGE if beyond else FacViolation(0))


def test_a_modulus_with_a_small_factor_is_rejected() -> None:
    q = int(gmpy2.next_prime(19 * 2**382 // 10 + 2**100))
    p = int(gmpy2.next_prime(6 * 2**129 // 10))
    assert 2**511 < p * q < 2**512
    for e, violation in ((0, FacViolation(0)), (2**64 - 1, FacViolation.RANGE)):
        assert check(Model(p, q, e, alpha=0, beta=0).prove(), p * q) == violation


def test_other_factors_than_those_of_the_modulus_are_rejected() -> None:
    other = Model(KEYS.p - 2, KEYS.q, 12345).prove()
    assert check(other) == FacViolation.PRODUCT
    assert not check(other, (KEYS.p - 2) * KEYS.q)
    assert check(honest(), KEYS.n - 2) == FacViolation.PRODUCT


@pytest.mark.parametrize("field", COMMITMENTS)
def test_a_commitment_that_is_no_unit_is_rejected(field: str) -> None:
    for bad in (0, NH, KEYS.P, KEYS.Q * 3, 2**512 - 1):
        assert check(change(honest(), **{field: bad.to_bytes(SIZE, "big")})) == FacViolation.UNIT


@pytest.mark.parametrize(
    ("field", "violation"),
    [
        ("P", FacViolation.FACTORS),
        ("A", FacViolation.FACTORS),
        ("B", FacViolation.FACTORS),
        ("Q", FacViolation.FACTORS | FacViolation.PRODUCT),
        ("T", FacViolation.PRODUCT),
    ],
)
def test_another_commitment_is_rejected(field: str, violation: FacViolation) -> None:
    proof = honest()
    doubled = 2 * int.from_bytes(getattr(proof.commitment, field), "big") % NH
    assert check(change(proof, **{field: doubled.to_bytes(SIZE, "big")})) == violation


@pytest.mark.parametrize(
    ("field", "violation"),
    [
        ("z1", FacViolation.FACTORS | FacViolation.PRODUCT),
        ("z2", FacViolation.FACTORS),
        ("w1", FacViolation.FACTORS),
        ("w2", FacViolation.FACTORS),
        ("v", FacViolation.PRODUCT),
    ],
)
def test_another_response_is_rejected(field: str, violation: FacViolation) -> None:
    proof = honest()
    data = bytearray(getattr(proof.response, field))
    data[-1] ^= 1
    assert check(change(proof, **{field: bytes(data)})) == violation


def test_another_challenge_is_rejected() -> None:
    proof = honest()
    other = bytes([proof.e[0] ^ 1]) + proof.e[1:]
    assert check(change(proof, e=other)) == FacViolation.FACTORS | FacViolation.PRODUCT


@pytest.mark.parametrize("n", [KEYS.n - 1, 0, 1, 15, 2**256 - 1, 2**255 + 1])
def test_a_modulus_that_is_even_or_too_small_for_ell_is_rejected(n: int) -> None:
    assert FacViolation.MODULUS in check(honest(), n)


def test_the_least_modulus_above_the_bound_is_not_too_small() -> None:
    assert FacViolation.MODULUS in check(honest(), 2**256 - 1)
    assert FacViolation.MODULUS not in check(honest(), 2**256 + 1)


# parameters of the verifier, lengths, one shot


@pytest.mark.parametrize(
    ("field", "value", "error"),
    [
        ("n", NH - 1, ModulusError),
        ("n", 0, ModulusError),
        ("n", 2**448 - 1, ModulusError),
        ("s", 0, NotUnitError),
        ("s", KEYS.P, NotUnitError),
        ("s", NH, NotUnitError),
        ("t", 0, NotUnitError),
        ("t", KEYS.Q * 2, NotUnitError),
        ("t", 2**512 - 1, NotUnitError),
    ],
)
def test_unfit_parameters_are_refused_on_both_sides(field: str, value: int, error: type[Exception]) -> None:
    parameters = dataclasses.replace(KEYS.pedersen.parameters, **{field: value.to_bytes(SIZE, "big")})
    with pytest.raises(error):
        FacProver(KEYS.own, parameters, SIZES)
    with pytest.raises(error):
        check(honest(), parameters=parameters)


@pytest.mark.parametrize("field", ["n", "s", "t"])
@pytest.mark.parametrize("size", [0, 8, 63, 65, 72, 520])
def test_parameters_of_a_wrong_length_are_refused(field: str, size: int) -> None:
    parameters = dataclasses.replace(KEYS.pedersen.parameters, **{field: b"\x01" * size})
    with pytest.raises(LengthError):
        FacProver(KEYS.own, parameters, SIZES)
    with pytest.raises(LengthError):
        check(honest(), parameters=parameters)


@pytest.mark.parametrize("field", [*COMMITMENTS, "e", *RESPONSES])
def test_values_of_a_wrong_length_are_refused(field: str) -> None:
    proof = honest()
    good = (RESPONSES | dict.fromkeys(COMMITMENTS, SIZE) | {"e": ELL // 8})[field]
    for size in (0, good - 8, good - 1, good + 1, good + 8):
        with pytest.raises(LengthError):
            check(change(proof, **{field: b"\x01" * size}))


@pytest.mark.parametrize("size", [0, 1, 56, 63, 65, 72, 520])
def test_a_modulus_of_a_wrong_length_is_refused(size: int) -> None:
    with pytest.raises(LengthError):
        fac_violations(b"\x7f" * size, KEYS.pedersen.parameters, honest(), SIZES)


@pytest.mark.parametrize("sizes", [ProofSizes(320, 64, 64), ProofSizes(8192, 64, 64)])
def test_a_challenge_above_256_bits_is_refused(sizes: ProofSizes) -> None:
    with pytest.raises(LengthError):
        FacProver(KEYS.own, KEYS.pedersen.parameters, sizes)
    with pytest.raises(LengthError):
        fac_violations(KEYS.own.public.n, KEYS.pedersen.parameters, honest(), sizes)


@pytest.mark.parametrize("e", [b"", bytes(7), bytes(9), bytes(32)])
def test_a_prover_responds_once_even_when_it_fails(e: bytes) -> None:
    prover = FacProver(KEYS.own, KEYS.pedersen.parameters, SIZES)
    with pytest.raises(LengthError):
        prover.respond(e)
    with pytest.raises(UsedError):
        prover.respond(bytes(8))


def test_c_itself_refuses_a_second_response_and_wrong_lengths() -> None:
    e = ffi.new("uint8_t[]", 8)

    def outs(ctype: str, sizes: dict[str, int]) -> tuple[Any, dict[str, Any]]:
        room = {f: ffi.new("uint8_t[]", b"\xff" * (size + 1)) for f, size in sizes.items()}
        return ffi.new(ctype, {f: (room[f], sizes[f]) for f in sizes}), room

    own: Any = KEYS.own
    prover: Any = FacProver(KEYS.own, KEYS.pedersen.parameters, SIZES)
    handle = prover._handle
    out, room = outs("mpcw_fac_response *", RESPONSES)
    assert lib.mpcw_fac_respond(out, handle, (e, 8)) == lib.MPCW_OK
    assert lib.mpcw_fac_respond(out, handle, (e, 8)) == lib.MPCW_E_USED
    assert all(bytes(ffi.buffer(room[f], size)) == bytes(size) for f, size in RESPONSES.items())
    assert lib.mpcw_fac_respond(out, ffi.NULL, (e, 8)) == lib.MPCW_E_KIND
    for field, right in RESPONSES.items():
        for wrong in (0, right - 1, right + 1):
            other: Any = FacProver(KEYS.own, KEYS.pedersen.parameters, SIZES)
            out, _ = outs("mpcw_fac_response *", RESPONSES | {field: wrong})
            assert lib.mpcw_fac_respond(out, other._handle, (e, 8)) == lib.MPCW_E_LENGTH
    rp = KEYS.pedersen.parameters
    views = [ffi.from_buffer("uint8_t[]", x) for x in (rp.n, rp.s, rp.t)]
    parameters = ffi.new("mpcw_pedersen_parameters *", [(v, len(v)) for v in views])
    place, good = ffi.new("mpcw_fac_prover **"), dict.fromkeys(COMMITMENTS, SIZE)
    for field in COMMITMENTS:
        for wrong in (0, SIZE - 1, SIZE + 1):
            out, _ = outs("mpcw_fac_commitment *", good | {field: wrong})
            inputs = (own._handle, parameters, SIZES._c(), ffi.NULL)
            assert lib.mpcw_fac_commit(place, out, *inputs) == lib.MPCW_E_LENGTH
    out, _ = outs("mpcw_fac_commitment *", good)
    assert lib.mpcw_fac_commit(place, out, ffi.NULL, *inputs[1:]) == lib.MPCW_E_KIND
    assert place[0] == ffi.NULL
