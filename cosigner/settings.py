"""What the watching side of a wallet keeps of it: its plan, and the public side of its key."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from cosigner.plan import WalletPlan
from cosigner.shared_key import SharedKey
from frost_bip340.transcript import RecoveryDataError
from storage.errors import CorruptError
from storage.wallets import SqlWalletStore, WalletSettings
from wallet.errors import WalletError


@dataclass(frozen=True, slots=True)
class WatchSettings:
    """The settings of a wallet.

    Args:
        plan: what its user decided.
        recovery_data: of the key generation, public.
        key: what the recovery data say.
    """

    plan: WalletPlan
    recovery_data: bytes
    key: SharedKey

    @classmethod
    def of(cls, plan: WalletPlan, recovery_data: bytes) -> Self:
        """Return the settings of a wallet with a key.

        Raises:
            RecoveryDataError: the recovery data is damaged.
        """
        return cls(plan, recovery_data, SharedKey.recover(recovery_data, plan.network, plan.birth))

    @classmethod
    def read(cls, store: SqlWalletStore) -> Self:
        """Read the settings of a wallet.

        Raises:
            CorruptError: they are damaged, or do not fit the rest of the store.
        """
        stored = store.settings()
        try:
            data = json.loads(stored.plan)
            plan, recovery_data = WalletPlan.parse(data["plan"]), bytes.fromhex(data["recovery_data"])
            found = cls.of(plan, recovery_data)
        except (ValueError, KeyError, TypeError, WalletError, RecoveryDataError) as e:
            raise CorruptError(f"the settings of the wallet are damaged: {e}", "settings") from e
        info = found.key.info
        expected = (plan.network, plan.n, plan.t, (found.key.account,))
        given = (stored.network, stored.parties, stored.threshold, store.accounts())
        # address_verify and signing go by t: a lower one would let fewer parties vouch for an address
        if given != expected or (plan.n, plan.t) != (info.n, info.t):
            raise CorruptError("the settings of the wallet do not fit its key", "settings")
        return found

    def text(self) -> str:
        """Return the form in which the store keeps it."""
        return json.dumps({"plan": self.plan.text(), "recovery_data": self.recovery_data.hex()})

    def write(self, path: Path) -> None:
        """Make the store of a new wallet.

        Raises:
            StorageError: it cannot be written.
        """
        plan = self.plan
        fresh = WalletSettings.fresh(plan.network, plan.n, plan.t, self.text())
        with SqlWalletStore.create(path, fresh) as store:
            store.add_account(self.key.account)
