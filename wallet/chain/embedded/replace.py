"""When a transaction may replace others in the mempool: BIP-125 without opt-in, as Bitcoin Core from 28."""

from typing import Final

from wallet.amounts import FeeRate
from wallet.chain.embedded.pool import Entry, Pool
from wallet.errors import ChainRefusedError
from wallet.tx import Txid

INCREMENTAL_RELAY: Final = FeeRate(1000)
MAX_REPLACED: Final = 100


def replaced(pool: Pool, entry: Entry) -> set[Txid]:
    """Return what a transaction evicts: those that spend what it spends, and all that build on them.

    Raises:
        ChainRefusedError: it must not replace them; the reason is Bitcoin Core's (ReplacementChecks).
    """
    direct = pool.conflicts(entry.tx)
    if not direct:
        return set()
    if direct & pool.ancestors(entry.tx):
        raise ChainRefusedError("bad-txns-spends-conflicting-tx")
    # fee / vsize > fee' / vsize' for each transaction that it conflicts with
    for old in (pool.entries[txid] for txid in direct):
        if entry.fee * old.vsize <= old.fee * entry.vsize:
            raise ChainRefusedError("insufficient fee", "a replacement needs a higher fee rate")
    evicted = pool.descendants(direct)
    if len(evicted) > MAX_REPLACED:
        raise ChainRefusedError("too many potential replacements")
    allowed = {parent for txid in direct for parent in pool.parents(pool.entries[txid].tx)}
    if not pool.parents(entry.tx) <= allowed:
        raise ChainRefusedError("replacement-adds-unconfirmed", "spend only confirmed coins in addition")
    paid = pool.fee(evicted)
    if entry.fee < paid + INCREMENTAL_RELAY.fee(entry.vsize):
        raise ChainRefusedError(
            "insufficient fee",
            f"it replaces fees of {paid} sat and has to pay 1 sat/vB of its own size on top of them",
        )
    return evicted
