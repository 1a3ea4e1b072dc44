"""One party's place in a session: who it is there, and the key that it signs its messages with."""

from dataclasses import dataclass

from native.entropy import random_bytes
from native.schnorr import sign_bip340, xonly_key
from native.secret import SecretScalars
from protocol.errors import UsageError
from protocol.header import Header
from protocol.ids import COORDINATOR, PartyId
from protocol.roster import Roster
from protocol.signed import SignedMessage, Slot, body_digest, signed_hash
from protocol.spec import ProtocolSpec


@dataclass(frozen=True, slots=True, eq=False)
class Session:
    """A session as one party sees it.

    Args:
        spec: the protocol.
        header: the session's public facts, the same for everybody.
        roster: the host keys that the header names.
        me: the own id, or COORDINATOR.
        host_key: the own host key.

    Raises:
        UsageError: the arguments do not fit together.
    """

    spec: ProtocolSpec
    header: Header
    roster: Roster
    me: PartyId
    host_key: SecretScalars

    def __post_init__(self) -> None:
        if (self.header.protocol, self.header.version) != (self.spec.name, self.spec.version):
            raise UsageError("the header is of another protocol or version")
        if self.header.roster != self.roster.digest or self.header.parties[-1] >= self.roster.n:
            raise UsageError("the header is of another roster")
        if not self.header.takes_part(self.me):
            raise UsageError("this party does not take part")
        if xonly_key(self.host_key) != self.roster.key(self.me):
            raise UsageError("the host key is not the one in the roster")

    @property
    def peers(self) -> tuple[PartyId, ...]:
        """All parties but this one, ascending."""
        return tuple(party for party in self.header.parties if party != self.me)

    def has_peer(self, sender: PartyId) -> bool:
        """Tell whether a sender belongs to the session and is another than this party."""
        known = sender != COORDINATOR or self.roster.coordinator is not None
        return known and sender != self.me and self.header.takes_part(sender)

    def sign(self, slot: Slot, body: bytes) -> SignedMessage:
        """Sign a message.

        Args:
            slot: where it belongs.
            body: its encoding.

        Returns:
            The signed message.
        """
        hash32 = signed_hash(self.header, slot, body_digest(body))
        return SignedMessage(slot, body, sign_bip340(self.host_key, hash32, random_bytes(32)))
