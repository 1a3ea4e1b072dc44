"""Owners of objects in C memory that are more than a vector of numbers: keys, tables, provers."""

from collections.abc import Callable
from typing import Any, NoReturn

from native._core import ffi
from native.errors import WipedError, check


def _refuse(operation: str) -> Callable[..., NoReturn]:
    def refuse(self: "Handle", *_: object) -> NoReturn:
        raise TypeError(f"{type(self).__name__} has no {operation}: the object stays in C memory")

    return refuse


class Handle:
    """An object in C memory, freed when its last reference goes.

    Objects are immutable and may be shared between threads; two names stand for one object, so there are no
    copies. A forked child gets ForkedError for its parent's handles.
    """

    __slots__ = ("_owner",)

    def __init__(self, owner: Any) -> None:
        """Own a C handle that frees itself."""
        self._owner = owner

    @property
    def _handle(self) -> Any:
        """The C handle, to be passed on to C within the expression that reads it or kept in a local."""
        return self._owner

    def __repr__(self) -> str:
        return type(self).__name__

    __copy__ = _refuse("copy")
    __deepcopy__ = _refuse("copy")
    __reduce_ex__ = _refuse("pickle")


class SecretHandle(Handle):
    """A handle whose object is secret: besides being passed to functions of native it can only be wiped."""

    __slots__ = ()

    @property
    def _handle(self) -> Any:
        owner = self._owner
        if owner is None:
            raise WipedError(f"{type(self).__name__}: {WipedError.__doc__}")
        return owner

    def wipe(self) -> None:
        """Zero the object as soon as nothing uses it; every later use raises WipedError."""
        self._owner = None

    __eq__ = _refuse("comparison")
    __ne__ = _refuse("comparison")
    __hash__ = _refuse("hash")
    __bool__ = _refuse("truth value")
    __str__ = _refuse("text")
    __format__ = _refuse("text")


def _make(operation: str, ctype: str, release: Any, function: Any, *inputs: Any) -> Any:
    """Return the owner of the handle that a C function makes.

    Args:
        operation: what is tried, for the message of an error.
        ctype: the handle's type in C.
        release: the C function that frees it.
        function: the C function, whose first argument is the place for the handle.
        inputs: its other arguments.

    Returns:
        The handle; release runs with its last reference.
    """
    out = ffi.new(f"{ctype} **")
    check(function(out, *inputs), operation)
    return ffi.gc(out[0], release)


def _or_null(handle: Any) -> Any:
    """Return the C handle of an optional argument."""
    return ffi.NULL if handle is None else handle._handle
