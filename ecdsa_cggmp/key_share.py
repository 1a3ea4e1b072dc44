"""One party's share of a threshold ECDSA key."""

from dataclasses import dataclass, field
from typing import Final, Self

from native.curve import mul_base
from native.errors import RangeError
from native.secret import SecretScalars
from protocol.codec import Reader, Writer, decode
from protocol.errors import EncodingError, UsageError
from protocol.ids import MAX_PARTIES, Epoch, PartyId, party_id
from protocol.resharing.plan import Sharing
from protocol.vss import on_polynomial, place

CHAIN_CODE_SIZE: Final = 32
_PUBLIC_LIMIT: Final = 43 + 33 * MAX_PARTIES + 1 + CHAIN_CODE_SIZE  # bytes


@dataclass(frozen=True, slots=True, eq=False)
class KeyShare:
    """What one party holds of a key.

    Args:
        sharing: the public side: key X, threshold, public shares X_j, epoch.
        party: the holder.
        secshare: its secret share x_i, one scalar, whose public share is the one in sharing.
        chain_code: 32 bytes, equal at every party; public, but whoever has it links all addresses.

    Raises:
        UsageError: a value does not fit the others.

    Security:
        Shares of one epoch must never meet those of another: delete the old one after a refresh.
    """

    sharing: Sharing
    party: PartyId
    secshare: SecretScalars
    chain_code: bytes = field(repr=False)

    def __post_init__(self) -> None:
        party_id(self.party, self.sharing.n)
        if len(self.chain_code) != CHAIN_CODE_SIZE:
            raise UsageError("the chain code takes 32 bytes")
        if self.secshare.count != 1:
            raise UsageError("the secret share is one scalar")
        try:
            pubshare = mul_base(self.secshare)[0]
        except RangeError as e:
            raise UsageError("the secret share is out of range") from e
        if pubshare != self.sharing.pubshares[self.party]:
            raise UsageError("the secret share does not match the party's public share")


@dataclass(frozen=True, slots=True)
class PublicShare:
    """A key share without its secret, for storage.

    Args:
        sharing: the public side.
        party: the holder.
        chain_code: 32 bytes.
    """

    sharing: Sharing
    party: PartyId
    chain_code: bytes = field(repr=False)

    @classmethod
    def of(cls, share: KeyShare) -> Self:
        """Return the public part of a share."""
        return cls(share.sharing, share.party, share.chain_code)

    @property
    def key(self) -> bytes:
        """The key X, 33 bytes."""
        return bytes(self.sharing.key)

    @property
    def epoch(self) -> Epoch:
        """Which shares of the key these are."""
        return self.sharing.epoch

    def with_secshare(self, secshare: SecretScalars) -> KeyShare:
        """Return the share.

        Raises:
            UsageError: the secret share does not match.
        """
        return KeyShare(self.sharing, self.party, secshare, self.chain_code)

    def __bytes__(self) -> bytes:
        """Return 76 + 33 n bytes."""
        writer = Writer().fixed(public := bytes(self.sharing), len(public)).unsigned(self.party, 1)
        return bytes(writer.fixed(self.chain_code, CHAIN_CODE_SIZE))

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read what __bytes__ wrote; any t public shares in it give the key.

        Raises:
            EncodingError: it is not the encoding of a share.
        """
        return decode(data, _PUBLIC_LIMIT, cls._read)

    @classmethod
    def _read(cls, reader: Reader) -> Self:
        sharing = Sharing.read(reader)
        party = PartyId(reader.unsigned("party", 1, below=sharing.n))
        # the key is the value at place 0
        places = [0, *(place(PartyId(i)) for i in range(sharing.n))]
        if not on_polynomial(sharing.t, places, [sharing.key, *sharing.pubshares]):
            raise EncodingError("public share", "not on one polynomial with the key")
        return cls(sharing, party, reader.fixed("chain code", CHAIN_CODE_SIZE))
