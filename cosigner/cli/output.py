"""What a command shows: text for people, one JSON value for scripts, never both."""

import json
import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING, Any, Final, NoReturn

from rich.console import Console, Group
from rich.live import Live
from rich.status import Status
from rich.text import Text

from cosigner.cli import deeds

if TYPE_CHECKING:
    from cosigner.exit_codes import ExitCode
    from cosigner.steps import Step

Json = Mapping[str, Any] | Sequence[Any] | str | int | bool | None
Line = str | Text
_SPINNER: Final = 2  # columns, before a live line


class Output:
    """Where a command writes: the result to standard output, and all else to standard error.

    Args:
        as_json: whether standard output takes one JSON value and nothing else.
        chosen: options of the command line that a suggested command needs as well, such as -w treasury.
    """

    def __init__(self, as_json: bool, chosen: str = "") -> None:
        self.as_json, self._chosen = as_json, chosen
        self._facts: dict[str, Any] = {}
        self._out, self._side = _console(), _console(stderr=True)
        self._guard = threading.RLock()  # of the two below: parties work in threads
        self._live: Status | None = None
        self._steps: list[Step] = []

    def result(self, value: Json, lines: Sequence[Line]) -> None:
        """Write the result of the command.

        Args:
            value: what scripts get; amounts are integers in satoshi.
            lines: the same for people.
        """
        self.settle()
        if self.as_json:
            _write_json(value)
        else:
            for line in lines:
                self._out.print(line)

    def event(self, value: Mapping[str, Any], line: Line) -> None:
        """Write one of many results of a command that goes on: a line for people, or an object on a line."""
        self.settle()
        if self.as_json:
            sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")
        else:
            self._out.print(line)
        sys.stdout.flush()

    def raw(self, text: str) -> None:
        """Write a result that is the same for people and for scripts."""
        self.settle()
        sys.stdout.write(text)
        sys.stdout.flush()

    def note(self, line: Line = "", style: str = "") -> None:
        """Tell people something beside the result; scripts do not get it."""
        self.settle()
        if not self.as_json:
            self._tell(line, style=style)

    def _tell(self, line: Line, style: str = "", end: str = "\n") -> None:
        """Write to standard error; a reader who has gone, or a full disk, is no reason not to go on."""
        try:
            self._side.print(line, style=style, end=end)
        except OSError:
            _abandon(sys.stderr)

    def notes(self, lines: Sequence[Line]) -> None:
        """Tell people several lines."""
        for line in lines:
            self.note(line)

    def step(self, step: "Step") -> None:
        """Tell people what a party has just done: on one line, with what others do next if it is the same."""
        with self._guard:
            if step.deed.passing:
                self.live(deeds.line([step]))
                return
            if not deeds.joins(self._steps, step):
                self.settle()
            self._steps.append(step)
            if step.by_coordinator:
                self.settle()
            else:
                self.live(deeds.line(self._steps))

    def live(self, line: Line) -> None:
        """Show people how far something is, on the last line of a terminal, until anything else is shown."""
        if self.as_json or not self._side.is_terminal:
            return
        with self._guard:
            if self._live is None:
                self._live = self._side.status(line)
                self._live.start()
            self._live.update(self._fitting(Text.assemble(line), _SPINNER))

    @contextmanager
    def table(self) -> Iterator[Callable[[Sequence[Line]], None]]:
        """Lend a function that shows lines in the place of those before; the last ones stay."""
        if self.as_json:
            yield lambda _: None
            return
        with Live(console=self._out, auto_refresh=False) as live:
            yield lambda lines: live.update(Group(*lines), refresh=True)

    def _fitting(self, line: Text, taken: int) -> Text:
        if self._side.is_terminal:
            line.truncate(self._side.width - taken, overflow="ellipsis")
        return line

    def settle(self) -> None:
        """Take the live line away, and show what it stood for if that was done."""
        with self._guard:
            if self._live is not None:
                self._live.stop()
                self._live = None
            done, self._steps = self._steps, []
            if done and not self.as_json:
                self._tell(self._fitting(Text("  ") + deeds.line(done), 0))

    @contextmanager
    def working(self, what: str) -> Iterator[None]:
        """Show people that something takes its time."""
        if self.as_json or not self._side.is_terminal:
            yield
        else:
            with self._side.status(what):
                yield

    def warn(self, text: str) -> None:
        """Warn people; scripts have the facts in the result."""
        self.note(Text.assemble(("warning", "yellow"), f": {text}"))

    def picture(self, text: str) -> None:
        """Show people a picture made of characters."""
        for line in text.splitlines():
            self.note(line, "white on black")

    def hint(self, command: str, remark: str = "") -> None:
        """Suggest the next command, with a remark that is no part of it."""
        self.note(Text.assemble(("next: ", "dim"), self.again(command), "  " if remark else "", remark))

    def again(self, command: str) -> str:
        """Return a command with the options that choose its home and its wallet."""
        return f"{command}{self._chosen}"

    def ask(self, question: str) -> bool:
        """Ask people at the terminal whether they agree."""
        self.settle()
        self._tell(f"{question} [y/N] ", end="")
        answer = ""
        try:
            answer = sys.stdin.readline()
        finally:
            if not answer.endswith("\n"):  # Ctrl-C and Ctrl-D leave the cursor behind the question
                self._tell("")
        return answer.strip().lower() in ("y", "yes")

    @contextmanager
    def kept(self, name: str, value: str, advice: Sequence[Line]) -> Iterator[None]:
        """Tell people and scripts of something that is there even if the block fails.

        Args:
            name: of it, in the error that scripts get.
            value: which.
            advice: what people can do with it.
        """
        try:
            yield
        except BaseException:
            self._facts[name] = value
            self.notes(advice)
            raise

    def error(self, error: BaseException) -> "ExitCode":
        """Write what went wrong and what to do, and return the exit code."""
        from cosigner.exit_codes import classify  # noqa: PLC0415  (what goes well does without)

        self.settle()
        code, name = classify(error)
        message = _printable(_said(error))
        hint = _printable(getattr(error, "hint", "") or "\n".join(getattr(error, "__notes__", ())))
        if self.as_json:
            detail = {"code": int(code), "name": name, "message": message, "hint": hint}
            try:
                _write_json({"error": detail | public_facts(error) | self._facts})
                return code
            except OSError:
                _abandon(sys.stdout)  # and say it on standard error
        self._tell(Text.assemble(("error", "bold red"), f" ({name}): {message}"))
        if hint:
            self._tell(f"  {hint}")
        return code

    def unread(self) -> None:
        """Write no more: whoever read standard output has closed it."""
        self.settle()
        _abandon(sys.stdout)


