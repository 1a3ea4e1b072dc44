"""Powers modulo public odd numbers: public values are Python ints, secret exponents stay in C memory."""

from collections.abc import Sequence
from typing import Any, Final, final

from native._core import ffi, lib
from native.columns import _bad
from native.errors import LengthError, ModulusError, RangeError, check
from native.handle import Handle, _make
from native.secret import SecretInts, SecretResidues, _size

_MODULUS_BYTES: Final = 512


@final
class Modulus(Handle):
    """An odd number N with the arithmetic modulo N and N^2 prepared.

    Args:
        n: odd, 3 to 2^4096 - 1.

    Raises:
        ModulusError: n is even or out of range.
    """

    __slots__ = ("_n", "_size")
    _n: int
    _size: int

    def __init__(self, n: int) -> None:
        size = (n.bit_length() + 63) // 64 * 8
        if n < 3 or size > _MODULUS_BYTES:
            raise ModulusError("Modulus: n is not in 3..2^4096-1")
        create, release = lib.mpcw_modulus_new, lib.mpcw_modulus_free
        super().__init__(_make("Modulus", "mpcw_modulus", release, create, n.to_bytes(size, "big"), size))
        self._n, self._size = n, size

    @property
    def n(self) -> int:
        """The modulus N."""
        return self._n

    @property
    def size(self) -> int:
        """Bytes of a residue modulo N."""
        return self._size

    def pow(
        self, bases: Sequence[int], exponents: SecretInts | SecretResidues, *, square: bool = False
    ) -> tuple[int, ...]:
        """Raise public bases to secret exponents, in constant time.

        Args:
            bases: below N, or below N^2 with square.
            exponents: as many, none negative.
            square: work modulo N^2.

        Returns:
            The powers, which are public from here on.

        Raises:
            LengthError: the counts differ or are 0.
            RangeError: a base is out of range or an exponent is negative.
        """
        size = self._residue(square)
        x = _join(bases, size)
        out = ffi.new("uint8_t[]", len(x))
        check(lib.mpcw_modulus_pow(out, len(out), self._handle, square, _bytes(x), exponents._handle), "pow")
        return _split(out, size)

    def pow_var(
        self, bases: Sequence[int], exponents: Sequence[int], *, square: bool = False
    ) -> tuple[int, ...]:
        """Raise public bases to public exponents, in variable time.

        Args:
            bases: below N, or below N^2 with square.
            exponents: as many, of up to 32767 bits and a sign.
            square: work modulo N^2.

        Returns:
            The powers.

        Raises:
            LengthError: the counts differ or are 0, or an exponent is too long.
            NotUnitError: an exponent is negative and its base has no inverse.
            RangeError: a base is out of range.
        """
        size = self._residue(square)
        x, e = _join(bases, size), _join_signed(exponents, len(bases))
        out = ffi.new("uint8_t[]", len(x))
        check(lib.mpcw_modulus_pow_var(out, len(out), self._handle, square, _bytes(x), _bytes(e)), "pow_var")
        return _split(out, size)

    def multi_pow_var(self, bases: Sequence[int], exponents: Sequence[int], *, square: bool = False) -> int:
        """Multiply the powers of public bases, in variable time; arguments and errors as for pow_var."""
        size = self._residue(square)
        x, e = _join(bases, size), _join_signed(exponents, len(bases))
        out = ffi.new("uint8_t[]", size)
        check(
            lib.mpcw_modulus_multi_pow_var(out, size, self._handle, square, _bytes(x), _bytes(e)),
            "multi_pow_var",
        )
        return int.from_bytes(ffi.buffer(out), "big")

    def non_units(self, values: Sequence[int], *, square: bool = False) -> tuple[int, ...]:
        """Return the indices of the public values that are not units in 1..N-1 (1..N^2-1 with square).

        Raises:
            LengthError: there are no values.
            RangeError: a value is negative or has more bytes than the modulus.
        """
        x = _join(values, self._residue(square))
        bad = ffi.new("uint8_t[]", len(values))
        status = lib.mpcw_modulus_units_var(bad, len(bad), self._handle, square, _bytes(x))
        return _bad(status, bad, "non_units")

    def jacobi(self, values: Sequence[int]) -> tuple[int, ...]:
        """Return the Jacobi symbols (value | N) of public values: 1, 0 or -1.

        Raises:
            LengthError: there are no values.
            RangeError: a value is negative or has more bytes than the modulus.
        """
        x = _join(values, self._size)
        symbols = ffi.new("int8_t[]", len(values))
        check(lib.mpcw_modulus_jacobi_var(symbols, len(symbols), self._handle, _bytes(x)), "jacobi")
        return tuple(symbols)

    def _residue(self, square: bool) -> int:
        return self._size * (2 if square else 1)


@final
class FixedBase(Handle):
    """A public base with a table of its powers, for many secret exponents.

    Args:
        modulus: N.
        base: below N, or below N^2 with square.
        bits: exponents are below 2^bits; a multiple of 64 up to 32768.
        square: work modulo N^2.

    Raises:
        LengthError: bits does not fit.
        RangeError: the base is out of range.
    """

    __slots__ = ("_modulus", "_square")
    _modulus: Modulus  # the C object points to it
    _square: bool

    def __init__(self, modulus: Modulus, base: int, bits: int, *, square: bool = False) -> None:
        create, release = lib.mpcw_fixed_base_new, lib.mpcw_fixed_base_free
        x = _join([base], modulus._residue(square))
        inputs = (modulus._handle, square, _bytes(x), _size(bits))
        super().__init__(_make("FixedBase", "mpcw_fixed_base", release, create, *inputs))
        self._modulus, self._square = modulus, square

    def pow(self, exponents: SecretInts | SecretResidues) -> tuple[int, ...]:
        """Raise the base to secret exponents, in constant time.

        Args:
            exponents: of at most bits bits each, none negative.

        Returns:
            The powers, which are public from here on.

        Raises:
            LengthError: the exponents are wider than the table.
            RangeError: an exponent is negative.
        """
        size = self._modulus._residue(self._square)
        out = ffi.new("uint8_t[]", size * exponents.count)
        check(lib.mpcw_fixed_base_pow(out, len(out), self._handle, exponents._handle), "FixedBase.pow")
        return _split(out, size)


def _bytes(data: bytes) -> Any:
    """Pass public bytes as a mpcw_bytes, which refers to data."""
    return ffi.new("mpcw_bytes *", (ffi.from_buffer("uint8_t[]", data), len(data)))[0]


def _join(values: Sequence[int], size: int) -> bytes:
    if not values:
        raise LengthError("at least one value is needed")
    if any(value < 0 or value.bit_length() > 8 * size for value in values):
        raise RangeError("a value is not in 0..N-1")
    return b"".join(value.to_bytes(size, "big") for value in values)


def _join_signed(values: Sequence[int], count: int) -> bytes:
    if len(values) != count:
        raise LengthError("as many exponents as bases are needed")
    size = max(value.bit_length() for value in values) // 8 + 1
    return b"".join(value.to_bytes(size, "big", signed=True) for value in values)


def _split(out: Any, size: int) -> tuple[int, ...]:
    data = bytes(ffi.buffer(out))
    return tuple(int.from_bytes(data[i : i + size], "big") for i in range(0, len(data), size))
