"""Pi-prm: s is a power of t, and neither is degenerate."""

from dataclasses import replace

import gmpy2
import pytest

from ecdsa_cggmp.zk import prm
from native.errors import LengthError
from native.prm_proof import PrmProof, prm_violations
from native.ring_pedersen import PedersenParameters
from protocol.codec import Writer, decode
from protocol.errors import EncodingError
from tests.ecdsa_cggmp.levels import TINY
from tests.ecdsa_cggmp.network import primes_of
from tests.timing import least_seconds

from .cases import DOMAIN, OTHER_DOMAINS, PROVER, infos

SIZE = TINY.modulus_bytes
P, Q = primes_of(PROVER, "safe")
N, PHI = P * Q, (P - 1) * (Q - 1)


def own():
    return infos()[PROVER].own.pedersen


@pytest.fixture(scope="module")
def proof() -> prm.PrmProof:
    return prm.prove(DOMAIN, TINY, own())


def parameters(n: int, s: int, t: int) -> PedersenParameters:
    return PedersenParameters(*(x.to_bytes(SIZE, "big") for x in (n, s, t)))


def number(data: bytes) -> int:
    return int.from_bytes(data, "big")


def holds(proof: prm.PrmProof, statement: PedersenParameters | None = None, **place) -> bool:
    args = {"domain": DOMAIN, "params": TINY} | place
    return prm.holds(*args.values(), statement or own().parameters, proof)


def with_item(proof: prm.PrmProof, name: str, k: int, value: int) -> prm.PrmProof:
    column = getattr(proof, name)
    item = value.to_bytes(SIZE, "big")
    return replace(proof, **{name: column[: k * SIZE] + item + column[(k + 1) * SIZE :]})


def item(proof: prm.PrmProof, name: str, k: int) -> int:
    return number(getattr(proof, name)[k * SIZE : (k + 1) * SIZE])


def claimed(statement: PedersenParameters, lambda_: int, order: int = PHI) -> prm.PrmProof:
    """What a prover does that takes s for t^lambda."""
    n, t = number(statement.n), number(statement.t)
    a = [(7**k + 12345) ** 9 % order for k in range(1, TINY.m + 1)]
    A = b"".join(int(gmpy2.powmod(t, a_k, n)).to_bytes(SIZE, "big") for a_k in a)
    e = prm._challenges(DOMAIN, TINY, statement, A)
    z = b"".join(((a_k + e_k * lambda_) % order).to_bytes(SIZE, "big") for a_k, e_k in zip(a, e, strict=True))
    return prm.PrmProof(A, z)


def test_an_honest_proof_holds(proof) -> None:
    assert holds(proof)
    t = number(own().parameters.t)
    statement = parameters(N, pow(t, 65537, N), t)
    assert holds(claimed(statement, 65537), statement)


@pytest.mark.parametrize("k", [0, 64, TINY.m - 1])
@pytest.mark.parametrize("name", ["A", "z"])
def test_each_broken_item_is_rejected(proof, name: str, k: int) -> None:
    assert not holds(with_item(proof, name, k, item(proof, name, k) ^ 1))


@pytest.mark.parametrize("name", ["n", "s", "t"])
def test_each_broken_parameter_is_rejected(proof, name: str) -> None:
    value = number(getattr(own().parameters, name)) ^ 2
    assert not holds(proof, replace(own().parameters, **{name: value.to_bytes(SIZE, "big")}))


def test_values_out_of_range_are_rejected(proof) -> None:
    for value in (0, N, P, (1 << 8 * SIZE) - 1):
        assert not holds(with_item(proof, "A", 3, value))
    for value in (N, (1 << 8 * SIZE) - 1):
        assert not holds(with_item(proof, "z", 3, value))
    n = TINY.modulus_bits
    k = next((k for k in range(TINY.m) if item(proof, "A", k) + N < 1 << n), None)
    if k is not None:
        assert not holds(with_item(proof, "A", k, item(proof, "A", k) + N))


