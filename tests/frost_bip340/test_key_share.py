"""Key material that exists is consistent."""

import copy
import itertools
import pickle
import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frost_bip340.key_share import KeyShare, ThresholdInfo
from native.curve import G, Point, Scalar, mul_base
from native.secret import SecretScalars
from native.secret_scalar import eval_polynomial, random_scalars
from protocol.errors import UsageError

from .parties import CHAIN_CODE, deal


@given(st.integers(1, 8), st.integers(0, 4), st.randoms(use_true_random=False))
def test_absent_public_shares_are_interpolated(t, extra, rng):
    info = deal(t, t + extra, rng)[0].info
    present = set(rng.sample(range(info.n), t))
    partial = ThresholdInfo(
        t, info.thresh_pk, tuple(P if i in present else None for i, P in enumerate(info.pubshares))
    )
    assert [partial.pubshare(i) for i in range(info.n)] == list(info.pubshares)


@given(st.integers(1, 6), st.integers(0, 4), st.randoms(use_true_random=False))
def test_one_wrong_point_is_noticed(t, extra, rng):
    info = deal(t, t + extra, rng)[0].info
    at = rng.randrange(info.n + 1)
    if at == info.n:
        with pytest.raises(UsageError):
            replace(info, thresh_pk=info.thresh_pk + G)
    else:
        pubshares = [P + G if i == at else P for i, P in enumerate(info.pubshares)]
        with pytest.raises(UsageError):
            replace(info, pubshares=tuple(pubshares))


@pytest.mark.parametrize(("t", "n"), [(1, 1), (1, 128), (2, 128), (128, 128)])
def test_extreme_sizes_are_accepted(t, n):
    assert deal(t, n, random.Random(t))[0].info.n == n


@pytest.mark.parametrize(("t", "n"), [(0, 1), (-1, 2), (3, 2), (1, 0), (2, 129), (129, 129)])
def test_sizes_outside_the_limits_are_refused(t, n):
    with pytest.raises(UsageError):
        ThresholdInfo(t, G, (G,) * n)


@pytest.mark.parametrize(("t", "n"), [(1, 1), (1, 3), (2, 3), (5, 5), (7, 10)])
def test_commitments_give_the_same_as_their_public_shares(t, n):
    coefficients = random_scalars(t)
    pubshares = mul_base(eval_polynomial(coefficients, range(1, n + 1)))
    coms = mul_base(coefficients)
    assert ThresholdInfo.of_commitments(coms, n) == ThresholdInfo(t, coms[0], tuple(pubshares))


def test_commitments_to_a_public_share_at_infinity_are_refused():
    for coms in ([Point.infinity(), G], [-G, G], [Scalar(2) * G, -G]):
        with pytest.raises(UsageError):
            ThresholdInfo.of_commitments(coms, 3)
    for coms, n in (([], 3), ([G, G], 1), ([G], 129)):
        with pytest.raises(UsageError):
            ThresholdInfo.of_commitments(coms, n)


def test_infinity_is_refused():
    with pytest.raises(UsageError, match="thresh_pk"):
        ThresholdInfo(1, Point.infinity(), (G,))
    with pytest.raises(UsageError, match="index 1"):
        ThresholdInfo(1, G, (G, Point.infinity()))


@pytest.mark.parametrize("party", [-1, 3, True, 0.0, "0", None])
def test_unknown_participant_has_no_public_share(party):
    info = deal(2, 3, random.Random(2))[0].info
    with pytest.raises(UsageError):
        info.pubshare(party)


def test_share_must_match_its_public_share():
    shares = deal(2, 3, random.Random(3))
    info, secshare = shares[0].info, shares[0].secshare
    for other in (1, 2, 3, -1):
        with pytest.raises(UsageError):
            KeyShare(info, other, secshare, CHAIN_CODE)
    with pytest.raises(UsageError, match="range"):
        KeyShare(info, 0, SecretScalars.from_bytes(bytes(32)), CHAIN_CODE)
    with pytest.raises(UsageError, match="one scalar"):
        KeyShare(info, 0, SecretScalars.concat([secshare, secshare]), CHAIN_CODE)
    with pytest.raises(UsageError, match="epoch"):
        KeyShare(info, 0, secshare, CHAIN_CODE, -1)
    for length in (0, 31, 33):
        with pytest.raises(UsageError, match="chain code"):
            KeyShare(info, 0, secshare, bytes(length))


def test_share_shows_and_gives_nothing_of_its_secret():
    share = deal(2, 3, random.Random(4))[0]
    assert share.secshare.declassify().hex() not in repr(share)
    for duplicate in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError):
            duplicate(share)


def test_every_t_shares_hold_the_same_secret():
    shares = deal(3, 5, random.Random(5))
    points = [mul_base(share.secshare)[0] for share in shares]
    for subset in itertools.combinations(range(5), 3):
        kept = tuple(points[i] if i in subset else None for i in range(5))
        assert ThresholdInfo(3, shares[0].info.thresh_pk, kept).t == 3
