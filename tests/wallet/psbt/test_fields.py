"""Each field of each map: what it takes, and one input for each rule that breaks it."""

import pytest

from tests.wallet.psbt.raw import KEY, PREVIOUS, Pairs, raw, v0, v2
from wallet.amounts import MAX_MONEY, Sats
from wallet.errors import MalformedError
from wallet.psbt import KeyOrigin, LeafScript, Psbt, PsbtInput, PsbtOutput, TapKeyOrigin, TapLeaf
from wallet.tx import TxOut

SIG = bytes.fromhex("3006020101020101") + b"\x01"
NO_POINT = "02" + "ff" * 32
XPUB = (bytes(45) + KEY).hex()

GLOBAL_REFUSED = {
    "XPUB key length": ("01" + XPUB + "00", bytes(4), "PSBT_GLOBAL_XPUB key: 79 bytes"),
    "XPUB point": ("01" + "00" * 45 + NO_POINT, bytes(4), "no public key"),
    "XPUB path": ("01" + XPUB, bytes(6), "PSBT_GLOBAL_XPUB: 6 bytes are no"),
    "XPUB no fingerprint": ("01" + XPUB, b"", "PSBT_GLOBAL_XPUB: 0 bytes are no"),
    "key data of VERSION": ("fb00", bytes(4), "the key of PSBT_GLOBAL_VERSION has data"),
    "proprietary without subtype": ("fc0141", b"", "missing"),
    "proprietary identifier too short": ("fc0541", b"", "missing"),
    "key type not shortest": ("fd0100", b"", "shortest"),
}
V2_REFUSED = {
    "FALLBACK_LOCKTIME length": ("03", bytes(5), "PSBT_GLOBAL_FALLBACK_LOCKTIME: 5 bytes instead of 4"),
    "TX_MODIFIABLE length": ("06", b"", "PSBT_GLOBAL_TX_MODIFIABLE: 0 bytes instead of 1"),
}
INPUT_REFUSED = {
    "NON_WITNESS_UTXO": ("00", bytes(PREVIOUS)[:-1], "PSBT_IN_NON_WITNESS_UTXO: this is no transaction"),
    "WITNESS_UTXO too long": ("01", bytes(10), "PSBT_IN_WITNESS_UTXO: 1 bytes are left over"),
    "WITNESS_UTXO too short": ("01", bytes(8), "PSBT_IN_WITNESS_UTXO: bytes are missing"),
    "WITNESS_UTXO amount": ("01", b"\xff" * 8 + b"\0", "PSBT_IN_WITNESS_UTXO: the value"),
    "PARTIAL_SIG key length": (
        "02" + "02" * 32,
        SIG,
        "PSBT_IN_PARTIAL_SIG key: 32 bytes instead of 33 or 65",
    ),
    "PARTIAL_SIG key point": ("02" + NO_POINT, SIG, "PSBT_IN_PARTIAL_SIG key: .* no public key"),
    "PARTIAL_SIG not DER": ("02" + KEY.hex(), bytes(71), "PSBT_IN_PARTIAL_SIG: it is no strict DER"),
    "PARTIAL_SIG without type": ("02" + KEY.hex(), SIG[:-1], "strict DER"),
    "PARTIAL_SIG empty": ("02" + KEY.hex(), b"", "strict DER"),
    "SIGHASH_TYPE length": ("03", b"\x01", "PSBT_IN_SIGHASH_TYPE: 1 bytes instead of 4"),
    "SIGHASH_TYPE key": ("0300", bytes(4), "the key of PSBT_IN_SIGHASH_TYPE has data"),
    "BIP32_DERIVATION key": ("06" + KEY.hex() + "00", bytes(4), "key: 34 bytes instead of 33 or 65"),
    "BIP32_DERIVATION value": ("06" + KEY.hex(), bytes(7), "PSBT_IN_BIP32_DERIVATION: 7 bytes are no"),
    "BIP32_DERIVATION depth": ("06" + KEY.hex(), bytes(4 + 4 * 256), "1028 bytes are no"),
    "FINAL_SCRIPTWITNESS missing": ("08", b"\x02\x01a", "PSBT_IN_FINAL_SCRIPTWITNESS: bytes are missing"),
    "FINAL_SCRIPTWITNESS too long": ("08", b"\x01\x01aa", "PSBT_IN_FINAL_SCRIPTWITNESS: 1 bytes are left"),
    "RIPEMD160 key": ("0a" + "00" * 21, b"", "PSBT_IN_RIPEMD160 key: 21 bytes instead of 20"),
    "SHA256 key": ("0b" + "00" * 20, b"", "PSBT_IN_SHA256 key: 20 bytes instead of 32"),
    "HASH160 key": ("0c" + "00" * 32, b"", "PSBT_IN_HASH160 key: 32 bytes instead of 20"),
    "HASH256 key": ("0d" + "00" * 31, b"", "PSBT_IN_HASH256 key: 31 bytes instead of 32"),
    "TAP_KEY_SIG short": ("13", bytes(63), "PSBT_IN_TAP_KEY_SIG: 63 bytes instead of 64 or 65"),
    "TAP_KEY_SIG long": ("13", bytes(66), "PSBT_IN_TAP_KEY_SIG: 66 bytes instead of 64 or 65"),
    "TAP_SCRIPT_SIG key": ("14" + "00" * 65, bytes(64), "PSBT_IN_TAP_SCRIPT_SIG key: 65 bytes instead of 64"),
    "TAP_SCRIPT_SIG value": ("14" + "00" * 64, bytes(63), "PSBT_IN_TAP_SCRIPT_SIG: 63 bytes"),
    "TAP_LEAF_SCRIPT short": (
        "15" + "00" * 32,
        b"\xc0",
        "PSBT_IN_TAP_LEAF_SCRIPT key: 32 bytes are no control",
    ),
    "TAP_LEAF_SCRIPT uneven": ("15" + "00" * 64, b"\xc0", "64 bytes are no control block"),
    "TAP_LEAF_SCRIPT deep": ("15" + "00" * (33 + 32 * 129), b"\xc0", "no control block"),
    "TAP_LEAF_SCRIPT empty": ("15" + "00" * 33, b"", "PSBT_IN_TAP_LEAF_SCRIPT: the leaf version is missing"),
    "TAP_LEAF_SCRIPT version": ("15" + "00" * 33, b"\xc1", "PSBT_IN_TAP_LEAF_SCRIPT: a leaf version is"),
    "TAP_BIP32_DERIVATION key": ("16" + KEY.hex(), bytes(5), "key: 33 bytes instead of 32"),
    "TAP_BIP32_DERIVATION hashes": ("16" + "01" * 32, b"\x01" + bytes(31), "bytes are missing"),
    "TAP_BIP32_DERIVATION origin": ("16" + "01" * 32, bytes(4), "3 bytes are no fingerprint and path"),
    "TAP_INTERNAL_KEY": ("17", KEY, "PSBT_IN_TAP_INTERNAL_KEY: 33 bytes instead of 32"),
    "TAP_MERKLE_ROOT": ("18", bytes(31), "PSBT_IN_TAP_MERKLE_ROOT: 31 bytes instead of 32"),
}
V2_INPUT_REFUSED = {
    "REQUIRED_TIME_LOCKTIME": (
        "11",
        (499_999_999).to_bytes(4, "little"),
        "PSBT_IN_REQUIRED_TIME_LOCKTIME: 499999999",
    ),
    "REQUIRED_HEIGHT_LOCKTIME": (
        "12",
        bytes(4),
        "PSBT_IN_REQUIRED_HEIGHT_LOCKTIME: 0 is not in 1..499999999",
    ),
    "REQUIRED_HEIGHT_LOCKTIME length": ("12", bytes(3), "PSBT_IN_REQUIRED_HEIGHT_LOCKTIME: 3 bytes"),
}
OUTPUT_REFUSED = {
    "BIP32_DERIVATION": ("02" + NO_POINT, bytes(4), "PSBT_OUT_BIP32_DERIVATION key: .* no public key"),
    "TAP_INTERNAL_KEY": ("05", bytes(31), "PSBT_OUT_TAP_INTERNAL_KEY: 31 bytes instead of 32"),
    "TAP_TREE empty": ("06", b"", "PSBT_OUT_TAP_TREE: the leaves make no complete tree"),
    "TAP_TREE incomplete": ("06", b"\x01\xc0\x00", "no complete tree"),
    "TAP_TREE order": ("06", b"\x02\xc0\x00\x01\xc0\x00\x02\xc0\x00", "not in depth-first order"),
    "TAP_TREE too many": ("06", b"\x00\xc0\x00\x00\xc0\x00", "no complete tree"),
    "TAP_TREE depth": ("06", b"\x81\xc0\x00", "PSBT_OUT_TAP_TREE: the depth"),
    "TAP_TREE version": ("06", b"\x00\xc1\x00", "a leaf version is"),
    "TAP_TREE script": ("06", b"\x00\xc0\x01", "bytes are missing"),
    "TAP_BIP32_DERIVATION": ("07" + "00" * 31, bytes(5), "PSBT_OUT_TAP_BIP32_DERIVATION key: 31 bytes"),
}


