"""Pi-fac: no factor of N is small, shown to one verifier."""

from dataclasses import fields, replace
from math import isqrt, prod

import pytest

from ecdsa_cggmp.zk import fac
from ecdsa_cggmp.zk.keys import ProofKeys
from native.fac_proof import FacCommitment, FacProof, FacResponse, FacViolation, fac_violations
from protocol.codec import Writer, decode
from protocol.errors import EncodingError
from tests.ecdsa_cggmp.levels import TINY
from tests.ecdsa_cggmp.network import primes_of

from .cases import DOMAIN, OTHER, OTHER_DOMAINS, PROVER, VERIFIER, infos, proof_keys
from .free_provers import number, prove_fac, ring
from .mod_cheats import filled, prime

RHO = bytes(range(32))
BITS, SIZE = TINY.modulus_bits, TINY.modulus_bytes
COMMITMENTS = ("P", "Q", "A", "B", "T")
RESPONSES = ("z1", "z2", "w1", "w2", "v")


@pytest.fixture(scope="module")
def proof() -> fac.FacProof:
    return fac.prove(DOMAIN, proof_keys(), RHO, infos()[PROVER].own.paillier)


def holds(proof: fac.FacProof, **place) -> bool:
    args = {"domain": DOMAIN, "keys": proof_keys(), "rho": RHO} | place
    return fac.holds(*args.values(), proof)


def violations(proof: fac.FacProof, keys: ProofKeys) -> FacViolation:
    e = fac._challenge(DOMAIN, keys, RHO, proof.commitment)
    return fac_violations(keys.N_i, keys.pedersen, FacProof(proof.commitment, e, proof.response), TINY.sizes)


def changed(proof: fac.FacProof, name: str, value: bytes) -> fac.FacProof:
    part = "commitment" if name in COMMITMENTS else "response"
    return replace(proof, **{part: replace(getattr(proof, part), **{name: value})})


def item(proof: fac.FacProof, name: str) -> bytes:
    return getattr(proof.commitment if name in COMMITMENTS else proof.response, name)


def keys_of(factors: list[int]) -> ProofKeys:
    N = 1
    for p in factors:
        N *= p
    return replace(proof_keys(), N_i=N.to_bytes(SIZE, "big"))


def test_an_honest_proof_holds(proof) -> None:
    assert holds(proof)
    assert holds(prove_fac(primes_of(PROVER, "blum"), proof_keys(), DOMAIN, RHO))


@pytest.mark.parametrize("name", [*COMMITMENTS, *RESPONSES])
def test_each_broken_value_is_rejected(proof, name: str) -> None:
    data = item(proof, name)
    assert not holds(changed(proof, name, data[:-1] + bytes([data[-1] ^ 1])))


@pytest.mark.parametrize("name", COMMITMENTS)
def test_a_commitment_that_is_no_unit_is_rejected(proof, name: str) -> None:
    for value in (0, ring().n, primes_of(VERIFIER, "safe")[0], (1 << BITS) - 1):
        assert not holds(changed(proof, name, value.to_bytes(SIZE, "big")))


