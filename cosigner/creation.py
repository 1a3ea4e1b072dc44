"""How a wallet comes to be whose parties all live in this process: their stores, then their keys."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial

from cosigner import keygen, level, segwit_keygen
from cosigner.home import WalletFolder
from cosigner.keygen import KeygenParty, KeygenTerms
from cosigner.plan import WalletPlan
from cosigner.segwit_keygen import SegwitKeygenParty, SegwitTerms
from cosigner.settings import WatchSettings
from cosigner.steps import Progress
from cosigner.taproot_key import TaprootKey, taproot_account
from ecdsa_cggmp.aux_info import AuxSecret
from ecdsa_cggmp.key_share import PublicShare
from frost_bip340.key_share import KeyShare
from native.secret import SecretSeed
from protocol.errors import UnattributedAbort
from protocol.ids import PartyId
from storage.parties import PartyStore
from storage.passphrase import Passphrase
from wallet.descriptor import Descriptor


def make_wallet(
    folder: WalletFolder,
    plan: WalletPlan,
    passphrases: Mapping[PartyId, Passphrase],
    factors: Callable[[PartyId], AuxSecret],
    progress: Progress,
) -> dict[PartyId, SecretSeed]:
    """Write all files of a wallet.

    Args:
        folder: empty.
        plan: of the wallet.
        passphrases: of each party, to seal its store with.
        factors: gives each party primes that nobody else has.
        progress: told what each party does.

    Returns:
        What unseals the stores of the parties, which are closed.

    Raises:
        MpcError: key generation has failed.
        StorageError: a store cannot be written.
    """
    with ExitStack() as files:
        stores = {}
        for party, passphrase in sorted(passphrases.items()):
            stores[party] = files.enter_context(PartyStore.create(folder.party(party), party, passphrase))
            stores[party].put_terms(plan.text())
        recovery_data, account = _taproot(plan, stores, progress)
        segwit = _segwit(plan, stores, factors, progress) if plan.segwit else None
        settings = WatchSettings.of(plan, recovery_data, segwit)
        if Descriptor.of(settings.keys.taproot.account).text() != account:
            raise UnattributedAbort("the coordinator does not show the parties' account")
        settings.write(folder.database)
        return {party: store.release() for party, store in stores.items()}


def _taproot(plan: WalletPlan, stores: Mapping[PartyId, PartyStore], progress: Progress) -> tuple[bytes, str]:
    """Generate the Taproot key; return its recovery data, and the account as all parties show it."""

    def account(share: KeyShare) -> str:
        made = taproot_account(share.info, share.chain_code, plan.network, plan.birth)
        return Descriptor.of(made).text()

    peers = {
        party: KeygenParty(KeygenTerms(party, plan.n, plan.t, account, progress), store)
        for party, store in stores.items()
    }
    made = keygen.generate(peers, plan.t, progress)
    return made.output.recovery_data, made.account


def _segwit(
    plan: WalletPlan,
    stores: Mapping[PartyId, PartyStore],
    factors: Callable[[PartyId], AuxSecret],
    progress: Progress,
) -> PublicShare:
    """Generate the SegWit key and the auxiliary info, between the host keys of the Taproot key."""

    def party(me: PartyId, store: PartyStore) -> SegwitKeygenParty:
        # what the party knows of the others is in its own store
        host_keys = TaprootKey.recover(store.recovery_data(), plan.network, plan.birth).host_keys
        own = partial(factors, me)
        terms = SegwitTerms(me, plan.t, store.host_key(), host_keys, level.PARAMS, own, progress)
        return SegwitKeygenParty(terms, store)

    peers = {me: party(me, store) for me, store in stores.items()}
    host_keys = TaprootKey.recover(stores[PartyId(0)].recovery_data(), plan.network, plan.birth).host_keys
    return segwit_keygen.generate(peers, plan.t, host_keys, level.PARAMS, progress)
