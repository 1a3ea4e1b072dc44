import pytest

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
from protocol.ids import PartyId


def test_only_what_ends_a_session_is_a_protocol_error() -> None:
    # other packages have errors of their own
    ours = {e for e in MpcError.__subclasses__() if e.__module__ == MpcError.__module__}
    assert ours - {ProtocolError} == {UsageError, EncodingError, SecretReuseError}
    assert set(ProtocolError.__subclasses__()) >= {
        FaultyPartyError,
        FaultyCoordinatorError,
        UnattributedAbort,
        SessionTimeout,
    }


def test_faulty_parties_are_listed_ascending_with_their_checks() -> None:
    error = FaultyPartyError({PartyId(2): "share", PartyId(0): "opening"})
    assert str(error) == "party 0: opening, party 2: share"
    assert list(error.culprits) == [0, 2]
    with pytest.raises(TypeError):
        error.culprits[PartyId(1)] = "x"  # type: ignore[index]


def test_encoding_error_names_the_field() -> None:
    assert (EncodingError("K", "zero").field, str(EncodingError("K", "zero"))) == ("K", "K: zero")


def test_timeout_names_the_missing_parties() -> None:
    assert str(SessionTimeout([PartyId(2), PartyId(1)])) == "no message from 1, 2"
