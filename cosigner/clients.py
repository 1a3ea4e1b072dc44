"""The clients of a server: what one that has died has left behind is ended at once, not after its time.

Burn first: a party burns nothing for a session that has ended with it, and a presignature once at most.
So the sessions of a client who has gone are ended everywhere, and only then is looked at what they were
granted. What is READY at all its signers made no share anywhere, and is free again. The rest may have made
one with a signer, or has a signer in another process: it is void.
"""

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from cosigner.errors import UnreachableError
from cosigner.party import Acceptance, Party, SigningOrder
from cosigner.trouble import tell_unexpected
from native.entropy import random_bytes
from presig_pool.store import Entry
from protocol.codec import decode
from protocol.errors import UsageError
from protocol.header import HEADER_LIMIT, Header
from protocol.ids import PartyId, SessionId
from storage.errors import StorageError

# each has a call open as long as it lives; sessions of more clients end when their time is over
MAX_CLIENTS: Final = 64
# of one client. Security: a party has room for more, so that one client does not keep the others from signing
MAX_SESSIONS: Final = 8
CLIENT_SIZE: Final = 16  # bytes of an id

Failed = Callable[[PartyId, Exception], None]


@dataclass(slots=True, eq=False)
class _Present:
    """A client, the end of whose call has not been heard of.

    Args:
        dismiss: ends its call.
        sessions: that it has opened; some may have ended since.
        opening: those that are being opened, and at how many parties.
    """

    dismiss: Callable[[], object]
    sessions: set[SessionId] = field(default_factory=set)
    opening: Counter[SessionId] = field(default_factory=Counter)


class Clients:
    """Those who ask, each with the signing sessions that it has opened. Threads may share it."""

    def __init__(self, parties: Mapping[PartyId, Party], failed: Failed) -> None:
        """Begin with none.

        Args:
            parties: whom they ask.
            failed: told what goes wrong with a party when a client has gone.
        """
        self._parties, self._failed = parties, failed
        self._guard = threading.Lock()
        self._present: dict[bytes, _Present] = {}
        self._unknown = _Present(lambda: None)  # all whom nobody knows, together
        self._closed = False

    def arrive(self, dismiss: Callable[[], object]) -> bytes:
        """Return the id of a new client; empty if there are too many.

        Args:
            dismiss: ends its call.
        """
        client = random_bytes(CLIENT_SIZE)
        with self._guard:
            if len(self._present) >= MAX_CLIENTS or self._closed:
                return b""
            self._present[client] = _Present(dismiss)
        return client

    def dismiss(self) -> None:
        """End the calls of all clients, and take no more."""
        with self._guard:
            self._closed = True
            calls = [it.dismiss for it in self._present.values()]
        for end in calls:
            end()

    def leave(self, client: bytes) -> None:
        """End what a client has left open; a second call does nothing."""
        with self._guard:
            present = self._present.pop(client, None)
        if present is not None:
            self._end(present.sessions)

    def open_signing(self, party: PartyId, order: SigningOrder, client: bytes) -> Acceptance:
        """Ask a party to review a transaction and take part in signing it; see Party.open_signing.

        Args:
            party: whom.
            order: what.
            client: who asks; empty if nobody knows.

        Raises:
            EncodingError: a header is malformed.
            UsageError: the client has too many sessions open.
            UnreachableError: it has gone, or goes meanwhile.
        """
        sessions = {decode(header, HEADER_LIMIT, Header.read).session for header in order.headers}
        with self._opening(client, sessions):
            accepted = self._parties[party].open_signing(order)
        if client and not self._is_present(client):
            self._end(sessions)
            raise UnreachableError("whoever asked for it has gone")
        return accepted

    @contextmanager
    def _opening(self, client: bytes, sessions: set[SessionId]) -> Iterator[None]:
        """Count sessions among those of a client from before they are open."""
        with self._guard:
            present = self._present.get(client) if client else self._unknown
            if present is None:
                raise UnreachableError("whoever asked for it has gone")
            present.sessions = {it for it in present.sessions if present.opening[it] or self._is_open(it)}
            if len(present.sessions | sessions) > MAX_SESSIONS:
                raise UsageError(f"one client has {MAX_SESSIONS} signing sessions open at most")
            present.sessions |= sessions
            present.opening += Counter(sessions)
        try:
            yield
        finally:
            with self._guard:
                present.opening -= Counter(sessions)

    def _is_open(self, session: SessionId) -> bool:
        return any(party.has(session) for party in self._parties.values())

    def _is_present(self, client: bytes) -> bool:
        with self._guard:
            return client in self._present

    def _end(self, sessions: Iterable[SessionId]) -> None:
        for session in sessions:
            halted = [self._halt(i, session) for i in self._parties]
            for i, party in self._parties.items():
                try:
                    granted = party.granted(session) if all(halted) else ()
                    party.withdraw(session, [it.id for it in granted if self._is_unused(it)])
                except Exception as e:  # the grant ends when its time is over
                    self._told(i, e)

    def _halt(self, i: PartyId, session: SessionId) -> bool:
        """End a session at a party; False if it may burn something yet."""
        try:
            error = self._parties[i].halt(session)
        except Exception as e:
            self._told(i, e)
            return False
        if error is not None:
            self._failed(i, error)
        return True

    def _told(self, party: PartyId, error: Exception) -> None:
        """Tell what went wrong; nobody waits for the thread that ends sessions, so nothing else would."""
        if not isinstance(error, StorageError):
            tell_unexpected(error)
        self._failed(party, error)

    def _is_unused(self, granted: Entry) -> bool:
        """Tell whether no signer has made a share with a presignature, as far as can be known here."""
        signers = granted.stock.signers
        return all(j in self._parties and self._parties[j].is_ready(granted.id) for j in signers)
