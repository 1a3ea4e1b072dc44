"""The errors of cosigner/ that neither the protocols nor the wallet know."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from protocol.errors import MpcError
from protocol.ids import PartyId


class CosignerError(MpcError):
    """Root of the errors of cosigner/.

    Attributes:
        hint: what the user can do; empty when the message says it all.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        self.hint = hint
        super().__init__(message)


class WalletExistsError(CosignerError):
    """A wallet of this name is there already."""


class DeclinedError(CosignerError):
    """The user looked at a transaction and said no; nothing was signed."""


class NotEnoughSignersError(CosignerError):
    """Fewer parties than the threshold are there to sign, or are unlocked."""


class NotKeptError(CosignerError):
    """No process keeps the wallet's presignatures, and they would end with this one."""


class PolicyDenied(CosignerError):  # noqa: N818
    """Parties refused what they were asked to sign; they have sent nothing, and nobody is blamed.

    Attributes:
        refusals: for each of these parties, why.
    """

    def __init__(self, refusals: Mapping[PartyId, str]) -> None:
        self.refusals = MappingProxyType(dict(sorted(refusals.items())))
        text = "; ".join(f"party {party} refuses: {reason}" for party, reason in self.refusals.items())
        super().__init__(text)


class RefillFailedError(CosignerError):
    """Presignatures could not be made, and nothing of the attempt is used.

    The cause says what failed; a FaultyPartyError alone proves anything about the parties that are named.

    Attributes:
        named: the parties with which it seems to have failed.
        blamed: those of them whose failure it is alone, whatever the others did: proved, or seen here.
    """

    def __init__(self, named: Iterable[PartyId], cause: Exception, blamed: Iterable[PartyId] = ()) -> None:
        self.named, self.blamed = frozenset(named), frozenset(blamed)
        self.__cause__ = cause
        parties = ", ".join(f"party {party}" for party in sorted(self.named))
        super().__init__(f"the refill failed{' with ' if parties else ''}{parties}: {cause}")


class UnreachableError(CosignerError, ConnectionError):
    """A party does not answer, or what runs it does not: absent is not faulty."""
