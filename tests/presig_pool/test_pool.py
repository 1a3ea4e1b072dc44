from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from ecdsa_cggmp.presignature import Presignature, batch_digest
from ecdsa_cggmp.sign import combine
from native.curve import Scalar
from native.errors import WipedError
from presig_pool.burning import Use
from presig_pool.errors import PoolExhausted, PresignatureTaken, PresignatureVoid
from presig_pool.pool import Pool
from presig_pool.statistics import HOUR
from presig_pool.store import MAX_SHARE, Consumption, ReuseAttempt
from presig_pool.watermarks import MAX_PAYMENT, MOST, Watermarks
from protocol.errors import SecretReuseError, UsageError
from protocol.ids import PartyId
from tests.presig_pool.memory import MemoryStore, copy
from tests.presig_pool.samples import NOW, batch, context, digest, signer, stock

A, B = digest(1), digest(2)
M1, M2 = digest(101), digest(102)
SMALL = Watermarks(low=2, target=4, max=6, batch=3, max_age=1000, grant_seconds=100)


@pytest.fixture
def pool() -> Pool:
    return Pool(MemoryStore(), SMALL)


def fill(pool: Pool, number: int = 1, count: int = 3, now: int = NOW, **kind: object) -> list[bytes]:
    """Add a batch and confirm it; its ids."""
    made = batch(number, count, **kind)  # type: ignore[arg-type]
    label = pool.add(made, now)
    assert pool.confirm(label, dict.fromkeys(made[0].public.signers, label), now) == ()
    return [item.public.id for item in made]


def use(pool: Pool, item: bytes, request: bytes = A, sighash: bytes = M1, now: int = NOW) -> bytes:
    pool.grant(stock(), request, [item], now)
    (share,) = pool.burn(request, [Use(item, sighash)], signer(sighash), now)
    return share


# in


def test_a_batch_is_pending_until_all_signers_have_the_same(pool: Pool) -> None:
    made = batch(1, 3)
    label = pool.add(made, NOW)
    assert label == batch_digest([item.public for item in made])
    assert (pool.statistics(stock(), NOW).pending, pool.statistics(stock(), NOW).ready) == (3, 0)
    with pytest.raises(PoolExhausted):
        pool.choose(stock(), 1, NOW)
    with pytest.raises(UsageError, match="PENDING"):
        pool.grant(stock(), A, [made[0].public.id], NOW)
    assert pool.confirm(label, {PartyId(0): label, PartyId(1): label}, NOW) == ()
    assert pool.choose(stock(), 3, NOW) == tuple(item.public.id for item in made)


def test_an_added_batch_is_zeroed_in_memory(pool: Pool) -> None:
    made = batch(1, 2)
    pool.add(made, NOW)
    for secret in (secret for item in made for secret in item.secrets()):
        with pytest.raises(WipedError):
            secret.declassify()


@pytest.mark.parametrize("digests", [{}, {0: A}, {1: A}, {0: b"", 1: A}, {0: A, 1: B}, {0: A, 2: A}])
def test_a_batch_that_a_signer_does_not_have_is_void(pool: Pool, digests: dict[int, bytes]) -> None:
    label = pool.add(made := batch(1, 3), NOW)
    said = {PartyId(j): label if value == A else value for j, value in digests.items()}
    others = pool.confirm(label, said, NOW)
    assert others == tuple(PartyId(j) for j in (0, 1) if digests.get(j) != A)
    assert others
    figures = pool.statistics(stock(), NOW)
    assert (figures.pending, figures.ready, figures.voided) == (0, 0, 3)
    with pytest.raises(PresignatureVoid):
        pool.confirm(label, {PartyId(0): label, PartyId(1): label}, NOW)
    with pytest.raises(PresignatureVoid):
        pool.grant(stock(), A, [made[0].public.id], NOW)


