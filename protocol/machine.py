"""The session machine: takes what comes over the channels, in any order, and drives one party's rounds.

The machine is the one object that changes; rounds and messages are immutable. Copying a machine would run a
session twice, so it cannot be copied. It does no I/O: the caller delivers what receive() returns, after
storing the result if the session is done. A machine is used by one thread.
"""

import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Generic, NoReturn, TypeVar

from protocol.echo import read_echo, write_echo
from protocol.errors import (
    EncodingError,
    ProtocolError,
    SessionTimeout,
    UnattributedAbort,
    UsageError,
)
from protocol.evidence import Evidence, blame, equivocation, single_fault
from protocol.ids import EVERYBODY, PartyId, RoundNumber
from protocol.round import Continue, Done, Inbox, Outgoing, Round
from protocol.session import Session
from protocol.signed import Kind, SignedMessage, Slot, read_envelope
from protocol.spec import ECHO, SIZE, UNEXPECTED

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Sealed:
    """A signed message for the channel.

    Args:
        receiver: a party, COORDINATOR, or EVERYBODY: all parties and the coordinator, if the roster has one,
            but not the sender.
        envelope: the bytes to send.
    """

    receiver: PartyId
    envelope: bytes


class SessionMachine(Generic[R]):
    """One party's run of a session, made by begin().

    A message is accepted in its round or one round ahead; an echo counts as a round. An identical duplicate
    is ignored, a different message for the same slot is equivocation. The first error ends the session for
    good: its secrets are zeroed, its messages dropped, and every later call raises UsageError.
    """

    __slots__ = ("_decoded", "_echoing", "_failure", "_messages", "_result", "_round", "_session")

    def __init__(self, session: Session, opening: Round[R]) -> None:
        self._session = session
        self._round: Round[R] | None = opening
        self._echoing = False
        self._messages: dict[Slot, SignedMessage] = {}
        self._decoded: dict[Slot, object] = {}
        self._failure: BaseException | None = None
        self._result: Done[R] | None = None

    @classmethod
    def begin(cls, session: Session, opening: Continue[R]) -> "tuple[SessionMachine[R], tuple[Sealed, ...]]":
        """Start a session.

        Args:
            session: this party's place in it.
            opening: the first round, and what to send before it.

        Returns:
            The machine, and what to deliver.
        """
        machine = cls(session, opening.round)
        sealed = machine._seal(opening.outgoing)
        # a party that is alone waits for nobody
        return machine, sealed + machine._guard(machine._advance)

    @property
    def done(self) -> bool:
        """Whether the session has its result."""
        return self._result is not None

    @property
    def failure(self) -> BaseException | None:
        """The error that ended the session, if one did."""
        return self._failure

    @property
    def result(self) -> R:
        """The result.

        Raises:
            UsageError: there is none.
        """
        if self._result is None:
            raise UsageError("the session has no result")
        return self._result.result

    @property
    def missing(self) -> frozenset[PartyId]:
        """Whose messages the round still waits for."""
        if self._round is None:
            return frozenset()
        return frozenset(slot.sender for slot in self._awaited(self._round) if slot not in self._messages)

    def receive(self, sender: PartyId, envelope: bytes) -> tuple[Sealed, ...]:
        """Take what came over a channel.

        Args:
            sender: who is at the other end of the channel.
            envelope: what came.

        Returns:
            What to deliver next; if done, only after the result is stored.

        Raises:
            UsageError: the session has ended, or the sender does not belong to it; nothing has changed.
            FaultyPartyError: proves that the culprits deviated.
            FaultyCoordinatorError: proves that the coordinator did.
            UnattributedAbort: the message is not signed by the sender for this session, or comes out of turn.
        """
        waiting = self._expect_running()
        if not self._session.has_peer(sender):
            raise UsageError("the sender does not belong to the session")
        return self._guard(lambda: self._advance() if self._accept(waiting, sender, envelope) else ())

    def convict(self, evidence: Evidence) -> bool:
        """Take evidence that another party gives; it is ignored unless it proves a fault in this session.

        Returns:
            Whether it was looked at, and proves nothing. Security: that may take seconds, and whoever passes
            evidence on has looked at it before, so that more of the same source is not worth a look.

        Raises:
            UsageError: the session has ended.
            FaultyPartyError: proves that the culprit deviated.
            FaultyCoordinatorError: proves that the coordinator did.
        """
        self._expect_running()
        session, spec = self._session, self._session.spec
        if evidence.header != session.header:
            return False
        if evidence.holds(session.roster, {spec.name: spec}):
            self._end(blame([evidence]))
        return True

    def time_out(self) -> NoReturn:
        """End the session because the caller has waited long enough.

        Raises:
            UsageError: the session has ended.
            SessionTimeout: names whose messages are missing.
        """
        self._expect_running()
        self._end(SessionTimeout(self.missing))

    # ---- what comes in ----

    def _guard(self, step: Callable[[], tuple[Sealed, ...]]) -> tuple[Sealed, ...]:
        try:
            return step()
        except BaseException as e:
            self._fail(e)
            raise

    def _accept(self, waiting: Round[R], sender: PartyId, envelope: bytes) -> bool:
        """Check a message and keep it; False for a duplicate."""
        session = self._session
        try:
            session_id, message = read_envelope(envelope, sender, session.me)
        except EncodingError as e:
            raise UnattributedAbort("envelope", [sender]) from e
        if session_id != session.header.session:
            raise UnattributedAbort("session", [sender])
        known = self._messages.get(message.slot)
        if known is not None and known.signed_digest.digest == message.signed_digest.digest:
            return False
        if not message.signed_digest.holds(session.header, session.roster):
            raise UnattributedAbort("signature", [sender])
        if known is not None:
            raise blame([equivocation(session.header, known.signed_digest, message.signed_digest)])
        self._expect_in_turn(waiting, message)
        self._messages[message.slot] = message
        return True

    def _expect_in_turn(self, waiting: Round[R], message: SignedMessage) -> None:
        """Refuse a message that the protocol does not have, of a wrong size, or out of turn."""
        spec, header, slot = self._session.spec, self._session.header, message.slot
        if not spec.allows(slot):
            raise blame([Evidence(header, slot.sender, UNEXPECTED, (message,))])
        if len(message.body) != spec.size(slot, header):
            raise blame([Evidence(header, slot.sender, SIZE, (message,))])
        ahead = (slot.round, slot.kind is Kind.ECHO) == self._next_stage(waiting)
        if not ahead and slot not in self._awaited(waiting):
            raise UnattributedAbort("round", [slot.sender])

    def _next_stage(self, waiting: Round[R]) -> tuple[int, bool]:
        if not self._echoing and waiting.number in self._session.spec.echoed:
            return waiting.number, True
        return waiting.number + 1, False

    def _awaited(self, waiting: Round[R]) -> tuple[Slot, ...]:
        """Return the slots that must be filled before the stage is over."""
        number, me = RoundNumber(waiting.number), self._session.me
        kinds = (Kind.ECHO,) if self._echoing else self._session.spec.kinds(number)
        return tuple(
            Slot(number, kind, sender, me if kind is Kind.DIRECT else EVERYBODY)
            for sender in waiting.senders(self._session)
            for kind in kinds
        )

    # ---- what follows ----

    def _advance(self) -> tuple[Sealed, ...]:
        """Run every stage whose messages are all there."""
        sealed: list[Sealed] = []
        while self._round is not None and not self.missing:
            awaited = [self._messages[slot] for slot in self._awaited(self._round)]
            self._expect_faultless(awaited)
            if self._echoing:
                self._compare(awaited)
            elif self._round.number in self._session.spec.echoed:
                sealed += self._send_echo(RoundNumber(self._round.number))
                continue
            sealed += self._finish(self._round)
        return tuple(sealed)

    def _expect_faultless(self, messages: Iterable[SignedMessage]) -> None:
        session, proofs = self._session, []
        for message in messages:
            if message.slot.kind is Kind.ECHO:
                continue
            try:
                self._decoded[message.slot] = session.spec.decode(message, session.header)
            except EncodingError:
                check = single_fault(message, session.header, session.spec, session.roster)
                proofs.append(Evidence(session.header, message.slot.sender, str(check), (message,)))
        if proofs:
            raise blame({proof.culprit: proof for proof in proofs}.values())

    def _send_echo(self, number: RoundNumber) -> tuple[Sealed, ...]:
        self._echoing = True
        body = write_echo(number, self._session.header, self._messages)
        return (self._sign(Slot(number, Kind.ECHO, self._session.me), body),)

    def _compare(self, echoes: Iterable[SignedMessage]) -> None:
        """Compare what the peers received with what came here."""
        session = self._session
        proofs: dict[PartyId, Evidence] = {}
        for echo in echoes:
            for party, theirs in read_echo(echo, session.header).items():
                ours = self._messages[theirs.slot].signed_digest
                if theirs.digest == ours.digest:
                    continue
                if theirs.holds(session.header, session.roster):
                    proofs.setdefault(party, equivocation(session.header, ours, theirs))
                else:
                    proof = Evidence(session.header, echo.slot.sender, ECHO, (echo,))
                    proofs.setdefault(echo.slot.sender, proof)
        if proofs:
            raise blame(proofs.values())

    def _finish(self, finished: Round[R]) -> tuple[Sealed, ...]:
        inbox = Inbox(
            self._session,
            RoundNumber(finished.number),
            finished.senders(self._session),
            MappingProxyType(dict(self._messages)),
            MappingProxyType(dict(self._decoded)),
        )
        step = finished.finish(inbox)
        sealed = self._seal(step.outgoing)
        self._echoing = False
        if isinstance(step, Done):
            self._round, self._result = None, step
            self._forget()
        else:
            self._round = step.round
        return sealed

    def _seal(self, outgoing: Sequence[Outgoing]) -> tuple[Sealed, ...]:
        return tuple(self._seal_one(message) for message in outgoing)

    def _seal_one(self, outgoing: Outgoing) -> Sealed:
        kind = Kind.BROADCAST if outgoing.receiver == EVERYBODY else Kind.DIRECT
        slot = Slot(RoundNumber(outgoing.round), kind, self._session.me, outgoing.receiver)
        body = bytes(outgoing.message)
        spec = self._session.spec
        if not spec.allows(slot) or len(body) != spec.size(slot, self._session.header):
            raise UsageError(f"{spec.name}: a message of this size is not sent in round {slot.round}")
        return self._sign(slot, body)

    def _sign(self, slot: Slot, body: bytes) -> Sealed:
        if slot in self._messages:
            raise UsageError("a second message for one slot would be equivocation")
        message = self._session.sign(slot, body)
        self._messages[slot] = message
        return Sealed(slot.receiver, message.envelope(self._session.header))

    # ---- the end ----

    def _expect_running(self) -> Round[R]:
        if self._round is None:
            raise UsageError("the session has ended")
        return self._round

    def _end(self, error: ProtocolError) -> NoReturn:
        self._fail(error)
        raise error

    def _fail(self, error: BaseException) -> None:
        """Forget everything but the error."""
        if self._round is not None:
            for secret in self._round.secrets():
                secret.wipe()
        self._round, self._result, self._failure = None, None, error
        self._forget()
        # the frames of the error would keep the locals of the failed round, secrets among them
        cause: BaseException | None = error
        while cause is not None:
            traceback.clear_frames(cause.__traceback__)
            cause = cause.__cause__ or cause.__context__

    def _forget(self) -> None:
        self._messages.clear()
        self._decoded.clear()

    def __copy__(self) -> NoReturn:
        raise TypeError("a session cannot be copied: it would run twice")

    def __deepcopy__(self, memo: object) -> NoReturn:
        raise TypeError("a session cannot be copied: it would run twice")

    def __reduce__(self) -> NoReturn:
        raise TypeError("a session cannot be stored: a crash ends it")
