"""Sessions that mix our signers with those of ecc, another implementation of BIP-445 0.12.1."""

import random

import pytest
from ecc.ecc import frost as ecc

from frost_bip340.deterministic import deterministic_sign
from frost_bip340.nonce import NonceContext, nonce_agg, nonce_gen
from frost_bip340.session import SigningSession
from frost_bip340.signing import aggregate, partial_sig_verify, sign
from native.secret import SecretSeed
from native.verify import verify_bip340

from .parties import deal, fresh_nonce, random_tweaks

SEEDS = range(24)


def setting(seed):
    """Draw a key, its signers, a tweak list and a message."""
    rng = random.Random(seed)
    n = rng.randint(1, 7)
    t = rng.randint(1, n)
    shares = deal(t, n, rng)
    signers = rng.sample(range(n), rng.randint(t, n))
    msg = rng.randbytes(rng.choice([0, 32, 38]))
    return rng, shares, signers, msg, random_tweaks(rng, rng.randint(0, 4))


def lists(tweaks):
    return [bytes(tweak.value) for tweak in tweaks], [tweak.is_xonly for tweak in tweaks]


def their_session(info, signers, aggnonce, tweaks, msg):
    pubshares = [bytes(info.pubshares[i]) for i in signers]
    return ecc.SessionContext(
        info.n, info.t, signers, pubshares, bytes(info.thresh_pk), aggnonce, *lists(tweaks), msg
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_mixed_signers_make_a_valid_signature(seed):
    rng, shares, signers, msg, tweaks = setting(seed)
    info = shares[0].info
    theirs = {i for i in signers if rng.random() < 0.5}
    our_nonces = {i: fresh_nonce(shares[i]) for i in signers if i not in theirs}
    their_nonces = {i: ecc.nonce_gen(shares[i].secshare.declassify(), i) for i in theirs}
    pubnonces = {i: bytes(their_nonces[i][1]) if i in theirs else our_nonces[i].pubnonce for i in signers}
    aggnonce = nonce_agg(pubnonces)
    assert aggnonce == ecc.nonce_agg_var(list(pubnonces.values()))

    ours = SigningSession.of(info, pubnonces, msg, tweaks)
    context = their_session(info, signers, aggnonce, tweaks, msg)
    psigs = {
        i: ecc.sign(their_nonces[i][0], shares[i].secshare.declassify(), i, context)
        if i in theirs
        else sign(our_nonces[i], shares[i], ours)
        for i in signers
    }
    for index, i in enumerate(signers):
        assert partial_sig_verify(psigs[i], pubnonces[i], i, ours)
        assert ecc.partial_sig_verify_(psigs[i], i, pubnonces[i], context.pub_shares[index], context)
    signature = aggregate(psigs, pubnonces, ours)
    assert signature == ecc.partial_sig_agg([psigs[i] for i in signers], context).serialize()
    assert verify_bip340(signature, msg, ours.key.Q.x_bytes)


@pytest.mark.parametrize("seed", SEEDS)
def test_nonces_are_those_of_ecc(seed):
    rng, shares, signers, msg, _ = setting(seed)
    share, rand, extra_in = shares[signers[0]], rng.randbytes(32), rng.randbytes(5)

    def maybe(value):
        return value if rng.random() < 0.6 else None

    context = NonceContext(
        maybe(share.party),
        maybe(share.pubshare),
        maybe(rng.randbytes(32)),
        maybe(msg),
        maybe(extra_in) or b"",
    )
    secshare = maybe(share.secshare)
    secnonce = nonce_gen(SecretSeed.from_bytes(rand), secshare, context)
    expected = ecc.nonce_gen_(
        rand,
        None if secshare is None else secshare.declassify(),
        context.party,
        None if context.pubshare is None else bytes(context.pubshare),
        context.thresh_pk,
        context.msg,
        context.extra_in,
    )
    assert (secnonce.take().declassify(), secnonce.pubnonce) == (bytes(expected[0]), expected[1])


@pytest.mark.parametrize("seed", SEEDS)
def test_deterministic_signatures_are_those_of_ecc(seed):
    rng, shares, signers, msg, tweaks = setting(seed)
    share, info = shares[signers[0]], shares[0].info
    others = {i: fresh_nonce(shares[i]).pubnonce for i in signers[1:]}
    aggothernonce = nonce_agg(others) if others else None
    aux_rand = rng.choice([None, rng.randbytes(32)])
    seed32 = None if aux_rand is None else SecretSeed.from_bytes(aux_rand)
    ours = deterministic_sign(share, aggothernonce, signers, msg, tweaks, seed32)
    theirs = ecc.deterministic_sign(
        share.secshare.declassify(),
        share.party,
        aggothernonce,
        info.n,
        info.t,
        signers,
        None,
        bytes(info.thresh_pk),
        *lists(tweaks),
        msg,
        aux_rand,
    )
    assert tuple(ours) == tuple(map(bytes, theirs))
