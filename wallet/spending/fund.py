"""Choose coins for outputs and a fee, and decide on the change."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from wallet.account import Account
from wallet.amounts import FeeRate, Sats
from wallet.coins import Coin
from wallet.errors import InsufficientFundsError, RefusedError
from wallet.fees import ChangeCost, fee_without_inputs, input_fee, to_vsize, transaction_weight
from wallet.script import ScriptType
from wallet.script_index import Owner
from wallet.selection import Goal, Selection, select
from wallet.spending.basis import Basis
from wallet.spending.draft import CHANGE_SCRIPT, Plan, vsize
from wallet.tx import MAX_STANDARD_WEIGHT, TxOut

_NOTHING: Final = Sats(0)
_COUNT_SLACK: Final = 8  # weight units of a count of more than 252 inputs


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be paid, and what with.

    Args:
        recipients: who gets what; without any all comes back as change.
        rate: of the fee.
        required: coins that must be spent.
        pools: coins that may be; a later pool is looked at only if those before do not suffice.
        change_owner: where change goes; None for a new address.
        extra_fee: satoshi above the rate.
        fee_from: indices of recipients who pay the fee in equal parts.
    """

    recipients: tuple[TxOut, ...]
    rate: FeeRate
    required: tuple[Coin, ...]
    pools: tuple[tuple[Coin, ...], ...]
    change_owner: Owner | None = None
    extra_fee: Sats = _NOTHING
    fee_from: frozenset[int] = frozenset()

    @property
    def amount(self) -> int:
        """Satoshi of all recipients."""
        return sum(out.value for out in self.recipients)

    @property
    def scripts(self) -> list[bytes]:
        """The scripts of the recipients."""
        return [out.script_pubkey for out in self.recipients]


def fund(basis: Basis, order: Order) -> Plan:
    """Choose coins and decide on the change.

    Raises:
        InsufficientFundsError: the coins do not suffice.
        RefusedError: "weight".
    """
    *first, last = order.pools
    for pool in first:
        try:
            return _fund_from(basis, order, pool)
        except (InsufficientFundsError, RefusedError):
            continue
    return _fund_from(basis, order, last)


def _fund_from(basis: Basis, order: Order, pool: Sequence[Coin]) -> Plan:
    account = _change_account(basis.accounts, order, order.required or pool)
    goal = _goal(order, basis.accounts[account].kind)
    try:
        selection = select(pool, order.required, goal, basis.rng)
    except InsufficientFundsError:
        everything = _everything(order, pool)
        if everything is None:
            raise
        selection = everything
    if order.recipients:
        # where all comes back, the amount was reckoned with this account already
        account = _change_account(basis.accounts, order, selection.coins)
    kind = basis.accounts[account].kind
    if order.fee_from:
        return _less_fee(order, selection.coins, account, kind)
    change = _change(order, selection, kind)
    return Plan(selection.coins, order.recipients, change, account, order.change_owner)


def _everything(order: Order, pool: Sequence[Coin]) -> Selection | None:
    """Return all coins that are worth their spending, if together they pay all without change.

    A selection rounds up the fee of each coin by itself, and may miss by these few satoshi.
    """
    worth = (coin for coin in pool if coin.value > input_fee(coin.kind, order.rate))
    coins = (*order.required, *worth)
    if not order.recipients:
        return None
    weight = transaction_weight([coin.kind for coin in coins], order.scripts)
    fee = order.rate.fee(to_vsize(weight)) + order.extra_fee
    if weight > MAX_STANDARD_WEIGHT or sum(coin.value for coin in coins) < order.amount + fee:
        return None
    return Selection(coins, exact=True)


def _change_account(accounts: Sequence[Account], order: Order, coins: Sequence[Coin]) -> int:
    """Return the account that most coins are of; of equals, the one that is cheaper to spend from.

    Change of the type of the inputs does not tell itself apart by its type.
    """
    if order.change_owner is not None:
        return order.change_owner.account
    counts = Counter(coin.owner.account for coin in coins)
    return max(counts, key=lambda i: (counts[i], accounts[i].kind is ScriptType.P2TR, -i), default=0)


def _goal(order: Order, kind: ScriptType) -> Goal:
    script = CHANGE_SCRIPT[kind]
    cost = ChangeCost.of(kind, script, order.rate)
    max_weight = MAX_STANDARD_WEIGHT - transaction_weight([], [*order.scripts, script]) - _COUNT_SLACK
    if order.fee_from:
        # the recipients pay for the change too
        return Goal(
            order.amount, order.rate, replace(cost, create=Sats(0)), max_weight, fee_from_outputs=True
        )
    least = 0 if order.recipients else cost.least
    fee = fee_without_inputs(order.scripts or [script], order.rate) + order.extra_fee
    return Goal(order.amount + least + fee, order.rate, cost, max_weight)


def _change(order: Order, selection: Selection, kind: ScriptType) -> Sats:
    """Return what comes back, 0 where it is not worth an output."""
    script = CHANGE_SCRIPT[kind]
    fee = order.rate.fee(vsize(selection.coins, [*order.scripts, script])) + order.extra_fee
    change = sum(coin.value for coin in selection.coins) - order.amount - fee
    dropped = selection.exact and order.recipients
    if dropped or change < ChangeCost.of(kind, script, order.rate).least:
        return Sats(0)
    return Sats(change)


def _less_fee(order: Order, coins: tuple[Coin, ...], account: int, kind: ScriptType) -> Plan:
    """Return a plan in which recipients get less, by equal parts of the fee; the first pays what is left."""
    script = CHANGE_SCRIPT[kind]
    change = Sats(sum(coin.value for coin in coins) - order.amount)
    spare = 0
    fee = order.rate.fee(vsize(coins, [*order.scripts, script]))
    if change < ChangeCost.of(kind, script, order.rate).least:
        spare, change = change, Sats(0)
        fee = order.rate.fee(vsize(coins, order.scripts))
    part, rest = divmod(max(0, fee - spare), len(order.fee_from))
    recipients = list(order.recipients)
    for i in sorted(order.fee_from):
        less = part + rest
        rest = 0
        if recipients[i].value < less:
            raise InsufficientFundsError(less, recipients[i].value, "the recipient gets less than the fee")
        recipients[i] = replace(recipients[i], value=Sats(recipients[i].value - less))
    return Plan(coins, tuple(recipients), change, account)
