"""The calls of a party on the wire: what a coordinator asks of a signer, and a wallet of any party."""

from collections.abc import Sequence
from typing import Final, Protocol

from cosigner.party import Acceptance, SigningOrder, Summary
from cosigner.segwit_signing import MAX_LISTED
from cosigner.signing import SigningPeer
from cosigner.wire import MAX_REPLY, MAX_REQUEST, Codec, Method, read_counted, write_counted
from cosigner.wire_errors import read_error, read_proofs, write_error, write_proofs
from ecdsa_cggmp.presignature import MAX_PUBLIC
from presig_pool.watermarks import MAX_PAYMENT
from protocol.codec import Reader, Writer
from protocol.errors import EncodingError, MpcError
from protocol.header import HEADER_LIMIT
from protocol.ids import MAX_PARTIES, SESSION_ID_SIZE, PartyId, SessionId
from protocol.machine import Sealed
from protocol.roster import ROSTER_LIMIT
from protocol.signed import ENVELOPE_OVERHEAD, MAX_BODY
from wallet.psbt.psbt import MAX_BYTES

MAX_ENVELOPE: Final = ENVELOPE_OVERHEAD + MAX_BODY

_MAX_ACCOUNTS: Final = 8
_MAX_LETTERS: Final = 4 * MAX_PARTIES  # that follow from one
_MAX_SCRIPT: Final = 64  # bytes
_PRESIGNATURE_ID_SIZE: Final = 32

SECONDS: Final = 60  # the largest transaction is reviewed and signed in a few
BATCH_SECONDS: Final = 120  # a message of a batch costs seconds, and others may be worked at

Letters = Sequence[Sealed]
Envelope = tuple[PartyId, bytes]  # from whom, what
Ending = tuple[SessionId, Sequence[bytes]]  # which session, proofs
Offer = tuple[Sequence[PartyId], int, Sequence[bytes]]  # signers, how many, among which
Place = tuple[int, int, int]  # account, branch, index


class WalletPeer(SigningPeer, Protocol):
    """A party as a wallet sees it: bytes in, bytes out."""

    def script(self, account: int, branch: int, index: int) -> bytes:
        """Return the output script of an address as the party derives it."""


# ---- signing ----


def write_letters(writer: Writer, letters: Letters) -> None:
    """Write messages with their receivers."""
    write_counted(
        writer,
        letters,
        _MAX_LETTERS,
        lambda out, it: out.unsigned(it.receiver, 4).bytes_of(it.envelope, MAX_ENVELOPE),
    )


def read_letters(reader: Reader) -> tuple[Sealed, ...]:
    """Read messages with their receivers."""
    return read_counted(reader, "letters", _MAX_LETTERS, _read_letter)


def _read_letter(reader: Reader, name: str) -> Sealed:
    receiver = PartyId(reader.unsigned(f"{name} receiver", 4))
    return Sealed(receiver, reader.bytes_of(f"{name} envelope", MAX_ENVELOPE))


def _write_order(writer: Writer, order: SigningOrder) -> None:
    write_counted(writer, order.headers, _MAX_ACCOUNTS, lambda out, it: out.bytes_of(it, HEADER_LIMIT))
    writer.bytes_of(order.roster, ROSTER_LIMIT).bytes_of(order.psbt, MAX_BYTES)


def _read_order(reader: Reader) -> SigningOrder:
    headers = read_counted(reader, "headers", _MAX_ACCOUNTS, lambda r, name: r.bytes_of(name, HEADER_LIMIT))
    return SigningOrder(headers, reader.bytes_of("roster", ROSTER_LIMIT), reader.bytes_of("psbt", MAX_BYTES))


def _write_acceptance(writer: Writer, accepted: Acceptance) -> None:
    seen = accepted.summary
    writer.unsigned(seen.inputs, 4).unsigned(seen.sent, 8).unsigned(seen.returned, 8).unsigned(seen.fee, 8)
    write_counted(writer, accepted.messages, _MAX_ACCOUNTS, write_letters)


def _read_acceptance(reader: Reader) -> Acceptance:
    inputs = reader.unsigned("inputs", 4)
    sent, returned, fee = (reader.unsigned(name, 8) for name in ("sent", "returned", "fee"))
    messages = read_counted(reader, "messages", _MAX_ACCOUNTS, lambda source, _: read_letters(source))
    return Acceptance(Summary(inputs, sent, returned, fee), messages)


def write_envelope(writer: Writer, envelope: Envelope) -> None:
    """Write from whom an envelope is, and the envelope."""
    writer.unsigned(envelope[0], 4).bytes_of(envelope[1], MAX_ENVELOPE)


def _read_envelope(reader: Reader) -> Envelope:
    return PartyId(reader.unsigned("sender", 4)), reader.bytes_of("envelope", MAX_ENVELOPE)


def _write_ending(writer: Writer, ending: Ending) -> None:
    write_proofs(writer.fixed(ending[0], SESSION_ID_SIZE), ending[1])


