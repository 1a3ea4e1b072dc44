"""A wallet store in memory, and transactions for it."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cache
from itertools import count

from tests.wallet.accounts import account
from wallet.account import Account, Branch, KeyPath
from wallet.amounts import Sats
from wallet.chain.base import Block
from wallet.script import ScriptType
from wallet.store import StoredTransaction
from wallet.tx import OutPoint, Transaction, Txid, TxIn, TxOut

_serial = count()


_derived: dict[tuple[str, Branch], list[bytes]] = {}


class Derived(Account):
    """An account that derives each script once for all tests."""

    def scripts(self, branch: Branch, start: int, end: int) -> Iterator[tuple[KeyPath, bytes]]:
        known = _derived.setdefault((self.name, branch), [])
        known += [to for _, to in super().scripts(branch, len(known), end)]
        return ((KeyPath(branch, index), known[index]) for index in range(start, end))


def derived(plain: Account) -> Account:
    return Derived(plain.name, plain.kind, plain.key, plain.network, plain.birth)


TAPROOT = derived(account(ScriptType.P2TR, seed=1))
SEGWIT = derived(account(ScriptType.P2WPKH, seed=2))
ACCOUNTS = (TAPROOT, SEGWIT)


@cache
def script(owner: Account = TAPROOT, index: int = 0, branch: Branch = Branch.RECEIVE) -> bytes:
    return owner.script(KeyPath(branch, index))


def change(owner: Account = TAPROOT, index: int = 0) -> bytes:
    return script(owner, index, Branch.CHANGE)


def foreign_coin() -> OutPoint:
    """Return a coin of somebody else, each time another."""
    return OutPoint(Txid(next(_serial).to_bytes(32, "big")), 0)


def pay(*outputs: tuple[bytes, int], spending: Sequence[OutPoint] = (), **fields: int) -> Transaction:
    """Return a transaction; without coins to spend it is somebody else's."""
    inputs = tuple(map(TxIn, spending or [foreign_coin()]))
    return Transaction(inputs, tuple(TxOut(Sats(value), to) for to, value in outputs), **fields)


def block(height: int, branch: int = 0) -> Block:
    return Block(height, bytes([branch]) + height.to_bytes(31, "big"), 1_700_000_000 + 600 * height)


def confirmed(tx: Transaction, height: int, *, own: bool = False) -> StoredTransaction:
    return StoredTransaction(tx, block(height), block(height).time, own, True)


def in_mempool(tx: Transaction, *, own: bool = False, at: int = 1_800_000_000) -> StoredTransaction:
    return StoredTransaction(tx, None, at, own, True)


def pending(tx: Transaction, at: int = 1_800_000_000) -> StoredTransaction:
    return StoredTransaction(tx, None, at, True, False)


@dataclass
class _State:
    indices: dict[tuple[int, int], int] = field(default_factory=dict)
    sync_point: Block | None = None
    transactions: dict[Txid, StoredTransaction] = field(default_factory=dict)
    frozen: set[OutPoint] = field(default_factory=set)
    labels: dict[tuple[str, str], str] = field(default_factory=dict)
    drafts: dict[Txid, bytes] = field(default_factory=dict)


class MemoryStore:
    """A WalletStore without a disk; fail_at makes the n-th change raise, to test that changes are atomic."""

    def __init__(self) -> None:
        self.state = _State()
        self.changes = 0
        self.fail_at: int | None = None

    @contextmanager
    def transaction(self) -> Iterator[None]:
        before = deepcopy(self.state)
        try:
            yield
        except BaseException:
            self.state = before
            raise

    def _change(self) -> None:
        self.changes += 1
        if self.changes == self.fail_at:
            raise OSError("disk full")

    def reserve_index(self, account: int, branch: int) -> int:
        self._change()
        index = self.next_index(account, branch)
        self.state.indices[account, branch] = index + 1
        return index

    def next_index(self, account: int, branch: int) -> int:
        return self.state.indices.get((account, branch), 0)

    def raise_index(self, account: int, branch: int, index: int) -> None:
        self._change()
        self.state.indices[account, branch] = max(self.next_index(account, branch), index)

    def sync_point(self) -> Block | None:
        return self.state.sync_point

    def set_sync_point(self, block: Block) -> None:
        self._change()
        self.state.sync_point = block

    def transactions(self) -> tuple[StoredTransaction, ...]:
        return tuple(sorted(self.state.transactions.values(), key=lambda stored: stored.first_seen))

    def put_transactions(self, transactions: Sequence[StoredTransaction]) -> None:
        self._change()
        self.state.transactions.update((stored.tx.txid, stored) for stored in transactions)

    def frozen(self) -> frozenset[OutPoint]:
        return frozenset(self.state.frozen)

    def set_frozen(self, coin: OutPoint, frozen: bool) -> None:
        (self.state.frozen.add if frozen else self.state.frozen.discard)(coin)

    def labels(self) -> Mapping[tuple[str, str], str]:
        return dict(self.state.labels)

    def set_label(self, kind: str, ref: str, label: str | None) -> None:
        self.state.labels.pop((kind, ref), None)
        if label is not None:
            self.state.labels[kind, ref] = label

    def drafts(self) -> Mapping[Txid, bytes]:
        return dict(self.state.drafts)

    def put_draft(self, txid: Txid, psbt: bytes) -> None:
        self.state.drafts[txid] = psbt

    def drop_draft(self, txid: Txid) -> None:
        self.state.drafts.pop(txid, None)
