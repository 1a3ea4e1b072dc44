"""Jobs in forked processes, a few at a time: each has what its parent has imported, and changes nothing."""

import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

J = TypeVar("J")

_PAUSE = 0.02  # seconds between two looks


@dataclass(frozen=True, slots=True)
class Ended(Generic[J]):
    """A job that has ended.

    Args:
        job: the job.
        code: what it returned; minus the signal that killed it; None if its time was over.
    """

    job: J
    code: int | None


def run_forked(
    jobs: Iterable[J], work: Callable[[J], int], workers: int, seconds: Callable[[J], float]
) -> Iterator[Ended[J]]:
    """Do each job in a process of its own, with what it starts in one process group.

    Args:
        jobs: what to do.
        work: does a job and returns 0..255, in the child.
        workers: how many at a time.
        seconds: how long a job may take.

    Returns:
        The jobs as they end.
    """
    waiting = iter(jobs)
    running: dict[int, tuple[J, float]] = {}
    try:
        while True:
            while len(running) < workers and (job := next(waiting, None)) is not None:
                running[_fork(work, job)] = job, time.monotonic() + seconds(job)
            if not running:
                return
            time.sleep(_PAUSE)
            for pid, (job, end) in list(running.items()):
                done, status = os.waitpid(pid, os.WNOHANG)
                if done:
                    del running[pid]
                    yield Ended(job, os.waitstatus_to_exitcode(status))
                elif time.monotonic() > end:
                    _kill(pid)
                    del running[pid]
                    yield Ended(job, None)
    finally:
        for pid in running:
            _kill(pid)


def _fork(work: Callable[[J], int], job: J) -> int:
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        return pid
    code = 255
    try:
        os.setpgid(0, 0)
        code = work(job)
    except BaseException:  # the parent's handlers are not for the child
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(code)


def _kill(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:  # it has not come to have a group
        os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
