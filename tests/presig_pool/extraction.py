"""What an attacker makes of signature shares: keys, when somebody used a presignature twice.

A share says c sigma = (m + r delta') k + r chi with two unknowns. Two of one presignature give k and chi of
their signer; k and chi of all signers give the key x = sum chi / sum k. The sums alone do, too, when two
presignatures have one nonce point.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from ecdsa_cggmp.presignature import Presignature
from ecdsa_cggmp.sign import SigningContext
from native.curve import G, Point, Scalar
from protocol.ids import PartyId

Pair = tuple[Scalar, Scalar]  # k, chi


@dataclass(frozen=True)
class Captured:
    """A signature share on the wire; all else in it is public."""

    context: SigningContext
    signer: PartyId
    share: Scalar


@dataclass(frozen=True)
class Equation:
    """left = a k + b chi."""

    left: Scalar
    a: Scalar
    b: Scalar


def pair_of(held: Presignature) -> Pair:
    """What the signer itself knows."""
    k, chi = (Scalar.from_bytes(secret.declassify()) for secret in held.secrets())
    return k, chi


def equation(context: SigningContext, share: Scalar) -> Equation:
    request = context.request
    return Equation(context.c * share, request.m + context.r * request.tweak, context.r)


def solved(equations: Iterable[Equation]) -> Pair | None:
    """k and chi of two equations that do not say the same."""
    for p, q in combinations(set(equations), 2):
        determinant = p.a * q.b - q.a * p.b
        if determinant:
            inverse = determinant.invert()
            return (p.left * q.b - q.left * p.b) * inverse, (p.a * q.left - q.a * p.left) * inverse
    return None


def secrets_of(captured: Iterable[Captured]) -> dict[tuple[bytes, PartyId], Pair]:
    """k and chi of every presignature and signer that two shares give away, checked with Delta and S."""
    found = defaultdict(list)
    publics = {}
    for item in captured:
        public = item.context.presignature
        publics[public.id] = public
        found[public.id, item.signer].append(equation(item.context, item.share))
    pairs = {place: pair for place, items in found.items() if (pair := solved(items)) is not None}
    return {
        (name, signer): (k, chi)
        for (name, signer), (k, chi) in pairs.items()
        if k * publics[name].Gamma == publics[name].Delta[signer]
        and chi * publics[name].Gamma == publics[name].S[signer]
    }


def extracted_keys(
    captured: Sequence[Captured], colluders: Mapping[tuple[bytes, PartyId], Pair] | None = None
) -> set[Scalar]:
    """The secret keys that captured shares give away.

    Args:
        captured: shares of any signers, presignatures and keys.
        colluders: k and chi of presignatures that the attackers hold themselves.
    """
    known = {**secrets_of(captured), **(colluders or {})}
    keys = set()
    for public in {item.context.presignature.id: item.context.presignature for item in captured}.values():
        pairs = [known[public.id, j] for j in public.signers if (public.id, j) in known]
        if len(pairs) == len(public.signers):
            keys.add((public.sharing.key, _key(pairs)))
    sums = defaultdict(list)
    for context, shares in _signatures(captured):
        public = context.presignature
        sums[public.sharing.key, public.Gamma].append(equation(context, sum(shares, Scalar(0))))
    keys |= {(key, _key([pair])) for (key, _), items in sums.items() if (pair := solved(items)) is not None}
    return {x for key, x in keys if x * G == key}


def _signatures(captured: Sequence[Captured]) -> Iterable[tuple[SigningContext, list[Scalar]]]:
    """The shares of all signers in one context."""
    together: dict[tuple[bytes, Point, bytes], dict[PartyId, Captured]] = defaultdict(dict)
    for item in captured:
        context = item.context
        together[context.presignature.id, context.Gamma, context.request.digest][item.signer] = item
    for items in together.values():
        context = next(iter(items.values())).context
        if tuple(sorted(items)) == context.presignature.signers:
            yield context, [item.share for item in items.values()]


def _key(pairs: Sequence[Pair]) -> Scalar:
    k, chi = (sum(column, Scalar(0)) for column in zip(*pairs, strict=True))
    return chi * k.invert()
