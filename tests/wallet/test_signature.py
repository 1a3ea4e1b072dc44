"""Signatures in their outer forms: strict, low-S, verified before they leave."""

import csv
import hashlib
from pathlib import Path

import coincurve
import pytest
from bitcointx.core.scripteval import IsLowDERSignature, _IsValidSignatureEncoding
from hypothesis import given
from hypothesis import strategies as st

from wallet.errors import SignatureError
from wallet.sighash import SIGHASH_ALL, SIGHASH_DEFAULT, TAPROOT_TYPES, V0_TYPES
from wallet.signature import (
    checked_bip340,
    checked_ecdsa,
    decode_bip340,
    decode_ecdsa,
    encode_bip340,
    encode_ecdsa,
    low_s,
    recoverable_ecdsa,
)

from .malformed_der import N, P, cases, integer, sequence

SECRET = coincurve.PrivateKey(hashlib.sha256(b"signature").digest())
KEY = SECRET.public_key.format()
X_ONLY = KEY[1:]


def digest_of(i: int) -> bytes:
    return hashlib.sha256(b"digest %d" % i).digest()


def compact_of(i: int) -> bytes:
    """A signature of digest_of(i) by libsecp256k1: low s, 64 bytes."""
    return SECRET.sign_recoverable(digest_of(i), hasher=None)[:64]


def numbers(signature: bytes) -> tuple[int, int]:
    return int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")


def compact(r: int, s: int) -> bytes:
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def high(signature: bytes) -> bytes:
    r, s = numbers(signature)
    return compact(r, N - s)


# one with a short r or s, one plain, one with a padded r: by the length of encode_ecdsa
GOOD = {size: i for i in range(1000) if (size := len(encode_ecdsa(compact_of(i)))) in (70, 71, 72)}


def test_there_is_a_good_signature_of_each_usual_length():
    assert sorted(GOOD) == [70, 71, 72]


def accepted(der: bytes, digest: bytes) -> bool:
    """What a node asks of a signature: strict, low s, and it holds."""
    try:
        checked_ecdsa(decode_ecdsa(der + b"\x01").signature, digest, KEY)
    except SignatureError:
        return False
    return True


def accepted_by_others(der: bytes, digest: bytes) -> bool:
    """The same by bitcointx's rules of encoding and libsecp256k1's verification, which refuses high s."""
    try:
        strict = _IsValidSignatureEncoding(der + b"\x01") and IsLowDERSignature(der + b"\x01")
        return strict and coincurve.PublicKey(KEY).verify(der, digest, hasher=None)
    except ValueError:
        return False


@pytest.mark.parametrize("i", GOOD.values(), ids=GOOD)
def test_good_signature_is_accepted(i):
    der = sequence(*map(integer, numbers(compact_of(i))))
    assert encode_ecdsa(compact_of(i)) == der + b"\x01"
    assert accepted(der, digest_of(i))
    assert accepted_by_others(der, digest_of(i))


@pytest.mark.parametrize("i", GOOD.values(), ids=GOOD)
def test_malformed_signatures_are_refused(i):
    r, s = numbers(compact_of(i))
    made = list(cases(r, s))
    assert len(made) > 250
    assert len({case.name for case in made}) == len(made)
    good = sequence(integer(r), integer(s))
    wrong = [case.name for case in made if case.der != good and accepted(case.der, digest_of(i))]
    assert wrong == []
    assert [case.name for case in made if case.der == good] == []
    assert [case.name for case in made if accepted_by_others(case.der, digest_of(i))] == []


@pytest.mark.parametrize("i", GOOD.values(), ids=GOOD)
def test_parser_alone_refuses_what_is_not_well_formed(i):
    for case in cases(*numbers(compact_of(i))):
        if case.parses:
            decode_ecdsa(case.der + b"\x01")
        else:
            with pytest.raises(SignatureError):
                decode_ecdsa(case.der + b"\x01")


@given(st.binary(max_size=80), st.integers(0, 71), st.binary(max_size=3))
def test_parser_accepts_only_what_bitcointx_accepts(junk, place, change):
    good = encode_ecdsa(compact_of(0))
    for data in (junk, good[:place] + change + good[place + len(change) :]):
        try:
            signature, sighash_type = decode_ecdsa(data)
        except SignatureError:
            continue
        assert _IsValidSignatureEncoding(data)
        assert IsLowDERSignature(data)
        assert encode_ecdsa(signature, sighash_type) == data


def test_empty_signature_is_refused():
    for decode in (decode_ecdsa, decode_bip340):
        with pytest.raises(SignatureError):
            decode(b"")


@pytest.mark.parametrize(
    ("encode", "decode", "types"),
    [
        (encode_ecdsa, decode_ecdsa, V0_TYPES),
        (encode_bip340, decode_bip340, TAPROOT_TYPES),
    ],
)
def test_every_sighash_type_goes_round_and_every_other_byte_is_refused(encode, decode, types):
    signature = compact_of(0) if decode is decode_ecdsa else SECRET.sign_schnorr(digest_of(0))
    base = encode(signature, SIGHASH_ALL)[:-1]
    for kind in range(256):
        if kind in types:
            assert decode(encode(signature, kind)) == (signature, kind)
        else:
            with pytest.raises(SignatureError, match="no sighash type"):
                encode(signature, kind)
        if kind not in types or kind == SIGHASH_DEFAULT:
            with pytest.raises(SignatureError, match="no sighash type"):
                decode(base + bytes([kind]))


def test_default_written_out_is_refused():
    signature = SECRET.sign_schnorr(digest_of(0))
    assert encode_bip340(signature) == signature
    with pytest.raises(SignatureError, match="0x00 is no sighash type"):
        decode_bip340(signature + b"\x00")


