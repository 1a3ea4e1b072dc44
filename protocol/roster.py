"""The roster: whose signature counts as whose; all that a third party needs to re-check evidence."""

from dataclasses import dataclass, field
from typing import Final, Self

from native.curve import lift_xs
from native.errors import NativeError
from native.hashing import tagged_hash
from protocol.codec import Reader, Writer
from protocol.errors import EncodingError, UsageError
from protocol.ids import COORDINATOR, MAX_PARTIES, PartyId

ROSTER_LIMIT: Final = 2 + 32 * (MAX_PARTIES + 1)  # bytes of a roster


@dataclass(frozen=True, slots=True)
class Roster:
    """The x-only BIP-340 host keys of all parties, and of the coordinator if it signs.

    Args:
        keys: 32 bytes per party, distinct, in the order of their ids; 1..128 of them.
        coordinator: 32 bytes; may be the key of a party that is coordinator, too.

    Raises:
        UsageError: the number of keys is wrong, one is not of a point, or two are the same.
    """

    keys: tuple[bytes, ...]
    coordinator: bytes | None = None
    digest: bytes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not 1 <= len(self.keys) <= MAX_PARTIES:
            raise UsageError(f"a roster has 1 to {MAX_PARTIES} parties")
        if len(set(self.keys)) != len(self.keys):
            raise UsageError("a host key appears twice in the roster")
        for key in self._all():
            try:
                lift_xs(key)
            except NativeError as e:
                raise UsageError("a host key of the roster is not of a point") from e
        object.__setattr__(self, "digest", tagged_hash("mpcwallet/roster", bytes(self)))

    @property
    def n(self) -> int:
        """Number of parties."""
        return len(self.keys)

    def key(self, party: PartyId) -> bytes:
        """Return the host key of a party or of the coordinator.

        Raises:
            UsageError: the roster has no such party.
        """
        if party == COORDINATOR and self.coordinator is not None:
            return self.coordinator
        if not 0 <= party < self.n:
            raise UsageError("the roster has no such party")
        return self.keys[party]

    def __bytes__(self) -> bytes:
        """Return 2 + 32 n bytes, 32 more with a coordinator."""
        writer = Writer().unsigned(self.n, 1).boolean(self.coordinator is not None)
        return bytes(writer.items(self._all(), lambda out, key: out.fixed(key, 32)))

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """Read a roster.

        Raises:
            EncodingError: it is not the encoding of one.
        """
        n, coordinated = reader.unsigned("parties", 1), reader.boolean("coordinator")
        keys = reader.items("host key", n, lambda source, name: source.fixed(name, 32))
        try:
            return cls(keys, reader.fixed("coordinator's key", 32) if coordinated else None)
        except UsageError as e:
            raise EncodingError("host keys", str(e)) from e

    def _all(self) -> tuple[bytes, ...]:
        return self.keys if self.coordinator is None else (*self.keys, self.coordinator)
