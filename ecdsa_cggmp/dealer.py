"""Trusted dealer: shares of an ECDSA key that exists already. See protocol/whole_key.py for the danger."""

from collections.abc import Sequence

from ecdsa_cggmp.key_share import KeyShare
from native.secret import SecretScalars, SecretSeed
from protocol.ids import PartyId
from protocol.whole_key import split_whole_key


def deal_as_trusted_dealer(
    seckey: SecretScalars, t: int, n: int, chain_code: bytes, seed: SecretSeed | None = None
) -> Sequence[KeyShare]:
    """Split a whole key into shares, for import.

    Args:
        seckey: the key, one scalar other than 0.
        t: threshold.
        n: number of parties.
        chain_code: 32 bytes for BIP-32.
        seed: replays a run; None draws from getrandom.

    Returns:
        The share of each party 0..n-1, epoch 0.

    Raises:
        UsageError: not 1 <= t <= n <= 128, the key is not one scalar or 0, or the chain code is not 32 bytes.

    Security:
        The dealer is a SINGLE POINT OF FAILURE. Wipe the key and all shares once they are handed out, over
        confidential channels; the parties must compare what they got as KeyShare.sharing and chain code.
    """
    sharing, shares = split_whole_key(seckey, t, n, seed)
    return tuple(KeyShare(sharing, PartyId(i), shares.slice(i, 1), chain_code) for i in range(n))
