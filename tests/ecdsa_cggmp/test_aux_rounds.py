"""Auxiliary info: every party that violates exactly one check is named for it, with evidence."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from math import prod
from typing import ClassVar

import pytest

from ecdsa_cggmp import aux_rounds
from ecdsa_cggmp.aux_info import AuxInfo, AuxPublic, AuxSecret
from ecdsa_cggmp.aux_messages import COMMIT, PROVE, REVEAL, CommitMsg, FacMsg, ModMsg, RevealMsg
from ecdsa_cggmp.params import SECURITY_128, Params
from ecdsa_cggmp.zk import fac, mod, prm
from ecdsa_cggmp.zk.keys import ProofKeys
from native.errors import WipedError
from native.ring_pedersen import PedersenParameters
from protocol.codec import decode
from protocol.driver import Outcome, Tamper
from protocol.errors import EncodingError, FaultyPartyError, SessionTimeout, UnattributedAbort, UsageError
from protocol.evidence import Evidence
from protocol.header import Header
from protocol.ids import COORDINATOR, PartyId
from protocol.round import Continue, Done, Inbox, Outgoing, Round
from protocol.session import Session
from protocol.signed import Kind, SignedMessage, Slot, read_envelope
from protocol.spec import Claim
from tests.ecdsa_cggmp.levels import TINY
from tests.ecdsa_cggmp.network import Parties, aux_secret, judged, primes_of, residues
from tests.ecdsa_cggmp.zk.free_provers import prove_fac
from tests.ecdsa_cggmp.zk.mod_cheats import best_effort, filled, prime
from tests.timing import least_seconds

CHEAT, VICTIM = PartyId(1), PartyId(0)
SIZE, BITS = TINY.modulus_bytes, TINY.modulus_bits
SPEC = aux_rounds.aux_spec(TINY)
SPECS = {SPEC.name: SPEC}

Outcomes = dict[PartyId, Outcome]


@cache
def parties(n: int) -> Parties:
    return Parties(n)


def data(value: int) -> bytes:
    return value.to_bytes(SIZE, "big")


# a party whose messages are made by others than its machine

Reveal = Callable[[RevealMsg, Header], RevealMsg]
Mod = Callable[[Header, bytes], mod.ModProof]
Fac = Callable[[Header, bytes, ProofKeys, PartyId], fac.FacProof]


@dataclass(eq=False)
class Liar:
    """What party CHEAT says in place of the truth.

    Args:
        reveal: makes what it reveals of what it should.
        mod, fac: make its last proofs.
        n: number of parties.
    """

    reveal: Reveal = lambda honest, _: honest
    mod: Mod | None = None
    fac: Fac | None = None
    n: int = 2
    secret: AuxSecret = field(default_factory=lambda: aux_secret(CHEAT))
    honest: dict[PartyId, RevealMsg] = field(default_factory=dict)

    def commit(self, reveal: RevealMsg, header: Header) -> CommitMsg:
        return reveal.commit(header, CHEAT)

    def run(self) -> Outcomes:
        def participate(session: Session) -> Continue[AuxInfo]:
            if session.me != CHEAT:
                opening = aux_rounds.participate(session, aux_secret(session.me), TINY)
                self.honest[session.me] = opening.round.own.reveal
                return opening
            opening = aux_rounds.participate(session, self.secret, TINY)
            lie = self.reveal(opening.round.own.reveal, session.header)
            return Continue(LyingCommits(self, lie), [Outgoing(COMMIT, self.commit(lie, session.header))])

        host = parties(self.n)
        return host.run(host.sessions(SPEC), participate)


@dataclass(frozen=True, eq=False)
class LyingCommits(Round[AuxInfo]):
    number: ClassVar[int] = COMMIT
    liar: Liar
    reveal: RevealMsg

    def finish(self, inbox: Inbox) -> Continue[AuxInfo]:
        return Continue(LyingReveals(self.liar, self.reveal), [Outgoing(REVEAL, self.reveal)])


@dataclass(frozen=True, eq=False)
class LyingReveals(Round[AuxInfo]):
    number: ClassVar[int] = REVEAL
    liar: Liar
    reveal: RevealMsg

    def finish(self, inbox: Inbox) -> Continue[AuxInfo]:
        header, liar, own = inbox.session.header, self.liar, self.liar.secret.paillier
        reveals = {**inbox.broadcasts(RevealMsg), CHEAT: self.reveal}
        rho = aux_rounds._rho(reveals.values())
        if liar.mod:
            proof = liar.mod(header, rho)
        else:
            proof = mod.prove(aux_rounds._mod_domain(header, CHEAT), TINY, rho, own)
        out = [Outgoing(PROVE, ModMsg(proof))]
        for j in inbox.session.peers:
            keys = aux_rounds._keys(TINY, self.reveal.public, reveals[j].public)
            if liar.fac:
                made = liar.fac(header, rho, keys, j)
            else:
                made = fac.prove(aux_rounds._fac_domain(header, CHEAT, j), keys, rho, own)
            out.append(Outgoing(PROVE, FacMsg(made, TINY), j))
        return Continue(LyingProofs(), out)


@dataclass(frozen=True, eq=False)
class LyingProofs(Round[AuxInfo]):
    number: ClassVar[int] = PROVE

    def finish(self, inbox: Inbox) -> Done[AuxInfo]:
        raise UnattributedAbort("the liar has what it wants")


def honest(outcomes: Outcomes) -> list[PartyId]:
    return [i for i in outcomes if i != CHEAT]


def expect_blame(outcomes: Outcomes, checks: set[str], judge: bool = False) -> FaultyPartyError:
    """All honest parties name the cheat, and their evidence convinces others."""
    roster = parties(len(outcomes)).roster
    for i in honest(outcomes):
        error = outcomes[i].error
        assert isinstance(error, FaultyPartyError), error
        assert set(error.culprits) == {CHEAT}
        assert error.culprits[CHEAT] in checks
        assert outcomes[i].result is None
        (proof,) = error.evidence
        assert Evidence.from_bytes(bytes(proof)).holds(roster, SPECS)
        if judge:
            assert judged(roster, proof) == f"{CHEAT} {error.culprits[CHEAT]}"
    first = outcomes[VICTIM].error
    assert isinstance(first, FaultyPartyError)
    return first


def expect_accepted(outcomes: Outcomes) -> None:
    assert all(outcomes[i].error is None for i in honest(outcomes))


def test_all_parties_agree_on_verified_info() -> None:
    outcomes = parties(3).aux()
    infos = [outcome.result for outcome in outcomes.values()]
    assert all(info.publics == infos[0].publics for info in infos)
    assert [info.publics[info.me] for info in infos] == [info.own.public for info in infos]


@pytest.mark.slow
def test_two_parties_make_info_of_full_size() -> None:
    outcomes = Parties(2).aux(params=SECURITY_128)
    assert all(outcome.error is None for outcome in outcomes.values())


def test_a_liar_that_tells_the_truth_passes() -> None:
    expect_accepted(Liar().run())


# commitment and echo


def flip(slot_round: int, kind: Kind, at: int = 0) -> Tamper:
    def mutate(slot: Slot, _receiver: PartyId, body: bytes) -> bytes:
        if (slot.round, slot.kind) != (slot_round, kind):
            return body
        return body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]

    return Tamper((CHEAT,), mutate)


@pytest.mark.parametrize("field", ["N", "N^", "s", "t", "A", "z", "rho", "u"])
def test_every_field_of_a_reveal_is_committed_to(field: str) -> None:
    at = {"N": 0, "N^": 1, "s": 2, "t": 3, "A": 4, "z": 4 + TINY.m}.get(field, 4 + 2 * TINY.m) * SIZE
    at += 40 if field == "u" else 8
    expect_blame(parties(2).aux(flip(REVEAL, Kind.BROADCAST, at)), {"commitment"}, judge=field == "N")


def test_a_copied_commitment_cannot_be_opened() -> None:
    """The cheat repeats another party's commitment, and then what it reveals (A-K4)."""

    class Copycat(Liar):
        def commit(self, reveal: RevealMsg, header: Header) -> CommitMsg:
            return self.honest[VICTIM].commit(header, VICTIM)

    liar = Copycat(lambda *_: liar.honest[VICTIM])
    expect_blame(liar.run(), {"commitment"})


