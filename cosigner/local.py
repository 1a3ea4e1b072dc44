"""A wallet all of whose parties live in this process, each with its own store and passphrase.

Between the parties and the coordinator there are bytes only (cosigner.exchange): daemons on machines of their
own take the place of the parties here without any of them noticing.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Self

from cosigner import level
from cosigner.creation import make_wallet
from cosigner.errors import NotEnoughSignersError
from cosigner.home import Home, WalletFolder
from cosigner.keeper import RefillProgress
from cosigner.keys import SEGWIT_ACCOUNT, WalletKeys
from cosigner.party import Credentials, Party
from cosigner.plan import WalletPlan
from cosigner.pools import PoolFigures, Pools, past_figures
from cosigner.presigning import EcdsaCredentials
from cosigner.segwit_key import SegwitKey
from cosigner.segwit_signing import SegwitSigner
from cosigner.settings import WatchSettings
from cosigner.signing import Signed, sign
from cosigner.spending import SpendingWallet
from cosigner.steps import Deed, Progress, Step, silent
from ecdsa_cggmp.key_share import PublicShare
from presig_pool.errors import PoolExhausted
from presig_pool.pool import Pool
from presig_pool.watermarks import DEFAULT as WATERMARKS
from protocol.errors import UnattributedAbort, UsageError
from protocol.ids import COORDINATOR, PartyId
from storage.errors import CorruptError
from storage.parties import PartyStore
from storage.passphrase import Passphrase
from storage.signing_log import SignedEntry
from storage.wallets import SqlWalletStore
from wallet import address
from wallet.errors import UnknownError
from wallet.psbt import Psbt


class LocalWallet(SpendingWallet):
    """A wallet with its parties, sealed until each is unlocked; a context manager."""

    @classmethod
    def create(
        cls,
        home: Home,
        name: str,
        plan: WalletPlan,
        passphrases: Mapping[PartyId, Passphrase],
        progress: Progress = silent,
    ) -> Self:
        """Make the parties of a wallet, have them generate its key, and open the wallet.

        Args:
            home: where it will be.
            name: of the wallet.
            plan: its settings.
            passphrases: of each party 0..n-1, to seal its store with.
            progress: told what each party does.

        Returns:
            The wallet, its parties unlocked.

        Raises:
            MalformedError: the name cannot be one.
            WalletExistsError: there is a wallet of this name.
            UsageError: there is not one passphrase for each party.
            StorageError: a store cannot be written; there is no wallet then.
        """
        if set(passphrases) != set(range(plan.n)):
            raise UsageError(f"there must be one passphrase for each of the parties 0..{plan.n - 1}")
        with home.staging(name) as folder:
            masters = make_wallet(folder, plan, passphrases, progress)
        progress(Step(COORDINATOR, Deed.WALLET_READY, name))
        wallet = cls.open(home, name, progress)
        try:
            for party, master in masters.items():
                wallet._admit(party, PartyStore.reopen(wallet.folder.party(party), master))
        except BaseException:
            wallet.close()
            raise
        return wallet

    @classmethod
    def open(cls, home: Home, name: str | None = None, progress: Progress = silent) -> Self:
        """Open a wallet to watch it; its parties stay sealed.

        Args:
            home: where it is.
            name: of the wallet; None for the default one.
            progress: told what each party does.

        Raises:
            UnknownError: there is none.
            StorageError: its state cannot be read.
        """
        folder = home.wallet(name)
        store = SqlWalletStore.open(folder.database)
        try:
            settings = WatchSettings.read(store)
        except BaseException:
            store.close()
            raise
        return cls(folder, settings, store, home, progress)

    def __init__(
        self,
        folder: WalletFolder,
        settings: WatchSettings,
        store: SqlWalletStore,
        home: Home,
        progress: Progress,
    ) -> None:
        super().__init__(folder.path.name, settings, store, home)
        self._folder, self._progress = folder, progress
        self._parties: dict[PartyId, Party] = {}
        self._stores: dict[PartyId, PartyStore] = {}
        segwit = self.keys.segwit
        self._pools: Pools | None = None
        if segwit is not None:
            self._pools = Pools(segwit, self._parties, self._stores, _now, WATERMARKS)

    def close(self) -> None:
        """Seal all parties and close all files; a second call does nothing."""
        self._parties.clear()
        for store in self._stores.values():
            store.close()
        self._stores.clear()
        super().close()

    # ---- parties ----

    @property
    def home(self) -> Home:
        """Where it is kept, with its chain."""
        return self._home

    @property
    def folder(self) -> WalletFolder:
        """Where the wallet is."""
        return self._folder

    def unlock(self, party: PartyId, passphrase: Passphrase) -> None:
        """Unseal a party, so that it takes part until the wallet is closed; one that is unlocked stays so.

        Raises:
            UnknownError: there is no such party.
            WrongPassphraseError: the passphrase is another.
            StorageError: its store is damaged, or another process has it.
        """
        self._expect_party(party)
        if party in self._parties:
            return
        store = PartyStore.open(self._folder.party(party))
        try:
            store.unseal(passphrase)
        except BaseException:
            store.close()
            raise
        self._admit(party, store)

    def _admit(self, party: PartyId, store: PartyStore) -> None:
        """Take the unsealed store of a party over."""
        try:
            self._parties[party] = self._party(store, party)
        except BaseException:
            store.close()
            raise
        self._stores[party] = store

    def _party(self, store: PartyStore, party: PartyId) -> Party:
        """Return the party of an unsealed store, all of whose knowledge is the store's."""
        plan = WalletPlan.parse(store.terms() or "")
        ecdsa = _last_ecdsa(store) if plan.segwit else None
        keys = WalletKeys.recover(store.recovery_data(), ecdsa, plan.network, plan.birth)
        share = store.share(keys.taproot.public_key)
        if {share.party, store.party, ecdsa.party if ecdsa else party} != {party}:
            raise CorruptError(f"this is the store of party {store.party}, not of party {party}")
        if keys != self.keys:
            raise CorruptError("the store of the party is of another key than the wallet")
        segwit, making = None, None
        if keys.segwit is not None:
            segwit = SegwitSigner(keys.segwit, Pool(store.presignatures, WATERMARKS), _now)
            making = _presigning(store, keys, keys.segwit)
        credentials = Credentials(store.host_key(), keys, share, segwit, plan.caps, making)
        return Party(credentials, store, self._progress)

    def change_passphrase(self, party: PartyId, old: Passphrase, new: Passphrase) -> None:
        """Seal a party under another passphrase, whether it is unlocked or not.

        Raises:
            UnknownError: there is no such party.
            WrongPassphraseError: the old passphrase is another; nothing is changed.

        Security:
            Old copies of its file still open with the old passphrase.
        """
        with self._opened(party) as store:
            store.change_passphrase(old, new)

    def signed_by(self, party: PartyId) -> tuple[SignedEntry, ...]:
        """Return what a party has written down of what it signed, oldest first.

        Raises:
            UnknownError: there is no such party.
        """
        with self._opened(party) as store:
            return store.signatures()

    @contextmanager
    def _opened(self, party: PartyId) -> Iterator[PartyStore]:
        """Lend the store of a party, which is opened for it if it is sealed."""
        self._expect_party(party)
        if party in self._stores:
            yield self._stores[party]
        else:
            with PartyStore.open(self._folder.party(party)) as store:
                yield store

    def _expect_party(self, party: PartyId) -> None:
        if party not in range(self.plan.n):
            raise UnknownError(f"there is no party {party}", f"the parties are 0..{self.plan.n - 1}")

    @property
    def unlocked(self) -> tuple[PartyId, ...]:
        """The parties that are unlocked, ascending."""
        return tuple(sorted(self._parties))

    def address_verify(self, text: str) -> tuple[PartyId, ...]:
        """Have every unlocked party derive an address from its own copy of the account.

        Args:
            text: an address of the wallet.

        Returns:
            The parties, at least t, all of whom derived this address.

        Raises:
            MalformedError, NetworkMismatchError, UnknownError: it is no address of this wallet.
            NotEnoughSignersError: fewer than t parties are unlocked.
            UnattributedAbort: a party derived another one: do not use it.
        """
        owner = self.find_address(text).owner
        script = address.decode(text, self.plan.network)
        parties = self._chosen(None, everybody=True)
        place = owner.account, *owner.path.steps
        others = [i for i, party in parties.items() if party.script(*place) != script]
        if others:
            raise UnattributedAbort("the parties derive different addresses", others)
        return tuple(parties)

    # ---- presignatures ----

    @property
    def pools(self) -> Pools:
        """The pools of the parties that are unlocked.

        Raises:
            UnknownError: the wallet has no SegWit account.
        """
        if self._pools is None:
            raise UnknownError(
                "this wallet has no SegWit account, and Taproot inputs need no presignatures",
                "a wallet has both accounts if it is made without --no-segwit",
            )
        return self._pools

    def pool_figures(self) -> PoolFigures:
        """Return what there is of presignatures; while all parties are sealed, what their files say.

        Raises:
            UnknownError: the wallet has no SegWit account.
            StorageError: a file cannot be read, or another process has it.
        """
        pools = self.pools
        if self._parties or self.keys.segwit is None:
            return pools.figures()
        with ExitStack() as files:
            stores = {i: files.enter_context(self._opened(i)) for i in map(PartyId, range(self.plan.n))}
            return past_figures(self.keys.segwit, stores, WATERMARKS, _now())

    # ---- signing ----

    def sign(
        self, psbt: Psbt, signers: Sequence[PartyId] | None = None, wait: RefillProgress | None = None
    ) -> Signed:
        """Have parties sign a transaction and finalise it; the signed PSBT takes the place of its draft.

        Args:
            psbt: the transaction.
            signers: who signs, at least t unlocked parties, of which the first t do if there are SegWit
                inputs; None for the first t that are unlocked.
            wait: told how far it is when presignatures that are missing are made first; None to make none.

        Returns:
            The finalised PSBT, and what each signer has seen in it.

        Raises:
            NotEnoughSignersError: too few parties are chosen or unlocked.
            RefusedError: a rule of the wallet's own review forbids the transaction.
            PolicyDenied: signers refused; names them with their reasons.
            PoolExhausted: the signers have too few presignatures for the SegWit inputs.
            RefillFailedError: those that are missing cannot be made; names with whom it failed.
            FaultyPartyError: signers spoiled the session; names them.
            StorageError: a log cannot be written; that party's signature did not leave.
        """
        seen, peers = self.review(psbt), self._chosen(signers)
        if any(item.account == SEGWIT_ACCOUNT for item in seen.inputs):
            peers = {party: peers[party] for party in sorted(peers)[: self.plan.t]}
        try:
            signed = sign(seen, psbt, self.keys, peers, self._progress)
        except PoolExhausted as short:
            if wait is None:
                raise
            self.pools.refill(tuple(peers), short.wanted - short.ready, wait)
            signed = sign(seen, psbt, self.keys, peers, self._progress)
        self._store.put_draft(signed.psbt.tx.txid, bytes(signed.psbt))
        return signed

    def _chosen(self, signers: Sequence[PartyId] | None, *, everybody: bool = False) -> dict[PartyId, Party]:
        t = self.plan.t
        chosen = (self.unlocked if everybody else self.unlocked[:t]) if signers is None else signers
        sealed = sorted(set(chosen) - set(self._parties))
        if sealed:
            raise NotEnoughSignersError(
                f"party {', '.join(map(str, sealed))} is sealed", "unlock it with its passphrase"
            )
        if len(set(chosen)) < t:
            raise NotEnoughSignersError(
                f"{t} parties of this wallet are needed and {len(set(chosen))} are there",
                "unlock more of them with their passphrases",
            )
        return {party: self._parties[party] for party in sorted(set(chosen))}


def _last_ecdsa(store: PartyStore) -> PublicShare:
    """Return the public side of the share of the one SegWit key of a party, of its last epoch."""
    shares = store.ecdsa_shares()
    if len({share.key for share in shares}) != 1:
        raise CorruptError("the store of the party has not one SegWit key")
    return max(shares, key=lambda share: share.epoch)


def _presigning(store: PartyStore, keys: WalletKeys, key: SegwitKey) -> EcdsaCredentials:
    share, aux = store.ecdsa_share(key.public_key), store.aux(level.PARAMS)
    return EcdsaCredentials(store.host_key(), keys.host_keys, share, aux, level.PARAMS)


def _now() -> int:
    return int(time.time())
