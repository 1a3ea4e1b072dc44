"""Handing over from old shares to new ones, so that a crash or a liar never leaves anybody without.

1. Resharing gives every party a Pending. It stores that beside the old share, and only then confirms.
2. The confirmations of all parties are the certificate. Whoever has it passes it on.
3. With the certificate stored, and not before, the new share is used and the old one deleted.

An unfinished handover may be followed by another one with a higher epoch. Nobody deletes what it confirmed
before it holds a certificate, and the certificate with the highest epoch wins: all honest parties end at it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar, Final, Generic, Self, TypeVar

from native.entropy import random_bytes
from native.hashing import tagged_hash
from native.schnorr import sign_bip340, xonly_key
from native.secret import SecretScalars
from native.verify import failed_bip340
from protocol.codec import Reader, Writer, decode
from protocol.errors import FaultyPartyError, UnattributedAbort, UsageError
from protocol.header import Header
from protocol.ids import MAX_PARTIES, Epoch, PartyId
from protocol.resharing.plan import Plan, Sharing
from protocol.resharing.rounds import Dealt, Ending, new_sharing
from protocol.roster import Roster
from protocol.round import Done, Inbox
from protocol.signed import SIGNATURE_SIZE

S = TypeVar("S")

_DIGEST_SIZE: Final = 32
_CERTIFICATE_LIMIT: Final = _DIGEST_SIZE + 1 + SIGNATURE_SIZE * MAX_PARTIES


@dataclass(frozen=True, slots=True)
class Certificate:
    """That all parties have stored what a handover gave them.

    Args:
        agreement: what they signed, 32 bytes.
        confirmations: 64 bytes of each party of the session, in the order of their ids.
    """

    agreement: bytes
    confirmations: tuple[bytes, ...]

    def __bytes__(self) -> bytes:
        """Return 33 + 64 p bytes for p parties."""
        writer = Writer().fixed(self.agreement, _DIGEST_SIZE).unsigned(len(self.confirmations), 1)
        return bytes(writer.items(self.confirmations, lambda out, item: out.fixed(item, SIGNATURE_SIZE)))

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read a certificate, which is not verified.

        Raises:
            EncodingError: data is not the encoding of one.
        """
        return decode(data, _CERTIFICATE_LIMIT, cls._read)

    @classmethod
    def _read(cls, reader: Reader) -> Self:
        agreement, count = reader.fixed("agreement", _DIGEST_SIZE), reader.unsigned("confirmations", 1)
        return cls(
            agreement,
            reader.items("confirmation", count, lambda source, name: source.fixed(name, SIGNATURE_SIZE)),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Pending(Generic[S]):
    """What a party holds between resharing and the certificate.

    Args:
        header: the session.
        roster: its host keys.
        sharing: the public side of the new shares.
        share: the own new share; None for a party that leaves.

    Security:
        Not to be used before the certificate is there: others may still go back to the old shares.
    """

    header: Header = field(repr=False)
    roster: Roster = field(repr=False)
    sharing: Sharing
    share: S | None
    agreement: bytes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        agreement = tagged_hash("mpcwallet/handover", self.header.digest, bytes(self.sharing))
        object.__setattr__(self, "agreement", agreement)

    @property
    def old_epoch(self) -> Epoch:
        """The epoch of the shares that it was made from."""
        return Plan.of(self.header).old.epoch

    def confirm(self, host_key: SecretScalars) -> bytes:
        """Confirm that this is stored.

        Args:
            host_key: the own host key.

        Returns:
            64 bytes for all other parties.

        Raises:
            UsageError: the key is no party's.

        Security:
            Keep what is confirmed until a certificate replaces it: others may already have deleted.
        """
        if xonly_key(host_key) not in self._keys():
            raise UsageError("the host key is of no party of the session")
        return sign_bip340(host_key, self.agreement, random_bytes(32))

    def certify(self, confirmations: Mapping[PartyId, bytes]) -> Certificate:
        """Put the confirmations together.

        Args:
            confirmations: 64 bytes of each party, the own one included.

        Returns:
            The certificate.

        Raises:
            UsageError: there is not one confirmation of each party.
            FaultyPartyError: those of the named parties do not hold.
        """
        parties = self.header.parties
        if set(confirmations) != set(parties):
            raise UsageError("a handover needs one confirmation of each party")
        failed = [party for party in parties if len(confirmations[party]) != SIGNATURE_SIZE]
        failed = failed or self._failed(tuple(confirmations[party] for party in parties))
        if failed:
            raise FaultyPartyError(dict.fromkeys(failed, "confirmation"))
        return Certificate(self.agreement, tuple(confirmations[party] for party in parties))

    def certified_by(self, certificate: Certificate) -> bool:
        """Tell whether a certificate is of this handover and holds."""
        if certificate.agreement != self.agreement:
            return False
        confirmations = certificate.confirmations
        return len(confirmations) == len(self.header.parties) and not self._failed(confirmations)

    def _failed(self, confirmations: tuple[bytes, ...]) -> list[PartyId]:
        messages = [self.agreement] * len(confirmations)
        return [self.header.parties[i] for i in failed_bip340(confirmations, messages, self._keys())]

    def _keys(self) -> list[bytes]:
        return [self.roster.key(party) for party in self.header.parties]


@dataclass(frozen=True, slots=True, eq=False)
class Holding(Generic[S]):
    """What a party holds of a secret, to be stored as a whole whenever it changes.

    The share to use is share; what a new Holding no longer contains is to be deleted when that is stored.

    Args:
        epoch: the epoch of the share.
        share: the own share; None if the party has none.
        pending: unfinished handovers, their epochs ascending and above that of the share.
    """

    epoch: Epoch
    share: S | None
    pending: tuple[Pending[S], ...] = ()

    def prepare(self, pending: Pending[S]) -> "Holding[S]":
        """Take a handover in; store the result before confirming.

        Raises:
            UsageError: it is made from shares of another epoch, or does not go beyond what was confirmed.
        """
        if pending.old_epoch != self.epoch:
            raise UsageError("the handover starts from another epoch")
        if self.pending and pending.sharing.epoch <= self.pending[-1].sharing.epoch:
            raise UsageError("another handover needs a higher epoch than every one before")
        return replace(self, pending=(*self.pending, pending))

    def activate(self, certificate: Certificate) -> "Holding[S]":
        """Go over to new shares; the result no longer contains the old one.

        Args:
            certificate: from anybody.

        Returns:
            What to store; the old shares are to be deleted with it.

        Raises:
            UnattributedAbort: the certificate is of no handover that this party knows, or does not hold.
        """
        for i, pending in enumerate(self.pending):
            if pending.certified_by(certificate):
                return Holding(pending.sharing.epoch, pending.share, self.pending[i + 1 :])
        raise UnattributedAbort("certificate")


@dataclass(frozen=True, slots=True, eq=False)
class Handover(Ending[Pending[S]], Generic[S]):
    """End with new shares of the secret.

    Args:
        keep: makes the scheme's share of public side, new id and secret one.
    """

    repairs: ClassVar[bool] = False
    keep: Callable[[Sharing, PartyId, SecretScalars], S]

    def go_on(self, inbox: Inbox, dealt: Dealt) -> Done[Pending[S]]:
        """Return what to store."""
        session = inbox.session
        plan = Plan.of(session.header)
        sharing, new_id = new_sharing(plan, dealt), plan.new_id(session.me)
        share = None if new_id is None or dealt.share is None else self.keep(sharing, new_id, dealt.share)
        return Done(Pending(session.header, session.roster, sharing, share))