def test_a_batch_is_confirmed_once(pool: Pool) -> None:
    label = pool.add(batch(1), NOW)
    pool.confirm(label, {PartyId(0): label, PartyId(1): label}, NOW)
    for digests in ({PartyId(0): label, PartyId(1): label}, {}):
        with pytest.raises(UsageError):
            pool.confirm(label, digests, NOW)
    with pytest.raises(UsageError, match="no such batch"):
        pool.confirm(A, {}, NOW)
    assert pool.statistics(stock(), NOW).ready == 1


def test_a_batch_is_added_once(pool: Pool) -> None:
    fill(pool)
    with pytest.raises(SecretReuseError):
        pool.add(batch(1, 3), NOW)
    with pytest.raises(SecretReuseError):
        pool.add([*batch(1, 4)][3:] + batch(1, 1), NOW)
    assert pool.statistics(stock(), NOW).generated == 3


@pytest.mark.parametrize(
    "mixed",
    [
        lambda: [],
        lambda: batch(1) + batch(2),
        lambda: batch(1) + batch(1, 2, epoch=1)[1:],
        lambda: batch(1) + batch(1, 2, (1, 2))[1:],
        lambda: batch(1) + batch(1, 2, x=99)[1:],
        lambda: batch(1) + batch(1, 2, me=0)[1:],
    ],
)
def test_a_batch_is_of_one_session_stock_and_party(
    pool: Pool, mixed: Callable[[], list[Presignature]]
) -> None:
    with pytest.raises(UsageError, match="one session"):
        pool.add(mixed(), NOW)
    assert pool.stocks() == []


