"""The screen that is shown before anything is signed, and the question below it."""

import sys
from typing import Any

from rich.console import Console

from cosigner.cli import show
from cosigner.cli.command import Invocation
from cosigner.local import LocalWallet
from protocol.errors import UsageError
from protocol.ids import PartyId
from wallet import address
from wallet.errors import MalformedError
from wallet.network import Network
from wallet.psbt import Psbt
from wallet.review import Review, ReviewedOutput
from wallet.tx import show_txid


def describe(wallet: LocalWallet, psbt: Psbt, seen: Review) -> dict[str, Any]:
    """Return what a transaction does for scripts."""
    return {
        "txid": show_txid(psbt.tx.txid),
        "sent": seen.sent,
        "fee": seen.fee,
        "fee_rate_sat_per_kvb": seen.fee_rate.sat_per_kvb,
        "inputs": [
            {
                "coin": str(psbt.tx.inputs[item.index].prevout),
                "value": item.coin.value,
                "path": str(item.path),
            }
            for item in seen.inputs
        ],
        "outputs": [
            {
                "address": shown_script(out.out.script_pubkey, wallet.plan.network),
                "value": out.out.value,
                "path": None if out.own is None else str(out.own.path),
            }
            for out in seen.outputs
        ],
        "locktime": psbt.tx.locktime,
        "replaceable": psbt.tx.signals_rbf,
    }


def shown_script(script: bytes, network: Network) -> str:
    """Return the address of an output script, or what it is."""
    try:
        return address.encode(script, network)
    except MalformedError:
        return f"script {script.hex()}"


class Screen:
    """A transaction as its user reads it before it is signed.

    Args:
        wallet: whose it is.
        psbt: the transaction.
        seen: what the wallet's own review found; nothing is shown that was not checked.
        signers: who is to sign.
    """

    def __init__(self, wallet: LocalWallet, psbt: Psbt, seen: Review, signers: tuple[PartyId, ...]) -> None:
        self.wallet, self.psbt, self.seen, self.signers = wallet, psbt, seen, signers

    def __call__(self, console: Console) -> None:
        """Print it."""
        rows = show.table("", "amount", "", right=("amount",))
        for out in self.seen.outputs:
            rows.add_row(
                "change" if out.own else "[bold]pay[/bold]", show.sats(out.out.value), self._whose(out)
            )
        share = f"{100 * self.seen.fee / self.seen.sent:.2f} percent of it, " if self.seen.sent else ""
        rows.add_row("fee", show.sats(self.seen.fee), f"{share}{self.seen.fee_rate}")
        console.print(rows)
        plan = self.wallet.plan
        names = ", ".join(f"party {party}" for party in self.signers)
        replaceable = "may be replaced (RBF)" if self.psbt.tx.signals_rbf else "final"
        coins = f"{len(self.seen.inputs)} coin" + ("s" if len(self.seen.inputs) > 1 else "")
        console.print(
            show.facts(
                ("spends", f"{coins}, {show.sats(sum(item.coin.value for item in self.seen.inputs))}"),
                ("signed by", f"{names} (any {plan.t} of {plan.n})"),
                ("transaction", f"{show_txid(self.psbt.tx.txid)}, {replaceable}"),
            )
        )

    def _whose(self, out: ReviewedOutput) -> str:
        text = shown_script(out.out.script_pubkey, self.wallet.plan.network)
        if out.own is None:
            return show.spaced(text) if " " not in text else text
        return f"{show.spaced(text)}  [green]ours at {out.own.path}, re-derived[/green]"


def ask(call: Invocation, question: str, yes: bool) -> bool:
    """Return whether the user agrees.

    Args:
        call: the command's invocation.
        question: what is about to happen.
        yes: whether the user has agreed on the command line.

    Raises:
        UsageError: there is nobody to ask.
    """
    if yes:
        return True
    if not sys.stdin.isatty():
        raise UsageError("there is no terminal to ask at: say --yes to go on without a question")
    return call.out.side.input(f"{question} [y/N] ").strip().lower() in ("y", "yes")
