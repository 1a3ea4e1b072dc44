"""Presignatures of a party, their secrets sealed under a key of this process (002_presignatures.sql).

The key is drawn when the store is opened and stands in locked memory only. A process that ends takes it
along: the file that it leaves, a copy of it and a backup hold no presignature that can be used. What stands
there as PENDING or READY under another key becomes VOID at the next opening. Beside the key stands which
presignatures may still be opened: a disk that is rolled back beneath the process does not make one anew.

Associated data of a row: {format, store, party, batch, public side}.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Final

from cryptography.exceptions import InvalidTag

from ecdsa_cggmp.presignature import MAX_PUBLIC, Presignature, PublicPresignature
from native.entropy import random_bytes
from native.exposure import decode as decode_secret
from native.exposure import encode
from native.secret import SecretBytes, SecretScalars, SecretSeed
from presig_pool.errors import PresignatureVoid
from presig_pool.state import State, Stock
from presig_pool.store import Consumption, Entry, ReuseAttempt, Tally
from protocol.codec import Writer, decode
from protocol.errors import EncodingError, SecretReuseError, UsageError
from storage import envelope, presig_tallies, reuse_log
from storage.engine import Database, Row
from storage.errors import CorruptError, RolledBackError, SealedError
from storage.header import Owner
from storage.presig_tallies import columns, count, read_stock

_FORMAT: Final = b"mpcwallet presignature 1"
_BOOT_SIZE: Final = 16
_ENTRY: Final = (
    "SELECT p.id, s.key, s.epoch, s.signers, p.batch, p.state, p.made"
    " FROM presignatures p JOIN stocks s ON s.id = p.stock"
)
_RESTART: Final = "the process that made it has ended"


class SqlPoolStore:
    """The presignatures in a party's file: a presig_pool.store.PoolStore.

    Security:
        One object for an open file: a second one voids what the first has.
    """

    __slots__ = ("_boot", "_db", "_key", "_live", "_owner", "_transaction", "voided")

    def __init__(
        self,
        db: Database,
        owner: Owner,
        transaction: Callable[[], AbstractContextManager[None]] | None = None,
    ) -> None:
        """Draw a key, and void what is left of others.

        Args:
            db: the party's file.
            owner: whose it is.
            transaction: of the file, when more than the database takes part in one.
        """
        self._db = db
        self._owner = owner
        self._transaction = transaction or db.transaction
        self._boot = random_bytes(_BOOT_SIZE)
        self._key: SecretSeed | None = SecretSeed.fresh()
        self._live = set[bytes]()  # ids of those that were added here, and neither burnt nor voided since
        self.voided = self._void_others()  # how many presignatures of other processes there were

    def close(self) -> None:
        """Wipe the key: no presignature of this store can be used any more."""
        if self._key is not None:
            self._key.wipe()
        self._key = None

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Run a block whose changes become durable together at its end, or not at all when it raises."""
        with self._transaction():
            yield

    # in

    def add(self, presignatures: Sequence[Presignature], batch: bytes, now: int) -> None:
        """Keep the presignatures of one stock as PENDING, their secrets sealed.

        Raises:
            SecretReuseError: one was added before.
            UsageError: one is another party's.
        """
        key = self._open()
        publics = [bytes(item.public) for item in presignatures]
        boxes = envelope.seal_all(
            key,
            (
                (self._context(batch, public), _encoded(item))
                for item, public in zip(presignatures, publics, strict=True)
            ),
        )
        with self.transaction():
            stock = self._stock(Stock.of(presignatures[0].public))
            for item, public, box in zip(presignatures, publics, boxes, strict=True):
                if item.party != self._owner.party or Stock.of(item.public) != read_stock(*stock[1:]):
                    raise UsageError("the presignature is another party's, or of another stock")
                if self._db.row("SELECT 1 FROM presignatures WHERE id = ?", item.public.id) is not None:
                    raise SecretReuseError("the presignature was added before")
                self._db.execute(
                    "INSERT INTO presignatures (id, stock, batch, boot, state, made, public, secret)"
                    " VALUES (?, ?, ?, ?, 'PENDING', ?, ?, ?)",
                    item.public.id, stock[0], batch, self._boot, now, public, box,
                )  # fmt: skip
                self._live.add(item.public.id)

    def confirm(self, ids: Sequence[bytes], now: int) -> None:
        """Move presignatures from PENDING to READY."""
        sql = "UPDATE presignatures SET state = 'READY', confirmed = ? WHERE id = ? AND state = 'PENDING'"
        with self.transaction():
            for item in ids:
                if self._db.execute(sql, now, item) != 1:
                    raise PresignatureVoid("the presignature is not PENDING")

    def void(self, ids: Sequence[bytes], reason: str) -> None:
        """Move presignatures from PENDING or READY to VOID and delete their secrets."""
        self._live.difference_update(ids)
        with self.transaction():
            for item in ids:
                self._db.execute(
                    "UPDATE presignatures SET state = 'VOID', secret = NULL, reason = ? WHERE id = ?"
                    " AND state IN ('PENDING', 'READY')",
                    reason, item,
                )  # fmt: skip

    # out

    def secrets(self, ids: Sequence[bytes]) -> Sequence[Presignature]:
        """Return READY presignatures with their secrets.

        Raises:
            PresignatureVoid: one is not READY, or the key that sealed it has gone.
            RolledBackError: one was burnt or voided before: what is on the disk is older than this process.
            CorruptError: one was changed in the file.
        """
        key = self._open()
        rows = [self._row(item) for item in ids]
        if any(state != State.READY.value or boot != self._boot for boot, *_, state in rows):
            raise PresignatureVoid("the presignature is not READY")
        if not self._live.issuperset(ids):
            raise RolledBackError("a presignature is READY that was burnt or voided before", "presignatures")
        sealed = [(self._context(batch, public), box) for _, batch, public, box, _ in rows]
        try:
            secrets = envelope.unseal_all(key, sealed)
        except InvalidTag as e:
            raise CorruptError("a presignature was changed", "presignatures") from e
        return tuple(
            self._presignature(item, row[2], secret)
            for item, row, secret in zip(ids, rows, secrets, strict=True)
        )

    def burn(self, uses: Sequence[Consumption]) -> None:
        """Move presignatures from READY to BURNED, delete their secrets and write down their use.

        Raises:
            SecretReuseError: one is not READY; the file is not changed, and none of them opens again.
        """
        self._live.difference_update(use.presignature for use in uses)  # before anything can fail
        with self.transaction():
            for use in uses:
                row = self._db.row(
                    "SELECT stock FROM presignatures WHERE id = ? AND state = 'READY'", use.presignature
                )
                if row is None:
                    raise SecretReuseError("the presignature is not READY")
                self._db.execute(
                    "INSERT INTO consumptions VALUES (?, ?, ?, ?, ?, ?)",
                    use.presignature, row[0], use.request, use.sighash, use.share, use.time,
                )  # fmt: skip
                self._db.execute(
                    "UPDATE presignatures SET state = 'BURNED', secret = NULL WHERE id = ?", use.presignature
                )

    # what there is

    def find(self, ids: Sequence[bytes]) -> Mapping[bytes, Entry]:
        """Return the entries of those that are known."""
        rows = [self._db.row(f"{_ENTRY} WHERE p.id = ?", item) for item in ids]
        return {row[0]: _entry(row) for row in rows if row is not None}

    def of_batch(self, batch: bytes) -> Sequence[Entry]:
        """Return the entries of a batch."""
        return tuple(map(_entry, self._db.rows(f"{_ENTRY} WHERE p.batch = ? ORDER BY p.seq", batch)))

    def ready(self, stock: Stock, limit: int) -> Sequence[bytes]:
        """Return the ids of READY presignatures, oldest first."""
        rows = self._db.rows(
            "SELECT p.id FROM presignatures p JOIN stocks s ON s.id = p.stock"
            " WHERE s.key = ? AND s.epoch = ? AND s.signers = ? AND p.state = 'READY' ORDER BY p.seq LIMIT ?",
            *columns(stock), limit,
        )  # fmt: skip
        return tuple(item for (item,) in rows)

    def live(self, made_before: int | None = None) -> Sequence[Entry]:
        """Return all PENDING and READY entries, or those that were made before a time."""
        return tuple(
            map(
                _entry,
                self._db.rows(
                    f"{_ENTRY} WHERE p.state IN ('PENDING', 'READY') AND (?1 IS NULL OR p.made < ?1)"
                    " ORDER BY p.seq",
                    made_before,
                ),
            )
        )

    def consumption(self, presignature: bytes) -> Consumption | None:
        """Return the use of a presignature; None before it."""
        row = self._db.row(
            "SELECT presignature, request, sighash, share, time FROM consumptions WHERE presignature = ?",
            presignature,
        )
        return None if row is None else Consumption(*row)

    def note_reuse(self, attempts: Sequence[ReuseAttempt]) -> None:
        """Write down refused requests for burnt presignatures; some of each and the number of the others."""
        with self._db.transaction():
            for attempt in attempts:
                reuse_log.append(self._db, attempt)

    def publics(self, ids: Sequence[bytes]) -> Sequence[PublicPresignature]:
        """Return the public sides of presignatures.

        Raises:
            PresignatureVoid: one is unknown.
        """
        return tuple(_public(item, self._row(item)[2]) for item in ids)

    def stocks(self) -> Sequence[Stock]:
        """Return all stocks, ascending."""
        return presig_tallies.stocks(self._db)

    def tally(self, stock: Stock, since: int) -> Tally:
        """Count the presignatures of a stock."""
        return presig_tallies.tally(self._db, stock, since)

    def purge(self, made_before: int | None = None) -> int:
        """Forget what is VOID, and leave no trace of deleted secrets in the file; return how many went.

        Args:
            made_before: seconds; what is younger stays, and if there is nothing else the file is not written.
        """
        old = "state = 'VOID' AND (?1 IS NULL OR made < ?1)"
        # by the index of states
        all_old = f"presignatures WHERE stock IN (SELECT id FROM stocks) AND {old}"  # noqa: S608
        if made_before is not None and not count(self._db, all_old, made_before):
            return 0
        with self.transaction():
            number = f"SELECT count(*) FROM presignatures WHERE stock = stocks.id AND {old}"  # noqa: S608
            self._db.execute(f"UPDATE stocks SET purged = purged + ({number})", made_before)  # noqa: S608
            gone = self._db.execute(f"DELETE FROM {all_old}", made_before)  # noqa: S608
        self._db.truncate_log()
        return gone

    # inside

    def _void_others(self) -> int:
        others = "presignatures WHERE state IN ('PENDING', 'READY') AND boot != ?"
        left = count(self._db, others, self._boot)
        if left:  # a file without any is not written to: its disk may be full
            with self.transaction():
                self._db.execute(
                    "UPDATE presignatures SET state = 'VOID', secret = NULL, reason = ?"
                    " WHERE state IN ('PENDING', 'READY') AND boot != ?",
                    _RESTART, self._boot,
                )  # fmt: skip
            self.purge()
        return left

    def _open(self) -> SecretSeed:
        if self._key is None:
            raise SealedError("the presignatures are sealed for ever", "unseal the party and refill its pool")
        return self._key

    def _row(self, item: bytes) -> Row:
        row = self._db.row("SELECT boot, batch, public, secret, state FROM presignatures WHERE id = ?", item)
        if row is None:
            raise PresignatureVoid("the presignature is not known here")
        return row

    def _presignature(self, item: bytes, public: bytes, secret: SecretBytes | None) -> Presignature:
        if secret is None:
            raise CorruptError("there is no secret", "presignatures", item.hex())
        with secret, decode_secret(secret, SecretScalars, 2) as both:
            shares = both.slice(0, 1), both.slice(1, 1)
        return Presignature(_public(item, public), self._owner.party, *shares)

    def _context(self, batch: bytes, public: bytes) -> bytes:
        writer = self._owner.write(Writer().fixed(_FORMAT, len(_FORMAT)))
        return bytes(writer.fixed(batch, 32).bytes_of(public, MAX_PUBLIC))

    def _stock(self, stock: Stock) -> Row:
        """Return the row of a stock, which is made when it is missing."""
        values = columns(stock)
        self._db.execute("INSERT OR IGNORE INTO stocks (key, epoch, signers) VALUES (?, ?, ?)", *values)
        sql = "SELECT id, key, epoch, signers FROM stocks WHERE key = ? AND epoch = ? AND signers = ?"
        return self._db.rows(sql, *values)[0]


def _encoded(item: Presignature) -> SecretBytes:
    with SecretScalars.concat(item.secrets()) as both:
        return encode(both)


def _entry(row: Row) -> Entry:
    item, key, epoch, signers, batch, state, made = row
    return Entry(item, read_stock(key, epoch, signers), batch, State(state), made)


def _public(item: bytes, data: bytes) -> PublicPresignature:
    try:
        public = decode(data, MAX_PUBLIC, PublicPresignature.read)
    except EncodingError as e:
        raise CorruptError(str(e), "presignatures", item.hex()) from e
    if public.id != item:
        raise CorruptError("the public side is another presignature's", "presignatures", item.hex())
    return public
