"""Fee caps: those by which each party judges, in its own store, and those of the coordinator's own review."""

from dataclasses import dataclass

from cosigner.clock import unix_now
from cosigner.local import LocalWallet
from cosigner.plan import WalletPlan
from protocol.errors import UsageError
from protocol.ids import PartyId
from storage.parties import PartyStore
from storage.passphrase import Passphrase
from wallet.amounts import FeeRate, Sats
from wallet.fees import FeeCaps


@dataclass(frozen=True, slots=True)
class CapsChange:
    """What is to be changed of fee caps; None leaves a cap as it is.

    Args:
        absolute: satoshi.
        relative: percent of the amount sent.
        rate: over the virtual bytes of the signed transaction.
    """

    absolute: Sats | None = None
    relative: int | None = None
    rate: FeeRate | None = None

    def __bool__(self) -> bool:
        return (self.absolute, self.relative, self.rate) != (None, None, None)

    def of(self, caps: FeeCaps) -> FeeCaps:
        """Return changed caps.

        Raises:
            MalformedError: one is negative.
        """
        return FeeCaps(
            caps.absolute if self.absolute is None else self.absolute,
            caps.relative if self.relative is None else self.relative,
            caps.rate if self.rate is None else self.rate,
        )


@dataclass(frozen=True, slots=True)
class PartyCaps:
    """The caps of a party, as its file says them.

    Args:
        caps: now.
        changed: Unix seconds of each change, oldest first.
    """

    caps: FeeCaps
    changed: tuple[int, ...]


def caps_of(wallet: LocalWallet, party: PartyId) -> PartyCaps:
    """Return the caps of a party; no passphrase is needed.

    Raises:
        LockedError: `mpcw serve`, or another process, has its file.
        StorageError: its file is damaged.
    """
    with wallet.parties.store(party) as store:
        return PartyCaps(_terms(store).caps, tuple(time for time, _ in store.past_terms()))


def change_caps(wallet: LocalWallet, party: PartyId, passphrase: Passphrase, change: CapsChange) -> FeeCaps:
    """Change the caps of a party, as its operator; the caps that it had stay in its file, with the time.

    Args:
        wallet: whose party it is; the party is sealed.
        party: which.
        passphrase: of the party: nobody else can change by what it judges.
        change: what to change.

    Returns:
        The new caps.

    Raises:
        UsageError: the party is unlocked here, and would go on with the old caps.
        LockedError: `mpcw serve`, or another process, has its file.
        WrongPassphraseError: the passphrase is another; nothing is changed.
    """
    if party in wallet.unlocked and party not in wallet.parties.served:
        raise UsageError(f"party {party} is unlocked: it goes by its old caps until it is sealed")
    with wallet.parties.store(party) as store:
        store.unseal(passphrase)
        plan = _terms(store)
        caps = change.of(plan.caps)
        store.change_terms(plan.with_caps(caps).text(), unix_now())
    return caps


def _terms(store: PartyStore) -> WalletPlan:
    return WalletPlan.parse(store.terms() or "")
