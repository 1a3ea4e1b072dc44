"""Keepers that lead refills: their own peers in one process, honest, broken and hostile."""

import errno
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import pytest

from cosigner import keeper as keeper_module
from cosigner.errors import RefillFailedError
from cosigner.keeper import Keeper, Refilling, Waiting
from cosigner.priority import NICE, yield_to_others
from cosigner.refill_messages import Holding, PresignOrder
from cosigner.refilling import Leader, Seen
from cosigner.trouble import Trouble
from ecdsa_cggmp.presignature import Presignature
from native.verify import verify_ecdsa
from presig_pool.errors import LeaseRefused
from presig_pool.refill import BACK_OFF_SECONDS, LEASE_SECONDS, Lease
from presig_pool.state import Stock
from presig_pool.watermarks import Watermarks
from protocol.errors import FaultyPartyError, UnattributedAbort, UsageError
from protocol.ids import Epoch, PartyId, SessionId
from protocol.machine import Sealed
from storage.errors import CorruptError, DiskError, FullError, NewerFormatError, SealedError
from storage.parties import PartyStore
from tests.cosigner.ecdsa_signing import sign, stocked
from tests.cosigner.signers import Peer, Signers
from tests.cosigner.test_presigning import Spoiling
from tests.cosigner.wallets import passphrase
from tests.presig_pool.memory import MemoryStore
from tests.protocol import toss
from tests.storage.cheap import cheap_passphrases

P0, P1, P2 = (PartyId(i) for i in range(3))
NEVER = threading.Event()
WAIT = 60  # seconds until a test gives up
ONE = Watermarks(low=1, target=1, max=3, batch=1)


class Kept:
    """A keeper of a group's party, and what it told."""

    def __init__(self, group: Signers, me: int, *stocks: Stock) -> None:
        self.group, self.told = group, list[Refilling | Waiting]()
        self.keeper = Keeper(group.signer(me), group.peers, stocks, lambda: group.now, self.told.append)

    def tend(self) -> None:
        self.keeper.tend(NEVER)

    @property
    def waiting(self) -> list[Waiting]:
        return [record for record in self.told if isinstance(record, Waiting)]

    @property
    def refilling(self) -> list[Refilling]:
        return [record for record in self.told if isinstance(record, Refilling)]


@pytest.fixture
def group() -> Signers:
    return Signers()


# the watermarks


def test_stock_is_filled_to_its_target_and_then_left_alone(group: Signers) -> None:
    stock = group.stock(0, 1)
    kept = Kept(group, 0, stock)
    kept.tend()
    assert [group.figures(stock, i) for i in (0, 1)] == [(0, 3, 0)] * 2
    assert [(it.batch, it.batches, it.made, it.wanted) for it in kept.refilling] == [
        (0, 2, 0, 3),
        (1, 2, 2, 3),
        (2, 2, 3, 3),
    ]
    start, middle, end = kept.refilling
    assert (start.per_second, start.seconds_left) == (0, None)
    assert middle.seconds_left == pytest.approx((3 - 2) / middle.per_second)
    assert end.seconds_left == 0
    kept.told.clear()
    kept.tend()
    assert kept.told == []


def test_party_keeps_stocks_of_its_own_that_it_leads(group: Signers) -> None:
    stocks = group.stock(0, 1), group.stock(0, 2), group.stock(1, 2)
    kept = Kept(group, 1, *stocks)
    kept.tend()  # party 0 leads the first, is no signer of the third
    assert [group.figures(stock, stock.signers[0])[1] for stock in stocks] == [0, 0, 3]


def test_stock_of_a_party_that_was_started_again_is_filled_anew(group: Signers) -> None:
    stock = group.stock(0, 1)
    kept = Kept(group, 0, stock)
    kept.tend()
    group.stores[1] = MemoryStore()
    group.peers[P1] = group.peer(1)
    kept = Kept(group, 0, stock)
    kept.tend()
    assert group.figures(stock, 0) == (0, 3, 3)
    assert group.figures(stock, 1) == (0, 3, 0)
    assert group.signer(0).pool.ready(stock, group.now) == group.signer(1).pool.ready(stock, group.now)


