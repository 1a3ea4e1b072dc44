"""The transport between parties that live in one process: it carries bytes from one to the other.

Whoever is at an end of it knows nothing of the others but what these bytes say; daemons replace this module.
"""

from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar

from cosigner.sessions import Sessions
from native.errors import NativeError
from protocol.errors import FaultyCoordinatorError, FaultyPartyError, MpcError, UnattributedAbort
from protocol.header import Header
from protocol.ids import COORDINATOR, EVERYBODY, PartyId, SessionId
from protocol.machine import Sealed
from protocol.roster import Roster
from protocol.round import Continue
from protocol.session import Session
from protocol.spec import ProtocolSpec

R = TypeVar("R")

Letter = tuple[PartyId, Sealed]  # a message with its sender

# security: from one endpoint to one other; parties that answer each other without end would keep a session,
# and who carries it, going for ever. Eight times as many as the longest protocol has
MAX_LETTERS: Final = 64


class Endpoint(Protocol):
    """One end of the transport: a party, or the coordinator."""

    def receive(self, sender: PartyId, envelope: bytes) -> Sequence[Sealed]:
        """Take an envelope and return what to deliver next."""

    def end(self, session: SessionId, evidence: Iterable[bytes] = ()) -> MpcError | None:
        """End a session; return the error with which it ended."""


class Member(Endpoint, Protocol):
    """A party of sessions that need no coordinator but for carrying their messages."""

    def open(self, header: bytes) -> Sequence[Sealed]:
        """Start a session and return what to deliver."""


@dataclass(frozen=True, slots=True)
class Failure:
    """That a session failed.

    Args:
        party: where.
        error: as it was raised there.
    """

    party: PartyId
    error: MpcError | NativeError | OSError


