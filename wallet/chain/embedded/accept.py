"""Whether the mempool takes a transaction or a package (Bitcoin Core 29, MemPoolAccept), in Core's words."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final

from wallet.amounts import FeeRate, Sats
from wallet.chain.embedded.index import COINBASE_MATURITY, Coin, Index
from wallet.chain.embedded.kernel import failing_input
from wallet.chain.embedded.pool import Entry, Pool
from wallet.chain.embedded.replace import replaced
from wallet.chain.embedded.signatures import script_failed
from wallet.chain.embedded.standard import (
    MAX_STANDARD_SIGOPS,
    check_inputs,
    check_script_policy,
    check_standard,
    sigop_cost,
)
from wallet.chain.embedded.truc import TRUC_VERSION, check_truc
from wallet.errors import ChainRefusedError
from wallet.tx import SEQUENCE_FINAL, OutPoint, Transaction, TxOut

MIN_RELAY: Final = FeeRate(1000)
KNOWN: Final = frozenset(
    {"txn-already-in-mempool", "txn-same-nonwitness-data-in-mempool", "txn-already-known"}
)

_LOW_FEE: Final = "min relay fee not met"
_MISSING: Final = "missing-inputs"
_BYTES_PER_SIGOP: Final = 20  # -bytespersigop
_MAX_RELATIVES: Final = 25  # -limitancestorcount, -limitdescendantcount
_MAX_RELATIVES_VSIZE: Final = 101_000
_LOCKTIME_THRESHOLD: Final = 500_000_000  # below it a locktime is a height
_SEQUENCE_DISABLED: Final = 1 << 31  # BIP-68
_SEQUENCE_SECONDS: Final = 1 << 22
_SEQUENCE_MASK: Final = 0xFFFF


@dataclass(frozen=True, slots=True)
class Mempool:
    """The mempool on a chain.

    Args:
        index: the active chain.
        pool: changed by what is accepted.
        now: Unix seconds.
    """

    index: Index
    pool: Pool
    now: int

    def submit(self, package: Sequence[Transaction]) -> tuple[Entry | ChainRefusedError, ...]:
        """Take transactions, each on its own merit, and then a parent that was left over with its child.

        As in Bitcoin Core, only a parent of version 3 may pay less than the minimum in the hope of a child.

        Args:
            package: parents first.

        Returns:
            For each its entry, or why it was refused.
        """
        outcomes = [self._submit_one(tx) for tx in package]
        left = [i for i, outcome in enumerate(outcomes) if _reason(outcome) in (_LOW_FEE, _MISSING)]
        if len(left) == 2 and _reason(outcomes[left[0]]) == _LOW_FEE:
            pair = self._submit_pair(package[left[0]], package[left[1]])
            for i, entry in zip(left, pair, strict=False):  # empty if refused
                outcomes[i] = entry
        return tuple(outcomes)

    def _submit_one(self, tx: Transaction) -> Entry | ChainRefusedError:
        try:
            return self.accept(tx)
        except ChainRefusedError as e:
            return e

    def _submit_pair(self, parent: Transaction, child: Transaction) -> tuple[Entry, ...]:
        """Take a parent whose child pays for it; return nothing if it does not pay enough."""
        trial = Mempool(self.index, self.pool.copy(), self.now)
        try:
            entries = trial.accept(parent, alone=False), trial.accept(child, alone=False)
        except ChainRefusedError:
            return ()
        if sum(e.fee for e in entries) < MIN_RELAY.fee(sum(e.vsize for e in entries)):
            return ()
        self.pool.become(trial.pool)
        return entries

    def restore(self, tx: Transaction, first_seen: int) -> bool:
        """Take a transaction back that was accepted before: rules of fees and graph do not apply again.

        Args:
            tx: from a file or from a block that is no longer in the active chain.
            first_seen: Unix seconds.

        Returns:
            Whether it is still valid.
        """
        try:
            entry = self._examine(tx, first_seen)
        except ChainRefusedError:
            return False
        if self.pool.conflicts(tx):
            return False
        self.pool.add(entry)
        return True

    def accept(self, tx: Transaction, *, alone: bool = True) -> Entry:
        """Take a transaction into the pool and evict what it replaces.

        Args:
            tx: the transaction.
            alone: whether it is not of a package; in one, version 3 may leave its fee to a child.

        Raises:
            ChainRefusedError: it breaks a rule.
        """
        entry = self._examine(tx, self.now)
        waits_for_child = tx.version == TRUC_VERSION and not alone
        if entry.fee < MIN_RELAY.fee(entry.vsize) and not waits_for_child:
            raise ChainRefusedError(
                _LOW_FEE, f"it pays {FeeRate.of(entry.fee, entry.vsize)}, less than {MIN_RELAY}"
            )
        evicted = replaced(self.pool, entry)
        rest = self.pool
        if evicted:
            rest = self.pool.copy()
            rest.remove(evicted)
        _check_relatives(rest, entry)
        check_truc(rest, entry)
        rest.add(entry)
        self.pool.become(rest)
        return entry

    def _examine(self, tx: Transaction, first_seen: int) -> Entry:
        """Check a transaction for itself: form, finality, coins, scripts."""
        weight = tx.weight
        if any(txin.prevout.txid == bytes(32) for txin in tx.inputs):
            raise ChainRefusedError("coinbase")
        check_standard(tx, weight)
        self._check_final(tx)
        self._check_unknown(tx)
        coins = self._coins(tx)
        self._check_sequence_locks(tx, coins)
        fee = self._check_values(tx, coins)
        spent = [coin.out for coin in coins]
        check_inputs(tx, spent)
        sigops = sigop_cost(tx, spent)
        if sigops > MAX_STANDARD_SIGOPS:
            raise ChainRefusedError("bad-txns-too-many-sigops")
        _check_scripts(tx, spent)
        vsize = -(-max(weight, sigops * _BYTES_PER_SIGOP) // 4)
        return Entry(tx, coins, fee, weight, vsize, sigops, first_seen)

    def _check_final(self, tx: Transaction) -> None:
        """Check the locktime against the next block (BIP-113)."""
        height = self.index.tip.height
        now = height + 1 if tx.locktime < _LOCKTIME_THRESHOLD else self.index.median_time(height)
        if tx.locktime >= now and any(txin.sequence != SEQUENCE_FINAL for txin in tx.inputs):
            raise ChainRefusedError("non-final")

    def _check_unknown(self, tx: Transaction) -> None:
        known = self.pool.entries.get(tx.txid)
        if known is not None:
            same = known.tx.wtxid == tx.wtxid
            raise ChainRefusedError(
                "txn-already-in-mempool" if same else "txn-same-nonwitness-data-in-mempool"
            )
        if tx.txid in self.index.heights:
            raise ChainRefusedError("txn-already-known")

    def _coins(self, tx: Transaction) -> tuple[Coin, ...]:
        found = [self._coin(txin.prevout) for txin in tx.inputs]
        coins = tuple(coin for coin in found if coin is not None)
        if len(coins) < len(found):
            raise ChainRefusedError(_MISSING)
        return coins

    def _coin(self, prevout: OutPoint) -> Coin | None:
        parent = self.pool.entries.get(prevout.txid)
        if parent is None:
            return self.index.coins.get(prevout)
        if prevout.index >= len(parent.tx.outputs):
            return None
        return Coin(parent.tx.outputs[prevout.index], self.index.tip.height + 1, coinbase=False)

    def _check_sequence_locks(self, tx: Transaction, coins: tuple[Coin, ...]) -> None:
        """Check relative locks against the next block (BIP-68)."""
        tip = self.index.tip.height
        for txin, coin in zip(tx.inputs, coins, strict=True):
            if tx.version < 2 or txin.sequence & _SEQUENCE_DISABLED:
                continue
            lock = txin.sequence & _SEQUENCE_MASK
            if txin.sequence & _SEQUENCE_SECONDS:
                start = self.index.median_time(max(coin.height - 1, 0))
                open_now = start + (lock << 9) <= self.index.median_time(tip)
            else:
                open_now = coin.height + lock <= tip + 1
            if not open_now:
                raise ChainRefusedError("non-BIP68-final")

    def _check_values(self, tx: Transaction, coins: tuple[Coin, ...]) -> Sats:
        """Check maturity and balance (CheckTxInputs) and return the fee."""
        for coin in coins:
            if coin.coinbase and self.index.tip.height + 1 - coin.height < COINBASE_MATURITY:
                raise ChainRefusedError("bad-txns-premature-spend-of-coinbase")
        fee = sum(coin.out.value for coin in coins) - sum(out.value for out in tx.outputs)
        if fee < 0:
            raise ChainRefusedError("bad-txns-in-belowout")
        return Sats(fee)


def _reason(outcome: Entry | ChainRefusedError) -> str | None:
    return outcome.reason if isinstance(outcome, ChainRefusedError) else None


def _check_scripts(tx: Transaction, spent: Sequence[TxOut]) -> None:
    failing = failing_input(tx, spent)
    if failing is not None:
        raise script_failed("", f"the script of input {failing} fails")
    check_script_policy(tx, spent)


def _check_relatives(pool: Pool, entry: Entry) -> None:
    """Check the limits of unconfirmed ancestors, and of the descendants that each of them gets."""
    ancestors = pool.ancestors(entry.tx)
    families = chain([ancestors], (pool.descendants([txid]) for txid in ancestors))
    for family in families:
        if len(family) + 1 > _MAX_RELATIVES or pool.vsize(family) + entry.vsize > _MAX_RELATIVES_VSIZE:
            raise ChainRefusedError("too-long-mempool-chain", "wait for a block")
