import csv
from pathlib import Path

import pytest
from coincurve import PublicKeyXOnly
from hypothesis import given, settings
from hypothesis import strategies as st

from native.curve import ORDER, Point, Scalar, mul_base
from native.errors import FaultError, LengthError, PointError, RangeError
from native.schnorr import sign_bip340, xonly_key
from native.secret import SecretScalars, SecretSeed
from native.verify import verify_bip340, verify_bip340_tagged

VECTORS = Path(__file__).parents[1] / "vectors" / "bip-0340" / "test-vectors.csv"
with VECTORS.open() as file:
    SIGNING = [row for row in csv.DictReader(file) if row["secret key"]]


@pytest.mark.parametrize("row", SIGNING, ids=[row["index"] for row in SIGNING])
def test_signs_the_vectors_of_bip340(row: dict[str, str]) -> None:
    seckey = SecretScalars.from_bytes(bytes.fromhex(row["secret key"]))
    message, aux_rand = bytes.fromhex(row["message"]), bytes.fromhex(row["aux_rand"])
    assert xonly_key(seckey).hex().upper() == row["public key"]
    assert sign_bip340(seckey, message, aux_rand).hex().upper() == row["signature"]


@given(
    key=st.integers(1, ORDER - 1),
    message=st.binary(max_size=200),
    aux_rand=st.binary(min_size=32, max_size=32),
)
@settings(max_examples=50)
def test_libsecp256k1_accepts_every_signature(key: int, message: bytes, aux_rand: bytes) -> None:
    seckey = SecretScalars.from_bytes(key.to_bytes(32, "big"))
    assert PublicKeyXOnly(xonly_key(seckey)).verify(sign_bip340(seckey, message, aux_rand), message)


def test_secret_aux_signs_like_the_same_public_bytes() -> None:
    seckey = SecretScalars.from_bytes((7).to_bytes(32, "big"))
    secret_aux = SecretSeed.from_bytes(bytes(range(32)))
    assert sign_bip340(seckey, b"m", secret_aux) == sign_bip340(seckey, b"m", bytes(range(32)))


def test_signature_under_another_tag_holds_under_that_tag_only() -> None:
    seckey = SecretScalars.from_bytes((7).to_bytes(32, "big"))
    signature = sign_bip340(seckey, b"m", bytes(32), "BIP DKG/pop message")
    assert verify_bip340_tagged(signature, b"m", xonly_key(seckey), "BIP DKG/pop message")
    assert not verify_bip340(signature, b"m", xonly_key(seckey))


@pytest.mark.parametrize("tag", ["BIP0340", "BIP DKG/pop message"])
@pytest.mark.parametrize("key", [1, 2, 7, ORDER - 1])
def test_given_public_key_changes_no_byte_of_the_signature(key: int, tag: str) -> None:
    seckey = SecretScalars.from_bytes(key.to_bytes(32, "big"))
    signature = sign_bip340(seckey, b"m", bytes(32), tag, mul_base(seckey)[0])
    assert signature == sign_bip340(seckey, b"m", bytes(32), tag)


@pytest.mark.parametrize("tag", ["BIP0340", "BIP DKG/pop message"])
@pytest.mark.parametrize("factor", [2, ORDER - 1])
def test_nothing_is_signed_for_a_public_key_that_is_not_the_keys(factor: int, tag: str) -> None:
    seckey = SecretScalars.from_bytes((7).to_bytes(32, "big"))
    with pytest.raises(FaultError):
        sign_bip340(seckey, b"m", bytes(32), tag, Scalar(factor) * mul_base(seckey)[0])
    with pytest.raises(PointError):
        sign_bip340(seckey, b"m", bytes(32), tag, Point.infinity())


@pytest.mark.parametrize("size", [0, 31, 33])
def test_aux_rand_of_another_length_is_refused(size: int) -> None:
    with pytest.raises(LengthError):
        sign_bip340(SecretScalars.from_bytes((7).to_bytes(32, "big")), b"m", bytes(size))


def test_zero_key_is_refused() -> None:
    with pytest.raises(RangeError):
        sign_bip340(SecretScalars.from_bytes(bytes(32)), b"m", bytes(32))


def test_signature_that_does_not_verify_is_not_released(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("native.schnorr.verify_bip340", lambda *_: False)
    with pytest.raises(FaultError):
        sign_bip340(SecretScalars.from_bytes((7).to_bytes(32, "big")), b"m", bytes(32))
