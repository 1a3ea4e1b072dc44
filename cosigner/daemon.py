"""The resident process of a wallet: it serves unlocked parties to the commands of their user.

A call runs in a thread of its own, so that a signature does not wait behind the messages of a refill. A
signing session whose coordinator is gone ends after a while, and what it was granted is free again.
"""

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Self

import grpc

from cosigner.calls import WALLET_CALLS, WalletPeer
from cosigner.meeting import MeetingPlace
from cosigner.party import Acceptance, SigningOrder
from cosigner.service import ABOUT, WALLET_SERVICE, About, handlers, party_service
from cosigner.wire import MAX_REPLY, MAX_REQUEST
from protocol.codec import decode
from protocol.errors import EncodingError, MpcError
from protocol.header import HEADER_LIMIT, Header
from protocol.ids import PartyId, SessionId
from protocol.machine import Sealed

THREADS: Final = 64  # calls that run at once
WAITING: Final = 4 * THREADS  # calls that run or wait for a thread; more are refused at once
SIGNING_SECONDS: Final = 60.0  # that a coordinator has for a session
GRACE_SECONDS: Final = 5.0  # for the calls that run when the server stops
_LOOK_SECONDS: Final = 0.25


@dataclass(frozen=True, slots=True)
class Incident:
    """What went wrong with a party.

    Args:
        party: with which; None for the server as a whole.
        what: was asked, by the name of the call, or happened.
        error: with which it ended.
    """

    party: PartyId | None
    what: str
    error: Exception


class ServedParty:
    """A party whose signing sessions end when their coordinator is gone."""

    def __init__(self, party: WalletPeer, patience: float, told: Callable[[Exception], None]) -> None:
        """Serve a party.

        Args:
            party: it.
            patience: seconds that a coordinator has for a session.
            told: of the sessions that end so.
        """
        self._party, self._patience, self._told = party, patience, told
        self._due: deque[tuple[float, SessionId]] = deque()

    def open_signing(self, order: SigningOrder) -> Acceptance:
        """Take part in signing, for a while; see Party.open_signing."""
        until = time.monotonic() + self._patience
        try:
            return self._party.open_signing(order)
        finally:
            for header in order.headers:
                with suppress(EncodingError):
                    self._due.append((until, decode(header, HEADER_LIMIT, Header.read).session))

    def offer_presignatures(
        self, signers: Sequence[PartyId], count: int, avoid: Sequence[bytes] = ()
    ) -> Sequence[bytes]:
        """Pick presignatures; see Party.offer_presignatures."""
        return self._party.offer_presignatures(signers, count, avoid)

    def script(self, account: int, branch: int, index: int) -> bytes:
        """Return the output script of an address; see Party.script."""
        return self._party.script(account, branch, index)

    def receive(self, sender: PartyId, envelope: bytes) -> Sequence[Sealed]:
        """Take an envelope; see Party.receive."""
        return self._party.receive(sender, envelope)

    def end(self, session: SessionId, evidence: Iterable[bytes] = ()) -> MpcError | None:
        """End a session; see Party.end."""
        return self._party.end(session, evidence)

    def end_overdue(self, now: float = float("inf")) -> None:
        """End the sessions whose time is over.

        Args:
            now: seconds of the monotonic clock; at the end of time by default.
        """
        while self._due and self._due[0][0] <= now:
            _, session = self._due.popleft()
            if (error := self._party.end(session)) is not None:
                self._told(error)


class Daemon:
    """Serves parties at a meeting place until it is stopped; a context manager."""

    def __init__(
        self,
        place: MeetingPlace,
        parties: Mapping[PartyId, WalletPeer],
        told: Callable[[Incident], None],
        patience: float = SIGNING_SECONDS,
    ) -> None:
        """Begin to serve.

        Args:
            place: claimed.
            parties: unlocked.
            told: what goes wrong, from any thread.
            patience: seconds that a coordinator has for a signing session.

        Raises:
            OSError: the socket cannot be made.
        """
        self._parties = {
            i: ServedParty(party, patience, lambda e, i=i: told(Incident(i, "a signing session", e)))  # type: ignore[misc]
            for i, party in parties.items()
        }
        self._threads = ThreadPoolExecutor(THREADS, "call")
        self._server = grpc.server(
            self._threads,
            maximum_concurrent_rpcs=WAITING,
            options=[
                ("grpc.max_receive_message_length", MAX_REQUEST),
                ("grpc.max_send_message_length", MAX_REPLY),
                ("grpc.so_reuseport", 0),
            ],
        )
        self._told = told
        self._serve(place)
        self._stop = threading.Event()
        self._looking = threading.Thread(target=self._look, name="overdue")
        self._looking.start()

    def _serve(self, place: MeetingPlace) -> None:
        services = [handlers(WALLET_SERVICE, self, (ABOUT,), self._failed(None))]
        for i, party in self._parties.items():
            services.append(handlers(party_service(i), party, WALLET_CALLS, self._failed(i)))
        self._server.add_generic_rpc_handlers(services)
        self._server.add_insecure_port(place.target)
        place.protect()
        self._server.start()

    def _failed(self, party: PartyId | None) -> Callable[[str, Exception], None]:
        return lambda name, error: self._told(Incident(party, name, error))

    def about(self) -> About:
        """Return what the server says of itself."""
        return About(os.getpid(), tuple(sorted(self._parties)))

    def _look(self) -> None:
        while not self._stop.wait(_LOOK_SECONDS):
            for party in self._parties.values():
                party.end_overdue(time.monotonic())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Take no more calls, let those that run come to their end, and end all sessions."""
        self._server.stop(GRACE_SECONDS).wait()
        self._stop.set()
        self._looking.join()
        for party in self._parties.values():
            party.end_overdue()
        self._threads.shutdown()
