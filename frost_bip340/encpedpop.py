"""EncPedPop, the encryption inside ChillDKG 0.3.0: shares plus pads that sender and receiver derive by ECDH.

Addition commutes with it, so that the coordinator adds up ciphertexts and every participant decrypts one sum.
"""

from collections.abc import Sequence

from frost_bip340.params import TAG, SessionParams
from native.curve import Point, ecdh
from native.hashing import hash_to_scalars, hash_to_seed
from native.secret import SecretScalars, SecretSeed
from protocol.ids import PartyId


def derive_seed(hostseckey: SecretScalars, random: SecretScalars, params: SessionParams) -> SecretSeed:
    """Return the seed of everything that a participant deals."""
    return hash_to_seed(TAG + "encpedpop seed", hostseckey, random, params.enc_context)


def derive_secnonce(seed: SecretSeed) -> SecretScalars:
    """Return the ephemeral key that encrypts what the seed deals, and nothing else."""
    return hash_to_scalars(TAG + "encpedpop secnonce", seed)


def sending_pads(
    params: SessionParams, party: PartyId, hostseckey: SecretScalars, secnonce: SecretScalars, pubnonce: bytes
) -> SecretScalars:
    """Return what a participant adds to its share for each participant.

    Args:
        params: the session.
        party: the sender.
        hostseckey: its host secret key.
        secnonce: its ephemeral key.
        pubnonce: secnonce G, 33 bytes.

    Returns:
        n pads.
    """
    pads = []
    for k, (point, hostpubkey) in enumerate(zip(params.points, params.hostpubkeys, strict=True)):
        receiver = k.to_bytes(4, "big")
        if k == party:
            pads.append(_self_pad(hostseckey, pubnonce, receiver, params))
        else:
            pads.append(_pad(secnonce, point, pubnonce + hostpubkey + receiver, params))
    return SecretScalars.concat(pads)


def receiving_pads(
    params: SessionParams, party: PartyId, hostseckey: SecretScalars, pubnonces: Sequence[Point]
) -> SecretScalars:
    """Return what each participant added to its share for one participant.

    Args:
        params: the session.
        party: the receiver.
        hostseckey: its host secret key.
        pubnonces: ephemeral public key of each participant.

    Returns:
        n pads.
    """
    receiver = party.to_bytes(4, "big")
    pads = []
    for k, pubnonce in enumerate(pubnonces):
        if k == party:
            pads.append(_self_pad(hostseckey, bytes(pubnonce), receiver, params))
        else:
            label = bytes(pubnonce) + params.hostpubkeys[party] + receiver
            pads.append(_pad(hostseckey, pubnonce, label, params))
    return SecretScalars.concat(pads)


def _pad(key: SecretScalars, point: Point, label: bytes, params: SessionParams) -> SecretScalars:
    # hash(ECDH || sender's pubnonce || receiver's hostpubkey || receiver || enc_context)
    return hash_to_scalars(TAG + "encpedpop ecdh", ecdh(key, point), label, params.enc_context)


def _self_pad(
    hostseckey: SecretScalars, pubnonce: bytes, receiver: bytes, params: SessionParams
) -> SecretScalars:
    return hash_to_scalars(TAG + "encaps_multi self_pad", hostseckey, pubnonce + receiver, params.enc_context)
