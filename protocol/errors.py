"""The error tree: each class says what it proves, and about whom.

Refusals of the C core stay what they are (native.errors.NativeError). No error text carries a secret, a share
or the raw bytes of a message; the signed messages that prove a fault are in the evidence, not in the text.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from protocol.evidence import Evidence
    from protocol.ids import PartyId


class MpcError(Exception):
    """Root of the errors of this project outside native/ and wallet/."""


class UsageError(MpcError):
    """The caller broke a documented precondition: proves nothing about any peer, and nothing was sent."""


class EncodingError(MpcError):
    """Bytes are not the one encoding of a value: proves that whoever made them is at fault.

    Who made them is known to the caller only: the machine blames the signer of a message, a store its disk.

    Attributes:
        field: the field that is wrong, by its name in the message.
    """

    def __init__(self, field: str, reason: str) -> None:
        self.field = field
        super().__init__(f"{field}: {reason}")


class SecretReuseError(MpcError):
    """A nonce or presignature was asked for twice: proves a mistake on this side; no second share exists."""


class ProtocolError(MpcError):
    """A session ended early: its secrets are gone, and it cannot be continued."""


class FaultyPartyError(ProtocolError):
    """Parties sent what no honest party sends: proves it, and to everybody if there is evidence.

    Attributes:
        culprits: for each faulty party, the name of the check that it failed.
        evidence: at most one proof per culprit, for third parties that know the roster. Without any, the
            blame holds only on this side, which saw over authenticated channels who sent what.
    """

    def __init__(self, culprits: "Mapping[PartyId, str]", evidence: "Iterable[Evidence]" = ()) -> None:
        self.culprits = MappingProxyType(dict(sorted(culprits.items())))
        self.evidence = tuple(evidence)
        super().__init__(", ".join(f"party {party}: {check}" for party, check in self.culprits.items()))


class FaultyCoordinatorError(ProtocolError):
    """The coordinator sent what no honest coordinator sends; no party is blamed.

    Attributes:
        check: the name of the check that it failed.
        evidence: proof for third parties, if the coordinator signed its messages.
    """

    def __init__(self, check: str, evidence: "Iterable[Evidence]" = ()) -> None:
        self.check = check
        self.evidence = tuple(evidence)
        super().__init__(f"coordinator: {check}")


class UnattributedAbort(ProtocolError):  # noqa: N818
    """Somebody deviated or two sides are set up differently: proves nothing about anybody.

    Attributes:
        check: the name of the check that failed.
        suspects: who may have caused it; a suspicion, never to be treated as blame.
    """

    def __init__(self, check: str, suspects: "Iterable[PartyId]" = ()) -> None:
        self.check = check
        self.suspects = frozenset(suspects)
        super().__init__(check)


class SessionTimeout(ProtocolError):  # noqa: N818
    """Messages did not come in time: proves nothing, as absent is not faulty.

    Attributes:
        missing: whose messages did not come.
    """

    def __init__(self, missing: "Iterable[PartyId]") -> None:
        self.missing = frozenset(missing)
        super().__init__("no message from " + ", ".join(str(party) for party in sorted(self.missing)))
