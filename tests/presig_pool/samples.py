"""Presignatures that a dealer made, the same for the same seed, and signing with them."""

import random
from collections.abc import Callable, Sequence
from functools import cache

from ecdsa_cggmp.presignature import Presignature, PublicPresignature
from ecdsa_cggmp.sign import SigningContext, SigningRequest, sign_share
from native.curve import ORDER, Point, Scalar, multi_mul
from native.curve import G as BASE
from native.secret import SecretScalars
from presig_pool.state import Stock
from protocol.ids import Epoch, PartyId
from protocol.resharing.plan import Sharing

X, SLOPE = 0x1234567890ABCDEF, 0xFEDCBA9876543210
NOW = 1_700_000_000


def _times(k: int, point: Point = BASE) -> Point:
    return multi_mul([Scalar(k % ORDER)], [point])


def secret(k: int) -> SecretScalars:
    return SecretScalars.from_bytes(k.to_bytes(32, "big"))


@cache
def sharing(epoch: int = 0, x: int = X) -> Sharing:
    """A 2-of-3 key."""
    slope = SLOPE + epoch
    return Sharing(_times(x), 2, tuple(_times(x + slope * (i + 1)) for i in range(3)), Epoch(epoch))


def stock(signers: Sequence[int] = (0, 1), epoch: int = 0, x: int = X) -> Stock:
    return Stock(bytes(sharing(epoch, x).key), Epoch(epoch), tuple(PartyId(i) for i in signers))


@cache
def _dealt(
    number: int, index: int, signers: tuple[PartyId, ...], epoch: int, x: int
) -> tuple[PublicPresignature, dict[PartyId, tuple[int, int]]]:
    rng = random.Random(repr((number, index, signers, epoch, x)))
    gamma, *parts = (rng.randrange(1, ORDER) for _ in range(2 * len(signers) - 1))
    Gamma, inverse = _times(gamma), pow(gamma, -1, ORDER)
    half = len(signers) - 1
    k, chi = parts[:half], parts[half:]
    k.append((inverse - sum(k)) % ORDER)
    chi.append((inverse * x - sum(chi)) % ORDER)
    shares = dict(zip(signers, zip(k, chi, strict=True), strict=True))
    public = PublicPresignature(
        number.to_bytes(32, "big"),
        index,
        sharing(epoch, x),
        signers,
        Gamma,
        {j: _times(share[0], Gamma) for j, share in shares.items()},
        {j: _times(share[1], Gamma) for j, share in shares.items()},
    )
    return public, shares


def batch(
    number: int, count: int = 1, signers: Sequence[int] = (0, 1), *, me: int = 1, epoch: int = 0, x: int = X
) -> list[Presignature]:
    """The share of a party of all that session `number` made."""
    ids = tuple(PartyId(i) for i in signers)
    made = []
    for index in range(count):
        public, shares = _dealt(number, index, ids, epoch, x)
        k, chi = shares[PartyId(me)]
        made.append(Presignature(public, PartyId(me), secret(k), secret(chi)))
    return made


def context(public: PublicPresignature, sighash: bytes, fresh: int = 0) -> SigningContext:
    contributions = {j: bytes([fresh]) * 32 for j in public.signers}
    return SigningContext(public, SigningRequest(sighash, Scalar(0)), contributions)


def signer(*sighashes: bytes, fresh: int = 0) -> Callable[[Sequence[Presignature]], list[bytes]]:
    """What Pool.burn() signs with."""

    def sign(held: Sequence[Presignature]) -> list[bytes]:
        return [
            bytes(sign_share(item, context(item.public, sighash, fresh)))
            for item, sighash in zip(held, sighashes, strict=True)
        ]

    return sign


def digest(number: int) -> bytes:
    """A request id or a sighash."""
    return number.to_bytes(32, "big")
