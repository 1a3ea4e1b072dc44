"""The rounds of resharing: every party deals a polynomial, and what all dealt together is the new sharing.

The polynomials of the quorum have lambda_i s_i at 0 (Desmedt-Jajodia 1997), those of all others 0 (Herzberg
et al., Crypto '95): the secret stays the same, and the new shares are random if any one party is honest.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from native.secret import Secret, SecretScalars, SecretSeed
from native.secret_scalar import total
from protocol.errors import EncodingError, UnattributedAbort, UsageError
from protocol.evidence import Evidence
from protocol.ids import PartyId
from protocol.resharing.checks import share_slots
from protocol.resharing.dealing import Dealing, make_dealing
from protocol.resharing.masks import mask, unmask
from protocol.resharing.messages import (
    COMMIT,
    COMPLAINT,
    REVEAL,
    SHARE,
    CommitMsg,
    ComplaintMsg,
    MaskedMsg,
    RevealMsg,
)
from protocol.resharing.plan import Plan, Sharing
from protocol.round import Continue, Done, Faults, Inbox, Outgoing, Round
from protocol.session import Session
from protocol.signed import Slot
from protocol.vss import Commitment, bad_dealers, deal

R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)


@dataclass(frozen=True, slots=True, eq=False)
class Dealt:
    """What all dealings together make.

    Args:
        dealing: the own one.
        commits: the first messages of all peers.
        commitment: to the sum of all polynomials.
        share: the own share of the sum, for a new holder.
    """

    dealing: Dealing
    commits: Mapping[PartyId, CommitMsg]
    commitment: Commitment
    share: SecretScalars | None


class Ending(ABC, Generic[R_co]):
    """What the parties do with the shares once they have them.

    Attributes:
        repairs: whether it goes with a plan that repairs a lost share.
    """

    __slots__ = ()
    repairs: ClassVar[bool]

    @abstractmethod
    def go_on(self, inbox: Inbox, dealt: Dealt) -> Continue[R_co] | Done[R_co]:
        """Return the next round or the result."""


@dataclass(frozen=True, slots=True, eq=False)
class Context(Generic[R_co]):
    """What a party keeps from its first round on.

    Args:
        plan: the plan.
        dealing: what it deals.
        ending: what comes after.
    """

    plan: Plan
    dealing: Dealing
    ending: Ending[R_co]


def begin(
    session: Session, secshare: SecretScalars | None, ending: Ending[R], seed: SecretSeed | None = None
) -> Continue[R]:
    """Start one party's part.

    Args:
        session: its place in a session whose parameters are a plan.
        secshare: its old share, for a party in the quorum.
        ending: what comes after.
        seed: replays a run; None draws from getrandom.

    Returns:
        The first round.

    Raises:
        UsageError: the parameters are no plan for these parties and this ending, or the share is wrong.
    """
    plan = plan_of(session)
    if ending.repairs != (plan.lost is not None):
        raise UsageError("a plan to repair a share is none to hand over, nor the other way round")
    dealing = make_dealing(session, plan, secshare, seed)
    return Continue(CollectCommits(Context(plan, dealing, ending)), [Outgoing(COMMIT, dealing.commit)])


def plan_of(session: Session) -> Plan:
    """Return the plan of a session that is about to begin.

    Raises:
        UsageError: the parameters are no plan for the parties, or this is none of them.
    """
    if session.me not in session.header.parties:
        raise UsageError("only parties hold shares")
    try:
        return Plan.of(session.header)
    except EncodingError as e:
        raise UsageError("the parameters of the session are no plan for its parties") from e


@dataclass(frozen=True, slots=True, eq=False)
class CollectCommits(Round[R_co]):
    """Wait until everybody is bound to what it deals, then reveal."""

    number: ClassVar[int] = COMMIT
    context: Context[R_co]

    def secrets(self) -> tuple[Secret, ...]:
        """Return the own polynomial and keys."""
        return self.context.dealing.secrets()

    def finish(self, inbox: Inbox) -> Continue[R_co]:
        """Reveal."""
        commits = inbox.broadcasts(CommitMsg)
        return Continue(
            CollectReveals(self.context, commits), [Outgoing(REVEAL, self.context.dealing.reveal)]
        )


@dataclass(frozen=True, slots=True, eq=False)
class CollectReveals(Round[R_co]):
    """Wait for all commitments, check them and send the shares."""

    number: ClassVar[int] = REVEAL
    context: Context[R_co]
    commits: Mapping[PartyId, CommitMsg]

    def secrets(self) -> tuple[Secret, ...]:
        """Return the own polynomial and keys."""
        return self.context.dealing.secrets()

    def finish(self, inbox: Inbox) -> Continue[R_co]:
        """Check that everybody reveals what it committed to, and deals what the plan says.

        Raises:
            FaultyPartyError: names who does not.
        """
        reveals, faults = inbox.broadcasts(RevealMsg), inbox.faults()
        for j in reveals:
            revealed = Slot.broadcast(REVEAL, j)
            faults.test(j, "commitment", Slot.broadcast(COMMIT, j), revealed)
            faults.test(j, "constant", revealed)
            faults.test(j, "knowledge", revealed)
        faults.close()
        return Continue(CollectShares(self.context, self.commits, reveals), self._shares(inbox.session))

    def _shares(self, session: Session) -> list[Outgoing]:
        plan, dealing, me = self.context.plan, self.context.dealing, session.me
        shares = deal(dealing.coefficients, [PartyId(k) for k in range(len(plan.holders))])
        own_key = dealing.key(session.header.parties.index(me))
        return [
            Outgoing(
                SHARE,
                masked_to(session, SHARE, holder, shares.slice(k, 1), (own_key, self.commits[holder])),
                holder,
            )
            for k, holder in enumerate(plan.holders)
            if holder != me
        ]


def masked_to(
    session: Session,
    number: int,
    receiver: PartyId,
    secret: SecretScalars,
    keys: tuple[SecretScalars, CommitMsg],
) -> MaskedMsg:
    """Encrypt a scalar to one receiver.

    Args:
        session: the sender's place in the session.
        number: the round in which the receiver waits for it.
        receiver: who gets it.
        secret: the scalar.
        keys: the sender's key, and the message with the receiver's.

    Returns:
        The message.
    """
    own_key, commit = keys
    point = commit.keys[session.header.parties.index(session.me)]
    slot = Slot.direct(number, session.me, receiver)
    return MaskedMsg(mask(secret, own_key, point, session.header, slot))


def unmasked(
    session: Session, number: int, keys: SecretScalars, commits: Mapping[PartyId, CommitMsg], inbox: Inbox
) -> dict[PartyId, SecretScalars]:
    """Decrypt what the senders of a round sent to this party.

    Args:
        session: the receiver's place in the session.
        number: the number of the round.
        keys: the logarithms of the receiver's encryption keys, by the places of the parties.
        commits: the messages with the senders' keys.
        inbox: the messages of the round.

    Returns:
        One scalar by sender.
    """
    parties, header = session.header.parties, session.header
    out = {}
    for j, message in inbox.directs(MaskedMsg).items():
        index = parties.index(j)
        slot = Slot.direct(number, j, session.me)
        out[j] = unmask(message.masked, keys.slice(index, 1), commits[j].keys[index], header, slot)
    return out


@dataclass(frozen=True, slots=True, eq=False)
class CollectShares(Round[R_co]):
    """Wait for the shares; who is no new holder waits for nothing."""

    number: ClassVar[int] = SHARE
    context: Context[R_co]
    commits: Mapping[PartyId, CommitMsg]
    reveals: Mapping[PartyId, RevealMsg]

    def senders(self, session: Session) -> tuple[PartyId, ...]:
        """Return all peers of a new holder."""
        return () if self.context.plan.new_id(session.me) is None else session.peers

    def secrets(self) -> tuple[Secret, ...]:
        """Return the own polynomial and keys."""
        return self.context.dealing.secrets()

    def finish(self, inbox: Inbox) -> Continue[R_co] | Done[R_co]:
        """Check the own share of every dealer and add them up.

        Raises:
            FaultyPartyError: names who sent a wrong share.
        """
        dealing, me = self.context.dealing, inbox.session.me
        commitments = {j: Commitment(reveal.points) for j, reveal in self.reveals.items()}
        commitment = Commitment.total([Commitment(dealing.reveal.points), *commitments.values()])
        new_id = self.context.plan.new_id(me)
        share = None
        if new_id is not None:
            shares = unmasked(inbox.session, SHARE, dealing.keys, self.commits, inbox)
            culprits = bad_dealers(shares, commitments, new_id)
            faults = inbox.faults()
            complain(faults, "share", {j: share_slots(j, me) for j in culprits}, dealing.keys)
            faults.close()
            share = total(SecretScalars.concat([deal(dealing.coefficients, [new_id]), *shares.values()]))
        return self.context.ending.go_on(inbox, Dealt(dealing, self.commits, commitment, share))


def complain(
    faults: Faults, check: str, proofs: Mapping[PartyId, Iterable[Slot]], keys: SecretScalars
) -> None:
    """Open what somebody sent wrong as evidence.

    Args:
        faults: the faults of the round, which take it in.
        check: the name of the check that failed.
        proofs: for each culprit, the slots of the messages that prove it together with the complaint.
        keys: the logarithms of the own encryption keys, by the places of the parties.
    """
    session = faults.inbox.session
    for j, slots in proofs.items():
        key = keys.slice(session.header.parties.index(j), 1)
        # public from here on: it opens what the culprit sent here, and nothing else
        body = bytes(ComplaintMsg.opening(key))
        complaint = session.sign(Slot.direct(COMPLAINT, session.me, j), body)
        messages = sorted([*faults.inbox.proof(j, slots).values(), complaint], key=lambda m: m.slot)
        faults.note(Evidence(session.header, j, check, tuple(messages)))


def new_sharing(plan: Plan, dealt: Dealt) -> Sharing:
    """Return the public side of the new shares.

    Raises:
        UnattributedAbort: a public share is infinity, which takes all parties or a broken generator.
    """
    pubshares = dealt.commitment.pubshares([PartyId(k) for k in range(len(plan.holders))])
    try:
        return Sharing(dealt.commitment.public_secret, plan.t, tuple(pubshares), plan.epoch)
    except UsageError as e:
        raise UnattributedAbort("public share") from e
