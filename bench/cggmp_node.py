"""What presigning does to the process of a node: its event loop, its signatures, its memory."""

import asyncio
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from statistics import median
from time import perf_counter, sleep

from cggmp_group import Presigning
from ecdsa_cggmp.params import SECURITY_128

TICK = 0.01


def longest_gap_ms(group: Presigning, batch: int) -> float:
    """Return the most that a ticker of an event loop came late while a thread made a batch."""

    async def tick() -> float:
        work, worst = asyncio.create_task(asyncio.to_thread(group.run, batch)), 0.0
        while not work.done():
            start = perf_counter()
            await asyncio.sleep(TICK)
            worst = max(worst, perf_counter() - start - TICK)
        await work
        return 1e3 * worst

    return asyncio.run(tick())


def sign_ms(group: Presigning, count: int = 100) -> tuple[float, float]:
    """Return median and longest ms on the clock of signatures, one every 10 ms."""
    taken = []
    for _ in range(count):
        sleep(TICK)
        taken.append(group.sign(perf_counter))
    return median(taken), max(taken)


def sign_ms_beside(group: Presigning, batch: int) -> tuple[float, float]:
    """Return the same while a thread of nice 10 makes batches."""
    stop = threading.Event()

    def refill() -> None:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)
        while not stop.is_set():
            group.run(batch)

    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(refill)
        sleep(0.2)
        taken = sign_ms(group)
        stop.set()
        done.result()
    return taken


def memory_mb(batch: int) -> tuple[float, float]:
    """Return the MB that a signer of 2 of 3 holds between batches and at most in one, in a new process."""
    done = subprocess.run(
        [sys.executable, __file__, str(batch)], capture_output=True, text=True, check=True, env=_environment()
    )
    held, peak = map(float, done.stdout.split())
    return held, peak


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}


def _resident_mb(name: str) -> float:
    with open("/proc/self/status") as status:
        return next(float(line.split()[1]) for line in status if line.startswith(name)) / 1024


def _measure(batch: int) -> None:
    """Print the growth of this process for each of its two signers."""
    before = _resident_mb("VmRSS")
    group = Presigning(2, 3, SECURITY_128, tables=True)
    group.run(1)
    held = _resident_mb("VmRSS")
    group.run(batch)
    print((held - before) / 2, (_resident_mb("VmHWM") - before) / 2)


if __name__ == "__main__":
    _measure(int(sys.argv[1]))
