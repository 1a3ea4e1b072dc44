"""The parties of a wallet that take part: unlocked in this process, or served by another of the user's."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

from cosigner import level
from cosigner.clock import unix_now
from cosigner.home import WalletFolder
from cosigner.keys import WalletKeys
from cosigner.party import Party
from cosigner.plan import WalletPlan
from cosigner.pools import PoolFigures, Pools, past_figures
from cosigner.presigning import EcdsaCredentials
from cosigner.refreshed import Refreshed
from cosigner.refreshing import catch_up
from cosigner.segwit_key import SegwitKey
from cosigner.segwit_signing import SegwitSigner
from cosigner.signing_parts import Credentials
from cosigner.steps import Deed, Progress, Step
from ecdsa_cggmp.key_share import PublicShare
from presig_pool.pool import Pool
from presig_pool.watermarks import DEFAULT as WATERMARKS
from protocol.errors import UsageError
from protocol.ids import PartyId
from storage.errors import CorruptError, LockedError, StorageError
from storage.parties import PartyStore
from storage.passphrase import Passphrase

if TYPE_CHECKING:
    from cosigner.calls import WalletPeer
    from cosigner.remote import Server


class OwnParties:
    """Parties that are unlocked in this process, each with its own store."""

    def __init__(self, folder: WalletFolder, keys: WalletKeys, progress: Progress) -> None:
        """Begin with none.

        Args:
            folder: of the wallet.
            keys: of it; a party of others is not taken.
            progress: told what each party does.
        """
        self._folder, self._keys, self._progress = folder, keys, progress
        self.parties: dict[PartyId, Party] = {}
        self.stores: dict[PartyId, PartyStore] = {}
        self.pools: Pools | None = None
        if keys.segwit is not None:
            self.pools = Pools(keys.segwit, self.parties, self.stores, unix_now, WATERMARKS)

    def open(self, party: PartyId, passphrase: Passphrase) -> PartyStore:
        """Open and unseal the store of a party, which admit() takes.

        Raises:
            WrongPassphraseError: the passphrase is another.
            StorageError: the store is damaged, or another process has it.
        """
        store = PartyStore.open(self._folder.party(party))
        try:
            store.unseal(passphrase)
        except BaseException:
            store.close()
            raise
        return store

    def admit(self, party: PartyId, store: PartyStore) -> None:
        """Take the unsealed store of a party over, which goes over to the shares that are in use.

        Raises:
            StorageError: the store is damaged, or of before the last refresh; it is closed.
        """
        try:
            if catch_up(store, party, self._keys, unix_now()):
                self._progress(Step(party, Deed.OLD_SHARES_DELETED, f"epoch {self._keys.epoch}"))
            self.parties[party] = self._party(store, party)
        except BaseException:
            store.close()
            raise
        self.stores[party] = store

    def succeed(self, before: "OwnParties") -> None:
        """Take the stores of parties over that were unlocked for other shares of the same keys.

        Raises:
            StorageError: what failed first; the other parties are taken over nevertheless.
        """
        for party in before.parties.values():
            party.end_all()
        before.parties.clear()
        errors = []
        try:
            for i in sorted(before.stores):
                try:
                    self.admit(i, before.stores.pop(i))
                except StorageError as e:
                    errors.append(e)
        finally:
            before.close()
        if errors:
            raise errors[0]

    def close(self) -> None:
        """Seal all parties; a second call does nothing."""
        self.parties.clear()
        for store in self.stores.values():
            store.close()
        self.stores.clear()

    def _party(self, store: PartyStore, party: PartyId) -> Party:
        """Return the party of an unsealed store, all of whose knowledge is the store's."""
        plan = WalletPlan.parse(store.terms() or "")
        ecdsa = _last_ecdsa(store) if plan.segwit else None
        keys = WalletKeys.recover(store.recovery_data(), ecdsa, plan.network, plan.birth)
        if (record := store.record_of_handover()) is not None:
            keys = keys.after(Refreshed.from_bytes(record))
        share = store.share(keys.taproot.public_key)
        if {share.party, store.party, ecdsa.party if ecdsa else party} != {party}:
            raise CorruptError(f"this is the store of party {store.party}, not of party {party}")
        if keys != self._keys:
            raise CorruptError("the store of the party is of another key than the wallet")
        segwit, making = None, None
        if keys.segwit is not None:
            segwit = SegwitSigner(keys.segwit, Pool(store.presignatures, WATERMARKS), unix_now)
            making = _presigning(store, keys, keys.segwit)
        credentials = Credentials(store.host_key(), keys, share, segwit, plan.caps, making)
        return Party(credentials, store, self._progress)


