"""Sessions of honest signers, and arguments that are refused."""

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frost_bip340.deterministic import deterministic_sign
from frost_bip340.nonce import nonce_agg
from frost_bip340.session import SigningSession, interpolating_value
from frost_bip340.signing import aggregate, partial_sig_agg, partial_sig_verify, sign
from frost_bip340.tweak import TweakContext, derive, output_tweak
from native.curve import ORDER, lagrange
from native.secret import SecretSeed
from native.verify import verify_bip340
from protocol.errors import FaultyCoordinatorError, UsageError

from .parties import CHAIN_CODE, deal, fresh_nonce, pubnonces_of, random_tweaks, sign_all

MSG = b"message"
BAD_IDS = [-1, 3, 2**32, ORDER, True, 1.0, "1", None]


@pytest.fixture
def shares():
    return deal(2, 3, random.Random(1))


@given(st.integers(1, 6), st.integers(0, 3), st.randoms(use_true_random=False), st.binary(max_size=80))
def test_any_quorum_signs_any_message_under_any_tweaks(t, extra, rng, msg):
    shares = deal(t, t + extra, rng)
    signers = rng.sample(range(t + extra), rng.randint(t, t + extra))
    tweaks = random_tweaks(rng, rng.randint(0, 3))
    session, pubnonces, psigs = sign_all(shares, signers, msg, tweaks)
    key = TweakContext.of(shares[0].info.thresh_pk, tweaks).Q
    assert verify_bip340(aggregate(psigs, pubnonces, session), msg, key.x_bytes)


@pytest.mark.parametrize("merkle_root", [None, bytes(range(32))])
@pytest.mark.parametrize("path", [[], [0], [1, 5], [2**31 - 1]])
def test_child_key_signs_for_its_output_key(shares, path, merkle_root):
    child = derive(shares[0].info.thresh_pk, CHAIN_CODE, path)
    tweaks = [*child.tweaks, output_tweak(child.public_key, merkle_root)]
    output_key = TweakContext.of(child.public_key, tweaks[-1:]).Q
    session, pubnonces, psigs = sign_all(shares, [0, 2], MSG, tweaks)
    assert verify_bip340(aggregate(psigs, pubnonces, session), MSG, output_key.x_bytes)


def test_order_of_signers_is_no_part_of_the_session(shares):
    nonces = {i: fresh_nonce(shares[i]) for i in (2, 0, 1)}
    pubnonces = pubnonces_of(nonces)
    one = SigningSession.of(shares[0].info, pubnonces, MSG)
    other = SigningSession.of(shares[0].info, dict(sorted(pubnonces.items())), MSG)
    assert (one.b, one.R, one.e) == (other.b, other.R, other.e)
    psigs = {i: sign(nonces[i], shares[i], one if i else other) for i in nonces}
    assert verify_bip340(aggregate(psigs, pubnonces, one), MSG, one.key.Q.x_bytes)


@given(st.sets(st.integers(0, 127), min_size=1, max_size=20))
def test_interpolating_values_are_lagrange_weights(signers):
    ordered = sorted(signers)
    expected = lagrange([i + 1 for i in ordered])
    assert tuple(interpolating_value(ordered, i) for i in ordered) == expected


@pytest.mark.parametrize("bad", BAD_IDS, ids=repr)
def test_foreign_signer_is_refused(shares, bad):
    with pytest.raises(UsageError):
        SigningSession(shares[0].info, (0, bad), nonce_agg({0: fresh_nonce(shares[0]).pubnonce}), MSG)


@pytest.mark.parametrize("signers", [(), (0,), (0, 0), (0, 1, 1), (0, 1, 2, 0)])
def test_wrong_set_of_signers_is_refused(shares, signers):
    aggnonce = fresh_nonce(shares[0]).pubnonce
    with pytest.raises(UsageError):
        SigningSession(shares[0].info, signers, aggnonce, MSG)
    with pytest.raises(UsageError):
        deterministic_sign(shares[0], aggnonce, signers, MSG)


def test_unknown_scheme_is_refused(shares):
    with pytest.raises(UsageError, match="version"):
        SigningSession(shares[0].info, (0, 1), fresh_nonce(shares[0]).pubnonce, MSG, scheme="bip445/0.6.0")


@pytest.mark.parametrize("length", [0, 33, 65, 67])
def test_aggnonce_of_another_length_blames_the_coordinator(shares, length):
    with pytest.raises(FaultyCoordinatorError, match="aggnonce"):
        SigningSession(shares[0].info, (0, 1), (fresh_nonce(shares[0]).pubnonce * 2)[:length], MSG)


