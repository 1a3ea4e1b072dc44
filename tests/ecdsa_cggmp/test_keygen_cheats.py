"""One party of a key generation violates exactly one check: it is named, and proved to be at fault."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from ecdsa_cggmp.keygen_checks import SPEC, commitment_slots, sch_slots, share_slots
from ecdsa_cggmp.keygen_messages import PROVE
from native.curve import ORDER, G, PointVector, Scalar, sum_points
from native.secret_scalar import random_scalars
from protocol.driver import Tamper
from protocol.errors import UnattributedAbort
from protocol.evidence import Evidence
from protocol.ids import COORDINATOR, PartyId
from protocol.resharing.messages import COMMIT, COMPLAINT, REVEAL, ComplaintMsg
from protocol.session import Session
from protocol.signed import Kind, Slot
from protocol.spec import ECHO, ENCODING, EQUIVOCATION, SIZE, UNEXPECTED
from tests.ecdsa_cggmp.keygen_cheats import (
    CHEAT,
    VICTIM,
    Keygen,
    RogueCommits,
    altered,
    at,
    expect_blame,
    flipped,
    recording,
)
from tests.ecdsa_cggmp.network import judged

COMMITS = Slot.broadcast(COMMIT, CHEAT)
REVEALS = Slot.broadcast(REVEAL, CHEAT)
SHARE = Slot.direct(REVEAL, CHEAT, VICTIM)
PROVES = Slot.broadcast(PROVE, CHEAT)
OTHER = PartyId(1)

Cheat = Callable[[Keygen], Tamper | None]


def plus_one(body: bytes) -> bytes:
    return ((int.from_bytes(body, "big") + 1) % ORDER).to_bytes(32, "big")


def sends(slot: Slot, change: Callable[[bytes], bytes | None], receiver: PartyId | None = None) -> Cheat:
    return lambda _: altered(slot, change, receiver)


def commits_to(digest: Callable[[Keygen], bytes], **changes: Callable[[Keygen], object]) -> Cheat:
    """Commit to any 32 bytes, and deal otherwise."""

    def cheat(keygen: Keygen) -> None:
        made = {name: make(keygen) for name, make in changes.items()}
        keygen.commits(CHEAT, digest(keygen), **made)

    return cheat


def deals_another_polynomial(keygen: Keygen) -> None:
    keygen.commits(CHEAT, polynomial=random_scalars(2))


def raises_the_threshold(body: bytes) -> bytes:
    """129 + 33 t bytes: S is followed by A and u."""
    return body[:-65] + bytes(G) + body[-65:]


def lowers_the_threshold(body: bytes) -> bytes:
    return body[:-98] + body[-65:]


def cancels_all_others(keygen: Keygen) -> PointVector:
    """S_0 = Y* - sum of the others': the key would be G (A-K3)."""
    others = sum_points([keygen.reveal(i).S[0] for i in keygen.sessions if i != CHEAT])
    return PointVector([G - others, keygen.reveal(CHEAT).S[1]])


def reveals_a_rogue_key_late(keygen: Keygen) -> Tamper:
    S = b"".join(bytes(point) for point in cancels_all_others(keygen))
    return altered(REVEALS, at(64, S))


def commits_to_a_rogue_key(keygen: Keygen) -> None:
    """As if it knew all others' dealings before it commits."""
    keygen.commits(CHEAT, reveal=replace(keygen.reveal(CHEAT), S=cancels_all_others(keygen)))


def takes_first_move_of_another(keygen: Keygen) -> None:
    keygen.commits(CHEAT, reveal=replace(keygen.reveal(CHEAT), A=keygen.reveal(OTHER).A))


def replays_a_proof(keygen: Keygen) -> Tamper:
    """The first move and the answer of an earlier session of the same parties."""
    earlier = Keygen(parties=keygen.parties)
    network, sent = recording()
    earlier.run(network)
    keygen.commits(CHEAT, reveal=replace(keygen.reveal(CHEAT), A=earlier.reveal(CHEAT).A))
    return altered(PROVES, lambda _: sent[PROVES].body)


def replays_a_share(keygen: Keygen) -> Tamper:
    earlier = Keygen(parties=keygen.parties)
    network, sent = recording()
    earlier.run(network)
    return altered(SHARE, lambda _: sent[SHARE].body)


