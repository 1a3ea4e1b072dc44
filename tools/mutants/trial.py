"""Tests run in this process: on the code as it is, noting which test runs which lines, or on a mutant.

What was imported before stays as it is, so that nothing of what is mutated may be.
"""

import json
import math
import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import coverage
import pytest

from mutants import finder
from mutants.source import Mutant

LOG = "log"  # what pytest said
# hypothesis is imported before pytest could rewrite its assertions
_IMPORTED = "ignore::pytest.PytestAssertRewriteWarning"
OPTIONS = ("-q", "-x", "-p", "no:cacheprovider", "-m", "not slow", "--no-header", "-W", _IMPORTED)


@dataclass(frozen=True, slots=True)
class Record:
    """What the tests of one file do.

    Args:
        seconds: of each test, by its name.
        lines: the tests that run a line, by module and line; a name is empty for what runs outside of tests,
            such as an import or a fixture.
    """

    seconds: Mapping[str, float]
    lines: Mapping[str, Mapping[int, Sequence[str]]]

    def tests_of(self, mutant: Mutant) -> list[str]:
        """Return the tests that run what was changed, the quickest first; all if what does is no test."""
        found = self._running(mutant)
        tests = self.seconds.keys() if "" in found else found & self.seconds.keys()
        return sorted(tests, key=lambda test: (test not in found, self.seconds[test]))

    def breadth(self, mutant: Mutant) -> float:
        """Return how many lines the tests that run what was changed run on average; infinity if none does."""
        running = self._running(mutant) & self.seconds.keys()
        lines = sum(len(running.intersection(tests)) for of in self.lines.values() for tests in of.values())
        return lines / len(running) if running else math.inf

    def _running(self, mutant: Mutant) -> set[str]:
        by_line, (first, last) = self.lines.get(mutant.module, {}), mutant.lines
        return {test for line in range(first, last + 1) for test in by_line.get(line, ())}

    def dump(self) -> str:
        """Return it as JSON."""
        return json.dumps({"seconds": self.seconds, "lines": self.lines})

    @classmethod
    def load(cls, text: str) -> "Record":
        """Read what dump wrote."""
        made = json.loads(text)
        lines = {
            module: {int(line): tests for line, tests in by_line.items()}
            for module, by_line in made["lines"].items()
        }
        return cls(made["seconds"], lines)


class _Recorder:
    """Notes the lines that each test runs."""

    def __init__(self, root: Path, package: str) -> None:
        self.root = root
        self.coverage = coverage.Coverage(data_file=None, config_file=False, source=[str(root / package)])
        self.seconds: dict[str, float] = defaultdict(float)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Iterator[None]:
        self.coverage.switch_context(item.nodeid)
        try:
            return (yield)
        finally:
            self.coverage.switch_context("")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.seconds[report.nodeid] += report.duration

    def record(self) -> Record:
        """Return what was noted."""
        data = self.coverage.get_data()
        lines = {
            str(Path(file).relative_to(self.root)): data.contexts_by_lineno(file)
            for file in data.measured_files()
        }
        return Record(self.seconds, lines)


def record(root: Path, package: str, file: str, result: Path) -> int:
    """Run one file of tests and write down what its tests do.

    Args:
        root: of the repository.
        package: whose lines are noted.
        file: the tests.
        result: where the record goes, with pytest's output beside it.

    Returns:
        pytest's exit code.
    """
    _quiet(root, result.with_suffix(".log"))
    recorder = _Recorder(root, package)
    recorder.coverage.start()
    code = pytest.main([*OPTIONS, file], plugins=[recorder])
    recorder.coverage.stop()
    result.write_text(recorder.record().dump())
    return int(code)


class _Chosen:
    """Keeps the chosen tests, in their order."""

    def __init__(self, tests: Sequence[str]) -> None:
        self.place = {test: at for at, test in enumerate(tests)}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = [item for item in items if item.nodeid in self.place]
        items.sort(key=lambda item: self.place[item.nodeid])


def run(root: Path, mutant: Mutant, tests: Sequence[str], folder: Path) -> int:
    """Run tests of one file on a mutant until one fails.

    Args:
        root: of the repository.
        mutant: the mutant.
        tests: the names of the tests, at least one.
        folder: where the mutant and pytest's output go.

    Returns:
        pytest's exit code.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _quiet(root, folder / LOG)
    changed = folder / Path(mutant.module).name
    changed.write_text(mutant.source)
    finder.announce(mutant.module.removesuffix(".py").replace("/", "."), root / mutant.module, changed)
    finder.install()
    return int(pytest.main([*OPTIONS, tests[0].partition("::")[0]], plugins=[_Chosen(tests)]))


def _quiet(root: Path, log: Path) -> None:
    os.chdir(root)
    with log.open("w") as out:
        for stream in (1, 2):
            os.dup2(out.fileno(), stream)
    # examples that hypothesis finds on a mutant are none of the code
    os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = str(log.parent / "hypothesis")
