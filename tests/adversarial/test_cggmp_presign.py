"""Signers who cheat in presigning: consistent lies, two faces, false evidence, other plans."""

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from unittest.mock import patch

import pytest

from ecdsa_cggmp import presign, presign_proofs
from ecdsa_cggmp.aux_info import AuxInfo
from ecdsa_cggmp.key_share import KeyShare
from ecdsa_cggmp.presign_failure_checks import AFF_G_STAR, DEC
from ecdsa_cggmp.presign_messages import (
    ENCRYPT,
    MAX_BATCH,
    MULTIPLY,
    REVEAL,
    EncryptMsg,
    MultiplyMsg,
    PresignPlan,
    RevealMsg,
)
from ecdsa_cggmp.presign_own import Own
from ecdsa_cggmp.presign_proofs import Multiplier
from ecdsa_cggmp.presign_statements import BY_GAMMA, BY_X, DELTA_LOG, about_Delta, domain
from ecdsa_cggmp.presignature import batch_digest
from ecdsa_cggmp.zk import aff_g, elog, enc_elg
from native.curve import ORDER, G, PointVector, Scalar, mul_base, mul_secret
from native.paillier import PaillierSecretKey
from native.secret import Secret, SecretInts, SecretResidues, SecretScalars
from native.secret_scalar import random_scalars, shift, to_ints
from protocol.driver import Tamper
from protocol.echo import ENTRY_SIZE
from protocol.errors import FaultyPartyError, UnattributedAbort, UsageError
from protocol.evidence import Evidence
from protocol.ids import PartyId, RoundNumber
from protocol.machine import SessionMachine
from protocol.round import Faults
from protocol.signed import DIGEST_SIZE, MAX_BODY, Kind, Slot, body_digest
from protocol.spec import EQUIVOCATION
from tests.ecdsa_cggmp.levels import TINY
from tests.ecdsa_cggmp.network import Parties, aux_infos, dealt, judged, presign_plan
from tests.ecdsa_cggmp.presign_fields import layout
from tests.ecdsa_cggmp.presign_run import Recorded, corrupted_slot, record

ME, LIAR, OTHER = 0, 1, 2
ONE = Scalar(1)
SPEC = presign.presign_spec(TINY)


@cache
def session(t: int = 2, batch: int = 1) -> Recorded:
    return record(3, t, batch)


def plus_one(scalars: SecretScalars) -> SecretScalars:
    return shift(scalars, [ONE] * scalars.count)


def corrupted_bits(field_name: str, message: str, at: int = 0):
    """Flip the last bit of an item of a field, in a batch of one."""
    field = next(field for field in layout(message, 1) if field.name == field_name)

    def change(body: bytes) -> bytes:
        item = bytearray(field.item(body, at))
        item[-1] ^= 1
        return field.put(body, at, bytes(item))

    return change


def mutation(number: int, change, kind: Kind = Kind.BROADCAST, receiver: int | None = None) -> Tamper:
    sent: dict[tuple[int, Kind], bytes] = {}

    def mutate(slot: Slot, to: PartyId, body: bytes) -> bytes | None:
        if slot.round == number and slot.kind is kind and receiver in {None, to}:
            sent[number, kind] = change(body)
            return sent[number, kind]
        if slot.kind is Kind.ECHO and receiver is None and (slot.round, Kind.BROADCAST) in sent:
            # what the liar says that it sent is what it sent
            at = LIAR * ENTRY_SIZE
            return body[:at] + body_digest(sent[number, kind]) + body[at + DIGEST_SIZE :]
        return body

    return Tamper(corrupted={LIAR}, mutate=mutate)


# one violation of each check, from end to end

VIOLATIONS = {
    "enc-elg K": mutation(ENCRYPT, corrupted_bits("psi.z1", "encrypt proof", 0), Kind.DIRECT),
    "enc-elg G": mutation(ENCRYPT, corrupted_bits("psi.z1", "encrypt proof", 1), Kind.DIRECT),
    "elog Gamma": mutation(MULTIPLY, corrupted_bits("psi.z", "multiply")),
    "aff-g gamma": mutation(MULTIPLY, corrupted_bits("products.psi.z2", "multiply", 0)),
    "aff-g x": mutation(MULTIPLY, corrupted_bits("products.psi.z2", "multiply", 1)),
    "elog Delta": mutation(REVEAL, corrupted_bits("psi.u", "reveal")),
}


