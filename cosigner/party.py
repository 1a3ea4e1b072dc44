"""A co-signer: it judges a transaction on its own and signs only inputs of one that it has reviewed."""

import threading
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol, Self

from cosigner.presigning import Signer
from cosigner.refill_messages import PresignOrder
from cosigner.sessions import Sessions
from cosigner.signing_parts import Credentials, Parts
from cosigner.steps import Deed, Progress, Step
from presig_pool.store import Entry
from protocol.codec import decode
from protocol.errors import MpcError, UsageError
from protocol.header import HEADER_LIMIT, Header
from protocol.ids import SESSION_ID_SIZE, PartyId, SessionId
from protocol.machine import Sealed
from protocol.roster import ROSTER_LIMIT, Roster
from storage.signing_log import SignedEntry
from wallet.account import GAP_LIMIT, Branch, KeyPath
from wallet.errors import MalformedError, RefusedError
from wallet.psbt import Psbt
from wallet.review import Review, review

# A party sees no chain and knows of change only what it has signed itself, one address each time. So many
# more may have been used without it; a node that recovers the wallet looks as far (Bitcoin Core, -keypool).
CHANGE_LEAD: Final = 1000 - GAP_LIMIT

SESSION_SECONDS: Final = 120  # as long as presignatures are granted to a session


@dataclass(frozen=True, slots=True)
class SigningOrder:
    """What a coordinator asks of a signer; nothing in it is believed.

    Args:
        headers: of the sessions, one for each key that inputs are of, in the order of the accounts; their
            parameters are what the coordinator has computed from the transaction.
        roster: the host keys, with the coordinator's of these sessions.
        psbt: the transaction.
    """

    headers: tuple[bytes, ...]
    roster: bytes
    psbt: bytes


@dataclass(frozen=True, slots=True)
class Summary:
    """What a transaction does, as one signer sees it.

    Args:
        inputs: how many it spends.
        sent: satoshi that leave the wallet, without the fee.
        returned: satoshi that come back to addresses which the signer has derived itself.
        fee: satoshi.
    """

    inputs: int
    sent: int
    returned: int
    fee: int

    @classmethod
    def of(cls, seen: Review) -> Self:
        """Sum a reviewed transaction up."""
        return cls(len(seen.inputs), seen.sent, seen.returned, seen.fee)


@dataclass(frozen=True, slots=True)
class Acceptance:
    """What a signer answers when it has found nothing wrong.

    Args:
        summary: what it has seen.
        messages: its first messages of each session.
    """

    summary: Summary
    messages: tuple[tuple[Sealed, ...], ...]


class SigningLog(Protocol):
    """Where a signer writes down what it signs."""

    def signatures(self) -> Sequence[SignedEntry]:
        """Return all entries."""

    def record(self, entry: SignedEntry) -> None:
        """Write an entry; it is durable on return. Raises StorageError."""


