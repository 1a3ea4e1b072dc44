"""mpcw exit-codes: what scripts branch on."""

from textwrap import fill

import typer

from cosigner.cli import show
from cosigner.cli.command import Invocation, command
from cosigner.exit_codes import EXIT_CODES, MEANINGS

app = typer.Typer(add_completion=False)


@command(app, wallet=False, examples="mpcw exit-codes --json")
def exit_codes(call: Invocation) -> None:
    """List the exit codes, and the names of errors."""
    rows = show.Rows("code", "meaning", right=("code",))
    values = []
    for code, meaning in MEANINGS.items():
        names = sorted({name for _, its_code, name in EXIT_CODES if its_code is code})
        rows.add(str(int(code)), meaning, below=fill(", ".join(names), 70))
        values.append({"code": int(code), "meaning": meaning, "names": names})
    call.out.result(values, rows.lines())
