"""Finding who sent a wrong share (ChillDKG 0.3.0, participant_investigate and coordinator_investigate)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn

from frost_bip340.messages import InvestigationMsg, ParticipantMsg1
from frost_bip340.params import SessionParams
from frost_bip340.suspicion import FaultyPartyOrCoordinatorError
from native.curve import ORDER, G, Point, PointVector, Scalar, eval_polynomial, mul_add_secret, sum_points
from native.secret import SecretScalars
from native.secret_scalar import negate, shift, sub
from protocol.errors import EncodingError, FaultyCoordinatorError, FaultyPartyError, UsageError
from protocol.ids import PartyId


@dataclass(frozen=True, slots=True, eq=False)
class Complaint:
    """What a participant with a wrong share knows.

    Args:
        n: number of participants.
        party: the participant.
        enc_secshare: the sum of encrypted shares it got.
        pads: what decrypts the share from each participant, secret.
        pubshare: its public share, before tweaking.
    """

    n: int
    party: PartyId
    enc_secshare: Scalar
    pads: SecretScalars
    pubshare: Point


def participant_investigate(complaint: Complaint, cinv: bytes) -> NoReturn:
    """Name who made the share wrong.

    Args:
        complaint: of the InvalidShareError.
        cinv: the coordinator's answer to it.

    Raises:
        FaultyCoordinatorError: the coordinator's answer is malformed or contradicts what it sent before.
        FaultyPartyOrCoordinatorError: the shares of the named participants do not match their commitments.
        UsageError: nothing is wrong: the complaint and the answer are not of one session.
    """
    try:
        msg = InvestigationMsg.from_bytes(cinv, complaint.n)
    except EncodingError as e:
        raise FaultyCoordinatorError(e.field) from e
    if sum_points(msg.partial_pubshares) != complaint.pubshare:
        raise FaultyCoordinatorError("sum of partial public shares")
    if sum(map(int, msg.enc_partial_secshares)) % ORDER != int(complaint.enc_secshare):
        raise FaultyCoordinatorError("sum of encrypted shares")
    # share_i = enc_i - pad_i; a participant may deal 0, whose public share is infinity
    shares = shift(negate(complaint.pads), msg.enc_partial_secshares)
    actual = mul_add_secret(shares, sub(shares, shares), [G])
    wrong = [PartyId(i) for i in range(complaint.n) if actual[i] != msg.partial_pubshares[i]]
    if complaint.party in wrong:
        raise FaultyCoordinatorError("share from me to myself")
    if wrong:
        raise FaultyPartyOrCoordinatorError(dict.fromkeys(wrong, "partial share"))
    raise UsageError("the complaint and the coordinator's answer are not of one session")


def coordinator_investigate(pmsgs1: Mapping[PartyId, bytes], params: SessionParams) -> tuple[bytes, ...]:
    """Return the answer to each participant's complaint.

    Args:
        pmsgs1: the first message of every participant.
        params: the session.

    Returns:
        65 n bytes for each participant, who gets its own only.

    Raises:
        UsageError: a message is missing.
        FaultyPartyError: the messages of the named participants are malformed.
    """
    msgs = parse_all(pmsgs1, params)
    places = range(1, params.n + 1)
    # row i: what the commitments of participant i make of every participant
    pubshares = [eval_polynomial(msg.coms, places) for msg in msgs]
    return tuple(
        bytes(
            InvestigationMsg(
                tuple(msg.enc_shares[k] for msg in msgs), PointVector([row[k] for row in pubshares])
            )
        )
        for k in range(params.n)
    )


def parse_all(pmsgs1: Mapping[PartyId, bytes], params: SessionParams) -> list[ParticipantMsg1]:
    """Read the first messages of all participants, in the order of their ids.

    Raises:
        UsageError: there is not one message of each participant.
        FaultyPartyError: the messages of the named participants are malformed.
    """
    if set(pmsgs1) != set(range(params.n)):
        raise UsageError("there must be one message of each participant")
    msgs, culprits = [], {}
    for i in map(PartyId, range(params.n)):
        try:
            msgs.append(ParticipantMsg1.from_bytes(pmsgs1[i], params.t, params.n))
        except EncodingError as e:
            culprits[i] = e.field
    if culprits:
        raise FaultyPartyError(culprits)
    return msgs