def test_lease_is_renewed_while_there_is_nothing_to_do(group: Signers) -> None:
    stock = group.stock(0, 1)
    kept = Kept(group, 0, stock)
    kept.tend()
    for _ in range(6):
        group.now += LEASE_SECONDS // 2 + 1
        kept.tend()
    lease = group.signer(1).lease(stock)
    assert lease is not None
    assert (lease.leader, lease.fence) == (0, 0)
    assert lease.until > group.now


def test_what_is_over_is_void_whether_there_is_a_refill_or_not(group: Signers) -> None:
    stock = group.filled(0, 1)
    group.now += group.marks.max_age + 1
    Kept(group, 0).tend()
    assert group.figures(stock, 0) == (0, 0, 2)


def test_what_has_been_void_for_long_is_forgotten_and_still_counted(group: Signers) -> None:
    stock = group.filled(0, 1)
    kept, store = Kept(group, 0), group.stores[0]
    assert isinstance(store, MemoryStore)
    group.signer(0).pool.void("drained", group.now)
    for passed, rows in (
        (0, 2),
        (keeper_module.VOID_SECONDS, 2),
        (1, 2),
        (keeper_module.PURGE_SECONDS - 1, 0),
    ):
        group.now += passed
        kept.tend()
        assert len(store.kept) == rows
    assert group.figures(stock, 0) == (0, 0, 2)


def test_signer_of_another_epoch_takes_no_part(group: Signers) -> None:
    stock = group.stock(0, 1)
    group.shares = [*group.shares]
    refreshed = replace(group.shares[1].sharing, epoch=Epoch(1))
    group.shares[1] = replace(group.shares[1], sharing=refreshed)
    group.peers[P1] = group.peer(1)
    kept = Kept(group, 0, stock)
    kept.tend()
    (waiting,) = kept.waiting
    assert "epoch" in waiting.reason
    assert group.figures(stock, 0) == (0, 0, 0)
    with pytest.raises(LeaseRefused, match="epoch"):
        kept.keeper.refill(stock, 1)


# a user's order


def test_user_gets_as_many_as_were_asked_for(group: Signers) -> None:
    stock, told = group.stock(0, 1), list[Refilling | Waiting]()
    kept = Kept(group, 1)  # it is not its turn
    assert kept.keeper.refill(stock, 1, told.append) == 1
    assert group.figures(stock, 0) == (0, 1, 0)
    assert told
    assert not kept.told
    assert kept.keeper.refill(stock, 3) == 3
    assert kept.keeper.refill(stock, 9) == 1  # up to the maximum
    assert group.figures(stock, 0) == (0, 5, 0)
    with pytest.raises(UsageError, match="at most 5"):
        kept.keeper.refill(stock, 1)
    with pytest.raises(UsageError, match="one presignature or more"):
        kept.keeper.refill(stock, 0)


def test_user_is_told_who_leads_already(group: Signers) -> None:
    stock = group.stock(0, 1)
    group.lend(stock, 0)
    with pytest.raises(LeaseRefused, match="party 0 leads"):
        Kept(group, 1).keeper.refill(stock, 1)
    group.now += LEASE_SECONDS
    assert Kept(group, 1).keeper.refill(stock, 1) == 1


def test_interrupted_order_ends_with_the_batch_that_runs(group: Signers) -> None:
    stock, interrupted = group.stock(0, 1), threading.Event()

    def interrupt(record: Refilling | Waiting) -> None:
        if isinstance(record, Refilling) and record.batch == 1:
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
            interrupted.set()

    def until_told(_: Keeper, stop: threading.Event) -> None:
        if interrupted.is_set():
            stop.wait(WAIT)

    with patch.object(Keeper, "_yield", until_told), pytest.raises(KeyboardInterrupt):
        Kept(group, 0).keeper.refill(stock, 4, interrupt)
    assert [group.figures(stock, i) for i in (0, 1)] == [(0, 2, 0)] * 2


def test_orders_of_one_party_wait_for_each_other() -> None:
    group = Signers(marks=ONE)
    stock, keeper = group.stock(0, 1), Kept(group, 0).keeper
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(lambda _: keeper.refill(stock, 1), range(2))) == [1, 1]
    assert group.figures(stock, 0) == (0, 2, 0)


# two leaders


