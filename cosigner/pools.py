"""The pools of a wallet whose parties are in this process: figures, the orders of a user, and the keepers."""

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from cosigner.errors import NotEnoughSignersError, UnreachableError
from cosigner.keeper import Keeper, Refilling, RefillProgress, Waiting
from cosigner.party import Party
from cosigner.presigning import Clock
from cosigner.segwit_key import SegwitKey
from cosigner.trouble import Trouble
from presig_pool.state import Stock
from presig_pool.statistics import HOUR, Statistics
from presig_pool.watermarks import Watermarks
from protocol.ids import PartyId
from storage.errors import StorageError
from storage.parties import PartyStore

_DRAINED = "drained by the user"
_NONE = Statistics(0, 0, 0, 0, 0, 0, 0, None)


@dataclass(frozen=True, slots=True)
class StockFigures:
    """What there is of a stock.

    Args:
        signers: whose presignatures they are.
        ready: how many can be used: all signers have them.
        statistics: of the signer that has the fewest.
        doing: what the keepers do for it; None if nothing.
    """

    signers: tuple[PartyId, ...]
    ready: int
    statistics: Statistics
    doing: Refilling | Waiting | None


@dataclass(frozen=True, slots=True)
class PartyFigures:
    """What a party says of its pool.

    Args:
        party: which.
        voided: how many presignatures a process that has ended has left void in its file.
        reuse_attempts: how many requests for burnt presignatures it has ever refused; 0 if its file cannot
            be read.
        trouble: why no presignatures are made for it; None if all is well.
    """

    party: PartyId
    voided: int
    reuse_attempts: int
    trouble: Trouble | None = None


@dataclass(frozen=True, slots=True)
class PoolFigures:
    """The pools of a wallet.

    Args:
        kept: whether a process has them; else there is nothing to use, only what the files say of the past.
        watermarks: of every stock.
        stocks: of the key in its present epoch, by their signers.
        parties: by their ids.
    """

    kept: bool
    watermarks: Watermarks
    stocks: tuple[StockFigures, ...]
    parties: tuple[PartyFigures, ...]


@dataclass(frozen=True, slots=True)
class _Held:
    """What the file of one party says.

    Args:
        reuse_attempts: how many there were.
        ready: ids of the presignatures of each stock.
        statistics: of each stock.
    """

    reuse_attempts: int
    ready: Mapping[Stock, frozenset[bytes]]
    statistics: Mapping[Stock, Statistics]


class PoolVerbs(Protocol):
    """What a user does with the pools of parties, wherever they are; see Pools."""

    def figures(self) -> PoolFigures:
        """Return what there is."""

    def refill(
        self, signers: Sequence[PartyId], count: int, progress: RefillProgress, *, payment: bool = False
    ) -> int:
        """Have presignatures made now."""

    def drain(self, signers: Sequence[PartyId] | None = None) -> int:
        """Void presignatures."""

    def purge(self) -> int:
        """Forget what is void."""


