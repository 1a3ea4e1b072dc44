"""What the core has to reach in one run, on the machine of performance.md."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Target:
    """A required figure.

    Args:
        name: what is measured.
        required: the figure.
        reached: what this run measured; None when its section did not run.
        at_most: whether less is better.
    """

    name: str
    required: float
    reached: float | None
    at_most: bool = False

    def __str__(self) -> str:
        if self.reached is None:
            return f"{self.name:60}{'-':>9}{self.required:9.2f}{'':>9}  not measured"
        ratio = self.required / self.reached if self.at_most else self.reached / self.required
        verdict = "reached" if ratio >= 1 else "MISSED"
        return f"{self.name:60}{self.reached:9.2f}{self.required:9.2f}{ratio:9.2f}  {verdict}"


HEAD: Final = f"{'':60}{'reached':>9}{'required':>9}{'ratio':>9}"