class _Console(Console):
    """Leaves a closed pipe to its user; rich would end the program."""

    def on_broken_pipe(self) -> NoReturn:
        raise BrokenPipeError


def _console(stderr: bool = False) -> Console:
    # what others wrote, such as a label, is never markup; lines are broken by the terminal alone
    return _Console(stderr=stderr, highlight=False, markup=False, emoji=False, soft_wrap=True)


def _abandon(stream: IO[str]) -> None:
    """Let what is still in a buffer go nowhere: to write it at the end of the process would fail again."""
    with suppress(OSError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def _write_json(value: Json) -> None:
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def _said(error: BaseException) -> str:
    """Return what an error says; of the system's, the file and the reason without the number."""
    if isinstance(error, KeyboardInterrupt):
        return "interrupted from the keyboard"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error) or type(error).__name__


def public_facts(error: BaseException) -> dict[str, Any]:
    """Return the public attributes that scripts act on: amounts, rules, culprits."""
    names = (
        "needed",
        "available",
        "rule",
        "reason",
        "refusals",
        "culprits",
        "missing",
        "check",
        "wanted",
        "ready",
    )
    found = {name: getattr(error, name) for name in names if hasattr(error, name)}
    return {name: _plain(value) for name, value in found.items()}


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(key): item for key, item in value.items()}
    return sorted(value) if isinstance(value, frozenset | set) else value


def _printable(text: str) -> str:
    """Return a text that others may have written without what a terminal would obey."""
    return "".join(c if c.isprintable() or c == "\n" else "\ufffd" for c in text)
