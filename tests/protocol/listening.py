"""A network that keeps what it carries, for those who try to make evidence of it."""

from protocol.driver import Tamper
from protocol.ids import PartyId
from protocol.signed import SignedMessage, Slot, read_envelope


def recording() -> tuple[Tamper, dict[Slot, SignedMessage]]:
    """A network that changes nothing, and every message that it will have carried."""
    messages: dict[Slot, SignedMessage] = {}

    def keep(sender: PartyId, receiver: PartyId, envelope: bytes) -> tuple[bytes]:
        _, message = read_envelope(envelope, sender, receiver)
        messages[message.slot] = message
        return (envelope,)

    return Tamper(intercept=keep), messages
