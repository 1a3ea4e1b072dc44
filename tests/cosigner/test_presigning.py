"""One party's side of refills, towards leaders and peers that want something else."""

import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import NoReturn
from unittest.mock import patch

import pytest

from cosigner import presigning, randomness
from cosigner.presigning import Signer
from cosigner.refill_messages import Holding, KeepRequest, LeaseRequest, PresignOrder, vouch, write_stock
from cosigner.steps import Deed
from cosigner.waste import MOST_WASTED, WINDOW_SECONDS
from ecdsa_cggmp.aux_info import AuxInfo
from ecdsa_cggmp.presign_messages import MULTIPLY, PresignPlan
from ecdsa_cggmp.presignature import Presignature
from native.entropy import random_bytes
from native.errors import MemoryLockError, WipedError
from presig_pool.errors import LeaseRefused
from presig_pool.refill import LEASE_SECONDS, Lease
from presig_pool.state import Stock
from presig_pool.watermarks import Watermarks
from protocol.codec import decode
from protocol.errors import EncodingError, FaultyPartyError, MpcError, UnattributedAbort, UsageError
from protocol.header import HEADER_LIMIT, Header
from protocol.ids import Epoch, PartyId, SessionId
from protocol.machine import Sealed
from protocol.session import Session
from protocol.signed import Kind, read_envelope
from storage.errors import FullError
from tests.cosigner.signers import Peer, Signers
from tests.presig_pool.memory import MemoryStore
from tests.protocol import toss

P0, P1, P2 = (PartyId(i) for i in range(3))


@pytest.fixture
def group() -> Signers:
    return Signers()


def order(header: Header, fence: int = 0) -> PresignOrder:
    return PresignOrder(bytes(header), fence)


# a refill that goes well


@pytest.mark.parametrize(("n", "ids"), [(3, (0, 2)), (5, (0, 1, 3))])
def test_batch_is_ready_when_all_signers_have_vouched_for_it(n: int, ids: tuple[int, ...]) -> None:
    group = Signers(n, len(ids))
    stock = group.stock(*ids)
    header = group.made(*ids)
    assert {group.figures(stock, i) for i in ids} == {(2, 0, 0)}
    vouchers = group.vouchers(header)
    for i in ids:
        group.signer(i).confirm(header.session, vouchers)
    assert {group.figures(stock, i) for i in ids} == {(0, 2, 0)}
    assert len({group.signer(i).pool.ready(stock, group.now) for i in ids}) == 1
    deeds = [step.deed for step in group.steps if step.actor == ids[0]]
    assert deeds == [Deed.PRESIGNATURES_MADE, Deed.PRESIGNATURES_READY]


class FullStore(MemoryStore):
    def add(self, presignatures: Sequence[Presignature], batch: bytes, now: int) -> None:
        raise FullError("the disk is full")


def test_party_that_cannot_keep_its_batch_fails_the_session() -> None:
    group = Signers(stores={1: FullStore()})
    stock = group.stock(0, 1)
    group.lend(stock, 0)
    header = group.open(stock)
    errors = {failure.party: failure.error for failure in group.carry(header)}
    assert isinstance(errors[P1], FullError)
    with pytest.raises(UsageError, match="made no batch"):
        group.signer(1).vouch(header.session)
    # party 0 may have its batch, but no voucher of party 1
    group.now += LEASE_SECONDS
    group.signer(0).expire()
    assert group.figures(stock, 0)[:2] == (0, 0)


# leases


def test_leader_needs_a_lease_of_its_own_that_is_not_over(group: Signers) -> None:
    stock, signer = group.stock(0, 1), group.signer(1)

    def refused(leader: PartyId = P0, fence: int = 0) -> None:
        with pytest.raises(LeaseRefused, match="does not lead"):
            signer.open_presigning(leader, order(group.signer(0).header(stock, 1), fence))

    refused()
    signer.lend(P0, bytes(LeaseRequest(stock, 7)))
    refused(P1, 7)
    refused(P2, 7)
    refused(P0, 6)
    group.now += LEASE_SECONDS
    refused(P0, 7)
    signer.lend(P0, bytes(LeaseRequest(stock, 8)))
    assert signer.open_presigning(P0, order(group.signer(0).header(stock, 1), 8))


