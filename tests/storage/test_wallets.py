import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from native.curve import mul_base
from native.secret import SecretScalars
from protocol.errors import UsageError
from storage.errors import CorruptError, ExistsError, MissingError, StorageError
from storage.wallets import SqlWalletStore, WalletSettings
from wallet.account import Account
from wallet.amounts import Sats
from wallet.bip32 import ExtendedKey
from wallet.chain.base import Block
from wallet.network import NETWORKS, REGTEST, SIGNET
from wallet.script import ScriptType
from wallet.store import StoredTransaction, WalletStore
from wallet.tx import OutPoint, Transaction, Txid, TxIn, TxOut

SETTINGS = WalletSettings.fresh(REGTEST, 3, 2, '{"chain": "embedded"}')


def account(seed: int, kind: ScriptType = ScriptType.P2TR, name: str = "taproot") -> Account:
    key = mul_base(SecretScalars.from_bytes((seed + 1).to_bytes(32, "big")))[0]
    return Account(name, kind, ExtendedKey(bytes(key), bytes([seed]) * 32), REGTEST, 1_700_000_000)


def transaction(i: int) -> Transaction:
    return Transaction(
        (TxIn(OutPoint(Txid(bytes([i]) * 32), i), witness=(b"sig", b"key")),), (TxOut(Sats(i), b"\x51"),), i
    )


def block(i: int) -> Block:
    return Block(i, bytes([i]) * 32, 1_700_000_000 + i)


STORED = StoredTransaction(transaction(1), None, 1_700_000_000, own=True, in_mempool=True)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "wallets" / "savings" / "wallet.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqlWalletStore]:
    with SqlWalletStore.create(path, SETTINGS) as store:
        store.add_account(account(0))
        store.add_account(account(1, ScriptType.P2WPKH, "segwit"))
        yield store


def reopened(store: SqlWalletStore, path: Path) -> SqlWalletStore:
    store.close()
    return SqlWalletStore.open(path)


def fulfils(store: SqlWalletStore) -> WalletStore:
    """mypy checks here that the class has the methods of the protocol."""
    return store


# what the wallet is


@pytest.mark.parametrize("name", NETWORKS)
def test_settings_come_back(path: Path, name: str) -> None:
    settings = WalletSettings.fresh(NETWORKS[name], 128, 127, "plan \u00e9")
    SqlWalletStore.create(path, settings).close()
    with SqlWalletStore.open(path) as store:
        assert store.settings() == settings


def test_every_wallet_has_an_id_of_its_own() -> None:
    assert len({WalletSettings.fresh(REGTEST, 3, 2, "").wallet for _ in range(10)}) == 10


