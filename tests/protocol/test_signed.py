import json
from dataclasses import replace
from pathlib import Path

import pytest

from protocol.codec import Reader, decode
from protocol.errors import EncodingError, UsageError
from protocol.ids import COORDINATOR, EVERYBODY, PartyId, RoundNumber, SessionId
from protocol.signed import (
    ENVELOPE_OVERHEAD,
    MAX_BODY,
    Kind,
    SignedDigest,
    SignedMessage,
    Slot,
    body_digest,
    read_envelope,
    signed_hash,
)

from . import toss

GOLDEN = Path(__file__).parents[1] / "vectors" / "protocol" / "message.json"
HEADER = toss.header()
P0, P1, P2 = (PartyId(i) for i in range(3))
SLOT = Slot.direct(2, P1, P2)
MESSAGE = toss.session(1).sign(SLOT, b"body")


def test_signed_hash_is_the_frozen_one() -> None:
    golden = json.loads(GOLDEN.read_text())
    assert bytes(HEADER).hex() == golden["header"]
    assert bytes(SLOT).hex() == golden["slot"]
    assert signed_hash(HEADER, SLOT, body_digest(b"body")).hex() == golden["signed_hash"]
    envelope = replace(MESSAGE, signature=bytes(64)).envelope(HEADER)
    assert envelope.hex() == golden["envelope_with_zero_signature"]


def test_signature_holds_under_the_senders_key() -> None:
    assert MESSAGE.signed_digest.holds(HEADER, toss.roster(3))


OTHERS = {
    "round": replace(MESSAGE, slot=Slot.direct(1, P1, P2)),
    "kind": replace(MESSAGE, slot=Slot.broadcast(2, P1)),
    "sender": replace(MESSAGE, slot=Slot.direct(2, P0, P2)),
    "receiver": replace(MESSAGE, slot=Slot.direct(2, P1, P0)),
    "body": replace(MESSAGE, body=b"bodY"),
    "signature": replace(MESSAGE, signature=bytes([MESSAGE.signature[0] ^ 1]) + MESSAGE.signature[1:]),
}


@pytest.mark.parametrize("message", OTHERS.values(), ids=OTHERS)
def test_signature_holds_for_nothing_else(message: SignedMessage) -> None:
    assert not message.signed_digest.holds(HEADER, toss.roster(3))


@pytest.mark.parametrize(
    "change",
    [
        {"protocol": "tosS"},
        {"version": 2},
        {"session": SessionId(bytes(32))},
        {"roster": bytes(32)},
        {"parties": (P1, P2)},
        {"params": b"\x03"},
    ],
)
def test_signature_holds_in_no_other_session(change: dict[str, object]) -> None:
    assert not MESSAGE.signed_digest.holds(replace(HEADER, **change), toss.roster(3))  # type: ignore[arg-type]


@pytest.mark.parametrize("slot", [SLOT, Slot.broadcast(1, COORDINATOR), Slot(RoundNumber(9), Kind.ECHO, P0)])
def test_messages_and_digests_are_read_as_written(slot: Slot) -> None:
    message = replace(MESSAGE, slot=slot)
    assert decode(bytes(message), 1000, SignedMessage.read) == message
    assert decode(bytes(message.signed_digest), 107, SignedDigest.read) == message.signed_digest


def test_envelope_is_read_as_written() -> None:
    assert read_envelope(MESSAGE.envelope(HEADER), P1, P2) == (HEADER.session, MESSAGE)
    broadcast = toss.session(1).sign(Slot.broadcast(2, P1), b"")
    assert read_envelope(broadcast.envelope(HEADER), P1, P2) == (HEADER.session, broadcast)


@pytest.mark.parametrize("kind", [0, 4, 255])
def test_unknown_kind_is_refused(kind: int) -> None:
    envelope = bytearray(MESSAGE.envelope(HEADER))
    envelope[34] = kind
    with pytest.raises(EncodingError, match="kind"):
        read_envelope(bytes(envelope), P1, P2)


@pytest.mark.parametrize("size", [0, 31, ENVELOPE_OVERHEAD - 1])
def test_short_envelope_is_refused(size: int) -> None:
    with pytest.raises(EncodingError):
        read_envelope(MESSAGE.envelope(HEADER)[:size], P1, P2)


def test_envelope_beyond_every_message_is_refused_unread() -> None:
    with pytest.raises(EncodingError, match="envelope"):
        read_envelope(bytes(ENVELOPE_OVERHEAD + MAX_BODY + 1), P1, P2)


def test_slot_has_a_receiver_exactly_if_direct() -> None:
    for kind, receiver in ((Kind.DIRECT, EVERYBODY), (Kind.BROADCAST, P0), (Kind.ECHO, P0)):
        with pytest.raises(UsageError):
            Slot(RoundNumber(1), kind, P1, receiver)
    data = bytes(Slot.broadcast(1, P1))
    with pytest.raises(EncodingError, match="receiver"):
        Slot.read(Reader(data[:-4] + bytes(4)))
