"""The command mpcw. What it can do is listed here; a command's module is imported when it runs."""

import os
import sys
from importlib import import_module
from typing import Annotated, Any, Final

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command, get_group

from cosigner.cli.output import Output

# one action each; cosigner.cli.NAME has its `app`
VERBS: Final = {
    "demo": "Show a 2-of-3 wallet on regtest: a Taproot and a SegWit account, spent from together.",
    "send": "Pay somebody: draft, show, ask, sign, broadcast.",
    "serve": "Keep parties unlocked and their presignatures ready, for all other commands, until Ctrl-C.",
    "regtest": "Run a bitcoind with a regtest chain of its own until Ctrl-C.",
    "doctor": "Check what wallets need of this machine.",
    "exit-codes": "List the exit codes, and the names of errors.",
    "version": "Show the installed version.",
}
# things with several actions; cosigner.cli.NAME has their `app`
NOUNS: Final = {
    "wallet": "Make wallets, look at them, take them elsewhere.",
    "address": "Where the wallet receives.",
    "coin": "The unspent outputs of the wallet.",
    "tx": "Drafts, transactions, and what can be done while one waits.",
    "psbt": "Partially signed transactions (BIP-174, BIP-370).",
    "presig": "The presignatures with which SegWit inputs are signed.",
    "primes": "Primes for new wallets, found ahead.",
    "fee": "What a transaction should pay.",
    "chain": "The chain that the wallet sees, and blocks on demand on regtest.",
    "key": "The wallet's threshold keys: their public side, and new shares of them.",
    "passphrase": "The passphrases that seal the parties.",
    "config": "Where wallets are kept and which one is meant.",
}


class _Lazy(TyperGroup):
    """The commands, without their modules: --help and completion of names do with what stands here."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = {name: TyperCommand(name, help=text) for name, text in (VERBS | NOUNS).items()}

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # typer keeps the types to itself
        name, found, rest = super().resolve_command(ctx, args)
        return name, None if name is None or found is None else load(name), rest


def load(name: str) -> TyperGroup | Any:
    """Import a command.

    Args:
        name: of VERBS or NOUNS.
    """
    module = import_module(f"cosigner.cli.{name.replace('-', '_')}")
    found = get_group(module.app) if name in NOUNS else get_command(module.app)
    found.name = name
    if name in NOUNS:
        found.help = NOUNS[name]
    return found


app = typer.Typer(
    cls=_Lazy,
    name="mpcw",
    help="A Bitcoin wallet whose private key never exists in one place: n parties hold shares, any t sign.",
    epilog="$ mpcw demo\n\n$ mpcw wallet create treasury\n\n$ mpcw send --help",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(asked: bool) -> None:
    if asked:
        load("version").main([], standalone_mode=False)
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_show_version, help=VERBS["version"])
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run mpcw."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # whoever started the program has closed it
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115  (for the rest of the process)
    if "--json" not in sys.argv:
        app()
    try:
        sys.exit(app(standalone_mode=False) or 0)
    except typer.Abort:
        sys.exit(Output(True).error(KeyboardInterrupt("interrupted")))
    except typer.TyperException as e:
        from protocol.errors import UsageError  # noqa: PLC0415  (--help and completion do without)

        sys.exit(Output(True).error(UsageError(e.format_message())))
