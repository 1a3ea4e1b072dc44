"""Key generation with one party that cheats: openings that are altered consistently, and altered messages."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

from ecdsa_cggmp.key_share import KeyShare
from ecdsa_cggmp.keygen_checks import SPEC
from ecdsa_cggmp.keygen_messages import PROVE, ProveMsg, RevealMsg, keygen_params
from ecdsa_cggmp.keygen_rounds import CollectCommits, CollectReveals, _Dealing, participate
from native.curve import Scalar
from protocol.driver import Outcome, Tamper, run
from protocol.errors import FaultyPartyError, UsageError
from protocol.evidence import Evidence
from protocol.ids import PartyId
from protocol.resharing.messages import COMMIT
from protocol.round import Continue, Inbox, Outgoing
from protocol.session import Session
from protocol.signed import SignedMessage, Slot, read_envelope
from tests.ecdsa_cggmp.network import Parties

CHEAT, VICTIM = PartyId(2), PartyId(0)

Opening = tuple[Session, Continue[KeyShare]]
Change = Callable[[bytes], bytes | None]


class Keygen:
    """A session before it runs: what every party is about to do."""

    def __init__(self, n: int = 3, t: int = 2, parties: Parties | None = None) -> None:
        self.parties = parties or Parties(n)
        self.t = t
        self.sessions = self.parties.sessions(SPEC, params=keygen_params(t))
        self.openings: dict[PartyId, Opening] = {i: (s, participate(s)) for i, s in self.sessions.items()}

    @property
    def header(self):
        return self.sessions[VICTIM].header

    def dealing(self, party: PartyId) -> _Dealing:
        waiting = self.openings[party][1].round
        assert isinstance(waiting, CollectCommits)
        return waiting.dealing

    def reveal(self, party: PartyId) -> RevealMsg:
        return self.dealing(party).reveal

    def digest(self, party: PartyId) -> bytes:
        return self.reveal(party).commitment(self.header, party)

    def commits(self, party: PartyId, digest: bytes | None = None, cls=CollectCommits, **changes) -> None:
        """Let a party deal otherwise, and commit to what it reveals unless a digest is given."""
        session, opening = self.openings[party]
        dealing = replace(self.dealing(party), **changes)
        fitting = dealing.reveal.commitment(self.header, party)
        commit = replace(opening.outgoing[0].message, digest=digest or fitting)
        self.openings[party] = session, Continue(cls(dealing), [Outgoing(COMMIT, commit)])

    def run(self, tamper: Tamper | None = None) -> dict[PartyId, Outcome[KeyShare]]:
        return run(self.openings, tamper)

    def accuses(self, check: str, messages: Iterable[SignedMessage]) -> bool:
        """Whether messages convince a third party that the cheat, honest or not, failed a check."""
        ordered = tuple(sorted(messages, key=lambda message: message.slot))
        return self.convinces(Evidence(self.header, CHEAT, check, ordered))

    def convinces(self, evidence: Evidence) -> bool:
        return evidence.holds(self.parties.roster, {SPEC.name: SPEC})


def altered(slot: Slot, change: Change, receiver: PartyId | None = None) -> Tamper:
    """A party that changes what it sends for one slot, to all receivers or to one."""

    def mutate(sent: Slot, to: PartyId, body: bytes) -> bytes | None:
        return change(body) if sent == slot and receiver in (None, to) else body

    return Tamper(corrupted={slot.sender}, mutate=mutate)


def at(offset: int, value: bytes) -> Change:
    """Overwrite a part of a body; a negative offset counts from its end."""

    def change(body: bytes) -> bytes:
        start = offset % len(body)
        return body[:start] + value + body[start + len(value) :]

    return change


def flipped(offset: int) -> Change:
    """Flip the lowest bit of one byte."""
    return lambda body: at(offset, bytes([body[offset] ^ 1]))(body)


def recording() -> tuple[Tamper, dict[Slot, SignedMessage]]:
    """A network that keeps every message that it carries."""
    messages: dict[Slot, SignedMessage] = {}

    def keep(sender: PartyId, receiver: PartyId, envelope: bytes) -> tuple[bytes]:
        _, message = read_envelope(envelope, sender, receiver)
        messages[message.slot] = message
        return (envelope,)

    return Tamper(intercept=keep), messages


def expect_blame(
    keygen: Keygen, outcomes: Mapping[PartyId, Outcome[KeyShare]], check: str, culprit: PartyId = CHEAT
) -> Evidence:
    """All but the culprit blame it, nobody has a share, and the evidence convinces; return it."""
    found = []
    for party, outcome in outcomes.items():
        if party == culprit:
            continue
        assert isinstance(outcome.error, FaultyPartyError), (party, outcome.error)
        assert outcome.error.culprits == {culprit: check}, (party, outcome.error)
        assert outcome.result is None
        try:
            outcome.machine.receive(culprit, b"")
        except UsageError:
            pass
        else:
            raise AssertionError("a failed session goes on")
        found += outcome.error.evidence
    assert all(keygen.convinces(Evidence.from_bytes(bytes(evidence))) for evidence in found)
    return found[0]


# ---- a rogue key in 2-of-2, which only its owner's proof gives away ----


@dataclass(frozen=True, slots=True, eq=False)
class RogueCommits(CollectCommits):
    """Goes on to a proof of nothing, as nobody knows the share."""

    def finish(self, inbox: Inbox) -> Continue[KeyShare]:
        step = CollectCommits.finish(self, inbox)
        assert isinstance(step.round, CollectReveals)
        return Continue(RogueReveals(step.round.dealing, step.round.commits), step.outgoing)


@dataclass(frozen=True, slots=True, eq=False)
class RogueReveals(CollectReveals):
    def finish(self, inbox: Inbox) -> Continue[KeyShare]:
        waiting = RogueProofs(self.dealing, self.commits)
        return Continue(waiting, [Outgoing(PROVE, ProveMsg(Scalar(7)))])


@dataclass(frozen=True, slots=True, eq=False)
class RogueProofs(RogueReveals):
    number: ClassVar[int] = PROVE
