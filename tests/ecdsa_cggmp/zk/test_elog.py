"""Pi-elog: statements of which one point is another, with what an honest prover makes of its witness."""

from dataclasses import replace

import pytest

from ecdsa_cggmp.zk import elog
from native.curve import G, PointVector, mul_add_secret, mul_base, mul_secret
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
