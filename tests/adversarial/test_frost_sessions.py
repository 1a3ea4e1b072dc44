"""A party or the coordinator of a FROST session cheats; what can be proved is proved in a fresh process."""

import random
from dataclasses import replace

import pytest

from frost_bip340.messages import CoordinatorMsg1, PartialSigs, ParticipantMsg1
from frost_bip340.signing_rounds import SPEC, Input, SigningRequest, participate
from frost_bip340.suspicion import InvalidShareError
from native.curve import G, PointVector, Scalar
from native.errors import WipedError
from native.secret import SecretSeed
from protocol.codec import Reader
from protocol.driver import Tamper
from protocol.errors import FaultyCoordinatorError, FaultyPartyError, SessionTimeout, UsageError
from protocol.ids import COORDINATOR
from protocol.machine import SessionMachine
from tests.frost_bip340.parties import deal
from tests.frost_bip340.rounds_network import Parties, judged

T, N, LIAR = 2, 3, 2
ONE = Scalar(1)
INPUTS = [Input(b"one"), Input(b"two")]


@pytest.fixture
def parties():
    return Parties(N)


def mutation(corrupted, number, change, receiver=None):
    """Let a party change its message of a round, for one receiver or for all."""

    def mutate(slot, to, body):
        return change(body) if slot.round == number and receiver in {None, to} else body

    return Tamper(corrupted=[corrupted], mutate=mutate)


def assert_proved(parties, outcome, culprit):
    (evidence,) = outcome.error.evidence
    assert evidence.culprit == culprit
    assert judged(parties.roster, evidence)
    assert not judged(Parties(N).roster, evidence)
    # nobody else can be convicted with it
    assert not judged(parties.roster, replace(evidence, culprit=1))


def assert_dead(outcomes):
    for outcome in outcomes.values():
        if outcome.error is not None:
            assert not outcome.machine.done
            with pytest.raises(UsageError, match="ended"):
                outcome.machine.time_out()


def bad_pop(body: bytes) -> bytes:
    return bytes(replace(ParticipantMsg1.from_bytes(body, T, N), pop=bytes(64)))


def bad_pubnonce(body: bytes) -> bytes:
    return bytes(replace(ParticipantMsg1.from_bytes(body, T, N), pubnonce=bytes(33)))


def bad_point(body: bytes) -> bytes:
    return b"\x07" * 33 + body[33:]


@pytest.mark.parametrize(
    ("change", "check"),
    [(bad_pop, "proof of possession"), (bad_pubnonce, "pubnonce"), (bad_point, "encoding")],
)
def test_dealers_fault_is_proved_by_the_coordinator(parties, change, check):
    outcomes = parties.keygen(T, mutation(LIAR, 1, change))
    error = outcomes[COORDINATOR].error
    assert isinstance(error, FaultyPartyError)
    assert dict(error.culprits) == {LIAR: check}
    assert_proved(parties, outcomes[COORDINATOR], LIAR)
    # the evidence convinces every honest party
    assert dict(outcomes[0].error.culprits) == {LIAR: check}
    assert_dead(outcomes)


def bad_relay(body: bytes) -> bytes:
    msg = CoordinatorMsg1.from_bytes(body, T, N)
    return bytes(replace(msg, pops=(*msg.pops[:2], bytes(64))))


def test_coordinator_that_relays_a_wrong_proof_is_convicted(parties):
    outcomes = parties.keygen(T, mutation(COORDINATOR, 2, bad_relay, receiver=0))
    error = outcomes[0].error
    assert isinstance(error, FaultyCoordinatorError)
    assert error.check == "relayed message"
    assert_proved(parties, outcomes[0], COORDINATOR)
    assert_dead(outcomes)


def test_false_certificate_convicts_the_coordinator(parties):
    outcomes = parties.keygen(T, mutation(COORDINATOR, 4, lambda body: bytes(len(body)), receiver=1))
    assert isinstance(outcomes[1].error, FaultyCoordinatorError)
    assert outcomes[1].error.check == "certificate"
    assert_proved(parties, outcomes[1], COORDINATOR)
    # the others have the key, and can give the victim their recovery data
    assert outcomes[0].machine.done


def misquote(body: bytes) -> bytes:
    msg = CoordinatorMsg1.from_bytes(body, T, N)
    return bytes(replace(msg, pubnonces=(bytes(G), *msg.pubnonces[1:])))


def test_misquoting_coordinator_is_blamed_by_its_victim_without_proof(parties):
    # the victim might have signed two messages: only it knows that it did not
    outcomes = parties.keygen(T, mutation(COORDINATOR, 2, misquote, receiver=0))
    error = outcomes[0].error
    assert isinstance(error, FaultyCoordinatorError)
    assert (error.check, error.evidence) == ("own pubnonce", ())


