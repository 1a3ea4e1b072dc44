import copy
import gc
import pickle
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import pytest

from native.secret import Secret, SecretScalars, ffi, lib
from native.secret_scalar import random_scalars
from protocol.codec import Reader
from protocol.errors import (
    FaultyPartyError,
    SessionTimeout,
    UnattributedAbort,
    UsageError,
)
from protocol.evidence import Evidence
from protocol.header import Header
from protocol.ids import COORDINATOR, PartyId, RoundNumber
from protocol.machine import Sealed, SessionMachine
from protocol.round import Continue, Done, Inbox, Outgoing, Round
from protocol.session import Session
from protocol.signed import Kind, Slot, body_digest
from protocol.spec import MessageType, ProtocolSpec

from . import toss

P0, P1, P2 = (PartyId(i) for i in range(3))


def begin(party: int = 0) -> tuple[SessionMachine[bytes], tuple[Sealed, ...]]:
    session = toss.session(party)
    return SessionMachine.begin(session, toss.opening(session))


def signed(sender: int, slot: Slot, body: bytes) -> bytes:
    session = toss.session(sender)
    return session.sign(slot, body).envelope(session.header)


def commitment(sender: int, body: bytes = bytes(32)) -> bytes:
    return signed(sender, Slot.broadcast(1, PartyId(sender)), body)


def expect_failed(machine: SessionMachine[bytes], act: Callable[[], object], error: type[Exception]) -> Any:
    with pytest.raises(error) as e:
        act()
    assert machine.failure is e.value
    with pytest.raises(UsageError, match="has ended"):
        machine.receive(P1, commitment(1))
    return e.value


def test_identical_duplicate_is_ignored_even_if_signed_anew() -> None:
    machine, _ = begin()
    assert machine.receive(P1, commitment(1)) == ()
    assert commitment(1) != commitment(1)
    assert machine.receive(P1, commitment(1)) == ()
    assert machine.missing == {P2}


def test_duplicate_of_a_finished_round_is_ignored() -> None:
    machine, _ = begin()
    machine.receive(P1, commitment(1))
    machine.receive(P2, commitment(2))
    assert machine.receive(P1, commitment(1)) == ()


@pytest.mark.parametrize("finished", [False, True])
def test_second_message_for_a_slot_is_equivocation(finished: bool) -> None:
    machine, _ = begin()
    machine.receive(P1, commitment(1))
    if finished:
        machine.receive(P2, commitment(2))
    other = commitment(1, b"\1" * 32)
    error = expect_failed(machine, lambda: machine.receive(P1, other), FaultyPartyError)
    assert error.culprits == {P1: "equivocation"}
    assert error.evidence[0].holds(toss.roster(3), {"toss": toss.TOSS})


def test_second_direct_message_is_equivocation() -> None:
    machine, _ = begin()
    for j, peer in ((P1, 1), (P2, 2)):
        machine.receive(j, commitment(peer))
    slot = Slot.direct(2, P1, P0)
    machine.receive(P1, signed(1, slot, bytes(32)))
    error = expect_failed(
        machine, lambda: machine.receive(P1, signed(1, slot, bytes(31) + b"\1")), FaultyPartyError
    )
    assert error.culprits == {P1: "equivocation"}


def test_message_one_round_ahead_is_kept_and_counted_later() -> None:
    machine, (mine,) = begin()
    peers = {j: begin(j)[0] for j in (1, 2)}
    commits = {j: begin(j)[1][0].envelope for j in (1, 2)}
    (echo,) = peers[1].receive(P0, mine.envelope) + peers[1].receive(P2, commits[2])
    assert machine.receive(P1, echo.envelope) == ()
    machine.receive(P1, commits[1])
    assert len(machine.receive(P2, commits[2])) == 1
    assert machine.missing == {P2}


