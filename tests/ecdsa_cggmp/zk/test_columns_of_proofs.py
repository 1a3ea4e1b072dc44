"""What Pi-enc-elg, Pi-aff-g and Pi-elog have in common: columns of proofs, verified together and alone."""

import random
from contextlib import suppress
from dataclasses import asdict, replace
from types import SimpleNamespace

import pytest

from ecdsa_cggmp.zk.keys import ProofKeys
from native.errors import NativeError
from native.ring_pedersen import PedersenParameters
from protocol.codec import Reader, decode
from protocol.errors import EncodingError
from tests.timing import least_seconds

from .cases import CASES, COUNT, DOMAIN, OTHER, OTHER_DOMAINS, PROVER, VERIFIER, Case, infos, names

LIMIT = 1 << 20
every = pytest.mark.parametrize("kind", CASES)
EVERY_COLUMN = [
    (kind, name)
    for kind in CASES
    for columns in (
        {"enc_elg": "CABX STDYZ", "aff_g": "CDYX A ESFT", "elog": "LMXYH ANB"}[kind].split()
        + {"enc_elg": ["z1 z2 z3 w"], "aff_g": ["z1 z2 z3 z4 w w_y", "B_x B_y"], "elog": ["z u"]}[kind]
    )
    for name in (columns.split() if " " in columns else list(columns))
]
ALL = tuple(range(COUNT))


def expect_bad(case: Case, expected: tuple[int, ...], tried: tuple[int, ...] | None = None) -> None:
    """Strict checks are slow: only the ones to be tried."""
    found, strict = case.bad(tried=tried)
    assert strict == expected
    expect_some(found, expected)


def expect_some(found: tuple[int, ...], bad: tuple[int, ...]) -> None:
    """A batch tells some of the bad ones, if there are any, and no other."""
    assert set(found) <= set(bad)
    assert bool(found) == bool(bad)


@every
@pytest.mark.parametrize("count", [1, 2, COUNT])
def test_honest_proofs_hold_in_a_batch_and_alone(kind: str, count: int) -> None:
    expect_bad(CASES[kind](count), ())


def test_every_column_is_tried_below() -> None:
    for kind, make in CASES.items():
        case = make()
        assert sorted(n for k, n in EVERY_COLUMN if k == kind) == sorted(
            name for part in range(3) for name in names(part, case)
        )


@pytest.mark.parametrize(("kind", "name"), EVERY_COLUMN)
def test_each_broken_item_is_found_by_its_index(kind: str, name: str) -> None:
    expect_bad(CASES[kind]().broken(name, 0), (0,), (0,))
    assert CASES[kind]().broken(name, COUNT - 1).bad(tried=())[0] == (COUNT - 1,)


@pytest.mark.parametrize(("kind", "name"), EVERY_COLUMN)
def test_each_item_is_exchanged_for_that_of_another_proof_to_no_avail(kind: str, name: str) -> None:
    case = CASES[kind]()
    expect_bad(case.with_item(name, 1, case.item(name, 2)), (1,), (1,))


@pytest.mark.parametrize(("kind", "name"), EVERY_COLUMN)
def test_challenges_depend_on_every_item_of_statement_and_commitment(kind: str, name: str) -> None:
    case = CASES[kind]()

    def challenges(of: Case) -> list[bytes]:
        e = case.challenge(DOMAIN, case.context, of.statement, of.proofs.commitment, COUNT)
        return [e[32 * k : 32 * (k + 1)] for k in range(COUNT)]

    before, after = challenges(case), challenges(case.broken(name, 1))
    hashed = case.part_of(name)[0] != "response"
    assert [a != b for a, b in zip(before, after, strict=True)] == [False, hashed, False]
    assert len(set(before)) == COUNT


@every
@pytest.mark.parametrize("place", OTHER_DOMAINS)
def test_proofs_are_worth_nothing_elsewhere(kind: str, place: str) -> None:
    found, strict = CASES[kind]().bad(OTHER_DOMAINS[place], [0])
    assert strict == (0,)
    expect_some(found, ALL)


@every
def test_proofs_in_another_order_are_worth_nothing(kind: str) -> None:
    case = CASES[kind]()
    swapped = case
    for part in range(3):
        for name in names(part, case):
            swapped = swapped.with_item(name, 0, case.item(name, 1)).with_item(name, 1, case.item(name, 0))
    expect_bad(swapped, (0, 1))


def other_keys() -> dict[str, ProofKeys]:
    keys, aux = infos()[0].proof_keys(PROVER, VERIFIER), infos()[0].publics[OTHER]
    n, s, t = keys.pedersen.n, keys.pedersen.s, keys.pedersen.t
    return {
        "N_i": replace(keys, N_i=aux.N),
        "N_j": replace(keys, N_j=aux.N),
        "N^": replace(keys, pedersen=PedersenParameters(aux.pedersen.n, s, t)),
        "s": replace(keys, pedersen=PedersenParameters(n, t, t)),
        "t": replace(keys, pedersen=PedersenParameters(n, s, s)),
        "exchanged": replace(keys, N_i=keys.N_j, N_j=keys.N_i),
        "kappa": replace(keys, params=replace(keys.params, kappa=32)),
        "m": replace(keys, params=replace(keys.params, m=256)),
    }


@pytest.mark.parametrize("kind", ["enc_elg", "aff_g"])
@pytest.mark.parametrize("change", other_keys())
def test_proofs_are_worth_nothing_under_other_keys_or_parameters(kind: str, change: str) -> None:
    found, strict = replace(CASES[kind](), context=other_keys()[change]).bad(tried=[0])
    assert strict == (0,)
    expect_some(found, ALL)


