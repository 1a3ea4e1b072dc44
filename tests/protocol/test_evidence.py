import json
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from protocol.driver import run
from protocol.errors import EncodingError, FaultyCoordinatorError, FaultyPartyError, UsageError
from protocol.evidence import MAX_EVIDENCE, Evidence, blame, equivocation
from protocol.ids import COORDINATOR, PartyId, RoundNumber
from protocol.signed import Kind, SignedDigest, SignedMessage, Slot
from protocol.spec import Claim

from . import toss
from .test_toss import CORRUPTIONS

GOLDEN = Path(__file__).parents[1] / "vectors" / "protocol" / "evidence.json"
P0, P1, P2 = (PartyId(i) for i in range(3))
ROSTER, SPECS = toss.roster(3), {"toss": toss.TOSS}
HEADER = toss.header()


def evidence_of(corruption: str) -> Evidence:
    error = run(toss.openings(), CORRUPTIONS[corruption][0])[P0].error
    assert isinstance(error, FaultyPartyError)
    return error.evidence[0]


SHARE = evidence_of("wrong share to one")
TWICE = evidence_of("two commitments")
SIZE = evidence_of("empty commitment")
ECHO = evidence_of("echo of a commitment nobody signed")
ALL = {"share": SHARE, "equivocation": TWICE, "size": SIZE, "echo": ECHO}
every = pytest.mark.parametrize("evidence", ALL.values(), ids=ALL)


def proves(evidence: Evidence) -> bool:
    return evidence.holds(ROSTER, SPECS)


def message(sender: PartyId, slot: Slot, body: bytes) -> SignedMessage:
    return toss.session(sender).sign(slot, body)


@every
def test_evidence_is_read_as_written(evidence: Evidence) -> None:
    assert proves(evidence)
    assert Evidence.from_bytes(bytes(evidence)) == evidence


@every
def test_evidence_altered_anywhere_proves_nothing_or_the_same(evidence: Evidence) -> None:
    data, rng = bytes(evidence), random.Random(1)
    for at in rng.sample(range(len(data)), min(150, len(data))):
        altered = data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :]
        try:
            read = Evidence.from_bytes(altered)
        except EncodingError:
            continue
        assert bytes(read) == altered
        assert not proves(read)


@every
def test_missing_and_trailing_bytes_are_refused(evidence: Evidence) -> None:
    data = bytes(evidence)
    for size in range(0, len(data), 7):
        with pytest.raises(EncodingError):
            Evidence.from_bytes(data[:size])
    with pytest.raises(EncodingError):
        Evidence.from_bytes(data + b"\0")


def test_evidence_beyond_the_limit_is_refused_unread() -> None:
    with pytest.raises(EncodingError, match="length"):
        Evidence.from_bytes(bytes(MAX_EVIDENCE + 1))


def test_encoding_is_the_frozen_one() -> None:
    golden = json.loads(GOLDEN.read_text())
    slot, signature = Slot.broadcast(1, P2), bytes(64)
    size = Evidence(HEADER, P2, "size", (SignedMessage(slot, b"body", signature),))
    digests = (SignedDigest(slot, bytes(32), signature), SignedDigest(slot, b"\1" * 32, signature))
    twice = Evidence(HEADER, P2, "equivocation", digests=digests)
    assert bytes(size).hex() == golden["size"]
    assert bytes(twice).hex() == golden["equivocation"]


@every
def test_evidence_names_the_guilty_only(evidence: Evidence) -> None:
    for innocent in (P0, P1, COORDINATOR, PartyId(3)):
        assert not proves(replace(evidence, culprit=innocent))


@every
def test_evidence_needs_the_session_that_was_signed(evidence: Evidence) -> None:
    for header in (toss.header(session=b"other"), toss.header(t=3), replace(HEADER, parties=(P0, P2))):
        assert not proves(replace(evidence, header=header))


@every
def test_evidence_needs_the_roster_and_the_protocol(evidence: Evidence) -> None:
    assert not evidence.holds(toss.roster(4), SPECS)
    assert not evidence.holds(ROSTER, {})
    assert not evidence.holds(ROSTER, {"toss": replace(toss.TOSS, version=2)})


@every
def test_evidence_of_one_check_is_none_of_another(evidence: Evidence) -> None:
    checks = {"share", "opening", "equivocation", "size", "encoding", "unexpected", "echo", "nonsense", ""}
    assert not any(proves(replace(evidence, check=check)) for check in checks - {evidence.check})


@pytest.mark.parametrize("keep", [[], [0], [1]])
def test_check_needs_all_its_messages(keep: list[int]) -> None:
    assert len(SHARE.messages) == 2
    assert not proves(replace(SHARE, messages=tuple(SHARE.messages[i] for i in keep)))


def test_roster_that_is_not_the_headers_proves_nothing_even_with_the_same_keys() -> None:
    header = replace(HEADER, roster=bytes(32))
    session = toss.session(2)
    slot = Slot.broadcast(1, P2)
    # signed for a header that no roster has
    unbound = replace(session)
    object.__setattr__(unbound, "header", header)
    assert not proves(Evidence(header, P2, "size", (unbound.sign(slot, b""),)))


HONEST: dict[str, Callable[[], SignedMessage]] = {
    "commitment": lambda: message(P2, Slot.broadcast(1, P2), bytes(32)),
    "share": lambda: message(P2, Slot.direct(2, P2, P0), bytes(32)),
}


@pytest.mark.parametrize("make", HONEST.values(), ids=HONEST)
def test_well_formed_message_is_no_proof(make: Callable[[], SignedMessage]) -> None:
    for check in ("size", "encoding", "unexpected", "echo", "equivocation"):
        assert not proves(Evidence(HEADER, P2, check, (make(),)))


