"""Reconstruction: the whole key from t shares, for export.

SINGLE POINT OF FAILURE: from here on one place knows the whole key, and the shares protect nothing any more.
Export to leave this wallet or in an emergency; move the coins to another key if the wallet is to stay in use.
"""

from collections.abc import Sequence

from frost_bip340.key_share import KeyShare
from native.curve import mul_base
from native.errors import FaultError
from native.secret import SecretScalars
from protocol.errors import UsageError
from protocol.ids import party_ids
from protocol.vss import interpolate


def reconstruct_whole_key(shares: Sequence[KeyShare]) -> SecretScalars:
    """Put the whole key together.

    Args:
        shares: those of at least t participants, of one key and epoch.

    Returns:
        The secret key of the threshold public key, before all tweaks. It stays in locked memory until the
        caller declassifies it.

    Raises:
        UsageError: there are less than t shares, a participant appears twice, or a share, whose participant
            is named, is of another key or epoch.
        FaultError: the result is not the secret key; it was not released.

    Security:
        The result is a SINGLE POINT OF FAILURE, and so is every machine that has ever seen it.
    """
    if not shares:
        raise UsageError("there is no share")
    first = shares[0]
    for share in shares:
        if share.epoch != first.epoch:
            raise UsageError(f"the share of participant {share.party} is of another epoch")
        if share.info != first.info:
            raise UsageError(f"the share of participant {share.party} is of another key")
    parties = [share.party for share in shares]
    party_ids(parties, first.info.n)
    if len(shares) < first.info.t:
        raise UsageError(f"{first.info.t} shares are needed")
    seckey = interpolate(SecretScalars.concat([share.secshare for share in shares]), parties)
    if mul_base(seckey)[0] != first.info.thresh_pk:
        raise FaultError("reconstruct_whole_key: the result is not the secret key")
    return seckey