def test_lease_is_lent_to_one_leader_at_a_time(group: Signers) -> None:
    stock, signer = group.stock(0, 1), group.signer(1)
    signer.lend(P0, bytes(LeaseRequest(stock, 0)))
    signer.lend(P0, bytes(LeaseRequest(stock, 0)))
    for leader in (P1, P2):
        with pytest.raises(LeaseRefused):
            signer.lend(leader, bytes(LeaseRequest(stock, 5)))
    assert signer.lease(stock) == Lease(stock, P0, 0, group.now + LEASE_SECONDS)
    group.now += LEASE_SECONDS
    signer.lend(P1, bytes(LeaseRequest(stock, 1)))


def test_lease_is_of_a_stock_of_the_own_key_and_epoch(group: Signers) -> None:
    own = group.stock(0, 1)
    other = Signers().stock(0, 1)
    for stock in (other, group.stock(0, 2), replace(own, signers=(P0, P1, P2)), replace(own, signers=(P1,))):
        for ask in (
            lambda s=stock: group.signer(1).lend(P0, bytes(LeaseRequest(s, 0))),
            lambda s=stock: group.signer(1).depth(write_stock(s)),
            lambda s=stock: group.signer(1).keep(P0, bytes(KeepRequest(LeaseRequest(s, 0), ()))),
        ):
            with pytest.raises(UsageError, match="stock"):
                ask()
    with pytest.raises(LeaseRefused, match="epoch"):
        group.signer(1).lend(P0, bytes(LeaseRequest(replace(own, epoch=Epoch(1)), 0)))
    with pytest.raises(UsageError, match="t parties"):
        group.signer(1).stock([P1, PartyId(3)])


def test_leader_gets_leases_of_a_bounded_number_of_stocks() -> None:
    group = Signers(5, 2)
    with patch.object(presigning, "MAX_STOCKS", 1):
        group.signer(1).lend(P1, bytes(LeaseRequest(group.stock(1, 2), 0)))
        group.signer(1).lend(P1, bytes(LeaseRequest(group.stock(1, 2), 0)))
        with pytest.raises(LeaseRefused, match="stocks"):
            group.signer(1).lend(P1, bytes(LeaseRequest(group.stock(1, 3), 0)))
        group.signer(1).lend(P0, bytes(LeaseRequest(group.stock(0, 1), 0)))


def waste(group: Signers, stock: Stock, times: int, leader: PartyId = P0) -> None:
    """Have batches begun at signer 1 and given up."""
    signer = group.signer(1)
    for _ in range(times):
        header = group.signer(leader).header(stock, 1)
        signer.open_presigning(leader, order(header))
        signer._sessions.end(header.session)


def test_leader_who_leaves_batches_unfinished_is_refused_for_an_hour() -> None:
    group = Signers(3, 2)
    stock, signer, began = group.stock(0, 1), group.signer(1), group.now
    signer.lend(P0, bytes(LeaseRequest(stock, 0)))
    waste(group, stock, MOST_WASTED)
    with pytest.raises(LeaseRefused, match=r"party 0 has left 8 batches .* in 61 min"):
        signer.open_presigning(P0, order(group.signer(0).header(stock, 1)))
    with pytest.raises(LeaseRefused, match="party 0 has left"):  # so that another one gets its turn
        signer.lend(P0, bytes(LeaseRequest(stock, 0)))
    other = group.stock(1, 2)
    signer.lend(P2, bytes(LeaseRequest(other, 0)))
    waste(group, other, 1, P2)
    group.now += LEASE_SECONDS
    signer.lend(P1, bytes(LeaseRequest(stock, 1)))
    group.now = began + WINDOW_SECONDS - 1
    with pytest.raises(LeaseRefused, match="in 1 min"):
        signer.lend(P0, bytes(LeaseRequest(stock, 2)))
    group.now += 1
    signer.lend(P0, bytes(LeaseRequest(stock, 2)))
    assert signer.open_presigning(P0, order(group.signer(0).header(stock, 1), 2))


