"""The store of one party: its host key, its key shares, sealed, and the log of what it signed."""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from frost_bip340.key_share import KeyShare
from frost_bip340.params import hostpubkey_gen
from native.entropy import random_bytes
from native.errors import NativeError
from native.exposure import decode as decode_secret
from native.exposure import encode
from native.secret import SecretScalars, SecretSeed
from protocol.codec import decode
from protocol.errors import EncodingError, UsageError
from protocol.ids import PartyId
from protocol.roster import ROSTER_LIMIT, Roster
from storage import signing_log
from storage.engine import Database
from storage.errors import CorruptError, MissingError, SealedError
from storage.header import STORE_SIZE, Header, Owner
from storage.manifest import RowId
from storage.passphrase import Passphrase
from storage.presigs import SqlPoolStore
from storage.schema import packaged
from storage.sealed import Change, SealedRow, Vault
from storage.shares import PublicShare
from storage.signing_log import SignedEntry

SCHEMA: Final = packaged("party", b"mpcP")

_HOST_KEY: Final = RowId("host key")
_ROSTER: Final = RowId("roster")
_TERMS: Final = RowId("terms")
_SHARE: Final = "share"
_RECOVERY: Final = "recovery"


class PartyStore:
    """A party's file, sealed when it is opened.

    What is public can be read at any time: before unseal() it is no more trustworthy than the file. All else
    raises SealedError before unseal(). Every change is durable when its method returns; every method raises
    StorageError when the file cannot be read or written.
    """

    __slots__ = ("_db", "_guard", "_presignatures", "_vault")

    def __init__(self, db: Database) -> None:
        """Own an open file."""
        self._db = db
        self._vault = Vault(db)
        self._guard = threading.Lock()
        self._presignatures: SqlPoolStore | None = None

    @classmethod
    def create(cls, path: Path, party: PartyId, passphrase: Passphrase) -> "PartyStore":
        """Make the file of a party, empty and unsealed.

        Args:
            path: where; alone in its directory, which is made when it is missing.
            party: whose it is.
            passphrase: seals it.

        Raises:
            ExistsError: there is a file.
        """
        master = SecretSeed.fresh()
        header = Header.wrap(Owner(random_bytes(STORE_SIZE), party), master, passphrase)
        db = Database.create(path, SCHEMA, lambda new: Vault.begin(new, header, master))
        return cls._opened(db, lambda store: store._vault.admit(master))

    @classmethod
    def open(cls, path: Path) -> "PartyStore":
        """Open the file of a party, sealed.

        Raises:
            MissingError: there is none.
            LockedError: another process has it.
            NewerFormatError: a newer program wrote it.
            CorruptError: it is damaged, or another thing.
        """
        return cls._opened(Database.open(path, SCHEMA), lambda _: None)

    @classmethod
    def reopen(cls, path: Path, master: SecretSeed) -> "PartyStore":
        """Open and unseal the file of a store that was closed by release(), perhaps at another place.

        Args:
            path: where the file is now.
            master: what release() returned; it is wiped if the file is not opened.

        Raises:
            RolledBackError, CorruptError: as for unseal().
            StorageError: as for open().
        """
        try:
            return cls._opened(Database.open(path, SCHEMA), lambda store: store._admit(master))
        except BaseException:
            master.wipe()
            raise

    @classmethod
    def _opened(cls, db: Database, then: "Callable[[PartyStore], None]") -> "PartyStore":
        try:
            store = cls(db)
            then(store)
        except BaseException:
            db.close()
            raise
        return store

    def release(self) -> SecretSeed:
        """Close the file and return what unseals it without its passphrase, for reopen().

        Raises:
            SealedError: it is sealed.

        Security:
            The result stands for all secrets of the file: keep it for the moment between the two calls.
        """
        master = self._vault.release()
        self._db.close()
        return master

    def close(self) -> None:
        """Seal and close the file; a second call does nothing."""
        self.seal()
        self._db.close()

    def __enter__(self) -> "PartyStore":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def party(self) -> PartyId:
        """Whose file it is."""
        return self._vault.owner.party

    @property
    def is_sealed(self) -> bool:
        """Whether secrets are out of reach."""
        return self._vault.is_sealed

    def unseal(self, passphrase: Passphrase) -> None:
        """Open the secrets, and check every row of the file.

        Raises:
            WrongPassphraseError: the passphrase is another; nothing is changed.
            RolledBackError: a part of the file is older than the rest.
            CorruptError: a row was changed, added or deleted.
        """
        self._vault.unseal(passphrase)
        self._check_log()

    def _admit(self, master: SecretSeed) -> None:
        self._vault.admit(master)
        self._check_log()

    def _check_log(self) -> None:
        try:
            signing_log.check(self._db, self._vault.anchor)
        except BaseException:
            self._vault.seal()
            raise

    def seal(self) -> None:
        """Put the secrets out of reach again, presignatures for ever; what was handed out stays out."""
        with self._guard:
            self._vault.seal()
            if self._presignatures is not None:
                self._presignatures.close()
            self._presignatures = None

    def change_passphrase(self, old: Passphrase, new: Passphrase) -> None:
        """Seal the file under another passphrase, whether it is sealed now or not.

        Raises:
            WrongPassphraseError: the old passphrase is another; nothing is changed.

        Security:
            Old copies of the file still open with the old passphrase: refresh the shares if it has leaked.
        """
        self._vault.change_passphrase(old, new)

    # the host key, and who else takes part

    def put_host_key(self, host_key: SecretScalars) -> None:
        """Seal the host secret key.

        Raises:
            UsageError: there is one already, or it is no key.
        """
        pubkey = hostpubkey_gen(host_key)
        with self._vault.change() as change, encode(host_key) as secret:
            if self.hostpubkey() is not None:
                raise UsageError("the party has a host key already")
            change.put(_HOST_KEY, pubkey, secret)

    def hostpubkey(self) -> bytes | None:
        """Return the host public key, 33 bytes; None before there is one."""
        return self._public(_HOST_KEY)

    def host_key(self) -> SecretScalars:
        """Return the host secret key.

        Raises:
            MissingError: there is none yet.
        """
        row = self._read(_HOST_KEY)
        if row.secret is None:
            raise CorruptError("there is no secret", "sealed", str(_HOST_KEY))
        with row.secret:
            return decode_secret(row.secret, SecretScalars)

    def put_roster(self, roster: Roster) -> None:
        """Keep the host keys of all parties.

        Raises:
            UsageError: this party's is not among them at its place.
        """
        with self._vault.change() as change:
            mine = self.hostpubkey()
            if mine is None or roster.key(self.party) != mine[1:]:
                raise UsageError("the roster does not have this party's host key")
            change.put(_ROSTER, bytes(roster))

    def roster(self) -> Roster | None:
        """Return the host keys of all parties; None before there are any."""
        data = self._public(_ROSTER)
        try:
            return None if data is None else decode(data, ROSTER_LIMIT, Roster.read)
        except EncodingError as e:
            raise CorruptError(str(e), "sealed", str(_ROSTER)) from e

    def put_terms(self, terms: str) -> None:
        """Keep what the party's operator has agreed to, in a form that is the caller's."""
        with self._vault.change() as change:
            change.put(_TERMS, terms.encode())

    def terms(self) -> str | None:
        """Return what put_terms() was given last; None before."""
        data = self._public(_TERMS)
        try:
            return None if data is None else data.decode()
        except UnicodeDecodeError as e:
            raise CorruptError("the terms are no text", "sealed", str(_TERMS)) from e

    # shares

    def put_share(self, share: KeyShare, recovery_data: bytes) -> None:
        """Seal the share of a new key, with the recovery data of its generation.

        Args:
            share: of this party.
            recovery_data: of ChillDKG; public.

        Raises:
            UsageError: the share is another party's, or there is one of this key and epoch.
        """
        with self._vault.change() as change:
            self._put(change, share)
            change.put(RowId(_RECOVERY, bytes(share.info.thresh_pk)), recovery_data)

    def put_refreshed(self, share: KeyShare) -> None:
        """Seal the share of another epoch beside the old one, until drop_share() deletes that.

        Raises:
            UsageError: as for put_share(), or the key is unknown.
        """
        with self._vault.change() as change:
            if not any(old.key == bytes(share.info.thresh_pk) for old in self.shares()):
                raise UsageError("the party has no share of this key")
            self._put(change, share)

    def _put(self, change: Change, share: KeyShare) -> None:
        public = PublicShare.of(share)
        row = _share_row(public.key, public.epoch)
        if public.party != self.party:
            raise UsageError("the share is another party's")
        if self._public(row) is not None:
            raise UsageError("there is a share of this key and epoch already")
        with encode(share.secshare) as secret:
            change.put(row, bytes(public), secret)

    def shares(self) -> Sequence[PublicShare]:
        """Return the public parts of all shares, by key and epoch."""
        return [_public_share(row, public) for row, public in self._vault.rows(_SHARE).items()]

    def share(self, key: bytes, epoch: int | None = None) -> KeyShare:
        """Return a share.

        Args:
            key: threshold public key, 33 bytes.
            epoch: None for the last one.

        Raises:
            MissingError: there is none.
        """
        if epoch is None:
            epoch = max((share.epoch for share in self.shares() if share.key == key), default=0)
        row = _share_row(key, epoch)
        public, secret = self._read(row)
        if secret is None:
            raise CorruptError("there is no secret", "sealed", str(row))
        try:
            with secret:
                return _public_share(row, public).with_secret(secret)
        except (UsageError, NativeError) as e:
            raise CorruptError(str(e), "sealed", str(row)) from e

    def drop_share(self, key: bytes, epoch: int) -> None:
        """Delete a share of an old epoch, from the file and from its log.

        Raises:
            UsageError: there is none, or it is the last of its key.
        """
        with self._vault.change() as change:
            epochs = [share.epoch for share in self.shares() if share.key == key]
            if epoch not in epochs or len(epochs) < 2:
                raise UsageError("there is no such share, or it is the only one of its key")
            change.delete(_share_row(key, epoch))
        self._db.truncate_log()

    def recovery_data(self, key: bytes | None = None) -> bytes:
        """Return the recovery data of a key, as it was read from the file.

        Args:
            key: threshold public key; None when the party has one key only.

        Raises:
            MissingError: there is none, or several keys.
        """
        rows = self._vault.rows(_RECOVERY)
        if key is None and len(rows) == 1:
            key = next(iter(rows)).key
        if key is None:
            raise MissingError("the party has not one key: name it")
        return self._read(RowId(_RECOVERY, key)).public

    # presignatures

    @property
    def presignatures(self) -> SqlPoolStore:
        """Where presignatures are kept until the party is sealed; those of another process become void.

        A record() in its transaction, such as one that Pool.burn() makes, is a part of that.

        Raises:
            SealedError: the party is sealed.
        """
        with self._guard:
            if self.is_sealed:
                raise SealedError("the secrets are sealed", "unseal them with the passphrase")
            if self._presignatures is None:
                self._presignatures = SqlPoolStore(self._db, self._vault.owner, self._vault.transaction)
            return self._presignatures

    # what was signed

    def record(self, entry: SignedEntry) -> None:
        """Write down what is about to be signed; durable on return, before a partial signature leaves.

        Raises:
            SecretReuseError: this session was signed before.
        """
        with self._vault.change() as change:
            change.set_anchor(signing_log.append(self._db, self._vault.anchor, entry))

    def signatures(self) -> tuple[SignedEntry, ...]:
        """Return all that was signed, oldest first."""
        return signing_log.entries(self._db)

    def _public(self, row: RowId) -> bytes | None:
        return self._vault.rows(row.kind).get(row)

    def _read(self, row: RowId) -> SealedRow:
        if not self.is_sealed and self._public(row) is None:
            raise MissingError(f"party {self.party} has no {row.kind} yet")
        return self._vault.read(row)


def _share_row(key: bytes, epoch: int) -> RowId:
    return RowId(_SHARE, key, epoch)


def _public_share(row: RowId, public: bytes) -> PublicShare:
    try:
        share = PublicShare.from_bytes(public)
    except EncodingError as e:
        raise CorruptError(str(e), "sealed", str(row)) from e
    if (share.key, share.epoch) != (row.key, row.epoch):
        raise CorruptError("the share is of another key or epoch than its row", "sealed", str(row))
    return share
