"""Who takes part in a key generation (ChillDKG 0.3.0, SessionParams): host keys and threshold."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Self

from native.curve import Point, mul_base
from native.errors import LengthError, PointError, RangeError
from native.hashing import tagged_hash
from native.secret import SecretScalars
from protocol.errors import UsageError
from protocol.ids import PartyId
from protocol.vss import expect_threshold

TAG: Final = "BIP DKG/"  # prefix of all tags of ChillDKG but one


class HostPubkeyError(UsageError):
    """A host public key is malformed, or two participants have the same.

    Attributes:
        parties: the participant, or the two.
    """

    def __init__(self, parties: tuple[PartyId, ...]) -> None:
        self.parties = parties
        fault = "is not a valid point" if len(parties) == 1 else "is used twice"
        super().__init__(f"the host public key of participant {' and '.join(map(str, parties))} {fault}")


@dataclass(frozen=True, slots=True)
class SessionParams:
    """The parameters of a key generation.

    Args:
        hostpubkeys: compressed host public key of each participant, 33 bytes; all different, at most 128.
        t: threshold.

    Attributes:
        points: the host public keys.

    Raises:
        UsageError: the threshold does not fit.
        HostPubkeyError: a host public key is malformed or used twice.
    """

    hostpubkeys: tuple[bytes, ...]
    t: int
    points: tuple[Point, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        expect_threshold(self.t, self.n)
        points = []
        for i, hostpubkey in enumerate(self.hostpubkeys):
            try:
                points.append(Point.from_bytes(hostpubkey))
            except (LengthError, PointError) as e:
                raise HostPubkeyError((PartyId(i),)) from e
        first: dict[bytes, int] = {}
        for i, hostpubkey in enumerate(self.hostpubkeys):
            if first.setdefault(hostpubkey, i) != i:
                raise HostPubkeyError((PartyId(first[hostpubkey]), PartyId(i)))
        object.__setattr__(self, "points", tuple(points))

    @classmethod
    def of(cls, hostpubkeys: Sequence[bytes], t: int) -> Self:
        """Make parameters of any sequence of host public keys; as for the class."""
        return cls(tuple(hostpubkeys), t)

    @property
    def n(self) -> int:
        """Number of participants."""
        return len(self.hostpubkeys)

    @property
    def enc_context(self) -> bytes:
        """What encryption is bound to: t in 4 bytes, then all host public keys."""
        return self.t.to_bytes(4, "big") + b"".join(self.hostpubkeys)

    def hash(self) -> bytes:
        """Return params_hash, 32 bytes.

        Security:
            All participants compare all 32 bytes over a channel that the coordinator does not control, before
            the key gets money: nothing else shows them that they talk to each other.
        """
        return tagged_hash(TAG + "params_hash", self.enc_context)

    def party(self, hostseckey: SecretScalars) -> PartyId:
        """Return whose host secret key this is.

        Raises:
            UsageError: it is 0, or no participant's.
        """
        try:
            return PartyId(self.hostpubkeys.index(hostpubkey_gen(hostseckey)))
        except ValueError as e:
            raise UsageError("the host secret key does not match any host public key") from e


def hostpubkey_gen(hostseckey: SecretScalars) -> bytes:
    """Return the host public key, 33 bytes.

    Args:
        hostseckey: one scalar; the only secret to back up.

    Raises:
        UsageError: it is not one scalar, or 0.
    """
    if hostseckey.count != 1:
        raise UsageError("the host secret key is one scalar")
    try:
        return bytes(mul_base(hostseckey)[0])
    except RangeError as e:
        raise UsageError("the host secret key is out of range") from e
