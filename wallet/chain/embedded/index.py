"""What the active chain says: unspent outputs, transactions, times. In memory, rebuilt on open."""

from collections.abc import Container, Iterable
from dataclasses import dataclass
from typing import Final

from wallet.chain.base import Block
from wallet.tx import OutPoint, Transaction, Txid, TxOut

COINBASE_MATURITY: Final = 100  # blocks, Bitcoin Core consensus/consensus.h
_MEDIAN_TIME_SPAN: Final = 11  # blocks, BIP-113


@dataclass(frozen=True, slots=True)
class Coin:
    """An unspent output.

    Args:
        out: the output.
        height: of its block; one more than the tip's for an output of the mempool.
        coinbase: whether a coinbase made it.
    """

    out: TxOut
    height: int
    coinbase: bool


@dataclass(frozen=True, slots=True)
class Confirmed:
    """A transaction of a block.

    Args:
        tx: the transaction.
        spent: the coins of its inputs, in their order; empty for a coinbase.
    """

    tx: Transaction
    spent: tuple[Coin, ...]

    def touches(self, scripts: Container[bytes]) -> bool:
        """Tell whether it pays to one of some scripts or spends from it."""
        return touches(self.tx, (coin.out for coin in self.spent), scripts)


def touches(tx: Transaction, spent: Iterable[TxOut], scripts: Container[bytes]) -> bool:
    """Tell whether a transaction pays to one of some scripts or spends from it."""
    return any(out.script_pubkey in scripts for outs in (tx.outputs, spent) for out in outs)


def is_unspendable(script: bytes) -> bool:
    """Tell whether no input can spend an output script (Bitcoin Core, CScript::IsUnspendable)."""
    return script[:1] == b"\x6a" or len(script) > 10_000


class Index:
    """The active chain up to its tip."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self.coins: dict[OutPoint, Coin] = {}
        self.confirmed: list[tuple[Confirmed, ...]] = []  # by height, in the order of the block
        self.heights: dict[Txid, int] = {}

    @property
    def tip(self) -> Block:
        """The last block."""
        return self.blocks[-1]

    def connect(self, block: Block, txs: tuple[Transaction, ...]) -> None:
        """Add the block after the tip.

        Args:
            block: of height tip + 1; the first has height 0.
            txs: its transactions, valid; the coinbase is the first.
        """
        connected = []
        for position, tx in enumerate(txs):
            coinbase = position == 0
            spent = () if coinbase else tuple(self.coins.pop(txin.prevout) for txin in tx.inputs)
            connected.append(Confirmed(tx, spent))
            self.heights[tx.txid] = block.height
            if block.height > 0:  # the genesis coinbase cannot be spent
                self._create(tx, block.height, coinbase)
        self.blocks.append(block)
        self.confirmed.append(tuple(connected))

    def _create(self, tx: Transaction, height: int, coinbase: bool) -> None:
        for i, out in enumerate(tx.outputs):
            if not is_unspendable(out.script_pubkey):
                self.coins[OutPoint(tx.txid, i)] = Coin(out, height, coinbase)

    def disconnect(self) -> tuple[Transaction, ...]:
        """Take the tip off and return its transactions without the coinbase, in their order."""
        self.blocks.pop()
        connected = self.confirmed.pop()
        for confirmed in reversed(connected):
            tx = confirmed.tx
            for i in range(len(tx.outputs)):
                self.coins.pop(OutPoint(tx.txid, i), None)
            for txin, coin in zip(tx.inputs, confirmed.spent, strict=False):  # a coinbase spent nothing
                self.coins[txin.prevout] = coin
            del self.heights[tx.txid]
        return tuple(confirmed.tx for confirmed in connected[1:])

    def median_time(self, height: int) -> int:
        """Return the median time past of a block (BIP-113), Unix seconds."""
        times = sorted(
            block.time for block in self.blocks[max(0, height + 1 - _MEDIAN_TIME_SPAN) : height + 1]
        )
        return times[len(times) // 2]
