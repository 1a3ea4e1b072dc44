"""The sessions that one party or a coordinator runs; they live in memory only, a crash ends them.

Threads may share them: messages of one session are taken one after the other, those of two sessions at once.
A message of a refill costs a second of work, for which a signature does not wait.
"""

import threading
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from protocol.errors import EncodingError, FaultyPartyError, MpcError, UsageError
from protocol.evidence import Evidence
from protocol.header import Header
from protocol.ids import SESSION_ID_SIZE, PartyId, SessionId
from protocol.machine import Sealed, SessionMachine
from protocol.round import Continue
from protocol.session import Session

R = TypeVar("R")

# of one protocol. Security: a peer that opens more at once wants something else than signatures, and one that
# opens refills does not keep others from signing
MAX_OPEN: Final = 32
# in which a party was proved to be at fault. Security: each attempt may be a guess about a secret
MAX_FAULTY: Final = 3


@dataclass(frozen=True, slots=True)
class _Running:
    place: Session
    # the type of the result is that of the callback: open() has them from one caller
    machine: SessionMachine[Any]
    store: Callable[[Any], None]
    turn: threading.Lock  # of the thread that uses the machine


class Sessions:
    """Runs session machines, and stores the result of one before its last message leaves."""

    def __init__(self) -> None:
        self._guard = threading.RLock()  # of all below, never held while a machine works
        self._running: dict[SessionId, _Running] = {}
        self._used: set[SessionId] = set()
        self._over: dict[SessionId, Session] = {}  # the last of them: somebody may yet prove a fault
        self._faulty: set[tuple[PartyId, SessionId]] = set()  # who was proved to be at fault, and where

    def open(self, session: Session, opening: Continue[R], store: Callable[[R], None]) -> tuple[Sealed, ...]:
        """Start a session.

        Args:
            session: the place in it.
            opening: its first round.
            store: makes the result durable; if it fails, no message that follows from it leaves.

        Returns:
            What to deliver.

        Raises:
            UsageError: the session's id was used before, or too many sessions are open.
        """
        header = session.header
        machine, sealed = SessionMachine.begin(session, opening)
        with self._guard:
            self.expect_new(header)
            self._used.add(header.session)
            self._running[header.session] = _Running(session, machine, store, threading.Lock())
        return sealed

    def expect_new(self, header: Header) -> None:
        """Check that a session may be opened, before any work for it.

        Raises:
            UsageError: its id was used before, too many sessions of its protocol are open, or one of its
                parties was proved to be at fault in MAX_FAULTY sessions since this process began.
        """
        with self._guard:
            if header.session in self._used:
                raise UsageError("the id of this session was used before")
            faults = Counter(party for party, _ in self._faulty)
            if faulty := [party for party in header.parties if faults[party] >= MAX_FAULTY]:
                raise UsageError(
                    f"party {faulty[0]} was at fault in {MAX_FAULTY} sessions, as evidence has shown:"
                    " find out why, and start this party again to go on with it"
                )
            if self.open_protocols()[header.protocol] >= MAX_OPEN:
                raise UsageError(f"{MAX_OPEN} sessions are open already")

    def open_protocols(self) -> Counter[str]:
        """Return how many sessions of each protocol are open."""
        with self._guard:
            return Counter(running.place.header.protocol for running in self._running.values())

    def is_open(self, session: SessionId) -> bool:
        """Tell whether a session is open."""
        with self._guard:
            return session in self._running

    def receive(self, sender: PartyId, envelope: bytes) -> tuple[Sealed, ...]:
        """Take what came over a channel and return what to deliver next.

        Raises:
            UsageError: it belongs to no session that is open, or the sender does not belong to its session,
                which goes on.
            MpcError: the session has failed; see SessionMachine.receive.
        """
        session = SessionId(envelope[:SESSION_ID_SIZE])
        with self._guard:
            running = self._running.get(session)
        if running is None:
            raise UsageError("no such session is open")
        with running.turn:
            machine = running.machine
            try:
                sealed = machine.receive(sender, envelope)
                if machine.done:
                    running.store(machine.result)
            except FaultyPartyError as e:
                self._blame(session, e.evidence)
                raise
            finally:
                if machine.done or machine.failure is not None:
                    self._forget(session)
        return sealed

    def end(self, session: SessionId, evidence: Iterable[bytes] = ()) -> MpcError | None:
        """End a session that has failed elsewhere, and wipe its secrets.

        Args:
            session: which; one that is not open is no error.
            evidence: encoded proofs of whose fault it was; the first of this session is checked.

        Returns:
            The error with which it ended; None if it was not open, or ended by itself meanwhile.
        """
        running = self._forget(session)
        if running is None:
            self._judge(session, evidence)
            return None
        with running.turn:
            if running.machine.done or running.machine.failure is not None:
                return None
            try:
                for proof in evidence:
                    with suppress(EncodingError):
                        if running.machine.convict(Evidence.from_bytes(proof)):
                            break
                running.machine.time_out()
            except MpcError as e:
                if isinstance(e, FaultyPartyError):
                    self._blame(session, e.evidence)
                return e

    def _judge(self, session: SessionId, evidence: Iterable[bytes]) -> None:
        """Take evidence about a session that is over here: a signer's last message is judged by others.

        Security:
            Evidence takes seconds to check: of a session, that of one call is, up to what does not hold.
        """
        with self._guard:
            place = self._over.get(session)
        if place is None:
            return
        for data in evidence:
            with suppress(EncodingError):
                proof = Evidence.from_bytes(data)
                if proof.header != place.header:
                    continue
                with self._guard:
                    self._over.pop(session, None)
                if not proof.holds(place.roster, {place.spec.name: place.spec}):
                    return
                self._blame(session, [proof])

    def _blame(self, session: SessionId, evidence: Iterable[Evidence]) -> None:
        with self._guard:
            self._faulty.update((proof.culprit, session) for proof in evidence)

    def _forget(self, session: SessionId) -> _Running | None:
        with self._guard:
            running = self._running.pop(session, None)
            if running is not None:
                self._over[session] = running.place
                if len(self._over) > MAX_OPEN:
                    self._over.pop(next(iter(self._over)))
            return running
