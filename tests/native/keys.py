"""Test keys of fixed primes, the paper's equations in plain integers, and columns of numbers."""

import gc
import json
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import gmpy2

from native._core import ffi, lib
from native.paillier import PaillierSecretKey, RandomnessTable
from native.ring_pedersen import PedersenParameters, RingPedersen, RingPedersenSecret
from native.secret import Secret, SecretInts, SecretResidues, SecretSeed

# name: mpcw_path
PATHS = {
    "portable": lib.MPCW_PATH_PORTABLE,
    "adx": lib.MPCW_PATH_ADX,
    "avx2": lib.MPCW_PATH_AVX2,
    "ifma": lib.MPCW_PATH_IFMA,
}
PRIMES = json.loads((Path(__file__).parent / "primes.json").read_text())


def primes(bits: int, kind: str) -> list[int]:
    return [int(prime, 16) for prime in PRIMES[str(bits)][kind]]


# columns


def column(numbers: Iterable[int], size: int, *, signed: bool = False) -> bytes:
    return b"".join(number.to_bytes(size, "big", signed=signed) for number in numbers)


def numbers(column: bytes, size: int, *, signed: bool = False) -> list[int]:
    assert len(column) % size == 0
    return [
        int.from_bytes(column[at : at + size], "big", signed=signed) for at in range(0, len(column), size)
    ]


def ints(values: Iterable[int], size: int) -> SecretInts:
    values = list(values)
    return SecretInts.from_bytes(column(values, size, signed=True), len(values))


def residues(values: Iterable[int], size: int) -> SecretResidues:
    values = list(values)
    return SecretResidues.from_bytes(column(values, size), len(values))


def opened(secret: Secret) -> list[int]:
    return numbers(secret.declassify(), secret.size, signed=isinstance(secret, SecretInts))


def seed(number: int) -> SecretSeed:
    return SecretSeed.from_bytes(number.to_bytes(32, "big"))


def span(items: bytes) -> tuple[object, int]:
    """A mpcw_bytes."""
    return ffi.from_buffer("uint8_t[]", items), len(items)


# keys


@dataclass(frozen=True, eq=False)
class Paillier:
    p: int
    q: int
    size: int  # bytes of N
    secret: PaillierSecretKey

    @property
    def n(self) -> int:
        return self.p * self.q

    def encrypt(self, m: int, rho: int) -> int:
        """(1 + m N) rho^N mod N^2"""
        square = self.n**2
        return int((1 + m * self.n) * gmpy2.powmod(rho, self.n, square) % square)

    def decrypt(self, c: int) -> int:
        """L(c^phi mod N^2) / phi mod N, in (-N/2, N/2)"""
        phi = (self.p - 1) * (self.q - 1)
        m = int((gmpy2.powmod(c, phi, self.n**2) - 1) // self.n * gmpy2.invert(phi, self.n) % self.n)
        return m - self.n if m > self.n // 2 else m

    def unit(self, r: random.Random) -> int:
        while gmpy2.gcd(x := r.randrange(1, self.n), self.n) != 1:
            pass
        return x


def paillier_of(p: int, q: int, size: int) -> Paillier:
    return Paillier(p, q, size, PaillierSecretKey(residues([p], size // 2), residues([q], size // 2)))


@cache
def paillier(bits: int, which: int = 0) -> Paillier:
    """One of two keys of so many bits of N."""
    p, q = primes(bits // 2, "blum")[2 * which : 2 * which + 2]
    return paillier_of(p, q, bits // 8)


@cache
def tables(key: Paillier) -> tuple[RandomnessTable, RandomnessTable]:
    """The tables of the public and of the secret key."""
    return RandomnessTable.build(key.secret.public, seed(1)), RandomnessTable.build_own(key.secret, seed(2))


@dataclass(frozen=True, eq=False)
class Pedersen:
    p: int
    q: int
    size: int  # bytes of N^
    secret: RingPedersenSecret

    @property
    def n(self) -> int:
        return self.p * self.q

    @property
    def parameters(self) -> PedersenParameters:
        return self.secret.parameters

    @property
    def s(self) -> int:
        return int.from_bytes(self.parameters.s, "big")

    @property
    def t(self) -> int:
        return int.from_bytes(self.parameters.t, "big")

    def commit(self, x: int, y: int) -> int:
        """s^x t^y mod N^"""
        return int(gmpy2.powmod(self.s, x, self.n) * gmpy2.powmod(self.t, y, self.n) % self.n)

    def tables(self, x_bits: int, y_bits: int) -> RingPedersen:
        return RingPedersen(self.parameters, x_bits, y_bits)


@cache
def pedersen(bits: int) -> Pedersen:
    P, Q = primes(bits // 2, "safe")
    size = bits // 8
    made = RingPedersenSecret.generate(residues([P], size // 2), residues([Q], size // 2), seed(bits))
    return Pedersen(P, Q, size, made)


# processes


def in_child(action: Callable[[], object]) -> str:
    """Return the name of the error that action raises in a forked child, "" for none."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            action()
            answer = ""
        except BaseException as e:
            answer = type(e).__name__
        os.write(write, answer.encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        answer = pipe.read().decode()
    assert os.waitpid(child, 0)[1] == 0
    return answer


def other_paths() -> list[str]:
    """The arithmetic paths besides the one in use; none in a run that was started for one of them."""
    if "MPCW_TEST_PATH" in os.environ:
        return []
    return [name for name, path in PATHS.items() if path < lib.mpcw_path_in_use()]


def passes_on(path: str, file: str) -> None:
    """Run the fast tests of a file once more in a process that takes another arithmetic path."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-m", "not slow", "-p", "no:cacheprovider", file]
    environment = os.environ | {"MPCW_TEST_PATH": path}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=3600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def usage() -> int:
    """Bytes of secret memory in use."""
    used, mapped = ffi.new("size_t *"), ffi.new("size_t *")
    assert lib.mpcw_secret_usage(used, mapped) == lib.MPCW_OK
    return int(used[0])


def settled_usage() -> int:
    """The same when the garbage of other tests has gone, which could go in the midst of this one."""
    gc.collect()
    return usage()


def chi_square(counts: list[int]) -> float:
    """Pearson's statistic against equal frequencies; mean len - 1, standard deviation sqrt(2 (len - 1))."""
    expected = sum(counts) / len(counts)
    return sum((count - expected) ** 2 / expected for count in counts)


def looks_uniform(counts: list[int]) -> bool:
    """Whether the statistic is within six standard deviations of its mean; draws have a fixed seed."""
    degrees = len(counts) - 1
    return chi_square(counts) < degrees + 6 * (2 * degrees) ** 0.5