def refused(cases: dict[str, tuple[str, bytes, str]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(("key", "value", "message"), cases.values(), ids=cases.keys())


@refused(GLOBAL_REFUSED)
def test_a_global_field_that_breaks_a_rule_is_refused(key: str, value: bytes, message: str) -> None:
    with pytest.raises(MalformedError, match=f"^global map: .*{message}"):
        Psbt.from_bytes(v0(more=[(key, value)]))


@refused(V2_REFUSED)
def test_a_global_field_of_version_2_that_breaks_a_rule_is_refused(
    key: str, value: bytes, message: str
) -> None:
    with pytest.raises(MalformedError, match=f"^global map: {message}"):
        Psbt.from_bytes(v2(more=[(key, value)]))


@refused(INPUT_REFUSED)
def test_an_input_field_that_breaks_a_rule_is_refused(key: str, value: bytes, message: str) -> None:
    for data in (v0([(key, value)]), v2([(key, value)])):
        with pytest.raises(MalformedError, match=f"^input 0: .*{message}"):
            Psbt.from_bytes(data)


@refused(V2_INPUT_REFUSED)
def test_an_input_field_of_version_2_that_breaks_a_rule_is_refused(
    key: str, value: bytes, message: str
) -> None:
    with pytest.raises(MalformedError, match=f"^input 0: {message}"):
        Psbt.from_bytes(v2([(key, value)]))


@refused(OUTPUT_REFUSED)
def test_an_output_field_that_breaks_a_rule_is_refused(key: str, value: bytes, message: str) -> None:
    for data in (v0((), [(key, value)]), v2((), [(key, value)])):
        with pytest.raises(MalformedError, match=f"^output 0: .*{message}"):
            Psbt.from_bytes(data)


KEYED = [
    ("02" + KEY.hex(), SIG),
    ("06" + KEY.hex(), bytes(8)),
    ("f0", b"a"),
    ("fc016100", b""),
    ("17", bytes(32)),
]


@pytest.mark.parametrize("pair", KEYED, ids=[key[:4] for key, _ in KEYED])
def test_a_key_that_is_there_twice_is_refused_even_with_one_value(pair: tuple[str, bytes]) -> None:
    Psbt.from_bytes(v0([pair]))
    with pytest.raises(MalformedError, match=r"^input 0: (PSBT_IN_\w+|the key \w+) is there twice"):
        Psbt.from_bytes(v0([pair, pair]))


@pytest.mark.parametrize("place", ["global", "input", "output"])
def test_unknown_and_proprietary_fields_are_kept_as_they_are(place: str) -> None:
    pairs: Pairs = [("30aa", b"one"), ("fc046d7063770102", b"two"), ("fdfd00bb", b"three")]
    data = {"global": v0(more=pairs), "input": v0(pairs), "output": v0((), pairs)}[place]
    psbt = Psbt.from_bytes(data)
    kept = {"global": psbt.unknown, "input": psbt.inputs[0].unknown, "output": psbt.outputs[0].unknown}[place]
    assert kept == {bytes.fromhex(key): value for key, value in pairs}
    assert bytes(psbt) == data


def test_missing_fields_of_version_2_are_named() -> None:
    header = [("02", b"\x02\0\0\0"), ("04", b"\x00"), ("05", b"\x00"), ("fb", b"\x02\0\0\0")]
    assert Psbt.from_bytes(raw(header)).inputs == ()
    for missing, name in enumerate(["TX_VERSION", "INPUT_COUNT", "OUTPUT_COUNT"]):
        with pytest.raises(MalformedError, match=f"PSBT_GLOBAL_{name} is missing"):
            Psbt.from_bytes(raw(header[:missing] + header[missing + 1 :]))


# The same rules hold for values that are not read but made.


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"tap_key_sig": bytes(63)}, "PSBT_IN_TAP_KEY_SIG"),
        ({"sighash_type": 1 << 32}, "PSBT_IN_SIGHASH_TYPE"),
        ({"sighash_type": -1}, "PSBT_IN_SIGHASH_TYPE"),
        ({"witness_utxo": TxOut(Sats(-1), b"")}, "PSBT_IN_WITNESS_UTXO"),
        ({"witness_utxo": TxOut(Sats(MAX_MONEY + 1), b"")}, "PSBT_IN_WITNESS_UTXO"),
        ({"partial_sigs": {b"": SIG}}, "PSBT_IN_PARTIAL_SIG key"),
        ({"unknown": {b"\x13": bytes(64)}}, "PSBT_IN_TAP_KEY_SIG is known: give tap_key_sig"),
        ({"unknown": {b"": b""}}, "missing"),
        ({"required_height_locktime": 500_000_000}, "PSBT_IN_REQUIRED_HEIGHT_LOCKTIME"),
    ],
)
def test_an_input_is_checked_when_it_is_made(fields: dict[str, object], message: str) -> None:
    with pytest.raises(MalformedError, match=message):
        PsbtInput(**fields)  # type: ignore[arg-type]


