"""Presignatures of CGGMP24, normalised: shares of 1/gamma and x/gamma, with what verifies a signature share.

sum k_i = 1/gamma and sum chi_i = x/gamma for Gamma = gamma G, so that a signature is sum (k_i m + r chi_i).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from native.curve import G, Point, sum_points
from native.hashing import tagged_hash
from native.secret import SecretScalars
from protocol.codec import Writer
from protocol.errors import UsageError
from protocol.ids import PartyId
from protocol.resharing.plan import Sharing


@dataclass(frozen=True, slots=True)
class PublicPresignature:
    """What all signers know of one presignature.

    Args:
        session: id of the session that made it, 32 bytes.
        index: its place in the session's batch.
        sharing: the key and epoch that it is for.
        signers: who holds its shares, ascending; nobody else can use them.
        Gamma: the nonce point.
        Delta: k_j Gamma for each signer j.
        S: chi_j Gamma for each signer j.

    Raises:
        UsageError: sum Delta_j is not G, or sum S_j is not the key.
    """

    session: bytes
    index: int
    sharing: Sharing
    signers: tuple[PartyId, ...]
    Gamma: Point
    Delta: Mapping[PartyId, Point]
    S: Mapping[PartyId, Point]
    id: bytes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if tuple(self.Delta) != self.signers or tuple(self.S) != self.signers:
            raise UsageError("a presignature has other signers")
        if (
            sum_points(list(self.Delta.values())) != G
            or sum_points(list(self.S.values())) != self.sharing.key
        ):
            raise UsageError("the parts of a presignature do not add up")
        object.__setattr__(self, "id", tagged_hash("mpcwallet/presignature", self._encoding()))

    def _encoding(self) -> bytes:
        writer = Writer().fixed(self.session, 32).unsigned(self.index, 4)
        writer.bytes_of(bytes(self.sharing), 1 << 16).unsigned(len(self.signers), 1)
        writer.items(self.signers, lambda out, party: out.unsigned(party, 1))
        return bytes(writer.point(self.Gamma).points([*self.Delta.values(), *self.S.values()]))


@dataclass(frozen=True, slots=True, eq=False)
class Presignature:
    """One signer's share of a presignature.

    Args:
        public: what all signers know.
        party: the holder.
        k: its share of 1/gamma, one scalar.
        chi: its share of x/gamma, one scalar.

    Security:
        It makes one signature share, ever: two reveal the holder's key share.
    """

    public: PublicPresignature
    party: PartyId
    k: SecretScalars
    chi: SecretScalars
