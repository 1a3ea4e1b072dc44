"""Moduli of published attacks, moduli copied from a peer, and numbers that are none: with the best proofs."""

import time
from math import prod

import pytest

from ecdsa_cggmp import aux_rounds
from ecdsa_cggmp.aux_info import AuxPublic, AuxSecret
from ecdsa_cggmp.aux_messages import COMMIT, PROVE, REVEAL, RevealMsg
from ecdsa_cggmp.params import SECURITY_128
from ecdsa_cggmp.zk import fac, mod, prm
from ecdsa_cggmp.zk.keys import ProofKeys
from protocol.driver import Tamper
from protocol.echo import write_echo
from protocol.errors import FaultyPartyError, UnattributedAbort
from protocol.evidence import Evidence
from protocol.header import Header
from protocol.ids import PartyId
from protocol.signed import Kind, SignedMessage, Slot
from tests.ecdsa_cggmp.levels import TINY
from tests.ecdsa_cggmp.network import Parties, aux_secret, primes_of, residues
from tests.ecdsa_cggmp.test_aux_rounds import (
    BITS,
    CHEAT,
    SIZE,
    SPECS,
    VICTIM,
    Liar,
    expect_blame,
    parties,
    with_public,
)
from tests.ecdsa_cggmp.zk.free_provers import prove_fac
from tests.ecdsa_cggmp.zk.mod_cheats import best_effort, filled, prime

OTHER = PartyId(2)


def forging(factors: list[int], w: int | None = None) -> Liar:
    """Prove of Pi-mod what can be proved, and Pi-fac for the last factor and all others together."""

    def proved(header: Header, rho: bytes) -> mod.ModProof:
        return best_effort(aux_rounds._mod_domain(header, CHEAT), TINY, rho, factors, w)[1]

    def proved_to(header: Header, rho: bytes, keys: ProofKeys, j: PartyId) -> fac.FacProof:
        halves = prod(factors[:-1]), factors[-1]
        return prove_fac(halves, keys, aux_rounds._fac_domain(header, CHEAT, j), rho)

    return Liar(with_public(N=prod(factors)), proved, proved_to)


@pytest.mark.parametrize("w", [None, 0])
def test_bitforge_with_sixteen_small_primes(w: int | None) -> None:
    """BitForge (CVE-2023-33241): sixteen signatures would show x modulo each of the 16 primes of 16 bits."""
    factors = filled(BITS, *(prime(16, seed=seed) for seed in range(40, 56)))
    assert len(set(factors)) == 17
    expect_blame(forging(factors, w).run(), {"mod", "fac"}, judge=w == 0)


def test_bitforge_of_full_size_is_answered_in_a_second() -> None:
    """The verifier of 3072 bits looks for small factors before it computes powers."""
    size, m = SECURITY_128.modulus_bytes, SECURITY_128.m
    n = prod(filled(SECURITY_128.modulus_bits, *(prime(16, seed=seed) for seed in range(40, 56))))
    session = Parties(2).sessions(aux_rounds.aux_spec(SECURITY_128))[CHEAT]
    place = aux_rounds._mod_domain(session.header, CHEAT)
    zeros = bytes(m * size)
    proof = mod.ModProof(bytes(size), mod.ModResponse(bytes(m), b"\1" * m, zeros, zeros))
    begin = time.process_time()
    assert not mod.holds(place, SECURITY_128, bytes(32), n.to_bytes(size, "big"), proof)
    assert time.process_time() - begin < 1


def test_modulus_that_is_longer_is_refused_unread() -> None:
    """One byte more for N, N^, s or t: the message has another size."""
    for at in range(1, 5):

        def longer(slot: Slot, _receiver: PartyId, body: bytes, at: int = at) -> bytes:
            return body[: at * SIZE] + b"\1" + body[at * SIZE :] if slot.round == REVEAL else body

        expect_blame(parties(2).aux(Tamper((CHEAT,), longer)), {"size"})


