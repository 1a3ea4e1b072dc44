"""What to refill, as a pure function of what a signer sees; the keeper does it.

Every signer of a stock takes part in a presigning session, and every one of them lends its consent to one
leader at a time: two leaders cannot both have that of all.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from presig_pool.errors import LeaseRefused
from presig_pool.state import Stock
from presig_pool.watermarks import DEFAULT, Watermarks
from protocol.errors import UsageError
from protocol.ids import Epoch, PartyId

LEASE_SECONDS: Final = 120  # longer than a presigning session takes
BACK_OFF_SECONDS: Final = 15
MAX_BACK_OFF_SECONDS: Final = 3600


# leases


@dataclass(frozen=True, slots=True)
class Lease:
    """A signer's consent to the leader of a stock's refill.

    Args:
        stock: what is refilled.
        leader: one of its signers.
        fence: number of the lease; one with a smaller number than the last is refused.
        until: seconds; the lease ends then.
    """

    stock: Stock
    leader: PartyId
    fence: int
    until: int


def leader_at(stock: Stock, held: Lease | None, now: int, me: PartyId) -> tuple[PartyId, int]:
    """Return who is to lead, and under which fence: every signer in turn, until one renews its lease.

    Args:
        stock: what is refilled.
        held: the last lease that this signer knows; None before there was one.
        now: seconds.
        me: this signer; one who is no signer of the stock never leads it.

    Raises:
        UsageError: the lease is of another stock.
    """
    if me not in stock.signers or (held is not None and held.stock != stock):
        raise UsageError("a lease is of another stock")
    if held is None:
        return stock.signers[0], 0
    if now < held.until:
        return held.leader, held.fence
    fence = held.fence + 1 + (now - held.until) // LEASE_SECONDS
    return stock.signers[fence % len(stock.signers)], fence


def claim(stock: Stock, held: Lease | None, now: int, me: PartyId) -> Lease:
    """Return the lease to ask for out of turn, when the user of this signer orders a refill.

    Args:
        stock: what is refilled.
        held: the last lease that any signer knows; None before there was one.
        now: seconds.
        me: this signer.

    Raises:
        LeaseRefused: another leader has a lease.
    """
    if held is None or held.until <= now:
        return Lease(stock, me, 0 if held is None else held.fence + 1, now + LEASE_SECONDS)
    if held.leader != me:
        raise LeaseRefused(f"party {held.leader} leads the refill")
    return held


def lend(held: Lease | None, asked: Lease, epoch: Epoch, now: int) -> Lease:
    """Consent to a leader, as one of the signers.

    Args:
        held: the lease that this signer lent last for the stock, for as long as the process runs.
        asked: what the leader, known by its channel, asks for; its end is not believed.
        epoch: of the key's shares now.
        now: seconds.

    Returns:
        The lease to hold and to answer with.

    Raises:
        LeaseRefused: the epoch is over, another leader has a lease, or the fence is not newer.
    """
    stock = asked.stock
    if stock.epoch != epoch or asked.leader not in stock.signers:
        raise LeaseRefused("the refill is of another epoch, or its leader is no signer")
    if held is not None:
        if held.stock != stock:
            raise UsageError("a lease is of another stock")
        renewed = (asked.leader, asked.fence) == (held.leader, held.fence)
        if now < held.until and not renewed:
            raise LeaseRefused(f"party {held.leader} leads the refill")
        if now >= held.until and asked.fence <= held.fence:
            raise LeaseRefused("the lease is over")
    return Lease(stock, asked.leader, asked.fence, now + LEASE_SECONDS)


# back-off


@dataclass(frozen=True, slots=True)
class BackOff:
    """A peer, or a set of signers, with which refills failed.

    Args:
        failures: how many one after the other.
        until: seconds; no refill with the peer, or of these signers, before.
    """

    failures: int
    until: int


BackOffs = Mapping[PartyId | Stock, BackOff]  # of a peer: of all stocks with it; of a stock: of it alone


def longer(before: BackOff | None, now: int) -> BackOff:
    """Return the back-off after one more failure: twice as long each time, up to an hour.

    Args:
        before: the last one; None after a success.
        now: seconds.
    """
    failures = 1 if before is None else before.failures + 1
    wait = min(BACK_OFF_SECONDS << min(failures - 1, 20), MAX_BACK_OFF_SECONDS)
    return BackOff(failures, now + wait)


def after_abort(
    backoffs: BackOffs, stock: Stock, blamed: Iterable[PartyId], me: PartyId, now: int
) -> BackOffs:
    """Return the back-offs after a refill failed; see longer().

    Args:
        backoffs: those before.
        stock: what was refilled.
        blamed: whose failure it is alone. Security: a suspect may be honest, and its other stocks do not
            wait because one of their signers has spoiled this one.
        me: this signer.
        now: seconds.

    Returns:
        Those before, and those of the blamed; that of the stock alone when no other signer is blamed.
    """
    peers = {j for j in blamed if j in stock.signers and j != me}
    causes: tuple[PartyId | Stock, ...] = tuple(sorted(peers)) or (stock,)
    return {**backoffs, **{cause: longer(backoffs.get(cause), now) for cause in causes}}


def after_success(backoffs: BackOffs, stock: Stock) -> BackOffs:
    """Return the back-offs after a refill succeeded: none for its signers, nor for it."""
    return {cause: held for cause, held in backoffs.items() if cause != stock and cause not in stock.signers}


def waits_until(backoffs: BackOffs, stock: Stock, me: PartyId) -> int:
    """Return the second before which a stock is not refilled; 0 if nothing has failed."""
    causes: tuple[PartyId | Stock, ...] = (stock, *(j for j in stock.signers if j != me))
    return max((backoffs[cause].until for cause in causes if cause in backoffs), default=0)


# the plan


@dataclass(frozen=True, slots=True)
class Depth:
    """What there is of a stock.

    Args:
        ready: how many can be used.
        pending: how many wait for the agreement of all signers.
        running: how many the orders that run make.
        wanted: how many more the user asked for, whatever the watermarks say.
    """

    ready: int
    pending: int = 0
    running: int = 0
    wanted: int = 0

    @property
    def expected(self) -> int:
        """How many there are when everything goes well."""
        return self.ready + self.pending + self.running


@dataclass(frozen=True, slots=True)
class Order:
    """One presigning session to run.

    Args:
        stock: what to make presignatures for.
        count: how many.
        fence: of the lease under which to ask the other signers.
    """

    stock: Stock
    count: int
    fence: int


@dataclass(frozen=True, slots=True)
class View:
    """What one signer sees.

    Args:
        me: the signer.
        now: seconds.
        depths: of every stock of the present epoch that is to be kept filled.
        leases: the last one of each stock, if there was one.
        backoffs: of peers and of stocks.
        signing: the parties that are signing now, or are about to.
        watermarks: of every stock.
    """

    me: PartyId
    now: int
    depths: Mapping[Stock, Depth]
    leases: Mapping[Stock, Lease] = field(default_factory=dict)
    backoffs: BackOffs = field(default_factory=dict)
    signing: frozenset[PartyId] = frozenset()
    watermarks: Watermarks = DEFAULT


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do, and why not more.

    Args:
        orders: one after the other, the stock that is emptiest first.
        waiting: until when a short stock waits after failures.
    """

    orders: tuple[Order, ...]
    waiting: Mapping[Stock, int]


def plan_refill(view: View) -> Plan:
    """Plan the refills that this signer leads.

    A refill begins below the low watermark and orders all that is missing to the target; while one of the
    stock runs there is no other, and none begins while a signer of the stock signs.
    """
    orders: list[Order] = []
    waiting: dict[Stock, int] = {}
    for stock, depth in sorted(view.depths.items(), key=lambda item: (item[1].expected, item[0])):
        missing = _missing(depth, view.watermarks)
        if not missing or depth.running or view.me not in stock.signers:
            continue
        if view.now < (until := waits_until(view.backoffs, stock, view.me)):
            waiting[stock] = until
            continue
        leader, fence = leader_at(stock, view.leases.get(stock), view.now, view.me)
        if leader == view.me and not view.signing & set(stock.signers):
            orders.extend(Order(stock, count, fence) for count in _batches(missing, view.watermarks.batch))
    return Plan(tuple(orders), waiting)


def _missing(depth: Depth, marks: Watermarks) -> int:
    wanted = marks.target - depth.expected if depth.expected < marks.low else 0
    return max(0, min(max(wanted, depth.wanted), marks.max - depth.expected))


def _batches(count: int, batch: int) -> list[int]:
    return [batch] * (count // batch) + ([count % batch] if count % batch else [])
