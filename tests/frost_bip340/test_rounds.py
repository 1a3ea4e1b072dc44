"""Key generation and signing as sessions on the engine."""

import random

import pytest

from frost_bip340 import keygen_rounds
from frost_bip340.params import SessionParams
from frost_bip340.signing_rounds import SPEC, Input, SigningRequest, participate
from frost_bip340.tweak import TweakContext
from native.secret import SecretSeed
from native.secret_scalar import random_scalars
from native.verify import verify_bip340
from protocol.codec import decode
from protocol.driver import Tamper
from protocol.errors import EncodingError, UsageError
from protocol.header import PARAMS_LIMIT
from protocol.ids import COORDINATOR

from .parties import deal, random_tweaks
from .rounds_network import Parties


@pytest.mark.parametrize(("t", "n"), [(1, 1), (2, 3), (3, 3), (5, 7)])
def test_generated_key_signs_all_inputs_of_a_transaction(t, n):
    parties, rng = Parties(n), random.Random(t)
    outcomes = parties.keygen(t)
    shares = [outcomes[i].result.share for i in range(n)]
    assert {outcomes[i].result.recovery_data for i in outcomes} == {
        outcomes[COORDINATOR].result.recovery_data
    }
    inputs = [Input(rng.randbytes(32), random_tweaks(rng, count)) for count in (0, 1, 3)]
    signers = sorted(rng.sample(range(n), t))
    outcomes = parties.signing(shares, signers, inputs)
    for item, signature in zip(inputs, outcomes[COORDINATOR].result, strict=True):
        key = TweakContext.of(shares[0].info.thresh_pk, item.tweaks).Q
        assert verify_bip340(signature, item.msg, key.x_bytes)
    assert all(outcomes[i].machine.done for i in signers)


def test_messages_may_come_in_any_order():
    parties, rng = Parties(4), random.Random(1)
    outcomes = parties.keygen(3, Tamper(pick=rng.randrange))
    shares = [outcomes[i].result.share for i in range(4)]
    outcomes = parties.signing(shares, [0, 2, 3], [Input(b"message")], Tamper(pick=rng.randrange))
    assert verify_bip340(outcomes[COORDINATOR].result[0], b"message", shares[0].info.thresh_pk.x_bytes)


def test_request_survives_its_encoding():
    rng = random.Random(2)
    info = deal(2, 3, rng)[0].info
    request = SigningRequest(info, 7, (Input(b"", random_tweaks(rng, 2)), Input(bytes(32))))
    assert decode(bytes(request), PARAMS_LIMIT, SigningRequest.read) == request
    for wrong in (bytes(request)[:-1], bytes(request) + b"\x00", b"", bytes(100)):
        with pytest.raises((EncodingError, UsageError)):
            decode(wrong, PARAMS_LIMIT, SigningRequest.read)
    with pytest.raises(UsageError):
        SigningRequest(info, 0, ())


def test_signer_refuses_a_request_for_another_key_epoch_or_party():
    parties, shares = Parties(3), deal(2, 3, random.Random(3))
    inputs = (Input(b"message"),)
    seeds = [SecretSeed.fresh()]
    for request in (
        SigningRequest(deal(2, 3, random.Random(4))[0].info, 0, inputs),
        SigningRequest(shares[0].info, 1, inputs),
    ):
        session = parties.session(SPEC, [0, 1], bytes(request))[0]
        with pytest.raises(UsageError, match="not for this share"):
            participate(session, shares[0], seeds)
    sessions = parties.session(SPEC, [0, 1], bytes(SigningRequest(shares[0].info, 0, inputs)))
    with pytest.raises(UsageError, match="not for this share"):
        participate(sessions[1], shares[0], seeds)
    for count in (0, 2):
        with pytest.raises(UsageError, match="one seed"):
            participate(sessions[0], shares[0], seeds * count)
    lonely = parties.session(SPEC, [0], bytes(SigningRequest(shares[0].info, 0, inputs)))[0]
    with pytest.raises(UsageError, match="t <= u <= n"):
        participate(lonely, shares[0], seeds)


def test_key_generation_needs_all_participants_and_their_keys_in_the_roster():
    parties, strangers = Parties(3), Parties(3)
    params = SessionParams.of(parties.hostpubkeys, 2).enc_context
    absent = parties.session(keygen_rounds.SPEC, [0, 1], params)
    foreign = strangers.session(keygen_rounds.SPEC, [0, 1, 2], params)
    for sessions, reason in ((absent, "all participants"), (foreign, "roster")):
        with pytest.raises(UsageError, match=reason):
            keygen_rounds.coordinate(sessions[COORDINATOR])
        with pytest.raises(UsageError, match=reason):
            keygen_rounds.participate(sessions[0], random_scalars(), SecretSeed.fresh())
    for wrong in (b"", params[:-1], params + b"\x00"):
        sessions = parties.session(keygen_rounds.SPEC, [0, 1, 2], wrong)
        with pytest.raises(UsageError):
            keygen_rounds.coordinate(sessions[COORDINATOR])
