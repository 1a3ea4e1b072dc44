"""What a signing session signs, its messages in the order of the rounds, and its check."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Self

from ecdsa_cggmp.presignature import INDEX_SIZE, PublicPresignature
from ecdsa_cggmp.sign import CONTRIBUTION_SIZE, SigningContext, SigningRequest
from native.curve import Scalar
from protocol.codec import POINT_SIZE, Reader, Writer, decode
from protocol.errors import EncodingError, UsageError
from protocol.header import PARAMS_LIMIT, Header
from protocol.ids import SESSION_ID_SIZE, PartyId
from protocol.resharing.plan import Sharing


@dataclass(frozen=True, slots=True)
class Input:
    """One thing to sign.

    Args:
        presignature: the one to use, which all signers hold and nobody has used.
        request: what to sign with it.
    """

    presignature: PublicPresignature
    request: SigningRequest


@dataclass(frozen=True, slots=True)
class SigningPlan:
    """What a session signs, the parameters in its header.

    Args:
        sharing: the key and epoch.
        signers: the holders of the presignatures.
        inputs: at least one, each with another presignature.

    Raises:
        UsageError: a rule does not hold.
    """

    sharing: Sharing
    signers: tuple[PartyId, ...]
    inputs: tuple[Input, ...]

    def __post_init__(self) -> None:
        if not self.inputs:
            raise UsageError("there is nothing to sign")
        if len({item.presignature.id for item in self.inputs}) != len(self.inputs):
            raise UsageError("a presignature is used twice")
        for item in self.inputs:
            if (item.presignature.sharing, item.presignature.signers) != (self.sharing, self.signers):
                raise UsageError("a presignature is of another key, epoch or signer set")

    def __bytes__(self) -> bytes:
        """Return the encoding, for the session's header."""
        sharing = bytes(self.sharing)
        writer = Writer().fixed(sharing, len(sharing)).unsigned(len(self.inputs), 2)
        for item in self.inputs:
            item.presignature.write_own(writer)
            writer.fixed(item.request.digest, 32).scalar(item.request.tweak)
        return bytes(writer)

    @classmethod
    def of(cls, header: Header) -> "SigningPlan":
        """Read the plan of a session.

        Raises:
            EncodingError: the header has none.
        """
        return _read_plan(header.params, header.parties)


def most_inputs(sharing: Sharing) -> int:
    """Return how many inputs the plan of one session has room for, by the signers' number."""
    points = 1 + 2 * sharing.t  # Gamma; Delta and S of each signer
    each = SESSION_ID_SIZE + INDEX_SIZE + points * POINT_SIZE + 2 * 32  # digest, tweak
    return min((PARAMS_LIMIT - len(bytes(sharing)) - 2) // each, 0xFFFF)


@lru_cache(maxsize=16)  # of up to a MiB
def _read_plan(data: bytes, signers: tuple[PartyId, ...]) -> SigningPlan:
    def read(reader: Reader) -> SigningPlan:
        try:
            sharing = Sharing.read(reader)
            count = reader.unsigned("inputs", 2)
            inputs = reader.items("input", count, lambda r, _: _read_input(r, sharing, signers))
            return SigningPlan(sharing, signers, inputs)
        except UsageError as e:
            raise EncodingError("plan", str(e)) from e

    return decode(data, PARAMS_LIMIT, read)


def _read_input(reader: Reader, sharing: Sharing, signers: tuple[PartyId, ...]) -> Input:
    public = PublicPresignature.read_own(reader, sharing, signers)
    return Input(public, SigningRequest(reader.fixed("digest", 32), reader.scalar("tweak")))


@dataclass(frozen=True, slots=True)
class ContributionMsg:
    """A signer's randomness, 32 bytes for each input."""

    contributions: tuple[bytes, ...]

    def __bytes__(self) -> bytes:
        """Return 32 bytes per input."""
        return b"".join(self.contributions)

    @classmethod
    def read(cls, reader: Reader, inputs: int) -> Self:
        """Read the message."""
        return cls(reader.items("contribution", inputs, lambda r, field: r.fixed(field, CONTRIBUTION_SIZE)))


@dataclass(frozen=True, slots=True)
class ContributionsMsg:
    """The randomness of all signers, ascending."""

    by_signer: tuple[ContributionMsg, ...]

    def __bytes__(self) -> bytes:
        """Return 32 bytes per signer and input."""
        return b"".join(map(bytes, self.by_signer))

    @classmethod
    def read(cls, reader: Reader, signers: int, inputs: int) -> Self:
        """Read the message."""
        return cls(reader.items("signer", signers, lambda r, _: ContributionMsg.read(r, inputs)))

    def contexts(self, plan: SigningPlan) -> tuple[SigningContext, ...]:
        """Return what is signed for each input.

        Raises:
            UsageError: of SigningContext.
        """
        return tuple(
            SigningContext(
                item.presignature,
                item.request,
                {j: self.by_signer[at].contributions[k] for at, j in enumerate(plan.signers)},
            )
            for k, item in enumerate(plan.inputs)
        )


@dataclass(frozen=True, slots=True)
class SharesMsg:
    """A signer's shares, one for each input, with the contributions that it was told."""

    contributions: ContributionsMsg
    sigma: tuple[Scalar, ...]

    def __bytes__(self) -> bytes:
        """Return 32 bytes per signer and input, and 32 per input."""
        return bytes(self.contributions) + bytes(Writer().scalars(self.sigma))

    @classmethod
    def read(cls, reader: Reader, signers: int, inputs: int) -> Self:
        """Read the message."""
        return cls(ContributionsMsg.read(reader, signers, inputs), reader.scalars("sigma", inputs))
