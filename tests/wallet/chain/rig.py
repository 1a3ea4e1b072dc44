"""A regtest backend under test, with what tests need and its interface does not have."""

from abc import ABC, abstractmethod

from tests.wallet.chain.purse import Coin, Key, Purse, outputs_of, spend
from wallet.chain.base import Block, RegtestBackend
from wallet.chain.embedded.index import COINBASE_MATURITY
from wallet.script import ScriptType
from wallet.tx import OutPoint, Transaction

COIN_VALUE = 1_000_000  # satoshi, of a coin that a test gets


class Rig(ABC):
    """A backend, a faucet, and reorganisations.

    The chain may be older than the test: nothing is known of its height, and a reorganisation of another test
    may have left transactions in its mempool.

    Attributes:
        chain: the backend.
    """

    def __init__(self, chain: RegtestBackend) -> None:
        self.chain = chain
        self._faucet = Purse(ScriptType.P2WPKH).key()
        block = self.mine(1)[0]
        self.mine(COINBASE_MATURITY)
        self._rest = Coin(
            OutPoint(self.coinbase(block).txid, 0), self.coinbase(block).outputs[0], self._faucet
        )

    def mine(self, blocks: int = 1) -> tuple[Block, ...]:
        """Mine blocks for the faucet."""
        return self.chain.mine(blocks, self._faucet.script)

    def fund(self, *keys: Key, value: int = COIN_VALUE) -> list[Coin]:
        """Return a confirmed coin for each of some keys, in their order."""
        tx = spend([self._rest], *((value, key.script) for key in keys), (0, self._faucet.script))
        self.chain.broadcast([tx])
        self._rest = Coin(OutPoint(tx.txid, len(keys)), tx.outputs[-1], self._faucet)
        self.mine()
        return outputs_of(tx, keys)

    def reason(self, tx: Transaction) -> str | None:
        """Return why the mempool would refuse a transaction."""
        return self.chain.test([tx])[0].reason

    @abstractmethod
    def coinbase(self, block: Block) -> Transaction:
        """Return the coinbase of a block of the active chain."""

    @abstractmethod
    def reorganise(self, depth: int) -> Block:
        """Replace the last blocks by one more than them, all empty, and return the new tip.

        What was in them is in the mempool afterwards.
        """

    @abstractmethod
    def reopen(self) -> None:
        """Close the backend in an orderly way and open it again as self.chain."""

    @abstractmethod
    def close(self) -> None:
        """Release everything."""
