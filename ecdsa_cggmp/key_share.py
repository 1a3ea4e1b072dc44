"""One party's share of a threshold ECDSA key."""

from dataclasses import dataclass, field

from native.curve import mul_base
from native.errors import RangeError
from native.secret import SecretScalars
from protocol.errors import UsageError
from protocol.ids import PartyId, party_id
from protocol.resharing.plan import Sharing

CHAIN_CODE_SIZE = 32


@dataclass(frozen=True, slots=True, eq=False)
class KeyShare:
    """What one party holds of a key.

    Args:
        sharing: the public side: key X, threshold, public shares X_j, epoch.
        party: the holder.
        secshare: its secret share x_i, one scalar, whose public share is the one in sharing.
        chain_code: 32 bytes, equal at every party; public, but whoever has it links all addresses.

    Raises:
        UsageError: a value does not fit the others.

    Security:
        Shares of one epoch must never meet those of another: delete the old one after a refresh.
    """

    sharing: Sharing
    party: PartyId
    secshare: SecretScalars
    chain_code: bytes = field(repr=False)

    def __post_init__(self) -> None:
        party_id(self.party, self.sharing.n)
        if len(self.chain_code) != CHAIN_CODE_SIZE:
            raise UsageError("the chain code takes 32 bytes")
        if self.secshare.count != 1:
            raise UsageError("the secret share is one scalar")
        try:
            pubshare = mul_base(self.secshare)[0]
        except RangeError as e:
            raise UsageError("the secret share is out of range") from e
        if pubshare != self.sharing.pubshares[self.party]:
            raise UsageError("the secret share does not match the party's public share")
