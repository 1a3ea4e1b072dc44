"""What send and the verbs of tx share: choose coins and rates, show, ask, sign, broadcast."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from cosigner.cli import confirm, show
from cosigner.cli.command import Invocation
from cosigner.cli.refill import expected_seconds, refill_line
from cosigner.cli.unlock import passphrase_files, unlock
from cosigner.errors import DeclinedError, NotEnoughSignersError
from cosigner.local import LocalWallet
from cosigner.signing import Signed
from presig_pool.errors import PoolExhausted
from protocol.errors import UsageError
from protocol.ids import PartyId
from wallet.amounts import FeeRate
from wallet.build import CoinControl, Draft
from wallet.errors import RefusedError
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
    str | None,
    typer.Option("--signers", metavar="PARTIES", help="Who signs, such as 0,2; the first t if not given."),
]
WaitOption = Annotated[
    bool, typer.Option("--wait", help="Make presignatures that SegWit inputs lack, without asking.")
]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Show it; keep and sign nothing.")]


def is_signed(psbt: Psbt) -> bool:
    """Return whether a PSBT has all its signatures."""
    return all(item.is_final for item in psbt.inputs)


def rate_of(wallet: LocalWallet, text: str | None) -> FeeRate:
    """Return the fee rate that the user names, else the estimate.

    Raises:
        RefusedError: the mempool takes nothing at this rate.
    """
    if text is None:
        return wallet.fee_rate()
    rate, lowest = FeeRate.parse(text), wallet.chain.min_fee_rate()
    if rate.sat_per_kvb < lowest.sat_per_kvb:
        raise RefusedError("min-fee-rate", f"the mempool takes nothing below {lowest}", "raise the fee rate")
    return rate


def control_of(coins: list[str] | None, only: bool, avoid: list[str] | None, min_conf: int) -> CoinControl:
    """Return which coins the user wants to be spent.

    Raises:
        MalformedError: one is no coin.
        UsageError: no coin is left.
    """
    if only and not coins:
        raise UsageError("--only spends no coin but those of --coin: name one")
    use = frozenset(OutPoint.parse(coin) for coin in coins or [])
    return CoinControl(use, only, frozenset(OutPoint.parse(coin) for coin in avoid or []), min_conf)


def signers_of(wallet: LocalWallet, text: str | None) -> tuple[PartyId, ...]:
    """Return the parties that are to sign, ascending.

    Raises:
        UsageError: the text is no list of parties.
        NotEnoughSignersError: they are fewer than t.
    """
    if text is None:
        return wallet.default_signers()
    try:
        parties = sorted({int(part) for part in text.split(",")})
    except ValueError as e:
        raise UsageError(f"{text!r} is no list of parties, such as 0,2") from e
    if not set(parties) <= set(range(wallet.plan.n)):
        raise UsageError(f"the parties of this wallet are 0..{wallet.plan.n - 1}, not {text}")
    if len(parties) < wallet.plan.t:
        raise NotEnoughSignersError(f"{wallet.plan.t} parties of this wallet sign, not {text} alone")
    return tuple(map(PartyId, parties))


@dataclass(frozen=True, slots=True)
class Manner:
    """How a transaction is signed and sent.

    Args:
        signers: list of parties as the user writes it; None for the first t.
        passphrase_files: PARTY=PATH each.
        yes: whether the user is not asked.
        dry_run: whether nothing is kept.
        wait: whether missing presignatures are made without a question.
        replaces: whether it takes the place of a transaction that was signed before.
    """

    signers: str | None
    passphrase_files: list[str]
    yes: bool
    dry_run: bool = False
    wait: bool = False
    replaces: bool = False


def carry_out(
    call: Invocation, manner: Manner, make: Callable[[LocalWallet, bool], Draft], done: str
) -> None:
    """Make a transaction, show it, ask, sign it and send it.

    Args:
        call: the command's invocation.
        manner: how.
        make: drafts it; takes the wallet, and whether it is a dry run.
        done: what to say at the end.

    Raises:
        DeclinedError: the user did not agree.
    """
    with call.open() as wallet:
        signers_of(wallet, manner.signers)
        passphrase_files(manner.passphrase_files, wallet.plan.n)
        wallet.sync()
        draft = make(wallet, manner.dry_run)
        if manner.dry_run:
            show_only(call, wallet, draft.psbt, manner)
            return
        txid = show_txid(draft.tx.txid)
        try:
            approve(call, wallet, draft.psbt, manner)
        except BaseException:
            wallet.drop_draft(draft.tx.txid)
            raise
        value = confirm.describe(wallet, draft.psbt, wallet.review(draft.psbt))
        with kept(call, txid):
            signed = sign(call, wallet, draft.psbt, manner)
            tx = extract(signed.psbt)
            wallet.broadcast(tx)
        report(call, {**value, **signing_value(signed), "broadcast": True}, tx, done)


def kept(call: Invocation, txid: str) -> Any:
    """Say, if the block fails, that the draft is still there."""
    commands = [call.out.again(f"  mpcw tx {verb} {txid}") for verb in ("sign", "broadcast", "drop")]
    return call.out.kept("draft", txid, ["The draft is kept. Sign and send it, or forget it:", *commands])


def show_only(call: Invocation, wallet: LocalWallet, psbt: Psbt, manner: Manner) -> None:
    """Show a transaction as the result of the command."""
    seen = wallet.review(psbt)
    value = {**confirm.describe(wallet, psbt, seen), "psbt": psbt.base64()}
    signers = signers_of(wallet, manner.signers)
    call.out.result(value, confirm.screen(wallet, psbt, seen, signers, manner.replaces))


def approve(
    call: Invocation, wallet: LocalWallet, psbt: Psbt, manner: Manner, question: str = "Sign and send it?"
) -> None:
    """Show a transaction and ask whether to sign it.

    Raises:
        DeclinedError: the user does not agree.
    """
    seen = wallet.review(psbt)
    signers = signers_of(wallet, manner.signers)
    call.out.notes(confirm.screen(wallet, psbt, seen, signers, manner.replaces))
    for txid in wallet.rivals(psbt.tx):
        name = show_txid(txid)
        call.out.warn(f"the draft {name} spends some of these coins: only one of the two can be sent")
    if not confirm.ask(call, question, manner.yes):
        raise DeclinedError("you said no: nothing was signed")


def sign(call: Invocation, wallet: LocalWallet, psbt: Psbt, manner: Manner) -> Signed:
    """Unlock the signers and have them sign.

    Raises:
        PoolExhausted: presignatures are missing, and the user did not want them to be made.
    """
    signers = signers_of(wallet, manner.signers)
    unlock(wallet, signers, manner.passphrase_files, call.out)
    progress = refill_line(call.out)
    try:
        signed = wallet.sign(psbt, signers, progress if manner.wait else None)
    except PoolExhausted as short:
        if not _make_them(call, wallet, short, manner.wait):
            raise
        signed = wallet.sign(psbt, signers, progress)
    used = show.count(signed.presignatures, "presignature")
    burnt = f", {used} used up" if signed.presignatures else ""
    call.out.note(f"signed in {1000 * signed.seconds:.0f} ms{burnt}", "dim")
    return signed


def signing_value(signed: Signed) -> dict[str, Any]:
    """Return how a transaction was signed for scripts."""
    return {"signing_seconds": round(signed.seconds, 6), "presignatures": signed.presignatures}


def _make_them(call: Invocation, wallet: LocalWallet, short: PoolExhausted, waited: bool) -> bool:
    """Return whether a user at a terminal wants missing presignatures to be made; else say what helps."""
    missing = short.wanted - short.ready
    if not waited and sys.stdin.isatty() and not call.out.as_json:
        seconds = expected_seconds(missing, wallet.plan.t)
        return call.out.ask(f"{short}. Make {missing} now, in about {seconds} s?")
    short.add_note("have them made first with --wait, or kept ready by mpcw serve")
    return False


def report(call: Invocation, value: dict[str, Any], tx: Transaction, done: str) -> None:
    """Say that a transaction was sent."""
    txid = show_txid(tx.txid)
    call.out.result(value, [f"{done} {txid}"])
    call.out.hint(f"mpcw tx show {txid}")
    call.out.hint(f"mpcw tx bump {txid}")
