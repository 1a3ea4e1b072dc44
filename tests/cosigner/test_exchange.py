"""Carrying the messages of a session between parties that work at once."""

import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from cosigner.exchange import MAX_LETTERS, Failure, Letter, carry, ended_on_error, first_error
from cosigner.sessions import Sessions
from protocol.errors import FaultyPartyError, MpcError, SessionTimeout, UnattributedAbort, UsageError
from protocol.evidence import Evidence
from protocol.ids import PartyId, SessionId
from protocol.machine import Sealed
from protocol.signed import Kind, Slot, read_envelope
from tests.protocol import toss

N = 3
IDS = tuple(PartyId(i) for i in range(N))
LIAR = PartyId(2)


class Peer:
    """A party of a toss, which notes how many threads it has inside."""

    def __init__(self, me: PartyId, together: threading.Barrier | None = None) -> None:
        self.me, self.together = me, together
        self.sessions = Sessions()
        self.results: list[bytes] = []
        self.inside = self.most = self.received = 0

    def open(self) -> list[Letter]:
        place = toss.session(self.me)
        sealed = self.sessions.open(place, toss.opening(place), self.results.append)
        return [(self.me, message) for message in sealed]

    def receive(self, sender: PartyId, envelope: bytes) -> tuple[Sealed, ...]:
        self.inside += 1
        self.received += 1
        self.most = max(self.most, self.inside)
        try:
            if self.together is not None and self.received == 1:
                self.together.wait(60)
            return self.sessions.receive(sender, envelope)
        finally:
            self.inside -= 1

    def end(self, session: SessionId, evidence: Iterable[bytes] = ()) -> MpcError | None:
        return self.sessions.end(session, evidence)


class Liar(Peer):
    """Sends party 0 a share that is wrong, and party 1 none."""

    def receive(self, sender: PartyId, envelope: bytes) -> tuple[Sealed, ...]:
        answers = super().receive(sender, envelope)
        return tuple(self._spoil(sealed) for sealed in answers if sealed.receiver != IDS[1])

    def _spoil(self, sealed: Sealed) -> Sealed:
        _, message = read_envelope(sealed.envelope, self.me, sealed.receiver)
        if message.slot != Slot.direct(2, self.me, IDS[0]):
            return sealed
        body = message.body[:-1] + bytes([message.body[-1] ^ 1])
        place = toss.session(self.me)
        return Sealed(sealed.receiver, place.sign(message.slot, body).envelope(place.header))


class Gone(Peer):
    """Loses its connection after the first round."""

    def receive(self, sender: PartyId, envelope: bytes) -> tuple[Sealed, ...]:
        if read_envelope(envelope, sender, self.me)[1].slot.kind is Kind.ECHO:
            raise ConnectionResetError("gone")
        return super().receive(sender, envelope)


class Unreachable(Peer):
    """Can be told nothing."""

    def end(self, session: SessionId, evidence: Iterable[bytes] = ()) -> MpcError | None:
        raise ConnectionResetError("gone")


def run(peers: dict[PartyId, Peer], *, at_once: bool = True):
    letters = [letter for peer in peers.values() for letter in peer.open()]
    session = toss.header().session
    if not at_once:
        return carry(session, peers, letters)
    with ThreadPoolExecutor(N) as threads:
        return carry(session, peers, letters, threads)


@pytest.mark.parametrize("at_once", [False, True])
def test_session_comes_to_its_end_everywhere(at_once: bool) -> None:
    peers = {i: Peer(i) for i in IDS}
    assert run(peers, at_once=at_once) == []
    assert len({tuple(peer.results) for peer in peers.values()}) == 1
    assert len(peers[LIAR].results) == 1


def test_parties_work_at_once_and_each_on_one_message() -> None:
    together = threading.Barrier(N)  # which breaks when one of them is alone
    peers = {i: Peer(i, together) for i in IDS}
    assert run(peers) == []
    assert all(peer.most == 1 for peer in peers.values())


