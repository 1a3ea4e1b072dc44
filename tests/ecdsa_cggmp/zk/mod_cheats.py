"""What a prover of Pi-mod with a modulus of another form, or another w, can do at best, by its factors."""

import random
from collections.abc import Sequence
from functools import cache
from math import prod

import gmpy2

from ecdsa_cggmp.params import Params
from ecdsa_cggmp.zk import mod
from native.mod_proof import ModResponse
from protocol.transcript import Domain


@cache
def prime(bits: int, residue: int = 3, of: int = 4, seed: int = 0) -> int:
    """A prime of exactly so many bits, its two upper ones set, with a residue."""
    rng = random.Random(f"{bits} {residue} {of} {seed}")
    while True:
        x = rng.getrandbits(bits) | 3 << bits - 2
        x += (residue - x) % of
        if x.bit_length() == bits and gmpy2.is_prime(x):
            return int(x)


def filled(bits: int, *parts: int, residue: int = 3, of: int = 4) -> list[int]:
    """Some primes, and the one that makes their product exactly so many bits long."""
    odd = prod(p for p in parts if p != 2)
    x = (3 << bits - 2) // prod(parts)
    x += (residue - x) % of
    while not (gmpy2.is_prime(x) and gmpy2.gcd(x - 1, odd) == 1):
        x += of
    assert (prod(parts) * x).bit_length() == bits
    return [*parts, x]


def _square_root(y: int, p: int) -> int | None:
    """A square root modulo a prime that is 3 mod 4 or 5 mod 8; a square, if one of the two is."""
    if gmpy2.legendre(y, p) != 1:
        return None
    if p % 4 == 3:
        r = gmpy2.powmod(y, (p + 1) // 4, p)
        return int(r if gmpy2.legendre(r, p) == 1 else p - r)
    r = gmpy2.powmod(y, (p + 3) // 8, p)
    return int(r if r * r % p == y % p else r * gmpy2.powmod(2, (p - 1) // 4, p) % p)


def _fourth_root(y: int, p: int, power: int) -> int | None:
    root = _square_root(y, p)
    x = None if root is None else _square_root(root, p)
    if x is None:
        return None
    # Newton's step doubles the exponent of p
    modulus = p**power
    x -= (pow(x, 4, modulus) - y) * pow(4 * x**3, -1, modulus)
    return x % modulus


def fourth_root(y: int, factors: Sequence[int]) -> int | None:
    x, modulus = 0, 1
    for p in sorted(set(factors)):
        power = factors.count(p)
        root = _fourth_root(y, p, power)
        if root is None:
            return None
        x += modulus * ((root - x) * pow(modulus, -1, p**power) % p**power)
        modulus *= p**power
    return x


def best_effort(
    domain: Domain, params: Params, rho: bytes, factors: Sequence[int], w: int | None = None
) -> tuple[bytes, mod.ModProof]:
    """The modulus, and a proof with as many right roots as there are.

    Args:
        domain, params, rho: as for mod.prove.
        factors: all prime factors, repeated ones repeatedly.
        w: drawn with Jacobi symbol -1 if not given.
    """
    n, rng = prod(factors), random.Random(3)
    size = params.modulus_bytes if n.bit_length() <= params.modulus_bits else (n.bit_length() + 63) // 64 * 8
    N = n.to_bytes(size, "big")
    if w is None:
        drawn = (rng.randrange(1, n) for _ in range(1000))
        w = next(w for w in drawn if n % 2 == 0 or gmpy2.jacobi(w, n) == -1 or gmpy2.is_square(n))
    data = mod._challenges(domain, params, rho, N, w.to_bytes(size, "big"))
    y = [int.from_bytes(data[at : at + size], "big") for at in range(0, len(data), size)]
    order = prod((p - 1) * p ** (factors.count(p) - 1) for p in set(factors))
    inverse = pow(n, -1, order) if gmpy2.gcd(n, order) == 1 else 1
    z = [int(gmpy2.powmod(y_k, inverse, n)) for y_k in y]
    rows = [_fourth_row(y_k, w, n, factors) for y_k in y]
    a, b = (bytes(row[at] for row in rows) for at in (0, 1))
    x = b"".join(row[2].to_bytes(size, "big") for row in rows)
    return N, mod.ModProof(
        w.to_bytes(size, "big"), ModResponse(a, b, x, b"".join(z_k.to_bytes(size, "big") for z_k in z))
    )


def _fourth_row(y: int, w: int, n: int, factors: Sequence[int]) -> tuple[int, int, int]:
    for a in (0, 1):
        for b in (0, 1):
            value = (-1) ** a * w**b * y % n
            if value == 0:
                return a, b, 0
            root = None if n % 2 == 0 else fourth_root(value, factors)
            if root is not None:
                return a, b, root
    return 0, 0, 1
