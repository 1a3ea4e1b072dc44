"""Transactions of version 3, which a parent and a child may relay as one (BIP-431, TRUC)."""

from typing import Final

from wallet.chain.embedded.pool import Entry, Pool
from wallet.errors import ChainRefusedError

TRUC_VERSION: Final = 3

_MAX_VSIZE: Final = 10_000
_MAX_CHILD_VSIZE: Final = 1_000


def check_truc(pool: Pool, entry: Entry) -> None:
    """Check the rules of version 3 (BIP-431; Bitcoin Core, SingleTRUCChecks).

    A second child is refused: it does not evict its sibling as it would in Bitcoin Core.

    Args:
        pool: without the transaction and what it replaces.
        entry: the transaction.

    Raises:
        ChainRefusedError: a rule is broken.
    """
    parents = [pool.entries[txid].tx for txid in pool.parents(entry.tx)]
    if any((parent.version == TRUC_VERSION) != (entry.tx.version == TRUC_VERSION) for parent in parents):
        raise _violation("it and its unconfirmed parents are not all of version 3")
    if entry.tx.version != TRUC_VERSION:
        return
    if entry.vsize > (_MAX_CHILD_VSIZE if parents else _MAX_VSIZE):
        raise _violation(
            f"it has more than {_MAX_VSIZE} vB, or {_MAX_CHILD_VSIZE} with an unconfirmed parent"
        )
    if len(pool.ancestors(entry.tx)) > 1:
        raise _violation("it has more than one unconfirmed ancestor")
    if any(pool.children(parent) for parent in parents):
        raise _violation("its unconfirmed parent has a child already")


def _violation(why: str) -> ChainRefusedError:
    return ChainRefusedError("TRUC-violation", why)