def test_clock_that_is_set_back_refuses_no_leader_for_longer(group: Signers) -> None:
    stock = group.stock(0, 1)
    group.signer(1).lend(P0, bytes(LeaseRequest(stock, 0)))
    waste(group, stock, MOST_WASTED)
    group.now -= 1
    group.signer(1).lend(P0, bytes(LeaseRequest(stock, 0)))


def test_finished_batches_are_no_waste_unless_their_leader_has_them_voided(group: Signers) -> None:
    stock = group.stock(0, 1)
    group.lend(stock, 0)
    waste(group, stock, MOST_WASTED - 1)
    group.filled(0, 1, count=1)
    group.filled(0, 1, count=1)
    group.signer(1).keep(P0, bytes(KeepRequest(LeaseRequest(stock, 0), group.signer(1).pool.ready(stock, 0))))
    group.signer(1).lend(P0, bytes(LeaseRequest(stock, 0)))
    group.signer(1).keep(P0, bytes(KeepRequest(LeaseRequest(stock, 0), ())))
    with pytest.raises(LeaseRefused, match="unfinished or void"):
        group.signer(1).lend(P0, bytes(LeaseRequest(stock, 0)))


def test_request_that_costs_nothing_is_no_waste(group: Signers) -> None:
    stock = group.stock(0, 1)
    group.lend(stock, 0)
    for _ in range(MOST_WASTED):
        with pytest.raises(UsageError, match="at most 2"):
            group.signer(1).open_presigning(P0, order(group.signer(0).header(stock, 3)))
    group.lend(stock, 0)


@pytest.mark.parametrize("data", [b"", b"\0", bytes(33) + b"\xff" * 8 + b"\x01\0" + bytes(8), bytes(43)])
def test_malformed_requests_are_refused(group: Signers, data: bytes) -> None:
    signer = group.signer(1)
    for ask in (signer.depth, lambda it: signer.lend(P0, it), lambda it: signer.keep(P0, it)):
        with pytest.raises(EncodingError):
            ask(data)
    with pytest.raises(EncodingError):
        signer.open_presigning(P0, PresignOrder(data, 0))


# orders


def test_batch_is_within_the_watermarks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("presig_pool.watermarks.MAX_PAYMENT", 1)
    group = Signers(marks=Watermarks(low=1, target=2, max=2, batch=2))
    stock, signer = group.stock(0, 1), group.signer(1)
    group.lend(stock, 0)
    for count in (3, 1024):
        plan = replace(PresignPlan.of(signer.header(stock, 1), group.params), batch=count)
        header = replace(signer.header(stock, 1), params=bytes(plan))
        with pytest.raises(MpcError, match=r"at most 2|too long"):
            signer.open_presigning(P0, order(header))
    group.filled(0, 1, count=2)
    with pytest.raises(UsageError, match="the pool has at most 3"):
        signer.open_presigning(P0, order(signer.header(stock, 2)))


def changed(header: Header, group: Signers, name: str) -> Header:
    plan = PresignPlan.of(header, group.params)
    sharing = plan.sharing
    match name:
        case "epoch":
            plan = replace(plan, sharing=replace(sharing, epoch=Epoch(1)))
        case "key":
            plan = replace(plan, sharing=Signers().shares[0].sharing)
        case "auxiliary info":
            plan = replace(plan, publics={P0: plan.publics[P1], P1: plan.publics[P0]})
        case "roster":
            return replace(header, roster=bytes(32))
        case "protocol":
            return replace(header, protocol="CGGMP24 sign")
        case "version":
            return replace(header, version=2)
        case "params":
            return replace(header, params=header.params[:-1])
    return replace(header, params=bytes(plan))


