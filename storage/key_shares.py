"""The key shares of one scheme in the sealed rows of a party's file: a row for each key and epoch.

What a handover has given the party stands beside them until a certificate tells which shares are in use: see
protocol.resharing.handover.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar

from native.errors import NativeError
from native.exposure import decode as decode_secret
from native.exposure import encode
from native.secret import SecretBytes, SecretScalars
from protocol.codec import Reader, Writer, decode
from protocol.errors import EncodingError, UsageError
from protocol.header import HEADER_LIMIT, Header
from protocol.ids import Epoch, PartyId
from protocol.resharing.handover import Certificate, Holding, Pending
from protocol.resharing.plan import Sharing
from protocol.roster import ROSTER_LIMIT, Roster
from storage.errors import CorruptError
from storage.manifest import RowId
from storage.sealed import Change, Vault

_PUBLIC_LIMIT: Final = 8192  # bytes of the public part of a share
_PENDING_LIMIT: Final = HEADER_LIMIT + ROSTER_LIMIT + _PUBLIC_LIMIT + 12


class _Share(Protocol):
    @property
    def secshare(self) -> SecretScalars: ...

    @property
    def sharing(self) -> Sharing: ...


class _PublicShare(Protocol):
    @property
    def key(self) -> bytes: ...

    @property
    def epoch(self) -> int: ...

    @property
    def party(self) -> PartyId: ...

    def __bytes__(self) -> bytes: ...


ShareT = TypeVar("ShareT", bound=_Share)
PublicT = TypeVar("PublicT", bound=_PublicShare)


@dataclass(frozen=True, slots=True)
class Scheme(Generic[ShareT, PublicT]):
    """How the shares of a scheme are stored.

    Args:
        kind: of their rows.
        public: returns a share without its secret.
        read: reads bytes() of that, or raises EncodingError.
        join: puts the secret share to it, or raises UsageError when that does not match.
    """

    kind: str
    public: Callable[[ShareT], PublicT]
    read: Callable[[bytes], PublicT]
    join: Callable[[PublicT, SecretScalars], ShareT]


class KeyShares(Generic[ShareT, PublicT]):
    """The shares that a party has of the keys of one scheme."""

    __slots__ = ("_scheme", "_vault")

    def __init__(self, vault: Vault, scheme: Scheme[ShareT, PublicT]) -> None:
        self._vault = vault
        self._scheme = scheme

    def put(self, change: Change, share: ShareT) -> None:
        """Seal a share of a new key or epoch.

        Raises:
            UsageError: it is another party's, or there is one of this key and epoch.
        """
        public = self._own_public(share)
        row = self._row(public.key, public.epoch)
        if row in self._vault.rows(self._scheme.kind):
            raise UsageError("there is a share of this key and epoch already")
        with encode(share.secshare) as secret:
            change.put(row, bytes(public), secret)

    def put_refreshed(self, change: Change, share: ShareT) -> None:
        """Seal a share of another epoch of a known key.

        Raises:
            UsageError: as for put(), or the key is unknown.
        """
        if not self._epochs(self._scheme.public(share).key):
            raise UsageError("the party has no share of this key")
        self.put(change, share)

    def drop(self, change: Change, key: bytes, epoch: int) -> None:
        """Delete a share of an old epoch.

        Raises:
            UsageError: there is none, or it is the only one of its key.
        """
        if len(self._epochs(key)) < 2:
            raise UsageError("the party has no other share of the key")
        change.delete(self._row(key, epoch))

    # handovers

    def prepare(self, change: Change, pending: Pending[ShareT]) -> None:
        """Seal what a handover has given the party beside the share in use; then it may be confirmed.

        Raises:
            UsageError: it has no share for this party, or Holding.prepare() does not take it.
            MissingError: the key is unknown.
        """
        if pending.share is None:
            raise UsageError("the handover has no share for this party")
        public = self._own_public(pending.share)
        self.holding(public.key).prepare(pending)
        with encode(pending.share.secshare) as secret:
            change.put(self._pending_row(public.key, public.epoch), _pending_bytes(pending, public), secret)

    def holding(self, key: bytes) -> Holding[ShareT]:
        """Return the share in use, and the handovers that wait for a certificate.

        Raises:
            MissingError: the key is unknown.
        """
        share = self.share(key, None)
        rows = [row for row in self._vault.rows(self._pending_kind) if row.key == key]
        pending = tuple(self._pending(row) for row in sorted(rows, key=lambda row: row.epoch))
        return Holding(Epoch(self._scheme.public(share).epoch), share, pending)

    def activate(self, change: Change, key: bytes, certificate: Certificate) -> Epoch:
        """Put the share of a certified handover in the place of all older ones; return its epoch.

        Raises:
            UnattributedAbort: the certificate is of no handover that the party has prepared.
            MissingError: the key is unknown.
        """
        after = self.holding(key).activate(certificate)
        if after.share is None:
            raise UsageError("the handover has no share for this party")
        self.put_refreshed(change, after.share)
        for epoch in self._epochs(key):
            if epoch < after.epoch:
                self.drop(change, key, epoch)
        for row in self._vault.rows(self._pending_kind):
            if row.key == key and row.epoch <= after.epoch:
                change.delete(row)
        return after.epoch

    def publics(self) -> Sequence[PublicT]:
        """Return the public parts of all shares, by key and epoch."""
        return [self._read(row, public) for row, public in self._vault.rows(self._scheme.kind).items()]

    def share(self, key: bytes, epoch: int | None) -> ShareT:
        """Return a share; the last one where the epoch is None.

        Raises:
            MissingError: there is none.
        """
        row = self._row(key, max(self._epochs(key), default=0) if epoch is None else epoch)
        public, secret = self._vault.read_secret(row)
        with secret:
            return self._joined(row, public, secret)

    def _epochs(self, key: bytes) -> list[int]:
        return [row.epoch for row in self._vault.rows(self._scheme.kind) if row.key == key]

    def _row(self, key: bytes, epoch: int) -> RowId:
        return RowId(self._scheme.kind, key, epoch)

    def _own_public(self, share: ShareT) -> PublicT:
        public = self._scheme.public(share)
        if public.party != self._vault.owner.party:
            raise UsageError("the share is another party's")
        return public

    def _joined(self, row: RowId, public: bytes, secret: SecretBytes) -> ShareT:
        try:
            return self._scheme.join(self._read(row, public), decode_secret(secret, SecretScalars))
        except (UsageError, NativeError) as e:
            raise CorruptError(str(e), "sealed", str(row)) from e

    @property
    def _pending_kind(self) -> str:
        return f"pending {self._scheme.kind}"

    def _pending_row(self, key: bytes, epoch: int) -> RowId:
        return RowId(self._pending_kind, key, epoch)

    def _pending(self, row: RowId) -> Pending[ShareT]:
        data, secret = self._vault.read_secret(row)
        try:
            header, roster, public = decode(data, _PENDING_LIMIT, _read_pending)
        except EncodingError as e:
            raise CorruptError(str(e), "sealed", str(row)) from e
        with secret:
            share = self._joined(row, public, secret)
        return Pending(header, roster, share.sharing, share)

    def _read(self, row: RowId, data: bytes) -> PublicT:
        try:
            public = self._scheme.read(data)
        except EncodingError as e:
            raise CorruptError(str(e), "sealed", str(row)) from e
        if (public.key, public.epoch) != (row.key, row.epoch):
            raise CorruptError("the share is of another key or epoch than its row", "sealed", str(row))
        return public


def _pending_bytes(pending: Pending[ShareT], public: _PublicShare) -> bytes:
    writer = Writer().bytes_of(bytes(pending.header), HEADER_LIMIT)
    return bytes(writer.bytes_of(bytes(pending.roster), ROSTER_LIMIT).bytes_of(bytes(public), _PUBLIC_LIMIT))


def _read_pending(reader: Reader) -> tuple[Header, Roster, bytes]:
    header = decode(reader.bytes_of("header", HEADER_LIMIT), HEADER_LIMIT, Header.read)
    roster = decode(reader.bytes_of("roster", ROSTER_LIMIT), ROSTER_LIMIT, Roster.read)
    return header, roster, reader.bytes_of("share", _PUBLIC_LIMIT)
