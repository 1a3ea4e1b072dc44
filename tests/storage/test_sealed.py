"""What a vault keeps, and every way of changing its file behind its back."""

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from native.secret import SecretBytes, SecretSeed
from protocol.errors import UsageError
from protocol.ids import PartyId
from storage.engine import Database
from storage.errors import (
    CorruptError,
    MissingError,
    RolledBackError,
    SealedError,
    StorageError,
    WrongPassphraseError,
)
from storage.header import Header, Owner
from storage.manifest import RowId
from storage.party_file import SCHEMA
from storage.sealed import Vault
from tests.storage.samples import phrase, sql

A, B, C = RowId("share", b"key a", 0), RowId("share", b"key a", 1), RowId("host key")
ALL = "SELECT kind, key, epoch, version, public, secret FROM sealed ORDER BY kind, key, epoch"


def make(path: Path, party: int = 1) -> None:
    """A file with three rows, the second of which was written twice."""
    master = SecretSeed.fresh()
    header = Header.wrap(Owner(bytes([party]) * 16, PartyId(party)), master, phrase())
    db = Database.create(path, SCHEMA, lambda new: Vault.begin(new, header, master))
    vault = Vault(db)
    vault.unseal(phrase())
    for row, public, secret in (
        (A, b"public a", b"secret a"),
        (B, b"old b", b"old secret b"),
        (C, b"c", None),
    ):
        put(vault, row, public, secret)
    shutil.copy(path, path.with_suffix(".old"))
    shutil.copy(path.with_name(path.name + "-wal"), path.with_name(path.stem + ".old-wal"))
    put(vault, B, b"public b", b"secret b")
    db.close()


def put(vault: Vault, row: RowId, public: bytes, secret: bytes | None) -> None:
    with vault.change() as change:
        change.put(row, public, None if secret is None else SecretBytes.from_bytes(secret))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "1" / "party.db"
    make(path)
    return path


def unsealed(path: Path, passphrase: str = "correct horse") -> Vault:
    vault = Vault(Database.open(path, SCHEMA))
    vault.unseal(phrase(passphrase))
    return vault


def read(vault: Vault, row: RowId) -> tuple[bytes, bytes | None]:
    public, secret = vault.read(row)
    return public, None if secret is None else secret.declassify()


def refused(path: Path, kind: type[StorageError], words: str) -> None:
    """The file is refused at unseal(), and the vault is sealed after that."""
    db = Database.open(path, SCHEMA)
    try:
        vault = Vault(db)
        with pytest.raises(kind, match=words) as e:
            vault.unseal(phrase())
        assert type(e.value) is kind
        assert vault.is_sealed
    finally:
        db.close()


# what it keeps


def test_rows_come_back(path: Path) -> None:
    vault = unsealed(path)
    assert read(vault, A) == (b"public a", b"secret a")
    assert read(vault, B) == (b"public b", b"secret b")
    assert read(vault, C) == (b"c", None)
    assert vault.owner == Owner(b"\x01" * 16, PartyId(1))


def test_public_bytes_are_there_while_it_is_sealed_and_secrets_are_not(path: Path) -> None:
    vault = Vault(Database.open(path, SCHEMA))
    assert vault.rows("share") == {A: b"public a", B: b"public b"}
    assert vault.rows("nothing") == {}
    for use in (lambda: vault.read(A), lambda: vault.anchor, lambda: put(vault, A, b"", None)):
        with pytest.raises(SealedError) as e:
            use()
        assert "passphrase" in e.value.hint


def test_sealing_again_puts_secrets_out_of_reach(path: Path) -> None:
    vault = unsealed(path)
    assert not vault.is_sealed
    vault.seal()
    vault.seal()
    assert vault.is_sealed
    with pytest.raises(SealedError):
        vault.read(A)
    vault.unseal(phrase())
    vault.unseal(phrase())
    assert read(vault, A) == (b"public a", b"secret a")


def test_a_wrong_passphrase_changes_nothing(path: Path) -> None:
    before = path.read_bytes()
    vault = Vault(Database.open(path, SCHEMA))
    with pytest.raises(WrongPassphraseError):
        vault.unseal(phrase("wrong"))
    assert vault.is_sealed
    vault._db.close()
    assert path.read_bytes() == before


