"""Tables of Paillier randomness: exchange, damage, and the distribution of what they draw."""

import gmpy2
import pytest

from native.errors import KindError, LengthError, NotUnitError, RangeError, RejectedError
from native.paillier import PaillierKey, RandomnessTable

from . import keys
from .keys import column, ints, looks_uniform, numbers, opened, paillier, seed, tables

BASES = 264
SMALL = 512
# p - 1 = 2^4 * 3^2 * 5 * 7 * 13: a draw from a subgroup would show in a residue class of its logarithm
SMOOTH = 65521
COFACTOR = 2**111 + 51


def test_the_bases_are_units_with_their_powers() -> None:
    key = paillier(SMALL)
    data = tables(key)[0].to_bytes()
    assert len(data) == BASES * 3 * key.size
    bases, powers = (
        numbers(data[: BASES * key.size], key.size),
        numbers(data[BASES * key.size :], 2 * key.size),
    )
    assert len(set(bases)) == BASES
    for r, power in zip(bases, powers, strict=True):
        assert 0 < r < key.n
        assert gmpy2.gcd(r, key.n) == 1
        assert power == gmpy2.powmod(r, key.n, key.n**2)


def test_an_imported_table_draws_what_the_exported_one_does() -> None:
    key = paillier(SMALL)
    table = tables(key)[0]
    again = RandomnessTable.from_bytes(key.secret.public, bytearray(table.to_bytes()))
    assert again.to_bytes() == table.to_bytes()
    m = ints([1, 2, 3, 4, 5], 8)
    first = key.secret.public.encrypt(m, table, seed(7))
    second = key.secret.public.encrypt(m, again, seed(7))
    assert (first.c, opened(first.rho)) == (second.c, opened(second.rho))


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("own", [False, True])
def test_units_do_not_depend_on_the_items_behind_them(count: int, own: bool) -> None:
    # few items share the lanes, each of which multiplies a part of the entries
    key = paillier(SMALL)
    encrypt, table = key.secret.encrypt if own else key.secret.public.encrypt, tables(key)[own]
    few, many = encrypt(ints([7] * count, 8), table, seed(7)), encrypt(ints([7] * 4, 8), table, seed(7))
    assert few.c == many.c[: len(few.c)]
    rho = opened(few.rho)
    assert rho == opened(many.rho)[:count]
    for c, x in zip(numbers(few.c, 2 * key.size), rho, strict=True):
        assert c == (1 + 7 * key.n) * gmpy2.powmod(x, key.n, key.n**2) % key.n**2


def test_one_seed_builds_the_same_table_and_another_or_none_something_else() -> None:
    public = paillier(SMALL).secret.public
    data = RandomnessTable.build(public, seed(5)).to_bytes()
    assert RandomnessTable.build(public, seed(5)).to_bytes() == data
    others = [RandomnessTable.build(public, s).to_bytes() for s in (seed(6), None, None)]
    assert len({data, *others}) == 4


@pytest.mark.parametrize("base", [0, 1, 131, 263])
def test_a_damaged_table_is_refused(base: int) -> None:
    key = paillier(SMALL)
    good = tables(key)[0].to_bytes()
    # r_base and its power
    places = (
        slice(base * key.size, (base + 1) * key.size),
        slice((BASES + 2 * base) * key.size, (BASES + 2 * base + 2) * key.size),
    )
    r, power = (int.from_bytes(good[place], "big") for place in places)

    def damaged(r: int = r, power: int = power) -> bytes:
        data = bytearray(good)
        data[places[0]], data[places[1]] = r.to_bytes(key.size, "big"), power.to_bytes(2 * key.size, "big")
        return bytes(data)

    cases = [
        (damaged(r=0), RangeError),
        (damaged(r=key.n), RangeError),
        (damaged(r=2 ** (8 * key.size) - 1), RangeError),
        (damaged(r=key.p), NotUnitError),
        (damaged(power=0), RangeError),
        (damaged(power=key.n**2), RangeError),
        (damaged(power=key.q), NotUnitError),
        (damaged(r=r ^ 2), RejectedError),
        (damaged(power=power ^ 2), RejectedError),
        (damaged(power=1), RejectedError),
        (damaged(power=power * (1 + key.n) % key.n**2), RejectedError),
    ]
    for data, error in cases:
        with pytest.raises(error):
            RandomnessTable.from_bytes(key.secret.public, data)


