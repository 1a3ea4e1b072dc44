"""The transactions that a node's wallet knows, with the block or the mempool that has each."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from wallet.chain.answer import Answer
from wallet.chain.base import Block, Seen
from wallet.chain.node_wallet import NodeWallet
from wallet.chain.rpc import RPC_INVALID_ADDRESS_OR_KEY, Call, RpcError
from wallet.errors import ChainError, MalformedError
from wallet.tx import Transaction, Txid, parse_txid, show_txid

_IN_MEMPOOL: Final = 1 << 40  # after every block


@dataclass(frozen=True, slots=True)
class _Listed:
    """A transaction as the node lists it.

    Args:
        txid: as displayed.
        block: what confirmed it; None if nothing did.
        place: height and position in the block, or a place after all blocks with its number of ancestors.
        time: when the node saw it, or that of its block if it was found there later.
    """

    txid: str
    block: Block | None
    place: tuple[int, int]
    time: int


def transactions_since(wallet: NodeWallet, fork: Block | None) -> tuple[Seen, ...]:
    """Return what the active chain has above a block, in its order, and then what the mempool has.

    Args:
        wallet: which the node keeps up to date.
        fork: a block of the active chain; None for everything.

    Raises:
        ChainError: the node failed, or answered with other transactions than it was asked for.
    """
    since = None if fork is None else show_txid(Txid(fork.hash))
    # as lastblock the tip, with watch-only and change, without what was removed from the active chain
    answer = wallet.call("listsinceblock", since, 1, True, False, True)["transactions"]
    # an entry for each output: one is enough
    entries = {entry["txid"].text(): entry for entry in answer}
    confirmed = [_confirmed(entry) for entry in entries.values() if entry["confirmations"].integer() > 0]
    waiting = [entry for entry in entries.values() if entry["confirmations"].integer() == 0]
    listed = sorted([*confirmed, *_in_mempool(wallet, waiting)], key=lambda one: (one.place, one.time))
    hexes = wallet.batch([Call("gettransaction", (one.txid,)) for one in listed])
    return tuple(
        Seen(_transaction(one.txid, answer), one.block, one.time)
        for one, answer in zip(listed, hexes, strict=True)
    )


def _confirmed(entry: Answer) -> _Listed:
    height = entry["blockheight"].integer()
    block = Block(height, entry["blockhash"].hash(), entry["blocktime"].integer())
    place = (height, entry["blockindex"].integer())
    return _Listed(entry["txid"].text(), block, place, entry["time"].integer())


def _in_mempool(wallet: NodeWallet, entries: Sequence[Answer]) -> list[_Listed]:
    """Return those that the mempool has: a wallet also lists what was replaced, evicted or abandoned."""
    found = []
    results = wallet.batch([Call("getmempoolentry", (entry["txid"].text(),)) for entry in entries])
    for entry, result in zip(entries, results, strict=True):
        if not isinstance(result, RpcError):
            place = (_IN_MEMPOOL, result["ancestorcount"].integer())
            found.append(_Listed(entry["txid"].text(), None, place, entry["time"].integer()))
        elif result.code != RPC_INVALID_ADDRESS_OR_KEY:
            raise result
    return found


def _transaction(txid: str, answer: Answer | RpcError) -> Transaction:
    if isinstance(answer, RpcError):
        raise answer
    try:
        tx = Transaction.from_bytes(answer["hex"].raw())
        same = tx.txid == parse_txid(txid)
    except MalformedError as e:
        raise ChainError(f"bitcoind's transaction {txid} is malformed: {e}") from e
    if not same:
        raise ChainError(f"bitcoind gave another transaction for {txid}")
    return tx
