"""CertEq, the agreement inside ChillDKG 0.3.0: all sign what they saw; the signatures are a certificate."""

from typing import Final

from frost_bip340.messages import SIGNATURE_LEN
from frost_bip340.params import TAG, SessionParams
from native.curve import Point
from native.schnorr import sign_bip340
from native.secret import SecretScalars, SecretSeed
from native.verify import failed_bip340
from protocol.ids import PartyId

CERTEQ: Final = TAG + "certeq message"
RECOVERY_ACK: Final = TAG + "recovery acknowledgment"


def message(purpose: str, party: int, x: bytes) -> bytes:
    """Return what a participant signs: the purpose in 33 bytes, as BIP-340 advises, its id, and x."""
    return purpose.encode().ljust(33, b"\x00") + party.to_bytes(4, "big") + x


def sign(
    purpose: str,
    hostseckey: SecretScalars,
    party: PartyId,
    x: bytes,
    aux_rand: SecretSeed | bytes,
    hostpubkey: Point | None = None,
) -> bytes:
    """Sign x with the host secret key.

    Args:
        purpose: CERTEQ or RECOVERY_ACK.
        hostseckey: the participant's key.
        party: the participant.
        x: what all agree on.
        aux_rand: 32 bytes for BIP-340.
        hostpubkey: the key's public key when it is at hand.

    Returns:
        64 bytes.
    """
    return sign_bip340(hostseckey, message(purpose, party, x), aux_rand, public_key=hostpubkey)


def failed(purpose: str, params: SessionParams, x: bytes, cert: bytes) -> tuple[PartyId, ...]:
    """Return the participants whose signature under x does not hold.

    Args:
        purpose: CERTEQ or RECOVERY_ACK.
        params: the session.
        x: what all should have signed.
        cert: 64 bytes of each participant.
    """
    messages = [message(purpose, i, x) for i in range(params.n)]
    # the sign bytes of the keys may go: x holds the whole host public keys, in their order
    keys = [hostpubkey[1:] for hostpubkey in params.hostpubkeys]
    signatures = [cert[at : at + SIGNATURE_LEN] for at in range(0, len(cert), SIGNATURE_LEN)]
    return tuple(PartyId(i) for i in failed_bip340(signatures, messages, keys))