@pytest.mark.parametrize(
    "name", ["epoch", "key", "auxiliary info", "roster", "protocol", "version", "params", "parties"]
)
def test_session_is_of_the_own_key_epoch_auxiliary_info_and_roster(group: Signers, name: str) -> None:
    stock, signer = group.stock(0, 1), group.signer(1)
    group.lend(stock, 0)
    header = changed(signer.header(stock, 1), group, name)
    if name == "parties":
        header = group.signer(0).header(group.stock(0, 2), 1)
    with pytest.raises(MpcError) as caught:
        signer.open_presigning(P0, order(header))
    assert isinstance(caught.value, UsageError | EncodingError | LeaseRefused)
    # what was refused is in nobody's way
    assert signer.open_presigning(P0, order(signer.header(stock, 1)))


def test_plan_of_another_key_is_refused_even_with_a_lease(group: Signers) -> None:
    """The lease is for the stock alone: the public shares of the plan are compared, too."""
    stock, signer = group.stock(0, 1), group.signer(1)
    group.lend(stock, 0)
    plan = PresignPlan.of(signer.header(stock, 1), group.params)
    shares = plan.sharing.pubshares
    altered = replace(plan.sharing, pubshares=(*shares[:2], shares[0]))
    header = replace(signer.header(stock, 1), params=bytes(replace(plan, sharing=altered)))
    with pytest.raises(UsageError, match="not for this share"):
        signer.open_presigning(P0, order(header))


def test_session_id_is_used_once_and_costs_nothing_again(group: Signers) -> None:
    header = group.made(0, 1)
    with (
        patch.object(presigning.presign, "participate", side_effect=AssertionError),
        pytest.raises(UsageError, match="used before"),
    ):
        group.signer(1).open_presigning(P0, order(header))


def test_tables_of_randomness_are_made_once_and_for_large_batches_only(group: Signers) -> None:
    stock, made = group.stock(0, 1), list[PartyId]()
    aux = group.signer(1)._credentials.aux
    with (
        patch.object(AuxInfo, "build_table", lambda _self, party: made.append(party)),
        patch.object(AuxInfo, "table", lambda _self, party: party if party in made else None),
        patch.object(randomness, "TABLES_ROOM", 0),
        patch.object(presigning.presign, "participate", side_effect=UsageError),
    ):
        for batch in (2, 1, 1):
            group.lend(stock, 0)
            with patch.object(randomness, "TABLE_BATCH", 2), pytest.raises(UsageError):
                group.signer(1).open_presigning(P0, order(group.signer(1).header(stock, batch)))
            assert made == [0, 1]
    assert aux.table(P0) is None


@pytest.mark.parametrize("full", ["filled", "build_table"])
def test_batch_is_made_without_tables_where_there_is_no_room_for_them(group: Signers, full: str) -> None:
    """Many machines give a user 8 MiB of locked memory, and the tables of two signers take 10."""
    asked = list[str]()

    def refuse(*_: object) -> NoReturn:
        asked.append(full)
        raise MemoryLockError("no memory")

    with (
        patch.object(randomness if full == "filled" else AuxInfo, full, refuse),
        patch.object(randomness, "TABLE_BATCH", 2),
        patch.object(randomness, "TABLES_ROOM", 1),
    ):
        assert group.figures(group.filled(0, 1), 0) == (0, 2, 0)
    assert asked == [full] * 2  # at each signer
    assert all(group.signer(i)._credentials.aux.table(P0) is None for i in (0, 1))


def test_presignatures_that_are_too_old_are_void(group: Signers) -> None:
    stock = group.filled(0, 1)
    group.now += group.marks.max_age + 1
    group.signer(0).expire()
    assert group.figures(stock, 0) == (0, 0, 2)


