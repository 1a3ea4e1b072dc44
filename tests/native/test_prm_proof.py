import dataclasses
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from native._core import ffi, lib
from native.errors import KindError, LengthError, RangeError, UsedError
from native.prm_proof import PrmProof, PrmProver, PrmViolation, prm_violations
from native.ring_pedersen import PedersenParameters
from native.secret import SecretSeed
from tests.native.proof_keys import Keys, column, items, keys

M = 16
KEYS = keys(256)


def challenges(rng: random.Random, m: int = M) -> bytes:
    return bytes(rng.getrandbits(1) for _ in range(m))


def honest(k: Keys = KEYS, m: int = M, seed: int = 1) -> PrmProof:
    prover = PrmProver(k.pedersen, m)
    e = challenges(random.Random(seed), m)
    return PrmProof(prover.A, e, prover.respond(e))


def simulate(s: int, t: int, zs: list[int] | None = None, n: int = KEYS.n_hat) -> PrmProof:
    """Return a proof that satisfies every equation for any s and t, by knowing the challenges beforehand."""
    rng = random.Random(3)
    e = challenges(rng)
    z = zs or [rng.randrange(n) for _ in range(M)]
    s_inverse = pow(s, -1, n) if any(e) else 1
    A = [pow(t, z_k, n) * pow(s_inverse, e_k, n) % n for z_k, e_k in zip(z, e, strict=True)]
    return PrmProof(column(A, KEYS.size), e, column(z, KEYS.size))


def violations(proof: PrmProof, parameters: PedersenParameters = KEYS.pedersen.parameters) -> PrmViolation:
    return prm_violations(parameters, proof, M)


# honest provers


@pytest.mark.parametrize("m", [1, 2, 3, 4, 5, 13, 128])
def test_an_honest_proof_holds(m: int) -> None:
    proof = honest(m=m)
    assert not prm_violations(KEYS.pedersen.parameters, proof, m)


def test_the_proof_satisfies_the_equations_in_plain_python() -> None:
    proof = honest()
    n, s, t = KEYS.n_hat, KEYS.s, KEYS.t
    assert s == pow(t, KEYS.lambda_, n)
    A, z = items(proof.A, KEYS.size), items(proof.z, KEYS.size)
    for A_k, e_k, z_k in zip(A, proof.e, z, strict=True):
        assert 0 <= z_k < KEYS.phi_hat
        assert pow(t, z_k, n) == A_k * pow(s, e_k, n) % n


@given(st.binary(min_size=32, max_size=32), st.lists(st.booleans(), min_size=M, max_size=M))
@settings(max_examples=20, deadline=None)
def test_every_challenge_has_a_response(seed: bytes, e: list[bool]) -> None:
    prover = PrmProver(KEYS.pedersen, M, SecretSeed.from_bytes(seed))
    assert not violations(PrmProof(prover.A, bytes(e), prover.respond(bytes(e))))


def test_a_seed_replays_the_masks_and_no_seed_does_not() -> None:
    seed = SecretSeed.from_bytes(bytes(32))
    assert PrmProver(KEYS.pedersen, 4, seed).A == PrmProver(KEYS.pedersen, 4, seed).A
    assert PrmProver(KEYS.pedersen, 4).A != PrmProver(KEYS.pedersen, 4).A


def test_a_plain_python_prover_is_accepted() -> None:
    rng = random.Random(8)
    a = [0, 1, KEYS.phi_hat - 1, *(rng.randrange(KEYS.phi_hat) for _ in range(M - 3))]
    e = challenges(rng)
    z = [(a_k + e_k * KEYS.lambda_) % KEYS.phi_hat for a_k, e_k in zip(a, e, strict=True)]
    A = [pow(KEYS.t, a_k, KEYS.n_hat) for a_k in a]
    assert not violations(PrmProof(column(A, KEYS.size), e, column(z, KEYS.size)))


