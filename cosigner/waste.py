"""What the leaders of refills have wasted of a signer's work, and how much each may waste in an hour.

A leader wastes a batch that it begins and does not bring to its end, whoever spoiled it, and presignatures
that it has voided: those of a signer who was started again, or of one of whom it says so.
"""

import threading
from collections.abc import Hashable
from typing import Final

from presig_pool.errors import LeaseRefused
from presig_pool.state import Stock
from protocol.ids import PartyId, SessionId

MOST_WASTED: Final = 8  # of one stock; a keeper that fails again and again asks no more often
WINDOW_SECONDS: Final = 3600


class Waste:
    """What was wasted lately, by stock and leader. Threads may share it; who has it asks about few stocks."""

    __slots__ = ("_guard", "_times")

    def __init__(self) -> None:
        self._guard = threading.RLock()
        self._times: dict[tuple[Stock, PartyId], dict[Hashable, int]] = {}

    def expect_little(self, stock: Stock, leader: PartyId, now: int) -> None:
        """Check that a leader may waste more.

        Raises:
            LeaseRefused: it has wasted enough for now.
        """
        with self._guard:
            times = self._lately(stock, leader, now)
        if len(times) >= MOST_WASTED:
            minutes = (min(times.values()) + WINDOW_SECONDS - now) // 60 + 1
            raise LeaseRefused(
                f"party {leader} has left {MOST_WASTED} batches of these signers unfinished or void within an"
                f" hour, and leads them again in {minutes} min"
            )

    def begin(self, stock: Stock, leader: PartyId, session: SessionId, now: int) -> None:
        """Count a batch as wasted until it is ready.

        Raises:
            LeaseRefused: the leader has wasted enough for now.
        """
        with self._guard:
            self.expect_little(stock, leader, now)
            self._lately(stock, leader, now)[session] = now

    def finish(self, stock: Stock, leader: PartyId, session: SessionId) -> None:
        """Count a batch no more: it is ready."""
        with self._guard:
            self._times.get((stock, leader), {}).pop(session, None)

    def void(self, stock: Stock, leader: PartyId, now: int) -> None:
        """Count that presignatures were voided at a leader's word."""
        with self._guard:
            self._lately(stock, leader, now)[object()] = now

    def _lately(self, stock: Stock, leader: PartyId, now: int) -> dict[Hashable, int]:
        """Return when it was, without what was long ago, or would be yet to come by a clock set back."""
        times = self._times.get((stock, leader), {})
        lately = {what: time for what, time in times.items() if time <= now < time + WINDOW_SECONDS}
        self._times[stock, leader] = lately
        return lately
