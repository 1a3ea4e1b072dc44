"""Pools in a party's file."""

from pathlib import Path

from presig_pool.pool import Pool
from presig_pool.watermarks import Watermarks
from protocol.ids import PartyId
from storage.parties import PartyStore
from tests.presig_pool.samples import NOW, batch, digest
from tests.storage.samples import phrase, sql

BIG = Watermarks(max=1000, target=500)
A, B = digest(1), digest(2)
M1, M2 = digest(101), digest(102)


def a_party(directory: Path) -> Path:
    """The file of party 1, empty."""
    PartyStore.create(path := directory / "party.db", PartyId(1), phrase()).close()
    return path


def opened(path: Path) -> PartyStore:
    store = PartyStore.open(path)
    store.unseal(phrase())
    return store


def pool_of(store: PartyStore) -> Pool:
    return Pool(store.presignatures, BIG)


def refill(pool: Pool, number: int = 1, count: int = 3, **kind: object) -> list[bytes]:
    """Add a batch and confirm it; its ids."""
    made = batch(number, count, **kind)  # type: ignore[arg-type]
    label = pool.add(made, NOW)
    assert pool.confirm(label, dict.fromkeys(made[0].public.signers, label), NOW) == ()
    return [item.public.id for item in made]


def states(path: Path) -> dict[bytes, str]:
    """The state of every presignature, read without the program."""
    return {row[0]: row[1] for row in sql(path, "SELECT id, state FROM presignatures")}  # type: ignore[misc]
