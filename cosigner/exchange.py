"""The transport between parties that live in one process: it carries bytes from one to the other.

Whoever is at an end of it knows nothing of the others but what these bytes say; daemons replace this module.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

from cosigner.sessions import Sessions
from native.errors import NativeError
from protocol.errors import FaultyCoordinatorError, FaultyPartyError, MpcError
from protocol.ids import COORDINATOR, EVERYBODY, PartyId, SessionId
from protocol.machine import Sealed
from protocol.round import Continue
from protocol.session import Session

R = TypeVar("R")

Letter = tuple[PartyId, Sealed]  # a message with its sender


class Endpoint(Protocol):
    """One end of the transport: a party, or the coordinator."""

    def receive(self, sender: PartyId, envelope: bytes) -> Sequence[Sealed]:
        """Take an envelope and return what to deliver next."""

    def end(self, session: SessionId, evidence: Iterable[bytes] = ()) -> MpcError | None:
        """End a session; return the error with which it ended."""


@dataclass(frozen=True, slots=True)
class Failure:
    """That a session failed.

    Args:
        party: where.
        error: as it was raised there.
    """

    party: PartyId
    error: MpcError | NativeError


_FAILURES: Final = (MpcError, NativeError)


def coordinate(
    place: Session, opening: Continue[R], peers: Mapping[PartyId, Endpoint], answers: Iterable[Letter]
) -> R:
    """Run a session as its coordinator until it is over everywhere.

    Args:
        place: the coordinator's.
        opening: its first round.
        peers: the parties of the session.
        answers: what they sent when they were asked to take part.

    Returns:
        The coordinator's result.

    Raises:
        FaultyPartyError, FaultyCoordinatorError: prove whose fault it is.
        MpcError: what failed first, at the coordinator or elsewhere.
    """
    own, results = Sessions(), list[R]()
    sealed = own.open(place, opening, results.append)
    letters = [*((COORDINATOR, message) for message in sealed), *answers]
    with ended_on_error(place.header.session, peers):
        failures = carry(place.header.session, {COORDINATOR: own, **peers}, letters)
    if failures:
        raise first_error(failures)
    return results[0]


@contextmanager
def ended_on_error(session: SessionId, peers: Mapping[PartyId, Endpoint]) -> Iterator[None]:
    """End a session at all parties when the context fails."""
    try:
        yield
    except BaseException:
        for peer in peers.values():
            peer.end(session)
        raise


def carry(
    session: SessionId, endpoints: Mapping[PartyId, Endpoint], letters: Iterable[Letter]
) -> list[Failure]:
    """Carry the messages of a session until nothing is under way, then end it wherever it is still open.

    Args:
        session: its id.
        endpoints: all parties and the coordinator.
        letters: the first messages.

    Returns:
        What failed, first things first; empty if the session has come to its end everywhere.
    """
    under_way = deque(letters)
    failures: dict[PartyId, Failure] = {}
    while under_way:
        sender, sealed = under_way.popleft()
        receivers = set(endpoints) - {sender} if sealed.receiver == EVERYBODY else {sealed.receiver}
        for receiver in sorted(receivers - set(failures)):
            try:
                answers = endpoints[receiver].receive(sender, sealed.envelope)
            except _FAILURES as e:
                failures[receiver] = Failure(receiver, e)
                _spread(session, endpoints, failures, e)
            else:
                under_way.extend((receiver, answer) for answer in answers)
    for party, endpoint in endpoints.items():
        if party not in failures and (error := endpoint.end(session)) is not None:
            failures[party] = Failure(party, error)
    return list(failures.values())


def first_error(failures: Sequence[Failure]) -> MpcError | NativeError:
    """Return the error that says most: a proof, else what failed first."""
    proofs = [f.error for f in failures if isinstance(f.error, FaultyPartyError | FaultyCoordinatorError)]
    return proofs[0] if proofs else failures[0].error


def _spread(
    session: SessionId,
    endpoints: Mapping[PartyId, Endpoint],
    failures: dict[PartyId, Failure],
    error: MpcError | NativeError,
) -> None:
    """Pass evidence on to all who have not failed yet."""
    if not isinstance(error, FaultyPartyError | FaultyCoordinatorError) or not error.evidence:
        return
    evidence = [bytes(proof) for proof in error.evidence]
    for party, endpoint in endpoints.items():
        if party not in failures and (ended := endpoint.end(session, evidence)) is not None:
            failures[party] = Failure(party, ended)
