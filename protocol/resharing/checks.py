"""The checks of resharing: each looks at signed messages only, live and in evidence alike."""

from typing import Final

from native.curve import mul_base
from native.secret import SecretScalars
from protocol.errors import EncodingError
from protocol.ids import PartyId
from protocol.resharing.dealing import commitment, knows_constant
from protocol.resharing.masks import unmask
from protocol.resharing.messages import (
    COMMIT,
    COMPLAINT,
    PART,
    REVEAL,
    SHARE,
    CommitMsg,
    ComplaintMsg,
    MaskedMsg,
    RevealMsg,
)
from protocol.resharing.plan import Plan
from protocol.signed import Kind, Slot
from protocol.spec import Claim, MessageType, ProtocolSpec
from protocol.vss import Commitment

_VERSION: Final = 1


def resharing_spec(name: str) -> ProtocolSpec:
    """Return the protocol under the name that a scheme gives it, so that no message crosses schemes."""
    masked = MessageType(MaskedMsg.size, MaskedMsg.read)
    return ProtocolSpec(
        name,
        _VERSION,
        messages={
            (COMMIT, Kind.BROADCAST): MessageType(CommitMsg.size, CommitMsg.read),
            (REVEAL, Kind.BROADCAST): MessageType(RevealMsg.size, RevealMsg.read),
            (SHARE, Kind.DIRECT): masked,
            (PART, Kind.DIRECT): masked,
            (COMPLAINT, Kind.DIRECT): MessageType(ComplaintMsg.size, ComplaintMsg.read),
        },
        checks={
            "commitment": _other_than_committed,
            "constant": _other_constant,
            "knowledge": _constant_unknown,
            "share": _wrong_share,
            "part": _wrong_part,
        },
        echoed=frozenset({COMMIT, REVEAL}),
    )


def _other_than_committed(claim: Claim) -> bool:
    """What is revealed is not what was committed to."""
    expected = claim.broadcast(CommitMsg, COMMIT).digest
    return commitment(claim.header, claim.culprit, claim.broadcast(RevealMsg, REVEAL)) != expected


def _other_constant(claim: Claim) -> bool:
    """C_0 is not lambda_i P_i."""
    return claim.broadcast(RevealMsg, REVEAL).points[0] != Plan.of(claim.header).constant(claim.culprit)


def _constant_unknown(claim: Claim) -> bool:
    """The proof of knowledge of the constant does not hold."""
    return not knows_constant(claim.header, claim.culprit, claim.broadcast(RevealMsg, REVEAL))


def _wrong_share(claim: Claim) -> bool:
    """The share for a new holder is not that of the commitments: g_i(k + 1) G != sum_j (k + 1)^j C_j."""
    holder = Plan.of(claim.header).new_id(claim.receiver)
    if holder is None:
        return False
    share = open_masked(claim, SHARE)
    return not Commitment(claim.broadcast(RevealMsg, REVEAL).points).opens_to(share, holder)


def _wrong_part(claim: Claim) -> bool:
    """The part of a lost share is not that of all commitments together."""
    plan = Plan.of(claim.header)
    helper = plan.new_id(claim.culprit)
    if helper is None or claim.receiver != plan.lost:
        return False
    reveals = [claim.broadcast(RevealMsg, REVEAL, party) for party in claim.header.parties]
    total = Commitment.total([Commitment(reveal.points) for reveal in reveals])
    return not total.opens_to(open_masked(claim, PART), helper)


def open_masked(claim: Claim, number: int) -> SecretScalars:
    """Decrypt what the culprit sent to one receiver in a round, with the key in the receiver's complaint.

    Raises:
        EncodingError: a message is missing, or the key is not the one that was announced.
    """
    sender, receiver, parties = claim.culprit, claim.receiver, claim.header.parties
    if sender not in parties:
        raise EncodingError("evidence", "the culprit is no party")
    key = claim.direct(ComplaintMsg, COMPLAINT, sender, sender=receiver).key
    secret = SecretScalars.from_bytes(bytes(key))
    announced = claim.broadcast(CommitMsg, COMMIT, receiver).keys[parties.index(sender)]
    if mul_base(secret)[0] != announced:
        raise EncodingError("key", "not the logarithm of the announced key")
    point = claim.broadcast(CommitMsg, COMMIT).keys[parties.index(sender)]
    slot = Slot.direct(number, sender, receiver)
    return unmask(claim.direct(MaskedMsg, number, receiver).masked, secret, point, claim.header, slot)


def share_slots(sender: PartyId, receiver: PartyId) -> tuple[Slot, ...]:
    """Return the slots of the messages, besides the complaint, that prove a wrong share."""
    return (
        Slot.broadcast(COMMIT, sender),
        Slot.broadcast(COMMIT, receiver),
        Slot.broadcast(REVEAL, sender),
        Slot.direct(SHARE, sender, receiver),
    )


def part_slots(sender: PartyId, receiver: PartyId, parties: tuple[PartyId, ...]) -> tuple[Slot, ...]:
    """Return the slots of the messages, besides the complaint, that prove a wrong part."""
    return (
        Slot.broadcast(COMMIT, sender),
        Slot.broadcast(COMMIT, receiver),
        *(Slot.broadcast(REVEAL, party) for party in parties),
        Slot.direct(PART, sender, receiver),
    )
