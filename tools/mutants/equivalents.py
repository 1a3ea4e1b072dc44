"""Mutants that no test can or need kill, each with the reason why nothing wrong passes without the check."""

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mutants.source import Mutant

FIELDS = ("module", "function", "before", "after", "reason")


@dataclass(frozen=True, slots=True)
class Equivalent:
    """An entry of the list.

    Args:
        module: path of the file.
        function: qualified name.
        before: what the mutant deletes, as the tool prints it.
        after: what it puts in its place.
        reason: why the deletion lets nothing wrong pass.
    """

    module: str
    function: str
    before: str
    after: str
    reason: str

    def is_of(self, mutant: Mutant) -> bool:
        """Tell whether the entry is about a mutant."""
        mine = self.module, self.function, self.before, self.after
        return mine == (mutant.module, mutant.function, mutant.before, mutant.after)


def read_equivalents(path: Path) -> tuple[Equivalent, ...]:
    """Read the list.

    Raises:
        ValueError: an entry has other fields, or no reason.
    """
    entries: Sequence[Mapping[str, str]] = tomllib.loads(path.read_text()).get("equivalent", [])
    for entry in entries:
        if sorted(entry) != sorted(FIELDS) or not entry["reason"].strip():
            raise ValueError(f"{path.name}: an entry has exactly {', '.join(FIELDS)}: {dict(entry)}")
    return tuple(Equivalent(**entry) for entry in entries)


def stale(equivalents: Iterable[Equivalent], mutants: Sequence[Mutant]) -> list[Equivalent]:
    """Return the entries that are about no mutant: the code has changed, and the reason may be wrong."""
    return [entry for entry in equivalents if not any(entry.is_of(mutant) for mutant in mutants)]
