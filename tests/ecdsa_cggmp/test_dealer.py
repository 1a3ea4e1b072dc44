"""A dealer splits an ECDSA key that exists, and t shares bring it back; details in tests/frost_bip340."""

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecdsa_cggmp.dealer import deal_as_trusted_dealer
from ecdsa_cggmp.key_share import KeyShare
from ecdsa_cggmp.reconstruct import reconstruct_whole_key
from native.curve import ORDER, G, mul_base
from native.errors import FaultError
from native.secret import SecretScalars, SecretSeed
from protocol.errors import UsageError
from protocol.ids import Epoch
from tests.ecdsa_cggmp.keygen_cheats import Keygen
from tests.ecdsa_cggmp.network import CHAIN_CODE, dealt
from tests.ecdsa_cggmp.resharing_run import presign_and_sign


def secret(value: int) -> SecretScalars:
    return SecretScalars.from_bytes(value.to_bytes(32, "big"))


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 5), st.integers(0, 3), st.integers(1, ORDER - 1), st.binary(min_size=32, max_size=32))
def test_dealt_shares_give_the_key_back(t, extra, key, seed):
    n = t + extra
    shares = deal_as_trusted_dealer(secret(key), t, n, CHAIN_CODE, SecretSeed.from_bytes(seed))
    assert [share.party for share in shares] == list(range(n))
    assert {share.chain_code for share in shares} == {CHAIN_CODE}
    sharing = shares[0].sharing
    assert (sharing.key, sharing.t, sharing.n, sharing.epoch) == (mul_base(secret(key))[0], t, n, 0)
    rng = random.Random(seed)
    some = rng.sample(list(shares), rng.randint(t, n))
    assert int.from_bytes(reconstruct_whole_key(some).declassify(), "big") == key


def test_imported_key_signs_and_a_generated_one_is_exported():
    assert presign_and_sign(deal_as_trusted_dealer(secret(ORDER - 1), 2, 3, CHAIN_CODE), [0, 2])
    outcomes = Keygen(3, 2).run()
    shares = [outcome.result for outcome in outcomes.values()]
    assert mul_base(reconstruct_whole_key(shares[1:]))[0] == shares[0].sharing.key


@pytest.mark.parametrize(("t", "n"), [(0, 3), (4, 3), (1, 0), (1, 129), (True, 3)])
def test_dealer_refuses_bad_thresholds(t, n):
    with pytest.raises(UsageError):
        deal_as_trusted_dealer(secret(7), t, n, CHAIN_CODE)


@pytest.mark.parametrize("t", [1, 2])
def test_dealer_refuses_what_is_no_key_or_no_chain_code(t):
    for key in (secret(0), SecretScalars.concat([secret(1), secret(2)])):
        with pytest.raises(UsageError):
            deal_as_trusted_dealer(key, t, 3, CHAIN_CODE)
    for length in (31, 33):
        with pytest.raises(UsageError):
            deal_as_trusted_dealer(secret(7), t, 3, bytes(length))


def test_reconstruction_needs_t_different_shares_of_one_key_and_epoch():
    shares, foreign = dealt(4, 3), dealt(4, 3)
    newer = replace(shares[0].sharing, epoch=Epoch(1))
    stale = KeyShare(newer, shares[1].party, shares[1].secshare, CHAIN_CODE)
    for some, reason in (
        ([], "no share"),
        (shares[:2], "3 shares"),
        ([shares[0], shares[1], shares[1]], "twice"),
        ([*shares[:3], foreign[3]], "party 3 is of another key"),
        ([shares[0], stale, shares[2]], "party 1 is of another epoch"),
    ):
        with pytest.raises(UsageError, match=reason):
            reconstruct_whole_key(some)


def test_key_that_is_not_the_public_one_is_not_released():
    shares = dealt(3, 2)
    other = replace(shares[0].sharing, key=shares[0].sharing.key + G)
    wrong = [KeyShare(other, share.party, share.secshare, CHAIN_CODE) for share in shares]
    with pytest.raises(FaultError):
        reconstruct_whole_key(wrong)
