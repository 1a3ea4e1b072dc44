"""The other libraries: modular powers with GMP, OpenSSL's BN and gmpy2, numbers converted ahead of time."""

import ctypes.util
import os
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final, Protocol

import gmpy2
from cffi import FFI

ffi: Final = FFI()
ffi.cdef(
    """
    typedef struct { int alloc; int size; uint64_t *limbs; } mpz_t;
    extern const char *__gmp_version;
    void __gmpz_init(mpz_t *x);
    void __gmpz_clear(mpz_t *x);
    void __gmpz_import(mpz_t *r, size_t count, int order, size_t size, int endian, size_t nails,
                       const void *data);
    void *__gmpz_export(void *r, size_t *count, int order, size_t size, int endian, size_t nails,
                        const mpz_t *x);
    void __gmpz_powm(mpz_t *r, const mpz_t *base, const mpz_t *exponent, const mpz_t *modulus);
    void __gmpz_powm_sec(mpz_t *r, const mpz_t *base, const mpz_t *exponent, const mpz_t *modulus);

    typedef struct bignum_st BIGNUM;
    typedef struct bignum_ctx BN_CTX;
    typedef struct bn_mont_ctx_st BN_MONT_CTX;
    const char *OpenSSL_version(int type);
    BIGNUM *BN_new(void);
    void BN_free(BIGNUM *x);
    BIGNUM *BN_bin2bn(const unsigned char *data, int length, BIGNUM *r);
    int BN_bn2binpad(const BIGNUM *x, unsigned char *r, int length);
    BN_CTX *BN_CTX_new(void);
    void BN_CTX_free(BN_CTX *ctx);
    BN_MONT_CTX *BN_MONT_CTX_new(void);
    void BN_MONT_CTX_free(BN_MONT_CTX *mont);
    int BN_MONT_CTX_set(BN_MONT_CTX *mont, const BIGNUM *modulus, BN_CTX *ctx);
    int BN_mod_exp_mont(BIGNUM *r, const BIGNUM *base, const BIGNUM *exponent, const BIGNUM *modulus,
                        BN_CTX *ctx, BN_MONT_CTX *mont);
    int BN_mod_exp_mont_consttime(BIGNUM *r, const BIGNUM *base, const BIGNUM *exponent,
                                  const BIGNUM *modulus, BN_CTX *ctx, BN_MONT_CTX *mont);
    """
)


class Power(Protocol):
    """base^exponent mod modulus, computed anew by every call."""

    def __call__(self) -> object: ...

    def value(self) -> int:
        """Return the last result."""


MakePower = Callable[[int, int, int], Power]


@lru_cache(maxsize=2)
def library(name: str) -> Any:
    """Open a shared library: GMP is the file that our extension is linked with."""
    path = ctypes.util.find_library(name)
    if path is None:
        raise OSError(f"lib{name} is missing")
    return ffi.dlopen(path)


def mpz(function: str) -> Any:
    """Return a function of GMP's integers."""
    return getattr(library("gmp"), f"__gmpz_{function}")


class GmpPower:
    """mpz_powm or mpz_powm_sec."""

    def __init__(self, function: str, numbers: tuple[int, int, int]) -> None:
        self._function = mpz(function)
        self._numbers = [self._mpz(number) for number in numbers]
        self._result = self._mpz(0)

    def _mpz(self, number: int) -> Any:
        x = ffi.new("mpz_t *")
        mpz("init")(x)
        data = number.to_bytes((number.bit_length() + 7) // 8, "big")
        mpz("import")(x, len(data), 1, 1, 1, 0, data)
        return ffi.gc(x, mpz("clear"))

    def __call__(self) -> None:
        self._function(self._result, *self._numbers)

    def value(self) -> int:
        """Return the last result."""
        out = ffi.new("uint8_t[]", 8 * abs(self._result.size))
        count = ffi.new("size_t *")
        mpz("export")(out, count, 1, 1, 1, 0, self._result)
        return int.from_bytes(ffi.buffer(out, count[0]), "big")


class OpenSslPower:
    """BN_mod_exp_mont or BN_mod_exp_mont_consttime, with the Montgomery context made ahead."""

    def __init__(self, function: str, numbers: tuple[int, int, int]) -> None:
        crypto = self._crypto = library("crypto")
        self._function = getattr(crypto, f"BN_{function}")
        self._numbers = [self._bn(number) for number in numbers]
        self._result = self._bn(0)
        self._size = (numbers[2].bit_length() + 7) // 8
        self._ctx = ffi.gc(crypto.BN_CTX_new(), crypto.BN_CTX_free)
        self._mont = ffi.gc(crypto.BN_MONT_CTX_new(), crypto.BN_MONT_CTX_free)
        crypto.BN_MONT_CTX_set(self._mont, self._numbers[2], self._ctx)

    def _bn(self, number: int) -> Any:
        data = number.to_bytes((number.bit_length() + 7) // 8, "big")
        return ffi.gc(self._crypto.BN_bin2bn(data, len(data), ffi.NULL), self._crypto.BN_free)

    def __call__(self) -> None:
        if self._function(self._result, *self._numbers, self._ctx, self._mont) != 1:
            raise ArithmeticError("OpenSSL refused")

    def value(self) -> int:
        """Return the last result."""
        out = ffi.new("unsigned char[]", self._size)
        self._crypto.BN_bn2binpad(self._result, out, self._size)
        return int.from_bytes(ffi.buffer(out), "big")


class Gmpy2Power:
    """gmpy2.powmod."""

    def __init__(self, numbers: tuple[int, int, int]) -> None:
        self._numbers = [gmpy2.mpz(number) for number in numbers]
        self._result = gmpy2.mpz()

    def __call__(self) -> None:
        self._result = gmpy2.powmod(*self._numbers)

    def value(self) -> int:
        """Return the last result."""
        return int(self._result)


POWM: Final = "mpz_powm"  # what ratios are taken to

# Columns of the tables, in their order.
PEERS: Final[dict[str, MakePower]] = {
    POWM: lambda *numbers: GmpPower("powm", numbers),
    "powm_sec": lambda *numbers: GmpPower("powm_sec", numbers),
    "gmpy2": lambda *numbers: Gmpy2Power(numbers),
    "BN mont": lambda *numbers: OpenSslPower("mod_exp_mont", numbers),
    "BN const": lambda *numbers: OpenSslPower("mod_exp_mont_consttime", numbers),
}


def versions() -> dict[str, str]:
    """Return the version of each library."""
    return {
        "GMP": f"{ffi.string(library('gmp').__gmp_version).decode()} ({gmp_path()})",
        "OpenSSL": ffi.string(library("crypto").OpenSSL_version(6)).decode(),
        "gmpy2": f"{gmpy2.version()} ({gmpy2.mp_version()})",
    }


def gmp_path() -> str:
    """Return the name of the file that libgmp was loaded from."""
    with open("/proc/self/maps") as maps:
        names = {os.path.basename(line.split()[-1]) for line in maps if "/libgmp.so" in line}
    return ", ".join(sorted(names))