def sends_the_share_of_another_to_the_victim(keygen: Keygen) -> Tamper:
    network, sent = recording()
    keygen.run(network)
    return altered(SHARE, lambda _: sent[Slot.direct(REVEAL, CHEAT, OTHER)].body)


def echoes_a_lie(_: Keygen) -> Tamper:
    """Speak of another commitment of the victim, which the victim has not signed."""
    return altered(Slot(COMMIT, Kind.ECHO, CHEAT), flipped(0))


INFINITY = bytes(33)
OFF_CURVE = b"\2" + bytes(31) + b"\5"
TOO_LARGE = ORDER.to_bytes(32, "big")

CHEATS: dict[str, tuple[str, Cheat]] = {
    # V_j == H(sid, j, all of it)
    "commitment to something else": ("commitment", commits_to(lambda _: b"\1" * 32)),
    "rid changed": ("commitment", sends(REVEALS, flipped(0))),
    "chain code changed": ("commitment", sends(REVEALS, flipped(63))),
    "S_0 changed": ("commitment", sends(REVEALS, at(64, bytes(G)))),
    "S_1 changed": ("commitment", sends(REVEALS, at(97, bytes(G)))),
    "A changed": ("commitment", sends(REVEALS, at(130, bytes(G)))),
    "u changed": ("commitment", sends(REVEALS, flipped(-1))),
    "rogue key after the others' reveals": ("commitment", reveals_a_rogue_key_late),
    "commitment copied with its opening": (
        "commitment",
        commits_to(lambda keygen: keygen.digest(VICTIM), reveal=lambda keygen: keygen.reveal(VICTIM)),
    ),
    "commitment for another party": (
        "commitment",
        commits_to(lambda keygen: keygen.reveal(CHEAT).commitment(keygen.header, VICTIM)),
    ),
    "commitment of another session": (
        "commitment",
        commits_to(
            lambda keygen: keygen.reveal(CHEAT).commitment(replace(keygen.header, session=bytes(32)), CHEAT)
        ),
    ),
    # sigma_{j,i} G == sum_k (i + 1)^k S_{j,k}
    "wrong share": ("share", sends(SHARE, plus_one)),
    "share 0": ("share", sends(SHARE, lambda _: bytes(32))),
    "shares of another polynomial": ("share", deals_another_polynomial),
    "share of another session": ("share", replays_a_share),
    "share of another party": ("share", sends_the_share_of_another_to_the_victim),
    "rogue key committed to": ("share", commits_to_a_rogue_key),
    # z_j G == A_j + e_j X_j
    "z changed": ("sch", sends(PROVES, plus_one)),
    "z 0": ("sch", sends(PROVES, lambda _: bytes(32))),
    "A of another party": ("sch", takes_first_move_of_another),
    "A and z replayed": ("sch", replays_a_proof),
    # len(S_j) == t
    "threshold raised": (SIZE, sends(REVEALS, raises_the_threshold)),
    "threshold lowered": (SIZE, sends(REVEALS, lowers_the_threshold)),
    "no reveal": (SIZE, sends(REVEALS, lambda _: b"")),
    "key too few": (SIZE, sends(COMMITS, lambda body: body[:-33])),
    "share too long": (SIZE, sends(SHARE, lambda body: body + b"\0")),
    "z too short": (SIZE, sends(PROVES, lambda body: body[1:])),
    # points on the curve and finite, scalars below q
    "S_0 infinity": (ENCODING, sends(REVEALS, at(64, INFINITY))),
    "S_1 infinity": (ENCODING, sends(REVEALS, at(97, INFINITY))),
    "A infinity": (ENCODING, sends(REVEALS, at(130, INFINITY))),
    "S_1 off the curve": (ENCODING, sends(REVEALS, at(97, OFF_CURVE))),
    "A off the curve": (ENCODING, sends(REVEALS, at(130, OFF_CURVE))),
    "key infinity": (ENCODING, sends(COMMITS, at(32, INFINITY))),
    "last key off the curve": (ENCODING, sends(COMMITS, at(-33, OFF_CURVE))),
    "masked share q": (ENCODING, sends(SHARE, lambda _: TOO_LARGE)),
    "z q": (ENCODING, sends(PROVES, lambda _: TOO_LARGE)),
    # one view of the commitments
    "two commitments": (EQUIVOCATION, sends(COMMITS, flipped(0), VICTIM)),
    "two keys for one party": (EQUIVOCATION, sends(COMMITS, at(32, bytes(G)), VICTIM)),
    "echo of what nobody signed": (ECHO, echoes_a_lie),
}
JUDGED_ELSEWHERE = {check: name for name, (check, _) in CHEATS.items()}.values()


