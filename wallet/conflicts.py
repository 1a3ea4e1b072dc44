"""Which of a wallet's transactions stand, where several spend the same coin."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from wallet.store import StoredTransaction
from wallet.tx import OutPoint, Transaction, Txid

COINBASE: Final = OutPoint(Txid(bytes(32)), 0xFFFFFFFF)  # what the input of a coinbase spends


def spends(tx: Transaction) -> tuple[OutPoint, ...]:
    """Return the coins that a transaction spends; the input of a coinbase spends none."""
    return tuple(txin.prevout for txin in tx.inputs if txin.prevout != COINBASE)


class Standing(IntEnum):
    """What speaks for a transaction; the greater one wins a coin."""

    GONE = 0  # nobody has it any more: another's that left the mempool, or one that was replaced
    PENDING = 1  # ours, not in the mempool; it is sent again
    MEMPOOL = 2
    CONFIRMED = 3

    @classmethod
    def of(cls, stored: StoredTransaction) -> "Standing":
        """Return what speaks for a transaction by itself."""
        if stored.block is not None:
            return cls.CONFIRMED
        if stored.in_mempool:
            return cls.MEMPOOL
        return cls.PENDING if stored.own and stored.replaced_by is None else cls.GONE


@dataclass(frozen=True, slots=True)
class Settlement:
    """The outcome of all conflicts.

    Args:
        standing: the transactions that stand, each after those that it spends from. One that spends from
            another of the wallet's that does not stand falls with it.
        spent_by: what spends each coin, among those that stand.
        replaced_by: for each of the others that lost a coin, or spends from one that did, who took the coin.
    """

    standing: tuple[StoredTransaction, ...]
    spent_by: Mapping[OutPoint, Txid]
    replaced_by: Mapping[Txid, Txid]


def settle(stored: Sequence[StoredTransaction]) -> Settlement:
    """Decide which transactions stand: confirmed ones, then those in the mempool, then our later ones.

    Linear in the number of inputs but for a sort by time.

    Args:
        stored: the transactions of a wallet, in any order.
    """
    standing: list[StoredTransaction] = []
    fallen: set[Txid] = set()
    spent_by: dict[OutPoint, Txid] = {}
    replaced_by: dict[Txid, Txid] = {}
    for candidate in parents_first(stored):
        txid, coins = candidate.tx.txid, spends(candidate.tx)
        winner = next(filter(None, (spent_by.get(c) or replaced_by.get(c.txid) for c in coins)), None)
        if winner is not None:
            replaced_by[txid] = winner
        if winner or Standing.of(candidate) is Standing.GONE or any(c.txid in fallen for c in coins):
            fallen.add(txid)
        else:
            standing.append(candidate)
            spent_by.update((coin, txid) for coin in coins)
    return Settlement(tuple(standing), spent_by, replaced_by)


def parents_first(stored: Sequence[StoredTransaction]) -> Iterator[StoredTransaction]:
    """Yield the strongest first, but each after those that it spends from."""
    by_txid = {each.tx.txid: each for each in stored}
    stack = sorted(by_txid.values(), key=_strength)
    done: set[Txid] = set()
    while stack:
        each = stack[-1]
        before = {coin.txid for coin in spends(each.tx)} - done if each.tx.txid not in done else set()
        parents = [by_txid[txid] for txid in before if txid in by_txid]
        if parents:
            stack.extend(parents)
            continue
        stack.pop()
        if each.tx.txid not in done:
            done.add(each.tx.txid)
            yield each


def _strength(stored: StoredTransaction) -> tuple[Standing, bool, int, Txid]:
    # a bump may follow within the second: what is said to be replaced is the older one
    return Standing.of(stored), stored.replaced_by is None, stored.first_seen, stored.tx.txid
