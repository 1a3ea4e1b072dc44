"""The moduli that parties of a home have ever brought into a session: none of them comes a second time.

The file is public and lies apart from the stocks of primes: the sets of a stock that was put back from a copy
are known here if they were used. Who can write the disk may put back both, or delete this file; one that was
made anew has another id, to which no set of a stock is bound.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Self

from native.entropy import random_bytes
from protocol.errors import SecretReuseError
from protocol.ids import PartyId
from storage.engine import Database
from storage.errors import CorruptError, ExistsError
from storage.schema import packaged

SCHEMA: Final = packaged("moduli", b"mpcM")
HOME_SIZE: Final = 16


class UsedModuli:
    """The file, open; a context manager."""

    __slots__ = ("_db", "home")

    def __init__(self, db: Database) -> None:
        """Own an open file.

        Raises:
            CorruptError: it has no id.
        """
        self._db = db
        row = db.row("SELECT id FROM home")
        if row is None:
            raise CorruptError("the id of the home is missing", "home")
        self.home: bytes = row[0]  # 16 random bytes, drawn when the file was made

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open the file, or make it when there is none.

        Raises:
            LockedError: another process has it, for a moment.
            CorruptError: it is damaged, or another thing.
            StorageError: it cannot be made.
        """
        if not path.is_file():
            try:
                return cls._own(Database.create(path, SCHEMA, _begin))
            except ExistsError:  # another process was faster
                pass
        return cls._own(Database.open(path, SCHEMA))

    @classmethod
    def _own(cls, db: Database) -> Self:
        try:
            return cls(db)
        except BaseException:
            db.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def claim(self, moduli: Sequence[bytes], party: PartyId, now: int) -> None:
        """Write moduli down as used, all or none; durable on return, before a session has them.

        Args:
            moduli: big-endian, such as N and N^ of one party.
            party: whose they are.
            now: Unix seconds.

        Raises:
            SecretReuseError: one was used before, or has a factor in common with one that was or with another
                of these.
            StorageError: it cannot be written.
        """
        with self._db.transaction():
            for modulus in moduli:
                number = int.from_bytes(modulus, "big")
                known = self._db.rows("SELECT modulus FROM moduli")
                if any(math.gcd(number, int.from_bytes(other, "big")) != 1 for (other,) in known):
                    raise SecretReuseError("the primes were used in this home before, or one of them was")
                self._db.execute(
                    "INSERT INTO moduli (modulus, party, time) VALUES (?, ?, ?)", modulus, party, now
                )


def _begin(db: Database) -> None:
    db.execute("INSERT INTO home VALUES (0, ?)", random_bytes(HOME_SIZE))
