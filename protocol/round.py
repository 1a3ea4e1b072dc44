"""Rounds: what a protocol does between two waits for messages."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, Protocol, TypeVar

from native.secret import Secret
from protocol.errors import UsageError
from protocol.evidence import Evidence, blame
from protocol.ids import EVERYBODY, PartyId, RoundNumber
from protocol.session import Session
from protocol.signed import SignedMessage, Slot
from protocol.spec import Check, Claim

M = TypeVar("M")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)


class Encodable(Protocol):
    """A message, whose bytes() is its canonical encoding."""

    def __bytes__(self) -> bytes:
        """Return the encoding."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message to send.

    Args:
        round: the number of the round in which its receivers wait for it.
        message: what to send.
        receiver: who gets it alone; everybody if not given.
    """

    round: int
    message: Encodable
    receiver: PartyId = EVERYBODY


@dataclass(frozen=True, slots=True)
class Continue(Generic[R_co]):
    """The session goes on.

    Args:
        round: what waits for the answers.
        outgoing: what to send now.
    """

    round: "Round[R_co]"
    outgoing: Sequence[Outgoing] = ()


@dataclass(frozen=True, slots=True)
class Done(Generic[R_co]):
    """The session is over on this side.

    Args:
        result: what it was for.
        outgoing: what to send yet, after the caller has stored the result.
    """

    result: R_co
    outgoing: Sequence[Outgoing] = ()


class Round(ABC, Generic[R_co]):
    """One wait for messages, and what follows from them. A round is immutable; it makes the next one.

    Subclasses are frozen dataclasses named by what they wait for. R_co is the type of the session's result.
    """

    __slots__ = ()
    number: ClassVar[int]

    def senders(self, session: Session) -> tuple[PartyId, ...]:
        """Return whose messages are waited for: all peers, unless a subclass says otherwise."""
        return session.peers

    def secrets(self) -> tuple[Secret, ...]:
        """Return the secrets that belong to this session alone, to be zeroed if it fails here."""
        return ()

    @abstractmethod
    def finish(self, inbox: "Inbox") -> "Continue[R_co] | Done[R_co]":
        """Act on the messages of the round, which are all there, well-formed and, if so specified, echoed.

        Args:
            inbox: the messages of this round and of those before.

        Returns:
            The next round or the result.

        Raises:
            ProtocolError: the session fails.
        """


@dataclass(frozen=True, slots=True)
class Inbox:
    """All messages of a session so far, the own ones included.

    Args:
        session: the session.
        round: the number of the round that is finished.
        senders: whose messages it waited for.
        messages: all signed messages.
        decoded: what the peers' messages say.
    """

    session: Session
    round: RoundNumber
    senders: tuple[PartyId, ...]
    messages: Mapping[Slot, SignedMessage]
    decoded: Mapping[Slot, object]

    def broadcasts(self, cls: type[M]) -> dict[PartyId, M]:
        """Return the broadcasts of this round by sender, ascending."""
        return {j: self._get(cls, Slot.broadcast(self.round, j)) for j in self.senders}

    def directs(self, cls: type[M]) -> dict[PartyId, M]:
        """Return this round's messages to this party alone by sender, ascending."""
        me = self.session.me
        return {j: self._get(cls, Slot.direct(self.round, j, me)) for j in self.senders}

    def proof(self, culprit: PartyId, slots: Iterable[Slot]) -> dict[Slot, SignedMessage]:
        """Return messages as evidence needs them, ascending, with the echoes that bind the culprit to them.

        Args:
            culprit: who is said to be at fault.
            slots: the messages that a check looks at.
        """
        wanted = set(slots)
        echoes = self.session.spec.binding_echoes(culprit, wanted)
        return {slot: self.messages[slot] for slot in sorted({*wanted, *echoes})}

    def faults(self) -> "Faults":
        """Return an empty collection of faults."""
        return Faults(self)

    def _get(self, cls: type[M], slot: Slot) -> M:
        value = self.decoded[slot]
        if not isinstance(value, cls):
            raise UsageError(f"{cls.__name__} is not a message of {slot}")
        return value


class Faults:
    """The faults of one round: all culprits are collected before the session fails.

    Args:
        inbox: the messages of the round.
    """

    __slots__ = ("_found", "inbox")

    def __init__(self, inbox: Inbox) -> None:
        self.inbox = inbox
        self._found: dict[PartyId, Evidence] = {}

    def test(self, culprit: PartyId, check: str, *slots: Slot, part: Check | None = None) -> bool:
        """Run a check of the protocol and note the fault if it finds one.

        Args:
            culprit: whom it is about.
            check: its name in the protocol's checks.
            slots: the messages that it looks at, of this round or earlier.
            part: the part of it that is known to find the fault, which is run instead.

        Returns:
            Whether it found a fault.
        """
        session = self.inbox.session
        messages = self.inbox.proof(culprit, slots)
        claim = Claim(session.spec, session.header, session.roster, culprit, messages)
        found = (part or session.spec.checks[check])(claim)
        if found:
            self.note(Evidence(session.header, culprit, check, tuple(messages.values())))
        return found

    def note(self, evidence: Evidence) -> None:
        """Take in the evidence of a fault, unless its culprit has another one already."""
        self._found.setdefault(evidence.culprit, evidence)

    def close(self) -> None:
        """Let the session fail if there are faults.

        Raises:
            FaultyPartyError: proves that parties are faulty.
            FaultyCoordinatorError: proves that the coordinator is, and no party.
        """
        if self._found:
            raise blame(self._found.values())
