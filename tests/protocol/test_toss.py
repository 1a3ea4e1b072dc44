"""The toy protocol among honest, corrupted and badly connected parties: who is blamed, by which proof."""

import random
import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256

import pytest

from native.curve import ORDER
from protocol.driver import Outcome, Tamper, run
from protocol.errors import (
    FaultyPartyError,
    ProtocolError,
    SessionTimeout,
    UnattributedAbort,
    UsageError,
)
from protocol.evidence import Evidence
from protocol.ids import PartyId
from protocol.roster import Roster
from protocol.signed import ENVELOPE_OVERHEAD, Kind, Slot

from . import toss

P0, P1, P2 = (PartyId(i) for i in range(3))
HONEST = (P0, P1)
ECHO_1 = (1, Kind.ECHO)
COMMIT, REVEAL, SHARE = (1, Kind.BROADCAST), (2, Kind.BROADCAST), (2, Kind.DIRECT)
Outcomes = dict[PartyId, Outcome[bytes]]


def corrupt(where: tuple[int, Kind], change: Callable[[bytes], bytes | None], *receivers: PartyId) -> Tamper:
    """P2 changes one message, for some receivers or all, and signs it."""

    def mutate(slot: Slot, receiver: PartyId, body: bytes) -> bytes | None:
        hit = (slot.round, slot.kind) == where and receiver in (receivers or HONEST)
        return change(body) if hit else body

    return Tamper(corrupted=(P2,), mutate=mutate)


def proved_in_a_fresh_process(keys: Roster, evidence: Evidence) -> str:
    verifier = subprocess.run(
        [sys.executable, "-m", "tests.protocol.fresh_verifier"],
        input=f"{bytes(keys).hex()}\n{bytes(evidence).hex()}\n",
        capture_output=True,
        text=True,
        check=True,
        timeout=600,
    )
    return verifier.stdout


def expect_dead(outcomes: Outcomes) -> None:
    for party in HONEST:
        machine = outcomes[party].machine
        assert not machine.done
        assert machine.failure is outcomes[party].error
        assert (machine._round, machine._messages, machine._decoded) == (None, {}, {})
        for use in (
            lambda machine=machine: machine.result,
            lambda machine=machine: machine.receive(P2, b""),
            lambda machine=machine: machine.time_out(),
        ):
            with pytest.raises(UsageError):
                use()


def test_honest_parties_toss_the_same_coin() -> None:
    coins = {outcome.result for outcome in run(toss.openings()).values()}
    assert coins == {sha256(b"".join(sha256(b"coin %d" % i).digest() for i in range(3))).digest()}


@pytest.mark.parametrize(("n", "t"), [(1, 1), (2, 2), (5, 3)])
def test_toss_runs_with_any_number_of_parties(n: int, t: int) -> None:
    outcomes = run(toss.openings(toss.header(n, t)))
    assert len({outcome.result for outcome in outcomes.values()}) == 1
    assert all(outcome.machine.done and not outcome.error for outcome in outcomes.values())


@pytest.mark.parametrize("seed", range(40))
def test_order_and_repetition_of_deliveries_do_not_matter(seed: int) -> None:
    rng = random.Random(seed)
    tamper = Tamper(intercept=lambda _s, _r, envelope: [envelope] * rng.randrange(1, 3), pick=rng.randrange)
    outcomes = run(toss.openings(toss.header(4, 2)), tamper)
    assert [outcome.error for outcome in outcomes.values()] == [None] * 4
    assert len({outcome.result for outcome in outcomes.values()}) == 1


def flip(at: int) -> Callable[[bytes], bytes]:
    return lambda body: body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]


