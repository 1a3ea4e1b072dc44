"""mpcw config: which home and wallet a command uses, and where each of these comes from."""

import os

import typer

from cosigner.cli import show
from cosigner.cli.command import Invocation, command
from cosigner.cli.unlock import FILE_VARIABLE
from cosigner.home import HOME_VARIABLE, WALLET_VARIABLE

app = typer.Typer(no_args_is_help=True)


@command(app, examples="ls $(mpcw config path)")
def path(call: Invocation) -> None:
    """Print where wallets are kept, or where the one of --wallet is."""
    found = call.place.path if call.wallet is None else call.place.wallet(call.wallet).path
    call.out.result({"path": str(found)}, [str(found)])


@command(app, "show", examples="mpcw config show --json")
def show_config(call: Invocation) -> None:
    """Show the home, the wallet that is meant, passphrase files, and where each value comes from."""
    settings = {
        "home": (str(call.place.path), _source(call.home, HOME_VARIABLE, "default")),
        "wallet": _wallet(call),
    }
    for name in sorted(os.environ):
        if name.startswith(FILE_VARIABLE):
            party = name.removeprefix(FILE_VARIABLE)
            settings[f"passphrase file of party {party}"] = (os.environ[name], f"${name}")
    rows = show.Rows("setting", "from")
    for name, (value, source) in settings.items():
        rows.add(name, source, below=value)
    values = [{"setting": name, "value": value, "from": source} for name, (value, source) in settings.items()]
    call.out.result(values, rows.lines())


def _wallet(call: Invocation) -> tuple[str, str]:
    names = call.place.wallets()
    chosen = call.wallet or os.environ.get(WALLET_VARIABLE)
    if chosen is None and len(names) != 1:
        return "", f"there are {len(names)}: choose with --wallet or ${WALLET_VARIABLE}"
    source = _source(call.wallet, WALLET_VARIABLE, "the only one")
    chosen = chosen or names[0]
    return chosen, source if chosen in names else f"{source}, but there is no such wallet"


def _source(option: object, variable: str, otherwise: str) -> str:
    if option is not None:
        return "command line"
    return f"${variable}" if os.environ.get(variable) else otherwise
