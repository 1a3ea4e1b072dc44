"""The key shares of one scheme in the sealed rows of a party's file: a row for each key and epoch."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from native.errors import NativeError
from native.exposure import decode as decode_secret
from native.exposure import encode
from native.secret import SecretScalars
from protocol.errors import EncodingError, UsageError
from protocol.ids import PartyId
from storage.errors import CorruptError
from storage.manifest import RowId
from storage.sealed import Change, Vault


class _Share(Protocol):
    @property
    def secshare(self) -> SecretScalars: ...


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
        public = self._scheme.public(share)
        row = self._row(public.key, public.epoch)
        if public.party != self._vault.owner.party:
            raise UsageError("the share is another party's")
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
        try:
            with secret:
                return self._scheme.join(self._read(row, public), decode_secret(secret, SecretScalars))
        except (UsageError, NativeError) as e:
            raise CorruptError(str(e), "sealed", str(row)) from e

    def _epochs(self, key: bytes) -> list[int]:
        return [row.epoch for row in self._vault.rows(self._scheme.kind) if row.key == key]

    def _row(self, key: bytes, epoch: int) -> RowId:
        return RowId(self._scheme.kind, key, epoch)

    def _read(self, row: RowId, data: bytes) -> PublicT:
        try:
            public = self._scheme.read(data)
        except EncodingError as e:
            raise CorruptError(str(e), "sealed", str(row)) from e
        if (public.key, public.epoch) != (row.key, row.epoch):
            raise CorruptError("the share is of another key or epoch than its row", "sealed", str(row))
        return public