class Parties:
    """All parties that take part: those that `mpcw serve` serves, if it runs, and those unlocked here."""

    def __init__(self, folder: WalletFolder, keys: WalletKeys, progress: Progress) -> None:
        """See OwnParties; the server is looked for when a party is needed."""
        self._folder, self._keys, self._progress = folder, keys, progress
        self.own = OwnParties(folder, keys, progress)

    def go_over(self, keys: WalletKeys) -> None:
        """Have the parties unlocked here go over to the shares of a refresh; see OwnParties.succeed."""
        before, self._keys = self.own, keys
        self.own = OwnParties(self._folder, keys, self._progress)
        self.own.succeed(before)

    @cached_property
    def server(self) -> "Server | None":
        """The server of the wallet; None if there is none.

        Raises:
            StorageError: others than this user could have put one there.
            UnreachableError: it does not answer.
        """
        from cosigner.remote import Server  # noqa: PLC0415  (gRPC takes its time, and few commands need it)

        return Server.find(self._folder.meeting)

    @property
    def served(self) -> "Mapping[PartyId, WalletPeer]":
        """The parties that are served."""
        return self.server.parties if self.server is not None else {}

    @property
    def present(self) -> tuple[PartyId, ...]:
        """The parties that take part, ascending."""
        return tuple(sorted({*self.own.parties, *self.served}))

    def peers(self, parties: Collection[PartyId]) -> "dict[PartyId, WalletPeer]":
        """Return parties that take part, to be asked."""
        everybody = {**self.served, **self.own.parties}
        return {party: everybody[party] for party in sorted(parties)}

    @contextmanager
    def store(self, party: PartyId) -> Iterator[PartyStore]:
        """Lend the store of a party, which is opened for it if it is sealed.

        Raises:
            LockedError: the party is served.
            StorageError: the store is damaged, or another process has it.
        """
        if party in self.own.stores:
            yield self.own.stores[party]
        elif party in self.served:
            raise LockedError(f"mpcw serve has the file of party {party}", "stop it first, with Ctrl-C")
        else:
            with PartyStore.open(self._folder.party(party)) as store:
                yield store

    def past_figures(self, n: int) -> PoolFigures:
        """Return what the files of all n parties say of pools, while no party takes part.

        Raises:
            UsageError: the wallet has no SegWit account.
            StorageError: a file cannot be read, or another process has it.
        """
        if self._keys.segwit is None:
            raise UsageError("the wallet has no SegWit account")
        with ExitStack() as files:
            stores = {i: files.enter_context(self.store(i)) for i in map(PartyId, range(n))}
            return past_figures(self._keys.segwit, stores, WATERMARKS, unix_now())

    def close(self) -> None:
        """Seal the parties that are unlocked here, and let go of the server; a second call does nothing."""
        self.own.close()
        if self.__dict__.get("server") is not None:
            self.__dict__.pop("server").close()


def _last_ecdsa(store: PartyStore) -> PublicShare:
    """Return the public side of the share of the one SegWit key of a party, of its last epoch."""
    shares = store.ecdsa_shares()
    if len({share.key for share in shares}) != 1:
        raise CorruptError("the store of the party has not one SegWit key")
    return max(shares, key=lambda share: share.epoch)


def _presigning(store: PartyStore, keys: WalletKeys, key: SegwitKey) -> EcdsaCredentials:
    share, aux = store.ecdsa_share(key.public_key), store.aux(level.PARAMS)
    return EcdsaCredentials(store.host_key(), keys.host_keys, share, aux, level.PARAMS)
