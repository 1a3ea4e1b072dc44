"""What all commands share: --home, --wallet and --json anywhere on the line, errors as exit codes."""

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from cosigner.cli.output import Output

HOME = typer.Option("--home", envvar="MPCW_HOME", help="Where wallets are kept; ~/.mpcw by default.")
WALLET = typer.Option(
    "--wallet", "-w", envvar="MPCW_WALLET", help="Which wallet; needed if there are several."
)
JSON = typer.Option("--json", help="Write one JSON value for scripts.")


@dataclass(frozen=True, slots=True)
class Invocation:
    """What every command is called with.

    Args:
        home: where wallets are kept; None for the default.
        wallet: name of the wallet; None for the only one.
        out: where to write.
    """

    home: Path | None
    wallet: str | None
    out: Output


_COMMON = (
    inspect.Parameter(
        "home", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[Path | None, HOME]
    ),
    inspect.Parameter(
        "wallet", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[str | None, WALLET]
    ),
    inspect.Parameter(
        "json", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=Annotated[bool, JSON]
    ),
)


def command(
    group: typer.Typer, name: str | None = None, *, examples: str = ""
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a function as a command of a group.

    Args:
        group: where it belongs.
        name: the verb; the function's name by default.
        examples: lines shown under the help text.

    Returns:
        A decorator for a function that takes an Invocation and then its own typer parameters.
    """

    def register(function: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(function)
        def run(*, home: Path | None, wallet: str | None, json: bool, **own: Any) -> None:
            out = Output(json)
            try:
                function(Invocation(home, wallet, out), **own)
            except (typer.Exit, typer.Abort):
                raise
            except (Exception, KeyboardInterrupt) as e:
                raise typer.Exit(out.error(e)) from e

        own = list(inspect.signature(function, eval_str=True).parameters.values())[1:]
        parameters = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in own]
        run.__signature__ = inspect.Signature([*parameters, *_COMMON])  # type: ignore[attr-defined]
        run.__annotations__ = {p.name: p.annotation for p in (*parameters, *_COMMON)}
        epilog = "\n\n".join(f"$ {line}" for line in examples.strip().splitlines()) or None
        group.command(name, epilog=epilog)(run)
        return function

    return register