@pytest.mark.parametrize("at_once", [False, True])
def test_evidence_that_one_party_has_is_passed_on_to_all(at_once: bool) -> None:
    peers: dict[PartyId, Peer] = {i: Peer(i) for i in IDS[:2]} | {LIAR: Liar(LIAR)}
    failures = {failure.party: failure.error for failure in run(peers, at_once=at_once)}
    for i in IDS[:2]:
        error = failures[i]
        assert isinstance(error, FaultyPartyError)
        assert error.culprits == {LIAR: "share"}


def test_evidence_is_checked_and_is_of_the_session() -> None:
    failures = run({i: Peer(i) for i in IDS[:2]} | {LIAR: Liar(LIAR)}, at_once=False)
    failure = next(failure for failure in failures if failure.party == IDS[0])
    error = failure.error
    assert isinstance(error, FaultyPartyError)
    header, keys, spec = toss.header(), toss.roster(N), toss.TOSS
    assert first_error([failure], header, keys, spec) is error
    (evidence,) = error.evidence
    framed = FaultyPartyError({IDS[1]: "share"}, [replace(evidence, culprit=IDS[1])])
    both = FaultyPartyError({IDS[1]: "share", LIAR: "share"}, [evidence])
    for said in (framed, both):
        found = first_error([Failure(IDS[0], said)], header, keys, spec)
        assert isinstance(found, UnattributedAbort)
        assert found.suspects == {0, *said.culprits}
    found = first_error([failure], toss.header(session=b"another"), keys, spec)
    assert isinstance(found, UnattributedAbort)


