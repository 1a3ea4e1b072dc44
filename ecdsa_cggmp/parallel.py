"""Independent work for each peer on all cores: native/ releases the interpreter lock in its long calls."""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

K = TypeVar("K")
R = TypeVar("R")


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