@pytest.mark.slow
def test_an_honest_proof_of_full_size_holds() -> None:
    k = keys(1536)
    proof = honest(k, 128)
    assert not prm_violations(k.pedersen.parameters, proof, 128)
    flipped = dataclasses.replace(proof, e=bytes([proof.e[0] ^ 1]) + proof.e[1:])
    assert prm_violations(k.pedersen.parameters, flipped, 128) == PrmViolation.EQUATION


# one dishonest prover for each check


def test_degenerate_parameters_are_rejected() -> None:
    n, s, t = KEYS.n_hat, KEYS.s, KEYS.t
    simulated = [(t, t), (1, t), (n - 1, t), (s, 1), (s, n - 1)]
    for bad_s, bad_t in simulated:
        assert violations(simulate(bad_s, bad_t), KEYS.parameters(bad_s, bad_t)) == PrmViolation.PARAMETERS
    for bad_s, bad_t in [
        (0, t),
        (s, 0),
        (n, t),
        (s, n),
        (KEYS.P, t),
        (s, KEYS.Q * 5),
        (s + n, t),
        (2**512 - 1, t),
    ]:
        if max(bad_s, bad_t) < 2**512:
            assert violations(honest(), KEYS.parameters(bad_s, bad_t)) == PrmViolation.PARAMETERS


def test_an_even_modulus_is_rejected() -> None:
    for n in (KEYS.n_hat - 1, 0, 2**500, 1, 3, 2**448 - 1):
        parameters = dataclasses.replace(KEYS.pedersen.parameters, n=n.to_bytes(KEYS.size, "big"))
        assert violations(honest(), parameters) == PrmViolation.MODULUS


@pytest.mark.parametrize("k", [0, 1, M - 1])
def test_a_commitment_that_is_no_unit_is_rejected(k: int) -> None:
    proof = honest()
    A = items(proof.A, KEYS.size)
    for bad in (0, KEYS.n_hat, KEYS.P, KEYS.Q * 9, 2**512 - 1, A[k] + KEYS.n_hat):
        if bad < 2**512:
            changed = column([*A[:k], bad, *A[k + 1 :]], KEYS.size)
            assert violations(dataclasses.replace(proof, A=changed)) == PrmViolation.UNIT


def test_a_response_above_the_modulus_is_rejected_though_its_equation_holds() -> None:
    z = [KEYS.n_hat + 5, *range(1, M)]
    assert violations(simulate(KEYS.s, KEYS.t, z)) == PrmViolation.RANGE
    assert violations(simulate(KEYS.s, KEYS.t, [KEYS.n_hat, *range(1, M)])) == PrmViolation.RANGE
    assert not violations(simulate(KEYS.s, KEYS.t, [KEYS.n_hat - 1, *range(M - 1)]))


@pytest.mark.parametrize("k", [0, 3, 4, M - 1])
def test_a_changed_round_is_rejected(k: int) -> None:
    proof = honest()
    A, z = items(proof.A, KEYS.size), items(proof.z, KEYS.size)
    changes: list[dict[str, bytes]] = [
        {"e": proof.e[:k] + bytes([proof.e[k] ^ 1]) + proof.e[k + 1 :]},
        {"A": column([*A[:k], KEYS.n_hat - A[k], *A[k + 1 :]], KEYS.size)},
        {"z": column([*z[:k], z[k] ^ 1, *z[k + 1 :]], KEYS.size)},
    ]
    for change in changes:
        assert violations(dataclasses.replace(proof, **change)) == PrmViolation.EQUATION


def test_an_s_outside_of_the_group_of_t_is_rejected() -> None:
    # s = -t^lambda: every round with challenge 1 fails, and only those
    s = KEYS.n_hat - KEYS.s
    proof = honest()
    assert 1 in proof.e
    assert violations(proof, KEYS.parameters(s, KEYS.t)) == PrmViolation.EQUATION
    prover = PrmProver(KEYS.pedersen, M)
    zeros = PrmProof(prover.A, bytes(M), prover.respond(bytes(M)))
    assert not violations(zeros, KEYS.parameters(s, KEYS.t))


