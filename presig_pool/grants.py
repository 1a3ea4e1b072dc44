"""Which request was granted which presignature; in memory only, as the key of the pool is."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

_NOBODY = b""


@dataclass(frozen=True, slots=True)
class _Grant:
    request: bytes
    until: int


class Grants:
    """Grants that last for a time, and presignatures that nobody gets again; the pool locks it."""

    __slots__ = ("_by_id", "_spent")

    def __init__(self) -> None:
        self._by_id: dict[bytes, _Grant] = {}
        self._spent: set[bytes] = set()

    def give(self, request: bytes, ids: Iterable[bytes], until: int) -> None:
        """Grant presignatures to a request, or grant them for longer."""
        self._by_id.update((item, _Grant(request, until)) for item in ids)

    def of(self, request: bytes) -> frozenset[bytes]:
        """Return what a request was granted and nobody has spent, for as long as it may have it."""
        held = (item for item, grant in self._by_id.items() if grant.request == request)
        return frozenset(held) - self._spent

    def release(self, request: bytes) -> None:
        """Take back what a request was granted."""
        self._by_id = {item: grant for item, grant in self._by_id.items() if grant.request != request}

    def holders(self, time: int) -> Mapping[bytes, bytes]:
        """Return the request of every presignature that is granted, none of them for what is spent."""
        self._by_id = {item: grant for item, grant in self._by_id.items() if time < grant.until}
        requests = {item: grant.request for item, grant in self._by_id.items()}
        return {**requests, **dict.fromkeys(self._spent, _NOBODY)}

    @property
    def spent(self) -> frozenset[bytes]:
        """What nobody gets, and the store does not know to be burnt or void."""
        return frozenset(self._spent)

    def spend(self, ids: Iterable[bytes]) -> None:
        """Let nobody have presignatures that may make a share of which the store will not know."""
        self._spent.update(ids)

    def settle(self, ids: Iterable[bytes]) -> None:
        """Forget presignatures that the store knows to be burnt or void."""
        for item in ids:
            self._spent.discard(item)
            self._by_id.pop(item, None)

    def is_spent(self, item: bytes) -> bool:
        """Tell whether nobody is to have a presignature, whatever the store says."""
        return item in self._spent
