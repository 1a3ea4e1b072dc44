"""What the transactions of a wallet amount to: its coins, balance and history."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Self

from wallet.account import KeyPath
from wallet.amounts import Sats
from wallet.coins import Balance, Coin
from wallet.conflicts import COINBASE, Settlement, settle, spends
from wallet.errors import UnknownError
from wallet.history import HistoryEntry, Status
from wallet.script_index import BranchId, Owner, ScriptIndex
from wallet.store import StoredTransaction, WalletStore
from wallet.tx import OutPoint, Transaction, Txid, TxOut, show_txid


@dataclass(frozen=True, slots=True)
class GapWarning:
    """An address too far from the one used before: a wallet restored elsewhere may not look there.

    Args:
        owner: the address.
        distance: to the one used before; more than the gap limit.
    """

    owner: Owner
    distance: int


@dataclass(frozen=True, slots=True)
class Ledger:
    """The state of a wallet as its transactions tell it.

    Args:
        index: the wallet's scripts.
        tip: height of the chain; -1 before the first sync.
        coins: all outputs of the wallet's, also spent ones, whose transaction stands.
        entries: the transactions that pay the wallet or spend from it, by id, oldest first. The store may
            have others, which a node watched beyond the gap limit.
        next_index: for each branch the index that the next address has.
        received: for each address the transactions that stand and pay it: more than one is reuse.
        gap_warnings: addresses that were used or handed out beyond the gap limit.
    """

    index: ScriptIndex
    tip: int
    coins: Mapping[OutPoint, Coin]
    entries: Mapping[Txid, HistoryEntry]
    next_index: Mapping[BranchId, int]
    received: Mapping[Owner, tuple[Txid, ...]]
    gap_warnings: tuple[GapWarning, ...]

    @classmethod
    def load(cls, index: ScriptIndex, store: WalletStore) -> Self:
        """Read the state of a wallet that was synced before.

        Args:
            index: of the wallet's accounts; it is extended as needed.
            store: the wallet's.

        Raises:
            StorageError: the store cannot be read.
        """
        point = store.sync_point()
        handed_out = {branch_id: store.next_index(*branch_id) for branch_id in index.ends}
        tip = -1 if point is None else point.height
        return cls.of(index, store.transactions(), tip, store.frozen(), handed_out)

    @classmethod
    def of(
        cls,
        index: ScriptIndex,
        stored: Sequence[StoredTransaction],
        tip: int,
        frozen: AbstractSet[OutPoint] = frozenset(),
        handed_out: Mapping[BranchId, int] | None = None,
    ) -> Self:
        """Work out the state of a wallet, linear in its transactions.

        Args:
            index: of the wallet's accounts; it is extended as needed.
            stored: the wallet's transactions, in any order.
            tip: height of the chain they were read from.
            frozen: coins that must not be spent.
            handed_out: next index of each branch as the store has it; 0 where it is missing.
        """
        handed_out = handed_out or {}
        index.cover(handed_out, {out.script_pubkey for each in stored for out in each.tx.outputs})
        settlement = settle(stored)
        standing = {each.tx.txid for each in settlement.standing}
        book = _Book(index, settlement, standing, tip, frozen, _own_outputs(index, stored))
        used = _used(book.outputs.values())
        next_index = {b: max(handed_out.get(b, 0), max(used[b], default=-1) + 1) for b in index.ends}
        return cls(
            index,
            tip,
            book.coins(),
            {each.tx.txid: book.entry(each) for each in sorted(stored, key=_age) if book.concerns(each.tx)},
            next_index,
            book.received(),
            tuple(_gap_warnings(used, next_index, index.gap)),
        )

    def balance(self, account: int | None = None) -> Balance:
        """Return the balance of the wallet, or of one account by its index."""
        coins = self.coins.values()
        return Balance.of(coin for coin in coins if account in (None, coin.owner.account))

    @property
    def unspent(self) -> tuple[Coin, ...]:
        """The coins that nothing spends."""
        return tuple(coin for coin in self.coins.values() if coin.spent_by is None)

    @property
    def reused(self) -> tuple[Owner, ...]:
        """Addresses that more than one transaction pays."""
        return tuple(owner for owner, txids in self.received.items() if len(txids) > 1)

    def coin(self, outpoint: OutPoint) -> Coin:
        """Return a coin.

        Raises:
            UnknownError: the wallet has none there.
        """
        try:
            return self.coins[outpoint]
        except KeyError as e:
            raise UnknownError(f"the wallet has no coin {outpoint}", "list its coins, or sync first") from e

    def entry(self, txid: Txid) -> HistoryEntry:
        """Return a transaction.

        Raises:
            UnknownError: the wallet has none of that id.
        """
        try:
            return self.entries[txid]
        except KeyError as e:
            raise UnknownError(
                f"the wallet has no transaction {show_txid(txid)}", "it may be a draft, or of another wallet"
            ) from e


@dataclass(frozen=True, slots=True)
class _Book:
    index: ScriptIndex
    settlement: Settlement
    standing: AbstractSet[Txid]
    tip: int
    frozen: AbstractSet[OutPoint]
    outputs: Mapping[OutPoint, tuple[TxOut, Owner]]  # of all transactions, also of those that do not stand

    def coins(self) -> dict[OutPoint, Coin]:
        coins: dict[OutPoint, Coin] = {}
        for stored in self.settlement.standing:  # parents first: a coin knows whether its parents are own
            own = self._is_own(stored, coins)
            for outpoint in _outpoints(stored.tx):
                if outpoint in self.outputs:
                    coins[outpoint] = self._coin(outpoint, stored, own)
        return coins

    def _is_own(self, stored: StoredTransaction, coins: Mapping[OutPoint, Coin]) -> bool:
        parents = [coins.get(txin.prevout) for txin in stored.tx.inputs]
        return all(coin is not None and (coin.height is not None or coin.own) for coin in parents)

    def _coin(self, outpoint: OutPoint, stored: StoredTransaction, own: bool) -> Coin:
        out, owner = self.outputs[outpoint]
        return Coin(
            outpoint,
            out,
            self.index.accounts[owner.account].kind,
            owner,
            None if stored.block is None else stored.block.height,
            self._confirmations(stored),
            own,
            stored.in_mempool or stored.block is not None,
            stored.tx.inputs[0].prevout == COINBASE,
            outpoint in self.frozen,
            self.settlement.spent_by.get(outpoint),
        )

    def _confirmations(self, stored: StoredTransaction) -> int:
        return 0 if stored.block is None else max(0, self.tip - stored.block.height + 1)

    def received(self) -> dict[Owner, tuple[Txid, ...]]:
        received: dict[Owner, dict[Txid, None]] = defaultdict(dict)
        for outpoint, (_, owner) in self.outputs.items():
            if outpoint.txid in self.standing:
                received[owner][outpoint.txid] = None
        return {owner: tuple(txids) for owner, txids in received.items()}

    def concerns(self, tx: Transaction) -> bool:
        return any(coin in self.outputs for coin in (*spends(tx), *_outpoints(tx)))

    def entry(self, stored: StoredTransaction) -> HistoryEntry:
        tx = stored.tx
        spent = [self.outputs[coin][0].value for coin in spends(tx) if coin in self.outputs]
        gained = sum(self.outputs[coin][0].value for coin in _outpoints(tx) if coin in self.outputs)
        funded = len(spent) == len(tx.inputs)
        return HistoryEntry(
            tx,
            self._status(stored),
            gained - sum(spent),
            Sats(sum(spent) - sum(out.value for out in tx.outputs)) if funded else None,
            self._confirmations(stored),
            stored.block,
            stored.first_seen,
            stored.own,
            self._replaced_by(stored),
        )

    def _replaced_by(self, stored: StoredTransaction) -> Txid | None:
        if stored.tx.txid in self.standing:
            return None
        return self.settlement.replaced_by.get(stored.tx.txid) or stored.replaced_by

    def _status(self, stored: StoredTransaction) -> Status:
        if stored.tx.txid not in self.standing:
            return Status.DROPPED if self._replaced_by(stored) is None else Status.REPLACED
        if stored.block is not None:
            return Status.CONFIRMED
        return Status.MEMPOOL if stored.in_mempool else Status.PENDING


def _outpoints(tx: Transaction) -> Iterator[OutPoint]:
    return (OutPoint(tx.txid, i) for i in range(len(tx.outputs)))


def _own_outputs(
    index: ScriptIndex, stored: Sequence[StoredTransaction]
) -> dict[OutPoint, tuple[TxOut, Owner]]:
    outputs = {}
    for each in stored:
        for outpoint, out in zip(_outpoints(each.tx), each.tx.outputs, strict=True):
            owner = index.find(out.script_pubkey)
            if owner is not None:
                outputs[outpoint] = (out, owner)
    return outputs


def _age(stored: StoredTransaction) -> tuple[float, int]:
    height = float("inf") if stored.block is None else stored.block.height
    return height, stored.first_seen


def _used(outputs: Iterable[tuple[TxOut, Owner]]) -> dict[BranchId, set[int]]:
    """Return the indices of each branch that were paid, also by a transaction that no longer stands."""
    used: dict[BranchId, set[int]] = defaultdict(set)
    for _, owner in outputs:
        used[owner.branch_id].add(owner.path.index)
    return used


def _gap_warnings(
    used: Mapping[BranchId, set[int]], next_index: Mapping[BranchId, int], gap: int
) -> Iterator[GapWarning]:
    for (account, branch), end in next_index.items():
        before = -1
        for index in sorted({*used.get((account, branch), ()), end - 1}):
            if index - before > gap:
                yield GapWarning(Owner(account, KeyPath(branch, index)), index - before)
            before = index