class Pools:
    """The pools of the parties that are unlocked. Threads may share it."""

    def __init__(
        self,
        key: SegwitKey,
        parties: Mapping[PartyId, Party],
        stores: Mapping[PartyId, PartyStore],
        clock: Clock,
        watermarks: Watermarks,
    ) -> None:
        """Look after pools.

        Args:
            key: the presignatures are for.
            parties: those that are unlocked; more may come and go.
            stores: of the same.
            clock: tells the time.
            watermarks: of every pool.
        """
        self._key, self._parties, self._stores, self._clock = key, parties, stores, clock
        self._mine = key.public_key, key.epoch
        self._watermarks = watermarks
        self._guard = threading.Lock()  # of the two below
        self._keepers: dict[PartyId, Keeper] = {}
        self._doing: dict[Stock, Refilling | Waiting] = {}
        self._told: RefillProgress = lambda _: None
        self._ending = threading.Event()  # the keepers stop, or have stopped

    @property
    def watermarks(self) -> Watermarks:
        """Of every pool."""
        return self._watermarks

    def keep_to(self, watermarks: Watermarks) -> None:
        """Fill the pools of the parties that are unlocked to other marks from now on."""
        self._watermarks = watermarks
        for party in self._parties.values():
            party.refills.pool.watermarks = watermarks

    def figures(self) -> PoolFigures:
        """Return what there is; a party whose file cannot be read has no part in any stock."""
        held, parties = dict[PartyId, _Held](), list[PartyFigures]()
        for i, store in sorted(self._stores.items()):
            keeper = self._keepers.get(i)
            trouble = None if keeper is None else keeper.trouble
            try:
                held[i] = self._held(i, store)
            except StorageError as e:
                trouble = Trouble.of(e)
            attempts = held[i].reuse_attempts if i in held else 0
            parties.append(PartyFigures(i, store.presignatures.voided, attempts, trouble))
        known = sorted({stock for it in held.values() for stock in it.statistics})
        stocks = tuple(self._stock_figures(it, held) for it in known if held.keys() >= set(it.signers))
        return PoolFigures(True, self._watermarks, stocks, tuple(parties))

    def refill(
        self, signers: Sequence[PartyId], count: int, progress: RefillProgress, *, payment: bool = False
    ) -> int:
        """Have presignatures made now, whatever the watermarks but the maximum say.

        Args:
            signers: t parties that are unlocked.
            count: how many.
            progress: told how far it is.
            payment: whether a payment takes them at once, and may need more than the maximum.

        Returns:
            How many were made: fewer if the pool would have more than its maximum, or than its room.

        Raises:
            UsageError: the count is not positive, the pool is full, or there are not t signers.
            NotEnoughSignersError: one of them is not unlocked here.
            LeaseRefused: a refill of these signers runs.
            RefillFailedError: names with whom it failed; batches before that stay.
            UnreachableError: kept() has ended; a batch that ran was finished, and no more begun.
        """
        stock = self._stock(signers)
        last: Refilling | Waiting | None = None

        def tell(record: Refilling | Waiting) -> None:
            nonlocal last
            last = record
            if self._ending.is_set() and isinstance(record, Refilling) and record.made < record.wanted:
                raise UnreachableError("what keeps the presignatures is stopping")
            self._note(record)
            progress(record)

        try:
            return self._keeper(self._leader(stock)).refill(stock, count, tell, payment=payment)
        finally:
            with self._guard:
                if last is not None and self._doing.get(stock) is last:
                    del self._doing[stock]  # it failed before its end

    def drain(self, signers: Sequence[PartyId] | None = None) -> int:
        """Void all presignatures, or those of some signers, so that none can be used; return how many."""
        only = None if signers is None else self._key.stock(signers)
        drained = [stock for stock in self._stocks() if only in (None, stock)]
        return sum(max(self._void(stock)) for stock in drained)

    def _void(self, stock: Stock) -> list[int]:
        """Void a stock; return how many that were at each of its signers."""
        now = self._clock()
        pools = [self._parties[i].refills.pool for i in stock.signers]
        return [pool.void(_DRAINED, now, lambda other: other != stock) for pool in pools]

    def purge(self) -> int:
        """Forget what is void, and leave no trace of it in the files; return how many rows went."""
        return sum(party.refills.pool.purge() for party in self._parties.values())

    @contextmanager
    def kept(
        self, groups: Iterable[Sequence[PartyId]], told: RefillProgress = lambda _: None
    ) -> Iterator[None]:
        """Keep the stocks of groups of signers filled during a block; a batch that runs is finished after it.

        Args:
            groups: t unlocked parties each.
            told: how far refills are and what they wait for, from any thread.

        Raises:
            UsageError: one is not t parties of the wallet.
            NotEnoughSignersError: a party is not unlocked here.
        """
        stocks = [self._stock(group) for group in groups]
        members = sorted({i for stock in stocks for i in stock.signers})
        self._told = told
        self._keepers = {i: self._new_keeper(i, stocks) for i in members}
        stop = self._ending = threading.Event()
        threads = [
            threading.Thread(target=keeper.run, args=(stop,), name=f"keeper of party {i}")
            for i, keeper in self._keepers.items()
        ]
        try:
            for thread in threads:
                thread.start()
            yield
        finally:
            stop.set()
            for thread in threads:
                if thread.ident is not None:
                    thread.join()
            self._doing.clear()

    # ---- inside ----

    def _stock(self, signers: Sequence[PartyId]) -> Stock:
        """Return the stock of signers who are all unlocked here."""
        if missing := sorted(set(signers) - set(self._parties)):
            names = ", ".join(map(str, missing))
            raise NotEnoughSignersError(f"party {names} is not where the presignatures of the others are")
        return self._parties[min(signers)].refills.stock(signers)

    def _stocks(self) -> list[Stock]:
        """Return the stocks of the present epoch that all their signers are unlocked for."""
        known = {stock for party in self._parties.values() for stock in party.refills.pool.stocks()}
        here = set(self._parties)
        return sorted(it for it in known if (it.key, it.epoch) == self._mine and here.issuperset(it.signers))

    def _held(self, party: PartyId, store: PartyStore) -> _Held:
        pool, now = self._parties[party].refills.pool, self._clock()
        stocks = [stock for stock in pool.stocks() if (stock.key, stock.epoch) == self._mine]
        return _Held(
            store.reuse_log().count,
            {stock: frozenset(pool.ready(stock, now)) for stock in stocks},
            {stock: pool.statistics(stock, now) for stock in stocks},
        )

    def _stock_figures(self, stock: Stock, held: Mapping[PartyId, _Held]) -> StockFigures:
        of = [held[i] for i in stock.signers]
        common = frozenset.intersection(*(it.ready.get(stock, frozenset()) for it in of))
        fewest = min((it.statistics.get(stock, _NONE) for it in of), key=lambda it: it.ready)
        return StockFigures(stock.signers, len(common), fewest, self._doing.get(stock))

    def _leader(self, stock: Stock) -> PartyId:
        """Return who leads a refill now: who has the lease, else the first."""
        first = stock.signers[0]
        lease = self._parties[first].refills.lease(stock)
        return first if lease is None or lease.until <= self._clock() else lease.leader

    def _keeper(self, party: PartyId) -> Keeper:
        with self._guard:
            if party not in self._keepers:
                self._keepers[party] = self._new_keeper(party, ())
            return self._keepers[party]

    def _new_keeper(self, party: PartyId, stocks: Iterable[Stock]) -> Keeper:
        return Keeper(self._parties[party].refills, self._parties, stocks, self._clock, self._note)

    def _note(self, record: Refilling | Waiting) -> None:
        self._told(record)
        with self._guard:
            if isinstance(record, Refilling) and record.made == record.wanted:
                self._doing.pop(record.stock, None)
            else:
                self._doing[record.stock] = record


def past_figures(
    key: SegwitKey, stores: Mapping[PartyId, PartyStore], watermarks: Watermarks, now: int
) -> PoolFigures:
    """Return what the files of parties say of pools that no process has: nothing in them can be used.

    Args:
        key: the presignatures were for.
        stores: of all parties, sealed or not.
        watermarks: of every pool that there will be.
        now: Unix seconds.
    """
    past: dict[tuple[PartyId, ...], Statistics] = {}
    parties = []
    for i, store in sorted(stores.items()):
        tallies = store.presignature_tallies(now - HOUR)
        for stock, tally in tallies.items():
            if (stock.key, stock.epoch) == (key.public_key, key.epoch):
                voided = tally.voided + tally.pending + tally.ready
                past[stock.signers] = Statistics(
                    0, 0, 0, tally.burned, voided, tally.burned_since, tally.confirmed_since, None
                )
        left = sum(tally.pending + tally.ready for tally in tallies.values())
        parties.append(PartyFigures(i, left, store.reuse_log().count))
    stocks = tuple(StockFigures(signers, 0, it, None) for signers, it in sorted(past.items()))
    return PoolFigures(False, watermarks, stocks, tuple(parties))
