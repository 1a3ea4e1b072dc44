"""New shares beside those in use: sealed, given up or put in their place for all keys at once."""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from ecdsa_cggmp.aux_info import AuxInfo
from native.schnorr import xonly_key
from native.secret import SecretScalars
from protocol.errors import UnattributedAbort, UsageError
from protocol.header import Header
from protocol.ids import Epoch, PartyId, SessionId
from protocol.resharing.handover import Certificate, Holding, Pending
from protocol.resharing.key import plan_refresh
from protocol.roster import Roster
from storage.errors import CorruptError, MissingError, SealedError
from storage.parties import PartyStore
from tests.ecdsa_cggmp.levels import TINY
from tests.ecdsa_cggmp.network import aux_infos, aux_secret
from tests.presig_pool.samples import NOW, batch
from tests.storage.samples import RECOVERY, ecdsa_shares, key_shares, phrase, sql, unseal

ME = PartyId(1)
HOST_KEYS = [SecretScalars.from_bytes(sha256(b"host %d" % i).digest()) for i in range(3)]
ROSTER = Roster(tuple(xonly_key(key) for key in HOST_KEYS))


@dataclass(frozen=True)
class Kind:
    """The methods of a store for one scheme."""

    row: str
    shares: Callable[..., list[Any]]
    prepare: Callable[[PartyStore, Pending[Any]], None]
    holding: Callable[[PartyStore, bytes], Holding[Any]]
    get: Callable[..., Any]

    def pending(self, epoch: int, party: int = ME, session: int = 0) -> Pending[Any]:
        """What a refresh of the shares of epoch 0 gives a party."""
        plan = bytes(plan_refresh(self.shares()[0].sharing, bytes(32)))
        name = SessionId(sha256(b"%d %d" % (epoch, session)).digest())
        header = Header("test", 1, name, ROSTER.digest, tuple(map(PartyId, range(3))), plan)
        share = self.shares(epoch=epoch)[party]
        return Pending(header, ROSTER, share.sharing, share)

    @property
    def key(self) -> bytes:
        return bytes(self.shares()[0].sharing.key)


FROST = Kind("share", key_shares, PartyStore.prepare, PartyStore.holding, PartyStore.share)
ECDSA = Kind(
    "ecdsa share",
    lambda seed=2, epoch=0: ecdsa_shares(seed, epoch),
    PartyStore.prepare_ecdsa,
    PartyStore.ecdsa_holding,
    PartyStore.ecdsa_share,
)
BOTH = pytest.mark.parametrize("kind", [FROST, ECDSA], ids=["frost", "ecdsa"])


def certificate(pending: Pending[Any]) -> Certificate:
    confirmations = {PartyId(i): pending.confirm(key) for i, key in enumerate(HOST_KEYS)}
    return pending.certify(confirmations)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "1" / "party.db"


@pytest.fixture
def store(path: Path) -> PartyStore:
    store = PartyStore.create(path, ME, phrase())
    store.put_share(FROST.shares()[ME], RECOVERY)
    store.put_ecdsa_share(ECDSA.shares()[ME])
    return store


def reopened(store: PartyStore, path: Path) -> PartyStore:
    store.close()
    again = PartyStore.open(path)
    again.unseal(phrase())
    return again


def hand_over(store: PartyStore, epoch: int = 1) -> None:
    frost, ecdsa = certificate(FROST.pending(epoch)), certificate(ECDSA.pending(epoch))
    store.hand_over(b"record", {FROST.key: frost}, {ECDSA.key: ecdsa})


@BOTH
def test_prepared_share_waits_beside_the_one_in_use(kind: Kind, store: PartyStore, path: Path) -> None:
    for epoch in (1, 4):
        kind.prepare(store, kind.pending(epoch))
    store = reopened(store, path)
    assert kind.get(store, kind.key).sharing.epoch == 0
    holding = kind.holding(store, kind.key)
    assert (holding.epoch, [it.sharing.epoch for it in holding.pending]) == (0, [1, 4])
    for waits in holding.pending:
        expected = kind.pending(waits.sharing.epoch)
        assert (waits.header, waits.roster, waits.sharing) == (expected.header, ROSTER, expected.sharing)
        assert waits.agreement == expected.agreement
        assert waits.share.secshare.declassify() == expected.share.secshare.declassify()


@BOTH
def test_what_a_handover_may_not_do_is_not_prepared(kind: Kind, store: PartyStore) -> None:
    kind.prepare(store, kind.pending(2))
    before = store._db.rows("SELECT * FROM sealed")
    none = kind.pending(3)
    for wrong, reason in (
        (kind.pending(2), "higher epoch"),
        (kind.pending(1), "higher epoch"),
        (kind.pending(3, party=0), "another party"),
        (Pending(none.header, ROSTER, none.sharing, None), "no share for this party"),
    ):
        with pytest.raises(UsageError, match=reason):
            kind.prepare(store, wrong)
    assert store._db.rows("SELECT * FROM sealed") == before


