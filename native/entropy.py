"""Random bytes for public values; secrets are drawn in C and never become bytes."""

from native._core import ffi, lib
from native.errors import LengthError, check


def random_bytes(size: int) -> bytes:
    """Draw size bytes from getrandom, for values that peers will see, such as session identifiers.

    Args:
        size: number of bytes, at least 0.

    Returns:
        size uniform bytes.

    Raises:
        LengthError: size is negative.
        EntropyError: the operating system gave none.
    """
    if size < 0:
        raise LengthError("random_bytes: size is negative")
    out = ffi.new("uint8_t[]", size)
    check(lib.mpcw_random_public(out, size), "random_bytes")
    return bytes(ffi.buffer(out))
