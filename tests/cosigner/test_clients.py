"""What a server keeps of its clients: the sessions that each may have open."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import NoReturn, cast

import pytest

from cosigner.clients import MAX_SESSIONS, Clients
from cosigner.errors import UnreachableError
from cosigner.party import Party, SigningOrder
from cosigner.sessions import MAX_OPEN
from protocol.codec import decode
from protocol.errors import EncodingError, MpcError, UsageError
from protocol.header import HEADER_LIMIT, Header
from protocol.ids import PartyId, SessionId
from tests.protocol import toss

P0, P1 = PartyId(0), PartyId(1)


class Signing:
    """A party that opens every session that it is asked to."""

    def __init__(self) -> None:
        self.open, self.halted = set[SessionId](), list[SessionId]()
        self.opening: Callable[[], object] = lambda: None

    def open_signing(self, order: SigningOrder) -> str:
        self.opening()
        self.open |= {decode(header, HEADER_LIMIT, Header.read).session for header in order.headers}
        return "accepted"

    def has(self, session: SessionId) -> bool:
        return session in self.open

    def halt(self, session: SessionId) -> MpcError | None:
        self.open.discard(session)
        self.halted.append(session)
        return None

    def granted(self, session: SessionId) -> tuple[()]:
        return ()

    def withdraw(self, session: SessionId, unused: object) -> None:
        pass


@pytest.fixture
def parties() -> dict[PartyId, Signing]:
    return {P0: Signing(), P1: Signing()}


@pytest.fixture
def clients(parties: dict[PartyId, Signing]) -> Clients:
    def failed(party: PartyId, error: Exception) -> None:
        raise error

    return Clients(cast(dict[PartyId, Party], parties), failed)


@pytest.fixture
def client(clients: Clients) -> bytes:
    return clients.arrive(lambda: None)


def order(*numbers: int) -> SigningOrder:
    return SigningOrder(tuple(bytes(toss.header(session=b"%d" % i)) for i in numbers), b"", b"")


def fill(clients: Clients, client: bytes, party: PartyId = P0) -> None:
    for i in range(MAX_SESSIONS):
        clients.open_signing(party, order(i), client)


@pytest.mark.parametrize("known", [True, False])
def test_client_has_a_bounded_number_of_sessions_and_others_have_room(
    clients: Clients, client: bytes, known: bool
) -> None:
    mine, other = (client, b"") if known else (b"", client)
    fill(clients, mine)
    with pytest.raises(UsageError, match=f"{MAX_SESSIONS} signing sessions"):
        clients.open_signing(P0, order(100), mine)
    fill(clients, mine, P1)  # the same sessions at another party
    clients.open_signing(P0, order(100, 101), other)
    assert 2 * MAX_SESSIONS < MAX_OPEN


def test_session_that_has_ended_makes_room_for_another(
    clients: Clients, client: bytes, parties: dict[PartyId, Signing]
) -> None:
    fill(clients, client)
    parties[P0].open.pop()
    clients.open_signing(P0, order(100), client)
    with pytest.raises(UsageError):
        clients.open_signing(P0, order(101), client)


def test_sessions_that_are_being_opened_count(
    clients: Clients, client: bytes, parties: dict[PartyId, Signing]
) -> None:
    started, go_on = threading.Semaphore(0), threading.Event()

    def wait() -> None:
        started.release()
        assert go_on.wait(60)

    parties[P0].opening = wait
    with ThreadPoolExecutor(MAX_SESSIONS) as threads, ExitStack() as stack:
        stack.callback(go_on.set)
        futures = [threads.submit(clients.open_signing, P0, order(i), client) for i in range(MAX_SESSIONS)]
        for _ in futures:
            assert started.acquire(timeout=60)
        with pytest.raises(UsageError):
            clients.open_signing(P1, order(100), client)
        go_on.set()
        assert {future.result(60) for future in futures} == {"accepted"}
    clients.leave(client)
    assert len(set(parties[P0].halted)) == MAX_SESSIONS


def test_session_that_a_party_refuses_does_not_count(
    clients: Clients, client: bytes, parties: dict[PartyId, Signing]
) -> None:
    def refuse() -> NoReturn:
        raise UsageError("no")

    parties[P0].opening = refuse
    for i in range(MAX_SESSIONS + 1):
        with pytest.raises(UsageError, match="no"):
            clients.open_signing(P0, order(i), client)


def test_client_that_the_server_does_not_know_is_refused_before_any_work(
    clients: Clients, client: bytes, parties: dict[PartyId, Signing]
) -> None:
    clients.leave(client)
    with pytest.raises(UnreachableError):
        clients.open_signing(P0, order(1), client)
    with pytest.raises(EncodingError):
        clients.open_signing(P0, SigningOrder((b"",), b"", b""), b"")
    assert not parties[P0].open
    assert not parties[P0].halted
