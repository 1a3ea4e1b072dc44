"""Primes are made ahead, taken once, and used by nobody twice."""

import shutil
import signal
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from cosigner import primes
from cosigner.home import Home
from cosigner.prime_making import PrimeMaker
from cosigner.primes import PrimeSource, open_stock, search
from cosigner.steps import Deed, Step
from ecdsa_cggmp.aux_info import AuxSecret
from native.primes import PrimeKind, Progress
from native.secret import SecretResidues
from protocol.errors import SecretReuseError
from protocol.ids import PartyId
from storage.engine import Database
from storage.errors import (
    CorruptError,
    FullError,
    LockedError,
    MissingError,
    StorageError,
    WrongPassphraseError,
)
from storage.prime_stock import PrimeStock
from storage.used_moduli import UsedModuli
from tests.cosigner.test_local import child
from tests.cosigner.tiny import forget_moduli
from tests.cosigner.wallets import MIXED, create, passphrase
from tests.ecdsa_cggmp.levels import TINY
from tests.ecdsa_cggmp.network import aux_secret, primes_of, residues
from tests.storage.samples import sql

ZERO, ONE = PartyId(0), PartyId(1)


def stocked(home: Home, *sets: int, party: PartyId = ZERO) -> None:
    """Put the primes of some parties of the tests into a stock."""
    with UsedModuli.open(home.moduli) as used:
        where = used.home
    with PrimeStock.create(home.primes(party), party, passphrase(party)) as stock:
        for at, i in enumerate(sets):
            stock.put(aux_secret(i).primes, where, at)


def left(home: Home, party: PartyId = ZERO) -> int:
    with open_stock(home, party) as stock:
        return len(stock.sets())


class Taking:
    """Parties that get primes; a search finds those of party 6 of the tests."""

    def __init__(self, home: Home, patch: pytest.MonkeyPatch) -> None:
        self.steps: list[Step] = []
        self.source = PrimeSource(home, {i: passphrase(i) for i in (ZERO, ONE)}, self.steps.append)
        patch.setattr(AuxSecret, "search", lambda *_, **__: aux_secret(6))

    def __call__(self, party: PartyId = ZERO) -> int:
        """Return whose primes it got."""
        secret = self.source.factors(party)
        secret.use()
        found = [i for i in range(7) if aux_secret(i).public.N == secret.public.N]
        assert aux_secret(found[0]).public.pedersen.n == secret.public.pedersen.n
        return found[0]

    def told(self, deed: Deed) -> list[str]:
        return [step.detail for step in self.steps if step.deed is deed]


@pytest.fixture
def taking(home: Home, monkeypatch: pytest.MonkeyPatch) -> Taking:
    return Taking(home, monkeypatch)


# taking


def test_sets_are_taken_oldest_first_and_then_searched_for(home: Home, taking: Taking) -> None:
    stocked(home, 3, 2)
    assert [taking(), taking(), taking()] == [3, 2, 6]
    assert taking.told(Deed.PRIMES_TAKEN) == ["1 left", "0 left"]
    assert taking.told(Deed.STOCK_NOT_USED) == ["it is empty"]
    assert left(home) == 0


def test_without_a_stock_primes_are_searched_for(home: Home, taking: Taking) -> None:
    assert taking() == 6
    assert taking.steps == []
    assert not home.primes(ZERO).exists()


def test_a_stock_under_another_passphrase_is_left_alone(home: Home, taking: Taking) -> None:
    stocked(home, 0)
    with open_stock(home, ZERO) as stock:
        stock.change_passphrase(passphrase(0), passphrase(9))
    assert taking() == 6
    (reason,) = taking.told(Deed.STOCK_NOT_USED)
    assert "passphrase" in reason
    assert left(home) == 1


