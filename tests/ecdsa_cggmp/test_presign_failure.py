"""Figure 9: whose delta or S is not what its view decrypts to is convicted, whoever lies along with it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from unittest.mock import patch

import pytest

from ecdsa_cggmp import presign_failure, presign_rounds
from ecdsa_cggmp.key_share import KeyShare
from ecdsa_cggmp.presign import presign_spec
from ecdsa_cggmp.presign_failure import CHI, DELTA, Failure, View
from ecdsa_cggmp.presign_failure_checks import AFF_G_STAR, DEC
from ecdsa_cggmp.presign_failure_round import CollectDefences, defence_slots
from ecdsa_cggmp.presign_messages import (
    DEFEND,
    ENCRYPT,
    MULTIPLY,
    REVEAL,
    DefenceMsg,
    MultiplyMsg,
    Products,
    RevealMsg,
)
from ecdsa_cggmp.presign_proofs import Multiplier, Opened, Product, ProductVerifier
from ecdsa_cggmp.presign_rounds import CollectProducts, CollectReveals
from ecdsa_cggmp.presignature import Presignature
from native.curve import G, PointVector, Scalar, mul_secret
from native.errors import WipedError
from native.integer import random_ints
from native.secret import SecretInts
from native.secret_scalar import shift
from protocol.driver import Outcome, Tamper
from protocol.errors import FaultyPartyError, SessionTimeout, UnattributedAbort
from protocol.evidence import Evidence
from protocol.ids import PartyId
from protocol.round import Continue, Inbox, Round
from protocol.session import Session
from protocol.signed import Kind, Slot
from protocol.spec import EQUIVOCATION, SIZE, Claim
from tests.ecdsa_cggmp.levels import TINY
from tests.ecdsa_cggmp.network import Parties, aux_infos, dealt, judged

N = 3
ONE = Scalar(1)

Step = Continue[tuple[Presignature, ...]]
Change = Callable[[Step], Step]
Outcomes = Mapping[PartyId, Outcome[tuple[Presignature, ...]]]


# cheats


@contextmanager
def cheating(waiting: type[Round], liars: Mapping[int, Change]) -> Iterator[None]:
    """Let liars change what they do after a round; the others are honest."""
    honest = waiting.finish

    def finish(self: Round, inbox: Inbox) -> object:
        step = honest(self, inbox)
        change = liars.get(inbox.session.me)
        return step if change is None else change(step)

    with patch.object(waiting, "finish", finish):
        yield


def revealing(step: Step, **changes: object) -> Step:
    """The liar's step, with another third message, which it takes for its own."""
    waiting, (outgoing,) = step.round, step.outgoing
    assert isinstance(waiting, CollectReveals)
    message = replace(outgoing.message, **changes)
    return Continue(replace(waiting, message=message), [replace(outgoing, message=message)])


def reveal_of(step: Step) -> RevealMsg:
    (outgoing,) = step.outgoing
    assert isinstance(outgoing.message, RevealMsg)
    return outgoing.message


def at(items: tuple, index: int, item: object) -> tuple:
    return *items[:index], item, *items[index + 1 :]


def delta_off(index: int, by: Scalar = ONE) -> Change:
    def change(step: Step) -> Step:
        delta = reveal_of(step).delta
        return revealing(step, delta=at(delta, index, delta[index] + by))

    return change


def S_off(index: int) -> Change:
    def change(step: Step) -> Step:
        S = tuple(reveal_of(step).S)
        return revealing(step, S=PointVector(at(S, index, S[index] + G)))

    return change


def chi_off(index: int) -> Change:
    """Another chi, with the S that belongs to it."""

    def change(step: Step) -> Step:
        waiting = step.round
        assert isinstance(waiting, CollectReveals)
        terms = [Scalar(0)] * waiting.own.plan.batch
        terms[index] = ONE
        chi = shift(waiting.chi, terms)
        changed = revealing(step, S=mul_secret(chi, waiting.Gamma))
        assert isinstance(changed.round, CollectReveals)
        return replace(changed, round=replace(changed.round, chi=chi))

    return change


def defending(change: Callable[[DefenceMsg], DefenceMsg]) -> Change:
    def changed(step: Step) -> Step:
        (outgoing,) = step.outgoing
        assert isinstance(outgoing.message, DefenceMsg)
        return replace(step, outgoing=[replace(outgoing, message=change(outgoing.message))])

    return changed


