import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import cosigner.cli
from cosigner.cli.app import NOUNS, VERBS, load
from tests.cosigner.cli.conftest import Mpcw

HEAVY = ("wallet", "storage", "frost_bip340", "protocol", "native", "bitcointx", "pbk", "coincurve", "segno")


def commands() -> Iterator[tuple[str, Any]]:
    """Every command with its words."""
    for name in VERBS:
        yield name, load(name)
    for noun in NOUNS:
        for verb, found in load(noun).commands.items():
            yield f"{noun} {verb}", found


ALL = dict(commands())


def run(*args: str, **variables: str) -> subprocess.CompletedProcess[str]:
    code = "import sys\nsys.argv[0] = 'mpcw'\nfrom cosigner.cli.app import main\n"
    code += "try:\n    main()\nfinally:\n"
    code += "    print('imported', *{m.split('.')[0] for m in sys.modules}, file=sys.stderr)"
    settings = {**os.environ, **variables}
    return subprocess.run(
        [sys.executable, "-c", code, *args], capture_output=True, text=True, env=settings, check=False
    )


@pytest.mark.parametrize("words", ALL)
def test_every_command_has_a_sentence_and_an_example(words: str) -> None:
    found = ALL[words]
    assert found.help.splitlines()[0].endswith(".")
    assert f"mpcw {words}" in found.epilog
    assert all(p.help for p in found.params if p.param_type_name == "option"), words


@pytest.mark.parametrize("words", ALL)
def test_examples_are_commands_with_their_options(words: str) -> None:
    for line in ALL[words].epilog.split("\n\n"):
        example = re.search(r"mpcw ([^|)]*)", line)
        assert example, line
        parts = shlex.split(example[1].partition(" < ")[0])
        name = next(name for name in sorted(ALL, key=len, reverse=True) if example[1].startswith(name))
        options = {o for p in ALL[name].params for o in (*p.opts, *p.secondary_opts)}
        used = {part for part in parts[len(name.split()) :] if re.fullmatch("--?[a-z].*", part)}
        assert used <= options, line


@pytest.mark.parametrize("words", ALL)
def test_help_of_every_command_fits_80_columns(words: str, bare: Mpcw) -> None:
    shown = bare.ok(*words.split(), "--help").out
    assert "Usage: mpcw " + words in shown
    assert "--json" in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_texts_of_verbs_are_those_of_their_commands() -> None:
    for name, text in VERBS.items():
        assert ALL[name].help.splitlines()[0] == text


def test_every_module_is_listed() -> None:
    modules = Path(cosigner.cli.__path__[0]).glob("*.py")
    with_app = {path.stem.replace("_", "-") for path in modules if "\napp = typer" in path.read_text()}
    assert with_app - {"app"} == set(VERBS) | set(NOUNS)


@pytest.mark.parametrize("args", [("--help",), ("nonsense",)])
def test_help_does_without_the_wallets_libraries(args: tuple[str, ...]) -> None:
    imported = run(*args).stderr.rpartition("imported")[2].split()
    assert imported
    assert not set(imported) & set(HEAVY)


def test_help_lists_everything(bare: Mpcw) -> None:
    shown = bare.ok("--help").out
    for name in (*VERBS, *NOUNS):
        assert re.search(rf"^\W+{name}\s", shown, re.MULTILINE), name


@pytest.mark.parametrize(
    ("line", "expected"),
    [("mpcw wa", {"wallet"}), ("mpcw wallet ba", {"balance"}), ("mpcw send --fee", {"--fee-rate"})],
)
def test_completion_knows_commands_and_options(line: str, expected: set[str]) -> None:
    words = str(len(line.split()) - 1)
    done = run(COMP_WORDS=line, COMP_CWORD=words, _MPCW_COMPLETE="complete_bash")
    assert set(done.stdout.split()) == expected


def test_a_line_that_cannot_be_read_is_a_usage_error(bare: Mpcw) -> None:
    assert bare("wallet", "nonsense").code == 2
    assert bare.fails("wallet", "nonsense")["name"] == "usage"
    assert "--nonsense" in bare.fails("wallet", "balance", "--nonsense")["message"]
    assert bare.fails("chain", "mine", "0")["code"] == 2


def test_version_is_that_of_the_package(bare: Mpcw) -> None:
    assert bare.json("version")["mpcwallet"] in bare.ok("version").out
    assert bare.ok("--version").out == bare.ok("version").out


def test_exit_codes_are_listed_with_their_names(bare: Mpcw) -> None:
    listed = {item["code"]: item for item in bare.json("exit-codes")}
    assert listed[5]["names"] == ["insufficient-funds"]
    assert {"in-use", "disk-full", "corrupt", "newer-format"} <= set(listed[11]["names"])
    assert "wrong-passphrase" in bare.ok("exit-codes").out
