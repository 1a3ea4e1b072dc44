"""Key generation by honest parties, recovery, and arguments that are refused."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frost_bip340.dkg import coordinator_finalize, coordinator_step1, participant_step1, participant_step2
from frost_bip340.key_share import ThresholdInfo
from frost_bip340.params import HostPubkeyError, SessionParams, hostpubkey_gen
from frost_bip340.recovery import (
    coordinator_recover,
    participant_recover,
    recovery_ack_sign,
    recovery_acks_verify,
)
from frost_bip340.signing import aggregate
from frost_bip340.transcript import RecoveryDataError
from native.curve import G, Scalar, sum_points
from native.hashing import tagged_hash
from native.secret import SecretScalars, SecretSeed
from native.secret_scalar import random_scalars
from native.verify import verify_bip340
from protocol.errors import FaultyPartyError, UsageError

from .dkg_network import Network
from .parties import sign_all

MSG = b"message"


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 5), st.integers(0, 3), st.randoms(use_true_random=False))
def test_generated_key_signs_and_is_the_same_everywhere(t, extra, rng):
    n = t + extra
    network = Network(t, n)
    shares, final = network.run()
    assert all(share.info == final.info for share in shares)
    assert all(share.chain_code == final.chain_code for share in shares)
    assert {output.recovery_data for output in network.outputs} == {final.recovery_data}
    session, pubnonces, psigs = sign_all(shares, rng.sample(range(n), t), MSG)
    signature = aggregate(psigs, pubnonces, session)
    assert verify_bip340(signature, MSG, final.info.thresh_pk.x_bytes)


def test_extreme_sizes():
    network = Network(2, 128)
    coordinator = coordinator_step1(network.deal(), network.params)
    assert network.step2(127, coordinator.cmsg1).state.share.info == coordinator.state.info
    with pytest.raises(UsageError, match="128"):
        SessionParams.of([*network_keys(128), bytes(G)], 2)
    with pytest.raises(UsageError):
        SessionParams.of([], 0)


def network_keys(n):
    return [hostpubkey_gen(random_scalars()) for _ in range(n)]


def test_key_commits_to_the_empty_script_tree():
    network = Network(2, 3)
    _, final = network.run()
    P = sum_points(network.coordinator.state.transcript.sum_coms[:1])
    t_w = Scalar.from_bytes(tagged_hash("TapTweak", P.x_bytes))
    assert final.info.thresh_pk == P + t_w * G


def test_two_runs_share_nothing():
    network = Network(2, 3)
    first, second = network.run()[1], Network(2, 3, network.hostseckeys).run()[1]
    assert first.info.thresh_pk != second.info.thresh_pk
    assert first.chain_code != second.chain_code


def test_share_is_recovered_from_the_host_secret_key_and_public_data():
    network = Network(3, 5)
    shares, final = network.run()
    for hostseckey, share in zip(network.hostseckeys, shares, strict=True):
        recovered, params = participant_recover(hostseckey, final.recovery_data)
        assert params == network.params
        assert recovered.secshare.declassify() == share.secshare.declassify()
        assert (recovered.info, recovered.party, recovered.chain_code, recovered.epoch) == (
            share.info,
            share.party,
            share.chain_code,
            0,
        )
    watched = coordinator_recover(final.recovery_data)
    assert (watched.info, watched.params, watched.chain_code) == (
        final.info,
        network.params,
        final.chain_code,
    )


def test_every_changed_byte_of_recovery_data_is_noticed():
    network = Network(1, 2)
    _, final = network.run()
    for at in range(len(final.recovery_data)):
        damaged = bytearray(final.recovery_data)
        damaged[at] ^= 1
        with pytest.raises(RecoveryDataError):
            coordinator_recover(bytes(damaged))


@pytest.mark.parametrize("length", [0, 1, 4, 36, 37, 200, 423, 425, 100_000])
def test_recovery_data_of_another_length_is_refused(length):
    _, final = Network(1, 2).run()
    with pytest.raises(RecoveryDataError):
        coordinator_recover((final.recovery_data * 300)[:length])


def test_acknowledgments_prove_that_everybody_has_the_recovery_data():
    network = Network(2, 3)
    _, final = network.run()
    data, params = final.recovery_data, network.params
    acks = {
        i: recovery_ack_sign(key, data, params, SecretSeed.fresh())
        for i, key in enumerate(network.hostseckeys)
    }
    recovery_acks_verify(data, params, acks)
    with pytest.raises(FaultyPartyError) as caught:
        recovery_acks_verify(data, params, {**acks, 0: acks[1], 2: b""})
    assert caught.value.culprits == {2: "length"}
    with pytest.raises(FaultyPartyError) as caught:
        recovery_acks_verify(data, params, {**acks, 0: acks[1]})
    assert caught.value.culprits == {0: "recovery acknowledgment"}
    with pytest.raises(UsageError):
        recovery_acks_verify(data, params, {0: acks[0], 1: acks[1]})
    # the certificate is another purpose
    cert = final.cmsg2
    with pytest.raises(FaultyPartyError):
        recovery_acks_verify(data, params, {i: cert[64 * i : 64 * (i + 1)] for i in range(3)})
    other = Network(2, 3)
    for call in (
        lambda: recovery_acks_verify(data, other.params, acks),
        lambda: recovery_ack_sign(other.hostseckeys[0], data, other.params, SecretSeed.fresh()),
    ):
        with pytest.raises(RecoveryDataError, match="another session"):
            call()


def test_outsider_takes_no_part():
    network = Network(2, 3)
    stranger = random_scalars()
    with pytest.raises(UsageError, match="does not match"):
        participant_step1(stranger, network.params, random_scalars())
    first = participant_step1(network.hostseckeys[0], network.params, random_scalars())
    for key in (stranger, network.hostseckeys[1]):
        with pytest.raises(UsageError, match="does not match"):
            participant_step2(key, first.state, b"", SecretSeed.fresh())
    with pytest.raises(UsageError, match="does not match"):
        participant_recover(stranger, network.run()[1].recovery_data)


def test_host_secret_key_and_random_are_one_scalar_other_than_zero():
    network = Network(1, 1)
    zero, two = SecretScalars.from_bytes(bytes(32)), random_scalars(2)
    for bad in (zero, two):
        with pytest.raises(UsageError):
            hostpubkey_gen(bad)
        with pytest.raises(UsageError):
            participant_step1(network.hostseckeys[0], network.params, bad)


def test_missing_and_foreign_messages_are_refused():
    network = Network(2, 3)
    network.run()
    pmsgs1 = {i: step.pmsg1 for i, step in enumerate(network.steps1)}
    pmsgs2 = {i: step.pmsg2 for i, step in enumerate(network.steps2)}
    for change in ({0: None}, {3: b""}, {-1: b""}):
        for pmsgs, call in (
            (pmsgs1, lambda pmsgs: coordinator_step1(pmsgs, network.params)),
            (pmsgs2, lambda pmsgs: coordinator_finalize(network.coordinator.state, pmsgs)),
        ):
            changed = {i: pmsg for i, pmsg in {**pmsgs, **change}.items() if pmsg is not None}
            with pytest.raises(UsageError):
                call(changed)


@pytest.mark.parametrize("length", [0, 32, 34])
def test_host_public_key_of_another_length_is_refused(length):
    with pytest.raises(HostPubkeyError) as caught:
        SessionParams.of([bytes(G), (bytes(G) * 2)[:length]], 1)
    assert caught.value.parties == (1,)


def test_params_hash_hangs_on_threshold_and_order():
    keys = network_keys(3)
    hashes = [
        SessionParams.of(keys, 2).hash(),
        SessionParams.of(keys, 3).hash(),
        SessionParams.of(keys[::-1], 2).hash(),
        SessionParams.of(keys[:2], 2).hash(),
    ]
    assert len(set(hashes)) == 4


def test_shares_below_the_threshold_are_no_key():
    shares, final = Network(3, 4).run()
    pubshares = tuple(share.pubshare if share.party < 2 else None for share in shares)
    with pytest.raises(UsageError):
        ThresholdInfo(3, final.info.thresh_pk, pubshares)
    with pytest.raises(UsageError):
        ThresholdInfo(2, final.info.thresh_pk, pubshares)