def test_a_commitment_of_another_session_cannot_be_opened() -> None:
    class Replayer(Liar):
        def commit(self, reveal: RevealMsg, header: Header) -> CommitMsg:
            return reveal.commit(replace(header, session=bytes(32)), CHEAT)

    expect_blame(Replayer().run(), {"commitment"})


def test_two_commitments_are_proved_by_the_echo() -> None:
    def mutate(slot, receiver, body):
        return bytes(32) if slot == Slot.broadcast(COMMIT, CHEAT) and receiver == 0 else body

    expect_blame(parties(3).aux(Tamper((CHEAT,), mutate)), {"equivocation"}, judge=True)


@pytest.mark.parametrize("number", [COMMIT, REVEAL, PROVE])
def test_a_silent_party_is_missing_and_not_blamed(number: int) -> None:
    outcomes = parties(2).aux(Tamper((CHEAT,), lambda slot, _, body: None if slot.round == number else body))
    assert isinstance(outcomes[VICTIM].error, SessionTimeout)
    assert outcomes[VICTIM].error.missing == {CHEAT}


@pytest.mark.parametrize(
    ("number", "kind"),
    [(COMMIT, Kind.BROADCAST), (REVEAL, Kind.BROADCAST), (PROVE, Kind.BROADCAST), (PROVE, Kind.DIRECT)],
)
def test_messages_of_another_length_are_refused_at_once(number: int, kind: Kind) -> None:
    def mutate(slot: Slot, _receiver: PartyId, body: bytes) -> bytes:
        return body + bytes(1) if (slot.round, slot.kind) == (number, kind) else body

    expect_blame(parties(2).aux(Tamper((CHEAT,), mutate)), {"size"})


