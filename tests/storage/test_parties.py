import shutil
from pathlib import Path

import pytest

from ecdsa_cggmp.aux_info import AuxInfo
from ecdsa_cggmp.params import SECURITY_128
from frost_bip340.key_share import KeyShare
from frost_bip340.params import hostpubkey_gen
from native.curve import mul_base
from native.errors import WipedError
from native.exposure import encode
from native.secret import SecretScalars
from native.secret_scalar import random_scalars
from protocol.errors import SecretReuseError, UsageError
from protocol.ids import MAX_PARTIES, PartyId
from protocol.roster import Roster
from storage import kdf
from storage.errors import (
    CorruptError,
    ExistsError,
    MissingError,
    RolledBackError,
    SealedError,
    WrongPassphraseError,
)
from storage.kdf import Cost
from storage.manifest import RowId
from storage.parties import PartyStore
from tests.ecdsa_cggmp.levels import TINY
from tests.ecdsa_cggmp.network import aux_infos, aux_secret
from tests.storage.samples import (
    RECOVERY,
    entry,
    full_party,
    key_shares,
    phrase,
    sql,
    unseal,
)

ME = PartyId(1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "parties" / "1" / "party.db"


@pytest.fixture
def store(path: Path) -> PartyStore:
    return PartyStore.create(path, ME, phrase())


def reopened(store: PartyStore, path: Path) -> PartyStore:
    store.close()
    again = PartyStore.open(path)
    again.unseal(phrase())
    return again


def same(share: KeyShare, other: KeyShare) -> bool:
    return (share.info, share.party, share.chain_code, share.epoch) == (
        other.info, other.party, other.chain_code, other.epoch,
    ) and share.secshare.declassify() == other.secshare.declassify()  # fmt: skip


def test_a_new_store_is_empty_and_unsealed(store: PartyStore, path: Path) -> None:
    assert not store.is_sealed
    assert store.party == ME
    assert store.hostpubkey() is None
    assert store.roster() is None
    assert store.terms() is None
    assert list(store.shares()) == list(store.ecdsa_shares()) == []
    assert store.signatures() == ()
    keyed = (lambda: store.share(b"\2" * 33), lambda: store.ecdsa_share(b"\2" * 33))
    for missing in (store.host_key, store.recovery_data, *keyed):
        with pytest.raises(MissingError):
            missing()
    assert reopened(store, path).party == ME


def test_a_store_is_not_overwritten(store: PartyStore, path: Path) -> None:
    store.close()
    with pytest.raises(ExistsError):
        PartyStore.create(path, ME, phrase("other"))
    unseal(path)


def test_everything_comes_back(path: Path) -> None:
    host_key, share = full_party(path)
    store = PartyStore.open(path)
    store.unseal(phrase())
    assert store.host_key().declassify() == host_key.declassify()
    assert store.hostpubkey() == bytes(mul_base(host_key)[0])
    assert same(store.share(bytes(share.info.thresh_pk)), share)
    assert store.recovery_data() == RECOVERY
    assert store.terms() == "2 of 3"
    assert store.signatures() == (entry(0), entry(1))


def test_a_file_with_a_damaged_header_is_not_kept_locked(path: Path) -> None:
    full_party(path)
    sql(path, "UPDATE vault SET header = zeroblob(155)")
    for _ in range(2):
        with pytest.raises(CorruptError, match="header"):
            PartyStore.open(path)


@pytest.mark.parametrize("kind", ["roster", "terms", "past terms"])
def test_what_is_no_roster_or_text_is_refused_while_sealed(path: Path, kind: str) -> None:
    full_party(path)
    sql(path, ("INSERT OR REPLACE INTO sealed VALUES (?, x'', 0, 1, ?, x'')", (kind, bytes(8) + b"\xff")))
    store = PartyStore.open(path)
    ask = {"roster": store.roster, "terms": store.terms, "past terms": store.past_terms}[kind]
    with pytest.raises(CorruptError, match=kind):
        ask()


def test_what_is_public_is_there_while_sealed(path: Path) -> None:
    host_key, share = full_party(path)
    store = PartyStore.open(path)
    assert store.is_sealed
    assert store.party == ME
    assert store.hostpubkey() == hostpubkey_gen(host_key)
    assert store.shares()[0].info == share.info
    assert store.terms() == "2 of 3"
    assert store.signatures() == (entry(0), entry(1))


def test_changed_terms_leave_a_trace_that_cannot_be_taken_away(path: Path) -> None:
    full_party(path)
    with PartyStore.open(path) as store:
        store.unseal(phrase())
        for now, terms in ((1000, "stricter"), (2000, "laxer")):
            store.change_terms(terms, now)
        assert store.terms() == "laxer"
    with PartyStore.open(path) as store:
        assert store.past_terms() == ((1000, "2 of 3"), (2000, "stricter"))
    sql(path, "DELETE FROM sealed WHERE kind = 'past terms' AND key = x'00000001'")
    with PartyStore.open(path) as store, pytest.raises(CorruptError):
        store.unseal(phrase())


def test_terms_are_changed_only_where_there_are_some(store: PartyStore) -> None:
    with pytest.raises(MissingError):
        store.change_terms("others", 1000)
    assert store.terms() is None
    assert store.past_terms() == ()


def test_nothing_else_is(path: Path) -> None:
    full_party(path)
    store = PartyStore.open(path)
    for use in (
        store.host_key,
        store.recovery_data,
        lambda: store.put_host_key(random_scalars()),
        lambda: store.aux(TINY),
        lambda: store.put_terms(""),
        lambda: store.change_terms("", 1000),
        lambda: store.record(entry(5)),
    ):
        with pytest.raises(SealedError):
            use()


def test_closing_seals(store: PartyStore) -> None:
    with store:
        pass
    assert store.is_sealed
    store.close()


def test_sealing_keeps_the_file_open(path: Path) -> None:
    full_party(path)
    store = PartyStore.open(path)
    store.unseal(phrase())
    store.seal()
    with pytest.raises(SealedError):
        store.host_key()
    assert store.terms() == "2 of 3"


def test_a_wrong_passphrase_leaves_it_sealed_and_unchanged(path: Path) -> None:
    full_party(path)
    before = path.read_bytes()
    store = PartyStore.open(path)
    for _ in range(3):
        with pytest.raises(WrongPassphraseError, match="does not open"):
            store.unseal(phrase("wrong"))
    assert store.is_sealed
    store.close()
    assert path.read_bytes() == before
    unseal(path)


def test_the_passphrase_can_be_changed(path: Path) -> None:
    host_key, _ = full_party(path)
    store = PartyStore.open(path)
    store.change_passphrase(phrase(), phrase("new"))
    store.close()
    with pytest.raises(WrongPassphraseError):
        unseal(path)
    again = PartyStore.open(path)
    again.unseal(phrase("new"))
    assert again.host_key().declassify() == host_key.declassify()


def test_a_file_sealed_at_a_lower_cost_is_refused_by_programs(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full_party(path)
    monkeypatch.setattr(kdf, "FLOOR", Cost(64 << 10, 3, 4))
    with pytest.raises(CorruptError, match="weaker"):
        PartyStore.open(path)


# host key, roster, terms


def test_there_is_one_host_key(store: PartyStore, path: Path) -> None:
    host_key = random_scalars()
    store.put_host_key(host_key)
    with pytest.raises(UsageError, match="already"):
        store.put_host_key(random_scalars())
    assert reopened(store, path).host_key().declassify() == host_key.declassify()


@pytest.mark.parametrize("items", [bytes(32), bytes(63) + b"\1"])
def test_a_host_key_is_one_scalar_other_than_zero(store: PartyStore, items: bytes) -> None:
    with pytest.raises(UsageError):
        store.put_host_key(SecretScalars.from_bytes(items, len(items) // 32))
    assert store.hostpubkey() is None


def test_what_the_caller_holds_can_be_wiped(store: PartyStore) -> None:
    host_key = random_scalars()
    expected = host_key.declassify()
    store.put_host_key(host_key)
    host_key.wipe()
    taken = store.host_key()
    assert taken.declassify() == expected
    taken.wipe()
    assert store.host_key().declassify() == expected
    with pytest.raises(WipedError):
        store.put_host_key(host_key)


def test_a_roster_is_kept_that_has_the_own_key_at_its_place(store: PartyStore, path: Path) -> None:
    keys = [hostpubkey_gen(random_scalars())[1:] for _ in range(3)]
    roster = Roster(tuple(keys), keys[0])
    with pytest.raises(UsageError):
        store.put_roster(roster)
    store.put_host_key(random_scalars())
    mine = store.hostpubkey()
    assert mine is not None
    for wrong in (roster, Roster((mine[1:], keys[1])), Roster((mine[1:],))):
        with pytest.raises(UsageError, match="roster"):
            store.put_roster(wrong)
    assert store.roster() is None
    right = Roster((keys[0], mine[1:], keys[2]), keys[0])
    store.put_roster(right)
    assert reopened(store, path).roster() == right


def test_terms_are_text_and_can_be_replaced(store: PartyStore, path: Path) -> None:
    store.put_terms("2 of 3, caf\u00e9")
    store.put_terms("3 of 5")
    assert reopened(store, path).terms() == "3 of 5"


# recovery data, auxiliary info


def test_recovery_data_is_that_of_a_key(store: PartyStore, path: Path) -> None:
    shares = [key_shares(seed)[1] for seed in (1, 2)]
    for i, share in enumerate(shares):
        store.put_share(share, b"recovery %d" % i)
        with pytest.raises(UsageError, match="already"):
            store.put_share(share, b"other")
    store = reopened(store, path)
    with pytest.raises(MissingError, match="name it"):
        store.recovery_data()
    for i, share in enumerate(shares):
        assert store.recovery_data(bytes(share.info.thresh_pk)) == b"recovery %d" % i


def test_auxiliary_info_comes_back_as_it_was(store: PartyStore, path: Path) -> None:
    with pytest.raises(MissingError, match="no aux info"):
        store.aux(TINY)
    aux = aux_infos(3)[1]
    store.put_aux(aux)
    store = reopened(store, path)
    again = store.aux(TINY)
    assert bytes(again) == bytes(aux)
    assert again.own.packed().declassify() == aux.own.packed().declassify()
    store.seal()
    with pytest.raises(SealedError):
        store.put_aux(aux)


def test_auxiliary_info_of_another_party_is_refused(store: PartyStore) -> None:
    with pytest.raises(UsageError, match="another party"):
        store.put_aux(aux_infos(3)[0])
    with pytest.raises(MissingError):
        store.aux(TINY)


def test_new_auxiliary_info_takes_the_place_of_the_old_in_the_file_too(store: PartyStore, path: Path) -> None:
    store.put_aux(aux_infos(3)[1])
    query = "SELECT * FROM sealed WHERE kind = 'aux info'"
    (old,) = store._db.rows(query)
    own = aux_secret(1)  # the same primes with another lambda
    store.put_aux(AuxInfo(TINY, ME, own, {**aux_infos(3)[1].publics, ME: own.public}))
    assert not any(old[5] in file.read_bytes() for file in path.parent.iterdir())
    assert store.aux(TINY).own.public == own.public
    store.close()
    sql(path, ("INSERT OR REPLACE INTO sealed VALUES (?, ?, ?, ?, ?, ?)", old))
    with pytest.raises(RolledBackError):
        unseal(path)


def test_auxiliary_info_that_does_not_fit_is_refused(store: PartyStore) -> None:
    store.put_aux(aux_infos(3)[1])
    with pytest.raises(CorruptError, match="another level"):
        store.aux(SECURITY_128)
    row = RowId("aux info")
    public = bytes(aux_infos(3)[1])
    other = encode(aux_infos(3)[0].own.packed())
    for secret in (other, encode(random_scalars()), None):
        with store._vault.change() as change:
            change.put(row, public, secret)
        with pytest.raises(CorruptError):
            store.aux(TINY)


def test_auxiliary_info_of_the_largest_group_at_full_size_is_stored(store: PartyStore) -> None:
    """128 parties with 3072-bit moduli: 4 numbers of 384 bytes each."""
    aux = aux_infos(3)[1]
    largest = 6 + MAX_PARTIES * (1 + 4 * SECURITY_128.modulus_bytes)
    with store._vault.change() as change:
        change.put(RowId("aux info"), bytes(largest), encode(aux.own.packed()))
    assert len(store._vault.read(RowId("aux info")).public) == largest


# what was signed


def test_a_session_is_recorded_once(store: PartyStore, path: Path) -> None:
    store.record(entry(1))
    with pytest.raises(SecretReuseError):
        store.record(entry(1, fee=3))
    store.record(entry(2))
    assert reopened(store, path).signatures() == (entry(1), entry(2))


def test_every_change_of_the_log_is_refused(path: Path) -> None:
    full_party(path)
    triggers = sql(path, "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'")
    for change in (
        "UPDATE signatures SET sent = sent - 1 WHERE seq = 0",
        "DELETE FROM signatures WHERE seq = 1",
        "DELETE FROM signatures",
        "INSERT INTO signatures SELECT 2, randomblob(32), key, epoch, txid, psbt_digest, sent, fee,"
        " sighashes, signers, answer, time, chain FROM signatures WHERE seq = 1",
    ):
        copy = path.parent.parent / "copy" / "party.db"
        copy.parent.mkdir(exist_ok=True)
        shutil.copy(path, copy)
        sql(copy, *(f"DROP TRIGGER {name}" for name, _ in triggers), change, *(text for _, text in triggers))
        store = PartyStore.open(copy)
        with pytest.raises(CorruptError, match="signatures"):
            store.unseal(phrase())
        assert store.is_sealed
        store.close()


def test_a_log_and_an_anchor_of_an_older_time_are_refused(path: Path) -> None:
    full_party(path)
    before = sql(path, "SELECT manifest, seal FROM vault")[0]
    store = PartyStore.open(path)
    store.unseal(phrase())
    store.record(entry(7))
    store.close()
    sql(path, ("UPDATE vault SET manifest = ?, seal = ?", before))
    with pytest.raises(CorruptError, match="at the end"):
        unseal(path)


def test_two_parties_cannot_change_places(tmp_path: Path) -> None:
    paths = [tmp_path / str(i) / "party.db" for i in range(2)]
    for i, path in enumerate(paths):
        full_party(path, i)
    for kind in ("share", "ecdsa share"):
        query = ("SELECT * FROM sealed WHERE kind = ?", (kind,))
        rows = [sql(path, query)[0] for path in paths]
        for i, path in enumerate(paths):
            sql(path, ("INSERT OR REPLACE INTO sealed VALUES (?, ?, ?, ?, ?, ?)", rows[1 - i]))
            with pytest.raises(CorruptError, match="changed"):
                unseal(path)
            sql(path, ("INSERT OR REPLACE INTO sealed VALUES (?, ?, ?, ?, ?, ?)", rows[i]))
    shutil.copy(paths[0], paths[1])
    assert PartyStore.open(paths[1]).party == 0


def test_the_store_is_what_key_generation_needs(store: PartyStore) -> None:
    """ChillDKG: recovery data is read back from the file before it is acknowledged."""
    store.put_share(key_shares()[1], RECOVERY)
    assert store._db.rows("SELECT public FROM sealed WHERE kind = 'recovery'") == [(RECOVERY,)]
    assert store.recovery_data() == RECOVERY


def test_released_store_opens_elsewhere_without_its_passphrase(tmp_path: Path) -> None:
    path, moved = tmp_path / "a" / "party.db", tmp_path / "b" / "party.db"
    store = PartyStore.create(path, PartyId(1), phrase())
    store.put_terms("2 of 3")
    master = store.release()
    path.parent.rename(moved.parent)
    with PartyStore.reopen(moved, master) as again:
        assert (again.party, again.is_sealed, again.terms()) == (PartyId(1), False, "2 of 3")
        again.put_terms("other")
    with PartyStore.open(moved) as again:
        again.unseal(phrase())
        assert again.terms() == "other"


def test_sealed_store_cannot_be_released(tmp_path: Path) -> None:
    PartyStore.create(tmp_path / "party.db", PartyId(1), phrase()).close()
    with PartyStore.open(tmp_path / "party.db") as store, pytest.raises(SealedError):
        store.release()


def test_released_store_opens_no_other_file(tmp_path: Path) -> None:
    master = PartyStore.create(tmp_path / "a" / "party.db", PartyId(1), phrase()).release()
    PartyStore.create(tmp_path / "b" / "party.db", PartyId(1), phrase()).close()
    with pytest.raises(CorruptError):
        PartyStore.reopen(tmp_path / "b" / "party.db", master)
    with pytest.raises(WipedError):
        PartyStore.reopen(tmp_path / "a" / "party.db", master)