def test_stock_and_leader_have_one_refill_at_a_time() -> None:
    group = Signers(4, 2)
    stock, other = group.stock(0, 1), group.stock(1, 2)
    group.lend(stock, 0)
    header = group.open(stock)
    signer = group.signer(1)
    with pytest.raises(LeaseRefused, match="runs already"):
        signer.open_presigning(P0, order(signer.header(stock, 1)))
    # another leader of another stock is not concerned, but has one refill, too
    signer.lend(P1, bytes(LeaseRequest(other, 0)))
    assert signer.open_presigning(P1, order(signer.header(other, 1)))
    signer.lend(P1, bytes(LeaseRequest(group.stock(1, 3), 0)))
    with pytest.raises(LeaseRefused, match="runs already"):
        signer.open_presigning(P1, order(signer.header(group.stock(1, 3), 1)))
    # a session that has ended makes way
    signer._sessions.end(header.session)
    assert signer.open_presigning(P0, order(signer.header(stock, 1)))


def test_refill_that_is_being_opened_counts(group: Signers) -> None:
    stock, signer = group.stock(0, 1), group.signer(1)
    group.lend(stock, 0)
    participate = presigning.presign.participate

    def again(*args):  # type: ignore[no-untyped-def]
        with pytest.raises(LeaseRefused, match="runs already"):
            signer.open_presigning(P0, order(signer.header(stock, 1)))
        return participate(*args)

    with patch.object(presigning.presign, "participate", again):
        assert signer.open_presigning(P0, order(signer.header(stock, 1)))


def test_refill_whose_opening_takes_too_long_is_not_begun(group: Signers) -> None:
    stock, signer = group.stock(0, 1), group.signer(1)
    group.lend(stock, 0)
    participate = presigning.presign.participate

    def slow(*args):  # type: ignore[no-untyped-def]
        group.now += LEASE_SECONDS
        signer.expire()
        return participate(*args)

    header = signer.header(stock, 1)
    with (
        patch.object(presigning.presign, "participate", slow),
        pytest.raises(LeaseRefused, match="time of the refill"),
    ):
        signer.open_presigning(P0, order(header))
    assert not signer._sessions.is_open(header.session)


def test_leader_gives_up_a_batch_by_asking_for_the_next(group: Signers) -> None:
    first = group.made(0, 1)
    stock = group.stock(0, 1)
    second = group.made(0, 1)
    assert {group.figures(stock, i) for i in (0, 1)} == {(2, 0, 2)}
    with pytest.raises(UsageError, match="time is over"):
        group.signer(1).vouch(first.session)
    group.signer(1).confirm(second.session, group.vouchers(second))


def test_next_leader_waits_until_the_batch_of_the_last_is_confirmed_or_void(group: Signers) -> None:
    header = group.made(0, 1)
    stock, signer = group.stock(0, 1), group.signer(1)
    group.now += LEASE_SECONDS - 1  # the lease was taken before the session, and ends first
    with patch.dict(signer._leases, {stock: Lease(stock, P1, 1, group.now + 9)}):
        with pytest.raises(LeaseRefused, match="runs already"):
            signer.open_presigning(P1, order(signer.header(stock, 1), 1))
        group.now += 1
        assert signer.open_presigning(P1, order(signer.header(stock, 1), 1))
    assert group.figures(stock, 1) == (0, 0, 2)
    with pytest.raises(UsageError):
        signer.vouch(header.session)


# agreement


def forged(group: Signers, header: Header, name: str) -> dict[PartyId, bytes]:
    """The vouchers of a session as party 0 passes them on who lies."""
    right = group.vouchers(header)
    digest, elsewhere = right[P1][:32], replace(header, session=SessionId(random_bytes(32)))
    lies = {
        "own key": vouch(header, P1, digest, group.host_keys[0]),
        "as another": vouch(header, P0, digest, group.host_keys[1]),
        "another session": vouch(elsewhere, P1, digest, group.host_keys[1]),
        "another's": right[P0],
        "other digest": bytes(32) + right[P1][32:],
        "short": right[P1][:-1],
        "long": right[P1] + b"\0",
        "empty": b"",
    }
    return {P0: right[P0]} if name == "left out" else {**right, P1: lies[name]}


