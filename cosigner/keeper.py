"""The keeper of a party: it keeps stocks of presignatures filled, at a lower priority than signatures.

It plans (presig_pool.refill), leads (cosigner.refilling) and waits: for another leader, for signatures, after
aborts for who is to blame or for that set of signers, and when its own side fails (cosigner.trouble).
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Final

from cosigner.errors import RefillFailedError
from cosigner.presigning import Clock, Signer
from cosigner.priority import yield_to_others
from cosigner.refilling import Leader, RefillPeer, Seen
from cosigner.trouble import STORE_FAILURES, OwnSide, Trouble, tell_unexpected
from presig_pool.errors import LeaseRefused
from presig_pool.refill import (
    LEASE_SECONDS,
    BackOffs,
    Depth,
    Order,
    View,
    after_abort,
    after_success,
    claim,
    plan_refill,
    waits_until,
)
from presig_pool.state import Stock
from protocol.errors import UsageError
from protocol.ids import PartyId

POLL_SECONDS: Final = 5.0  # between two looks at the stocks
VOID_SECONDS: Final = 86_400  # that void presignatures are kept for who wonders why they are void
PURGE_SECONDS: Final = 3600  # between two looks for older ones
PATIENCE_SECONDS: Final = 60  # with signers that sign without a pause
_SLICE: Final = 0.1


@dataclass(frozen=True, slots=True)
class Refilling:
    """How far a refill is.

    Args:
        stock: what is refilled.
        batch: how many batches are done.
        batches: of how many.
        made: how many presignatures are ready.
        wanted: of how many.
        seconds: that it has taken.
    """

    stock: Stock
    batch: int
    batches: int
    made: int
    wanted: int
    seconds: float

    @property
    def per_second(self) -> float:
        """Presignatures made in a second; 0 before the first batch."""
        return self.made / self.seconds if self.made and self.seconds else 0.0

    @property
    def seconds_left(self) -> float | None:
        """Seconds until the refill is done; None before the first batch."""
        return (self.wanted - self.made) / self.per_second if self.per_second else None


@dataclass(frozen=True, slots=True)
class Waiting:
    """Why a refill does not go on.

    Args:
        stock: what is not refilled.
        peers: with whom it failed; it proves nothing about them.
        until: Unix seconds; it is not tried before.
        reason: in words.
    """

    stock: Stock
    peers: tuple[PartyId, ...]
    until: int
    reason: str


RefillProgress = Callable[[Refilling | Waiting], None]


@dataclass(frozen=True, slots=True)
class _UserOrder:
    """What a user orders.

    Args:
        stock: what for.
        count: how many.
        most: how many there may be.
        progress: told how far it is.
    """

    stock: Stock
    count: int
    most: int
    progress: RefillProgress


class Keeper:
    """Keeps stocks of one party filled. Threads may share it; it runs one refill at a time."""

    def __init__(
        self,
        signer: Signer,
        peers: Mapping[PartyId, RefillPeer],
        stocks: Iterable[Stock],
        clock: Clock,
        progress: RefillProgress,
    ) -> None:
        """Keep stocks.

        Args:
            signer: the party's own.
            peers: all parties of the key, this one among them.
            stocks: which to keep filled; those of other signers are kept by others.
            clock: tells the time.
            progress: told what run() does.
        """
        self._signer, self._peers, self._stocks = signer, peers, tuple(stocks)
        self._clock, self._progress = clock, progress
        self._one = threading.Lock()
        self._home = OwnSide()
        self._backoffs: BackOffs = {}
        self._signing_since: dict[PartyId, int] = {}
        self._purged = 0

    @property
    def trouble(self) -> Trouble | None:
        """Why it does nothing, or did not when it tried last; None if all is well on its own side."""
        return self._home.trouble

    def run(self, stop: threading.Event) -> None:
        """Keep the stocks filled until told to stop; lowers the priority of the thread for good.

        It ends by itself when the party's file is lost to this process, but not with an error of the
        program: that is told (tell_unexpected), and it tries again after a rest.

        Args:
            stop: set by another thread; a batch that is being made is finished first.
        """
        yield_to_others()
        while not stop.is_set() and not self._home.lost:
            try:
                self.tend(stop)
            except Exception as e:
                tell_unexpected(e)
                with self._one:
                    self._home.failed(e, self._clock())
            stop.wait(POLL_SECONDS)

    def tend(self, stop: threading.Event) -> None:
        """Look at all stocks once, and run the refills that are due and that this party leads.

        Raises:
            Exception: an error of the program.
        """
        with self._one:
            if self._home.rests(self._clock()):
                return
            try:
                self._tend(stop)
            except STORE_FAILURES as e:
                self._home.failed(e, self._clock())
            except RefillFailedError as e:  # at home: others are waited for
                self._home.failed(self._own(e) or e, self._clock())
            else:
                self._home.works()

    def _tend(self, stop: threading.Event) -> None:
        self._signer.expire()
        self._purge(self._clock())
        seen: dict[Stock, Seen] = {}
        for stock in self._due():
            with self._attempt(stock):
                seen[stock] = self._look(stock)
        now = self._clock()
        plan = plan_refill(
            View(
                me=self._signer.id,
                now=now,
                depths={stock: Depth(len(look.common), look.pending) for stock, look in seen.items()},
                leases={stock: look.lease for stock, look in seen.items() if look.lease is not None},
                backoffs=self._backoffs,
                signing=self._signing(seen.values(), now),
                watermarks=self._signer.pool.watermarks,
            )
        )
        for stock, orders in groupby(plan.orders, key=lambda order: order.stock):
            with self._attempt(stock):
                self._refill(seen[stock], list(orders), stop, self._progress)

    def refill(
        self, stock: Stock, count: int, progress: RefillProgress | None = None, *, payment: bool = False
    ) -> int:
        """Have presignatures made now, whoever's turn it is, and whatever the watermarks but the maximum say.

        Args:
            stock: what for; this party is one of its signers.
            count: how many.
            progress: told how far it is.
            payment: whether a payment takes them at once, and may need more than the maximum.

        Returns:
            How many were made: fewer if the stock would have more than its maximum, or than its room.

        Raises:
            UsageError: the count is not positive, or the stock is full or of others.
            LeaseRefused: another signer leads a refill of it.
            RefillFailedError: names with whom it failed; batches before that stay.
        """
        if count < 1:
            raise UsageError("a refill makes one presignature or more")
        stop = threading.Event()
        with ThreadPoolExecutor(1, "keeper", initializer=yield_to_others) as thread:
            marks = self._signer.pool.watermarks
            most = marks.room if payment else marks.max
            order = _UserOrder(stock, count, most, progress or self._progress)
            running = thread.submit(self._ordered, order, stop)
            try:
                return running.result()
            except BaseException:
                stop.set()  # the user has had enough: what runs is finished, and no more begun
                raise

    def _ordered(self, order: _UserOrder, stop: threading.Event) -> int:
        with self._one:
            stock, me, now = order.stock, self._signer.id, self._clock()
            marks = replace(self._signer.pool.watermarks, low=1, target=1, max=order.most)
            seen = self._leader(stock).look(now)
            lease = claim(stock, seen.lease, now, me)
            depth = Depth(len(seen.common), seen.pending, wanted=order.count)
            orders = plan_refill(View(me, now, {stock: depth}, {stock: lease}, watermarks=marks)).orders
            if not orders:
                raise UsageError(f"the pool has at most {order.most} presignatures of these signers")
            try:
                return self._refill(seen, orders, stop, order.progress)
            except RefillFailedError as e:
                if (own := self._own(e)) is None:
                    self._back_off(stock, e)
                else:
                    self._home.failed(own, self._clock())
                raise

    def _refill(
        self, seen: Seen, orders: Sequence[Order], stop: threading.Event, progress: RefillProgress
    ) -> int:
        """Make batches for one stock, one after the other; return how many presignatures were made."""
        stock, fence, start = orders[0].stock, orders[0].fence, time.monotonic()
        leader, wanted, made = self._leader(stock), sum(order.count for order in orders), 0
        if not seen.in_order:
            leader.lend(fence)
            leader.keep(fence, seen.common)
        for number, order in enumerate(orders):
            progress(Refilling(stock, number, len(orders), made, wanted, time.monotonic() - start))
            self._yield(stop)
            if stop.is_set():
                return made
            leader.make(fence, order.count)
            made += order.count
        progress(Refilling(stock, len(orders), len(orders), made, wanted, time.monotonic() - start))
        self._backoffs = after_success(self._backoffs, stock)
        self._home.works()
        return made

    def _yield(self, stop: threading.Event) -> None:
        """Wait until the party does not sign; not for ever, or a busy party would run out."""
        until = time.monotonic() + PATIENCE_SECONDS
        while self._signer.signing and time.monotonic() < until and not stop.wait(_SLICE):
            pass

    def _purge(self, now: int) -> None:
        """Forget what has been void for long: nobody fills the disk with it."""
        if not 0 <= now - self._purged < PURGE_SECONDS:
            self._signer.pool.purge(now - VOID_SECONDS)
            self._purged = now

    def _due(self) -> list[Stock]:
        """Return the own stocks that do not wait after failures."""
        me, now = self._signer.id, self._clock()
        own = [stock for stock in self._stocks if me in stock.signers]
        return [stock for stock in own if now >= waits_until(self._backoffs, stock, me)]

    def _look(self, stock: Stock) -> Seen:
        """Ask the signers of a stock what they have, and renew the lease of this party."""
        leader, now = self._leader(stock), self._clock()
        seen = leader.look(now)
        lease = seen.lease
        mine = lease is not None and lease.leader == self._signer.id
        if lease is not None and mine and 0 < lease.until - now < LEASE_SECONDS // 2:
            leader.lend(lease.fence)
        return seen

    @contextmanager
    def _attempt(self, stock: Stock) -> Iterator[None]:
        """Go on when work with peers fails, and wait with those with whom it does.

        Raises:
            RefillFailedError: it is the party's own file that fails.
        """
        try:
            yield
        except LeaseRefused as e:
            self._progress(Waiting(stock, (), self._clock(), str(e)))
        except RefillFailedError as e:
            if self._own(e) is not None:
                raise
            self._progress(self._back_off(stock, e))

    def _own(self, error: RefillFailedError) -> Exception | None:
        """Return what failed if it was the party's own file."""
        cause = error.__cause__
        return cause if error.named == {self._signer.id} and isinstance(cause, STORE_FAILURES) else None

    def _back_off(self, stock: Stock, error: RefillFailedError) -> Waiting:
        me = self._signer.id
        self._backoffs = after_abort(self._backoffs, stock, error.blamed, me, self._clock())
        others = tuple(j for j in stock.signers if j != me)
        named = tuple(j for j in others if j in error.named) or others
        return Waiting(stock, named, waits_until(self._backoffs, stock, me), str(error))

    def _signing(self, seen: Iterable[Seen], now: int) -> frozenset[PartyId]:
        """Return who signs now, and not without a pause for longer than a refill can wait."""
        signing = {j for look in seen for j, held in look.holdings.items() if held.signing}
        self._signing_since = {j: self._signing_since.get(j, now) for j in signing}
        return frozenset(j for j, since in self._signing_since.items() if now - since < PATIENCE_SECONDS)

    def _leader(self, stock: Stock) -> Leader:
        return Leader(self._signer, self._peers, stock)
