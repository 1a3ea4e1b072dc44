"""Tagged hashes against hashlib."""

import hashlib
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from native.errors import KindError, LengthError
from native.hashing import Each, hash_to_scalars, hash_to_seed, tagged_hash, tagged_hashes, xor
from native.secret import SecretBytes, SecretInts, SecretScalars, SecretSeed

from .curve_model import N, scalars


def model(tag: str, message: bytes) -> bytes:
    prefix = hashlib.sha256(tag.encode()).digest()
    return hashlib.sha256(prefix + prefix + message).digest()


def seed(data: bytes) -> SecretSeed:
    return SecretSeed.from_bytes(data)


@given(st.text(max_size=100), st.lists(st.binary(max_size=200), max_size=4))
def test_public_hash_equals_its_definition(tag, parts):
    assert tagged_hash(tag, *parts) == model(tag, b"".join(parts))


@pytest.mark.parametrize("length", [*range(130), 1000, 4096])
def test_c_hash_equals_hashlib_at_every_padding(length):
    data = random.Random(length).randbytes(3 * length)
    expected = b"".join(model("tag", data[i * length : (i + 1) * length]) for i in range(3))
    assert tagged_hashes("tag", data, 3) == expected


def test_tag_longer_than_a_block_is_hashed_first():
    assert tagged_hashes("BIP0340/challenge" * 10, b"x", 1) == model("BIP0340/challenge" * 10, b"x")


def test_batch_refuses_lengths_that_do_not_split():
    for messages, count in ((b"abc", 2), (b"abc", 0), (b"abc", -1)):
        with pytest.raises(LengthError):
            tagged_hashes("tag", messages, count)


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=150), st.binary(max_size=150))
def test_hash_of_secret_and_public_pieces_equals_the_public_hash(key, before, behind):
    expected = model("tag", before + key + behind)
    assert hash_to_seed("tag", before, seed(key), behind).declassify() == expected
    number = int.from_bytes(expected, "big") % N
    assert hash_to_scalars("tag", before, seed(key), behind).declassify() == number.to_bytes(32, "big")


def test_each_message_takes_its_own_items():
    numbers, key = scalars(5, N - 1, 0), bytes(range(32))
    got = hash_to_scalars(
        "tag", Each(SecretScalars.from_bytes(numbers, 3)), b"-", seed(key), Each(b"aabbcc"), b"end", count=3
    ).declassify()
    expected = [
        model("tag", numbers[32 * i : 32 * i + 32] + b"-" + key + b"aabbcc"[2 * i : 2 * i + 2] + b"end")
        for i in range(3)
    ]
    assert got == scalars(*(int.from_bytes(item, "big") for item in expected))


def test_whole_secret_enters_without_each():
    numbers = scalars(1, 2)
    assert hash_to_seed("t", SecretScalars.from_bytes(numbers, 2)).declassify() == model("t", numbers)
    assert hash_to_seed("t").declassify() == model("t", b"")
    assert hash_to_seed("t", b"").declassify() == model("t", b"")


def test_pieces_that_do_not_split_and_other_kinds_are_refused():
    two = SecretScalars.from_bytes(scalars(1, 2), 2)
    for call in (
        lambda: hash_to_scalars("t", Each(two), count=3),
        lambda: hash_to_scalars("t", Each(b"abc"), count=2),
        lambda: hash_to_scalars("t", b"abc", count=0),
        lambda: hash_to_scalars("t", b"abc", count=-1),
    ):
        with pytest.raises(LengthError):
            call()
    with pytest.raises(KindError):
        hash_to_seed("t", SecretInts.from_bytes(bytes(32)))


@given(st.binary(min_size=32, max_size=32), st.integers(0, N - 1))
def test_xor_is_bytewise(a, k):
    b = k.to_bytes(32, "big")
    expected = bytes(x ^ y for x, y in zip(a, b, strict=True))
    assert xor(seed(a), SecretScalars.from_bytes(b)).declassify() == expected
    assert xor(SecretScalars.from_bytes(b), seed(a)).declassify() == expected


def test_xor_refuses_several_items_and_other_kinds():
    one = seed(bytes(32))
    with pytest.raises(LengthError):
        xor(one, SecretScalars.from_bytes(bytes(64), 2))
    with pytest.raises(KindError):
        xor(SecretInts.from_bytes(bytes(32)), one)


@given(st.binary(min_size=1, max_size=200), st.binary(max_size=20))
def test_secret_bytes_are_hashed_as_they_are(secret, public):
    piece = SecretBytes.from_bytes(secret)
    assert hash_to_seed("tag", public, piece).declassify() == model("tag", public + secret)
    assert hash_to_seed("tag", Each(piece)).declassify() == model("tag", secret)


def test_secret_bytes_do_not_split():
    with pytest.raises(LengthError):
        hash_to_scalars("tag", Each(SecretBytes.from_bytes(bytes(64))), count=2)
