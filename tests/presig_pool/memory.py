"""A pool store in memory, for tests of the pool alone."""

import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from ecdsa_cggmp.presignature import Presignature, PublicPresignature
from native.secret import SecretScalars
from presig_pool.errors import PresignatureVoid
from presig_pool.state import TRANSITIONS, Event, State, Stock, after
from presig_pool.store import Consumption, Entry, ReuseAttempt, Tally
from protocol.errors import SecretReuseError


@dataclass(frozen=True, slots=True)
class Kept:
    entry: Entry
    held: Presignature
    confirmed: int | None = None


class MemoryStore:
    """A PoolStore. Its transaction undoes what a block did that raised."""

    def __init__(self) -> None:
        self.guard = threading.RLock()
        self.kept: dict[bytes, Kept] = {}
        self.uses: dict[bytes, Consumption] = {}
        self.reuses: list[ReuseAttempt] = []
        self.purged: Counter[Stock] = Counter()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with self.guard:
            before = dict(self.kept), dict(self.uses), list(self.reuses), self.purged.copy()
            try:
                yield
            except BaseException:
                self.kept, self.uses, self.reuses, self.purged = before
                raise

    def add(self, presignatures: Sequence[Presignature], batch: bytes, now: int) -> None:
        for item in presignatures:
            if item.public.id in self.kept:
                raise SecretReuseError("added before")
            entry = Entry(item.public.id, Stock.of(item.public), batch, State.PENDING, now)
            self.kept[item.public.id] = Kept(entry, copy(item))

    def find(self, ids: Sequence[bytes]) -> Mapping[bytes, Entry]:
        return {item: self.kept[item].entry for item in ids if item in self.kept}

    def of_batch(self, batch: bytes) -> Sequence[Entry]:
        return [kept.entry for kept in self.kept.values() if kept.entry.batch == batch]

    def ready(self, stock: Stock, limit: int) -> Sequence[bytes]:
        return [i for i, kept in self.kept.items() if self._is(kept, stock, State.READY)][:limit]

    def live(self, made_before: int | None = None) -> Sequence[Entry]:
        entries = [kept.entry for kept in self.kept.values() if (kept.entry.state, Event.VOID) in TRANSITIONS]
        return [entry for entry in entries if made_before is None or entry.made < made_before]

    def confirm(self, ids: Sequence[bytes], now: int) -> None:
        for item in ids:
            self._move(item, Event.CONFIRM)
            self.kept[item] = replace(self.kept[item], confirmed=now)

    def void(self, ids: Sequence[bytes], reason: str) -> None:
        assert reason
        for item in ids:
            self._move(item, Event.VOID)

    def secrets(self, ids: Sequence[bytes]) -> Sequence[Presignature]:
        if any(self.kept[item].entry.state is not State.READY for item in ids):
            raise PresignatureVoid("not ready")
        return [copy(self.kept[item].held) for item in ids]

    def burn(self, uses: Sequence[Consumption]) -> None:
        for use in uses:
            self._move(use.presignature, Event.BURN)
            self.uses[use.presignature] = use

    def consumption(self, presignature: bytes) -> Consumption | None:
        return self.uses.get(presignature)

    def note_reuse(self, attempts: Sequence[ReuseAttempt]) -> None:
        self.reuses += attempts

    def publics(self, ids: Sequence[bytes]) -> Sequence[PublicPresignature]:
        return [self.kept[item].held.public for item in ids]

    def stocks(self) -> Sequence[Stock]:
        return sorted({kept.entry.stock for kept in self.kept.values()} | set(self.purged))

    def tally(self, stock: Stock, since: int) -> Tally:
        mine = [kept for kept in self.kept.values() if kept.entry.stock == stock]
        counts = Counter(kept.entry.state for kept in mine)
        used = [self.uses[kept.entry.id].time for kept in mine if kept.entry.id in self.uses]
        return Tally(
            counts[State.PENDING],
            counts[State.READY],
            counts[State.BURNED],
            counts[State.VOID] + self.purged[stock],
            sum(time >= since for time in used),
            sum(kept.confirmed is not None and kept.confirmed >= since for kept in mine),
        )

    def purge(self, made_before: int | None = None) -> int:
        void = [kept.entry for kept in self.kept.values() if kept.entry.state is State.VOID]
        gone = [entry for entry in void if made_before is None or entry.made < made_before]
        for entry in gone:
            self.purged[entry.stock] += 1
            del self.kept[entry.id]
        return len(gone)

    def _move(self, item: bytes, event: Event) -> None:
        kept = self.kept[item]
        self.kept[item] = replace(kept, entry=replace(kept.entry, state=after(kept.entry.state, event)))

    @staticmethod
    def _is(kept: Kept, stock: Stock, state: State) -> bool:
        return kept.entry.stock == stock and kept.entry.state is state


def copy(item: Presignature) -> Presignature:
    k, chi = (SecretScalars.concat([secret]) for secret in item.secrets())
    return Presignature(item.public, item.party, k, chi)
