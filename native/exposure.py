"""Locked memory lent to code outside native, such as a cipher, and the encoding of secrets for it.

Whoever gets a view must not copy it into a Python object: no bytes(), int, str, slice assignment to a buffer.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from native._core import ffi, lib
from native.errors import check
from native.secret import Secret, SecretBytes, _size, _take

S = TypeVar("S", bound=Secret)


@contextmanager
def exposed(secret: SecretBytes) -> Iterator[memoryview]:
    """Lend the bytes of a secret for reading while the block runs.

    Args:
        secret: wiping it meanwhile takes effect when the last view has gone.

    Yields:
        A read-only view of the locked memory, secret.size bytes; released at the end of the block.

    Raises:
        WipedError, ForkedError: the secret is gone.
        BufferError: at the end of the block, something still holds the view.
    """
    with _view(secret) as view, view.toreadonly() as readonly:
        yield readonly


def filled(size: int, fill: Callable[[memoryview], object]) -> SecretBytes:
    """Make a secret whose bytes other code writes in place.

    Args:
        size: number of bytes, 1..2^20.
        fill: gets a writable view of that many zero bytes, released when it returns.

    Returns:
        The secret; there is none when fill raises.

    Raises:
        LengthError: the size is out of range.
        MemoryLockError: there is no locked memory.
        BufferError: fill kept the view.
    """
    out = ffi.new("mpcw_secret **")
    check(lib.mpcw_bytes_new(out, _size(size)), "filled")
    secret = _take(out, SecretBytes)
    with _view(secret) as view:
        fill(view)
    return secret


def scrub() -> None:
    """Overwrite what the last call of a library has left in registers, stack and small freed blocks.

    Security:
        Best effort: call it in the thread that made the call, right after.
    """
    check(lib.mpcw_scrub(), "scrub")


def encode(secret: Secret) -> SecretBytes:
    """Return the items of a secret, big-endian as declassify() gives them, in locked memory.

    Raises:
        LengthError: they are more than 2^20 bytes.
    """
    out = ffi.new("mpcw_secret **")
    check(lib.mpcw_secret_encode(out, secret._handle), "encode")
    return _take(out, SecretBytes)


def decode(secret: SecretBytes, cls: type[S], count: int = 1) -> S:
    """Take back what encode() made.

    Args:
        secret: count items of one size.
        cls: the class of the result.
        count: number of items.

    Returns:
        A new secret.

    Raises:
        LengthError: the size of an item does not fit the class.
        RangeError: a scalar is not below the order of secp256k1.
    """
    out = ffi.new("mpcw_secret **")
    check(lib.mpcw_secret_decode(out, cls._kind, secret._handle, _size(count)), "decode")
    return _take(out, cls)


def _view(secret: SecretBytes) -> memoryview:
    """Return a view that keeps the memory alive: one that leaks reads the secret, but never freed memory."""
    owner: Any = secret._handle
    data = ffi.new("uint8_t **")
    check(lib.mpcw_bytes_data(data, owner), "exposed")
    # the destructor of the pointer holds the owner, and the buffer holds the pointer
    pointer = ffi.gc(data[0], lambda _, keep=owner: None)
    return memoryview(ffi.buffer(pointer, secret.size))