CORRUPTIONS = {
    "commitment not opened": (corrupt(REVEAL, flip(0)), "opening"),
    "commitment other than the one it echoes": (corrupt(COMMIT, flip(0)), "equivocation"),
    "wrong share to all": (corrupt(SHARE, flip(31)), "share"),
    "wrong share to one": (corrupt(SHARE, flip(31), P0), "share"),
    "share not below the order": (corrupt(SHARE, lambda _: ORDER.to_bytes(32, "big")), "encoding"),
    "commitment point at infinity": (
        corrupt(REVEAL, lambda body: body[:32] + bytes(33) + body[65:]),
        "encoding",
    ),
    "commitment point off the curve": (
        corrupt(REVEAL, lambda body: body[:32] + b"\x02" + bytes(31) + b"\x05" + body[65:]),
        "encoding",
    ),
    "one coefficient less": (corrupt(REVEAL, lambda body: body[:-33]), "size"),
    "one coefficient more": (corrupt(REVEAL, lambda body: body + body[-33:]), "size"),
    "empty commitment": (corrupt(COMMIT, lambda _: b"", P0), "size"),
    "trailing byte": (corrupt(COMMIT, lambda body: body + b"\0"), "size"),
    "a megabyte": (corrupt(SHARE, lambda _: bytes(1 << 20)), "size"),
    "two commitments": (corrupt(COMMIT, flip(5), P1), "equivocation"),
    "echo of a commitment nobody signed": (corrupt(ECHO_1, flip(0)), "echo"),
    "echo to one of a commitment nobody signed": (corrupt(ECHO_1, flip(96), P0), "echo"),
    "short echo": (corrupt(ECHO_1, lambda body: body[:-96]), "size"),
}


@pytest.mark.parametrize(("tamper", "check"), CORRUPTIONS.values(), ids=CORRUPTIONS)
def test_corrupted_party_is_blamed_with_proof(tamper: Tamper, check: str) -> None:
    outcomes = run(toss.openings(), tamper)
    for party in HONEST:
        error = outcomes[party].error
        assert isinstance(error, FaultyPartyError)
        assert error.culprits == {P2: check}
        (evidence,) = error.evidence
        assert evidence.holds(toss.roster(3), {toss.TOSS.name: toss.TOSS})
        assert Evidence.from_bytes(bytes(evidence)) == evidence
    assert proved_in_a_fresh_process(toss.roster(3), evidence) == f"2 {check}"
    expect_dead(outcomes)


def test_evidence_proves_nothing_to_whom_has_another_roster() -> None:
    error = run(toss.openings(), CORRUPTIONS["wrong share to one"][0])[P0].error
    assert isinstance(error, FaultyPartyError)
    assert proved_in_a_fresh_process(toss.roster(4), error.evidence[0]) == "nothing"


def test_all_culprits_of_a_round_are_named() -> None:
    def mutate(slot: Slot, receiver: PartyId, body: bytes) -> bytes:
        changes = {(P1, *REVEAL): flip(0), (P2, *SHARE): flip(31)}
        change = changes.get((slot.sender, slot.round, slot.kind), bytes)
        return change(body) if receiver == P0 else body

    error = run(toss.openings(), Tamper(corrupted=(P1, P2), mutate=mutate))[P0].error
    assert isinstance(error, FaultyPartyError)
    assert error.culprits == {P1: "opening", P2: "share"}
    assert [proof.culprit for proof in error.evidence] == [P1, P2]


def test_all_malformed_messages_of_a_round_are_named() -> None:
    def mutate(slot: Slot, receiver: PartyId, body: bytes) -> bytes:
        return b"\xff" * 32 if (slot.round, slot.kind) == SHARE and receiver == P0 else body

    error = run(toss.openings(), Tamper(corrupted=(P1, P2), mutate=mutate))[P0].error
    assert isinstance(error, FaultyPartyError)
    assert error.culprits == {P1: "encoding", P2: "encoding"}


def test_false_echo_does_not_put_the_blame_on_whom_it_speaks_of() -> None:
    outcomes = run(toss.openings(), corrupt(ECHO_1, lambda body: bytes(len(body))))
    for party in HONEST:
        error = outcomes[party].error
        assert isinstance(error, FaultyPartyError)
        assert error.culprits == {P2: "echo"}


# ---- the network, which can sign nothing ----


def between(sender: PartyId, receiver: PartyId, change: Callable[[bytes], list[bytes]]) -> Tamper:
    return Tamper(
        intercept=lambda s, r, envelope: change(envelope) if (s, r) == (sender, receiver) else [envelope]
    )


