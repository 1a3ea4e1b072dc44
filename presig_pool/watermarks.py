"""How many presignatures a signer set keeps, and for how long."""

from dataclasses import dataclass
from typing import Final

from protocol.errors import UsageError

MOST: Final = 10_000  # their ids fit into one message of a refill, with room to spare
MAX_PAYMENT: Final = 2048  # more than inputs of 68 virtual bytes fit into a standard transaction


@dataclass(frozen=True, slots=True)
class Watermarks:
    """Limits of the pool of one key, epoch and signer set.

    Args:
        low: a refill begins when there are fewer.
        target: and goes on until there are so many.
        max: there are never more, but for a payment that needs more at once.
        batch: a presigning session makes at most so many.
        max_age: seconds after which a presignature is void: its nonce point is known to all signers.
        grant_seconds: after which a grant that was not used ends.

    Raises:
        UsageError: not 0 < low <= target <= max <= MOST, or another value is not positive.
    """

    low: int = 20
    target: int = 100
    max: int = 150
    batch: int = 32
    max_age: int = 7 * 86_400
    grant_seconds: int = 120

    @property
    def room(self) -> int:
        """The most that a signer takes, whoever leads: a full pool, and what the largest payment needs."""
        return min(self.max + MAX_PAYMENT, MOST)

    def __post_init__(self) -> None:
        if not 0 < self.low <= self.target <= self.max:
            raise UsageError("watermarks are 0 < low <= target <= max")
        if self.max > MOST:
            raise UsageError(f"a pool has at most {MOST} presignatures")
        if min(self.batch, self.max_age, self.grant_seconds) <= 0:
            raise UsageError("a batch has presignatures, and ages are positive")


DEFAULT: Final = Watermarks()