def test_every_check_has_a_violation():
    # those of the failure rounds are violated in tests/ecdsa_cggmp/test_presign_failure.py
    assert VIOLATIONS.keys() | {DEC, AFF_G_STAR} == SPEC.checks.keys()


@pytest.mark.parametrize("check", VIOLATIONS)
def test_violation_convicts_its_author_before_everybody(check):
    parties, shares = Parties(2), dealt(2, 2)
    aux_infos(2, TINY)
    before = live_secrets()
    started = time.process_time()
    outcomes = parties.presign(shares, (ME, LIAR), tamper=VIOLATIONS[check])
    assert time.process_time() - started < 5
    error = outcomes[ME].error
    assert isinstance(error, FaultyPartyError)
    assert error.culprits == {LIAR: check}
    (evidence,) = error.evidence
    assert judged(parties.roster, evidence) == f"{LIAR} {check}"
    # nobody else can be convicted with it, nor of anything else
    for other in ({"culprit": ME}, *({"check": name} for name in SPEC.checks if name != check)):
        assert not replace(evidence, **other).holds(parties.roster, {SPEC.name: SPEC})
    for key in ("_round", "_result"):
        assert getattr(outcomes[ME].machine, key) is None
    # in the last round the liar is the only one who has a result
    kept = {id(secret) for item in outcomes[LIAR].result or () for secret in item.secrets()}
    assert live_secrets().keys() - before.keys() == kept


def live_secrets() -> dict[int, Secret]:
    """The owners of secrets that are neither zeroed nor out of reach; their ids stay theirs meanwhile."""
    gc.collect()
    return {id(o): o for o in gc.get_objects() if isinstance(o, Secret) and o._owner}


@pytest.mark.parametrize("number", [ENCRYPT, MULTIPLY, REVEAL])
def test_a_round_names_all_its_secrets(number):
    waiting, _ = session().rounds[number, ME]
    fields = {secret for secret in reachable(waiting) if type(secret) is not Secret}
    assert fields == {id(secret) for secret in waiting.secrets()}


def reachable(item: object) -> set[int]:
    """The ids of the secrets in a round, but for those that outlive the session."""
    if isinstance(item, Secret):
        return {id(item)}
    if isinstance(item, dict):
        return {found for value in item.values() for found in reachable(value)}
    if isinstance(item, AuxInfo | KeyShare) or not hasattr(item, "__dataclass_fields__"):
        return set()
    return {found for name in item.__dataclass_fields__ for found in reachable(getattr(item, name))}


# lies that fit together but for one check; the liar's proofs are made with its false witnesses


def judge(run: Recorded, slot: Slot, message: object) -> FaultyPartyError:
    with pytest.raises(FaultyPartyError) as caught:
        run.judge(ME, {slot: bytes(message)})
    return caught.value


@contextmanager
def unchecked() -> Iterator[None]:
    """Let a prover send proofs that do not hold."""
    with (
        patch.object(enc_elg, "verify_own_encryptions", lambda *_: ()),
        patch.object(aff_g, "verify_own_encryptions", lambda *_: ()),
    ):
        yield


def encryptions_of(run: Recorded, change) -> tuple[Own, dict]:
    """The liar's first messages, made again from what change makes of its secrets."""
    waiting, inbox = run.rounds[ENCRYPT, LIAR]
    own = change(waiting.own)
    with unchecked():
        return own, presign_proofs.prove_encryptions(inbox.session.header, PartyId(LIAR), own)


