"""A party that is cut off at any message of any session is missing, not faulty, and leaves nothing (A-S7)."""

import pytest

from protocol.driver import Outcome, Tamper, run
from protocol.errors import SessionTimeout
from protocol.ids import EVERYBODY, PartyId
from protocol.signed import Slot, read_envelope
from tests.ecdsa_cggmp.replay import replayed
from tests.ecdsa_cggmp.session_vectors import SESSIONS

CUT_OFF = PartyId(1)


def without(name: str, lost: list[Slot]) -> tuple[list[Slot], dict[PartyId, Outcome[object]]]:
    """Run a session in which messages of the party are lost; what it sent, and how others ended."""
    sent: dict[Slot, None] = {}

    def cut(sender: PartyId, receiver: PartyId, envelope: bytes) -> tuple[bytes, ...]:
        if sender != CUT_OFF:
            return (envelope,)
        slot = read_envelope(envelope, sender, receiver)[1].slot
        sent.setdefault(slot)
        return () if slot in lost else (envelope,)

    with replayed(name):
        outcomes = run(SESSIONS[name](), Tamper(intercept=cut))
    return list(sent), {i: outcome for i, outcome in outcomes.items() if i != CUT_OFF}


@pytest.mark.parametrize("name", SESSIONS)
def test_party_cut_off_at_any_message_is_missing_and_leaves_nothing(name: str) -> None:
    slots, outcomes = without(name, [])
    assert len(slots) >= 2
    assert all(outcome.error is None for outcome in outcomes.values())
    for at in range(len(slots)):
        lost = slots[at:]
        _, outcomes = without(name, lost)
        assert any(outcome.error for outcome in outcomes.values())
        for i, outcome in outcomes.items():
            if outcome.result is not None:  # nothing that it was waiting for was lost
                assert {EVERYBODY, i}.isdisjoint(slot.receiver for slot in lost)
                continue
            assert isinstance(outcome.error, SessionTimeout)
            assert CUT_OFF in outcome.error.missing or name == "session_sign"  # where signers hear one only
            assert outcome.machine._round is None
