"""Times that do not follow a clock that is set."""

import time

import pytest

from cosigner.clock import unix_now


def test_times_are_unix_seconds() -> None:
    assert abs(unix_now() - time.time()) < 5


@pytest.mark.parametrize("step", [-(10**9), -1000, 8 * 86_400])
def test_clock_that_is_set_while_the_process_runs_changes_no_time(
    step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, real = unix_now(), time.time
    monkeypatch.setattr(time, "time", lambda: real() + step)
    assert before <= unix_now() <= before + 5