def test_of_evidence_that_does_not_hold_one_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each may take seconds, and whoever gives it may give 128."""
    checked = list[Evidence]()
    holds = Evidence.holds

    def counted(evidence: Evidence, *args: Any) -> bool:
        checked.append(evidence)
        return holds(evidence, *args)

    monkeypatch.setattr(Evidence, "holds", counted)
    size = Evidence(toss.header(), LIAR, "size", (toss.session(LIAR).sign(Slot.broadcast(1, LIAR), b""),))
    false = [replace(size, check=f"no {i}") for i in range(9)]
    header, keys, spec = toss.header(), toss.roster(N), toss.TOSS
    culprits = {PartyId(i): "size" for i in range(9)}
    many = [replace(it, culprit=PartyId(i)) for i, it in enumerate(false)]
    for named, proofs, looks in (
        (culprits, many, 1),
        ({LIAR: "size"}, [size, *false], 0),
        ({LIAR: "size"}, [size] * 9, 0),
        ({LIAR: "size"}, [replace(size, header=toss.header(session=b"another")), size], 1),
    ):
        checked.clear()
        first_error([Failure(IDS[0], FaultyPartyError(named, proofs))], header, keys, spec)
        assert len(checked) == looks
    sessions, place = Sessions(), toss.session(IDS[0])
    sessions.open(place, toss.opening(place), lambda _: None)
    checked.clear()
    given = [b"", bytes(replace(size, header=toss.header(session=b"another"))), *map(bytes, [*false, size])]
    assert isinstance(sessions.end(header.session, given), SessionTimeout)
    assert len(checked) == 1


class Stuck(Peer):
    """Fails, and cannot even end its session."""

    def receive(self, sender: PartyId, envelope: bytes) -> tuple[Sealed, ...]:
        raise UsageError("no")

    def end(self, session: SessionId, evidence: Iterable[bytes] = ()) -> MpcError | None:
        raise UsageError("no")


def test_party_that_cannot_end_its_session_keeps_no_other_from_it() -> None:
    peers: dict[PartyId, Peer] = {IDS[0]: Stuck(IDS[0])} | {i: Peer(i) for i in IDS[1:]}
    assert {failure.party for failure in run(peers)} == set(IDS)
    assert not any(peers[i].sessions.is_open(toss.header().session) for i in IDS[1:])
    again = {IDS[0]: Stuck(IDS[0]), IDS[1]: Peer(IDS[1])}
    again[IDS[1]].open()
    with pytest.raises(ZeroDivisionError), ended_on_error(toss.header().session, again):
        raise ZeroDivisionError
    assert not again[IDS[1]].sessions.is_open(toss.header().session)


class Astray(Peer):
    """Sends to nobody, and to itself."""

    def receive(self, sender: PartyId, envelope: bytes) -> tuple[Sealed, ...]:
        answers = super().receive(sender, envelope)
        return tuple(Sealed(j, sealed.envelope) for sealed in answers for j in (PartyId(9), self.me))


def test_messages_to_nobody_are_dropped() -> None:
    peers: dict[PartyId, Peer] = {i: Peer(i) for i in IDS[:2]} | {LIAR: Astray(LIAR)}
    errors = [failure.error for failure in run(peers)]
    assert len(errors) == N
    assert all(isinstance(error, SessionTimeout) for error in errors)


@pytest.mark.parametrize("at_once", [False, True])
def test_party_that_is_gone_ends_the_session(at_once: bool) -> None:
    peers: dict[PartyId, Peer] = {i: Peer(i) for i in IDS[:2]} | {LIAR: Gone(LIAR)}
    failures = {failure.party: failure.error for failure in run(peers, at_once=at_once)}
    assert isinstance(failures.pop(LIAR), ConnectionResetError)
    assert set(failures) == {0, 1}
    assert all(isinstance(error, SessionTimeout) for error in failures.values())
    assert not any(peer.results or peer.sessions.is_open(toss.header().session) for peer in peers.values())


def test_session_is_ended_at_all_others_than_one_that_cannot_be_reached() -> None:
    peers: dict[PartyId, Peer] = {IDS[0]: Unreachable(IDS[0])} | {i: Peer(i) for i in IDS[1:]}
    session = toss.header().session
    for peer in peers.values():
        peer.open()
    with pytest.raises(SessionTimeout), ended_on_error(session, peers):
        raise SessionTimeout(IDS)
    assert [peer.sessions.is_open(session) for peer in peers.values()] == [True, False, False]


class Chatty(Peer):
    """Answers everything that comes with another message."""

    def receive(self, sender: PartyId, envelope: bytes) -> tuple[Sealed, ...]:
        super().receive(sender, envelope) if sender == IDS[0] else None
        self.received += 1
        assert self.received < 1000
        return (Sealed(IDS[2] if self.me == IDS[1] else IDS[1], toss.header().session),)


@pytest.mark.parametrize("at_once", [False, True])
def test_parties_that_answer_each_other_without_end_are_named(at_once: bool) -> None:
    chatty = {i: Chatty(i) for i in IDS[1:]}
    failures = {
        failure.party: failure.error for failure in run({IDS[0]: Peer(IDS[0]), **chatty}, at_once=at_once)
    }
    assert set(failures) == set(IDS)
    error = next(failures[i] for i in chatty if isinstance(failures[i], UnattributedAbort))
    assert isinstance(error, UnattributedAbort)
    assert error.check == "number of messages"
    assert error.suspects < set(chatty)


def test_party_that_begins_with_too_many_messages_is_named() -> None:
    peers = {i: Peer(i) for i in IDS}
    letters = [letter for peer in peers.values() for letter in peer.open()]
    (share,) = (letter for letter in letters if letter[0] == LIAR)
    failures = carry(toss.header().session, peers, [*letters, *[share] * MAX_LETTERS])
    assert failures[0].party == LIAR
    assert failures[0].error.args == UnattributedAbort("number of messages", [LIAR]).args


class Elsewhere(Peer):
    """Answers with a message of another session."""

    def receive(self, sender: PartyId, envelope: bytes) -> tuple[Sealed, ...]:
        return tuple(
            Sealed(it.receiver, bytes(32) + it.envelope[32:]) for it in super().receive(sender, envelope)
        )


@pytest.mark.parametrize("at_once", [False, True])
def test_message_of_another_session_is_not_carried_and_names_its_sender(at_once: bool) -> None:
    failures = run({i: Peer(i) for i in IDS[:2]} | {LIAR: Elsewhere(LIAR)}, at_once=at_once)
    first = failures[0]
    assert first.party == LIAR
    assert isinstance(first.error, UnattributedAbort)
    assert (first.error.check, first.error.suspects) == ("session", {LIAR})
    assert all(isinstance(it.error, SessionTimeout) for it in failures[1:])