def test_a_deleted_row_is_gone(path: Path) -> None:
    vault = unsealed(path)
    with vault.change() as change:
        change.delete(B)
    for check in (vault, None):
        if check is None:
            vault._db.close()
            check = unsealed(path)  # noqa: PLW2901
        with pytest.raises(MissingError, match="no share"):
            check.read(B)
        assert check.rows("share") == {A: b"public a"}


def test_a_row_that_is_not_there_cannot_be_deleted(path: Path) -> None:
    vault = unsealed(path)
    with pytest.raises(UsageError), vault.change() as change:
        change.delete(RowId("nothing"))
    assert read(vault, A) == (b"public a", b"secret a")


def test_changes_of_one_block_are_kept_together_or_not_at_all(path: Path) -> None:
    vault = unsealed(path)

    def fail() -> None:
        with vault.change() as change:
            change.put(A, b"new")
            change.delete(B)
            change.set_anchor(b"\x07" * 32)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    vault._db.close()
    vault = unsealed(path)
    assert read(vault, A) == (b"public a", b"secret a")
    assert read(vault, B) == (b"public b", b"secret b")
    assert vault.anchor == bytes(32)


def test_the_anchor_is_kept(path: Path) -> None:
    vault = unsealed(path)
    with vault.change() as change:
        change.set_anchor(b"\x07" * 32)
    assert vault.anchor == b"\x07" * 32
    vault._db.close()
    assert unsealed(path).anchor == b"\x07" * 32


def test_threads_lose_no_row(path: Path) -> None:
    vault = unsealed(path)
    work = [
        threading.Thread(
            target=lambda i=i: [put(vault, RowId("t", bytes([i, k])), b"x", None) for k in range(10)]
        )
        for i in range(4)
    ]
    for thread in work:
        thread.start()
    for thread in work:
        thread.join()
    vault._db.close()
    assert len(unsealed(path).rows("t")) == 40


@pytest.mark.parametrize(
    ("row", "public"), [(RowId("x", b"", 2**63), b""), (RowId("x", b"", -1), b""), (A, bytes(2**20 + 1))]
)
def test_a_row_out_of_range_is_refused(path: Path, row: RowId, public: bytes) -> None:
    vault = unsealed(path)
    with pytest.raises(UsageError):
        put(vault, row, public, None)
    assert read(vault, A) == (b"public a", b"secret a")


# the passphrase


@pytest.mark.parametrize("sealed", [True, False])
def test_a_changed_passphrase_opens_the_same_rows(path: Path, sealed: bool) -> None:
    vault = Vault(Database.open(path, SCHEMA))
    if not sealed:
        vault.unseal(phrase())
    vault.change_passphrase(phrase(), phrase("new one"))
    assert vault.is_sealed == sealed
    if not sealed:
        put(vault, C, b"after", None)
    vault._db.close()
    refused(path, WrongPassphraseError, "passphrase")
    vault = unsealed(path, "new one")
    assert read(vault, A) == (b"public a", b"secret a")
    assert read(vault, C)[0] == (b"c" if sealed else b"after")


def test_a_passphrase_is_not_changed_without_the_old_one(path: Path) -> None:
    vault = Vault(Database.open(path, SCHEMA))
    with pytest.raises(WrongPassphraseError):
        vault.change_passphrase(phrase("wrong"), phrase("new one"))
    vault._db.close()
    assert read(unsealed(path), A) == (b"public a", b"secret a")


def test_the_old_header_is_refused_after_a_change_of_the_passphrase(path: Path) -> None:
    ((old,),) = sql(path, "SELECT header FROM vault")
    vault = Vault(Database.open(path, SCHEMA))
    vault.change_passphrase(phrase(), phrase("new one"))
    assert not any(old in file.read_bytes() for file in path.parent.glob("party.db*"))
    vault._db.close()
    sql(path, ("UPDATE vault SET header = ?", (old,)))
    refused(path, RolledBackError, "header")


# attacks on rows


def flips(value: bytes) -> Iterator[bytes]:
    for at in range(len(value)):
        changed = bytearray(value)
        changed[at] ^= 0x20
        yield bytes(changed)