def test_an_output_is_checked_when_it_is_made() -> None:
    with pytest.raises(MalformedError, match="PSBT_OUT_TAP_INTERNAL_KEY"):
        PsbtOutput(tap_internal_key=KEY)
    with pytest.raises(MalformedError, match="PSBT_OUT_TAP_TREE"):
        PsbtOutput(tap_tree=(TapLeaf(1, LeafScript(b"")),))


def test_a_key_origin_is_checked_and_shown_as_people_write_it() -> None:
    origin = KeyOrigin(bytes.fromhex("d34db33f"), (84 | 1 << 31, 0, 5))
    assert (origin.path_text, str(origin)) == ("m/84h/0/5", "[d34db33f/84h/0/5]")
    assert KeyOrigin(bytes(4)).path_text == "m"
    for fingerprint, path in (
        (bytes(3), ()),
        (bytes(4), (1 << 32,)),
        (bytes(4), (-1,)),
        (bytes(4), (0,) * 256),
    ):
        with pytest.raises(MalformedError):
            KeyOrigin(fingerprint, path)


def test_values_of_taproot_fields_are_checked_when_they_are_made() -> None:
    with pytest.raises(MalformedError, match="leaf hash"):
        TapKeyOrigin(KeyOrigin(bytes(4)), (bytes(31),))
    for version in (-2, 0xC1, 0x100):
        with pytest.raises(MalformedError, match="leaf version"):
            LeafScript(b"", version)
    for depth in (-1, 129):
        with pytest.raises(MalformedError, match="depth"):
            TapLeaf(depth, LeafScript(b""))
