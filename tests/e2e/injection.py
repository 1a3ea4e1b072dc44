"""System calls of a process that kill it or fail: strace -e inject."""

import ctypes
import os
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_PR_SET_PTRACER = 0x59616D61


@dataclass(frozen=True)
class Injection:
    """What happens at the k-th system call of a kind: SIGKILL before it is done, or an error in its place."""

    syscall: str
    what: str  # KILL, EIO, ENOSPC
    k: int

    @property
    def options(self) -> Sequence[str]:
        action = "signal=KILL" if self.what == "KILL" else f"error={self.what}"
        return ("-e", f"inject={self.syscall}:{action}:when={self.k}")

    def __str__(self) -> str:
        return f"{self.what} at {self.syscall} {self.k}"


def hindrance() -> str | None:
    """Say why strace cannot be used on a process of this user; None if it can."""
    if shutil.which("strace") is None:
        return "there is no strace: make strace"
    with (
        subprocess.Popen(["cat"], stdin=subprocess.PIPE, preexec_fn=allow_tracing) as process,  # noqa: PLW1509
        _attached(process.pid, "-o", os.devnull) as said,
    ):
        process.communicate()
    return None if said is None else f"no process may be traced here: {said}"


@contextmanager
def traced(
    pid: int,
    log: Path,
    syscalls: Sequence[str],
    injection: Injection | None = None,
    options: Sequence[str] = (),
) -> Iterator[None]:
    """Trace some system calls of a process that ends in the block, and perhaps inject something."""
    trace = ("-e", f"trace={','.join(syscalls)}", *(injection.options if injection else ()), *options)
    with _attached(pid, "-o", str(log), "-e", "signal=none", *trace) as hindered:
        assert hindered is None
        yield


@contextmanager
def _attached(pid: int, *options: str) -> Iterator[str | None]:
    """Attach strace to a process; say what strace says if it cannot."""
    with subprocess.Popen(["strace", "-p", str(pid), *options], stderr=subprocess.PIPE, text=True) as strace:
        assert strace.stderr is not None
        said = strace.stderr.readline().strip()
        yield None if said.endswith("attached") else said


def allow_tracing() -> None:
    """Let others trace this process, where a process may trace its own children only (Yama)."""
    ctypes.CDLL(None).prctl(_PR_SET_PTRACER, ctypes.c_ulong(-1), 0, 0, 0)


def counted(log: Path) -> Counter[str]:
    """Count the system calls in a log."""
    return Counter(re.findall(r"^(\w+)\(", log.read_text(), re.MULTILINE))
