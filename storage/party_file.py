"""The file of one party as a whole, with its log and presignatures; the rest is in storage/parties.py."""

from typing import Final

from storage import signing_log
from storage.engine import Database
from storage.errors import SealedError
from storage.presigs import SqlPoolStore
from storage.schema import packaged
from storage.sealed_file import SealedFile

SCHEMA: Final = packaged("party", b"mpcP")


class PartyFile(SealedFile):
    """A party's file, sealed when it is opened; sealing it puts its presignatures out of reach for ever."""

    __slots__ = ("_presignatures",)
    SCHEMA = SCHEMA

    def __init__(self, db: Database) -> None:
        """Own an open file."""
        super().__init__(db)
        self._presignatures: SqlPoolStore | None = None

    def _check(self) -> None:
        signing_log.check(self._db, self._vault.anchor)

    def _forget(self) -> None:
        if self._presignatures is not None:
            self._presignatures.close()
        self._presignatures = None

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