@pytest.mark.parametrize("length", [0, 65, 67, 300])
def test_aggothernonce_of_another_length_blames_the_coordinator(shares, length):
    with pytest.raises(FaultyCoordinatorError, match="aggothernonce"):
        deterministic_sign(shares[0], (fresh_nonce(shares[1]).pubnonce * 5)[:length], [0, 1], MSG)


def test_aggothernonce_must_be_absent_for_one_signer():
    (share,) = deal(1, 1, random.Random(2))
    with pytest.raises(UsageError, match="absent"):
        deterministic_sign(share, fresh_nonce(share).pubnonce, [0], MSG)
    pubnonce, psig = deterministic_sign(share, None, [0], MSG)
    session = SigningSession.of(share.info, {0: pubnonce}, MSG)
    assert verify_bip340(aggregate({0: psig}, {0: pubnonce}, session), MSG, session.key.Q.x_bytes)


def test_holder_of_no_signing_share_is_refused(shares):
    with pytest.raises(UsageError, match="missing"):
        deterministic_sign(shares[2], fresh_nonce(shares[1]).pubnonce, [0, 1], MSG)
    session, pubnonces, psigs = sign_all(shares, [0, 1], MSG)
    with pytest.raises(UsageError, match="missing"):
        sign(fresh_nonce(shares[2]), shares[2], session)
    with pytest.raises(UsageError, match="missing"):
        partial_sig_verify(psigs[0], pubnonces[0], 2, session)


def test_share_of_another_key_is_refused(shares):
    session, _, _ = sign_all(shares, [0, 1], MSG)
    other = deal(2, 3, random.Random(9))[0]
    with pytest.raises(UsageError, match="another key"):
        sign(fresh_nonce(other), other, session)


@pytest.mark.parametrize("epochs", [(0, 1), (1, 0), (3, 2)])
def test_share_of_another_epoch_is_refused(shares, epochs):
    share = replace(shares[0], epoch=epochs[0])
    session = replace(sign_all(shares, [0, 1], MSG)[0], epoch=epochs[1])
    with pytest.raises(UsageError, match="epoch"):
        sign(fresh_nonce(share), share, session)


@pytest.mark.parametrize("signers", [(0,), (0, 1, 2), (0, 2), ()])
def test_aggregate_needs_one_partial_signature_of_each_signer(shares, signers):
    session, pubnonces, psigs = sign_all(shares, [0, 1], MSG)
    wrong = dict.fromkeys(signers, psigs[0])
    with pytest.raises(UsageError):
        partial_sig_agg(wrong, session)
    with pytest.raises(UsageError):
        aggregate(wrong, pubnonces, session)


def test_aggregate_needs_the_nonces_of_the_session(shares):
    session, pubnonces, psigs = sign_all(shares, [0, 1], MSG)
    for wrong in ({0: pubnonces[0]}, {**pubnonces, 2: pubnonces[0]}, {0: pubnonces[1], 1: pubnonces[1]}):
        with pytest.raises(UsageError, match="nonces"):
            aggregate(psigs, wrong, session)


def test_replayed_deterministic_session_gives_the_same_signature(shares):
    other = fresh_nonce(shares[1]).pubnonce
    first = deterministic_sign(shares[0], other, [0, 1], MSG)
    assert deterministic_sign(shares[0], other, [1, 0], MSG) == first
    assert deterministic_sign(shares[0], other, [0, 1], MSG, (), SecretSeed.fresh()) != first


def test_deterministic_nonce_hangs_on_everything_signed(shares):
    others = [fresh_nonce(shares[i]).pubnonce for i in (1, 2)]
    tweaks = random_tweaks(random.Random(3), 2)
    runs = [
        deterministic_sign(shares[0], others[0], [0, 1], MSG),
        deterministic_sign(shares[0], others[0], [0, 2], MSG),
        deterministic_sign(shares[0], others[0], [0, 1, 2], MSG),
        deterministic_sign(shares[0], others[1], [0, 1], MSG),
        deterministic_sign(shares[0], others[0], [0, 1], b"another"),
        deterministic_sign(shares[0], others[0], [0, 1], MSG, tweaks),
        deterministic_sign(shares[0], others[0], [0, 1], MSG, tweaks[:1]),
        deterministic_sign(shares[1], others[0], [0, 1], MSG),
    ]
    assert len({run.pubnonce for run in runs}) == len(runs)
