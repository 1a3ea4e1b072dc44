"""Arithmetic modulo the order of secp256k1 on secret scalars, item by item and in constant time.

Where vectors meet, their counts are equal or one of them is 1 and its item is repeated.
"""

from collections.abc import Sequence
from typing import Any

from native._core import ffi, lib
from native.curve import Scalar, _join_scalars, _places
from native.errors import check
from native.secret import SecretInts, SecretScalars, SecretSeed, _size, _take


def _call(operation: str, function: Any, *inputs: Any) -> SecretScalars:
    out = ffi.new("mpcw_secret **")
    check(function(out, *inputs), operation)
    return _take(out, SecretScalars)


def random_scalars(count: int = 1, seed: SecretSeed | None = None) -> SecretScalars:
    """Draw uniform scalars in 1..n-1.

    Args:
        count: how many, at least 1.
        seed: replays a run; None draws from getrandom.

    Returns:
        The scalars.

    Raises:
        LengthError: count is 0 or too large.
        EntropyError: the operating system gave no randomness.
    """
    handle = ffi.NULL if seed is None else seed._handle
    return _call("random_scalars", lib.mpcw_scalars_random, handle, _size(count))


def add(a: SecretScalars, b: SecretScalars) -> SecretScalars:
    """Return a + b."""
    return _call("add", lib.mpcw_scalars_add, a._handle, b._handle)


def sub(a: SecretScalars, b: SecretScalars) -> SecretScalars:
    """Return a - b."""
    return _call("sub", lib.mpcw_scalars_sub, a._handle, b._handle)


def mul(a: SecretScalars, b: SecretScalars) -> SecretScalars:
    """Return a * b."""
    return _call("mul", lib.mpcw_scalars_mul, a._handle, b._handle)


def mul_add(a: SecretScalars, b: SecretScalars, c: SecretScalars) -> SecretScalars:
    """Return a * b + c."""
    return _call("mul_add", lib.mpcw_scalars_mul_add, a._handle, b._handle, c._handle)


def negate(a: SecretScalars) -> SecretScalars:
    """Return -a. Whether BIP-340 wants it hangs on a public parity: branch on that in the caller."""
    return _call("negate", lib.mpcw_scalars_negate, a._handle)


def invert(a: SecretScalars) -> SecretScalars:
    """Return 1 / a.

    Raises:
        NotUnitError: an item is 0.
    """
    return _call("invert", lib.mpcw_scalars_invert, a._handle)


def scale(a: SecretScalars, factors: Sequence[Scalar]) -> SecretScalars:
    """Return a_i * factors[i] for public factors, such as Lagrange weights."""
    data = _join_scalars(factors)
    return _call("scale", lib.mpcw_scalars_scale, a._handle, data, len(data))


def shift(a: SecretScalars, terms: Sequence[Scalar]) -> SecretScalars:
    """Return a_i + terms[i] for public terms, such as tweaks."""
    data = _join_scalars(terms)
    return _call("shift", lib.mpcw_scalars_shift, a._handle, data, len(data))


def total(a: SecretScalars) -> SecretScalars:
    """Return the sum of all items."""
    return _call("total", lib.mpcw_scalars_sum, a._handle)


def inner_product(a: SecretScalars, factors: Sequence[Scalar]) -> SecretScalars:
    """Return the sum of a_i * factors[i] for as many public factors.

    Raises:
        LengthError: the counts differ.
    """
    data = _join_scalars(factors)
    return _call("inner_product", lib.mpcw_scalars_inner_product, a._handle, data, len(data))


def eval_polynomial(coefficients: SecretScalars, places: Sequence[int]) -> SecretScalars:
    """Evaluate a polynomial with secret coefficients.

    Args:
        coefficients: the constant one first.
        places: public integers in 0..2^32-1, at least one.

    Returns:
        sum_k coefficients_k * place^k for each place.

    Raises:
        LengthError: there is no place.
        RangeError: a place is out of range.
    """
    x = _places(places)
    return _call("eval_polynomial", lib.mpcw_scalars_eval_poly, coefficients._handle, x, len(x))


def from_ints(ints: SecretInts) -> SecretScalars:
    """Return signed integers modulo n."""
    return _call("from_ints", lib.mpcw_scalars_from_ints, ints._handle)


def to_ints(scalars: SecretScalars, size: int = 32) -> SecretInts:
    """Return the representatives in (-n/2, n/2).

    Args:
        scalars: secret scalars.
        size: bytes of one integer, a multiple of 8 and at least 32.

    Returns:
        As many signed integers.

    Raises:
        LengthError: size does not fit.
    """
    out = ffi.new("mpcw_secret **")
    check(lib.mpcw_ints_from_scalars(out, scalars._handle, _size(size)), "to_ints")
    return _take(out, SecretInts)