@pytest.mark.parametrize("attempt", range(3))
def test_of_two_leaders_at_once_exactly_one_has_all_leases(attempt: int) -> None:
    group = Signers()
    stock = group.stock(0, 1)
    start = threading.Barrier(2)

    def order(me: int) -> int:
        start.wait(WAIT)
        try:
            return Kept(group, me).keeper.refill(stock, 2)
        except LeaseRefused:
            return 0

    with ThreadPoolExecutor(2) as pool:
        made = sorted(pool.map(order, (0, 1)))
    assert made == [0, 2]
    assert [group.figures(stock, i) for i in (0, 1)] == [(0, 2, 0)] * 2
    leases = [group.signer(i).lease(stock) for i in (0, 1)]
    assert leases[0] == leases[1] is not None


def test_leaders_of_two_stocks_of_one_party_refill_at_once() -> None:
    group = Signers()
    stocks = {0: group.stock(0, 1), 2: group.stock(1, 2)}
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(lambda me: Kept(group, me).keeper.refill(stocks[me], 2), stocks)) == [2, 2]
    assert group.figures(stocks[0], 1) == group.figures(stocks[2], 1) == (0, 2, 0)


def test_last_lease_is_the_one_with_the_largest_number(group: Signers) -> None:
    stock = group.stock(0, 1)
    old, new = Lease(stock, P0, 3, group.now + 90), Lease(stock, P1, 4, group.now)
    for leases in ((old, new), (new, old), (None, new)):
        held = {PartyId(i): Holding((), 0, False, lease) for i, lease in enumerate(leases)}
        assert Seen(held, ()).lease == new
    assert Seen({P0: Holding((), 0, False, None)}, ()).lease is None


def test_when_a_leader_dies_in_a_batch_the_next_takes_over(group: Signers) -> None:
    stock = group.stock(0, 1)
    group.lend(stock, 0)
    group.open(stock)  # and no more is heard of party 0's keeper
    kept = Kept(group, 1, stock)
    kept.tend()
    assert group.figures(stock, 1) == (0, 0, 0)
    group.now += LEASE_SECONDS
    kept.tend()
    assert [group.figures(stock, i) for i in (0, 1)] == [(0, 3, 0)] * 2
    lease = group.signer(0).lease(stock)
    assert lease is not None
    assert lease.leader == 1


def test_batch_that_a_dead_leader_left_is_void_when_the_next_takes_over(group: Signers) -> None:
    group.made(0, 1)
    stock = group.stock(0, 1)
    group.now += LEASE_SECONDS
    Kept(group, 1, stock).tend()
    assert [group.figures(stock, i) for i in (0, 1)] == [(0, 3, 2)] * 2


# aborts


class Broken(Peer):
    """Fails in one of its methods."""

    at = ""
    error: Exception = ConnectionResetError("gone")

    def _fail(self, name: str) -> None:
        if self.at == name:
            raise self.error

    def depth(self, stock: bytes) -> bytes:
        self._fail("depth")
        return super().depth(stock)

    def lend(self, leader: PartyId, asked: bytes) -> bytes:
        self._fail("lend")
        return super().lend(leader, asked)

    def open_presigning(self, leader: PartyId, order: PresignOrder) -> Sequence[Sealed]:
        self._fail("open")
        return super().open_presigning(leader, order)

    def receive(self, sender: PartyId, envelope: bytes) -> Sequence[Sealed]:
        self._fail("receive")
        return super().receive(sender, envelope)

    def vouch(self, session: SessionId) -> bytes:
        self._fail("vouch")
        return super().vouch(session)

    def confirm(self, session: SessionId, vouchers: Mapping[PartyId, bytes]) -> None:
        self._fail("confirm")
        super().confirm(session, vouchers)


def with_peer(group: Signers, i: int, kind: type[Peer]) -> Peer:
    group.peers[PartyId(i)] = group.peer(i, kind)
    return group.peers[PartyId(i)]


GONE, REFUSED = ConnectionResetError("gone"), UsageError("no")


