"""A chain backend in memory: blocks, forks and a mempool at a test's will, without any validation."""

from collections.abc import Sequence
from functools import cache

from tests.wallet.fakes import block
from wallet.amounts import FeeRate, Sats
from wallet.chain.base import Block, Changes, MempoolEntry, Seen, Verdict, Watch
from wallet.conflicts import spends
from wallet.descriptor import Descriptor
from wallet.errors import ChainError, ChainRefusedError
from wallet.network import REGTEST
from wallet.tx import OutPoint, Transaction, Txid, TxOut


@cache
def _script(descriptor: str, index: int) -> bytes:
    return Descriptor.parse(descriptor, REGTEST).script(index)


class FakeChain:
    """A ChainBackend. It tells what touches watched scripts, and takes or refuses what a test says."""

    name = "fake"
    network = REGTEST

    def __init__(self) -> None:
        self.blocks: list[tuple[Block, list[Transaction]]] = [(block(0), [])]
        self.mempool: dict[Txid, Transaction] = {}
        self.refuse: dict[Txid, str] = {}
        self.down = False
        self.sent: list[list[Txid]] = []
        self.asked: list[bytes | None] = []
        self.ends: dict[str, int] = {}
        self.tells_all = False
        self._scripts: set[bytes] = set()
        self.branch = 0

    # ---- what tests do ----

    def mine(self, *txs: Transaction, empty: int = 0) -> Block:
        """Add a block with some transactions, and empty ones after it."""
        for content in ([*txs], *([] for _ in range(empty))):
            self.blocks.append((block(len(self.blocks), self.branch), content))
            for tx in content:
                self.mempool.pop(tx.txid, None)
                coins = set(spends(tx))
                rivals = [each for each in self.mempool.values() if not coins.isdisjoint(spends(each))]
                for rival in rivals:
                    del self.mempool[rival.txid]
        return self.tip()

    def fork(self, height: int, *, keep: bool = True) -> None:
        """Drop the blocks above a height; their transactions go back to the mempool, or are lost."""
        self.branch += 1
        for _, txs in self.blocks[height + 1 :]:
            if keep:
                self.mempool.update((tx.txid, tx) for tx in txs)
        del self.blocks[height + 1 :]

    def see(self, *txs: Transaction) -> None:
        """Have transactions in the mempool."""
        self.mempool.update((tx.txid, tx) for tx in txs)

    # ---- ChainBackend ----

    def tip(self) -> Block:
        return self.blocks[-1][0]

    def watch(self, wallet: str, branches: Sequence[Watch], birth: int) -> None:
        self._expect_up()
        for branch in branches:
            self._scripts.update(_script(branch.descriptor, i) for i in range(branch.end))
            self.ends[branch.descriptor] = max(self.ends.get(branch.descriptor, 0), branch.end)

    def rescan(self, from_height: int) -> None:
        raise NotImplementedError

    def changes(self, since: bytes | None) -> Changes:
        self._expect_up()
        self.asked.append(since)
        active = [known for known, _ in self.blocks]
        forks = [known for known in active if since == known.hash]
        if since is not None and not forks:
            # the hash of a block that was dropped: its height says where the chains may part
            height = int.from_bytes(since[1:], "big")
            forks = active[: min(height, len(active) - 1) + 1] if since[0] < self.branch else []
            forks = [known for known in forks if known.hash[0] <= since[0]]
        fork = forks[-1] if forks else None
        above = -1 if fork is None else fork.height
        seen = [
            Seen(tx, known, known.time)
            for known, txs in self.blocks
            for tx in txs
            if known.height > above and self._touches(tx)
        ]
        seen += [Seen(tx, None, 1_800_000_000) for tx in self.mempool.values() if self._touches(tx)]
        return Changes(fork, self.tip(), tuple(seen))

    def confirmations(self, txid: Txid) -> int | None:
        raise NotImplementedError

    def test(self, package: Sequence[Transaction]) -> tuple[Verdict, ...]:
        raise NotImplementedError

    def broadcast(self, package: Sequence[Transaction]) -> None:
        self._expect_up()
        self.sent.append([tx.txid for tx in package])
        for tx in package:
            if tx.txid in self.refuse:
                raise ChainRefusedError(self.refuse[tx.txid])
            self.mempool[tx.txid] = tx

    def fee_rate(self, blocks: int) -> FeeRate | None:
        return None

    def min_fee_rate(self) -> FeeRate:
        return FeeRate(1000)

    def mempool_entry(self, txid: Txid) -> MempoolEntry | None:
        zero = Sats(0)
        return MempoolEntry(1, zero, 1, zero, 1, zero) if txid in self.mempool else None

    def close(self) -> None:
        pass

    def _expect_up(self) -> None:
        if self.down:
            raise ChainError("the node is down")

    def _touches(self, tx: Transaction) -> bool:
        spent = [self._output(coin) for coin in spends(tx)]
        outs = [*tx.outputs, *(out for out in spent if out)]
        return self.tells_all or any(out.script_pubkey in self._scripts for out in outs)

    def _output(self, coin: OutPoint) -> TxOut | None:
        known = [*self.mempool.values(), *(tx for _, txs in self.blocks for tx in txs)]
        found = [tx for tx in known if tx.txid == coin.txid and coin.index < len(tx.outputs)]
        return found[0].outputs[coin.index] if found else None
