"""The parties of a wallet that `mpcw serve` serves, as the other commands see them."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Self, TypeVar

import grpc

from cosigner.calls import END, OFFER, OPEN_SIGNING, RECEIVE, SCRIPT
from cosigner.errors import UnreachableError
from cosigner.meeting import MeetingPlace
from cosigner.party import Acceptance, SigningOrder
from cosigner.service import ABOUT, WALLET_SERVICE, About, party_service
from cosigner.wire import MAX_REPLY, Method
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

    def ask(self, method: Method[Any, Q, A], question: Q) -> A:
        """Ask.

        Args:
            method: what.
            question: about what.

        Returns:
            The answer.

        Raises:
            UnreachableError: there is no answer, or none that can be read.
            Exception: what the other end has raised.
        """
        call: grpc.UnaryUnaryMultiCallable[bytes, bytes]
        call = self._channel.unary_unary(f"/{self._service}/{method.name}")
        request = method.request.encode(question)
        try:
            found = method.read_reply(call(request, timeout=method.seconds))
        except grpc.RpcError as e:
            raise UnreachableError(f"{self._who} {_why(e, method.seconds)}", _AGAIN) from e
        except EncodingError as e:
            raise UnreachableError(f"{self._who} answers what cannot be read: {e}", _ANEW) from e
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


class RemoteParty:
    """A party that is served; a call that reaches nobody raises UnreachableError, others as a Party's."""

    def __init__(self, channel: grpc.Channel, party: PartyId) -> None:
        self._caller = Caller(channel, party_service(party), f"party {party}")

    def open_signing(self, order: SigningOrder) -> Acceptance:
        """Ask it to review a transaction and take part in signing it."""
        return self._caller.ask(OPEN_SIGNING, order)

    def offer_presignatures(
        self, signers: Sequence[PartyId], count: int, avoid: Sequence[bytes] = ()
    ) -> Sequence[bytes]:
        """Ask it to pick presignatures that it has ready."""
        return self._caller.ask(OFFER, (signers, count, avoid))

    def script(self, account: int, branch: int, index: int) -> bytes:
        """Ask it for the output script of an address."""
        return self._caller.ask(SCRIPT, (account, branch, index))

    def receive(self, sender: PartyId, envelope: bytes) -> Sequence[Sealed]:
        """Deliver an envelope, and return what to deliver next."""
        return self._caller.ask(RECEIVE, (sender, envelope))

    def end(self, session: SessionId, evidence: Iterable[bytes] = ()) -> MpcError | None:
        """Have it end a session; return the error with which it ended."""
        return self._caller.ask(END, (session, tuple(evidence)))


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
            self.about: About = Caller(self._channel, WALLET_SERVICE, "mpcw serve").ask(ABOUT, None)
        except BaseException:
            self.close()
            raise
        self.parties: Mapping[PartyId, RemoteParty] = {
            i: RemoteParty(self._channel, i) for i in self.about.parties
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
