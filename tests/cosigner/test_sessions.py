"""Sessions that several threads share."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from unittest.mock import patch

import pytest

from cosigner.sessions import MAX_FAULTY, MAX_OPEN, Sessions
from protocol.errors import FaultyPartyError, SessionTimeout, UsageError
from protocol.evidence import Evidence
from protocol.header import Header
from protocol.ids import PartyId
from protocol.machine import Sealed, SessionMachine
from protocol.session import Session
from protocol.signed import Slot, read_envelope
from tests.protocol import toss

WAIT = 60  # seconds until a test gives up
ME, PEER = PartyId(0), PartyId(1)


def head(name: bytes) -> Header:
    return toss.header(2, session=name)


class Toss:
    """Sessions of ME, and the machines of PEER that talk to them."""

    def __init__(self) -> None:
        self.sessions = Sessions()
        self.results: list[bytes] = []

    def open(self, header: Header, store: Callable[[bytes], object] | None = None) -> list[Sealed]:
        """Open a session here and there; return what comes from there."""
        place = toss.session(ME, header)
        mine = self.sessions.open(place, toss.opening(place), store or self.results.append)
        there = toss.session(PEER, header)
        self.peer, sealed = SessionMachine.begin(there, toss.opening(there))
        return [*sealed, *self.there(mine)]

    def there(self, sealed: tuple[Sealed, ...]) -> list[Sealed]:
        return [answer for item in sealed for answer in self.peer.receive(ME, item.envelope)]

    def last(self, letters: list[Sealed]) -> Sealed:
        """Deliver all that the peer sends but the last message, which finishes the session."""
        while len(letters) > 1 or not self.peer.done:
            letters += self.there(self.sessions.receive(PEER, letters.pop(0).envelope))
        return letters[0]


def test_message_of_one_session_does_not_wait_for_that_of_another() -> None:
    slow, quick = Toss(), Toss()
    quick.sessions = slow.sessions
    stored, go_on = threading.Event(), threading.Event()

    def store(_result: bytes) -> None:
        stored.set()
        assert go_on.wait(WAIT)

    last = slow.last(slow.open(head(b"slow"), store))
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(slow.sessions.receive, PEER, last.envelope)
        assert stored.wait(WAIT)
        quick.sessions.receive(PEER, quick.last(quick.open(head(b"quick"))).envelope)
        assert len(quick.results) == 1
        assert not running.done()
        go_on.set()
        running.result(WAIT)
    assert not slow.sessions.open_protocols()


def test_messages_of_one_session_are_taken_one_after_the_other() -> None:
    sessions, header, inside, most = Sessions(), toss.header(3), 0, 0
    place = toss.session(ME, header)
    sessions.open(place, toss.opening(place), lambda _: None)
    receive = SessionMachine.receive

    def slow(machine: SessionMachine[bytes], sender: PartyId, envelope: bytes) -> tuple[Sealed, ...]:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        time.sleep(0.05)
        try:
            return receive(machine, sender, envelope)
        finally:
            inside -= 1

    first = []
    for j in (PartyId(1), PartyId(2)):
        there = toss.session(j, header)
        first.append((j, SessionMachine.begin(there, toss.opening(there))[1][0].envelope))
    with patch.object(SessionMachine, "receive", slow), ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda letter: sessions.receive(*letter), first))
    assert most == 1


def test_session_that_ends_while_it_is_told_to_end_has_ended_well() -> None:
    it = Toss()
    stored, go_on = threading.Event(), threading.Event()

    def store(result: bytes) -> None:
        stored.set()
        assert go_on.wait(WAIT)
        it.results.append(result)

    header = head(b"ends")
    last = it.last(it.open(header, store))
    with ThreadPoolExecutor(2) as pool:
        running = pool.submit(it.sessions.receive, PEER, last.envelope)
        assert stored.wait(WAIT)
        ending = pool.submit(it.sessions.end, header.session)
        time.sleep(0.02)
        assert not ending.done()
        go_on.set()
        assert ending.result(WAIT) is None
        running.result(WAIT)
    assert len(it.results) == 1


def test_of_many_threads_one_opens_a_session() -> None:
    sessions, header = Sessions(), head(b"once")

    def attempt(_number: int) -> bool:
        place = toss.session(ME, header)
        try:
            sessions.open(place, toss.opening(place), lambda _: None)
        except UsageError:
            return False
        return True

    def slow(_self: Sessions) -> Counter[str]:
        time.sleep(0.01)
        return Counter()

    with patch.object(Sessions, "open_protocols", slow), ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attempt, range(16))) == 1


def test_open_sessions_of_one_protocol_leave_room_for_those_of_another() -> None:
    sessions = Sessions()

    def begin(number: int, name: str) -> None:
        header = replace(head(b"%d" % number), protocol=name)
        spec = replace(toss.TOSS, name=name)
        place = Session(spec, header, toss.roster(2), ME, toss.host_key(ME))
        sessions.open(place, toss.opening(place), lambda _: None)

    for number in range(MAX_OPEN):
        begin(number, "refill")
    with pytest.raises(UsageError, match="open already"):
        begin(MAX_OPEN, "refill")
    begin(MAX_OPEN + 1, "sign")
    assert sessions.open_protocols() == {"refill": MAX_OPEN, "sign": 1}
    first = head(b"0").session
    assert sessions.is_open(first)
    assert isinstance(sessions.end(first), SessionTimeout)
    assert not sessions.is_open(first)
    begin(MAX_OPEN + 2, "refill")


# ---- faults that were proved ----


class Lied(Toss):
    """A session in which PEER reveals something else than it has committed to."""

    def __init__(self, sessions: Sessions, name: bytes) -> None:
        super().__init__()
        self.sessions, self.header = sessions, head(name)
        with pytest.raises(FaultyPartyError) as caught:
            self.carry(self.open(self.header))
        assert caught.value.culprits == {PEER: "opening"}
        (self.proof,) = caught.value.evidence

    def carry(self, letters: list[Sealed]) -> None:
        while letters:
            letters += self.there(self.sessions.receive(PEER, self.spoilt(letters.pop(0))))

    def spoilt(self, sealed: Sealed) -> bytes:
        _, message = read_envelope(sealed.envelope, PEER, ME)
        if message.slot != Slot.broadcast(2, PEER):
            return sealed.envelope
        body = bytes([message.body[0] ^ 1]) + message.body[1:]
        return toss.session(PEER, self.header).sign(message.slot, body).envelope(self.header)


def is_refused(sessions: Sessions, header: Header) -> bool:
    try:
        sessions.expect_new(header)
    except UsageError as e:
        return "party 1 was at fault in 3 sessions" in str(e)
    return False


def test_party_at_fault_in_three_sessions_takes_part_in_no_more() -> None:
    sessions, new = Sessions(), head(b"new")
    assert MAX_FAULTY == 3
    for number in range(3):
        assert not is_refused(sessions, new)
        Lied(sessions, b"%d" % number)
    assert is_refused(sessions, new)
    place = toss.session(ME, new)
    with pytest.raises(UsageError, match="party 1"):
        sessions.open(place, toss.opening(place), lambda _: None)
    assert not sessions.open_protocols()
    # the others go on without it
    sessions.expect_new(replace(new, parties=(ME, PartyId(2))))


def test_fault_counts_once_however_often_it_is_told() -> None:
    sessions, elsewhere = Sessions(), Sessions()
    lies = [Lied(elsewhere, b"%d" % number) for number in range(3)]
    first = Lied(sessions, b"0")
    for _ in range(5):
        assert sessions.end(first.header.session, [bytes(first.proof)]) is None
    for lie in lies[1:]:  # in which this party has not taken part
        sessions.end(lie.header.session, [bytes(lie.proof)])
    assert not is_refused(sessions, head(b"new"))


def over(sessions: Sessions, header: Header) -> None:
    """Have a session come to its end."""
    it = Toss()
    it.sessions = sessions
    sessions.receive(PEER, it.last(it.open(header)).envelope)
    assert not sessions.is_open(header.session)


def test_fault_that_others_prove_after_the_end_of_a_session_counts() -> None:
    """A signer's last message is judged by the coordinator."""
    sessions = Sessions()
    proofs = [Lied(Sessions(), b"%d" % number).proof for number in range(3)]
    for at, proof in enumerate(proofs):
        over(sessions, proof.header)
        for data in (b"", bytes(proofs[at - 1])):  # none, and one about another session
            sessions.end(proof.header.session, [data])
            assert not is_refused(sessions, head(b"new"))
        assert sessions.end(proof.header.session, [b"", bytes(proof)]) is None
    assert is_refused(sessions, head(b"new"))


