"""What each party did, as it happens: records for a demonstration, a progress display or a log."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from protocol.ids import COORDINATOR, PartyId


class Deed(Enum):
    """What was done."""

    HOST_KEY_MADE = "host key made and sealed"
    PARAMS_COMPARED = "parameters of the key generation compared"
    SHARES_DEALT = "shares dealt"
    KEY_AGREED = "key agreed"
    SHARE_STORED = "share sealed in the own store"
    STORING_CONFIRMED = "storing confirmed by all parties"
    PRIMES_SEARCHED = "searching for primes"
    PRIMES_KEPT = "primes found and sealed in the stock"
    PRIMES_TAKEN = "primes taken out of the stock"
    PRIMES_DROPPED = "set of primes dropped"
    STOCK_NOT_USED = "stock of primes not used"
    PRIMES_FOUND = "primes of the auxiliary info ready"
    AUX_STORED = "auxiliary info verified and sealed in the own store"
    ACCOUNT_COMPARED = "account compared"
    WALLET_READY = "wallet in place"
    NEW_SHARE_SEALED = "new share sealed beside the one in use"
    REFRESH_CONFIRMED = "new shares of all keys confirmed"
    REFRESH_CERTIFIED = "new shares confirmed by all parties, in use from now on"
    OLD_SHARES_DELETED = "new shares in the place of the old ones, which are deleted"
    SIGNING_ASKED = "transaction sent to the signers"
    TRANSACTION_REVIEWED = "transaction reviewed, sighashes computed, first messages sent"
    SIGNING_LOGGED = "signing written to the log, partial signatures sent"
    PRESIGNATURES_BURNT = "signing written to the log, presignatures burnt, shares sent"
    SIGNATURES_VERIFIED = "signatures made and verified"
    PRESIGNATURES_MADE = "presignatures made and sealed, vouched for"
    PRESIGNATURES_READY = "presignatures ready, the same at all signers"
    PRESIGNATURES_VOID = "presignatures void"

    @property
    def passing(self) -> bool:
        """Whether it says how far something is, and the next one says it better."""
        return self is Deed.PRIMES_SEARCHED


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that one party did.

    Args:
        actor: the party, or COORDINATOR.
        deed: what it did.
        detail: the public facts of it, such as a hash to compare.
    """

    actor: PartyId
    deed: Deed
    detail: str = ""

    @property
    def by_coordinator(self) -> bool:
        """Whether no party did it."""
        return self.actor == COORDINATOR

    @property
    def who(self) -> str:
        """The actor as users call it."""
        return "coordinator" if self.by_coordinator else f"party {self.actor}"

    def __str__(self) -> str:
        return f"{self.who}: {self.deed.value}" + (f" ({self.detail})" if self.detail else "")


Progress = Callable[[Step], None]


def silent(_step: Step) -> None:
    """Take a step and say nothing."""