@pytest.mark.parametrize(
    "changes",
    [{"threshold": 4}, {"threshold": 0}, {"parties": 129}, {"wallet": bytes(15)}, {"wallet": bytes(17)}],
)
def test_settings_out_of_range_do_not_exist(changes: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        replace(SETTINGS, **changes)


def test_the_plan_can_be_replaced(store: SqlWalletStore, path: Path) -> None:
    store.set_plan("another")
    assert reopened(store, path).settings() == replace(SETTINGS, plan="another")


def test_a_wallet_is_not_overwritten_and_not_made_by_opening(store: SqlWalletStore, path: Path) -> None:
    store.close()
    with pytest.raises(ExistsError):
        SqlWalletStore.create(path, SETTINGS)
    with pytest.raises(MissingError):
        SqlWalletStore.open(path.with_name("other.db"))


def test_accounts_keep_their_index(store: SqlWalletStore, path: Path) -> None:
    assert store.add_account(account(2, name="third")) == 2
    expected = (account(0), account(1, ScriptType.P2WPKH, "segwit"), account(2, name="third"))
    assert store.accounts() == expected
    assert reopened(store, path).accounts() == expected


def test_an_account_of_another_network_or_of_a_known_name_is_refused(store: SqlWalletStore) -> None:
    with pytest.raises(UsageError, match="network"):
        store.add_account(replace(account(2, name="third"), network=SIGNET))
    with pytest.raises(UsageError, match="name"):
        store.add_account(account(2))
    assert len(store.accounts()) == 2


# indices


def test_an_index_is_never_reserved_twice(store: SqlWalletStore, path: Path) -> None:
    assert [store.reserve_index(0, 0) for _ in range(3)] == [0, 1, 2]
    assert store.next_index(0, 0) == 3
    assert reopened(store, path).reserve_index(0, 0) == 3


def test_branches_and_accounts_count_apart(store: SqlWalletStore) -> None:
    store.reserve_index(0, 0)
    assert (store.next_index(0, 1), store.next_index(1, 0)) == (0, 0)


def test_an_index_is_raised_and_never_lowered(store: SqlWalletStore) -> None:
    store.raise_index(0, 0, 10)
    store.raise_index(0, 0, 5)
    assert store.next_index(0, 0) == 10


@pytest.mark.parametrize(
    ("account", "branch", "index"), [(2, 0, 0), (-1, 0, 0), (0, 2, 0), (0, -1, 0), (0, 0, -1), (0, 0, 2**31)]
)
def test_an_index_out_of_range_is_refused(
    store: SqlWalletStore, account: int, branch: int, index: int
) -> None:
    with pytest.raises(UsageError):
        store.raise_index(account, branch, index)
    assert store.next_index(0, 0) == 0


def test_the_last_index_is_not_passed(store: SqlWalletStore) -> None:
    store.raise_index(0, 0, 2**31 - 1)
    with pytest.raises(UsageError):
        store.reserve_index(0, 0)
    with pytest.raises(UsageError):
        store.reserve_index(5, 0)


# state of the chain


def test_transactions_come_oldest_first(store: SqlWalletStore, path: Path) -> None:
    items = [
        replace(STORED, tx=transaction(3), first_seen=30, block=block(7)),
        replace(STORED, tx=transaction(2), first_seen=10, own=False, replaced_by=Txid(b"\7" * 32)),
        replace(STORED, tx=transaction(1), first_seen=20, in_mempool=False),
    ]
    store.put_transactions(items)
    expected = tuple(sorted(items, key=lambda item: item.first_seen))
    assert store.transactions() == expected
    again = reopened(store, path).transactions()
    assert again == expected
    assert again[0].tx.inputs[0].witness == (b"sig", b"key")


def test_what_is_known_of_a_transaction_is_replaced(store: SqlWalletStore) -> None:
    store.put_transactions([STORED])
    unsigned = STORED.tx.with_witnesses(((),))
    confirmed = replace(STORED, tx=unsigned, block=block(1), in_mempool=False)
    store.put_transactions([confirmed])
    assert store.transactions() == (confirmed,)


def test_transactions_are_put_together_or_not_at_all(store: SqlWalletStore) -> None:
    broken = replace(STORED, tx=transaction(2), first_seen="text")
    with pytest.raises(StorageError):
        store.put_transactions([STORED, broken])
    assert store.transactions() == ()


def test_a_transaction_that_does_not_fit_its_txid_is_refused(store: SqlWalletStore) -> None:
    store.put_transactions([STORED])
    for change in (
        ("UPDATE transactions SET tx = ?", bytes(transaction(2))),
        ("UPDATE transactions SET tx = ?", b"\0\1"),
    ):
        store._db.execute(*change)
        with pytest.raises(CorruptError, match=f"transactions {STORED.tx.txid[::-1].hex()}"):
            store.transactions()


def test_the_sync_point_is_the_last_one_set(store: SqlWalletStore, path: Path) -> None:
    assert store.sync_point() is None
    store.set_sync_point(block(1))
    store.set_sync_point(block(2))
    assert reopened(store, path).sync_point() == block(2)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE settings SET network = 'liquid'",
        "UPDATE settings SET threshold = 9",
        "UPDATE accounts SET kind = 'p2pkh' WHERE id = 1",
        "UPDATE accounts SET kind = 'x' WHERE id = 1",
        "UPDATE accounts SET key = x'02' WHERE id = 1",
        "DELETE FROM accounts WHERE id = 0",
        "DELETE FROM settings",
    ],
)
def test_a_row_of_nobody_is_refused(store: SqlWalletStore, change: str) -> None:
    store._db.execute(change)
    with pytest.raises(CorruptError, match=r"accounts|settings"):
        store.accounts()


def test_a_transaction_of_the_store_is_kept_whole(store: SqlWalletStore, path: Path) -> None:
    def sync() -> None:
        with store.transaction():
            store.set_sync_point(block(1))
            store.put_transactions([STORED])
            store.set_label("tx", "ab", "label")
            store.reserve_index(0, 0)
            raise KeyError

    with pytest.raises(KeyError):
        sync()
    again = reopened(store, path)
    assert again.sync_point() is None
    assert again.transactions() == ()
    assert again.labels() == {}
    assert again.next_index(0, 0) == 0


# all of it against a model