@contextmanager
def two_summands(liar: int, friend: int) -> Iterator[None]:
    """The liar's F for its friend encrypt another y than its D, and the friend does not mind."""
    multiply, verify = Multiplier._multiply, ProductVerifier._open

    def cheat(self: Multiplier, j: PartyId, part: range, x: SecretInts) -> Product:
        made = multiply(self, j, part, x)
        if (self.me, j) != (liar, friend):
            return made
        y = random_ints(made.y.count, TINY.ell_prime)
        F = self.own.aux.own.paillier.encrypt(y)
        return Product(replace(made.products, F=F.c), y, made.rho, F.rho)

    def look_away(self: ProductVerifier, j: PartyId, part: range, k: SecretInts) -> Opened:
        if (self.session.me, j) != (friend, liar):
            return verify(self, j, part, k)
        D = self.messages[j].products[self.own.plan.peers(j).index(PartyId(friend))].D
        cut = D[part.start * TINY.ciphertext_bytes : part.stop * TINY.ciphertext_bytes]
        return Opened((), self.own.aux.own.paillier.decrypt(cut))

    with patch.object(Multiplier, "_multiply", cheat), patch.object(ProductVerifier, "_open", look_away):
        yield


# sessions


@dataclass
class Failed:
    """A session that was to fail.

    Args:
        parties: the host keys.
        shares: of the key.
        outcomes: how it ended for each signer.
        sessions: as each of them saw it.
        inboxes: of those who judged defences; who was told the evidence before did not.
    """

    parties: Parties
    shares: Sequence[KeyShare]
    outcomes: Outcomes = field(default_factory=dict)
    sessions: dict[int, Session] = field(default_factory=dict)
    inboxes: list[Inbox] = field(default_factory=list)

    def error(self, party: int) -> BaseException | None:
        return self.outcomes[PartyId(party)].error

    def culprits(self, party: int) -> dict[int, str]:
        error = self.error(party)
        assert isinstance(error, FaultyPartyError), error
        assert all(self.proved(evidence) for evidence in error.evidence)
        assert {evidence.culprit: evidence.check for evidence in error.evidence} == error.culprits
        return dict(error.culprits)

    def proved(self, evidence: Evidence) -> bool:
        again = Evidence.from_bytes(bytes(evidence))
        spec = presign_spec(TINY)
        return again.holds(self.parties.roster, {spec.name: spec})

    def against(self, culprit: int, check: str, changed: Mapping[Slot, bytes] | None = None) -> Evidence:
        """What could be said against a party, with messages that others would sign in place of theirs."""
        inbox, changed = self.inboxes[0], changed or {}
        messages = inbox.proof(PartyId(culprit), defence_slots(inbox.session, PartyId(culprit)))
        for slot, body in changed.items():
            messages[slot] = self.sessions[slot.sender].sign(slot, body)
        in_order = tuple(messages[slot] for slot in sorted(messages))
        return Evidence(inbox.session.header, PartyId(culprit), check, in_order)


def run(batch: int = 1, tamper: Tamper | None = None, n: int = N) -> Failed:
    failed = Failed(Parties(n), dealt(n, n))
    finish, finish_reveals = CollectDefences.finish, CollectReveals.finish

    def keeping(self: CollectDefences, inbox: Inbox) -> object:
        failed.inboxes.append(inbox)
        return finish(self, inbox)

    def keeping_session(self: CollectReveals, inbox: Inbox) -> object:
        failed.sessions[inbox.session.me] = inbox.session
        return finish_reveals(self, inbox)

    with (
        patch.object(CollectDefences, "finish", keeping),
        patch.object(CollectReveals, "finish", keeping_session),
    ):
        failed.outcomes = failed.parties.presign(failed.shares, range(n), batch, tamper)
    return failed


@cache
def wrong_delta() -> Failed:
    """Signer 0 has lied about the second delta of a batch."""
    with cheating(CollectProducts, {0: delta_off(1)}):
        return run(2)


@cache
def two_friends() -> Failed:
    """Signers 0 and 1 hide two summands in a product."""
    with two_summands(0, 1):
        return run()


