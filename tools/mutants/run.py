"""Try every mutant of a package: run the tests that run what it changes, and see whether one fails."""

import hashlib
import importlib
import json
import pkgutil
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mutants import trial
from mutants.equivalents import read_equivalents, stale
from mutants.forked import run_forked
from mutants.operators import mutants
from mutants.source import Mutant, Source

WORKERS = 2
# pytest's exit codes; 2 is that of tests that cannot be imported
PASSED, NOTICED = 0, (1, 2)


@dataclass(frozen=True, slots=True)
class Project:
    """What is mutated, and what tests it.

    Args:
        root: of the repository.
        package: the folder whose modules are mutated.
        tests: patterns of the files of tests.
        below: packages that the mutated one stands on, imported once.
        equivalents: the list of the mutants that may survive.
        mutated: patterns of the modules in the package.
    """

    root: Path
    package: str
    tests: Sequence[str]
    below: Sequence[str]
    equivalents: Path
    mutated: Sequence[str] = ("**/*.py",)

    @property
    def output(self) -> Path:
        """Where records and logs go."""
        return self.root / "build" / "mutants"

    def modules(self) -> list[str]:
        """Return the files that are mutated."""
        return [file for pattern in self.mutated for file in self.files(f"{self.package}/{pattern}")]

    def files(self, pattern: str) -> list[str]:
        """Return the files of a pattern, as paths from the root."""
        return sorted(str(path.relative_to(self.root)) for path in self.root.glob(pattern))


def run(project: Project, chosen: Iterable[str]) -> int:
    """Try the mutants of some modules.

    Args:
        project: what they are of.
        chosen: files of the package.

    Returns:
        0; 1 if a mutant survives that is not listed, or an entry of the list is about none; 2 if a test fails
        without a mutant.
    """
    sources = {name: Source(project.root, name) for name in project.modules()}
    found = {name: mutants(source) for name, source in sources.items()}
    mine = f"{project.package}/"
    known = [it for it in read_equivalents(project.equivalents) if it.module.startswith(mine)]
    if old := stale(known, [mutant for of_module in found.values() for mutant in of_module]):
        for entry in old:
            print(f"{project.equivalents.name}: no such mutant: {entry}")
        return 1
    wanted = [mutant for name in chosen for mutant in found[name]]
    tried = [mutant for mutant in wanted if not any(entry.is_of(mutant) for entry in known)]
    _import(project)
    records = _records(project)
    if records is None:
        return 2
    survivors = _try_all(project, tried, records)
    for mutant in survivors:
        print(f"\nSURVIVES {mutant.place} {mutant.function}\n{mutant.diff(sources[mutant.module].text)}")
        print(f"    before = {json.dumps(mutant.before)}\n    after = {json.dumps(mutant.after)}")
    listed, killed = len(wanted) - len(tried), len(tried) - len(survivors)
    print(f"\n{len(wanted)} mutants: {killed} killed, {listed} listed as equivalent,", end=" ")
    print(f"{len(survivors)} survive")
    return 1 if survivors else 0


def _import(project: Project) -> None:
    for name in project.below:
        package = importlib.import_module(name)
        if (project.root / name).is_dir():
            for module in pkgutil.iter_modules(package.__path__, f"{name}."):
                importlib.import_module(module.name)


def _records(project: Project) -> Mapping[str, trial.Record] | None:
    """Return what the tests of each file do; None if one fails on the unchanged code."""
    project.output.mkdir(parents=True, exist_ok=True)
    files = [file for pattern in project.tests for file in project.files(pattern)]
    results = {file: project.output / f"{_digest(project, file)}.json" for file in files}

    def work(file: str) -> int:
        result = results[file]
        return trial.record(project.root, project.package, file, result)

    missing = [file for file in files if not results[file].exists()]
    for ended in run_forked(missing, work, WORKERS, lambda _: 900):
        print(f"which lines it runs: {ended.job}", flush=True)
        if ended.code != PASSED:
            results[ended.job].unlink(missing_ok=True)
            print(f"it fails without a mutant; see {results[ended.job].with_suffix('.log')}")
            return None
    return {file: trial.Record.load(results[file].read_text()) for file in files}


def _digest(project: Project, file: str) -> str:
    """Return a name for a file of tests and all that decides which lines it runs."""
    shared = [*project.modules(), *project.files(f"tests/{project.package}/**/*.py")]
    digest = hashlib.sha256()
    for path in sorted({file, *(path for path in shared if not Path(path).name.startswith("test_"))}):
        digest.update(path.encode() + (project.root / path).read_bytes())
    return f"{Path(file).stem}-{digest.hexdigest()[:16]}"


def _try_all(project: Project, tried: Sequence[Mutant], records: Mapping[str, trial.Record]) -> list[Mutant]:
    """Run the tests on each mutant, file after file; return those that pass all."""
    files = {mutant: _files(mutant, records) for mutant in tried}
    left, rank = list(tried), 0
    while more := [mutant for mutant in left if rank < len(files[mutant])]:
        print(f"{len(more)} mutants on the {rank + 1}. file of tests", flush=True)
        killed = _killed(project, {mutant: records[files[mutant][rank]] for mutant in more})
        left, rank = [mutant for mutant in left if mutant not in killed], rank + 1
    return left


def _killed(project: Project, records: Mapping[Mutant, trial.Record]) -> set[Mutant]:
    """Run the tests of one file on each mutant; return those that fail some."""
    folders = {mutant: project.output / "trials" / str(at) for at, mutant in enumerate(records)}

    def work(mutant: Mutant) -> int:
        return trial.run(project.root, mutant, records[mutant].tests_of(mutant), folders[mutant])

    def seconds(mutant: Mutant) -> float:
        return 60 + 5 * sum(records[mutant].seconds.values())

    killed = set()
    for at, ended in enumerate(run_forked(records, work, WORKERS, seconds), 1):
        mutant = ended.job
        verdict = _verdict(ended.code, folders[mutant] / trial.LOG)
        print(f"{at}/{len(records)} {mutant.place} {mutant.function}: {verdict}", flush=True)
        if _noticed(ended.code):
            killed.add(mutant)
    return killed


def _files(mutant: Mutant, records: Mapping[str, trial.Record]) -> list[str]:
    """Return the files that run what was changed, the one first that is most about it."""

    def distance(file: str) -> tuple[bool, float]:
        same_name = Path(file).stem == f"test_{Path(mutant.module).stem}"
        return not same_name, records[file].breadth(mutant)

    return sorted((file for file, record in records.items() if record.tests_of(mutant)), key=distance)


def _noticed(code: int | None) -> bool:
    return code is None or code < 0 or code in NOTICED


def _verdict(code: int | None, log: Path) -> str:
    """Say what came of a trial, for people."""
    if code is None:
        return "killed, its time was over"
    if code == PASSED:
        return "survives"
    failed = re.search(r"^(?:FAILED|ERROR) (.*?)(?: - .*)?$", log.read_text(), re.MULTILINE)
    return f"killed by {failed[1]}" if failed else f"exit code {code}"
