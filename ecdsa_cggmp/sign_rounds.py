"""Online signing as a session of signed messages: one for all inputs of a transaction.

In rounds 1 and 3 all signers send to the coordinator, in round 2 the coordinator to all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar, Final, Self

from ecdsa_cggmp.presignature import Presignature, PublicPresignature
from ecdsa_cggmp.sign import CONTRIBUTION_SIZE, SigningContext, SigningRequest, combine, sign_share
from native.curve import Scalar
from native.entropy import random_bytes
from native.secret import Secret
from protocol.codec import SCALAR_SIZE, Reader, Writer, decode
from protocol.errors import EncodingError, FaultyCoordinatorError, FaultyPartyError, UsageError
from protocol.header import PARAMS_LIMIT, Header
from protocol.ids import COORDINATOR, PartyId
from protocol.resharing.plan import Sharing
from protocol.round import Continue, Done, Inbox, Outgoing, Round
from protocol.session import Session
from protocol.signed import Kind, Slot
from protocol.spec import Claim, MessageType, ProtocolSpec


@dataclass(frozen=True, slots=True)
class Input:
    """One thing to sign.

    Args:
        presignature: the one to use, which all signers hold and nobody has used.
        request: what to sign with it.
    """

    presignature: PublicPresignature
    request: SigningRequest


@dataclass(frozen=True, slots=True)
class SigningPlan:
    """What a session signs, the parameters in its header.

    Args:
        sharing: the key and epoch.
        signers: the holders of the presignatures.
        inputs: at least one, each with another presignature.

    Raises:
        UsageError: a rule does not hold.
    """

    sharing: Sharing
    signers: tuple[PartyId, ...]
    inputs: tuple[Input, ...]

    def __post_init__(self) -> None:
        if not self.inputs:
            raise UsageError("there is nothing to sign")
        if len({item.presignature.id for item in self.inputs}) != len(self.inputs):
            raise UsageError("a presignature is used twice")
        for item in self.inputs:
            if (item.presignature.sharing, item.presignature.signers) != (self.sharing, self.signers):
                raise UsageError("a presignature is of another key, epoch or signer set")

    def __bytes__(self) -> bytes:
        """Return the encoding, for the session's header."""
        sharing = bytes(self.sharing)
        writer = Writer().fixed(sharing, len(sharing)).unsigned(len(self.inputs), 2)
        for item in self.inputs:
            public = item.presignature
            writer.fixed(public.session, 32).unsigned(public.index, 4)
            writer.points([public.Gamma, *public.Delta.values(), *public.S.values()])
            writer.fixed(item.request.digest, 32).scalar(item.request.tweak)
        return bytes(writer)

    @classmethod
    def of(cls, header: Header) -> "SigningPlan":
        """Read the plan of a session.

        Raises:
            EncodingError: the header has none.
        """
        return _read_plan(header.params, header.parties)


@lru_cache(maxsize=64)
def _read_plan(data: bytes, signers: tuple[PartyId, ...]) -> SigningPlan:
    def read(reader: Reader) -> SigningPlan:
        try:
            sharing = Sharing.read(reader)
            count = reader.unsigned("inputs", 2)
            inputs = reader.items("input", count, lambda r, _: _read_input(r, sharing, signers))
            return SigningPlan(sharing, signers, inputs)
        except UsageError as e:
            raise EncodingError("plan", str(e)) from e

    return decode(data, PARAMS_LIMIT, read)


def _read_input(reader: Reader, sharing: Sharing, signers: tuple[PartyId, ...]) -> Input:
    session, index = reader.fixed("session", 32), reader.unsigned("index", 4)
    Gamma, *parts = reader.points("presignature", 1 + 2 * len(signers))
    Delta, S = (
        dict(zip(signers, half, strict=True)) for half in (parts[: len(signers)], parts[len(signers) :])
    )
    public = PublicPresignature(session, index, sharing, signers, Gamma, Delta, S)
    return Input(public, SigningRequest(reader.fixed("digest", 32), reader.scalar("tweak")))