@pytest.mark.parametrize("name", CHEATS)
def test_cheat_is_named_and_proved(name):
    check, cheat = CHEATS[name]
    keygen = Keygen()
    outcomes = keygen.run(cheat(keygen))
    evidence = expect_blame(keygen, outcomes, check)
    if name in JUDGED_ELSEWHERE:
        assert judged(keygen.parties.roster, evidence) == f"{CHEAT} {check}"


def test_every_check_is_hit():
    engine = {EQUIVOCATION, SIZE, ENCODING, ECHO, UNEXPECTED}
    assert {check for check, _ in CHEATS.values()} | engine == {*SPEC.checks, *engine}


def test_rogue_key_of_two_parties_fails_its_owners_proof():
    """In 2-of-2 a dealer can send a right share of a polynomial whose constant it does not know."""
    keygen = Keygen(2, 2)
    cheat = PartyId(1)
    reveal = keygen.reveal(cheat)
    S_0 = G - keygen.reveal(VICTIM).S[0]
    # sigma G = S_0 + S_1 for the honest polynomial's sigma = f(1)
    S = PointVector([S_0, reveal.S[0] + reveal.S[1] - S_0])
    keygen.commits(cheat, cls=RogueCommits, reveal=replace(reveal, S=S))
    outcomes = keygen.run()
    assert outcomes[VICTIM].error.culprits == {cheat: "sch"}
    assert outcomes[VICTIM].result is None
    (evidence,) = outcomes[VICTIM].error.evidence
    assert judged(keygen.parties.roster, evidence) == f"{cheat} sch"


def test_chain_code_told_differently_leaves_nobody_with_another_one():
    keygen = Keygen()
    outcomes = keygen.run(altered(REVEALS, flipped(63), VICTIM))
    assert outcomes[VICTIM].error.culprits == {CHEAT: "commitment"}
    assert all(keygen.convinces(evidence) for evidence in outcomes[VICTIM].error.evidence)
    # whoever was told the truth has no share either: a proof of the victim never comes
    assert outcomes[OTHER].result is None


def test_all_who_cheat_in_one_round_are_named():
    keygen = Keygen(4, 2)
    revealer, dealer = PartyId(1), PartyId(3)
    slots = {Slot.broadcast(REVEAL, revealer): flipped(0), Slot.direct(REVEAL, dealer, VICTIM): plus_one}

    def mutate(slot: Slot, _receiver: PartyId, body: bytes) -> bytes:
        return slots.get(slot, bytes)(body)

    def last(sender: PartyId, receiver: PartyId, envelope: bytes) -> tuple[bytes, ...]:
        # nobody but the victim gets what it needs to see a fault
        number = int.from_bytes(envelope[32:34], "big")
        return (envelope,) if number == COMMIT or receiver == VICTIM else ()

    outcomes = keygen.run(Tamper({revealer, dealer}, mutate, last))
    error = outcomes[VICTIM].error
    assert error.culprits == {revealer: "commitment", dealer: "share"}
    assert all(keygen.convinces(evidence) for evidence in error.evidence)


def test_messages_of_another_session_are_nobodys_fault():
    earlier = Keygen()
    sealed: dict[tuple[int, int], bytes] = {}

    def tap(sender, receiver, envelope):
        sealed.setdefault((sender, receiver), envelope)
        return (envelope,)

    earlier.run(Tamper(intercept=tap))
    replay = Tamper(intercept=lambda s, r, envelope: (sealed[s, r] if s == CHEAT else envelope,))
    outcomes = Keygen(parties=earlier.parties).run(replay)
    assert isinstance(outcomes[VICTIM].error, UnattributedAbort)
    assert outcomes[VICTIM].result is None


# ---- evidence convicts the guilty only ----


def evidence_of(check: str, name: str) -> tuple[Keygen, object]:
    keygen = Keygen()
    outcomes = keygen.run(CHEATS[name][1](keygen))
    return keygen, expect_blame(keygen, outcomes, check)


