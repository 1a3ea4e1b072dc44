"""Moduli of published attacks, moduli copied from a peer, and numbers that are none: with the best proofs."""

from contextlib import suppress
from dataclasses import replace
from functools import cache
from math import prod

import pytest

from ecdsa_cggmp import aux_rounds
from ecdsa_cggmp.aux_info import AuxPublic, AuxSecret
from ecdsa_cggmp.aux_messages import COMMIT, PROVE, REVEAL, RevealMsg
from ecdsa_cggmp.params import SECURITY_128
from ecdsa_cggmp.presign import presign_spec
from ecdsa_cggmp.presign_failure_checks import AFF_G_STAR, DEC
from ecdsa_cggmp.presign_messages import DEFEND, ENCRYPT, MULTIPLY, PresignPlan
from ecdsa_cggmp.presign_messages import REVEAL as REVEAL_SUMS
from ecdsa_cggmp.zk import fac, mod, prm
from ecdsa_cggmp.zk.keys import ProofKeys
from native.errors import NativeError
from protocol.driver import Tamper
from protocol.echo import write_echo
from protocol.errors import FaultyPartyError, MpcError, UnattributedAbort
from protocol.evidence import Evidence
from protocol.header import Header
from protocol.ids import PartyId
from protocol.session import Session
from protocol.signed import Kind, SignedMessage, Slot
from protocol.spec import Claim
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
from tests.ecdsa_cggmp.test_presign_failure import wrong_delta
from tests.ecdsa_cggmp.zk.free_provers import prove_fac
from tests.ecdsa_cggmp.zk.mod_cheats import best_effort, filled, prime
from tests.timing import least_seconds

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

    def refused() -> None:
        assert not mod.holds(place, SECURITY_128, bytes(32), n.to_bytes(size, "big"), proof)

    assert least_seconds(refused) < 1


def test_modulus_that_is_longer_is_refused_unread() -> None:
    """One byte more for N, N^, s or t: the message has another size."""
    for at in range(1, 5):

        def longer(slot: Slot, _receiver: PartyId, body: bytes, at: int = at) -> bytes:
            return body[: at * SIZE] + b"\1" + body[at * SIZE :] if slot.round == REVEAL else body

        expect_blame(parties(2).aux(Tamper((CHEAT,), longer)), {"size"})


def copied_primes() -> dict[str, tuple[tuple[int, int], tuple[int, int]]]:
    """The primes of N and of N^."""
    blum, safe = primes_of(CHEAT, "blum"), primes_of(CHEAT, "safe")
    foreign_blum, foreign_safe = primes_of(VICTIM, "blum"), primes_of(VICTIM, "safe")
    return {
        "N^ is the victim's N^": (blum, foreign_safe),
        "N is the victim's N^": (foreign_safe, safe),
        "N is the victim's N": (foreign_blum, safe),
        "N shares a prime with N": ((foreign_blum[0], blum[1]), safe),
        "N^ shares a prime with N^": (blum, (safe[0], foreign_safe[1])),
    }


@pytest.mark.parametrize("form", copied_primes())
def test_modulus_of_a_peer_with_right_proofs(form: str) -> None:
    """The cheat knows primes of the victim: its proofs hold, and its range proofs would show anything."""
    blum, hat = copied_primes()[form]
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


@cache
def revealed() -> tuple[dict[PartyId, Session], dict[PartyId, RevealMsg]]:
    """A session, and what its honest parties would reveal in it."""
    sessions, reveals = parties(2).sessions(aux_rounds.aux_spec(TINY)), {}
    for j, session in sessions.items():
        secret = aux_secret(j)
        proof = prm.prove(aux_rounds._prm_domain(session.header, j), TINY, secret.pedersen)
        reveals[j] = RevealMsg(secret.public, proof, bytes(32), bytes(32))
    return sessions, reveals


NO_MODULI = {"0": 0, "1": 1, "2": 2, "3": 3, "even": (1 << BITS) - 2, "all ones": (1 << BITS) - 1}


