"""A wallet all of whose parties are kept on this machine, each with its own store and passphrase.

Between the parties and the coordinator there are bytes only (cosigner.exchange): a party may as well be
served by another process (cosigner.parties), and neither side notices.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Final, Self

from cosigner import level
from cosigner.calls import WalletPeer
from cosigner.creation import make_wallet
from cosigner.errors import NotEnoughSignersError
from cosigner.home import Home, WalletFolder
from cosigner.keeper import RefillProgress
from cosigner.keys import SEGWIT_ACCOUNT
from cosigner.parties import OwnParties, Parties
from cosigner.plan import WalletPlan
from cosigner.pools import PoolFigures, Pools, PoolVerbs
from cosigner.primes import PrimeSource
from cosigner.refresh_party import RefreshParty, RefreshTerms
from cosigner.refreshed import Refreshed
from cosigner.refreshing import refresh
from cosigner.settings import WatchSettings
from cosigner.signing import Signed, sign
from cosigner.spending import SpendingWallet
from cosigner.steps import Deed, Progress, Step, silent
from presig_pool.errors import PoolExhausted
from protocol.errors import UnattributedAbort, UsageError
from protocol.ids import COORDINATOR, PartyId
from storage.errors import CorruptError, LockedError
from storage.parties import PartyStore
from storage.passphrase import Passphrase
from storage.signing_log import SignedEntry
from storage.wallets import SqlWalletStore
from wallet import address
from wallet.errors import UnknownError
from wallet.psbt import Psbt

_REFILLS: Final = 3  # for one transaction: others may take what was made for it


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
        source = PrimeSource(home, passphrases, progress)
        with home.staging(name) as folder:
            masters = make_wallet(folder, plan, passphrases, source.factors, progress)
        progress(Step(COORDINATOR, Deed.WALLET_READY, name))
        wallet = cls.open(home, name, progress)
        try:
            for party, master in masters.items():
                store = PartyStore.reopen(wallet.folder.party(party), master)
                wallet.parties.own.admit(party, store)
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
        self._has_let_go = False
        self.parties = Parties(folder, self.keys, progress)

    def close(self) -> None:
        """Seal the parties that are unlocked here and close all files; a second call does nothing."""
        self.parties.close()
        super().close()

    def let_go(self) -> None:
        """Leave the state of the wallet to other processes from now on; parties can still be unlocked."""
        self._has_let_go = True
        super().close()

    def detach(self) -> OwnParties:
        """Close the wallet, but for the parties that are unlocked here: they are the caller's from now on."""
        own = self.parties.own
        self.parties.own = OwnParties(self._folder, self.keys, self._progress)
        self.close()
        return own

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
        """Unseal a party, so that it takes part until the wallet is closed; one that takes part goes on.

        Raises:
            UnknownError: there is no such party.
            WrongPassphraseError: the passphrase is another.
            StorageError: its store is damaged, or another process has it.
        """
        self._expect_party(party)
        if party in self.unlocked:
            return
        store = self.parties.own.open(party, passphrase)
        try:
            self._follow(store)
        except BaseException:
            store.close()
            raise
        self.parties.own.admit(party, store)

    def _follow(self, store: PartyStore) -> None:
        """Take a refresh over that a party knows and this wallet does not.

        Its file was put back from a copy, or it has let go of it and another process made the refresh.
        """
        record = store.record_of_handover()
        if record is None or (known := Refreshed.from_bytes(record)).epoch <= self.keys.epoch:
            return
        try:
            with self._state_at_hand():
                if known.epoch > self.keys.epoch:
                    self._go_over(known)
                else:
                    self.parties.go_over(self.keys)
        except UnattributedAbort as e:
            raise CorruptError("the store of the party is of another key than the wallet") from e

    @contextmanager
    def _state_at_hand(self) -> Iterator[None]:
        """Have the state of the wallet open, which others may have changed since let_go()."""
        if not self._has_let_go:
            yield
            return
        with SqlWalletStore.open(self._folder.database) as self._store:
            self.settings = WatchSettings.read(self._store)
            yield

    def refresh(self, primes: PrimeSource | None = None) -> None:
        """Have all parties make new shares of the same keys; old shares and presignatures become void.

        Public keys, chain codes and addresses stay. A kill at any moment leaves the old shares in use, or
        the new ones: who has not gone over to them does so when it is unlocked next.

        Args:
            primes: for new auxiliary info of the SegWit key; None to keep the old one.

        Raises:
            LockedError: parties are served by another process.
            NotEnoughSignersError: not all parties are unlocked.
            UsageError: the threshold is 1, with which every share is the key itself; or the wallet has no
                use for primes.
            FaultyPartyError: proves that parties deviated; the old shares stay in use.
            MpcError: the refresh has failed otherwise; the old shares stay in use.
            StorageError: a file cannot be written.

        Security:
            Copies of files from before still hold old shares, of which t are the key: destroy them. Keep
            the auxiliary info only if nobody can have read a party's file: its factors, with the messages
            of a later session, give that party's new share.
        """
        self.expect_refreshable()
        if primes is not None and self.keys.segwit is None:
            raise UsageError("a wallet without a SegWit account has no auxiliary info")
        own = self.parties.own
        if missing := [i for i in range(self.plan.n) if i not in own.parties]:
            names = ", ".join(map(str, missing))
            raise NotEnoughSignersError(
                f"a refresh takes all {self.plan.n} parties, and party {names} is sealed",
                "unlock it with its passphrase",
            )
        peers = {
            i: RefreshParty(self._refresh_terms(i, store, primes), store) for i, store in own.stores.items()
        }
        self._go_over(refresh(peers, self.keys, self._progress, None if primes is None else level.PARAMS))

    def _refresh_terms(self, party: PartyId, store: PartyStore, primes: PrimeSource | None) -> RefreshTerms:
        factors = None if primes is None else partial(primes.factors, party)
        return RefreshTerms(party, store.host_key(), self.keys, level.PARAMS, factors, self._progress)

    def expect_refreshable(self) -> None:
        """Check that nothing stands in the way of a refresh but passphrases; raises as refresh() does."""
        if self.plan.t == 1:
            raise UsageError("with a threshold of 1 every share is the key itself: no refresh changes it")
        if self.parties.served:
            raise LockedError(
                "mpcw serve has the files of parties, and presignatures that the refresh makes void",
                "stop it with Ctrl-C, refresh, and start it again",
            )

    def _go_over(self, refreshed: Refreshed) -> None:
        """Use the new shares from now on; that the wallet's file says so is what decides after a crash."""
        settings = self.settings.after(refreshed)
        self._store.set_plan(settings.text())
        self.settings = settings
        self.parties.go_over(self.keys)

    def change_passphrase(self, party: PartyId, old: Passphrase, new: Passphrase) -> None:
        """Seal a party under another passphrase, whether it is unlocked or not.

        Raises:
            UnknownError: there is no such party.
            WrongPassphraseError: the old passphrase is another; nothing is changed.

        Security:
            Old copies of its file still open with the old passphrase.
        """
        self._expect_party(party)
        with self.parties.store(party) as store:
            store.change_passphrase(old, new)

    def signed_by(self, party: PartyId) -> tuple[SignedEntry, ...]:
        """Return what a party has written down of what it signed, oldest first.

        Raises:
            UnknownError: there is no such party.
        """
        self._expect_party(party)
        with self.parties.store(party) as store:
            return store.signatures()

    def _expect_party(self, party: PartyId) -> None:
        if party not in range(self.plan.n):
            raise UnknownError(f"there is no party {party}", f"the parties are 0..{self.plan.n - 1}")

    @property
    def unlocked(self) -> tuple[PartyId, ...]:
        """The parties that take part, ascending: unlocked here, or served by another process."""
        return self.parties.present

    def default_signers(self) -> tuple[PartyId, ...]:
        """Return t parties, ascending: those that take part before those that are sealed."""
        sealed = (party for party in map(PartyId, range(self.plan.n)) if party not in self.unlocked)
        return tuple(sorted([*self.unlocked, *sealed][: self.plan.t]))

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
    def own_pools(self) -> Pools:
        """The pools of the parties that are unlocked here.

        Raises:
            UnknownError: the wallet has no SegWit account.
        """
        if self.parties.own.pools is None:
            raise UnknownError(
                "this wallet has no SegWit account, and Taproot inputs need no presignatures",
                "a wallet has both accounts if it is made without --no-segwit",
            )
        return self.parties.own.pools

    @property
    def pools(self) -> PoolVerbs:
        """The pools of the parties that are served; without a server, of those that are unlocked here.

        Raises:
            UnknownError: the wallet has no SegWit account.
        """
        own, server = self.own_pools, self.parties.server
        return own if server is None else server.pools

    def pool_figures(self) -> PoolFigures:
        """Return what there is of presignatures; while all parties are sealed, what their files say.

        Raises:
            UnknownError: the wallet has no SegWit account.
            StorageError: a file cannot be read, or another process has it.
        """
        pools = self.pools
        return pools.figures() if self.unlocked else self.parties.past_figures(self.plan.n)

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
        for refills in range(_REFILLS + 1):
            try:
                signed = sign(seen, psbt, self.keys, peers, self._progress)
                break
            except PoolExhausted as short:
                if wait is None or refills == _REFILLS:
                    raise
                self.pools.refill(tuple(peers), short.wanted - short.ready, wait, payment=True)
        self._store.put_draft(signed.psbt.tx.txid, bytes(signed.psbt))
        return signed

    def _chosen(
        self, signers: Sequence[PartyId] | None, *, everybody: bool = False
    ) -> dict[PartyId, WalletPeer]:
        t = self.plan.t
        chosen = (self.unlocked if everybody else self.unlocked[:t]) if signers is None else signers
        sealed = sorted(set(chosen) - set(self.unlocked))
        if sealed:
            raise NotEnoughSignersError(
                f"party {', '.join(map(str, sealed))} is sealed", "unlock it with its passphrase"
            )
        if len(set(chosen)) < t:
            raise NotEnoughSignersError(
                f"{t} parties of this wallet are needed and {len(set(chosen))} are there",
                "unlock more of them with their passphrases",
            )
        return self.parties.peers(set(chosen))