# who lies about a sum


@pytest.mark.parametrize("cheat", [S_off(0), chi_off(1)])
def test_who_lies_about_a_sum_is_convicted(cheat: Change) -> None:
    with cheating(CollectProducts, {1: cheat}):
        failed = run(2, n=2)
    assert failed.culprits(0) == {1: DEC}


def test_all_convict_the_same() -> None:
    failed = wrong_delta()
    assert failed.culprits(2) == {0: DEC}
    for party in range(N):
        error = failed.error(party)
        assert isinstance(error, FaultyPartyError)
        assert error.culprits == {0: DEC}


def test_a_delta_is_settled_before_a_chi() -> None:
    with cheating(CollectProducts, {0: S_off(0), 1: delta_off(1)}):
        failed = run(2, n=2)
    assert failed.culprits(0) == {1: DEC}


def test_two_friends_cannot_hide_two_summands_in_a_product() -> None:
    assert two_friends().culprits(2) == {0: AFF_G_STAR}


def test_the_delta_zero_is_judged_as_any_other() -> None:
    failed = wrong_delta()
    slot = Slot.broadcast(REVEAL, PartyId(0))
    body = failed.inboxes[0].messages[slot].body
    assert failed.proved(failed.against(0, DEC, {slot: body[:32] + bytes(32) + body[64:]}))


def test_who_has_sent_an_F_that_is_no_unit_defends_itself_in_vain() -> None:
    failed = wrong_delta()
    slot = Slot.broadcast(MULTIPLY, PartyId(1))
    body, size = failed.inboxes[0].messages[slot].body, TINY.ciphertext_bytes
    # the second F by gamma for signer 0, behind four D
    F = MultiplyMsg.size(TINY, 2, 2) - 2 * Products.size(TINY, 2) + 5 * size
    zero = body[:F] + bytes(size) + body[F + size :]
    assert failed.proved(failed.against(1, DEC, {slot: zero}))
    assert failed.proved(failed.against(1, AFF_G_STAR, {slot: zero}))


# who lies in the failure round


def flipped(data: bytes, position: int) -> bytes:
    return data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :]


def defence_of(failed: Failed, party: int) -> DefenceMsg:
    inbox = failed.inboxes[0]
    signed = inbox.messages[Slot.broadcast(DEFEND, PartyId(party))]
    message = inbox.session.spec.decode(signed, inbox.session.header)
    assert isinstance(message, DefenceMsg)
    return message


def proved_with(failed: Failed, check: str, message: DefenceMsg) -> bool:
    """Whether signer 1, which is honest, is convicted by another defence that it would have signed."""
    return failed.proved(failed.against(1, check, {Slot.broadcast(DEFEND, PartyId(1)): bytes(message)}))


def test_a_liar_in_the_failure_round_is_convicted_with_the_others() -> None:
    def garble(message: DefenceMsg) -> DefenceMsg:
        proof = message.aff_g_star[0]
        return replace(message, aff_g_star=at(message.aff_g_star, 0, replace(proof, w=bytes(len(proof.w)))))

    with cheating(CollectProducts, {0: S_off(0)}), cheating(CollectReveals, {1: defending(garble)}):
        failed = run()
    assert failed.culprits(2) == {0: DEC, 1: AFF_G_STAR}