# lengths, ranges, one shot


@pytest.mark.parametrize("m", [0, 1, M - 1, M + 1])
def test_any_other_number_of_rounds_is_refused(m: int) -> None:
    proof = honest(m=max(m, 1))
    if m == 0:
        proof = PrmProof(b"", b"", b"")
    with pytest.raises(LengthError):
        violations(proof)
    good = honest()
    for field in ("A", "e", "z"):
        with pytest.raises(LengthError):
            violations(dataclasses.replace(good, **{field: getattr(proof, field)}))
    with pytest.raises(LengthError):
        prm_violations(KEYS.pedersen.parameters, proof, M if m else 0)


@pytest.mark.parametrize("field", ["n", "s", "t"])
@pytest.mark.parametrize("size", [0, 8, 63, 65, 72, 520])
def test_parameters_of_a_wrong_length_are_refused(field: str, size: int) -> None:
    with pytest.raises(LengthError):
        violations(honest(), dataclasses.replace(KEYS.pedersen.parameters, **{field: b"\x01" * size}))


@pytest.mark.parametrize("m", [-1, 0, 1025, 2**64])
def test_an_unfit_number_of_rounds_is_refused(m: int) -> None:
    with pytest.raises(LengthError):
        PrmProver(KEYS.pedersen, m)
    with pytest.raises(LengthError):
        prm_violations(KEYS.pedersen.parameters, honest(), m)


def test_a_challenge_that_is_no_bit_is_refused() -> None:
    proof = honest()
    with pytest.raises(RangeError):
        violations(dataclasses.replace(proof, e=b"\x02" + proof.e[1:]))
    with pytest.raises(RangeError):
        PrmProver(KEYS.pedersen, M).respond(b"\x02" + bytes(M - 1))


@pytest.mark.parametrize("e", [b"", bytes(M - 1), bytes(M + 1), b"\xff" * M])
def test_a_prover_responds_once_even_when_it_fails(e: bytes) -> None:
    prover = PrmProver(KEYS.pedersen, M)
    with pytest.raises((LengthError, RangeError)):
        prover.respond(e)
    with pytest.raises(UsedError):
        prover.respond(bytes(M))


def test_c_itself_refuses_a_second_response_and_wrong_lengths() -> None:
    prover: Any = PrmProver(KEYS.pedersen, M)
    handle, size = prover._handle, KEYS.size * M
    z, e = ffi.new("uint8_t[]", size + 1), ffi.new("uint8_t[]", M)
    assert lib.mpcw_prm_respond((z, size), handle, (e, M)) == lib.MPCW_OK
    assert lib.mpcw_prm_respond((z, size), handle, (e, M)) == lib.MPCW_E_USED
    assert bytes(ffi.buffer(z)) == bytes(size + 1)
    for length in (0, size - 1, size + 1):
        other: Any = PrmProver(KEYS.pedersen, M)
        assert lib.mpcw_prm_respond((z, length), other._handle, (e, M)) == lib.MPCW_E_LENGTH
        place = ffi.new("mpcw_prm_prover **")
        own: Any = KEYS.pedersen
        assert lib.mpcw_prm_commit(place, (z, length), own._handle, M, ffi.NULL) == lib.MPCW_E_LENGTH
        assert place[0] == ffi.NULL
    assert lib.mpcw_prm_respond((z, size), ffi.NULL, (e, M)) == lib.MPCW_E_KIND
    assert lib.mpcw_prm_commit(place, (z, size), ffi.NULL, M, ffi.NULL) == lib.MPCW_E_KIND


def test_a_secret_of_another_kind_is_no_seed() -> None:
    wrong: Any = KEYS.pedersen.lambda_
    with pytest.raises(KindError):
        PrmProver(KEYS.pedersen, M, wrong)
