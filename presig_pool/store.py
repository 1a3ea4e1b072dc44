"""What the pool asks of the place where presignatures are kept."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from ecdsa_cggmp.presignature import Presignature, PublicPresignature
from presig_pool.state import State, Stock
from protocol.errors import UsageError

ID_SIZE = 32
DIGEST_SIZE = 32
MAX_SHARE = 1 << 10


@dataclass(frozen=True, slots=True)
class Entry:
    """A presignature without its secrets.

    Args:
        id: of its public side, 32 bytes.
        stock: what it is for.
        batch: digest of the batch that it was made in, 32 bytes.
        state: where it is in its life.
        made: when it was added, Unix seconds.
    """

    id: bytes
    stock: Stock
    batch: bytes
    state: State
    made: int


@dataclass(frozen=True, slots=True)
class Consumption:
    """The one use of a presignature.

    Args:
        presignature: its id, 32 bytes.
        request: id of what was asked for, 32 bytes.
        sighash: what was signed, 32 bytes.
        share: the signature share in its encoding, at most 1 KiB.
        time: Unix seconds.

    Raises:
        UsageError: a value is out of range.
    """

    presignature: bytes
    request: bytes
    sighash: bytes
    share: bytes
    time: int

    def __post_init__(self) -> None:
        if any(len(value) != 32 for value in (self.presignature, self.request, self.sighash)):
            raise UsageError("a presignature, a request and a sighash have 32 bytes each")
        if not 0 < len(self.share) <= MAX_SHARE or not 0 <= self.time < 1 << 63:
            raise UsageError("the share or the time of a consumption is out of range")


@dataclass(frozen=True, slots=True)
class ReuseAttempt:
    """A request for a presignature that has made its share for another one: refused.

    One without a sighash may be that of an honest coordinator who did not know yet.

    Args:
        presignature: its id, 32 bytes.
        request: id of the request that was refused, 32 bytes.
        sighash: what it was to sign, 32 bytes; None where the request did not come so far.
        time: Unix seconds.

    Raises:
        UsageError: a value is out of range.
    """

    presignature: bytes
    request: bytes
    sighash: bytes | None
    time: int

    def __post_init__(self) -> None:
        ids = (self.presignature, self.request, *(() if self.sighash is None else (self.sighash,)))
        if any(len(value) != 32 for value in ids) or not 0 <= self.time < 1 << 63:
            raise UsageError("an id, a sighash or the time of an attempt is out of range")


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts of one stock.

    Args:
        pending, ready: how many there are.
        burned, voided: how many there ever were; those that were purged count.
        burned_since, confirmed_since: how many since a time.
    """

    pending: int
    ready: int
    burned: int
    voided: int
    burned_since: int
    confirmed_since: int


class PoolStore(Protocol):
    """Where presignatures are kept. Threads may share it; a transaction excludes the others.

    Every method raises StorageError, or what the store calls it, when it cannot be read or written. A change
    is durable when its outermost transaction ends.
    """

    def transaction(self) -> AbstractContextManager[None]:
        """Run a block whose changes become durable together at its end, or not at all when it raises."""

    def add(self, presignatures: Sequence[Presignature], batch: bytes, now: int) -> None:
        """Keep the presignatures of one stock as PENDING, their secrets sealed.

        Raises:
            SecretReuseError: one was added before.
        """

    def find(self, ids: Sequence[bytes]) -> Mapping[bytes, Entry]:
        """Return the entries of those that are known."""

    def of_batch(self, batch: bytes) -> Sequence[Entry]:
        """Return the entries of a batch."""

    def ready(self, stock: Stock, limit: int) -> Sequence[bytes]:
        """Return the ids of READY presignatures, oldest first."""

    def live(self, made_before: int | None = None) -> Sequence[Entry]:
        """Return all PENDING and READY entries, or those that were made before a time."""

    def confirm(self, ids: Sequence[bytes], now: int) -> None:
        """Move presignatures from PENDING to READY."""

    def void(self, ids: Sequence[bytes], reason: str) -> None:
        """Move presignatures from PENDING or READY to VOID and delete their secrets."""

    def secrets(self, ids: Sequence[bytes]) -> Sequence[Presignature]:
        """Return READY presignatures with their secrets.

        Raises:
            PresignatureVoid: the key that sealed one has gone.
        """

    def burn(self, uses: Sequence[Consumption]) -> None:
        """Move presignatures from READY to BURNED, delete their secrets and write down their use."""

    def consumption(self, presignature: bytes) -> Consumption | None:
        """Return the use of a presignature; None before it."""

    def note_reuse(self, attempts: Sequence[ReuseAttempt]) -> None:
        """Write down refused requests for burnt presignatures; some of each and the number of the others."""

    def publics(self, ids: Sequence[bytes]) -> Sequence[PublicPresignature]:
        """Return the public sides of presignatures.

        Raises:
            PresignatureVoid: one is unknown.
        """

    def stocks(self) -> Sequence[Stock]:
        """Return all stocks, ascending."""

    def tally(self, stock: Stock, since: int) -> Tally:
        """Count the presignatures of a stock."""

    def purge(self, made_before: int | None = None) -> int:
        """Forget what is VOID, and leave no trace of deleted secrets in the file; return how many went.

        Args:
            made_before: seconds; what is younger stays, and if there is nothing else the file is not written.
        """