def test_message_one_round_ahead_of_a_round_without_echo_is_kept() -> None:
    machine, _ = SessionMachine.begin(talk_session(0), Continue(OnlyFrom1()))
    for sender in (P1, P2):
        ahead = talk_session(sender).sign(Slot.broadcast(2, sender), b"y")
        machine.receive(sender, ahead.envelope(TALK_HEADER))
    machine.receive(P1, message_1())
    assert machine.result == b"yy"


def test_message_two_rounds_ahead_ends_the_session_without_blame() -> None:
    machine, _ = begin()
    ahead = signed(1, Slot.direct(2, P1, P0), bytes(32))
    error = expect_failed(machine, lambda: machine.receive(P1, ahead), UnattributedAbort)
    assert (error.check, error.suspects) == ("round", {P1})


def test_late_first_message_of_a_finished_round_ends_the_session_without_blame() -> None:
    machine, _ = SessionMachine.begin(talk_session(0), Continue(OnlyFrom1()))
    machine.receive(P1, message_1())
    late = talk_session(2).sign(Slot.broadcast(1, P2), b"x").envelope(TALK_HEADER)
    with pytest.raises(UnattributedAbort, match="round"):
        machine.receive(P2, late)


UNEXPECTED = {
    "round": Slot.broadcast(3, P1),
    "kind": Slot.direct(1, P1, P0),
    "echo": Slot(RoundNumber(2), Kind.ECHO, P1),
}


@pytest.mark.parametrize("slot", UNEXPECTED.values(), ids=UNEXPECTED)
def test_message_that_the_protocol_does_not_have_proves_a_fault(slot: Slot) -> None:
    machine, _ = begin()
    error = expect_failed(machine, lambda: machine.receive(P1, signed(1, slot, bytes(32))), FaultyPartyError)
    assert error.culprits == {P1: "unexpected"}
    assert error.evidence[0].holds(toss.roster(3), {"toss": toss.TOSS})


@pytest.mark.parametrize("body", [b"", b"xx"])
def test_size_is_refused_before_anything_is_parsed(body: bytes) -> None:
    def read(reader: Reader, header: Header) -> object:
        raise AssertionError

    spec = replace(TALK, messages={(1, Kind.BROADCAST): MessageType(lambda _: 1, read)})
    machine, _ = SessionMachine.begin(replace(talk_session(0), spec=spec), Continue(OnlyFrom1()))
    envelope = talk_session(1).sign(Slot.broadcast(1, P1), body).envelope(TALK_HEADER)
    with pytest.raises(FaultyPartyError, match="party 1: size"):
        machine.receive(P1, envelope)


def test_stranger_changes_nothing() -> None:
    machine, (mine,) = begin()
    for stranger in (P0, PartyId(3), PartyId(-1), COORDINATOR):
        with pytest.raises(UsageError):
            machine.receive(stranger, mine.envelope)
    assert machine.failure is None
    assert machine.missing == {P1, P2}


def test_result_is_there_only_when_done() -> None:
    machine, _ = begin()
    assert not machine.done
    with pytest.raises(UsageError):
        _ = machine.result


def test_timeout_names_the_missing_and_ends_the_session() -> None:
    machine, _ = begin()
    machine.receive(P1, commitment(1))
    error = expect_failed(machine, machine.time_out, SessionTimeout)
    assert error.missing == {P2}
    assert machine.missing == frozenset()


def test_machine_is_neither_copied_nor_stored() -> None:
    machine, _ = begin()
    for use in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError):
            use(machine)


# ---- evidence from others ----


def proof_against_p2(header: Header | None = None) -> Evidence:
    session = toss.session(2, header)
    message = session.sign(Slot.broadcast(1, P2), b"")
    return Evidence(session.header, P2, "size", (message,))


def test_evidence_of_another_party_ends_the_session() -> None:
    machine, _ = begin()
    error = expect_failed(machine, lambda: machine.convict(proof_against_p2()), FaultyPartyError)
    assert error.culprits == {P2: "size"}


