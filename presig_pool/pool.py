"""The pool of one signer: presignatures come in, are granted to requests and burnt, each once.

Grants live in memory. So does the key that the store seals secrets with: a process that ends takes both, and
what it leaves in the file is void.
"""

import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

from ecdsa_cggmp.presignature import Presignature, PublicPresignature, batch_digest
from presig_pool.burning import Burning, Shares, Use, burn, shares_of, used
from presig_pool.errors import PoolExhausted, PresignatureTaken, PresignatureVoid
from presig_pool.grants import Grants
from presig_pool.state import Event, State, Stock, after, stock_of
from presig_pool.statistics import HOUR, Statistics
from presig_pool.store import Entry, PoolStore
from presig_pool.watermarks import DEFAULT, Watermarks
from protocol.errors import UsageError
from protocol.ids import PartyId


def _no_record(shares: Shares) -> None:
    """Write nothing down."""


class Pool:
    """A pool. Threads may share it. Times are seconds of one clock of the caller; a step back is ignored."""

    __slots__ = ("_grants", "_guard", "_now", "_store", "watermarks")

    def __init__(self, store: PoolStore, watermarks: Watermarks = DEFAULT) -> None:
        """Own a store, in which nobody else grants or burns."""
        self._store = store
        self._guard = threading.RLock()
        self._grants = Grants()
        self._now = 0
        self.watermarks = watermarks

    # in

    def add(self, batch: Sequence[Presignature], now: int) -> bytes:
        """Keep what a presigning session made, as PENDING, and zero it in memory.

        Args:
            batch: all that the session made, in its order.
            now: seconds.

        Returns:
            The digest that the signers compare.

        Raises:
            UsageError: the batch is empty or mixed, or the pool has no room for it.
            SecretReuseError: it was added before.
        """
        try:
            with self._changing(now) as time:
                stock = stock_of(batch)
                tally = self._store.tally(stock, time)
                if tally.pending + tally.ready + len(batch) > self.watermarks.room:
                    raise UsageError(f"the pool has at most {self.watermarks.room} presignatures")
                digest = batch_digest([item.public for item in batch])
                self._store.add(batch, digest, time)
                return digest
        finally:
            for secret in (secret for item in batch for secret in item.secrets()):
                secret.wipe()

    def confirm(self, batch: bytes, digests: Mapping[PartyId, bytes], now: int) -> tuple[PartyId, ...]:
        """Make a batch READY if all signers have the same, and VOID otherwise.

        Args:
            batch: its digest here.
            digests: what each signer says, over its authenticated channel.
            now: seconds.

        Returns:
            The signers who have another digest or none; empty when the batch is READY. They are not faulty:
            a session may end well for some and fail for others.

        Raises:
            UsageError: the batch is unknown or not PENDING.
            PresignatureVoid: it is void.
        """
        with self._holding(now) as time:
            entries = self._store.of_batch(batch)
            if not entries:
                raise UsageError("there is no such batch")
            for entry in entries:
                after(entry.state, Event.CONFIRM)
            self._expect_unspent(ids := [entry.id for entry in entries])
            others = tuple(j for j in entries[0].stock.signers if digests.get(j) != batch)
            if others:
                self._void(ids, "the signers had different batches")
            else:
                self._store.confirm(ids, time)
            return others

    # out

    def free(self, stock: Stock, now: int) -> tuple[bytes, ...]:
        """Return the ids of those that are READY and that no request was granted here, oldest first."""
        with self._changing(now) as time:
            taken = self._grants.holders(time)
            return tuple(item for item in self._store.ready(stock, self.watermarks.room) if item not in taken)

    def choose(
        self, stock: Stock, count: int, now: int, among: Collection[bytes] | None = None
    ) -> tuple[bytes, ...]:
        """Pick presignatures as the coordinator of a request; nothing is granted yet.

        Args:
            stock: what the request needs presignatures for.
            count: how many.
            now: seconds.
            among: ids of those that the other signers have; None for all.

        Returns:
            The ids of the oldest that are free().

        Raises:
            PoolExhausted: there are fewer.
        """
        free = [item for item in self.free(stock, now) if among is None or item in among]
        if len(free) < count:
            raise PoolExhausted(count, len(free))
        return tuple(free[:count])

    def publics(self, ids: Sequence[bytes]) -> Sequence[PublicPresignature]:
        """Return the public sides of presignatures.

        Raises:
            PresignatureVoid: one is unknown.
        """
        with self._guard:
            return self._store.publics(ids)

    def grant(
        self, stock: Stock, request: bytes, ids: Sequence[bytes], now: int
    ) -> Sequence[PublicPresignature]:
        """Give presignatures that the coordinator picked to a request, all or none; a repetition is granted.

        Args:
            stock: what the request needs presignatures for.
            request: id of the request, 32 bytes.
            ids: which, in the order of the request's inputs.
            now: seconds; a grant that is not burnt ends after watermarks.grant_seconds.

        Returns:
            The public sides, in this order.

        Raises:
            UsageError: one is named twice, is of another stock, or is PENDING.
            SecretReuseError: one was burnt by another request; this is written down.
            PresignatureTaken: one was granted to another request.
            PresignatureVoid: one is void or unknown.

        Security:
            Like burn(), it stands in no transaction of the caller's, which would take back what is written.
        """
        with self._guard:
            used(self._store, request, [(item, None) for item in ids], self._time(now))
            return self._grant(stock, request, ids, now)

    def _grant(
        self, stock: Stock, request: bytes, ids: Sequence[bytes], now: int
    ) -> Sequence[PublicPresignature]:
        with self._changing(now) as time:
            entries = self._entries(ids)
            if any(entry.stock != stock for entry in entries):
                raise UsageError("a presignature is of another key, epoch or signer set")
            taken = self._grants.holders(time)
            for entry in entries:
                self._expect_free(entry, request, taken)
            until = time + self.watermarks.grant_seconds
            self._grants.give(request, ids, until)
            return self._store.publics(ids)

    def release(self, request: bytes) -> None:
        """Take back what a request was granted and has not burnt."""
        with self._guard:
            self._grants.release(request)

    def granted(self, request: bytes) -> Sequence[Entry]:
        """Return what a request was granted and has not burnt."""
        with self._guard:
            return tuple(self._store.find(sorted(self._grants.of(request))).values())

    def withdraw(self, request: bytes, unused: Collection[bytes], now: int) -> int:
        """Take back what a request was granted, and void what a signer may have made a share with.

        Args:
            request: for which no signer will burn anything any more.
            unused: ids of those that all their signers have READY.
            now: seconds.

        Returns:
            How many were voided.
        """
        with self._holding(now):
            used = [item for item in sorted(self._grants.of(request)) if item not in unused]
            self._void(used, "its request was given up")
            self._grants.release(request)
            return len(used)

    def is_ready(self, presignature: bytes) -> bool:
        """Tell whether a presignature is READY, granted or not."""
        with self._guard:
            found = self._store.find([presignature]).get(presignature)
            return (
                found is not None and found.state is State.READY and not self._grants.is_spent(presignature)
            )

    def burn(
        self,
        request: bytes,
        uses: Sequence[Use],
        sign: Callable[[Sequence[Presignature]], Sequence[bytes]],
        now: int,
        record: Callable[[Shares], object] = _no_record,
    ) -> Shares:
        """Use presignatures: their state, the shares and the caller's record become durable together.

        Args:
            request: id of the request that was granted them.
            uses: one for each input.
            sign: makes the shares of the presignatures in their order; it runs in the transaction.
            now: seconds.
            record: writes the audit row, in the same transaction.

        Returns:
            The shares as they were stored, which may now be sent; for the same request and sighashes once
            more, those of the first time.

        Raises:
            SecretReuseError: one has made its share for another request or sighash; this is written down.
            PresignatureTaken: one is not granted to this request.
            PresignatureVoid: one is void or unknown.
            Exception: of sign, record or the store: no share exists, the presignatures are void.

        Security:
            A share leaves sign() only as its result; the call stands in no transaction of the caller's.
        """
        with self._guard:
            ids = [use.presignature for use in uses]
            wanted = [(use.presignature, use.sighash) for use in uses]
            if stored := shares_of(used(self._store, request, wanted, self._time(now))):
                return stored
            with self._changing(now) as time:
                taken = self._grants.holders(time)
                for entry in self._entries(ids):
                    after(entry.state, Event.BURN)
                    if taken.get(entry.id) != request:
                        raise PresignatureTaken("the presignature is not granted to this request")
            self._spend(ids, lambda: burn(self._store, Burning(request, uses, sign, record, self._now)))
            return shares_of(self._store.consumption(item) for item in ids)  # what is on the disk

    def _spend(self, ids: Sequence[bytes], burning: Callable[[], None]) -> None:
        """Burn, and use nothing again when that fails: a share may exist that the store does not know."""
        self._grants.spend(ids)
        try:
            burning()
        except BaseException:
            with suppress(Exception):
                self._void(ids, "a signature failed")
            raise
        self._grants.settle(ids)

    # void

    def void(self, reason: str, now: int, spared: Callable[[Stock], bool] = lambda _: False) -> int:
        """Void what is PENDING or READY, but for the stocks that are spared.

        Args:
            reason: in words, such as "the shares were refreshed".
            now: seconds.
            spared: tells which stocks stay; none by default.

        Returns:
            How many were voided.
        """
        with self._holding(now):
            return self._void([it.id for it in self._store.live() if not spared(it.stock)], reason)

    def void_before(self, key: bytes, epoch: int, now: int) -> int:
        """Void the presignatures of a key's older epochs, whose shares with new ones would reveal the key."""
        return self.void("the shares were refreshed", now, lambda it: it.key != key or it.epoch >= epoch)

    def expire(self, now: int) -> int:
        """Void what is older than watermarks.max_age, and return how many; void what failed to be, too."""
        with self._holding(now) as time:
            if spent := self._grants.spent:
                with suppress(Exception):  # it is tried again, or it would keep its room for ever
                    self._void(tuple(spent), "it failed to be burnt or voided before")
            old = self._store.live(time - self.watermarks.max_age)
            taken = self._grants.holders(time)
            return self._void([entry.id for entry in old if entry.id not in taken], "too old")

    def keep(self, stock: Stock, ids: Collection[bytes], now: int) -> int:
        """Void what is READY and not held by all signers, whose pools end with their processes.

        Args:
            stock: of which.
            ids: those that all signers have; what is granted stays, too.
            now: seconds.

        Returns:
            How many were voided.
        """
        with self._holding(now) as time:
            kept = {*ids, *self._grants.holders(time)}
            lacking = [item for item in self._ready(stock, time) if item not in kept]
            return self._void(lacking, "another signer does not have it")

    def _void(self, ids: Sequence[bytes], reason: str) -> int:
        """Void presignatures; if the store fails nobody gets them, and expire() voids them.

        Security:
            It stands in no transaction, which could take back what the pool would think settled.
        """
        self._grants.spend(ids)
        self._store.void(ids, reason)
        self._grants.settle(ids)
        return len(ids)

    def purge(self, made_before: int | None = None) -> int:
        """Forget what is void and, if that is given, was made before; see PoolStore.purge."""
        with self._guard:
            return self._store.purge(made_before)

    # figures

    def stocks(self) -> Sequence[Stock]:
        """Return all that there ever were presignatures for."""
        return self._store.stocks()

    def ready(self, stock: Stock, now: int) -> tuple[bytes, ...]:
        """Return the ids of all that are READY, granted or not, oldest first."""
        with self._changing(now) as time:
            return tuple(item for item in self._ready(stock, time) if not self._grants.is_spent(item))

    def statistics(self, stock: Stock, now: int) -> Statistics:
        """Return the figures of a stock."""
        with self._changing(now) as time:
            tally = self._store.tally(stock, time - HOUR)
            ready = self._ready(stock, time)
            taken = self._grants.holders(time)
            made = [entry.made for entry in self._store.live() if entry.stock == stock]
            return Statistics(
                pending=tally.pending,
                ready=tally.ready,
                granted=sum(item in taken for item in ready),
                burned=tally.burned,
                voided=tally.voided,
                hourly_use=tally.burned_since,
                refill_rate=tally.confirmed_since,
                oldest=max(0, time - min(made)) if made else None,
            )

    # inside

    @contextmanager
    def _changing(self, now: int) -> Iterator[int]:
        """Hold the pool and one transaction; yield the time."""
        with self._holding(now) as time, self._store.transaction():
            yield time

    @contextmanager
    def _holding(self, now: int) -> Iterator[int]:
        """Hold the pool; yield the time, which never goes back."""
        with self._guard:
            yield self._time(now)

    def _time(self, now: int) -> int:
        self._now = max(self._now, now)
        return self._now

    def _ready(self, stock: Stock, time: int) -> Sequence[bytes]:
        return self._store.ready(stock, self._store.tally(stock, time).ready)

    def _entries(self, ids: Sequence[bytes]) -> list[Entry]:
        if not ids or len(set(ids)) != len(ids):
            raise UsageError("a request uses presignatures, each once")
        found = self._store.find(ids)
        if any(item not in found for item in ids):
            raise PresignatureVoid("the presignature is not known here")
        self._expect_unspent(ids)
        return [found[item] for item in ids]

    def _expect_unspent(self, ids: Sequence[bytes]) -> None:
        if any(self._grants.is_spent(item) for item in ids):
            raise PresignatureVoid("the presignature is void: it failed to be burnt or voided")

    def _expect_free(self, entry: Entry, request: bytes, taken: Mapping[bytes, bytes]) -> None:
        if entry.state is State.BURNED:
            return  # a retry of the request that used it: others were refused before
        after(entry.state, Event.BURN)
        if taken.get(entry.id, request) != request:
            raise PresignatureTaken("the presignature was granted to another request")
