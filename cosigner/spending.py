"""Making transactions and sending them: drafts that wait for signatures, and what was signed."""

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Final

from cosigner.watch import WatchWallet
from storage.errors import CorruptError
from wallet.account import Branch
from wallet.amounts import FeeRate
from wallet.build import (
    Basis,
    CoinControl,
    Draft,
    Payment,
    bump,
    cancel,
    check_displaced,
    cpfp,
    send,
    send_all,
)
from wallet.errors import ChainRefusedError, MalformedError, UnknownError
from wallet.fees import estimated_rate
from wallet.history import Status
from wallet.psbt import Psbt, cleared, combine
from wallet.review import Review, review
from wallet.spending.draft import origin_fields
from wallet.sync import SyncReport, publish
from wallet.tx import OutPoint, Transaction, Txid, show_txid

CONFIRMATION_TARGET: Final = 6  # blocks

_DROP: Final = "somebody has changed the file of the wallet: drop the draft and make it anew"


class SpendingWallet(WatchWallet):
    """A wallet that makes transactions; whoever holds the shares signs them.

    A draft is kept until it is broadcast or dropped, unless it is a dry run, which leaves the address of its
    change to the next one. Its coins are the last that another draft takes, and free again with its end.
    """

    def sync(self, *, full: bool = False) -> SyncReport:
        """Read what happened on the chain; drafts that have been sent, if only just, are forgotten."""
        report = super().sync(full=full)
        entries = self.ledger().entries
        for txid in self._store.drafts():
            if txid in entries and entries[txid].status is not Status.DROPPED:
                self._store.drop_draft(txid)
        return report

    def fee_rate(self, blocks: int = CONFIRMATION_TARGET) -> FeeRate:
        """Return the rate to pay when the user names none.

        Raises:
            ChainError: the backend cannot tell.
        """
        chain = self.chain
        return estimated_rate(self.plan.network, chain.fee_rate(blocks), chain.min_fee_rate())

    def draft_send(self, payment: Payment, *, dry_run: bool = False) -> Draft:
        """Draft a payment; see wallet.build.send."""
        return self._draft(lambda basis: send(basis, payment), dry_run)

    def draft_send_all(
        self, script: bytes, rate: FeeRate, control: CoinControl | None = None, *, dry_run: bool = False
    ) -> Draft:
        """Draft a payment of all coins; see wallet.build.send_all."""
        control = control or CoinControl()
        return self._draft(lambda basis: send_all(basis, script, rate, control), dry_run)

    def draft_bump(
        self,
        txid: Txid,
        rate: FeeRate | None = None,
        control: CoinControl | None = None,
        shrink: int | None = None,
        *,
        dry_run: bool = False,
    ) -> Draft:
        """Draft a replacement with a higher fee; see wallet.build.bump."""
        control, entry = control or CoinControl(), self.chain.mempool_entry(txid)
        return self._draft(
            lambda basis: bump(basis, txid, rate, entry, control=control, shrink=shrink), dry_run
        )

    def draft_cpfp(self, txid: Txid, rate: FeeRate, *, dry_run: bool = False) -> Draft:
        """Draft a child that pays for an unconfirmed transaction; see wallet.build.cpfp."""
        entry = self.chain.mempool_entry(txid)
        return self._draft(lambda basis: cpfp(basis, txid, rate, entry), dry_run)

    def draft_cancel(self, txid: Txid, rate: FeeRate | None = None, *, dry_run: bool = False) -> Draft:
        """Draft a replacement that takes the coins back; see wallet.build.cancel."""
        entry = self.chain.mempool_entry(txid)
        return self._draft(lambda basis: cancel(basis, txid, rate, entry), dry_run)

    def _draft(self, make: Callable[[Basis], Draft], dry_run: bool) -> Draft:
        store = self._store
        if dry_run:
            return make(self._basis(store.next_index))
        with store.transaction():
            draft = make(self._basis(store.reserve_index))
            store.put_draft(draft.tx.txid, bytes(draft.psbt))
        return draft

    def _basis(self, reserve: Callable[[int, int], int]) -> Basis:
        drafted = frozenset(coin for coins in self._drafted().values() for coin in coins)
        return Basis(self.ledger(), reserve, self.plan.caps, drafted=drafted)

    def _drafted(self) -> Mapping[Txid, frozenset[OutPoint]]:
        """Return the coins that each draft spends; one that is damaged stops no payment."""
        found = {}
        for txid, data in self._store.drafts().items():
            with suppress(CorruptError):
                found[txid] = frozenset(txin.prevout for txin in _read_draft(txid, data).tx.inputs)
        return found

    def rivals(self, tx: Transaction) -> tuple[Txid, ...]:
        """Return the drafts that spend coins of a transaction, which can only be sent instead of them."""
        coins = {txin.prevout for txin in tx.inputs}
        others = (txid for txid, spent in self._drafted().items() if spent & coins)
        return tuple(sorted(txid for txid in others if txid != tx.txid))

    def drafts(self) -> Mapping[Txid, Psbt]:
        """Return the transactions that wait for signatures.

        Raises:
            CorruptError: one is not what was kept under its id.
        """
        return {txid: _read_draft(txid, data) for txid, data in self._store.drafts().items()}

    def draft(self, txid: Txid) -> Psbt:
        """Return one of the drafts.

        Raises:
            UnknownError: there is none of this id.
            CorruptError: it is not what was kept under this id.
        """
        return _read_draft(txid, self._draft_bytes(txid))

    def _draft_bytes(self, txid: Txid) -> bytes:
        try:
            return self._store.drafts()[txid]
        except KeyError as e:
            raise UnknownError(f"there is no draft {show_txid(txid)}", "list them with: mpcw tx list") from e

    def keep_draft(self, psbt: Psbt) -> Psbt:
        """Keep a transaction that was made elsewhere as a draft; a draft of it that there is loses nothing.

        Returns:
            What is kept: the PSBT, joined with the draft (BIP-174, Combiner).

        Raises:
            RefusedError: a rule of the wallet's review forbids it.
            MalformedError: it contradicts the draft.
            CorruptError: the draft is not what was kept.
        """
        txid = psbt.tx.txid
        with self._store.transaction():
            if txid in self._store.drafts():
                psbt = self._joined(self.draft(txid), psbt)
            self.review(psbt)
            self._store.put_draft(txid, bytes(psbt))
        return psbt

    def _joined(self, draft: Psbt, psbt: Psbt) -> Psbt:
        try:
            return cleared(combine([draft, psbt]))
        except MalformedError as e:
            name = show_txid(draft.tx.txid)
            raise MalformedError(
                f"this PSBT contradicts the draft that is kept of its transaction: {e}",
                f"to take it instead, forget the draft: mpcw tx drop {name}",
            ) from e

    def drop_draft(self, txid: Txid) -> None:
        """Forget a draft, also one that is damaged.

        Raises:
            UnknownError: there is none of this id.
        """
        self._draft_bytes(txid)
        self._store.drop_draft(txid)

    def broadcast(self, tx: Transaction) -> None:
        """Send a signed transaction. It is stored before: if the process is killed, the next sync sends it.

        Args:
            tx: with its witnesses.

        Raises:
            RefusedError: "takes-back"; it would replace a payment without having been made for that.
            ChainRefusedError: the mempool refuses it; its draft stays.
            ChainError: the backend failed; if the transaction was stored already, the next sync sends it.
            StorageError: it cannot be stored, and was not sent.
        """
        if self.chain.mempool_entry(tx.txid) is None:
            check_displaced(self.ledger(), tx)
            (verdict,) = self.chain.test([tx])
            if verdict.reason is not None:
                raise ChainRefusedError(verdict.reason)
        publish(self.chain, self._store, tx, int(time.time()))
        self._store.drop_draft(tx.txid)

    def review(self, psbt: Psbt) -> Review:
        """Check a transaction as each signer does, with what the wallet knows of the chain on top.

        One that is signed is checked as it was before.

        Raises:
            RefusedError: a rule forbids it; names the rule.
            MalformedError: it still lacks inputs or outputs.
        """
        point = self._store.sync_point()
        next_change = [self._store.next_index(i, Branch.CHANGE) for i in range(len(self.accounts))]
        tip = None if point is None else point.height
        unsigned = self._unsigned(psbt)
        return review(unsigned, self.accounts, self.plan.caps, next_change=next_change, tip=tip)

    def _unsigned(self, psbt: Psbt) -> Psbt:
        """Return a PSBT with the key origins that a finaliser has cleared (BIP-174), and no witnesses."""
        if not any(fields.is_final for fields in psbt.inputs):
            return psbt
        inputs, index = list(psbt.inputs), self.ledger().index
        for i, fields in enumerate(inputs):
            spent = psbt.spent(i)
            owner = None if spent is None else index.find(spent.script_pubkey)
            if fields.is_final and owner is not None:
                origin = origin_fields(self.accounts, owner)
                inputs[i] = replace(fields, final_script_sig=None, final_script_witness=None, **origin)
        return replace(psbt, inputs=tuple(inputs))


def _read_draft(txid: Txid, data: bytes) -> Psbt:
    """Read a draft; who signs one by its id must not sign another, whoever has had the file."""
    name = show_txid(txid)
    try:
        psbt = Psbt.from_bytes(data)
        same = psbt.tx.txid == txid
    except MalformedError as e:
        raise CorruptError(str(e), "drafts", name, _DROP) from e
    if not same:
        raise CorruptError("the transaction is another", "drafts", name, _DROP)
    return psbt
