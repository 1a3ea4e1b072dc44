"""Owners of secrets that live in locked C memory; no secret is ever a Python number or buffer."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, Self, TypeVar, final

from native._core import ffi, lib
from native.errors import KindError, LengthError, WipedError, check

if TYPE_CHECKING:
    from typing_extensions import Buffer  # collections.abc has it from Python 3.12 on

S = TypeVar("S", bound="Secret")


def _refuse(operation: str) -> Callable[..., NoReturn]:
    def refuse(self: "Secret", *_: object) -> NoReturn:
        raise TypeError(
            f"{type(self).__name__} has no {operation}: the value stays in C memory; "
            "pass the secret to a function of native, or call declassify() for a value that may become public"
        )

    return refuse


class Secret:
    """A vector of secrets of one kind, zeroed when its last reference goes.

    Everything that Python would do with the value raises TypeError; `is` compares owners. Objects are
    immutable and may be shared between threads. A forked child gets ForkedError for its parent's secrets.

    Security:
        Only declassify() brings the value out.
    """

    __slots__ = ("_count", "_owner", "_size")
    _kind: ClassVar[int]

    def __init__(self, owner: Any) -> None:
        """Own a C handle; only _take() calls this."""
        kind = ffi.new("mpcw_kind *")
        count, size = ffi.new("size_t *"), ffi.new("size_t *")
        check(lib.mpcw_secret_info(kind, count, size, owner), type(self).__name__)
        if kind[0] != self._kind:
            raise KindError(f"{type(self).__name__}: the handle is of kind {kind[0]}")
        # wipe() and take() pop this; a call running in another thread holds its own reference: C frees once
        self._owner = [owner]
        self._count = int(count[0])
        self._size = int(size[0])

    @classmethod
    def from_bytes(cls, items: "Buffer", count: int = 1) -> Self:
        """Copy count items into locked memory.

        Args:
            items: any contiguous buffer of big-endian numbers of one size, two's complement for SecretInts.
                Its own memory is the caller's to clear.
            count: number of items.

        Returns:
            The secret.

        Raises:
            LengthError: the size of an item does not fit the kind.
            RangeError: a scalar is not below the order of secp256k1.
            MemoryLockError: there is no locked memory.
        """
        view = memoryview(items)
        if not view.c_contiguous:
            raise TypeError("from_bytes: the buffer must be contiguous")
        source = ffi.from_buffer("uint8_t[]", view)
        out = ffi.new("mpcw_secret **")
        check(lib.mpcw_secret_import(out, cls._kind, source, len(source), _size(count)), "from_bytes")
        return _take(out, cls)

    @classmethod
    def concat(cls, parts: Sequence[Self]) -> Self:
        """Join the items of all parts into one secret.

        Args:
            parts: at least one secret, all of this class and of one size.

        Returns:
            A copy of all items in order.

        Raises:
            KindError: a part is of another class.
            LengthError: there is no part, or sizes differ.
        """
        if any(type(part) is not cls for part in parts):
            raise KindError(f"concat: every part must be {cls.__name__}")
        handles = [part._handle for part in parts]
        out = ffi.new("mpcw_secret **")
        check(lib.mpcw_secret_concat(out, ffi.new("mpcw_secret *[]", handles), len(handles)), "concat")
        return _take(out, cls)

    @property
    def count(self) -> int:
        """Number of items; public."""
        return self._count

    @property
    def size(self) -> int:
        """Bytes of one item; public."""
        return self._size

    @property
    def _handle(self) -> Any:
        """The C handle, to be passed on to C within the expression that reads it or kept in a local."""
        try:
            return self._owner[0]
        except IndexError:
            raise self._gone() from None

    def _gone(self) -> WipedError:
        return WipedError(f"{type(self).__name__}: {WipedError.__doc__}")

    def slice(self, start: int, count: int) -> Self:
        """Copy the items start .. start + count - 1.

        Args:
            start: index of the first item, 0..self.count-1.
            count: number of items, at least 1.

        Returns:
            A new secret.

        Raises:
            LengthError: an item is out of range.
        """
        out = ffi.new("mpcw_secret **")
        check(lib.mpcw_secret_slice(out, self._handle, _size(start), _size(count)), "slice")
        return _take(out, type(self))

    def declassify(self) -> bytes:
        """Copy the value out of the locked memory: the only exit.

        Returns:
            count * size bytes, each item big-endian (two's complement for SecretInts).

        Security:
            Python cannot clear the copy. Call this for values that the protocol makes public, or in tests.
        """
        out = ffi.new("uint8_t[]", self._count * self._size)
        check(lib.mpcw_secret_declassify(out, len(out), self._handle), "declassify")
        return bytes(ffi.buffer(out))

    def take(self) -> Self:
        """Move the value, for the only time: every later use of this owner raises WipedError.

        Returns:
            The new owner; of several threads one gets it.

        Raises:
            WipedError: it was taken or wiped before.
        """
        try:
            owner = self._owner.pop()  # list.pop is atomic
        except IndexError:
            raise self._gone() from None
        return type(self)(owner)

    def wipe(self) -> None:
        """Zero the value as soon as no running call uses it; every later use raises WipedError."""
        self._owner.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.wipe()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(count={self._count})"

    __eq__ = _refuse("comparison")
    __ne__ = _refuse("comparison")
    __lt__ = _refuse("order")
    __le__ = _refuse("order")
    __gt__ = _refuse("order")
    __ge__ = _refuse("order")
    __hash__ = _refuse("hash")
    __bool__ = _refuse("truth value")
    __len__ = _refuse("len(), see count and size")
    __iter__ = _refuse("iterator")
    __contains__ = _refuse("membership test")
    __getitem__ = _refuse("items, see slice()")
    __str__ = _refuse("text")
    __format__ = _refuse("text")
    __bytes__ = _refuse("bytes")
    __int__ = _refuse("number")
    __index__ = _refuse("number")
    __float__ = _refuse("number")
    __complex__ = _refuse("number")
    __copy__ = _refuse("copy")
    __deepcopy__ = _refuse("copy")
    __reduce_ex__ = _refuse("pickle")


@final
class SecretScalars(Secret):
    """Integers in [0, n), n the order of secp256k1; 32 bytes each."""

    __slots__ = ()
    _kind = lib.MPCW_KIND_SCALAR


@final
class SecretInts(Secret):
    """Signed integers of one width, a multiple of 8 bytes."""

    __slots__ = ()
    _kind = lib.MPCW_KIND_INT


@final
class SecretResidues(Secret):
    """Integers in [0, N) of one width, a multiple of 8 bytes."""

    __slots__ = ()
    _kind = lib.MPCW_KIND_RESIDUE


@final
class SecretSeed(Secret):
    """32 bytes that key the expansion of a call's randomness.

    Security:
        Two calls with one seed draw the same randomness; reuse one only to replay a run.
    """

    __slots__ = ()
    _kind = lib.MPCW_KIND_SEED

    @classmethod
    def fresh(cls) -> "SecretSeed":
        """Draw a seed from getrandom.

        Raises:
            EntropyError: the operating system gave none.
            MemoryLockError: there is no locked memory.
        """
        out = ffi.new("mpcw_secret **")
        check(lib.mpcw_seed_new(out), "fresh")
        return _take(out, cls)


@final
class SecretBytes(Secret):
    """Opaque bytes, 1 to 2^20 of them: keys and passphrases for code outside native (native/exposure.py)."""

    __slots__ = ()
    _kind = lib.MPCW_KIND_BYTES


def _take(out: Any, cls: type[S]) -> S:
    """Own the handle that a C function has stored in its out-pointer.

    Args:
        out: a mpcw_secret ** after a call that returned MPCW_OK.
        cls: the class of the kind that the function makes.

    Returns:
        The owner.
    """
    return cls(ffi.gc(out[0], lib.mpcw_secret_free))


def _size(number: int) -> int:
    """Return number when a size_t holds it; cffi would raise OverflowError.

    Raises:
        LengthError: it is negative or too large.
    """
    if not 0 <= number < 1 << 63:
        raise LengthError("a count or an index is out of range")
    return number
