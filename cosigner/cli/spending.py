"""What send and the verbs of tx share: choose coins and rates, show, ask, sign, broadcast."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from cosigner.cli import confirm, passphrases
from cosigner.cli.command import Invocation
from cosigner.local import LocalWallet
from protocol.errors import UsageError
from protocol.ids import PartyId
from wallet.amounts import FeeRate
from wallet.build import CoinControl, Draft
from wallet.psbt import Psbt, extract
from wallet.tx import OutPoint, Transaction, show_txid

FeeRateOption = Annotated[
    str | None, typer.Option("--fee-rate", help="sat/vB; estimated if not given.", metavar="RATE")
]
CoinOption = Annotated[
    list[str] | None,
    typer.Option("--coin", metavar="TXID:INDEX", help="Spend this coin. Repeat for more."),
]
OnlyOption = Annotated[bool, typer.Option("--only", help="Spend no coin but those of --coin.")]
AvoidOption = Annotated[
    list[str] | None,
    typer.Option("--avoid", metavar="TXID:INDEX", help="Do not spend this coin. Repeat for more."),
]
MinConfOption = Annotated[int, typer.Option("--min-conf", min=0, help="Spend only coins that deep.")]
SignersOption = Annotated[
    str | None, typer.Option("--signers", metavar="0,2", help="Who signs; the first t if not given.")
]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Show it; keep and sign nothing.")]


def rate_of(wallet: LocalWallet, text: str | None) -> FeeRate:
    """Return the fee rate that the user names, else the estimate."""
    return wallet.fee_rate() if text is None else FeeRate.parse(text)


def control_of(coins: list[str] | None, only: bool, avoid: list[str] | None, min_conf: int) -> CoinControl:
    """Return which coins the user wants to be spent."""
    use = frozenset(OutPoint.parse(coin) for coin in coins or [])
    return CoinControl(use, only, frozenset(OutPoint.parse(coin) for coin in avoid or []), min_conf)


def signers_of(wallet: LocalWallet, text: str | None) -> tuple[PartyId, ...]:
    """Return the parties that are to sign, ascending.

    Raises:
        UsageError: the text is no list of parties.
    """
    if text is None:
        return tuple(PartyId(i) for i in range(wallet.plan.t))
    try:
        parties = sorted({int(part) for part in text.split(",")})
    except ValueError as e:
        raise UsageError(f"{text!r} is no list of parties, such as 0,2") from e
    return tuple(map(PartyId, parties))


@dataclass(frozen=True, slots=True)
class Manner:
    """How a transaction is signed and sent.

    Args:
        signers: list of parties as the user writes it; None for the first t.
        passphrase_files: PARTY=PATH each.
        yes: whether the user is not asked.
        dry_run: whether nothing is kept.
    """

    signers: str | None
    passphrase_files: list[str]
    yes: bool
    dry_run: bool = False


def carry_out(
    call: Invocation, manner: Manner, make: Callable[[LocalWallet, bool], Draft], done: str
) -> None:
    """Make a transaction, show it, ask, sign it and send it.

    Args:
        call: the command's invocation.
        manner: how.
        make: drafts it; takes the wallet, and whether it is a dry run.
        done: what to say at the end.
    """
    with call.open() as wallet:
        wallet.sync()
        draft = make(wallet, manner.dry_run)
        if manner.dry_run:
            show_only(call, wallet, draft.psbt, manner)
            return
        try:
            agreed = approve(call, wallet, draft.psbt, manner)
        except UsageError:
            wallet.drop_draft(draft.tx.txid)
            raise
        if not agreed:
            wallet.drop_draft(draft.tx.txid)
            call.out.note("Nothing was signed.")
            raise typer.Exit(1)
        tx = extract(sign(call, wallet, draft.psbt, manner))
        wallet.broadcast(tx)
        value = {**confirm.describe(wallet, draft.psbt, wallet.review(draft.psbt)), "broadcast": True}
        report(call, value, tx, done)


def show_only(call: Invocation, wallet: LocalWallet, psbt: Psbt, manner: Manner) -> None:
    """Show a transaction as the result of the command."""
    seen = wallet.review(psbt)
    value = {**confirm.describe(wallet, psbt, seen), "psbt": psbt.base64()}
    call.out.result(value, confirm.Screen(wallet, psbt, seen, signers_of(wallet, manner.signers)))


def approve(
    call: Invocation, wallet: LocalWallet, psbt: Psbt, manner: Manner, question: str = "Sign and send it?"
) -> bool:
    """Show a transaction and ask whether to sign it."""
    seen = wallet.review(psbt)
    if not call.out.as_json:
        confirm.Screen(wallet, psbt, seen, signers_of(wallet, manner.signers))(call.out.side)
    return confirm.ask(call, question, manner.yes)


def sign(call: Invocation, wallet: LocalWallet, psbt: Psbt, manner: Manner) -> Psbt:
    """Unlock the signers and have them sign."""
    signers = signers_of(wallet, manner.signers)
    passphrases.unlock(wallet, signers, manner.passphrase_files, call.out)
    return wallet.sign(psbt, signers).psbt


def report(call: Invocation, value: dict[str, Any], tx: Transaction, done: str) -> None:
    """Say that a transaction was sent."""
    txid = show_txid(tx.txid)
    call.out.result(value, lambda console: console.print(f"{done} {txid}"))
    call.out.hint(f"mpcw tx show {txid}, or mpcw tx bump {txid} if it waits too long")
