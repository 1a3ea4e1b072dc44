"""Restarts, backups put back and clones: a presignature that outlives its process is void, and says so."""

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from native.curve import Scalar
from native.errors import NativeError, WipedError
from native.secret import SecretSeed
from presig_pool.burning import Use
from presig_pool.errors import PoolExhausted, PresignatureVoid
from presig_pool.pool import Pool
from protocol.errors import SecretReuseError
from protocol.ids import PartyId
from storage import directory, presigs
from storage.errors import LockedError, RolledBackError, SealedError
from storage.parties import PartyStore
from tests.presig_pool.extraction import Captured, extracted_keys, pair_of
from tests.presig_pool.samples import NOW, X, batch, context, digest, signer, stock
from tests.storage.children import Line, children
from tests.storage.pools import M1, M2, A, B, a_party, opened, pool_of, refill, states
from tests.storage.samples import phrase

pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return a_party(tmp_path / "1")


@pytest.fixture
def store(path: Path) -> Iterator[PartyStore]:
    with opened(path) as store:
        yield store


# restarts


@pytest.mark.parametrize("pending", [False, True])
def test_a_restart_voids_the_pool_and_says_how_much(path: Path, pending: bool) -> None:
    with opened(path) as store:
        pool = pool_of(store)
        used, *rest = refill(pool)
        pool.grant(stock(), A, [used], NOW)
        share = pool.burn(A, [Use(used, M1)], signer(M1), NOW)
        if pending:
            pool.add(batch(2, 2), NOW)
    with opened(path) as store:
        pool = pool_of(store)
        assert store.presignatures.voided == 2 + 2 * pending
        for item in rest:
            with pytest.raises(PresignatureVoid):
                pool.grant(stock(), A, [item], NOW)
        with pytest.raises(PoolExhausted):
            pool.choose(stock(), 1, NOW)
        assert pool.statistics(stock(), NOW).voided == 2 + 2 * pending
        assert pool.burn(A, [Use(used, M1)], signer(), NOW) == share
        with pytest.raises(SecretReuseError):
            pool.burn(B, [Use(used, M1)], signer(M1), NOW)
        refill(pool, 3)


def test_sealing_voids_the_pool(path: Path, store: PartyStore) -> None:
    presignatures = store.presignatures
    pool = pool_of(store)
    (item, *_) = refill(pool)
    pool.grant(stock(), A, [item], NOW)
    assert store.presignatures is presignatures
    store.seal()
    with pytest.raises(SealedError):
        store.presignatures  # noqa: B018
    with pytest.raises(SealedError):
        pool.burn(A, [Use(item, M1)], signer(M1), NOW)
    with pytest.raises(SealedError):
        presignatures.add(batch(5), bytes(32), NOW)
    store.unseal(phrase())
    assert store.presignatures is not presignatures
    assert store.presignatures.find([item]) == {}


@pytest.mark.parametrize("end", [PartyStore.seal, PartyStore.release, PartyStore.close])
def test_sealing_wipes_the_key_also_where_somebody_holds_it(
    store: PartyStore, end: Callable[[PartyStore], object]
) -> None:
    key = store.presignatures._key
    assert key is not None
    end(store)
    with pytest.raises(WipedError):
        key.declassify()


def test_a_party_that_is_sealed_in_a_transaction_that_fails_stays_sealed(store: PartyStore) -> None:
    with pytest.raises(KeyboardInterrupt), store._vault.transaction():  # noqa: PT012
        store.seal()
        raise KeyboardInterrupt
    assert store.is_sealed
    assert store._vault._manifest is None


def test_a_forked_child_has_no_key(store: PartyStore) -> None:
    items = refill(pool_of(store))
    child = os.fork()
    if child == 0:
        code = 1
        try:
            store.presignatures.secrets(items)
        except NativeError:
            code = 0
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0


# copies


def use_all(pool: Pool, items: Sequence[bytes], request: bytes, sighash: bytes) -> list[Captured]:
    """The shares that a pool gives for each presignature in a request of its own kind."""
    publics = {item.public.id: item.public for item in batch(1, 3)}
    pool.grant(stock(), request, items, NOW)
    shares = pool.burn(request, [Use(item, sighash) for item in items], signer(*[sighash] * len(items)), NOW)
    return [
        Captured(context(publics[item], sighash), PartyId(1), Scalar.from_bytes(share))
        for item, share in zip(items, shares, strict=True)
    ]


def with_a_colluder(wire: Sequence[Captured]) -> set[Scalar]:
    """The keys that the other signer of the presignatures makes of what it saw."""
    theirs = {(item.public.id, item.party): pair_of(item) for item in batch(1, 3, me=0)}
    return extracted_keys(wire, theirs)


