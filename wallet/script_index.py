"""Which scripts are the wallet's: account and path of each, up to the gap limit beyond what is used."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import TypeAlias

from wallet.account import GAP_LIMIT, Account, Branch, KeyPath

BranchId: TypeAlias = tuple[int, Branch]  # index of the account, branch


@dataclass(frozen=True, slots=True, order=True)
class Owner:
    """An address of the wallet.

    Args:
        account: its index among the wallet's accounts.
        path: below the account's key.
    """

    account: int
    path: KeyPath

    @property
    def branch_id(self) -> BranchId:
        """The branch that the address is on."""
        return self.account, self.path.branch


class ScriptIndex:
    """The scripts of a wallet. It only grows, so that it may be kept for as long as a wallet is open.

    Args:
        accounts: the wallet's.
        gap: how many scripts are known beyond the last one handed out or used (BIP-44, Address gap limit).
    """

    def __init__(self, accounts: Sequence[Account], gap: int = GAP_LIMIT) -> None:
        self.accounts = tuple(accounts)
        self.gap = gap
        self._owners: dict[bytes, Owner] = {}
        self._scripts: dict[BranchId, list[bytes]] = {
            (account, branch): [] for account in range(len(self.accounts)) for branch in Branch
        }

    @property
    def ends(self) -> Mapping[BranchId, int]:
        """For each branch the index before which all scripts are known."""
        return {branch_id: len(scripts) for branch_id, scripts in self._scripts.items()}

    def find(self, script: bytes) -> Owner | None:
        """Return whose a script is; None if it is not the wallet's, or is beyond what is known."""
        return self._owners.get(script)

    def cover(self, handed_out: Mapping[BranchId, int], seen: AbstractSet[bytes]) -> None:
        """Know the scripts of each branch up to the gap beyond the last one that is handed out or seen.

        Args:
            handed_out: the next index of each branch that the store would reserve.
            seen: all output scripts of the transactions that may be the wallet's.
        """
        for branch_id, scripts in self._scripts.items():
            end = handed_out.get(branch_id, 0) + self.gap
            index = 0
            while index < end:
                if index == len(scripts):
                    self._derive(branch_id, end)
                if scripts[index] in seen:
                    end = max(end, index + 1 + self.gap)
                index += 1

    def _derive(self, branch_id: BranchId, end: int) -> None:
        account, branch = branch_id
        scripts = self._scripts[branch_id]
        for path, script in self.accounts[account].scripts(branch, len(scripts), end):
            scripts.append(script)
            self._owners[script] = Owner(account, path)
