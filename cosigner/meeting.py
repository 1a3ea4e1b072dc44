"""Where the server of a wallet and its clients meet: a Unix socket in a directory that is the user's alone.

gRPC does not tell who is at the other end of a Unix socket, so the directory does: with mode 0700 nobody but
its owner reaches the socket, and neither side uses a directory that is another's. The path for the kernel
goes through a descriptor of the directory: a socket's may have 107 bytes, and a wallet can lie deep.
"""

import os
import socket
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

from storage.directory import DirectoryLock, make_private
from storage.errors import LockedError, StorageError

SOCKET: Final = "socket"


class MeetingPlace:
    """The directory of a wallet's server, open; a context manager."""

    __slots__ = ("_fd", "_lock", "path")

    def __init__(self, path: Path, fd: int) -> None:
        self.path, self._fd = path, fd
        self._lock: DirectoryLock | None = None

    @classmethod
    def find(cls, path: Path) -> Self | None:
        """Return the place if a server listens there, as a client.

        Args:
            path: its directory.

        Raises:
            StorageError: others than this user could have put a server there.
        """
        if not (path / SOCKET).exists():
            return None
        place = cls._open(path)
        if place._answers():
            return place
        place.close()
        return None

    @classmethod
    def claim(cls, path: Path) -> Self:
        """Take the place, as the one server there.

        Args:
            path: its directory, made if it is missing.

        Raises:
            LockedError: a server has it.
            StorageError: others than this user reach it.
        """
        make_private(path)
        place = cls._open(path)
        try:
            place._lock = DirectoryLock.take(path)
            place.clear()
        except LockedError as e:
            place.close()
            raise LockedError(
                "mpcw serve runs for this wallet already", "use it: all commands find it; or stop it first"
            ) from e
        except BaseException:
            place.close()
            raise
        return place

    @classmethod
    def _open(cls, path: Path) -> Self:
        try:
            fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError as e:
            raise StorageError(f"{path} cannot be opened: {os.strerror(e.errno or 0)}") from e
        found = os.fstat(fd)
        if found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o077:
            os.close(fd)
            raise StorageError(
                f"others than you reach {path}, and could answer in the place of your parties",
                f"look what is there, then: chmod 700 {path}",
            )
        return cls(path, fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Leave the place, a server with its socket; a second call does nothing."""
        if self._lock is not None:
            self.clear()
            self._lock.release()
            self._lock = None
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    @property
    def target(self) -> str:
        """The socket as gRPC wants it named, while the place is open."""
        return f"unix:{self._address}"

    @property
    def _address(self) -> str:
        return f"/proc/self/fd/{self._fd}/{SOCKET}"

    def protect(self) -> None:
        """Give the socket, which was just made, mode 0600."""
        os.chmod(SOCKET, 0o600, dir_fd=self._fd)

    def clear(self) -> None:
        """Remove the socket, as the server: it is its own, or that of one that was killed."""
        with suppress(FileNotFoundError):
            os.unlink(SOCKET, dir_fd=self._fd)

    def _answers(self) -> bool:
        """Tell whether somebody listens at the socket."""
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(self._address)
            except (ConnectionRefusedError, FileNotFoundError):
                return False  # left by a server that was killed
            except OSError as e:
                raise StorageError(
                    f"the socket in {self.path} cannot be reached: {os.strerror(e.errno or 0)}"
                ) from e
        return True
