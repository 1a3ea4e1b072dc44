"""The file of one party as a whole: made, opened, sealed, moved; what is in it is in storage/parties.py."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final, Self

from native.entropy import random_bytes
from native.secret import SecretSeed
from protocol.ids import PartyId
from storage import signing_log
from storage.engine import Database
from storage.errors import SealedError
from storage.header import STORE_SIZE, Header, Owner
from storage.passphrase import Passphrase
from storage.presigs import SqlPoolStore
from storage.schema import packaged
from storage.sealed import Vault

SCHEMA: Final = packaged("party", b"mpcP")


class PartyFile:
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
        db = Database.create(path, SCHEMA, lambda new: Vault.begin(new, header, master))
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
        return cls._opened(Database.open(path, SCHEMA), lambda _: None)

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
            return cls._opened(Database.open(path, SCHEMA), lambda store: store._admit(master))
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
            self._forget_presignatures()
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
            self._forget_presignatures()

    def _forget_presignatures(self) -> None:
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
