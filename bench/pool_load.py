"""A pool under load in simulated time: the real Pool in a party's file, plan_refill, and a given refill rate.

Requests and refills come at times of a clock that stands still while they are worked on: the pool has every
row written and every presignature burnt, and only presigning itself is left out.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Final

from comparison.depths import Recording, Sample
from presig_pool.burning import Use
from presig_pool.errors import PoolExhausted
from presig_pool.pool import Pool
from presig_pool.refill import BackOffs, Depth, Order, View, after_abort, plan_refill
from presig_pool.watermarks import DEFAULT
from protocol.ids import PartyId
from storage.parties import PartyStore
from tests.presig_pool.samples import NOW, batch, digest, signer, stock
from tests.storage.cheap import cheap_passphrases
from tests.storage.samples import phrase

STEP: Final = 0.1  # seconds
ME: Final = PartyId(0)
PEER: Final = PartyId(1)


@dataclass(frozen=True)
class Phase:
    """A part of the run.

    Args:
        name: what happens.
        seconds: how long.
        requests: in a second.
        inputs: of each request.
        peer: whether the other signer answers.
    """

    name: str
    seconds: float
    requests: float = 0
    inputs: int = 1
    peer: bool = True


PHASES: Final = (
    Phase("first fill", 10),
    Phase("4 inputs a second", 25, 4),
    Phase("one of 70 inputs", 15, 0.1, 70),
    Phase("40 inputs a second", 12, 40),
    Phase("quiet", 8),
    Phase("peer away", 25, 5, peer=False),
    Phase("peer back", 20, 5),
)


class Load:
    """A run.

    Args:
        store: of party 0.
        per_minute: presignatures that presigning makes.
    """

    def __init__(self, store: PartyStore, per_minute: float) -> None:
        self.pool = Pool(store.presignatures)
        self.per_minute = per_minute
        self.backoffs: BackOffs = {}
        self.orders: list[Order] = []
        self.busy_until = 0.0
        self.signed = self.short = 0
        self._batches, self._requests = count(1), count(1)

    def run(self) -> Iterator[Sample]:
        """Go through the phases."""
        start = 0.0
        for phase in PHASES:
            due = 0.0
            for step in range(round(phase.seconds / STEP)):
                seconds = start + step * STEP
                self._refill(seconds, peer=phase.peer)
                due += phase.requests * STEP
                while due >= 1 - 1e-9:
                    due -= 1
                    self._request(phase.inputs, seconds)
                ready = self.pool.statistics(stock(), NOW + int(seconds)).ready
                yield Sample(round(seconds, 1), ready, self.signed, self.short, int(bool(self.orders)))
            start += phase.seconds

    def _request(self, inputs: int, seconds: float) -> None:
        now, request = NOW + int(seconds), digest(next(self._requests))
        try:
            ids = self.pool.choose(stock(), inputs, now)
        except PoolExhausted:
            self.short += inputs
            return
        self.pool.grant(stock(), request, ids, now)
        self.pool.burn(request, [Use(item, request) for item in ids], signer(*[request] * inputs), now)
        self.signed += inputs

    def _refill(self, seconds: float, *, peer: bool) -> None:
        """Begin, finish or give up a batch."""
        now = NOW + int(seconds)
        if self.orders and not peer:
            self.orders.clear()
            self.backoffs = after_abort(self.backoffs, stock(), [PEER], ME, now)
        if self.orders and seconds >= self.busy_until:
            self._finish(self.orders.pop(0), now)
            self._begin(seconds)
        if not self.orders:
            depth = Depth(self.pool.statistics(stock(), now).ready)
            plan = plan_refill(View(ME, now, {stock(): depth}, backoffs=self.backoffs))
            self.orders = list(plan.orders)
            self._begin(seconds)

    def _begin(self, seconds: float) -> None:
        if self.orders:
            self.busy_until = seconds + self.orders[0].count * 60 / self.per_minute

    def _finish(self, order: Order, now: int) -> None:
        made = batch(next(self._batches), order.count, me=ME)
        label = self.pool.add(made, now)
        self.pool.confirm(label, {ME: label, PEER: label}, now)


def simulated(directory: Path, per_minute: float) -> Recording:
    """Run the load on a new party's file.

    Args:
        directory: for the file.
        per_minute: presignatures that presigning makes.
    """
    with cheap_passphrases():
        store = PartyStore.create(directory / "party" / "party.db", ME, phrase())
    with store:
        samples = tuple(Load(store, per_minute).run())
    title = f"A pool under a simulated load, refilled at {per_minute:.0f} presignatures a minute"
    return Recording(title, DEFAULT, samples)
