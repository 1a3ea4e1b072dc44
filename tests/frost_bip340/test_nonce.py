"""A secret nonce gives one signature share, whatever happens."""

import copy
import os
import pickle
import random
import threading

import pytest

from frost_bip340.nonce import NonceContext, SecNonce, nonce_agg, nonce_gen
from frost_bip340.session import SigningSession
from frost_bip340.signing import sign
from native.curve import G
from native.errors import ForkedError
from native.secret import SecretScalars, SecretSeed
from protocol.errors import FaultyPartyError, SecretReuseError, UsageError

from .parties import deal, fresh_nonce, pubnonces_of

MSG = b"message"


@pytest.fixture
def shares():
    return deal(2, 3, random.Random(1))


def session_of(shares, secnonces, msg=MSG):
    return SigningSession.of(shares[0].info, pubnonces_of(secnonces), msg)


def test_second_signature_from_one_nonce_is_refused(shares):
    nonces = {i: fresh_nonce(shares[i]) for i in (0, 1)}
    sign(nonces[0], shares[0], session_of(shares, nonces))
    assert nonces[0].is_used
    for msg in (MSG, b"another message"):
        with pytest.raises(SecretReuseError):
            sign(nonces[0], shares[0], session_of(shares, nonces, msg))


def test_failed_signing_burns_the_nonce(shares):
    nonces = {i: fresh_nonce(shares[i]) for i in (0, 1)}
    with pytest.raises(UsageError):
        sign(nonces[0], shares[2], session_of(shares, nonces))
    with pytest.raises(SecretReuseError):
        sign(nonces[0], shares[0], session_of(shares, nonces))


@pytest.mark.parametrize(
    "duplicate",
    [copy.copy, copy.deepcopy, pickle.dumps, lambda nonce: nonce.__getstate__()],
    ids=["copy", "deepcopy", "pickle", "getstate"],
)
def test_nonce_cannot_be_duplicated(shares, duplicate):
    with pytest.raises(SecretReuseError):
        duplicate(fresh_nonce(shares[0]))


def test_forked_child_cannot_sign(shares):
    nonces = {i: fresh_nonce(shares[i]) for i in (0, 1)}
    session = session_of(shares, nonces)
    pid = os.fork()
    if pid == 0:
        try:
            sign(nonces[0], shares[0], session)
        except ForkedError:
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    sign(nonces[0], shares[0], session)


def test_one_of_many_threads_signs(shares):
    nonces = {i: fresh_nonce(shares[i]) for i in (0, 1)}
    session = session_of(shares, nonces)
    barrier, psigs, refused = threading.Barrier(16), [], []

    def run():
        barrier.wait()
        try:
            psigs.append(sign(nonces[0], shares[0], session))
        except SecretReuseError:
            refused.append(1)

    threads = [threading.Thread(target=run) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(psigs), len(refused)) == (1, 15)


def test_nonce_shows_nothing_of_itself(shares):
    nonce = fresh_nonce(shares[0])
    assert repr(nonce) == "SecNonce(unused)"
    k = nonce.take().declassify()
    assert repr(nonce) == "SecNonce(used)"
    assert k[:32].hex() not in repr(vars(type(nonce)))


@pytest.mark.parametrize(
    "context",
    [
        NonceContext(party=1),
        NonceContext(pubshare=G),
        NonceContext(thresh_pk=bytes(32)),
        NonceContext(msg=b"another message"),
    ],
    ids=["party", "pubshare", "key", "message"],
)
def test_nonce_signs_only_for_what_it_was_made_for(shares, context):
    nonces = {0: fresh_nonce(shares[0], context), 1: fresh_nonce(shares[1])}
    with pytest.raises(UsageError, match="another signature"):
        sign(nonces[0], shares[0], session_of(shares, nonces))
    assert nonces[0].is_used


