"""The watching side of a wallet in a SQLite file: wallet.store.WalletStore, and the wallet's settings."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from native.entropy import random_bytes
from protocol.errors import UsageError
from protocol.vss import expect_threshold
from storage.engine import Database, Row
from storage.errors import CorruptError
from storage.schema import packaged
from wallet.account import Account, Branch
from wallet.bip32 import HARDENED, ExtendedKey
from wallet.chain.base import Block
from wallet.errors import WalletError
from wallet.network import Network, network
from wallet.script import ScriptType
from wallet.store import StoredTransaction
from wallet.tx import OutPoint, Transaction, Txid

SCHEMA: Final = packaged("wallet", b"mpcW")

_ID_SIZE: Final = 16


@dataclass(frozen=True, slots=True)
class WalletSettings:
    """What a wallet is; it does not change but for the plan.

    Args:
        network: where it lives.
        parties: how many hold shares, 1..128.
        threshold: how many of them sign.
        plan: what else its user has decided, such as the chain backend, in a form that is the caller's.
        wallet: id, 16 random bytes.

    Raises:
        UsageError: a value is out of range.
    """

    network: Network
    parties: int
    threshold: int
    plan: str
    wallet: bytes

    def __post_init__(self) -> None:
        expect_threshold(self.threshold, self.parties)
        if len(self.wallet) != _ID_SIZE:
            raise UsageError("the id of a wallet has 16 bytes")

    @classmethod
    def fresh(cls, net: Network, parties: int, threshold: int, plan: str) -> Self:
        """Return the settings of a new wallet."""
        return cls(net, parties, threshold, plan, random_bytes(_ID_SIZE))


class SqlWalletStore:
    """A wallet's file; fulfils wallet.store.WalletStore.

    Every change is durable when its method returns or, in a transaction, when that ends. Every method raises
    StorageError when the file cannot be read or written, CorruptError when a row is none of this program's.
    """

    __slots__ = ("_db",)

    def __init__(self, db: Database) -> None:
        """Own an open file."""
        self._db = db

    @classmethod
    def create(cls, path: Path, settings: WalletSettings) -> Self:
        """Make the file of a wallet, without accounts.

        Args:
            path: where; its directory is made when it is missing.
            settings: of the wallet.

        Raises:
            ExistsError: there is a file.
        """

        def fill(db: Database) -> None:
            db.execute(
                "INSERT INTO settings VALUES (0, ?, ?, ?, ?, ?)",
                settings.wallet, settings.network.name, settings.parties, settings.threshold, settings.plan,
            )  # fmt: skip

        return cls(Database.create(path, SCHEMA, fill))

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open the file of a wallet.

        Raises:
            MissingError: there is none.
            LockedError: another process has it.
            NewerFormatError: a newer program wrote it.
            CorruptError: it is damaged, or another thing.
        """
        return cls(Database.open(path, SCHEMA))

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # what the wallet is

    def settings(self) -> WalletSettings:
        """Return the wallet's settings."""
        row = self._db.row("SELECT network, parties, threshold, plan, wallet FROM settings")
        if row is None:
            raise CorruptError("the row is missing", "settings")
        try:
            return WalletSettings(network(row[0]), *row[1:])
        except (WalletError, UsageError) as e:
            raise CorruptError(str(e), "settings") from e

    def set_plan(self, plan: str) -> None:
        """Replace the plan of the settings."""
        self._db.execute("UPDATE settings SET plan = ?", plan)

    def add_account(self, account: Account) -> int:
        """Add an account.

        Returns:
            Its index.

        Raises:
            UsageError: it is of another network, or there is one of this name.
        """
        with self._db.transaction():
            known = self.accounts()
            if account.network != self.settings().network:
                raise UsageError("the account is of another network than the wallet")
            if any(account.name == other.name for other in known):
                raise UsageError("there is an account of this name already")
            self._db.execute(
                "INSERT INTO accounts VALUES (?, ?, ?, ?, ?, ?)",
                len(known), account.name, account.kind.value, account.key.key, account.key.chain_code,
                account.birth,
            )  # fmt: skip
            return len(known)

    def accounts(self) -> tuple[Account, ...]:
        """Return the accounts; their place is their index."""
        net = self.settings().network
        rows = self._db.rows("SELECT id, name, kind, key, chain_code, birth FROM accounts ORDER BY id")
        accounts = []
        for i, (index, name, kind, key, chain_code, birth) in enumerate(rows):
            try:
                account = Account(name, ScriptType(kind), ExtendedKey(key, chain_code), net, birth)
            except (WalletError, ValueError) as e:
                raise CorruptError(str(e), "accounts", f"row {index}") from e
            if index != i:
                raise CorruptError("a row is missing", "accounts", f"row {i}")
            accounts.append(account)
        return tuple(accounts)

    # wallet.store.WalletStore

    def transaction(self) -> AbstractContextManager[None]:
        """Return a context in which all changes become durable together at its end, or none does."""
        return self._db.transaction()

    def reserve_index(self, account: int, branch: int) -> int:
        """Return the next unused index of a branch, which is never returned again.

        Raises:
            UsageError: there is no such account or branch, or it has no index left.
        """
        with self._db.transaction():
            index = self.next_index(account, branch)
            self.raise_index(account, branch, index + 1)
            return index

    def next_index(self, account: int, branch: int) -> int:
        """Return the index that reserve_index would return."""
        row = self._db.row("SELECT next FROM indices WHERE account = ? AND branch = ?", account, branch)
        return 0 if row is None else int(row[0])

    def raise_index(self, account: int, branch: int, index: int) -> None:
        """Make reserve_index return at least an index, as the chain has shown use of a lower one.

        Raises:
            UsageError: there is no such account or branch, or the index is out of range.
        """
        if not 0 <= index < HARDENED or branch not in tuple(Branch):
            raise UsageError("an index of an address is out of range")
        with self._db.transaction():
            if self._db.row("SELECT 1 FROM accounts WHERE id = ?", account) is None:
                raise UsageError(f"the wallet has no account {account}")
            self._db.execute(
                "INSERT INTO indices VALUES (?, ?, ?)"
                " ON CONFLICT (account, branch) DO UPDATE SET next = max(next, excluded.next)",
                account, int(branch), index,
            )  # fmt: skip

    def sync_point(self) -> Block | None:
        """Return the block up to which the chain was read; None before the first time."""
        row = self._db.row("SELECT height, hash, time FROM sync_point")
        return None if row is None else Block(*row)

    def set_sync_point(self, block: Block) -> None:
        """Record the block up to which the chain was read."""
        self._db.execute(
            "INSERT OR REPLACE INTO sync_point VALUES (0, ?, ?, ?)", block.height, block.hash, block.time
        )

    def transactions(self) -> tuple[StoredTransaction, ...]:
        """Return all transactions, oldest first by first_seen."""
        rows = self._db.rows(
            "SELECT txid, tx, height, hash, time, first_seen, own, in_mempool, replaced_by"
            " FROM transactions ORDER BY first_seen, txid"
        )
        return tuple(map(_stored, rows))

    def put_transactions(self, transactions: Sequence[StoredTransaction]) -> None:
        """Insert transactions or replace what is known of them, by txid."""
        with self._db.transaction():
            for stored in transactions:
                self._db.execute(
                    "INSERT OR REPLACE INTO transactions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    *_transaction_row(stored),
                )

    def frozen(self) -> frozenset[OutPoint]:
        """Return the coins that must not be spent."""
        rows = self._db.rows("SELECT txid, vout FROM frozen")
        return frozenset(OutPoint(Txid(txid), vout) for txid, vout in rows)

    def set_frozen(self, coin: OutPoint, frozen: bool) -> None:
        """Freeze a coin or free it."""
        freeze, free = (
            "INSERT OR REPLACE INTO frozen VALUES (?, ?)",
            "DELETE FROM frozen WHERE (txid, vout) = (?, ?)",
        )
        self._db.execute(freeze if frozen else free, coin.txid, coin.index)

    def labels(self) -> Mapping[tuple[str, str], str]:
        """Return labels by (type, ref) of BIP-329."""
        return {
            (kind, ref): label for kind, ref, label in self._db.rows("SELECT kind, ref, label FROM labels")
        }

    def set_label(self, kind: str, ref: str, label: str | None) -> None:
        """Set a label, or remove it with None."""
        if label is None:
            self._db.execute("DELETE FROM labels WHERE kind = ? AND ref = ?", kind, ref)
        else:
            self._db.execute("INSERT OR REPLACE INTO labels VALUES (?, ?, ?)", kind, ref, label)

    def drafts(self) -> Mapping[Txid, bytes]:
        """Return PSBTs that wait for signatures, by the txid of their transaction."""
        return {Txid(txid): psbt for txid, psbt in self._db.rows("SELECT txid, psbt FROM drafts")}

    def put_draft(self, txid: Txid, psbt: bytes) -> None:
        """Keep a PSBT."""
        self._db.execute("INSERT OR REPLACE INTO drafts VALUES (?, ?)", txid, psbt)

    def drop_draft(self, txid: Txid) -> None:
        """Forget a PSBT; one that is not there is no error."""
        self._db.execute("DELETE FROM drafts WHERE txid = ?", txid)


def _transaction_row(stored: StoredTransaction) -> Row:
    block = stored.block
    position = (None, None, None) if block is None else (block.height, block.hash, block.time)
    seen = (stored.first_seen, int(stored.own), int(stored.in_mempool), stored.replaced_by)
    return (stored.tx.txid, bytes(stored.tx), *position, *seen)


def _stored(row: Row) -> StoredTransaction:
    txid, data, height, block_hash, time, first_seen, own, in_mempool, replaced_by = row
    try:
        tx = Transaction.from_bytes(data)
    except WalletError as e:
        raise CorruptError(str(e), "transactions", txid[::-1].hex()) from e
    if tx.txid != txid:
        raise CorruptError("the transaction is another", "transactions", txid[::-1].hex())
    block = None if height is None else Block(height, block_hash, time)
    return StoredTransaction(tx, block, first_seen, bool(own), bool(in_mempool), replaced_by)