@pytest.mark.parametrize(
    ("check", "name"), [("commitment", "rid changed"), ("share", "wrong share"), ("sch", "z changed")]
)
def test_evidence_needs_every_message_its_check_and_its_culprit(check, name):
    keygen, evidence = evidence_of(check, name)
    assert keygen.convinces(evidence)
    for left_out in range(len(evidence.messages)):
        fewer = evidence.messages[:left_out] + evidence.messages[left_out + 1 :]
        assert not keygen.convinces(replace(evidence, messages=fewer))
    for other in {*SPEC.checks, SIZE, ENCODING, "unknown"} - {check}:
        assert not keygen.convinces(replace(evidence, check=other))
    for party in (VICTIM, OTHER, PartyId(3)):
        assert not keygen.convinces(replace(evidence, culprit=party))
    other = Keygen(parties=keygen.parties)
    assert not keygen.convinces(replace(evidence, header=other.header))


@pytest.fixture
def honest():
    """A run in which nobody cheated, and all that was sent."""
    keygen = Keygen()
    network, sent = recording()
    outcomes = keygen.run(network)
    assert not any(outcome.error for outcome in outcomes.values())
    echo = Slot(COMMIT, Kind.ECHO, CHEAT)
    return keygen, sent, echo


def opening(keygen: Keygen, key: bytes):
    return keygen.sessions[VICTIM].sign(Slot.direct(COMPLAINT, VICTIM, CHEAT), key)


def test_complaint_about_a_right_share_proves_nothing(honest):
    keygen, sent, echo = honest
    key = keygen.dealing(VICTIM).keys.slice(CHEAT, 1)
    messages = [sent[slot] for slot in {*share_slots(CHEAT, VICTIM), echo}]
    assert not keygen.accuses("share", [*messages, opening(keygen, bytes(ComplaintMsg.opening(key)))])
    # a key that is not the announced one opens nothing
    assert not keygen.accuses("share", [*messages, opening(keygen, bytes(Scalar(7)))])


def test_second_key_of_the_victim_frames_nobody(honest):
    keygen, sent, echo = honest
    commit, key = Slot.broadcast(COMMIT, VICTIM), Scalar(7)
    body = at(32 + 33 * CHEAT, bytes(key * G))(sent[commit].body)
    second = keygen.sessions[VICTIM].sign(commit, body)
    messages = [sent[slot] for slot in share_slots(CHEAT, VICTIM) if slot != commit]
    proof = [*messages, second, opening(keygen, bytes(key))]
    assert not keygen.accuses("share", proof)
    assert not keygen.accuses("share", [*proof, sent[echo]])


def test_second_reveal_of_the_victim_frames_nobody(honest):
    """rid and X_j come from all reveals: with another of the victim's, an honest proof does not hold."""
    keygen, sent, echo = honest
    commit, revealed = commitment_slots(VICTIM)
    session, other = keygen.sessions[VICTIM], replace(keygen.reveal(VICTIM), rid=bytes(32))
    second = session.sign(revealed, bytes(other))
    fitting = session.sign(commit, at(0, other.commitment(keygen.header, VICTIM))(sent[commit].body))
    others = [sent[slot] for slot in sch_slots(CHEAT, keygen.header.parties) if slot.sender != VICTIM]
    for commitment in (sent[commit], fitting):
        assert not keygen.accuses("sch", [*others, second, commitment])
        assert not keygen.accuses("sch", [*others, second, commitment, sent[echo]])
    assert not keygen.accuses("sch", [*others, sent[revealed], sent[commit], sent[echo]])


def test_coordinator_that_signs_like_a_party_is_none():
    """It signs what a party with a wrong proof would; a check must not look for its share."""
    keygen, evidence = evidence_of("sch", "z changed")
    keys = keygen.parties.keys
    roster = replace(keygen.parties.roster, coordinator=keygen.parties.roster.keys[CHEAT])
    header = replace(keygen.header, roster=roster.digest)
    messages = []
    for message in evidence.messages:
        as_coordinator = message.slot.sender == CHEAT
        signer = COORDINATOR if as_coordinator else message.slot.sender
        session = Session(SPEC, header, roster, signer, keys[message.slot.sender])
        messages.append(session.sign(replace(message.slot, sender=signer), message.body))
        if as_coordinator and message.slot.round != PROVE:
            # the party has sent the same, so that no message is missing
            session = Session(SPEC, header, roster, CHEAT, keys[CHEAT])
            messages.append(session.sign(message.slot, message.body))
    ordered = tuple(sorted(messages, key=lambda message: message.slot))
    assert not Evidence(header, COORDINATOR, "sch", ordered).holds(roster, {SPEC.name: SPEC})
