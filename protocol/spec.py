"""What is known of a protocol before any session: its messages by round and the checks that prove faults.

A check runs in two places, live in a session and in the hands of a third party, from the same signed
messages: what is blamed can be proved.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

from protocol.codec import Reader, decode
from protocol.echo import ENTRY_SIZE
from protocol.errors import EncodingError, UsageError
from protocol.header import Header
from protocol.ids import PartyId
from protocol.roster import Roster
from protocol.signed import Kind, SignedMessage, Slot

M = TypeVar("M")

# Checks of the engine itself, which a protocol cannot redefine.
EQUIVOCATION: Final = "equivocation"
UNEXPECTED: Final = "unexpected"
SIZE: Final = "size"
ENCODING: Final = "encoding"
ECHO: Final = "echo"
ENGINE_CHECKS: Final = frozenset({EQUIVOCATION, UNEXPECTED, SIZE, ENCODING, ECHO})


@dataclass(frozen=True, slots=True)
class MessageType(Generic[M]):
    """How the messages of one slot are read.

    Args:
        size: the exact number of bytes in a session with the given header.
        read: reads a message; raises EncodingError.
    """

    size: Callable[[Header], int]
    read: Callable[[Reader, Header], M]


@dataclass(frozen=True, slots=True)
class Claim:
    """That a culprit is at fault, with the messages that a check may look at; their signatures hold.

    Args:
        spec: the protocol.
        header: the session.
        roster: the host keys.
        culprit: who is said to be at fault.
        messages: the signed messages by their slots.
    """

    spec: "ProtocolSpec"
    header: Header
    roster: Roster
    culprit: PartyId
    messages: Mapping[Slot, SignedMessage]

    def broadcast(self, cls: type[M], number: int, sender: PartyId | None = None) -> M:
        """Return the broadcast of a round, of the culprit unless another sender is given.

        Raises:
            EncodingError: the claim does not have it, or it is malformed.
        """
        sender = self.culprit if sender is None else sender
        return self._read(cls, Slot.broadcast(number, sender))

    def direct(self, cls: type[M], number: int, receiver: PartyId, sender: PartyId | None = None) -> M:
        """Return the direct message of a round to a receiver, of the culprit unless another sender is given.

        Raises:
            EncodingError: the claim does not have it, or it is malformed.
        """
        sender = self.culprit if sender is None else sender
        return self._read(cls, Slot.direct(number, sender, receiver))

    @property
    def receiver(self) -> PartyId:
        """Who got the culprit's direct message in the claim.

        Raises:
            EncodingError: there is not exactly one such message.
        """
        direct = [s for s in self.messages if s.kind is Kind.DIRECT and s.sender == self.culprit]
        if len(direct) != 1:
            raise EncodingError("evidence", "one direct message of the culprit is needed")
        return direct[0].receiver

    def _read(self, cls: type[M], slot: Slot) -> M:
        if slot not in self.messages:
            raise EncodingError("evidence", "a message is missing")
        value = self.spec.decode(self.messages[slot], self.header)
        if not isinstance(value, cls):
            raise UsageError(f"{self.spec.name}: {cls.__name__} is not a message of that slot")
        return value


# Tells whether the culprit is at fault; it must say the same whoever asks. May raise EncodingError for False.
Check = Callable[[Claim], bool]


@dataclass(frozen=True, slots=True)
class ProtocolSpec:
    """A protocol, as far as it is the same in all of its sessions.

    Args:
        name: printable ASCII.
        version: 0..65535; two versions do not understand each other.
        messages: for each round and kind, what is sent; DIRECT and BROADCAST only.
        checks: the protocol's own checks by name.
        echoed: the rounds whose broadcasts all parties compare before any of them goes on.

    Raises:
        UsageError: a check has a name of the engine's, or an echoed round has no broadcast.
    """

    name: str
    version: int
    messages: Mapping[tuple[int, Kind], MessageType[Any]]
    checks: Mapping[str, Check] = field(default_factory=dict)
    echoed: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        if ENGINE_CHECKS & self.checks.keys():
            raise UsageError(f"{self.name}: a check has a name of the engine's")
        if any((number, Kind.BROADCAST) not in self.messages for number in self.echoed):
            raise UsageError(f"{self.name}: a round without broadcast cannot be echoed")
        if any(kind is Kind.ECHO for _, kind in self.messages):
            raise UsageError(f"{self.name}: echoes are the engine's")

    def kinds(self, number: int) -> tuple[Kind, ...]:
        """Return the kinds of messages that a round consists of, without its echo."""
        return tuple(kind for kind in (Kind.BROADCAST, Kind.DIRECT) if (number, kind) in self.messages)

    def allows(self, slot: Slot) -> bool:
        """Tell whether the protocol has messages of this round and kind."""
        if slot.kind is Kind.ECHO:
            return slot.round in self.echoed
        return (slot.round, slot.kind) in self.messages

    def binding_echoes(self, culprit: PartyId, slots: Iterable[Slot]) -> tuple[Slot, ...]:
        """Return the echoes in which a culprit signed which broadcasts of others it received.

        Evidence that rests on what another party broadcast holds only with them: a party that signs a second
        message, for third parties to see, could otherwise make an honest answer to its first look wrong.

        Args:
            culprit: who is said to be at fault.
            slots: the messages that a check looks at.
        """
        rounds = {slot.round for slot in slots if slot.kind is Kind.BROADCAST and slot.sender != culprit}
        return tuple(Slot(number, Kind.ECHO, culprit) for number in sorted(rounds & self.echoed))

    def most_messages(self, header: Header) -> int:
        """Return the most messages of evidence: one of each round and kind by each party or coordinator."""
        return (len(self.messages) + len(self.echoed)) * (len(header.parties) + 1)

    def size(self, slot: Slot, header: Header) -> int:
        """Return the exact size of a body in bytes; the slot must be allowed."""
        if slot.kind is Kind.ECHO:
            return ENTRY_SIZE * len(header.parties)
        return self.messages[slot.round, slot.kind].size(header)

    def decode(self, message: SignedMessage, header: Header) -> object:
        """Read a body.

        Raises:
            EncodingError: the round has no such message, or this is not the encoding of one.
        """
        entry = self.messages.get((message.slot.round, message.slot.kind))
        if entry is None:
            raise EncodingError("slot", "the protocol has no such message")
        return decode(message.body, entry.size(header), lambda reader: entry.read(reader, header))