@pytest.mark.parametrize("witness", ["encrypted", "committed"])
@pytest.mark.parametrize("check", ["enc-elg K", "enc-elg G"])
def test_encryption_of_something_else_than_committed(check, witness):
    """K encrypts k + 1 and A2 k: whichever is taken as the witness, another equation fails."""
    run = session()
    secret, ciphertext = ("k", "K") if check == "enc-elg K" else ("gamma", "G")

    def change(own: Own) -> Own:
        other = plus_one(getattr(own, secret))
        made = own.aux.own.paillier.encrypt(to_ints(other))
        units = [made.rho, own.rho.slice(1, 1)] if secret == "k" else [own.rho.slice(0, 1), made.rho]
        rho = SecretResidues.concat(units)
        own = replace(own, message=replace(own.message, **{ciphertext: made.c}), rho=rho)
        return replace(own, **{secret: other}) if witness == "encrypted" else own

    own, proofs = encryptions_of(run, change)
    messages = {
        corrupted_slot(ENCRYPT, LIAR): bytes(own.message),
        corrupted_slot(ENCRYPT, LIAR, ME): bytes(proofs[ME]),
    }
    with pytest.raises(FaultyPartyError) as caught:
        run.judge(ME, messages)
    assert caught.value.culprits == {LIAR: check}
    assert run.proved(caught.value.evidence[0])


def multiplied(run: Recorded, change) -> MultiplyMsg:
    """The liar's second message, made from what change makes of its secrets."""
    waiting, inbox = run.rounds[ENCRYPT, LIAR]
    with unchecked():
        step = replace(waiting, own=change(waiting.own)).finish(inbox)
    return step.outgoing[0].message


@pytest.mark.parametrize(
    ("secret", "check"), [("gamma", "elog Gamma"), ("x", "aff-g x"), ("b", "elog Gamma")]
)
def test_other_secret_than_committed_in_round_2(secret, check):
    run = session()
    message = multiplied(run, lambda own: replace(own, **{secret: plus_one(getattr(own, secret))}))
    error = judge(run, corrupted_slot(MULTIPLY, LIAR), message)
    assert error.culprits == {LIAR: check}
    assert run.proved(error.evidence[0])


def test_stale_key_share_is_not_the_one_in_the_plan():
    """After a refresh a party still uses its old share."""
    run = session()
    old = random_scalars()
    error = judge(run, corrupted_slot(MULTIPLY, LIAR), multiplied(run, lambda own: replace(own, x=old)))
    assert error.culprits == {LIAR: "aff-g x"}


def multiplier(run: Recorded, own: Own, Gamma: PointVector) -> MultiplyMsg:
    """The liar's right second message with products made from other values."""
    inbox = run.inbox(ENCRYPT, LIAR)
    messages = inbox.broadcasts(EncryptMsg)
    with unchecked():
        made = Multiplier(inbox.session.header, PartyId(LIAR), own, messages, Gamma).multiply()
    honest = read(run, corrupted_slot(MULTIPLY, LIAR), MultiplyMsg)
    return replace(honest, products=tuple(item.products for item in made.values()))


def test_other_gamma_in_D_than_in_Gamma():
    """Gamma and its proof are right, and D with its proof is made from gamma + 1."""
    run = session()
    own = run.rounds[ENCRYPT, LIAR][0].own
    other = plus_one(own.gamma)
    for Gamma in (mul_base(own.gamma), mul_base(other)):
        message = multiplier(run, replace(own, gamma=other), Gamma)
        error = judge(run, corrupted_slot(MULTIPLY, LIAR), message)
        assert error.culprits == {LIAR: BY_GAMMA}
        assert run.proved(error.evidence[0])


@pytest.mark.parametrize("check", [BY_GAMMA, BY_X])
@pytest.mark.parametrize("witness", ["D", "F"])
def test_other_mask_in_F_than_in_D(monkeypatch, check, witness):
    """F encrypts y + 1: the receiver's sum would be off by one."""
    run = session()
    own = run.rounds[ENCRYPT, LIAR][0].own
    encrypt, draw = PaillierSecretKey.encrypt, presign_proofs.AffGWitness
    at = 0 if check == BY_GAMMA else 1

    def other(ints: SecretInts) -> SecretInts:
        items = bytearray(ints.declassify())
        items[(at + 1) * ints.size - 1] ^= 1
        return SecretInts.from_bytes(bytes(items), ints.count)

    with monkeypatch.context() as patched:
        patched.setattr(PaillierSecretKey, "encrypt", lambda key, y, table: encrypt(key, other(y), table))
        if witness == "F":
            patched.setattr(presign_proofs, "AffGWitness", lambda x, y, *rest: draw(x, other(y), *rest))
        message = multiplier(run, own, mul_base(own.gamma))
    error = judge(run, corrupted_slot(MULTIPLY, LIAR), message)
    assert error.culprits == {LIAR: check}
    assert run.proved(error.evidence[0])


