"""Repetitions with challenges of one bit, in the short form (e, responses).

The verifier computes the commitments from the responses and the claimed bits, and accepts if they hash to
these bits; so commitments are not sent. That is Fiat-Shamir as usual: a transcript is accepted in one form
exactly if it is accepted in the other. A cheater passes with probability 2^-kappa.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from native.bigint import Modulus
from native.curve import G, Point, Scalar, multi_mul

Bits = tuple[bool, ...]


def pack(bits: Bits) -> bytes:
    """Return bits, a multiple of 8 of them, as bytes."""
    return int("".join("1" if bit else "0" for bit in bits), 2).to_bytes(len(bits) // 8, "big")


def unpack(data: bytes) -> Bits:
    """Return the bits of bytes."""
    return tuple(bool(byte >> (7 - at) & 1) for byte in data for at in range(8))


def column(data: bytes, count: int, *, signed: bool = False) -> list[int]:
    """Return the public numbers of a column."""
    width = len(data) // count
    return [int.from_bytes(data[k * width : (k + 1) * width], "big", signed=signed) for k in range(count)]


@dataclass(frozen=True, slots=True)
class Encrypted:
    """What the commitments to plaintexts under one key are computed from.

    Args:
        modulus: N.
        e: the bits.
        plaintexts: z_k.
        units: w_k.
    """

    modulus: Modulus
    e: Bits
    plaintexts: Sequence[int]
    units: Sequence[int]

    def commitments(self, Y: int) -> list[int] | None:
        """Return A_k = (1 + N)^z_k w_k^N Y^-e_k mod N^2, or None if Y or a w_k is not a unit."""
        n, m = self.modulus.n, len(self.e)
        square = n * n
        if self.modulus.non_units([Y], square=True) or self.modulus.non_units(self.units):
            return None
        powers = self.modulus.pow_var(self.units, [n] * m, square=True)
        inverse = pow(Y, -1, square)
        return [
            (1 + z * n) * power * (inverse if bit else 1) % square
            for z, power, bit in zip(self.plaintexts, powers, self.e, strict=True)
        ]

    def affine_commitments(self, C: int, D: int, factors: Sequence[int]) -> list[int] | None:
        """Return A_k = C^f_k (1 + N)^z_k w_k^N D^-e_k mod N^2, or None if a value is not a unit."""
        n = self.modulus.n
        if self.modulus.non_units([C], square=True):
            return None
        rest = self.commitments(D)
        if rest is None:
            return None
        powers = self.modulus.pow_var([C] * len(factors), factors, square=True)
        return [power * other % (n * n) for power, other in zip(powers, rest, strict=True)]


def point_commitments(e: Bits, z: Sequence[int], X: Point, base: Point = G) -> list[Point]:
    """Return z_k base - e_k X."""
    minus_one = -Scalar(1)
    return [
        multi_mul([Scalar.reduce(number), minus_one], [base, X])
        if bit
        else multi_mul([Scalar.reduce(number)], [base])
        for bit, number in zip(e, z, strict=True)
    ]
