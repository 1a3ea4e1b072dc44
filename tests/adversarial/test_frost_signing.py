"""A signer or the coordinator of a BIP-445 session cheats in exactly one way."""

import random

import pytest

from frost_bip340 import signing
from frost_bip340.key_share import KeyShare
from frost_bip340.nonce import SecNonce, nonce_agg
from frost_bip340.session import SigningSession
from frost_bip340.signing import aggregate, sign
from frost_bip340.tweak import TweakContext, output_tweak
from native.curve import ORDER, G, Point
from native.errors import FaultError
from native.secret_scalar import negate, random_scalars
from native.verify import verify_bip340
from protocol.errors import FaultyPartyError, UnattributedAbort, UsageError
from tests.frost_bip340.parties import (
    CHAIN_CODE,
    deal,
    deal_polynomial,
    fresh_nonce,
    pubnonces_of,
    random_tweaks,
    sign_all,
)

MSG = b"message"


@pytest.fixture
def shares():
    return deal(3, 5, random.Random(1))


def plus_one(psig: bytes) -> bytes:
    return ((int.from_bytes(psig, "big") + 1) % ORDER).to_bytes(32, "big")


def blame(psigs, pubnonces, session):
    with pytest.raises(FaultyPartyError) as caught:
        aggregate(psigs, pubnonces, session)
    assert not any(psig.hex() in str(caught.value) for psig in psigs.values() if psig)
    return dict(caught.value.culprits)


@pytest.mark.parametrize("liars", [{0}, {4}, {0, 2}, {0, 2, 4}])
def test_wrong_partial_signatures_blame_all_who_sent_them(shares, liars):
    session, pubnonces, psigs = sign_all(shares, [0, 2, 4], MSG, random_tweaks(random.Random(2), 2))
    wrong = {i: plus_one(psig) if i in liars else psig for i, psig in psigs.items()}
    assert blame(wrong, pubnonces, session) == dict.fromkeys(liars, "psig")


@pytest.mark.parametrize(
    "psig",
    [value.to_bytes(32, "big") for value in (0, ORDER, ORDER + 1, 2**256 - 1)] + [b"", bytes(31), bytes(33)],
    ids=["zero", "n", "n+1", "max", "empty", "short", "long"],
)
def test_bad_scalar_blames_its_sender(shares, psig):
    session, pubnonces, psigs = sign_all(shares, [0, 2, 4], MSG)
    assert blame({**psigs, 2: psig}, pubnonces, session) == {2: "psig"}


def test_errors_that_cancel_out_harm_nobody(shares):
    session, pubnonces, psigs = sign_all(shares, [0, 2, 4], MSG)
    minus_one = ((int.from_bytes(psigs[4], "big") - 1) % ORDER).to_bytes(32, "big")
    signature = aggregate({**psigs, 0: plus_one(psigs[0]), 4: minus_one}, pubnonces, session)
    assert verify_bip340(signature, MSG, session.key.Q.x_bytes)


def test_partial_signature_of_an_outsider_is_no_ones(shares):
    session, pubnonces, psigs = sign_all(shares, [0, 2, 4], MSG)
    with pytest.raises(UsageError):
        aggregate({0: psigs[0], 2: psigs[2], 1: psigs[4]}, pubnonces, session)
    with pytest.raises(UsageError):
        aggregate({**psigs, 1: psigs[4]}, pubnonces, session)


def test_share_of_another_key_gives_no_valid_partial_signature(shares):
    # the intruder answers for participant 4 with a share of a key of its own
    intruder = deal(3, 5, random.Random(8))
    nonces = {i: fresh_nonce(shares[i]) for i in (0, 2, 4)}
    pubnonces = pubnonces_of(nonces)
    session = SigningSession.of(shares[0].info, pubnonces, MSG)
    psigs = {i: sign(nonces[i], shares[i], session) for i in (0, 2)}
    psigs[4] = sign(nonces[4], intruder[4], SigningSession.of(intruder[0].info, pubnonces, MSG))
    assert blame(psigs, pubnonces, session) == {4: "psig"}


def test_stale_share_is_refused_after_a_refresh():
    old, new = deal_polynomial([7, 1, 2], 5), deal_polynomial([7, 3, 4], 5, epoch=1)
    assert old[0].info.thresh_pk == new[0].info.thresh_pk
    nonces = {i: fresh_nonce(new[i]) for i in (0, 2, 4)}
    session = SigningSession.of(new[0].info, pubnonces_of(nonces), MSG, epoch=1)
    with pytest.raises(UsageError):
        sign(nonces[0], old[0], session)
    assert nonces[0].is_used
    # nor can it pass for a share of the new epoch
    with pytest.raises(UsageError, match="does not match"):
        KeyShare(new[0].info, 0, old[0].secshare, CHAIN_CODE, epoch=1)


