"""Online signing as a session of signed messages: one for all inputs of a transaction.

In rounds 1 and 3 all signers send to the coordinator, in round 2 the coordinator to all. A signer sees the
plan and the list of contributions, and gives one share for each input. The session has the public sides of
its presignatures only: the secrets are in the hands of the caller, who burns them when it is asked for the
shares; see PAPER.md.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from ecdsa_cggmp.presignature import PublicPresignature
from ecdsa_cggmp.sign import CONTRIBUTION_SIZE, SigningContext, combine
from ecdsa_cggmp.sign_messages import ContributionMsg, ContributionsMsg, SharesMsg, SigningPlan
from native.curve import Scalar
from native.entropy import random_bytes
from protocol.codec import SCALAR_SIZE
from protocol.errors import EncodingError, FaultyCoordinatorError, FaultyPartyError, UsageError
from protocol.header import Header
from protocol.ids import COORDINATOR, PartyId
from protocol.resharing.plan import Sharing
from protocol.round import Continue, Done, Inbox, Outgoing, Round
from protocol.session import Session
from protocol.signed import Kind, Slot
from protocol.spec import Claim, MessageType, ProtocolSpec

# takes what is signed for each input, burns the presignatures, and returns a share for each
Sign = Callable[[tuple[SigningContext, ...]], Sequence[Scalar]]


@dataclass(frozen=True, slots=True, eq=False)
class CollectContributions(Round[SharesMsg]):
    """A signer waits for the contributions of all.

    Args:
        plan: what is signed.
        sign: makes the shares.
        own: the own contribution.
    """

    number: ClassVar[int] = 2
    plan: SigningPlan
    sign: Sign
    own: ContributionMsg

    def senders(self, session: Session) -> tuple[PartyId, ...]:
        """Return the coordinator."""
        return (COORDINATOR,)

    def finish(self, inbox: Inbox) -> Done[SharesMsg]:
        """Have every input signed.

        Raises:
            FaultyCoordinatorError: the own contribution is not among those of all; nothing was signed.
            Exception: of sign; no share leaves.
        """
        told = inbox.broadcasts(ContributionsMsg)[COORDINATOR]
        if told.by_signer[self.plan.signers.index(inbox.session.me)] != self.own:
            raise FaultyCoordinatorError("contributions")
        # another number of shares than of inputs would make a message of another size, which is not sent
        answer = SharesMsg(told, tuple(self.sign(told.contexts(self.plan))))
        return Done(answer, [Outgoing(3, answer, COORDINATOR)])


@dataclass(frozen=True, slots=True)
class CollectContributionMsgs(Round[tuple[bytes, ...]]):
    """The coordinator waits for the contributions of all signers."""

    number: ClassVar[int] = 1
    plan: SigningPlan

    def finish(self, inbox: Inbox) -> Continue[tuple[bytes, ...]]:
        """Pass them on."""
        received = inbox.directs(ContributionMsg)
        told = ContributionsMsg(tuple(received[j] for j in self.plan.signers))
        return Continue(CollectShares(self.plan, told), [Outgoing(2, told)])


@dataclass(frozen=True, slots=True)
class CollectShares(Round[tuple[bytes, ...]]):
    """The coordinator waits for the shares of all signers.

    Args:
        plan: what is signed.
        told: the contributions of all.
    """

    number: ClassVar[int] = 3
    plan: SigningPlan
    told: ContributionsMsg

    def finish(self, inbox: Inbox) -> Done[tuple[bytes, ...]]:
        """Make the signatures, one for each input, each verified; or name who spoiled one.

        Raises:
            FaultyPartyError: names whose shares are wrong.
        """
        received = inbox.directs(SharesMsg)
        # the coordinator has sent one list, but cannot prove it to others
        astray = [j for j, answer in received.items() if answer.contributions != self.told]
        if astray:
            raise FaultyPartyError(dict.fromkeys(astray, "contributions"))
        try:
            signatures = tuple(
                combine(context, {j: answer.sigma[k] for j, answer in received.items()})
                for k, context in enumerate(self.told.contexts(self.plan))
            )
        except FaultyPartyError:
            faults = inbox.faults()
            for j in received:
                faults.test(j, SHARE, Slot.direct(3, j, COORDINATOR))
            faults.close()
            raise
        return Done(signatures)


def participate(
    session: Session, sharing: Sharing, presignatures: Sequence[PublicPresignature], sign: Sign
) -> Continue[SharesMsg]:
    """Start a signing session as a signer, who has approved what the header's plan signs.

    Args:
        session: the session.
        sharing: the public side of the share that the signer holds now: presignatures of an older epoch make
            no signature, even if all signers have kept them.
        presignatures: public sides of those that were granted to the session, in the order of its inputs.
        sign: called at most once, with what is signed for each input; it returns a share for each, after it
            has burnt the presignatures and stored the shares durably.

    Returns:
        The first round; it ends with the shares.

    Raises:
        UsageError: the plan is malformed, of another key or epoch, or has other presignatures.

    Security:
        What sign() returns is sent. If the session ends before, it is not called, and the presignatures are
        still unused.
    """
    plan = _plan_for(session)
    if plan.sharing != sharing:
        raise UsageError("the plan is of another key or epoch than the signer's share")
    if [item.presignature for item in plan.inputs] != list(presignatures):
        raise UsageError("the plan has other presignatures")
    own = ContributionMsg(tuple(random_bytes(CONTRIBUTION_SIZE) for _ in presignatures))
    return Continue(CollectContributions(plan, sign, own), [Outgoing(1, own, COORDINATOR)])


def coordinate(session: Session) -> Continue[tuple[bytes, ...]]:
    """Start a signing session as its coordinator; it ends with one signature of 64 bytes for each input.

    Raises:
        UsageError: the plan is malformed.
    """
    return Continue(CollectContributionMsgs(_plan_for(session)))


def _plan_for(session: Session) -> SigningPlan:
    try:
        return SigningPlan.of(session.header)
    except EncodingError as e:
        raise UsageError(f"the session has no plan: {e}") from e


def _counts(header: Header) -> tuple[int, int]:
    plan = SigningPlan.of(header)
    return len(plan.signers), len(plan.inputs)


def _share_fails(claim: Claim) -> bool:
    """A signer has signed shares together with the contributions that it made them for."""
    plan = SigningPlan.of(claim.header)
    if claim.culprit not in plan.signers:
        raise EncodingError("evidence", "the culprit is no signer")
    answer = claim.direct(SharesMsg, 3, COORDINATOR)
    contexts = answer.contributions.contexts(plan)
    return not all(
        context.share_holds(claim.culprit, sigma)
        for context, sigma in zip(contexts, answer.sigma, strict=True)
    )


SHARE: Final = "signature share"

SPEC: Final = ProtocolSpec(
    "CGGMP24 sign",
    1,
    {
        (1, Kind.DIRECT): MessageType(
            lambda h: CONTRIBUTION_SIZE * _counts(h)[1], lambda r, h: ContributionMsg.read(r, _counts(h)[1])
        ),
        (2, Kind.BROADCAST): MessageType(
            lambda h: CONTRIBUTION_SIZE * _counts(h)[0] * _counts(h)[1],
            lambda r, h: ContributionsMsg.read(r, *_counts(h)),
        ),
        (3, Kind.DIRECT): MessageType(
            lambda h: (CONTRIBUTION_SIZE * _counts(h)[0] + SCALAR_SIZE) * _counts(h)[1],
            lambda r, h: SharesMsg.read(r, *_counts(h)),
        ),
    },
    {SHARE: _share_fails},
)
