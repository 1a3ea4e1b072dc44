"""secp256k1 in plain Python: slow, obvious, and independent of the code under test."""

from gmpy2 import invert

P = 2**256 - 2**32 - 977
N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
G = (
    0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798,
    0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8,
)
Affine = tuple[int, int] | None  # None is infinity


def add(a: Affine, b: Affine) -> Affine:
    if a is None or b is None:
        return a or b
    if a[0] == b[0]:
        if (a[1] + b[1]) % P == 0:
            return None
        slope = 3 * a[0] * a[0] * int(invert(2 * a[1], P))
    else:
        slope = (b[1] - a[1]) * int(invert(b[0] - a[0], P))
    x = (slope * slope - a[0] - b[0]) % P
    return x, (slope * (a[0] - x) - a[1]) % P


def mul(k: int, a: Affine) -> Affine:
    result = None
    for bit in bin(k % N)[2:]:
        result = add(result, result)
        if bit == "1":
            result = add(result, a)
    return result


def xy(a: Affine) -> bytes:
    return bytes(64) if a is None else a[0].to_bytes(32, "big") + a[1].to_bytes(32, "big")


def scalars(*numbers: int) -> bytes:
    return b"".join((number % N).to_bytes(32, "big") for number in numbers)


# Where carries, reductions and special cases sit.
EDGES = (
    0,
    1,
    2,
    3,
    N - 1,
    N - 2,
    N // 2,
    N // 2 + 1,
    2**64 - 1,
    2**128 - 1,
    2**128,
    2**192,
    2**255,
    2**256 - N,
)
EDGES += (
    0x5363AD4CC05C30E0A5261C028812645A122E22EA20816678DF02967C1B23BD72,  # lambda of the endomorphism
    N - 0x5363AD4CC05C30E0A5261C028812645A122E22EA20816678DF02967C1B23BD72,
)
