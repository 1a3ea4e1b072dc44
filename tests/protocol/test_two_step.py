"""Open, Accept, Sign, shares: the shape of a signing session, over a coordinator that holds no share."""

from hashlib import sha256

from protocol.driver import Tamper, run
from protocol.errors import FaultyCoordinatorError, FaultyPartyError, SessionTimeout
from protocol.ids import COORDINATOR, PartyId
from protocol.machine import SessionMachine
from protocol.signed import Slot

from .test_toss import flip, proved_in_a_fresh_process
from .toss import roster
from .two_step import openings

P0, P2 = PartyId(0), PartyId(2)


def test_coordinator_collects_the_shares_of_all_signers() -> None:
    outcomes = run(openings())
    asked = b"".join(sha256(b"%d" % i).digest() for i in (0, 2))
    shares = [sha256(asked + bytes([i])).digest() for i in (0, 2)]
    assert [outcome.result for outcome in outcomes.values()] == [*shares, b"".join(shares)]


def test_share_leaves_only_with_the_result_that_is_to_be_stored_before() -> None:
    (session, opening), (coordinator, asking) = openings((0,))[P0], openings((0,))[COORDINATOR]
    signer, (accept,) = SessionMachine.begin(session, opening)
    asker, _ = SessionMachine.begin(coordinator, asking)
    (sign,) = asker.receive(P0, accept.envelope)
    assert not signer.done
    (share,) = signer.receive(COORDINATOR, sign.envelope)
    assert signer.done
    assert share.receiver == COORDINATOR
    assert share.envelope.endswith(signer.result)


def test_coordinator_that_alters_a_contribution_is_blamed_with_proof() -> None:
    def mutate(slot: Slot, receiver: PartyId, body: bytes) -> bytes:
        return flip(0)(body) if receiver == P0 else body

    outcomes = run(openings(), Tamper(corrupted=(COORDINATOR,), mutate=mutate))
    error = outcomes[P0].error
    assert isinstance(error, FaultyCoordinatorError)
    assert error.check == "contribution"
    proof = proved_in_a_fresh_process(roster(3, coordinator=9), error.evidence[0])
    assert proof == f"{COORDINATOR} contribution"


def test_malformed_question_is_the_coordinators_fault() -> None:
    outcomes = run(openings(), Tamper(corrupted=(COORDINATOR,), mutate=lambda *_: b""))
    for party in (P0, P2):
        error = outcomes[party].error
        assert isinstance(error, FaultyCoordinatorError)
        assert error.check == "size"


def test_malformed_share_is_its_signers_fault() -> None:
    tamper = Tamper(corrupted=(P2,), mutate=lambda slot, _, body: body[slot.round == 3 :])
    error = run(openings(), tamper)[COORDINATOR].error
    assert isinstance(error, FaultyPartyError)
    assert error.culprits == {P2: "size"}


def test_silent_coordinator_is_missing() -> None:
    outcomes = run(openings(), Tamper(corrupted=(COORDINATOR,), mutate=lambda *_: None))
    for party in (P0, P2):
        error = outcomes[party].error
        assert isinstance(error, SessionTimeout)
        assert error.missing == {COORDINATOR}
