"""Counts of presignatures in a party's file: public, and read by whoever has the file open, sealed or not."""

from collections.abc import Sequence

from presig_pool.state import State, Stock
from presig_pool.store import Tally
from protocol.errors import UsageError
from protocol.ids import Epoch, PartyId
from storage.engine import Database, Row
from storage.errors import CorruptError


def stocks(db: Database) -> Sequence[Stock]:
    """Return all stocks, ascending.

    Raises:
        CorruptError: a row is of no stock.
    """
    rows = db.rows("SELECT key, epoch, signers FROM stocks ORDER BY key, epoch, signers")
    return tuple(read_stock(*row) for row in rows)


def tally(db: Database, stock: Stock, since: int) -> Tally:
    """Count the presignatures of a stock.

    Args:
        db: a party's file.
        stock: what to count.
        since: Unix seconds, from when on uses and confirmations are counted apart.
    """
    row = db.row(
        "SELECT id, burned, purged FROM stocks WHERE key = ? AND epoch = ? AND signers = ?", *columns(stock)
    )
    if row is None:
        return Tally(0, 0, 0, 0, 0, 0)
    number, burned, purged = row

    def states(state: State) -> int:
        return count(db, "presignatures WHERE stock = ? AND state = ?", number, state.value)

    return Tally(
        states(State.PENDING),
        states(State.READY),
        burned,
        states(State.VOID) + purged,
        count(db, "consumptions WHERE stock = ? AND time >= ?", number, since),
        count(db, "presignatures WHERE stock = ? AND confirmed >= ?", number, since),
    )


def count(db: Database, what: str, *values: object) -> int:
    """Count rows: `what` is a table and a condition."""
    return int(db.rows(f"SELECT count(*) FROM {what}", *values)[0][0])  # noqa: S608


def columns(stock: Stock) -> Row:
    """Return a stock as its row has it."""
    return stock.key, stock.epoch, bytes(stock.signers)


def read_stock(key: bytes, epoch: int, signers: bytes) -> Stock:
    """Return the stock of a row.

    Raises:
        CorruptError: it is of none.
    """
    try:
        return Stock(key, Epoch(epoch), tuple(map(PartyId, signers)))
    except UsageError as e:
        raise CorruptError(str(e), "stocks") from e
