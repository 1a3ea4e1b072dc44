"""Pi-sch of CGGMP24 (ePrint 2021/060): knowledge of x with X = x G, A = tau G being fixed before X is known.

DEVIATION: a challenge is in [0, q) instead of +-q.
"""

from dataclasses import dataclass
from typing import Self

from native.curve import G, Point, Scalar, mul_base, multi_mul
from native.secret import SecretScalars
from native.secret_scalar import add, random_scalars, scale
from protocol.transcript import Domain, Transcript


@dataclass(frozen=True, slots=True, eq=False)
class SchCommitment:
    """The first move of a prover.

    Args:
        tau: the mask, to be used for one response only.
        A: tau G.
    """

    tau: SecretScalars
    A: Point

    @classmethod
    def fresh(cls) -> Self:
        """Draw a mask."""
        tau = random_scalars()
        return cls(tau, mul_base(tau)[0])


def _challenge(domain: Domain, context: bytes, X: Point, A: Point) -> Scalar:
    return (
        Transcript(domain)
        .with_bytes("context", context)
        .with_point("X", X)
        .with_point("A", A)
        .challenge_scalar("e")
    )


def respond(domain: Domain, context: bytes, commitment: SchCommitment, x: SecretScalars) -> Scalar:
    """Return z = tau + e x.

    Args:
        domain: where the proof belongs.
        context: what it is bound to besides, such as rid.
        commitment: the first move.
        x: the witness, one scalar.

    Security:
        Two responses of one commitment reveal x.
    """
    e = _challenge(domain, context, mul_base(x)[0], commitment.A)
    return Scalar.from_bytes(add(commitment.tau, scale(x, [e])).declassify())


def holds(domain: Domain, context: bytes, X: Point, A: Point, z: Scalar) -> bool:
    """Tell whether z G = A + e X, with neither A nor X infinity."""
    if A.is_infinity or X.is_infinity:
        return False
    e = _challenge(domain, context, X, A)
    return multi_mul([z, -e, -Scalar(1)], [G, X, A]).is_infinity
