"""mpcw key: the wallet's threshold keys, their public side."""

import typer

from cosigner.cli import show
from cosigner.cli.command import Invocation, command
from protocol.ids import PartyId

app = typer.Typer(no_args_is_help=True)


@command(app, "show", examples="mpcw key show --json")
def show_key(call: Invocation) -> None:
    """Show the public side of the key: what every party can tell anybody."""
    with call.open() as wallet:
        key = wallet.key
        account = key.account
        value = {
            "account": account.name,
            "scheme": "FROST (ChillDKG, BIP-445)",
            "threshold": key.info.t,
            "public_key": bytes(key.info.thresh_pk).hex(),
            "xpub": account.key.text(account.network),
            "fingerprint": account.key.fingerprint.hex(),
            "public_shares": [bytes(key.info.pubshare(PartyId(i))).hex() for i in range(key.info.n)],
        }
    rows = show.facts(
        ("account", account.name),
        ("scheme", str(value["scheme"])),
        ("signers", f"any {key.info.t} of {key.info.n}"),
        ("public key", str(value["public_key"])),
        ("xpub", str(value["xpub"])),
        ("fingerprint", str(value["fingerprint"])),
    )
    call.out.result(value, rows)