@pytest.mark.parametrize(
    "name",
    [
        "left out",
        "own key",
        "as another",
        "another session",
        "another's",
        "other digest",
        "short",
        "long",
        "empty",
    ],
)
def test_leader_who_lies_about_vouchers_changes_nothing(group: Signers, name: str) -> None:
    header = group.made(0, 1)
    stock, right = group.stock(0, 1), group.vouchers(header)
    for i in (0, 1):
        with pytest.raises(UnattributedAbort, match="voucher") as caught:
            group.signer(i).confirm(header.session, forged(group, header, name))
        assert caught.value.suspects == {P1}
        assert group.figures(stock, i) == (2, 0, 0)
    for i in (0, 1):
        group.signer(i).confirm(header.session, right)
        assert group.figures(stock, i) == (0, 2, 0)


def test_voucher_for_another_batch_voids_it_everywhere_and_makes_a_suspect() -> None:
    group = Signers(5, 3)
    header = group.made(0, 1, 2)
    stock = group.stock(0, 1, 2)
    right = group.vouchers(header)
    vouchers = {**right, P1: vouch(header, P1, bytes(32), group.host_keys[1])}
    for i in (0, 2):
        with pytest.raises(UnattributedAbort, match="digest") as caught:
            group.signer(i).confirm(header.session, vouchers)
        assert caught.value.suspects == {P1}
        assert group.figures(stock, i) == (0, 0, 2)
    # the truth comes too late
    with pytest.raises(UsageError):
        group.signer(0).confirm(header.session, right)


def test_batch_is_confirmed_once(group: Signers) -> None:
    header = group.made(0, 1)
    vouchers = group.vouchers(header)
    group.signer(0).confirm(header.session, vouchers)
    with pytest.raises(UsageError, match="made no batch"):
        group.signer(0).confirm(header.session, vouchers)
    assert group.figures(group.stock(0, 1), 0) == (0, 2, 0)


def test_nothing_is_vouched_for_before_it_is_made(group: Signers) -> None:
    stock = group.stock(0, 1)
    group.lend(stock, 0)
    header = group.open(stock)
    for ask in (
        lambda: group.signer(0).vouch(header.session),
        lambda: group.signer(0).vouch(SessionId(bytes(32))),
        lambda: group.signer(0).confirm(header.session, {}),
    ):
        with pytest.raises(UsageError, match="made no batch"):
            ask()


def test_batch_that_is_not_confirmed_in_time_is_void(group: Signers) -> None:
    header = group.made(0, 1)
    stock, vouchers = group.stock(0, 1), group.vouchers(header)
    group.now += LEASE_SECONDS - 1
    group.signer(0).confirm(header.session, vouchers)
    group.now += 1
    with pytest.raises(UsageError, match="time is over"):
        group.signer(1).confirm(header.session, vouchers)
    assert group.figures(stock, 0) == (0, 2, 0)
    assert group.figures(stock, 1) == (0, 0, 2)
    assert [step.deed for step in group.steps][-1] is Deed.PRESIGNATURES_VOID
    group.signer(1).expire()
    assert group.figures(stock, 1) == (0, 0, 2)


class StuckStore(MemoryStore):
    """A store that voids nothing while its disk is full."""

    full = True

    def void(self, ids: Sequence[bytes], reason: str) -> None:
        if self.full and ids:
            raise FullError("the disk is full")
        super().void(ids, reason)


def test_batch_that_is_not_confirmed_in_time_is_void_when_the_disk_has_room_again() -> None:
    stuck = StuckStore()
    group = Signers(stores={1: stuck})
    group.made(0, 1)
    group.now += LEASE_SECONDS
    with pytest.raises(FullError):
        group.signer(1).expire()
    stuck.full = False
    group.signer(1).expire()
    assert group.figures(group.stock(0, 1), 1) == (0, 0, 2)


def test_leader_may_ask_again_when_the_disk_has_room_again() -> None:
    stuck = StuckStore()
    group = Signers(stores={1: stuck})
    group.made(0, 1)
    signer, stock = group.signer(1), group.stock(0, 1)
    for full in (True, False):
        stuck.full = full
        header = group.signer(0).header(stock, 1)
        if full:
            with pytest.raises(FullError):
                signer.open_presigning(P0, order(header))
        else:
            assert signer.open_presigning(P0, order(header))


