"""mpcw tx: drafts, transactions, and what can be done while one waits."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from cosigner.cli import confirm, show
from cosigner.cli.command import Invocation, command
from cosigner.cli.send import Recipients, recipient
from cosigner.cli.spending import (
    AvoidOption,
    CoinOption,
    DryRunOption,
    FeeRateOption,
    Manner,
    MinConfOption,
    OnlyOption,
    SignersOption,
    WaitOption,
    YesOption,
    approve,
    carry_out,
    control_of,
    is_signed,
    rate_of,
    report,
    sign,
    signers_of,
    signing_value,
)
from cosigner.cli.unlock import PassphraseFiles
from cosigner.cli.wallet import history_value
from cosigner.local import LocalWallet
from protocol.errors import UsageError
from wallet.amounts import FeeRate
from wallet.build import Draft, Payment
from wallet.errors import InsufficientFundsError, UnknownError
from wallet.history import HistoryEntry
from wallet.labels import LabelType
from wallet.psbt import extract
from wallet.tx import Txid, parse_txid, show_txid

app = typer.Typer(no_args_is_help=True)

TxidArgument = Annotated[
    str, typer.Argument(metavar="TXID", help="Its 64 hex digits; wallet history and tx list show them.")
]


@command(app, examples="mpcw tx create bcrt1p...=120000")
def create(
    call: Invocation,
    recipients: Recipients,
    fee_rate: FeeRateOption = None,
    coin: CoinOption = None,
    only: OnlyOption = False,
    avoid: AvoidOption = None,
    min_conf: MinConfOption = 0,
) -> None:
    """Draft a payment and keep it for `tx sign`, or to be taken elsewhere as a PSBT."""
    control = control_of(coin, only, avoid, min_conf)
    with call.open() as wallet:
        wallet.sync()
        outputs = tuple(recipient(text, wallet.plan.network) for text in recipients)
        draft = wallet.draft_send(Payment(outputs, rate_of(wallet, fee_rate), control))
        seen, signers = wallet.review(draft.psbt), signers_of(wallet, None)
        value = {**confirm.describe(wallet, draft.psbt, seen), "psbt": draft.psbt.base64()}
        call.out.result(value, confirm.screen(wallet, draft.psbt, seen, signers))
        txid = show_txid(draft.tx.txid)
    call.out.hint(f"mpcw tx sign {txid}")


@command(app, "list", examples="mpcw tx list")
def list_drafts(call: Invocation) -> None:
    """List the drafts; `wallet history` lists what was sent."""
    with call.open() as wallet:
        rows = show.Rows("sent", "fee", "state", right=("sent", "fee"))
        values = []
        for txid, psbt in wallet.drafts().items():
            seen = wallet.review(psbt)
            final = is_signed(psbt)
            state = "signed" if final else "waits for signatures"
            rows.add(show.sats(seen.sent), show.sats(seen.fee), state, below=show_txid(txid))
            values.append({**confirm.describe(wallet, psbt, seen), "signed": final})
        call.out.result(values, rows.lines("There are no drafts."))


@command(app, "show", examples="mpcw tx show 4f2c...")
def show_tx(call: Invocation, txid: TxidArgument) -> None:
    """Show a transaction or a draft."""
    wanted = parse_txid(txid)
    with call.open() as wallet:
        wallet.sync()
        drafts = wallet.drafts()
        if wanted in drafts:
            psbt = drafts[wanted]
            seen = wallet.review(psbt)
            value = {**confirm.describe(wallet, psbt, seen), "psbt": psbt.base64()}
            call.out.result(value, confirm.screen(wallet, psbt, seen, signers_of(wallet, None)))
            return
        entry = _entry(wallet, wanted)
        label = wallet.labels().get((LabelType.TX, show_txid(wanted)), "")
        outputs = confirm.outputs(wallet, entry.tx)
        value = {
            **history_value(entry, label),
            "fee_rate_sat_per_kvb": None if entry.fee is None else _rate(entry).sat_per_kvb,
            "outputs": outputs,
            "hex": bytes(entry.tx).hex(),
            "vsize": entry.tx.vsize,
        }
        rows = show.facts(
            ("transaction", show_txid(wanted)),
            ("status", entry.status.value),
            ("confirmations", str(entry.confirmations)),
            ("amount", show.amount(entry.net)),
            ("fee", "" if entry.fee is None else f"{show.sats(entry.fee)}, {_rate(entry)}"),
            ("first seen", show.when(entry.first_seen) + " UTC"),
            ("replaced by", "" if entry.replaced_by is None else show_txid(entry.replaced_by)),
            ("label", label),
            *(row for output in outputs for row in _shown_output(output)),
        )
        call.out.result(value, rows)


def _rate(entry: HistoryEntry) -> FeeRate:
    return FeeRate.of(entry.fee or 0, entry.tx.vsize)


def _shown_output(output: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return an output as its user reads it: how much, and to whom."""
    own = "" if output["account"] is None else f"ours at {output['path']} of the {output['account']} account"
    to = str(output["address"] or f"script {output['script']}")
    return [("output", show.amount(output["value"])), ("", to), *([("", own)] if own else [])]


def _entry(wallet: LocalWallet, txid: Txid) -> HistoryEntry:
    for entry in wallet.history():
        if entry.tx.txid == txid:
            return entry
    raise UnknownError(
        f"the wallet has no transaction {show_txid(txid)}", "list them with: mpcw wallet history"
    )


