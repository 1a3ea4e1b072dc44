"""Pi-dec: what a prover gets past the verifier, and what not."""

from dataclasses import replace
from functools import cache

import pytest

from ecdsa_cggmp import presign
from ecdsa_cggmp.params import SECURITY_128, Params
from ecdsa_cggmp.zk import dec
from ecdsa_cggmp.zk.dec import DecProof, DecStatement
from native.bit_proof import open_product
from native.curve import G, Point, Scalar, mul_base, mul_secret
from native.errors import NotUnitError, RangeError
from native.integer import random_ints
from native.secret import SecretInts
from native.secret_scalar import from_ints, random_scalars, to_ints
from protocol.codec import Reader, Writer
from protocol.errors import EncodingError
from protocol.ids import PartyId
from protocol.transcript import Domain
from tests.ecdsa_cggmp.levels import TINY
from tests.ecdsa_cggmp.network import Parties, aux_infos, primes_of

SIZE = TINY.modulus_bytes
BASE = G * Scalar(7)


@cache
def place() -> Domain:
    return Domain(Parties(2).header(presign.presign_spec(TINY), [0, 1]), 4, PartyId(0), "dec delta")


@cache
def made() -> tuple[DecStatement, SecretInts]:
    key, x = aux_infos(2)[0].own.paillier, to_ints(random_scalars())
    K, D = (key.public.encrypt(random_ints(1, bits)).c for bits in (256, TINY.ell_prime + TINY.epsilon))
    y, _ = open_product(key, D, K, x)
    S = mul_secret(from_ints(y), [BASE])[0]
    return DecStatement(K, D, mul_base(from_ints(x))[0], S, BASE), x


def proved(statement: DecStatement, x: SecretInts) -> DecProof:
    aux = aux_infos(2)[0]
    return dec.prove(place(), aux.proof_keys(0, 0), aux.own.paillier, statement, x)


@cache
def honest() -> DecProof:
    return proved(*made())


def holds(statement: DecStatement, proof: DecProof, domain: Domain | None = None) -> bool:
    return dec.holds(domain or place(), aux_infos(2)[0].proof_keys(0, 0), statement, proof)


def test_an_honest_proof_holds_and_travels() -> None:
    writer = Writer()
    honest().write(writer)
    data = bytes(writer)
    assert len(data) == DecProof.size(TINY)
    again = DecProof.read(Reader(data), TINY)
    assert again == honest()
    assert holds(made()[0], again)
    with pytest.raises(EncodingError):
        DecProof.read(Reader(data[:-1]), TINY)


def test_a_proof_belongs_to_its_place_and_keys() -> None:
    statement = made()[0]
    for other in (
        replace(place(), prover=PartyId(1)),
        replace(place(), instance=1),
        replace(place(), proof="dec chi"),
    ):
        assert not holds(statement, honest(), other)
    keys = aux_infos(2)[0].proof_keys(0, 0)
    other_keys = replace(keys, pedersen=aux_infos(2)[0].publics[PartyId(1)].pedersen)
    assert not dec.holds(place(), other_keys, statement, honest())


def changes(statement: DecStatement) -> list[DecStatement]:
    key = aux_infos(2)[0].own.paillier
    other = key.encrypt(random_ints(1, 64)).c
    return [
        replace(statement, K=other),
        replace(statement, D=other),
        replace(statement, X=statement.X + G),
        replace(statement, S=statement.S + G),
        replace(statement, S=Point.infinity()),
        replace(statement, base=G),
    ]


def test_a_proof_is_about_one_statement_and_what_is_not_so_cannot_be_proved() -> None:
    statement, x = made()
    for changed in changes(statement):
        assert not holds(changed, honest())
        assert not holds(changed, proved(changed, x))


def test_a_challenge_depends_on_every_item() -> None:
    keys, other, H = aux_infos(2)[0].proof_keys(0, 0), aux_infos(2)[0].proof_keys(1, 1), G + G
    statement, made = DecStatement(b"K", b"D", G, G, G), dec._Commitments([1, 2], [G, H], [H, G])
    challenges = {
        commitments.challenge(place(), context, about)
        for commitments, context, about in [
            (made, keys, statement),
            (made, other, statement),
            *((made, keys, replace(statement, **{name: b"other"})) for name in "KD"),
            *((made, keys, replace(statement, **{name: H})) for name in ("X", "S", "base")),
            (replace(made, A=[1, 5]), keys, statement),
            (replace(made, B=[G, G]), keys, statement),
            (replace(made, C=[H, H]), keys, statement),
        ]
    }
    assert len(challenges) == 10


@pytest.mark.parametrize("sign", [1, -1])
def test_the_largest_honest_plaintext_fits(sign: int) -> None:
    """x k and the y of six peers that have cheated as far as their range proofs let them."""
    aux, (_, x) = aux_infos(2)[0], made()
    bound = 6 * 2 ** (TINY.ell_prime + TINY.epsilon)
    key = aux.own.paillier
    D = key.public.encrypt(SecretInts.from_bytes((sign * bound).to_bytes(SIZE, "big", signed=True))).c
    K = key.public.encrypt(SecretInts.from_bytes((sign * 2**254).to_bytes(40, "big", signed=True))).c
    y, _ = open_product(key, D, K, x)
    S = mul_secret(from_ints(y), [BASE])[0]
    statement = DecStatement(K, D, made()[0].X, S, BASE)
    assert holds(statement, proved(statement, x))


def test_a_plaintext_out_of_range_leaves_no_proof() -> None:
    statement, x = made()
    key = aux_infos(2)[0].own.paillier
    huge = SecretInts.from_bytes((1 << (8 * SIZE - 4)).to_bytes(SIZE, "big", signed=True))
    with pytest.raises(RangeError):
        proved(replace(statement, D=key.public.encrypt(huge).c), x)


def test_values_that_are_no_units_prove_nothing() -> None:
    (statement, x), proof = made(), honest()
    p = primes_of(0, "blum")[0]
    for bad in (bytes(2 * SIZE), p.to_bytes(2 * SIZE, "big"), b"\xff" * 2 * SIZE):
        assert not holds(replace(statement, K=bad), proof)
        assert not holds(replace(statement, D=bad), proof)
    with pytest.raises(NotUnitError):
        proved(replace(statement, D=p.to_bytes(2 * SIZE, "big")), x)
    for bad in (bytes(SIZE), b"\xff" * SIZE):
        assert not holds(statement, replace(proof, nu=bad + proof.nu[SIZE:]))
    assert not holds(statement, DecProof(*(bytes(len(c)) for c in (proof.e, proof.z, proof.w, proof.nu))))


@pytest.mark.parametrize("level", [TINY, SECURITY_128])
def test_masks_hide_every_plaintext_and_do_not_wrap(level: Params) -> None:
    y_bits = dec._y_bits(level)
    # |y| < 2^(ell' + epsilon + 1 + log n) for n <= 2^62, hidden up to 2^-kappa by a mask of y_bits - 1 bits
    assert y_bits - 1 - level.kappa >= level.ell_prime + level.epsilon + 1 + 62 - 1
    # the difference of two responses is below N / 2
    assert y_bits < level.modulus_bits - 2
