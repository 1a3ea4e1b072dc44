"""Bring a wallet's store up to date with the chain, and send what is to be in the mempool."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from wallet.account import Account
from wallet.chain.base import Block, ChainBackend, Changes, Watch
from wallet.conflicts import parents_first, settle, spends
from wallet.descriptor import Descriptor
from wallet.errors import ChainError, ChainRefusedError
from wallet.history import Status
from wallet.ledger import Ledger
from wallet.script_index import BranchId, ScriptIndex
from wallet.store import StoredTransaction, WalletStore
from wallet.tx import OutPoint, Transaction, Txid

# A node looks through all blocks again whenever it is to watch more: it is told so many addresses at once.
WATCH_STEP: Final = 100
MAX_ADDRESSES: Final = 1_000_000  # of a branch; a backend that invents use ever further out is stopped there

_Known: TypeAlias = dict[Txid, StoredTransaction]


@dataclass(frozen=True, slots=True)
class StatusChange:
    """A transaction that is elsewhere than before.

    Args:
        txid: of the transaction.
        before: where it was; None if it is new.
        after: where it is.
    """

    txid: Txid
    before: Status | None
    after: Status


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What a sync has changed.

    Args:
        tip: the block up to which the chain was read.
        changes: the transactions that are new or elsewhere, oldest first.
        resent: ours that the mempool had lost and has taken again.
        refused: ours that it did not take, with its reason; they are sent again at the next sync.
    """

    tip: Block
    changes: tuple[StatusChange, ...]
    resent: tuple[Txid, ...]
    refused: Mapping[Txid, str]


def sync(
    chain: ChainBackend, store: WalletStore, index: ScriptIndex, wallet: str, *, full: bool = False
) -> SyncReport:
    """Read what happened on the chain since the last time, and send again what the mempool has lost.

    All changes of the store become durable together.

    Args:
        chain: the backend.
        store: the wallet's.
        index: of the wallet's accounts; it is extended to the gap limit beyond what was used. The backend
            watches more: what it tells beyond the gap limit is kept, but does not count.
        wallet: name under which the backend keeps what is watched.
        full: whether to read all again from the birth on.

    Raises:
        ChainError: the backend failed; the store is as it was, or as after a sync that sent nothing.
        StorageError: the store failed; it is as it was.
    """
    old = Ledger.load(index, store)
    changes = _read(chain, store, index, wallet, full=full)
    handed_out = {branch_id: store.next_index(*branch_id) for branch_id in index.ends}
    with store.transaction():
        # read again: another process may have added a transaction in the meantime
        before = _by_txid(store.transactions())
        after = _merge(before, changes)
        store.put_transactions([each for txid, each in after.items() if before.get(txid) != each])
        ledger = Ledger.of(index, tuple(after.values()), changes.tip.height, handed_out=handed_out)
        for branch_id, next_index in ledger.next_index.items():
            if next_index > handed_out[branch_id]:
                store.raise_index(*branch_id, next_index)
        store.set_sync_point(changes.tip)
    resent, refused = _send_again(chain, store, after)
    return SyncReport(changes.tip, _compare(old, ledger), resent, refused)


def publish(chain: ChainBackend, store: WalletStore, tx: Transaction, now: int) -> None:
    """Send a transaction of ours. It is stored first, so that none that is in the mempool is unknown here.

    Args:
        chain: the backend.
        store: the wallet's.
        tx: signed. Unconfirmed ones that spend the same coins count as replaced by it.
        now: Unix seconds.

    Raises:
        ChainRefusedError: the mempool does not take it: it is given up.
        ChainError: the backend failed; the transaction is sent at the next sync.
        StorageError: the store failed.
    """
    known = _by_txid(store.transactions())
    mine = known.get(tx.txid) or StoredTransaction(tx, None, now, own=True, in_mempool=False)
    if mine.block is not None:
        return
    mine = replace(mine, tx=tx, own=True, replaced_by=None)
    coins = set(spends(tx))
    rivals = [each for each in known.values() if _is_rival(each, tx, coins)]
    with store.transaction():
        store.put_transactions([mine, *(replace(each, replaced_by=tx.txid) for each in rivals)])
    try:
        chain.broadcast([tx])
    except ChainRefusedError:
        with store.transaction():
            store.put_transactions([replace(mine, own=False), *rivals])
        raise
    gone = [replace(each, replaced_by=tx.txid, in_mempool=False) for each in rivals]
    with store.transaction():
        store.put_transactions([replace(mine, in_mempool=True), *gone])


def _is_rival(stored: StoredTransaction, tx: Transaction, coins: set[OutPoint]) -> bool:
    return stored.block is None and stored.tx.txid != tx.txid and not coins.isdisjoint(spends(stored.tx))


def _by_txid(stored: Iterable[StoredTransaction]) -> _Known:
    return {each.tx.txid: each for each in stored}


