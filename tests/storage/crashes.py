"""Processes that are killed and disks that are full."""

import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

Report = Callable[[object], None]


def killed(action: Callable[[Report], None], rng: random.Random) -> list[str]:
    """Run an action in a child, kill it at a random moment after its first report, and return its reports."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            action(lambda report: os.write(write, f"{report}\n".encode()))
        finally:
            os._exit(0)
    os.close(write)
    reports = b""
    with os.fdopen(read, "rb", buffering=0) as pipe:
        reports += pipe.read(1000)
        time.sleep(rng.random() * 0.03)
        os.kill(child, signal.SIGKILL)
        while more := pipe.read(1000):
            reports += more
    os.waitpid(child, 0)
    return reports.decode().split("\n")[:-1]


def fill(disk: Path) -> Path:
    """Leave no byte on a disk."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass
    return ballast
