"""Signing sessions with a coordinator: what signers and coordinator accept from each other."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from ecdsa_cggmp import sign_rounds
from ecdsa_cggmp.presignature import Presignature
from ecdsa_cggmp.sign import SigningContext, SigningRequest, sign_share
from ecdsa_cggmp.sign_messages import (
    ContributionMsg,
    ContributionsMsg,
    Input,
    SharesMsg,
    SigningPlan,
    most_inputs,
)
from ecdsa_cggmp.sign_rounds import SHARE, SPEC, coordinate, participate
from native.curve import ORDER, G, Scalar, multi_mul
from native.entropy import random_bytes
from native.errors import WipedError
from native.verify import verify_ecdsa
from protocol.codec import decode
from protocol.driver import Tamper, run
from protocol.errors import FaultyCoordinatorError, FaultyPartyError, SessionTimeout, UsageError
from protocol.evidence import Evidence
from protocol.header import PARAMS_LIMIT
from protocol.ids import COORDINATOR
from protocol.machine import SessionMachine
from protocol.round import Continue
from protocol.session import Session
from protocol.signed import Slot, read_envelope
from tests.ecdsa_cggmp.network import Parties, dealt, judged
from tests.ecdsa_cggmp.presignatures import presignature, secret_key

T, N, SIGNERS, LIAR = 3, 5, (0, 2, 4), 2
ONE = Scalar(1)
LIMIT = 1 << 16


class Signing:
    """A signing session of some inputs, not yet begun."""

    def __init__(self, inputs: int = 2) -> None:
        self.parties, shares = Parties(N, coordinated=True), dealt(N, T)
        self.sharing, self.x = shares[0].sharing, secret_key(shares[:T])
        self.held: list[tuple[Presignature, ...]] = [
            presignature(self.sharing, self.x, SIGNERS) for _ in range(inputs)
        ]
        requests = [SigningRequest(random_bytes(32), Scalar.reduce(random_bytes(32))) for _ in self.held]
        self.plan = SigningPlan(
            self.sharing,
            SIGNERS,
            tuple(Input(made[0].public, request) for made, request in zip(self.held, requests, strict=True)),
        )
        self.publics = [made[0].public for made in self.held]
        self.asked: list[tuple[int, tuple[SigningContext, ...]]] = []

    def sign(self, party: int) -> Callable[[tuple[SigningContext, ...]], list[Scalar]]:
        """What burns the presignatures of a party and makes its shares."""

        def sign(contexts: tuple[SigningContext, ...]) -> list[Scalar]:
            self.asked.append((party, contexts))
            own = [made[SIGNERS.index(party)] for made in self.held]
            return [sign_share(item, context) for item, context in zip(own, contexts, strict=True)]

        return sign

    def participate(self, session: Session) -> Continue[SharesMsg]:
        return participate(session, self.sharing, self.publics, self.sign(session.me))

    def openings(self):
        sessions = self.parties.sessions(SPEC, SIGNERS, bytes(self.plan))
        openings = {i: (sessions[i], self.participate(sessions[i])) for i in SIGNERS}
        return openings | {COORDINATOR: (sessions[COORDINATOR], coordinate(sessions[COORDINATOR]))}

    def run(self, tamper: Tamper | None = None):
        return run(self.openings(), tamper)

    @property
    def signed(self) -> list[int]:
        """Who was asked for shares, once for each time."""
        return sorted(party for party, _ in self.asked)


def mutation(corrupted: int, number: int, change, receiver: int | None = None) -> Tamper:
    def mutate(slot: Slot, to: int, body: bytes) -> bytes | None:
        return change(body) if slot.round == number and receiver in {None, to} else body

    return Tamper(corrupted={corrupted}, mutate=mutate)


@pytest.mark.parametrize("inputs", [1, 3])
def test_signatures_of_all_inputs(inputs):
    signing = Signing(inputs)
    outcomes = signing.run()
    assert all(outcome.error is None for outcome in outcomes.values())
    for item, signature in zip(signing.plan.inputs, outcomes[COORDINATOR].result, strict=True):
        child = multi_mul([ONE, item.request.tweak], [signing.sharing.key, G])
        assert verify_ecdsa(signature, item.request.digest, child)
    assert signing.signed == [*SIGNERS]
    for _, contexts in signing.asked:
        assert [(c.presignature, c.request) for c in contexts] == [
            (item.presignature, item.request) for item in signing.plan.inputs
        ]


@pytest.mark.parametrize("input_", [0, 1])
def test_wrong_share_convicts_its_signer(input_):
    signing = Signing()

    def change(body: bytes) -> bytes:
        at = len(body) - 64 + 32 * input_
        sigma = (int.from_bytes(body[at : at + 32], "big") + 1) % ORDER
        return body[:at] + sigma.to_bytes(32, "big") + body[at + 32 :]

    outcomes = signing.run(mutation(LIAR, 3, change))
    error = outcomes[COORDINATOR].error
    assert isinstance(error, FaultyPartyError)
    assert error.culprits == {LIAR: SHARE}
    (evidence,) = error.evidence
    assert judged(signing.parties.roster, evidence) == f"{LIAR} {SHARE}"
    specs = {SPEC.name: SPEC}
    for changed in ({"culprit": 0}, {"culprit": COORDINATOR}, {"culprit": 1}, {"messages": ()}):
        assert not replace(evidence, **changed).holds(signing.parties.roster, specs)
    # nothing is tried again
    assert signing.signed == [*SIGNERS]


def test_right_shares_convict_nobody():
    signing = Signing()
    sent = {}

    def keep(sender, receiver, envelope):
        sent[read_envelope(envelope, sender, receiver)[1].slot] = envelope
        return (envelope,)

    openings = signing.openings()
    run(openings, Tamper(intercept=keep))
    header = openings[0][0].header
    answers = [slot for slot in sent if slot.round == 3]
    assert len(answers) == T
    for slot in answers:
        _, message = read_envelope(sent[slot], slot.sender, COORDINATOR)
        evidence = Evidence(header, slot.sender, SHARE, (message,))
        assert not evidence.holds(signing.parties.roster, {SPEC.name: SPEC})


def test_share_of_the_coordinator_to_itself_is_no_evidence():
    signing = Signing(1)
    session = signing.parties.sessions(SPEC, SIGNERS, bytes(signing.plan))[COORDINATOR]
    told = ContributionsMsg((ContributionMsg((bytes(32),)),) * T)
    message = session.sign(Slot.direct(3, COORDINATOR, COORDINATOR), bytes(SharesMsg(told, (ONE,))))
    evidence = Evidence(session.header, COORDINATOR, SHARE, (message,))
    assert not evidence.holds(signing.parties.roster, {SPEC.name: SPEC})


@pytest.mark.parametrize("value", [ORDER, ORDER + 1, 2**256 - 1])
def test_share_that_is_no_scalar_convicts_its_signer(value):
    signing = Signing(1)
    outcomes = signing.run(mutation(LIAR, 3, lambda body: body[:-32] + value.to_bytes(32, "big")))
    assert outcomes[COORDINATOR].error.culprits == {LIAR: "encoding"}


def test_share_for_other_contributions_is_not_taken():
    """The signer signs what it says; the coordinator knows what it told, but cannot prove it."""
    signing = Signing(1)
    outcomes = signing.run(mutation(LIAR, 3, lambda body: bytes([body[0] ^ 1]) + body[1:]))
    error = outcomes[COORDINATOR].error
    assert error.culprits == {LIAR: "contributions"}
    assert error.evidence == ()


@pytest.mark.parametrize("number", [1, 3])
@pytest.mark.parametrize("change", [lambda body: body[:-1], lambda body: body + b"\0", lambda _: b""])
def test_message_of_another_length_convicts_its_signer(number, change):
    outcomes = Signing(1).run(mutation(LIAR, number, change))
    assert outcomes[COORDINATOR].error.culprits == {LIAR: "size"}


def test_coordinator_that_changes_a_contribution_is_found_by_its_owner():
    signing = Signing(1)
    at = 32 * SIGNERS.index(LIAR)
    outcomes = signing.run(mutation(COORDINATOR, 2, lambda body: body[:at] + bytes(32) + body[at + 32 :]))
    assert isinstance(outcomes[LIAR].error, FaultyCoordinatorError)
    assert outcomes[LIAR].error.check == "contributions"
    assert outcomes[COORDINATOR].result is None
    # the others signed, each once, and the list that they signed is in their answers
    assert signing.signed == [0, 4]


def test_coordinator_with_two_lists_gets_one_share_of_each_signer_and_no_signature():
    """It tells signer 0 another contribution of signer 4: the shares do not fit, and there are no more."""
    signing = Signing(1)
    at = 32 * SIGNERS.index(4)
    outcomes = signing.run(
        mutation(COORDINATOR, 2, lambda body: body[:at] + bytes(32) + body[at + 32 :], receiver=0)
    )
    assert isinstance(outcomes[0].result, SharesMsg)
    assert outcomes[COORDINATOR].error.culprits == {0: "contributions"}
    assert signing.signed == [*SIGNERS]


def test_coordinator_that_drops_a_contribution_gets_no_share():
    signing = Signing(1)
    outcomes = signing.run(mutation(COORDINATOR, 2, lambda body: body[:-32]))
    for i in SIGNERS:
        assert isinstance(outcomes[i].error, FaultyCoordinatorError)
    assert outcomes[COORDINATOR].result is None
    assert signing.signed == []


@pytest.mark.parametrize(
    ("corrupted", "number", "signed"), [(LIAR, 1, []), (COORDINATOR, 2, []), (LIAR, 3, [*SIGNERS])]
)
def test_silent_signer_or_coordinator_ends_the_session(corrupted, number, signed):
    signing = Signing(1)
    outcomes = signing.run(mutation(corrupted, number, lambda _: None))
    assert isinstance(outcomes[COORDINATOR].error, SessionTimeout)
    assert signing.signed == signed


# shares


class DiskError(Exception):
    pass


def test_no_share_leaves_when_the_presignatures_cannot_be_burnt():
    signing, sent = Signing(), []
    session, _ = signing.openings()[0]
    coordinator = signing.parties.keys[COORDINATOR]

    def broken(_contexts):
        raise DiskError

    machine, _ = SessionMachine.begin(
        session, opening := participate(session, signing.sharing, signing.publics, broken)
    )
    own = opening.outgoing[0].message
    told = ContributionsMsg((own, *[ContributionMsg((bytes(32),) * 2)] * (T - 1)))
    there = Session(SPEC, session.header, session.roster, COORDINATOR, coordinator)
    envelope = there.sign(Slot.broadcast(2, COORDINATOR), bytes(told)).envelope(session.header)
    with pytest.raises(DiskError):
        sent += machine.receive(COORDINATOR, envelope)
    assert sent == []
    # nor is it asked again
    with pytest.raises(UsageError, match="ended"):
        machine.receive(COORDINATOR, envelope)


@pytest.mark.parametrize("change", [lambda s: s[:1], lambda s: [*s, s[0]], lambda _: []])
def test_no_share_leaves_when_there_is_not_one_for_each_input(change):
    signing = Signing(2)
    whole = signing.sign

    def sign(party: int):
        return lambda contexts: change(whole(party)(contexts)) if party == LIAR else whole(party)(contexts)

    signing.sign = sign
    outcomes = signing.run()
    with pytest.raises(UsageError, match="size is not sent"):
        raise outcomes[LIAR].error
    assert outcomes[COORDINATOR].error.missing == {LIAR}


def test_retry_with_the_same_presignatures_is_impossible():
    signing = Signing(1)
    signing.run(mutation(LIAR, 3, lambda _: None))
    outcomes = signing.run()
    assert outcomes[COORDINATOR].result is None
    assert all(isinstance(outcomes[i].error, WipedError) for i in SIGNERS)


def test_session_that_fails_leaves_the_secrets_to_their_holder():
    signing = Signing(1)
    signing.run(mutation(LIAR, 1, lambda _: None))
    assert signing.run()[COORDINATOR].error is None


def test_session_holds_no_secret():
    signing = Signing(1)
    _, opening = signing.openings()[0]
    assert opening.round.secrets() == ()


# plans


def test_signer_refuses_plans_for_other_presignatures():
    signing, other = Signing(2), Signing(2)
    session = signing.parties.sessions(SPEC, SIGNERS, bytes(signing.plan))[0]
    mine = signing.publics
    for held in ([], mine[:1], mine[::-1], [*mine, mine[0]], other.publics):
        with pytest.raises(UsageError):
            participate(session, signing.sharing, held, signing.sign(0))
    participate(session, signing.sharing, mine, signing.sign(0))


def test_presignatures_of_an_older_epoch_sign_nothing_although_all_have_kept_them():
    signing = Signing(1)
    session = signing.parties.sessions(SPEC, SIGNERS, bytes(signing.plan))[0]
    for now in (replace(signing.sharing, epoch=1), Signing(1).sharing):
        with pytest.raises(UsageError, match="epoch"):
            participate(session, now, signing.publics, signing.sign(0))
    assert signing.signed == []


def test_plan_is_of_one_key_epoch_and_signer_set():
    signing, other = Signing(2), Signing(1)
    plan, (first, second) = signing.plan, signing.plan.inputs
    elsewhere = presignature(signing.sharing, signing.x, (0, 1, 2))[0].public
    stale = replace(first.presignature, sharing=replace(signing.sharing, epoch=1))
    for changed in (
        {"inputs": ()},
        {"inputs": (first, first)},
        {"inputs": (first, replace(second, presignature=first.presignature))},
        {"inputs": other.plan.inputs},
        {"inputs": (replace(first, presignature=elsewhere),)},
        {"inputs": (replace(first, presignature=stale),)},
        {"signers": (0, 1, 2)},
        {"sharing": other.sharing},
        {"sharing": replace(plan.sharing, epoch=1)},
    ):
        with pytest.raises(UsageError):
            replace(plan, **changed)


def test_plan_survives_its_encoding_and_no_other():
    signing = Signing(2)
    data = bytes(signing.plan)
    header = signing.parties.header(SPEC, SIGNERS, data)
    assert SigningPlan.of(header) == signing.plan
    inputs = len(data) - len(bytes(signing.sharing)) - 2
    for wrong, signers in (
        # the first input twice
        (data[: -inputs // 2] + data[-inputs : -inputs // 2], SIGNERS),
        (data[:-1], SIGNERS),
        (data + b"\0", SIGNERS),
        (b"", SIGNERS),
        (data, (0, 2)),
        (data, (0, 1, 2, 4)),
        (data[:-64] + b"\xff" * 64, SIGNERS),
    ):
        sessions = signing.parties.sessions(SPEC, signers, wrong)
        with pytest.raises(UsageError, match="no plan"):
            signing.participate(sessions[0])
        with pytest.raises(UsageError, match="no plan"):
            coordinate(sessions[COORDINATOR])


def test_messages_survive_their_encoding():
    contributions = ContributionsMsg(tuple(ContributionMsg((random_bytes(32),) * 2) for _ in range(3)))
    shares = SharesMsg(contributions, (ONE, Scalar(0)))
    assert decode(bytes(contributions), LIMIT, lambda r: ContributionsMsg.read(r, 3, 2)) == contributions
    assert decode(bytes(shares), LIMIT, lambda r: SharesMsg.read(r, 3, 2)) == shares


def test_every_check_of_signing_is_violated_above():
    assert SPEC.checks.keys() == {SHARE}
    assert sign_rounds.SPEC is SPEC


def test_plan_has_room_for_so_many_inputs_and_not_for_one_more() -> None:
    sharing = Signing(1).sharing
    sizes = [len(bytes(Signing(count).plan)) for count in (1, 2)]
    each = sizes[1] - sizes[0]
    most = most_inputs(sharing)
    assert sizes[0] + (most - 1) * each <= PARAMS_LIMIT < sizes[0] + most * each
    assert most > 1470  # inputs of 68 virtual bytes in the largest standard transaction
