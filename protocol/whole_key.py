"""A whole key in one place: split by a trusted dealer for import, put together from t shares for export.

SINGLE POINT OF FAILURE: whoever reads the memory of the machine that does it, now or from a leak later, owns
the coins. After an import move the coins to a key of distributed generation, and until then treat the dealer
like a wallet with one key. After an export the shares protect nothing any more.
"""

from collections.abc import Sequence

from native.curve import mul_base
from native.errors import FaultError, RangeError
from native.secret import SecretScalars, SecretSeed
from native.secret_scalar import random_scalars
from protocol.errors import UsageError
from protocol.ids import Epoch, PartyId, party_ids
from protocol.resharing.key import HeldShare
from protocol.resharing.plan import Sharing
from protocol.vss import Commitment, deal, expect_threshold, interpolate


def split_whole_key(
    seckey: SecretScalars, t: int, n: int, seed: SecretSeed | None = None
) -> tuple[Sharing, SecretScalars]:
    """Split a whole key into shares.

    Args:
        seckey: the key, one scalar other than 0.
        t: threshold.
        n: number of parties.
        seed: replays a run; None draws from getrandom.

    Returns:
        The public side, epoch 0, and the secret share of each party 0..n-1.

    Raises:
        UsageError: not 1 <= t <= n <= 128, or the key is not one scalar or 0.

    Security:
        Wipe the key and all shares once they are handed out, over confidential channels; the parties must
        compare what they got as public side.
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
    pubshares = tuple(commitment.pubshares(parties))
    return Sharing(commitment.public_secret, t, pubshares, Epoch(0)), deal(coefficients, parties)


def join_whole_key(shares: Sequence[HeldShare]) -> SecretScalars:
    """Put the whole key together.

    Args:
        shares: those of at least t parties, of one key and epoch.

    Returns:
        The secret key, before all tweaks. It stays in locked memory until the caller declassifies it.

    Raises:
        UsageError: there are less than t shares, a party appears twice, or a share, whose party is named, is
            of another key or epoch.
        FaultError: the result is not the secret key; it was not released.
    """
    if not shares:
        raise UsageError("there is no share")
    sharing = shares[0].sharing
    for share in shares:
        if share.sharing.epoch != sharing.epoch:
            raise UsageError(f"the share of party {share.party} is of another epoch")
        if share.sharing != sharing:
            raise UsageError(f"the share of party {share.party} is of another key")
    parties = [share.party for share in shares]
    party_ids(parties, sharing.n)
    if len(shares) < sharing.t:
        raise UsageError(f"{sharing.t} shares are needed")
    seckey = interpolate(SecretScalars.concat([share.secshare for share in shares]), parties)
    if mul_base(seckey)[0] != sharing.key:
        raise FaultError("join_whole_key: the result is not the secret key")
    return seckey