FAILURES: Final = (MpcError, NativeError, OSError)  # OSError: a disk, or the way to the party


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
        UnattributedAbort: a party blames others, and its evidence does not hold here.
        MpcError: what failed first, at the coordinator or elsewhere.
    """
    own, results = Sessions(), list[R]()
    sealed = own.open(place, opening, results.append)
    letters = [*((COORDINATOR, message) for message in sealed), *answers]
    with ended_on_error(place.header.session, peers):
        failures = carry(place.header.session, {COORDINATOR: own, **peers}, letters)
    if failures:
        raise first_error(failures, place.header, place.roster, place.spec)
    return results[0]


def run(peers: Mapping[PartyId, Member], header: Header, roster: Roster, spec: ProtocolSpec) -> None:
    """Carry the messages of a session without a coordinator until it is over everywhere.

    Args:
        peers: the parties of the session.
        header: of the session.
        roster: of its parties.
        spec: of its protocol.

    Raises:
        FaultyPartyError: proves whose fault it is.
        MpcError: what failed first.
    """
    with ended_on_error(header.session, peers):
        letters = [(party, sealed) for party, peer in peers.items() for sealed in peer.open(bytes(header))]
        failures = carry(header.session, peers, letters)
    if failures:
        raise first_error(failures, header, roster, spec)


@contextmanager
def ended_on_error(session: SessionId, peers: Mapping[PartyId, Endpoint]) -> Iterator[None]:
    """End a session at all parties when the context fails."""
    try:
        yield
    except BaseException:
        for peer in peers.values():
            with suppress(*FAILURES):  # one that cannot be reached ends it by itself
                peer.end(session)
        raise


class _Here(Executor):
    """Does at once, in the thread of the caller, what it is given."""

    def submit(self, fn: Callable[..., R], /, *args: Any, **kwargs: Any) -> Future[R]:
        done: Future[R] = Future()
        try:
            done.set_result(fn(*args, **kwargs))
        except FAILURES as e:
            done.set_exception(e)
        return done


HERE: Final = _Here()


def carry(
    session: SessionId,
    endpoints: Mapping[PartyId, Endpoint],
    letters: Iterable[Letter],
    threads: Executor = HERE,
) -> list[Failure]:
    """Carry the messages of a session until nothing is under way, then end it wherever it is still open.

    Args:
        session: its id.
        endpoints: all parties and the coordinator.
        letters: the first messages.
        threads: deliver to different endpoints at once, if there is more than one; to one endpoint, one
            message after the other.

    Returns:
        What failed, first things first; empty if the session has come to its end everywhere.
    """
    post = _Post(session, endpoints)
    failures: dict[PartyId, Failure] = {}
    for sender, sealed in letters:
        try:
            post.put(sender, sealed)
        except UnattributedAbort as e:
            failures.setdefault(sender, Failure(sender, e))
    under_way: dict[Future[Sequence[Sealed]], PartyId] = {}
    while True:
        for receiver, letter in post.take({*under_way.values(), *failures}):
            future = threads.submit(endpoints[receiver].receive, *letter)
            under_way[future] = receiver
            if future.done():
                break  # it may have ended the session
        if not under_way:
            break
        for future in wait(under_way, return_when=FIRST_COMPLETED).done:
            receiver = under_way.pop(future)
            try:
                for answer in future.result():
                    post.put(receiver, answer)
            except FAILURES as e:
                failures.setdefault(receiver, Failure(receiver, e))
                _spread(session, endpoints, failures, e)
                if isinstance(e, OSError):
                    post.close()  # the session cannot come to its end without the party
    _end(session, endpoints, failures)
    return list(failures.values())


class _Post:
    """What waits to be delivered to each endpoint, oldest first."""

    def __init__(self, session: SessionId, receivers: Iterable[PartyId]) -> None:
        self._session = session
        self._waiting: dict[PartyId, deque[tuple[PartyId, bytes]]] = {j: deque() for j in sorted(receivers)}
        self._sent = Counter[tuple[PartyId, PartyId]]()
        self._closed = False

    def close(self) -> None:
        """Deliver nothing more."""
        self._closed = True

    def put(self, sender: PartyId, sealed: Sealed) -> None:
        """Take a message from its sender; one to nobody who takes part is dropped.

        Raises:
            UnattributedAbort: it is of another session, which an honest receiver would be named for, or the
                sender has sent more than any protocol needs.
        """
        if not sealed.envelope.startswith(self._session):
            raise UnattributedAbort("session", [sender])
        everybody = set(self._waiting) - {sender}
        receivers = everybody if sealed.receiver == EVERYBODY else everybody & {sealed.receiver}
        for receiver in receivers:
            self._sent[sender, receiver] += 1
            if self._sent[sender, receiver] > MAX_LETTERS:
                raise UnattributedAbort("number of messages", [sender])
            self._waiting[receiver].append((sender, sealed.envelope))

    def take(self, but: Collection[PartyId]) -> Iterator[tuple[PartyId, tuple[PartyId, bytes]]]:
        """Hand the oldest message out for every receiver but some."""
        for receiver, letters in self._waiting.items():
            if letters and not self._closed and receiver not in but:
                yield receiver, letters.popleft()


def first_error(
    failures: Sequence[Failure], header: Header, roster: Roster, spec: ProtocolSpec
) -> MpcError | NativeError | OSError:
    """Return the error that says most: what is proved, else what failed first.

    Args:
        failures: of a session, at least one; those of the coordinator's own are believed.
        header: of the session.
        roster: of its parties.
        spec: of its protocol.
    """
    for failure in failures:
        own = failure.party == COORDINATOR and isinstance(failure.error, FaultyPartyError)
        if own or _is_proved(failure.error, header, roster, spec):
            return failure.error
    first = failures[0]
    if isinstance(first.error, FaultyPartyError):
        return UnattributedAbort(str(first.error), [first.party, *first.error.culprits])
    return first.error


def _is_proved(error: Exception, header: Header, roster: Roster, spec: ProtocolSpec) -> bool:
    """Tell whether the evidence that a party gives proves what it says: one proof for each culprit.

    Security: a proof takes seconds to check, and who gives one that does not hold is not listened to further.
    """
    if not isinstance(error, FaultyPartyError | FaultyCoordinatorError):
        return False
    named = set(error.culprits) if isinstance(error, FaultyPartyError) else {COORDINATOR}
    proofs = [it for it in error.evidence if it.header == header]
    if len(proofs) != len(named) or named != {it.culprit for it in proofs}:
        return False
    return all(it.holds(roster, {spec.name: spec}) for it in proofs)


def _spread(
    session: SessionId,
    endpoints: Mapping[PartyId, Endpoint],
    failures: dict[PartyId, Failure],
    error: MpcError | NativeError | OSError,
) -> None:
    """Pass evidence on to all who have not failed yet."""
    if not isinstance(error, FaultyPartyError | FaultyCoordinatorError) or not error.evidence:
        return
    evidence = [bytes(proof) for proof in error.evidence]
    _end(session, {j: it for j, it in endpoints.items() if j not in failures}, failures, evidence)


def _end(
    session: SessionId,
    endpoints: Mapping[PartyId, Endpoint],
    failures: dict[PartyId, Failure],
    evidence: Sequence[bytes] = (),
) -> None:
    """End a session wherever it is still open, and note how it ended there."""
    for party, endpoint in endpoints.items():
        try:
            ended: MpcError | NativeError | OSError | None = endpoint.end(session, evidence)
        except FAILURES as e:
            ended = e
        if ended is not None:
            failures.setdefault(party, Failure(party, ended))