def _read_ending(reader: Reader) -> Ending:
    return SessionId(reader.fixed("session", SESSION_ID_SIZE)), read_proofs(reader)


def _write_ended(writer: Writer, error: MpcError | None) -> None:
    writer.boolean(error is not None)
    if error is not None:
        write_error(writer, error)


def _read_ended(reader: Reader) -> MpcError | None:
    if not reader.boolean("error"):
        return None
    error = read_error(reader)
    if not isinstance(error, MpcError):
        raise EncodingError("error", "not one with which a session ends")
    return error


def write_parties(writer: Writer, parties: Sequence[PartyId]) -> Writer:
    """Write parties."""
    return write_counted(writer, parties, MAX_PARTIES, lambda out, party: out.unsigned(party, 1))


def read_parties(reader: Reader) -> tuple[PartyId, ...]:
    """Read parties."""
    return read_counted(reader, "parties", MAX_PARTIES, lambda r, name: PartyId(r.unsigned(name, 1)))


def _write_ids(writer: Writer, ids: Sequence[bytes]) -> None:
    write_counted(writer, ids, MAX_LISTED, lambda out, it: out.fixed(it, _PRESIGNATURE_ID_SIZE))


def _read_ids(reader: Reader) -> tuple[bytes, ...]:
    return read_counted(reader, "ids", MAX_LISTED, lambda r, name: r.fixed(name, _PRESIGNATURE_ID_SIZE))


def _write_offer(writer: Writer, offer: Offer) -> None:
    signers, count, among = offer
    _write_ids(write_parties(writer, signers).unsigned(count, 2), among)


def _read_offer(reader: Reader) -> Offer:
    return read_parties(reader), reader.unsigned("count", 2), _read_ids(reader)


def _write_offered(writer: Writer, offered: Sequence[bytes]) -> None:
    write_counted(writer, offered, MAX_PAYMENT, lambda out, it: out.bytes_of(it, MAX_PUBLIC))


def _read_offered(reader: Reader) -> Sequence[bytes]:
    return read_counted(reader, "presignatures", MAX_PAYMENT, lambda r, name: r.bytes_of(name, MAX_PUBLIC))


def _write_place(writer: Writer, place: Place) -> None:
    account, branch, index = place
    writer.unsigned(account, 4).unsigned(branch, 4).unsigned(index, 4)


def _read_place(reader: Reader) -> Place:
    return reader.unsigned("account", 4), reader.unsigned("branch", 4), reader.unsigned("index", 4)


LETTERS: Final[Codec[Letters]] = Codec(write_letters, read_letters, MAX_REPLY)

OPEN_SIGNING: Final[Method[SigningPeer, SigningOrder, Acceptance]] = Method(
    "open_signing",
    Codec(_write_order, _read_order, MAX_REQUEST),
    Codec(_write_acceptance, _read_acceptance, MAX_REPLY),
    SECONDS,
    lambda peer, order: peer.open_signing(order),
)
RECEIVE: Final[Method[SigningPeer, Envelope, Letters]] = Method(
    "receive",
    Codec(write_envelope, _read_envelope, MAX_ENVELOPE + 8),
    LETTERS,
    BATCH_SECONDS,
    lambda peer, envelope: peer.receive(*envelope),
)
END: Final[Method[SigningPeer, Ending, MpcError | None]] = Method(
    "end",
    Codec(_write_ending, _read_ending, MAX_REQUEST),
    Codec(_write_ended, _read_ended, MAX_REPLY),
    SECONDS,
    lambda peer, ending: peer.end(*ending),
)
OFFER: Final[Method[SigningPeer, Offer, Sequence[bytes]]] = Method(
    "offer_presignatures",
    Codec(_write_offer, _read_offer, MAX_REQUEST),
    Codec(_write_offered, _read_offered, MAX_REPLY),
    SECONDS,
    lambda peer, offer: peer.offer_presignatures(*offer),
)
READY: Final[Method[SigningPeer, Sequence[PartyId], Sequence[bytes]]] = Method(
    "ready_presignatures",
    Codec(write_parties, read_parties, MAX_PARTIES + 4),
    Codec(_write_ids, _read_ids, _PRESIGNATURE_ID_SIZE * MAX_LISTED + 4),
    SECONDS,
    lambda peer, signers: peer.ready_presignatures(signers),
)
SCRIPT: Final[Method[WalletPeer, Place, bytes]] = Method(
    "script",
    Codec(_write_place, _read_place, 12),
    Codec(
        lambda out, script: out.bytes_of(script, _MAX_SCRIPT),
        lambda r: r.bytes_of("script", _MAX_SCRIPT),
        4 + _MAX_SCRIPT,
    ),
    SECONDS,
    lambda peer, place: peer.script(*place),
)
WALLET_CALLS: Final = (OPEN_SIGNING, RECEIVE, END, READY, OFFER, SCRIPT)
