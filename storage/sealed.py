"""Sealed rows: a secret under AES-256-GCM, and public bytes authenticated with it, in the table "sealed".

Associated data of a row: {format, store, party, kind, key, epoch, version, public bytes}. Without the
passphrase the public bytes can be read, and are then believed only as far as the file is.
"""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidTag

from native.secret import SecretBytes, SecretSeed
from protocol.codec import Writer
from protocol.errors import UsageError
from storage import envelope
from storage.engine import Database
from storage.errors import CorruptError, MissingError, RolledBackError, SealedError, StorageError
from storage.header import Header, Owner
from storage.manifest import Manifest, RowId
from storage.passphrase import Passphrase

_FORMAT: Final = b"mpcwallet row 1"
_MAX_PUBLIC: Final = 1 << 20
_MAX_EPOCH: Final = 1 << 63  # of SQLite's integers


class SealedRow(NamedTuple):
    """A row that was opened.

    Args:
        public: the authenticated bytes.
        secret: None when the row has none.
    """

    public: bytes
    secret: SecretBytes | None


class Vault:
    """The sealed rows of a file; sealed when it is opened, until unseal(). Threads may share it.

    Security:
        The master key stands in locked memory from unseal() to seal(). After a change of the passphrase an
        old copy of the file still opens with the old one.
    """

    __slots__ = ("_db", "_guard", "_header", "_manifest", "_master")

    def __init__(self, db: Database) -> None:
        """Read the header.

        Raises:
            CorruptError: it is damaged, or weaker than this program writes it.
        """
        self._db = db
        self._guard = threading.RLock()  # a change and the manifest in memory that follows from it are one
        self._header = Header.from_bytes(_vault(db)[0])
        self._master: SecretSeed | None = None
        self._manifest: Manifest | None = None

    @staticmethod
    def begin(db: Database, header: Header, master: SecretSeed) -> None:
        """Write the header and an empty manifest into a new file."""
        manifest = Manifest(0, sha256(bytes(header)).digest(), bytes(32))
        seal = envelope.seal(master, _manifest_context(header.owner, bytes(manifest)), None)
        db.execute("INSERT INTO vault VALUES (0, ?, ?, ?)", bytes(header), bytes(manifest), seal)

    @property
    def owner(self) -> Owner:
        """Whose file it is."""
        return self._header.owner

    @property
    def is_sealed(self) -> bool:
        """Whether secrets are out of reach."""
        return self._master is None

    @property
    def anchor(self) -> bytes:
        """The 32 bytes that the last change bound to the file.

        Raises:
            SealedError: the vault is sealed.
        """
        return self._open()[1].anchor

    def unseal(self, passphrase: Passphrase) -> None:
        """Open the master key and check every row.

        Raises:
            WrongPassphraseError: the passphrase is another.
            RolledBackError: a row or the header is from another time than the rest.
            CorruptError: a row was changed, added or deleted.
        """
        self.admit(self._header.unwrap(passphrase))

    def admit(self, master: SecretSeed) -> None:
        """Do what unseal() does, with the master key itself, which is owned from here on."""
        with self._guard:
            manifest = self._read_manifest(master)
            self._check_rows(master, manifest)
            self._master, self._manifest = master, manifest

    def release(self) -> SecretSeed:
        """Seal, and return the master key, which is the caller's from here on; admit() takes it.

        Raises:
            SealedError: the vault is sealed.
        """
        with self._guard:
            master, _ = self._open()
            self._master = self._manifest = None
            return master

    def seal(self) -> None:
        """Wipe the master key; a second call does nothing."""
        with self._guard:
            if self._master is not None:
                self._master.wipe()
            self._master = self._manifest = None

    def change_passphrase(self, old: Passphrase, new: Passphrase) -> None:
        """Wrap the master key under another passphrase, whether the vault is sealed or not.

        Raises:
            WrongPassphraseError: the old passphrase is another; nothing is changed.
            CorruptError: as for unseal().
        """
        with self._guard, self._header.unwrap(old) as master:
            manifest = self._read_manifest(master)
            header = Header.wrap(self.owner, master, new)
            manifest = replace(manifest, version=manifest.version + 1, header=sha256(bytes(header)).digest())
            with self._db.transaction():
                self._db.execute("UPDATE vault SET header = ?", bytes(header))
                self._write_manifest(master, manifest)
            self._header = header
            if self._manifest is not None:
                self._manifest = manifest
            self._db.truncate_log()

    def rows(self, kind: str) -> Mapping[RowId, bytes]:
        """Return the public bytes of all rows of a kind, sealed or not."""
        found = self._db.rows(
            "SELECT key, epoch, public FROM sealed WHERE kind = ? ORDER BY key, epoch", kind
        )
        return {RowId(kind, key, epoch): public for key, epoch, public in found}

    def read(self, row: RowId) -> SealedRow:
        """Open a row.

        Raises:
            SealedError: the vault is sealed.
            MissingError: there is no such row.
            RolledBackError, CorruptError: it is not what was written last.
        """
        master, manifest = self._open()
        if row not in manifest.rows:
            raise MissingError(f"party {self.owner.party} has no {row.kind} yet")
        return self._read(master, row, manifest.rows[row])

    def read_secret(self, row: RowId) -> tuple[bytes, SecretBytes]:
        """Open a row that has a secret.

        Raises:
            StorageError: as for read().
        """
        public, secret = self.read(row)
        if secret is None:
            raise CorruptError("there is no secret", "sealed", str(row))
        return public, secret

    @contextmanager
    def change(self) -> Iterator["Change"]:
        """Run a block that changes rows: all of it becomes durable at the end, or none when it raises.

        Raises:
            SealedError: the vault is sealed.
            StorageError: the change cannot be written.
        """
        with self._guard:
            with self._db.transaction():
                master, manifest = self._open()
                change = Change(self._db, self.owner, master, manifest)
                yield change
                self._write_manifest(master, change.manifest)
            self._manifest = change.manifest

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Run changes of sealed rows and statements of others on the file as one, all of it or none."""
        with self._guard:
            manifest = self._manifest
            try:
                with self._db.transaction():
                    yield
            except BaseException:
                if self._manifest is not None:  # it was not sealed meanwhile
                    self._manifest = manifest
                raise

    def _open(self) -> tuple[SecretSeed, Manifest]:
        if self._master is None or self._manifest is None:
            raise SealedError("the secrets are sealed", "unseal them with the passphrase")
        return self._master, self._manifest

    def _read_manifest(self, master: SecretSeed) -> Manifest:
        header, data, seal = _vault(self._db)
        try:
            envelope.unseal(master, _manifest_context(self.owner, data), seal)
        except InvalidTag as e:
            raise CorruptError("the manifest was changed", "vault") from e
        manifest = Manifest.from_bytes(data)
        if sha256(header).digest() != manifest.header:
            raise RolledBackError("the header is not the one of this file's last change", "vault")
        return manifest

    def _write_manifest(self, master: SecretSeed, manifest: Manifest) -> None:
        data = bytes(manifest)
        seal = envelope.seal(master, _manifest_context(self.owner, data), None)
        self._db.execute("UPDATE vault SET manifest = ?, seal = ?", data, seal)

    def _check_rows(self, master: SecretSeed, manifest: Manifest) -> None:
        found = {RowId(*row) for row in self._db.rows("SELECT kind, key, epoch FROM sealed")}
        for row in sorted(found - set(manifest.rows)):
            raise CorruptError("the row was not written by this program", "sealed", str(row))
        for row, version in sorted(manifest.rows.items()):
            secret = self._read(master, row, version).secret
            if secret is not None:
                secret.wipe()

    def _read(self, master: SecretSeed, row: RowId, version: int) -> SealedRow:
        found = self._db.row(
            "SELECT version, public, secret FROM sealed WHERE kind = ? AND key = ? AND epoch = ?",
            row.kind, row.key, row.epoch,
        )  # fmt: skip
        if found is None:
            raise CorruptError("the row was deleted", "sealed", str(row))
        if found[0] != version:
            raise RolledBackError(
                f"the row has version {found[0]} where {version} was written last", "sealed", str(row)
            )
        try:
            return SealedRow(
                found[1], envelope.unseal(master, _context(self.owner, row, *found[:2]), found[2])
            )
        except InvalidTag as e:
            raise CorruptError("the row was changed", "sealed", str(row)) from e


@dataclass(slots=True)
class Change:
    """The changes of one transaction; made by Vault.change()."""

    _db: Database
    _owner: Owner
    _master: SecretSeed
    manifest: Manifest

    def __post_init__(self) -> None:
        self.manifest = replace(self.manifest, version=self.manifest.version + 1)

    def put(self, row: RowId, public: bytes, secret: SecretBytes | None = None) -> None:
        """Write a row, over the one that there is.

        Args:
            row: what it is.
            public: readable without the passphrase, at most 1 MiB.
            secret: None when the row is there for its public bytes.
        """
        if len(public) > _MAX_PUBLIC or not 0 <= row.epoch < _MAX_EPOCH:
            raise UsageError("a sealed row is out of range")
        version = self.manifest.version
        box = envelope.seal(self._master, _context(self._owner, row, version, public), secret)
        self._db.execute(
            "INSERT OR REPLACE INTO sealed VALUES (?, ?, ?, ?, ?, ?)",
            row.kind, row.key, row.epoch, version, public, box,
        )  # fmt: skip
        self.manifest = replace(self.manifest, rows={**self.manifest.rows, row: version})

    def delete(self, row: RowId) -> None:
        """Delete a row.

        Raises:
            UsageError: there is no such row.
        """
        if row not in self.manifest.rows:
            raise UsageError(f"there is no {row}")
        self._db.execute(
            "DELETE FROM sealed WHERE kind = ? AND key = ? AND epoch = ?", row.kind, row.key, row.epoch
        )
        rows = {other: version for other, version in self.manifest.rows.items() if other != row}
        self.manifest = replace(self.manifest, rows=rows)

    def set_anchor(self, anchor: bytes) -> None:
        """Bind 32 bytes to the file."""
        self.manifest = replace(self.manifest, anchor=anchor)


def _vault(db: Database) -> tuple[bytes, bytes, bytes]:
    found = db.rows("SELECT header, manifest, seal FROM vault")
    if len(found) != 1:
        raise CorruptError("the header is missing", "vault")
    header, manifest, seal = found[0]
    return header, manifest, seal


def _context(owner: Owner, row: RowId, version: int, public: bytes) -> bytes:
    writer = row.write(owner.write(Writer().fixed(_FORMAT, len(_FORMAT))))
    try:
        return bytes(writer.unsigned(version, 8).bytes_of(public, _MAX_PUBLIC))
    except UsageError as e:
        raise StorageError(f"{row} is out of range") from e


def _manifest_context(owner: Owner, manifest: bytes) -> bytes:
    return bytes(owner.write(Writer().fixed(b"mpcwallet manifest 1", 20))) + manifest
