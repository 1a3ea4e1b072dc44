"""The transactions of a wallet as its user sees them."""

from dataclasses import dataclass
from enum import Enum

from wallet.amounts import Sats
from wallet.chain.base import Block
from wallet.tx import Transaction, Txid


class Status(Enum):
    """Where a transaction is."""

    CONFIRMED = "confirmed"
    MEMPOOL = "mempool"
    PENDING = "pending"  # ours, not in the mempool; it is sent again
    REPLACED = "replaced"  # another one spends its coins, or those of one that it spends from
    DROPPED = "dropped"  # it left the mempool, or spends from one that did


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """What a transaction means to the wallet.

    Args:
        tx: the transaction.
        status: where it is.
        net: satoshi that it brings (positive) or takes (negative), its fee included.
        fee: satoshi; None unless all inputs are the wallet's, so that they are known.
        confirmations: 0 while unconfirmed.
        block: what confirmed it.
        first_seen: Unix seconds.
        own: whether this wallet made it.
        replaced_by: what has taken its place.
    """

    tx: Transaction
    status: Status
    net: int
    fee: Sats | None
    confirmations: int
    block: Block | None
    first_seen: int
    own: bool
    replaced_by: Txid | None