def wrong_share(body: bytes) -> bytes:
    msg = ParticipantMsg1.from_bytes(body, T, N)
    return bytes(replace(msg, enc_shares=(msg.enc_shares[0] + ONE, *msg.enc_shares[1:])))


def test_wrong_share_ends_the_session_without_key(parties):
    outcomes = parties.keygen(T, mutation(LIAR, 1, wrong_share))
    assert isinstance(outcomes[0].error, InvalidShareError)
    assert not any(outcome.machine.done for outcome in outcomes.values())
    assert isinstance(outcomes[COORDINATOR].error, SessionTimeout)
    assert outcomes[COORDINATOR].error.missing == {0}
    assert_dead(outcomes)


def test_false_signature_under_the_transcript_is_blamed_without_proof(parties):
    outcomes = parties.keygen(T, mutation(LIAR, 3, lambda _: bytes(64)))
    error = outcomes[COORDINATOR].error
    assert isinstance(error, FaultyPartyError)
    assert (dict(error.culprits), error.evidence) == ({LIAR: "certificate"}, ())


def test_silent_participant_is_missing_not_faulty(parties):
    outcomes = parties.keygen(T, mutation(LIAR, 1, lambda _: None))
    assert isinstance(outcomes[COORDINATOR].error, SessionTimeout)
    assert outcomes[COORDINATOR].error.missing == {LIAR}
    assert not any(outcome.machine.done for outcome in outcomes.values())


# ---- signing ----


def read(cls, body):
    return cls.read(Reader(body), len(INPUTS))


def wrong_psig(body: bytes) -> bytes:
    msg = read(PartialSigs, body)
    return bytes(replace(msg, psigs=(msg.psigs[0], msg.psigs[1] + ONE)))


def infinite_nonce(body: bytes) -> bytes:
    return body[:33] + bytes(33) + body[66:]


def scalar_n(body: bytes) -> bytes:
    return body[:-32] + b"\xff" * 32


@pytest.mark.parametrize(
    ("number", "change", "check"),
    [(3, wrong_psig, "psig"), (1, infinite_nonce, "encoding"), (3, scalar_n, "encoding")],
)
def test_signers_fault_is_proved_by_the_coordinator(parties, number, change, check):
    shares = deal(T, N, random.Random(1))
    outcomes = parties.signing(shares, [0, LIAR], INPUTS, mutation(LIAR, number, change))
    error = outcomes[COORDINATOR].error
    assert isinstance(error, FaultyPartyError)
    assert dict(error.culprits) == {LIAR: check}
    assert_proved(parties, outcomes[COORDINATOR], LIAR)
    assert_dead(outcomes)


def test_malformed_aggnonce_convicts_the_coordinator_and_burns_the_nonces(parties):
    shares = deal(T, N, random.Random(2))
    outcomes = parties.signing(shares, [0, 1], INPUTS, mutation(COORDINATOR, 2, bad_point, receiver=0))
    assert isinstance(outcomes[0].error, FaultyCoordinatorError)
    assert_proved(parties, outcomes[0], COORDINATOR)
    assert outcomes[0].result is None
    assert_dead(outcomes)


def other_aggnonces(body: bytes) -> bytes:
    return bytes(PointVector([G] * 2 * len(INPUTS)).to_bytes_ext())


def test_signer_misled_by_the_coordinator_cannot_be_convicted(parties):
    # an equivocating coordinator wants to blame the victim's partial signature on the victim
    shares = deal(T, N, random.Random(3))
    outcomes = parties.signing(shares, [0, 1], INPUTS, mutation(COORDINATOR, 2, other_aggnonces, receiver=0))
    error = outcomes[COORDINATOR].error
    assert (dict(error.culprits), error.evidence) == ({0: "aggnonce"}, ())


def test_failed_session_wipes_its_nonces(parties):
    shares = deal(T, N, random.Random(4))
    request = SigningRequest(shares[0].info, 0, tuple(INPUTS))
    session = parties.session(SPEC, [0, 1], bytes(request))[0]
    opening = participate(session, shares[0], [SecretSeed.fresh() for _ in INPUTS])
    secrets = opening.round.secrets()
    machine, _ = SessionMachine.begin(session, opening)
    with pytest.raises(SessionTimeout):
        machine.time_out()
    assert len(secrets) == len(INPUTS)
    for secret in secrets:
        with pytest.raises(WipedError):
            secret.declassify()
    # the share is for other sessions
    assert len(shares[0].secshare.declassify()) == 32
