"""Key shares of each scheme in a party's file: each stored once, refreshed, dropped, and bound to its row."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from native.exposure import encode
from native.secret import SecretBytes, SecretScalars
from protocol.errors import UsageError
from protocol.ids import PartyId
from storage.errors import CorruptError, MissingError, RolledBackError, SealedError
from storage.parties import PartyStore
from tests.storage.samples import (
    RECOVERY,
    drop_ecdsa_share,
    drop_share,
    ecdsa_shares,
    key_shares,
    phrase,
    put_refreshed,
    sql,
    unseal,
)

ME = PartyId(1)


@dataclass(frozen=True)
class Kind:
    """The methods of a store for one scheme."""

    row: str
    shares: Callable[..., Sequence[Any]]
    put: Callable[[PartyStore, Any], None]
    put_refreshed: Callable[[PartyStore, Any], None]
    get: Callable[..., Any]
    publics: Callable[[PartyStore], Sequence[Any]]
    drop: Callable[[PartyStore, bytes, int], None]

    def mine(self, seed: int = 1, epoch: int = 0) -> Any:
        return self.shares(seed, epoch)[ME]


FROST = Kind(
    "share",
    key_shares,
    lambda store, share: store.put_share(share, RECOVERY),
    put_refreshed,
    PartyStore.share,
    PartyStore.shares,
    drop_share,
)
ECDSA = Kind(
    "ecdsa share",
    ecdsa_shares,
    PartyStore.put_ecdsa_share,
    put_refreshed,
    PartyStore.ecdsa_share,
    PartyStore.ecdsa_shares,
    drop_ecdsa_share,
)


@pytest.fixture(params=[FROST, ECDSA], ids=["frost", "ecdsa"])
def kind(request: pytest.FixtureRequest) -> Kind:
    return request.param


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "1" / "party.db"


@pytest.fixture
def store(path: Path) -> PartyStore:
    return PartyStore.create(path, ME, phrase())


def reopened(store: PartyStore, path: Path) -> PartyStore:
    store.close()
    again = PartyStore.open(path)
    again.unseal(phrase())
    return again


def fields(share: Any) -> list[Any]:
    """All that is in a share, whatever its scheme."""
    values = [getattr(share, name) for name in type(share).__slots__]
    return [value.declassify() if isinstance(value, SecretScalars) else value for value in values]


def test_a_share_comes_back_as_it_was(kind: Kind, store: PartyStore, path: Path) -> None:
    kind.put(store, kind.mine())
    (public,) = kind.publics(store)
    assert fields(kind.get(reopened(store, path), public.key)) == fields(kind.mine())


def test_a_share_of_another_party_is_refused(kind: Kind, store: PartyStore) -> None:
    with pytest.raises(UsageError, match="another party"):
        kind.put(store, kind.shares()[0])
    assert list(kind.publics(store)) == []


def test_a_share_is_not_replaced(kind: Kind, store: PartyStore) -> None:
    kind.put(store, kind.mine())
    before = store._db.rows("SELECT * FROM sealed")
    for put in (kind.put, kind.put_refreshed):
        with pytest.raises(UsageError, match="already"):
            put(store, kind.mine())
    assert store._db.rows("SELECT * FROM sealed") == before


def test_shares_of_several_keys_stand_beside_each_other(kind: Kind, store: PartyStore, path: Path) -> None:
    for seed in (1, 2):
        kind.put(store, kind.mine(seed))
    store = reopened(store, path)
    stored = [fields(kind.get(store, public.key)) for public in kind.publics(store)]
    assert sorted(map(repr, stored)) == sorted(repr(fields(kind.mine(seed))) for seed in (1, 2))


def test_shares_of_two_schemes_do_not_meet(store: PartyStore) -> None:
    FROST.put(store, FROST.mine())
    ECDSA.put(store, ECDSA.mine())  # of the same key: never so in a wallet
    ECDSA.put_refreshed(store, ECDSA.mine(epoch=1))
    key = ECDSA.publics(store)[0].key
    assert [public.epoch for public in FROST.publics(store)] == [0]
    with pytest.raises(UsageError):
        FROST.drop(store, key, 0)
    ECDSA.drop(store, key, 0)
    assert fields(FROST.get(store, key)) == fields(FROST.mine())
    assert fields(ECDSA.get(store, key)) == fields(ECDSA.mine(epoch=1))


def test_a_refreshed_share_stands_beside_the_old_for_a_while(
    kind: Kind, store: PartyStore, path: Path
) -> None:
    old, new = kind.mine(), kind.mine(epoch=1)
    with pytest.raises(UsageError, match="no share of this key"):
        kind.put_refreshed(store, new)
    kind.put(store, old)
    kind.put_refreshed(store, new)
    key = kind.publics(store)[0].key
    assert [(public.key, public.epoch) for public in kind.publics(store)] == [(key, 0), (key, 1)]
    assert fields(kind.get(store, key)) == fields(new)
    assert fields(kind.get(store, key, 0)) == fields(old)
    kind.drop(store, key, 0)
    store = reopened(store, path)
    assert [public.epoch for public in kind.publics(store)] == [1]
    with pytest.raises(MissingError, match=r"no .*share"):
        kind.get(store, key, 0)


def test_a_dropped_share_is_in_no_file(kind: Kind, store: PartyStore, path: Path) -> None:
    kind.put(store, kind.mine())
    ((old,),) = store._db.rows("SELECT secret FROM sealed WHERE kind = ?", kind.row)
    kind.put_refreshed(store, kind.mine(epoch=1))
    kind.drop(store, kind.publics(store)[0].key, 0)
    assert not any(old in file.read_bytes() for file in path.parent.iterdir())


def test_the_last_share_of_a_key_is_not_dropped(kind: Kind, store: PartyStore) -> None:
    kind.put(store, kind.mine())
    key = kind.publics(store)[0].key
    for epoch in (0, 1):
        with pytest.raises(UsageError):
            kind.drop(store, key, epoch)
    with pytest.raises(UsageError):
        kind.drop(store, b"\2" * 33, 0)
    assert fields(kind.get(store, key)) == fields(kind.mine())


def test_an_old_share_put_back_after_a_refresh_is_refused(kind: Kind, path: Path, store: PartyStore) -> None:
    kind.put(store, kind.mine())
    old = store._db.row("SELECT * FROM sealed WHERE kind = ?", kind.row)
    assert old is not None
    kind.put_refreshed(store, kind.mine(epoch=1))
    kind.drop(store, kind.publics(store)[0].key, 0)
    store.close()
    sql(path, ("INSERT INTO sealed VALUES (?, ?, ?, ?, ?, ?)", old))
    with pytest.raises(CorruptError, match="not written by this program"):
        unseal(path)
    # in the place of the new one
    sql(
        path,
        ("DELETE FROM sealed WHERE kind = ? AND epoch = 0", (kind.row,)),
        ("UPDATE sealed SET version = ? WHERE epoch = 1", (old[3],)),
    )
    with pytest.raises(RolledBackError):
        unseal(path)


@pytest.mark.parametrize("change", ["key = zeroblob(33)", "epoch = 5", "public = zeroblob(200)"])
def test_a_public_share_that_does_not_fit_its_row_is_refused_while_sealed(
    kind: Kind, store: PartyStore, path: Path, change: str
) -> None:
    kind.put(store, kind.mine())
    store.close()
    sql(path, (f"UPDATE sealed SET {change} WHERE kind = ?", (kind.row,)))
    with pytest.raises(CorruptError, match="share"):
        kind.publics(PartyStore.open(path))


def test_a_secret_of_another_share_is_refused(kind: Kind, store: PartyStore) -> None:
    """The sealed secret belongs to its public share, whoever wrote the row."""
    kind.put(store, kind.mine())
    (row,) = store._vault.rows(kind.row)
    public = store._vault.read(row).public
    for secret in (encode(kind.mine(2).secshare), SecretBytes.from_bytes(b"\xff" * 32), None):
        with store._vault.change() as change:
            change.put(row, public, secret)
        with pytest.raises(CorruptError, match=r"match|no secret|decode"):
            kind.get(store, row.key)


def test_a_sealed_party_gives_public_sides_only(kind: Kind, store: PartyStore, path: Path) -> None:
    kind.put(store, kind.mine())
    store.close()
    closed = PartyStore.open(path)
    (public,) = kind.publics(closed)
    for use in (
        lambda: kind.get(closed, public.key),
        lambda: kind.put(closed, kind.mine(2)),
        lambda: kind.put_refreshed(closed, kind.mine(epoch=1)),
        lambda: kind.drop(closed, public.key, 0),
    ):
        with pytest.raises(SealedError):
            use()
