"""Work on all cores: divided, in order, and at the priority of who asks for it."""

import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from ecdsa_cggmp.parallel import divide, for_each, for_parts


def priority(_: object) -> int:
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


def test_results_have_the_order_of_the_items() -> None:
    assert list(for_each([3, 1, 2], lambda x: -x).items()) == [(3, -3), (1, -1), (2, -2)]


def test_the_first_item_that_fails_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        for_each([1, 0, 2], lambda x: 1 / x)


@pytest.mark.parametrize("count", [1, 15, 31, 32, 33, 100])
def test_parts_are_the_whole_batch_in_order(count: int) -> None:
    done = for_parts(["j", "k"], count, lambda _, part: list(part))
    assert all([k for part in parts for k in part] == list(range(count)) for parts in done.values())
    assert all(len(part) >= min(16, count) for part in divide(count, 8)[:-1])


@pytest.mark.skipif(sys.platform != "linux", reason="priorities of threads are Linux's")
def test_workers_have_the_priority_of_the_thread_that_asks() -> None:
    def refill() -> set[int]:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 15)
        return set(for_each(range(4), priority).values())

    before = priority(None)
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(refill).result() == {15}
    assert priority(None) == before
    assert set(for_each(range(4), priority).values()) == {before}