def test_a_set_is_gone_and_its_moduli_are_known_before_a_party_has_it(
    home: Home, taking: Taking, monkeypatch: pytest.MonkeyPatch
) -> None:
    stocked(home, 0, 1)
    folder = home.primes(ZERO).parent
    ((sealed,),) = sql(home.primes(ZERO), "SELECT secret FROM sealed ORDER BY rowid LIMIT 1")
    assert isinstance(sealed, bytes)
    stands: list[bool] = []
    claim = UsedModuli.claim

    def look(self: UsedModuli, *arguments: Any) -> None:
        stands.append(any(sealed[100:200] in file.read_bytes() for file in folder.iterdir()))
        claim(self, *arguments)
        raise KeyboardInterrupt

    assert sealed[100:200] in home.primes(ZERO).read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(UsedModuli, "claim", look)
        with pytest.raises(KeyboardInterrupt):
            taking()
    assert stands == [False]
    with UsedModuli.open(home.moduli) as used, pytest.raises(SecretReuseError):
        used.claim([aux_secret(0).public.N], ZERO, 1)


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize("crash", ["after", "before"])
def test_a_process_that_dies_around_the_taking_costs_one_set(
    home: Home, taking: Taking, monkeypatch: pytest.MonkeyPatch, crash: str
) -> None:
    stocked(home, 0, 1)

    def die(run: Callable[..., Any]) -> Callable[..., Any]:
        def dying(*arguments: Any) -> None:
            if crash == "after":
                run(*arguments)
            signal.raise_signal(signal.SIGKILL)

        return dying

    with monkeypatch.context() as patch:
        patch.setattr(UsedModuli, "claim", die(UsedModuli.claim))

        def take() -> None:  # with passphrases of its own: those of before a fork are gone after it
            Taking(home, patch)()

        assert child(take) == signal.SIGKILL
    assert taking() == 1


def test_a_full_disk_costs_a_set_and_no_wallet_has_it(
    home: Home, taking: Taking, monkeypatch: pytest.MonkeyPatch
) -> None:
    stocked(home, 0, 1)

    def full(*_: object) -> None:
        raise FullError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(UsedModuli, "claim", full)
        with pytest.raises(FullError):  # of the search, which writes down what it uses, too
            taking()
    assert taking.told(Deed.STOCK_NOT_USED) == ["the disk is full"]
    assert taking() == 1


# copies


def test_a_stock_that_is_put_back_from_a_copy_gives_nothing_a_second_time(
    home: Home, taking: Taking, tmp_path: Path
) -> None:
    stocked(home, 0, 1)
    shutil.copytree(home.path / "primes", tmp_path / "copy")
    assert taking() == 0
    shutil.rmtree(home.path / "primes")
    shutil.copytree(tmp_path / "copy", home.path / "primes")
    assert taking() == 1
    assert len(taking.told(Deed.PRIMES_DROPPED)) == 1
    assert left(home) == 0


