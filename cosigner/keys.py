"""The public side of a wallet's keys: one for Taproot, and one for SegWit if the wallet has that account."""

from dataclasses import dataclass, field, replace
from typing import Final, Self

from cosigner.refreshed import Refreshed
from cosigner.segwit_key import SegwitKey
from cosigner.taproot_key import TaprootKey
from ecdsa_cggmp.key_share import PublicShare
from protocol.errors import UsageError
from protocol.ids import Epoch
from wallet.account import Account
from wallet.network import Network

TAPROOT_ACCOUNT: Final = 0
SEGWIT_ACCOUNT: Final = 1


@dataclass(frozen=True, slots=True)
class WalletKeys:
    """The keys of a wallet, of the same parties and the same threshold.

    Args:
        taproot: FROST; its generation made the parties known to each other.
        segwit: threshold ECDSA; None for a wallet without.
        refresh: the last one; None if the shares are those of the key generation.

    Raises:
        UsageError: the keys are of other numbers of parties.
    """

    taproot: TaprootKey
    segwit: SegwitKey | None
    refresh: Refreshed | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        info = self.taproot.info
        if self.segwit is not None and (self.segwit.sharing.n, self.segwit.sharing.t) != (info.n, info.t):
            raise UsageError("the keys of the wallet are not of the same parties and threshold")

    @classmethod
    def recover(cls, recovery_data: bytes, segwit: PublicShare | None, network: Network, birth: int) -> Self:
        """Read the keys from what is stored of them.

        Args:
            recovery_data: of the generation of the Taproot key.
            segwit: a share of the SegWit key, of any party; None for a wallet without.
            network: where the accounts live.
            birth: of the accounts, Unix seconds.

        Raises:
            RecoveryDataError: the recovery data is damaged.
            UsageError: the keys do not fit each other.
        """
        taproot = TaprootKey.recover(recovery_data, network, birth)
        return cls(taproot, None if segwit is None else SegwitKey.of(segwit, network, birth))

    def after(self, refresh: Refreshed) -> Self:
        """Return the keys with the shares of a refresh; accounts and public keys stay.

        Raises:
            UnattributedAbort: not all parties have confirmed it.
            UsageError: it is of other keys.
        """
        refresh.check(self.host_keys, len(self.accounts))
        taproot, *segwit = (new.sharing for new in refresh.keys)
        return replace(
            self,
            taproot=self.taproot.after(taproot),
            segwit=None if self.segwit is None else self.segwit.after(*segwit),
            refresh=refresh,
        )

    @property
    def epoch(self) -> Epoch:
        """The epoch of the shares of all keys: 0 until the first refresh."""
        return Epoch(self.taproot.epoch)

    @property
    def accounts(self) -> tuple[Account, ...]:
        """What the wallet receives on, by TAPROOT_ACCOUNT and SEGWIT_ACCOUNT."""
        return (self.taproot.account,) if self.segwit is None else (self.taproot.account, self.segwit.account)

    def key_of(self, account: int) -> TaprootKey | SegwitKey:
        """Return the key of an account.

        Raises:
            UsageError: the wallet has no such account.
        """
        if account == TAPROOT_ACCOUNT:
            return self.taproot
        if account != SEGWIT_ACCOUNT or self.segwit is None:
            raise UsageError("the wallet has no such account")
        return self.segwit

    @property
    def host_keys(self) -> tuple[bytes, ...]:
        """The x-only host keys of the parties, 32 bytes each."""
        return self.taproot.host_keys