def test_every_flipped_byte_of_every_column_is_refused(path: Path) -> None:
    vault = unsealed(path)
    db = vault._db
    for kind, key, epoch, version, *blobs in db.rows(ALL):
        row, where = (kind, key, epoch), "WHERE kind = ? AND key = ? AND epoch = ?"
        for column, blob in zip(("public", "secret"), blobs, strict=True):
            for changed in flips(blob):
                db.execute(f"UPDATE sealed SET {column} = ? {where}", changed, *row)
                with pytest.raises(CorruptError, match=f"sealed {kind}.*changed"):
                    vault.unseal(phrase())
            db.execute(f"UPDATE sealed SET {column} = ? {where}", blob, *row)
        for column, value in zip(("kind", "key"), row, strict=False):
            for changed in flips(value.encode() if column == "kind" else value):
                name = changed.decode() if column == "kind" else changed
                db.execute(f"UPDATE sealed SET {column} = ? {where}", name, *row)
                with pytest.raises(CorruptError, match="not written by this program"):
                    vault.unseal(phrase())
                db.execute(
                    f"UPDATE sealed SET {column} = ? WHERE {column} = ? AND epoch = ?",
                    row[column == "key"],
                    name,
                    epoch,
                )
        db.execute(f"UPDATE sealed SET version = version + 1 {where}", *row)
        with pytest.raises(RolledBackError, match=f"has version {version + 1} where {version} was written"):
            vault.unseal(phrase())
        db.execute(f"UPDATE sealed SET version = version - 1 {where}", *row)
    vault.unseal(phrase())
    assert read(vault, B) == (b"public b", b"secret b")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE sealed SET kind = 'shard' WHERE epoch = 1",
        "UPDATE sealed SET key = x'00' WHERE epoch = 1",
        "UPDATE sealed SET key = x'' WHERE epoch = 1",
        "UPDATE sealed SET epoch = 2 WHERE epoch = 1",
        "INSERT INTO sealed SELECT kind, key, 7, version, public, secret FROM sealed WHERE epoch = 1",
        "INSERT INTO sealed VALUES ('new', x'', 0, 5, x'', x'')",
    ],
)
def test_a_row_under_another_name_is_refused(path: Path, statement: str) -> None:
    sql(path, statement)
    refused(path, CorruptError, "not written by this program")


@pytest.mark.parametrize("row", [A, B, C])
def test_a_deleted_row_is_noticed_and_named(path: Path, row: RowId) -> None:
    where = "WHERE kind = ? AND key = ? AND epoch = ?"
    assert sql(path, (f"SELECT count(*) FROM sealed {where}", (row.kind, row.key, row.epoch))) == [(1,)]
    sql(path, (f"DELETE FROM sealed {where}", (row.kind, row.key, row.epoch)))
    refused(path, CorruptError, f"sealed {row}: the row was deleted")


def test_swapped_rows_of_two_epochs_are_refused(path: Path) -> None:
    rows = {epoch: blobs for _, _, epoch, *blobs in sql(path, ALL) if blobs[0] in (1, 4)}
    swap = "UPDATE sealed SET version = ?, public = ?, secret = ? WHERE kind = 'share' AND epoch = ?"
    sql(path, (swap, (*rows[1], 0)), (swap, (*rows[0], 1)))
    refused(path, RolledBackError, "share")
    # and with the versions that are expected there
    versions = "UPDATE sealed SET version = ? WHERE kind = 'share' AND epoch = ?"
    sql(path, (versions, (rows[0][0], 0)), (versions, (rows[1][0], 1)))
    refused(path, CorruptError, "changed")


def test_swapped_secrets_of_two_rows_are_refused(path: Path) -> None:
    secrets = {(kind, epoch): secret for kind, _, epoch, _, _, secret in sql(path, ALL)}
    update = "UPDATE sealed SET secret = ? WHERE kind = 'share' AND epoch = ?"
    sql(path, (update, (secrets["share", 1], 0)), (update, (secrets["share", 0], 1)))
    refused(path, CorruptError, "changed")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (RowId("x", b"k", 1), RowId("x", b"k", 2)),
        (RowId("x", b"k", 1), RowId("x", b"l", 1)),
        (RowId("x", b"k", 1), RowId("y", b"k", 1)),
    ],
)
def test_swapped_rows_of_one_version_are_refused(path: Path, one: RowId, other: RowId) -> None:
    vault = unsealed(path)
    with vault.change() as change:
        for row, secret in ((one, b"first"), (other, b"other")):
            change.put(row, b"public", SecretBytes.from_bytes(secret))
    where = "WHERE kind = ? AND key = ? AND epoch = ?"
    rows = [(row.kind, row.key, row.epoch) for row in (one, other)]
    secrets = [vault._db.rows(f"SELECT secret FROM sealed {where}", *row)[0][0] for row in rows]
    for row, secret in zip(rows, reversed(secrets), strict=True):
        vault._db.execute(f"UPDATE sealed SET secret = ? {where}", secret, *row)
    for row in (one, other):
        with pytest.raises(CorruptError, match="changed"):
            vault.read(row)


