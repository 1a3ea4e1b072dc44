"""The life of a presignature as a table, and what presignatures are kept apart by.

PENDING -> READY -> BURNED | VOID, and VOID from PENDING; nothing leads back.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Final, Self

from ecdsa_cggmp.presignature import Presignature, PublicPresignature
from presig_pool.errors import PresignatureVoid
from protocol.errors import SecretReuseError, UsageError
from protocol.ids import MAX_PARTIES, Epoch, PartyId, party_ids


class State(Enum):
    """Where a presignature is in its life."""

    PENDING = "PENDING"  # made, and not yet known to be the same for all signers
    READY = "READY"
    BURNED = "BURNED"  # made its one signature share
    VOID = "VOID"  # never to be used


class Event(Enum):
    """What happens to a presignature."""

    CONFIRM = "confirm"
    BURN = "burn"
    VOID = "void"


TRANSITIONS: Final[Mapping[tuple[State, Event], State]] = MappingProxyType(
    {
        (State.PENDING, Event.CONFIRM): State.READY,
        (State.READY, Event.BURN): State.BURNED,
        (State.PENDING, Event.VOID): State.VOID,
        (State.READY, Event.VOID): State.VOID,
    }
)


def after(state: State, event: Event) -> State:
    """Return the next state.

    Raises:
        SecretReuseError: it is burnt twice.
        PresignatureVoid: it is void.
        UsageError: the table has no such step.
    """
    if (state, event) in TRANSITIONS:
        return TRANSITIONS[state, event]
    if state is State.VOID:
        raise PresignatureVoid(f"{event.value}: the presignature is void")
    if (state, event) == (State.BURNED, Event.BURN):
        raise SecretReuseError("the presignature has made its signature share")
    raise UsageError(f"{event.value}: the presignature is {state.value}")


@dataclass(frozen=True, slots=True, order=True)
class Stock:
    """What presignatures are for; those of two stocks are never mixed.

    Args:
        key: threshold public key, 33 bytes.
        epoch: of its shares.
        signers: who holds their shares, ascending.

    Raises:
        UsageError: a value is out of range.
    """

    key: bytes
    epoch: Epoch
    signers: tuple[PartyId, ...]

    def __post_init__(self) -> None:
        if len(self.key) != 33 or not 0 <= self.epoch < 1 << 63:
            raise UsageError("a stock has a key of 33 bytes and an epoch of 63 bits")
        if not self.signers or party_ids(self.signers, MAX_PARTIES) != self.signers:
            raise UsageError("a stock has signers, ascending")

    @classmethod
    def of(cls, public: PublicPresignature) -> Self:
        """Return the stock of a presignature."""
        return cls(bytes(public.sharing.key), public.sharing.epoch, public.signers)


def stock_of(batch: Sequence[Presignature]) -> Stock:
    """Return the stock of a batch: what one session made for one party.

    Raises:
        UsageError: it is empty or mixed.
    """
    kinds = {(Stock.of(item.public), item.party, item.public.session) for item in batch}
    if len(kinds) != 1:
        raise UsageError("a batch is what one session made for one party")
    return kinds.pop()[0]
