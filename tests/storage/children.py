"""Other processes, each with a line to this one."""

import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

TIMEOUT = 300  # seconds after which a process that does not answer is one that waits for ever


class Line:
    """Lines of text from and to a process."""

    def __init__(self, end: socket.socket) -> None:
        end.settimeout(TIMEOUT)
        self._end = end
        self._file = end.makefile("rw")

    def say(self, *words: object) -> None:
        self._file.write(" ".join(map(str, words)) + "\n")
        self._file.flush()

    def hear(self) -> list[str]:
        """The words of the next line; none when the other end has closed."""
        return self._file.readline().split()

    def close(self) -> None:
        self._file.close()
        self._end.close()


@contextmanager
def children(count: int, work: Callable[[int, Line], object]) -> Iterator[list[Line]]:
    """Fork processes that do some work with their number and their line; none is left at the end."""
    with ExitStack() as stack:
        lines = []
        for number in range(count):
            here, there = socket.socketpair()
            pid = os.fork()
            if pid == 0:
                code = 1
                try:
                    here.close()
                    work(number, Line(there))
                    code = 0
                finally:
                    os._exit(code)
            stack.callback(os.waitpid, pid, 0)
            stack.callback(os.kill, pid, signal.SIGKILL)
            there.close()
            lines.append(Line(here))
            stack.callback(lines[-1].close)
        yield lines
