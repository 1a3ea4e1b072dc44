import random
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from native.curve import ORDER, G, Point, PointVector, Scalar
from native.errors import LengthError, RangeError
from native.hashing import tagged_hash
from native.secret import SecretScalars
from protocol import vss
from protocol.errors import UsageError
from protocol.ids import PartyId
from protocol.vss import (
    Commitment,
    bad_dealers,
    deal,
    expect_threshold,
    interpolate,
    interpolate_points,
    on_polynomial,
    place,
    weights,
)


def secret(*values: int) -> SecretScalars:
    data = b"".join((value % ORDER).to_bytes(32, "big") for value in values)
    return SecretScalars.from_bytes(data, len(values))


def numbers(scalars: SecretScalars) -> list[int]:
    data = scalars.declassify()
    return [int.from_bytes(data[at : at + 32], "big") for at in range(0, len(data), 32)]


def ids(*values: int) -> tuple[PartyId, ...]:
    return tuple(PartyId(value) for value in values)


@st.composite
def polynomials(draw: st.DrawFn) -> tuple[list[int], int]:
    n = draw(st.integers(1, 6))
    t = draw(st.integers(1, n))
    return draw(st.lists(st.integers(1, ORDER - 1), min_size=t, max_size=t)), n


@given(case=polynomials())
@settings(max_examples=30, deadline=None)
def test_every_threshold_subset_gives_the_secret_and_every_share(case: tuple[list[int], int]) -> None:
    f, n = case
    everybody = ids(*range(n))
    shares = deal(secret(*f), everybody)
    # plain Python as the oracle
    assert numbers(shares) == [sum(c * (i + 1) ** k for k, c in enumerate(f)) % ORDER for i in range(n)]
    commitment = Commitment.of(secret(*f))
    assert commitment.t == len(f)
    pubshares = commitment.pubshares(everybody)
    for subset in combinations(range(n), len(f)):
        part = SecretScalars.concat([shares.slice(i, 1) for i in subset])
        assert numbers(interpolate(part, ids(*subset))) == [f[0]]
        assert interpolate_points([pubshares[i] for i in subset], ids(*subset)) == commitment.public_secret
        for j in range(n):
            assert numbers(interpolate(part, ids(*subset), PartyId(j))) == [numbers(shares)[j]]
            points = [pubshares[i] for i in subset]
            assert interpolate_points(points, ids(*subset), PartyId(j)) == pubshares[j]


def test_share_opens_its_own_commitment_at_its_own_place_only() -> None:
    f = secret(5, 6, 7)
    commitment, shares = Commitment.of(f), deal(f, ids(0, 1, 2))
    for i in range(3):
        for j in range(3):
            assert commitment.opens_to(shares.slice(i, 1), PartyId(j)) == (i == j)
    assert not Commitment.of(secret(5, 6, 8)).opens_to(shares.slice(0, 1), PartyId(0))
    assert not commitment.opens_to(secret(numbers(shares)[0] + 1), PartyId(0))


def test_share_of_zero_is_told_from_a_wrong_one() -> None:
    # f(x) = 1 - x is zero at the place of party 0
    commitment = Commitment.of(secret(1, -1))
    assert commitment.opens_to(secret(0), PartyId(0))
    assert not commitment.opens_to(secret(0), PartyId(1))


def test_all_bad_dealers_are_named() -> None:
    rng = random.Random(7)
    polys = {PartyId(j): secret(*(rng.randrange(1, ORDER) for _ in range(2))) for j in range(4)}
    commitments = {j: Commitment.of(f) for j, f in polys.items()}
    shares = {j: deal(f, ids(9)) for j, f in polys.items()}
    assert bad_dealers(shares, commitments, PartyId(9)) == ()
    for j in ids(3, 1):
        shares[j] = secret(numbers(shares[j])[0] ^ 1)
    assert bad_dealers(shares, commitments, PartyId(9)) == (1, 3)


def test_errors_that_cancel_are_found() -> None:
    f = secret(5, 6)
    shares = {
        j: secret(numbers(deal(f, ids(9)))[0] + delta) for j, delta in zip(ids(0, 1), (1, -1), strict=True)
    }
    assert bad_dealers(shares, dict.fromkeys(ids(0, 1), Commitment.of(f)), PartyId(9)) == (0, 1)


def test_dealers_of_shares_and_commitments_must_be_the_same() -> None:
    f = secret(5)
    with pytest.raises(UsageError):
        bad_dealers({PartyId(0): f}, {PartyId(1): Commitment.of(f)}, PartyId(0))


def test_sum_of_commitments_commits_to_the_sum() -> None:
    a, b = secret(5, 6), secret(7, 8)
    assert Commitment.total([Commitment.of(a), Commitment.of(b)]) == Commitment.of(secret(12, 14))
    with pytest.raises(LengthError):
        Commitment.total([Commitment.of(a), Commitment.of(secret(1))])


def test_place_is_never_where_the_secret_is() -> None:
    assert place(PartyId(0)) == 1


@pytest.mark.parametrize("parties", [(), (1, 1), (-1,), (128,), (True,)])
def test_bad_parties_are_refused(parties: tuple[int, ...]) -> None:
    with pytest.raises(UsageError):
        weights(ids(*parties))
    if parties:
        with pytest.raises(UsageError):
            deal(secret(1, 2), ids(*parties))


@pytest.mark.parametrize(("t", "n"), [(0, 1), (2, 1), (1, 129), (-1, 2), (True, 2), (1, 2.0)])
def test_bad_thresholds_are_refused(t: int, n: int) -> None:
    with pytest.raises(UsageError):
        expect_threshold(t, n)
    expect_threshold(1, 1)
    expect_threshold(128, 128)


def test_counts_must_agree() -> None:
    with pytest.raises(LengthError):
        interpolate(secret(1, 2), ids(0))
    with pytest.raises(LengthError):
        interpolate_points([G], ids(0, 1))


def test_empty_commitment_and_zero_coefficient_are_refused() -> None:
    with pytest.raises(UsageError):
        Commitment(PointVector([]))
    with pytest.raises(RangeError):
        Commitment.of(secret(1, 0))


def test_weights_are_those_of_the_textbook() -> None:
    assert weights(ids(0, 1)) == (Scalar(2), Scalar(ORDER - 1))
    assert weights(ids(0, 1), at=PartyId(1)) == (Scalar(0), Scalar(1))


def test_commitment_may_hold_infinity() -> None:
    commitment = Commitment(PointVector([Point.infinity(), G]))
    assert commitment.opens_to(secret(3), PartyId(2))


def drawn(monkeypatch: pytest.MonkeyPatch, t: int, places: list[int], points: list[Point]) -> list[bytes]:
    """The coefficients of the random polynomial by which points are judged."""
    made = []

    def noted(tag: str, *items: bytes) -> bytes:
        made.append(tagged_hash(tag, *items))
        return made[-1]

    monkeypatch.setattr(vss, "tagged_hash", noted)
    on_polynomial(t, places, points)
    return made[1:]  # behind their seed


def test_points_are_judged_by_what_nobody_knows_before_they_are_chosen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    points = [Scalar(k) * G for k in (5, 6, 8, 11)]
    made = [
        *drawn(monkeypatch, 2, [0, 1, 2, 3], points),
        *drawn(monkeypatch, 2, [0, 1, 2, 4], points),
        *drawn(monkeypatch, 1, [0, 1, 2, 3], points),
        *drawn(monkeypatch, 2, [0, 1, 2, 3], [*points[:3], Scalar(12) * G]),
    ]
    assert len(set(made)) == 2 + 2 + 3 + 2
