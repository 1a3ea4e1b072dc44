"""mpcw version."""

import sys
from importlib.metadata import version as installed_version

import typer

from cosigner.cli.command import Invocation, command

app = typer.Typer(add_completion=False)


@command(app, wallet=False, examples="mpcw version --json")
def version(call: Invocation) -> None:
    """Show the installed version."""
    text, python = installed_version("mpcwallet"), sys.version.split()[0]
    call.out.result({"mpcwallet": text, "python": python}, [f"mpcwallet {text}, Python {python}"])
