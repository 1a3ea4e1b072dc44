"""A refresh of a wallet's keys: the new public shares, and the proof that all parties have sealed theirs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

from ecdsa_cggmp.aux_info import AuxInfo
from ecdsa_cggmp.resharing import RESHARING as ECDSA_RESHARING
from frost_bip340.resharing import RESHARING as FROST_RESHARING
from native.hashing import tagged_hash
from native.verify import failed_bip340
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
        aux: that all parties have stored the same new auxiliary info; None if it stayed.
    """

    keys: tuple[NewSharing, ...]
    aux: Certificate | None = None

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
        if self.aux is not None and unconfirmed(self.aux, roster.keys):
            raise UnattributedAbort("not all parties have confirmed the auxiliary info")

    def __bytes__(self) -> bytes:
        """Return the encoding: of each key header, sharing and certificate, then that of auxiliary info."""
        writer = Writer().unsigned(len(self.keys), 1).items(self.keys, _write)
        writer.boolean(self.aux is not None)
        return bytes(writer if self.aux is None else writer.bytes_of(bytes(self.aux), _CERTIFICATE_LIMIT))

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read what __bytes__ wrote; nothing in it is checked.

        Raises:
            EncodingError: data is not the encoding of a refresh.
        """
        return cls(*decode(data, _LIMIT, _read_all))


def _write(writer: Writer, new: NewSharing) -> None:
    writer.bytes_of(bytes(new.header), HEADER_LIMIT)
    sharing = bytes(new.sharing)
    writer.fixed(sharing, len(sharing)).bytes_of(bytes(new.certificate), _CERTIFICATE_LIMIT)


def _read_all(reader: Reader) -> tuple[tuple[NewSharing, ...], Certificate | None]:
    count = reader.unsigned("keys", 1, below=len(SPECS) + 1)
    if not count:
        raise EncodingError("keys", "there is none")
    keys = reader.items("key", count, _read)
    return keys, _read_certificate(reader, "aux") if reader.boolean("aux") else None


def _read_certificate(reader: Reader, field: str) -> Certificate:
    return Certificate.from_bytes(reader.bytes_of(f"{field} certificate", _CERTIFICATE_LIMIT))


def _read(reader: Reader, field: str) -> NewSharing:
    header = decode(reader.bytes_of(f"{field} header", HEADER_LIMIT), HEADER_LIMIT, Header.read)
    sharing = Sharing.read(reader)
    return NewSharing(header, sharing, _read_certificate(reader, field))


def aux_agreement(epoch: Epoch, aux: AuxInfo) -> bytes:
    """Return what the parties confirm of new auxiliary info, 32 bytes: all of it, and for which shares."""
    publics = [bytes(public) for _, public in sorted(aux.publics.items())]
    return tagged_hash("mpcwallet/refreshed aux info", epoch.to_bytes(8, "big"), *publics)


def unconfirmed(certificate: Certificate, host_keys: Sequence[bytes]) -> list[PartyId]:
    """Return the parties, by their x-only host keys, whose confirmations in a certificate do not hold."""
    if len(certificate.confirmations) != len(host_keys):
        return list(map(PartyId, range(len(host_keys))))
    messages = [certificate.agreement] * len(host_keys)
    return [PartyId(i) for i in failed_bip340(certificate.confirmations, messages, list(host_keys))]