def test_nonce_with_the_whole_context_signs(shares):
    context = NonceContext(0, shares[0].pubshare, shares[0].info.thresh_pk.x_bytes, MSG, b"session")
    nonces = {0: fresh_nonce(shares[0], context), 1: fresh_nonce(shares[1])}
    assert len(sign(nonces[0], shares[0], session_of(shares, nonces))) == 32


def test_fresh_randomness_gives_another_nonce_for_the_same_session(shares):
    context = NonceContext(0, shares[0].pubshare, bytes(32), MSG, b"session")
    assert len({fresh_nonce(shares[0], context).pubnonce for _ in range(8)}) == 8


def test_every_part_of_the_context_changes_the_nonce(shares):
    contexts = [
        NonceContext(),
        NonceContext(party=0),
        NonceContext(pubshare=G),
        NonceContext(thresh_pk=bytes(32)),
        NonceContext(msg=b""),
        NonceContext(msg=b"\x00"),
        NonceContext(extra_in=b"\x00"),
    ]
    secrets = [None, shares[0].secshare, shares[1].secshare]
    pubnonces = {
        nonce_gen(SecretSeed.from_bytes(bytes(32)), secshare, context).pubnonce
        for context in contexts
        for secshare in secrets
    }
    assert len(pubnonces) == len(contexts) * len(secrets)


@pytest.mark.parametrize(
    "context",
    [
        {"scheme": "bip445/0.8.0"},
        {"scheme": ""},
        {"thresh_pk": bytes(31)},
        {"thresh_pk": bytes(33)},
        {"party": -1},
        {"party": 128},
        {"party": True},
    ],
    ids=str,
)
def test_bad_context_is_refused(context):
    with pytest.raises(UsageError):
        NonceContext(**context)


@pytest.mark.parametrize("halves", [(0, 5), (5, 0), (0, 0)])
def test_zero_half_is_refused(halves):
    with pytest.raises(UsageError, match="range"):
        SecNonce(SecretScalars.from_bytes(b"".join(k.to_bytes(32, "big") for k in halves), 2))


@pytest.mark.parametrize("count", [1, 3])
def test_nonce_is_two_scalars(count):
    with pytest.raises(UsageError):
        SecNonce(SecretScalars.from_bytes(b"\x01" * 32 * count, count))


GOOD = bytes(G)
BAD_POINTS = {
    "infinity": bytes(33),
    "off the curve": b"\x02" + bytes(31) + b"\x05",
    "x not below p": b"\x02" + b"\xff" * 32,
    "hybrid": b"\x06" + GOOD[1:],
    "uncompressed tag": b"\x04" + GOOD[1:],
    "short": GOOD[:-1],
    "empty": b"",
}


@pytest.mark.parametrize("bad", BAD_POINTS.values(), ids=BAD_POINTS)
@pytest.mark.parametrize("half", [0, 1])
def test_every_bad_half_of_a_pubnonce_blames_its_signer(bad, half):
    pubnonce = bad + GOOD if half == 0 else GOOD + bad
    with pytest.raises(FaultyPartyError) as caught:
        nonce_agg({4: GOOD + GOOD, 2: pubnonce})
    assert caught.value.culprits == {2: "pubnonce"}


@pytest.mark.parametrize("length", [0, 33, 65, 67, 99, 132])
def test_pubnonce_of_another_length_blames_its_signer(length):
    with pytest.raises(FaultyPartyError) as caught:
        nonce_agg({0: (GOOD * 4)[:length]})
    assert caught.value.culprits == {0: "pubnonce"}


def test_all_signers_of_bad_pubnonces_are_named():
    with pytest.raises(FaultyPartyError) as caught:
        nonce_agg({0: bytes(66), 1: GOOD + GOOD, 5: b""})
    assert caught.value.culprits == {0: "pubnonce", 5: "pubnonce"}


def test_no_pubnonce_is_no_aggregate():
    with pytest.raises(UsageError):
        nonce_agg({})
