"""Errors of the C core: one exception for each mpcw_status, none of which carries a value of the input."""

from native._core import lib


class NativeError(Exception):
    """The C core refused an operation; nothing was computed or released."""


class RejectedError(NativeError):
    """A signature, proof or equation does not hold, or a number is no prime of its kind."""


class LengthError(NativeError):
    """A buffer length or an item count is wrong."""


class RangeError(NativeError):
    """A value is outside its range."""


class ModulusError(NativeError):
    """A modulus is even, too small, too large or not of the required form."""


class NotUnitError(NativeError):
    """A value shares a factor with the modulus."""


class PointError(NativeError):
    """A point encoding is malformed, off the curve or infinity."""


class UsedError(NativeError):
    """A one-shot secret state was used before."""


class MemoryLockError(NativeError):
    """Memory for secrets could not be had and locked: raise the limit of locked memory (ulimit -l)."""


class ForkedError(NativeError):
    """A secret made before fork() was used in the child."""


class EntropyError(NativeError):
    """The operating system gave no random bytes."""


class KindError(NativeError):
    """A handle is of another kind than the operation wants."""


class CancelledError(NativeError):
    """The caller cancelled the operation."""


class FaultError(NativeError):
    """A self-check failed: the computer made a mistake and the result was not released."""


class UnreadyError(NativeError):
    """The function table of libsecp256k1 is not loaded."""


class WipedError(NativeError):
    """A secret was used after its wipe()."""


_ERRORS: dict[int, type[NativeError]] = {
    lib.MPCW_REJECTED: RejectedError,
    lib.MPCW_E_LENGTH: LengthError,
    lib.MPCW_E_RANGE: RangeError,
    lib.MPCW_E_MODULUS: ModulusError,
    lib.MPCW_E_NOT_UNIT: NotUnitError,
    lib.MPCW_E_POINT: PointError,
    lib.MPCW_E_USED: UsedError,
    lib.MPCW_E_MEMORY: MemoryLockError,
    lib.MPCW_E_FORKED: ForkedError,
    lib.MPCW_E_ENTROPY: EntropyError,
    lib.MPCW_E_KIND: KindError,
    lib.MPCW_E_CANCELLED: CancelledError,
    lib.MPCW_E_FAULT: FaultError,
    lib.MPCW_E_UNREADY: UnreadyError,
}


def check(status: int, operation: str) -> None:
    """Raise the exception of a status that is not MPCW_OK.

    Args:
        status: what the C function returned.
        operation: what was tried, for the message; never a value of the input.

    Raises:
        NativeError: the subclass that belongs to the status.
    """
    if status != lib.MPCW_OK:
        error = _ERRORS[status]
        raise error(f"{operation}: {(error.__doc__ or '').splitlines()[0]}")
