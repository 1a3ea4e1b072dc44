"""Replace an unconfirmed transaction (BIP-125): bump its fee, or take the payment back."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Self

from wallet.account import Branch
from wallet.amounts import FeeRate, Sats
from wallet.chain.base import MempoolEntry
from wallet.coins import Coin
from wallet.errors import InsufficientFundsError, RefusedError, UnknownError
from wallet.fees import INCREMENTAL_RATE
from wallet.history import HistoryEntry, Status
from wallet.script_index import Owner
from wallet.spending.basis import Basis, CoinControl
from wallet.spending.draft import Draft, Plan, finish, planned_vsize, vsize
from wallet.spending.fund import Order, fund
from wallet.tx import OutPoint, Transaction, Txid, TxOut, show_txid

MAX_REPLACED: Final = 100  # BIP-125 rule 5

_ANY_COIN: Final = CoinControl()
_ATTEMPTS: Final = 10


def bump(
    basis: Basis,
    txid: Txid,
    rate: FeeRate | None = None,
    entry: MempoolEntry | None = None,
    *,
    control: CoinControl = _ANY_COIN,
    shrink: int | None = None,
) -> Draft:
    """Build a transaction that pays the same recipients at a higher fee.

    It spends the same coins and takes the fee from the change; if that does not suffice, it adds confirmed
    coins.

    Args:
        basis: what it is built on.
        txid: what to replace.
        rate: what the new one pays; None for the least that nodes accept.
        entry: what the mempool knows of the old one; None if it is not there.
        control: which coins may be added.
        shrink: index of the output that pays the difference instead, such as that of a send-all.

    Raises:
        UnknownError: there is no such transaction, coin or output.
        RefusedError: "confirmed", "replaced", "not-ours", "not-signalling" or "descendants": it cannot be
            replaced; "replacement-fee": the rate is too low, and the hint names one that is not; or as send.
        InsufficientFundsError: there are not coins enough.
    """
    original = _Original.of(basis, txid, entry)
    if shrink is not None:
        return finish(basis, _outbid(basis, original, rate, lambda r: _shrunk(original, shrink, r)))
    coins = original.coins + tuple(_confirmed(control.required(basis.ledger)))
    candidates = tuple(coin for coin in control.candidates(basis.ledger) if coin.height is not None)
    pools = basis.undrafted_first(candidates)

    def plan(r: FeeRate) -> Plan:
        return fund(basis, Order(original.recipients, r, coins, pools, original.change_owner))

    return finish(basis, _outbid(basis, original, rate, plan))


def cancel(basis: Basis, txid: Txid, rate: FeeRate | None = None, entry: MempoolEntry | None = None) -> Draft:
    """Build a transaction that takes the coins of an unconfirmed one back to the wallet.

    Args:
        basis: what it is built on.
        txid: what to replace.
        rate: what the new one pays; None for the least that nodes accept.
        entry: what the mempool knows of the old one; None if it is not there.

    Raises:
        UnknownError: there is no such transaction.
        RefusedError: as bump.
        InsufficientFundsError: the coins are not worth the fee.
    """
    original = _Original.of(basis, txid, entry)

    def plan(r: FeeRate) -> Plan:
        return fund(basis, Order((), r, original.coins, ((),), original.change_owner))

    return finish(basis, _outbid(basis, original, rate, plan))


@dataclass(frozen=True, slots=True)
class _Original:
    """What is replaced.

    Args:
        tx: the transaction.
        coins: what it spends.
        fee: satoshi that it pays.
        evicted: satoshi that it and what spends from it pay: these leave the mempool with it.
        change: index of its change, and where that goes.
    """

    tx: Transaction
    coins: tuple[Coin, ...]
    fee: int
    evicted: int
    change: tuple[int, Owner] | None

    @classmethod
    def of(cls, basis: Basis, txid: Txid, entry: MempoolEntry | None) -> Self:
        ledger = basis.ledger
        known = ledger.entry(txid)
        fee = _expect_replaceable(known)
        _expect_no_descendants(basis, known, entry)
        coins = tuple(ledger.coins[txin.prevout] for txin in known.tx.inputs)
        evicted = fee if entry is None else max(fee, entry.descendant_fee)
        return cls(known.tx, coins, fee, evicted, _change(basis, known.tx))

    @property
    def recipients(self) -> tuple[TxOut, ...]:
        outputs = enumerate(self.tx.outputs)
        return tuple(out for i, out in outputs if self.change is None or i != self.change[0])

    @property
    def change_owner(self) -> Owner | None:
        return None if self.change is None else self.change[1]

    def least_fee(self, size: int) -> int:
        """Return what a replacement of so many virtual bytes pays at least.

        As much as all that it evicts and the relay of itself (BIP-125 rules 3 and 4), and a higher rate than
        the one that it replaces (Bitcoin Core, PaysMoreThanConflicts).
        """
        outbids = self.fee * size // self.tx.vsize + 1
        return max(self.evicted + INCREMENTAL_RATE.fee(size), outbids)

    def least_rate(self, size: int) -> FeeRate:
        return FeeRate(-(-self.least_fee(size) * 1000 // size))


def _expect_replaceable(known: HistoryEntry) -> int:
    """Return the fee of a transaction that can be replaced."""
    name = show_txid(known.tx.txid)
    if known.status is Status.CONFIRMED:
        raise RefusedError("confirmed", f"the transaction {name} is confirmed")
    if known.status in (Status.REPLACED, Status.DROPPED):
        by = "" if known.replaced_by is None else f"by {show_txid(known.replaced_by)}: look at that one"
        raise RefusedError("replaced", f"the transaction {name} is {known.status.value} already", by)
    if known.fee is None:
        raise RefusedError(
            "not-ours", f"the transaction {name} spends coins of others", "CPFP can speed it up"
        )
    if not known.tx.signals_rbf:
        raise RefusedError(
            "not-signalling", f"the transaction {name} does not allow its replacement", "CPFP can speed it up"
        )
    return known.fee


def _expect_no_descendants(basis: Basis, known: HistoryEntry, entry: MempoolEntry | None) -> None:
    """Refuse to evict another transaction of the wallet, or more than nodes evict."""
    name = show_txid(known.tx.txid)
    for i in range(len(known.tx.outputs)):
        coin = basis.ledger.coins.get(OutPoint(known.tx.txid, i))
        if coin is not None and coin.spent_by is not None:
            raise RefusedError(
                "descendants",
                f"{show_txid(coin.spent_by)} spends from the transaction {name} and would be lost with it",
                "bump or cancel that one",
            )
    if entry is not None and entry.descendant_count > MAX_REPLACED:
        raise RefusedError("descendants", f"more than {MAX_REPLACED} transactions depend on {name}")


def _change(basis: Basis, tx: Transaction) -> tuple[int, Owner] | None:
    """Return the last output on a change branch of the wallet: it makes one at most."""
    change = None
    for i, out in enumerate(tx.outputs):
        owner = basis.ledger.index.find(out.script_pubkey)
        if owner is not None and owner.path.branch is Branch.CHANGE:
            change = i, owner
    return change


def _confirmed(coins: tuple[Coin, ...]) -> tuple[Coin, ...]:
    for coin in coins:
        if coin.height is None:
            raise RefusedError(
                "replacement-unconfirmed",
                f"the coin {coin.outpoint} is unconfirmed, and a replacement must not add such ones",
                "wait for it, or use others",
            )
    return coins


def _outbid(basis: Basis, original: _Original, rate: FeeRate | None, make: Callable[[FeeRate], Plan]) -> Plan:
    """Make a plan at a rate, or at the least one that replaces the original.

    Raises:
        RefusedError: "replacement-fee".
    """
    attempts = 1
    if rate is None:
        attempts = _ATTEMPTS
        scripts = [out.script_pubkey for out in original.tx.outputs]
        rate = original.least_rate(vsize(original.coins, scripts))
    for _ in range(attempts):
        plan = make(rate)
        size = planned_vsize(basis, plan)
        if plan.fee >= original.least_fee(size):
            return replace(plan, replaces=original.tx.txid)
        # another number of inputs or outputs needs another rate
        rate = max(original.least_rate(size), FeeRate(rate.sat_per_kvb + 1))
    raise RefusedError(
        "replacement-fee",
        f"a fee of {plan.fee} sat is too low: a replacement takes {original.least_fee(size)} sat",
        f"pay {rate} or more",
    )


def _shrunk(original: _Original, index: int, rate: FeeRate) -> Plan:
    """Return the original with an output that pays for the higher rate."""
    outputs = original.tx.outputs
    if not 0 <= index < len(outputs):
        raise UnknownError(f"the transaction has no output {index}")
    fee = rate.fee(vsize(original.coins, [out.script_pubkey for out in outputs]))
    left = outputs[index].value + original.fee - fee
    if left < 0:
        raise InsufficientFundsError(fee, outputs[index].value + original.fee)
    shrunk = list(outputs)
    shrunk[index] = replace(outputs[index], value=Sats(left))
    if original.change is None:
        return Plan(original.coins, tuple(shrunk), Sats(0), original.coins[0].owner.account)
    position, owner = original.change
    change = shrunk.pop(position)
    return Plan(original.coins, tuple(shrunk), change.value, owner.account, owner)
