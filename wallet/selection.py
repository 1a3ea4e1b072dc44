"""Choose coins: branch and bound for a transaction without change, else a single random draw.

Sources: Murch, "An Evaluation of Coin Selection Strategies" (2016); Bitcoin Core, wallet/coinselection.cpp.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Final

from wallet.amounts import FeeRate
from wallet.coins import Coin
from wallet.errors import InsufficientFundsError, RefusedError
from wallet.fees import LONG_TERM_RATE, ChangeCost, input_fee
from wallet.script import INPUT_WEIGHT

MAX_TRIES: Final = 100_000  # Bitcoin Core, TOTAL_TRIES
# A draw goes on until its change is worth that many satoshi (Bitcoin Core, CHANGE_LOWER): small change is
# costly to spend and tells which output it is.
COMFORTABLE_CHANGE: Final = 50_000


@dataclass(frozen=True, slots=True)
class Goal:
    """What coins must pay.

    Args:
        amount: satoshi for the outputs and the fee of all but the inputs.
        rate: of the fee.
        change: what change costs.
        max_weight: weight units that the inputs may have.
        fee_from_outputs: whether the recipients pay the fee, so that a coin counts in full.
    """

    amount: int
    rate: FeeRate
    change: ChangeCost
    max_weight: int
    fee_from_outputs: bool = False

    def effective_value(self, coin: Coin) -> int:
        """Return what a coin adds, in satoshi: its value less the fee of spending it."""
        return coin.value if self.fee_from_outputs else coin.value - input_fee(coin.kind, self.rate)

    def waste(self, coin: Coin) -> int:
        """Return what it costs to spend a coin now and not one day at the long-term rate, in satoshi."""
        return input_fee(coin.kind, self.rate) - input_fee(coin.kind, LONG_TERM_RATE)


@dataclass(frozen=True, slots=True)
class Selection:
    """Chosen coins.

    Args:
        coins: those required, then the others.
        exact: whether they fit so well that what is left over goes to the fee, as change would cost more.
    """

    coins: tuple[Coin, ...]
    exact: bool


def select(candidates: Sequence[Coin], required: Sequence[Coin], goal: Goal, rng: random.Random) -> Selection:
    """Choose coins whose effective values reach an amount.

    Args:
        candidates: coins that may be spent; those that cost more than they bring are left out.
        required: coins that must be spent, none of them a candidate.
        goal: what they must pay.
        rng: for the draw.

    Raises:
        InsufficientFundsError: all together do not reach the amount.
        RefusedError: "weight": they would, but not in a standard transaction.
    """
    missing = goal.amount - sum(map(goal.effective_value, required))
    room = goal.max_weight - sum(INPUT_WEIGHT[coin.kind] for coin in required)
    if room < 0:
        raise _too_heavy()
    if missing <= 0:
        return Selection(tuple(required), exact=False)
    pool = [coin for coin in candidates if coin.value > input_fee(coin.kind, goal.rate)]
    available = sum(map(goal.effective_value, pool))
    if available < missing:
        raise InsufficientFundsError(goal.amount, goal.amount - missing + available)
    # what is left over is not the recipients' to give where they pay the fee
    exact = None if goal.fee_from_outputs else branch_and_bound(pool, missing, room, goal)
    chosen = single_random_draw(pool, missing, room, goal, rng) if exact is None else exact
    if chosen is None:
        raise _too_heavy()
    return Selection((*required, *chosen), exact is not None)


def _too_heavy() -> RefusedError:
    return RefusedError(
        "weight",
        "the transaction would have more inputs than nodes relay",
        "send less at once, or first send small coins to yourself, some at a time",
    )


@dataclass(frozen=True, slots=True)
class _Item:
    coin: Coin
    value: int  # effective
    waste: int
    weight: int


def _items(pool: Sequence[Coin], goal: Goal) -> list[_Item]:
    return [
        _Item(coin, goal.effective_value(coin), goal.waste(coin), INPUT_WEIGHT[coin.kind]) for coin in pool
    ]


def branch_and_bound(
    pool: Sequence[Coin], amount: int, max_weight: int, goal: Goal
) -> tuple[Coin, ...] | None:
    """Search the coins that reach an amount with the least waste and so closely that change would cost more.

    Depth first over all subsets, coins of large effective value first, for at most MAX_TRIES steps.

    Args:
        pool: coins of positive effective value.
        amount: satoshi that effective values must reach.
        max_weight: weight units that they may have.
        goal: rate and cost of change: what is above the amount goes to the fee.

    Returns:
        The coins; None if there are none, or none was found in time.
    """
    # among equal values the one with less waste comes first, so that a skipped twin is never the better one
    items = sorted(_items(pool, goal), key=lambda item: (-item.value, item.waste))
    return _Search(items, amount, amount + goal.change.create + goal.change.spend, max_weight).run()


class _Search:
    """The walk of branch and bound: at each step a coin is taken or left, and a branch without hope ends."""

    def __init__(self, items: Sequence[_Item], low: int, high: int, max_weight: int) -> None:
        self.items = items
        self.low = low
        self.high = high
        self.max_weight = max_weight
        self.taken: list[int] = []
        self.value = self.waste = self.weight = 0
        self.left = sum(item.value for item in items)  # effective value of what is not decided
        self.best: tuple[int, ...] | None = None
        self.best_waste = 0

    def run(self) -> tuple[Coin, ...] | None:
        index = 0
        for _ in range(MAX_TRIES):
            if self._ends_here():
                if not self.taken:
                    break
                index = self._leave_last(index)
            else:
                self._decide(index)
            index += 1
        return None if self.best is None else tuple(self.items[i].coin for i in self.best)

    def _ends_here(self) -> bool:
        """Tell whether nothing better is below, and note the coins taken if they are the best so far."""
        if self.value + self.left < self.low or self.value > self.high or self.weight > self.max_weight:
            return True
        # more coins only add waste when the rate is above the long-term one
        costly = bool(self.items) and self.items[0].waste > 0
        if self.best is not None and costly and self.waste > self.best_waste:
            return True
        if self.value < self.low:
            return False
        waste = self.waste + self.value - self.low
        if self.best is None or waste < self.best_waste:
            self.best, self.best_waste = tuple(self.taken), waste
        return True

    def _leave_last(self, index: int) -> int:
        """Go back to the coin taken last and leave it out; return its index."""
        last = self.taken.pop()
        self.left += sum(item.value for item in self.items[last + 1 : index])
        item = self.items[last]
        self.value -= item.value
        self.waste -= item.waste
        self.weight -= item.weight
        return last

    def _decide(self, index: int) -> None:
        """Take a coin, unless its twin before it was left out: that branch was seen."""
        item = self.items[index]
        self.left -= item.value
        before = self.items[index - 1] if index and index - 1 not in self.taken[-1:] else None
        if self.taken and before and (before.value, before.weight) == (item.value, item.weight):
            return
        self.taken.append(index)
        self.value += item.value
        self.waste += item.waste
        self.weight += item.weight


def single_random_draw(
    pool: Sequence[Coin], amount: int, max_weight: int, goal: Goal, rng: random.Random
) -> tuple[Coin, ...] | None:
    """Draw coins until they pay an amount and comfortable change, or what comes nearest to that.

    Args:
        pool: coins of positive effective value.
        amount: satoshi that effective values must reach.
        max_weight: weight units that they may have; above it the least valuable coins are given back.
        goal: cost of change.
        rng: for the order.

    Returns:
        The coins; None if they cannot reach the amount within the weight.
    """
    items = _items(pool, goal)
    rng.shuffle(items)
    with_change = amount + goal.change.create
    for aim in (with_change + COMFORTABLE_CHANGE, with_change + goal.change.least, amount):
        drawn = _draw(items, aim, max_weight)
        if drawn is not None:
            return drawn
    return None


def _draw(items: Sequence[_Item], aim: int, max_weight: int) -> tuple[Coin, ...] | None:
    drawn: list[tuple[int, int]] = []  # heap of effective value and place
    value = weight = 0
    for place, item in enumerate(items):
        heappush(drawn, (item.value, place))
        value += item.value
        weight += item.weight
        while weight > max_weight:
            lightest = items[heappop(drawn)[1]]
            value -= lightest.value
            weight -= lightest.weight
        if value >= aim:
            return tuple(items[kept].coin for _, kept in drawn)
    return None
