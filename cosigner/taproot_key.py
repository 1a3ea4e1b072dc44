"""The public side of a Taproot key, and what a session signs under it: each side computes both for itself."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Self

from frost_bip340.key_share import ThresholdInfo
from frost_bip340.params import SessionParams
from frost_bip340.recovery import coordinator_recover
from frost_bip340.signing_rounds import Input, SigningRequest
from frost_bip340.tweak import derive, output_tweak
from protocol.errors import UsageError
from protocol.ids import Epoch, PartyId
from protocol.resharing.plan import Sharing
from wallet.account import Account, KeyPath
from wallet.bip32 import ExtendedKey
from wallet.network import Network
from wallet.script import ScriptType

TAPROOT = "taproot"  # the name of the account


@dataclass(frozen=True, slots=True)
class TaprootKey:
    """A key as all parties and the coordinator know it.

    Args:
        info: the threshold key.
        params: of its generation: whose host key is whose.
        epoch: of the shares.
        account: what it receives on.
    """

    info: ThresholdInfo
    params: SessionParams
    epoch: int
    account: Account

    @classmethod
    def recover(cls, recovery_data: bytes, network: Network, birth: int) -> Self:
        """Read the key from its recovery data, which all parties of its generation have signed.

        Args:
            recovery_data: of the key generation.
            network: where the account lives.
            birth: of the account, Unix seconds.

        Raises:
            RecoveryDataError: the data is damaged.
        """
        info, params, chain_code = coordinator_recover(recovery_data)
        return cls(info, params, 0, taproot_account(info, chain_code, network, birth))

    @property
    def sharing(self) -> Sharing:
        """The public side of all shares of the epoch."""
        info = self.info
        pubshares = tuple(info.pubshare(PartyId(i)) for i in range(info.n))
        return Sharing(info.thresh_pk, info.t, pubshares, Epoch(self.epoch))

    def after(self, sharing: Sharing) -> Self:
        """Return the key with other shares; nothing else of it changes.

        Raises:
            UsageError: they are not of this key, or of another number of parties or threshold.
        """
        info = self.info
        if (sharing.key, sharing.t, sharing.n) != (info.thresh_pk, info.t, info.n):
            raise UsageError("the new shares are not of the Taproot key")
        return replace(
            self, info=ThresholdInfo(sharing.t, sharing.key, sharing.pubshares), epoch=sharing.epoch
        )

    @property
    def public_key(self) -> bytes:
        """The threshold key before all tweaks, 33 bytes."""
        return bytes(self.info.thresh_pk)

    @property
    def host_keys(self) -> tuple[bytes, ...]:
        """The x-only host keys of the parties, 32 bytes each."""
        return tuple(key[1:] for key in self.params.hostpubkeys)

    def request(self, inputs: Iterable[tuple[bytes, KeyPath]]) -> SigningRequest:
        """Return what a session signs.

        Args:
            inputs: of each input of this key, in their order, the sighash and the path of the address.

        Raises:
            UsageError: there is none.
        """
        return SigningRequest(
            self.info, self.epoch, tuple(self._input(sighash, path) for sighash, path in inputs)
        )

    def _input(self, sighash: bytes, path: KeyPath) -> Input:
        child = derive(self.info.thresh_pk, self.account.key.chain_code, path.steps)
        # BIP-86: the output key commits to no script, so that nobody can have hidden one
        return Input(sighash, (*child.tweaks, output_tweak(child.public_key, None)))


def taproot_account(info: ThresholdInfo, chain_code: bytes, network: Network, birth: int) -> Account:
    """Return the account of a key: its extended key is synthetic, of depth 0."""
    key = ExtendedKey(bytes(info.thresh_pk), chain_code)
    return Account(TAPROOT, ScriptType.P2TR, key, network, birth)
