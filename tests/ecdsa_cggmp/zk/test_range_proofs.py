"""Provers of Pi-enc-elg and Pi-aff-g that lie about ranges, units or in their own computer."""

import math
from collections.abc import Callable
from dataclasses import replace

import gmpy2
import pytest

from ecdsa_cggmp.zk import aff_g, enc_elg
from native.curve import ORDER, Point, Scalar
from native.errors import FaultError, LengthError
from native.range_proof import AffGProver as NativeAffG
from native.range_proof import EncElgProof, enc_elg_violations
from native.range_proof import EncElgProver as NativeEncElg
from native.secret import SecretInts
from tests.ecdsa_cggmp.levels import TINY
from tests.ecdsa_cggmp.network import primes_of

from .cases import (
    CASES,
    DOMAIN,
    PROVER,
    VERIFIER,
    Case,
    aff_g_given,
    enc_elg_case,
    enc_elg_given,
    proof_keys,
)
from .free_provers import (
    CIPHERTEXT,
    UNIT,
    WIDE,
    WIDER,
    AffGProver,
    EncElgProver,
    encrypt,
    item,
    modulus,
    number,
    point,
    ring,
)

GOOD, BAD = ((), ()), ((0,), (0,))
SMALL = 12345


# ranges


@pytest.mark.parametrize("x", [0, 1, -1, ORDER // 2, -(ORDER // 2), (1 << TINY.ell - 1) - 1])
def test_a_free_prover_within_the_range_is_accepted(x: int) -> None:
    assert EncElgProver(x).prove().bad() == GOOD
    assert AffGProver(x or 1, x).prove().bad() == GOOD


def test_a_response_at_the_edge_of_its_interval_is_accepted() -> None:
    largest = (1 << 8 * WIDE - 1) - 1
    assert EncElgProver(0, alpha=largest, answered=0).prove().bad() == GOOD
    assert AffGProver(1, 0, masks=(SMALL, (1 << 8 * WIDER - 1) - 1)).prove().bad() == GOOD


def lies() -> dict[str, Callable[[], Case]]:
    """One for each equation, and witnesses that are not in their range: what they send is all that fits."""
    N_i, N_j = modulus(PROVER), modulus(VERIFIER)
    largest = (1 << 8 * WIDE - 1) - 1
    return {
        "alpha one too large": lambda: EncElgProver(0, alpha=largest + 1, answered=0).prove(),
        "alpha one too small": lambda: EncElgProver(0, alpha=-largest - 2, answered=0).prove(),
        "x of ell + epsilon bits": lambda: EncElgProver(1 << TINY.ell + TINY.epsilon).prove(),
        "x and N": lambda: EncElgProver(SMALL + N_i).prove(),
        "x minus N": lambda: EncElgProver(SMALL - N_i).prove(),
        "other x committed": lambda: EncElgProver(SMALL, committed=SMALL + N_i).prove(),
        "other x committed, mod q": lambda: EncElgProver(SMALL, committed=SMALL + ORDER).prove(),
        "other x answered": lambda: EncElgProver(SMALL, answered=SMALL + 1).prove(),
        "other x mod q answered": lambda: EncElgProver(SMALL, answered=SMALL + ORDER).prove(),
        "aff_g: x of ell + epsilon bits": lambda: AffGProver(1 << TINY.ell + TINY.epsilon, 1).prove(),
        "aff_g: y of ell' + epsilon bits": lambda: AffGProver(1, 1 << TINY.ell_prime + TINY.epsilon).prove(),
        "aff_g: y and N_j": lambda: AffGProver(1, SMALL + N_j).prove(),
        "aff_g: other x committed": lambda: AffGProver(3, 4, committed=(3 + ORDER, 4)).prove(),
        "aff_g: other y committed": lambda: AffGProver(3, 4, committed=(3, 4 + N_j)).prove(),
        "aff_g: beta one too large": lambda: AffGProver(1, 0, masks=(9, 1 << 8 * WIDER - 1)).prove(),
        "aff_g: other sign of y in Y": lambda: AffGProver(3, 4, F=-4).prove(),
        "aff_g: other y in Y": lambda: AffGProver(3, 4, F=5).prove(),
        "aff_g: other y in D": lambda: AffGProver(3, 4, added=5).prove(),
        "aff_g: other x in X": lambda: AffGProver(3, 4, public=5).prove(),
        "other x in X": lambda: EncElgProver(SMALL, hidden=SMALL + 1).prove(),
        "other b in B": lambda: EncElgProver(SMALL, blinded=False).prove(),
    }


@pytest.mark.parametrize("lie", lies())
def test_a_lie_is_rejected(lie: str) -> None:
    assert lies()[lie]().bad() == BAD


def test_our_own_prover_refuses_witnesses_beyond_their_range() -> None:
    given = enc_elg_given(1)
    x = SecretInts.from_bytes((1 << TINY.ell).to_bytes(TINY.ell // 8 + 8, "big"))
    with pytest.raises(LengthError):
        enc_elg.prove(DOMAIN, proof_keys(), given.handles, given.statement, replace(given.witness, x=x))


# values that are no units, or have two encodings


def hostile_units(party: int) -> dict[str, int]:
    p, q = primes_of(party, "blum")
    n = p * q
    return {"0": 0, "N": n, "p": p, "q": q * 5, "all ones": (1 << 8 * UNIT) - 1}


def hostile_ciphertexts(party: int) -> dict[str, int]:
    p, q = primes_of(party, "blum")
    n = p * q
    # 1 is a ciphertext, of 0: the proof fails
    return {"0": 0, "1": 1, "p": p, "N": n, "N^2": n * n, "all ones": (1 << 8 * CIPHERTEXT) - 1}


def hostile() -> list[tuple[str, str, int]]:
    out = []
    for kind, name, owner in (
        ("enc_elg", "z2", PROVER),
        ("aff_g", "w", VERIFIER),
        ("aff_g", "w_y", PROVER),
    ):
        out += [(kind, name, value) for value in hostile_units(owner).values()]
    for kind, name, owner in (
        ("enc_elg", "C", PROVER),
        ("enc_elg", "D", PROVER),
        ("aff_g", "D", VERIFIER),
        ("aff_g", "A", VERIFIER),
        ("aff_g", "Y", PROVER),
        ("aff_g", "B_y", PROVER),
    ):
        out += [(kind, name, value) for value in hostile_ciphertexts(owner).values()]
    P, _ = primes_of(VERIFIER, "safe")
    for kind, columns in (("enc_elg", "ST"), ("aff_g", "ESFT")):
        for name in columns:
            out += [(kind, name, value) for value in (0, P, ring().n, (1 << 8 * UNIT) - 1)]
    return out


@pytest.mark.parametrize(("kind", "name", "value"), hostile())
def test_a_value_that_is_no_unit_is_rejected_wherever_it_stands(kind: str, name: str, value: int) -> None:
    case = CASES[kind]()
    changed = case.with_item(name, 1, item(value, len(case.item(name, 1))))
    assert changed.bad(tried=[1]) == ((1,), (1,))


@pytest.mark.parametrize(
    ("kind", "name", "modulus_of"),
    [
        ("enc_elg", "z2", lambda: modulus(PROVER)),
        ("aff_g", "w", lambda: modulus(VERIFIER)),
        ("aff_g", "w_y", lambda: modulus(PROVER)),
    ],
)
def test_a_unit_has_one_encoding(kind: str, name: str, modulus_of: Callable[[], int]) -> None:
    # of three there is one that has room for N above it, or the next seed has
    for seed in range(20):
        prove = EncElgProver(SMALL).prove if kind == "enc_elg" else AffGProver(3, 4).prove
        case = prove(seed)
        shifted = number(case.item(name, 0)) + modulus_of()
        if shifted < 1 << 8 * UNIT:
            assert case.with_item(name, 0, item(shifted, UNIT)).bad() == BAD
            return
    pytest.fail("no unit has room")


# cheats that know how a challenge will come out, or hope so


def solved(e: int) -> tuple[Case, int]:
    """Responses first, commitments solved from them for a challenge that the prover would like."""
    case, R, N = enc_elg_case(1), ring(), modulus(PROVER)
    statement, z1, z2, z3, w = case.statement, 17, 19, 23, 29
    C, S = number(statement.C), R.commit(5, 7)
    A, B, X = (case_point(statement, name) for name in "ABX")
    made = replace(
        case.proofs.commitment,
        S=item(S, UNIT),
        # D = (1 + N)^z1 z2^N C^-e, T = s^z1 t^z3 S^-e, Y = w A + z1 G - e X, Z = w G - e B
        D=item(int(encrypt(N, z1, z2) * gmpy2.powmod(C, -e, N * N) % (N * N)), CIPHERTEXT),
        T=item(int(R.commit(z1, z3) * gmpy2.powmod(S, -e, R.n) % R.n), UNIT),
        Y=(point(w, A) + point(z1) - point(e, X)).xy,
        Z=(point(w) - point(e, B)).xy,
    )
    response = type(case.proofs.response)(item(z1, WIDE), item(z2, UNIT), item(z3, WIDE + UNIT), item(w, 32))
    return replace(case, proofs=enc_elg.EncElgProofs(1, made, response)), e


def case_point(statement: object, name: str) -> Point:
    return Point(getattr(statement, name))


def test_a_simulated_proof_holds_for_its_challenge_only() -> None:
    case, e = solved(0xC0FFEE)
    keys, proofs = proof_keys(), case.proofs
    transcript = EncElgProof(case.statement, proofs.commitment, item(e, 32), proofs.response)
    assert not enc_elg_violations(keys.N_i, keys.pedersen, transcript, TINY.sizes)
    assert case.bad() == BAD


@pytest.mark.parametrize("names", ["D", "T", "Y", "Z", "DTYZ"])
def test_commitments_solved_after_the_challenge_are_rejected(names: str) -> None:
    """The challenge of a first commitment is kept; the commitment is then replaced by what fits it."""
    honest = EncElgProver(SMALL).prove()
    e = number(enc_elg._challenges(DOMAIN, proof_keys(), honest.statement, honest.proofs.commitment, 1))
    case, _ = solved(e)
    changed = case
    for name in set("DTYZS") - set(names):
        changed = changed.with_item(name, 0, honest.item(name, 0))
    assert changed.bad() == BAD


def test_a_statement_solved_after_the_challenge_is_rejected() -> None:
    """X = (w A + z1 G - Y) / e for any responses, were the statement not hashed."""
    case = enc_elg_case(1)
    c, r = case.proofs.commitment, case.proofs.response
    e = number(enc_elg._challenges(DOMAIN, proof_keys(), case.statement, c, 1))
    A, Y = case_point(case.statement, "A"), case_point(c, "Y")
    w = number(r.w) + 1
    inverse = int(Scalar(e).invert())
    X = point(inverse, point(w, A) + point(number(r.z1)) - Y)
    B = point(inverse, point(w) - case_point(c, "Z"))
    changed = case.with_item("X", 0, X.xy).with_item("B", 0, B.xy).with_item("w", 0, item(w % ORDER, 32))
    assert changed.bad() == BAD


# faults in the own computer


def crt_fault(column: bytes, width: int, party: int) -> bytes:
    """Make the last item wrong modulo q, and leave it right modulo p."""
    p, q = primes_of(party, "blum")
    value = number(column[-width:])
    wrong = int((value + p * (p * 7 + 1)) % (p * q)) if width == UNIT else (value + p * p * 5) % (p * q) ** 2
    assert wrong % p == value % p
    assert wrong % q != value % q
    return column[:-width] + item(wrong, width)


@pytest.mark.parametrize(
    ("prover", "name", "width"),
    [(NativeEncElg, "z2", UNIT), (NativeAffG, "w_y", UNIT)],
)
def test_a_response_that_is_wrong_modulo_one_prime_does_not_leave(monkeypatch, prover, name, width) -> None:
    respond = prover.respond
    leaked = []

    def faulty(self, e):
        honest = respond(self, e)
        response = replace(honest, **{name: crt_fault(getattr(honest, name), width, PROVER)})
        leaked.append((number(getattr(response, name)[-width:]), number(getattr(honest, name)[-width:])))
        return response

    monkeypatch.setattr(prover, "respond", faulty)
    expect_fault(prover)
    # what the fault would have given away
    (sent, right) = leaked[0]
    assert math.gcd(sent - right, modulus(PROVER)) == primes_of(PROVER, "blum")[0]


@pytest.mark.parametrize(("prover", "name"), [(NativeEncElg, "D"), (NativeAffG, "B_y")])
def test_a_commitment_that_is_wrong_modulo_one_prime_does_not_leave(monkeypatch, prover, name) -> None:
    honest = prover.commitment.fget

    def faulty(self):
        commitment = honest(self)
        return replace(commitment, **{name: crt_fault(getattr(commitment, name), CIPHERTEXT, PROVER)})

    monkeypatch.setattr(prover, "commitment", property(faulty))
    expect_fault(prover)


@pytest.mark.parametrize(("prover", "name"), [(NativeEncElg, "C"), (NativeAffG, "Y")])
def test_an_encryption_that_is_wrong_modulo_one_prime_does_not_leave(prover, name) -> None:
    expect_fault(prover, lambda s: replace(s, **{name: crt_fault(getattr(s, name), CIPHERTEXT, PROVER)}))


def expect_fault(prover: type, change: Callable = lambda statement: statement) -> None:
    module, given = (enc_elg, enc_elg_given()) if prover is NativeEncElg else (aff_g, aff_g_given())
    with pytest.raises(FaultError):
        module.prove(DOMAIN, proof_keys(), given.handles, change(given.statement), given.witness)