def test_the_pool_has_room_for_a_payment_above_its_maximum_with_what_is_pending(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("presig_pool.watermarks.MAX_PAYMENT", 1)
    pool.watermarks = replace(SMALL, max=5)
    pool.add(batch(1, 3), NOW)
    fill(pool, 2, 3)
    with pytest.raises(UsageError, match="at most 6"):
        pool.add(batch(3), NOW)
    fill(pool, 4, 6, epoch=1)  # another stock has a maximum of its own
    fill(pool, 5, 6, signers=(1, 2))
    assert len(pool.stocks()) == 3
    assert [len(pool.free(it, NOW)) for it in pool.stocks()] == [3, 6, 6]


def test_the_room_of_a_pool_is_bounded() -> None:
    assert Watermarks().room == 150 + MAX_PAYMENT
    assert Watermarks(max=MOST).room == MOST


def test_what_another_signer_lacks_is_void_but_for_what_is_granted(pool: Pool) -> None:
    first, second, third = fill(pool)
    elsewhere = fill(pool, 2, 1, signers=(1, 2))
    pool.add(batch(3), NOW)
    pool.grant(stock(), A, [second], NOW)
    assert pool.ready(stock(), NOW) == (first, second, third)
    assert pool.keep(stock(), [first, digest(9)], NOW) == 1
    assert pool.ready(stock(), NOW) == (first, second)
    assert use(pool, second)
    assert pool.ready(stock(), NOW) == (first,)
    assert pool.ready(stock((1, 2)), NOW) == (*elsewhere,)
    assert pool.statistics(stock(), NOW).pending == 1


# out


def test_a_signature_of_two_pools_holds_and_its_share_is_stored(pool: Pool) -> None:
    other = Pool(MemoryStore(), SMALL)
    (item, *_) = fill(pool, me=1)
    assert fill(other, me=0)[0] == item
    (public,) = other.grant(stock(), A, [item], NOW)
    share = Scalar.from_bytes(use(pool, item))
    (theirs,) = other.burn(A, [Use(item, M1)], signer(M1), NOW)
    combine(context(public, M1), {PartyId(0): Scalar.from_bytes(theirs), PartyId(1): share})


def test_a_retry_gets_the_stored_share_and_signs_nothing(pool: Pool) -> None:
    (item, *_) = fill(pool)
    share = use(pool, item)
    assert pool._grants.holders(NOW) == {}  # a retry needs none

    def refuse(_: Sequence[Presignature]) -> list[bytes]:
        raise AssertionError("signed twice")

    assert pool.burn(A, [Use(item, M1)], refuse, NOW + 5) == (share,)
    assert [public.id for public in pool.grant(stock(), A, [item], NOW)] == [item]  # of the same request
    assert pool.burn(A, [Use(item, M1)], refuse, NOW + 5) == (share,)
    assert pool.statistics(stock(), NOW).burned == 1


@pytest.mark.parametrize(("request_id", "sighash"), [(B, M1), (A, M2), (B, M2)])
def test_a_presignature_is_not_used_for_another_request_or_sighash(
    pool: Pool, request_id: bytes, sighash: bytes
) -> None:
    (item, *_) = fill(pool)
    use(pool, item)
    with pytest.raises(SecretReuseError):
        pool.burn(request_id, [Use(item, sighash)], signer(sighash), NOW)
    if request_id == B:
        with pytest.raises(SecretReuseError):
            pool.grant(stock(), B, [item], NOW)


def test_every_attempt_to_use_a_presignature_again_is_written_down(pool: Pool) -> None:
    first, second, third = fill(pool)
    pool.grant(stock(), A, [first, second], NOW)
    uses = [Use(first, M1), Use(second, M2)]
    pool.burn(A, uses, signer(M1, M2), NOW)
    pool.burn(A, uses, signer(), NOW)  # a retry is none
    pool.grant(stock(), A, [first, second], NOW)
    for refused in (
        lambda: pool.grant(stock(), B, [third, second, first], NOW + 1),
        lambda: pool.burn(B, [Use(first, M1)], signer(), NOW + 2),
        lambda: pool.burn(A, [Use(second, M2), Use(first, M2)], signer(), NOW - 9),
        lambda: pool.burn(A, [Use(first, M2), Use(first, M1)], signer(), NOW + 3),
    ):
        with pytest.raises(SecretReuseError):
            refused()
    store = pool._store
    assert isinstance(store, MemoryStore)
    assert store.reuses == [
        ReuseAttempt(second, B, None, NOW + 1),
        ReuseAttempt(first, B, None, NOW + 1),
        ReuseAttempt(first, B, M1, NOW + 2),
        ReuseAttempt(first, A, M2, NOW + 2),  # the clock went back
        ReuseAttempt(first, A, M2, NOW + 3),
    ]
    pool.grant(stock(), B, [third], NOW)


@pytest.mark.parametrize(
    ("field", "value"),
    [("presignature", A[1:]), ("request", B[1:]), ("sighash", b""), ("sighash", M1[1:]), ("time", -1),
     ("time", 1 << 63)],
    ids=["presignature", "request", "no sighash", "sighash", "past", "future"],
)  # fmt: skip
def test_an_attempt_out_of_range_does_not_exist(field: str, value: object) -> None:
    attempt = ReuseAttempt(A, B, None, (1 << 63) - 1)
    with pytest.raises(UsageError):
        replace(attempt, **{field: value})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("field", "value"),
    [("presignature", A[1:]), ("request", B + b"0"), ("sighash", b""), ("share", b""),
     ("share", bytes(MAX_SHARE + 1)), ("time", -1), ("time", 1 << 63)],
    ids=["presignature", "request", "sighash", "no share", "share", "past", "future"],
)  # fmt: skip
def test_a_use_out_of_range_does_not_exist(field: str, value: object) -> None:
    use = Consumption(A, B, M1, bytes(MAX_SHARE), (1 << 63) - 1)
    with pytest.raises(UsageError):
        replace(use, **{field: value})  # type: ignore[arg-type]


def test_a_request_is_not_answered_with_a_used_and_a_fresh_presignature(pool: Pool) -> None:
    first, second, _ = fill(pool)
    use(pool, first)
    pool.grant(stock(), A, [first, second], NOW)
    with pytest.raises(SecretReuseError):
        pool.burn(A, [Use(first, M1), Use(second, M2)], signer(M1, M2), NOW)
    assert pool.statistics(stock(), NOW).burned == 1


