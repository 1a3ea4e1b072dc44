"""The level of the tests: every inequality holds with 64 bits of statistical security and short primes."""

from ecdsa_cggmp.params import Params

TINY = Params(kappa=64, ell=256, ell_prime=1088, epsilon=320, m=128, prime_bits=832)
