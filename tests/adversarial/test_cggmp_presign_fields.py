"""A signer replaces one field of one of its presigning messages, and signs the message."""

from functools import cache

import pytest

from ecdsa_cggmp import presign_rounds
from ecdsa_cggmp.presign_failure_round import CollectDefences
from ecdsa_cggmp.presign_messages import ENCRYPT, MULTIPLY, REVEAL
from native.curve import ORDER, parse_points
from native.errors import NativeError
from protocol.errors import EncodingError, FaultyPartyError, ProtocolError, UnattributedAbort
from protocol.evidence import Evidence
from protocol.spec import SIZE
from tests.ecdsa_cggmp.levels import TINY
from tests.ecdsa_cggmp.network import aux_infos, primes_of
from tests.ecdsa_cggmp.presign_fields import POINT, Field, hostile, layout
from tests.ecdsa_cggmp.presign_run import Recorded, corrupted_slot, record

BATCH, ME, LIAR = 2, 0, 1
SLOTS = {
    "encrypt": corrupted_slot(ENCRYPT, LIAR),
    "encrypt proof": corrupted_slot(ENCRYPT, LIAR, ME),
    "multiply": corrupted_slot(MULTIPLY, LIAR),
    "reveal": corrupted_slot(REVEAL, LIAR),
}
FIELDS = [
    (message, field, at)
    for message in SLOTS
    for field in layout(message, BATCH)
    for at in range(0, field.count, BATCH)
]
# the checks that a field belongs to, in each half of proofs in pairs; what no proof is about shows in a sum
CHECKS = {
    **dict.fromkeys(("K", "Y", "A1", "A2"), ("enc-elg K",)),
    **dict.fromkeys(("G", "B1", "B2"), ("enc-elg G",)),
    "encrypt proof": ("enc-elg K", "enc-elg G"),
    **dict.fromkeys(("D", "F", "products"), ("aff-g gamma", "aff-g x")),
    **dict.fromkeys(("Gamma", "multiply"), ("elog Gamma",)),
    **dict.fromkeys(("Delta", "reveal"), ("elog Delta",)),
    "delta": ("delta",),
    "S": ("chi",),
}
# who spoiled one of them shows in the failure round alone: tests/ecdsa_cggmp/test_presign_failure.py
SUMS = {"delta", "chi"}
# of what stands inside of proofs: their own tests have the rest
BRIEF = {"off by one", "0", "N_j", "identity", "generator", "q"}


@cache
def session() -> Recorded:
    return record(3, 2, BATCH)


def expected(message: str, field: Field, at: int) -> str:
    """The check that a changed item fails."""
    first = field.name.split(".")[0]
    return (CHECKS[message] if first == "psi" else CHECKS[first])[at // BATCH]


def is_encoded(field: Field, value: bytes) -> bool:
    """Whether the codec takes a value."""
    if field.kind == POINT:
        try:
            parse_points(value)
        except NativeError:
            return False
        return True
    return field.width != 32 or int.from_bytes(value, "big") < ORDER


@pytest.mark.parametrize(
    ("message", "field", "at"),
    FIELDS,
    ids=[f"{message} {field.name} {at}" for message, field, at in FIELDS],
)
def test_replaced_field_is_found_and_its_sender_convicted(message, field, at):
    run, slot = session(), SLOTS[message]
    publics = aux_infos(3, TINY)[ME].publics
    moduli = {"N_i": publics[LIAR].N, "N_j": publics[ME].N}
    primes = {"p_i": primes_of(LIAR, "blum")[0], "q_j": primes_of(ME, "blum")[1]}
    body = run.body(slot)
    for name, value in hostile(field, body, at, moduli, primes):
        if "psi" in field.name and name not in BRIEF:
            continue
        changed, check = {slot: field.put(body, at, value)}, expected(message, field, at)
        if check in SUMS and is_encoded(field, value):
            answer = run.judge(ME, changed)
            assert isinstance(answer.round, CollectDefences)
            assert answer.round.sum == check
            continue
        with pytest.raises(ProtocolError if is_encoded(field, value) else EncodingError) as caught:
            run.judge(ME, changed)
        expect(run, caught.value, check)


def expect(run: Recorded, error: Exception, check: str) -> None:
    """The error names the check, and proves it if there is a culprit."""
    if isinstance(error, EncodingError):
        return
    assert isinstance(error, FaultyPartyError)
    assert error.culprits == {LIAR: check}
    (evidence,) = error.evidence
    assert run.proved(evidence)


@pytest.mark.parametrize("message", SLOTS)
def test_missing_column_or_one_too_many_convicts_its_sender(message):
    """No proof can be left out: a message without one has another size."""
    run, slot = session(), SLOTS[message]
    sender, body = run.inbox(slot.round, LIAR).session, run.body(slot)

    def is_convicted(other: bytes) -> bool:
        return run.proved(Evidence(sender.header, slot.sender, SIZE, (sender.sign(slot, other),)))

    assert not is_convicted(body)
    fields = layout(message, BATCH)
    assert fields[-1].start + fields[-1].count * fields[-1].width == len(body)
    for field in fields:
        end = field.start + field.count * field.width
        for other in (
            body[: field.start] + body[end:],
            body[:end] + body[field.start :],
            body[: field.start],
        ):
            assert is_convicted(other)
        # one item of the batch
        assert is_convicted(body[: field.start] + body[field.start + field.width :])


def test_unchanged_messages_are_good():
    run = session()
    for slot in SLOTS.values():
        run.judge(ME, {slot: run.body(slot)})


def test_sum_of_all_Gamma_may_not_be_infinity(monkeypatch):
    # only all signers together can do that: each Gamma_j is fixed by B1 and B2 before any is known
    run = session()
    slot = SLOTS["multiply"]
    waiting, _ = run.rounds[MULTIPLY, ME]
    monkeypatch.setattr(type(waiting), "_decrypt", lambda *_: {})
    body = layout("multiply", BATCH)[0].put(run.body(slot), 0, bytes(-waiting.Gamma[0]))
    with pytest.raises(UnattributedAbort) as caught:
        run.judge(ME, {slot: body})
    assert caught.value.check == "Gamma"


def test_delta_may_not_be_zero(monkeypatch):
    # only all signers together can do that, too: with k or gamma 0, the sums hold
    run = session()
    slot = SLOTS["reveal"]
    mine = run.rounds[REVEAL, ME][0].message.delta[0]
    monkeypatch.setattr(presign_rounds, "find_failure", lambda *_: None)
    body = layout("reveal", BATCH)[0].put(run.body(slot), 0, bytes(-mine))
    with pytest.raises(UnattributedAbort) as caught:
        run.judge(ME, {slot: body})
    assert caught.value.check == "delta"
