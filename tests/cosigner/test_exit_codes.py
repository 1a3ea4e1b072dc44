import pytest

from cosigner.errors import NotEnoughSignersError, PolicyDenied, WalletExistsError
from cosigner.exit_codes import ExitCode, classify
from protocol.ids import PartyId
from storage.errors import (
    CorruptError,
    LockedError,
    MissingError,
    SealedError,
    StorageError,
    WrongPassphraseError,
)


@pytest.mark.parametrize(
    ("error", "code", "name"),
    [
        (WalletExistsError("x"), ExitCode.REFUSED, "wallet-exists"),
        (NotEnoughSignersError("x"), ExitCode.NOT_ENOUGH_SIGNERS, "not-enough-signers"),
        (PolicyDenied({PartyId(1): "x"}), ExitCode.REFUSED, "policy-denied"),
        (WrongPassphraseError("x"), ExitCode.LOCKED, "wrong-passphrase"),
        (SealedError("x"), ExitCode.LOCKED, "sealed"),
        (MissingError("x"), ExitCode.NOT_FOUND, "missing"),
        (CorruptError("x"), ExitCode.STORAGE, "storage"),
        (LockedError("x"), ExitCode.STORAGE, "storage"),
        (StorageError("x"), ExitCode.STORAGE, "storage"),
    ],
)
def test_errors_of_wallets_on_disk_have_exit_codes(error: Exception, code: ExitCode, name: str) -> None:
    assert classify(error) == (code, name)
