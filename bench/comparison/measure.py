"""Interleaved timing: every round runs every contestant, so that a slow minute hits all alike."""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

Clock = Callable[[], float]
cpu_time: Clock = time.thread_time  # of the calling thread: other processes do not count

SAMPLE_SECONDS = 0.002


@dataclass(frozen=True, slots=True)
class Run:
    """A contestant.

    Args:
        call: does the work once.
        items: operations that one call does.
        result: what the last call made of the first operation, for a comparison; None when it is random.
    """

    call: Callable[[], object]
    items: int = 1
    result: Callable[[], int] | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One operation by several contestants, ours first."""

    name: str
    runs: Mapping[str, Run]


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds an operation, one sample a round."""

    samples: tuple[float, ...]

    @property
    def best(self) -> float:
        """The least of all rounds."""
        return min(self.samples)

    @property
    def median(self) -> float:
        """The middle of all rounds."""
        return statistics.median(self.samples)

    def over(self, other: "Timing") -> float:
        """Return how many times other's time this one takes: the median of the ratios inside each round."""
        return statistics.median(a / b for a, b in zip(self.samples, other.samples, strict=True))


def seconds(call: Callable[[], object], clock: Clock = cpu_time) -> float:
    """Return what one call takes."""
    start = clock()
    call()
    return clock() - start


def measure(runs: Mapping[str, Run], rounds: int) -> dict[str, Timing]:
    """Time all contestants in rounds.

    Args:
        runs: the contestants by name.
        rounds: samples of each.

    Returns:
        The timing of each.

    Raises:
        ArithmeticError: two contestants that tell their results differ.
    """
    repeats = {}
    for name, run in runs.items():
        run.call()  # builds what is built on first use
        repeats[name] = max(1, round(SAMPLE_SECONDS / max(seconds(run.call), 1e-6)))
    if len({run.result() for run in runs.values() if run.result}) > 1:
        raise ArithmeticError("the contestants disagree")
    samples: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            start = cpu_time()
            for _ in range(repeats[name]):
                run.call()
            samples[name].append((cpu_time() - start) / (repeats[name] * run.items))
    return {name: Timing(tuple(values)) for name, values in samples.items()}
