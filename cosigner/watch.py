"""The watching side of a wallet: what it has, where it receives, what it sends. It holds nothing secret."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self, cast

from cosigner.chain import open_chain
from cosigner.home import Home
from cosigner.keys import WalletKeys
from cosigner.plan import ChainSettings, WalletPlan
from cosigner.settings import WatchSettings
from storage.errors import CorruptError
from storage.wallets import SqlWalletStore
from wallet import address
from wallet.account import GAP_LIMIT, Account, Branch, KeyPath
from wallet.chain.base import Block, ChainBackend, RegtestBackend
from wallet.coins import Balance, Coin
from wallet.descriptor import Descriptor, import_json
from wallet.errors import MalformedError, NetworkMismatchError, UnknownError
from wallet.fees import FeeCaps
from wallet.history import HistoryEntry
from wallet.labels import Label, LabelFile, LabelType, read_labels, write_labels
from wallet.ledger import Ledger
from wallet.network import REGTEST
from wallet.script_index import Owner, ScriptIndex
from wallet.sync import SyncReport, sync
from wallet.tx import OutPoint, Txid, show_txid


@dataclass(frozen=True, slots=True)
class Address:
    """An address of the wallet.

    Args:
        text: as users pass it on.
        owner: account and path.
        label: what the user calls it.
        received: the transactions that pay it; more than one is reuse.
    """

    text: str
    owner: Owner
    label: str
    received: tuple[Txid, ...]


@dataclass(frozen=True, slots=True)
class WalletInfo:
    """What a wallet is.

    Args:
        name: of the wallet.
        plan: what its user decided.
        descriptors: of each account.
        params_hash: of the key generation, 32 bytes: what people compare between the parties.
        synced: the block up to which the chain was read; None before the first time.
    """

    name: str
    plan: WalletPlan
    descriptors: tuple[str, ...]
    params_hash: bytes
    synced: Block | None


class WatchWallet:
    """What can be done with a wallet without any of its parties; a context manager.

    Args:
        name: of the wallet.
        settings: of the wallet.
        store: its state, which the wallet closes.
        home: where the embedded chain is.
    """

    def __init__(self, name: str, settings: WatchSettings, store: SqlWalletStore, home: Home) -> None:
        self.name, self.settings = name, settings
        self._store, self._home = store, home
        self._index = ScriptIndex(self.accounts)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the chain and close the store; a second call does nothing."""
        self._close_chain()
        self._store.close()

    def _close_chain(self) -> None:
        if "chain" in self.__dict__:
            self.chain.close()
            del self.__dict__["chain"]

    def info(self) -> WalletInfo:
        """Return what the wallet is."""
        point = self._store.sync_point()
        return WalletInfo(self.name, self.plan, self.descriptors(), self.keys.taproot.params.hash(), point)

    def set_chain(self, chain: ChainSettings) -> None:
        """See the chain through another backend from now on.

        Raises:
            MalformedError, ChainError: the settings do not fit the network.
        """
        self._close_chain()
        self.settings = replace(self.settings, plan=replace(self.plan, chain=chain))
        self._store.set_plan(self.settings.text())

    def set_caps(self, caps: FeeCaps) -> None:
        """Have the wallet's own review go by other fee caps; each party keeps its own."""
        self.settings = replace(self.settings, plan=self.plan.with_caps(caps))
        self._store.set_plan(self.settings.text())

    @property
    def plan(self) -> WalletPlan:
        """What the user decided when the wallet was made."""
        return self.settings.plan

    @property
    def keys(self) -> WalletKeys:
        """The public side of the wallet's keys."""
        return self.settings.keys

    @property
    def accounts(self) -> tuple[Account, ...]:
        """What the wallet receives on."""
        return self.keys.accounts

    @cached_property
    def chain(self) -> ChainBackend:
        """The chain backend, opened when it is first asked for.

        Raises:
            ChainError: it cannot be reached, is in use, or is of another network.
        """
        return open_chain(self.plan, self._home)

    def regtest(self) -> RegtestBackend:
        """Return the chain of a wallet on regtest, which makes blocks on demand.

        Raises:
            NetworkMismatchError: the wallet is on another network.
            ChainError: as chain.
        """
        if self.plan.network != REGTEST:
            raise NetworkMismatchError(f"only regtest makes blocks on demand, not {self.plan.network}")
        return cast(RegtestBackend, self.chain)

    def sync(self, *, full: bool = False) -> SyncReport:
        """Read what happened on the chain, and send again what the mempool has lost of ours.

        Args:
            full: whether to read all again from the wallet's birth on.

        Raises:
            ChainError: the backend failed.
            StorageError: the state cannot be written; it is as it was.
        """
        return sync(self.chain, self._store, self._index, self._watched_as, full=full)

    @property
    def _watched_as(self) -> str:
        """The name that a node knows this wallet by: of its key, as another user's may have the same name."""
        return f"mpcw-{self.accounts[0].key.fingerprint.hex()}"

    def ledger(self) -> Ledger:
        """Return what the transactions of the last sync amount to."""
        return Ledger.load(self._index, self._store)

    def account_named(self, name: str) -> int:
        """Return the index of the account of a name.

        Raises:
            UnknownError: the wallet has none.
        """
        names = [account.name for account in self.accounts]
        if name not in names:
            has = f"this wallet has the account{'s'[: len(names) > 1]} {' and '.join(names)}"
            raise UnknownError(f"there is no account {name!r}", has)
        return names.index(name)

    def balance(self) -> Balance:
        """Return the balance as of the last sync."""
        return self.ledger().balance()

    def coins(self) -> tuple[Coin, ...]:
        """Return the unspent coins as of the last sync."""
        return self.ledger().unspent

    def history(self) -> tuple[HistoryEntry, ...]:
        """Return the transactions as of the last sync, oldest first."""
        return tuple(self.ledger().entries.values())

    def rescan(self, from_height: int, gap: int = GAP_LIMIT) -> int:
        """Have the backend look at old blocks again, and read everything anew.

        Args:
            from_height: first block to look at.
            gap: how many unused addresses of a branch to look beyond (BIP-44, Address gap limit). The wallet
                knows those before the last one that was used from then on.

        Returns:
            How many transactions were found that the wallet did not have.

        Raises:
            ChainError: the backend failed.
            StorageError: the state cannot be written; it is as it was.
        """
        before = len(self.history())
        self._index = ScriptIndex(self.accounts, gap)
        self.sync(full=True)  # a node looks only for what it was told to watch
        self.chain.rescan(from_height)
        self.sync(full=True)
        return len(self.history()) - before

    # ---- addresses ----

    def new_address(self, label: str = "", account: int = 0) -> Address:
        """Hand out a receiving address that was never handed out before.

        Args:
            label: what to call it.
            account: index of the account.
        """
        with self._store.transaction():
            index = self._store.reserve_index(account, Branch.RECEIVE)
            owner = Owner(account, KeyPath(Branch.RECEIVE, index))
            text = self._text(owner)
            if label:
                self.set_label(LabelType.ADDR, text, label)
        return Address(text, owner, label, ())

    def addresses(self, branch: Branch = Branch.RECEIVE, account: int = 0) -> tuple[Address, ...]:
        """Return all addresses of a branch that were handed out or used, in their order."""
        ledger, labels = self.ledger(), self.labels()
        owners = (Owner(account, KeyPath(branch, i)) for i in range(ledger.next_index[account, branch]))
        return tuple(self._address(owner, ledger, labels) for owner in owners)

    def find_address(self, text: str) -> Address:
        """Return an address of the wallet, up to the gap limit beyond those in use.

        Raises:
            MalformedError, NetworkMismatchError: it is no address of the wallet's network.
            UnknownError: it is not the wallet's.
        """
        ledger = self.ledger()
        owner = self._index.find(address.decode(text, self.plan.network))
        if owner is None:
            raise UnknownError(f"{text} is no address of this wallet")
        return self._address(owner, ledger, self.labels())

    def owner_of(self, script: bytes) -> Owner | None:
        """Return where in the wallet an output script is; None if it is another's."""
        return self._index.find(script)

    def _address(self, owner: Owner, ledger: Ledger, labels: Mapping[tuple[str, str], str]) -> Address:
        text = self._text(owner)
        label = labels.get((LabelType.ADDR, text), "")
        return Address(text, owner, label, ledger.received.get(owner, ()))

    def _text(self, owner: Owner) -> str:
        account = self.accounts[owner.account]
        return address.encode(account.script(owner.path), account.network)

    # ---- coins ----

    def freeze(self, coin: OutPoint) -> None:
        """Forbid to spend a coin.

        Raises:
            UnknownError: the wallet has none there.
        """
        self._store.set_frozen(self.ledger().coin(coin).outpoint, True)

    def unfreeze(self, coin: OutPoint) -> None:
        """Allow to spend a coin again.

        Raises:
            UnknownError: the wallet has none there.
        """
        self._store.set_frozen(self.ledger().coin(coin).outpoint, False)

    # ---- labels ----

    def set_label(self, kind: LabelType, ref: str, text: str) -> None:
        """Label a thing, or take its label away with an empty text.

        Raises:
            MalformedError: the reference or the text is malformed.
        """
        label = Label(kind, ref, text or None)
        self._store.set_label(label.kind, label.ref, label.label)

    def labels(self) -> Mapping[tuple[str, str], str]:
        """Return all labels by type and reference of BIP-329.

        Raises:
            CorruptError: one was written by another program, and may not be safe to show.
        """
        labels = self._store.labels()
        for (kind, ref), text in labels.items():
            try:
                Label(LabelType(kind), ref, text)
            except (ValueError, MalformedError) as e:
                raise CorruptError(str(e), "labels") from e
        return labels

    def export_labels(self) -> bytes:
        """Return the file of all labels and frozen coins (BIP-329)."""
        labels, origins = self.labels(), self._origins()
        frozen = {str(coin) for coin in self._store.frozen()}
        outputs = {ref for kind, ref in labels if kind == LabelType.OUTPUT} | frozen
        plain = [
            Label(LabelType(kind), ref, text, origin)
            for (kind, ref), text in labels.items()
            if kind != LabelType.OUTPUT
            for origin in (origins(ref) if kind == LabelType.TX else (None,))
        ]
        coins = [
            Label(LabelType.OUTPUT, ref, labels.get((LabelType.OUTPUT, ref)), spendable=ref not in frozen)
            for ref in sorted(outputs)
        ]
        return write_labels([*plain, *coins])

    def _origins(self) -> Callable[[str], tuple[str, ...]]:
        """Return a function that names the accounts of a transaction, for programs that have one of them."""
        names = tuple(Descriptor.of(account).abbreviated() for account in self.accounts)
        concerned: dict[str, set[int]] = defaultdict(set)
        for coin in self.ledger().coins.values():
            for txid in (coin.outpoint.txid, coin.spent_by):
                if txid is not None:
                    concerned[show_txid(txid)].add(coin.owner.account)
        return lambda ref: tuple(names[i] for i in sorted(concerned.get(ref, {0})))

    def import_labels(self, data: bytes) -> LabelFile:
        """Take labels and frozen coins from a file (BIP-329); those of other wallets are left out.

        Args:
            data: the file.

        Returns:
            What the file held, with the lines that were refused.

        Raises:
            MalformedError: it is larger than any that a wallet writes.
        """
        found = read_labels(data)
        origins = {None, *(Descriptor.of(account).abbreviated() for account in self.accounts)}
        with self._store.transaction():
            for label in found.labels:
                if label.origin in origins:
                    self._import(label)
        return found

    def _import(self, label: Label) -> None:
        if label.label is not None:
            self._store.set_label(label.kind, label.ref, label.label or None)
        if label.spendable is not None:
            self._store.set_frozen(OutPoint.parse(label.ref), not label.spendable)

    # ---- what other programs take ----

    def descriptors(self) -> tuple[str, ...]:
        """Return the descriptor of each account, with which any other wallet can watch this one."""
        return tuple(Descriptor.of(account).text() for account in self.accounts)

    def import_json(self) -> str:
        """Return what Bitcoin Core's importdescriptors takes."""
        return import_json(*self.accounts)