def test_all_inputs_of_a_request_burn_together(pool: Pool) -> None:
    first, second, _ = fill(pool)
    pool.grant(stock(), A, [second, first], NOW)
    recorded: list[tuple[bytes, ...]] = []
    uses = [Use(second, M1), Use(first, M2)]
    shares = pool.burn(A, uses, signer(M1, M2), NOW, recorded.append)
    assert recorded == [shares]
    assert len(set(shares)) == 2
    assert pool.burn(A, uses[::-1], signer(), NOW) == shares[::-1]


@pytest.mark.parametrize("uses", [[], [0, 0]])
def test_a_request_uses_presignatures_each_once(pool: Pool, uses: list[int]) -> None:
    items = fill(pool)
    ids = [items[i] for i in uses]
    with pytest.raises(UsageError):
        pool.grant(stock(), A, ids, NOW)
    with pytest.raises(UsageError):
        pool.burn(A, [Use(item, M1) for item in ids], signer(M1, M1), NOW)


def test_what_was_not_granted_is_not_burnt(pool: Pool) -> None:
    first, second, _ = fill(pool)
    pool.grant(stock(), A, [first], NOW)
    for request, item in ((B, first), (A, second)):
        with pytest.raises(PresignatureTaken):
            pool.burn(request, [Use(item, M1)], signer(M1), NOW)
    with pytest.raises(PresignatureVoid):
        pool.burn(A, [Use(bytes(32), M1)], signer(M1), NOW)


def test_two_coordinators_at_once_do_not_get_one_presignature(pool: Pool) -> None:
    fill(pool)
    chosen = pool.choose(stock(), 2, NOW)
    again = pool.choose(stock(), 2, NOW)
    assert chosen == again  # choosing grants nothing
    pool.grant(stock(), A, chosen, NOW)
    pool.grant(stock(), A, chosen, NOW)  # a repetition
    with pytest.raises(PresignatureTaken):
        pool.grant(stock(), B, again, NOW)
    (other,) = pool.choose(stock(), 1, NOW)
    assert other not in chosen
    with pytest.raises(PresignatureTaken):  # all or none
        pool.grant(stock(), B, [other, chosen[0]], NOW)
    pool.grant(stock(), B, [other], NOW)
    with pytest.raises(PoolExhausted) as e:
        pool.choose(stock(), 1, NOW)
    assert (e.value.wanted, e.value.ready) == (1, 0)
    assert pool.statistics(stock(), NOW).granted == 3


def test_what_a_request_that_was_given_up_has_not_surely_left_unused_is_void(pool: Pool) -> None:
    burnt, unused, unsure, other = fill(pool, count=4)
    pool.grant(stock(), A, [burnt], NOW)
    pool.burn(A, [Use(burnt, M1)], signer(M1), NOW)
    pool.grant(stock(), A, [unused, unsure], NOW)
    pool.grant(stock(), B, [other], NOW)
    assert [entry.id for entry in pool.granted(A)] == [unused, unsure]
    assert pool.withdraw(A, [burnt, unused, other], NOW) == 1
    assert pool.granted(A) == ()
    assert [pool.is_ready(item) for item in (burnt, unused, unsure, other)] == [False, True, False, True]
    assert not pool.is_ready(bytes(32))
    assert pool.free(stock(), NOW) == (unused,)
    assert pool.withdraw(A, [], NOW) == 0
    with pytest.raises(SecretReuseError):
        pool.grant(stock(), B, [burnt], NOW)
    with pytest.raises(PresignatureVoid):
        pool.grant(stock(), B, [unsure], NOW)


def test_what_may_have_made_a_share_that_the_store_does_not_know_is_not_ready(pool: Pool) -> None:
    (item, *_) = fill(pool)
    pool._grants.spend([item])
    assert not pool.is_ready(item)


