"""What one party deals: a polynomial, the commitments to it, and the proof that it knows its constant."""

from dataclasses import dataclass
from typing import Final

from native.curve import G, Point, PointVector, Scalar, mul_base, multi_mul
from native.hashing import tagged_hash
from native.secret import Secret, SecretScalars, SecretSeed
from native.secret_scalar import inner_product, random_scalars, scale
from protocol.errors import UsageError
from protocol.header import Header
from protocol.ids import PartyId
from protocol.resharing.messages import REVEAL, CommitMsg, RevealMsg
from protocol.resharing.plan import Plan
from protocol.session import Session
from protocol.transcript import Domain, Transcript

_ONE: Final = Scalar(1)


@dataclass(frozen=True, slots=True, eq=False)
class Dealing:
    """The secrets and the first two messages of one party.

    Args:
        coefficients: of g_i; the constant is lambda_i s_i in the quorum and 0 elsewhere.
        keys: the logarithms of the encryption keys.
        commit: what it sends first.
        reveal: what it sends then.
    """

    coefficients: SecretScalars
    keys: SecretScalars
    commit: CommitMsg
    reveal: RevealMsg

    def secrets(self) -> tuple[Secret, ...]:
        """Return what must be zeroed at the end of the session."""
        return self.coefficients, self.keys

    def key(self, index: int) -> SecretScalars:
        """Return the logarithm of one encryption key."""
        return self.keys.slice(index, 1)


def make_dealing(
    session: Session, plan: Plan, secshare: SecretScalars | None, seed: SecretSeed | None
) -> Dealing:
    """Draw a polynomial and keys.

    Args:
        session: the dealer's place in the session.
        plan: the plan that the session follows.
        secshare: the dealer's old share, for a dealer in the quorum.
        seed: replays a run; None draws from getrandom.

    Returns:
        What the dealer deals.

    Raises:
        UsageError: the share is missing or another than the plan says.
    """
    me, count = session.me, len(session.header.parties)
    constant = _constant(plan, me, secshare)
    drawn = random_scalars(2 + count + plan.t - 1, seed)
    nonce, salt, keys = drawn.slice(0, 1), drawn.slice(1, 1).declassify(), drawn.slice(2, count)
    coefficients, points = constant, [plan.constant(me)]
    if plan.t > 1:
        others = drawn.slice(2 + count, plan.t - 1)
        coefficients, points = SecretScalars.concat([constant, others]), [*points, *mul_base(others)]
    R = mul_base(nonce)[0]
    e = _challenge(session.header, me, PointVector(points), R)
    # z = k + e g_i(0); for g_i(0) = 0 the proof is that of the logarithm of infinity
    z = inner_product(SecretScalars.concat([nonce, constant]), [_ONE, e])
    reveal = RevealMsg(salt, PointVector(points), R, Scalar.from_bytes(z.declassify()))
    commit = CommitMsg(commitment(session.header, me, reveal), mul_base(keys))
    return Dealing(coefficients, keys, commit, reveal)


def _constant(plan: Plan, me: PartyId, secshare: SecretScalars | None) -> SecretScalars:
    if me not in plan.quorum:
        return SecretScalars.from_bytes(bytes(32))
    if secshare is None or secshare.count != 1 or mul_base(secshare)[0] != plan.old.pubshares[me]:
        raise UsageError("a party of the quorum needs the share that the plan speaks of")
    return scale(secshare, [plan.weight(me)])


def commitment(header: Header, party: PartyId, reveal: RevealMsg) -> bytes:
    """Return what a party commits to before anybody reveals, 32 bytes."""
    return tagged_hash("mpcwallet/reshare commitment", header.digest, party.to_bytes(4, "big"), bytes(reveal))


def knows_constant(header: Header, party: PartyId, reveal: RevealMsg) -> bool:
    """Tell whether a party has proved that it knows the constant of its polynomial: z G = R + e C_0."""
    e = _challenge(header, party, reveal.points, reveal.R)
    return multi_mul([reveal.z, -_ONE, -e], [G, reveal.R, reveal.points[0]]).is_infinity


def _challenge(header: Header, party: PartyId, points: PointVector, R: Point) -> Scalar:
    transcript = Transcript(Domain(header, REVEAL, party, "constant of a polynomial"))
    return transcript.with_points("C", points).with_point("R", R).challenge_scalar("e")
