"""Steps of parties as people read them."""

import io
from contextlib import redirect_stderr

from cosigner.cli import deeds
from cosigner.cli.output import Output
from cosigner.steps import Deed, Step
from protocol.ids import COORDINATOR, PartyId


def steps(*parties: int, detail: str = "", deed: Deed = Deed.SHARES_DEALT) -> list[Step]:
    return [Step(PartyId(i), deed, detail) for i in parties]


def test_same_deed_of_several_parties_is_one_line() -> None:
    assert str(deeds.line(steps(1, 0, 2))) == "parties 0-2    shares dealt"
    assert str(deeds.line(steps(0, 2))) == "parties 0, 2   shares dealt"
    assert str(deeds.line(steps(7))) == "party 7        shares dealt"


def test_details_are_shown_if_all_have_the_same() -> None:
    assert str(deeds.line(steps(0, 1, detail="x"))).endswith("shares dealt  x")
    assert str(deeds.line([*steps(0, detail="x"), *steps(1, detail="y")])).endswith("shares dealt")


def test_other_deeds_parties_twice_and_the_coordinator_begin_a_line() -> None:
    before = steps(0, 1)
    assert deeds.joins(before, steps(2)[0])
    assert not deeds.joins(before, steps(1)[0])
    assert not deeds.joins(before, steps(2, deed=Deed.SHARE_STORED)[0])
    coordinator = Step(COORDINATOR, Deed.KEY_AGREED)
    assert not deeds.joins(before, coordinator)
    assert not deeds.joins([coordinator], coordinator)


def test_steps_are_shown_before_what_comes_after_them() -> None:
    shown = io.StringIO()
    with redirect_stderr(shown):
        out = Output(False)
        for step in (*steps(0, 1), Step(PartyId(0), Deed.PRIMES_SEARCHED, "1 of 2"), *steps(2)):
            out.step(step)
        assert shown.getvalue() == ""
        out.note("next")
        out.step(steps(0)[0])
        out.settle()
    assert shown.getvalue().splitlines() == [
        "  parties 0-2    shares dealt",
        "next",
        "  party 0        shares dealt",
    ]