@pytest.mark.parametrize("evidence", [SIZE, ECHO])
def test_message_beside_the_one_that_proves_is_not_canonical(evidence: Evidence) -> None:
    messages = (*evidence.messages, message(P2, Slot.direct(2, P2, P0), bytes(32)))
    assert not proves(replace(evidence, messages=tuple(sorted(messages, key=lambda m: m.slot))))


def test_one_party_signing_for_two_slots_is_no_equivocation() -> None:
    a = message(P2, Slot.direct(2, P2, P0), bytes(32)).signed_digest
    b = message(P2, Slot.direct(2, P2, P1), b"\1" * 32).signed_digest
    assert not proves(equivocation(HEADER, a, b))


def test_two_parties_signing_differently_are_no_equivocation() -> None:
    a = message(P1, Slot.broadcast(1, P1), bytes(32)).signed_digest
    b = message(P2, Slot.broadcast(1, P2), b"\1" * 32).signed_digest
    assert not proves(
        Evidence(HEADER, P2, "equivocation", digests=tuple(sorted((a, b), key=lambda s: s.digest)))
    )


def test_equivocation_needs_a_signature_on_both() -> None:
    first, second = TWICE.digests
    assert not proves(replace(TWICE, digests=(first, replace(second, signature=first.signature))))
    assert not proves(replace(TWICE, digests=(first,)))
    assert not proves(replace(TWICE, messages=SIZE.messages))


def test_digests_prove_nothing_but_equivocation() -> None:
    assert not proves(replace(SIZE, digests=TWICE.digests))
    assert not proves(replace(SHARE, digests=TWICE.digests))


def test_message_of_a_party_that_does_not_take_part_proves_nothing() -> None:
    header = replace(toss.header(4), parties=(P0, P1, P2))
    session = toss.Session(toss.TOSS, header, toss.roster(4), P2, toss.host_key(2))
    slot = Slot.broadcast(1, P2)
    assert Evidence(header, P2, "size", (session.sign(slot, b""),)).holds(toss.roster(4), SPECS)
    outsider = replace(session, me=P1, host_key=toss.host_key(1))
    object.__setattr__(outsider, "host_key", toss.host_key(3))
    foreign = outsider.sign(Slot.broadcast(1, PartyId(3)), b"")
    assert not Evidence(header, PartyId(3), "size", (foreign,)).holds(toss.roster(4), SPECS)


def test_messages_are_in_their_one_order() -> None:
    for messages in (SHARE.messages[::-1], SHARE.messages[:1] * 2):
        with pytest.raises(UsageError):
            replace(SHARE, messages=messages)
    for digests in (TWICE.digests[::-1], TWICE.digests[:1] * 2):
        with pytest.raises(UsageError):
            replace(TWICE, digests=digests)


def test_other_orders_are_no_encoding() -> None:
    first, second = (bytes(message) for message in SHARE.messages)
    data = bytes(SHARE)
    assert first + second in data
    for other in (second + first, first + first):
        with pytest.raises(EncodingError):
            Evidence.from_bytes(data.replace(first + second, other))


def claim(*messages: SignedMessage) -> Claim:
    return Claim(toss.TOSS, HEADER, ROSTER, P2, {message.slot: message for message in messages})


def test_check_sees_only_messages_that_the_protocol_has() -> None:
    for slot in (Slot.broadcast(3, P2), Slot(RoundNumber(1), Kind.ECHO, P2)):
        stray = message(P2, slot, bytes(32))
        with pytest.raises(EncodingError):
            claim(stray).spec.decode(stray, HEADER)


def test_check_that_takes_a_message_for_another_is_a_mistake_of_ours() -> None:
    with pytest.raises(UsageError, match="RevealMsg is not a message of that slot"):
        claim(message(P2, Slot.broadcast(1, P2), bytes(32))).broadcast(toss.RevealMsg, 1)


def test_receiver_is_known_only_from_one_direct_message() -> None:
    to_p0, to_p1 = (message(P2, Slot.direct(2, P2, j), bytes(32)) for j in (P0, P1))
    assert claim(to_p0).receiver == P0
    for messages in ((), (to_p0, to_p1), (message(P2, Slot.broadcast(1, P2), bytes(32)),)):
        with pytest.raises(EncodingError):
            _ = claim(*messages).receiver


def test_blame_falls_on_the_coordinator_only_if_on_no_party() -> None:
    coordinator = replace(SIZE, culprit=COORDINATOR)
    error = blame([coordinator])
    assert isinstance(error, FaultyCoordinatorError)
    assert (error.check, error.evidence) == ("size", (coordinator,))
    both = blame([coordinator, SIZE])
    assert isinstance(both, FaultyPartyError)
    assert both.culprits == {P2: "size", COORDINATOR: "size"}


def test_check_that_crashes_on_hostile_evidence_proves_nothing() -> None:
    # the share is not below the order: native refuses it inside the check
    hostile = message(P2, Slot.direct(2, P2, P0), b"\xff" * 32)
    messages = tuple(sorted((SHARE.messages[0], hostile), key=lambda m: m.slot))
    assert not proves(replace(SHARE, messages=messages))


def test_more_messages_than_a_session_has_are_refused_before_any_signature(monkeypatch) -> None:
    limit = toss.TOSS.most_messages(HEADER)
    messages = [message(P2, Slot.direct(2, P2, PartyId(100 + i)), b"") for i in range(limit + 1)]
    verified: list[bytes] = []
    monkeypatch.setattr(
        "protocol.signed.verify_bip340", lambda signature, *_: bool(verified.append(signature)) or True
    )
    for count, expected in ((limit, limit), (limit + 1, 0)):
        verified.clear()
        assert not proves(Evidence(HEADER, P2, SHARE.check, tuple(messages[:count])))
        assert len(verified) == expected
