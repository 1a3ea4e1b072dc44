"""The calls of a signer on the wire that the leader of a refill asks; see presigning.Signer."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from cosigner.calls import BATCH_SECONDS, LETTERS, SECONDS, Letters, read_parties, write_parties
from cosigner.refill_messages import MESSAGE_LIMIT, VOUCHER_SIZE, PresignOrder
from cosigner.refilling import RefillPeer
from cosigner.wire import MAX_REQUEST, NOTHING, Codec, Method
from protocol.codec import Reader, Writer
from protocol.errors import EncodingError
from protocol.header import HEADER_LIMIT
from protocol.ids import MAX_PARTIES, SESSION_ID_SIZE, PartyId, SessionId

Asked = tuple[PartyId, bytes]  # by which leader, what
Ordered = tuple[PartyId, PresignOrder]
Vouched = tuple[SessionId, Mapping[PartyId, bytes]]


def _write_leader(writer: Writer, leader: PartyId) -> Writer:
    return writer.unsigned(leader, 1)


def _read_leader(reader: Reader) -> PartyId:
    return PartyId(reader.unsigned("leader", 1))


def _write_asked(writer: Writer, asked: Asked) -> None:
    _write_leader(writer, asked[0]).bytes_of(asked[1], MESSAGE_LIMIT)


def _read_asked(reader: Reader) -> Asked:
    return _read_leader(reader), reader.bytes_of("asked", MESSAGE_LIMIT)


def _write_ordered(writer: Writer, ordered: Ordered) -> None:
    leader, order = ordered
    _write_leader(writer, leader).unsigned(order.fence, 8).bytes_of(order.header, HEADER_LIMIT)


def _read_ordered(reader: Reader) -> Ordered:
    leader, fence = _read_leader(reader), reader.unsigned("fence", 8)
    return leader, PresignOrder(reader.bytes_of("header", HEADER_LIMIT), fence)


def _write_vouched(writer: Writer, vouched: Vouched) -> None:
    session, vouchers = vouched
    write_parties(writer.fixed(session, SESSION_ID_SIZE), sorted(vouchers))
    writer.items(sorted(vouchers), lambda out, party: out.bytes_of(vouchers[party], VOUCHER_SIZE))


def _read_vouched(reader: Reader) -> Vouched:
    session, parties = SessionId(reader.fixed("session", SESSION_ID_SIZE)), read_parties(reader)
    if parties != tuple(sorted(set(parties))):
        raise EncodingError("parties", "not ascending")
    return session, {party: reader.bytes_of("voucher", VOUCHER_SIZE) for party in parties}


_MESSAGE: Final[Codec[bytes]] = Codec(
    lambda out, data: out.bytes_of(data, MESSAGE_LIMIT),
    lambda r: r.bytes_of("message", MESSAGE_LIMIT),
    MESSAGE_LIMIT + 4,
)
_ASKED: Final[Codec[Asked]] = Codec(_write_asked, _read_asked, MESSAGE_LIMIT + 5)
_SESSION: Final[Codec[SessionId]] = Codec(
    lambda out, session: out.fixed(session, SESSION_ID_SIZE),
    lambda r: SessionId(r.fixed("session", SESSION_ID_SIZE)),
    SESSION_ID_SIZE,
)

DEPTH: Final[Method[RefillPeer, bytes, bytes]] = Method(
    "depth", _MESSAGE, _MESSAGE, SECONDS, lambda peer, stock: peer.depth(stock)
)
LEND: Final[Method[RefillPeer, Asked, None]] = Method(
    "lend", _ASKED, NOTHING, SECONDS, lambda peer, asked: peer.lend(*asked)
)
KEEP: Final[Method[RefillPeer, Asked, None]] = Method(
    "keep", _ASKED, NOTHING, SECONDS, lambda peer, asked: peer.keep(*asked)
)
OPEN_PRESIGNING: Final[Method[RefillPeer, Ordered, Letters]] = Method(
    "open_presigning",
    Codec(_write_ordered, _read_ordered, MAX_REQUEST),
    LETTERS,
    BATCH_SECONDS,
    lambda peer, ordered: peer.open_presigning(*ordered),
)
VOUCH: Final[Method[RefillPeer, SessionId, bytes]] = Method(
    "vouch", _SESSION, _MESSAGE, SECONDS, lambda peer, session: peer.vouch(session)
)
CONFIRM: Final[Method[RefillPeer, Vouched, None]] = Method(
    "confirm",
    Codec(_write_vouched, _read_vouched, SESSION_ID_SIZE + (MAX_PARTIES + 1) * (VOUCHER_SIZE + 5)),
    NOTHING,
    SECONDS,
    lambda peer, vouched: peer.confirm(*vouched),
)
REFILL_CALLS: Final[Sequence[Method[RefillPeer, Any, Any]]] = (
    DEPTH,
    LEND,
    KEEP,
    OPEN_PRESIGNING,
    VOUCH,
    CONFIRM,
)