@pytest.mark.parametrize("name", ["e", "z", "w", "nu"])
def test_every_value_of_a_decryption_proof_counts(name: str) -> None:
    failed = wrong_delta()
    message = defence_of(failed, 1)
    data = getattr(message.dec, name)
    wrong = replace(message, dec=replace(message.dec, **{name: flipped(data, len(data) // 2)}))
    assert proved_with(failed, DEC, wrong)


@pytest.mark.parametrize("name", ["e", "z1", "z2", "w", "w_y"])
@pytest.mark.parametrize("place", [0, 1])
def test_every_value_of_a_product_proof_counts(name: str, place: int) -> None:
    failed = wrong_delta()
    message = defence_of(failed, 1)
    proof = message.aff_g_star[place]
    data = getattr(proof, name)
    wrong = replace(proof, **{name: flipped(data, len(data) // 2)})
    assert proved_with(failed, AFF_G_STAR, replace(message, aff_g_star=at(message.aff_g_star, place, wrong)))


def test_the_proof_of_a_product_does_not_serve_another() -> None:
    failed = wrong_delta()
    message = defence_of(failed, 1)
    assert proved_with(failed, AFF_G_STAR, replace(message, aff_g_star=message.aff_g_star[::-1]))


def test_a_defence_does_not_serve_another_signer() -> None:
    failed = wrong_delta()
    assert proved_with(failed, DEC, defence_of(failed, 2))
    assert proved_with(failed, AFF_G_STAR, defence_of(failed, 2))


@pytest.mark.parametrize("failure", [Failure(DELTA, 0), Failure(CHI, 1)])
def test_a_defence_of_another_sum_is_none(failure: Failure) -> None:
    """Who lied about one sum defends another one, where it was honest."""
    honest = presign_failure.Defender.defend

    def defend(self: presign_failure.Defender, wrong: Failure) -> DefenceMsg:
        return honest(self, failure if self.view.party == 0 else wrong)

    with (
        cheating(CollectProducts, {0: delta_off(1)}),
        patch.object(presign_failure.Defender, "defend", defend),
    ):
        failed = run(2, n=2)
    assert failed.culprits(1) == {0: DEC}


@pytest.mark.parametrize("change", [-1, 1])
def test_a_defence_has_its_size(change: int) -> None:
    def mutate(slot: Slot, _: PartyId, body: bytes) -> bytes:
        return (body + bytes(1))[: len(body) + change] if slot.round == DEFEND else body

    with cheating(CollectProducts, {0: delta_off(0)}):
        failed = run(tamper=Tamper({PartyId(0)}, mutate), n=2)
    assert failed.culprits(1) == {0: SIZE}


def test_who_does_not_defend_itself_is_missing_but_not_blamed() -> None:
    def silent(slot: Slot, _: PartyId, body: bytes) -> bytes | None:
        return None if slot.round == DEFEND else body

    with cheating(CollectProducts, {0: delta_off(0)}):
        failed = run(tamper=Tamper({PartyId(0)}, silent), n=2)
    error = failed.error(1)
    assert isinstance(error, SessionTimeout)
    assert error.missing == {0}


# equivocation


@pytest.mark.parametrize("number", [MULTIPLY, REVEAL])
def test_who_shows_two_messages_is_convicted_before_anybody_defends_itself(number: int) -> None:
    def mutate(slot: Slot, receiver: PartyId, body: bytes) -> bytes:
        if (slot.round, slot.kind, receiver) != (number, Kind.BROADCAST, 1):
            return body
        # a valid scalar delta, or the last proof of a product
        return flipped(body, 31 if number == REVEAL else len(body) - 1)

    failed = run(tamper=Tamper({PartyId(0)}, mutate))
    assert failed.culprits(1) == failed.culprits(2) == {0: EQUIVOCATION}
    assert not failed.inboxes


@pytest.mark.parametrize("number", [ENCRYPT, MULTIPLY, REVEAL])
@pytest.mark.parametrize("check", [DEC, AFF_G_STAR])
def test_who_signs_a_second_message_cannot_frame_who_answered_the_first(number: int, check: str) -> None:
    failed = wrong_delta()
    slot = Slot.broadcast(number, PartyId(0))
    body = failed.inboxes[0].messages[slot].body
    # the second K; the second D by gamma for signer 1; the second delta, and with it what the failure is
    size = TINY.ciphertext_bytes
    D = MultiplyMsg.size(TINY, 2, 2) - 2 * Products.size(TINY, 2)
    place = {ENCRYPT: 2 * size - 1, MULTIPLY: D + 2 * size - 1, REVEAL: 63}[number]
    assert not failed.proved(failed.against(1, check, {slot: flipped(body, place)}))


# who is honest


def test_who_is_honest_is_not_convicted() -> None:
    failed = wrong_delta()
    for honest in (1, 2):
        assert not failed.proved(failed.against(honest, DEC))
        assert not failed.proved(failed.against(honest, AFF_G_STAR))
    # the liar's products are right
    assert not failed.proved(failed.against(0, AFF_G_STAR))


def test_evidence_holds_in_a_fresh_process_and_not_about_another() -> None:
    failed = wrong_delta()
    error = failed.error(2)
    assert isinstance(error, FaultyPartyError)
    assert judged(failed.parties.roster, error.evidence[0]) == "0 dec"
    assert judged(failed.parties.roster, failed.against(1, DEC)) == "nothing"


def test_evidence_needs_every_message() -> None:
    failed = wrong_delta()
    evidence = failed.against(0, DEC)
    assert failed.proved(evidence)
    for left_out in range(len(evidence.messages)):
        rest = evidence.messages[:left_out] + evidence.messages[left_out + 1 :]
        assert not failed.proved(replace(evidence, messages=rest))


def test_there_is_no_evidence_while_the_sums_are_right() -> None:
    """A garbled defence of who had nothing to defend proves nothing."""
    failed = wrong_delta()
    delta = Slot.broadcast(REVEAL, PartyId(0))
    body = failed.inboxes[0].messages[delta].body
    honest = int.from_bytes(body[32:64], "big") - 1
    repaired = body[:32] + honest.to_bytes(32, "big") + body[64:]
    defence = Slot.broadcast(DEFEND, PartyId(0))
    garbled = flipped(failed.inboxes[0].messages[defence].body, 100)
    assert failed.proved(failed.against(0, DEC, {defence: garbled}))
    assert not failed.proved(failed.against(0, DEC, {defence: garbled, delta: repaired}))


def test_a_fault_of_nobody_is_blamed_on_nobody() -> None:
    def wrong(*_: object) -> Failure:
        return Failure(CHI, 0)

    with (
        patch.object(presign_rounds, "find_failure", wrong),
        patch.object(presign_failure, "find_failure", wrong),
    ):
        failed = run(n=2)
    for party in range(2):
        error = failed.error(party)
        assert isinstance(error, UnattributedAbort)
        assert error.check == CHI


def test_every_proof_of_a_defence_has_its_own_place() -> None:
    inbox = wrong_delta().inboxes[0]
    header, parties = inbox.session.header, inbox.session.header.parties
    slots = {slot: message for slot, message in inbox.messages.items() if slot.kind is Kind.BROADCAST}
    sent = Claim(inbox.session.spec, header, inbox.session.roster, PartyId(1), slots)
    places = [
        View.of(header, TINY, party, sent.broadcast).domain(proof, Failure(name, index), verifier)
        for party in parties
        for verifier in parties
        for proof in (DEC, AFF_G_STAR)
        for name in (DELTA, CHI)
        for index in range(2)
    ]
    assert len({bytes(place) for place in places}) == len(places)


# secrets


def test_no_secret_of_a_failed_session_is_left() -> None:
    kept = []
    finish = CollectReveals.finish

    def keeping(self: CollectReveals, inbox: Inbox) -> object:
        kept.extend(self.secrets())
        return finish(self, inbox)

    with cheating(CollectProducts, {0: delta_off(0)}), patch.object(CollectReveals, "finish", keeping):
        run(n=2)
    # x, k, gamma, a, b, rho, chi, and y and the units of the products
    assert len(kept) == 2 * (7 + 3)
    for secret in kept:
        with pytest.raises(WipedError):
            _ = secret._handle


# the sign convention


@pytest.mark.parametrize("failure", [Failure(DELTA, 0), Failure(CHI, 0)])
def test_what_is_defended_is_the_plaintext_of_the_view(failure: Failure) -> None:
    failed = wrong_delta()
    inbox = failed.inboxes[0]
    slots = {slot: message for slot, message in inbox.messages.items() if slot.kind is Kind.BROADCAST}
    sent = Claim(inbox.session.spec, inbox.session.header, inbox.session.roster, PartyId(1), slots)
    view = View.of(inbox.session.header, TINY, PartyId(1), sent.broadcast)
    statement = view.dec_statement(failure)
    own = aux_infos(N)[1].own.paillier
    d, k = (
        Scalar.reduce(int.from_bytes(own.decrypt(c).declassify(), "big", signed=True))
        for c in (statement.D, statement.K)
    )
    x = view.plan.weight(PartyId(1)) * Scalar.from_bytes(failed.shares[1].secshare.declassify())
    # S = (x k + Dec(D)) base
    x_base = statement.X if failure.sum == DELTA else statement.base * x
    assert statement.S - statement.base * d == x_base * k
