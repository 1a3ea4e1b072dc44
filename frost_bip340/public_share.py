"""A key share without its secret, and the encoding of it for storage."""

from dataclasses import dataclass
from typing import Final, Self

from frost_bip340.key_share import KeyShare, ThresholdInfo
from native.curve import Point
from native.secret import SecretScalars
from protocol.codec import Reader, Writer, decode
from protocol.errors import EncodingError, UsageError
from protocol.ids import MAX_PARTIES, PartyId

_LIMIT: Final = 8192


@dataclass(frozen=True, slots=True)
class PublicShare:
    """A key share without its secret.

    Args:
        info: what all participants know of the key.
        party: the holder.
        chain_code: 32 bytes.
        epoch: number of refreshes since key generation.
    """

    info: ThresholdInfo
    party: PartyId
    chain_code: bytes
    epoch: int

    @classmethod
    def of(cls, share: KeyShare) -> Self:
        """Return the public part of a share."""
        return cls(share.info, share.party, share.chain_code, share.epoch)

    @property
    def key(self) -> bytes:
        """The threshold public key, 33 bytes."""
        return bytes(self.info.thresh_pk)

    def with_secshare(self, secshare: SecretScalars) -> KeyShare:
        """Return the share.

        Raises:
            UsageError: the secret share does not match.
        """
        return KeyShare(self.info, self.party, secshare, self.chain_code, self.epoch)

    def __bytes__(self) -> bytes:
        """Return 80 bytes, one more per participant and 33 more per known public share."""
        info = self.info
        writer = Writer().unsigned(info.t, 1).unsigned(info.n, 1).point(info.thresh_pk)
        writer.items(info.pubshares, _write_pubshare).unsigned(self.party, 4)
        return bytes(writer.fixed(self.chain_code, 32).unsigned(self.epoch, 8))

    @classmethod
    def from_bytes(cls, data: bytes) -> "PublicShare":
        """Read what __bytes__ wrote, with all checks of ThresholdInfo.

        Raises:
            EncodingError: it is not the encoding of a share.
        """

        def read(reader: Reader) -> "PublicShare":
            t, n = reader.unsigned("t", 1), reader.unsigned("n", 1, below=MAX_PARTIES + 1)
            key = reader.point("thresh_pk")
            pubshares = reader.items("pubshare", n, _read_pubshare)
            party = PartyId(reader.unsigned("party", 4, below=n))
            try:
                info = ThresholdInfo(t, key, pubshares)
            except UsageError as e:
                raise EncodingError("pubshares", str(e)) from e
            return cls(info, party, reader.fixed("chain code", 32), reader.unsigned("epoch", 8))

        return decode(data, _LIMIT, read)


def _write_pubshare(writer: Writer, pubshare: Point | None) -> None:
    writer.boolean(pubshare is not None)
    if pubshare is not None:
        writer.point(pubshare)


def _read_pubshare(reader: Reader, field: str) -> Point | None:
    return reader.point(field) if reader.boolean(field) else None
