import io
import re

from rich.console import Console
from rich.text import Text

from cosigner.cli import show
from cosigner.cli.output import Output
from wallet.errors import ChainError

SHOW_CURSOR = "\x1b[?25h"


def plain(lines: list[show.Line]) -> list[str]:
    return [str(line) for line in lines]


def test_amounts_have_thin_separators_and_eight_decimals() -> None:
    assert show.amount(123_456_789) == "123\u2009456\u2009789 sat  (1.23456789 BTC)"
    assert show.sats(-1_000) == "-1\u2009000 sat"
    assert show.sats(0) == "0 sat"


def test_small_percentages_are_not_shown_as_zero() -> None:
    assert show.percent(1, 1_000_000) == "less than 0.01 percent"
    assert show.percent(1, 10_000) == "0.01 percent"
    assert show.percent(3, 100) == "3.00 percent"


def test_addresses_are_in_groups_of_four_on_lines_of_39_characters() -> None:
    address = "bcrt1p" + "q" * 58
    lines = show.spaced(address)
    assert [len(line) for line in lines] == [39, 39]
    assert "".join(lines).replace(" ", "") == address


def test_one_thing_is_not_plural() -> None:
    assert (show.count(1, "coin"), show.count(2, "coin"), show.count(0, "coin")) == (
        "1 coin",
        "2 coins",
        "0 coins",
    )


def test_facts_without_a_value_are_left_out() -> None:
    assert plain(show.facts(("name", "x"), ("longer", ""), ("last", "y"))) == ["name    x", "last    y"]


def test_tables_align_and_put_long_things_below() -> None:
    rows = show.Rows("amount", "state", right=("amount",))
    rows.add("1", Text("ok", "green"), below="0123\n4567")
    rows.add("1000", "")
    assert plain(rows.lines()) == ["amount  state", "     1  ok", "  0123", "  4567", "  1000"]
    assert show.Rows("a").lines("nothing") == ["nothing"]


def test_output_is_not_broken_into_lines_and_has_no_markup(capsys) -> None:  # type: ignore[no-untyped-def]
    text = "[bold]" + "x" * 300 + "[/bold] :smile:"
    out = Output(as_json=False)
    out.result(None, [text])
    out.note(text)
    assert capsys.readouterr() == (text + "\n", text + "\n")


def test_scripts_get_one_value_and_nothing_else(capsys) -> None:  # type: ignore[no-untyped-def]
    out = Output(as_json=True)
    out.note("note")
    out.warn("warning")
    out.hint("hint")
    out.picture("picture")
    with out.working("work"):
        out.result({"label": "é"}, ["text"])
    assert capsys.readouterr() == ('{\n  "label": "é"\n}\n', "")


def test_what_a_terminal_would_obey_is_not_written(capsys) -> None:  # type: ignore[no-untyped-def]
    Output(as_json=False).error(ChainError("\x1b[31mred\x07\nsecond line", "a\rb"))
    assert capsys.readouterr().err == "error (chain): \ufffd[31mred\ufffd\nsecond line\n  a\ufffdb\n"


def test_lengths_of_time_are_in_their_largest_unit() -> None:
    spans = {0: "0 s", 119: "119 s", 120: "2 min", 7199: "119 min", 7200: "2 h", 7 * 86_400: "7 days"}
    assert {seconds: show.span(seconds) for seconds in spans} == spans


def test_live_line_goes_before_anything_else_is_shown() -> None:
    shown, out = io.StringIO(), Output(False)
    out._side = Console(file=shown, force_terminal=True, width=30, color_system=None)
    out.live("x" * 50)
    out.live("y" * 50)
    assert out.error(ChainError("gone")) == 8
    assert shown.getvalue().rindex(SHOW_CURSOR) < shown.getvalue().index("error")
    assert max(map(len, re.findall("[xy]+", shown.getvalue()))) < 30