def no_second_share(path: Path, items: Sequence[bytes]) -> None:
    """A pool in a copy has nothing to use, in whatever way it is asked, and its figures say so."""
    with opened(path) as store:
        pool = pool_of(store)
        assert store.presignatures.voided == len(items)
        figures = pool.statistics(stock(), NOW)
        assert (figures.pending, figures.ready, figures.burned) == (0, 0, 0)
        assert (figures.voided, figures.generated) == (len(items), len(items))
        with pytest.raises(PoolExhausted) as e:
            pool.choose(stock(), 1, NOW)
        assert e.value.ready == 0
        for item in items:
            with pytest.raises(PresignatureVoid):
                pool.grant(stock(), B, [item], NOW)
            with pytest.raises(PresignatureVoid):
                pool.burn(A, [Use(item, M1)], signer(M1), NOW)
            with pytest.raises(PresignatureVoid):
                store.presignatures.secrets([item])
        assert store._db.rows("SELECT 1 FROM consumptions") == []
        assert len(refill(pool, 7, 2)) == 2  # and it goes on with new ones


@pytest.mark.parametrize("pending", [False, True])
def test_a_directory_that_is_copied_back_signs_nothing(path: Path, tmp_path: Path, pending: bool) -> None:
    with opened(path) as store:
        pool = pool_of(store)
        made = batch(1, 3)
        items = [item.public.id for item in made]
        label = pool.add(made, NOW)
        both = {PartyId(0): label, PartyId(1): label}
        if not pending:
            pool.confirm(label, both, NOW)
        shutil.copytree(path.parent, copy := tmp_path / "copy")
        if pending:
            pool.confirm(label, both, NOW)
        wire = use_all(pool, items, A, M1)
    shutil.rmtree(path.parent)
    shutil.copytree(copy, path.parent)
    assert set(states(path).values()) == {"PENDING" if pending else "READY"}
    no_second_share(path, items)
    assert with_a_colluder(wire) == set()


@pytest.mark.parametrize("end", ["burnt", "voided"])
def test_a_disk_that_is_rolled_back_beneath_the_process_brings_nothing_back(
    path: Path, store: PartyStore, end: str
) -> None:
    """A snapshot of the disk is put back while the process, which has the key of the pool, runs on."""
    pool = pool_of(store)
    items = refill(pool)
    pool.purge()  # all is in the file, and its log empty
    before = path.read_bytes()
    wire = []
    if end == "burnt":
        wire += use_all(pool, items, A, M1)
    else:
        pool.void("for a test", NOW)
    pool.purge()
    with path.open("r+b") as file:
        file.write(before)
        file.truncate()
    store._db._connection.execute("PRAGMA shrink_memory")  # SQLite reads the pages anew
    assert pool.choose(stock(), 3, NOW) == tuple(items)
    with pytest.raises(RolledBackError):
        wire += use_all(pool, items, B, M2)
    assert with_a_colluder(wire) == set()
    with pytest.raises(PresignatureVoid):
        pool.grant(stock(), digest(5), items, NOW)
    assert len(refill(pool, 7, 2)) == 2


def test_a_clone_beside_the_original_signs_nothing(path: Path, tmp_path: Path, store: PartyStore) -> None:
    pool = pool_of(store)
    items = refill(pool)
    for name in ("first", "second"):  # the clone itself cloned
        shutil.copytree(path.parent, tmp_path / name)
        no_second_share(tmp_path / name / path.name, items)
    wire = use_all(pool, items, A, M1)  # the original still has its key
    assert len(wire) == 3
    assert with_a_colluder(wire) == set()


def test_another_process_has_neither_the_directory_nor_the_pool_of_its_copy(
    path: Path, tmp_path: Path, store: PartyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(directory, "LOCK_WAIT", 0.1)
    pool = pool_of(store)
    items = refill(pool)
    shutil.copytree(path.parent, tmp_path / "clone")

    def start(_: int, line: Line) -> None:
        try:
            opened(path)
        except LockedError:
            line.say("locked")
        no_second_share(tmp_path / "clone" / path.name, items)
        line.say("void")
        line.hear()

    with children(1, start) as (clone,):
        assert clone.hear() == ["locked"]
        assert clone.hear() == ["void"]
        wire = use_all(pool, items[:1], A, M1)  # the first runs on
        wire += use_all(pool, items[1:], B, M2)
    assert len(wire) == 3
    assert with_a_colluder(wire) == set()


def test_a_copy_that_has_the_key_of_the_pool_gives_the_key_of_the_wallet(
    path: Path, tmp_path: Path, store: PartyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the others rest on: a machine that is cloned with its memory is not recognised."""
    pool = pool_of(store)
    items = refill(pool)
    shutil.copytree(path.parent, tmp_path / "clone")
    key = store.presignatures._key
    assert key is not None
    copy = SecretSeed.from_bytes(key.declassify())
    monkeypatch.setattr(presigs, "random_bytes", lambda _: store.presignatures._boot)
    monkeypatch.setattr(SecretSeed, "fresh", lambda: copy)
    with opened(tmp_path / "clone" / path.name) as clone:
        clone.presignatures._live.update(items)
        wire = use_all(pool, items, A, M1) + use_all(pool_of(clone), items, B, M2)
    assert with_a_colluder(wire) == {Scalar(X)}