@pytest.mark.parametrize("holds", [False, True])
def test_evidence_about_a_session_that_is_over_is_looked_at_once(holds: bool) -> None:
    sessions = Sessions()
    for number in range(3):
        proof = Lied(Sessions(), b"%d" % number).proof
        over(sessions, proof.header)
        with patch.object(Evidence, "holds", side_effect=[holds]):
            sessions.end(proof.header.session, [bytes(proof)] if holds else [bytes(proof)] * 2)
            sessions.end(proof.header.session, [bytes(proof)])
    assert is_refused(sessions, head(b"new")) is holds


def test_evidence_about_a_session_long_over_is_not_looked_at() -> None:
    sessions, old = Sessions(), head(b"old")
    for header in (old, *(head(b"%d" % number) for number in range(MAX_OPEN))):
        place = toss.session(ME, header)
        sessions.open(place, toss.opening(place), lambda _: None)
        sessions.end(header.session)
    proof = Lied(Sessions(), b"old").proof
    with patch.object(Evidence, "holds", side_effect=AssertionError):
        sessions.end(old.session, [bytes(proof)])


def test_fault_that_ends_a_running_session_counts() -> None:
    sessions = Sessions()
    for number in range(3):
        assert not is_refused(sessions, head(b"new"))
        header, proof = head(b"%d" % number), Lied(Sessions(), b"%d" % number).proof
        place = toss.session(ME, header)
        sessions.open(place, toss.opening(place), lambda _: None)
        assert isinstance(sessions.end(header.session, [bytes(proof)]), FaultyPartyError)
    assert is_refused(sessions, head(b"new"))
