"""Every bad point and scalar in every field of key generation, resharing and signing, and of other lengths.

Presigning is in test_cggmp_presign_fields.py. Auxiliary info has numbers only: test_cggmp_moduli.py.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import pytest

from ecdsa_cggmp import keygen_checks, keygen_messages, sign_rounds
from ecdsa_cggmp.resharing import RESHARING, begin_resharing
from protocol.driver import run
from protocol.evidence import Evidence
from protocol.ids import COORDINATOR, PartyId
from protocol.resharing.key import plan_refresh
from protocol.resharing.messages import COMMIT, COMPLAINT, PART, REVEAL, SHARE
from protocol.session import Session
from protocol.signed import Kind, Slot
from protocol.spec import ENCODING, SIZE
from tests.ecdsa_cggmp.keygen_cheats import Keygen
from tests.ecdsa_cggmp.network import CHAIN_CODE, Parties, dealt
from tests.ecdsa_cggmp.test_sign_rounds import Signing, T
from tests.protocol.listening import recording
from tests.protocol.test_codec import BAD_POINTS, BAD_SCALARS

CHEAT, VICTIM = PartyId(0), PartyId(2)
POINT, POINT_EXT, SCALAR = "point", "point or infinity", "scalar"
BYTES = "bytes, of which all are taken"


@dataclass(frozen=True)
class Sent:
    """An honest session.

    Args:
        sessions: as each of its members sees it.
        bodies: what was sent.
    """

    sessions: dict[PartyId, Session]
    bodies: dict[Slot, bytes]

    def convicts(self, slot: Slot, body: bytes, check: str) -> bool:
        """Whether a message convicts its sender, in the hands of a third party that knows the roster."""
        session = self.sessions[slot.sender]
        evidence = Evidence(session.header, slot.sender, check, (session.sign(slot, body),))
        return Evidence.from_bytes(bytes(evidence)).holds(session.roster, {session.spec.name: session.spec})


@cache
def keygen() -> Sent:
    made, (network, sent) = Keygen(3, 2), recording()
    made.run(network)
    return Sent(made.sessions, {slot: message.body for slot, message in sent.items()})


@cache
def resharing() -> Sent:
    parties, shares, (network, sent) = Parties(3), dealt(3, 2), recording()
    plan = plan_refresh(shares[0].sharing, CHAIN_CODE)
    sessions = parties.sessions(RESHARING, plan.parties, bytes(plan))
    run({i: (s, begin_resharing(s, CHAIN_CODE, shares[i])) for i, s in sessions.items()}, network)
    return Sent(sessions, {slot: message.body for slot, message in sent.items()})


@cache
def signing() -> Sent:
    network, sent = recording()
    openings = Signing(2).openings()
    run(openings, network)
    sessions = {i: session for i, (session, _) in openings.items()}
    return Sent(sessions, {slot: message.body for slot, message in sent.items()})


# the fields of every message, in their order, with their lengths
MESSAGES = {
    ("keygen", Slot.broadcast(COMMIT, CHEAT)): (keygen, [(BYTES, 32), *[(POINT, 33)] * 3]),
    ("keygen", Slot.broadcast(REVEAL, CHEAT)): (keygen, [(BYTES, 64), *[(POINT, 33)] * 3, (BYTES, 32)]),
    ("keygen", Slot.direct(REVEAL, CHEAT, VICTIM)): (keygen, [(SCALAR, 32)]),
    ("keygen", Slot.broadcast(keygen_messages.PROVE, CHEAT)): (keygen, [(SCALAR, 32)]),
    ("resharing", Slot.broadcast(COMMIT, CHEAT)): (resharing, [(BYTES, 32), *[(POINT, 33)] * 3]),
    ("resharing", Slot.broadcast(REVEAL, CHEAT)): (
        resharing,
        [(BYTES, 32), (POINT_EXT, 33), (POINT, 33), (POINT, 33), (SCALAR, 32)],
    ),
    ("resharing", Slot.direct(SHARE, CHEAT, VICTIM)): (resharing, [(SCALAR, 32)]),
    ("sign", Slot.direct(1, CHEAT, COORDINATOR)): (signing, [(BYTES, 64)]),
    ("sign", Slot.broadcast(2, COORDINATOR)): (signing, [(BYTES, 64 * T)]),
    ("sign", Slot.direct(3, CHEAT, COORDINATOR)): (signing, [(BYTES, 64 * T), (SCALAR, 32), (SCALAR, 32)]),
}
every = pytest.mark.parametrize("message", MESSAGES, ids=lambda m: f"{m[0]} {m[1].round} {m[1].kind.name}")


def bad_values(kind: str) -> Iterator[bytes]:
    if kind == SCALAR:
        yield from (value.to_bytes(32, "big") for value in BAD_SCALARS)

    elif kind in {POINT, POINT_EXT}:
        yield from (data for data in BAD_POINTS.values() if any(data) or kind == POINT)


def test_all_messages_are_listed() -> None:
    specs = {"keygen": keygen_checks.SPEC, "resharing": RESHARING, "sign": sign_rounds.SPEC}
    for name, spec in specs.items():
        listed = {(slot.round, slot.kind) for listed, slot in MESSAGES if listed == name}
        # complaints are in evidence only, parts in repairs, which ECDSA has not
        assert spec.messages.keys() - listed <= {(PART, Kind.DIRECT), (COMPLAINT, Kind.DIRECT)}


@every
def test_bad_value_in_any_field_convicts_its_sender(message: tuple[str, Slot]) -> None:
    make, fields = MESSAGES[message]
    sent, slot = make(), message[1]
    body = sent.bodies[slot]
    assert sum(width for _, width in fields) == len(body)
    assert not sent.convicts(slot, body, ENCODING)
    at = 0
    for kind, width in fields:
        for value in bad_values(kind):
            assert sent.convicts(slot, body[:at] + value + body[at + width :], ENCODING), (at, value.hex())
        at += width


@every
def test_missing_item_or_one_too_many_convicts_its_sender(message: tuple[str, Slot]) -> None:
    make, fields = MESSAGES[message]
    sent, slot = make(), message[1]
    body = sent.bodies[slot]
    at = 0
    for _, width in fields:
        for other in (body[:at] + body[at + width :], body[: at + width] + body[at:], body[:at]):
            assert sent.convicts(slot, other, SIZE)
        at += width
    assert sent.convicts(slot, body + bytes(1 << 20), SIZE)
