"""Aborts of ChillDKG 0.3.0 with several suspects: the coordinator relays, and may frame a participant."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from protocol.errors import UnattributedAbort
from protocol.ids import COORDINATOR, PartyId

if TYPE_CHECKING:
    from frost_bip340.investigation import Complaint


class FaultyPartyOrCoordinatorError(UnattributedAbort):
    """The named participants deviated, or else the coordinator did and framed them.

    Attributes:
        checks: for each of these participants, the name of the check that failed.
    """

    def __init__(self, checks: Mapping[PartyId, str]) -> None:
        self.checks = MappingProxyType(dict(sorted(checks.items())))
        text = ", ".join(f"party {party}: {check}" for party, check in self.checks.items())
        super().__init__(f"{text}; or the coordinator", [*self.checks, COORDINATOR])


class InvalidShareError(UnattributedAbort):
    """Another participant or the coordinator sent a wrong share; participant_investigate tells more.

    Attributes:
        complaint: what participant_investigate needs; it holds secrets of the dead session.
    """

    def __init__(self, complaint: "Complaint") -> None:
        self.complaint = complaint
        others = [PartyId(i) for i in range(complaint.n) if i != complaint.party]
        super().__init__("share", [*others, COORDINATOR])
