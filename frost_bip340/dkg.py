"""ChillDKG 0.3.0: distributed key generation of n participants through a coordinator whom nobody trusts.

participant_step1 -> coordinator_step1 -> participant_step2 -> coordinator_finalize -> participant_finalize
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from frost_bip340 import certeq
from frost_bip340.encpedpop import derive_secnonce, derive_seed, receiving_pads, sending_pads
from frost_bip340.investigation import Complaint, parse_all
from frost_bip340.key_share import KeyShare, ThresholdInfo
from frost_bip340.messages import (
    SIGNATURE_LEN,
    CoordinatorMsg1,
    ParticipantMsg1,
)
from frost_bip340.params import SessionParams
from frost_bip340.simplpedpop import deal, failed_pops, group_key, untweaked_pubshare
from frost_bip340.suspicion import FaultyPartyOrCoordinatorError, InvalidShareError
from frost_bip340.transcript import Transcript
from native.curve import ORDER, Point, PointVector, Scalar, mul_base, parse_points, sum_points, sum_vectors
from native.errors import LengthError, NotUnitError, PointError
from native.secret import SecretScalars, SecretSeed
from native.secret_scalar import add, invert, negate, shift, total
from protocol.errors import EncodingError, FaultyCoordinatorError, FaultyPartyError, UsageError
from protocol.ids import PartyId


@dataclass(frozen=True, slots=True)
class ParticipantState1:
    """What a participant remembers between its first two steps; nothing secret.

    Args:
        params: the session.
        party: the participant.
        com_to_secret: its first commitment.
        pubnonce: its encryption key, 33 bytes.
    """

    params: SessionParams
    party: PartyId
    com_to_secret: Point
    pubnonce: bytes


@dataclass(frozen=True, slots=True, eq=False)
class ParticipantState2:
    """What a participant holds once it has signed: the key may be live already at others.

    Args:
        transcript: what it signed.
        share: its share, to be used after participant_finalize only.
    """

    transcript: Transcript
    share: KeyShare


@dataclass(frozen=True, slots=True)
class CoordinatorState:
    """What the coordinator remembers between its steps.

    Args:
        transcript: what all should sign.
        info: the key.
    """

    transcript: Transcript
    info: ThresholdInfo


class ParticipantStep1(NamedTuple):
    """State and first message of a participant."""

    state: ParticipantState1
    pmsg1: bytes


class ParticipantStep2(NamedTuple):
    """State and second message of a participant."""

    state: ParticipantState2
    pmsg2: bytes


class CoordinatorStep1(NamedTuple):
    """State and first message of the coordinator."""

    state: CoordinatorState
    cmsg1: bytes


class ParticipantOutput(NamedTuple):
    """A participant's key, and the public data which, with the host secret key, brings it back."""

    share: KeyShare
    recovery_data: bytes


class CoordinatorOutput(NamedTuple):
    """The last message of the coordinator, the public side of the key, and the recovery data."""

    cmsg2: bytes
    info: ThresholdInfo
    chain_code: bytes
    recovery_data: bytes


def participant_step1(
    hostseckey: SecretScalars, params: SessionParams, random: SecretScalars
) -> ParticipantStep1:
    """Deal shares.

    Args:
        hostseckey: the participant's host secret key.
        params: the session.
        random: one fresh random scalar.

    Returns:
        The state and a message for the coordinator, 33 t + 32 n + 97 bytes.

    Raises:
        UsageError: the host secret key is no participant's, or random is not one scalar other than 0.

    Security:
        Two sessions with one random deal the same shares. DEVIATION: random is a scalar, 32 bytes below n.
    """
    party = params.party(hostseckey)
    _check_random(random)
    seed = derive_seed(hostseckey, random, params)
    secnonce = derive_secnonce(seed)
    pubnonce = bytes(mul_base(secnonce)[0])
    dealing = deal(seed, params.t, params.n, party)
    pads = sending_pads(params, party, hostseckey, secnonce, pubnonce)
    enc_shares = add(dealing.shares, pads).declassify()
    msg = ParticipantMsg1(dealing.coms, dealing.pop, pubnonce, _scalars(enc_shares))
    return ParticipantStep1(ParticipantState1(params, party, dealing.coms[0], pubnonce), bytes(msg))


