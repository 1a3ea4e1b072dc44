"""The header of a sealed file: whose it is, and its master key wrapped under the passphrase.

The passphrase can be changed by wrapping the same master key anew. A checksum tells damage from a wrong
passphrase; it protects against no attacker, who gains nothing by either message.
"""

from dataclasses import dataclass
from hashlib import sha256
from typing import Final, Self

from cryptography.exceptions import InvalidTag

from native.entropy import random_bytes
from native.exposure import decode, encode
from native.secret import SecretSeed
from protocol.codec import Reader, Writer
from protocol.codec import decode as decode_value
from protocol.errors import EncodingError
from protocol.ids import PartyId
from storage import kdf
from storage.envelope import NONCE_SIZE, TAG_SIZE, decrypt, encrypt
from storage.errors import CorruptError, WrongPassphraseError
from storage.kdf import KEY_SIZE, SALT_SIZE, Cost, derive_key
from storage.passphrase import Passphrase

_MAGIC: Final = b"mpcwallet sealed"
_FORMAT: Final = 1
STORE_SIZE: Final = 16
_LIMIT: Final = 256
_WRAPPED: Final = KEY_SIZE + TAG_SIZE
_CHECKSUM: Final = 32


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose secrets a file holds.

    Args:
        store: 16 random bytes, drawn when the file is made.
        party: the party.
    """

    store: bytes
    party: PartyId

    def write(self, writer: Writer) -> Writer:
        """Write 20 bytes."""
        return writer.fixed(self.store, STORE_SIZE).unsigned(self.party, 4)


@dataclass(frozen=True, slots=True)
class Header:
    """A header.

    Args:
        owner: whose file it is.
        cost: of the passphrase's key.
        salt: of the passphrase's key.
        nonce: of the wrapping.
        wrapped: the master key under the passphrase's key, 48 bytes.
    """

    owner: Owner
    cost: Cost
    salt: bytes
    nonce: bytes
    wrapped: bytes

    @classmethod
    def wrap(cls, owner: Owner, master: SecretSeed, passphrase: Passphrase) -> Self:
        """Wrap a master key under a passphrase, with a new salt at the cost of today.

        Raises:
            StorageError: there is not enough memory.
        """
        cost, salt, nonce = kdf.DEFAULT, random_bytes(SALT_SIZE), random_bytes(NONCE_SIZE)
        context = _context(owner, cost, salt)
        with derive_key(passphrase, salt, cost) as key, encode(master) as plain:
            return cls(owner, cost, salt, nonce, encrypt(key, nonce, context, plain))

    def unwrap(self, passphrase: Passphrase) -> SecretSeed:
        """Return the master key.

        Raises:
            WrongPassphraseError: the passphrase is another.
            CorruptError: the cost is out of bounds; it is not tried.
            StorageError: there is not enough memory.
        """
        context = _context(self.owner, self.cost, self.salt)
        with derive_key(passphrase, self.salt, self.cost) as key:
            try:
                plain = decrypt(key, self.nonce, context, self.wrapped)
            except InvalidTag as e:
                raise WrongPassphraseError(
                    "the passphrase does not open this file", "nothing was changed: try again"
                ) from e
        if plain is None:
            raise CorruptError("there is no master key", "vault")
        with plain:
            return decode(plain, SecretSeed)

    def __bytes__(self) -> bytes:
        """Return 155 bytes."""
        body = _context(self.owner, self.cost, self.salt) + self.nonce + self.wrapped
        return body + sha256(body).digest()

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read a header.

        Raises:
            CorruptError: it is damaged, or its cost out of bounds.
        """
        try:
            header = decode_value(data, _LIMIT, cls._read)
        except EncodingError as e:
            raise CorruptError(f"the header is damaged: {e}", "vault") from e
        if bytes(header) != data:
            raise CorruptError("the header is damaged", "vault")
        header.cost.check()
        return header

    @classmethod
    def _read(cls, reader: Reader) -> Self:
        if reader.fixed("magic", len(_MAGIC)) != _MAGIC or reader.unsigned("format", 2) != _FORMAT:
            raise EncodingError("magic", "unknown")
        owner = Owner(reader.fixed("store", STORE_SIZE), PartyId(reader.unsigned("party", 4)))
        cost, salt = Cost.read(reader), reader.fixed("salt", SALT_SIZE)
        nonce, wrapped = reader.fixed("nonce", NONCE_SIZE), reader.fixed("master key", _WRAPPED)
        reader.fixed("checksum", _CHECKSUM)
        return cls(owner, cost, salt, nonce, wrapped)


def _context(owner: Owner, cost: Cost, salt: bytes) -> bytes:
    """Return what is bound to the wrapped key: all that stands before its nonce."""
    writer = owner.write(Writer().fixed(_MAGIC, len(_MAGIC)).unsigned(_FORMAT, 2))
    return bytes(cost.write(writer).fixed(salt, SALT_SIZE))