@pytest.mark.parametrize(
    ("at", "error"),
    [
        ("depth", GONE),
        ("lend", REFUSED),
        ("open", REFUSED),
        ("receive", GONE),
        ("receive", REFUSED),
        ("vouch", REFUSED),
        ("confirm", GONE),
    ],
)
def test_peer_that_fails_is_named_and_waited_for(at: str, error: Exception) -> None:
    group = Signers(marks=ONE)
    broken = with_peer(group, 1, Broken)
    assert isinstance(broken, Broken)
    broken.at, broken.error = at, error
    stock, other = group.stock(0, 1), group.stock(0, 2)
    kept = Kept(group, 0, stock, other)
    kept.tend()
    (waiting,) = kept.waiting
    assert (waiting.peers, waiting.until) == ((P1,), group.now + BACK_OFF_SECONDS)
    assert "party 1" in waiting.reason
    assert str(error) in waiting.reason
    assert group.figures(other, 2) == (0, 1, 0)  # others do not wait
    assert not any(group.signer(i)._sessions.open_protocols() for i in (0, 1))
    kept.told.clear()
    kept.tend()
    assert not kept.told
    # it comes back
    broken.at = ""
    group.now += BACK_OFF_SECONDS
    kept.tend()
    assert not kept.waiting
    ready = [group.signer(i).pool.ready(stock, group.now) for i in (0, 1)]
    assert ready[0] == ready[1]
    assert len(ready[0]) == 1


def test_back_off_doubles_until_a_refill_succeeds() -> None:
    group = Signers(marks=ONE)
    broken = with_peer(group, 1, Broken)
    assert isinstance(broken, Broken)
    broken.at = "open"
    stock, waits = group.stock(0, 1), []
    kept = Kept(group, 0, stock)

    def fail() -> None:
        kept.tend()
        waits.append(kept.waiting[-1].until - group.now)
        group.now = kept.waiting[-1].until

    for _ in range(3):
        fail()
    broken.at = ""
    kept.tend()
    assert group.figures(stock, 0) == (0, 1, 0)
    broken.at = "depth"
    fail()
    assert waits == [BACK_OFF_SECONDS, 2 * BACK_OFF_SECONDS, 4 * BACK_OFF_SECONDS, BACK_OFF_SECONDS]


def test_user_may_try_at_once_and_is_told_with_whom_it_failed(group: Signers) -> None:
    broken = with_peer(group, 1, Broken)
    assert isinstance(broken, Broken)
    broken.at = "open"
    kept = Kept(group, 0, group.stock(0, 1))
    for _ in range(2):
        with pytest.raises(RefillFailedError, match="party 1: gone") as caught:
            kept.keeper.refill(group.stock(0, 1), 1)
        assert caught.value.named == {1}
    broken.at = ""
    kept.tend()  # the keeper itself waits
    assert kept.told == [Refilling(group.stock(0, 1), 0, 1, 0, 1, pytest.approx(0, abs=9))] * 2
    assert kept.keeper.refill(group.stock(0, 1), 1) == 1


def test_wrong_proof_names_its_sender_with_evidence() -> None:
    group = Signers(5, 3)
    with_peer(group, 2, Spoiling)
    kept = Kept(group, 0)
    with pytest.raises(RefillFailedError) as caught:
        kept.keeper.refill(group.stock(0, 1, 2), 1)
    assert caught.value.named == {2}
    cause = caught.value.__cause__
    assert isinstance(cause, FaultyPartyError)
    assert cause.evidence


@pytest.mark.parametrize(
    ("at", "error", "blamed"),
    [
        ("open", REFUSED, True),
        ("receive", GONE, True),
        ("confirm", FullError("full"), True),
        ("receive", REFUSED, False),
        ("receive", UnattributedAbort("round", [P0]), False),
        ("vouch", REFUSED, False),
        ("confirm", REFUSED, False),
    ],
)
def test_what_a_signer_may_have_spoiled_for_another_delays_no_other_set_of_signers(
    at: str, error: Exception, blamed: bool
) -> None:
    group = Signers(4, 3, marks=ONE)
    broken = with_peer(group, 1, Broken)
    assert isinstance(broken, Broken)
    broken.at, broken.error = at, error
    spoiled, other = group.stock(0, 1, 2), group.stock(0, 1, 3)
    kept = Kept(group, 0, spoiled, other)
    with pytest.raises(RefillFailedError) as caught:
        kept.keeper.refill(spoiled, 1)
    assert (caught.value.named, caught.value.blamed) == ({1}, {1} if blamed else set())
    broken.at = ""
    kept.tend()
    assert [group.figures(stock, 1)[1] for stock in (spoiled, other)] == [0, 0 if blamed else 1]


