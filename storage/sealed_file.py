"""A file of one party whose secrets are sealed under a passphrase: made, opened, sealed, moved."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar, Self

from native.entropy import random_bytes
from native.secret import SecretSeed
from protocol.ids import PartyId
from storage.engine import Database
from storage.header import STORE_SIZE, Header, Owner
from storage.passphrase import Passphrase
from storage.schema import Schema
from storage.sealed import Vault


class SealedFile:
    """A file of a party, sealed when it is opened; what is in it is a subclass's.

    What is public can be read at any time: before unseal() it is no more trustworthy than the file. All else
    raises SealedError before unseal(). Every change is durable when its method returns; every method raises
    StorageError when the file cannot be read or written.
    """

    __slots__ = ("_db", "_guard", "_vault")
    SCHEMA: ClassVar[Schema]  # with the tables of a Vault

    def __init__(self, db: Database) -> None:
        """Own an open file."""
        self._db = db
        self._vault = Vault(db)
        self._guard = threading.Lock()

    @classmethod
    def create(cls, path: Path, party: PartyId, passphrase: Passphrase) -> Self:
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
        db = Database.create(path, cls.SCHEMA, lambda new: Vault.begin(new, header, master))
        return cls._opened(db, lambda store: store._vault.admit(master))

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open the file of a party, sealed.

        Raises:
            MissingError: there is none.
            LockedError: another process has it.
            NewerFormatError: a newer program wrote it.
            CorruptError: it is damaged, or another thing.
        """
        return cls._opened(Database.open(path, cls.SCHEMA), lambda _: None)

    @classmethod
    def reopen(cls, path: Path, master: SecretSeed) -> Self:
        """Open and unseal the file of a store that was closed by release(), perhaps at another place.

        Args:
            path: where the file is now.
            master: what release() returned; it is wiped if the file is not opened.

        Raises:
            RolledBackError, CorruptError: as for unseal().
            StorageError: as for open().
        """
        try:
            return cls._opened(Database.open(path, cls.SCHEMA), lambda store: store.admit(master))
        except BaseException:
            master.wipe()
            raise

    @classmethod
    def _opened(cls, db: Database, then: Callable[[Self], None]) -> Self:
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
        with self._guard:
            master = self._vault.release()
            self._forget()
        self._db.close()
        return master

    def close(self) -> None:
        """Seal and close the file; a second call does nothing."""
        self.seal()
        self._db.close()

    def __enter__(self) -> Self:
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
        self._check_unsealed()

    def admit(self, master: SecretSeed) -> None:
        """Do what unseal() does, with what release() returned, which is owned from here on.

        Raises:
            RolledBackError, CorruptError: as for unseal().
        """
        self._vault.admit(master)
        self._check_unsealed()

    def _check_unsealed(self) -> None:
        try:
            self._check()
        except BaseException:
            self._vault.seal()
            raise

    def _check(self) -> None:
        """Check what the vault does not, when it has been unsealed."""

    def seal(self) -> None:
        """Put the secrets out of reach again; what was handed out stays out."""
        with self._guard:
            self._vault.seal()
            self._forget()

    def _forget(self) -> None:
        """Give up what was made with the secrets, when they are sealed."""

    def change_passphrase(self, old: Passphrase, new: Passphrase) -> None:
        """Seal the file under another passphrase, whether it is sealed now or not.

        Raises:
            WrongPassphraseError: the old passphrase is another; nothing is changed.

        Security:
            Old copies of the file still open with the old passphrase: refresh the shares if it has leaked.
        """
        self._vault.change_passphrase(old, new)
