"""The resident process of a wallet: it serves unlocked parties to the commands of their user.

A call runs in a thread of its own, so that a signature does not wait behind the messages of a refill. Signing
sessions end when the connection of the client that opened them does (cosigner.clients), or after a while.
"""

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Final, Self

import grpc

from cosigner.calls import OPEN_SIGNING, WALLET_CALLS
from cosigner.clients import Clients
from cosigner.meeting import MeetingPlace
from cosigner.parties import OwnParties
from cosigner.pool_calls import POOL_CALLS, REFILL, News, RefillOrder
from cosigner.pools import Pools
from cosigner.refill_calls import REFILL_CALLS
from cosigner.service import (
    ABOUT,
    WALLET_SERVICE,
    About,
    handlers,
    party_service,
    personal,
    present,
    reporting,
)
from cosigner.trouble import tell_unexpected
from cosigner.wire import MAX_REPLY, MAX_REQUEST
from protocol.ids import PartyId

THREADS: Final = 64  # calls that run at once
WAITING: Final = 4 * THREADS  # calls that run or wait for a thread; more are refused at once
GRACE_SECONDS: Final = 5.0  # for the calls that run when the server stops
_LOOK_SECONDS: Final = 0.25
_MOST_LOOK_SECONDS: Final = 60.0  # between two looks, each of which fails


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


class Daemon:
    """Serves parties at a meeting place until it is stopped; a context manager."""

    def __init__(
        self,
        place: MeetingPlace,
        own: OwnParties,
        told: Callable[[Incident], None],
    ) -> None:
        """Begin to serve.

        Args:
            place: claimed.
            own: the parties, unlocked, and their pools.
            told: what goes wrong, from any thread.

        Raises:
            OSError: the socket cannot be made.
        """
        self._parties, self._pools = own.parties, own.pools
        self._threads = ThreadPoolExecutor(THREADS, "call")
        self._clients = Clients(
            own.parties, lambda i, error: told(Incident(i, "a signing session whose client has gone", error))
        )
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
        if self._pools is not None:
            services.append(handlers(WALLET_SERVICE, self._pools, POOL_CALLS, self._failed(None)))
            services.append(reporting(WALLET_SERVICE, REFILL, self._refill(self._pools), self._failed(None)))
        services.append(present(self._clients, self._end))
        for i, party in self._parties.items():
            opening = partial(self._clients.open_signing, i)
            services.append(personal(party_service(i), OPEN_SIGNING, opening, self._failed(i)))  # goes first
            services.append(
                handlers(party_service(i), party, (*WALLET_CALLS, *REFILL_CALLS), self._failed(i))
            )
        self._server.add_generic_rpc_handlers(services)
        self._server.add_insecure_port(place.target)
        place.protect()
        self._server.start()

    def _failed(self, party: PartyId | None) -> Callable[[str, Exception], None]:
        return lambda name, error: self._told(Incident(party, name, error))

    @staticmethod
    def _refill(pools: Pools) -> Callable[[RefillOrder, Callable[[News], None]], News]:
        return lambda order, report: pools.refill(order[0], order[1], report, payment=order[2])

    def _end(self, leave: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the server has stopped, and all sessions with it
            self._threads.submit(leave)

    def about(self) -> About:
        """Return what the server says of itself."""
        return About(os.getpid(), tuple(sorted(self._parties)))

    def _look(self) -> None:
        pause = _LOOK_SECONDS
        while not self._stop.wait(pause):
            failed = [i for i in self._parties if not self._end_old(i)]
            pause = min(2 * pause, _MOST_LOOK_SECONDS) if failed else _LOOK_SECONDS

    def _end_old(self, party: PartyId) -> bool:
        """End what is overdue at a party; False after an error of the program, which ends nothing else."""
        try:
            for error in self._parties[party].end_old():
                self._told(Incident(party, "a signing session", error))
        except Exception as e:
            tell_unexpected(e)
            return False
        return True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Take no more calls, let those that run come to their end, and end all sessions."""
        stopped = self._server.stop(GRACE_SECONDS)
        self._clients.dismiss()  # or their calls would be waited for
        stopped.wait()
        self._stop.set()
        self._looking.join()
        self._threads.shutdown()  # a call that was not at its end in time may have opened a session
        for party in self._parties.values():
            party.end_all()