def test_proven_culprit_delays_all_stocks_that_it_signs_and_no_other() -> None:
    group = Signers(4, 3, marks=ONE)
    with_peer(group, 2, Spoiling)
    spoiled, its, other = group.stock(0, 1, 2), group.stock(0, 2, 3), group.stock(0, 1, 3)
    kept = Kept(group, 0, spoiled, its, other)
    with pytest.raises(RefillFailedError) as caught:
        kept.keeper.refill(spoiled, 1)
    assert caught.value.blamed == {2}
    kept.tend()
    assert [group.figures(stock, 0)[1] for stock in (spoiled, its, other)] == [0, 0, 1]


class Slanderer(Peer):
    """Says that another party has cheated, without a proof."""

    def receive(self, sender: PartyId, envelope: bytes) -> Sequence[Sealed]:
        raise FaultyPartyError({P2: "round"})


def test_blame_without_evidence_falls_on_who_says_it() -> None:
    group = Signers(5, 3)
    with_peer(group, 1, Slanderer)
    with pytest.raises(RefillFailedError) as caught:
        Kept(group, 0).keeper.refill(group.stock(0, 1, 2), 1)
    assert caught.value.named == {1}


class Silent(Peer):
    """Takes messages and answers none."""

    def receive(self, sender: PartyId, envelope: bytes) -> Sequence[Sealed]:
        return ()


def test_peer_that_does_not_answer_is_named() -> None:
    group = Signers(5, 3)
    with_peer(group, 1, Silent)
    with pytest.raises(RefillFailedError) as caught:
        Kept(group, 0).keeper.refill(group.stock(0, 1, 2), 1)
    assert caught.value.named == {1}


class Otherwise(Peer):
    """Vouches for another batch, or does not vouch."""

    say: Callable[[bytes], bytes]

    def vouch(self, session: SessionId) -> bytes:
        return self.say(super().vouch(session))


@pytest.mark.parametrize("say", [lambda v: b"", lambda v: v[:32] + bytes(64)])
def test_signer_who_does_not_vouch_is_a_suspect(say: Callable[[bytes], bytes]) -> None:
    group = Signers(5, 3)
    otherwise = with_peer(group, 1, Otherwise)
    assert isinstance(otherwise, Otherwise)
    otherwise.say = say
    stock = group.stock(0, 1, 2)
    with pytest.raises(RefillFailedError) as caught:
        Kept(group, 0).keeper.refill(stock, 1)
    assert caught.value.named == {1}
    assert isinstance(caught.value.__cause__, UnattributedAbort)
    assert {group.figures(stock, i)[1] for i in (0, 1, 2)} == {0}
    otherwise.say = lambda voucher: voucher
    assert Kept(group, 0).keeper.refill(stock, 1) == 1
    assert {group.figures(stock, i) for i in (0, 1, 2)} == {(0, 1, 1)}


class Liar(Peer):
    """Says that it has what nobody has, or nothing."""

    answer: bytes

    def depth(self, stock: bytes) -> bytes:
        return self.answer


LIES = {
    "nothing": b"",
    "too short": b"\xff" * 9,
    "another presignature": b"\0\1" + bytes(32) + bytes(4),
    "a last lease": bytes(5) + b"\1\0" + b"\xff" * 8 + bytes(2),
    "a large lease": bytes(5) + b"\1\0\x7f" + b"\xff" * 7 + bytes(2),
}


@pytest.mark.parametrize("answer", LIES.values(), ids=LIES)
def test_peer_that_lies_about_its_depth_does_not_stop_the_keeper(answer: bytes) -> None:
    group = Signers(marks=ONE)
    liar = with_peer(group, 1, Liar)
    assert isinstance(liar, Liar)
    liar.answer = answer
    stock, other = group.stock(0, 1), group.stock(0, 2)
    kept = Kept(group, 0, stock, other)
    kept.tend()
    group.now += LEASE_SECONDS
    kept.tend()
    assert group.figures(other, 0)[1] == 1
    assert group.figures(stock, 0)[1] <= group.marks.max


def test_last_lease_that_a_peer_claims_is_not_blamed_on_who_would_refuse_the_next() -> None:
    group = Signers(4, 3, marks=ONE)
    liar = with_peer(group, 1, Liar)
    assert isinstance(liar, Liar)
    liar.answer = bytes(5) + b"\1\1\x7f" + b"\xff" * 7 + bytes(2)
    kept = Kept(group, 3, group.stock(0, 1, 3))
    kept.tend()
    assert [(it.peers, "no more leases" in it.reason) for it in kept.waiting] == [((), True)]


