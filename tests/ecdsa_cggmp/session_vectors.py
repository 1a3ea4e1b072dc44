"""Whole sessions that are functions of a name: every message, the result, and what a flipped bit leads to."""

import hashlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from ecdsa_cggmp import aux_rounds, keygen_rounds, presign, sign_rounds
from ecdsa_cggmp.keygen_checks import SPEC as KEYGEN
from ecdsa_cggmp.keygen_messages import keygen_params
from ecdsa_cggmp.presign_messages import PresignPlan
from ecdsa_cggmp.resharing import RESHARING, begin_resharing
from ecdsa_cggmp.sign import SigningRequest, sign_share
from ecdsa_cggmp.sign_messages import Input, SigningPlan
from native.curve import Scalar
from protocol.driver import Tamper, run
from protocol.ids import COORDINATOR, EVERYBODY, PartyId
from protocol.resharing.key import plan_refresh
from protocol.round import Continue
from protocol.session import Session
from protocol.signed import Kind, Slot, read_envelope
from tests.ecdsa_cggmp.levels import TINY
from tests.ecdsa_cggmp.network import CHAIN_CODE, Parties, aux_infos, aux_secret, dealt
from tests.ecdsa_cggmp.presignatures import presignature, secret_key
from tests.ecdsa_cggmp.replay import replayed

LIAR = PartyId(1)
LONGEST = 1 << 14  # bytes that a file has of a message; of a longer one it has the hash
REQUEST = SigningRequest(bytes(range(32)), Scalar(7))

Openings = dict[PartyId, tuple[Session, Continue[Any]]]
Vector = dict[str, Any]


def keygen() -> Openings:
    sessions = Parties(3).sessions(KEYGEN, params=keygen_params(2))
    return {i: (session, keygen_rounds.participate(session)) for i, session in sessions.items()}


def aux() -> Openings:
    sessions = Parties(2).sessions(aux_rounds.aux_spec(TINY))
    return {i: (s, aux_rounds.participate(s, aux_secret(i), TINY)) for i, s in sessions.items()}


def presigning() -> Openings:
    infos, shares = aux_infos.__wrapped__(2), dealt(2, 2)
    plan = PresignPlan(shares[0].sharing, (PartyId(0), PartyId(1)), 1, infos[0].publics)
    sessions = Parties(2).sessions(presign.presign_spec(TINY), params=bytes(plan))
    return {i: (s, presign.participate(s, shares[i], infos[i])) for i, s in sessions.items()}


def signing() -> Openings:
    shares, parties = dealt(2, 2), Parties(2, coordinated=True)
    made = presignature(shares[0].sharing, secret_key(shares), (0, 1))
    publics = [made[0].public]
    plan = SigningPlan(shares[0].sharing, (PartyId(0), PartyId(1)), (Input(made[0].public, REQUEST),))
    sessions = parties.sessions(sign_rounds.SPEC, params=bytes(plan))
    place = sessions.pop(COORDINATOR)

    def signer(i: PartyId) -> Callable[[Any], list[Scalar]]:
        return lambda contexts: [sign_share(made[i], contexts[0])]

    openings: Openings = {
        i: (s, sign_rounds.participate(s, plan.sharing, publics, signer(i))) for i, s in sessions.items()
    }
    return openings | {COORDINATOR: (place, sign_rounds.coordinate(place))}


def refresh() -> Openings:
    shares = dealt(3, 2)
    plan = plan_refresh(shares[0].sharing, CHAIN_CODE)
    sessions = Parties(3).sessions(RESHARING, params=bytes(plan))
    return {i: (s, begin_resharing(s, CHAIN_CODE, shares[i])) for i, s in sessions.items()}


def public_side(result: Any) -> Mapping[str, str]:
    """What a session has ended with, as far as everybody may know it."""
    if isinstance(result, tuple):  # signatures, or presignatures
        items = [item if isinstance(item, bytes) else bytes(item.public) for item in result]
        return {"public": b"".join(items).hex()}
    for attribute in ("publics", "sharing"):
        with suppress(AttributeError):
            public = getattr(result, attribute)
            items = [public[i] for i in sorted(public)] if isinstance(public, Mapping) else [public]
            return {"public": hashlib.sha256(b"".join(map(bytes, items))).hexdigest()}
    return {}


def vector(name: str) -> Vector:
    """The session, and how it ends if a party flips the last bit of one of its messages."""
    envelopes: dict[Slot, bytes] = {}

    def note(sender: PartyId, receiver: PartyId, envelope: bytes) -> tuple[bytes, ...]:
        envelopes.setdefault(read_envelope(envelope, sender, receiver)[1].slot, envelope)
        return (envelope,)

    with replayed(name):
        openings = SESSIONS[name]()
        (session, _), outcomes = openings[PartyId(0)], run(openings, Tamper(intercept=note))
    observer = COORDINATOR if COORDINATOR in openings else PartyId(0)
    lies = [slot for slot in sorted(envelopes) if slot.sender == LIAR and slot.kind is not Kind.ECHO]
    return {
        "randomness": name,
        "header": bytes(session.header).hex(),
        "roster": bytes(session.roster).hex(),
        "messages": [message(slot, data) for slot, data in sorted(envelopes.items())],
        "accepted": {str(i): public_side(outcome.result) for i, outcome in sorted(outcomes.items())},
        "rejected with last bit flipped": [
            {**place(slot), "reason": reason(name, slot, observer)}
            for slot in lies
            if slot.receiver in {EVERYBODY, observer}
        ],
    }


def place(slot: Slot) -> Vector:
    receiver = None if slot.receiver == EVERYBODY else slot.receiver
    return {"round": slot.round, "kind": slot.kind.name, "sender": slot.sender, "receiver": receiver}


def message(slot: Slot, envelope: bytes) -> Vector:
    if len(envelope) > LONGEST:
        return place(slot) | {"bytes": len(envelope), "sha256": hashlib.sha256(envelope).hexdigest()}
    return place(slot) | {"envelope": envelope.hex()}


def reason(name: str, lie: Slot, observer: PartyId) -> str:
    """What somebody says who gets a message with a flipped bit."""

    def mutate(slot: Slot, _: PartyId, body: bytes) -> bytes:
        return body[:-1] + bytes([body[-1] ^ 1]) if slot == lie else body

    with replayed(name):
        outcomes = run(SESSIONS[name](), Tamper(corrupted={LIAR}, mutate=mutate))
    error = outcomes[observer].error
    return f"{type(error).__name__}: {error}"


SESSIONS: dict[str, Callable[[], Openings]] = {
    "session_keygen": keygen,
    "session_aux": aux,
    "session_presign": presigning,
    "session_sign": signing,
    "session_refresh": refresh,
}
