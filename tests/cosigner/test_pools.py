"""What a wallet whose parties are in this process says of its presignatures, and does with them."""

import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from cosigner.errors import NotEnoughSignersError, UnreachableError
from cosigner.home import Home
from cosigner.keeper import Keeper, Refilling, Waiting
from cosigner.local import LocalWallet
from cosigner.pools import PoolFigures, Pools, past_figures
from presig_pool.errors import PoolExhausted
from presig_pool.state import Stock
from presig_pool.watermarks import Watermarks
from protocol.errors import SecretReuseError, UsageError
from protocol.ids import Epoch, PartyId
from tests.cosigner.group import STRANGER, consensus_accepts
from tests.cosigner.wallets import fund, payment, pool, stock_up, unlock
from wallet.amounts import FeeRate
from wallet.errors import RefusedError, UnknownError
from wallet.psbt import extract

P0, P1, P2 = (PartyId(i) for i in range(3))
SMALL = Watermarks(low=1, target=2, max=4, batch=2)


def nobody(_: Refilling | Waiting) -> None:
    """Be told nothing."""


@pytest.fixture
def small(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> LocalWallet:
    """A wallet with all parties unlocked, and small pools."""
    monkeypatch.setattr("cosigner.parties.WATERMARKS", SMALL)
    wallet = request.getfixturevalue("mixed")
    assert isinstance(wallet, LocalWallet)
    unlock(wallet, 0, 1, 2)
    return wallet


def ready(wallet: LocalWallet) -> dict[tuple[PartyId, ...], int]:
    return {stock.signers: stock.ready for stock in wallet.pool_figures().stocks}


def test_order_makes_what_is_asked_for_and_tells_how_far_it_is(small: LocalWallet) -> None:
    told: list[Refilling | Waiting] = []
    assert small.pools.refill((P0, P2), 3, told.append) == 3
    assert [(it.made, it.wanted) for it in told if isinstance(it, Refilling)] == [(0, 3), (2, 3), (3, 3)]
    figures = small.pool_figures()
    assert (figures.kept, figures.watermarks) == (True, SMALL)
    (stock,) = figures.stocks
    assert (stock.signers, stock.ready, stock.doing) == ((0, 2), 3, None)
    assert (stock.statistics.generated, stock.statistics.refill_rate) == (3, 3)
    assert stock.statistics.oldest is not None


def test_order_is_seen_by_others_while_it_runs_and_not_after_it_fails(small: LocalWallet) -> None:
    seen = []

    def leave(record: Refilling | Waiting) -> None:
        seen.extend((stock.doing, record) for stock in small.pool_figures().stocks)
        if seen:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        small.pools.refill((P0, P2), 3, leave)
    assert [doing is record for doing, record in seen] == [True]
    assert small.pool_figures().stocks[0].doing is None


def test_order_stops_at_the_maximum(small: LocalWallet) -> None:
    assert small.pools.refill((P0, P1), 9, nobody) == SMALL.max
    with pytest.raises(UsageError, match="at most 4"):
        small.pools.refill((P0, P1), 1, nobody)


def test_order_begins_no_batch_when_the_keepers_have_ended(small: LocalWallet) -> None:
    begun, ended = threading.Event(), threading.Event()

    def wait(_: Refilling | Waiting) -> None:
        begun.set()
        assert ended.wait(60)

    with ThreadPoolExecutor(1) as threads:
        with small.own_pools.kept(()):
            order = threads.submit(small.pools.refill, (P0, P2), 4, wait)
            assert begun.wait(60)
        ended.set()
        with pytest.raises(UnreachableError, match="stopping"):
            order.result()
    assert ready(small) == {(0, 2): SMALL.batch}
    assert small.pool_figures().stocks[0].doing is None


def test_order_of_others_than_t_signers_is_refused(small: LocalWallet) -> None:
    with pytest.raises(UsageError, match="t parties"):
        small.pools.refill((P0, P1, P2), 1, nobody)


def test_only_what_all_signers_have_counts(small: LocalWallet) -> None:
    stock_up(small, (0, 1), 3)
    stock = pool(small, 1).stocks()[0]
    pool(small, 1).void("of one", int(time.time()))
    stock_up(small, (0, 1), 1)
    assert ready(small) == {(0, 1): 1}
    assert pool(small, 0).statistics(stock, 0).ready == 4
    assert small.pool_figures().stocks[0].statistics.voided == 3


def test_drained_stocks_have_nothing_that_can_be_used(small: LocalWallet) -> None:
    stock_up(small, (0, 1), 2)
    stock_up(small, (0, 2), 3)
    assert small.pools.drain((P0, P1)) == 2
    assert ready(small) == {(0, 1): 0, (0, 2): 3}
    assert small.pools.drain() == 3
    assert ready(small) == {(0, 1): 0, (0, 2): 0}
    fund(small, 50_000, accounts=(1,))
    with pytest.raises(PoolExhausted):
        small.sign(small.draft_send(payment(20_000)).psbt, (P0, P2))


def test_purge_forgets_what_is_void_and_counts_it_for_ever(small: LocalWallet) -> None:
    stock_up(small, (0, 1), 2)
    small.pools.drain()
    assert small.pools.purge() == 4  # rows of two signers
    assert small.pools.purge() == 0
    assert small.pool_figures().stocks[0].statistics.voided == 2


def test_kept_stocks_are_filled_while_the_block_runs(small: LocalWallet) -> None:
    with small.own_pools.kept([(P0, P1), (P1, P2)]):
        until = time.monotonic() + 60
        while ready(small) != {(0, 1): SMALL.target, (1, 2): SMALL.target} and time.monotonic() < until:
            time.sleep(0.05)
    assert ready(small) == {(0, 1): SMALL.target, (1, 2): SMALL.target}
    assert [stock.doing for stock in small.pool_figures().stocks] == [None, None]


def test_keepers_that_have_ended_do_nothing(small: LocalWallet) -> None:
    stock_up(small, (0, 1), SMALL.target)
    with small.own_pools.kept([(P0, P1)]):
        small.own_pools._note(Refilling(small.own_pools._stock((P0, P1)), 0, 2, 0, 4, 0.0))
    assert [stock.doing for stock in small.pool_figures().stocks] == [None]


def test_what_a_keeper_waits_for_is_told(small: LocalWallet, monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(stock: bytes) -> bytes:
        if threading.current_thread().name == "keeper of party 0":  # the party's own keeper reaches it
            raise ConnectionError("no way there")
        return small.parties.own.parties[P1].refills.depth(stock)

    stock_up(small, (0, 1), 1)
    pool(small, 0).watermarks = Watermarks(low=2, target=2, max=4, batch=2)
    monkeypatch.setattr(small.parties.own.parties[P1], "depth", lost)
    with small.own_pools.kept([(P0, P1)]):
        until = time.monotonic() + 60
        while (doing := small.pool_figures().stocks[0].doing) is None and time.monotonic() < until:
            time.sleep(0.05)
    assert isinstance(doing, Waiting)
    assert (doing.peers, "no way there" in doing.reason) == ((P1,), True)


def test_full_disk_of_a_party_is_told_until_it_is_freed(
    small: LocalWallet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cosigner.keeper.POLL_SECONDS", 0.1)
    monkeypatch.setattr("presig_pool.refill.BACK_OFF_SECONDS", 0)
    db = small.parties.own.stores[P0]._db
    db.execute("VACUUM")
    db.execute(f"PRAGMA max_page_count = {db.rows('PRAGMA page_count')[0][0]}")
    small.own_pools.keep_to(Watermarks(low=1, target=8, max=8, batch=8))  # more than a page

    def until(condition: Callable[[PoolFigures], bool]) -> PoolFigures:
        late = time.monotonic() + 60
        while not condition(found := small.pool_figures()) and time.monotonic() < late:
            time.sleep(0.02)
        return found

    def troubles(found: PoolFigures) -> list[bool]:
        return [it.trouble is not None for it in found.parties]

    with small.own_pools.kept([(P0, P1)]):
        full = until(lambda found: any(troubles(found)))
        db.execute("PRAGMA max_page_count = 1000000")
        freed = until(lambda found: not any(troubles(found)) and ready(small) == {(0, 1): 8})
    trouble = full.parties[0].trouble
    assert trouble is not None
    assert (trouble.until is not None, "disk is full" in trouble.reason) == (True, True)
    assert troubles(freed) == [False] * 3
    assert ready(small) == {(0, 1): 8}


def test_party_whose_file_is_lost_is_told_and_the_others_are_shown(small: LocalWallet) -> None:
    stock_up(small, (0, 1), 2)
    stock_up(small, (1, 2), 2)
    small.parties.own.stores[P0]._db.fail()
    found = small.pool_figures()
    trouble, *others = (it.trouble for it in found.parties)
    assert trouble is not None
    assert (trouble.until, "start again" in trouble.reason, others) == (None, True, [None, None])
    assert [(it.signers, it.ready) for it in found.stocks] == [((1, 2), 2)]


def test_order_goes_to_the_signer_that_leads(small: LocalWallet) -> None:
    pools = small.own_pools
    pools._keeper(P1).refill(pools._stock((P0, P1)), 1, nobody)
    assert pools.refill((P0, P1), 1, nobody) == 1


def test_party_has_one_keeper_however_many_threads_ask_for_it(
    small: LocalWallet, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = Pools._new_keeper

    def slow(pools: Pools, party: PartyId, stocks: Iterable[Stock]) -> Keeper:
        time.sleep(0.1)
        return really(pools, party, stocks)

    monkeypatch.setattr(Pools, "_new_keeper", slow)
    with ThreadPoolExecutor(2) as threads:
        one, two = threads.map(small.own_pools._keeper, (P0, P0))
    assert one is two


def test_stock_of_a_party_that_is_sealed_is_neither_shown_nor_filled(small: LocalWallet, home: Home) -> None:
    stock_up(small, (0, 2), 1)
    small.close()
    with LocalWallet.open(home) as opened:
        unlock(opened, 0, 1)
        assert ready(opened) == {}
        with pytest.raises(NotEnoughSignersError, match="party 2 is not where"):
            opened.pools.refill((P0, P2), 1, nobody)
        with pytest.raises(NotEnoughSignersError), opened.own_pools.kept([(P0, P2)]):
            pass


def test_stocks_of_other_epochs_are_not_shown(small: LocalWallet) -> None:
    stock_up(small, (0, 1), 1)
    key, own = small.keys.segwit, small.parties.own
    assert key is not None
    later = replace(key, sharing=replace(key.sharing, epoch=Epoch(1)))
    assert Pools(later, own.parties, own.stores, lambda: 0, SMALL).figures().stocks == ()
    assert past_figures(later, own.stores, SMALL, 0).stocks == ()


# ---- a process that has ended ----


def test_restart_voids_the_pool_and_the_files_say_so(small: LocalWallet, home: Home) -> None:
    stock_up(small, (0, 1), 3)
    fund(small, 50_000, accounts=(1,))
    small.sign(small.draft_send(payment(20_000)).psbt, (P0, P1))
    small.close()
    with LocalWallet.open(home) as sealed:
        past = sealed.pool_figures()
        assert not past.kept
        assert [(it.signers, it.ready) for it in past.stocks] == [((0, 1), 0)]
        statistics = past.stocks[0].statistics
        assert (statistics.burned, statistics.voided, statistics.hourly_use) == (1, 2, 1)
        assert [(it.party, it.voided) for it in past.parties] == [(0, 2), (1, 2), (2, 0)]
        unlock(sealed, 0, 1)
        now = sealed.pool_figures()
        assert now.kept
        assert [(it.party, it.voided) for it in now.parties] == [(0, 2), (1, 2)]
        assert now.stocks[0].statistics.voided == 2


def test_attempts_to_use_a_presignature_again_are_counted(small: LocalWallet) -> None:
    stock_up(small, (0, 1), 1)
    fund(small, 50_000, accounts=(1,))
    (used,) = small.parties.own.parties[P0].ready_presignatures((P0, P1))
    assert [it.reuse_attempts for it in small.pool_figures().parties] == [0, 0, 0]
    small.sign(small.draft_send(payment(20_000)).psbt, (P0, P1))
    stock = pool(small, 0).stocks()[0]
    with pytest.raises(SecretReuseError):
        pool(small, 0).grant(stock, b"\x01" * 32, [used], int(time.time()))
    assert [it.reuse_attempts for it in small.pool_figures().parties] == [1, 0, 0]


def test_wallet_without_segwit_has_no_pool(wallet: LocalWallet) -> None:
    with pytest.raises(UnknownError, match="no SegWit account"):
        wallet.pool_figures()


# ---- signing ----


def test_missing_presignatures_are_made_before_signing_if_wanted(small: LocalWallet) -> None:
    fund(small, 40_000, 50_000, 60_000, accounts=(1,))
    stock_up(small, (0, 1), 1)
    draft = small.draft_send(payment(130_000))
    told: list[Refilling | Waiting] = []
    signed = small.sign(draft.psbt, wait=told.append)
    assert consensus_accepts(draft.psbt, extract(signed.psbt))
    assert signed.presignatures == 3
    assert told[-1].wanted == 2 if isinstance(told[-1], Refilling) else False
    assert ready(small) == {(0, 1): 0}


def test_payment_with_more_inputs_than_a_pool_may_have_is_signed_at_once(small: LocalWallet) -> None:
    fund(small, *[20_000] * 7, accounts=(1,))
    stock_up(small, (0, 1), 2)
    draft = small.draft_send_all(STRANGER, FeeRate(2000))
    told: list[Refilling | Waiting] = []
    signed = small.sign(draft.psbt, wait=told.append)
    assert consensus_accepts(draft.psbt, extract(signed.psbt))
    assert (signed.presignatures, ready(small)) == (7, {(0, 1): 0})
    assert [(it.made, it.wanted) for it in told if isinstance(it, Refilling)] == [
        (0, 5),
        (2, 5),
        (4, 5),
        (5, 5),
    ]


def test_presignatures_that_others_take_are_made_again(
    small: LocalWallet, monkeypatch: pytest.MonkeyPatch
) -> None:
    fund(small, *[20_000] * 3, accounts=(1,))
    psbt, thefts, really = small.draft_send_all(STRANGER, FeeRate(2000)).psbt, [2, 1], Pools.refill

    def refill(pools: Pools, *args: Any, **kwargs: Any) -> int:
        made = really(pools, *args, **kwargs)
        if thefts:
            thefts.pop()
            stock = pools._stock((P0, P1))
            (item, *_) = pool(small, 0).free(stock, 0)
            pool(small, 0).grant(stock, bytes([len(thefts)]) * 32, [item], int(time.time()))
        return made

    monkeypatch.setattr(Pools, "refill", refill)
    assert small.sign(psbt, wait=nobody).presignatures == 3
    assert not thefts
    thefts.extend(range(9))
    with pytest.raises(PoolExhausted):
        small.sign(psbt, wait=nobody)


def test_more_inputs_than_the_signers_can_sign_at_once_are_refused_before_any_work(
    small: LocalWallet, monkeypatch: pytest.MonkeyPatch
) -> None:
    fund(small, *[20_000] * 3, accounts=(1,))
    psbt, told = small.draft_send_all(STRANGER, FeeRate(2000)).psbt, list[Refilling | Waiting]()
    monkeypatch.setattr("cosigner.signing.most_inputs", lambda _: 2)
    with pytest.raises(RefusedError, match=r"2 parties sign at most 2 SegWit inputs .* are 3") as caught:
        small.sign(psbt, wait=told.append)
    assert (caught.value.rule, "send some of them to yourself" in caught.value.hint) == ("inputs", True)
    assert not told


def test_replacement_takes_new_presignatures(small: LocalWallet) -> None:
    stock_up(small, (0, 1), 2)
    fund(small, 50_000, accounts=(1,))
    draft = small.draft_send(payment(20_000))
    assert small.sign(draft.psbt).presignatures == 1
    small.sign(draft.psbt)
    assert ready(small) == {(0, 1): 0}
    assert small.pool_figures().stocks[0].statistics.burned == 2
