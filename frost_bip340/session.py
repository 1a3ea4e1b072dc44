"""What every party of a signing session checks and computes (BIP-445 0.12.1, GetSessionValues)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Final, Self

from frost_bip340.key_share import ThresholdInfo
from frost_bip340.nonce import NONCE_LEN, SCHEME, nonce_agg
from frost_bip340.tweak import Tweak, TweakContext
from native.curve import ORDER, G, Point, Scalar, multi_mul, parse_points
from native.errors import LengthError, PointError
from native.hashing import tagged_hash
from protocol.errors import FaultyCoordinatorError, UsageError
from protocol.ids import PartyId, party_ids

_ONE: Final = Scalar(1)


@dataclass(frozen=True, slots=True)
class SigningSession:
    """A signing session and its values.

    DEVIATION: public shares come from info, which key generation gave, and not from the session's parameters,
    which a coordinator may have chosen. No byte changes.

    Args:
        info: the key.
        signers: t <= u <= n participants, in any order.
        aggnonce: 66 bytes, from nonce_agg.
        msg: any bytes; for a transaction its sighash, computed by the signer itself.
        tweaks: plain and x-only tweaks, in the order of their application.
        epoch: refreshes that the signers' shares have seen.
        scheme: version of the signing scheme.

    Attributes:
        key: the tweaked key.
        b: nonce coefficient.
        R: effective nonce.
        e: challenge.

    Raises:
        UsageError: the parameters are wrong.
        FaultyCoordinatorError: the aggregate nonce is malformed.
    """

    info: ThresholdInfo
    signers: tuple[PartyId, ...]
    aggnonce: bytes
    msg: bytes
    tweaks: tuple[Tweak, ...] = ()
    epoch: int = 0
    scheme: str = SCHEME
    key: TweakContext = field(init=False)
    b: Scalar = field(init=False)
    R: Point = field(init=False)
    e: Scalar = field(init=False)

    def __post_init__(self) -> None:
        if self.scheme != SCHEME:
            raise UsageError("the version of the signing scheme is unknown")
        check_signers(self.info, self.signers)
        key = TweakContext.of(self.info.thresh_pk, self.tweaks)
        R1, R2 = _parse_aggnonce(self.aggnonce)
        b = _nonce_coefficient(self.signers, self.aggnonce, key.Q, self.msg)
        R = multi_mul([_ONE, b], [R1, R2])
        # no signature holds then, but the session goes on and shows who cheated (BIP-445, GetSessionValues)
        R = G if R.is_infinity else R
        e = Scalar.reduce(tagged_hash("BIP0340/challenge", R.x_bytes, key.Q.x_bytes, self.msg))
        for name, value in (("key", key), ("b", b), ("R", R), ("e", e)):
            object.__setattr__(self, name, value)

    @classmethod
    def of(
        cls,
        info: ThresholdInfo,
        pubnonces: Mapping[PartyId, bytes],
        msg: bytes,
        tweaks: Sequence[Tweak] = (),
        epoch: int = 0,
    ) -> Self:
        """Open the session of the signers who sent nonces.

        Args:
            info: the key.
            pubnonces: 66 bytes from each signer.
            msg: the message.
            tweaks: the tweak list.
            epoch: as for the class.

        Returns:
            The session.

        Raises:
            UsageError: the parameters are wrong.
            FaultyPartyError: the named signers sent malformed nonces.
        """
        check_signers(info, tuple(pubnonces))
        return cls(info, tuple(pubnonces), nonce_agg(pubnonces), msg, tuple(tweaks), epoch)

    def weight(self, party: PartyId) -> Scalar:
        """Return what a signer's secret share counts for in the signature: e lambda_i g gacc.

        Raises:
            UsageError: the participant does not sign here.
        """
        if party not in self.signers:
            raise UsageError("the signer's id is missing from the ids list")
        return self.e * interpolating_value(self.signers, party) * self.key.sign


def check_signers(info: ThresholdInfo, signers: Sequence[PartyId]) -> None:
    """Refuse a set of signers that BIP-445 does not allow.

    Raises:
        UsageError: not t <= u <= n, an unknown participant, or one named twice.
    """
    if not info.t <= len(signers) <= info.n:
        raise UsageError("the number of signers must satisfy t <= u <= n")
    party_ids(signers, info.n)


def interpolating_value(signers: Sequence[PartyId], party: PartyId) -> Scalar:
    """Return lambda_i = prod_{j != i} (id_j + 1) / (id_j - id_i) mod n (DeriveInterpolatingValue).

    Args:
        signers: distinct participants.
        party: id_i, one of them.

    Returns:
        The weight of its share in the secret at place 0.
    """
    # small integers below the fraction line and above it: one reduction of each at the end
    numerator = prod(j + 1 for j in signers if j != party)
    denominator = prod(j - party for j in signers if j != party)
    return Scalar(numerator * pow(denominator, -1, ORDER) % ORDER)


def ids_bytes(signers: Sequence[PartyId]) -> bytes:
    """Return u and the ids in ascending order, 4 bytes each."""
    return b"".join(value.to_bytes(4, "big") for value in (len(signers), *sorted(signers)))


def _nonce_coefficient(signers: Sequence[PartyId], aggnonce: bytes, Q: Point, msg: bytes) -> Scalar:
    return Scalar.reduce(tagged_hash("BIP0445/noncecoef", ids_bytes(signers), aggnonce, Q.x_bytes, msg))


def _parse_aggnonce(aggnonce: bytes) -> tuple[Point, Point]:
    try:
        if len(aggnonce) != NONCE_LEN:
            raise LengthError("an aggregate nonce takes 66 bytes")
        R1, R2 = parse_points(aggnonce, allow_infinity=True)
    except (LengthError, PointError) as e:
        raise FaultyCoordinatorError("aggnonce") from e
    return R1, R2
