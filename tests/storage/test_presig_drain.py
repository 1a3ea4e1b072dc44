"""Many threads and processes on one pool: each presignature makes one share, and nobody waits for ever."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from native.curve import Scalar
from presig_pool.burning import Use
from presig_pool.errors import PoolExhausted, PresignatureTaken
from presig_pool.pool import Pool
from protocol.errors import MpcError, SecretReuseError
from protocol.ids import PartyId
from storage import directory
from storage.errors import LockedError
from storage.parties import PartyStore
from tests.presig_pool.extraction import Captured, extracted_keys, pair_of
from tests.presig_pool.samples import NOW, batch, context, digest, signer, stock
from tests.storage.children import TIMEOUT, Line, children
from tests.storage.pools import M1, a_party, opened, pool_of, refill
from tests.storage.samples import entry

pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return a_party(tmp_path / "1")


@pytest.fixture
def store(path: Path) -> Iterator[PartyStore]:
    with opened(path) as store:
        yield store


class Wire:
    """The shares that leave a pool of one batch."""

    def __init__(self, count: int) -> None:
        made = batch(1, count)
        self.publics = {item.public.id: item.public for item in made}
        self.colluder = {(item.public.id, item.party): pair_of(item) for item in batch(1, count, me=0)}
        self.captured: list[Captured] = []

    def send(self, item: bytes, sighash: bytes, share: bytes) -> None:
        used = context(self.publics[item], sighash)
        self.captured.append(Captured(used, PartyId(1), Scalar.from_bytes(share)))

    def expect_one_share_of_each(self) -> None:
        """No presignature has two shares, and the other signer finds no key."""
        shares = {(item.context.presignature.id, item.share) for item in self.captured}
        assert {item for item, _ in shares} == set(self.publics)
        assert len(shares) == len(self.publics)
        assert extracted_keys(self.captured, self.colluder) == set()


def together(works: list[Callable[[], None]]) -> None:
    """Run threads to their end; one that waits for ever is an error, and so is what one raises."""
    failures: list[BaseException] = []

    def guarded(work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as e:
            failures.append(e)

    threads = [threading.Thread(target=guarded, args=(work,), daemon=True) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(TIMEOUT)
        assert not thread.is_alive(), "deadlock"
    assert failures == []


# threads


def test_64_threads_drain_a_pool_and_get_each_presignature_once(store: PartyStore) -> None:
    """Ten thousand requests for a hundred presignatures (A-N2)."""
    pool, wire = pool_of(store), Wire(100)
    refill(pool, 1, 100)
    granted: Counter[bytes] = Counter()
    empty: Counter[int] = Counter()

    def drain(number: int) -> None:
        for attempt in range(157):
            request = digest(1000 * number + attempt)
            try:
                (item,) = pool.choose(stock(), 1, NOW)
                pool.grant(stock(), request, [item], NOW)
            except PoolExhausted:
                empty[number] += 1
                continue
            except (PresignatureTaken, SecretReuseError):
                continue  # another was faster
            granted[item] += 1
            (share,) = pool.burn(request, [Use(item, request)], signer(request), NOW)
            wire.send(item, request, share)

    together([lambda number=number: drain(number) for number in range(64)])
    wire.expect_one_share_of_each()
    assert granted == Counter(list(wire.publics))
    assert set(empty) == {*range(64)}  # all went on after the last one
    assert pool.statistics(stock(), NOW).burned == 100


def test_records_and_burns_of_threads_do_not_wait_for_each_other(store: PartyStore) -> None:
    pool = pool_of(store)
    items = refill(pool, 1, 10)
    for i, item in enumerate(items):
        pool.grant(stock(), digest(i), [item], NOW)

    def burn() -> None:
        for i, item in enumerate(items):
            pool.burn(digest(i), [Use(item, M1)], signer(M1), NOW, lambda _, i=i: store.record(entry(i)))

    def record() -> None:
        for i in range(10, 20):
            store.record(entry(i))

    together([burn, record])
    assert len(store.signatures()) == 20


# processes


def test_8_processes_want_one_pool_and_one_has_it(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directory, "LOCK_WAIT", 0.2)
    wire = Wire(30)

    def want(number: int, line: Line) -> None:
        try:
            store = opened(path)
        except LockedError:
            line.say("locked")
            return
        pool = pool_of(store)
        for i, item in enumerate(refill(pool, 1, 30)):
            request = digest(100 * number + i)
            pool.grant(stock(), request, [item], NOW)
            (share,) = pool.burn(request, [Use(item, request)], signer(request), NOW)
            line.say(item.hex(), request.hex(), share.hex())
        line.say("drained")
        line.hear()

    with children(8, want) as lines:
        firsts = [line.hear() for line in lines]
        (owner,) = (i for i, first in enumerate(firsts) if first != ["locked"])
        words = firsts[owner]
        while words != ["drained"]:
            wire.send(*map(bytes.fromhex, words))
            words = lines[owner].hear()
    wire.expect_one_share_of_each()
    with opened(path) as store:
        assert pool_of(store).statistics(stock(), NOW).burned == 30


def test_8_processes_that_ask_the_owner_get_each_presignature_once(store: PartyStore) -> None:
    def ask(number: int, line: Line) -> None:
        """Ask for one after the other, each twice, and for those that were used before."""
        mine: list[tuple[str, str]] = []
        for attempt in range(200):
            request = digest(1000 * (number + 1) + attempt).hex()
            line.say("any", request, request)
            answer, *words = line.hear()
            if answer == "PoolExhausted":
                break
            if answer != "share":
                continue
            item, share = words
            line.say(item, request, request)
            assert line.hear() == ["share", item, share]
            mine.append((item, request))
            for used, before in mine[-3:]:
                for other in ((used, request, before), (used, before, digest(7).hex())):
                    if other != (used, before, before):
                        line.say(*other)
                        assert line.hear() == ["SecretReuseError"]
        line.say("end", len(mine))

    served: list[int] = []
    with children(8, ask) as lines:
        pool, wire = pool_of(store), Wire(80)
        refill(pool, 1, 80)
        together([lambda line=line: served.append(serve(pool, wire, line)) for line in lines])
    wire.expect_one_share_of_each()
    assert sum(served) == pool.statistics(stock(), NOW).burned == 80
    assert sum(count > 0 for count in served) > 1
    assert store.reuse_log().count >= 80


def serve(pool: Pool, wire: Wire, line: Line) -> int:
    """Answer the requests of a process until it has enough; how many shares it says that it got."""
    while True:
        item, *words = line.hear()
        if item == "end":
            return int(words[0])
        request, sighash = map(bytes.fromhex, words)
        try:
            chosen = pool.choose(stock(), 1, NOW)[0] if item == "any" else bytes.fromhex(item)
            pool.grant(stock(), request, [chosen], NOW)
            (share,) = pool.burn(request, [Use(chosen, sighash)], signer(sighash), NOW)
        except MpcError as e:
            line.say(type(e).__name__)
        else:
            wire.send(chosen, sighash, share)
            line.say("share", chosen.hex(), share.hex())


def test_4_processes_that_take_turns_use_each_presignature_once(path: Path) -> None:
    def take_turns(number: int, line: Line) -> None:
        """Open, bring in the same batches, use what this process may."""
        for turn in range(3):
            while True:
                try:
                    store = opened(path)
                    break
                except LockedError:
                    continue
            with store:
                pool = pool_of(store)
                for batch_number in range(6):
                    with suppress(SecretReuseError):
                        refill(pool, batch_number, 2)
                for attempt in range(3):
                    request = digest(1 + 100 * number + 10 * turn + attempt)
                    try:
                        (item,) = pool.choose(stock(), 1, NOW)
                    except PoolExhausted:
                        break
                    pool.grant(stock(), request, [item], NOW)
                    (share,) = pool.burn(request, [Use(item, request)], signer(request), NOW)
                    line.say(item.hex(), share.hex())
        line.say("end")

    used: list[list[str]] = []
    with children(4, take_turns) as lines:
        for line in lines:
            while (words := line.hear()) != ["end"]:
                used.append(words)
    ids = [item for item, _ in used]
    assert ids
    assert len(set(ids)) == len(ids)
    with opened(path) as store:
        rows = store._db.rows("SELECT lower(hex(presignature)), lower(hex(share)) FROM consumptions")
    assert sorted(map(list, rows)) == sorted(used)
