"""The embedded regtest chain as a backend: blocks on demand, a mempool, and a view of watched scripts."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, Self

from wallet.amounts import FeeRate
from wallet.chain.base import Block, Changes, MempoolEntry, Seen, Verdict, Watch
from wallet.chain.embedded.accept import KNOWN, MIN_RELAY, Mempool
from wallet.chain.embedded.block import (
    COINBASE_SIGOPS,
    COINBASE_WEIGHT,
    MAX_BLOCK_SIGOPS,
    MAX_BLOCK_WEIGHT,
    Template,
    make_block,
)
from wallet.chain.embedded.disk import LOCK_TIMEOUT, Disk, State, Waiting
from wallet.chain.embedded.index import Index, touches
from wallet.chain.embedded.kernel import Kernel
from wallet.chain.embedded.pool import Entry, Pool
from wallet.descriptor import Descriptor
from wallet.errors import ChainError, ChainRefusedError
from wallet.network import REGTEST, Network
from wallet.tx import Transaction, Txid

MAX_BLOCKS: Final = 10_000  # in one call of mine


class EmbeddedChain:
    """A regtest chain in a directory, validated in this process; it fulfils wallet.chain.base.RegtestBackend.

    When mine or broadcast returns, its result survives a kill and a loss of power. Use it from one thread.

    Args:
        directory: made if it does not exist. One process at a time may have it open.
        network: regtest; there are no peers here to bring the blocks of another.
        lock_timeout: seconds to wait for another process to close it.
        clock: Unix seconds.

    Raises:
        ChainError: the network is another, another process has the directory, or it is damaged.
    """

    name = "embedded"

    def __init__(
        self,
        directory: Path,
        network: Network = REGTEST,
        *,
        lock_timeout: float = LOCK_TIMEOUT,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if network != REGTEST:
            raise ChainError(f"the embedded chain is regtest only, not {network}", "use bitcoind for it")
        self.network = network
        self._clock = clock
        self._watched: set[bytes] = set()
        self._index = Index()
        self._pool = Pool()
        self._disk = Disk(directory, lock_timeout)
        try:
            state = self._disk.load()
            self._disk.save(replace(state, closed=False))
            self._kernel = _open_kernel(directory, state)
        except BaseException:
            self._disk.unlock()
            raise
        try:
            self._load(state)
        except BaseException:
            self._kernel.close()
            self._disk.unlock()
            raise

    def _load(self, state: State) -> None:
        self._follow()
        mempool = self._mempool(self._pool)
        for waiting in state.mempool:
            mempool.restore(waiting.tx, waiting.first_seen)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Write the databases and let go of the directory. A second call does nothing.

        Where the disk is full they cannot be written: the next open rebuilds them from the blocks.
        """
        if not self._kernel.is_open:
            return
        try:
            state = self._state(self._pool)
            self._kernel.close()
            if not self._kernel.faults:
                self._disk.save(replace(state, closed=True))
        finally:
            self._disk.unlock()

    def tip(self) -> Block:
        """Return the last block of the active chain."""
        return self._kernel.tip()

    def block(self, height: int) -> Block:
        """Return a block of the active chain, 0..tip."""
        return self._index.blocks[height]

    def transactions(self, height: int) -> tuple[Transaction, ...]:
        """Return the transactions of a block of the active chain, the coinbase first."""
        return tuple(confirmed.tx for confirmed in self._index.confirmed[height])

    def watch(self, wallet: str, branches: Sequence[Watch], birth: int) -> None:
        """Watch scripts; blocks before the birth are looked at as well, since all are in memory.

        Raises:
            MalformedError, NetworkMismatchError: a descriptor is refused.
        """
        for branch in branches:
            self._watched.update(Descriptor.parse(branch.descriptor, self.network).scripts(branch.end))

    def rescan(self, from_height: int) -> None:
        """Do nothing: changes looks at every block with the scripts that are watched then."""

    def changes(self, since: bytes | None) -> Changes:
        """Return what happened to watched scripts after a block."""
        fork = None if since is None else self._kernel.fork(since)
        seen = []
        for height in range(fork.height + 1 if fork else 0, self.tip().height + 1):
            block = self._index.blocks[height]
            for confirmed in self._index.confirmed[height]:
                if confirmed.touches(self._watched):
                    seen.append(Seen(confirmed.tx, block, block.time))
        seen += [Seen(entry.tx, None, entry.first_seen) for entry in self._pool if self._is_watched(entry)]
        return Changes(fork, self.tip(), tuple(seen))

    def _is_watched(self, entry: Entry) -> bool:
        return touches(entry.tx, (coin.out for coin in entry.spent), self._watched)

    def confirmations(self, txid: Txid) -> int | None:
        """Return how deep a watched transaction is: 0 in the mempool, None if it is unknown."""
        entry = self._pool.entries.get(txid)
        if entry is not None:
            return 0 if self._is_watched(entry) else None
        height = self._index.heights.get(txid)
        if height is None:
            return None
        known = any(c.tx.txid == txid and c.touches(self._watched) for c in self._index.confirmed[height])
        return self.tip().height + 1 - height if known else None

    def test(self, package: Sequence[Transaction]) -> tuple[Verdict, ...]:
        """Ask the mempool about transactions, parents first, as broadcast would have them."""
        outcomes = self._mempool(self._pool.copy()).submit(package)
        return tuple(_verdict(tx.txid, outcome) for tx, outcome in zip(package, outcomes, strict=True))

    def broadcast(self, package: Sequence[Transaction]) -> None:
        """Take transactions into the mempool, parents first; those taken are on disk when this returns.

        Raises:
            ChainRefusedError: one was refused; the others may have been taken.
        """
        trial = self._pool.copy()
        outcomes = self._mempool(trial).submit(package)
        if trial.entries != self._pool.entries:
            self._disk.save(self._state(trial))
        self._pool = trial
        for outcome in outcomes:
            if isinstance(outcome, ChainRefusedError) and outcome.reason not in KNOWN:
                raise outcome

    def fee_rate(self, blocks: int) -> FeeRate | None:
        """Return None: there is no market on this chain to estimate from."""
        return None

    def min_fee_rate(self) -> FeeRate:
        """Return the lowest rate that the mempool takes."""
        return MIN_RELAY

    def mempool_entry(self, txid: Txid) -> MempoolEntry | None:
        """Return what the mempool knows of a transaction; None if it is not there."""
        return self._pool.describe(txid)

    def mine(self, blocks: int, script_pubkey: bytes) -> tuple[Block, ...]:
        """Mine blocks with what the mempool has; they are on disk when this returns.

        Args:
            blocks: 1..MAX_BLOCKS; who shows progress asks for a few at a time.
            script_pubkey: what the coinbases pay to.
        """
        if not 1 <= blocks <= MAX_BLOCKS:
            raise ChainError(f"{blocks} blocks cannot be mined at once", f"ask for 1 to {MAX_BLOCKS}")
        self._follow()  # an interrupted call may have left a block behind
        height = self.tip().height
        for _ in range(blocks):
            raw, txs = make_block(self._template(script_pubkey))
            self._kernel.process(raw)
            self._follow(txs)
        self._persist()
        return tuple(self._index.blocks[height + 1 :])

    def submit_block(self, block: bytes) -> None:
        """Take a block made elsewhere; the active chain is the one with the most work, of equals the first.

        Raises:
            ChainError: it is malformed or breaks a rule of consensus.
        """
        self._kernel.process(block)
        self._follow()
        self._persist()

    def _template(self, script_pubkey: bytes) -> Template:
        tip = self._index.tip
        chosen = self._pool.select(MAX_BLOCK_WEIGHT - COINBASE_WEIGHT, MAX_BLOCK_SIGOPS - COINBASE_SIGOPS)
        return Template(
            previous=tip.hash,
            height=tip.height + 1,
            time=max(self._now(), self._index.median_time(tip.height) + 1),
            script_pubkey=script_pubkey,
            txs=[entry.tx for entry in chosen],
            fees=sum(entry.fee for entry in chosen),
        )

    def _follow(self, mined: tuple[Transaction, ...] = ()) -> None:
        """Bring index and mempool to the active chain.

        Args:
            mined: transactions of the tip if they are at hand; other blocks are read from disk.
        """
        fork = self._kernel.fork(self._index.tip.hash) if self._index.blocks else None
        returned: list[Transaction] = []
        while self._index.blocks and self._index.tip != fork:
            returned[:0] = self._index.disconnect()
        tip = self._kernel.tip()
        for height in range(len(self._index.blocks), tip.height + 1):
            at_hand = mined if height == tip.height else ()
            txs = at_hand or self._kernel.transactions(height)
            self._index.connect(self._kernel.block(height), txs)
            self._pool.confirm(txs)
        if returned:
            self._return_to_mempool(returned)

    def _return_to_mempool(self, returned: list[Transaction]) -> None:
        """Examine the mempool again, after the transactions of blocks that left the chain."""
        before, self._pool = self._pool, Pool()
        mempool = self._mempool(self._pool)
        for tx in returned:
            mempool.restore(tx, self._now())
        for entry in before:
            mempool.restore(entry.tx, entry.first_seen)

    def _persist(self) -> None:
        self._disk.sync_blocks()
        self._disk.save(self._state(self._pool))

    def _state(self, pool: Pool) -> State:
        mempool = tuple(Waiting(entry.tx, entry.first_seen) for entry in pool)
        return State(self.tip().height, closed=False, mempool=mempool)

    def _mempool(self, pool: Pool) -> Mempool:
        return Mempool(self._index, pool, self._now())

    def _now(self) -> int:
        return int(self._clock())


def _open_kernel(directory: Path, state: State) -> Kernel:
    try:
        kernel = Kernel(directory, reindex=not state.closed)
    except ChainError:  # a damaged database; the block files have everything
        kernel = Kernel(directory, reindex=True)
    height = kernel.tip().height
    if height < state.height:
        kernel.close()
        raise ChainError(
            f"only {height} of {state.height} blocks in {directory} can be read: its files are damaged",
            "bring the directory back from a copy, or remove it to start another chain",
        )
    return kernel


def _verdict(txid: Txid, outcome: Entry | ChainRefusedError) -> Verdict:
    if isinstance(outcome, ChainRefusedError):
        return Verdict(txid, outcome.reason)
    return Verdict(txid, None, outcome.vsize, outcome.fee)
