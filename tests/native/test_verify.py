"""Signatures: the vectors of BIP-340, and ECDSA as the network wants it."""

import csv
import hashlib
from pathlib import Path

import coincurve
import pytest

from native.curve import G, Point, Scalar
from native.errors import LengthError, RejectedError
from native.verify import (
    ecdsa_from_der,
    ecdsa_to_der,
    failed_bip340,
    failed_ecdsa,
    verify_bip340,
    verify_bip340_tagged,
    verify_ecdsa,
)

from .curve_model import N

VECTORS = Path(__file__).parents[1] / "vectors" / "bip-0340" / "test-vectors.csv"
with VECTORS.open() as file:
    BIP340 = list(csv.DictReader(file))


@pytest.mark.parametrize("case", BIP340, ids=[case["index"] for case in BIP340])
def test_bip340_vector(case):
    signature, message, key = (bytes.fromhex(case[name]) for name in ("signature", "message", "public key"))
    expected = case["verification result"] == "TRUE"
    assert verify_bip340(signature, message, key) == expected
    assert verify_bip340_tagged(signature, message, key, "BIP0340") == expected
    assert not verify_bip340_tagged(signature, message, key, "BIP DKG/pop message")


def ecdsa_case(i: int) -> tuple[bytes, bytes, Point]:
    key = coincurve.PrivateKey(hashlib.sha256(b"key %d" % i).digest())
    message_hash = hashlib.sha256(b"message %d" % i).digest()
    der = key.sign(message_hash, hasher=None)
    return ecdsa_from_der(der), message_hash, Point.from_bytes(key.public_key.format())


def high_s(signature: bytes) -> bytes:
    return signature[:32] + (N - int.from_bytes(signature[32:], "big")).to_bytes(32, "big")


def test_ecdsa_signature_of_libsecp256k1_holds_and_others_do_not():
    signature, message_hash, key = ecdsa_case(1)
    assert verify_ecdsa(signature, message_hash, key)
    assert not verify_ecdsa(signature, hashlib.sha256(message_hash).digest(), key)
    assert not verify_ecdsa(signature, message_hash, -key)
    assert not verify_ecdsa(signature, message_hash, G)
    assert not verify_ecdsa(signature, message_hash, Point.infinity())
    for place in (0, 31, 32, 63):
        wrong = bytearray(signature)
        wrong[place] ^= 1
        assert not verify_ecdsa(bytes(wrong), message_hash, key)


def test_ecdsa_signature_equals_its_equation():
    signature, message_hash, key = ecdsa_case(2)
    r, s = (Scalar.from_bytes(signature[i : i + 32]) for i in (0, 32))
    R = (Scalar.reduce(message_hash) * s.invert()) * G + (r * s.invert()) * key
    assert Scalar.reduce(R.x_bytes) == r


def test_high_s_is_refused():
    signature, message_hash, key = ecdsa_case(3)
    assert not verify_ecdsa(high_s(signature), message_hash, key)


@pytest.mark.parametrize("half", [0, 1])
@pytest.mark.parametrize("number", [0, N, N + 1, 2**256 - 1])
def test_ecdsa_numbers_out_of_range_are_refused(half, number):
    signature, message_hash, key = ecdsa_case(4)
    data = number.to_bytes(32, "big")
    wrong = data + signature[32:] if half == 0 else signature[:32] + data
    assert not verify_ecdsa(wrong, message_hash, key)
    with pytest.raises(RejectedError):
        ecdsa_to_der(wrong)


def test_batches_name_the_failures():
    cases = [ecdsa_case(i) for i in range(6)]
    signatures, hashes, keys = (list(column) for column in zip(*cases, strict=True))
    assert failed_ecdsa(signatures, hashes, keys) == ()
    signatures[1], keys[4] = high_s(signatures[1]), G
    assert failed_ecdsa(signatures, hashes, keys) == (1, 4)

    rows = [case for case in BIP340 if len(case["message"]) == 64]
    columns = [
        [bytes.fromhex(case[name]) for case in rows] for name in ("signature", "message", "public key")
    ]
    expected = tuple(i for i, case in enumerate(rows) if case["verification result"] == "FALSE")
    assert failed_bip340(*columns) == expected


@pytest.mark.parametrize("length", [0, 1, 63, 65, 128])
def test_wrong_signature_lengths_are_refused(length):
    with pytest.raises(LengthError):
        verify_ecdsa(bytes(length), bytes(32), G)
    with pytest.raises(LengthError):
        verify_bip340(bytes(length), b"", G.x_bytes)
    with pytest.raises(LengthError):
        verify_bip340_tagged(bytes(length), b"", G.x_bytes, "BIP0340")
    with pytest.raises(LengthError):
        ecdsa_to_der(bytes(length))


def test_other_wrong_lengths_and_counts_are_refused():
    signature = bytes(64)
    for call in (
        lambda: verify_ecdsa(signature, bytes(31), G),
        lambda: verify_ecdsa(signature, bytes(33), G),
        lambda: verify_bip340(signature, b"", bytes(31)),
        lambda: verify_bip340(signature, b"", bytes(33)),
        lambda: verify_bip340_tagged(signature, b"", bytes(31), "BIP0340"),
        lambda: failed_ecdsa([], [], []),
        lambda: failed_bip340([], [], []),
        lambda: failed_ecdsa([signature] * 2, [bytes(32)], [G] * 2),
        lambda: failed_ecdsa([signature] * 2, [bytes(32)] * 2, [G]),
        lambda: failed_bip340([signature] * 2, [b"a"], [bytes(32)] * 2),
        lambda: failed_bip340([signature] * 2, [b"a", b"bc"], [bytes(32)] * 2),
        lambda: failed_bip340([signature] * 2, [b"a", b"b"], [bytes(32)]),
    ):
        with pytest.raises(LengthError):
            call()


def test_der_and_compact_forms_are_inverse():
    for i in range(20):
        signature, _, _ = ecdsa_case(i)
        assert ecdsa_from_der(ecdsa_to_der(signature)) == signature
    longest = (N - 1).to_bytes(32, "big") * 2
    assert len(ecdsa_to_der(longest)) == 72


def test_der_must_be_strict():
    der = ecdsa_to_der(bytes(31) + b"\1" + bytes(31) + b"\2")
    assert der.hex() == "3006020101020102"
    malformed = [
        "",
        "30",
        "3006020101020102ff",  # behind the end
        "30060201010201",  # cut short
        "3106020101020102",  # not a sequence
        "308106020101020102",  # long form of a short length
        "300702020001020102",  # a leading zero too many
        "3006020181020102",  # negative
        "3006020100020102",  # r = 0
        "30050200020102",  # empty integer
        "3026020101022100" + N.to_bytes(32, "big").hex(),  # s = n
        "302602010102210100" + bytes(31).hex(),  # s = 2^256
    ]
    for data in malformed:
        with pytest.raises(RejectedError):
            ecdsa_from_der(bytes.fromhex(data))