indices = st.integers(0, 5)
outpoints = st.builds(
    OutPoint, st.integers(0, 3).map(lambda i: Txid(bytes([i]) * 32)), st.integers(0, 2**32 - 1)
)
stored = st.builds(
    StoredTransaction,
    st.integers(0, 5).map(transaction),
    st.none() | st.integers(0, 9).map(block),
    st.integers(0, 2**40),
    st.booleans(),
    st.booleans(),
    st.none() | st.integers(0, 5).map(lambda i: transaction(i).txid),
)
texts = st.text(st.characters(codec="utf-8"), max_size=20)


class Model(RuleBasedStateMachine):
    """The store and dictionaries are told the same, and must say the same, after every reopening too."""

    def __init__(self) -> None:
        super().__init__()
        self.next: dict[tuple[int, int], int] = {}
        self.transactions: dict[Txid, StoredTransaction] = {}
        self.frozen: set[OutPoint] = set()
        self.labels: dict[tuple[str, str], str] = {}
        self.drafts: dict[Txid, bytes] = {}
        self.point: Block | None = None

    @initialize()
    def create(self) -> None:
        self.path = Path(tempfile.mkdtemp(dir=self.root)) / "wallet.db"
        self.store = SqlWalletStore.create(self.path, SETTINGS)
        self.store.add_account(account(0))
        self.store.add_account(account(1, ScriptType.P2WPKH, "segwit"))

    root: Path

    @rule(which=st.tuples(st.integers(0, 1), st.integers(0, 1)))
    def reserve(self, which: tuple[int, int]) -> None:
        expected = self.next.get(which, 0)
        assert self.store.reserve_index(*which) == expected
        self.next[which] = expected + 1

    @rule(which=st.tuples(st.integers(0, 1), st.integers(0, 1)), index=indices)
    def raise_index(self, which: tuple[int, int], index: int) -> None:
        self.store.raise_index(*which, index)
        self.next[which] = max(self.next.get(which, 0), index)

    @rule(items=st.lists(stored, max_size=3))
    def put(self, items: list[StoredTransaction]) -> None:
        self.store.put_transactions(items)
        self.transactions.update({item.tx.txid: item for item in items})

    @rule(coin=outpoints, frozen=st.booleans())
    def freeze(self, coin: OutPoint, frozen: bool) -> None:
        self.store.set_frozen(coin, frozen)
        (self.frozen.add if frozen else self.frozen.discard)(coin)

    @rule(kind=st.sampled_from(["tx", "addr"]), ref=texts, label=st.none() | texts)
    def label(self, kind: str, ref: str, label: str | None) -> None:
        self.store.set_label(kind, ref, label)
        self.labels.pop((kind, ref), None)
        if label is not None:
            self.labels[kind, ref] = label

    @rule(i=indices, psbt=st.none() | st.binary(max_size=20))
    def draft(self, i: int, psbt: bytes | None) -> None:
        txid = transaction(i).txid
        self.drafts.pop(txid, None)
        if psbt is None:
            self.store.drop_draft(txid)
        else:
            self.store.put_draft(txid, psbt)
            self.drafts[txid] = psbt

    @rule(i=indices)
    def sync(self, i: int) -> None:
        self.store.set_sync_point(block(i))
        self.point = block(i)

    @rule(coin=outpoints, item=stored)
    def fail(self, coin: OutPoint, item: StoredTransaction) -> None:
        try:
            with self.store.transaction():
                self.store.set_frozen(coin, True)
                self.store.put_transactions([item])
                self.store.reserve_index(0, 0)
                raise KeyError
        except KeyError:
            pass

    @rule()
    def reopen(self) -> None:
        self.store.close()
        self.store = SqlWalletStore.open(self.path)

    @invariant()
    def agree(self) -> None:
        if not hasattr(self, "store"):
            return
        in_order = sorted(self.transactions.values(), key=lambda item: (item.first_seen, item.tx.txid))
        assert self.store.transactions() == tuple(in_order)
        assert self.store.frozen() == self.frozen
        assert self.store.labels() == self.labels
        assert self.store.drafts() == self.drafts
        assert self.store.sync_point() == self.point
        for which in ((0, 0), (0, 1), (1, 0), (1, 1)):
            assert self.store.next_index(*which) == self.next.get(which, 0)

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()


def test_the_store_agrees_with_a_model(tmp_path: Path) -> None:

    machine = type("Machine", (Model,), {"root": tmp_path})
    run_state_machine_as_test(
        machine, settings=settings(max_examples=12, stateful_step_count=20, deadline=None)
    )
