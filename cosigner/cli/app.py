"""The command mpcw."""

import sys
from importlib.metadata import version as installed_version

import typer

from cosigner.cli import address, chain, coin, demo, doctor, fee, key, psbt, regtest, send, tx, wallet
from cosigner.cli.command import Invocation, command

app = typer.Typer(
    name="mpcw",
    help="A Bitcoin wallet whose private key never exists in one place: n parties hold shares, any t sign.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def _root() -> None:
    pass


@command(app, wallet=False)
def version(call: Invocation) -> None:
    """Show the installed version."""
    text = installed_version("mpcwallet")
    python = sys.version.split()[0]
    call.out.result(
        {"mpcwallet": text, "python": python}, lambda c: c.print(f"mpcwallet {text}, Python {python}")
    )


for module in (wallet, address, coin, tx, psbt, fee, chain, key):
    app.add_typer(module.group)
for verb in (send, demo, regtest, doctor):
    verb.register(app)


def main() -> None:
    """Run mpcw."""
    app()
