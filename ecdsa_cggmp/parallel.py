"""Independent work for each peer on all cores: native/ releases the interpreter lock in its long calls.

Threads are new for every call, so on Linux they have the priority of the thread that asks: what a refill
starts is as nice as the refill.
"""

import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

K = TypeVar("K")
R = TypeVar("R")

# what a call costs whatever the number of its items is worth 16 of them or so
_LEAST: Final = 16


def for_each(items: Iterable[K], work: Callable[[K], R]) -> dict[K, R]:
    """Return what work gives for each item, in the order of the items.

    Args:
        items: hashable and distinct.
        work: called in several threads at once; what it raises for the first item that fails is raised here.
    """
    todo = list(items)
    if len(todo) < 2:
        return {item: work(item) for item in todo}
    with ThreadPoolExecutor(min(len(todo), os.cpu_count() or 1), "cggmp") as pool:
        return dict(zip(todo, pool.map(work, todo), strict=True))


def for_parts(peers: Sequence[K], count: int, work: Callable[[K, range], R]) -> dict[K, list[R]]:
    """Return what work gives for the parts of each peer's batch, in their order.

    Args:
        peers: hashable and distinct, at least one.
        count: items of a batch.
        work: takes a peer and the indices of a part; called in several threads at once.
    """
    pieces = divide(count, -(-(os.cpu_count() or 1) // len(peers)))
    done = for_each([(peer, part) for peer in peers for part in pieces], lambda task: work(*task))
    return {peer: [done[peer, part] for part in pieces] for peer in peers}


def divide(count: int, wanted: int) -> tuple[range, ...]:
    """Divide count items, at least one, into as many parts as wanted, or fewer of at least 16 items each."""
    size = -(-count // max(1, min(wanted, count // _LEAST)))
    return tuple(range(at, min(at + size, count)) for at in range(0, count, size))
