"""Draw the depth of a pool under load: how it drains and refills.

python bench/plot_pool.py                       a simulated load, into build/plots/
python bench/plot_pool.py --recorded FILE.csv   a recorded run (comparison/depths.py)
"""

import argparse
import tempfile
from pathlib import Path
from typing import Final

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot

from comparison.depths import Recording
from pool_load import PHASES, simulated
from presig_pool.watermarks import DEFAULT

PER_MINUTE: Final = 1169.0  # of bench_cggmp.py: 2 of 3, one core, batches of 32
BLUE, RED, GREY, GREEN = "#1f5fa8", "#c0392b", "#777777", "#cfe8cf"


def draw(recording: Recording, path: Path, phases: tuple[tuple[float, str], ...] = ()) -> None:
    """Draw a run into a PNG.

    Args:
        recording: the run.
        path: of the picture.
        phases: end in seconds and name of its parts, if it has any.
    """
    samples = recording.samples
    seconds = [sample.seconds for sample in samples]
    figure, (top, bottom) = pyplot.subplots(
        2, 1, sharex=True, figsize=(11, 6.5), height_ratios=(3, 1), layout="constrained"
    )
    figure.suptitle(recording.title)
    marks = recording.watermarks
    for name, value in (("low", marks.low), ("target", marks.target), ("max", marks.max)):
        top.axhline(value, color=GREY, linewidth=0.8, linestyle="--")
        top.annotate(f"{name} {value}", (seconds[-1], value), (4, -3), textcoords="offset points", color=GREY)
    top.fill_between(
        seconds, 0, marks.max * 1.2, where=[bool(sample.refilling) for sample in samples], step="post",
        color=GREEN, linewidth=0, label="refill runs",
    )  # fmt: skip
    top.step(seconds, [sample.ready for sample in samples], where="post", color=BLUE, label="ready")
    top.set(ylabel="presignatures", ylim=(0, marks.max * 1.2), xlim=(0, seconds[-1]))
    top.legend(loc="upper right", ncols=2)
    start = 0.0
    for end, name in phases:
        for axes in (top, bottom):
            axes.axvline(end, color=GREY, linewidth=0.5)
        top.annotate(name, ((start + end) / 2, marks.max * 1.04), ha="center", fontsize=8)
        start = end
    for field, colour, name in (("signed", BLUE, "signed"), ("short", RED, "found too few")):
        bottom.step(seconds, per_second(recording, field), where="post", color=colour, label=name)
    bottom.set(xlabel="seconds", ylabel="inputs a second")
    bottom.legend(loc="upper left")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


def per_second(recording: Recording, field: str) -> list[int]:
    """Return how much a count grew in the second before each sample."""
    samples, grown, first = recording.samples, [], 0
    for sample in samples:
        while samples[first].seconds < sample.seconds - 1 - 1e-6:
            first += 1
        grown.append(getattr(sample, field) - getattr(samples[first], field))
    return grown


def main() -> None:
    """Draw and say where."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recorded", type=Path, help="CSV of a run; a simulated load is run without it")
    parser.add_argument("--title", default="A pool under load", help="of a recorded run")
    parser.add_argument("--out", type=Path, default=Path("build/plots"), help="directory of the pictures")
    arguments = parser.parse_args()
    if arguments.recorded:
        recording = Recording.read(arguments.recorded, arguments.title, DEFAULT)
        path = arguments.out / f"{arguments.recorded.stem}.png"
        draw(recording, path)
    else:
        with tempfile.TemporaryDirectory() as directory:
            recording = simulated(Path(directory), PER_MINUTE)
        ends = [sum(phase.seconds for phase in PHASES[: i + 1]) for i in range(len(PHASES))]
        path = arguments.out / "pool_depth.png"
        draw(recording, path, tuple(zip(ends, (phase.name for phase in PHASES), strict=True)))
        recording.write(path.with_suffix(".csv"))
    print(path)


if __name__ == "__main__":
    main()