def _scalars(data: bytes) -> tuple[Scalar, ...]:
    return tuple(Scalar.from_bytes(data[at : at + 32]) for at in range(0, len(data), 32))


def _check_random(random: SecretScalars) -> None:
    if random.count != 1:
        raise UsageError("random is one scalar")
    try:
        invert(random)
    except NotUnitError as e:
        raise UsageError("random must not be 0: the random generator is broken") from e


def coordinator_step1(pmsgs1: Mapping[PartyId, bytes], params: SessionParams) -> CoordinatorStep1:
    """Add up what all participants dealt.

    DEVIATION: proofs of possession and encryption keys are verified here too, as the coordinator alone can be
    sure whose fault they are. No message changes.

    Args:
        pmsgs1: the first message of every participant.
        params: the session.

    Returns:
        The state and a message for all participants, 162 n + 33 (t - 1) bytes.

    Raises:
        UsageError: a message is missing.
        FaultyPartyError: the named participants sent a malformed message or a wrong proof.
        UnattributedAbort: the commitments cancel out.
    """
    return add_up(parse_all(pmsgs1, params), params)


def add_up(msgs: Sequence[ParticipantMsg1], params: SessionParams) -> CoordinatorStep1:
    """Do coordinator_step1 on messages that are read already, in the order of their senders' ids."""
    coms_to_secrets = [msg.coms[0] for msg in msgs]
    culprits = dict.fromkeys(failed_pops(coms_to_secrets, [msg.pop for msg in msgs]), "proof of possession")
    pubnonces = tuple(msg.pubnonce for msg in msgs)
    culprits |= dict.fromkeys(_parse_pubnonces(pubnonces)[1], "pubnonce")
    if culprits:
        raise FaultyPartyError(culprits)
    sum_coms = sum_vectors([msg.coms for msg in msgs])
    columns = zip(*(map(int, msg.enc_shares) for msg in msgs), strict=True)
    enc_secshares = tuple(Scalar(sum(column) % ORDER) for column in columns)
    cmsg1 = CoordinatorMsg1(
        PointVector(coms_to_secrets), sum_coms[1:], tuple(msg.pop for msg in msgs), pubnonces, enc_secshares
    )
    transcript = Transcript(params, sum_coms, pubnonces, enc_secshares)
    key = group_key(sum_coms, params.n)
    return CoordinatorStep1(CoordinatorState(transcript, key.info), bytes(cmsg1))


def participant_step2(
    hostseckey: SecretScalars, state: ParticipantState1, cmsg1: bytes, aux_rand: SecretSeed
) -> ParticipantStep2:
    """Verify what all dealt, decrypt the own share and sign the transcript.

    Args:
        hostseckey: the participant's host secret key.
        state: of participant_step1; take it once.
        cmsg1: the coordinator's first message.
        aux_rand: 32 bytes of randomness for the signature.

    Returns:
        The state and a message for the coordinator, 64 bytes.

    Raises:
        UsageError: the host secret key is not that of participant_step1.
        FaultyCoordinatorError: the coordinator's message is malformed, or misquotes this participant.
        FaultyPartyOrCoordinatorError: proofs or keys of the named participants are wrong.
        InvalidShareError: the share is wrong; see participant_investigate.
        UnattributedAbort: the commitments cancel out.

    Security:
        Sign one transcript per session. After the message is out, keep the host secret key and this state
        whatever happens: others may take the key for live, and put money on it.
    """
    params, me = state.params, state.party
    if params.party(hostseckey) != me:
        raise UsageError("the host secret key does not match the one used in participant_step1")
    try:
        msg = CoordinatorMsg1.from_bytes(cmsg1, params.t, params.n)
    except EncodingError as e:
        raise FaultyCoordinatorError(e.field) from e
    pubnonces = _check_cmsg1(msg, state)
    sum_coms = [sum_points(msg.coms_to_secrets), *msg.sum_coms]
    transcript = Transcript(params, sum_coms, msg.pubnonces, msg.enc_secshares)
    pads = receiving_pads(params, me, hostseckey, pubnonces)
    share = _decrypt(transcript, me, pads)
    signature = certeq.sign(certeq.CERTEQ, hostseckey, me, bytes(transcript), aux_rand, params.points[me])
    return ParticipantStep2(ParticipantState2(transcript, share), signature)


