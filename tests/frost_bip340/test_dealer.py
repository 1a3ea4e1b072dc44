"""A dealer splits a key that exists, and t shares bring it back."""

import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frost_bip340.dealer import deal_as_trusted_dealer
from frost_bip340.key_share import KeyShare
from frost_bip340.reconstruct import reconstruct_whole_key
from native.curve import ORDER, mul_base
from native.secret import SecretScalars, SecretSeed
from protocol.errors import UsageError

from .parties import CHAIN_CODE, deal
from .resharing_run import every_quorum_signs, signs

SEED = bytes(range(1, 33))


def secret(value: int) -> SecretScalars:
    return SecretScalars.from_bytes(value.to_bytes(32, "big"))


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 5), st.integers(0, 3), st.integers(1, ORDER - 1), st.binary(min_size=32, max_size=32))
def test_dealt_shares_sign_for_the_imported_key_and_give_it_back(t, extra, key, seed):
    n = t + extra
    shares = deal_as_trusted_dealer(secret(key), t, n, CHAIN_CODE, SecretSeed.from_bytes(seed))
    assert shares[0].info.thresh_pk == mul_base(secret(key))[0]
    assert [share.party for share in shares] == list(range(n))
    assert {share.epoch for share in shares} == {0}
    rng = random.Random(seed)
    assert signs(list(shares), rng.sample(range(n), rng.randint(t, n)))
    some = rng.sample(list(shares), rng.randint(t, n))
    assert int.from_bytes(reconstruct_whole_key(some).declassify(), "big") == key


def test_every_quorum_of_dealt_shares_signs_and_reconstructs():
    shares = list(deal_as_trusted_dealer(secret(ORDER - 1), 3, 5, CHAIN_CODE))
    assert every_quorum_signs(shares)
    for subset in itertools.combinations(shares, 3):
        assert reconstruct_whole_key(subset).declassify() == (ORDER - 1).to_bytes(32, "big")


def test_same_seed_deals_the_same_and_fresh_randomness_does_not():
    one, same = (
        deal_as_trusted_dealer(secret(7), 2, 3, CHAIN_CODE, SecretSeed.from_bytes(SEED)) for _ in range(2)
    )
    assert one[0].info == same[0].info
    other = deal_as_trusted_dealer(secret(7), 2, 3, CHAIN_CODE)
    assert other[0].info.thresh_pk == one[0].info.thresh_pk
    assert other[0].info.pubshares != one[0].info.pubshares


@pytest.mark.parametrize(
    ("t", "n"), [(0, 3), (-1, 3), (4, 3), (1, 0), (1, 129), (129, 129), (True, 3), (2.0, 3)]
)
def test_dealer_refuses_bad_thresholds(t, n):
    with pytest.raises(UsageError):
        deal_as_trusted_dealer(secret(7), t, n, CHAIN_CODE)


@pytest.mark.parametrize("t", [1, 2])
def test_dealer_refuses_what_is_no_key_or_no_chain_code(t):
    with pytest.raises(UsageError):
        deal_as_trusted_dealer(secret(0), t, 3, CHAIN_CODE)
    with pytest.raises(UsageError):
        deal_as_trusted_dealer(
            SecretScalars.from_bytes(bytes(31) + b"\1" + bytes(31) + b"\2", 2), t, 3, CHAIN_CODE
        )
    for length in (0, 31, 33):
        with pytest.raises(UsageError):
            deal_as_trusted_dealer(secret(7), t, 3, bytes(length))


def test_largest_group_is_dealt():
    assert len(deal_as_trusted_dealer(secret(7), 128, 128, CHAIN_CODE)) == 128


def test_reconstruction_needs_t_different_shares_of_one_key():
    rng = random.Random(1)
    shares, foreign = deal(3, 5, rng), deal(3, 5, rng)
    with pytest.raises(UsageError, match="no share"):
        reconstruct_whole_key([])
    with pytest.raises(UsageError, match="3 shares"):
        reconstruct_whole_key(shares[:2])
    with pytest.raises(UsageError, match="twice"):
        reconstruct_whole_key([shares[0], shares[1], shares[1]])
    with pytest.raises(UsageError, match="party 4 is of another key"):
        reconstruct_whole_key([*shares[:3], foreign[4]])
    stale = shares[1]
    newer = KeyShare(stale.info, stale.party, stale.secshare, CHAIN_CODE, stale.epoch + 1)
    with pytest.raises(UsageError, match="party 1 is of another epoch"):
        reconstruct_whole_key([shares[0], newer, shares[2]])


def test_reconstructed_key_is_a_handle_that_shows_nothing():
    key = reconstruct_whole_key(deal_as_trusted_dealer(secret(7), 2, 3, CHAIN_CODE))
    assert type(key) is SecretScalars
    assert repr(key) == "SecretScalars(count=1)"
