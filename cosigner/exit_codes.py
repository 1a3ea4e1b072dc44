"""The one table of what an error means to a script: a name and a process exit code for each class."""

import errno
from enum import IntEnum
from typing import Final

from cosigner.errors import NotEnoughSignersError, PolicyDenied, WalletExistsError
from native.errors import NativeError
from protocol.errors import (
    EncodingError,
    FaultyCoordinatorError,
    FaultyPartyError,
    MpcError,
    ProtocolError,
    SessionTimeout,
    UsageError,
)
from storage.errors import MissingError, SealedError, StorageError, WrongPassphraseError
from wallet.errors import (
    ChainError,
    ChainRefusedError,
    InsufficientFundsError,
    MalformedError,
    NetworkMismatchError,
    RefusedError,
    SignatureError,
    UnknownError,
    WalletError,
)


class ExitCode(IntEnum):
    """Exit codes of mpcw; 130 is an interruption from the keyboard, as shells have it."""

    OK = 0
    UNEXPECTED = 1
    USAGE = 2
    NOT_FOUND = 3
    REFUSED = 4
    INSUFFICIENT_FUNDS = 5
    NOT_ENOUGH_SIGNERS = 6
    TIMEOUT = 7
    CHAIN = 8
    PROTOCOL = 9
    LOCKED = 10
    STORAGE = 11
    INTERRUPTED = 130


# the first class that fits counts: subclasses stand before their bases
EXIT_CODES: Final[tuple[tuple[type[BaseException], ExitCode, str], ...]] = (
    (UnknownError, ExitCode.NOT_FOUND, "not-found"),
    (NetworkMismatchError, ExitCode.USAGE, "wrong-network"),
    (MalformedError, ExitCode.USAGE, "malformed"),
    (InsufficientFundsError, ExitCode.INSUFFICIENT_FUNDS, "insufficient-funds"),
    (RefusedError, ExitCode.REFUSED, "refused"),
    (SignatureError, ExitCode.PROTOCOL, "bad-signature"),
    (ChainRefusedError, ExitCode.CHAIN, "chain-refused"),
    (ChainError, ExitCode.CHAIN, "chain"),
    (WalletError, ExitCode.UNEXPECTED, "wallet"),
    (WalletExistsError, ExitCode.REFUSED, "wallet-exists"),
    (NotEnoughSignersError, ExitCode.NOT_ENOUGH_SIGNERS, "not-enough-signers"),
    (PolicyDenied, ExitCode.REFUSED, "policy-denied"),
    (WrongPassphraseError, ExitCode.LOCKED, "wrong-passphrase"),
    (SealedError, ExitCode.LOCKED, "sealed"),
    (MissingError, ExitCode.NOT_FOUND, "missing"),
    (StorageError, ExitCode.STORAGE, "storage"),
    (SessionTimeout, ExitCode.TIMEOUT, "timeout"),
    (FaultyPartyError, ExitCode.PROTOCOL, "faulty-party"),
    (FaultyCoordinatorError, ExitCode.PROTOCOL, "faulty-coordinator"),
    (ProtocolError, ExitCode.PROTOCOL, "protocol"),
    (EncodingError, ExitCode.USAGE, "malformed"),
    (UsageError, ExitCode.USAGE, "usage"),
    (MpcError, ExitCode.UNEXPECTED, "mpc"),
    (NativeError, ExitCode.UNEXPECTED, "native"),
    (KeyboardInterrupt, ExitCode.INTERRUPTED, "interrupted"),
)


def classify(error: BaseException) -> tuple[ExitCode, str]:
    """Return the exit code and the stable name of an error.

    Args:
        error: any exception.

    Returns:
        The code and the name; (UNEXPECTED, "unexpected") for what is not in the table.
    """
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES):
        return ExitCode.STORAGE, "storage"
    for kind, code, name in EXIT_CODES:
        if isinstance(error, kind):
            return code, name
    return ExitCode.UNEXPECTED, "unexpected"
