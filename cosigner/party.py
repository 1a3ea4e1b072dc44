"""A co-signer: it judges a transaction on its own and signs only inputs of one that it has reviewed."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Final, Protocol, Self

from cosigner.sessions import Sessions
from cosigner.shared_key import SharedKey
from cosigner.steps import Deed, Progress, Step
from frost_bip340 import signing_rounds
from frost_bip340.key_share import KeyShare
from frost_bip340.messages import PartialSigs
from native.secret import SecretScalars, SecretSeed
from protocol.codec import decode
from protocol.errors import MpcError
from protocol.header import HEADER_LIMIT, Header
from protocol.ids import PartyId, SessionId
from protocol.machine import Sealed
from protocol.roster import ROSTER_LIMIT, Roster
from protocol.session import Session
from storage.signing_log import SignedEntry
from wallet.account import GAP_LIMIT, Branch, KeyPath
from wallet.errors import MalformedError, RefusedError
from wallet.fees import FeeCaps
from wallet.psbt import Psbt
from wallet.review import Review, review

# A party sees no chain and knows of change only what it has signed itself, one address each time. So many
# more may have been used without it; a node that recovers the wallet looks as far (Bitcoin Core, -keypool).
CHANGE_LEAD: Final = 1000 - GAP_LIMIT


@dataclass(frozen=True, slots=True)
class SigningOrder:
    """What a coordinator asks of a signer; nothing in it is believed.

    Args:
        header: of the session; its parameters are the request that the coordinator has computed.
        roster: the host keys, with the coordinator's of this session.
        psbt: the transaction.
    """

    header: bytes
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
        messages: its first messages of the session.
    """

    summary: Summary
    messages: tuple[Sealed, ...]


class SigningLog(Protocol):
    """Where a signer writes down what it signs."""

    def signatures(self) -> Sequence[SignedEntry]:
        """Return all entries."""

    def record(self, entry: SignedEntry) -> None:
        """Write an entry; it is durable on return. Raises StorageError."""


@dataclass(frozen=True, slots=True, eq=False)
class Credentials:
    """What a signer signs with, unsealed.

    Args:
        host_key: signs its messages.
        share: of the key.
        key: the public side of the key, from the signer's own store.
        caps: fees that it refuses to exceed.
    """

    host_key: SecretScalars
    share: KeyShare
    key: SharedKey
    caps: FeeCaps


class Party:
    """One co-signer of one wallet; its nonces live in memory only."""

    def __init__(self, credentials: Credentials, log: SigningLog, progress: Progress) -> None:
        self._credentials, self._log, self._progress = credentials, log, progress
        self._sessions = Sessions()
        self._signed = len(log.signatures())

    @property
    def id(self) -> PartyId:
        """Which party this is."""
        return self._credentials.share.party

    def open_signing(self, order: SigningOrder) -> Acceptance:
        """Review a transaction and, if nothing is wrong with it, take part in signing it.

        Args:
            order: what the coordinator asks.

        Returns:
            What the signer accepts, with its first messages.

        Raises:
            RefusedError: a rule forbids the transaction, or what the coordinator wants signed is not it.
            MalformedError: the PSBT is malformed.
            EncodingError: header or roster is malformed.
            UsageError: they are not of this key and party, or the session's id was used before.
        """
        header = decode(order.header, HEADER_LIMIT, Header.read)
        self._sessions.expect_new(header)
        place = self._place(header, decode(order.roster, ROSTER_LIMIT, Roster.read))
        mine = self._credentials
        psbt = Psbt.from_bytes(order.psbt)
        seen = review(psbt, (mine.key.account,), mine.caps, next_change=(self._signed + CHANGE_LEAD,))
        request = mine.key.request((item.sighash, item.path) for item in seen.inputs)
        if bytes(request) != header.params:
            raise RefusedError("sighash", "the session does not sign what this transaction needs signed")
        opening = signing_rounds.participate(place, mine.share, [SecretSeed.fresh() for _ in request.inputs])
        entry = self._entry(header, psbt, seen)
        messages = self._sessions.open(place, opening, lambda answer: self._write_down(entry, answer))
        summary = Summary.of(seen)
        self._say(Deed.TRANSACTION_REVIEWED, f"{summary.sent} sat to others, fee {summary.fee} sat")
        return Acceptance(summary, messages)

    def script(self, branch: int, index: int) -> bytes:
        """Return the output script of an address as the party derives it from its own copy of the account.

        Args:
            branch: 0 for receiving, 1 for change.
            index: 0..2^31-1.

        Raises:
            MalformedError: there is no such address.
        """
        if branch not in tuple(Branch):
            raise MalformedError("an address is on branch 0 or 1")
        return self._credentials.key.account.script(KeyPath(Branch(branch), index))

    def receive(self, sender: PartyId, envelope: bytes) -> tuple[Sealed, ...]:
        """Take an envelope; see Sessions.receive."""
        return self._sessions.receive(sender, envelope)

    def end(self, session: SessionId, evidence: Iterable[bytes] = ()) -> MpcError | None:
        """End a session; see Sessions.end."""
        return self._sessions.end(session, evidence)

    def _place(self, header: Header, roster: Roster) -> Session:
        mine = self._credentials
        if roster.keys != mine.key.host_keys:
            raise RefusedError("roster", "the session is not one of the parties of this wallet")
        return Session(signing_rounds.SPEC, header, roster, self.id, mine.host_key)

    def _entry(self, header: Header, psbt: Psbt, seen: Review) -> SignedEntry:
        """Return what is written down, but for the answer."""
        key, summary = self._credentials.key, Summary.of(seen)
        return SignedEntry(
            session=header.session,
            key=bytes(key.info.thresh_pk),
            epoch=key.epoch,
            txid=psbt.tx.txid,
            psbt_digest=sha256(bytes(psbt)).digest(),
            sent=summary.sent,
            fee=summary.fee,
            sighashes=tuple(item.sighash for item in seen.inputs),
            signers=header.parties,
            answer=b"",
            time=int(time.time()),
        )

    def _write_down(self, entry: SignedEntry, answer: PartialSigs) -> None:
        """Record a signing: if this fails, Sessions lets no partial signature leave."""
        self._log.record(replace(entry, answer=bytes(answer), time=int(time.time())))
        self._signed += 1
        self._say(Deed.SIGNING_LOGGED)

    def _say(self, deed: Deed, detail: str = "") -> None:
        self._progress(Step(self.id, deed, detail))