def test_an_elog_is_worth_nothing_in_another_context() -> None:
    assert replace(CASES["elog"](), context=bytes(32)).bad() == (ALL, ALL)


@every
def test_contexts_differ_in_every_key_and_parameter(kind: str) -> None:
    contexts = {keys.context for keys in other_keys().values()} | {infos()[0].proof_keys(0, 1).context}
    assert len(contexts) == len(other_keys()) + 1


def test_a_context_depends_on_every_number_of_the_level() -> None:
    keys = infos()[0].proof_keys(PROVER, VERIFIER)
    numbers = asdict(keys.params)
    # not levels: most break an inequality
    changed = [SimpleNamespace(**{**numbers, name: number + 1}) for name, number in numbers.items()]
    contexts = {keys.context, *(replace(keys, params=params).context for params in changed)}
    assert len(contexts) == 1 + len(numbers)


# bytes


def decoded(case: Case, data: bytes, count: int | None = None) -> object:
    return decode(data, LIMIT, lambda reader: case.read(reader, count or case.count))


@every
def test_proofs_are_read_as_written_in_the_size_foretold(kind: str) -> None:
    case = CASES[kind]()
    data = case.encoded()
    assert len(data) == case.size(COUNT)
    assert decoded(case, data) == case.proofs


@every
def test_missing_and_trailing_bytes_and_other_counts_are_refused(kind: str) -> None:
    case = CASES[kind]()
    data = case.encoded()
    for wrong in (b"", data[:-1], data[1:], data + b"\0", data[: len(data) // COUNT], data + data):
        with pytest.raises(EncodingError):
            decoded(case, wrong)
    for count in (1, COUNT - 1, COUNT + 1):
        with pytest.raises(EncodingError):
            decoded(case, data, count)


@every
def test_megabytes_are_refused_unread(kind: str) -> None:
    case = CASES[kind]()
    megabytes = bytes(1 << 21)

    def refused() -> None:
        with pytest.raises(EncodingError, match="length"):
            decoded(case, megabytes)

    assert least_seconds(refused) < 0.05


def offsets(case: Case) -> dict[str, tuple[int, int, bool, bool]]:
    """Where the columns of proofs stand: first byte, width, whether points, whether scalars."""
    at, out = 0, {}
    for layout in case.layouts[1:]:
        for name, column in layout.items():
            out[name] = (at, column.size, column.is_point, column.is_scalar)
            at += column.size * case.count
    return out


BAD_POINTS = {
    "infinity": bytes(33),
    "off the curve": b"\x02" + b"\x00" * 31 + b"\x05",
    "x not below p": b"\x02" + b"\xff" * 32,
    "hybrid": b"\x06" + b"\x11" * 32,
    "infinity with garbage": b"\x00" + b"\x11" * 32,
}
BAD_SCALARS = {
    "q": 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141.to_bytes(32, "big"),
    "largest": b"\xff" * 32,
}


@every
def test_every_malformed_point_and_scalar_is_refused(kind: str) -> None:
    case = CASES[kind]()
    data, tried = case.encoded(), 0
    for at, width, is_point, is_scalar in offsets(case).values():
        for item in BAD_POINTS.values() if is_point else BAD_SCALARS.values() if is_scalar else ():
            start = at + width * (COUNT - 1)
            with pytest.raises(EncodingError):
                decoded(case, data[:start] + item + data[start + width :])
            tried += 1
    assert tried


@every
def test_any_bytes_are_refused_or_proofs_that_fail(kind: str) -> None:
    case, rng = CASES[kind](), random.Random(kind)
    data = case.encoded()
    for _ in range(5):
        altered = bytearray(data)
        at = rng.randrange(len(data) - 40)
        altered[at : at + 40] = rng.choice([bytes(40), b"\xff" * 40, rng.randbytes(40)])
        try:
            read = decoded(case, bytes(altered))
        except EncodingError:
            continue
        changed = replace(case, proofs=read)
        assert changed.encoded() == bytes(altered)
        batch = changed.bad(tried=())[0]
        assert batch
        assert not changed.single(DOMAIN, case.context, case.statement, read, batch[0])


# batches


@every
def test_a_batch_finds_what_single_checks_find(kind: str) -> None:
    rng = random.Random(f"mix {kind}")
    for _ in range(3):
        case, bad = CASES[kind](5), set()
        columns = [name for part in range(3) for name in names(part, case)]
        for k in range(5):
            if rng.random() < 0.4:
                case = case.broken(rng.choice(columns), k)
                bad.add(k)
        expect_bad(case, tuple(sorted(bad)))


@every
def test_a_proof_of_many_is_one_alone(kind: str) -> None:
    case = CASES[kind]()
    for k in range(COUNT):
        place = replace(DOMAIN, instance=DOMAIN.instance + k)
        assert case.one(k).bad(place) == ((), ())
        assert case.one(k).bad(replace(place, instance=place.instance + 1)) == ((0,), (0,))


@every
def test_no_proofs_and_wrong_lengths_are_never_accepted(kind: str) -> None:
    case = CASES[kind]()
    for part in ("commitment", "response"):
        columns = getattr(case.proofs, part)
        for name in names(1 if part == "commitment" else 2, case):
            short = replace(case.proofs, **{part: replace(columns, **{name: getattr(columns, name)[:-1]})})
            with suppress(NativeError, EncodingError, IndexError):
                assert case.batch(DOMAIN, case.context, case.statement, short)


def test_a_reader_of_zero_proofs_reads_nothing() -> None:
    for make in CASES.values():
        case = make()
        with pytest.raises((EncodingError, NativeError)):
            case.batch(DOMAIN, case.context, case.statement, case.read(Reader(b""), 0))