@pytest.mark.parametrize("value", NO_MODULI)
@pytest.mark.parametrize("name", ["N", "n", "s", "t"])
@pytest.mark.parametrize("owner", [CHEAT, VICTIM])
def test_no_number_kills_who_judges_evidence(name: str, value: str, owner: PartyId) -> None:
    """A third party runs any check on any reveal that its author signs, also on one that nobody took live."""
    sessions, honest = revealed()
    header, roster = sessions[CHEAT].header, sessions[CHEAT].roster
    signed: dict[Slot, SignedMessage] = {}

    def sign(slot: Slot, body: bytes) -> None:
        signed[slot] = sessions[slot.sender].sign(slot, body)

    lie = with_public(**{name: NO_MODULI[value]})
    for j, reveal in {**honest, owner: lie(honest[owner], header)}.items():
        sign(Slot.broadcast(COMMIT, j), bytes(reveal.commit(header, j)))
        sign(Slot.broadcast(REVEAL, j), bytes(reveal))
    sign(Slot(COMMIT, Kind.ECHO, CHEAT), write_echo(COMMIT, header, signed))
    sign(Slot.broadcast(PROVE, CHEAT), bytes(mod.ModProof.size(TINY)))
    sign(Slot.direct(PROVE, CHEAT, VICTIM), bytes(fac.FacProof.size(TINY)))

    reveals, everything = {Slot.broadcast(REVEAL, CHEAT)}, set(signed)

    def judge() -> None:
        for check, slots, fails in (
            ("modulus", reveals, owner == CHEAT and name in {"N", "n"} and value != "all ones"),
            ("prm", reveals, owner == CHEAT and name != "N"),
            ("mod", everything - {Slot.direct(PROVE, CHEAT, VICTIM)}, True),
            # who has shown no good parameters may or may not convict of a bad proof under them
            ("fac", everything - {Slot.broadcast(PROVE, CHEAT)}, True if owner == CHEAT else None),
        ):
            evidence = Evidence(header, CHEAT, check, tuple(signed[slot] for slot in sorted(slots)))
            assert evidence.holds(roster, SPECS) == fails or fails is None, check

    assert least_seconds(judge, runs=1) < 1


@pytest.mark.parametrize("value", ["0", "1", "even"])
@pytest.mark.parametrize("name", ["N", "n"])
@pytest.mark.parametrize("owner", [CHEAT, VICTIM])
def test_no_modulus_in_a_plan_kills_who_judges_evidence(name: str, value: str, owner: PartyId) -> None:
    """Signers can sign any header together, and show a third party all checks of presigning under it."""
    failed = wrong_delta()
    judge = failed.inboxes[0]
    old, roster = judge.session, failed.parties.roster
    plan = PresignPlan.of(old.header, TINY)
    lie = with_public(**{name: NO_MODULI[value]})
    publics = {**plan.publics, owner: lie(RevealMsg(plan.publics[owner], None, b"", b""), old.header).public}
    header = replace(old.header, params=bytes(replace(plan, publics=publics)))
    sessions = {j: Session(old.spec, header, roster, j, failed.parties.keys[j]) for j in plan.signers}
    messages = {
        slot: sessions[slot.sender].sign(slot, message.body)
        for slot, message in judge.messages.items()
        if slot.kind is not Kind.ECHO
    }

    def judge_all() -> None:
        for check, slots in presigning_slots(old.me, plan.signers).items():
            claim = Claim(old.spec, header, roster, CHEAT, {slot: messages[slot] for slot in slots})
            # Evidence.holds() takes these for a claim that proves nothing
            with suppress(MpcError, NativeError):
                old.spec.checks[check](claim)

    assert least_seconds(judge_all, runs=1) < 5


def presigning_slots(judge: PartyId, signers: tuple[PartyId, ...]) -> dict[str, tuple[Slot, ...]]:
    """What the checks look at, about CHEAT."""
    first, second, third = (Slot.broadcast(number, CHEAT) for number in (ENCRYPT, MULTIPLY, REVEAL_SUMS))
    everything = [Slot.broadcast(number, j) for number in (ENCRYPT, MULTIPLY, REVEAL_SUMS) for j in signers]
    return {
        **dict.fromkeys(("enc-elg K", "enc-elg G"), (first, Slot.direct(ENCRYPT, CHEAT, judge))),
        "elog Gamma": (first, second),
        **dict.fromkeys(("aff-g gamma", "aff-g x"), (Slot.broadcast(ENCRYPT, judge), second)),
        "elog Delta": (first, third, *(Slot.broadcast(MULTIPLY, j) for j in signers)),
        **dict.fromkeys((DEC, AFF_G_STAR), (*everything, Slot.broadcast(DEFEND, CHEAT))),
    }


def test_all_checks_of_presigning_are_among_them() -> None:
    slots = presigning_slots(VICTIM, (VICTIM, CHEAT))
    assert slots.keys() == presign_spec(TINY).checks.keys()
