"""Primes of one party that were found ahead, sealed until a session of auxiliary info takes them (CGGMP24).

Each set is a sealed row: its place, its party and its file are authenticated with it, and so are its level,
its time and the home that it was made in. A set is taken by deleting it: the row is gone from the file and
its log, durably, before anybody has the primes.

What a copy of the file can do that somebody puts back: it has the sets that were taken since. In the same
home they are refused (storage/used_moduli.py); in another one they are of another home. Nothing on a disk
stops somebody who can write all of it and knows the passphrase; without that the file gives nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ecdsa_cggmp.aux_info import PRIMES
from native.entropy import random_bytes
from native.exposure import decode as decode_secret
from native.exposure import encode
from native.secret import SecretResidues
from protocol.codec import Reader, Writer, decode
from protocol.errors import EncodingError, UsageError
from storage.errors import CorruptError
from storage.manifest import RowId
from storage.schema import packaged
from storage.sealed_file import SealedFile
from storage.used_moduli import HOME_SIZE

SCHEMA: Final = packaged("primes", b"mpcF")
MAX_SETS: Final = 256  # each is unsealed when the file is

_KIND: Final = "primes"
_ID_SIZE: Final = 16
_LIMIT: Final = 64
_LAST_YEAR: Final = 1 << 37  # Unix seconds that are a time of day


@dataclass(frozen=True, slots=True)
class PrimeSet:
    """What is public of a set of primes in a stock.

    Args:
        id: 16 random bytes.
        home: where it was made, 16 bytes.
        bits: of each prime.
        made: Unix seconds.
    """

    id: bytes
    home: bytes
    bits: int
    made: int

    @classmethod
    def read(cls, row: RowId, public: bytes) -> "PrimeSet":
        """Read a row.

        Raises:
            CorruptError: it is none.
        """

        def fields(reader: Reader) -> "PrimeSet":
            home = reader.fixed("home", HOME_SIZE)
            return cls(
                row.key, home, reader.unsigned("bits", 2), reader.unsigned("made", 8, below=_LAST_YEAR)
            )

        try:
            return decode(public, _LIMIT, fields)
        except EncodingError as e:
            raise CorruptError(str(e), "sealed", str(row)) from e

    def __bytes__(self) -> bytes:
        """Return home || bits || made, 26 bytes."""
        return bytes(Writer().fixed(self.home, HOME_SIZE).unsigned(self.bits, 2).unsigned(self.made, 8))

    @property
    def row(self) -> RowId:
        """Where it stands."""
        return RowId(_KIND, self.id)


class PrimeStock(SealedFile):
    """The stock of one party."""

    __slots__ = ()
    SCHEMA = SCHEMA

    def put(self, primes: SecretResidues, home: bytes, now: int) -> PrimeSet:
        """Seal a set of primes that no session has had.

        Args:
            primes: p, q, P and Q (AuxSecret.primes).
            home: where it may be used (UsedModuli.home).
            now: Unix seconds.

        Raises:
            UsageError: they are no four primes, or the stock is full.
        """
        if primes.count != PRIMES:
            raise UsageError("a set has four primes")
        made = PrimeSet(random_bytes(_ID_SIZE), home, 8 * primes.size, now)
        with self._vault.change() as change, encode(primes) as secret:
            if len(self.sets()) >= MAX_SETS:
                raise UsageError(f"the stock is full: it holds {MAX_SETS} sets")
            change.put(made.row, bytes(made), secret)
        return made

    def sets(self) -> Sequence[PrimeSet]:
        """Return what is public of all sets, oldest first, as it was read from the file."""
        found = [PrimeSet.read(row, public) for row, public in self._vault.rows(_KIND).items()]
        return sorted(found, key=lambda item: (item.made, item.id))

    def take(self, item: PrimeSet) -> SecretResidues:
        """Delete a set, durably, and return its primes then: this is their only way out.

        Raises:
            MissingError: there is no such set.
            CorruptError: it is not what was written.
            StorageError: it cannot be deleted; the set may be gone all the same.
        """
        public, secret = self._vault.read_secret(item.row)
        with secret:
            if bytes(item) != public:
                raise CorruptError("the set is another than was listed", "sealed", str(item.row))
            with self._vault.change() as change:
                change.delete(item.row)
            self._db.truncate_log()  # it is in neither file
            return decode_secret(secret, SecretResidues, PRIMES)