def _read(chain: ChainBackend, store: WalletStore, index: ScriptIndex, wallet: str, *, full: bool) -> Changes:
    """Return what happened to all scripts, after as many rounds as their use takes."""
    before = _by_txid(store.transactions())
    handed_out = {branch_id: store.next_index(*branch_id) for branch_id in index.ends}
    point = None if full else store.sync_point()
    since = None if point is None else point.hash
    index.cover(handed_out, _scripts(before.values()))
    ahead = index.gap
    ends = {branch_id: _watched(end + ahead) for branch_id, end in index.ends.items()}
    while True:
        chain.watch(wallet, _watches(index.accounts, ends), min(a.birth for a in index.accounts))
        changes = chain.changes(since)
        index.cover(handed_out, _scripts(_merge(before, changes).values()))
        grown = {branch_id: end for branch_id, end in index.ends.items() if end > ends[branch_id]}
        if not grown:
            return changes
        # What is watched only from now on may have been used long ago. Looking further ahead each time keeps
        # the number of rounds small for a wallet of many addresses.
        if max(grown.values()) > MAX_ADDRESSES:
            raise ChainError(f"{chain.name} tells of more than {MAX_ADDRESSES} addresses of this wallet")
        since = None
        ahead *= 2
        ends |= {branch_id: _watched(end + ahead) for branch_id, end in grown.items()}


def _watched(end: int) -> int:
    return -(-end // WATCH_STEP) * WATCH_STEP


def _scripts(stored: Iterable[StoredTransaction]) -> set[bytes]:
    return {out.script_pubkey for each in stored for out in each.tx.outputs}


def _watches(accounts: Sequence[Account], ends: Mapping[BranchId, int]) -> list[Watch]:
    return [
        Watch(Descriptor.of(accounts[account]).branch(branch), bool(branch), end)
        for (account, branch), end in ends.items()
    ]


def _merge(before: Mapping[Txid, StoredTransaction], changes: Changes) -> _Known:
    """Return all transactions as the chain has them now."""
    fork = -1 if changes.fork is None else changes.fork.height
    merged = {
        txid: each
        if each.block is not None and each.block.height <= fork
        else replace(each, block=None, in_mempool=False)
        for txid, each in before.items()
    }
    for seen in changes.seen:
        old = merged.get(seen.tx.txid)
        own, first_seen = (old.own, old.first_seen) if old else (False, seen.first_seen)
        # while it is not confirmed, one of ours that was to replace it is still to be sent
        replaced_by = old.replaced_by if old and seen.block is None else None
        # the id says nothing of witnesses, and ours hold: they are what is sent again
        tx = old.tx if old and own else seen.tx
        merged[tx.txid] = StoredTransaction(tx, seen.block, first_seen, own, True, replaced_by)
    for loser, winner in settle(tuple(merged.values())).replaced_by.items():
        if merged[winner].replaced_by != loser:
            merged[loser] = replace(merged[loser], replaced_by=winner)
    return merged


def _compare(old: Ledger, new: Ledger) -> tuple[StatusChange, ...]:
    before = {txid: entry.status for txid, entry in old.entries.items()}
    after = {txid: entry.status for txid, entry in new.entries.items()}
    return tuple(
        StatusChange(txid, before.get(txid), status)
        for txid, status in after.items()
        if before.get(txid) is not status
    )


def _send_again(
    chain: ChainBackend, store: WalletStore, known: _Known
) -> tuple[tuple[Txid, ...], dict[Txid, str]]:
    lost = [each for each in known.values() if _is_lost(each)]
    taken: list[StoredTransaction] = []
    refused: dict[Txid, str] = {}
    for package in _packages(lost):
        reason = ""
        try:
            chain.broadcast([each.tx for each in package])
        except ChainRefusedError as e:
            reason = e.reason
        for each in package:
            # a part of a package may have been taken
            if reason and chain.mempool_entry(each.tx.txid) is None:
                refused[each.tx.txid] = reason
            else:
                taken.append(replace(each, in_mempool=True))
    ids = {each.tx.txid for each in taken}
    out = [replace(each, in_mempool=False) for each in known.values() if each.replaced_by in ids]
    if taken:
        with store.transaction():
            store.put_transactions([*taken, *out])
    return tuple(each.tx.txid for each in taken), refused


def _is_lost(stored: StoredTransaction) -> bool:
    return stored.own and stored.block is None and not stored.in_mempool and stored.replaced_by is None


def _packages(lost: Sequence[StoredTransaction]) -> list[list[StoredTransaction]]:
    """Return transactions in groups of those that spend from each other, parents first.

    A parent may pay too little to enter the mempool without its child.
    """
    ordered = tuple(parents_first(lost))
    joined = {each.tx.txid: each.tx.txid for each in ordered}  # a forest: each points towards its root

    def root(txid: Txid) -> Txid:
        while joined[txid] != txid:
            joined[txid] = txid = joined[joined[txid]]
        return txid

    for each in ordered:
        for coin in spends(each.tx):
            if coin.txid in joined:
                joined[root(coin.txid)] = root(each.tx.txid)
    packages: dict[Txid, list[StoredTransaction]] = defaultdict(list)
    for each in ordered:
        packages[root(each.tx.txid)].append(each)
    return list(packages.values())