def test_evidence_that_proves_nothing_here_is_ignored() -> None:
    machine, _ = begin()
    assert machine.convict(replace(proof_against_p2(), culprit=P1))
    assert machine.convict(replace(proof_against_p2(), check="encoding"))
    assert not machine.convict(proof_against_p2(toss.header(session=b"another")))
    assert machine.failure is None
    with pytest.raises(SessionTimeout):
        machine.time_out()
    with pytest.raises(UsageError):
        machine.convict(proof_against_p2())


# ---- a protocol whose rounds do what a test wants ----

TALK = ProtocolSpec(
    name="talk",
    version=1,
    messages={(i, Kind.BROADCAST): MessageType(lambda _: 1, lambda r, _: r.fixed("x", 1)) for i in (1, 2)},
)
TALK_HEADER = replace(toss.header(), protocol="talk")


def talk_session(party: int) -> Session:
    return Session(TALK, TALK_HEADER, toss.roster(3), PartyId(party), toss.host_key(party))


class OnlyFrom1(Round[bytes]):
    number = 1

    def senders(self, session: Session) -> tuple[PartyId, ...]:
        return (P1,)

    def finish(self, inbox: Inbox) -> Continue[bytes]:
        return Continue(Second())


class Second(Round[bytes]):
    number = 2

    def finish(self, inbox: Inbox) -> Done[bytes]:
        return Done(b"".join(inbox.broadcasts(bytes).values()))


@dataclass(frozen=True, slots=True)
class Holding(Round[bytes]):
    """Owns a secret, makes another in finish(), and fails there as told."""

    number: ClassVar[int] = 1
    secret: SecretScalars
    act: Callable[[Inbox], Any]

    def senders(self, session: Session) -> tuple[PartyId, ...]:
        return (P1,)

    def secrets(self) -> tuple[Secret, ...]:
        return (self.secret,)

    def finish(self, inbox: Inbox) -> Continue[bytes] | Done[bytes]:
        another = random_scalars(1000)
        step = self.act(inbox)
        assert another.count == 1000
        return step  # type: ignore[no-any-return]


def hold(act: Callable[[Inbox], Any]) -> tuple[SessionMachine[bytes], SecretScalars]:
    secret = random_scalars(1)
    return SessionMachine.begin(talk_session(0), Continue(Holding(secret, act)))[0], secret


def message_1() -> bytes:
    return talk_session(1).sign(Slot.broadcast(1, P1), b"x").envelope(TALK_HEADER)


def locked_bytes() -> int:
    gc.collect()
    used, mapped = ffi.new("size_t *"), ffi.new("size_t *")
    assert lib.mpcw_secret_usage(used, mapped) == lib.MPCW_OK
    return int(used[0])


def fail(error: BaseException) -> Callable[[Inbox], Any]:
    def act(inbox: Inbox) -> Any:
        try:
            raise KeyError
        except KeyError as e:
            raise error from e

    return act


@pytest.mark.parametrize("error", [UnattributedAbort("x"), RuntimeError("a bug"), KeyboardInterrupt()])
def test_any_error_in_a_round_ends_the_session_and_zeroes_its_secrets(error: BaseException) -> None:
    gc.collect()  # or the garbage of other tests might go in between
    machine, secret = hold(fail(error))
    held = locked_bytes()
    with pytest.raises(type(error)) as caught:
        machine.receive(P1, message_1())
    with pytest.raises(UsageError):
        machine.receive(P1, message_1())
    with pytest.raises(Exception, match="wipe"):
        secret.declassify()
    # the caught exception is still alive, and with it the frames of the round
    assert caught.value is machine.failure
    assert locked_bytes() == held - 64


def test_timeout_zeroes_the_secrets() -> None:
    machine, secret = hold(fail(RuntimeError()))
    with pytest.raises(SessionTimeout):
        machine.time_out()
    with pytest.raises(Exception, match="wipe"):
        secret.declassify()