class Party:
    """One co-signer of one wallet; its nonces live in memory only. Threads may share it."""

    def __init__(self, credentials: Credentials, log: SigningLog, progress: Progress) -> None:
        self._credentials, self._log, self._progress = credentials, log, progress
        self._sessions = Sessions()
        self._guard = threading.Lock()  # of the two below
        self._signed = len(log.signatures())
        self._opened: dict[SessionId, float] = {}  # when
        self._refills: Signer | None = None
        if credentials.segwit is not None and credentials.ecdsa is not None:
            pool, clock = credentials.segwit.pool, credentials.segwit.clock
            self._refills = Signer(credentials.ecdsa, pool, self._sessions, clock, progress)

    @property
    def id(self) -> PartyId:
        """Which party this is."""
        return self._credentials.taproot.party

    def open_signing(self, order: SigningOrder) -> Acceptance:
        """Review a transaction and, if nothing is wrong with it, take part in signing it.

        Args:
            order: what the coordinator asks.

        Returns:
            What the signer accepts, with its first messages.

        Raises:
            RefusedError: a rule forbids the transaction, or what the coordinator wants signed is not it.
            MalformedError: the PSBT is malformed.
            EncodingError: a header or the roster is malformed.
            UsageError: they are not of these keys and this party, or a session's id was used before.
            PresignatureVoid, PresignatureTaken, SecretReuseError: a presignature that the coordinator has
                chosen is not ready here: another one will do.
        """
        if len(order.headers) > len(self._credentials.keys.accounts):
            raise UsageError("there is one session for each key")
        self.end_old()
        headers = [decode(header, HEADER_LIMIT, Header.read) for header in order.headers]
        for header in headers:
            self._sessions.expect_new(header)
        roster = decode(order.roster, ROSTER_LIMIT, Roster.read)
        if roster.keys != self._credentials.keys.host_keys:
            raise RefusedError("roster", "the session is not one of the parties of this wallet")
        psbt = Psbt.from_bytes(order.psbt)
        keys, change = self._credentials.keys, self._signed + CHANGE_LEAD
        next_change = [change] * len(keys.accounts)
        seen = review(psbt, keys.accounts, self._credentials.caps, next_change=next_change)
        try:
            parts = Parts(self._credentials, self._write_down, self._say).of(headers, roster, psbt, seen)
            messages = tuple(self._sessions.open(part.place, part.opening, part.store) for part in parts)
        except BaseException:
            for header in headers:
                self.end(header.session)
            raise
        with self._guard:
            self._opened.update((header.session, time.monotonic()) for header in headers)
        summary = Summary.of(seen)
        self._say(Deed.TRANSACTION_REVIEWED, f"{summary.sent} sat to others, fee {summary.fee} sat")
        return Acceptance(summary, messages)

    def ready_presignatures(self, signers: Sequence[PartyId]) -> tuple[bytes, ...]:
        """Tell a coordinator which presignatures are ready; see SegwitSigner.ready."""
        return self._credentials.expect_segwit().ready(signers)

    def offer_presignatures(
        self, signers: Sequence[PartyId], count: int, among: Sequence[bytes]
    ) -> tuple[bytes, ...]:
        """Pick presignatures for a coordinator; see SegwitSigner.offer."""
        return self._credentials.expect_segwit().offer(signers, count, among)

    @property
    def refills(self) -> Signer:
        """The party's side of refills.

        Raises:
            UsageError: it makes no presignatures.
        """
        if self._refills is None:
            raise UsageError("the party makes no presignatures")
        return self._refills

    def depth(self, stock: bytes) -> bytes:
        """Return what there is of a stock; see Signer.depth."""
        return self.refills.depth(stock)

    def lend(self, leader: PartyId, asked: bytes) -> None:
        """Consent to a leader of refills; see Signer.lend."""
        self.refills.lend(leader, asked)

    def keep(self, leader: PartyId, asked: bytes) -> None:
        """Void what not all signers have; see Signer.keep."""
        self.refills.keep(leader, asked)

    def open_presigning(self, leader: PartyId, order: PresignOrder) -> tuple[Sealed, ...]:
        """Take part in a refill; see Signer.open_presigning."""
        return self.refills.open_presigning(leader, order)

    def vouch(self, session: SessionId) -> bytes:
        """Sign the digest of a batch; see Signer.vouch."""
        return self.refills.vouch(session)

    def confirm(self, session: SessionId, vouchers: Mapping[PartyId, bytes]) -> None:
        """Make a batch READY; see Signer.confirm."""
        self.refills.confirm(session, vouchers)

    def script(self, account: int, branch: int, index: int) -> bytes:
        """Return the output script of an address as the party derives it from its own copy of the account.

        Args:
            account: index of the account.
            branch: 0 for receiving, 1 for change.
            index: 0..2^31-1.

        Raises:
            MalformedError: there is no such address.
        """
        accounts = self._credentials.keys.accounts
        if account not in range(len(accounts)) or branch not in tuple(Branch):
            raise MalformedError("there is no such account, or its address is not on branch 0 or 1")
        return accounts[account].script(KeyPath(Branch(branch), index))

    def receive(self, sender: PartyId, envelope: bytes) -> tuple[Sealed, ...]:
        """Take an envelope; see Sessions.receive. A session that fails gives back what it has not burnt."""
        try:
            return self._sessions.receive(sender, envelope)
        except BaseException:
            session = SessionId(envelope[:SESSION_ID_SIZE])
            if not self._sessions.is_open(session):
                self._release(session)
            raise

    def end(self, session: SessionId, evidence: Iterable[bytes] = ()) -> MpcError | None:
        """End a session, and take back the presignatures that it has not burnt; see Sessions.end."""
        ended = self.halt(session, evidence)
        self._release(session)
        return ended

    def halt(self, session: SessionId, evidence: Iterable[bytes] = ()) -> MpcError | None:
        """End a session, which burns nothing any more, and keep what it was granted from others.

        Security:
            It is over on return, also when another thread was at work for it.
        """
        ended = self._sessions.end(session, evidence)
        with self._guard:
            self._opened.pop(session, None)
        return ended

    def has(self, session: SessionId) -> bool:
        """Tell whether a signing session was opened here and not ended."""
        with self._guard:
            return session in self._opened

    def granted(self, session: SessionId) -> Sequence[Entry]:
        """Return the presignatures that a session was granted and has not burnt."""
        segwit = self._credentials.segwit
        return () if segwit is None else segwit.pool.granted(session)

    def is_ready(self, presignature: bytes) -> bool:
        """Tell whether a presignature is READY here, granted or not."""
        return self._credentials.expect_segwit().pool.is_ready(presignature)

    def withdraw(self, session: SessionId, unused: Collection[bytes]) -> None:
        """Take back what a session was granted that has been halted at all signers; see Pool.withdraw."""
        if self.granted(session):
            self._credentials.expect_segwit().pool.withdraw(
                session, unused, self._credentials.expect_segwit().clock()
            )

    def end_old(self) -> tuple[MpcError, ...]:
        """End sessions whose coordinator has gone; return the errors with which they ended.

        There is room for a few sessions only, and what they were granted is kept from others.
        """
        now = time.monotonic()
        with self._guard:
            old = [session for session, opened in self._opened.items() if now - opened > SESSION_SECONDS]
        return tuple(error for session in old if (error := self.end(session)) is not None)

    def end_all(self) -> None:
        """End all signing sessions, and wipe their secrets."""
        with self._guard:
            sessions = list(self._opened)
        for session in sessions:
            self.end(session)

    def _release(self, session: SessionId) -> None:
        if self._credentials.segwit is not None:
            self._credentials.segwit.release(session)

    def _write_down(self, entry: SignedEntry, answer: bytes) -> None:
        self._log.record(replace(entry, answer=answer, time=int(time.time())))
        with self._guard:
            self._signed += 1

    def _say(self, deed: Deed, detail: str = "") -> None:
        self._progress(Step(self.id, deed, detail))
