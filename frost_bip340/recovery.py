"""Getting a share back from one host secret key and public data (ChillDKG 0.3.0, Recovery)."""

from collections.abc import Mapping
from typing import NamedTuple

from frost_bip340 import certeq
from frost_bip340.encpedpop import receiving_pads
from frost_bip340.key_share import KeyShare, ThresholdInfo
from frost_bip340.messages import SIGNATURE_LEN
from frost_bip340.params import SessionParams
from frost_bip340.simplpedpop import GroupKey, group_key
from frost_bip340.transcript import RecoveryDataError, Transcript
from native.curve import parse_points
from native.errors import PointError
from native.secret import SecretScalars, SecretSeed
from native.secret_scalar import negate, shift, total
from protocol.errors import FaultyPartyError, UnattributedAbort, UsageError
from protocol.ids import PartyId


class RecoveredKey(NamedTuple):
    """The public side of a recovered key."""

    info: ThresholdInfo
    params: SessionParams
    chain_code: bytes


class RecoveredShare(NamedTuple):
    """A recovered share."""

    share: KeyShare
    params: SessionParams


def coordinator_recover(recovery_data: bytes) -> RecoveredKey:
    """Recover the public side of a key, for watching it.

    Args:
        recovery_data: of any party of the key generation.

    Returns:
        The key.

    Raises:
        RecoveryDataError: the data is damaged, or not certified by all participants.

    Security:
        Compare the params hash: anybody can make recovery data of a key of his own.
    """
    transcript, key = _open(recovery_data)
    return RecoveredKey(key.info, transcript.params, transcript.chain_code)


def participant_recover(hostseckey: SecretScalars, recovery_data: bytes) -> RecoveredShare:
    """Recover a share.

    Args:
        hostseckey: the participant's host secret key.
        recovery_data: of any party of the key generation.

    Returns:
        The share as key generation gave it, epoch 0.

    Raises:
        RecoveryDataError: the data is damaged, or not certified by all participants.
        UsageError: the host secret key is no participant's.

    Security:
        As for coordinator_recover. The nonces of the lost device must be lost with it.
    """
    transcript, key = _open(recovery_data)
    params = transcript.params
    party = params.party(hostseckey)
    try:
        pubnonces = parse_points(b"".join(transcript.pubnonces))
    except PointError as e:
        raise RecoveryDataError("the recovery data has a malformed pubnonce") from e
    pads = receiving_pads(params, party, hostseckey, list(pubnonces))
    secshare = shift(negate(total(pads)), [transcript.enc_secshares[party] + key.tweak])
    try:
        share = KeyShare(key.info, party, secshare, transcript.chain_code)
    except UsageError as e:
        raise RecoveryDataError("the recovered share does not match its public share") from e
    return RecoveredShare(share, params)


def _open(recovery_data: bytes) -> tuple[Transcript, GroupKey]:
    transcript, cert = Transcript.split(recovery_data)
    if certeq.failed(certeq.CERTEQ, transcript.params, bytes(transcript), cert):
        raise RecoveryDataError("the recovery data has an invalid certificate")
    try:
        return transcript, group_key(transcript.sum_coms, transcript.params.n)
    except UnattributedAbort as e:
        raise RecoveryDataError("the recovery data is of no key") from e


def recovery_ack_sign(
    hostseckey: SecretScalars, recovery_data: bytes, params: SessionParams, aux_rand: SecretSeed
) -> bytes:
    """Confirm that this participant has stored the recovery data.

    Args:
        hostseckey: the participant's host secret key.
        recovery_data: what it has stored, read back.
        params: the session.
        aux_rand: 32 bytes of randomness for the signature.

    Returns:
        64 bytes.

    Raises:
        RecoveryDataError: the data is malformed or of another session.
        UsageError: the host secret key is no participant's.
    """
    party = params.party(hostseckey)
    _check_params(recovery_data, params)
    return certeq.sign(certeq.RECOVERY_ACK, hostseckey, party, recovery_data, aux_rand)


def recovery_acks_verify(recovery_data: bytes, params: SessionParams, acks: Mapping[PartyId, bytes]) -> None:
    """Verify that every participant has stored the recovery data.

    Args:
        recovery_data: the own copy.
        params: the session.
        acks: the confirmation of every participant.

    Raises:
        RecoveryDataError: the data is malformed or of another session.
        UsageError: a confirmation is missing.
        FaultyPartyError: those of the named participants do not hold.
    """
    _check_params(recovery_data, params)
    if set(acks) != set(range(params.n)):
        raise UsageError("there must be one confirmation of each participant")
    short = [i for i, ack in acks.items() if len(ack) != SIGNATURE_LEN]
    if short:
        raise FaultyPartyError(dict.fromkeys(short, "length"))
    cert = b"".join(acks[PartyId(i)] for i in range(params.n))
    failed = certeq.failed(certeq.RECOVERY_ACK, params, recovery_data, cert)
    if failed:
        raise FaultyPartyError(dict.fromkeys(failed, "recovery acknowledgment"))


def _check_params(recovery_data: bytes, params: SessionParams) -> None:
    if Transcript.split(recovery_data)[0].params != params:
        raise RecoveryDataError("the recovery data is of another session")
