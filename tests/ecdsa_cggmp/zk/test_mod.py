"""Pi-mod: what it takes, and every modulus, w and root that it must not."""

from dataclasses import replace
from functools import cache
from math import prod

import gmpy2
import pytest

from ecdsa_cggmp.params import SECURITY_128
from ecdsa_cggmp.zk import mod
from native.errors import LengthError
from native.mod_proof import ModProof, ModViolation, mod_violations
from protocol.codec import Writer, decode
from protocol.errors import EncodingError
from tests.ecdsa_cggmp.levels import TINY
from tests.ecdsa_cggmp.network import aux_secret, primes_of
from tests.timing import least_seconds

from .cases import DOMAIN, OTHER_DOMAINS, PROVER, infos
from .mod_cheats import best_effort, filled, prime

RHO = bytes(range(32))
SIZE = TINY.modulus_bytes
BITS = TINY.modulus_bits
HALF = TINY.prime_bits


def own():
    return infos()[PROVER].own.paillier


@pytest.fixture(scope="module")
def proof() -> mod.ModProof:
    return mod.prove(DOMAIN, TINY, RHO, own())


def holds(proof: mod.ModProof, N: bytes | None = None, **place) -> bool:
    args = {"domain": DOMAIN, "params": TINY, "rho": RHO} | place
    return mod.holds(*args.values(), own().public.n if N is None else N, proof)


def violations(proof: mod.ModProof, N: bytes) -> ModViolation:
    y = mod._challenges(DOMAIN, TINY, RHO, N, proof.w)
    return mod_violations(N, BITS, ModProof(proof.w, y, proof.response), TINY.m)


def encoded(proof: mod.ModProof) -> bytes:
    writer = Writer()
    proof.write(writer)
    return bytes(writer)


def test_an_honest_proof_holds(proof) -> None:
    assert holds(proof)


def test_what_a_prover_in_plain_integers_does_holds() -> None:
    N, proof = best_effort(DOMAIN, TINY, RHO, primes_of(PROVER, "blum"))
    assert own().public.n == N
    assert holds(proof)


def with_item(proof: mod.ModProof, name: str, k: int, value: int) -> mod.ModProof:
    if name == "w":
        return replace(proof, w=value.to_bytes(SIZE, "big"))
    column = getattr(proof.response, name)
    width = len(column) // TINY.m
    item = value.to_bytes(width, "big")
    changed = column[: k * width] + item + column[(k + 1) * width :]
    return replace(proof, response=replace(proof.response, **{name: changed}))


def item(proof: mod.ModProof, name: str, k: int) -> int:
    column = proof.w if name == "w" else getattr(proof.response, name)
    width = len(column) if name == "w" else len(column) // TINY.m
    return int.from_bytes(column[k * width : (k + 1) * width], "big")


@pytest.mark.parametrize("k", [0, TINY.m - 1])
@pytest.mark.parametrize("name", ["a", "b", "x", "z", "w"])
def test_each_broken_item_is_rejected(proof, name: str, k: int) -> None:
    at = 0 if name == "w" else k
    assert not holds(with_item(proof, name, k, item(proof, name, at) ^ 1))


@pytest.mark.parametrize("name", ["x", "z"])
def test_roots_that_are_no_units_or_have_two_encodings_are_rejected(proof, name: str) -> None:
    n, p = int.from_bytes(own().public.n, "big"), primes_of(PROVER, "blum")[0]
    for value in (0, n, p, (1 << BITS) - 1):
        assert not holds(with_item(proof, name, 5, value))
    shifted = next((k for k in range(TINY.m) if item(proof, name, k) + n < 1 << BITS), None)
    if shifted is not None:
        assert not holds(with_item(proof, name, shifted, item(proof, name, shifted) + n))


@pytest.mark.parametrize("place", OTHER_DOMAINS)
def test_a_proof_is_worth_nothing_elsewhere(proof, place: str) -> None:
    assert not holds(proof, domain=OTHER_DOMAINS[place])


def test_a_proof_is_worth_nothing_with_other_randomness_level_or_modulus(proof) -> None:
    assert not holds(proof, rho=bytes(32))
    assert not holds(proof, N=infos()[1].own.paillier.public.n)
    # a level of more rounds asks for more, one of other primes for another size
    with pytest.raises(LengthError):
        holds(proof, params=replace(TINY, m=129))
    with pytest.raises(LengthError):
        holds(proof, params=replace(TINY, prime_bits=896))


def test_roots_of_another_proof_are_rejected(proof) -> None:
    again = mod.prove(DOMAIN, TINY, RHO, own())
    assert again.w != proof.w
    assert not holds(replace(again, response=proof.response))
    assert not holds(replace(proof, w=again.w))


# w (CVE-2025-66016)


def forged(factors: list[int], w: int = 0, x: int = 0) -> tuple[bytes, mod.ModProof]:
    """Fourth roots of w y are zeros when w is 0; N-th roots are easy with the factors."""
    N, proof = best_effort(DOMAIN, TINY, RHO, factors, w)
    m = TINY.m
    response = replace(proof.response, a=bytes(m), b=b"\x01" * m, x=x.to_bytes(SIZE, "big") * m)
    return N, replace(proof, response=response)


def coprime(p: int, others: list[int]) -> bool:
    """Whether no prime of these divides another one less one."""
    return all((p - 1) % q and (q - 1) % p and p != q for q in others)


def bitforge() -> list[int]:
    """Fifteen 16-bit primes and a rest that fill the size (CVE-2023-33241); gcd(N, phi(N)) = 1."""
    small: list[int] = []
    for p in (prime(16, seed=seed) for seed in range(100)):
        if len(small) < 15 and coprime(p, small):
            small.append(p)
    return filled(BITS, *small)


