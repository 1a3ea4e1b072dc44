"""Passphrases in locked memory, read without becoming a Python string where that can be helped."""

import os
import re
import sys
import termios
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from hmac import compare_digest
from pathlib import Path
from typing import Final, Self

from native.exposure import encode, exposed
from native.hashing import hash_to_seed
from native.secret import SecretBytes
from protocol.errors import UsageError
from storage.errors import MissingError, StorageError

MAX_SIZE: Final = 1024  # bytes
TRIES: Final = 3  # of somebody who types


class Passphrase:
    """A passphrase: UTF-8 in normal form NFC, so that two systems make the same bytes of the same characters.

    Security:
        ASCII never leaves bytearrays, which are zeroed, and locked memory. Other characters pass through
        Python strings on their way to NFC: those cannot be wiped.
    """

    __slots__ = ("_secret",)

    def __init__(self, typed: bytearray) -> None:
        """Take over UTF-8 bytes and zero them.

        Raises:
            UsageError: they are empty, too long, no UTF-8, or have a control character.
        """
        normal = typed
        try:
            normal = _normal(typed)
            self._secret = SecretBytes.from_bytes(normal)
        finally:
            for buffer in (typed, normal):
                buffer[:] = bytes(len(buffer))

    @classmethod
    def from_fd(cls, fd: int) -> Self:
        """Read a file descriptor to its end or its first line break.

        Raises:
            UsageError: as for the class.
            StorageError: it cannot be read.
        """
        return cls(_read_line(fd))

    @classmethod
    def from_file(cls, path: Path) -> Self:
        """Read the first line of a file.

        Raises:
            UsageError: as for the class.
            MissingError, StorageError: it is not there, or cannot be read.
        """
        try:
            fd = os.open(path, os.O_RDONLY)
        except FileNotFoundError as e:
            raise MissingError(f"there is no passphrase file {path}") from e
        except OSError as e:
            raise StorageError(
                f"the passphrase file {path} cannot be read: {os.strerror(e.errno or 0)}"
            ) from e
        try:
            return cls.from_fd(fd)
        finally:
            os.close(fd)

    @classmethod
    def ask(cls, prompt: str, *, confirm: bool = False) -> Self:
        """Ask at the terminal, without echo.

        Args:
            prompt: what to write there, such as "Passphrase of party 0".
            confirm: ask twice, for a new passphrase; again if the two differ.

        Raises:
            UsageError: as for the class, or the two differ each time.
            StorageError: there is no terminal.
        """
        try:
            terminal = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY)
        except OSError as e:
            raise StorageError(
                "there is no terminal to ask for a passphrase", "give it in a file or a file descriptor"
            ) from e
        try:
            return cls._twice(terminal, prompt) if confirm else cls(_ask(terminal, f"{prompt}: "))
        finally:
            os.close(terminal)

    @classmethod
    def _twice(cls, terminal: int, prompt: str) -> Self:
        for left in reversed(range(TRIES)):
            first = cls(_ask(terminal, f"{prompt}: "))
            with cls(_ask(terminal, f"{prompt} (again): ")) as second:
                if first.is_same(second):
                    return first
            first.wipe()
            if left:
                os.write(terminal, b"  the two differ: try again\n")
        raise UsageError("the two passphrases differ")

    @contextmanager
    def view(self) -> Iterator[memoryview]:
        """Lend the bytes for reading while the block runs."""
        with exposed(self._secret) as view:
            yield view

    def digest(self) -> SecretBytes:
        """Return a tagged hash, 32 bytes, for those who would leave copies of what they get."""
        with hash_to_seed("mpcwallet/passphrase", self._secret) as seed:
            return encode(seed)

    def is_same(self, other: Self) -> bool:
        """Compare in constant time for equal lengths."""
        with self.view() as mine, other.view() as theirs:
            return compare_digest(mine, theirs)

    def wipe(self) -> None:
        """Zero it; every later use raises WipedError."""
        self._secret.wipe()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.wipe()

    def __repr__(self) -> str:
        return "Passphrase"


def _normal(typed: bytearray) -> bytearray:
    if not typed:
        raise UsageError("the passphrase is empty")
    if len(typed) > MAX_SIZE:
        raise UsageError(f"the passphrase is longer than {MAX_SIZE} bytes")
    if re.search(rb"[\x00-\x1f\x7f]", typed):
        raise UsageError("the passphrase has a control character")
    if typed.isascii():
        return typed
    try:
        return bytearray(unicodedata.normalize("NFC", typed.decode("utf-8")), "utf-8")
    except UnicodeDecodeError:
        raise UsageError("the passphrase is not UTF-8") from None  # the cause quotes it


def _read_line(fd: int) -> bytearray:
    """Read up to a line break without buffers of Python; one byte more than allowed is as far as it goes."""
    line = bytearray(MAX_SIZE + 3)
    used = 0
    try:
        with memoryview(line) as view:
            while used < len(line) and b"\n" not in line:
                count = os.readv(fd, [view[used:]])
                if count == 0:
                    break
                used += count
        end = line.find(b"\n")
        end = used if end < 0 else end
        if line[:end].endswith(b"\r"):
            end -= 1
        result = bytearray(end)
        result[:] = memoryview(line)[:end]
    except OSError as e:
        raise StorageError(f"the passphrase cannot be read: {os.strerror(e.errno or 0)}") from e
    finally:
        line[:] = bytes(len(line))
    return result


def _ask(terminal: int, prompt: str) -> bytearray:
    before = termios.tcgetattr(terminal)
    silent = termios.tcgetattr(terminal)
    silent[3] &= ~termios.ECHO
    sys.stdout.flush()
    try:
        termios.tcsetattr(terminal, termios.TCSAFLUSH, silent)
        os.write(terminal, prompt.encode())
        return _read_line(terminal)
    finally:
        termios.tcsetattr(terminal, termios.TCSAFLUSH, before)
        os.write(terminal, b"\n")
