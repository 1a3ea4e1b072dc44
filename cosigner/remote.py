"""The parties of a wallet that `mpcw serve` serves, as the other commands see them."""

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Self, TypeVar

import grpc

from cosigner.calls import END, OFFER, OPEN_SIGNING, READY, RECEIVE, SCRIPT
from cosigner.errors import UnreachableError
from cosigner.keeper import RefillProgress
from cosigner.meeting import MeetingPlace
from cosigner.party import Acceptance, SigningOrder
from cosigner.pool_calls import DRAIN, FIGURES, PURGE, REFILL
from cosigner.pools import PoolFigures
from cosigner.refill_calls import CONFIRM, DEPTH, KEEP, LEND, OPEN_PRESIGNING, VOUCH
from cosigner.refill_messages import PresignOrder
from cosigner.service import ABOUT, CLIENT_KEY, PRESENT, WALLET_SERVICE, About, party_service
from cosigner.wire import MAX_REPLY, Answered, Call
from protocol.errors import EncodingError, MpcError
from protocol.ids import PartyId, SessionId
from protocol.machine import Sealed

Q = TypeVar("Q")
A = TypeVar("A")

_OPTIONS: Final = (
    ("grpc.max_receive_message_length", MAX_REPLY + 1),
    ("grpc.enable_http_proxy", 0),
    ("grpc.enable_retries", 0),  # what was asked once is not asked twice
)
_SERVER: Final = "mpcw serve"
_AGAIN: Final = "see whether mpcw serve still runs and what it says; without it, commands ask for passphrases"
_ANEW: Final = "it may be of another version of mpcw: stop mpcw serve and start it again"


class Caller:
    """Asks one service over a channel."""

    def __init__(self, channel: grpc.Channel, service: str, who: str) -> None:
        """Ask a service.

        Args:
            channel: the way to it.
            service: its name.
            who: it is, in words.
        """
        self._channel, self._service, self._who = channel, service, who

    def ask(self, method: Call[Q, A], question: Q, client: bytes = b"") -> A:
        """Ask.

        Args:
            method: what.
            question: about what.
            client: who asks, for the calls for which it matters.

        Returns:
            The answer.

        Raises:
            UnreachableError: there is no answer, or none that can be read.
            Exception: what the other end has raised.
        """
        call: grpc.UnaryUnaryMultiCallable[bytes, bytes]
        call = self._channel.unary_unary(f"/{self._service}/{method.name}")
        who = ((CLIENT_KEY, client),) if client else ()
        with self._understood(method):
            request = method.request.encode(question)
            found = method.read_reply(call(request, timeout=method.seconds, metadata=who))
        return _answer(found)

    def follow(self, method: Call[Q, A], question: Q) -> Iterator[A]:
        """Ask for what takes its time, and yield what is reported until it is over; raises as ask() does."""
        call: grpc.UnaryStreamMultiCallable[bytes, bytes]
        call = self._channel.unary_stream(f"/{self._service}/{method.name}")
        running = call(method.request.encode(question), timeout=method.seconds)
        try:
            while True:
                with self._understood(method):
                    reply = next(running, None)
                    found = None if reply is None else method.read_reply(reply)
                if found is None:
                    return
                yield _answer(found)
        finally:
            running.cancel()

    def begin(self, method: Call[Q, A], question: Q) -> tuple[A, grpc.Call]:
        """Ask for what lasts; return the answer, and the call, open as long as both sides are there.

        Raises:
            UnreachableError: there is no answer in time, or none that can be read.
        """
        asked: grpc.UnaryStreamMultiCallable[bytes, bytes]
        asked = self._channel.unary_stream(f"/{self._service}/{method.name}")
        running = asked(method.request.encode(question))
        late = threading.Timer(method.seconds, running.cancel)
        late.daemon = True
        late.start()
        try:
            with self._understood(method):
                found = method.read_reply(next(running, b""))
            return _answer(found), running
        except BaseException:
            running.cancel()
            raise
        finally:
            late.cancel()

    @contextmanager
    def _understood(self, method: Call[Q, A]) -> Iterator[None]:
        """Translate that there is no answer, or none that can be read."""
        try:
            yield
        except grpc.RpcError as e:
            raise UnreachableError(f"{self._who} {_why(e, method.seconds)}", _AGAIN) from e
        except EncodingError as e:
            raise UnreachableError(f"{self._who} answers what cannot be read: {e}", _ANEW) from e


def _answer(found: Answered[A] | Exception) -> A:
    if isinstance(found, Exception):
        raise found
    return found.answer


def _why(error: grpc.RpcError, seconds: int) -> str:
    """Say why there is no answer."""
    code = error.code() if isinstance(error, grpc.Call) else None
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return f"has not answered for {seconds} s"
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED:
        return "is asked too many things at once, or something too large"
    if code is grpc.StatusCode.UNIMPLEMENTED:
        return "is not served, or not asked such things"
    return "does not answer" if code is grpc.StatusCode.UNAVAILABLE else f"does not answer ({code})"