def large_forge() -> list[int]:
    """Eight primes that trial division does not find."""
    return filled(BITS, *(prime(208, seed=seed) for seed in range(7)))


def test_the_forgery_with_w_zero_is_rejected() -> None:
    factors = large_forge()
    assert prod(factors).bit_length() == BITS
    N, proof = forged(factors)
    n, y = prod(factors), mod._challenges(DOMAIN, TINY, RHO, N, proof.w)
    # by the paper's equations it holds
    for k in (0, 127):
        y_k = int.from_bytes(y[k * SIZE : (k + 1) * SIZE], "big")
        assert gmpy2.powmod(item(proof, "z", k), n, n) == y_k
        assert pow(item(proof, "x", k), 4, n) == 0
    assert not holds(proof, N)
    assert violations(proof, N) & ModViolation.W


@pytest.mark.parametrize("w", ["0", "1", "-1", "square", "no square twice", "p", "N"])
def test_a_w_without_jacobi_symbol_minus_one_is_rejected(w: str) -> None:
    p, q = primes_of(PROVER, "blum")
    twice = next(w for w in range(2, 1000) if gmpy2.legendre(w, p) == gmpy2.legendre(w, q) == -1)
    value = {"0": 0, "1": 1, "-1": p * q - 1, "square": 25, "no square twice": twice, "p": p, "N": p * q}[w]
    N, proof = best_effort(DOMAIN, TINY, RHO, [p, q], value)
    assert not holds(proof, N)
    assert violations(proof, N) & ModViolation.W


def test_16_bit_factors_are_rejected_with_any_proof() -> None:
    factors = bitforge()
    for N, proof in (forged(factors), best_effort(DOMAIN, TINY, RHO, factors)):
        assert not holds(proof, N)
        assert violations(proof, N) & ModViolation.MODULUS


# moduli


@cache
def moduli() -> dict[str, list[int]]:
    p = primes_of(PROVER, "blum")[0]
    return {
        "prime": filled(BITS),
        "three primes": filled(BITS, prime(HALF), prime(HALF // 2)),
        "many primes": large_forge(),
        "p squared q": filled(BITS, prime(552), prime(552)),
        "square": [prime(HALF), prime(HALF)],
        "p = 1 mod 4": filled(BITS, p, residue=5, of=8),
        "both 1 mod 4": filled(BITS, prime(HALF, 5, 8), residue=5, of=8),
        "even": filled(BITS, 2),
        "small factor": filled(BITS, prime(20)),
        "short": filled(BITS - 64, p),
        "a bit short": filled(BITS - 1, p),
    }


EXPECTED = {
    "three primes": ModViolation.FOURTH_ROOT,
    "many primes": ModViolation.FOURTH_ROOT,
    "p squared q": ModViolation.NTH_ROOT,
    "p = 1 mod 4": ModViolation.FOURTH_ROOT,
    "both 1 mod 4": ModViolation.FOURTH_ROOT,
    "square": ModViolation.W,
}


@pytest.mark.parametrize("form", moduli())
def test_a_modulus_of_another_form_is_rejected(form: str) -> None:
    factors = moduli()[form]
    N, proof = best_effort(DOMAIN, TINY, RHO, factors)

    def refused() -> None:
        assert not holds(proof, N)

    assert least_seconds(refused) < 1
    assert violations(proof, N) & EXPECTED.get(form, ModViolation.MODULUS)


@pytest.mark.parametrize("value", [0, 1, 2, 3, (1 << BITS) - 1, (1 << BITS) - 2, 1 << BITS - 1])
def test_numbers_that_are_no_moduli_are_rejected_at_once(proof, value: int) -> None:
    def refused() -> None:
        assert not holds(proof, value.to_bytes(SIZE, "big"))

    assert least_seconds(refused) < 0.2


# bytes


def test_a_proof_is_read_as_written_in_the_size_foretold(proof) -> None:
    data = encoded(proof)
    assert len(data) == mod.ModProof.size(TINY)
    assert decode(data, len(data), lambda r: mod.ModProof.read(r, TINY)) == proof


@pytest.mark.parametrize("rounds", [0, 1, 127, 129, 256])
def test_another_number_of_rounds_is_refused(proof, rounds: int) -> None:
    r = proof.response
    wide = rounds * SIZE
    a, b, x, z = (r.a * 2)[:rounds], (r.b * 2)[:rounds], (r.x * 2)[:wide], (r.z * 2)[:wide]
    with pytest.raises(EncodingError):
        decode(proof.w + a + b + x + z, 1 << 20, lambda reader: mod.ModProof.read(reader, TINY))
    response = replace(r, a=a, b=b, x=x, z=z)
    with pytest.raises(LengthError):
        holds(replace(proof, response=response))


@pytest.mark.parametrize("name", ["a", "b"])
def test_a_bit_that_is_none_is_refused(proof, name: str) -> None:
    data = bytearray(encoded(proof))
    data[SIZE + (TINY.m if name == "b" else 0) + 7] = 2
    with pytest.raises(EncodingError):
        decode(bytes(data), len(data), lambda r: mod.ModProof.read(r, TINY))


@pytest.mark.slow
def test_a_proof_of_full_size_holds_for_its_modulus_only() -> None:
    secret, other = aux_secret(0, SECURITY_128), aux_secret(1, SECURITY_128)
    proof = mod.prove(DOMAIN, SECURITY_128, RHO, secret.paillier)
    assert mod.holds(DOMAIN, SECURITY_128, RHO, secret.paillier.public.n, proof)
    assert not mod.holds(DOMAIN, SECURITY_128, RHO, other.paillier.public.n, proof)
