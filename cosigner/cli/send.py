"""mpcw send: pay somebody."""

from typing import Annotated

import typer

from cosigner.cli.command import Invocation, command
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
    carry_out,
    control_of,
    rate_of,
)
from cosigner.cli.unlock import PassphraseFiles
from cosigner.local import LocalWallet
from protocol.errors import UsageError
from wallet import address
from wallet.amounts import parse_amount
from wallet.build import Draft, Payment
from wallet.network import Network
from wallet.tx import TxOut
from wallet.uri import PaymentUri

Recipients = Annotated[
    list[str],
    typer.Argument(metavar="ADDRESS=AMOUNT", help="Whom to pay what, or bitcoin: URIs. 120000 or 0.0012btc."),
]


app = typer.Typer(add_completion=False)


@command(
    app,
    examples="""
mpcw send bcrt1p...=120000
mpcw send bcrt1p...=0.5btc bcrt1q...=0.1btc --fee-rate 3 --signers 0,2
mpcw send --all bcrt1p...
mpcw send 'bitcoin:bcrt1p...?amount=0.01' --dry-run
""",
)
def send(
    call: Invocation,
    recipients: Recipients,
    everything: Annotated[bool, typer.Option("--all", help="Send all coins to the one ADDRESS.")] = False,
    fee_rate: FeeRateOption = None,
    subtract_fee: Annotated[
        bool, typer.Option("--subtract-fee", help="The recipients pay the fee, in equal parts.")
    ] = False,
    rbf: Annotated[bool, typer.Option("--rbf/--no-rbf", help="Whether it may be replaced.")] = True,
    coin: CoinOption = None,
    only: OnlyOption = False,
    avoid: AvoidOption = None,
    min_conf: MinConfOption = 0,
    signers: SignersOption = None,
    passphrase_file: PassphraseFiles = None,
    wait: WaitOption = False,
    yes: YesOption = False,
    dry_run: DryRunOption = False,
) -> None:
    """Pay somebody: draft, show, ask, sign, broadcast."""
    control = control_of(coin, only, avoid, min_conf)

    def make(wallet: LocalWallet, dry: bool) -> Draft:
        rate = rate_of(wallet, fee_rate)
        if everything:
            script = _only_script(recipients, wallet.plan.network)
            return wallet.draft_send_all(script, rate, control, dry_run=dry)
        outputs = tuple(recipient(text, wallet.plan.network) for text in recipients)
        fee_from = frozenset(range(len(outputs))) if subtract_fee else frozenset()
        return wallet.draft_send(Payment(outputs, rate, control, fee_from, rbf), dry_run=dry)

    carry_out(call, Manner(signers, passphrase_file or [], yes, dry_run, wait), make, "sent")


def recipient(text: str, network: Network) -> TxOut:
    """Read ADDRESS=AMOUNT or a bitcoin: URI with an amount.

    Raises:
        MalformedError, NetworkMismatchError: the address or the amount cannot be read.
        UsageError: there is no amount.
    """
    if text[:8].lower() == "bitcoin:":
        uri = PaymentUri.parse(text, network)
        if uri.amount is None:
            raise UsageError("the payment URI asks for no amount: write ADDRESS=AMOUNT")
        return TxOut(uri.amount, uri.script)
    target, separator, amount = text.partition("=")
    if not separator:
        raise UsageError(f"{text!r} has no amount: write ADDRESS=AMOUNT, or --all to send everything")
    return TxOut(parse_amount(amount), address.decode(target, network))


def _only_script(recipients: list[str], network: Network) -> bytes:
    if len(recipients) != 1 or "=" in recipients[0]:
        raise UsageError("--all takes one address, without an amount")
    return address.decode(recipients[0], network)
