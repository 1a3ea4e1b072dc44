"""Making transactions and sending them: drafts that wait for signatures, and what was signed."""

from collections.abc import Mapping

from cosigner.watch import WatchWallet
from wallet.account import Branch
from wallet.amounts import FeeRate
from wallet.errors import UnknownError
from wallet.fees import estimated_rate
from wallet.psbt import Psbt
from wallet.review import Review, review
from wallet.tx import Txid, show_txid

CONFIRMATION_TARGET = 6  # blocks


class SpendingWallet(WatchWallet):
    """A wallet that makes transactions; whoever holds the shares signs them."""

    def fee_rate(self, blocks: int = CONFIRMATION_TARGET) -> FeeRate:
        """Return the rate to pay when the user names none.

        Raises:
            ChainError: the backend cannot tell.
        """
        chain = self.chain
        return estimated_rate(self.plan.network, chain.fee_rate(blocks), chain.min_fee_rate())

    def drafts(self) -> Mapping[Txid, Psbt]:
        """Return the transactions that wait for signatures."""
        return {txid: Psbt.from_bytes(data) for txid, data in self._store.drafts().items()}

    def draft(self, txid: Txid) -> Psbt:
        """Return one of the drafts.

        Raises:
            UnknownError: there is none of this id.
        """
        try:
            return Psbt.from_bytes(self._store.drafts()[txid])
        except KeyError as e:
            raise UnknownError(f"there is no draft {show_txid(txid)}", "list the drafts") from e

    def drop_draft(self, txid: Txid) -> None:
        """Forget a draft."""
        self.draft(txid)
        self._store.drop_draft(txid)

    def review(self, psbt: Psbt) -> Review:
        """Check a transaction as each signer does, with what the wallet knows of the chain on top.

        Raises:
            RefusedError: a rule forbids it; names the rule.
            MalformedError: it still lacks inputs or outputs.
        """
        point = self._store.sync_point()
        next_change = [self._store.next_index(i, Branch.CHANGE) for i in range(len(self.accounts))]
        tip = None if point is None else point.height
        return review(psbt, self.accounts, self.plan.caps, next_change=next_change, tip=tip)
