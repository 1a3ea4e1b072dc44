"""A mutant in the place of its module, in this process and those that it starts; the file stays as it is."""

import os
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from types import CodeType

# what processes are told: name of the module, its file, the file with the mutant
VARIABLE = "MPCW_MUTANT"
HOOK = Path(__file__).parent / "hook"  # has the sitecustomize that calls install()


def announce(name: str, path: Path, mutant: Path) -> None:
    """Let this process, once it calls install(), and all that it starts have a mutant.

    Args:
        name: of the module, which nothing may have imported yet.
        path: its file.
        mutant: the file that is compiled instead.
    """
    os.environ[VARIABLE] = os.pathsep.join((name, str(path), str(mutant)))
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(HOOK), str(HOOK.parents[1]), *filter(None, [before])])


def install() -> None:
    """Answer the import of the module that was announced, if one was, with the mutant."""
    announced = os.environ.get(VARIABLE)
    if announced is not None:
        sys.meta_path.insert(0, _Finder(*announced.split(os.pathsep)))


class _Finder:
    def __init__(self, name: str, path: str, mutant: str) -> None:
        self.name, self.path, self.mutant = name, path, mutant

    def find_spec(self, name: str, _path: Sequence[str] | None, _target: object = None) -> ModuleSpec | None:
        if name != self.name:
            return None
        return spec_from_file_location(name, self.path, loader=_Loader(name, self.path, self.mutant))


class _Loader(SourceFileLoader):
    def __init__(self, name: str, path: str, mutant: str) -> None:
        super().__init__(name, path)
        self.mutant = mutant

    def get_code(self, fullname: str) -> CodeType:
        return compile(Path(self.mutant).read_text(), self.path, "exec", dont_inherit=True)
