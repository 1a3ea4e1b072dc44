"""What a transaction pushes aside when it is sent: a payment is taken back only by who means to."""

from collections import defaultdict
from collections.abc import Iterator, Mapping

from wallet.conflicts import spends
from wallet.errors import RefusedError
from wallet.ledger import Ledger
from wallet.tx import OutPoint, Transaction, show_txid


def check_displaced(ledger: Ledger, tx: Transaction) -> None:
    """Refuse a transaction that would take a payment back without having been made for that.

    A draft may wait while another one spends its coins. If it pays a higher fee it replaces that one, whose
    recipients then get nothing. What bump makes pays them as well, at most as much; what cancel makes spends
    the same coins and pays the wallet alone.

    Args:
        ledger: the wallet's state.
        tx: what is to be sent.

    Raises:
        RefusedError: "takes-back"; names the payment.
    """
    paid, coins = _paid(ledger, tx), set(spends(tx))
    for displaced in _displaced(ledger, tx):
        kept = all(
            script in paid and paid[script] <= value for script, value in _paid(ledger, displaced).items()
        )
        cancelled = not paid and set(spends(displaced)) == coins
        if not kept and not cancelled:
            raise RefusedError(
                "takes-back",
                f"it spends coins of the payment {show_txid(displaced.txid)} and would replace that",
                "drop it and make it anew, or cancel that payment first",
            )


def _paid(ledger: Ledger, tx: Transaction) -> Mapping[bytes, int]:
    """Return what a transaction pays to others, by script."""
    paid: dict[bytes, int] = defaultdict(int)
    for out in tx.outputs:
        if ledger.index.find(out.script_pubkey) is None:
            paid[out.script_pubkey] += out.value
    return paid


def _displaced(ledger: Ledger, tx: Transaction) -> Iterator[Transaction]:
    """Yield the unconfirmed transactions that spend what another one spends, and those that build on them."""
    known, waiting = {tx.txid}, list(spends(tx))
    while waiting:
        coin = ledger.coins.get(waiting.pop())
        if coin is None or coin.spent_by is None or coin.spent_by in known:
            continue
        entry = ledger.entry(coin.spent_by)
        known.add(entry.tx.txid)
        if entry.block is None:
            yield entry.tx
            waiting += (OutPoint(entry.tx.txid, i) for i in range(len(entry.tx.outputs)))