# moduli


def with_public(N: int | None = None, n: int | None = None, s: int | None = None, t: int | None = None):
    """A reveal with other numbers, and what its prover of Pi-prm can do: the honest proof."""

    def reveal(honest: RevealMsg, _header: Header) -> RevealMsg:
        old = honest.public
        numbers = (n, old.pedersen.n), (s, old.pedersen.s), (t, old.pedersen.t)
        pedersen = PedersenParameters(*(given if new is None else data(new) for new, given in numbers))
        return replace(honest, public=AuxPublic(old.N if N is None else data(N), pedersen))

    return reveal


def blum(party: int = CHEAT) -> tuple[int, int]:
    return primes_of(party, "blum")


def safe(party: int = CHEAT) -> tuple[int, int]:
    return primes_of(party, "safe")


BAD_MODULI = {
    "N = 0": {"N": 0},
    "N = 1": {"N": 1},
    "N even": {"N": prod(blum()) + 1},
    "N short by a bit": {"N": prod(filled(BITS - 1, blum()[0]))},
    "N all ones, even N^": {"N": (1 << BITS) - 1, "n": prod(safe()) + 1},
    "N^ = 0": {"n": 0},
    "N^ even": {"n": prod(safe()) - 1},
    "N^ short by a bit": {"n": prod(filled(BITS - 1, safe()[0]))},
    "N = N^": {"N": prod(safe())},
    "N and N^ share a prime": {"N": prod(filled(BITS, safe()[0]))},
}


@pytest.mark.parametrize("form", BAD_MODULI)
def test_a_modulus_of_a_wrong_form_is_refused_without_a_power(form: str) -> None:
    outcomes = Liar(with_public(**BAD_MODULI[form])).run()
    expect_blame(outcomes, {"modulus"}, judge=form == "N even")


