"""The transactions of the mempool as a graph: who spends from whom, and what a block takes first."""

import heapq
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Self

from wallet.amounts import Sats
from wallet.chain.base import MempoolEntry
from wallet.chain.embedded.index import Coin
from wallet.tx import OutPoint, Transaction, Txid


@dataclass(frozen=True, slots=True)
class Entry:
    """A transaction of the mempool.

    Args:
        tx: the transaction.
        spent: the coins of its inputs, in their order.
        fee: satoshi.
        weight: its weight units.
        vsize: its virtual bytes as policy counts them.
        sigops: cost of its signature operations (BIP-141).
        first_seen: Unix seconds.
    """

    tx: Transaction
    spent: tuple[Coin, ...]
    fee: Sats
    weight: int
    vsize: int
    sigops: int
    first_seen: int


class Pool:
    """The mempool; iterating it gives parents before children."""

    def __init__(self) -> None:
        self.entries: dict[Txid, Entry] = {}
        self._spenders: dict[OutPoint, Txid] = {}

    def copy(self) -> Self:
        """Return a pool that may be changed without a trace in this one."""
        other = type(self)()
        other.entries = dict(self.entries)
        other._spenders = dict(self._spenders)
        return other

    def become(self, other: Self) -> None:
        """Take over what another pool has."""
        self.entries, self._spenders = other.entries, other._spenders

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries.values())

    def add(self, entry: Entry) -> None:
        """Add a transaction whose unconfirmed parents are here and which conflicts with nothing here."""
        self.entries[entry.tx.txid] = entry
        for txin in entry.tx.inputs:
            self._spenders[txin.prevout] = entry.tx.txid

    def remove(self, txids: Iterable[Txid]) -> None:
        """Take transactions out; their descendants must be among them, or they are confirmed."""
        for txid in txids:
            for txin in self.entries.pop(txid).tx.inputs:
                del self._spenders[txin.prevout]

    def confirm(self, txs: Iterable[Transaction]) -> None:
        """Take out what a block has, and what conflicts with it."""
        for tx in txs:
            if tx.txid in self.entries:
                self.remove([tx.txid])
            else:
                self.remove(self.descendants(self.conflicts(tx)))

    def conflicts(self, tx: Transaction) -> set[Txid]:
        """Return the transactions that spend what another one spends too, without itself."""
        found = {self._spenders.get(txin.prevout) for txin in tx.inputs}
        return {txid for txid in found if txid is not None and txid != tx.txid}

    def parents(self, tx: Transaction) -> set[Txid]:
        """Return the transactions here whose outputs a transaction spends."""
        return {txin.prevout.txid for txin in tx.inputs if txin.prevout.txid in self.entries}

    def children(self, tx: Transaction) -> set[Txid]:
        """Return the transactions here that spend outputs of a transaction."""
        found = (self._spenders.get(OutPoint(tx.txid, i)) for i in range(len(tx.outputs)))
        return {txid for txid in found if txid is not None}

    def ancestors(self, tx: Transaction) -> set[Txid]:
        """Return the unconfirmed transactions that a transaction builds on, without itself."""
        found: set[Txid] = set()
        waiting = list(self.parents(tx))
        while waiting:
            txid = waiting.pop()
            if txid not in found:
                found.add(txid)
                waiting.extend(self.parents(self.entries[txid].tx))
        return found

    def descendants(self, txids: Iterable[Txid]) -> set[Txid]:
        """Return transactions with all that build on them."""
        found: set[Txid] = set()
        waiting = list(txids)
        while waiting:
            txid = waiting.pop()
            if txid not in found:
                found.add(txid)
                waiting.extend(self.children(self.entries[txid].tx))
        return found

    def fee(self, txids: Iterable[Txid]) -> Sats:
        """Return the sum of fees, satoshi."""
        return Sats(sum(self.entries[txid].fee for txid in txids))

    def vsize(self, txids: Iterable[Txid]) -> int:
        """Return the sum of virtual bytes."""
        return sum(self.entries[txid].vsize for txid in txids)

    def describe(self, txid: Txid) -> MempoolEntry | None:
        """Return what others ask of a transaction; None if it is not here."""
        entry = self.entries.get(txid)
        if entry is None:
            return None
        ancestors = self.ancestors(entry.tx) | {txid}
        descendants = self.descendants([txid])
        return MempoolEntry(
            vsize=entry.vsize,
            fee=entry.fee,
            ancestor_vsize=self.vsize(ancestors),
            ancestor_fee=self.fee(ancestors),
            descendant_count=len(descendants),
            descendant_fee=self.fee(descendants),
        )

    def select(self, max_weight: int, max_sigops: int) -> list[Entry]:
        """Choose what a block takes: best fee rate with ancestors first (Bitcoin Core, addPackageTxs).

        Args:
            max_weight: weight units that are free.
            max_sigops: cost of signature operations that is free.

        Returns:
            Entries, parents before children.
        """
        chosen: dict[Txid, Entry] = {}
        order = itertools.count()
        queue = [(-self._rate(e, chosen), next(order), e) for e in self]
        heapq.heapify(queue)
        while queue:
            rate, _, entry = heapq.heappop(queue)
            if entry.tx.txid in chosen or -rate != self._rate(entry, chosen):
                continue  # chosen with a descendant, or queued again when an ancestor was
            package = self._missing(entry, chosen)
            weight, sigops = sum(e.weight for e in package), sum(e.sigops for e in package)
            if weight > max_weight or sigops > max_sigops:
                continue
            max_weight, max_sigops = max_weight - weight, max_sigops - sigops
            chosen.update((e.tx.txid, e) for e in package)
            for txid in self.descendants(e.tx.txid for e in package) - chosen.keys():
                after = self.entries[txid]
                heapq.heappush(queue, (-self._rate(after, chosen), next(order), after))
        return list(chosen.values())

    def _missing(self, entry: Entry, chosen: dict[Txid, Entry]) -> list[Entry]:
        """Return a transaction with its ancestors that a block does not have yet, parents first."""
        missing = (self.ancestors(entry.tx) | {entry.tx.txid}) - chosen.keys()
        # a parent has fewer ancestors than its child
        return sorted((self.entries[txid] for txid in missing), key=lambda e: len(self.ancestors(e.tx)))

    def _rate(self, entry: Entry, chosen: dict[Txid, Entry]) -> Fraction:
        package = (self.ancestors(entry.tx) | {entry.tx.txid}) - chosen.keys()
        return Fraction(self.fee(package), self.vsize(package))
