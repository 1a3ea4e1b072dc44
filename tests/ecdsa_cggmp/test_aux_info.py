"""Auxiliary info and its secret side: what is stored of it, and that it fits together."""

from dataclasses import replace

import pytest

from ecdsa_cggmp.aux_info import AuxInfo, AuxSecret
from native.errors import NativeError
from protocol.errors import EncodingError, UsageError
from tests.ecdsa_cggmp.levels import TINY
from tests.ecdsa_cggmp.network import aux_infos, aux_secret

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