def _check_cmsg1(msg: CoordinatorMsg1, state: ParticipantState1) -> list[Point]:
    """Check what others dealt and return the encryption keys."""
    me = state.party
    if msg.pubnonces[me] != state.pubnonce:
        raise FaultyCoordinatorError("own pubnonce")
    if msg.coms_to_secrets[me] != state.com_to_secret:
        raise FaultyCoordinatorError("own commitment")
    pubnonces, bad = _parse_pubnonces(msg.pubnonces)
    suspects = dict.fromkeys(bad, "pubnonce")
    failed = failed_pops(msg.coms_to_secrets, msg.pops)
    # my own proof was right when it left
    if me in failed:
        raise FaultyCoordinatorError("own proof of possession")
    for i in failed:
        suspects[i] = "commitment" if msg.coms_to_secrets[i].is_infinity else "proof of possession"
    if suspects:
        raise FaultyPartyOrCoordinatorError(suspects)
    return pubnonces


def _parse_pubnonces(pubnonces: tuple[bytes, ...]) -> tuple[list[Point], list[PartyId]]:
    """Return the encryption keys, and the participants whose key is none."""
    try:
        return list(parse_points(b"".join(pubnonces))), []
    except PointError:
        bad = [PartyId(i) for i, pubnonce in enumerate(pubnonces) if not is_pubnonce(pubnonce)]
        return [], bad


def is_pubnonce(pubnonce: bytes) -> bool:
    """Tell whether an encryption key is the encoding of a finite point."""
    try:
        Point.from_bytes(pubnonce)
    except (LengthError, PointError):
        return False
    return True


def _decrypt(transcript: Transcript, me: PartyId, pads: SecretScalars) -> KeyShare:
    key = group_key(transcript.sum_coms, transcript.params.n)
    enc_secshare = transcript.enc_secshares[me]
    # secshare = enc_secshare - sum of the pads + t_w
    secshare = shift(negate(total(pads)), [enc_secshare + key.tweak])
    try:
        return KeyShare(key.info, me, secshare, transcript.chain_code)
    except UsageError as e:
        pubshare = untweaked_pubshare(key, me)
        raise InvalidShareError(Complaint(transcript.params.n, me, enc_secshare, pads, pubshare)) from e


def coordinator_finalize(state: CoordinatorState, pmsgs2: Mapping[PartyId, bytes]) -> CoordinatorOutput:
    """Collect the certificate.

    Args:
        state: of coordinator_step1.
        pmsgs2: the second message of every participant.

    Returns:
        A message for all participants, 64 n bytes, and the public results.

    Raises:
        UsageError: a message is missing.
        FaultyPartyError: the signatures of the named participants do not hold.
    """
    params, eq_input = state.transcript.params, bytes(state.transcript)
    if set(pmsgs2) != set(range(params.n)):
        raise UsageError("there must be one message of each participant")
    short = [i for i, pmsg2 in pmsgs2.items() if len(pmsg2) != SIGNATURE_LEN]
    if short:
        raise FaultyPartyError(dict.fromkeys(short, "length"))
    cert = b"".join(pmsgs2[PartyId(i)] for i in range(params.n))
    failed = certeq.failed(certeq.CERTEQ, params, eq_input, cert)
    if failed:
        raise FaultyPartyError(dict.fromkeys(failed, "certificate"))
    return CoordinatorOutput(cert, state.info, state.transcript.chain_code, eq_input + cert)


def participant_finalize(state: ParticipantState2, cmsg2: bytes) -> ParticipantOutput:
    """Verify that all participants agree.

    Args:
        state: of participant_step2.
        cmsg2: the coordinator's last message.

    Returns:
        The share, ready for use, and the recovery data; anybody's copy of it will do.

    Raises:
        FaultyCoordinatorError: the certificate is malformed or does not hold; another participant may have a
            valid one.
    """
    params, eq_input = state.transcript.params, bytes(state.transcript)
    if len(cmsg2) != SIGNATURE_LEN * params.n:
        raise FaultyCoordinatorError("length")
    if certeq.failed(certeq.CERTEQ, params, eq_input, cmsg2):
        raise FaultyCoordinatorError("certificate")
    return ParticipantOutput(state.share, eq_input + cmsg2)
