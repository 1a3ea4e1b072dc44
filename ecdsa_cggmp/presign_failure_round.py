"""The round in which presigning fails (CGGMP24, figure 9): wait for the defences of all signers."""

from dataclasses import dataclass
from typing import ClassVar

from ecdsa_cggmp.parallel import for_each
from ecdsa_cggmp.presign_failure_checks import AFF_G_STAR, DEC
from ecdsa_cggmp.presign_messages import DEFEND, ENCRYPT, MULTIPLY, REVEAL
from ecdsa_cggmp.presignature import Presignature
from protocol.errors import UnattributedAbort
from protocol.ids import PartyId
from protocol.round import Done, Inbox, Round
from protocol.session import Session
from protocol.signed import Slot


@dataclass(frozen=True, slots=True, eq=False)
class CollectDefences(Round[tuple[Presignature, ...]]):
    """Wait for the defences; no secret of the session is left.

    Args:
        sum: the sum that is wrong.
    """

    number: ClassVar[int] = DEFEND
    sum: str

    def finish(self, inbox: Inbox) -> Done[tuple[Presignature, ...]]:
        """Verify the defences of all peers: tens of seconds at full size.

        Raises:
            FaultyPartyError: names whose defence does not hold.
            UnattributedAbort: all hold, which must not happen.
        """
        faults = inbox.faults()

        def judge(j: PartyId) -> bool:
            slots = defence_slots(inbox.session, j)
            return faults.test(j, DEC, *slots) or faults.test(j, AFF_G_STAR, *slots)

        for_each(inbox.senders, judge)
        faults.close()
        raise UnattributedAbort(self.sum)


def defence_slots(session: Session, party: PartyId) -> tuple[Slot, ...]:
    """Return the broadcasts that show whether a party's defence holds."""
    before = [
        Slot.broadcast(number, j) for number in (ENCRYPT, MULTIPLY, REVEAL) for j in session.header.parties
    ]
    return *before, Slot.broadcast(DEFEND, party)
