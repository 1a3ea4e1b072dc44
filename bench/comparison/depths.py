"""The depth of a pool over time, as a run has recorded it."""

import csv
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Self

from presig_pool.watermarks import Watermarks


@dataclass(frozen=True, slots=True)
class Sample:
    """What a pool looked like at one moment.

    Args:
        seconds: since the start of the run.
        ready: presignatures that were READY.
        signed: inputs that were signed until then.
        short: inputs until then that found too few presignatures.
        refilling: 1 while a refill ran.
    """

    seconds: float
    ready: int
    signed: int
    short: int
    refilling: int


@dataclass(frozen=True, slots=True)
class Recording:
    """A run.

    Args:
        title: what ran, with its conditions.
        watermarks: of the pool.
        samples: in the order of time.
    """

    title: str
    watermarks: Watermarks
    samples: tuple[Sample, ...]

    def write(self, path: Path) -> None:
        """Write the samples as CSV."""
        with path.open("w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(field.name for field in fields(Sample))
            rows.writerows(map(astuple, self.samples))

    @classmethod
    def read(cls, path: Path, title: str, watermarks: Watermarks) -> Self:
        """Read what write() wrote."""
        with path.open(newline="") as file:
            rows = [
                Sample(float(row.pop("seconds")), **{name: int(value) for name, value in row.items()})
                for row in csv.DictReader(file)
            ]
        return cls(title, watermarks, tuple(rows))