def test_key_that_is_unknown_is_not_prepared(path: Path) -> None:
    with PartyStore.create(path, ME, phrase()) as store, pytest.raises(MissingError):
        store.prepare(FROST.pending(1))


def test_both_keys_go_over_at_once_and_old_shares_are_in_no_file(store: PartyStore, path: Path) -> None:
    secrets = [row[0] for row in store._db.rows("SELECT secret FROM sealed WHERE kind LIKE '%share'")]
    for kind in (FROST, ECDSA):
        for epoch in (1, 2, 3):
            kind.prepare(store, kind.pending(epoch))
    given_up = store._db.rows("SELECT secret FROM sealed WHERE kind LIKE 'pending%' AND epoch < 3")
    hand_over(store, 2)
    assert not any(secret in file.read_bytes() for file in path.parent.iterdir() for secret in secrets)
    assert len(given_up) == 4
    assert not any(row[0] in file.read_bytes() for file in path.parent.iterdir() for row in given_up)
    assert store.record_of_handover() == b"record"
    store = reopened(store, path)
    for kind in (FROST, ECDSA):
        holding = kind.holding(store, kind.key)
        assert (holding.epoch, [it.sharing.epoch for it in holding.pending]) == (2, [3])
        assert (
            kind.get(store, kind.key).secshare.declassify() == kind.shares(epoch=2)[ME].secshare.declassify()
        )
        with pytest.raises(MissingError):
            kind.get(store, kind.key, 0)


def test_one_missing_handover_changes_nothing(store: PartyStore) -> None:
    FROST.prepare(store, FROST.pending(1))
    before = store._db.rows("SELECT * FROM sealed")
    with pytest.raises(UnattributedAbort, match="certificate"):
        hand_over(store)
    ECDSA.prepare(store, ECDSA.pending(1, session=1))  # of another session
    with pytest.raises(UnattributedAbort, match="certificate"):
        hand_over(store)
    rows = store._db.rows("SELECT * FROM sealed")
    assert [row for row in rows if row in before] == before
    assert store.record_of_handover() is None


def test_presignatures_of_before_cannot_be_opened_after(store: PartyStore) -> None:
    for kind in (FROST, ECDSA):
        kind.prepare(store, kind.pending(1))
    before = store.presignatures
    made = batch(1, 2)
    hand_over(store)
    with pytest.raises(SealedError, match="for ever"):
        before.add(made, bytes(32), NOW)
    assert store.presignatures is not before


def test_auxiliary_info_goes_over_with_the_shares_that_it_is_for(store: PartyStore, path: Path) -> None:
    old, given_up, new = (AuxInfo(TINY, ME, own, {ME: own.public}) for own in map(aux_secret, range(3)))
    store.put_aux(old)
    for kind in (FROST, ECDSA):
        for epoch in (1, 2, 3):
            kind.prepare(store, kind.pending(epoch))
    for aux, epoch in ((given_up, 1), (new, 2), (old, 3)):
        store.prepare_aux(aux, Epoch(epoch))
    with pytest.raises(UsageError, match="already"):
        store.prepare_aux(old, Epoch(2))
    with pytest.raises(UsageError, match="another party"):
        store.prepare_aux(aux_infos(3)[0], Epoch(4))
    store = reopened(store, path)
    waiting = store.pending_aux(TINY, Epoch(2))
    assert waiting is not None
    assert waiting.publics == new.publics
    assert store.pending_aux(TINY, Epoch(4)) is None
    assert store.aux(TINY).publics == old.publics
    gone = store._db.rows("SELECT secret FROM sealed WHERE kind LIKE '%aux info' AND epoch != 3")
    hand_over(store, 2)
    assert not any(row[0] in file.read_bytes() for file in path.parent.iterdir() for row in gone)
    store = reopened(store, path)
    assert store.aux(TINY).publics == new.publics
    assert [row.epoch for row in store._vault.rows("pending aux info")] == [3]


def test_auxiliary_info_stays_when_none_waits(store: PartyStore) -> None:
    store.put_aux(aux_infos(3)[1])
    for kind in (FROST, ECDSA):
        kind.prepare(store, kind.pending(1))
    hand_over(store)
    assert store.aux(TINY).publics == aux_infos(3)[1].publics


@BOTH
def test_pending_row_that_was_changed_is_refused(kind: Kind, store: PartyStore, path: Path) -> None:
    kind.prepare(store, kind.pending(1))
    (row,) = store._vault.rows(f"pending {kind.row}")
    _, secret = store._vault.read_secret(row)
    with store._vault.change() as change:
        change.put(row, b"x", secret)
    with pytest.raises(CorruptError, match="pending"):
        kind.holding(store, kind.key)
    store.close()
    sql(path, f"UPDATE sealed SET epoch = 9 WHERE kind = 'pending {kind.row}'")
    with pytest.raises(CorruptError):
        unseal(path)
