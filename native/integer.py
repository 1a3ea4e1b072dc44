"""Secret signed integers: the masks of proofs and of the affine operation."""

from typing import TYPE_CHECKING

from native._core import ffi, lib
from native.columns import _view
from native.errors import check
from native.handle import _or_null
from native.secret import SecretInts, SecretSeed, _size, _take

if TYPE_CHECKING:
    from typing_extensions import Buffer  # collections.abc has it from Python 3.12 on


def random_ints(count: int, bits: int, seed: SecretSeed | None = None) -> SecretInts:
    """Draw integers from [-2^(bits-1), 2^(bits-1)), the half interval +-2^bits.

    Args:
        count: how many, at least 1.
        bits: a multiple of 64, at most 32768.
        seed: replays a run; None draws from getrandom.

    Returns:
        Integers of bits / 8 bytes each.

    Raises:
        LengthError: count or bits does not fit.
        EntropyError: the operating system gave no randomness.
    """
    out = ffi.new("mpcw_secret **")
    check(lib.mpcw_ints_random(out, _size(count), _size(bits), _or_null(seed)), "random_ints")
    return _take(out, SecretInts)


def random_multiples(count: int, bits: int, n: "Buffer", seed: SecretSeed | None = None) -> SecretInts:
    """Draw integers from [-2^(bits-1) N, 2^(bits-1) N), the half interval +-2^bits N.

    Args:
        count: how many, at least 1.
        bits: a multiple of 64.
        n: N, big-endian, a multiple of 8 bytes and at most 512, the highest 8 of them not all zero.
        seed: replays a run; None draws from getrandom.

    Returns:
        Integers of bits / 8 + len(n) bytes each.

    Raises:
        LengthError: count, bits or the length of n does not fit.
        ModulusError: n is shorter than its length.
        EntropyError: the operating system gave no randomness.
    """
    view, out = _view(n), ffi.new("mpcw_secret **")
    status = lib.mpcw_ints_random_multiple(out, _size(count), _size(bits), (view, len(view)), _or_null(seed))
    check(status, "random_multiples")
    return _take(out, SecretInts)


def negate(a: SecretInts) -> SecretInts:
    """Return -a modulo 2^(8 size): the least integer of a width, which has no negative there, stays."""
    out = ffi.new("mpcw_secret **")
    check(lib.mpcw_ints_negate(out, a._handle), "negate")
    return _take(out, SecretInts)
