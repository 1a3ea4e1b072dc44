"""Presignatures that one dealer makes, in no time."""

from collections.abc import Sequence

from ecdsa_cggmp.key_share import KeyShare
from ecdsa_cggmp.presignature import Presignature, PublicPresignature
from ecdsa_cggmp.sign import CONTRIBUTION_SIZE, SigningContext, SigningRequest, sign_share
from native.curve import G, Scalar, mul_secret
from native.entropy import random_bytes
from native.secret import SecretScalars
from native.secret_scalar import inner_product, invert, mul, random_scalars, sub, total
from protocol.ids import PartyId
from protocol.resharing.plan import Sharing
from protocol.vss import weights


def secret_key(shares: Sequence[KeyShare]) -> SecretScalars:
    """The key of some t shares."""
    factors = weights(tuple(share.party for share in shares))
    return inner_product(SecretScalars.concat([share.secshare for share in shares]), factors)


def split(secret: SecretScalars, count: int) -> list[SecretScalars]:
    """Summands of a secret."""
    parts = [random_scalars() for _ in range(count - 1)]
    if not parts:
        return [secret]
    rest = sub(secret, total(SecretScalars.concat(parts)))
    return [*parts, rest]


def presignature(
    sharing: Sharing, x: SecretScalars, signers: Sequence[int], session: bytes | None = None, index: int = 0
) -> tuple[Presignature, ...]:
    """A new presignature of a key, as each of its signers holds it; of a new session if none is given."""
    ids = tuple(PartyId(j) for j in signers)
    gamma = random_scalars()
    inverse = invert(gamma)
    k, chi = split(inverse, len(ids)), split(mul(x, inverse), len(ids))
    (Gamma,) = mul_secret(gamma, [G])
    Delta, S = (
        dict(zip(ids, mul_secret(SecretScalars.concat(parts), [Gamma] * len(ids)), strict=True))
        for parts in (k, chi)
    )
    public = PublicPresignature(session or random_bytes(32), index, sharing, ids, Gamma, Delta, S)
    return tuple(Presignature(public, j, k[at], chi[at]) for at, j in enumerate(ids))


def context(made: Sequence[Presignature], request: SigningRequest) -> SigningContext:
    """Sign a request with new contributions."""
    contributions = {item.party: random_bytes(CONTRIBUTION_SIZE) for item in made}
    return SigningContext(made[0].public, request, contributions)


def shares_of(made: Sequence[Presignature], context: SigningContext) -> dict[PartyId, Scalar]:
    """The shares of all signers."""
    return {item.party: sign_share(item, context) for item in made}