@pytest.mark.parametrize(("at", "check"), [(0, BY_GAMMA), (1, BY_X)])
def test_product_that_may_decrypt_to_the_right_value_is_refused_like_any_other(at, check):
    """Selective failure: D (1 + N)^v is right modulo q, or wraps around N, for some k; nobody is told."""
    run, slot = session(), corrupted_slot(MULTIPLY, LIAR)
    field = next(field for field in layout("multiply", 1) if field.name == "D")
    N = int.from_bytes(aux_infos(3, TINY)[ME].publics[ME].N, "big")
    D = int.from_bytes(field.item(run.body(slot), at), "big")
    for v in (1, -1, ORDER, -ORDER, ORDER << 1000, N // 2, N // 2 - ORDER):
        other = D * (1 + v * N) % (N * N)
        body = field.put(run.body(slot), at, other.to_bytes(field.width, "big"))
        # the round raises, so nothing is sent that depends on the plaintext
        with pytest.raises(FaultyPartyError) as caught:
            run.judge(ME, {slot: body})
        assert caught.value.culprits == {LIAR: check}
        assert run.proved(caught.value.evidence[0])


def test_products_for_another_verifier_or_from_another_place():
    run = session(3)
    slot = corrupted_slot(MULTIPLY, LIAR)
    sent = read(run, slot, MultiplyMsg)
    first, second = sent.products  # the peers of party 1 are 0 and 2
    halves = [presign_proofs._cut(first.psi, range(k, k + 1)) for k in (1, 0)]
    size = len(first.D) // 2
    D, F = (column[size:] + column[:size] for column in (first.D, first.F))
    turned = replace(first, D=D, F=F, psi=presign_proofs._join(halves))
    for changed in ((second, first), (second, second), (turned, second)):
        error = judge(run, slot, replace(sent, products=changed))
        assert error.culprits == {LIAR: BY_GAMMA}
        assert run.proved(error.evidence[0])


def test_evidence_about_a_product_is_about_one_verifier():
    run = session(3)
    slot = corrupted_slot(MULTIPLY, LIAR)
    sent = read(run, slot, MultiplyMsg)
    (evidence,) = judge(run, slot, replace(sent, products=sent.products[::-1])).evidence
    second = run.inbox(REVEAL, ME).messages[corrupted_slot(ENCRYPT, OTHER)]
    messages = tuple(sorted([*evidence.messages, second], key=lambda message: message.slot))
    assert run.proved(evidence)
    assert not run.proved(replace(evidence, messages=messages))


def read(run: Recorded, slot: Slot, cls):
    inbox = run.inbox(REVEAL, ME)
    return inbox.decoded[slot]


@pytest.mark.parametrize("number", [ENCRYPT, MULTIPLY, REVEAL])
@pytest.mark.parametrize("source", ["party", "session"])
def test_messages_of_another_party_or_session(number, source):
    run = session(3)
    origin, sender = (run, OTHER) if source == "party" else (record(3, 3, 1), LIAR)
    changed = {corrupted_slot(number, LIAR): origin.body(corrupted_slot(number, sender))}
    if number == ENCRYPT:
        changed[corrupted_slot(number, LIAR, ME)] = origin.body(corrupted_slot(number, sender, ME))
    with pytest.raises(FaultyPartyError) as caught:
        run.judge(ME, changed)
    check = {ENCRYPT: "enc-elg K", MULTIPLY: "elog Gamma", REVEAL: "elog Delta"}[number]
    assert caught.value.culprits == {LIAR: check}
    assert run.proved(caught.value.evidence[0])


@pytest.mark.parametrize("number", [ENCRYPT, MULTIPLY, REVEAL])
def test_proofs_shifted_within_the_batch(number):
    """All items of a batch trade places, each with its proof."""
    run = session(2, 2)
    message = {ENCRYPT: "encrypt", MULTIPLY: "multiply", REVEAL: "reveal"}[number]

    def swapped(body: bytes, name: str) -> bytes:
        for field in layout(name, 2):
            first, second = field.item(body, 0), field.item(body, 1)
            body = field.put(field.put(body, 0, second), 1, first)
        return body

    changed = {slot: swapped(run.body(slot), message) for slot in (corrupted_slot(number, LIAR),)}
    if number == ENCRYPT:
        slot = corrupted_slot(number, LIAR, ME)
        changed[slot] = swapped(run.body(slot), "encrypt proof")
    with pytest.raises(FaultyPartyError) as caught:
        run.judge(ME, changed)
    assert run.proved(caught.value.evidence[0])


def test_other_k_in_Delta_than_in_K():
    run = session()
    waiting, inbox = run.rounds[MULTIPLY, LIAR]
    reveal, _ = run.rounds[REVEAL, LIAR]
    own, header = waiting.own, inbox.session.header
    other = plus_one(own.k)
    Delta = mul_secret(other, reveal.Gamma)
    for k in (own.k, other):
        statement = about_Delta(own.message, Delta, reveal.Gamma)
        place = domain(header, DELTA_LOG, PartyId(LIAR))
        psi = elog.prove(place, header.digest, statement, elog.ElogWitness(k, own.a))
        error = judge(run, corrupted_slot(REVEAL, LIAR), replace(reveal.message, Delta=Delta, psi=psi))
        assert error.culprits == {LIAR: "elog Delta"}
        assert run.proved(error.evidence[0])


def test_all_liars_of_a_round_are_named():
    run = session(3)
    changed = {
        slot: corrupted_bits(field, "reveal")(run.body(slot))
        for slot, field in ((corrupted_slot(REVEAL, LIAR), "psi.z"), (corrupted_slot(REVEAL, OTHER), "psi.u"))
    }
    with pytest.raises(FaultyPartyError) as caught:
        run.judge(ME, changed)
    assert caught.value.culprits == {LIAR: "elog Delta", OTHER: "elog Delta"}
    assert all(run.proved(evidence) for evidence in caught.value.evidence)


@pytest.mark.parametrize(
    ("number", "module"), [(ENCRYPT, enc_elg), (MULTIPLY, aff_g), (MULTIPLY, elog), (REVEAL, elog)]
)
def test_proof_that_fails_here_but_not_as_evidence_is_not_taken(monkeypatch, number, module):
    """It must not happen; if it did, nobody would be blamed and nothing would be used."""
    run = session()
    waiting, inbox = run.rounds[number, ME]
    with monkeypatch.context() as patched:
        patched.setattr(module, "failed", lambda *_: (0,))
        patched.setattr(Faults, "test", lambda *_, **__: False)
        with pytest.raises(UnattributedAbort) as caught:
            waiting.finish(inbox)
    assert caught.value.suspects == {LIAR}


@pytest.mark.parametrize(("number", "module"), [(ENCRYPT, enc_elg), (MULTIPLY, aff_g)])
def test_blame_for_one_proof_of_a_batch_checks_no_other_strictly(monkeypatch, number, module):
    """At full size 32 strict checks of Pi-aff-g take 2.8 s, and the bad one may be the last."""
    run = session(batch=2)
    waiting, inbox = run.rounds[number, ME]
    last, holds, checked = 2 * waiting.own.plan.batch - 1, module.holds, []

    def counted(*args):
        checked.append(args[-1])
        return holds(*args)

    with monkeypatch.context() as patched:
        patched.setattr(module, "failed", lambda *_: (last,))
        patched.setattr(module, "holds", counted)
        with pytest.raises(UnattributedAbort):
            waiting.finish(inbox)
    assert checked == [last]


# two faces


@pytest.mark.parametrize(
    ("number", "field", "message"), [(ENCRYPT, "Y", "encrypt"), (MULTIPLY, "Gamma", "multiply")]
)
def test_two_faces_in_an_echoed_round(number, field, message):
    """The liar shows party 0 another message than party 2; the echo proves it before any proof is judged."""
    parties, shares = Parties(3), dealt(3, 3)
    column = next(item for item in layout(message, 1) if item.name == field)
    tamper = mutation(number, lambda body: column.put(body, 0, bytes(G)), receiver=ME)
    outcomes = parties.presign(shares, range(3), tamper=tamper)
    for party in (ME, OTHER):
        error = outcomes[party].error
        assert isinstance(error, FaultyPartyError)
        assert error.culprits == {LIAR: EQUIVOCATION}
    assert judged(parties.roster, outcomes[ME].error.evidence[0]) == f"{LIAR} {EQUIVOCATION}"


def test_two_faces_in_the_last_round_leave_presignatures_that_differ():
    """Two corrupted signers move a part of S between them; only a comparison of all public parts shows it."""
    run = session(3)
    liar, other = (read(run, corrupted_slot(REVEAL, j), RevealMsg) for j in (LIAR, OTHER))
    changed = {
        corrupted_slot(REVEAL, LIAR): bytes(replace(liar, S=PointVector([liar.S[0] + G]))),
        corrupted_slot(REVEAL, OTHER): bytes(replace(other, S=PointVector([other.S[0] - G]))),
    }
    mine = run.judge(ME, changed).result
    digests = {batch_digest([p.public for p in made]) for made in (mine, run.results[LIAR])}
    assert len(digests) == 2


def test_nobody_is_convicted_by_a_message_that_it_never_received():
    """A corrupted party signs another K, or another Gamma, after the fact: old proofs do not answer them."""
    run = session(3)
    inbox = run.inbox(REVEAL, OTHER)
    framer, victim = run.inbox(REVEAL, ME).session, PartyId(LIAR)
    received = inbox.messages

    def framed(check: str, number: int, message: str, field: str, *slots: Slot) -> Evidence:
        slot = corrupted_slot(number, ME)
        column = next(item for item in layout(message, 1) if item.name == field)
        forged = framer.sign(slot, column.put(run.body(slot), 0, other_value(column)))
        messages = {**{s: received[s] for s in slots}, slot: forged}
        return Evidence(framer.header, victim, check, tuple(messages[s] for s in sorted(messages)))

    def echo(number: int) -> Slot:
        return Slot(RoundNumber(number), Kind.ECHO, victim)

    def other_value(column) -> bytes:
        return bytes(G) if column.width == 33 else bytes(column.width - 1) + b"\x02"

    all_sums = [corrupted_slot(MULTIPLY, j) for j in range(3)]
    delta = [corrupted_slot(ENCRYPT, LIAR), corrupted_slot(REVEAL, LIAR), *all_sums]
    for evidence in (
        framed(BY_GAMMA, ENCRYPT, "encrypt", "K", all_sums[LIAR]),
        framed(BY_GAMMA, ENCRYPT, "encrypt", "K", all_sums[LIAR], echo(ENCRYPT)),
        framed(BY_X, ENCRYPT, "encrypt", "K", all_sums[LIAR], echo(ENCRYPT)),
        framed(DELTA_LOG, MULTIPLY, "multiply", "Gamma", *delta),
        framed(DELTA_LOG, MULTIPLY, "multiply", "Gamma", *delta, echo(MULTIPLY)),
    ):
        assert not run.proved(evidence)


def test_evidence_about_nobody_in_particular_holds_nothing():
    run = session(3)
    received = run.inbox(REVEAL, OTHER).messages
    header = run.inbox(REVEAL, ME).session.header
    slots = {
        "enc-elg K": [corrupted_slot(ENCRYPT, LIAR)],
        "aff-g x": [corrupted_slot(MULTIPLY, LIAR)],
        "aff-g gamma": [
            corrupted_slot(ENCRYPT, ME),
            corrupted_slot(ENCRYPT, OTHER),
            corrupted_slot(MULTIPLY, LIAR),
        ],
        "elog Gamma": [corrupted_slot(MULTIPLY, LIAR)],
        "elog Delta": [corrupted_slot(REVEAL, LIAR)],
    }
    for check, needed in slots.items():
        assert not run.proved(Evidence(header, LIAR, check, tuple(received[s] for s in sorted(needed))))


def test_proof_to_somebody_who_is_no_signer_is_no_evidence():
    run = session()
    liar = run.inbox(ENCRYPT, LIAR).session
    proof = run.body(corrupted_slot(ENCRYPT, LIAR, ME))
    message = liar.sign(corrupted_slot(ENCRYPT, LIAR, OTHER), proof)
    first = run.inbox(ENCRYPT, ME).messages[corrupted_slot(ENCRYPT, LIAR)]
    assert not run.proved(Evidence(liar.header, PartyId(LIAR), "enc-elg K", (first, message)))


# other plans


def test_plan_of_another_key_epoch_signer_or_aux_info():
    parties, shares = Parties(3), dealt(3, 2)
    aux = aux_infos(3, TINY)
    plan = presign_plan(shares, (0, 1))
    stale = dealt(3, 2)

    def begin(params: bytes, signers=(0, 1), share=shares[0], info=aux[0], me=0):
        sessions = parties.sessions(SPEC, signers, params)
        return presign.participate(sessions[me], share, info)

    begin(bytes(plan))
    other_epoch = replace(plan.sharing, epoch=1)
    foreign = {**plan.publics, 1: aux[2].publics[2]}
    for message, case in {
        "not for this share": [
            {"params": bytes(plan), "share": stale[0]},
            {"params": bytes(plan), "share": shares[1]},
            {"params": bytes(plan), "me": 1},
            {"params": bytes(plan), "info": aux[1]},
            {"params": bytes(replace(plan, sharing=other_epoch))},
        ],
        "other auxiliary info": [{"params": bytes(replace(plan, publics=foreign))}],
        "no plan": [
            {"params": b""},
            {"params": bytes(plan)[:-1]},
            # of no presignatures
            {"params": bytes(2) + bytes(plan)[2:]},
            {"params": bytes(plan) + b"\0"},
            {"params": bytes(plan), "signers": (0, 1, 2)},
            {"params": bytes(plan), "signers": (0,)},
        ],
    }.items():
        for arguments in case:
            with pytest.raises(UsageError, match=message):
                begin(**arguments)


def test_plan_refuses_values_that_do_not_fit():
    shares = dealt(3, 2)
    plan = presign_plan(shares, (0, 1))
    for changed in (
        {"batch": 0},
        {"batch": MAX_BATCH + 1},
        {"signers": (0, 1, 2)},
        {"signers": (0, 5)},
        # with the auxiliary info of just these
        {"signers": (0, 1, 2), "publics": aux_infos(3, TINY)[0].publics},
        {"signers": (0, 5), "publics": {0: plan.publics[0], 5: plan.publics[1]}},
        {"publics": {0: plan.publics[0]}},
        {"publics": aux_infos(3, TINY)[0].publics},
        {"sharing": replace(plan.sharing, pubshares=dealt(3, 2)[0].sharing.pubshares)},
    ):
        with pytest.raises(UsageError):
            replace(plan, **changed)
    alone = dealt(3, 1)
    with pytest.raises(UsageError, match="two parties or more"):
        presign_plan(alone, (0,))


def test_batch_whose_messages_no_peer_would_take_is_refused():
    parties, shares = Parties(3), dealt(3, 3)
    size = MultiplyMsg.size(TINY, 1, 2)
    most = MAX_BODY // size
    for batch, allowed in ((most, True), (most + 1, False)):
        header = parties.header(SPEC, range(3), bytes(presign_plan(shares, range(3), batch)))
        if allowed:
            assert PresignPlan.of(header, TINY).batch == batch
        else:
            with pytest.raises(Exception, match="too long"):
                PresignPlan.of(header, TINY)


@pytest.mark.parametrize("difference", ["batch", "signers", "epoch"])
def test_signers_with_different_plans_accept_nothing_from_each_other(difference):
    parties, shares = Parties(3), dealt(3, 2)
    plan = presign_plan(shares, (0, 1))
    session0 = parties.sessions(SPEC, (0, 1), bytes(plan))[0]
    first = presign.participate(session0, shares[0], aux_infos(3, TINY)[0])
    signers, share = (0, 1), shares[1]
    if difference == "batch":
        plan = replace(plan, batch=2)
    elif difference == "signers":
        plan, signers = presign_plan(shares, (1, 2)), (1, 2)
    else:
        sharing = replace(share.sharing, epoch=1)
        plan, share = replace(plan, sharing=sharing), replace(share, sharing=sharing)
    session1 = parties.sessions(SPEC, signers, bytes(plan))[1]
    header = replace(session1.header, session=session0.header.session)
    session1 = replace(session1, header=header)
    opened = presign.participate(session1, share, aux_infos(3, TINY)[1])
    one, _ = SessionMachine.begin(session0, first)
    _, sealed = SessionMachine.begin(session1, opened)
    with pytest.raises(UnattributedAbort) as caught:
        one.receive(PartyId(1), sealed[0].envelope)
    assert caught.value.check == "signature"
