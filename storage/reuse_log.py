"""Refused requests for burnt presignatures, in the append-only tables of 003_reuse_attempts.sql.

Only a burnt presignature has any, and a few each: nobody fills the disk by asking again and again.
"""

from dataclasses import dataclass
from typing import Final

from presig_pool.store import ReuseAttempt
from protocol.errors import UsageError
from storage.engine import Database
from storage.errors import CorruptError

KEPT: Final = 8  # of each presignature; a trigger holds it too
_COUNT: Final = (
    "SELECT (SELECT count(*) FROM reuse_attempts)"
    " + (SELECT coalesce(sum(count), 0) FROM further_reuse_attempts)"
)


@dataclass(frozen=True, slots=True)
class ReuseLog:
    """Attempts to use presignatures again.

    Args:
        count: how many there ever were.
        latest: the latest of those that were kept, the last one first.
    """

    count: int
    latest: tuple[ReuseAttempt, ...]


def append(db: Database, attempt: ReuseAttempt) -> None:
    """Write down an attempt inside a transaction of the caller, or count it when there are KEPT of it.

    Raises:
        StorageError: the presignature was not used, or the file cannot be written.
    """
    kept = db.rows("SELECT count(*) FROM reuse_attempts WHERE presignature = ?", attempt.presignature)[0][0]
    if kept < KEPT:
        db.execute(
            "INSERT INTO reuse_attempts (presignature, request, sighash, time) VALUES (?, ?, ?, ?)",
            attempt.presignature, attempt.request, attempt.sighash, attempt.time,
        )  # fmt: skip
    elif not db.execute(
        "UPDATE further_reuse_attempts SET count = count + 1 WHERE presignature = ?", attempt.presignature
    ):
        db.execute("INSERT INTO further_reuse_attempts VALUES (?, 1)", attempt.presignature)


def read(db: Database, limit: int) -> ReuseLog:
    """Return the number of all attempts and the latest ones.

    Raises:
        CorruptError: a row is not what append() wrote.
    """
    rows = db.rows(
        "SELECT presignature, request, sighash, time FROM reuse_attempts ORDER BY seq DESC LIMIT ?", limit
    )
    try:
        latest = tuple(ReuseAttempt(*row) for row in rows)
    except UsageError as e:
        raise CorruptError(str(e), "reuse_attempts") from e
    return ReuseLog(db.rows(_COUNT)[0][0], latest)