def test_a_table_belongs_to_one_key() -> None:
    key, other = paillier(SMALL), paillier(SMALL, 1)
    m, c = ints([1], 8), column([2], 2 * key.size)
    foreign, own = tables(key)
    uses = [
        lambda: other.secret.public.encrypt(m, foreign),
        lambda: other.secret.public.affine(c, m, m, foreign),
        lambda: other.secret.encrypt(m, own),
        lambda: key.secret.encrypt(m, foreign),
        lambda: key.secret.public.encrypt(m, own),
        lambda: key.secret.public.affine(c, m, m, own),
        lambda: paillier(1024).secret.encrypt(m, own),
    ]
    for use in uses:
        with pytest.raises(KindError):
            use()
    with pytest.raises((RejectedError, RangeError)):
        RandomnessTable.from_bytes(other.secret.public, foreign.to_bytes())
    with pytest.raises(LengthError):
        RandomnessTable.from_bytes(paillier(1024).secret.public, foreign.to_bytes())


def test_the_table_of_a_secret_key_is_not_exported() -> None:
    with pytest.raises(KindError):
        tables(paillier(SMALL))[1].to_bytes()


def test_a_modulus_with_a_small_factor_gets_no_table() -> None:
    n = 3 * (2**126 + 7)
    with pytest.raises(NotUnitError):
        RandomnessTable.build(PaillierKey(n.to_bytes(16, "big")), seed(1))


def drawn(count: int) -> list[int]:
    """Units modulo a toy N with a smooth factor, from a table."""
    key = PaillierKey((SMOOTH * COFACTOR).to_bytes(16, "big"))
    # the bases themselves must be units: nearly every seed makes such a table
    table = RandomnessTable.build(key, seed(1))
    got = key.encrypt(ints([0] * count, 8), table, seed(2))
    rho = opened(got.rho)
    n = SMOOTH * COFACTOR
    assert all(pow(x, n, n**2) == c for x, c in zip(rho[:50], numbers(got.c, 32)[:50], strict=True))
    return rho


def test_draws_reach_every_coset_of_every_subgroup_alike() -> None:
    rho = drawn(10000)
    for order in (2, 3, 5, 7, 13, 16, 9, 5 * 7 * 13):
        cosets: dict[int, int] = {}
        for x in rho:
            coset = pow(x, (SMOOTH - 1) // order, SMOOTH)
            cosets[coset] = cosets.get(coset, 0) + 1
        assert len(cosets) == order
        assert looks_uniform(list(cosets.values()))


def test_draws_fall_evenly_into_the_units() -> None:
    rho = drawn(10000)
    n = SMOOTH * COFACTOR
    for bucket in (lambda x: 64 * x // n, lambda x: 64 * (x % SMOOTH) // SMOOTH, lambda x: x % 64):
        counts = [0] * 64
        for x in rho:
            counts[bucket(x)] += 1
        assert looks_uniform(counts)
    assert len(set(rho)) == len(rho)


def test_own_draws_fall_evenly_into_the_units_of_both_primes() -> None:
    # p - 1 is smooth once more; q is any prime
    p, q = 2**63 + 29, 2**64 - 59
    assert gmpy2.is_prime(p)
    assert gmpy2.is_prime(q)
    key = keys.paillier_of(p, q, 16)
    own = RandomnessTable.build_own(key.secret, seed(1))
    rho = opened(key.secret.encrypt(ints([0] * 10000, 8), own, seed(2)).rho)
    for bucket in (lambda x: 64 * (x % p) // p, lambda x: 64 * (x % q) // q, lambda x: 64 * x // (p * q)):
        counts = [0] * 64
        for x in rho:
            counts[bucket(x)] += 1
        assert looks_uniform(counts)
    # independent modulo p and q
    counts = [0] * 64
    for x in rho:
        counts[8 * (8 * (x % p) // p) + 8 * (x % q) // q] += 1
    assert looks_uniform(counts)


@pytest.mark.parametrize("path", keys.other_paths())
def test_every_claim_holds_on_the_other_paths(path: str) -> None:
    keys.passes_on(path, __file__)
