"""The public side of a SegWit key, and what a session signs under it: each side computes both for itself."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Self

from ecdsa_cggmp.key_share import PublicShare
from ecdsa_cggmp.presignature import PublicPresignature
from ecdsa_cggmp.sign import SigningRequest
from ecdsa_cggmp.sign_messages import Input, SigningPlan
from frost_bip340.tweak import derive
from native.curve import Scalar
from presig_pool.state import Stock
from protocol.errors import UsageError
from protocol.ids import PartyId
from protocol.resharing.plan import Sharing
from wallet.account import Account, KeyPath
from wallet.bip32 import ExtendedKey
from wallet.network import Network
from wallet.script import ScriptType

SEGWIT: Final = "segwit"  # the name of the account


@dataclass(frozen=True, slots=True)
class SegwitKey:
    """A key as all parties and the coordinator know it.

    Args:
        sharing: the key, its threshold and public shares, and their epoch.
        account: what it receives on.
    """

    sharing: Sharing
    account: Account

    @classmethod
    def of(cls, share: PublicShare, network: Network, birth: int) -> Self:
        """Return the key of a share: its extended key is synthetic, of depth 0.

        Args:
            share: of any party.
            network: where the account lives.
            birth: of the account, Unix seconds.
        """
        key = ExtendedKey(bytes(share.sharing.key), share.chain_code)
        return cls(share.sharing, Account(SEGWIT, ScriptType.P2WPKH, key, network, birth))

    def after(self, sharing: Sharing) -> Self:
        """Return the key with other shares; nothing else of it changes.

        Raises:
            UsageError: they are not of this key, or of another number of parties or threshold.
        """
        now = self.sharing
        if (sharing.key, sharing.t, sharing.n) != (now.key, now.t, now.n):
            raise UsageError("the new shares are not of the SegWit key")
        return replace(self, sharing=sharing)

    @property
    def public_key(self) -> bytes:
        """The key, 33 bytes."""
        return bytes(self.sharing.key)

    @property
    def epoch(self) -> int:
        """Epoch of the shares."""
        return self.sharing.epoch

    def stock(self, signers: Sequence[PartyId]) -> Stock:
        """Return what presignatures of these signers are for."""
        return Stock(self.public_key, self.sharing.epoch, tuple(sorted(signers)))

    def requests(self, inputs: Iterable[tuple[bytes, KeyPath]]) -> tuple[SigningRequest, ...]:
        """Return what is signed with one presignature each.

        Args:
            inputs: of each input of this key, in their order, the sighash and the path of the address.
        """
        return tuple(SigningRequest(sighash, self._tweak(path)) for sighash, path in inputs)

    def plan(
        self,
        signers: Sequence[PartyId],
        requests: Sequence[SigningRequest],
        presignatures: Sequence[PublicPresignature],
    ) -> SigningPlan:
        """Return what a session signs.

        Args:
            signers: t parties, ascending.
            requests: at least one.
            presignatures: the one of each request.

        Raises:
            UsageError: they do not fit each other.
        """
        pairs = zip(presignatures, requests, strict=True)
        return SigningPlan(self.sharing, tuple(signers), tuple(Input(*pair) for pair in pairs))

    def _tweak(self, path: KeyPath) -> Scalar:
        """Return the sum of the tweaks of a path (BIP-32, CKDpub)."""
        child = derive(self.sharing.key, self.account.key.chain_code, path.steps)
        return sum((tweak.value for tweak in child.tweaks), Scalar(0))
