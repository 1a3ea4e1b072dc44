"""Presignatures of CGGMP24, normalised: shares of 1/gamma and x/gamma, with what verifies a signature share.

sum k_i = 1/gamma and sum chi_i = x/gamma for Gamma = gamma G, so that a signature is sum (k_i m + r chi_i).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Self

from native.curve import G, Point, mul_secret, sum_points
from native.hashing import tagged_hash
from native.secret import SecretScalars
from protocol.codec import Reader, Writer
from protocol.errors import EncodingError, UsageError
from protocol.ids import SESSION_ID_SIZE, PartyId, party_ids
from protocol.resharing.plan import Sharing

MAX_PUBLIC: Final = 1 << 16  # bytes of a public side, more than one of 128 parties has

INDEX_SIZE: Final = 4


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
        UsageError: sum Delta_j is not G, sum S_j is not the key, or another value does not fit.
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
        if party_ids(self.signers, self.sharing.n) != self.signers or len(self.signers) != self.sharing.t:
            raise UsageError("a presignature is held by t parties of its key, ascending")
        if (
            sum_points(list(self.Delta.values())) != G
            or sum_points(list(self.S.values())) != self.sharing.key
        ):
            raise UsageError("the parts of a presignature do not add up")
        object.__setattr__(self, "id", tagged_hash("mpcwallet/presignature", bytes(self)))

    def __bytes__(self) -> bytes:
        """Return the encoding for storage: 112 + 33 n + 67 t bytes."""
        writer = Writer().fixed(sharing := bytes(self.sharing), len(sharing))
        writer.items(self.signers, lambda out, party: out.unsigned(party, 1))
        self.write_own(writer)
        return bytes(writer)

    def write_own(self, writer: Writer) -> None:
        """Write what differs between the presignatures of one key and signer set."""
        writer.fixed(self.session, SESSION_ID_SIZE).unsigned(self.index, INDEX_SIZE)
        writer.points([self.Gamma, *self.Delta.values(), *self.S.values()])

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """Read what bytes() wrote.

        Raises:
            EncodingError: it is not the encoding of a presignature.
        """
        sharing = Sharing.read(reader)
        signers = reader.items("signer", sharing.t, lambda source, name: PartyId(source.unsigned(name, 1)))
        return cls.read_own(reader, sharing, signers)

    @classmethod
    def read_own(cls, reader: Reader, sharing: Sharing, signers: tuple[PartyId, ...]) -> Self:
        """Read what write_own wrote, of a key and signer set.

        Raises:
            EncodingError: it is not the encoding of a presignature.
        """
        session, index = reader.fixed("session", SESSION_ID_SIZE), reader.unsigned("index", INDEX_SIZE)
        t = len(signers)
        Gamma, *parts = reader.points("presignature", 1 + 2 * t)
        Delta, S = (dict(zip(signers, half, strict=True)) for half in (parts[:t], parts[t:]))
        try:
            return cls(session, index, sharing, signers, Gamma, Delta, S)
        except UsageError as e:
            raise EncodingError("presignature", str(e)) from e


def batch_digest(presignatures: Sequence[PublicPresignature]) -> bytes:
    """Return a digest of presignatures, on which all signers agree before one of them uses any.

    A session may end well for one signer and fail for another, or leave two with different S if several
    parties are corrupted: such presignatures make no signature.

    Args:
        presignatures: what the session made, in its order.

    Returns:
        32 bytes.
    """
    return tagged_hash("mpcwallet/presignatures", *[presignature.id for presignature in presignatures])


@dataclass(frozen=True, slots=True, eq=False)
class Presignature:
    """One signer's share of a presignature.

    Args:
        public: what all signers know.
        party: the holder.
        k: its share of 1/gamma, one scalar.
        chi: its share of x/gamma, one scalar.

    Raises:
        UsageError: the shares are not those of the holder's Delta and S.

    Security:
        It makes one signature share, ever: two reveal the holder's key share. It stays as secret as that one,
        used or not, as long as the key lives: the k and chi of all signers are the key.
    """

    public: PublicPresignature
    party: PartyId
    k: SecretScalars
    chi: SecretScalars

    def __post_init__(self) -> None:
        public = self.public
        if self.party not in public.signers or (self.k.count, self.chi.count) != (1, 1):
            raise UsageError("a presignature has one k and one chi of a signer")
        # Delta_i = k_i Gamma, S_i = chi_i Gamma
        points = mul_secret(SecretScalars.concat([self.k, self.chi]), [public.Gamma] * 2)
        if list(points) != [public.Delta[self.party], public.S[self.party]]:
            raise UsageError("the shares of a presignature are not the holder's")

    def secrets(self) -> tuple[SecretScalars, ...]:
        """Return what is zeroed once it is used."""
        return self.k, self.chi