def test_session_that_nobody_ends_is_over_after_its_time(group: Signers) -> None:
    stock = group.stock(0, 1)
    group.lend(stock, 0)
    header = group.open(stock)
    group.now += LEASE_SECONDS
    signer = group.signer(1)
    signer.expire()
    assert not signer._sessions.is_open(header.session)
    signer.lend(P1, bytes(LeaseRequest(stock, 1)))
    assert signer.open_presigning(P1, order(signer.header(stock, 1), 1))


def test_batch_that_comes_after_its_time_is_wiped_and_its_last_message_kept_back(group: Signers) -> None:
    stock = group.stock(0, 1)
    group.lend(stock, 0)
    header = group.open(stock)
    signer, kept = group.signer(1), []
    keep = signer._keep

    def late(refill, batch):  # type: ignore[no-untyped-def]
        kept.extend(batch)
        signer._forget(refill)
        keep(refill, batch)

    running = signer._sessions._running[header.session]
    signer._sessions._running[header.session] = replace(
        running, store=lambda batch: late(signer._refills[header.session], batch)
    )
    errors = {failure.party: failure.error for failure in group.carry(header)}
    assert isinstance(errors[P1], UsageError)
    assert group.figures(stock, 1) == (0, 0, 0)
    for secret in (secret for item in kept for secret in item.secrets()):
        with pytest.raises(WipedError):
            secret.declassify()
    assert len(kept) == 2


# what a party has


def test_signers_void_what_another_signer_lost_with_its_process(group: Signers) -> None:
    stock = group.filled(0, 1)
    before = group.signer(0).pool.ready(stock, group.now)
    group.stores[1] = MemoryStore()
    group.peers[P1] = group.peer(1)  # started again: leases and presignatures are gone
    group.now += LEASE_SECONDS
    for i in (0, 1):
        group.signer(i).lend(P0, bytes(LeaseRequest(stock, 1)))
    request = bytes(KeepRequest(LeaseRequest(stock, 1), ()))
    for leader, asked in ((P1, request), (P0, bytes(KeepRequest(LeaseRequest(stock, 0), ())))):
        with pytest.raises(LeaseRefused):
            group.signer(0).keep(leader, asked)
    assert group.signer(0).pool.ready(stock, group.now) == before
    group.signer(0).keep(P0, request)
    assert group.figures(stock, 0) == (0, 0, 2)


def test_what_all_signers_have_is_kept(group: Signers) -> None:
    stock = group.filled(0, 1)
    first, second = group.signer(0).pool.ready(stock, group.now)
    group.signer(0).keep(P0, bytes(KeepRequest(LeaseRequest(stock, 0), (first, second))))
    assert group.figures(stock, 0) == (0, 2, 0)
    group.signer(0).keep(P0, bytes(KeepRequest(LeaseRequest(stock, 0), (second,))))
    assert group.signer(0).pool.ready(stock, group.now) == (second,)


def test_depth_tells_what_there_is(group: Signers) -> None:
    stock, signer = group.stock(0, 1), group.signer(0)

    def depth() -> Holding:
        return Holding.decode(signer.depth(write_stock(stock)), stock, group.now)

    assert depth() == Holding((), 0, False, None)
    group.filled(0, 1, count=1)
    header = group.made(0, 1)
    ready = signer.pool.ready(stock, group.now)
    lease = Lease(stock, P0, 0, group.now + LEASE_SECONDS)
    assert depth() == Holding(ready, 2, False, lease)
    group.now += LEASE_SECONDS
    assert depth() == Holding(ready, 0, False, replace(lease, until=group.now))
    assert not signer._sessions.is_open(header.session)
    place = toss.session(0)
    signer._sessions.open(place, toss.opening(place), lambda _: None)
    assert depth().signing


def test_open_refill_is_no_signature(group: Signers) -> None:
    stock = group.stock(0, 1)
    group.lend(stock, 0)
    group.open(stock)
    assert not group.signer(0).signing