@pytest.mark.parametrize("place", OTHER_DOMAINS)
def test_a_proof_is_worth_nothing_elsewhere(proof, place: str) -> None:
    assert not holds(proof, domain=OTHER_DOMAINS[place])


def test_a_proof_is_worth_nothing_for_other_parameters(proof) -> None:
    assert not holds(proof, infos()[1].own.pedersen.parameters)
    with pytest.raises(LengthError):
        holds(proof, params=replace(TINY, m=129))


DEGENERATE = {"t t": 1, "1 t": 0, "1 1": 5, "t 1": 5, "-1 t": 0, "t -1": 1}
NO_UNITS = {"0 t": 1, "t 0": 1, "P t": 1, "t P": 1, "N t": 1}


@pytest.mark.parametrize("pair", [*DEGENERATE, *NO_UNITS])
def test_degenerate_parameters_are_rejected(pair: str) -> None:
    (s, t), lambda_ = pair.split(), (DEGENERATE | NO_UNITS)[pair]
    base = number(own().parameters.t)
    values = {"t": base, "1": 1, "-1": N - 1, "0": 0, "P": P, "N": N}
    statement = parameters(N, values[s], values[t])
    assert not holds(claimed(statement, lambda_), statement)


def test_an_s_outside_of_the_powers_of_t_is_rejected() -> None:
    """s = -t^lambda passes a round with one half only (TSSHOCK, c-split)."""
    t = number(own().parameters.t)
    statement = parameters(N, N - pow(t, 65537, N), t)
    assert not holds(claimed(statement, 65537), statement)
    wrong = parameters(N, pow(t, 65537, N), t)
    assert not holds(claimed(wrong, 65536), wrong)


def test_commitments_solved_after_the_challenge_are_rejected() -> None:
    """A = t^z s^-e for responses and bits that the prover likes: another challenge belongs to them (A-Z6)."""
    t = number(own().parameters.t)
    statement = parameters(N, N - pow(t, 65537, N), t)
    s, bits, z = number(statement.s), bytes(k % 2 for k in range(TINY.m)), [9**k for k in range(TINY.m)]
    solved = [
        int(gmpy2.powmod(t, z_k, N) * gmpy2.invert(s**e, N) % N) for z_k, e in zip(z, bits, strict=True)
    ]
    A, responses = (b"".join(x.to_bytes(SIZE, "big") for x in column) for column in (solved, z))
    assert not prm_violations(statement, PrmProof(A, bits, responses), TINY.m)
    assert not holds(prm.PrmProof(A, responses), statement)


@pytest.mark.parametrize("n", ["even", "short", "0", "1", "all ones"])
def test_another_modulus_is_rejected_at_once(proof, n: str) -> None:
    value = {"even": N + 1, "short": N >> 64 | 1, "0": 0, "1": 1, "all ones": (1 << 8 * SIZE) - 1}[n]
    parameters_ = replace(own().parameters, n=value.to_bytes(SIZE, "big"))

    def refused() -> None:
        assert not holds(proof, parameters_)

    assert least_seconds(refused) < 1


@pytest.mark.parametrize("rounds", [0, 1, 127, 129, 256])
def test_another_number_of_rounds_is_refused(proof, rounds: int) -> None:
    short = prm.PrmProof(*((column * 2)[: rounds * SIZE] for column in (proof.A, proof.z)))
    with pytest.raises(EncodingError):
        decode(short.A + short.z, 1 << 20, lambda reader: prm.PrmProof.read(reader, TINY))
    with pytest.raises(LengthError):
        holds(short)


def test_a_proof_is_read_as_written_in_the_size_foretold(proof) -> None:
    writer = Writer()
    proof.write(writer)
    data = bytes(writer)
    assert len(data) == prm.PrmProof.size(TINY)
    assert decode(data, len(data), lambda r: prm.PrmProof.read(r, TINY)) == proof