@dataclass(frozen=True, slots=True)
class ContributionMsg:
    """A signer's randomness, 32 bytes for each input."""

    contributions: tuple[bytes, ...]

    def __bytes__(self) -> bytes:
        """Return 32 bytes per input."""
        return b"".join(self.contributions)

    @classmethod
    def read(cls, reader: Reader, inputs: int) -> Self:
        """Read the message."""
        return cls(reader.items("contribution", inputs, lambda r, field: r.fixed(field, CONTRIBUTION_SIZE)))


@dataclass(frozen=True, slots=True)
class ContributionsMsg:
    """The randomness of all signers, ascending."""

    by_signer: tuple[ContributionMsg, ...]

    def __bytes__(self) -> bytes:
        """Return 32 bytes per signer and input."""
        return b"".join(map(bytes, self.by_signer))

    @classmethod
    def read(cls, reader: Reader, signers: int, inputs: int) -> Self:
        """Read the message."""
        return cls(reader.items("signer", signers, lambda r, _: ContributionMsg.read(r, inputs)))

    def contexts(self, plan: SigningPlan) -> tuple[SigningContext, ...]:
        """Return what is signed for each input.

        Raises:
            UsageError: of SigningContext.
        """
        return tuple(
            SigningContext(
                item.presignature,
                item.request,
                {j: self.by_signer[at].contributions[k] for at, j in enumerate(plan.signers)},
            )
            for k, item in enumerate(plan.inputs)
        )


@dataclass(frozen=True, slots=True)
class SharesMsg:
    """A signer's shares, one for each input, with the contributions that it was told."""

    contributions: ContributionsMsg
    sigma: tuple[Scalar, ...]

    def __bytes__(self) -> bytes:
        """Return 32 bytes per signer and input, and 32 per input."""
        return bytes(self.contributions) + bytes(Writer().scalars(self.sigma))

    @classmethod
    def read(cls, reader: Reader, signers: int, inputs: int) -> Self:
        """Read the message."""
        return cls(ContributionsMsg.read(reader, signers, inputs), reader.scalars("sigma", inputs))


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


@dataclass(frozen=True, slots=True, eq=False)
class CollectContributions(Round[SharesMsg]):
    """A signer waits for the contributions of all.

    Args:
        plan: what is signed.
        presignatures: the own shares, one for each input, burnt before the session began.
        own: the own contribution.
    """

    number: ClassVar[int] = 2
    plan: SigningPlan
    presignatures: tuple[Presignature, ...]
    own: ContributionMsg

    def senders(self, session: Session) -> tuple[PartyId, ...]:
        """Return the coordinator."""
        return (COORDINATOR,)

    def secrets(self) -> tuple[Secret, ...]:
        """Return the presignatures."""
        return tuple(secret for item in self.presignatures for secret in (item.k, item.chi))

    def finish(self, inbox: Inbox) -> Done[SharesMsg]:
        """Sign every input; the caller stores the result before it sends the message.

        Raises:
            FaultyCoordinatorError: the own contribution is not among those of all.
        """
        told = inbox.broadcasts(ContributionsMsg)[COORDINATOR]
        if told.by_signer[self.plan.signers.index(inbox.session.me)] != self.own:
            raise FaultyCoordinatorError("contributions")
        sigma = tuple(
            sign_share(presignature, context)
            for presignature, context in zip(self.presignatures, told.contexts(self.plan), strict=True)
        )
        answer = SharesMsg(told, sigma)
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


def participate(session: Session, presignatures: Sequence[Presignature]) -> Continue[SharesMsg]:
    """Start a signing session as a signer, who has approved what the header's plan signs.

    Args:
        session: the session.
        presignatures: the own shares of the plan's presignatures, in the order of its inputs; stored as used,
            durably, before this is called.

    Returns:
        The first round; it ends with the shares, to be stored before they are sent.

    Raises:
        UsageError: the plan is malformed, or has other presignatures.
    """
    plan = _plan_for(session)
    if [item.presignature for item in plan.inputs] != [held.public for held in presignatures]:
        raise UsageError("the plan has other presignatures")
    if any(held.party != session.me for held in presignatures):
        raise UsageError("a presignature is another party's")
    own = ContributionMsg(tuple(random_bytes(CONTRIBUTION_SIZE) for _ in presignatures))
    waiting = CollectContributions(plan, tuple(presignatures), own)
    return Continue(waiting, [Outgoing(1, own, COORDINATOR)])


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
