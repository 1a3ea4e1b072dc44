"""Evidence: a fault that anybody who has the roster can re-check, without trust in who reports it.

It discloses the messages that it consists of, direct ones included: their session has failed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Self

from native.errors import NativeError
from protocol.codec import Reader, Writer, decode
from protocol.echo import read_echo
from protocol.errors import EncodingError, FaultyCoordinatorError, FaultyPartyError, MpcError, UsageError
from protocol.header import NAME_LIMIT, Header
from protocol.ids import COORDINATOR, PartyId
from protocol.roster import Roster
from protocol.signed import Kind, SignedDigest, SignedMessage
from protocol.spec import ECHO, ENCODING, EQUIVOCATION, SIZE, UNEXPECTED, Claim, ProtocolSpec

MAX_EVIDENCE: Final = 1 << 26  # bytes


@dataclass(frozen=True, slots=True)
class Evidence:
    """One party's failure of one check.

    Args:
        header: the session.
        culprit: who is at fault.
        check: the name of the check that it failed.
        messages: the signed messages that the check looks at, ascending by slot, each slot once.
        digests: for equivocation only, what the culprit signed twice for one slot, ascending by digest.

    Raises:
        UsageError: messages or digests are not in their order.
    """

    header: Header
    culprit: PartyId
    check: str
    messages: tuple[SignedMessage, ...] = ()
    digests: tuple[SignedDigest, ...] = ()

    def __post_init__(self) -> None:
        slots = [message.slot for message in self.messages]
        if slots != sorted(set(slots)):
            raise UsageError("the messages of an evidence are ascending, each slot once")
        digests = [signed.digest for signed in self.digests]
        if digests != sorted(set(digests)):
            raise UsageError("the digests of an evidence are ascending and distinct")

    def holds(self, roster: Roster, specs: Mapping[str, ProtocolSpec]) -> bool:
        """Tell whether the culprit is proved to be at fault.

        Args:
            roster: the host keys, known from elsewhere.
            specs: the protocols that are understood, by name.

        Returns:
            Whether all signatures hold, the culprit signed a message, and the check finds the fault.
        """
        spec = specs.get(self.header.protocol)
        if spec is None or spec.version != self.header.version or roster.digest != self.header.roster:
            return False
        # signatures take time, and whoever gives evidence may be the culprit
        if len(self.messages) > spec.most_messages(self.header):
            return False
        try:
            return self._signed(roster) and _fault_found(self, spec, roster)
        except (MpcError, NativeError):
            return False

    def _signed(self, roster: Roster) -> bool:
        signed = [*self.digests, *(message.signed_digest for message in self.messages)]
        return (
            all(self.header.takes_part(item.slot.sender) for item in signed)
            and any(item.slot.sender == self.culprit for item in signed)
            and all(item.holds(self.header, roster) for item in signed)
        )

    def __bytes__(self) -> bytes:
        """Return the canonical encoding."""
        writer = Writer().fixed(header := bytes(self.header), len(header))
        writer.unsigned(self.culprit, 4).text(self.check, NAME_LIMIT)
        writer.unsigned(len(self.messages), 2).items(self.messages, _write)
        return bytes(writer.unsigned(len(self.digests), 1).items(self.digests, _write))

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read evidence; it proves nothing before holds() says so.

        Raises:
            EncodingError: data is not the encoding of evidence.
        """
        return decode(data, MAX_EVIDENCE, cls._read)

    @classmethod
    def _read(cls, reader: Reader) -> Self:
        header, culprit = Header.read(reader), PartyId(reader.unsigned("culprit", 4))
        check, count = reader.text("check", NAME_LIMIT), reader.unsigned("messages", 2)
        messages = reader.items("message", count, lambda source, _: SignedMessage.read(source))
        count = reader.unsigned("digests", 1)
        digests = reader.items("digest", count, lambda source, _: SignedDigest.read(source))
        try:
            return cls(header, culprit, check, messages, digests)
        except UsageError as e:
            raise EncodingError("messages", str(e)) from e


def blame(proofs: Iterable[Evidence]) -> FaultyPartyError | FaultyCoordinatorError:
    """Return the error that the evidence of one round proves: the coordinator's if no party is at fault."""
    ordered = sorted(proofs, key=lambda proof: proof.culprit)
    if all(proof.culprit == COORDINATOR for proof in ordered):
        return FaultyCoordinatorError(ordered[0].check, ordered)
    return FaultyPartyError({proof.culprit: proof.check for proof in ordered}, ordered)


def equivocation(header: Header, a: SignedDigest, b: SignedDigest) -> Evidence:
    """Return the evidence that the sender of two different messages signed both for one slot."""
    first, second = sorted((a, b), key=lambda signed: signed.digest)
    return Evidence(header, a.slot.sender, EQUIVOCATION, digests=(first, second))


def _write(writer: Writer, item: SignedMessage | SignedDigest) -> None:
    data = bytes(item)
    writer.fixed(data, len(data))


def _fault_found(evidence: Evidence, spec: ProtocolSpec, roster: Roster) -> bool:
    """Run the check; the signatures hold."""
    if evidence.check == EQUIVOCATION:
        # the digests are distinct already
        slots = {signed.slot for signed in evidence.digests}
        return not evidence.messages and len(evidence.digests) == 2 and len(slots) == 1
    if evidence.digests:
        return False
    if evidence.check in spec.checks:
        messages = {message.slot: message for message in evidence.messages}
        claim = Claim(spec, evidence.header, roster, evidence.culprit, messages)
        return _received(claim) and spec.checks[evidence.check](claim)
    if len(evidence.messages) != 1:
        return False
    return single_fault(evidence.messages[0], evidence.header, spec, roster) == evidence.check


def _received(claim: Claim) -> bool:
    """Tell whether the culprit's echoes say that it received these broadcasts of others, in echoed rounds."""
    echoes = {
        slot.round: read_echo(claim.messages[slot], claim.header)
        for slot in claim.spec.binding_echoes(claim.culprit, claim.messages)
        if slot in claim.messages
    }
    for slot, message in claim.messages.items():
        if claim.spec.binding_echoes(claim.culprit, [slot]):
            received = echoes.get(slot.round, {}).get(slot.sender)
            if received is None or received.digest != message.signed_digest.digest:
                return False
    return True


def single_fault(message: SignedMessage, header: Header, spec: ProtocolSpec, roster: Roster) -> str | None:
    """Return the name of the engine's check that a message fails by itself, or None; its signature holds."""
    if not spec.allows(message.slot):
        return UNEXPECTED
    if len(message.body) != spec.size(message.slot, header):
        return SIZE
    if message.slot.kind is Kind.ECHO:
        entries = read_echo(message, header).values()
        return None if all(entry.holds(header, roster) for entry in entries) else ECHO
    try:
        spec.decode(message, header)
    except EncodingError:
        return ENCODING
    return None
