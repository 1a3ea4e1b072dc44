"""A toy protocol: commit to a coin and a polynomial (echoed), then reveal both and send each its share."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import ClassVar, Self

from native.hashing import tagged_hash
from native.schnorr import xonly_key
from native.secret import Secret, SecretScalars, SecretSeed
from native.secret_scalar import random_scalars
from protocol.codec import Reader, Writer
from protocol.header import Header
from protocol.ids import PartyId, SessionId
from protocol.roster import Roster
from protocol.round import Continue, Done, Inbox, Outgoing, Round
from protocol.session import Session
from protocol.signed import Kind, Slot
from protocol.spec import Claim, MessageType, ProtocolSpec
from protocol.vss import Commitment, deal


def threshold(header: Header) -> int:
    return int.from_bytes(header.params, "big")


def commit(header: Header, party: PartyId, reveal: "RevealMsg") -> bytes:
    return tagged_hash("toss/commitment", header.digest, party.to_bytes(4, "big"), bytes(reveal))


@dataclass(frozen=True, slots=True)
class CommitMsg:
    V: bytes

    def __bytes__(self) -> bytes:
        return self.V

    @classmethod
    def read(cls, reader: Reader, header: Header) -> Self:
        return cls(reader.fixed("V", 32))


@dataclass(frozen=True, slots=True)
class RevealMsg:
    coin: bytes
    commitment: Commitment

    def __bytes__(self) -> bytes:
        return bytes(Writer().fixed(self.coin, 32).points(self.commitment.points))

    @classmethod
    def read(cls, reader: Reader, header: Header) -> Self:
        return cls(reader.fixed("coin", 32), Commitment(reader.points("C", threshold(header))))


@dataclass(frozen=True, slots=True)
class ShareMsg:
    share: bytes

    def __bytes__(self) -> bytes:
        return self.share

    @classmethod
    def read(cls, reader: Reader, header: Header) -> Self:
        return cls(bytes(reader.scalar("share")))


def opening_fails(claim: Claim) -> bool:
    reveal = claim.broadcast(RevealMsg, 2)
    return commit(claim.header, claim.culprit, reveal) != claim.broadcast(CommitMsg, 1).V


def share_fails(claim: Claim) -> bool:
    receiver = claim.receiver
    share = SecretScalars.from_bytes(claim.direct(ShareMsg, 2, receiver).share)
    return not claim.broadcast(RevealMsg, 2).commitment.opens_to(share, receiver)


TOSS = ProtocolSpec(
    name="toss",
    version=1,
    messages={
        (1, Kind.BROADCAST): MessageType(lambda header: 32, CommitMsg.read),
        (2, Kind.BROADCAST): MessageType(lambda header: 32 + 33 * threshold(header), RevealMsg.read),
        (2, Kind.DIRECT): MessageType(lambda header: 32, ShareMsg.read),
    },
    checks={"opening": opening_fails, "share": share_fails},
    echoed=frozenset({1}),
)


@dataclass(frozen=True, slots=True)
class CollectCommits(Round[bytes]):
    number: ClassVar[int] = 1
    polynomial: SecretScalars
    reveal: RevealMsg

    def secrets(self) -> tuple[Secret, ...]:
        return (self.polynomial,)

    def finish(self, inbox: Inbox) -> Continue[bytes]:
        parties = inbox.session.header.parties
        shares = deal(self.polynomial, parties)
        outgoing = [Outgoing(2, self.reveal)]
        for at, j in enumerate(parties):
            if j != inbox.session.me:
                outgoing.append(Outgoing(2, ShareMsg(shares.slice(at, 1).declassify()), j))
        return Continue(CollectReveals(self.polynomial, self.reveal.coin), outgoing)


@dataclass(frozen=True, slots=True)
class CollectReveals(Round[bytes]):
    number: ClassVar[int] = 2
    polynomial: SecretScalars
    coin: bytes

    def secrets(self) -> tuple[Secret, ...]:
        return (self.polynomial,)

    def finish(self, inbox: Inbox) -> Done[bytes]:
        me, faults = inbox.session.me, inbox.faults()
        reveals = inbox.broadcasts(RevealMsg)
        for j in inbox.senders:
            reveal = Slot.broadcast(2, j)
            faults.test(j, "opening", Slot.broadcast(1, j), reveal)
            faults.test(j, "share", reveal, Slot.direct(2, j, me))
        faults.close()
        coins = {me: self.coin, **{j: reveal.coin for j, reveal in reveals.items()}}
        return Done(sha256(b"".join(coins[j] for j in sorted(coins))).digest())


def host_key(party: int) -> SecretScalars:
    return SecretScalars.from_bytes(sha256(b"host key %d" % party).digest())


def roster(n: int, coordinator: int | None = None) -> Roster:
    key = None if coordinator is None else xonly_key(host_key(coordinator))
    return Roster(tuple(xonly_key(host_key(i)) for i in range(n)), key)


def header(n: int = 3, t: int = 2, session: bytes = b"session") -> Header:
    parties = tuple(PartyId(i) for i in range(n))
    return Header(
        TOSS.name, TOSS.version, SessionId(sha256(session).digest()), roster(n).digest, parties, bytes([t])
    )


def session(me: int, head: Header | None = None) -> Session:
    head = head or header()
    return Session(TOSS, head, roster(len(head.parties)), PartyId(me), host_key(me))


def opening(place: Session) -> Continue[bytes]:
    seed = SecretSeed.from_bytes(sha256(b"seed %d" % place.me).digest())
    polynomial = random_scalars(threshold(place.header), seed)
    reveal = RevealMsg(sha256(b"coin %d" % place.me).digest(), Commitment.of(polynomial))
    V = commit(place.header, place.me, reveal)
    return Continue(CollectCommits(polynomial, reveal), [Outgoing(1, CommitMsg(V))])


def openings(head: Header | None = None) -> Mapping[PartyId, tuple[Session, Continue[bytes]]]:
    head = head or header()
    places = {party: session(party, head) for party in head.parties}
    return {party: (place, opening(place)) for party, place in places.items()}
