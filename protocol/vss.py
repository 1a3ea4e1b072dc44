"""Feldman verifiable secret sharing (FOCS 1987) over secp256k1.

A polynomial f of degree t - 1 with secret coefficients; party i holds f(i + 1), the secret is f(0), and the
commitments C_k = f_k G let everybody check its share. Secrets are vectors in C memory.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod

from native.curve import (
    ORDER,
    Point,
    PointVector,
    Scalar,
    eval_polynomial,
    lagrange,
    mul_base,
    multi_mul,
    sum_vectors,
)
from native.errors import RangeError
from native.hashing import tagged_hash
from native.secret import SecretScalars
from native.secret_scalar import eval_polynomial as eval_secret_polynomial
from native.secret_scalar import inner_product
from protocol.errors import UsageError
from protocol.ids import MAX_PARTIES, PartyId, party_ids


def place(party: PartyId) -> int:
    """Return where the share of a party is the polynomial's value: never 0, where the secret is."""
    return party + 1


def expect_threshold(t: int, n: int) -> None:
    """Check 1 <= t <= n <= 128.

    Raises:
        UsageError: it does not hold.
    """
    if type(t) is not int or type(n) is not int or not 1 <= t <= n <= MAX_PARTIES:
        raise UsageError(f"a threshold and a number of parties must be 1 <= t <= n <= {MAX_PARTIES}")


def deal(coefficients: SecretScalars, parties: Sequence[PartyId]) -> SecretScalars:
    """Return f(i + 1) for each party i.

    Args:
        coefficients: f_0, ..., f_(t-1), the secret first.
        parties: distinct ids.

    Returns:
        One share per party, in the order of parties.

    Raises:
        UsageError: parties repeat.
    """
    party_ids(parties, MAX_PARTIES)
    return eval_secret_polynomial(coefficients, [place(party) for party in parties])


@dataclass(frozen=True, slots=True)
class Commitment:
    """C_0, ..., C_(t-1): the polynomial that a dealer is bound to.

    Args:
        points: t points, each possibly infinity.

    Raises:
        UsageError: there is none.
    """

    points: PointVector

    def __post_init__(self) -> None:
        if not len(self.points):
            raise UsageError("a commitment has at least one point")

    @classmethod
    def of(cls, coefficients: SecretScalars) -> "Commitment":
        """Commit to secret coefficients, none of which is 0.

        Raises:
            RangeError: one is 0.
        """
        return cls(mul_base(coefficients))

    @classmethod
    def total(cls, commitments: Sequence["Commitment"]) -> "Commitment":
        """Return the commitment to the sum of the polynomials.

        Raises:
            LengthError: there is none, or thresholds differ.
        """
        return cls(sum_vectors([commitment.points for commitment in commitments]))

    @property
    def t(self) -> int:
        """Number of shares that determine the polynomial."""
        return len(self.points)

    @property
    def public_secret(self) -> Point:
        """f(0) G."""
        return self.points[0]

    def pubshares(self, parties: Sequence[PartyId]) -> PointVector:
        """Return f(i + 1) G for each party i, at least one."""
        return eval_polynomial(self.points, [place(party) for party in parties])

    def opens_to(self, share: SecretScalars, party: PartyId) -> bool:
        """Tell whether one share is the polynomial's value for a party: share G = sum_k (i + 1)^k C_k.

        Security:
            share G becomes public, as it is in any case; a share of 0 becomes known as such.
        """
        try:
            return mul_base(share)[0] == self.pubshares([party])[0]
        except RangeError:
            return self.pubshares([party])[0].is_infinity


def bad_dealers(
    shares: Mapping[PartyId, SecretScalars], commitments: Mapping[PartyId, Commitment], receiver: PartyId
) -> tuple[PartyId, ...]:
    """Return the dealers whose share for a receiver does not fit their commitment, ascending.

    Args:
        shares: what each dealer sent, one scalar each.
        commitments: of the same dealers.
        receiver: whose shares these are.

    Raises:
        UsageError: the dealers differ.
    """
    if shares.keys() != commitments.keys():
        raise UsageError("every dealer needs a share and a commitment")
    return tuple(j for j in sorted(shares) if not commitments[j].opens_to(shares[j], receiver))


def weights(parties: Sequence[PartyId], at: PartyId | None = None) -> tuple[Scalar, ...]:
    """Return the Lagrange weights of the parties' shares.

    Args:
        parties: distinct ids, at least one.
        at: the party whose share is wanted; the secret if not given.

    Returns:
        lambda_i = prod_{j != i} (x - x_j) / (x_i - x_j), in the order of parties.

    Raises:
        UsageError: there is no party, or one repeats.
    """
    if not party_ids(parties, MAX_PARTIES):
        raise UsageError("at least one party is needed")
    return lagrange([place(party) for party in parties], 0 if at is None else place(at))


def interpolate(
    shares: SecretScalars, parties: Sequence[PartyId], at: PartyId | None = None
) -> SecretScalars:
    """Return f(0), or f at another party's place, from the shares of t parties.

    Args:
        shares: one per party.
        parties: distinct ids.
        at: the party whose share is wanted; the secret if not given.

    Raises:
        UsageError: there is no party, or one repeats.
        LengthError: the counts differ.

    Security:
        The whole secret is in one place from here on.
    """
    return inner_product(shares, weights(parties, at))


def interpolate_points(
    pubshares: Sequence[Point], parties: Sequence[PartyId], at: PartyId | None = None
) -> Point:
    """Return f(0) G, or a party's public share, from the public shares of t parties.

    Raises:
        UsageError: there is no party, or one repeats.
        LengthError: the counts differ.
    """
    return multi_mul(weights(parties, at), pubshares)


def on_polynomial(t: int, places: Sequence[int], points: Sequence[Point]) -> bool:
    """Tell whether points are values of one polynomial of degree below t at distinct small places.

    The values of such a polynomial, weighted by v_i = 1 / prod_{j != i} (x_i - x_j), are orthogonal to every
    polynomial r of degree below len(places) - t (Reed-Solomon duality): one sum for a random r decides.
    r comes from a hash of the points, so that nobody can choose points after r; a wrong set passes with
    probability 1/ORDER.
    """
    seed = tagged_hash("mpcwallet/polynomial check", bytes([t, *places]), PointVector(points).xy)
    r = [
        int.from_bytes(tagged_hash("mpcwallet/polynomial check r", seed, bytes([k])), "big")
        for k in range(len(places) - t)
    ]
    weights = []
    for x in places:
        value = 0
        for coefficient in reversed(r):
            value = (value * x + coefficient) % ORDER
        # v_i r(x_i)
        bottom = prod(x - y for y in places if y != x)
        weights.append(Scalar(value * pow(bottom, -1, ORDER) % ORDER))
    return multi_mul(weights, points).is_infinity
