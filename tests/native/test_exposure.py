import os
import secrets

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from native._core import ffi, lib
from native.errors import ForkedError, KindError, LengthError, RangeError, WipedError
from native.exposure import decode, encode, exposed, filled, scrub
from native.secret import Secret, SecretBytes, SecretInts, SecretResidues, SecretScalars, SecretSeed
from tests.native.test_secret import ORDER, in_child, settled_usage, usage

pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")


def copy_in(data: bytes) -> SecretBytes:
    def fill(view: memoryview) -> None:
        view[:] = data

    return filled(len(data), fill)


@given(st.binary(min_size=1, max_size=300))
def test_what_fill_writes_is_what_a_block_reads(data: bytes) -> None:
    secret = copy_in(data)
    assert (secret.count, secret.size) == (1, len(data))
    with exposed(secret) as view:
        assert (bytes(view), len(view)) == (data, len(data))
    assert secret.declassify() == data


def test_fill_gets_zeros_in_the_locked_memory() -> None:
    seen = []

    def fill(view: memoryview) -> None:
        seen.append((bytes(view), view.readonly))

    filled(100, fill)
    assert seen == [(bytes(100), False)]


def test_a_cipher_works_in_place() -> None:
    key, plain = secrets.token_bytes(32), secrets.token_bytes(50)
    sealed = bytearray(66)
    with exposed(copy_in(key)) as k, exposed(copy_in(plain)) as p:
        AESGCM(k).encrypt_into(bytes(12), p, b"aad", sealed)
    assert sealed == AESGCM(key).encrypt(bytes(12), plain, b"aad")
    opened = filled(50, lambda view: AESGCM(key).decrypt_into(bytes(12), bytes(sealed), b"aad", view))
    assert opened.declassify() == plain


def test_a_view_cannot_be_written_and_ends_with_its_block() -> None:
    with exposed(copy_in(b"secret")) as view, pytest.raises(TypeError):
        view[0] = 1
    with pytest.raises(ValueError, match="released"):
        view[0]


def test_a_view_that_something_still_holds_is_an_error() -> None:
    secret = copy_in(b"secret")
    with pytest.raises(BufferError), exposed(secret) as view:
        kept = ffi.from_buffer("char[]", view)
    kept_too = []
    with pytest.raises(BufferError):
        filled(6, lambda view: kept_too.append(ffi.from_buffer("char[]", view)))
    assert bytes(ffi.buffer(kept)) == b"secret"


def test_a_part_of_a_view_that_leaks_keeps_the_memory() -> None:
    before, _ = settled_usage()
    secret = copy_in(b"secret" * 20)
    with exposed(secret) as view:
        leaked = view[:6]
    secret.wipe()
    assert usage()[0] == before + 128
    assert leaked == b"secret"
    leaked.release()
    del leaked, view
    assert usage()[0] == before


def test_wiping_inside_the_block_takes_effect_at_its_end() -> None:
    before, _ = settled_usage()
    secret = copy_in(b"secret")
    with exposed(secret) as view:
        secret.wipe()
        assert view == b"secret"
    del view
    assert usage()[0] == before
    with pytest.raises(WipedError), exposed(secret):
        pass


def test_there_is_no_secret_when_fill_raises() -> None:
    before, _ = settled_usage()

    def fill(view: memoryview) -> None:
        view[:] = b"x" * 64
        raise OSError

    with pytest.raises(OSError):  # noqa: PT011
        filled(64, fill)
    assert usage()[0] == before


@pytest.mark.parametrize("size", [0, -1, 2**20 + 1, 2**63, 2**64])
def test_a_size_out_of_range_is_refused(size: int) -> None:
    with pytest.raises(LengthError):
        filled(size, lambda _: None)


def test_a_child_gets_nothing() -> None:
    secret = copy_in(b"secret")

    def look() -> bytes:
        with exposed(secret) as view:
            return bytes(view)

    assert in_child(look) == ForkedError.__name__.encode()
    assert in_child(lambda: encode(secret).declassify()) == ForkedError.__name__.encode()
    assert in_child(lambda: decode(secret, SecretBytes).declassify()) == ForkedError.__name__.encode()
    assert look() == b"secret"


@pytest.mark.parametrize(
    ("cls", "size", "count"),
    [
        (SecretScalars, 32, 3),
        (SecretInts, 40, 2),
        (SecretResidues, 384, 2),
        (SecretSeed, 32, 1),
        (SecretBytes, 7, 1),
    ],
)
def test_secrets_come_back_as_they_went_out(cls: type[Secret], size: int, count: int) -> None:
    items = b"".join(b"\x7f" + os.urandom(size - 1) for _ in range(count))
    encoded = encode(cls.from_bytes(items, count))
    assert type(encoded) is SecretBytes
    assert encoded.declassify() == items
    again = decode(encoded, cls, count)
    assert type(again) is cls
    assert (again.count, again.size) == (count, size)
    assert again.declassify() == items


@pytest.mark.parametrize("value", [ORDER, ORDER + 1, 2**256 - 1])
def test_a_scalar_out_of_range_is_not_decoded(value: int) -> None:
    with pytest.raises(RangeError):
        decode(copy_in(bytes(32) + value.to_bytes(32, "big")), SecretScalars, 2)


@pytest.mark.parametrize(
    ("cls", "length", "count"),
    [
        (SecretScalars, 33, 1),
        (SecretScalars, 64, 1),
        (SecretSeed, 64, 2),
        (SecretInts, 12, 1),
        (SecretInts, 8, 0),
    ],
)
def test_bytes_that_do_not_fit_the_class_are_not_decoded(cls: type[Secret], length: int, count: int) -> None:
    with pytest.raises(LengthError):
        decode(copy_in(bytes(length)), cls, count)


def test_only_bytes_are_exposed_or_decoded() -> None:
    seed = SecretSeed.fresh()
    with pytest.raises(KindError), exposed(seed):  # type: ignore[arg-type]
        pass
    with pytest.raises(KindError):
        decode(seed, SecretSeed)  # type: ignore[arg-type]
    with pytest.raises(LengthError):
        encode(SecretInts.from_bytes(bytes(2**20 + 8), (2**20 + 8) // 8))
    assert lib.MPCW_KIND_BYTES == 5


def test_scrubbing_spares_what_is_in_use() -> None:
    kept = [bytearray(os.urandom(size)) for size in range(1, 2100, 7)]
    copies = [bytes(item) for item in kept]
    secret = copy_in(b"secret")
    scrub()
    assert [bytes(item) for item in kept] == copies
    assert secret.declassify() == b"secret"
