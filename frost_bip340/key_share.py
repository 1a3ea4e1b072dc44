"""Key material of BIP-445 0.12.1: what all participants know of a key, and what one of them holds."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

from native.curve import Point, eval_polynomial, lagrange, mul_base, multi_mul
from native.errors import LengthError, PointError, RangeError
from native.secret import SecretScalars
from protocol.errors import UsageError
from protocol.ids import Epoch, PartyId, party_id
from protocol.resharing.plan import Sharing
from protocol.vss import expect_threshold, on_polynomial

_POLYNOMIAL = "the public shares do not lie on a single polynomial"
_MISMATCH = "the public shares do not match the threshold public key"


@dataclass(frozen=True, slots=True)
class ThresholdInfo:
    """What every participant knows of a key (BIP-445, ThresholdInfo and ValidateThresholdInfo).

    A value that exists is consistent: any t of its public shares give the threshold public key. This says
    nothing of who knows the secret; take it from key generation only, never from a coordinator.

    Args:
        t: threshold, 1 <= t <= n.
        thresh_pk: threshold public key, with its true parity.
        pubshares: public share of each participant 0..n-1, n <= 128; None where unknown, at least t known.

    Raises:
        UsageError: a rule does not hold.
    """

    t: int
    thresh_pk: Point
    pubshares: tuple[Point | None, ...]

    def __post_init__(self) -> None:
        present = self._present()
        if len(present) < self.t:
            raise UsageError("at least t pubshares must be present")
        # the key is the value at place 0 of the polynomial through the public shares at places id + 1
        places = [0] + [i + 1 for i, _ in present]
        points = [self.thresh_pk] + [P for _, P in present]
        if not on_polynomial(self.t, places, points):
            raise UsageError(self._reason(places[1:], points[1:]))

    @classmethod
    def from_bytes(cls, t: int, thresh_pk: bytes, pubshares: Sequence[bytes | None]) -> Self:
        """Read the byte form of BIP-445.

        Args:
            t: threshold.
            thresh_pk: 33 bytes, compressed.
            pubshares: 33 bytes each, or None.

        Returns:
            The checked value.

        Raises:
            UsageError: an encoding is not of a point, or a rule of the class does not hold.
        """
        expect_threshold(t, len(pubshares))
        key = _parse(thresh_pk, "the thresh_pk is not a valid point")
        return cls(
            t,
            key,
            tuple(
                None if data is None else _parse(data, f"the pubshare at index {i} is not a valid point")
                for i, data in enumerate(pubshares)
            ),
        )

    @classmethod
    def of_commitments(cls, coms: Sequence[Point], n: int) -> Self:
        """Make what commitments to the t coefficients of a polynomial say of n participants.

        The public shares are values of the polynomial, and need no check that they are.

        Raises:
            UsageError: the threshold does not fit, or the key or a public share is infinity.
        """
        expect_threshold(len(coms), n)
        info = object.__new__(cls)
        pubshares = tuple(eval_polynomial(coms, range(1, n + 1)))
        for name, value in (("t", len(coms)), ("thresh_pk", coms[0]), ("pubshares", pubshares)):
            object.__setattr__(info, name, value)
        info._present()
        return info

    def _present(self) -> list[tuple[int, Point]]:
        """Return the known public shares with their indices, after the checks of single points."""
        expect_threshold(self.t, len(self.pubshares))
        if self.thresh_pk.is_infinity:
            raise UsageError("the thresh_pk is not a valid point")
        present = [(i, P) for i, P in enumerate(self.pubshares) if P is not None]
        for i, P in present:
            if P.is_infinity:
                raise UsageError(f"the pubshare at index {i} is not a valid point")
        return present

    @property
    def n(self) -> int:
        """Number of participants."""
        return len(self.pubshares)

    def pubshare(self, party: PartyId) -> Point:
        """Return the public share of a participant, interpolated when it is not recorded.

        Raises:
            UsageError: there is no such participant.
        """
        known = self.pubshares[party_id(party, self.n)]
        if known is not None:
            return known
        present = [(i + 1, P) for i, P in enumerate(self.pubshares) if P is not None][: self.t]
        return multi_mul(lagrange([x for x, _ in present], party + 1), [P for _, P in present])

    def _reason(self, places: Sequence[int], points: Sequence[Point]) -> str:
        """Name the first rule of ValidateThresholdInfo that present shares break."""
        t = self.t
        if len(places) > t and not on_polynomial(t, places, points):
            return _POLYNOMIAL
        if multi_mul(lagrange(places[:t]), points[:t]).is_infinity:
            return "the threshold public key must not be the point at infinity"
        return _MISMATCH


def _parse(data: bytes, reason: str) -> Point:
    try:
        return Point.from_bytes(data)
    except (LengthError, PointError) as e:
        raise UsageError(reason) from e


@dataclass(frozen=True, slots=True, eq=False)
class KeyShare:
    """What one participant holds of a key.

    Args:
        info: what all participants know.
        party: the holder.
        secshare: its secret share, one scalar, whose public share is the one in info.
        chain_code: 32 bytes, equal at every participant; public, but whoever has it links all addresses.
        epoch: number of refreshes since key generation.

    Raises:
        UsageError: a value does not fit the others.

    Security:
        Shares of one epoch must never meet those of another: delete the old one after a refresh.
    """

    info: ThresholdInfo
    party: PartyId
    secshare: SecretScalars
    chain_code: bytes = field(repr=False)
    epoch: int = 0
    pubshare: Point = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if len(self.chain_code) != 32:
            raise UsageError("the chain code takes 32 bytes")
        if self.epoch < 0:
            raise UsageError("the epoch must not be negative")
        if self.secshare.count != 1:
            raise UsageError("the secret share is one scalar")
        try:
            pubshare = mul_base(self.secshare)[0]
        except RangeError as e:
            raise UsageError("the secret share is out of range") from e
        if pubshare != self.info.pubshare(self.party):
            raise UsageError("the secret share does not match the participant's public share")
        object.__setattr__(self, "pubshare", pubshare)

    @classmethod
    def of(cls, sharing: Sharing, party: PartyId, secshare: SecretScalars, chain_code: bytes) -> Self:
        """Make the share of a party of what all shares of an epoch have in common.

        Raises:
            UsageError: a value does not fit the others.
        """
        info = ThresholdInfo(sharing.t, sharing.key, sharing.pubshares)
        return cls(info, party, secshare, chain_code, sharing.epoch)

    @property
    def sharing(self) -> Sharing:
        """The public side of all shares of the epoch."""
        info = self.info
        pubshares = tuple(info.pubshare(PartyId(i)) for i in range(info.n))
        return Sharing(info.thresh_pk, info.t, pubshares, Epoch(self.epoch))