# the party's own file


class Failing(MemoryStore):
    """A store whose file fails at one of its methods."""

    at: str | None = None
    error: Exception = FullError("the disk is full", "free some space")

    def _fail(self, name: str) -> None:
        if self.at == name:
            raise self.error

    def ready(self, stock: Stock, limit: int) -> Sequence[bytes]:
        self._fail("ready")
        return super().ready(stock, limit)

    def add(self, presignatures: Sequence[Presignature], batch: bytes, now: int) -> None:
        self._fail("add")
        super().add(presignatures, batch, now)

    def confirm(self, ids: Sequence[bytes], now: int) -> None:
        self._fail("confirm")
        super().confirm(ids, now)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        self._fail("transaction")
        with super().transaction():
            yield


@pytest.fixture
def failing() -> Failing:
    return Failing()


@pytest.fixture
def troubled(failing: Failing) -> Kept:
    """A keeper of party 0, whose own store can fail."""
    group = Signers(marks=ONE, stores={0: failing})
    return Kept(group, 0, group.stock(0, 1))


@pytest.mark.parametrize("at", ["ready", "add", "confirm", "transaction"])
@pytest.mark.parametrize("error", [Failing.error, OSError(errno.EIO, "the disk failed")])
def test_keeper_whose_own_file_fails_says_so_blames_nobody_and_goes_on_when_it_works(
    troubled: Kept, failing: Failing, at: str, error: Exception
) -> None:
    group, (stock,) = troubled.group, troubled.keeper._stocks
    failing.at, failing.error = at, error
    troubled.tend()
    trouble = troubled.keeper.trouble
    assert trouble is not None
    assert (trouble.until, str(error) in trouble.reason) == (group.now + BACK_OFF_SECONDS, True)
    assert not troubled.waiting
    assert not troubled.keeper._backoffs
    failing.at = None
    group.now += BACK_OFF_SECONDS - 1
    troubled.tend()
    assert group.figures(stock, 0)[1] == 0  # it rests
    assert troubled.keeper.trouble == trouble
    group.now += 1
    troubled.tend()
    assert [group.figures(stock, i)[1] for i in (0, 1)] == [1, 1]
    assert troubled.keeper.trouble is None


def test_rest_doubles_while_the_own_file_fails(troubled: Kept, failing: Failing) -> None:
    rests = []
    failing.at = "transaction"
    for _ in range(3):
        troubled.tend()
        assert troubled.keeper.trouble is not None
        rests.append((troubled.keeper.trouble.until or 0) - troubled.group.now)
        troubled.group.now += rests[-1]
    assert rests == [BACK_OFF_SECONDS, 2 * BACK_OFF_SECONDS, 4 * BACK_OFF_SECONDS]
    assert "free some space" in troubled.keeper.trouble.reason
    failing.at = None
    troubled.tend()
    failing.at = "transaction"
    troubled.tend()
    assert troubled.keeper.trouble.until == troubled.group.now + BACK_OFF_SECONDS


@pytest.mark.parametrize(
    "error", [CorruptError("damaged"), DiskError("given up"), SealedError("sealed"), NewerFormatError("new")]
)
def test_keeper_ends_when_the_own_file_is_lost(troubled: Kept, failing: Failing, error: Exception) -> None:
    failing.at, failing.error = "transaction", error
    # in a thread of its own, whose priority stays low
    with patch.object(keeper_module, "POLL_SECONDS", 0.01), ThreadPoolExecutor(1) as pool:
        pool.submit(troubled.keeper.run, NEVER).result(WAIT)
    trouble = troubled.keeper.trouble
    assert trouble is not None
    assert (trouble.until, str(error) in trouble.reason) == (None, True)


def test_loop_goes_on_after_the_own_file_has_failed(troubled: Kept, failing: Failing) -> None:
    stop, (stock,) = threading.Event(), troubled.keeper._stocks
    failing.at = "transaction"
    with patch.object(keeper_module, "POLL_SECONDS", 0.1):
        thread = threading.Thread(target=troubled.keeper.run, args=(stop,))
        thread.start()
        try:
            until = time.monotonic() + WAIT
            while troubled.keeper.trouble is None and time.monotonic() < until:
                time.sleep(0.02)
            failing.at = None
            troubled.group.now += BACK_OFF_SECONDS
            while not troubled.group.figures(stock, 0)[1] and time.monotonic() < until:
                time.sleep(0.02)
        finally:
            stop.set()
            thread.join(WAIT)
    assert troubled.group.figures(stock, 0)[1] == 1
    assert troubled.keeper.trouble is None


