import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from native.hashing import tagged_hash
from native.secret import SecretBytes, SecretSeed
from storage.envelope import OVERHEAD, decrypt, encrypt, seal, unseal

MASTER = bytes(range(32))


def master() -> SecretSeed:
    return SecretSeed.from_bytes(MASTER)


def opened(context: bytes, sealed: bytes) -> bytes | None:
    secret = unseal(master(), context, sealed)
    return None if secret is None else secret.declassify()


@given(st.binary(min_size=1, max_size=200), st.binary(max_size=50))
def test_a_secret_comes_back_with_its_context(plain: bytes, context: bytes) -> None:
    sealed = seal(master(), context, SecretBytes.from_bytes(plain))
    assert len(sealed) == len(plain) + OVERHEAD
    assert plain not in sealed or len(plain) < 5
    assert opened(context, sealed) == plain


def test_the_format_is_a_salt_a_nonce_and_aes_256_gcm() -> None:
    sealed = seal(master(), b"context", SecretBytes.from_bytes(b"secret"))
    key = tagged_hash("mpcwallet/storage key", MASTER, sealed[:32])
    assert AESGCM(key).decrypt(sealed[32:44], sealed[44:], b"context") == b"secret"


def test_a_context_is_authenticated_without_a_secret() -> None:
    sealed = seal(master(), b"context", None)
    assert len(sealed) == OVERHEAD
    assert opened(b"context", sealed) is None
    with pytest.raises(InvalidTag):
        opened(b"contexu", sealed)


def test_no_two_messages_share_a_salt_or_a_nonce() -> None:
    boxes = [seal(master(), b"", None) for _ in range(50)]
    assert len({box[:32] for box in boxes}) == 50
    assert len({box[32:44] for box in boxes}) == 50


def test_every_flipped_bit_is_refused() -> None:
    sealed = seal(master(), b"context", SecretBytes.from_bytes(b"secret"))
    for bit in range(8 * len(sealed)):
        changed = bytearray(sealed)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(InvalidTag):
            opened(b"context", bytes(changed))


def test_every_other_length_is_refused() -> None:
    sealed = seal(master(), b"context", SecretBytes.from_bytes(b"secret"))
    for end in range(len(sealed)):
        with pytest.raises(InvalidTag):
            opened(b"context", sealed[:end])
    with pytest.raises(InvalidTag):
        opened(b"context", sealed + b"\0")


def test_another_master_key_or_context_is_refused() -> None:
    sealed = seal(master(), b"context", SecretBytes.from_bytes(b"secret"))
    for key, context in ((SecretSeed.fresh(), b"context"), (master(), b""), (master(), b"context ")):
        with pytest.raises(InvalidTag):
            unseal(key, context, sealed)


def test_a_cipher_of_a_key_of_its_own() -> None:
    key = SecretBytes.from_bytes(MASTER)
    box = encrypt(key, bytes(12), b"context", SecretBytes.from_bytes(b"secret"))
    assert box == AESGCM(MASTER).encrypt(bytes(12), b"secret", b"context")
    secret = decrypt(key, bytes(12), b"context", box)
    assert secret is not None
    assert secret.declassify() == b"secret"
    with pytest.raises(InvalidTag):
        decrypt(key, bytes(12), b"", box)
