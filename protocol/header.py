"""What all messages, challenges and proofs of one session are bound to."""

from dataclasses import dataclass, field
from typing import Final, Self

from native.hashing import tagged_hash
from protocol.codec import Reader, Writer
from protocol.errors import EncodingError, UsageError
from protocol.ids import COORDINATOR, MAX_PARTIES, SESSION_ID_SIZE, PartyId, SessionId, party_ids

NAME_LIMIT: Final = 64  # bytes of a protocol's or a check's name
PARAMS_LIMIT: Final = 1 << 20  # the largest standard transaction fits, with a presignature for each input
HEADER_LIMIT: Final = PARAMS_LIMIT + 512  # bytes of a header: name, version, session, roster, parties, params


@dataclass(frozen=True, slots=True)
class Header:
    """The public facts of a session; two parties that differ in one accept nothing from each other.

    Args:
        protocol: name of the protocol, printable ASCII.
        version: version of the protocol, 0..65535.
        session: 32 bytes, never used before.
        roster: digest of the Roster, 32 bytes.
        parties: who takes part, ascending.
        params: the protocol's own public parameters in its canonical encoding: threshold, key, epoch, ...

    Raises:
        UsageError: a value is out of range.
    """

    protocol: str
    version: int
    session: SessionId
    roster: bytes
    parties: tuple[PartyId, ...]
    params: bytes = b""
    digest: bytes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not self.parties or party_ids(self.parties, MAX_PARTIES) != self.parties:
            raise UsageError("the parties of a session are at least one, and ascending")
        object.__setattr__(self, "digest", tagged_hash("mpcwallet/session", bytes(self)))

    def takes_part(self, party: PartyId) -> bool:
        """Tell whether messages of this sender belong to the session."""
        return party == COORDINATOR or party in self.parties

    def __bytes__(self) -> bytes:
        """Return the encoding, whose length is that of its name, parties and params."""
        writer = Writer().text(self.protocol, NAME_LIMIT).unsigned(self.version, 2)
        writer.fixed(self.session, SESSION_ID_SIZE).fixed(self.roster, 32).unsigned(len(self.parties), 1)
        writer.items(self.parties, lambda out, party: out.unsigned(party, 1))
        return bytes(writer.bytes_of(self.params, PARAMS_LIMIT))

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """Read a header.

        Raises:
            EncodingError: it is not the encoding of one.
        """
        protocol, version = reader.text("protocol", NAME_LIMIT), reader.unsigned("version", 2)
        session, roster = SessionId(reader.fixed("session", SESSION_ID_SIZE)), reader.fixed("roster", 32)
        count = reader.unsigned("parties", 1)
        parties = reader.items("party", count, lambda source, name: PartyId(source.unsigned(name, 1)))
        params = reader.bytes_of("params", PARAMS_LIMIT)
        try:
            return cls(protocol, version, session, roster, parties, params)
        except UsageError as e:
            raise EncodingError("parties", str(e)) from e