@pytest.mark.parametrize("field", ["N^ is the victim's N^", "N is the victim's N^", "N^ shares a prime"])
def test_modulus_of_a_peer_with_right_proofs(field: str) -> None:
    """The cheat knows the victim's safe primes: its proofs hold, and its range proofs would show anything."""
    own, foreign = primes_of(CHEAT, "blum"), primes_of(VICTIM, "safe")
    safe = primes_of(CHEAT, "safe")
    blum, hat = {
        "N^ is the victim's N^": (own, foreign),
        "N is the victim's N^": (foreign, safe),
        "N^ shares a prime": (own, (safe[0], foreign[1])),
    }[field]
    outcomes = Liar(secret=AuxSecret(residues(blum), residues(hat)), n=3).run()
    error, other = outcomes[VICTIM].error, outcomes[OTHER].error
    assert isinstance(error, FaultyPartyError)
    assert error.culprits == {CHEAT: "gcd"}
    assert isinstance(other, UnattributedAbort)
    assert other.check == "gcd"
    assert other.suspects == {VICTIM, CHEAT}


def test_copied_parameters_cannot_be_proved() -> None:
    """N^, s, t and Pi-prm of the victim, committed to as the cheat's own: the proof names its prover."""
    liar = Liar(lambda honest, _: copied(honest, liar.honest[VICTIM]))

    def copied(honest: RevealMsg, victim: RevealMsg) -> RevealMsg:
        public = AuxPublic(honest.public.N, victim.public.pedersen)
        return RevealMsg(public, victim.prm, honest.rho, honest.u)

    # the victim is party 0, which the run asks first
    expect_blame(liar.run(), {"prm"})


NO_MODULI = {"0": 0, "1": 1, "2": 2, "3": 3, "even": (1 << BITS) - 2, "all ones": (1 << BITS) - 1}


@pytest.mark.parametrize("value", NO_MODULI)
@pytest.mark.parametrize("name", ["N", "n", "s", "t"])
@pytest.mark.parametrize("owner", [CHEAT, VICTIM])
def test_no_number_kills_who_judges_evidence(name: str, value: str, owner: PartyId) -> None:
    """A third party runs any check on any reveal that its author signs, also on one that nobody took live."""
    host = parties(2)
    sessions = host.sessions(aux_rounds.aux_spec(TINY))
    header = sessions[CHEAT].header
    signed: dict[Slot, SignedMessage] = {}

    def sign(slot: Slot, body: bytes) -> None:
        signed[slot] = sessions[slot.sender].sign(slot, body)

    for j in header.parties:
        secret = aux_secret(j)
        proof = prm.prove(aux_rounds._prm_domain(header, j), TINY, secret.pedersen)
        reveal = RevealMsg(secret.public, proof, bytes(32), bytes(32))
        if j == owner:
            reveal = with_public(**{name: NO_MODULI[value]})(reveal, header)
        sign(Slot.broadcast(COMMIT, j), bytes(reveal.commit(header, j)))
        sign(Slot.broadcast(REVEAL, j), bytes(reveal))
    sign(Slot(COMMIT, Kind.ECHO, CHEAT), write_echo(COMMIT, header, signed))
    sign(Slot.broadcast(PROVE, CHEAT), bytes(mod.ModProof.size(TINY)))
    sign(Slot.direct(PROVE, CHEAT, VICTIM), bytes(fac.FacProof.size(TINY)))

    begin = time.process_time()
    reveals, everything = {Slot.broadcast(REVEAL, CHEAT)}, set(signed)
    for check, slots, fails in (
        ("modulus", reveals, owner == CHEAT and name in {"N", "n"} and value != "all ones"),
        ("prm", reveals, owner == CHEAT and name != "N"),
        ("mod", everything - {Slot.direct(PROVE, CHEAT, VICTIM)}, True),
        # who has shown no good parameters convicts nobody of a bad proof under them, or does; both is well
        ("fac", everything - {Slot.broadcast(PROVE, CHEAT)}, True if owner == CHEAT else None),
    ):
        evidence = Evidence(header, CHEAT, check, tuple(signed[slot] for slot in sorted(slots)))
        assert evidence.holds(host.roster, SPECS) == fails or fails is None, check
    assert time.process_time() - begin < 1
