"""Messages signed by their sender, so that a blame can be proved to a third party.

The signature covers the digest of the body, not the body: an echo or a proof of equivocation stays small,
however large the messages are.
"""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final, Self

from native.hashing import tagged_hash
from native.verify import verify_bip340
from protocol.codec import Reader, Writer
from protocol.errors import EncodingError, UsageError
from protocol.header import Header
from protocol.ids import EVERYBODY, SESSION_ID_SIZE, PartyId, RoundNumber, SessionId
from protocol.roster import Roster

SIGNATURE_SIZE: Final = 64
DIGEST_SIZE: Final = 32
ENVELOPE_OVERHEAD: Final = SESSION_ID_SIZE + 2 + 1 + SIGNATURE_SIZE
MAX_BODY: Final = 1 << 22  # what a node is ready to hash for a peer


class Kind(IntEnum):
    """Who gets a message of a round."""

    BROADCAST = 1  # the same for everybody
    DIRECT = 2  # for one receiver
    ECHO = 3  # for everybody: what its sender received as broadcasts of the round


@dataclass(frozen=True, slots=True, order=True)
class Slot:
    """The place of a message in a session; an honest sender signs one message for it.

    Args:
        round: number of the round, 0..65535.
        kind: who gets it.
        sender: who signs it.
        receiver: who gets it: one party if it is direct, else EVERYBODY.

    Raises:
        UsageError: kind and receiver do not fit.
    """

    round: RoundNumber
    kind: Kind
    sender: PartyId
    receiver: PartyId = EVERYBODY

    def __post_init__(self) -> None:
        if (self.kind is Kind.DIRECT) != (self.receiver != EVERYBODY):
            raise UsageError("a direct message has one receiver, another none")

    @classmethod
    def broadcast(cls, number: int, sender: PartyId) -> Self:
        """Return the slot of a round's broadcast."""
        return cls(RoundNumber(number), Kind.BROADCAST, sender)

    @classmethod
    def direct(cls, number: int, sender: PartyId, receiver: PartyId) -> Self:
        """Return the slot of a round's message to one receiver."""
        return cls(RoundNumber(number), Kind.DIRECT, sender, receiver)

    def __bytes__(self) -> bytes:
        """Return 11 bytes."""
        writer = Writer().unsigned(self.round, 2).unsigned(self.kind, 1)
        return bytes(writer.unsigned(self.sender, 4).unsigned(self.receiver, 4))

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """Read a slot."""
        number, kind = RoundNumber(reader.unsigned("round", 2)), read_kind(reader)
        sender, receiver = PartyId(reader.unsigned("sender", 4)), PartyId(reader.unsigned("receiver", 4))
        try:
            return cls(number, kind, sender, receiver)
        except UsageError as e:
            raise EncodingError("receiver", str(e)) from e


def read_kind(reader: Reader) -> Kind:
    """Read the kind of a message."""
    number = reader.unsigned("kind", 1)
    if number not in (Kind.BROADCAST, Kind.DIRECT, Kind.ECHO):
        raise EncodingError("kind", "unknown")
    return Kind(number)


@dataclass(frozen=True, slots=True)
class SignedDigest:
    """A message of which only the digest of the body is known.

    Args:
        slot: where it belongs.
        digest: digest of the body, 32 bytes.
        signature: the sender's, 64 bytes.
    """

    slot: Slot
    digest: bytes
    signature: bytes

    def holds(self, header: Header, roster: Roster) -> bool:
        """Tell whether the sender in the slot signed it, for a session with this header."""
        key = roster.key(self.slot.sender)
        return verify_bip340(self.signature, signed_hash(header, self.slot, self.digest), key)

    def __bytes__(self) -> bytes:
        """Return 107 bytes."""
        return bytes(self.slot) + self.digest + self.signature

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """Read a signed digest."""
        slot = Slot.read(reader)
        return cls(slot, reader.fixed("digest", DIGEST_SIZE), reader.fixed("signature", SIGNATURE_SIZE))


@dataclass(frozen=True, slots=True)
class SignedMessage:
    """A message as its sender signed it.

    Args:
        slot: where it belongs.
        body: its canonical encoding.
        signature: the sender's, 64 bytes.
    """

    slot: Slot
    body: bytes = field(repr=False)
    signature: bytes
    signed_digest: SignedDigest = field(init=False, repr=False)

    def __post_init__(self) -> None:
        signed = SignedDigest(self.slot, body_digest(self.body), self.signature)
        object.__setattr__(self, "signed_digest", signed)

    def envelope(self, header: Header) -> bytes:
        """Return what goes on the wire: session || round || kind || signature || body.

        Sender and receiver are those of the channel.
        """
        writer = Writer().fixed(header.session, SESSION_ID_SIZE).unsigned(self.slot.round, 2)
        return bytes(writer.unsigned(self.slot.kind, 1).fixed(self.signature, SIGNATURE_SIZE)) + self.body

    def __bytes__(self) -> bytes:
        """Return 79 bytes and the body."""
        return bytes(self.slot) + bytes(
            Writer().fixed(self.signature, SIGNATURE_SIZE).bytes_of(self.body, MAX_BODY)
        )

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """Read a signed message."""
        slot, signature = Slot.read(reader), reader.fixed("signature", SIGNATURE_SIZE)
        return cls(slot, reader.bytes_of("body", MAX_BODY), signature)


def body_digest(body: bytes) -> bytes:
    """Return what a signature says of a body, 32 bytes."""
    return tagged_hash("mpcwallet/body", body)


def signed_hash(header: Header, slot: Slot, digest: bytes) -> bytes:
    """Return the 32 bytes that a sender signs for a body in a slot of a session."""
    return tagged_hash("mpcwallet/message", header.digest, bytes(slot), digest)


def read_envelope(data: bytes, sender: PartyId, receiver: PartyId) -> tuple[SessionId, SignedMessage]:
    """Read what came over a channel; the signature is not yet verified.

    Args:
        data: the envelope.
        sender: whose channel it came over.
        receiver: who this is.

    Returns:
        The session it claims to belong to, and the message.

    Raises:
        EncodingError: it is no envelope, or longer than any message may be.
    """
    if len(data) > ENVELOPE_OVERHEAD + MAX_BODY:
        raise EncodingError("envelope", f"more than {ENVELOPE_OVERHEAD + MAX_BODY} bytes")
    reader = Reader(data)
    session = SessionId(reader.fixed("session", SESSION_ID_SIZE))
    number, kind = RoundNumber(reader.unsigned("round", 2)), read_kind(reader)
    signature = reader.fixed("signature", SIGNATURE_SIZE)
    slot = Slot(number, kind, sender, receiver if kind is Kind.DIRECT else EVERYBODY)
    return session, SignedMessage(slot, data[ENVELOPE_OVERHEAD:], signature)
