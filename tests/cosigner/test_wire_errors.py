"""Errors on the wire: each comes back as what it was, and nothing else crosses."""

import errno
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cosigner import errors as own
from cosigner.exit_codes import EXIT_CODES
from cosigner.wire import refusal
from cosigner.wire_errors import _KINDS, EVIDENCE_LIMIT, TEXT_LIMIT, read_error, write_error, write_proofs
from native.errors import LengthError, NativeError
from presig_pool.errors import PoolExhausted
from protocol import errors as protocol
from protocol.codec import Reader, Writer, decode
from protocol.evidence import equivocation
from protocol.header import Header
from protocol.ids import COORDINATOR, PartyId, SessionId
from protocol.signed import SignedDigest, Slot
from storage import errors as storage
from wallet import errors as wallet

P0, P2 = PartyId(0), PartyId(2)
HEADER = Header("test", 1, SessionId(b"\1" * 32), b"\2" * 32, (P0, P2))
PROOF = equivocation(
    HEADER,
    *(SignedDigest(Slot.broadcast(1, P2), bytes([i]) * 32, bytes([i]) * 64) for i in (3, 4)),
)
WITH_HINT = storage.LockedError("another process has it", "wait")
CULPRITS = {P0: "signature", P2: "equivocation"}

EXAMPLES: list[Exception] = [
    protocol.EncodingError("psbt", "more than 4 bytes"),
    protocol.FaultyPartyError(CULPRITS, [PROOF]),
    protocol.FaultyCoordinatorError("plan", [PROOF]),
    protocol.UnattributedAbort("envelope", [P2, COORDINATOR]),
    protocol.SessionTimeout([P0, COORDINATOR]),
    protocol.ProtocolError("over"),
    protocol.SecretReuseError("used"),
    protocol.UsageError("no"),
    PoolExhausted(3, 1),
    own.PolicyDenied({P2: "fee", P0: "dust \u20bf"}),
    own.NotEnoughSignersError("two are needed", "unlock"),
    own.RefillFailedError([P2], protocol.UnattributedAbort("batch digest", [P0])),
    own.UnreachableError("party 2 does not answer", "look"),
    storage.CorruptError("damaged", "settings", "row 3", "stop"),
    storage.RolledBackError("older", "log"),
    WITH_HINT,
    wallet.RefusedError("max-fee", "too much", "less"),
    wallet.UnknownError("no such coin"),
    NativeError("refused"),
]
PUBLIC = (
    *("hint", "field", "culprits", "evidence", "check", "suspects", "missing", "wanted", "ready"),
    "refusals",
    "table",
    "row",
    "rule",
)


def crossed(error: Exception) -> Exception:
    writer = Writer()
    write_error(writer, error)
    return decode(bytes(writer), 1 << 24, read_error)


def facts(error: Exception) -> dict[str, Any]:
    return {name: getattr(error, name) for name in PUBLIC if hasattr(error, name)}


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_error_comes_back_as_what_it_was(error: Exception) -> None:
    back = crossed(error)
    assert type(back) is type(error)
    assert str(back) == str(error)
    assert facts(back) == facts(error)


@pytest.mark.parametrize("number", range(len(_KINDS)), ids=lambda i: _KINDS[i].error.__name__)
def test_every_class_of_the_table_is_reached(number: int) -> None:
    kind = _KINDS[number].error
    earlier = [k.error for k in _KINDS[:number]]
    assert not any(issubclass(kind, other) for other in earlier)


def test_every_class_that_a_party_raises_has_its_exit_code_on_both_sides() -> None:
    kept = {name for kind, _, name in EXIT_CODES if any(kind is k.error for k in _KINDS)}
    assert {"refused", "secret-reuse", "faulty-party", "timeout", "corrupt", "disk-full"} <= kept


def test_class_that_the_table_does_not_have_crosses_as_its_base() -> None:
    assert type(crossed(LengthError("short"))) is NativeError


@pytest.mark.parametrize("error", [ZeroDivisionError("secret 4711"), KeyError("secret 4711")])
def test_error_of_another_kind_crosses_without_its_text(error: Exception) -> None:
    assert type(crossed(error)) is own.CosignerError
    assert b"4711" not in refusal(error)


def test_error_of_the_system_crosses_without_its_path() -> None:
    back = crossed(OSError(errno.EIO, "I/O error", "/home/somebody/party.db"))
    assert type(back) is storage.StorageError
    assert "Input/output error" in str(back)
    assert "somebody" not in str(back)


def test_cause_and_traceback_do_not_cross() -> None:
    error = protocol.UsageError("no")
    with pytest.raises(protocol.UsageError):
        raise error from ValueError("secret 4711")
    assert b"4711" not in refusal(error)
    back = crossed(error)
    assert (back.__cause__, back.__context__, back.__traceback__) == (None, None, None)


PRINTABLE = st.characters(codec="utf-8", exclude_categories=("C", "Z"))


@given(st.text(PRINTABLE, min_size=1, max_size=3), st.sampled_from([1, TEXT_LIMIT // 2, TEXT_LIMIT]))
def test_text_is_cut_at_a_character(letters: str, times: int) -> None:
    text = letters * times
    back = str(crossed(protocol.UsageError(text)))
    assert len(back.encode()) <= TEXT_LIMIT
    assert text.encode("utf-8", "replace").decode().startswith(back)


@pytest.mark.parametrize("character", ["\x1b", "\r", "\n", "\x9b", "\u202e", "\u2028"])
def test_text_of_a_peer_has_nothing_that_a_terminal_obeys(character: str) -> None:
    text = f"no{character}12:00:00  party 1: accepted"
    back = crossed(own.PolicyDenied({PartyId(1): text}))
    assert isinstance(back, own.PolicyDenied)
    for said in (str(back), back.refusals[PartyId(1)]):
        assert said.isprintable()
        assert said.endswith("no\ufffd12:00:00  party 1: accepted")


def test_proofs_that_do_not_fit_are_left_out() -> None:
    large = bytes(EVIDENCE_LIMIT)
    assert bytes(write_proofs(Writer(), [b"first", large, b"second"])) == bytes(
        Writer().unsigned(2, 1).bytes_of(b"first", 9).bytes_of(b"second", 9)
    )


@given(st.binary(max_size=200))
def test_bytes_are_an_error_or_refused(data: bytes) -> None:
    try:
        error = decode(data, 200, read_error)
    except protocol.EncodingError:
        return
    writer = Writer()
    write_error(writer, error)
    assert bytes(writer) == data


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_cut_or_longer_encoding_is_refused(error: Exception) -> None:
    writer = Writer()
    write_error(writer, error)
    data = bytes(writer)
    for bad in [data[:cut] for cut in range(len(data))] + [data + b"\0"]:
        with pytest.raises(protocol.EncodingError):
            decode(bad, 1 << 24, read_error)


def test_hint_of_an_error_without_one_is_refused() -> None:
    data = bytearray(refusal(protocol.UsageError("no"))[1:])
    reader = bytes(data[:1]) + bytes(Writer().bytes_of(b"no", 9).bytes_of(b"hint", 9))
    with pytest.raises(protocol.EncodingError, match="hint"):
        read_error(Reader(reader))


def test_parties_are_ascending() -> None:
    data = refusal(protocol.SessionTimeout([P0, P2]))[1:]
    swapped = data[:-8] + data[-4:] + data[-8:-4]
    with pytest.raises(protocol.EncodingError, match="not ascending"):
        decode(swapped, 1 << 24, read_error)
