"""Pi-aff-g*: what a prover gets past the verifier, and what not."""

from dataclasses import replace
from functools import cache

import pytest

from ecdsa_cggmp import presign
from ecdsa_cggmp.zk import aff_g_star
from ecdsa_cggmp.zk.aff_g_star import AffGStarKeys, AffGStarProof, AffGStarStatement, AffGStarWitness
from ecdsa_cggmp.zk.bits import pack, unpack
from native.curve import G, mul_base
from native.errors import RangeError
from native.integer import random_ints
from native.paillier import Encryption
from native.secret import SecretInts, SecretResidues
from native.secret_scalar import from_ints, random_scalars, to_ints
from protocol.codec import Reader, Writer
from protocol.errors import EncodingError
from protocol.ids import PartyId
from protocol.transcript import Domain
from tests.ecdsa_cggmp.levels import TINY
from tests.ecdsa_cggmp.network import Parties, aux_infos, primes_of

SIZE = TINY.modulus_bytes


@cache
def place() -> Domain:
    return Domain(Parties(2).header(presign.presign_spec(TINY), [0, 1]), 4, PartyId(0), "aff-g* delta")


def own() -> AffGStarKeys:
    aux = aux_infos(2)[0]
    return AffGStarKeys(aux.paillier(PartyId(0)), aux.paillier(PartyId(1)))


def number(data: bytes) -> int:
    return int.from_bytes(data, "big")


def small(value: int, size: int) -> SecretInts:
    return SecretInts.from_bytes(value.to_bytes(size, "big", signed=True))


@cache
def made() -> tuple[AffGStarStatement, AffGStarWitness]:
    x, y, keys = to_ints(random_scalars()), random_ints(1, TINY.ell_prime), own()
    C = keys.peer.encrypt(random_ints(1, 256)).c
    D, F = keys.peer.affine(C, x, y), keys.own.encrypt(y)
    statement = AffGStarStatement(C, D.c, F.c, mul_base(from_ints(x))[0])
    return statement, AffGStarWitness(x, y, D.rho, F.rho)


def proved(statement: AffGStarStatement, witness: AffGStarWitness) -> AffGStarProof:
    return aff_g_star.prove(place(), aux_infos(2)[0].proof_keys(0, 1), own(), statement, witness)


@cache
def honest() -> AffGStarProof:
    return proved(*made())


def holds(statement: AffGStarStatement, proof: AffGStarProof, domain: Domain | None = None) -> bool:
    return aff_g_star.holds(domain or place(), aux_infos(2)[0].proof_keys(0, 1), statement, proof)


def test_an_honest_proof_holds_and_travels() -> None:
    writer = Writer()
    honest().write(writer)
    data = bytes(writer)
    assert len(data) == AffGStarProof.size(TINY)
    again = AffGStarProof.read(Reader(data), TINY)
    assert again == honest()
    assert holds(made()[0], again)
    with pytest.raises(EncodingError):
        AffGStarProof.read(Reader(data[:-1]), TINY)


def test_a_proof_belongs_to_its_place_and_keys() -> None:
    statement = made()[0]
    for other in (
        replace(place(), prover=PartyId(1)),
        replace(place(), verifier=PartyId(1)),
        replace(place(), instance=1),
        replace(place(), proof="aff-g* chi"),
        replace(place(), round=3),
    ):
        assert not holds(statement, honest(), other)
    keys = aux_infos(2)[0].proof_keys(0, 1)
    other_keys = replace(keys, pedersen=aux_infos(2)[0].publics[PartyId(0)].pedersen)
    assert not aff_g_star.holds(place(), other_keys, statement, honest())


def test_a_proof_is_about_one_statement() -> None:
    statement = made()[0]
    other = own().peer.encrypt(random_ints(1, 64)).c
    for changed in (
        replace(statement, C=other),
        replace(statement, D=other),
        replace(statement, Y=own().own.encrypt(random_ints(1, 64)).c),
        replace(statement, X=statement.X + G),
    ):
        assert not holds(changed, honest())


def test_a_challenge_depends_on_every_item() -> None:
    keys, other, H = aux_infos(2)[0].proof_keys(0, 1), aux_infos(2)[0].proof_keys(1, 0), G + G
    statement, made = AffGStarStatement(b"C", b"D", b"Y", G), aff_g_star._Commitments([1, 2], [G, H], [3, 4])
    challenges = {
        commitments.challenge(place(), context, about)
        for commitments, context, about in [
            (made, keys, statement),
            (made, other, statement),
            *((made, keys, replace(statement, **{name: b"other"})) for name in "CDY"),
            (made, keys, replace(statement, X=H)),
            (replace(made, A=[1, 5]), keys, statement),
            (replace(made, B_x=[G, G]), keys, statement),
            (replace(made, B_y=[3, 5]), keys, statement),
        ]
    }
    assert len(challenges) == 9


def test_what_is_not_so_cannot_be_proved() -> None:
    statement, witness = made()
    keys = own()
    again = keys.peer.affine(statement.D, small(1, 8), small(0, 8))  # D, encrypted anew
    other_y = random_ints(1, TINY.ell_prime)
    F = keys.own.encrypt(other_y)
    for changed, known in (
        (replace(statement, D=again.c), witness),
        (replace(statement, D=again.c), replace(witness, rho=again.rho)),
        (replace(statement, Y=F.c), replace(witness, rho_y=F.rho)),
        (replace(statement, Y=F.c), replace(witness, y=other_y, rho_y=F.rho)),
        (replace(statement, X=statement.X + G), witness),
    ):
        assert not holds(changed, proved(changed, known))