def test_a_row_of_another_party_is_refused(tmp_path: Path, path: Path) -> None:
    other = tmp_path / "2" / "party.db"
    make(other, 2)
    for (kind, key, epoch, *row), (_, _, _, *mine) in zip(sql(other, ALL), sql(path, ALL), strict=True):
        assert row[0] == mine[0]
        update = "UPDATE sealed SET public = ?, secret = ? WHERE kind = ? AND key = ? AND epoch = ?"
        sql(path, (update, (*row[1:], kind, key, epoch)))
        refused(path, CorruptError, "changed")
        sql(path, (update, (*mine[1:], kind, key, epoch)))
    unsealed(path)


def test_an_older_version_of_a_row_is_refused(path: Path) -> None:
    ((*old,),) = sql(path.with_suffix(".old"), f"SELECT version, public, secret FROM ({ALL}) WHERE epoch = 1")
    assert old[:2] == [2, b"old b"]
    update = "UPDATE sealed SET version = ?, public = ?, secret = ? WHERE epoch = 1"
    sql(path, (update, old))
    refused(path, RolledBackError, "has version 2 where 4 was written last")
    sql(path, (update, (4, *old[1:])))
    refused(path, CorruptError, "changed")


def test_an_older_manifest_with_newer_rows_is_refused(path: Path) -> None:
    ((*old,),) = sql(path.with_suffix(".old"), "SELECT manifest, seal FROM vault")
    sql(path, ("UPDATE vault SET manifest = ?, seal = ?", old))
    refused(path, RolledBackError, "has version 4 where 2 was written last")


def test_every_flipped_byte_of_the_vault_is_refused(path: Path) -> None:
    db = Database.open(path, SCHEMA)
    ((*values,),) = db.rows("SELECT header, manifest, seal FROM vault")
    for column, value in zip(("header", "manifest", "seal"), values, strict=True):
        for changed in flips(value):
            db.execute(f"UPDATE vault SET {column} = ?", changed)
            with pytest.raises(CorruptError):
                Vault(db).unseal(phrase())
        db.execute(f"UPDATE vault SET {column} = ?", value)
    Vault(db).unseal(phrase())


@pytest.mark.parametrize("statement", ["DELETE FROM vault", "UPDATE vault SET header = x''"])
def test_a_file_without_its_header_is_refused(path: Path, statement: str) -> None:
    sql(path, statement)
    with pytest.raises(CorruptError, match="vault"):
        unsealed(path)


def test_the_header_of_another_file_is_refused(tmp_path: Path, path: Path) -> None:
    other = tmp_path / "2" / "party.db"
    make(other, 2)
    sql(path, ("UPDATE vault SET header = ?", sql(other, "SELECT header FROM vault")[0]))
    refused(path, CorruptError, "manifest")
    values = sql(other, "SELECT header, manifest, seal FROM vault")[0]
    sql(path, ("UPDATE vault SET header = ?, manifest = ?, seal = ?", values))
    refused(path, CorruptError, "sealed .*changed")


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ("UPDATE sealed SET secret = zeroblob(68) WHERE kind = 'share'", CorruptError),
        ("UPDATE sealed SET version = 1 WHERE epoch = 1", RolledBackError),
        ("DELETE FROM sealed WHERE epoch = 1", CorruptError),
    ],
)
def test_a_row_changed_while_the_vault_is_open_is_refused_when_it_is_read(
    path: Path, change: str, kind: type[CorruptError]
) -> None:
    vault = unsealed(path)
    vault._db.execute(change)
    with pytest.raises(kind):
        vault.read(B)
    put(vault, C, b"goes on", None)
    vault._db.close()
    with pytest.raises(kind):
        unsealed(path)


def test_the_whole_file_put_back_is_not_noticed(path: Path) -> None:
    """What cannot be detected inside the file; see storage/manifest.py."""
    for suffix in ("", "-wal"):
        old = path.with_name("party.old" + suffix)
        old.replace(path.with_name("party.db" + suffix))
    assert read(unsealed(path), B) == (b"old b", b"old secret b")
