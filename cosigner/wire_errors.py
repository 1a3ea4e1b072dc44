"""Errors on the wire: a class of a finite table, its message, and what its class makes public.

No traceback and no cause crosses, and of an error that is not in the table only that there was one.
"""

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from cosigner.errors import (
    CosignerError,
    NotEnoughSignersError,
    PolicyDenied,
    RefillFailedError,
    UnreachableError,
)
from native.errors import MemoryLockError, NativeError
from presig_pool.errors import LeaseRefused, PoolExhausted, PresignatureTaken, PresignatureVoid
from protocol.codec import Reader, Writer
from protocol.errors import (
    EncodingError,
    FaultyCoordinatorError,
    FaultyPartyError,
    MpcError,
    ProtocolError,
    SecretReuseError,
    SessionTimeout,
    UnattributedAbort,
    UsageError,
)
from protocol.evidence import Evidence
from protocol.ids import MAX_PARTIES, PartyId
from storage.errors import (
    CorruptError,
    FullError,
    LockedError,
    MissingError,
    RolledBackError,
    SealedError,
    StorageError,
)
from wallet.errors import (
    MalformedError,
    NetworkMismatchError,
    RefusedError,
    SignatureError,
    UnknownError,
    WalletError,
)

TEXT_LIMIT: Final = 4096  # bytes of a message or a hint
EVIDENCE_LIMIT: Final = 1 << 23  # bytes of all proofs; what does not fit is left out, and the blame is ours
HIDDEN: Final = "an error that the party keeps to itself: look where it runs"


@dataclass(frozen=True, slots=True)
class _Kind:
    """How errors of a class are written, beside their message and hint.

    Args:
        error: the class.
        write: writes what the class makes public.
        read: reads it and makes the error; the message is put in afterwards.
    """

    error: type[Exception]
    write: Callable[[Writer, Any], object]
    read: Callable[[Reader], Exception]


def write_error(writer: Writer, error: Exception) -> None:
    """Write an error: its place in the table in 1 byte, message, hint, what its class makes public."""
    error = _known(error)
    number, kind = next((i, k) for i, k in enumerate(_KINDS) if isinstance(error, k.error))
    writer.unsigned(number, 1)
    write_text(writer, str(error))
    write_text(writer, getattr(error, "hint", ""))
    kind.write(writer, error)


def read_error(reader: Reader) -> Exception:
    """Read an error.

    Raises:
        EncodingError: it is not the encoding of one.
    """
    number = reader.unsigned("error", 1, below=len(_KINDS))
    message, hint = read_text(reader, "message"), read_text(reader, "hint")
    error = _KINDS[number].read(reader)
    error.__cause__ = None
    error.args = (message,)  # some classes would compose another from what they make public
    if hasattr(error, "hint"):
        error.hint = hint
    elif hint:
        raise EncodingError("hint", "the error has none")
    return error


def write_proofs(writer: Writer, proofs: Iterable[bytes]) -> Writer:
    """Write proofs of faults, those that fit."""
    chosen, left = list[bytes](), EVIDENCE_LIMIT
    for proof in proofs:
        if len(proof) <= left and len(chosen) < MAX_PARTIES:
            chosen.append(proof)
            left -= len(proof)
    return writer.unsigned(len(chosen), 1).items(chosen, lambda out, it: out.bytes_of(it, EVIDENCE_LIMIT))


def read_proofs(reader: Reader) -> tuple[bytes, ...]:
    """Read proofs of faults, which nobody has checked."""
    count = reader.unsigned("number of proofs", 1, below=MAX_PARTIES + 1)
    return reader.items("proof", count, lambda source, name: source.bytes_of(name, EVIDENCE_LIMIT))


def write_text(writer: Writer, text: str) -> Writer:
    """Write UTF-8, cut at TEXT_LIMIT bytes."""
    data = text.encode("utf-8", "replace")[:TEXT_LIMIT]
    whole = data.decode("utf-8", "ignore").encode()  # a cut may have left a part of a character
    return writer.bytes_of(whole, TEXT_LIMIT)


def read_text(reader: Reader, field: str) -> str:
    """Read what write_text() wrote, without what a terminal would obey or a log take for another line."""
    try:
        text = reader.bytes_of(field, TEXT_LIMIT).decode("utf-8")
    except UnicodeDecodeError as e:
        raise EncodingError(field, "not UTF-8") from e
    return "".join(c if c.isprintable() else "\ufffd" for c in text)


def _known(error: Exception) -> Exception:
    """Return an error that the table has."""
    if isinstance(error, OSError) and not isinstance(error, MpcError):
        return StorageError(f"the party's machine failed: {os.strerror(error.errno or 0)}")
    if not isinstance(error, _ROOTS):
        return CosignerError(HIDDEN)
    return error


