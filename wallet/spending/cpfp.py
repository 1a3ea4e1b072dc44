"""Pull an unconfirmed transaction along with one that spends from it: child pays for parent."""

from wallet.amounts import FeeRate, Sats
from wallet.chain.base import MempoolEntry
from wallet.coins import Coin
from wallet.errors import RefusedError
from wallet.spending.basis import Basis
from wallet.spending.draft import Draft, finish
from wallet.spending.fund import Order, fund
from wallet.tx import Txid, show_txid


def cpfp(basis: Basis, txid: Txid, rate: FeeRate, entry: MempoolEntry | None) -> Draft:
    """Build a transaction that spends from an unconfirmed one, so that both together pay a rate.

    It spends the most valuable output that is the wallet's, with confirmed coins if that does not suffice,
    and pays all back to the wallet.

    Args:
        basis: what it is built on.
        txid: the transaction to pull along, the wallet's or another's.
        rate: what it, its unconfirmed ancestors and the new one pay together.
        entry: what the mempool knows of it.

    Raises:
        UnknownError: there is no such transaction.
        RefusedError: "confirmed", "not-in-mempool"; "no-output": no output of it can be spent;
            "rate-reached": it pays that rate already; or as send.
        InsufficientFundsError: there are not coins enough.
    """
    known = basis.ledger.entry(txid)
    name = show_txid(txid)
    if known.block is not None:
        raise RefusedError("confirmed", f"the transaction {name} is confirmed")
    if entry is None:
        raise RefusedError("not-in-mempool", f"the transaction {name} is not in the mempool", "sync first")
    lacking = rate.fee(entry.ancestor_vsize) - entry.ancestor_fee
    if lacking <= 0:
        paid = FeeRate.of(entry.ancestor_fee, entry.ancestor_vsize)
        raise RefusedError(
            "rate-reached", f"the transaction {name} pays {paid} with its ancestors", "name a higher rate"
        )
    confirmed = tuple(coin for coin in basis.ledger.unspent if _addable(coin))
    order = Order((), rate, (_output(basis, txid),), (confirmed,), extra_fee=Sats(lacking))
    return finish(basis, fund(basis, order))


def _output(basis: Basis, txid: Txid) -> Coin:
    coins = [coin for coin in basis.ledger.unspent if coin.outpoint.txid == txid and not coin.frozen]
    if not coins:
        raise RefusedError(
            "no-output", f"no output of the transaction {show_txid(txid)} can be spent by this wallet"
        )
    return max(coins, key=lambda coin: coin.value)


def _addable(coin: Coin) -> bool:
    # other unconfirmed coins would bring ancestors of their own
    return coin.height is not None and coin.mature and not coin.frozen
