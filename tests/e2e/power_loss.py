"""What a loss of power may leave of the files in a directory: what was synced, and of the rest anything."""

import random
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

SYSCALLS = ("pwrite64", "fdatasync", "fsync", "ftruncate", "unlink", "sendto")
READABLE = ("-y", "-xx", "-s", "1000000")  # of strace: with paths, all in hexadecimal, whole
SECTOR = 512  # bytes that a disk writes at once

_CALL = re.compile(r"^(\w+)\((?:\d+<(?P<path>[^>]*)>)?(?:, )?(?:\"(?P<data>[^\"]*)\")?(?P<rest>.*)\) += +\d+")


@dataclass(frozen=True)
class Call:
    """A system call that was done.

    Args:
        name: which.
        path: of the file or directory; of a socket something else.
        data: what was written.
        number: the offset, or the new length.
    """

    name: str
    path: Path
    data: bytes = b""
    number: int = 0


def calls(log: Path) -> Iterator[Call]:
    """Read what strace has written with the options above."""
    for line in log.read_text().splitlines():
        match = _CALL.match(line)
        if match is None:
            continue
        name, rest = match[1], re.findall(r"\d+", match["rest"])
        data = _unescaped(match["data"])
        if name == "unlink":
            yield Call(name, Path(data.decode()))
        else:
            number = int(rest[-1]) if name in ("pwrite64", "ftruncate") else 0
            yield Call(name, Path(_unescaped(match["path"]).decode()), data, number)


def _unescaped(text: str | None) -> bytes:
    return bytes.fromhex((text or "").replace("\\x", ""))


@dataclass
class _File:
    """A file: what is on the disk of it, and what was changed since, in order."""

    synced: bytes
    changes: list[Call]

    def after(self, changes: list[Call]) -> bytes:
        content = bytearray(self.synced)
        for call in changes:
            if call.name == "ftruncate":
                del content[call.number :]
                content.extend(bytes(call.number - len(content)))
            else:
                content.extend(bytes(max(0, call.number - len(content))))
                content[call.number : call.number + len(call.data)] = call.data
        return bytes(content)


class Disk:
    """A directory of files, of which a process writes and syncs some."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._files = {path: _File(path.read_bytes(), []) for path in directory.iterdir()}
        self._named = dict(self._files)  # in the directory on the disk

    def do(self, call: Call) -> None:
        """Do a system call, if it is on the directory or a file in it."""
        if call.path == self._directory and call.name in ("fdatasync", "fsync"):
            self._named = dict(self._files)
        elif call.path.parent != self._directory:
            return
        elif call.name == "unlink":
            del self._files[call.path]
        else:
            file = self._files.setdefault(call.path, _File(b"", []))
            if call.name in ("fdatasync", "fsync"):
                file.synced, file.changes = file.after(file.changes), []
            else:
                file.changes.append(call)

    def least(self) -> Mapping[Path, bytes]:
        """Return the files if nothing is left that was not synced."""
        return {path: file.synced for path, file in self._named.items()}

    def most(self) -> Mapping[Path, bytes]:
        """Return the files if all is left."""
        return {path: file.after(file.changes) for path, file in self._files.items()}

    def some(self, rng: random.Random) -> Mapping[Path, bytes]:
        """Return the files if some changes are on the disk, others not, and others in part."""
        left = {path: file for path, file in self._named.items() if path in self._files or rng.random() < 0.5}
        left |= {path: file for path, file in self._files.items() if path in left or rng.random() < 0.5}
        return {path: file.after(self._survivors(file.changes, rng)) for path, file in left.items()}

    def _survivors(self, changes: list[Call], rng: random.Random) -> list[Call]:
        survivors = [call for call in changes if rng.random() < 0.5]
        if survivors and rng.random() < 0.5:
            at = rng.randrange(len(survivors))
            torn, sectors = survivors[at], len(survivors[at].data) // SECTOR
            length = SECTOR * rng.randint(0, sectors)
            if torn.name == "pwrite64":
                survivors[at] = Call(torn.name, torn.path, torn.data[:length], torn.number)
        return survivors
