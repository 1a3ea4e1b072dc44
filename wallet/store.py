"""What a wallet asks of the place that keeps its state; storage/wallets.py fulfils it with SQL."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from wallet.chain.base import Block
from wallet.tx import OutPoint, Transaction, Txid


@dataclass(frozen=True, slots=True)
class StoredTransaction:
    """A transaction of the wallet.

    Args:
        tx: the transaction.
        block: what confirmed it; None while unconfirmed.
        first_seen: Unix seconds.
        own: whether this wallet made it, so that it is sent again while it is unconfirmed.
        in_mempool: whether the backend had it in its mempool or a block at the last sync.
        replaced_by: what this wallet or the chain has put in its place.
    """

    tx: Transaction
    block: Block | None
    first_seen: int
    own: bool
    in_mempool: bool
    replaced_by: Txid | None = None


class WalletStore(Protocol):
    """Durable state of the watching side of a wallet; nothing secret. Every method raises StorageError."""

    def transaction(self) -> AbstractContextManager[None]:
        """Return a context in which all changes become durable together at its end, or none does."""

    def reserve_index(self, account: int, branch: int) -> int:
        """Return the next unused index of a branch, which is never returned again."""

    def next_index(self, account: int, branch: int) -> int:
        """Return the index that reserve_index would return."""

    def raise_index(self, account: int, branch: int, index: int) -> None:
        """Make reserve_index return at least an index, as the chain has shown use of a lower one."""

    def sync_point(self) -> Block | None:
        """Return the block up to which the chain was read; None before the first time."""

    def set_sync_point(self, block: Block) -> None:
        """Record the block up to which the chain was read."""

    def transactions(self) -> tuple[StoredTransaction, ...]:
        """Return all transactions, oldest first by first_seen."""

    def put_transactions(self, transactions: Sequence[StoredTransaction]) -> None:
        """Insert transactions or replace what is known of them, by txid."""

    def frozen(self) -> frozenset[OutPoint]:
        """Return the coins that must not be spent."""

    def set_frozen(self, coin: OutPoint, frozen: bool) -> None:
        """Freeze a coin or free it."""

    def labels(self) -> Mapping[tuple[str, str], str]:
        """Return labels by (type, ref) of BIP-329."""

    def set_label(self, kind: str, ref: str, label: str | None) -> None:
        """Set a label, or remove it with None."""

    def drafts(self) -> Mapping[Txid, bytes]:
        """Return PSBTs that wait for signatures, by the txid of their transaction."""

    def put_draft(self, txid: Txid, psbt: bytes) -> None:
        """Keep a PSBT."""

    def drop_draft(self, txid: Txid) -> None:
        """Forget a PSBT; one that is not there is no error."""
