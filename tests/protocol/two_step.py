"""A toy of the two-step signing session: signers accept with a contribution, then are asked for shares."""

from dataclasses import dataclass
from hashlib import sha256
from typing import ClassVar, Self

from protocol.codec import Reader
from protocol.header import Header
from protocol.ids import COORDINATOR, PartyId, SessionId
from protocol.round import Continue, Done, Inbox, Outgoing, Round
from protocol.session import Session
from protocol.signed import Kind, Slot
from protocol.spec import Claim, MessageType, ProtocolSpec

from .toss import host_key, roster


@dataclass(frozen=True, slots=True)
class AcceptMsg:
    contribution: bytes

    def __bytes__(self) -> bytes:
        return self.contribution

    @classmethod
    def read(cls, reader: Reader, header: Header) -> Self:
        return cls(reader.fixed("contribution", 32))


@dataclass(frozen=True, slots=True)
class SignMsg:
    contributions: tuple[bytes, ...]

    def __bytes__(self) -> bytes:
        return b"".join(self.contributions)

    @classmethod
    def read(cls, reader: Reader, header: Header) -> Self:
        return cls(
            reader.items("contribution", len(header.parties), lambda source, name: source.fixed(name, 32))
        )


@dataclass(frozen=True, slots=True)
class ShareMsg:
    share: bytes

    def __bytes__(self) -> bytes:
        return self.share

    @classmethod
    def read(cls, reader: Reader, header: Header) -> Self:
        return cls(reader.fixed("share", 32))


def contribution_altered(claim: Claim) -> bool:
    """The coordinator broadcast another contribution than the signer's."""
    asked = claim.broadcast(SignMsg, 2).contributions
    (signer,) = (slot.sender for slot in claim.messages if slot.kind is Kind.DIRECT)
    accepted = claim.direct(AcceptMsg, 1, COORDINATOR, sender=signer)
    return asked[claim.header.parties.index(signer)] != accepted.contribution


TWO_STEP = ProtocolSpec(
    name="two-step",
    version=1,
    messages={
        (1, Kind.DIRECT): MessageType(lambda header: 32, AcceptMsg.read),
        (2, Kind.BROADCAST): MessageType(lambda header: 32 * len(header.parties), SignMsg.read),
        (3, Kind.DIRECT): MessageType(lambda header: 32, ShareMsg.read),
    },
    checks={"contribution": contribution_altered},
)


@dataclass(frozen=True, slots=True)
class AwaitSign(Round[bytes]):
    number: ClassVar[int] = 2

    def senders(self, session: Session) -> tuple[PartyId, ...]:
        return (COORDINATOR,)

    def finish(self, inbox: Inbox) -> Done[bytes]:
        me, faults = inbox.session.me, inbox.faults()
        sign = inbox.broadcasts(SignMsg)[COORDINATOR]
        faults.test(
            COORDINATOR, "contribution", Slot.direct(1, me, COORDINATOR), Slot.broadcast(2, COORDINATOR)
        )
        faults.close()
        share = sha256(bytes(sign) + bytes([me])).digest()
        return Done(share, [Outgoing(3, ShareMsg(share), COORDINATOR)])


@dataclass(frozen=True, slots=True)
class CollectAccepts(Round[bytes]):
    number: ClassVar[int] = 1

    def finish(self, inbox: Inbox) -> Continue[bytes]:
        accepts = inbox.directs(AcceptMsg)
        sign = SignMsg(tuple(accept.contribution for accept in accepts.values()))
        return Continue(CollectShares(), [Outgoing(2, sign)])


@dataclass(frozen=True, slots=True)
class CollectShares(Round[bytes]):
    number: ClassVar[int] = 3

    def finish(self, inbox: Inbox) -> Done[bytes]:
        return Done(b"".join(bytes(share) for share in inbox.directs(ShareMsg).values()))


def openings(parties: tuple[int, ...] = (0, 2)) -> dict[PartyId, tuple[Session, Continue[bytes]]]:
    keys = roster(3, coordinator=9)
    ids = tuple(PartyId(i) for i in parties)
    head = Header(TWO_STEP.name, TWO_STEP.version, SessionId(sha256(b"s").digest()), keys.digest, ids)
    all_of_them = {
        i: (
            Session(TWO_STEP, head, keys, i, host_key(i)),
            Continue(AwaitSign(), [Outgoing(1, AcceptMsg(sha256(b"%d" % i).digest()), COORDINATOR)]),
        )
        for i in ids
    }
    coordinator = Session(TWO_STEP, head, keys, COORDINATOR, host_key(9))
    return {**all_of_them, COORDINATOR: (coordinator, Continue(CollectAccepts()))}