# faults


class Spoiling(Peer):
    """Sends a wrong proof, signed with its host key."""

    def open_presigning(self, leader: PartyId, order: PresignOrder) -> Sequence[Sealed]:
        mine, header = self.signer._credentials, decode(order.header, HEADER_LIMIT, Header.read)
        self.place = Session(self.signer._spec, header, self.signer._roster, self.signer.id, mine.host_key)
        return super().open_presigning(leader, order)

    def receive(self, sender: PartyId, envelope: bytes) -> Sequence[Sealed]:
        return [self._spoil(sealed) for sealed in super().receive(sender, envelope)]

    def _spoil(self, sealed: Sealed) -> Sealed:
        message = read_envelope(sealed.envelope, self.signer.id, sealed.receiver)[1]
        if (message.slot.round, message.slot.kind) != (MULTIPLY, Kind.BROADCAST):
            return sealed
        body = message.body[:-1] + bytes([message.body[-1] ^ 1])
        return Sealed(sealed.receiver, self.place.sign(message.slot, body).envelope(self.place.header))


def test_wrong_proof_of_a_peer_is_evidence_for_all() -> None:
    group = Signers(5, 3)
    group.peers[P2] = group.peer(2, Spoiling)
    stock = group.stock(0, 1, 2)
    group.lend(stock, 0)
    header = group.open(stock)
    errors = {failure.party: failure.error for failure in group.carry(header)}
    for i in (0, 1):
        error = errors[PartyId(i)]
        assert isinstance(error, FaultyPartyError)
        assert set(error.culprits) == {2}
        assert error.evidence
        assert group.figures(stock, i) == (0, 0, 0)
    # the others are free for the next refill
    group.peers[P2] = group.peer(2)
    group.now += LEASE_SECONDS
    group.signer(0).lend(P0, bytes(LeaseRequest(stock, 1)))
    assert group.signer(0).open_presigning(P0, order(group.signer(0).header(stock, 1), 1))


def test_peer_with_three_wrong_proofs_makes_no_more_presignatures(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong product whose success depends on a bit of x would be an oracle (A-Z13)."""
    group = Signers(5, 3)
    group.peers[P2] = group.peer(2, Spoiling)
    stock = group.stock(0, 1, 2)
    for attempt in range(3):
        group.now += LEASE_SECONDS
        for j in stock.signers:
            group.peers[j].lend(P2, bytes(LeaseRequest(stock, attempt)))
        header = group.signer(2).header(stock, 2)
        asked = order(header, attempt)
        group.letters = [(j, m) for j in stock.signers for m in group.peers[j].open_presigning(P2, asked)]
        assert len(group.carry(header)) == 3
    monkeypatch.setattr(presigning.presign, "participate", pytest.fail)  # nothing is computed for it
    header = group.signer(2).header(stock, 2)
    for i in (0, 1):
        with pytest.raises(UsageError, match="party 2 was at fault in 3 sessions"):
            group.signer(i).open_presigning(P2, order(header, 2))
    monkeypatch.undo()
    group.filled(0, 1, 3)


def test_header_is_of_a_stock_of_the_own_key(group: Signers) -> None:
    stock = group.stock(0, 1)
    for other in (replace(stock, key=bytes(33)), replace(stock, signers=(PartyId(1), P2))):
        with pytest.raises(UsageError, match="another key or of other signers"):
            group.signer(0).header(other, 1)


def test_what_a_party_does_is_told_outside_of_its_locks(group: Signers) -> None:
    """A progress display may ask the party what it has."""
    stock, seen = group.stock(0, 1), []
    signer: Signer = group.signer(0)

    def ask(step) -> None:  # type: ignore[no-untyped-def]
        thread = threading.Thread(target=lambda: seen.append((step.deed, signer.depth(write_stock(stock)))))
        thread.start()
        thread.join(60)

    signer._progress = ask
    group.filled(0, 1)
    assert [deed for deed, _ in seen] == [Deed.PRESIGNATURES_MADE, Deed.PRESIGNATURES_READY]