def test_commitments_solved_after_the_challenge_are_rejected() -> None:
    """A, B, T of responses and a challenge that the prover likes, for a factor of 16 bits (A-Z6)."""
    keys = keys_of(filled(BITS, 65537))
    n, s, t = (number(data) for data in (keys.pedersen.n, keys.pedersen.s, keys.pedersen.t))
    e, z1, z2, w1, w2, v = 0xC0FFEE, 11, 12, 13, 14, 15

    def power(*pairs: tuple[int, int]) -> int:
        return prod(pow(base, exponent, n) for base, exponent in pairs) % n

    P, Q = pow(t, 5, n), pow(t, 7, n)
    A, B = power((s, z1), (t, w1), (P, -e)), power((s, z2), (t, w2), (Q, -e))
    T = power((Q, z1), (t, v), (pow(s, number(keys.N_i), n), -e))
    commitment = FacCommitment(*(x.to_bytes(SIZE, "big") for x in (P, Q, A, B, T)))
    widths = {name: column.size for name, column in fac._response(TINY).items()}
    values = zip(widths.items(), (z1, z2, w1, w2, v), strict=True)
    response = FacResponse(**{name: x.to_bytes(size, "big") for (name, size), x in values})
    chosen = FacProof(commitment, e.to_bytes(TINY.ell // 8, "big"), response)
    assert not fac_violations(keys.N_i, keys.pedersen, chosen, TINY.sizes)
    assert not holds(fac.FacProof(commitment, response), keys=keys)


def test_challenges_depend_on_every_commitment(proof) -> None:
    e = {fac._challenge(DOMAIN, proof_keys(), RHO, proof.commitment)}
    for name in COMMITMENTS:
        data = item(proof, name)
        broken = changed(proof, name, data[:-1] + bytes([data[-1] ^ 1]))
        e.add(fac._challenge(DOMAIN, proof_keys(), RHO, broken.commitment))
    assert len(e) == 1 + len(COMMITMENTS)


@pytest.mark.parametrize("place", OTHER_DOMAINS)
def test_a_proof_is_worth_nothing_elsewhere(proof, place: str) -> None:
    assert not holds(proof, domain=OTHER_DOMAINS[place])


def test_a_proof_is_worth_nothing_for_others(proof) -> None:
    info = infos()[PROVER]
    for other in (
        info.proof_keys(OTHER, VERIFIER),
        info.proof_keys(PROVER, OTHER),
        info.proof_keys(VERIFIER, PROVER),
        replace(proof_keys(), params=replace(TINY, m=129)),
    ):
        assert not holds(proof, keys=other)
    assert not holds(proof, rho=bytes(32))


def unbalanced() -> dict[str, list[int]]:
    return {
        "256-bit factor": filled(BITS, prime(256)),
        "128-bit factor": filled(BITS, prime(128)),
        "factor 1": [1, *filled(BITS)],
    }


@pytest.mark.parametrize("form", unbalanced())
def test_a_modulus_with_a_small_factor_is_rejected(form: str) -> None:
    factors = unbalanced()[form]
    keys = keys_of(factors)
    proof = prove_fac((factors[0], factors[1]), keys, DOMAIN, RHO)
    # what is too large is cut to the width of the column
    assert violations(proof, keys) & (FacViolation.RANGE | FacViolation.FACTORS)
    assert not holds(proof, keys=keys)


def test_a_response_beyond_the_bound_is_rejected_though_it_has_room() -> None:
    p, q = primes_of(PROVER, "blum")
    beyond = isqrt(p * q) << TINY.ell + TINY.epsilon - 1
    for masks in ((beyond, 1), (1, beyond), (-beyond - (p << TINY.ell), 1), (1, -beyond - (q << TINY.ell))):
        proof = prove_fac((p, q), proof_keys(), DOMAIN, RHO, masks)
        assert violations(proof, proof_keys()) == FacViolation.RANGE
        assert not holds(proof)


def test_other_factors_than_those_of_the_modulus_are_rejected() -> None:
    p, q = primes_of(PROVER, "blum")
    for factors in ((p + 2, q), (p, p), (1, p * q >> 800)):
        proof = prove_fac(factors, proof_keys(), DOMAIN, RHO)
        assert violations(proof, proof_keys()) & FacViolation.PRODUCT
        assert not holds(proof)


def test_a_short_or_even_modulus_is_rejected(proof) -> None:
    for value in (0, 1, (1 << 4 * TINY.ell) - 1, 1 << BITS - 1):
        assert not holds(proof, keys=replace(proof_keys(), N_i=value.to_bytes(SIZE, "big")))


def test_a_proof_is_read_as_written_and_other_lengths_are_refused(proof) -> None:
    writer = Writer()
    proof.write(writer, TINY)
    data = bytes(writer)
    assert len(data) == fac.FacProof.size(TINY)
    assert sum(len(item(proof, name)) for name in (*COMMITMENTS, *RESPONSES)) == len(data)
    assert [f.name for f in fields(proof.response)] == list(RESPONSES)

    def read(source: bytes) -> fac.FacProof:
        return decode(source, 1 << 20, lambda r: fac.FacProof.read(r, TINY))

    assert read(data) == proof
    for wrong in (b"", data[:-1], data + b"\0"):
        with pytest.raises(EncodingError):
            read(wrong)
    assert number(data[:SIZE]) == number(proof.commitment.P)
