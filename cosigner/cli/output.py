"""What a command shows: text for people, one JSON value for scripts, never both."""

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from rich.console import Console
from rich.table import Table

from cosigner.exit_codes import ExitCode, classify

if TYPE_CHECKING:
    from cosigner.steps import Step

_WIDTH: Final = 4096

Json = Mapping[str, Any] | Sequence[Any] | str | int | bool | None


class Output:
    """Where a command writes.

    Args:
        as_json: whether standard output takes one JSON value and nothing else.
    """

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json
        # as wide as what is written: a terminal wraps long lines, a pipe gets them whole
        self.console = Console(highlight=False, width=_WIDTH)
        # progress, questions and errors: never in the way of what a script reads
        self.side = Console(stderr=True, highlight=False, width=_WIDTH)

    def result(self, value: Json, show: Callable[[Console], None]) -> None:
        """Write the result of the command.

        Args:
            value: what scripts get; amounts are integers in satoshi.
            show: prints the same for people.
        """
        if self.as_json:
            json.dump(value, sys.stdout, indent=2, ensure_ascii=False)
            sys.stdout.write("\n")
        else:
            show(self.console)

    def note(self, text: str) -> None:
        """Tell people something beside the result; scripts do not get it."""
        if not self.as_json:
            self.side.print(text)

    def step(self, step: "Step") -> None:
        """Tell people what a party has just done."""
        self.note(
            f"  [cyan]{step.who:<12}[/cyan] {step.deed.value}"
            + (f"  [dim]{step.detail}[/dim]" if step.detail else "")
        )

    def table(self, rows: Table, empty: str) -> Callable[[Console], None]:
        """Return what prints a table, or a sentence if it has no rows."""
        return lambda console: console.print(rows if rows.row_count else empty)

    @contextmanager
    def working(self, what: str) -> Iterator[None]:
        """Show people that something takes its time."""
        if self.as_json or not self.side.is_terminal:
            yield
        else:
            with self.side.status(what):
                yield

    def warn(self, text: str) -> None:
        """Warn people; scripts have the facts in the result."""
        self.note(f"[yellow]warning[/yellow]: {text}")

    def picture(self, text: str) -> None:
        """Show people a picture made of characters."""
        if not self.as_json:
            self.console.print(text, markup=False, style="white on black")

    def hint(self, command: str) -> None:
        """Suggest the next command."""
        self.note(f"[dim]next:[/dim] {command}")

    def error(self, error: BaseException) -> ExitCode:
        """Write what went wrong and what to do, and return the exit code."""
        code, name = classify(error)
        message = str(error) or type(error).__name__
        hint = getattr(error, "hint", "")
        if self.as_json:
            detail = {"code": int(code), "name": name, "message": message, "hint": hint}
            json.dump({"error": detail | _details(error)}, sys.stdout, indent=2)
            sys.stdout.write("\n")
        else:
            self.side.print(f"[bold red]error[/bold red] ({name}): ", end="")
            self.side.print(message, markup=False)
            if hint:
                self.side.print(f"  {hint}", markup=False)
        return code


def _details(error: BaseException) -> dict[str, Any]:
    """Return the public attributes that scripts act on: amounts, rules, culprits."""
    names = ("needed", "available", "rule", "reason", "refusals", "culprits", "missing", "check")
    found = {name: getattr(error, name) for name in names if hasattr(error, name)}
    return {name: _plain(value) for name, value in found.items()}


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(key): item for key, item in value.items()}
    return sorted(value) if isinstance(value, frozenset | set) else value
