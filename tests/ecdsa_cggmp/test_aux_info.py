"""Auxiliary info and its secret side: what is stored of it, and that it fits together."""

from dataclasses import replace

import pytest

from ecdsa_cggmp.aux_info import AuxInfo, AuxSecret
from native.errors import LengthError, NativeError, RejectedError
from native.secret import SecretResidues
from protocol.errors import EncodingError, UsageError
from tests.ecdsa_cggmp.levels import TINY
from tests.ecdsa_cggmp.network import aux_infos, aux_secret, primes_of, residues

INFO = aux_infos(3)[1]


def test_what_was_stored_is_taken_back() -> None:
    again = AuxInfo.restore(TINY, bytes(INFO), INFO.own.packed())
    assert (again.me, again.publics, again.own.public) == (INFO.me, INFO.publics, INFO.own.public)
    assert bytes(again) == bytes(INFO)
    packed = again.own.packed()
    assert (packed.count, packed.size) == (6, TINY.prime_bits // 8)
    assert packed.declassify() == INFO.own.packed().declassify()


def test_public_sides_that_are_none_are_refused() -> None:
    data, secret = bytes(INFO), INFO.own.packed()
    # level, holder, number and order of the parties
    changes = {0: 0xFF, 2: 3, 3: 2, 4: 1}
    wrong = [data[:at] + bytes([value]) + data[at + 1 :] for at, value in changes.items()]
    for other in (b"", data[:-1], data + b"\0", *wrong):
        with pytest.raises(EncodingError):
            AuxInfo.restore(TINY, other, secret)
    with pytest.raises(EncodingError):
        AuxInfo.restore(replace(TINY, prime_bits=896), data, secret)


def test_the_secret_side_of_another_party_is_refused() -> None:
    with pytest.raises((UsageError, NativeError)):
        AuxInfo.restore(TINY, bytes(INFO), aux_infos(3)[0].own.packed())
    with pytest.raises(UsageError):
        AuxInfo(TINY, INFO.me, aux_secret(0), INFO.publics)


def test_factors_out_of_a_store_are_not_used_again() -> None:
    fresh = aux_secret(1)
    stored = AuxSecret.unpacked(fresh.packed(), fresh.public.pedersen.t)
    with pytest.raises(UsageError):
        stored.use()
    fresh.use()
    with pytest.raises(UsageError):
        fresh.use()


def test_primes_that_were_kept_make_a_set_with_another_trapdoor() -> None:
    first = aux_secret(1)
    again = AuxSecret.of_primes(TINY, first.primes)
    assert again.primes.declassify() == first.primes.declassify()
    assert (again.public.N, again.public.pedersen.n) == (first.public.N, first.public.pedersen.n)
    assert (again.public.pedersen.s, again.public.pedersen.t) != (
        first.public.pedersen.s,
        first.public.pedersen.t,
    )
    again.use()


P, Q = primes_of(0, "blum")
SAFE_P, SAFE_Q = primes_of(0, "safe")


@pytest.mark.parametrize(
    "numbers",
    [
        pytest.param([P, Q + 4, SAFE_P, SAFE_Q], id="composite"),
        pytest.param([P, P, SAFE_P, SAFE_Q], id="a square"),
        pytest.param([SAFE_Q, Q, SAFE_P, SAFE_Q], id="a prime of both"),
        pytest.param([SAFE_P, SAFE_Q, P, Q], id="not safe"),
        pytest.param([P, Q, SAFE_P, SAFE_Q + 8], id="composite instead of safe"),
    ],
)
def test_primes_that_no_search_finds_make_no_set(numbers: list[int]) -> None:
    with pytest.raises(RejectedError):
        AuxSecret.of_primes(TINY, residues(numbers))


def test_primes_of_another_number_or_level_make_no_set() -> None:
    primes = aux_secret(0).primes
    for others in (primes.slice(0, 3), SecretResidues.concat([primes, primes])):
        with pytest.raises(LengthError):
            AuxSecret.of_primes(TINY, others)
    with pytest.raises(LengthError):
        AuxSecret.of_primes(replace(TINY, prime_bits=896), primes)


def test_primes_are_searched_with_progress_and_never_the_same() -> None:
    seen = []
    first = AuxSecret.search(TINY, progress=lambda kind, now: seen.append((kind.name, now.found)))
    assert ("BLUM", 2) in seen
    assert ("SAFE", 2) in seen
    second = AuxSecret.search(TINY)
    publics = {number for each in (first, second) for number in (each.public.N, each.public.pedersen.n)}
    assert len(publics) == 4
    assert all(int.from_bytes(n, "big").bit_length() == TINY.modulus_bits for n in publics)


def test_a_search_is_cancelled_by_its_progress() -> None:
    def stop(_kind, _now):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        AuxSecret.search(TINY, progress=stop)


def test_proof_keys_are_those_of_prover_and_verifier() -> None:
    keys = INFO.proof_keys(2, 0)
    assert (keys.N_i, keys.N_j) == (INFO.publics[2].N, INFO.publics[0].N)
    assert keys.pedersen == INFO.publics[0].pedersen
    assert keys.params == TINY
