"""What `mpcw presig` shows of a stock."""

from dataclasses import dataclass
from typing import Final

HOUR: Final = 3600


@dataclass(frozen=True, slots=True)
class Statistics:
    """Figures of a stock.

    Args:
        pending, ready: how many there are.
        granted: how many of the ready ones are granted.
        burned, voided: how many there ever were.
        hourly_use: how many were burnt in the last hour.
        refill_rate: how many became ready in the last hour.
        oldest: seconds since the oldest of those that there are was made; None if there are none.
    """

    pending: int
    ready: int
    granted: int
    burned: int
    voided: int
    hourly_use: int
    refill_rate: int
    oldest: int | None

    @property
    def generated(self) -> int:
        """How many were ever made."""
        return self.pending + self.ready + self.burned + self.voided

    @property
    def time_to_empty(self) -> int | None:
        """Seconds until none is ready, at the use of the last hour and without a refill; None if unused."""
        return self.ready * HOUR // self.hourly_use if self.hourly_use else None
