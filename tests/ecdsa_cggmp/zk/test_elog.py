"""Pi-elog: statements of which one point is another, with what an honest prover makes of its witness."""

from dataclasses import replace

import pytest

from ecdsa_cggmp.zk import elog
from ecdsa_cggmp.zk.wire import point_items
from native.curve import G, PointVector, Scalar, mul_add_secret, mul_base, mul_secret
from native.secret_scalar import random_scalars

from .cases import DOMAIN

CONTEXT = bytes(range(32))


def proved(other: str | None) -> tuple[elog.ElogStatement, elog.ElogProofs]:
    """Two proofs; in the second statement one of L, M and Y is another point than the witness makes."""
    lambda_, y = random_scalars(2), random_scalars(2)
    X, H = mul_base(random_scalars(2)), mul_base(random_scalars(2))
    points = {"L": mul_base(lambda_), "M": mul_add_secret(y, lambda_, X), "Y": mul_secret(y, H)}
    if other:
        points[other] = PointVector([points[other][0], points[other][1] + G])
    statement = elog.ElogStatement(X=X.xy, H=H.xy, **{name: column.xy for name, column in points.items()})
    return statement, elog.prove(DOMAIN, CONTEXT, statement, elog.ElogWitness(y, lambda_))


@pytest.mark.parametrize("other", [None, "L", "M", "Y"])
def test_each_point_is_checked_by_its_own_equation(other: str | None) -> None:
    statement, proofs = proved(other)
    assert elog.failed(DOMAIN, CONTEXT, statement, proofs) == ((1,) if other else ())
    assert elog.holds(DOMAIN, CONTEXT, statement, proofs, 0)
    assert elog.holds(DOMAIN, CONTEXT, statement, proofs, 1) is (other is None)


def test_a_proof_of_one_point_is_none_of_another() -> None:
    statement, proofs = proved(None)
    swapped = replace(statement, L=statement.Y, Y=statement.L)
    assert elog.failed(DOMAIN, CONTEXT, swapped, proofs) == (0, 1)


def test_commitments_solved_after_the_challenge_are_rejected() -> None:
    """A, N and B of responses and a challenge that the prover likes, for a statement that is false (A-Z6)."""
    statement, _ = proved("Y")
    L, M, X, Y, H = (
        point_items(column)[1] for column in (statement.L, statement.M, statement.X, statement.Y, statement.H)
    )
    e, z, u = Scalar(3), Scalar(5), Scalar(7)
    A, N, B = z * G - e * L, u * G + z * X - e * M, u * H - e * Y
    wrong = elog.ElogStatement(*(point.xy for point in (L, M, X, Y, H)))
    commitment = elog.ElogCommitment(A.xy, N.xy, B.xy)
    proofs = elog.ElogProofs(1, commitment, elog.ElogResponse(bytes(z), bytes(u)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(elog, "_challenges", lambda *_: bytes(e))
        assert elog.holds(DOMAIN, CONTEXT, wrong, proofs, 0)
    assert not elog.holds(DOMAIN, CONTEXT, wrong, proofs, 0)
    assert elog.failed(DOMAIN, CONTEXT, wrong, proofs) == (0,)
