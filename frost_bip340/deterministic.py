"""Signing without state, for the last signer of a session (BIP-445 0.12.1, DeterministicSign)."""

from collections.abc import Sequence
from typing import NamedTuple

from frost_bip340.key_share import KeyShare
from frost_bip340.nonce import SecNonce, nonce_agg
from frost_bip340.session import SigningSession, check_signers, ids_bytes
from frost_bip340.signing import sign
from frost_bip340.tweak import Tweak, TweakContext
from native.hashing import Each, hash_to_scalars, hash_to_seed, xor
from native.secret import SecretSeed
from native.secret_scalar import scale
from protocol.errors import FaultyCoordinatorError, FaultyPartyError, UsageError
from protocol.ids import PartyId


class DeterministicSignature(NamedTuple):
    """A signer's whole part of a session.

    Args:
        pubnonce: 66 bytes.
        psig: 32 bytes.
    """

    pubnonce: bytes
    psig: bytes


def deterministic_sign(
    share: KeyShare,
    aggothernonce: bytes | None,
    signers: Sequence[PartyId],
    msg: bytes,
    tweaks: Sequence[Tweak] = (),
    aux_rand: SecretSeed | None = None,
) -> DeterministicSignature:
    """Make nonce and partial signature at once, when the nonces of all other signers are known.

    Args:
        share: the signer's share.
        aggothernonce: aggregate of the other signers' nonces, 66 bytes; None when there are none.
        signers: all signers of the session.
        msg: the message.
        tweaks: the tweak list.
        aux_rand: optional randomness, against side channels.

    Returns:
        The public nonce and the partial signature.

    Raises:
        UsageError: the parameters are wrong.
        FaultyCoordinatorError: the aggregate of the other nonces is malformed.

    Security:
        The nonce hangs on everything that is signed, so a replay gives the same partial signature.
    """
    check_signers(share.info, signers)
    if share.party not in signers:
        raise UsageError("the signer's id is missing from the ids list")
    if (aggothernonce is None) != (len(signers) == 1):
        raise UsageError("the aggregate of the other nonces must be absent iff there is one signer")
    key = TweakContext.of(share.info.thresh_pk, tweaks)
    # d = g gacc d': a replay under the negated key must not meet the same nonce
    d = scale(share.secshare, [key.sign])
    masked = d if aux_rand is None else xor(d, hash_to_seed("BIP0445/aux", aux_rand))
    other = aggothernonce or b""
    if len(other) > 255:
        raise FaultyCoordinatorError("aggothernonce")
    k = hash_to_scalars(
        "BIP0445/deterministic/nonce",
        masked,
        share.party.to_bytes(4, "big") + ids_bytes(signers) + bytes([len(other)]) + other,
        key.Q.x_bytes + len(msg).to_bytes(8, "big") + msg,
        Each(b"\x00\x01"),
        count=2,
    )
    secnonce = SecNonce(k)
    aggnonce = secnonce.pubnonce if aggothernonce is None else _add(secnonce.pubnonce, aggothernonce)
    session = SigningSession(share.info, tuple(signers), aggnonce, msg, tuple(tweaks), share.epoch)
    return DeterministicSignature(secnonce.pubnonce, sign(secnonce, share, session))


def _add(pubnonce: bytes, aggothernonce: bytes) -> bytes:
    try:
        return nonce_agg({PartyId(0): pubnonce, PartyId(1): aggothernonce})
    except FaultyPartyError as e:
        raise FaultyCoordinatorError("aggothernonce") from e
