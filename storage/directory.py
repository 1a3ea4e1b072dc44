"""Private directories on local disks, each in use by one process at a time."""

import errno
import fcntl
import os
import re
import time
from pathlib import Path
from typing import Final, Self

from storage.errors import LockedError, StorageError

LOCK_WAIT: Final = 2.0  # seconds; another command on the same wallet is over by then

# Their locks or their fsync do not hold what SQLite needs ("How To Corrupt An SQLite Database File", 2.1).
# A container's overlay is not among them: below one container its locks and fsync are those of the disk.
_NETWORK: Final = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ceph", "fuse.sshfs"})


def make_private(directory: Path) -> None:
    """Make a directory and its parents, those that are missing with mode 0700, durably.

    Raises:
        StorageError: it cannot be made.
    """
    missing = [path for path in (directory, *directory.parents) if not path.exists()]
    try:
        for path in reversed(missing):
            path.mkdir(mode=0o700, exist_ok=True)
            sync_directory(path.parent)
    except OSError as e:
        raise StorageError(f"the directory {directory} cannot be made: {os.strerror(e.errno or 0)}") from e


def sync_directory(directory: Path) -> None:
    """Make the names in a directory durable."""
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


class DirectoryLock:
    """The exclusive lock on a directory, held until release() or the end of the process.

    It is an flock on the directory itself: nothing is left behind, and closing another descriptor of a file
    in it, which would drop a POSIX lock of the process, does not touch it.
    """

    __slots__ = ("_fd",)

    def __init__(self, fd: int) -> None:
        self._fd = fd

    @classmethod
    def take(cls, directory: Path) -> Self:
        """Lock a directory, waiting for LOCK_WAIT seconds.

        Raises:
            LockedError: another process, or another owner in this one, has it.
            StorageError: there is no such directory, or it is on a network file system.
        """
        try:
            fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as e:
            raise StorageError(f"{directory} cannot be opened: {os.strerror(e.errno or 0)}") from e
        try:
            _refuse_network(fd, directory)
            _wait(fd, directory)
        except BaseException:
            os.close(fd)
            raise
        return cls(fd)

    def release(self) -> None:
        """Unlock; a second call does nothing."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def _wait(fd: int, directory: Path) -> None:
    end = time.monotonic() + LOCK_WAIT
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as e:
            if e.errno != errno.EWOULDBLOCK:
                raise StorageError(f"{directory} cannot be locked: {os.strerror(e.errno or 0)}") from e
        else:
            return
        if time.monotonic() > end:
            raise LockedError(
                f"{directory} is in use by another process", "wait until it has ended, or end it"
            )
        time.sleep(0.02)


def _refuse_network(fd: int, directory: Path) -> None:
    kind = file_system(os.fstat(fd).st_dev, Path("/proc/self/mountinfo"))
    if kind in _NETWORK:
        raise StorageError(
            f"{directory} is on a network file system ({kind}), which can lose or mix writes",
            "keep wallets on a local disk",
        )


def file_system(device: int, mountinfo: Path) -> str:
    """Return the type of the file system of a device, empty when it cannot be told (proc(5), mountinfo)."""
    number = f"{os.major(device)}:{os.minor(device)}"
    try:
        lines = mountinfo.read_text(errors="replace").splitlines()
    except OSError:
        return ""
    for line in lines:
        match = re.match(r"\d+ \d+ (\d+:\d+) .* - (\S+) ", line)
        if match and match[1] == number:
            return match[2]
    return ""