def test_an_even_modulus_of_full_size_is_answered_in_milliseconds() -> None:
    spec = aux_rounds.aux_spec(SECURITY_128)
    host = Parties(2)
    session = host.sessions(spec)[PartyId(1)]
    size = SECURITY_128.modulus_bytes
    even = ((1 << SECURITY_128.modulus_bits) - 2).to_bytes(size, "big")
    column = bytes(SECURITY_128.m * size)
    public = AuxPublic(even, PedersenParameters(even, even, even))
    reveal = RevealMsg(public, prm.PrmProof(column, column), bytes(32), bytes(32))
    message = session.sign(Slot.broadcast(REVEAL, PartyId(1)), bytes(reveal))
    proof = Evidence(session.header, PartyId(1), "modulus", (message,))

    def judged() -> None:
        assert proof.holds(host.roster, {spec.name: spec})

    # besides one signature and the decoding of 100 kB
    assert least_seconds(judged) < 0.05


def test_a_modulus_shared_with_a_party_is_blamed_by_it_and_suspected_by_others() -> None:
    """The cheat has party 0's primes, or one of them: A-M5."""
    p, q = blum(0)
    for shared in ([p, q], filled(BITS, p), list(safe(0))):
        outcomes = Liar(with_public(N=prod(shared)), n=3).run()
        victim, other = outcomes[VICTIM].error, outcomes[PartyId(2)].error
        assert isinstance(victim, FaultyPartyError)
        assert victim.culprits == {CHEAT: "gcd"}
        # it holds on this side only: the victim might have copied, for all that others know
        assert not victim.evidence
        assert isinstance(other, UnattributedAbort)
        assert other.suspects == {VICTIM, CHEAT}


# Pi-prm


def test_degenerate_or_unproved_parameters_are_refused() -> None:
    n, P = prod(safe()), safe()[0]
    for s in (0, 1, n, n - 1, P, 4):
        expect_blame(Liar(with_public(s=s)).run(), {"prm"})
    for t in (1, n - 1):
        expect_blame(Liar(with_public(t=t)).run(), {"prm"})
    expect_blame(Liar(with_public(s=4, t=4)).run(), {"prm"})


def test_a_proof_of_the_parameters_for_another_place_is_refused() -> None:
    def proved(change: Callable[[Header], tuple[Header, PartyId]]) -> Liar:
        def reveal(honest: RevealMsg, header: Header) -> RevealMsg:
            domain = aux_rounds._prm_domain(*change(header))
            return replace(honest, prm=prm.prove(domain, TINY, liar.secret.pedersen))

        liar = Liar(reveal)
        return liar

    expect_accepted(proved(lambda header: (header, CHEAT)).run())
    expect_blame(proved(lambda header: (header, VICTIM)).run(), {"prm"}, judge=True)
    expect_blame(proved(lambda header: (replace(header, session=bytes(32)), CHEAT)).run(), {"prm"})


# Pi-mod and Pi-fac


@cache
def moduli() -> dict[str, tuple[list[int], set[str]]]:
    """Factors, and the checks that may fail: whose proof is looked at first depends on nothing else."""
    return {
        "prime": (filled(BITS), {"mod", "fac"}),
        "three primes": (filled(BITS, prime(832), prime(416)), {"mod"}),
        "p squared q": (filled(BITS, prime(552), prime(552)), {"mod"}),
        "p = 1 mod 4": (filled(BITS, prime(832), residue=5, of=8), {"mod"}),
        "16-bit primes": (filled(BITS, *(prime(16, seed=seed) for seed in (0, 2, 3))), {"mod", "fac"}),
        "many primes": (filled(BITS, *(prime(208, seed=seed) for seed in range(7))), {"mod"}),
        "256-bit factor": (filled(BITS, prime(256)), {"fac"}),
    }


