"""Run all parties of a session in one process, for demonstrations and tests.

A Tamper stands for what may go wrong: corrupted parties, which sign whatever they like with their own keys,
and a network that alters, drops, repeats or injects what it carries but can sign nothing.
"""

from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from native.errors import NativeError
from protocol.errors import FaultyCoordinatorError, FaultyPartyError, MpcError
from protocol.evidence import Evidence
from protocol.ids import EVERYBODY, PartyId
from protocol.machine import Sealed, SessionMachine
from protocol.round import Continue
from protocol.session import Session
from protocol.signed import Slot, read_envelope

R = TypeVar("R")


def _as_it_is(_slot: Slot, _receiver: PartyId, body: bytes) -> bytes:
    return body


def _once(_sender: PartyId, _receiver: PartyId, envelope: bytes) -> Sequence[bytes]:
    return (envelope,)


def _oldest(_count: int) -> int:
    return 0


@dataclass(frozen=True, slots=True)
class Tamper:
    """What goes wrong in a run.

    Args:
        corrupted: the parties whose messages are mutated and signed again with their keys.
        mutate: takes slot, receiver and body of a message of a corrupted party, a broadcast once for each
            receiver; returns the body to sign in its place, or None to send nothing.
        intercept: takes sender, receiver and envelope; returns what is delivered in its place, not signed
            again.
        pick: takes the number of messages under way; returns which comes next, 0 being the oldest.
    """

    corrupted: Collection[PartyId] = ()
    mutate: Callable[[Slot, PartyId, bytes], bytes | None] = _as_it_is
    intercept: Callable[[PartyId, PartyId, bytes], Sequence[bytes]] = _once
    pick: Callable[[int], int] = _oldest


@dataclass(frozen=True, slots=True)
class Outcome(Generic[R]):
    """How the session ended for one party.

    Args:
        machine: the ended machine.
        result: what the session was for; None if it failed.
        error: why it failed; None if it did not.
    """

    machine: SessionMachine[R]
    result: R | None = None
    error: MpcError | NativeError | None = None


def run(
    openings: Mapping[PartyId, tuple[Session, Continue[R]]], tamper: Tamper | None = None
) -> dict[PartyId, Outcome[R]]:
    """Run a session to its end at every party.

    Args:
        openings: for each party, and for the coordinator if it takes part, its session and first round.
        tamper: what goes wrong.

    Returns:
        How it ended for each. Evidence is passed on to all; who waits for ever ends with SessionTimeout.
    """
    network = _Network(openings, tamper or Tamper())
    network.deliver_all()
    return network.outcomes()


class _Network(Generic[R]):
    def __init__(self, openings: Mapping[PartyId, tuple[Session, Continue[R]]], tamper: Tamper) -> None:
        self._tamper = tamper
        self._sessions = {party: session for party, (session, _) in openings.items()}
        self._machines: dict[PartyId, SessionMachine[R]] = {}
        self._errors: dict[PartyId, MpcError | NativeError] = {}
        self._under_way: deque[tuple[PartyId, PartyId, bytes]] = deque()
        for party, (session, opening) in openings.items():
            self._machines[party], sealed = SessionMachine.begin(session, opening)
            self._send(party, sealed)

    def deliver_all(self) -> None:
        while self._under_way:
            at = self._tamper.pick(len(self._under_way))
            sender, receiver, envelope = self._under_way[at]
            del self._under_way[at]
            if self._runs(receiver):
                self._receive(sender, receiver, envelope)
        for party in self._machines:
            self._end(party)

    def outcomes(self) -> dict[PartyId, Outcome[R]]:
        return {
            party: Outcome(machine, machine.result if machine.done else None, self._errors.get(party))
            for party, machine in self._machines.items()
        }

    def _runs(self, party: PartyId) -> bool:
        return not self._machines[party].done and party not in self._errors

    def _receive(self, sender: PartyId, receiver: PartyId, envelope: bytes) -> None:
        try:
            sealed = self._machines[receiver].receive(sender, envelope)
        except (MpcError, NativeError) as e:
            self._errors[receiver] = e
            if isinstance(e, FaultyPartyError | FaultyCoordinatorError):
                for evidence in e.evidence:
                    for party in self._machines:
                        self._end(party, evidence)
        else:
            self._send(receiver, sealed)

    def _end(self, party: PartyId, evidence: Evidence | None = None) -> None:
        if self._runs(party):
            try:
                if evidence is None:
                    self._machines[party].time_out()
                self._machines[party].convict(evidence)
            except MpcError as e:
                self._errors[party] = e

    def _send(self, sender: PartyId, sealed: Sequence[Sealed]) -> None:
        for item in sealed:
            receivers = (
                [p for p in self._sessions if p != sender] if item.receiver == EVERYBODY else [item.receiver]
            )
            for receiver in receivers:
                envelope = self._mutated(sender, receiver, item.envelope)
                if envelope is not None:
                    for delivered in self._tamper.intercept(sender, receiver, envelope):
                        self._under_way.append((sender, receiver, delivered))

    def _mutated(self, sender: PartyId, receiver: PartyId, envelope: bytes) -> bytes | None:
        if sender not in self._tamper.corrupted:
            return envelope
        session = self._sessions[sender]
        _, message = read_envelope(envelope, sender, receiver)
        body = self._tamper.mutate(message.slot, receiver, message.body)
        if body is None or body == message.body:
            return None if body is None else envelope
        return session.sign(message.slot, body).envelope(session.header)
