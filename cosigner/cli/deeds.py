"""What parties have done, told in one line when several did the same."""

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from rich.text import Text

if TYPE_CHECKING:
    from cosigner.steps import Step
    from protocol.ids import PartyId

_WIDTH: Final = 14


def joins(steps: "Sequence[Step]", step: "Step") -> bool:
    """Return whether a step is told in one line with those before it."""
    if step.by_coordinator:
        return not steps
    return all(before.deed is step.deed and before.actor != step.actor for before in steps)


def line(steps: "Sequence[Step]") -> Text:
    """Return the line of steps that join; a detail that is not the same for all is left out."""
    details = {step.detail for step in steps}
    detail = details.pop() if len(details) == 1 else ""
    who = _names([step.actor for step in steps]) if len(steps) > 1 else steps[0].who
    text = Text.assemble(f"{who:<{_WIDTH}} ", f"{steps[0].deed.value}  ", (detail, "dim"))
    text.stylize("cyan", 0, _WIDTH)
    text.rstrip()
    return text


def _names(parties: "Sequence[PartyId]") -> str:
    """Return parties 0-4, or parties 0, 2."""
    found = sorted(parties)
    if len(found) > 2 and all(j == i + 1 for i, j in pairwise(found)):
        return f"parties {found[0]}-{found[-1]}"
    return f"parties {', '.join(map(str, found))}"