def test_who_re_encrypts_and_knows_both_units_may_do_so() -> None:
    statement, witness = made()
    again = own().peer.affine(statement.D, small(1, 8), small(0, 8))
    N = number(aux_infos(2)[0].proof_keys(0, 1).N_j)
    rho = number(witness.rho.declassify()) * number(again.rho.declassify()) % N
    known = replace(witness, rho=SecretResidues.from_bytes(rho.to_bytes(SIZE, "big")))
    changed = replace(statement, D=again.c)
    assert holds(changed, proved(changed, known))


@pytest.mark.parametrize("name", ["x", "y"])
def test_a_witness_out_of_range_leaves_no_proof(name: str) -> None:
    statement, witness = made()
    with pytest.raises(RangeError):
        proved(statement, replace(witness, **{name: small(1 << 1500, SIZE)}))


def test_values_that_are_no_units_prove_nothing() -> None:
    statement, proof = made()[0], honest()
    peer_p, own_p = primes_of(1, "blum")[0], primes_of(0, "blum")[0]
    for bad in (bytes(2 * SIZE), peer_p.to_bytes(2 * SIZE, "big"), b"\xff" * 2 * SIZE):
        assert not holds(replace(statement, C=bad), proof)
        assert not holds(replace(statement, D=bad), proof)
    for bad in (bytes(2 * SIZE), own_p.to_bytes(2 * SIZE, "big"), b"\xff" * 2 * SIZE):
        assert not holds(replace(statement, Y=bad), proof)
    for bad in (bytes(SIZE), b"\xff" * SIZE):
        assert not holds(statement, replace(proof, w=bad + proof.w[SIZE:]))
        assert not holds(statement, replace(proof, w_y=bad + proof.w_y[SIZE:]))
    assert not holds(
        statement, AffGStarProof(*(bytes(len(c)) for c in (proof.e, proof.z1, proof.z2, proof.w, proof.w_y)))
    )


class Degenerate:
    """A key of whose encryptions the units are 0 modulo p, so that everything holds modulo p^2."""

    def __init__(self, party: int) -> None:
        self.key = aux_infos(2)[party].paillier(PartyId(party))
        self.p, self.q = primes_of(party, "blum")

    def __getattr__(self, name: str) -> object:
        return getattr(self.key, name)

    def encrypt(self, m: SecretInts) -> Encryption:
        N = self.p * self.q
        size = m.size
        data = m.declassify()
        plain = [int.from_bytes(data[k : k + size], "big", signed=True) for k in range(0, len(data), size)]
        c = [(1 + item * N) * pow(self.p, N, N * N) % (N * N) for item in plain]
        rho = SecretResidues.from_bytes(self.p.to_bytes(SIZE, "big") * m.count, m.count)
        return Encryption(b"".join(item.to_bytes(2 * SIZE, "big") for item in c), rho)


def test_units_that_vanish_modulo_one_prime_prove_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Y encrypts y + q, which is another number modulo p only: without the check of units it would pass."""
    statement, witness = made()
    degenerate = Degenerate(0)
    q = degenerate.q
    y = int.from_bytes(witness.y.declassify(), "big", signed=True)
    N = degenerate.p * q
    rho_y = number(witness.rho_y.declassify())
    Y = (1 + (y + q) * N) * pow(rho_y, N, N * N) % (N * N)
    changed = replace(statement, Y=Y.to_bytes(2 * SIZE, "big"))
    assert not holds(changed, proved(changed, witness))

    def answer(key: object, masks: SecretResidues, rho: SecretResidues, e: bytes) -> bytes:
        data, factor = masks.declassify(), number(rho.declassify())
        modulus = number(key.n)  # type: ignore[attr-defined]
        items = [number(data[k * SIZE : (k + 1) * SIZE]) for k in range(masks.count)]
        return b"".join(
            (item * pow(factor, bit, modulus) % modulus).to_bytes(SIZE, "big")
            for item, bit in zip(items, e, strict=True)
        )

    monkeypatch.setattr(aff_g_star, "respond_units", answer)
    keys = AffGStarKeys(degenerate, own().peer)  # type: ignore[arg-type]
    proof = aff_g_star.prove(place(), aux_infos(2)[0].proof_keys(0, 1), keys, changed, witness)
    assert not holds(changed, proof)


def test_bits_are_chosen_by_the_hash() -> None:
    """Responses made for chosen bits, as a simulator makes them, do not hash to them."""
    statement, proof = made()[0], honest()
    for bits in (tuple(not bit for bit in unpack(proof.e)), (False,) * TINY.kappa):
        assert not holds(statement, replace(proof, e=pack(bits)))
    zeros = replace(proof, e=bytes(len(proof.e)), z1=bytes(len(proof.z1)), z2=bytes(len(proof.z2)))
    ones = (bytes(SIZE - 1) + b"\1") * TINY.kappa
    assert not holds(statement, replace(zeros, w=ones, w_y=ones))


def test_bits_and_bytes() -> None:
    bits = tuple(bool(0xA501 >> (15 - k) & 1) for k in range(16))
    assert pack(bits) == b"\xa5\x01"
    assert unpack(b"\xa5\x01") == bits
