"""What a party has signed, in the append-only table "signatures".

Each row carries a hash of itself and the hash before it; the last hash is bound to the file under the master
key (the anchor of its manifest), so that no row can be changed, added or left away without the passphrase.
"""

from dataclasses import dataclass
from typing import Final

from native.hashing import tagged_hash
from protocol.codec import Writer
from protocol.errors import SecretReuseError, UsageError
from protocol.ids import MAX_PARTIES, PartyId, SessionId
from storage.engine import Database, Row
from storage.errors import CorruptError
from wallet.amounts import MAX_MONEY
from wallet.tx import Txid

START: Final = bytes(32)  # the hash before the first row
MAX_SIGHASHES: Final = 100_000  # more than inputs fit into a block
MAX_ANSWER: Final = 1 << 24
_MAX_INTEGER: Final = 1 << 63
_ROWS: Final = (
    "SELECT seq, chain, session, key, epoch, txid, psbt_digest, sent, fee, sighashes, signers, answer, time"
    " FROM signatures ORDER BY seq"
)


@dataclass(frozen=True, slots=True)
class SignedEntry:
    """One signing session in which a party gave its partial signatures.

    Args:
        session: id of the session, 32 bytes.
        key: threshold public key, 33 bytes.
        epoch: of the share.
        txid: of the transaction.
        psbt_digest: SHA-256 of the PSBT that was reviewed, 32 bytes.
        sent: satoshi that leave the wallet, without the fee.
        fee: satoshi.
        sighashes: 32 bytes per input that was signed.
        signers: all parties of the session.
        answer: the partial signatures in their encoding, at most 16 MiB.
        time: Unix seconds.

    Raises:
        UsageError: a value is out of range.
    """

    session: SessionId
    key: bytes
    epoch: int
    txid: Txid
    psbt_digest: bytes
    sent: int
    fee: int
    sighashes: tuple[bytes, ...]
    signers: tuple[PartyId, ...]
    answer: bytes
    time: int

    def __post_init__(self) -> None:
        if not (0 <= self.sent <= MAX_MONEY and 0 <= self.fee <= MAX_MONEY):
            raise UsageError("an amount of a signed transaction is out of range")
        if not (0 <= self.epoch < _MAX_INTEGER and 0 <= self.time < _MAX_INTEGER):
            raise UsageError("the epoch or time of a signature is out of range")
        if not 1 <= len(self.sighashes) <= MAX_SIGHASHES or not 1 <= len(self.signers) <= MAX_PARTIES:
            raise UsageError("a signature has a number of sighashes or signers out of range")
        bytes(self)

    def __bytes__(self) -> bytes:
        """Return the encoding that the hash is over."""
        writer = Writer().fixed(self.session, 32).fixed(self.key, 33).unsigned(self.epoch, 8)
        writer.fixed(self.txid, 32).fixed(self.psbt_digest, 32).unsigned(self.sent, 8).unsigned(self.fee, 8)
        writer.unsigned(len(self.sighashes), 4)
        writer.items(self.sighashes, lambda out, sighash: out.fixed(sighash, 32))
        writer.unsigned(len(self.signers), 1).items(self.signers, lambda out, party: out.unsigned(party, 1))
        return bytes(writer.bytes_of(self.answer, MAX_ANSWER).unsigned(self.time, 8))

    def _row(self) -> Row:
        sighashes, signers = b"".join(self.sighashes), bytes(self.signers)
        return (
            self.session, self.key, self.epoch, self.txid, self.psbt_digest,
            self.sent, self.fee, sighashes, signers, self.answer, self.time,
        )  # fmt: skip


def append(db: Database, head: bytes, entry: SignedEntry) -> bytes:
    """Write an entry inside a transaction of the caller.

    Args:
        db: the party's file.
        head: hash of the last entry.
        entry: the new one.

    Returns:
        The new head.

    Raises:
        SecretReuseError: there is an entry of this session: its partial signatures must not be made again.
        StorageError: it cannot be written.
    """
    if db.row("SELECT 1 FROM signatures WHERE session = ?", entry.session) is not None:
        raise SecretReuseError("this session was signed before")
    chain = _next(head, entry)
    count = db.rows("SELECT coalesce(max(seq) + 1, 0) FROM signatures")[0][0]
    db.execute(
        "INSERT INTO signatures VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", count, *entry._row(), chain
    )
    return chain


def entries(db: Database) -> tuple[SignedEntry, ...]:
    """Return all entries, oldest first.

    Raises:
        CorruptError: a row is not what append() wrote.
    """
    return tuple(map(_entry, db.rows(_ROWS)))


def check(db: Database, head: bytes) -> None:
    """Check every row against its hash, and the last one against the head.

    Raises:
        CorruptError: a row was changed, added or deleted; names it.
    """
    reached = START
    for i, row in enumerate(db.rows(_ROWS)):
        seq, chain, *_ = row
        reached = _next(reached, _entry(row))
        if seq != i or chain != reached:
            raise CorruptError("the row was changed, or one before it deleted", "signatures", f"row {i}")
    if reached != head:
        raise CorruptError("rows at the end were added or deleted", "signatures")


def _entry(row: Row) -> SignedEntry:
    seq, _, session, key, epoch, txid, psbt, sent, fee, sighashes, signers, answer, time = row
    digests = tuple(sighashes[i : i + 32] for i in range(0, len(sighashes), 32))
    try:
        parties = tuple(map(PartyId, signers))
        return SignedEntry(session, key, epoch, txid, psbt, sent, fee, digests, parties, answer, time)
    except UsageError as e:
        raise CorruptError(str(e), "signatures", f"row {seq}") from e


def _next(head: bytes, entry: SignedEntry) -> bytes:
    return tagged_hash("mpcwallet/signing log", head, bytes(entry))
