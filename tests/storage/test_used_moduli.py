"""A modulus that a session was given is known for good; nothing that shares a factor with one is taken."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from protocol.errors import SecretReuseError
from protocol.ids import PartyId
from storage import directory
from storage.errors import CorruptError, LockedError, StorageError
from storage.used_moduli import UsedModuli
from tests.storage.crashes import Report, killed
from tests.storage.samples import sql

ME = PartyId(1)
P, Q, R, S = (2**k - 1 for k in (61, 89, 107, 127))  # Mersenne primes


PRIMES = [n for n in range(3, 8000, 2) if all(n % d for d in range(3, int(n**0.5) + 1, 2))]


def modulus(*factors: int) -> bytes:
    product = 1
    for factor in factors:
        product *= factor
    return product.to_bytes(48, "big")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "moduli" / "moduli.db"


@pytest.fixture
def used(path: Path) -> Iterator[UsedModuli]:
    with UsedModuli.open(path) as it:
        it.claim([modulus(P, Q)], ME, 7)
        yield it


def test_a_file_that_is_missing_is_made_with_an_id_of_its_own(tmp_path: Path, path: Path) -> None:
    with UsedModuli.open(path) as first, UsedModuli.open(tmp_path / "other" / "moduli.db") as second:
        assert len(first.home) == 16
        assert first.home != second.home
        home = first.home
    with UsedModuli.open(path) as again:
        assert again.home == home


@pytest.mark.parametrize(
    "again",
    [modulus(P, Q), modulus(P, R), modulus(Q), modulus(R, Q, S), bytes(48)],
    ids=["the same", "one factor", "a divisor", "among three", "zero"],
)
def test_a_modulus_that_shares_a_factor_with_one_of_before_is_refused(path: Path, again: bytes) -> None:
    with UsedModuli.open(path) as used:
        used.claim([modulus(P, Q)], ME, 7)
    with UsedModuli.open(path) as used, pytest.raises(SecretReuseError, match="before"):
        used.claim([again], PartyId(2), 8)


def test_moduli_of_one_set_that_share_a_factor_are_refused_and_none_is_written(used: UsedModuli) -> None:
    with pytest.raises(SecretReuseError):
        used.claim([modulus(R, S), modulus(R)], ME, 8)
    used.claim([modulus(R), modulus(S)], ME, 9)


def test_nothing_is_forgotten(used: UsedModuli, path: Path) -> None:
    for statement in (
        "DELETE FROM moduli",
        "UPDATE moduli SET modulus = zeroblob(48)",
        "DELETE FROM home",
        "UPDATE home SET id = zeroblob(16)",
    ):
        with pytest.raises(StorageError):
            used._db.execute(statement)
    assert used._db.rows("SELECT seq, modulus, party, time FROM moduli") == [(1, modulus(P, Q), 1, 7)]


def test_a_file_without_an_id_is_refused_and_closed(path: Path) -> None:
    with UsedModuli.open(path):
        pass
    ((trigger,),) = sql(path, "SELECT sql FROM sqlite_schema WHERE name = 'the_home_is_not_deleted'")
    sql(path, "DROP TRIGGER the_home_is_not_deleted", "DELETE FROM home", str(trigger))
    for _ in range(2):
        with pytest.raises(CorruptError, match="id of the home"):
            UsedModuli.open(path)


def test_a_file_that_another_process_has_just_made_is_opened(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with UsedModuli.open(path) as first:
        home = first.home
    found = Path.is_file
    answers = iter([False])  # it was not there yet when we looked
    monkeypatch.setattr(Path, "is_file", lambda self: next(answers, found(self)))
    with UsedModuli.open(path) as second:
        assert second.home == home


def test_one_process_has_it_at_a_time(used: UsedModuli, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directory, "LOCK_WAIT", 0.05)
    with pytest.raises(LockedError):
        UsedModuli.open(path)


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_what_a_killed_process_has_claimed_is_refused(path: Path) -> None:
    def claim(report: Report) -> None:
        used = UsedModuli.open(path)
        report("open")
        for k in range(len(PRIMES)):
            used.claim([modulus(PRIMES[k])], ME, k)
            report(k)

    for seed in range(3):
        last = killed(claim, random.Random(seed))[-1]
        with UsedModuli.open(path) as used:
            for k in range(0 if last == "open" else int(last) + 1):
                with pytest.raises(SecretReuseError):
                    used.claim([modulus(PRIMES[k])], ME, k)
        path.unlink()
