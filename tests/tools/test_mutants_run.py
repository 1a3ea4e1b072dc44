"""mutants.run on a package of two checks: what is killed, what survives, and what the tool says then."""

import subprocess
import sys
from pathlib import Path

import pytest
from mutants.run import Project

ROOT = Path(__file__).parents[2]
PROGRAM = """
import sys
from pathlib import Path
from mutants.run import Project, run
root = Path(sys.argv[1])
project = Project(root, "toy", ("tests/test_*.py",), (), root / "list.toml")
sys.exit(run(project, project.modules()))
"""
MODULE = """
def check(x):
    if x < 0:
        raise ValueError
    if x > 9:
        raise ValueError
"""
KILLS_FIRST = """
import pytest
from toy.checks import check

def test_nothing():
    pass

def test_negative():
    check(5)
    with pytest.raises(ValueError):
        check(-1)
"""
# in a process of its own, as a third party verifies evidence
KILLS_SECOND = """
import subprocess, sys
from toy.checks import check

def test_large():
    check(9)
    assert subprocess.run([sys.executable, "-c", "from toy.checks import check; check(10)"]).returncode == 1
"""
LISTED = """
[[equivalent]]
module = "toy/checks.py"
function = "check"
before = "x > 9"
after = "False"
reason = "nobody has more than 9"
"""
SURVIVES = """
SURVIVES toy/checks.py:5 check
    -     if x > 9:
    +     if False:
    before = "x > 9"
    after = "False"
"""


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    """A package with two checks, of which a test looks at one."""
    for name, text in {
        "pytest.ini": "[pytest]\npythonpath = .\n",
        "toy/__init__.py": "",
        "toy/checks.py": MODULE,
        "tests/test_first.py": KILLS_FIRST,
        "list.toml": "",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def tool(root: Path) -> tuple[int, str]:
    """The exit code and what the tool says."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, root],
        env={"PYTHONPATH": str(ROOT / "tools"), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    return done.returncode, done.stdout


def test_an_unlisted_survivor_is_shown_and_fails_the_run(toy: Path) -> None:
    code, said = tool(toy)
    assert code == 1
    assert "toy/checks.py:3 check: killed by tests/test_first.py::test_negative" in said
    assert SURVIVES in said
    assert said.endswith("2 mutants: 1 killed, 0 listed as equivalent, 1 survive\n")
    assert (toy / "toy" / "checks.py").read_text() == MODULE


def test_a_listed_one_does_not(toy: Path) -> None:
    (toy / "list.toml").write_text(LISTED)
    code, said = tool(toy)
    assert code == 0
    assert said.endswith("2 mutants: 1 killed, 1 listed as equivalent, 0 survive\n")


def test_an_entry_about_another_package_says_nothing_here(toy: Path) -> None:
    (toy / "list.toml").write_text(LISTED.replace("toy/", "other/"))
    code, said = tool(toy)
    assert code == 1
    assert said.endswith("2 mutants: 1 killed, 0 listed as equivalent, 1 survive\n")


def test_only_the_modules_that_are_named_are_mutated(toy: Path) -> None:
    (toy / "toy" / "more.py").write_text(MODULE)
    everything, some = (Project(toy, "toy", (), (), toy, *more) for more in ((), (("checks.py",),)))
    assert some.modules() == ["toy/checks.py"]
    assert everything.modules() == ["toy/__init__.py", "toy/checks.py", "toy/more.py"]


def test_an_entry_about_no_mutant_fails_the_run(toy: Path) -> None:
    (toy / "list.toml").write_text(LISTED.replace("x > 9", "x > 8"))
    code, said = tool(toy)
    assert code == 1
    assert said.startswith("list.toml: no such mutant: ")


def test_processes_that_tests_start_have_the_mutant(toy: Path) -> None:
    (toy / "tests" / "test_second.py").write_text(KILLS_SECOND)
    code, said = tool(toy)
    assert code == 0, said
    assert "toy/checks.py:5 check: killed by tests/test_second.py::test_large" in said


def test_tests_that_fail_by_themselves_end_the_run(toy: Path) -> None:
    (toy / "tests" / "test_second.py").write_text("def test_it():\n    assert False\n")
    code, said = tool(toy)
    assert code == 2
    assert "it fails without a mutant" in said