def test_a_grant_ends_by_release_and_by_time(pool: Pool) -> None:
    (item, *_) = fill(pool)
    pool.grant(stock(), A, [item], NOW)
    pool.release(B)
    with pytest.raises(PresignatureTaken):
        pool.grant(stock(), B, [item], NOW + 99)
    pool.grant(stock(), B, [item], NOW + 100)
    with pytest.raises(PresignatureTaken):
        pool.burn(A, [Use(item, M1)], signer(M1), NOW + 100)
    pool.release(B)
    pool.grant(stock(), A, [item], NOW + 100)
    pool.burn(A, [Use(item, M1)], signer(M1), NOW + 100)


def test_a_presignature_of_another_stock_is_not_granted(pool: Pool) -> None:
    (item,) = fill(pool, count=1)
    for other in (stock((1, 2)), stock(epoch=1), stock(x=99)):
        with pytest.raises(UsageError, match="another key, epoch or signer set"):
            pool.grant(other, A, [item], NOW)
        with pytest.raises(PoolExhausted):
            pool.choose(other, 1, NOW)


class Disk(Exception):  # noqa: N818
    pass


@pytest.mark.parametrize("at", ["sign", "burn", "record", "commit", "interrupt"])
def test_a_failure_on_the_way_to_a_share_leaves_nothing_to_use(
    pool: Pool, at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, third = fill(pool)
    pool.grant(stock(), A, [first, second], NOW)
    left: list[bytes] = []

    def fail(*_: object) -> list[bytes]:
        raise KeyboardInterrupt if at == "interrupt" else Disk

    def sign(held: Sequence[Presignature]) -> list[bytes]:
        left.extend(signer(M1, M2)(held))
        return fail() if at in ("sign", "interrupt") else left

    store = pool._store
    if at == "burn":
        monkeypatch.setattr(store, "burn", fail)
    if at == "commit":
        monkeypatch.setattr(store, "void", fail)  # the disk stays broken
    record = fail if at in ("record", "commit") else list
    with pytest.raises((Disk, KeyboardInterrupt)):
        pool.burn(A, [Use(first, M1), Use(second, M2)], sign, NOW, record)
    assert left  # a share existed in memory
    monkeypatch.undo()
    # the store knows of it, unless the disk was broken
    assert pool._grants.holders(NOW) == (dict.fromkeys([first, second], b"") if at == "commit" else {})
    for item in (first, second):
        with pytest.raises(PresignatureVoid):
            pool.burn(A, [Use(item, M1)], signer(M1), NOW)
        for request in (A, B):
            with pytest.raises(PresignatureVoid):
                pool.grant(stock(), request, [item], NOW)
    for now in (NOW, NOW + 200):  # also when the grant has ended
        assert pool.choose(stock(), 1, now) == (third,)
        with pytest.raises(PoolExhausted):
            pool.choose(stock(), 2, now)


def test_what_could_not_be_voided_gives_its_room_back_when_the_store_works_again(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    items = fill(pool, count=4)
    pool.watermarks = Watermarks(low=1, target=4, max=4)

    def fail(changed: Sequence[object], *_: object) -> None:
        if changed:
            raise Disk

    for change in ("burn", "void"):
        monkeypatch.setattr(pool._store, change, fail)
    pool.grant(stock(), A, items[:3], NOW)
    with pytest.raises(Disk):
        pool.burn(A, [Use(item, M1) for item in items[:3]], signer(M1, M1, M1), NOW)
    assert pool.expire(NOW) == 0  # the disk is still broken
    assert pool.choose(stock(), 1, NOW) == (items[3],)
    monkeypatch.undo()
    assert pool.expire(NOW) == 0  # nothing was too old
    figures = pool.statistics(stock(), NOW)
    assert (figures.ready, figures.granted, figures.voided) == (1, 0, 3)
    assert pool._grants.spent == frozenset()
    fill(pool, 2, 3)
    for item in items[:3]:
        with pytest.raises(PresignatureVoid):
            pool.grant(stock(), B, [item], NOW)


@pytest.mark.parametrize("way", ["withdraw", "void", "expire", "keep"])
def test_what_could_not_be_voided_spoils_no_signature_and_is_void_when_the_store_works_again(
    pool: Pool, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = fill(pool, count=2)
    late = fill(pool, 2, 1, now=NOW + 900)[0]
    pool.grant(stock(), A, [first, second], NOW + 900)
    ways: dict[str, Callable[[], int]] = {
        "withdraw": lambda: pool.withdraw(A, [], NOW + 900),
        "void": lambda: pool.void("drained", NOW + 900),
        "expire": lambda: pool.expire(NOW + 1001),
        "keep": lambda: pool.keep(stock(), [late], NOW + 900),
    }

    def fail(changed: Sequence[object], *_: object) -> None:
        if changed:
            raise Disk

    monkeypatch.setattr(pool._store, "void", fail)
    if way != "withdraw":
        pool.release(A)
    with pytest.raises(Disk):
        ways[way]()
    now = NOW + 1000
    assert set(pool.free(stock(), now)) == ({late} if way != "void" else set())
    assert set(pool.ready(stock(), now)) == set(pool.free(stock(), now))
    for item in (first, second):
        with pytest.raises(PresignatureVoid):
            pool.grant(stock(), B, [item], now)
    monkeypatch.undo()
    pool.expire(now)
    assert pool.statistics(stock(), now).voided == (3 if way == "void" else 2)
    assert pool._grants.spent == frozenset()


def test_batch_that_could_not_be_voided_is_never_ready(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    label = pool.add(batch(1, 3), NOW)

    def fail(*_: object) -> None:
        raise Disk

    monkeypatch.setattr(pool._store, "void", fail)
    with pytest.raises(Disk):
        pool.confirm(label, {}, NOW)
    monkeypatch.undo()
    with pytest.raises(PresignatureVoid):
        pool.confirm(label, {PartyId(0): label, PartyId(1): label}, NOW)
    pool.expire(NOW)
    assert pool.statistics(stock(), NOW).voided == 3


def test_a_signer_that_returns_too_few_shares_burns_nothing(pool: Pool) -> None:
    first, second, _ = fill(pool)
    pool.grant(stock(), A, [first, second], NOW)
    with pytest.raises(ValueError, match="zip"):
        pool.burn(A, [Use(first, M1), Use(second, M2)], lambda held: signer(M1)(held[:1]), NOW)
    assert pool.statistics(stock(), NOW).burned == 0


def test_what_is_lent_for_signing_is_zeroed_also_after_a_failure(pool: Pool) -> None:
    (item, *_) = fill(pool)
    pool.grant(stock(), A, [item], NOW)
    lent: list[Presignature] = []

    def sign(held: Sequence[Presignature]) -> list[bytes]:
        lent.extend(held)
        raise Disk

    with pytest.raises(Disk):
        pool.burn(A, [Use(item, M1)], sign, NOW)
    for secret in lent[0].secrets():
        with pytest.raises(WipedError):
            secret.declassify()


class LendingStore(MemoryStore):
    """A store that lends whatever it is asked for."""

    def secrets(self, ids: Sequence[bytes]) -> Sequence[Presignature]:
        return [copy(self.kept[item].held) for item in ids]


def test_the_pool_burns_nothing_void_whatever_its_store_lends() -> None:
    pool = Pool(LendingStore(), SMALL)
    (item, *_) = fill(pool)
    pool.grant(stock(), A, [item], NOW)
    pool.void("drained", NOW)

    def refuse(_: Sequence[Presignature]) -> list[bytes]:
        raise AssertionError("signed with a void presignature")

    with pytest.raises(PresignatureVoid):
        pool.burn(A, [Use(item, M1)], refuse, NOW)


# void


def test_a_refresh_voids_the_older_epochs_of_its_key_only(pool: Pool) -> None:
    old, new, other = fill(pool, 1), fill(pool, 2, epoch=1), fill(pool, 3, x=99)
    pool.add(batch(4, 2), NOW)
    pool.grant(stock(), A, old[:1], NOW)
    assert pool.void_before(stock().key, 1, NOW) == 5
    assert pool.choose(stock(epoch=1), 3, NOW) == tuple(new)
    assert pool.choose(stock(x=99), 3, NOW) == tuple(other)
    with pytest.raises(PresignatureVoid):
        pool.burn(A, [Use(old[0], M1)], signer(M1), NOW)
    assert pool.void("drained", NOW) == 6
    assert pool.void("drained", NOW) == 0


def test_old_presignatures_expire_unless_they_are_granted(pool: Pool) -> None:
    first, *_ = fill(pool, 1, now=NOW)
    pool.add(batch(2, 1), NOW + 500)
    assert pool.expire(NOW + 1000) == 0
    pool.grant(stock(), A, [first], NOW + 1000)
    assert pool.expire(NOW + 1001) == 2
    assert pool.expire(NOW + 1501) == 2
    assert pool.statistics(stock(), NOW + 1501).voided == 4


def test_a_clock_that_goes_back_ends_no_grant_later(pool: Pool) -> None:
    (item, *_) = fill(pool, now=NOW)
    pool.grant(stock(), A, [item], NOW)
    pool.expire(NOW + 99)
    pool.grant(stock(), A, [item], NOW - 10**6)  # extended from the latest time, not from the past
    with pytest.raises(PresignatureTaken):
        pool.grant(stock(), B, [item], NOW + 198)


def test_purging_keeps_the_counts(pool: Pool) -> None:
    first, *_ = fill(pool)
    use(pool, first)
    pool.void("drained", NOW)
    before = pool.statistics(stock(), NOW)
    assert pool.purge() == 2
    assert pool.purge() == 0
    after = pool.statistics(stock(), NOW)
    for figures in (before, after):
        assert (figures.generated, figures.burned, figures.voided) == (3, 1, 2)


# figures


def test_a_coordinator_picks_among_those_that_the_other_signers_have(pool: Pool) -> None:
    first, second, third = fill(pool)
    assert pool.choose(stock(), 2, NOW, {third, digest(9), first}) == (first, third)
    with pytest.raises(PoolExhausted) as caught:
        pool.choose(stock(), 2, NOW, {second})
    assert caught.value.ready == 1


def test_the_oldest_is_that_of_the_stock(pool: Pool) -> None:
    assert pool.statistics(stock(), NOW).oldest is None
    fill(pool, 2, now=NOW, signers=(0, 2), me=0)
    (item, *_) = fill(pool, now=NOW + 10)
    assert pool.statistics(stock(), NOW + 15).oldest == 5
    fill(pool, 3, now=NOW + 20)
    assert pool.statistics(stock(), NOW + 25).oldest == 15
    assert item in pool.ready(stock(), NOW + 25)


def test_statistics_are_of_the_last_hour(pool: Pool) -> None:
    first, second, third = fill(pool, now=NOW)
    assert pool.statistics(stock(), NOW).time_to_empty is None
    use(pool, first, digest(3), now=NOW)
    use(pool, second, digest(4), now=NOW + 10)
    figures = pool.statistics(stock(), NOW + HOUR)
    assert (figures.ready, figures.hourly_use, figures.refill_rate) == (1, 2, 3)
    assert figures.time_to_empty == HOUR // 2
    later = pool.statistics(stock(), NOW + HOUR + 5)
    assert (later.hourly_use, later.refill_rate, later.time_to_empty) == (1, 0, HOUR)
    assert pool.statistics(stock(), NOW + HOUR + 11).time_to_empty is None
    assert pool.choose(stock(), 1, NOW + HOUR) == (third,)


@pytest.mark.parametrize(
    "changes",
    [
        {"low": 0},
        {"low": 101},
        {"target": 151},
        {"max": 99},
        {"max": 10_001},
        {"batch": 0},
        {"max_age": 0},
        {"grant_seconds": 0},
    ],
)
def test_watermarks_check_themselves(changes: dict[str, int]) -> None:
    with pytest.raises(UsageError):
        Watermarks(**changes)
    assert Watermarks() == Watermarks(20, 100, 150, 32, 7 * 86_400, 120)
