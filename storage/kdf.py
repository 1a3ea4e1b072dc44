"""Keys from passphrases: Argon2id (RFC 9106) between a floor and a ceiling that stand in the code.

No caller chooses the cost. An argument for it, even one that only tests pass, would run through every layer
above and wait there for a configuration to reach it; a constant of this module can be changed only by code
that runs in the process already, and has the secrets anyway. Tests do that (tests/storage/cheap.py).
"""

import threading
from dataclasses import dataclass
from typing import Final, Self, cast

from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from native.exposure import exposed, filled, scrub
from native.secret import SecretBytes
from protocol.codec import Reader, Writer
from storage.errors import CorruptError, StorageError
from storage.passphrase import Passphrase

SALT_SIZE: Final = 16
KEY_SIZE: Final = 32


@dataclass(frozen=True, slots=True)
class Cost:
    """What one guess at a passphrase costs.

    Args:
        memory_kib: memory in KiB.
        iterations: passes over it.
        lanes: threads that share it.
    """

    memory_kib: int
    iterations: int
    lanes: int

    def write(self, writer: Writer) -> Writer:
        """Write 9 bytes."""
        return writer.unsigned(self.memory_kib, 4).unsigned(self.iterations, 4).unsigned(self.lanes, 1)

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """Read what write() wrote; check() it before use.

        Raises:
            EncodingError: bytes are missing.
        """
        return cls(
            reader.unsigned("memory", 4), reader.unsigned("iterations", 4), reader.unsigned("lanes", 1)
        )

    def check(self) -> None:
        """Refuse a cost that this program never writes, before anything is derived with it.

        Raises:
            CorruptError: it is below the floor, as somebody who wants to guess would like it, or so high that
                it would only exhaust the machine.
        """
        if self.memory_kib < FLOOR.memory_kib or self.iterations < FLOOR.iterations or self.lanes < 1:
            raise CorruptError("the key derivation was made weaker than this program writes it", "vault")
        if (
            self.memory_kib > CEILING.memory_kib
            or self.iterations > CEILING.iterations
            or self.lanes > CEILING.lanes
        ):
            raise CorruptError("the key derivation was made harder than this program writes it", "vault")


DEFAULT: Cost = Cost(256 << 10, 3, 4)
FLOOR: Cost = Cost(64 << 10, 3, 4)  # RFC 9106, section 4, second recommended option; lanes do not weaken it
CEILING: Final = Cost(4 << 20, 64, 16)

# OpenSSL's lanes share one pool of threads: two derivations at a time take them from each other for ever
_ALONE: Final = threading.Lock()


def derive_key(passphrase: Passphrase, salt: bytes, cost: Cost) -> SecretBytes:
    """Return the key of a passphrase, 32 bytes.

    Args:
        passphrase: read in place.
        salt: 16 random bytes, never used with two keys.
        cost: checked here.

    Raises:
        CorruptError: the cost is out of bounds.
        StorageError: there is not enough memory.

    Security:
        What Argon2id gets is a hash of the passphrase. OpenSSL keeps copies of it and of the key in ordinary
        memory while it runs, half a second, and leaves some there: they are overwritten when it returns.
    """
    cost.check()

    def fill(view: memoryview) -> None:
        kdf = Argon2id(
            salt=salt,
            length=KEY_SIZE,
            iterations=cost.iterations,
            lanes=cost.lanes,
            memory_cost=cost.memory_kib,
        )
        with passphrase.digest() as digest, exposed(digest) as secret, _ALONE:
            try:
                kdf.derive_into(cast(bytes, secret), view)  # any buffer will do; its stub says bytes
            finally:
                scrub()

    try:
        return filled(KEY_SIZE, fill)
    except MemoryError as e:
        need = cost.memory_kib >> 10
        raise StorageError(f"unsealing takes {need} MiB of memory, which there are not") from e