class Presence:
    """That this process is there, which the server of its sessions sees by a call that stays open."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._caller = Caller(channel, WALLET_SERVICE, _SERVER)
        self._guard = threading.Lock()
        self._call: grpc.Call | None = None
        self._client = b""

    def client(self) -> bytes:
        """Return by which id the server knows this process; empty if it cannot watch over one more.

        Raises:
            UnreachableError: the server does not answer.
        """
        with self._guard:
            if self._call is None or not self._call.is_active():
                self._client, self._call = self._caller.begin(PRESENT, None)
            return self._client


class RemoteParty:
    """A party that is served; a call that reaches nobody raises UnreachableError, others as a Party's."""

    def __init__(self, channel: grpc.Channel, party: PartyId, presence: Presence) -> None:
        self._caller = Caller(channel, party_service(party), f"party {party}")
        self._presence = presence

    def open_signing(self, order: SigningOrder) -> Acceptance:
        """Ask it to review a transaction and take part in signing it."""
        return self._caller.ask(OPEN_SIGNING, order, self._presence.client())

    def ready_presignatures(self, signers: Sequence[PartyId]) -> Sequence[bytes]:
        """Ask it which presignatures it has ready."""
        return self._caller.ask(READY, signers)

    def offer_presignatures(
        self, signers: Sequence[PartyId], count: int, among: Sequence[bytes]
    ) -> Sequence[bytes]:
        """Ask it to pick some of these."""
        return self._caller.ask(OFFER, (signers, count, among))

    def script(self, account: int, branch: int, index: int) -> bytes:
        """Ask it for the output script of an address."""
        return self._caller.ask(SCRIPT, (account, branch, index))

    def receive(self, sender: PartyId, envelope: bytes) -> Sequence[Sealed]:
        """Deliver an envelope, and return what to deliver next."""
        return self._caller.ask(RECEIVE, (sender, envelope))

    def end(self, session: SessionId, evidence: Iterable[bytes] = ()) -> MpcError | None:
        """Have it end a session; return the error with which it ended."""
        return self._caller.ask(END, (session, tuple(evidence)))

    def depth(self, stock: bytes) -> bytes:
        """Ask it what there is of a stock."""
        return self._caller.ask(DEPTH, stock)

    def lend(self, leader: PartyId, asked: bytes) -> None:
        """Ask it to consent to a leader."""
        self._caller.ask(LEND, (leader, asked))

    def keep(self, leader: PartyId, asked: bytes) -> None:
        """Have it void what not all signers have."""
        self._caller.ask(KEEP, (leader, asked))

    def open_presigning(self, leader: PartyId, order: PresignOrder) -> Sequence[Sealed]:
        """Ask it to take part in a presigning session."""
        return self._caller.ask(OPEN_PRESIGNING, (leader, order))

    def vouch(self, session: SessionId) -> bytes:
        """Ask it to sign the digest of a batch."""
        return self._caller.ask(VOUCH, session)

    def confirm(self, session: SessionId, vouchers: Mapping[PartyId, bytes]) -> None:
        """Have it make a batch READY."""
        self._caller.ask(CONFIRM, (session, vouchers))


class RemotePools:
    """The pools of the parties that are served."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._caller = Caller(channel, WALLET_SERVICE, _SERVER)

    def figures(self) -> PoolFigures:
        """Ask what there is."""
        return self._caller.ask(FIGURES, None)

    def refill(
        self, signers: Sequence[PartyId], count: int, progress: RefillProgress, *, payment: bool = False
    ) -> int:
        """Have presignatures made now; see Pools.refill."""
        for news in self._caller.follow(REFILL, (signers, count, payment)):
            if isinstance(news, int):
                return news
            progress(news)
        raise UnreachableError(f"{_SERVER} has not made them", _AGAIN)

    def drain(self, signers: Sequence[PartyId] | None = None) -> int:
        """Have presignatures voided; see Pools.drain."""
        return self._caller.ask(DRAIN, signers)

    def purge(self) -> int:
        """Have what is void forgotten; see Pools.purge."""
        return self._caller.ask(PURGE, None)


class Server:
    """The server of a wallet, as a client sees it; a context manager."""

    def __init__(self, place: MeetingPlace) -> None:
        """Ask the server what it serves.

        Args:
            place: where it is; closed with this.

        Raises:
            UnreachableError: it does not answer, or is of another version.
        """
        self._place = place
        self._channel = grpc.insecure_channel(place.target, _OPTIONS)
        try:
            self.about: About = Caller(self._channel, WALLET_SERVICE, _SERVER).ask(ABOUT, None)
        except BaseException:
            self.close()
            raise
        self.pools = RemotePools(self._channel)
        presence = Presence(self._channel)
        self.parties: Mapping[PartyId, RemoteParty] = {
            i: RemoteParty(self._channel, i, presence) for i in self.about.parties
        }

    @classmethod
    def find(cls, path: Path) -> Self | None:
        """Return the server at a place; None if none is there.

        Raises:
            StorageError: others than this user could have put one there.
            UnreachableError: it does not answer, or is of another version.
        """
        place = MeetingPlace.find(path)
        return None if place is None else cls(place)

    def close(self) -> None:
        """Let go of the server, which stays; a second call does nothing."""
        self._channel.close()
        self._place.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
