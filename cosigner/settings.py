"""What the watching side of a wallet keeps of it: its plan, and the public side of its keys."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from cosigner.keys import WalletKeys
from cosigner.plan import WalletPlan
from cosigner.refreshed import Refreshed
from ecdsa_cggmp.key_share import PublicShare
from protocol.errors import MpcError
from storage.errors import CorruptError
from storage.wallets import SqlWalletStore, WalletSettings
from wallet.errors import WalletError


@dataclass(frozen=True, slots=True)
class WatchSettings:
    """The settings of a wallet.

    Args:
        plan: what its user decided.
        recovery_data: of the generation of the Taproot key, public.
        segwit: a public share of the SegWit key as it was generated; None for a wallet without.
        keys: what these say, and the last refresh.
    """

    plan: WalletPlan
    recovery_data: bytes
    segwit: PublicShare | None
    keys: WalletKeys

    @classmethod
    def of(cls, plan: WalletPlan, recovery_data: bytes, segwit: PublicShare | None) -> Self:
        """Return the settings of a wallet with its keys.

        Raises:
            RecoveryDataError: the recovery data is damaged.
            UsageError: the keys do not fit each other.
        """
        keys = WalletKeys.recover(recovery_data, segwit, plan.network, plan.birth)
        return cls(plan, recovery_data, segwit, keys)

    @classmethod
    def read(cls, store: SqlWalletStore) -> Self:
        """Read the settings of a wallet.

        Raises:
            CorruptError: they are damaged, or do not fit the rest of the store.
        """
        stored = store.settings()
        try:
            found = cls._parse(json.loads(stored.plan))
        except (ValueError, KeyError, TypeError, RecursionError, WalletError, MpcError) as e:
            raise CorruptError(f"the settings of the wallet are damaged: {e}", "settings") from e
        plan, info = found.plan, found.keys.taproot.info
        expected = (plan.network, plan.n, plan.t, found.keys.accounts)
        given = (stored.network, stored.parties, stored.threshold, store.accounts())
        # address_verify and signing go by t: a lower one would let fewer parties vouch for an address
        if given != expected or (plan.n, plan.t) != (info.n, info.t):
            raise CorruptError("the settings of the wallet do not fit its key", "settings")
        if plan.segwit != (found.segwit is not None):
            raise CorruptError("the settings of the wallet do not fit its accounts", "settings")
        return found

    @classmethod
    def _parse(cls, data: dict[str, Any]) -> Self:
        segwit = data.get("segwit")  # wallets of before SegWit accounts have none
        share = None if segwit is None else PublicShare.from_bytes(bytes.fromhex(segwit))
        made = cls.of(WalletPlan.parse(data["plan"]), bytes.fromhex(data["recovery_data"]), share)
        refresh = data.get("refresh")
        return made if refresh is None else made.after(Refreshed.from_bytes(bytes.fromhex(refresh)))

    def after(self, refresh: Refreshed) -> Self:
        """Return the settings of the wallet after a refresh.

        Raises:
            UnattributedAbort, UsageError: it is none of this wallet's.
        """
        return replace(self, keys=self.keys.after(refresh))

    def text(self) -> str:
        """Return the form in which the store keeps it."""
        segwit = None if self.segwit is None else bytes(self.segwit).hex()
        data = {"plan": self.plan.text(), "recovery_data": self.recovery_data.hex(), "segwit": segwit}
        refresh = self.keys.refresh
        return json.dumps(data if refresh is None else {**data, "refresh": bytes(refresh).hex()})

    def write(self, path: Path) -> None:
        """Make the store of a new wallet.

        Raises:
            StorageError: it cannot be written.
        """
        plan = self.plan
        fresh = WalletSettings.fresh(plan.network, plan.n, plan.t, self.text())
        with SqlWalletStore.create(path, fresh) as store:
            for account in self.keys.accounts:
                store.add_account(account)
