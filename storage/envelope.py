"""Sealing one secret: AES-256-GCM under a key that no other message has.

sealed = salt || nonce || ciphertext || tag, 32 + 12 + len + 16 bytes; the key is a tagged hash of the master
key and the random salt. A key that meets one message cannot meet one nonce twice; the nonce is random on top.

What the cryptography package keeps: an AESGCM object holds an OpenSSL context with the expanded key, in
ordinary memory, which OpenSSL clears when the object goes, here at the end of each function; a copy stays on
the stack, which is overwritten then. The secret itself is read and written in locked memory only.
"""

from collections.abc import Iterable
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from native.entropy import random_bytes
from native.exposure import encode, exposed, filled, scrub
from native.hashing import hash_to_seed
from native.secret import SecretBytes, SecretSeed

_TAG: Final = "mpcwallet/storage key"
_SALT: Final = 32
NONCE_SIZE: Final = 12
TAG_SIZE: Final = 16
OVERHEAD: Final = _SALT + NONCE_SIZE + TAG_SIZE


def seal(master: SecretSeed, context: bytes, secret: SecretBytes | None) -> bytes:
    """Encrypt a secret and authenticate it with its context.

    Args:
        master: the key of the file.
        context: what the secret is and where it stands, bound to it (associated data).
        secret: None when only the context is to be authenticated.

    Returns:
        OVERHEAD bytes and as many as the secret has.
    """
    return seal_all(master, [(context, secret)])[0]


def seal_all(master: SecretSeed, items: Iterable[tuple[bytes, SecretBytes | None]]) -> list[bytes]:
    """Do what seal() does for many contexts and secrets, with one scrub() at the end: it is half the time."""
    try:
        return [_seal(master, context, secret) for context, secret in items]
    finally:
        scrub()  # here, not in a context manager: that would run deeper in the stack than the cipher did


def unseal(master: SecretSeed, context: bytes, sealed: bytes) -> SecretBytes | None:
    """Undo seal().

    Returns:
        The secret; None when there was none.

    Raises:
        InvalidTag: anything differs from what seal() had.
    """
    return unseal_all(master, [(context, sealed)])[0]


def unseal_all(master: SecretSeed, items: Iterable[tuple[bytes, bytes]]) -> list[SecretBytes | None]:
    """Do what unseal() does for many contexts and sealed secrets, with one scrub() at the end.

    Raises:
        InvalidTag: anything differs from what seal() had.
    """
    try:
        return [_unseal(master, context, sealed) for context, sealed in items]
    finally:
        scrub()


def encrypt(key: SecretBytes, nonce: bytes, context: bytes, secret: SecretBytes | None) -> bytes:
    """Return ciphertext and tag of AES-256-GCM; the key must never have another message."""
    try:
        return _encrypt(key, nonce, context, secret)
    finally:
        scrub()


def decrypt(key: SecretBytes, nonce: bytes, context: bytes, box: bytes) -> SecretBytes | None:
    """Undo encrypt().

    Raises:
        InvalidTag: anything differs.
    """
    try:
        return _decrypt(key, nonce, context, box)
    finally:
        scrub()


def _seal(master: SecretSeed, context: bytes, secret: SecretBytes | None) -> bytes:
    salt, nonce = random_bytes(_SALT), random_bytes(NONCE_SIZE)
    with _message_key(master, salt) as key:
        return salt + nonce + _encrypt(key, nonce, context, secret)


def _unseal(master: SecretSeed, context: bytes, sealed: bytes) -> SecretBytes | None:
    if len(sealed) < OVERHEAD:
        raise InvalidTag
    salt, nonce, box = sealed[:_SALT], sealed[_SALT : _SALT + NONCE_SIZE], sealed[_SALT + NONCE_SIZE :]
    with _message_key(master, salt) as key:
        return _decrypt(key, nonce, context, box)


def _encrypt(key: SecretBytes, nonce: bytes, context: bytes, secret: SecretBytes | None) -> bytes:
    box = bytearray((secret.size if secret is not None else 0) + TAG_SIZE)
    with exposed(key) as key_view:
        cipher = AESGCM(key_view)
    if secret is None:
        cipher.encrypt_into(nonce, b"", context, box)
    else:
        with exposed(secret) as view:
            cipher.encrypt_into(nonce, view, context, box)
    return bytes(box)


def _decrypt(key: SecretBytes, nonce: bytes, context: bytes, box: bytes) -> SecretBytes | None:
    with exposed(key) as key_view:
        cipher = AESGCM(key_view)
    if len(box) <= TAG_SIZE:
        cipher.decrypt_into(nonce, box, context, bytearray())
        return None
    return filled(len(box) - TAG_SIZE, lambda view: cipher.decrypt_into(nonce, box, context, view))


def _message_key(master: SecretSeed, salt: bytes) -> SecretBytes:
    with hash_to_seed(_TAG, master, salt) as seed:
        return encode(seed)