ALTERATIONS = {
    "body": (lambda e: [flip(ENVELOPE_OVERHEAD)(e)], "signature"),
    "signature": (lambda e: [flip(40)(e)], "signature"),
    "round": (lambda e: [flip(33)(e)], "signature"),
    "kind": (lambda e: [e[:34] + b"\x03" + e[35:]], "signature"),
    "unknown kind": (lambda e: [e[:34] + b"\x07" + e[35:]], "envelope"),
    "session": (lambda e: [flip(0)(e)], "session"),
    "trailing byte": (lambda e: [e + b"\0"], "signature"),
    "short": (lambda e: [e[:-1]], "signature"),
    "no envelope": (lambda e: [e[:50]], "envelope"),
    "nothing": (lambda e: [b""], "envelope"),
    "altered second copy": (lambda e: [e, flip(ENVELOPE_OVERHEAD)(e)], "signature"),
    "huge": (lambda e: [bytes(5 << 20)], "envelope"),
}


@pytest.mark.parametrize(("change", "check"), ALTERATIONS.values(), ids=ALTERATIONS)
def test_alteration_on_the_way_ends_the_session_without_blame(
    change: Callable[[bytes], list[bytes]], check: str
) -> None:
    outcomes = run(toss.openings(), between(P2, P0, change))
    error = outcomes[P0].error
    assert isinstance(error, UnattributedAbort)
    assert (error.check, error.suspects) == (check, {P2})
    assert isinstance(outcomes[P1].error, SessionTimeout)
    assert not any(isinstance(outcome.error, FaultyPartyError) for outcome in outcomes.values())
    expect_dead(outcomes)


def test_message_passed_off_as_another_partys_blames_nobody() -> None:
    stolen: list[bytes] = []

    def intercept(sender: PartyId, receiver: PartyId, envelope: bytes) -> list[bytes]:
        if sender == P1:
            stolen.append(envelope)
        return stolen[:1] if sender == P2 and receiver == P0 else [envelope]

    error = run(toss.openings(), Tamper(intercept=intercept))[P0].error
    assert isinstance(error, UnattributedAbort)
    assert error.check == "signature"


def test_messages_of_another_session_blame_nobody() -> None:
    recorded: dict[tuple[PartyId, PartyId], list[bytes]] = {}

    def record(sender: PartyId, receiver: PartyId, envelope: bytes) -> list[bytes]:
        recorded.setdefault((sender, receiver), []).append(envelope)
        return [envelope]

    run(toss.openings(toss.header(session=b"A")), Tamper(intercept=record))
    replay = Tamper(intercept=lambda s, r, envelope: [recorded[s, r].pop(0)])
    for outcome in run(toss.openings(toss.header(session=b"B")), replay).values():
        assert isinstance(outcome.error, UnattributedAbort)
        assert outcome.error.check == "session"


def test_same_session_id_under_other_facts_is_refused() -> None:
    other = toss.openings(toss.header(t=3))
    mixed = {**toss.openings(), P2: other[P2]}
    errors = [outcome.error for outcome in run(mixed).values()]
    assert all(isinstance(error, UnattributedAbort | SessionTimeout) for error in errors)
    assert any(isinstance(error, UnattributedAbort) and error.check == "signature" for error in errors)


@pytest.mark.parametrize("where", [COMMIT, ECHO_1, REVEAL, SHARE])
def test_silent_party_is_missing_not_faulty(where: tuple[int, Kind]) -> None:
    outcomes = run(toss.openings(), corrupt(where, lambda _: None))
    for party in HONEST:
        error = outcomes[party].error
        assert isinstance(error, SessionTimeout)
        assert error.missing == {P2}
    expect_dead(outcomes)


def test_every_error_of_a_session_is_a_protocol_error() -> None:
    for tamper, _ in CORRUPTIONS.values():
        outcomes = run(toss.openings(), tamper)
        assert all(isinstance(outcomes[party].error, ProtocolError) for party in HONEST)
