"""What the leader of a refill and the signers of a stock say to each other, as bytes.

Times go as seconds that are left: clocks differ.
"""

from dataclasses import dataclass
from typing import Final, Self

from native.entropy import random_bytes
from native.hashing import tagged_hash
from native.schnorr import sign_bip340
from native.secret import SecretScalars
from native.verify import verify_bip340
from presig_pool.refill import LEASE_SECONDS, Lease
from presig_pool.state import Stock
from presig_pool.store import DIGEST_SIZE, ID_SIZE
from protocol.codec import POINT_SIZE, Reader, Writer, decode
from protocol.errors import EncodingError, UsageError
from protocol.header import Header
from protocol.ids import Epoch, PartyId
from protocol.signed import SIGNATURE_SIZE

MESSAGE_LIMIT: Final = 1 << 21  # bytes of a message; one lists 65535 ids at most
FENCES: Final = 1 << 63  # numbers of leases; the next one of what a peer says has an encoding, too
VOUCHER_SIZE: Final = DIGEST_SIZE + SIGNATURE_SIZE


def _write_stock(stock: Stock) -> Writer:
    writer = Writer().fixed(stock.key, POINT_SIZE).unsigned(stock.epoch, 8).unsigned(len(stock.signers), 1)
    return writer.items(stock.signers, lambda out, party: out.unsigned(party, 1))


def _read_stock(reader: Reader) -> Stock:
    key, epoch = reader.fixed("key", POINT_SIZE), Epoch(reader.unsigned("epoch", 8))
    count = reader.unsigned("signers", 1)
    signers = reader.items("signer", count, lambda source, name: PartyId(source.unsigned(name, 1)))
    try:
        return Stock(key, epoch, signers)
    except UsageError as e:
        raise EncodingError("stock", str(e)) from e


def _read_ids(reader: Reader) -> tuple[bytes, ...]:
    count = reader.unsigned("ids", 2)
    return reader.items("id", count, lambda source, name: source.fixed(name, ID_SIZE))


def _write_ids(writer: Writer, ids: tuple[bytes, ...]) -> Writer:
    return writer.unsigned(len(ids), 2).items(ids, lambda out, item: out.fixed(item, ID_SIZE))


def write_stock(stock: Stock) -> bytes:
    """Return the encoding of a stock."""
    return bytes(_write_stock(stock))


def read_stock(data: bytes) -> Stock:
    """Read what write_stock wrote.

    Raises:
        EncodingError: it is not the encoding of a stock.
    """
    return decode(data, MESSAGE_LIMIT, _read_stock)


@dataclass(frozen=True, slots=True)
class LeaseRequest:
    """A leader asks a signer for its consent, or renews it.

    Args:
        stock: what is refilled.
        fence: number of the lease.
    """

    stock: Stock
    fence: int

    def __bytes__(self) -> bytes:
        """Return the encoding."""
        return bytes(_write_stock(self.stock).unsigned(self.fence, 8))

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read a request.

        Raises:
            EncodingError: it is not the encoding of one.
        """
        return decode(data, MESSAGE_LIMIT, cls.read)

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """Read a request that others follow."""
        return cls(_read_stock(reader), reader.unsigned("fence", 8, below=FENCES))


@dataclass(frozen=True, slots=True)
class KeepRequest:
    """A leader tells a signer which presignatures all signers have.

    Args:
        lease: under which it leads.
        ids: of the presignatures, 32 bytes each.
    """

    lease: LeaseRequest
    ids: tuple[bytes, ...]

    def __bytes__(self) -> bytes:
        """Return the encoding."""
        return bytes(self.lease) + bytes(_write_ids(Writer(), self.ids))

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read a request.

        Raises:
            EncodingError: it is not the encoding of one.
        """
        return decode(data, MESSAGE_LIMIT, lambda reader: cls(LeaseRequest.read(reader), _read_ids(reader)))


@dataclass(frozen=True, slots=True)
class PresignOrder:
    """A leader orders a presigning session of a signer; nothing in it is believed.

    Args:
        header: of the session, with a PresignPlan.
        fence: of the lease under which it is ordered.
    """

    header: bytes
    fence: int


@dataclass(frozen=True, slots=True)
class Holding:
    """What a signer has of a stock.

    Args:
        ready: ids of what can be used, oldest first.
        pending: how many wait for the agreement of all signers.
        signing: whether the signer is signing a transaction.
        lease: the last one that it lent; None before.
    """

    ready: tuple[bytes, ...]
    pending: int
    signing: bool
    lease: Lease | None

    def encode(self, now: int) -> bytes:
        """Return the encoding at a time in seconds."""
        writer = _write_ids(Writer(), self.ready).unsigned(self.pending, 2).boolean(self.signing)
        writer.boolean(self.lease is not None)
        if self.lease is not None:
            _write_lease(writer, self.lease, now)
        return bytes(writer)

    @classmethod
    def decode(cls, data: bytes, stock: Stock, now: int) -> "Holding":
        """Read a holding of a stock.

        Raises:
            EncodingError: it is not the encoding of one.
        """

        def read(reader: Reader) -> "Holding":
            ready, pending, signing = (
                _read_ids(reader),
                reader.unsigned("pending", 2),
                reader.boolean("signing"),
            )
            lease = _read_lease(reader, stock, now) if reader.boolean("lease") else None
            return cls(ready, pending, signing, lease)

        return decode(data, MESSAGE_LIMIT, read)


def _write_lease(writer: Writer, lease: Lease, now: int) -> Writer:
    left = max(0, min(lease.until - now, LEASE_SECONDS))
    return writer.unsigned(lease.leader, 1).unsigned(lease.fence, 8).unsigned(left, 2)


def _read_lease(reader: Reader, stock: Stock, now: int) -> Lease:
    leader, fence = PartyId(reader.unsigned("leader", 1)), reader.unsigned("fence", 8, below=FENCES)
    left = reader.unsigned("seconds left", 2, below=LEASE_SECONDS + 1)
    if leader not in stock.signers:
        raise EncodingError("leader", "no signer of the stock")
    return Lease(stock, leader, fence, now + left)


# vouchers


def vouch(header: Header, party: PartyId, digest: bytes, host_key: SecretScalars) -> bytes:
    """Sign the digest of a batch that a session has made for a party.

    Args:
        header: of the session.
        party: who vouches.
        digest: batch_digest(), 32 bytes.
        host_key: of the party.

    Returns:
        96 bytes: digest || signature.
    """
    return digest + sign_bip340(host_key, _statement(header, party, digest), random_bytes(32))


def vouched_digest(header: Header, party: PartyId, voucher: bytes, key: bytes) -> bytes | None:
    """Return the digest that a party vouches for; None if it does not.

    Args:
        header: of the session.
        party: who is said to vouch.
        voucher: anything.
        key: x-only host key of the party.
    """
    digest, signature = voucher[:DIGEST_SIZE], voucher[DIGEST_SIZE:]
    if len(voucher) != VOUCHER_SIZE:
        return None
    return digest if verify_bip340(signature, _statement(header, party, digest), key) else None


def _statement(header: Header, party: PartyId, digest: bytes) -> bytes:
    return tagged_hash("mpcwallet/presignatures made", header.digest, party.to_bytes(4, "big"), digest)
