"""What all commands share: --home, --wallet and --json anywhere on the line, errors as exit codes."""

import functools
import inspect
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from cosigner.cli.output import Output

if TYPE_CHECKING:
    from cosigner.home import Home
    from cosigner.local import LocalWallet
    from cosigner.steps import Progress

CLOSED_PIPE: Final = 141  # as shells have it; ExitCode, which --help does without, lists it
HOME = typer.Option("--home", help="Where wallets are kept; $MPCW_HOME or ~/.mpcw if not given.")
WALLET = typer.Option(
    "--wallet", "-w", metavar="NAME", help="Which wallet; $MPCW_WALLET or the only one if not given."
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

    @property
    def place(self) -> "Home":
        """Where wallets are kept."""
        from cosigner.home import Home  # noqa: PLC0415  (help and completion do without the wallet's libraries)

        return Home.find(self.home)

    def open(self, progress: "Progress | None" = None) -> "LocalWallet":
        """Open the wallet; its parties stay sealed.

        Args:
            progress: told what they do later; None to show it as it happens.

        Raises:
            UnknownError: there is none, or several and none was named.
            StorageError: its state cannot be read.
        """
        from cosigner.local import LocalWallet  # noqa: PLC0415

        return LocalWallet.open(self.place, self.wallet, progress or self.out.step)


def _chosen(home: Path | None, wallet: str | None) -> str:
    """Return the options that chose a home and a wallet, as a shell takes them."""
    given = {"--home": home, "-w": wallet}
    return "".join(f" {name} {shlex.quote(str(value))}" for name, value in given.items() if value is not None)


def _paragraphs(function: Callable[..., None]) -> str:
    """Return a docstring whose paragraphs are a line each, which the terminal's width breaks."""
    paragraphs = (inspect.getdoc(function) or "").split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def _option(name: str, default: object, annotation: object) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


_HOME_OPTION = _option("home", None, Annotated[Path | None, HOME])
_WALLET_OPTION = _option("wallet", None, Annotated[str | None, WALLET])
_JSON_OPTION = _option("json", False, Annotated[bool, JSON])
_WITHOUT_WALLET = (_HOME_OPTION, _JSON_OPTION)
_COMMON = (_HOME_OPTION, _WALLET_OPTION, _JSON_OPTION)


def command(
    app: typer.Typer, name: str | None = None, *, examples: str = "", wallet: bool = True
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a function as a command.

    Args:
        app: where it belongs.
        name: the verb; the function's name by default.
        examples: lines shown under the help text.
        wallet: whether it takes --wallet.

    Returns:
        A decorator for a function that takes an Invocation and then its own typer parameters.
    """

    def register(function: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(function)
        def run(*, home: Path | None, json: bool, **own: Any) -> None:
            name = own.pop("wallet") if wallet else None
            out = Output(json, _chosen(home, name))
            try:
                function(Invocation(home, name, out), **own)
            except (typer.Exit, typer.Abort):
                raise
            except BrokenPipeError as e:
                out.unread()
                raise typer.Exit(CLOSED_PIPE) from e
            except (Exception, KeyboardInterrupt) as e:
                raise typer.Exit(out.error(e)) from e
            finally:
                out.settle()

        own = list(inspect.signature(function, eval_str=True).parameters.values())[1:]
        parameters = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in own]
        parameters += _COMMON if wallet else _WITHOUT_WALLET
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {p.name: p.annotation for p in parameters}
        epilog = "\n\n".join(f"$ {line}" for line in examples.strip().splitlines()) or None
        app.command(name, epilog=epilog, help=_paragraphs(function))(run)
        return function

    return register