def test_a_stock_that_is_copied_to_another_home_gives_nothing(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stocked(home, 0, 1)
    other = Home(tmp_path / "other")
    shutil.copytree(home.path / "primes", other.path / "primes")
    taking = Taking(other, monkeypatch)
    assert taking() == 6
    assert [reason.split(",")[0] for reason in taking.told(Deed.PRIMES_DROPPED)] == [
        "it was made in another home"
    ] * 2
    assert left(home) == 2


def test_a_stock_whose_home_has_lost_its_moduli_gives_nothing(home: Home, taking: Taking) -> None:
    stocked(home, 0)
    forget_moduli(home)
    assert taking() == 6
    assert len(taking.told(Deed.PRIMES_DROPPED)) == 1


def test_the_stock_of_another_party_gives_nothing(home: Home, taking: Taking) -> None:
    stocked(home, 0, 1)
    shutil.copytree(home.primes(ZERO).parent, home.primes(ONE).parent)
    assert taking(ONE) == 6
    (reason,) = taking.told(Deed.STOCK_NOT_USED)
    assert "party 0, not of party 1" in reason


def test_two_parties_with_the_same_set_do_not_both_use_it(home: Home, taking: Taking) -> None:
    stocked(home, 0)
    stocked(home, 0, 1, party=ONE)
    assert taking(ZERO) == 0
    assert taking(ONE) == 1
    assert len(taking.told(Deed.PRIMES_DROPPED)) == 1


def test_a_search_that_finds_what_was_used_makes_no_wallet(home: Home, taking: Taking) -> None:
    assert taking() == 6
    with pytest.raises(SecretReuseError):
        taking()


def test_primes_of_a_search_are_refused_in_a_stock_later(home: Home, taking: Taking) -> None:
    stocked(home, 6, 5)
    shutil.move(home.path / "primes", home.path / "away")
    assert taking() == 6
    shutil.move(home.path / "away", home.path / "primes")
    assert taking() == 5


# what is in a stock


def weak() -> SecretResidues:
    p, q = primes_of(0, "blum")
    P, Q = primes_of(0, "safe")
    return residues([p, q + 4, P, Q])


@pytest.mark.parametrize("put", [weak, lambda: SecretResidues.concat([aux_secret(0).blum] * 2)])
def test_primes_that_are_none_are_dropped(
    home: Home, taking: Taking, put: Callable[[], SecretResidues]
) -> None:
    stocked(home)
    with UsedModuli.open(home.moduli) as used, open_stock(home, ZERO) as stock:
        stock.unseal(passphrase(0))
        stock.put(put(), used.home, 1)
        stock.put(aux_secret(4).primes, used.home, 2)
    assert taking() == 4
    assert len(taking.told(Deed.PRIMES_DROPPED)) == 1


def test_sets_of_another_level_stay(home: Home, taking: Taking) -> None:
    stocked(home, 1)
    with UsedModuli.open(home.moduli) as used, open_stock(home, ZERO) as stock:
        stock.unseal(passphrase(0))
        stock.put(SecretResidues.from_bytes(bytes(4 * 192), 4), used.home, 0)
    assert taking() == 1
    assert taking.told(Deed.PRIMES_TAKEN) == ["0 left"]
    assert taking() == 6
    assert left(home) == 1


def test_a_stock_that_was_changed_on_the_disk_gives_nothing(home: Home, taking: Taking) -> None:
    stocked(home, 0, 1)
    sql(home.primes(ZERO), "UPDATE sealed SET secret = zeroblob(length(secret)) WHERE rowid = 2")
    assert taking() == 6
    (reason,) = taking.told(Deed.STOCK_NOT_USED)
    assert "changed" in reason


def test_a_wallet_is_made_of_stocks_and_of_what_is_searched_for(home: Home) -> None:
    stocked(home, 5)
    stocked(home, 6, 4, party=PartyId(2))
    told: list[Step] = []
    create(home, plan=MIXED, progress=told.append).close()
    assert [(step.actor, step.detail) for step in told if step.deed is Deed.PRIMES_TAKEN] == [
        (0, "0 left"),
        (2, "1 left"),
    ]
    assert [left(home, party) for party in home.stocked()] == [0, 1]
    with UsedModuli.open(home.moduli) as used:
        assert len(used._db.rows("SELECT 1 FROM moduli")) == 6


# making


def test_search_for_primes_tells_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def look(_params: object, progress: Callable[..., Any]) -> None:
        progress(PrimeKind.BLUM, Progress(found=0, sieves=1, tests=12, expected_tests=160))
        progress(PrimeKind.SAFE, Progress(found=1, sieves=9, tests=800, expected_tests=2400))

    monkeypatch.setattr(AuxSecret, "search", look)
    told: list[Step] = []
    search(PartyId(2), told.append)
    search(PartyId(2), told.append, "set 1 of 3: ")
    assert {(step.actor, step.deed, step.deed.passing) for step in told} == {(2, Deed.PRIMES_SEARCHED, True)}
    assert [step.detail for step in told][:3] == [
        "0 of 2 Blum primes, 12 tried (~160)",
        "1 of 2 safe primes, 800 tried (~2400)",
        "set 1 of 3: 0 of 2 Blum primes, 12 tried (~160)",
    ]


def test_what_is_made_is_taken_by_a_wallet(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Step] = []
    monkeypatch.setattr("cosigner.prime_making.unix_now", count().__next__)
    with PrimeMaker(home, told.append) as maker:
        for party in (ZERO, ONE):
            assert maker.unlock(party, passphrase(party)) == 0
        assert [maker.make(party, "set") for party in (ZERO, ONE, ZERO)] == [1, 1, 2]
    assert [step for step in told if step.deed is Deed.PRIMES_KEPT] == [
        Step(party, Deed.PRIMES_KEPT, "set") for party in (ZERO, ONE, ZERO)
    ]
    with PrimeMaker(home, told.append) as maker:
        assert maker.unlock(ZERO, passphrase(0)) == 2
    taking = Taking(home, monkeypatch)
    assert [taking(ZERO), taking(ONE), taking(ZERO), taking(ONE)] == [0, 1, 2, 6]


def test_a_stock_is_free_while_the_next_set_is_searched_for(home: Home, taking: Taking) -> None:
    stocked(home, 0)
    with PrimeMaker(home, lambda _: None) as maker:
        maker.unlock(ZERO, passphrase(0))
        assert taking() == 0
        assert maker.make(ZERO) == 1


def test_a_wrong_passphrase_is_refused_before_any_search(home: Home) -> None:
    stocked(home, 0)
    with PrimeMaker(home, lambda _: None) as maker, pytest.raises(WrongPassphraseError):
        maker.unlock(ZERO, passphrase(1))
    with open_stock(home, ZERO) as stock:  # it was closed
        assert stock.is_sealed


def test_a_search_that_is_interrupted_leaves_what_was_sealed(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    with PrimeMaker(home, lambda _: None) as maker:
        maker.unlock(ZERO, passphrase(0))
        maker.make(ZERO)
        key = maker._keys[ZERO]

        def interrupt(*_: object, **__: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(AuxSecret, "search", interrupt)
        with pytest.raises(KeyboardInterrupt):
            maker.make(ZERO)
    assert left(home) == 1
    with pytest.raises(Exception, match="wipe"):
        PrimeStock.reopen(home.primes(ZERO), key)


def test_a_full_disk_ends_the_making_and_leaves_what_was_sealed(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    with PrimeMaker(home, lambda _: None) as maker:
        maker.unlock(ZERO, passphrase(0))
        maker.make(ZERO)
        run = Database._run

        def full(self: Database, text: str, *values: object) -> object:
            if text.startswith("INSERT"):
                raise FullError("the disk is full")
            return run(self, text, *values)

        monkeypatch.setattr(Database, "_run", full)
        with pytest.raises(FullError):
            maker.make(ZERO)
    assert left(home) == 1


def test_a_stock_that_was_discarded_meanwhile_is_not_made_anew(home: Home) -> None:
    with PrimeMaker(home, lambda _: None) as maker:
        maker.unlock(ZERO, passphrase(0))
        Database.destroy(home.primes(ZERO))
        with pytest.raises(MissingError):
            maker.make(ZERO)


def test_the_stock_of_another_party_is_not_filled(home: Home) -> None:
    stocked(home, 0)
    shutil.copytree(home.primes(ZERO).parent, home.primes(ONE).parent)
    with PrimeMaker(home, lambda _: None) as maker, pytest.raises(CorruptError, match="party 0"):
        maker.unlock(ONE, passphrase(0))


def test_levels_are_those_of_the_wallets(home: Home) -> None:
    with PrimeMaker(home, lambda _: None) as maker:
        maker.unlock(ZERO, passphrase(0))
        maker.make(ZERO)
    with open_stock(home, ZERO) as stock:
        assert [item.bits for item in stock.sets()] == [primes.level.PARAMS.prime_bits] == [TINY.prime_bits]


def test_a_home_without_moduli_that_can_be_written_makes_nothing(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Path) -> None:
        raise StorageError("no")

    monkeypatch.setattr(UsedModuli, "open", fail)
    with pytest.raises(StorageError):
        PrimeMaker(home, lambda _: None)


def test_a_set_that_was_found_waits_for_a_stock_that_another_has(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.directory.LOCK_WAIT", 0.01)
    with PrimeMaker(home, lambda _: None) as maker:
        maker.unlock(ZERO, passphrase(0))
        with open_stock(home, ZERO) as other:
            asked = []
            really = PrimeStock.open

            def look(path: Path) -> PrimeStock:
                asked.append(path)
                if len(asked) == 3:
                    other.close()
                return really(path)

            monkeypatch.setattr(PrimeStock, "open", look)
            assert maker.make(ZERO) == 1
        assert len(asked) == 3
        with open_stock(home, ZERO), pytest.raises(LockedError):
            maker.make(ZERO)