@pytest.mark.parametrize("size", [0, 1, 63, 66, 130])
def test_taproot_signature_of_another_length_is_refused(size):
    with pytest.raises(SignatureError, match="64 or 65 bytes"):
        decode_bip340((SECRET.sign_schnorr(digest_of(0)) * 3)[:size])


NO_X = next(x for x in range(1, 100) if pow(x**3 + 7, (P - 1) // 2, P) == P - 1)


@pytest.mark.parametrize(("r", "s"), [(P, 1), (2**256 - 1, 1), (NO_X, 1), (1, N), (1, 2**256 - 1)])
def test_taproot_signature_out_of_range_is_refused(r, s):
    for refuse in (decode_bip340, encode_bip340):
        with pytest.raises(SignatureError, match="no point R"):
            refuse(compact(r, s))


@pytest.mark.parametrize(("r", "s"), [(0, 1), (1, 0), (N, 1), (1, N), (N + 1, 1), (P, 1), (2**256 - 1, 1)])
def test_ecdsa_number_out_of_range_is_refused(r, s):
    for refuse in (low_s, encode_ecdsa):
        with pytest.raises(SignatureError):
            refuse(compact(r, s))


@pytest.mark.parametrize("size", [0, 63, 65])
def test_compact_form_of_another_length_is_refused(size):
    for refuse in (low_s, encode_ecdsa, encode_bip340):
        with pytest.raises(SignatureError, match="64 bytes"):
            refuse((compact_of(0) * 2)[:size])


def test_high_s_is_normalised_and_never_encoded():
    signature = compact_of(0)
    assert low_s(signature) == low_s(high(signature)) == signature
    with pytest.raises(SignatureError, match="above n/2"):
        encode_ecdsa(high(signature))
    assert low_s(compact(1, N // 2)) == compact(1, N // 2)
    assert low_s(compact(1, N // 2 + 1)) == compact(1, N // 2)
    assert low_s(compact(1, N - 1)) == compact(1, 1)


def test_checked_ecdsa_releases_only_what_holds_and_normalises_it():
    signature, digest = compact_of(0), digest_of(0)
    assert checked_ecdsa(signature, digest, KEY) == signature
    assert checked_ecdsa(high(signature), digest, KEY) == signature
    other = coincurve.PrivateKey(bytes(31) + b"\x02").public_key.format()
    for wrong in ((compact_of(1), digest, KEY), (signature, digest_of(1), KEY), (signature, digest, other)):
        with pytest.raises(SignatureError, match="does not hold"):
            checked_ecdsa(*wrong)


@pytest.mark.parametrize(
    ("digest", "key"), [(bytes(31), KEY), (bytes(32), KEY[:32]), (bytes(32), b"\x02" + bytes(32))]
)
def test_checked_ecdsa_refuses_a_malformed_digest_or_key(digest, key):
    with pytest.raises(SignatureError, match="a digest has 32 bytes"):
        checked_ecdsa(compact_of(0), digest, key)


def test_checked_bip340_releases_only_what_holds():
    signature, digest = SECRET.sign_schnorr(digest_of(0)), digest_of(0)
    assert checked_bip340(signature, digest, X_ONLY) == signature
    other = coincurve.PrivateKey(bytes(31) + b"\x02").public_key.format()[1:]
    flipped = signature[:63] + bytes([signature[63] ^ 1])
    for wrong in ((flipped, digest, X_ONLY), (signature, digest_of(1), X_ONLY), (signature, digest, other)):
        with pytest.raises(SignatureError, match="does not hold"):
            checked_bip340(*wrong)
    for wrong in (
        (signature[:63], digest, X_ONLY),
        (signature, digest[:31], X_ONLY),
        (signature, digest, KEY),
    ):
        with pytest.raises(SignatureError, match="has"):
            checked_bip340(*wrong)


VECTORS = Path(__file__).parents[1] / "vectors" / "bip-0340" / "test-vectors.csv"
with VECTORS.open() as file:
    BIP340 = [case for case in csv.DictReader(file) if len(case["message"]) == 64]


@pytest.mark.parametrize("case", BIP340, ids=[case["index"] for case in BIP340])
def test_bip340_vector_is_released_only_if_it_holds(case):
    signature, message, key = (bytes.fromhex(case[name]) for name in ("signature", "message", "public key"))
    if case["verification result"] == "TRUE":
        assert checked_bip340(signature, message, key) == signature
    else:
        with pytest.raises(SignatureError):
            checked_bip340(signature, message, key)


@pytest.mark.parametrize("i", range(8))
def test_recovery_id_is_that_of_libsecp256k1(i):
    expected = SECRET.sign_recoverable(digest_of(i), hasher=None)
    assert recoverable_ecdsa(compact_of(i), digest_of(i), KEY) == expected
    assert recoverable_ecdsa(high(compact_of(i)), digest_of(i), KEY) == expected


def test_recovery_id_tells_when_r_was_reduced():
    # the x coordinate of R is n + r, which no honest signer meets
    r = next(r for r in range(1, 1000) if pow((N + r) ** 3 + 7, (P - 1) // 2, P) == 1)
    for recovery_id in (2, 3):
        signature = compact(r, 5) + bytes([recovery_id])
        key = coincurve.PublicKey.from_signature_and_message(signature, digest_of(0), hasher=None).format()
        assert recoverable_ecdsa(signature[:64], digest_of(0), key) == signature


def test_signature_that_does_not_hold_has_no_recovery_id():
    with pytest.raises(SignatureError, match="does not hold"):
        recoverable_ecdsa(compact_of(0), digest_of(1), KEY)
