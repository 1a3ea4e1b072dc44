"""Tweaks of a threshold key: BIP-445 ApplyTweak, BIP-32 derivation and the BIP-341 output key."""

import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, Self

from native.curve import Point, Scalar, mul_base
from native.errors import LengthError, RangeError
from native.hashing import tagged_hash
from native.secret import SecretScalars
from protocol.errors import UsageError

HARDENED: Final = 1 << 31  # BIP-32: first index that needs the private key

_ONE: Final = Scalar(1)


@dataclass(frozen=True, slots=True)
class Tweak:
    """One entry of a tweak list.

    Args:
        value: what is added to the key.
        is_xonly: whether the key is first taken with even y (BIP-341), or as it is (BIP-32).
    """

    value: Scalar
    is_xonly: bool

    @classmethod
    def from_bytes(cls, value: bytes, *, is_xonly: bool) -> Self:
        """Read a value of 32 bytes, big-endian.

        Raises:
            UsageError: it is not below the group order.
        """
        try:
            return cls(Scalar.from_bytes(value), is_xonly)
        except (LengthError, RangeError) as e:
            raise UsageError("the tweak must be 32 bytes below n") from e


@dataclass(frozen=True, slots=True)
class TweakContext:
    """A tweaked key and its way from the threshold key (BIP-445, Tweak Context): Q = gacc thresh_pk + tacc G.

    Args:
        Q: the tweaked key, with its true parity.
        gacc: 1 or -1.
        tacc: the accumulated tweak.
    """

    Q: Point
    gacc: Scalar
    tacc: Scalar

    @classmethod
    def of(cls, thresh_pk: Point, tweaks: Iterable[Tweak] = ()) -> Self:
        """Apply a tweak list to a threshold public key (TweakCtxInit, then ApplyTweak for each).

        Raises:
            UsageError: a tweaked key is the point at infinity.
        """
        context = cls(thresh_pk, _ONE, Scalar(0))
        tweaks = tuple(tweaks)
        for tweak, t_G in zip(tweaks, times_G([tweak.value for tweak in tweaks]), strict=True):
            context = context._apply(tweak, t_G)
        return context

    def _apply(self, tweak: Tweak, t_G: Point) -> Self:
        """Return the context after one more tweak t (ApplyTweak)."""
        negated = tweak.is_xonly and not self.Q.has_even_y
        # Q' = g Q + t G, gacc' = g gacc, tacc' = t + g tacc
        Q = (-self.Q if negated else self.Q) + t_G
        if Q.is_infinity:
            raise UsageError("the result of tweaking must not be the point at infinity")
        if negated:
            return type(self)(Q, -self.gacc, tweak.value - self.tacc)
        return type(self)(Q, self.gacc, tweak.value + self.tacc)

    @property
    def sign(self) -> Scalar:
        """What a signer's share is multiplied by, g gacc: g = -1 when Q is odd, as BIP-340 takes it even."""
        return self.gacc if self.Q.has_even_y else -self.gacc


def times_G(t: Sequence[Scalar]) -> list[Point]:
    """Return t_i G for public t_i, from the tables for secret ones: several times faster than t_i * G."""
    nonzero = [bytes(t_i) for t_i in t if t_i]
    products = iter(mul_base(SecretScalars.from_bytes(b"".join(nonzero), len(nonzero))) if nonzero else ())
    return [next(products) if t_i else Point.infinity() for t_i in t]


class ChildKey(NamedTuple):
    """A key derived by BIP-32, and the tweaks that lead to it from the threshold key.

    Args:
        tweaks: one plain tweak per level.
        public_key: the child's key, with its true parity.
        chain_code: the child's chain code, 32 bytes.
    """

    tweaks: tuple[Tweak, ...]
    public_key: Point
    chain_code: bytes


def derive(public_key: Point, chain_code: bytes, path: Sequence[int]) -> ChildKey:
    """Derive an unhardened child as a list of plain tweaks (BIP-32, CKDpub).

    Args:
        public_key: the parent's key.
        chain_code: the parent's chain code, 32 bytes.
        path: indices below 2^31.

    Returns:
        The child.

    Raises:
        UsageError: an index is hardened, or (with probability 2^-127) has no key: take the next one.
    """
    if len(chain_code) != 32:
        raise UsageError("the chain code takes 32 bytes")
    tweaks = []
    for index in path:
        if not 0 <= index < HARDENED:
            raise UsageError("a threshold key has no hardened children: every index must be in 0..2^31-1")
        # I = HMAC-SHA512(c_par, serP(K_par) || ser32(i)); K_i = K_par + parse256(I_L) G; c_i = I_R
        digest = hmac.digest(chain_code, bytes(public_key) + index.to_bytes(4, "big"), "sha512")
        tweak = Tweak.from_bytes(digest[:32], is_xonly=False)
        public_key = TweakContext.of(public_key, [tweak]).Q
        chain_code = digest[32:]
        tweaks.append(tweak)
    return ChildKey(tuple(tweaks), public_key, chain_code)


def output_tweak(internal_key: Point, merkle_root: bytes | None) -> Tweak:
    """Return the tweak that makes an internal key the output key of BIP-341 (taproot_tweak_pubkey).

    Args:
        internal_key: the key of the key path.
        merkle_root: root of the script tree, 32 bytes; None for an output without script path (BIP-86).

    Returns:
        The x-only tweak, to be applied last.

    Raises:
        UsageError: the root is not 32 bytes long.
    """
    if merkle_root is not None and len(merkle_root) != 32:
        raise UsageError("the merkle root takes 32 bytes")
    t = tagged_hash("TapTweak", internal_key.x_bytes, merkle_root or b"")
    return Tweak.from_bytes(t, is_xonly=True)
