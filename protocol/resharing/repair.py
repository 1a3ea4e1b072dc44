"""Repair of a lost share (ePrint 2017/1155, enrolment), as resharing: the helpers reshare what was lost.

A quorum holds s_x = sum_i zeta_i s_i, zeta_i its Lagrange weights at the place of the lost share. It reshares
s_x among itself, and every helper sends its share of s_x to who lost it. No share changes.

DEVIATION: the paper splits zeta_i s_i additively; a polynomial does the same and is checked like any other.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from native.secret import Secret, SecretScalars
from protocol.ids import PartyId
from protocol.resharing.checks import part_slots
from protocol.resharing.messages import PART
from protocol.resharing.plan import Plan
from protocol.resharing.rounds import Dealt, Ending, complain, masked_to, unmasked
from protocol.round import Continue, Done, Inbox, Outgoing, Round
from protocol.session import Session
from protocol.vss import interpolate

S = TypeVar("S")
S_co = TypeVar("S_co", covariant=True)


@dataclass(frozen=True, slots=True, eq=False)
class Repair(Ending[S | None], Generic[S]):
    """Bring the parts of the lost share together.

    Args:
        keep: makes the scheme's share of the secret one, at who lost it.
    """

    repairs: ClassVar[bool] = True
    keep: Callable[[SecretScalars], S]

    def go_on(self, inbox: Inbox, dealt: Dealt) -> Continue[S | None] | Done[S | None]:
        """Send the own part, or wait for those of all helpers."""
        session, plan = inbox.session, Plan.of(inbox.session.header)
        lost = plan.lost
        if lost is None or dealt.share is None:
            return Continue(CollectParts(plan.quorum, dealt, self.keep))
        own_key = dealt.dealing.key(session.header.parties.index(session.me))
        part = masked_to(session, PART, lost, dealt.share, (own_key, dealt.commits[lost]))
        return Done(None, [Outgoing(PART, part, lost)])


@dataclass(frozen=True, slots=True, eq=False)
class CollectParts(Round[S | None], Generic[S]):
    """Wait for the parts of the lost share."""

    number: ClassVar[int] = PART
    quorum: tuple[PartyId, ...]
    dealt: Dealt
    keep: Callable[[SecretScalars], S]

    def senders(self, session: Session) -> tuple[PartyId, ...]:
        """Return the helpers."""
        return self.quorum

    def secrets(self) -> tuple[Secret, ...]:
        """Return the own polynomial and keys."""
        return self.dealt.dealing.secrets()

    def finish(self, inbox: Inbox) -> Done[S | None]:
        """Check every part and put the share together.

        Raises:
            FaultyPartyError: names who sent a wrong part.
        """
        session = inbox.session
        parts = unmasked(session, PART, self.dealt.dealing.keys, self.dealt.commits, inbox)
        culprits = self._culprits(parts)
        slots = {j: part_slots(j, session.me, session.header.parties) for j in culprits}
        faults = inbox.faults()
        complain(faults, "part", slots, self.dealt.dealing.keys)
        faults.close()
        # the helpers' parts are the shares of the share that was lost
        together = SecretScalars.concat(list(parts.values()))
        return Done(self.keep(interpolate(together, [PartyId(k) for k in range(len(parts))])))

    def _culprits(self, parts: Mapping[PartyId, SecretScalars]) -> tuple[PartyId, ...]:
        return tuple(
            j for k, j in enumerate(self.quorum) if not self.dealt.commitment.opens_to(parts[j], PartyId(k))
        )