def test_error_of_the_program_is_told_and_ends_no_keeper(
    troubled: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Elsewhere in the suite an error that a thread tells fails the test."""
    stop, (stock,), told = threading.Event(), troubled.keeper._stocks, list[threading.ExceptHookArgs]()
    monkeypatch.setattr(threading, "excepthook", told.append)
    monkeypatch.setattr(keeper_module, "POLL_SECONDS", 0.02)
    with patch.object(Leader, "look", side_effect=KeyError("what nobody is to see")) as look:
        with pytest.raises(KeyError):
            troubled.tend()
        thread = threading.Thread(target=troubled.keeper.run, args=(stop,))
        thread.start()
        try:
            until = time.monotonic() + WAIT
            while troubled.keeper.trouble is None and time.monotonic() < until:
                time.sleep(0.02)
            trouble = troubled.keeper.trouble
            assert trouble == Trouble(
                troubled.group.now + BACK_OFF_SECONDS, "an error in the program, KeyError: its log says where"
            )
            assert look.call_count == 2  # it rests
        finally:
            stop.set()
            thread.join(WAIT)
    assert [(args.exc_type, args.thread) for args in told] == [(KeyError, thread)]
    troubled.group.now += BACK_OFF_SECONDS
    troubled.tend()
    assert troubled.group.figures(stock, 0)[1] == 1
    assert troubled.keeper.trouble is None


def test_user_may_try_before_the_rest_is_over(troubled: Kept, failing: Failing) -> None:
    (stock,) = troubled.keeper._stocks
    failing.at = "add"
    with pytest.raises(RefillFailedError, match="party 0: the disk is full") as caught:
        troubled.keeper.refill(stock, 1)
    assert caught.value.named == {0}
    assert troubled.keeper.trouble is not None
    assert not troubled.keeper._backoffs
    failing.at = None
    assert troubled.keeper.refill(stock, 1) == 1
    assert troubled.keeper.trouble is None


def test_file_of_a_peer_is_waited_for_as_the_peer_is(failing: Failing) -> None:
    group = Signers(marks=ONE, stores={1: failing})
    kept = Kept(group, 0, group.stock(0, 1))
    failing.at, failing.error = "add", CorruptError("damaged")
    kept.tend()
    assert kept.keeper.trouble is None
    assert kept.waiting[0].peers == (1,)


# signatures


def open_toss(group: Signers, i: int) -> SessionId:
    """A session that is no refill."""
    place = toss.session(i, toss.header(session=b"%d" % i))
    group.signer(i)._sessions.open(place, toss.opening(place), lambda _: None)
    return place.header.session


def test_no_refill_begins_while_a_signer_of_the_stock_signs_but_not_for_ever(group: Signers) -> None:
    stock = group.stock(0, 1)
    kept = Kept(group, 0, stock)
    session = open_toss(group, 1)
    kept.tend()
    assert group.figures(stock, 0) == (0, 0, 0)
    group.now += keeper_module.PATIENCE_SECONDS - 1
    kept.tend()
    assert group.figures(stock, 0) == (0, 0, 0)
    group.signer(1)._sessions.end(session)
    kept.tend()
    assert group.figures(stock, 0) == (0, 3, 0)


def test_party_that_signs_without_a_pause_gets_presignatures(group: Signers) -> None:
    stock = group.stock(0, 1)
    kept = Kept(group, 0, stock)
    open_toss(group, 1)
    kept.tend()
    group.now += keeper_module.PATIENCE_SECONDS
    kept.tend()
    assert group.figures(stock, 0) == (0, 3, 0)


def test_refill_pauses_between_batches_while_the_party_signs(group: Signers) -> None:
    stock, signing = group.stock(0, 1), list[bool]()
    make = Leader.make

    def watched(leader: Leader, fence: int, count: int) -> None:
        signing.append(group.signer(0).signing)
        make(leader, fence, count)

    def sign(record: Refilling | Waiting) -> None:
        if isinstance(record, Refilling) and record.batch == 1:
            session = open_toss(group, 0)
            threading.Timer(0.3, group.signer(0)._sessions.end, [session]).start()

    with patch.object(Leader, "make", watched):
        assert Kept(group, 0).keeper.refill(stock, 3, sign) == 3
    assert signing == [False, False]


# the loop


def test_loop_refills_what_was_used_and_stops() -> None:
    group = Signers(marks=ONE)
    stock = group.stock(0, 1)
    kept, stop = Kept(group, 0, stock), threading.Event()

    def wait_for(ready: int) -> None:
        until = time.monotonic() + WAIT
        while group.figures(stock, 0)[1] != ready and time.monotonic() < until:
            time.sleep(0.02)
        assert group.figures(stock, 0)[1] == ready

    with patch.object(keeper_module, "POLL_SECONDS", 0.2):
        thread = threading.Thread(target=kept.keeper.run, args=(stop,))
        thread.start()
        try:
            wait_for(1)
            made = group.figures(stock, 0)
            for i in (0, 1):
                group.signer(i).pool.void("a signature used them", group.now)
            wait_for(1)
            assert group.figures(stock, 0) != made
        finally:
            stop.set()
            thread.join(WAIT)
    assert not thread.is_alive()


@pytest.mark.skipif(sys.platform != "linux", reason="threads have priorities of their own on Linux")
def test_work_for_refills_has_a_lower_priority_in_all_its_threads(group: Signers) -> None:
    stock, seen = group.stock(0, 1), set[int]()

    class Prioritised(Peer):
        def receive(self, sender: PartyId, envelope: bytes) -> Sequence[Sealed]:
            seen.add(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
            return super().receive(sender, envelope)

        def open_presigning(self, leader: PartyId, order: PresignOrder) -> Sequence[Sealed]:
            seen.add(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
            return super().open_presigning(leader, order)

    for i in (0, 1):
        with_peer(group, i, Prioritised)
    mine = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    Kept(group, 0).keeper.refill(stock, 1)
    assert seen == {max(mine, NICE)}
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == mine


def test_priority_that_cannot_be_lowered_is_no_error() -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    with patch.object(os, "setpriority", refuse):
        yield_to_others()
    with patch.object(sys, "platform", "darwin"), patch.object(os, "setpriority", side_effect=AssertionError):
        yield_to_others()


# on disks


def test_stocks_in_files_are_filled(tmp_path: Path) -> None:
    with cheap_passphrases():
        files = [PartyStore.create(tmp_path / str(i) / "party.db", PartyId(i), passphrase(i)) for i in (0, 1)]
    try:
        stores = {i: file.presignatures for i, file in enumerate(files)}
        group = Signers(stores=stores)
        stock = group.stock(0, 1)
        Kept(group, 0, stock).tend()
        assert [group.figures(stock, i) for i in (0, 1)] == [(0, 3, 0)] * 2
        ready = group.signer(0).pool.ready(stock, group.now)
        assert ready == group.signer(1).pool.ready(stock, group.now)
    finally:
        for file in files:
            file.close()


def test_signatures_are_made_while_a_refill_runs() -> None:
    group = Signers(marks=Watermarks(low=1, target=20, max=40, batch=4))
    in_batch, go_on = threading.Event(), threading.Event()

    class Paused(Peer):
        def receive(self, sender: PartyId, envelope: bytes) -> Sequence[Sealed]:
            if threading.current_thread().name.startswith("refill"):
                in_batch.set()
                assert go_on.wait(WAIT)
            return super().receive(sender, envelope)

    with_peer(group, 1, Paused)
    stock = stocked(group, 0, 1, count=6)
    digest = bytes(range(32))

    def sign_three() -> None:
        for _ in range(3):
            assert verify_ecdsa(sign(group, stock, digest), digest, group.shares[0].sharing.key)

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(Kept(group, 0).keeper.refill, stock, 8)
        try:
            assert in_batch.wait(WAIT)
            sign_three()
            assert not running.done()
        finally:
            go_on.set()
        sign_three()
        assert running.result(WAIT) == 8
    assert {group.figures(stock, i)[:2] for i in (0, 1)} == {(0, 8)}
    assert group.signer(0).pool.ready(stock, group.now) == group.signer(1).pool.ready(stock, group.now)
    assert verify_ecdsa(sign(group, stock, digest), digest, group.shares[0].sharing.key)
