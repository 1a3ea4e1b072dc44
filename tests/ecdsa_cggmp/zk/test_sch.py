"""Pi-sch and the equations of points that are checked together."""

from dataclasses import replace

import pytest

from ecdsa_cggmp.zk import curve_equations, sch
from ecdsa_cggmp.zk.curve_equations import failed_equations
from native.curve import ORDER, G, Point, Scalar, mul_base
from native.entropy import random_bytes
from native.secret_scalar import random_scalars

from .cases import DOMAIN, OTHER_DOMAINS

RID = bytes(range(32))


@pytest.fixture(scope="module")
def proof() -> tuple[Point, Point, Scalar]:
    x, commitment = random_scalars(), sch.SchCommitment.fresh()
    return mul_base(x)[0], commitment.A, sch.respond(DOMAIN, RID, commitment, x)


def test_a_proof_holds_in_its_place_only(proof) -> None:
    assert sch.holds(DOMAIN, RID, *proof)
    assert not sch.holds(DOMAIN, bytes(32), *proof)
    for place in OTHER_DOMAINS.values():
        assert not sch.holds(place, RID, *proof)


def test_each_broken_value_is_rejected(proof) -> None:
    X, A, z = proof
    assert not sch.holds(DOMAIN, RID, X + G, A, z)
    assert not sch.holds(DOMAIN, RID, X, A + G, z)
    assert not sch.holds(DOMAIN, RID, X, A, z + Scalar(1))
    assert not sch.holds(DOMAIN, RID, X, A, Scalar(0))


def test_infinity_is_rejected_though_its_equation_holds(proof) -> None:
    X, A, z = proof
    infinity = Point.infinity()
    assert not sch.holds(DOMAIN, RID, infinity, Scalar(5) * G, Scalar(5))
    assert not sch.holds(DOMAIN, RID, infinity, infinity, Scalar(0))
    e = sch._challenge(DOMAIN, RID, G, infinity)
    assert not sch.holds(DOMAIN, RID, G, infinity, e)
    assert not sch.holds(DOMAIN, RID, X, infinity, z)
    assert not sch.holds(DOMAIN, RID, infinity, A, z)


def test_a_statement_solved_after_the_challenge_is_rejected(proof) -> None:
    X, A, _ = proof
    e, z = sch._challenge(DOMAIN, RID, X, A), Scalar(7)
    # A = z G - e X and X = (z G - A) / e
    assert not sch.holds(DOMAIN, RID, X, z * G - e * X, z)
    assert not sch.holds(DOMAIN, RID, e.invert() * (z * G - A), A, z)


def equation(error: int = 0) -> list[tuple[Scalar, Point]]:
    P = Scalar(9) * G
    return [(Scalar(3), P), (-Scalar(27) + Scalar(error), G)]


def test_every_wrong_equation_is_found_among_many() -> None:
    assert failed_equations([]) == ()
    assert failed_equations([equation()] * 5) == ()
    assert failed_equations([equation(), equation(1), equation(), equation(2)]) == (1, 3)
    # errors that cancel without weights
    q = Scalar(0) - Scalar(1)
    assert failed_equations([equation(1), equation(int(q))]) == (0, 1)


def test_a_replaced_domain_is_another_one() -> None:
    assert bytes(replace(DOMAIN, instance=6)) != bytes(DOMAIN)


def test_weights_are_drawn_anew_and_have_128_bits(monkeypatch) -> None:
    drawn: list[bytes] = []

    def draw(count: int) -> bytes:
        drawn.append(random_bytes(count))
        return drawn[-1]

    monkeypatch.setattr(curve_equations, "random_bytes", draw)
    for _ in range(2):
        failed_equations([equation(), equation()])
    assert [len(data) for data in drawn] == [32, 32]
    assert drawn[0] != drawn[1]
    # errors that cancel under these very weights
    first, second = (int.from_bytes(drawn[0][at : at + 16], "big") for at in (0, 16))
    monkeypatch.setattr(curve_equations, "random_bytes", lambda _: drawn[0])
    assert failed_equations([equation(second), equation(-first % ORDER)]) == ()
    monkeypatch.undo()
    assert failed_equations([equation(second), equation(-first % ORDER)]) == (0, 1)
