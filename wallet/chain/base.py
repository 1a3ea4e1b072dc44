"""The interface that every chain backend fulfils; a test suite runs the same claims on all of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from wallet.amounts import FeeRate, Sats
from wallet.network import Network
from wallet.tx import Transaction, Txid


@dataclass(frozen=True, slots=True)
class Block:
    """A block of the active chain.

    Args:
        height: 0 for the genesis block.
        hash: 32 bytes in the order of the hash; displayed reversed.
        time: of its header, Unix seconds.
    """

    height: int
    hash: bytes
    time: int


@dataclass(frozen=True, slots=True)
class Seen:
    """A transaction that touches a watched script.

    Args:
        tx: the transaction.
        block: the block of the active chain that has it; None in the mempool.
        first_seen: Unix seconds.
    """

    tx: Transaction
    block: Block | None
    first_seen: int


@dataclass(frozen=True, slots=True)
class Changes:
    """What has happened to the watched scripts since a block.

    Args:
        fork: the last block that the active chain shares with the one asked from; None if none was given, or
            if it is unknown: then everything is told again. What was confirmed above it no longer is.
        tip: the last block of the active chain.
        seen: all watched transactions confirmed above the fork, and all those in the mempool.
    """

    fork: Block | None
    tip: Block
    seen: tuple[Seen, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the mempool says of a transaction that was not sent to it.

    Args:
        txid: of the transaction.
        reason: why it would be refused, in the words of testmempoolaccept; None if it would be taken.
        vsize: virtual bytes; 0 if refused.
        fee: satoshi; 0 if refused.
    """

    txid: Txid
    reason: str | None
    vsize: int = 0
    fee: int = 0


@dataclass(frozen=True, slots=True)
class MempoolEntry:
    """A transaction in the mempool with its unconfirmed ancestors and descendants, itself included in each.

    Args:
        vsize: its virtual bytes.
        fee: its satoshi.
        ancestor_vsize, ancestor_fee: sums over itself and its ancestors.
        descendant_count, descendant_fee: over itself and its descendants.
    """

    vsize: int
    fee: Sats
    ancestor_vsize: int
    ancestor_fee: Sats
    descendant_count: int
    descendant_fee: Sats


@dataclass(frozen=True, slots=True)
class Watch:
    """One branch of an account to watch.

    Args:
        descriptor: single-branch, ranged, with checksum, such as wpkh(xpub/0/*)#checksum.
        internal: whether it is the change branch.
        end: indices 0..end-1 are watched.
    """

    descriptor: str
    internal: bool
    end: int


class ChainBackend(Protocol):
    """A view of the chain and the mempool. Every method raises ChainError when the backend fails."""

    @property
    def name(self) -> str:
        """What users call the backend: "embedded" or "bitcoind"."""

    @property
    def network(self) -> Network:
        """The network, asked of the backend when it was opened."""

    def tip(self) -> Block:
        """Return the last block of the active chain."""

    def watch(self, wallet: str, branches: Sequence[Watch], birth: int) -> None:
        """Watch scripts, from blocks not older than two hours before a time on; idempotent.

        Args:
            wallet: name under which a node keeps them, unique to the wallet.
            branches: a later call may have a larger end.
            birth: Unix seconds; no script was used before.
        """

    def rescan(self, from_height: int) -> None:
        """Look at all blocks again from a height on for what is watched."""

    def changes(self, since: bytes | None) -> Changes:
        """Return what happened after a block.

        Args:
            since: its hash; None for everything.
        """

    def confirmations(self, txid: Txid) -> int | None:
        """Return how deep a watched transaction is: 0 in the mempool, None if it is unknown."""

    def test(self, package: Sequence[Transaction]) -> tuple[Verdict, ...]:
        """Ask the mempool about transactions, parents first, without sending them."""

    def broadcast(self, package: Sequence[Transaction]) -> None:
        """Send transactions, parents first; one that is known already is no error.

        Raises:
            ChainRefusedError: one was refused. What came before it may have been taken.
        """

    def fee_rate(self, blocks: int) -> FeeRate | None:
        """Return the rate that should confirm within so many blocks; None when the backend cannot tell."""

    def min_fee_rate(self) -> FeeRate:
        """Return the lowest rate that the mempool takes now."""

    def mempool_entry(self, txid: Txid) -> MempoolEntry | None:
        """Return what the mempool knows of a transaction; None if it is not there."""

    def close(self) -> None:
        """Release the backend; nothing else may be called after."""


class RegtestBackend(ChainBackend, Protocol):
    """A backend of a regtest chain, which makes blocks on demand."""

    def mine(self, blocks: int, script_pubkey: bytes) -> tuple[Block, ...]:
        """Mine blocks with what the mempool has, and pay their coinbase to a script."""