WRONG_SENDS: dict[str, Sequence[Outgoing]] = {
    "round": [Outgoing(3, b"x")],
    "kind": [Outgoing(2, b"x", P1)],
    "size": [Outgoing(2, b"xx")],
    "twice": [Outgoing(2, b"x"), Outgoing(2, b"y")],
}


@pytest.mark.parametrize("outgoing", WRONG_SENDS.values(), ids=WRONG_SENDS)
def test_round_cannot_send_what_peers_would_refuse(outgoing: Sequence[Outgoing]) -> None:
    machine, _ = hold(lambda _: Continue(Second(), outgoing))
    with pytest.raises(UsageError):
        machine.receive(P1, message_1())
    assert machine.failure is not None


def test_messages_of_another_type_are_not_handed_out() -> None:
    machine, _ = hold(lambda inbox: inbox.broadcasts(int))
    with pytest.raises(UsageError, match="int is not a message"):
        machine.receive(P1, message_1())


def test_inbox_is_read_only() -> None:
    def act(inbox: Inbox) -> Any:
        inbox.messages.clear()  # type: ignore[attr-defined]

    machine, _ = hold(act)
    with pytest.raises(AttributeError):
        machine.receive(P1, message_1())


def test_messages_of_half_a_megabyte_pass() -> None:
    size = 600_000
    spec = ProtocolSpec(
        "talk", 1, {(1, Kind.BROADCAST): MessageType(lambda _: size, lambda r, _: r.fixed("x", size))}
    )
    body = bytes(size)

    class Bulk(OnlyFrom1):
        def finish(self, inbox: Inbox) -> Any:
            return Done(body_digest(inbox.broadcasts(bytes)[P1]))

    machine, _ = SessionMachine.begin(replace(talk_session(0), spec=spec), Continue(Bulk()))
    envelope = replace(talk_session(1), spec=spec).sign(Slot.broadcast(1, P1), body).envelope(TALK_HEADER)
    machine.receive(P1, envelope)
    assert machine.result == body_digest(body)


# ---- sessions ----

BAD_SESSIONS = {
    "protocol": {"header": TALK_HEADER},
    "version": {"header": replace(toss.header(), version=2)},
    "roster": {"roster": toss.roster(4)},
    "party beyond the roster": {"header": replace(toss.header(), parties=(P0, PartyId(3)))},
    "me": {"me": PartyId(3)},
    "not taking part": {"header": replace(toss.header(), parties=(P1, P2))},
    "coordinator without a key": {"me": COORDINATOR},
    "host key": {"host_key": toss.host_key(1)},
}


@pytest.mark.parametrize("change", BAD_SESSIONS.values(), ids=BAD_SESSIONS)
def test_session_whose_parts_do_not_fit_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        replace(toss.session(0), **change)


BAD_SPECS = {
    **{
        f"engine's {check}": {"checks": {check: lambda _: True}}
        for check in ("equivocation", "unexpected", "size", "encoding", "echo")
    },
    "echo without broadcast": {"echoed": frozenset({3})},
    "echo as message": {"messages": {(1, Kind.ECHO): TALK.messages[1, Kind.BROADCAST]}},
}


@pytest.mark.parametrize("change", BAD_SPECS.values(), ids=BAD_SPECS)
def test_protocol_that_takes_what_is_the_engines_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        replace(TALK, **change)


def test_evidence_rests_on_echoes_of_the_broadcasts_of_others_alone() -> None:
    culprit, other = PartyId(0), PartyId(1)
    echo = (Slot(RoundNumber(1), Kind.ECHO, culprit),)
    assert toss.TOSS.echoed == {1}
    for slot, echoes in [
        (Slot.broadcast(1, other), echo),
        (Slot.broadcast(2, other), ()),
        (Slot.broadcast(1, culprit), ()),
        (Slot.direct(1, other, culprit), ()),
    ]:
        assert toss.TOSS.binding_echoes(culprit, [slot]) == echoes