# ---- what classes make public ----


def _write_parties(writer: Writer, parties: Iterable[PartyId]) -> None:
    chosen = sorted(parties)
    writer.unsigned(len(chosen), 1).items(chosen, lambda out, party: out.unsigned(party, 4))


def _read_parties(reader: Reader) -> tuple[PartyId, ...]:
    count = reader.unsigned("number of parties", 1)
    parties = reader.items("party", count, lambda source, name: PartyId(source.unsigned(name, 4)))
    if parties != tuple(sorted(set(parties))):
        raise EncodingError("parties", "not ascending")
    return parties


def _write_told(writer: Writer, told: Mapping[PartyId, str]) -> None:
    """Write a text for each of some parties."""
    _write_parties(writer, told)
    writer.items(sorted(told), lambda out, party: write_text(out, told[party]))


def _read_told(reader: Reader) -> dict[PartyId, str]:
    return {party: read_text(reader, "text") for party in _read_parties(reader)}


def _evidence(reader: Reader) -> tuple[Evidence, ...]:
    return tuple(map(Evidence.from_bytes, read_proofs(reader)))


def _write_faulty_party(writer: Writer, error: FaultyPartyError) -> None:
    _write_told(writer, error.culprits)
    write_proofs(writer, map(bytes, error.evidence))


def _write_faulty_coordinator(writer: Writer, error: FaultyCoordinatorError) -> None:
    write_text(writer, error.check)
    write_proofs(writer, map(bytes, error.evidence))


def _write_abort(writer: Writer, error: UnattributedAbort) -> None:
    write_text(writer, error.check)
    _write_parties(writer, error.suspects)


def _write_exhausted(writer: Writer, error: PoolExhausted) -> None:
    writer.unsigned(error.wanted, 4).unsigned(error.ready, 4)


def _write_corrupt(writer: Writer, error: CorruptError) -> None:
    write_text(writer, error.table)
    write_text(writer, error.row)


def _corrupt(kind: type[CorruptError]) -> _Kind:
    return _Kind(kind, _write_corrupt, lambda r: kind("", read_text(r, "table"), read_text(r, "row")))


def _plain(kind: type[Exception]) -> _Kind:
    return _Kind(kind, lambda _, __: None, lambda _: kind(""))


_ROOTS: Final = (MpcError, WalletError, NativeError)

# Their places are what the wire has: a new class goes before its base, and the version of the wire up.
# Unlisted classes cross as the listed one that they are of.
_KINDS: Final = (
    _Kind(
        EncodingError,
        lambda out, e: write_text(out, e.field),
        lambda r: EncodingError(read_text(r, "field"), ""),
    ),
    _Kind(
        FaultyPartyError,
        _write_faulty_party,
        lambda r: FaultyPartyError(_read_told(r), _evidence(r)),
    ),
    _Kind(
        FaultyCoordinatorError,
        _write_faulty_coordinator,
        lambda r: FaultyCoordinatorError(read_text(r, "check"), _evidence(r)),
    ),
    _Kind(
        UnattributedAbort,
        _write_abort,
        lambda r: UnattributedAbort(read_text(r, "check"), _read_parties(r)),
    ),
    _Kind(
        SessionTimeout,
        lambda out, e: _write_parties(out, e.missing),
        lambda r: SessionTimeout(_read_parties(r)),
    ),
    _plain(ProtocolError),
    _Kind(
        PoolExhausted,
        _write_exhausted,
        lambda r: PoolExhausted(r.unsigned("wanted", 4), r.unsigned("ready", 4)),
    ),
    _plain(PresignatureVoid),
    _plain(PresignatureTaken),
    _plain(LeaseRefused),
    _plain(SecretReuseError),
    _plain(UsageError),
    _plain(NotEnoughSignersError),
    _Kind(
        PolicyDenied,
        lambda out, e: _write_told(out, e.refusals),
        lambda r: PolicyDenied(_read_told(r)),
    ),
    _Kind(
        RefillFailedError,
        lambda out, e: _write_parties(out, e.named),
        lambda r: RefillFailedError(_read_parties(r), Exception()),
    ),
    _plain(UnreachableError),
    _plain(CosignerError),
    _corrupt(RolledBackError),
    _corrupt(CorruptError),
    _plain(SealedError),
    _plain(LockedError),
    _plain(FullError),
    _plain(MissingError),
    _plain(StorageError),
    _plain(MpcError),
    _Kind(
        RefusedError,
        lambda out, e: write_text(out, e.rule),
        lambda r: RefusedError(read_text(r, "rule"), ""),
    ),
    _plain(NetworkMismatchError),
    _plain(MalformedError),
    _plain(UnknownError),
    _plain(SignatureError),
    _plain(WalletError),
    _plain(MemoryLockError),
    _plain(NativeError),
)
