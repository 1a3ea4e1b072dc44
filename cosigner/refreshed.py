"""A refresh of a wallet's keys: the new public shares, and the proof that all parties have sealed theirs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

from ecdsa_cggmp.resharing import RESHARING as ECDSA_RESHARING
from frost_bip340.resharing import RESHARING as FROST_RESHARING
from protocol.codec import Reader, Writer, decode
from protocol.errors import EncodingError, UnattributedAbort
from protocol.header import HEADER_LIMIT, Header
from protocol.ids import MAX_PARTIES, Epoch, PartyId
from protocol.resharing.handover import Certificate, Pending
from protocol.resharing.plan import Sharing
from protocol.roster import Roster
from protocol.signed import SIGNATURE_SIZE
from protocol.spec import ProtocolSpec

# of the keys by TAPROOT_ACCOUNT and SEGWIT_ACCOUNT
SPECS: Final[tuple[ProtocolSpec, ...]] = FROST_RESHARING, ECDSA_RESHARING

_CERTIFICATE_LIMIT: Final = 33 + SIGNATURE_SIZE * MAX_PARTIES
_LIMIT: Final = 1 << 18  # bytes: two keys of 128 parties take a quarter


@dataclass(frozen=True, slots=True)
class NewSharing:
    """New shares of one key.

    Args:
        header: of the session that made them.
        sharing: their public side.
        certificate: that all parties have stored theirs.
    """

    header: Header
    sharing: Sharing
    certificate: Certificate


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What anybody can show of a refresh, to whoever knows the host keys of the parties.

    Args:
        keys: the new shares of each key, in the order of the accounts.
    """

    keys: tuple[NewSharing, ...]

    @property
    def epoch(self) -> Epoch:
        """The epoch of the new shares, the same for all keys."""
        return self.keys[0].sharing.epoch

    def check(self, host_keys: Sequence[bytes], accounts: int) -> None:
        """Check that all parties have stored what this says.

        Args:
            host_keys: x-only, of all parties.
            accounts: how many keys the wallet has.

        Raises:
            UnattributedAbort: they have not, or it is of other keys.
        """
        roster = Roster(tuple(host_keys))
        everybody = tuple(map(PartyId, range(roster.n)))
        if len(self.keys) != accounts or len({new.sharing.epoch for new in self.keys}) != 1:
            raise UnattributedAbort("the refresh is not of all keys of the wallet")
        for new, spec in zip(self.keys, SPECS, strict=False):
            header = new.header
            expected = spec.name, spec.version, roster.digest, everybody
            if (header.protocol, header.version, header.roster, header.parties) != expected:
                raise UnattributedAbort("the refresh is not one of all parties of the wallet")
            if not Pending(header, roster, new.sharing, None).certified_by(new.certificate):
                raise UnattributedAbort("not all parties have confirmed the refresh")

    def __bytes__(self) -> bytes:
        """Return the encoding: the number of keys, and of each header, sharing and certificate."""
        return bytes(Writer().unsigned(len(self.keys), 1).items(self.keys, _write))

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read what __bytes__ wrote; nothing in it is checked.

        Raises:
            EncodingError: data is not the encoding of a refresh.
        """
        return cls(decode(data, _LIMIT, _read_keys))


def _write(writer: Writer, new: NewSharing) -> None:
    writer.bytes_of(bytes(new.header), HEADER_LIMIT)
    sharing = bytes(new.sharing)
    writer.fixed(sharing, len(sharing)).bytes_of(bytes(new.certificate), _CERTIFICATE_LIMIT)


def _read_keys(reader: Reader) -> tuple[NewSharing, ...]:
    count = reader.unsigned("keys", 1, below=len(SPECS) + 1)
    if not count:
        raise EncodingError("keys", "there is none")
    return reader.items("key", count, _read)


def _read(reader: Reader, field: str) -> NewSharing:
    header = decode(reader.bytes_of(f"{field} header", HEADER_LIMIT), HEADER_LIMIT, Header.read)
    sharing = Sharing.read(reader)
    return NewSharing(
        header, sharing, Certificate.from_bytes(reader.bytes_of(f"{field} certificate", _CERTIFICATE_LIMIT))
    )