def split(factors: list[int]) -> tuple[int, int]:
    """Two factors that are as close to each other as these allow."""
    n = prod(factors)
    best = min(
        (prod(f for i, f in enumerate(factors) if mask >> i & 1) for mask in range(1 << len(factors))),
        key=lambda p: max(p, n // p),
    )
    return best, n // best


def best_effort_liar(factors: list[int]) -> Liar:
    def proved(header: Header, rho: bytes) -> mod.ModProof:
        return best_effort(aux_rounds._mod_domain(header, CHEAT), TINY, rho, factors)[1]

    def proved_to(header: Header, rho: bytes, keys: ProofKeys, j: PartyId) -> fac.FacProof:
        return prove_fac(split(factors), keys, aux_rounds._fac_domain(header, CHEAT, j), rho)

    return Liar(with_public(N=prod(factors)), proved, proved_to)


def test_a_liar_with_good_primes_is_accepted() -> None:
    outcomes = best_effort_liar(list(blum(3))).run()
    expect_accepted(outcomes)
    assert data(prod(blum(3))) == outcomes[VICTIM].result.publics[CHEAT].N


@pytest.mark.parametrize("form", moduli())
def test_a_modulus_of_another_form_is_refused_with_any_proofs(form: str) -> None:
    factors, checks = moduli()[form]
    expect_blame(best_effort_liar(factors).run(), checks, judge=form == "256-bit factor")


def test_bitforge_with_w_zero_is_refused() -> None:
    """CVE-2023-33241 with CVE-2025-66016: many primes, fourth roots of zero, an honest Pi-fac of a split."""
    factors = moduli()["many primes"][0]

    def forged(header: Header, rho: bytes) -> mod.ModProof:
        _, proof = best_effort(aux_rounds._mod_domain(header, CHEAT), TINY, rho, factors, 0)
        response = replace(proof.response, a=bytes(TINY.m), b=b"\1" * TINY.m, x=bytes(TINY.m * SIZE))
        return replace(proof, response=response)

    expect_blame(replace(best_effort_liar(factors), mod=forged).run(), {"mod"}, judge=True)


@pytest.mark.parametrize(("kind", "check"), [(Kind.BROADCAST, "mod"), (Kind.DIRECT, "fac")])
def test_a_broken_proof_is_proved(kind: Kind, check: str) -> None:
    expect_blame(parties(2).aux(flip(PROVE, kind, 300)), {check}, judge=True)


def test_proofs_for_other_randomness_prover_or_verifier_are_refused() -> None:
    def mods(prover: PartyId, other: bytes | None = None) -> Liar:
        liar = Liar()
        liar.mod = lambda header, rho: mod.prove(
            aux_rounds._mod_domain(header, prover), TINY, other or rho, liar.secret.paillier
        )
        return liar

    def facs(verifier: PartyId, other: bytes | None = None) -> Liar:
        liar = Liar()
        liar.fac = lambda header, rho, keys, _: fac.prove(
            aux_rounds._fac_domain(header, CHEAT, verifier), keys, other or rho, liar.secret.paillier
        )
        return liar

    expect_accepted(mods(CHEAT).run())
    expect_accepted(facs(VICTIM).run())
    for liar in (mods(VICTIM), mods(CHEAT, bytes(32))):
        expect_blame(liar.run(), {"mod"})
    for liar in (facs(CHEAT), facs(VICTIM, bytes(32))):
        expect_blame(liar.run(), {"fac"})


# evidence that is none


def test_a_second_reveal_for_third_parties_frames_nobody() -> None:
    """A verifier shows other randomness than it revealed, with or without a commitment that fits."""
    host, seen = parties(2), {}

    def tap(sender, receiver, envelope):
        _, message = read_envelope(envelope, PartyId(sender), PartyId(receiver))
        seen[message.slot] = message
        return (envelope,)

    sessions = host.sessions(SPEC)
    outcomes = host.run(
        sessions,
        lambda session: aux_rounds.participate(session, aux_secret(session.me), TINY),
        Tamper(intercept=tap),
    )
    assert all(outcome.error is None for outcome in outcomes.values())
    header, framer, victim = sessions[CHEAT].header, CHEAT, VICTIM
    reveal = seen[Slot.broadcast(REVEAL, framer)]
    second = sessions[framer].sign(reveal.slot, reveal.body[:-64] + bytes(32) + reveal.body[-32:])
    other = decode(second.body, len(second.body), lambda r: RevealMsg.read(r, TINY))
    recommit = sessions[framer].sign(
        Slot.broadcast(COMMIT, framer), bytes(CommitMsg(other.commit(header, framer).V))
    )
    rounds = [seen[Slot.broadcast(number, j)] for number in (COMMIT, REVEAL) for j in header.parties]
    echo = seen[Slot(COMMIT, Kind.ECHO, victim)]
    for check, proof in (
        ("mod", Slot.broadcast(PROVE, victim)),
        ("fac", Slot.direct(PROVE, victim, framer)),
    ):

        def holds(*replaced: SignedMessage, without: Slot | None = None, proof=proof, check=check) -> bool:
            messages = {message.slot: message for message in [*rounds, echo, seen[proof], *replaced]}
            chosen = sorted((m for m in messages.values() if m.slot != without), key=lambda m: m.slot)
            return Evidence(header, victim, check, tuple(chosen)).holds(host.roster, SPECS)

        assert not holds()
        assert not holds(second)
        assert not holds(second, recommit)
        assert not holds(second, recommit, without=echo.slot)
        assert not holds(without=Slot.broadcast(REVEAL, framer))
        assert not holds(without=Slot.broadcast(COMMIT, framer))
    # nor does a proof to who is no party
    body = seen[Slot.direct(PROVE, victim, framer)].body
    astray = sessions[victim].sign(Slot.direct(PROVE, victim, PartyId(5)), body)
    messages = sorted([*rounds, echo, astray], key=lambda m: m.slot)
    assert not Evidence(header, victim, "fac", tuple(messages)).holds(host.roster, SPECS)


def test_evidence_against_who_is_no_party_holds_nothing() -> None:
    error = expect_blame(parties(2).aux(flip(PROVE, Kind.DIRECT, 300)), {"fac"})
    (proof,) = error.evidence
    for check in ("mod", "prm", "modulus", "commitment", "unknown"):
        assert not replace(proof, check=check).holds(parties(2).roster, SPECS)
    assert not replace(proof, culprit=PartyId(0)).holds(parties(2).roster, SPECS)
    for left_out in range(len(proof.messages)):
        fewer = proof.messages[:left_out] + proof.messages[left_out + 1 :]
        assert not replace(proof, messages=fewer).holds(parties(2).roster, SPECS)


def test_proof_of_who_is_no_party_is_no_evidence() -> None:
    """A coordinator that signs a Pi-mod in its own name, beside all that the parties have revealed."""
    error = expect_blame(parties(2).aux(flip(PROVE, Kind.BROADCAST, 300)), {"mod"})
    (proof,) = error.evidence
    own = Slot.broadcast(PROVE, COORDINATOR)
    messages = {message.slot: message for message in proof.messages}
    messages[own] = replace(messages[Slot.broadcast(PROVE, proof.culprit)], slot=own)
    claim = Claim(SPEC, proof.header, parties(2).roster, COORDINATOR, messages)
    with pytest.raises(EncodingError, match="no party"):
        SPEC.checks["mod"](claim)


# secrets


def test_factors_are_used_in_one_session_and_wiped_when_it_fails() -> None:
    secret = aux_secret(0)
    outcomes = parties(2).aux(flip(PROVE, Kind.BROADCAST, 300), {VICTIM: secret})
    assert outcomes[PartyId(0)].error
    for kept in secret.secrets():
        with pytest.raises(WipedError):
            kept.declassify()
    secret = aux_secret(0)
    assert parties(2).aux(None, {PartyId(0): secret})[PartyId(0)].result.own is secret
    with pytest.raises(UsageError):
        parties(2).aux(None, {PartyId(0): secret})


def test_factors_of_another_level_are_refused() -> None:
    level = replace(TINY, prime_bits=896)
    session = parties(2).sessions(aux_rounds.aux_spec(level))[VICTIM]
    with pytest.raises(UsageError):
        aux_rounds.participate(session, aux_secret(VICTIM), level)


@pytest.mark.parametrize("levels", [(TINY, SECURITY_128), (SECURITY_128, TINY)])
def test_factors_of_two_levels_are_refused(levels: tuple[Params, Params]) -> None:
    primes = (residues(primes_of(0, kind, of), of) for kind, of in zip(("blum", "safe"), levels, strict=True))
    session = parties(2).sessions(SPEC)[VICTIM]
    with pytest.raises(UsageError, match="size of the level"):
        aux_rounds.participate(session, AuxSecret(*primes), TINY)
