"""mpcw address: where the wallet receives."""

from typing import Annotated

import typer

from cosigner.cli import show
from cosigner.cli.command import Invocation, command
from cosigner.cli.unlock import PassphraseFiles, unlock
from cosigner.local import LocalWallet
from cosigner.watch import Address
from wallet import address, qr
from wallet.account import GAP_LIMIT, Branch
from wallet.amounts import Sats, parse_amount
from wallet.tx import show_txid
from wallet.uri import PaymentUri

AccountOption = Annotated[
    str | None, typer.Option("--account", help="taproot or segwit; the first account if not given.")
]

app = typer.Typer(no_args_is_help=True)


@command(app, examples="mpcw address new --label 'invoice 17'\nmpcw address new --account segwit --qr")
def new(
    call: Invocation,
    account: AccountOption = None,
    label: Annotated[str, typer.Option(help="What to call it.")] = "",
    code: Annotated[bool, typer.Option("--qr", help="Show it as a QR code, too.")] = False,
) -> None:
    """Hand out an address that was never handed out before."""
    with call.open() as wallet:
        index = 0 if account is None else wallet.account_named(account)
        made = wallet.new_address(label, index)
        call.out.result(describe(wallet, made), [made.text])
        call.out.notes(show.spaced(made.text))
        if code:
            call.out.picture(qr.terminal(payment_uri(wallet, made).qr_text()))
        unused = sum(not item.received for item in wallet.addresses(account=index))
        if unused > GAP_LIMIT:
            call.out.warn(
                f"{unused} addresses have received nothing: a wallet that is restored elsewhere looks only "
                f"{GAP_LIMIT} unused addresses ahead, unless it is told to look further; here that is done by"
                " mpcw wallet rescan --gap"
            )
    call.out.hint(f"mpcw address verify {made.text}")


def payment_uri(wallet: LocalWallet, asked: Address, amount: Sats | None = None) -> PaymentUri:
    """Return the URI that asks for a payment to an address."""
    network = wallet.plan.network
    return PaymentUri(address.decode(asked.text, network), network, amount, asked.label)


def describe(wallet: LocalWallet, found: Address) -> dict[str, object]:
    """Return an address for scripts."""
    return {
        "address": found.text,
        "account": wallet.accounts[found.owner.account].name,
        "path": str(found.owner.path),
        "label": found.label,
        "received": [show_txid(txid) for txid in found.received],
    }


@command(app, "list", examples="mpcw address list --unused\nmpcw address list --account segwit --change")
def list_addresses(
    call: Invocation,
    account: Annotated[str | None, typer.Option(help="Only those of taproot, or of segwit.")] = None,
    unused: Annotated[bool, typer.Option("--unused", help="Only those that have received nothing.")] = False,
    change: Annotated[bool, typer.Option("--change", help="Those of the change branch.")] = False,
) -> None:
    """List the addresses that were handed out or used."""
    with call.open() as wallet:
        wallet.sync()
        accounts = range(len(wallet.accounts)) if account is None else [wallet.account_named(account)]
        branch = Branch.CHANGE if change else Branch.RECEIVE
        found = [item for index in accounts for item in wallet.addresses(branch, index)]
        shown = [item for item in found if not (unused and item.received)]
        values = [describe(wallet, item) for item in shown]
    rows = show.Rows("account", "path", "received", "label")
    for item, value in zip(shown, values, strict=True):
        times = show.count(len(item.received), "time") if item.received else "never"
        rows.add(str(value["account"]), str(item.owner.path), times, item.label, below=item.text)
    call.out.result(values, rows.lines("There are no such addresses."))
    reused = [item.text for item in shown if len(item.received) > 1]
    if reused:
        call.out.warn(f"paid more than once, which links the payments: {', '.join(reused)}")


@command(
    app,
    "show",
    examples="mpcw address show bcrt1p... --qr\nmpcw address show bcrt1p... --amount 0.01btc --qr",
)
def show_address(
    call: Invocation,
    text: Annotated[str, typer.Argument(metavar="ADDRESS", help="An address of the wallet.")],
    code: Annotated[bool, typer.Option("--qr", help="Show it as a QR code, too.")] = False,
    amount: Annotated[str | None, typer.Option(help="Ask for an amount, in a payment URI (BIP-21).")] = None,
) -> None:
    """Show an address: path, label, what it received, payment URI."""
    with call.open() as wallet:
        found = wallet.find_address(text)
        uri = payment_uri(wallet, found, None if amount is None else parse_amount(amount))
        value = {**describe(wallet, found), "uri": uri.text()}
    rows = show.facts(
        ("address", found.text),
        *(("", line) for line in show.spaced(found.text)),
        ("account", str(value["account"])),
        ("path", str(found.owner.path)),
        ("label", found.label),
        ("received", ", ".join(show_txid(txid) for txid in found.received) or "nothing yet"),
        ("uri", uri.text()),
    )
    call.out.result(value, rows)
    if code:
        call.out.picture(qr.terminal(uri.qr_text()))


@command(app, examples="mpcw address verify bcrt1p...")
def verify(
    call: Invocation,
    text: Annotated[str, typer.Argument(metavar="ADDRESS", help="An address of the wallet.")],
    passphrase_file: PassphraseFiles = None,
) -> None:
    """Have t parties derive an address, each from its own store, before it is given away."""
    with call.open() as wallet:
        wallet.find_address(text)
        unlock(wallet, wallet.default_signers(), passphrase_file or [], call.out)
        agreed = wallet.address_verify(text)
    names = " and ".join(f"party {party}" for party in agreed)
    value = {"address": text, "parties": list(agreed)}
    call.out.result(value, [f"{names} derive this address from their own stores."])
