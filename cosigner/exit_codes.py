"""The one table of what an error means to a script: a name and a process exit code for each class."""

import errno
from enum import IntEnum
from typing import Final

from cosigner.errors import (
    CosignerError,
    DeclinedError,
    NotEnoughSignersError,
    NotKeptError,
    PolicyDenied,
    RefillFailedError,
    UnreachableError,
    WalletExistsError,
)
from native.errors import MemoryLockError, NativeError
from presig_pool.errors import LeaseRefused, PoolExhausted, PresignatureTaken, PresignatureVoid
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
from storage.errors import (
    CorruptError,
    DiskError,
    ExistsError,
    FullError,
    LockedError,
    MissingError,
    NewerFormatError,
    RolledBackError,
    SealedError,
    StorageError,
    WrongPassphraseError,
)
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
    """Exit codes of mpcw; 130 and 141 are what shells make of an interruption and of a closed pipe."""

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
    PRESIGNATURES = 12
    INTERRUPTED = 130
    CLOSED_PIPE = 141


MEANINGS: Final = {
    ExitCode.OK: "done",
    ExitCode.UNEXPECTED: "an error that nobody has thought of: please report it",
    ExitCode.USAGE: "what was typed or read is malformed, or of another network",
    ExitCode.NOT_FOUND: "a wallet, coin, transaction or file that was named is not there",
    ExitCode.REFUSED: "a rule that protects money, a party or the user said no",
    ExitCode.INSUFFICIENT_FUNDS: "the coins that may be spent do not pay the amount and its fee",
    ExitCode.NOT_ENOUGH_SIGNERS: "fewer parties than the threshold are there to sign",
    ExitCode.TIMEOUT: "messages of parties did not come in time",
    ExitCode.CHAIN: "the chain backend is not there, failed, or refused the transaction",
    ExitCode.PROTOCOL: "a protocol was aborted; who is proven to be at fault is named",
    ExitCode.LOCKED: "a passphrase is wrong, or a secret is sealed",
    ExitCode.STORAGE: "what is kept cannot be read or written: see the name",
    ExitCode.PRESIGNATURES: "presignatures for SegWit inputs are not ready: make some, or try again",
    ExitCode.INTERRUPTED: "interrupted from the keyboard",
    ExitCode.CLOSED_PIPE: "whoever read the output has closed it; nothing more is said",
}

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
    (DeclinedError, ExitCode.REFUSED, "declined"),
    (NotEnoughSignersError, ExitCode.NOT_ENOUGH_SIGNERS, "not-enough-signers"),
    (NotKeptError, ExitCode.PRESIGNATURES, "not-kept"),
    (PolicyDenied, ExitCode.REFUSED, "policy-denied"),
    (RefillFailedError, ExitCode.PROTOCOL, "refill-failed"),
    (UnreachableError, ExitCode.TIMEOUT, "unreachable"),
    (CosignerError, ExitCode.UNEXPECTED, "cosigner"),
    (WrongPassphraseError, ExitCode.LOCKED, "wrong-passphrase"),
    (SealedError, ExitCode.LOCKED, "sealed"),
    (MissingError, ExitCode.NOT_FOUND, "missing"),
    (ExistsError, ExitCode.REFUSED, "exists"),
    (LockedError, ExitCode.STORAGE, "in-use"),
    (FullError, ExitCode.STORAGE, "disk-full"),
    (DiskError, ExitCode.STORAGE, "disk-failed"),
    (NewerFormatError, ExitCode.STORAGE, "newer-format"),
    (RolledBackError, ExitCode.STORAGE, "rolled-back"),
    (CorruptError, ExitCode.STORAGE, "corrupt"),
    (StorageError, ExitCode.STORAGE, "storage"),
    (PoolExhausted, ExitCode.PRESIGNATURES, "pool-exhausted"),
    (PresignatureVoid, ExitCode.PRESIGNATURES, "presignature-void"),
    (PresignatureTaken, ExitCode.PRESIGNATURES, "presignature-taken"),
    (LeaseRefused, ExitCode.PRESIGNATURES, "lease-refused"),
    (SessionTimeout, ExitCode.TIMEOUT, "timeout"),
    (FaultyPartyError, ExitCode.PROTOCOL, "faulty-party"),
    (FaultyCoordinatorError, ExitCode.PROTOCOL, "faulty-coordinator"),
    (UnattributedAbort, ExitCode.PROTOCOL, "unattributed-abort"),
    (ProtocolError, ExitCode.PROTOCOL, "protocol"),
    (SecretReuseError, ExitCode.PROTOCOL, "secret-reuse"),
    (EncodingError, ExitCode.USAGE, "malformed"),
    (UsageError, ExitCode.USAGE, "usage"),
    (MpcError, ExitCode.UNEXPECTED, "mpc"),
    (MemoryLockError, ExitCode.UNEXPECTED, "no-locked-memory"),
    (NativeError, ExitCode.UNEXPECTED, "native"),
    (FileNotFoundError, ExitCode.NOT_FOUND, "no-such-file"),
    (FileExistsError, ExitCode.REFUSED, "exists"),
    (BrokenPipeError, ExitCode.CLOSED_PIPE, "closed-pipe"),
    (PermissionError, ExitCode.STORAGE, "no-permission"),
    (OSError, ExitCode.STORAGE, "storage"),
    (KeyboardInterrupt, ExitCode.INTERRUPTED, "interrupted"),
)

_DISK_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def classify(error: BaseException) -> tuple[ExitCode, str]:
    """Return the exit code and the stable name of an error.

    Args:
        error: any exception.

    Returns:
        The code and the name; (UNEXPECTED, "unexpected") for what is not in the table.
    """
    if isinstance(error, OSError) and error.errno in _DISK_FULL:
        return ExitCode.STORAGE, "disk-full"
    for kind, code, name in EXIT_CODES:
        if isinstance(error, kind):
            return code, name
    return ExitCode.UNEXPECTED, "unexpected"
