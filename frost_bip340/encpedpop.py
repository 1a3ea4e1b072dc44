"""EncPedPop, the encryption inside ChillDKG 0.3.0: shares plus pads that sender and receiver derive by ECDH.

Addition commutes with it, so that the coordinator adds up ciphertexts and every participant decrypts one sum.
"""

from collections.abc import Sequence

from frost_bip340.params import TAG, SessionParams
from native.curve import Point, ecdh_scalars
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
    others = _others(params, party)
    labels = [pubnonce + params.hostpubkeys[k] + k.to_bytes(4, "big") for k in others]
    pads = _pads(secnonce, [params.points[k] for k in others], labels, params)
    return _insert(pads, party, _self_pad(hostseckey, pubnonce, party, params))


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
    others = _others(params, party)
    receiver = params.hostpubkeys[party] + party.to_bytes(4, "big")
    labels = [bytes(pubnonces[k]) + receiver for k in others]
    pads = _pads(hostseckey, [pubnonces[k] for k in others], labels, params)
    return _insert(pads, party, _self_pad(hostseckey, bytes(pubnonces[party]), party, params))


def _others(params: SessionParams, party: PartyId) -> list[int]:
    return [k for k in range(params.n) if k != party]


def _pads(
    key: SecretScalars, points: Sequence[Point], labels: Sequence[bytes], params: SessionParams
) -> SecretScalars | None:
    # hash(ECDH || sender's pubnonce || receiver's hostpubkey || receiver || enc_context)
    if not points:
        return None
    return ecdh_scalars(key, points, TAG + "encpedpop ecdh", labels, params.enc_context)


def _self_pad(
    hostseckey: SecretScalars, pubnonce: bytes, party: PartyId, params: SessionParams
) -> SecretScalars:
    label = pubnonce + party.to_bytes(4, "big") + params.enc_context
    return hash_to_scalars(TAG + "encaps_multi self_pad", hostseckey, label)


def _insert(pads: SecretScalars | None, party: PartyId, own: SecretScalars) -> SecretScalars:
    """Return the pads of all: those of the others, with the own one in its place."""
    if pads is None:
        return own
    before = [pads.slice(0, party)] if party else []
    behind = [pads.slice(party, pads.count - party)] if party < pads.count else []
    return SecretScalars.concat([*before, own, *behind])