@command(app, "sign", examples="mpcw tx sign 4f2c... --signers 0,2")
def sign_tx(
    call: Invocation,
    txid: TxidArgument,
    signers: SignersOption = None,
    passphrase_file: PassphraseFiles = None,
    wait: WaitOption = False,
    yes: YesOption = False,
) -> None:
    """Have t parties sign a draft; it is not sent."""
    manner = Manner(signers, passphrase_file or [], yes, wait=wait)
    with call.open() as wallet:
        psbt = wallet.draft(parse_txid(txid))
        if is_signed(psbt):
            raise UsageError("it is signed already: " + call.out.again(f"mpcw tx broadcast {txid}"))
        approve(call, wallet, psbt, manner, "Sign it?")
        signed = sign(call, wallet, psbt, manner)
        made = {"txid": txid, "psbt": signed.psbt.base64(), "hex": bytes(extract(signed.psbt)).hex()}
        value = {**made, **signing_value(signed)}
        call.out.result(value, [f"signed {txid}"])
    call.out.hint(f"mpcw tx broadcast {txid}")


@command(app, examples="mpcw tx broadcast 4f2c...")
def broadcast(call: Invocation, txid: TxidArgument) -> None:
    """Send a signed draft."""
    with call.open() as wallet:
        wallet.sync()
        psbt = wallet.draft(parse_txid(txid))
        if not is_signed(psbt):
            raise UsageError("it waits for signatures: " + call.out.again(f"mpcw tx sign {txid}"))
        tx = extract(psbt)
        wallet.broadcast(tx)
    report(call, {"txid": txid, "broadcast": True}, tx, "sent")


@command(app, examples="mpcw tx drop 4f2c...")
def drop(call: Invocation, txid: TxidArgument) -> None:
    """Forget a draft."""
    with call.open() as wallet:
        wallet.drop_draft(parse_txid(txid))
    call.out.result({"txid": txid}, [f"forgot {txid}"])


@command(
    app, examples="mpcw tx bump 4f2c...\nmpcw tx bump 4f2c... --fee-rate 12\nmpcw tx bump 4f2c... --shrink 0"
)
def bump(
    call: Invocation,
    txid: TxidArgument,
    fee_rate: FeeRateOption = None,
    shrink: Annotated[
        int | None,
        typer.Option(
            min=0,
            metavar="INDEX",
            help="This output pays for it, counted from 0: for a payment of all coins.",
        ),
    ] = None,
    signers: SignersOption = None,
    passphrase_file: PassphraseFiles = None,
    wait: WaitOption = False,
    yes: YesOption = False,
    dry_run: DryRunOption = False,
) -> None:
    """Replace an unconfirmed transaction by one that pays the same recipients and a higher fee (RBF)."""
    wanted, rate = parse_txid(txid), None if fee_rate is None else FeeRate.parse(fee_rate)
    manner = Manner(signers, passphrase_file or [], yes, dry_run, wait, replaces=True)

    def make(wallet: LocalWallet, dry: bool) -> Draft:
        try:
            return wallet.draft_bump(wanted, rate, shrink=shrink, dry_run=dry)
        except InsufficientFundsError as e:
            e.hint = e.hint or "--shrink 0 takes it from what the first output gets; tx cancel takes all back"
            raise

    carry_out(call, manner, make, f"{show_txid(wanted)} replaced by")


@command(app, examples="mpcw tx cpfp 4f2c... --fee-rate 12")
def cpfp(
    call: Invocation,
    txid: TxidArgument,
    fee_rate: FeeRateOption = None,
    signers: SignersOption = None,
    passphrase_file: PassphraseFiles = None,
    wait: WaitOption = False,
    yes: YesOption = False,
    dry_run: DryRunOption = False,
) -> None:
    """Pull an unconfirmed transaction along by a child that pays for both."""
    wanted = parse_txid(txid)
    manner = Manner(signers, passphrase_file or [], yes, dry_run, wait)
    carry_out(
        call, manner, lambda w, dry: w.draft_cpfp(wanted, rate_of(w, fee_rate), dry_run=dry), "child sent:"
    )


@command(app, examples="mpcw tx cancel 4f2c...")
def cancel(
    call: Invocation,
    txid: TxidArgument,
    fee_rate: FeeRateOption = None,
    signers: SignersOption = None,
    passphrase_file: PassphraseFiles = None,
    wait: WaitOption = False,
    yes: YesOption = False,
    dry_run: DryRunOption = False,
) -> None:
    """Replace an unconfirmed transaction by one that brings the coins back."""
    wanted, rate = parse_txid(txid), None if fee_rate is None else FeeRate.parse(fee_rate)
    manner = Manner(signers, passphrase_file or [], yes, dry_run, wait, replaces=True)
    carry_out(call, manner, lambda w, dry: w.draft_cancel(wanted, rate, dry_run=dry), "coins sent back by")


@command(app, examples="mpcw tx label 4f2c... 'rent, March'")
def label(
    call: Invocation,
    txid: TxidArgument,
    text: Annotated[str, typer.Argument(help="The label; an empty one takes it away.")],
) -> None:
    """Label a transaction."""
    with call.open() as wallet:
        ref = show_txid(_entry(wallet, parse_txid(txid)).tx.txid)
        wallet.set_label(LabelType.TX, ref, text)
    value = {"txid": ref, "label": text}
    call.out.result(value, [f"{ref}: {text or 'no label'}"])