def test_nonce_chosen_after_all_others_just_works(shares):
    rng = random.Random(3)
    honest = {i: fresh_nonce(shares[i]) for i in (0, 2)}
    # the rushing signer grinds its nonce for a property of the aggregate
    while True:
        last = fresh_nonce(shares[4])
        pubnonces = {**pubnonces_of(honest), 4: last.pubnonce}
        if nonce_agg(pubnonces)[32] % 8 == 0:
            break
    session = SigningSession.of(shares[0].info, pubnonces, MSG, random_tweaks(rng, 1))
    psigs = {i: sign(nonce, shares[i], session) for i, nonce in {**honest, 4: last}.items()}
    assert verify_bip340(aggregate(psigs, pubnonces, session), MSG, session.key.Q.x_bytes)


def cancelling_nonce(pubnonces: list[bytes]) -> bytes:
    total = nonce_agg(dict(enumerate(pubnonces)))
    return b"".join(bytes(-Point.from_bytes(half)) for half in (total[:33], total[33:]))


def test_nonce_that_cancels_all_others_blames_its_sender(shares):
    honest = {i: fresh_nonce(shares[i]) for i in (0, 2)}
    pubnonces = {**pubnonces_of(honest), 4: cancelling_nonce(list(pubnonces_of(honest).values()))}
    assert nonce_agg(pubnonces) == bytes(66)
    session = SigningSession.of(shares[0].info, pubnonces, MSG)
    assert session.R == G
    psigs = {i: sign(nonce, shares[i], session) for i, nonce in honest.items()}
    # it does not know its own nonce, so that no answer is right
    psigs[4] = bytes(32)
    assert blame(psigs, pubnonces, session) == {4: "psig"}


def test_all_signers_together_can_only_abort():
    shares = deal(2, 2, random.Random(4))
    k = fresh_nonce(shares[0]).take()
    nonces = {0: SecNonce(k), 1: SecNonce(negate(k))}
    pubnonces = pubnonces_of(nonces)
    session = SigningSession.of(shares[0].info, pubnonces, MSG)
    psigs = {i: sign(nonce, shares[i], session) for i, nonce in nonces.items()}
    with pytest.raises(UnattributedAbort) as caught:
        aggregate(psigs, pubnonces, session)
    assert caught.value.suspects == {0, 1}


@pytest.mark.parametrize("lie", ["message", "tweaks", "signers", "nonces"])
def test_signer_with_another_view_of_the_session_gives_no_valid_share_in_it(shares, lie):
    info = shares[0].info
    tweaks = (output_tweak(info.thresh_pk, None),)
    nonces = {i: fresh_nonce(shares[i]) for i in (0, 1, 2)}
    pubnonces = pubnonces_of(nonces)
    session = SigningSession.of(info, pubnonces, MSG, tweaks)
    swapped = {**pubnonces, 2: fresh_nonce(shares[2]).pubnonce}
    other = {
        "message": lambda: SigningSession.of(info, pubnonces, b"another", tweaks),
        "tweaks": lambda: SigningSession.of(info, pubnonces, MSG, ()),
        "signers": lambda: SigningSession(info, (0, 1, 3), session.aggnonce, MSG, tweaks),
        "nonces": lambda: SigningSession.of(info, swapped, MSG, tweaks),
    }[lie]()
    psigs = {i: sign(nonces[i], shares[i], other if i == 0 else session) for i in nonces}
    assert blame(psigs, pubnonces, session) == {0: "psig"}


@pytest.mark.parametrize("count", [0, 2])
def test_output_tweak_omitted_or_applied_twice_spends_nothing(shares, count):
    info = shares[0].info
    tweak = output_tweak(info.thresh_pk, None)
    output_key = TweakContext.of(info.thresh_pk, [tweak]).Q
    session, pubnonces, psigs = sign_all(shares, [0, 1, 2], MSG, [tweak] * count)
    signature = aggregate(psigs, pubnonces, session)
    assert not verify_bip340(signature, MSG, output_key.x_bytes)


def test_nonce_coefficient_binds_signers_nonces_key_and_message(shares):
    info = shares[0].info
    aggnonce, other = (fresh_nonce(shares[0]).pubnonce for _ in range(2))
    tweaks = random_tweaks(random.Random(5), 1)
    sessions = [
        SigningSession(info, (0, 1, 2), aggnonce, MSG),
        SigningSession(info, (0, 1, 3), aggnonce, MSG),
        SigningSession(info, (0, 1, 2, 3), aggnonce, MSG),
        SigningSession(info, (0, 1, 2), other, MSG),
        SigningSession(info, (0, 1, 2), aggnonce, b"another"),
        SigningSession(info, (0, 1, 2), aggnonce, MSG, tweaks),
    ]
    assert len({session.b.value for session in sessions}) == len(sessions)
    assert SigningSession(info, (2, 0, 1), aggnonce, MSG).b == sessions[0].b


def test_computing_mistake_releases_nothing(shares, monkeypatch):
    # a flipped bit in the arithmetic, whose result together with the right one would tell about the share
    monkeypatch.setattr(signing, "inner_product", lambda *_: random_scalars())
    nonces = {i: fresh_nonce(shares[i]) for i in (0, 2, 4)}
    session = SigningSession.of(shares[0].info, pubnonces_of(nonces), MSG)
    with pytest.raises(FaultError):
        sign(nonces[0], shares[0], session)
    assert nonces[0].is_used
