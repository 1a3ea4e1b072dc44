"""Trusted dealer: shares of a key that exists already (BIP-445, trusted dealer).

SINGLE POINT OF FAILURE: the dealer knows the whole key. Whoever reads its memory, now or from a leak later,
owns the coins. Use it to import a key only, move the coins to a key of distributed generation, and until then
treat the machine of the dealer like a wallet with one key.
"""

from collections.abc import Sequence

from frost_bip340.key_share import KeyShare, ThresholdInfo
from native.errors import RangeError
from native.secret import SecretScalars, SecretSeed
from native.secret_scalar import random_scalars
from protocol.errors import UsageError
from protocol.ids import PartyId
from protocol.vss import Commitment, deal, expect_threshold


def deal_as_trusted_dealer(
    seckey: SecretScalars, t: int, n: int, chain_code: bytes, seed: SecretSeed | None = None
) -> Sequence[KeyShare]:
    """Split a whole key into shares.

    Args:
        seckey: the key, one scalar other than 0; the threshold public key has its true parity.
        t: threshold.
        n: number of participants.
        chain_code: 32 bytes for BIP-32.
        seed: replays a run; None draws from getrandom.

    Returns:
        The share of each participant 0..n-1, epoch 0.

    Raises:
        UsageError: not 1 <= t <= n <= 128, the key is not one scalar or 0, or the chain code is not 32 bytes.

    Security:
        The dealer is a SINGLE POINT OF FAILURE. Wipe the key and all shares once they are handed out, over
        confidential channels; the participants must compare what they got as KeyShare.info.
    """
    expect_threshold(t, n)
    if seckey.count != 1:
        raise UsageError("the key is one scalar")
    coefficients = seckey if t == 1 else SecretScalars.concat([seckey, random_scalars(t - 1, seed)])
    try:
        commitment = Commitment.of(coefficients)
    except RangeError as e:
        raise UsageError("the key is 0") from e
    parties = [PartyId(i) for i in range(n)]
    shares = deal(coefficients, parties)
    info = ThresholdInfo(t, commitment.public_secret, tuple(commitment.pubshares(parties)))
    return tuple(KeyShare(info, i, shares.slice(i, 1), chain_code) for i in parties)
