"""The manifest of a sealed file: which rows there are, in which version; sealed itself.

It shows a row that was deleted, added or put back from an old copy. A copy of the whole file put back is not
seen: nothing in the file can tell. Against who keeps copies of old shares there is the refresh; against who
restores a party, what its peers have seen of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Self

from protocol.codec import Reader, Writer, decode
from protocol.errors import EncodingError
from storage.errors import CorruptError

MAX_KEY: Final = 64
_KIND: Final = 32
_LIMIT: Final = 1 << 20
_DIGEST: Final = 32


@dataclass(frozen=True, slots=True, order=True)
class RowId:
    """What a sealed row is.

    Args:
        kind: of secret, such as "share".
        key: which one, at most 64 bytes; empty where there is one only.
        epoch: of a share, otherwise 0.
    """

    kind: str
    key: bytes = b""
    epoch: int = 0

    def write(self, writer: Writer) -> Writer:
        """Write the identity, of a length that it says itself."""
        return writer.text(self.kind, _KIND).bytes_of(self.key, MAX_KEY).unsigned(self.epoch, 8)

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """Read what write() wrote.

        Raises:
            EncodingError: it is not the encoding of one.
        """
        kind, key = reader.text("kind", _KIND), reader.bytes_of("key", MAX_KEY)
        return cls(kind, key, reader.unsigned("epoch", 8))

    def __str__(self) -> str:
        key = f" {self.key.hex()}" if self.key else ""
        return f"{self.kind}{key} of epoch {self.epoch}"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a file holds.

    Args:
        version: of the file, one more with every change; a row has that of the change which wrote it.
        header: SHA-256 of the header.
        anchor: 32 bytes that the owner of the file binds to it, see storage/signing_log.py.
        rows: the version of each row.
    """

    version: int
    header: bytes
    anchor: bytes
    rows: Mapping[RowId, int] = field(default_factory=dict)

    def __bytes__(self) -> bytes:
        """Return the one encoding, rows in their order."""
        writer = Writer().unsigned(self.version, 8).fixed(self.header, _DIGEST).fixed(self.anchor, _DIGEST)
        writer.unsigned(len(self.rows), 4)
        return bytes(
            writer.items(sorted(self.rows.items()), lambda out, row: row[0].write(out).unsigned(row[1], 8))
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> "Manifest":
        """Read a manifest.

        Raises:
            CorruptError: it is damaged.
        """

        def read(reader: Reader) -> "Manifest":
            version = reader.unsigned("version", 8)
            header, anchor = reader.fixed("header", _DIGEST), reader.fixed("anchor", _DIGEST)
            count = reader.unsigned("rows", 4, below=_LIMIT)
            rows = reader.items("row", count, _read_row)
            return cls(version, header, anchor, dict(rows))

        try:
            return decode(data, _LIMIT, read)
        except EncodingError as e:
            raise CorruptError(f"the manifest is damaged: {e}", "vault") from e


def _read_row(reader: Reader, field: str) -> tuple[RowId, int]:
    return RowId.read(reader), reader.unsigned(f"{field} version", 8)
