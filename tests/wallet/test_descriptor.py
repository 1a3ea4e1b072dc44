"""Descriptors against the vectors of BIP-380, 382, 386 and 389, and bdkpython."""

import json
from itertools import pairwise
from pathlib import Path

import bdkpython as bdk
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wallet import address
from wallet.account import Branch, KeyPath
from wallet.bip32 import HARDENED
from wallet.descriptor import _INPUT, Descriptor, KeyOrigin, checksum, import_json
from wallet.errors import MalformedError, NetworkMismatchError
from wallet.network import MAINNET, NETWORKS, REGTEST, SIGNET, TESTNET4
from wallet.script import ScriptType

from .accounts import BIRTH, account, master

VECTORS = Path(__file__).parents[1] / "vectors"


def vectors(name):
    return json.loads((VECTORS / name).read_text())


BIP380 = vectors("bip-0380/descriptors.json")
BIP382 = vectors("bip-0382/descriptors.json")
BIP386 = vectors("bip-0386/descriptors.json")
BIP389 = vectors("bip-0389/descriptors.json")
BTCLIB = vectors("bip-0380/descriptor_checksums.json")

KINDS = [ScriptType.P2WPKH, ScriptType.P2TR]
BDK = {
    MAINNET: bdk.Network.BITCOIN,
    TESTNET4: bdk.Network.TESTNET4,
    SIGNET: bdk.Network.SIGNET,
    REGTEST: bdk.Network.REGTEST,
}
XPUB = master().text(MAINNET)
CHECKED = Descriptor.of(account(ScriptType.P2TR, MAINNET)).text()


def bdk_descriptor(text, network):
    return bdk.Descriptor(text, bdk.NetworkKind.MAIN if network is MAINNET else bdk.NetworkKind.TEST)


def parse(text):
    return Descriptor.parse(text, MAINNET)


# -- checksum


@pytest.mark.parametrize("case", BTCLIB, ids=lambda case: case["checksum"])
def test_checksum_vector(case):
    assert checksum(case["desc"]) == case["checksum"]


@pytest.mark.parametrize("text", BIP380["checksum"]["valid"])
def test_bip380_checksum(text):
    assert checksum(text.split("#")[0]) == text.split("#")[1]


@pytest.mark.parametrize("text", BIP380["checksum"]["invalid"])
def test_invalid_bip380_checksum_is_refused(text):
    with pytest.raises(MalformedError, match=r"checksum|#|character 5"):
        parse(text)


def test_descriptor_is_read_with_and_without_checksum():
    assert parse(CHECKED) == parse(CHECKED.split("#")[0]) == parse(f" {CHECKED}\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (CHECKED[:-1] + ("q" if CHECKED[-1] != "q" else "p"), "typo"),
        (CHECKED.replace("<0;1>", "<0;2>"), "typo"),
        (CHECKED[:-1], "8 characters and this has 7"),
        (CHECKED + "q", "8 characters and this has 9"),
        (CHECKED[:-8], "8 characters and this has 0"),
        (CHECKED + "#", "one #"),
        (CHECKED[:-8] + CHECKED[-8:].upper(), "typo"),
        ("\u00fc" + CHECKED, "character 1 "),
    ],
)
def test_wrong_checksum_is_refused(text, message):
    with pytest.raises(MalformedError, match=message):
        parse(text)


@given(st.data())
def test_one_changed_character_never_parses(data):
    at = data.draw(st.integers(0, len(CHECKED) - 1))
    changed = CHECKED[:at] + data.draw(st.sampled_from(_INPUT)) + CHECKED[at + 1 :]
    if changed != CHECKED and changed.strip() != CHECKED:
        with pytest.raises(MalformedError):
            parse(changed)


# -- forms that are read


@pytest.mark.parametrize("key", BIP380["valid_xpub_keys"])
@pytest.mark.parametrize("name", ["wpkh", "tr"])
def test_bip380_key_expression(name, key):
    assert parse(f"{name}({key})").text().split("#")[0] == f"{name}({key})"


@pytest.mark.parametrize("text", BIP382["valid"])
def test_bip382_scripts(text):
    descriptor = parse(text)
    assert [descriptor.script(i).hex() for i in range(3)] == BIP382["valid"][text]
    assert [script.hex() for script in descriptor.scripts(3)] == BIP382["valid"][text]
    assert descriptor.origin == KeyOrigin(b"\xff" * 4, (HARDENED + 13,))


@pytest.mark.parametrize("text", BIP389["valid"])
def test_bip389_multipath_expands(text):
    descriptor = parse(text)
    plain = BIP389["valid"][text]
    assert [single.text().split("#")[0] for single in descriptor.singles()] == plain
    assert [descriptor.branch(branch).split("#")[0] for branch in Branch] == plain


def test_bip389_multipath_of_three():
    triple = parse(f"wpkh({BIP389['triple_key']})")
    assert [s.text() for s in triple.singles()] == [
        parse(f"wpkh({key})").text() for key in BIP389["triple_keys"]
    ]


def test_single_branch_forms():
    ranged, single = parse(f"tr({XPUB}/1/*)"), parse(f"tr({XPUB}/1/5)")
    expected = account(ScriptType.P2TR, MAINNET).script(KeyPath(Branch.CHANGE, 5))
    assert ranged.script(5) == single.script() == expected
    assert ranged.singles() == (ranged,)


def test_script_is_for_single_branches():
    with pytest.raises(MalformedError, match="each of its branches"):
        parse(CHECKED).script(0)
    with pytest.raises(MalformedError, match="index 0"):
        parse(f"tr({XPUB}/0/5)").script(1)
    single = parse(f"tr({XPUB}/0/5)")
    assert single.scripts(1) == (single.script(),)
    with pytest.raises(MalformedError, match="index 0"):
        single.scripts(2)
    with pytest.raises(MalformedError, match="hardened"):
        parse(f"tr({XPUB}/0/*)").script(HARDENED)


def test_single_branch_has_no_change():
    descriptor = parse(f"tr({XPUB}/0/*)")
    assert descriptor.branch(Branch.RECEIVE) == descriptor.text()
    with pytest.raises(MalformedError, match="no branch for change"):
        descriptor.branch(Branch.CHANGE)


# -- what is refused


REFUSED = {
    "": "no descriptor",
    "tr": "no descriptor",
    f"tr({XPUB}": "no descriptor",
    f"TR({XPUB})": "no descriptor",
    f"pkh({XPUB}/0/*)": r"pkh\(\) descriptors are not supported",
    f"sh(wpkh({XPUB}/0/*))": r"sh\(\) descriptors",
    f"wsh(pk({XPUB}/0/*))": r"wsh\(\) descriptors",
    f"multi(1,{XPUB}/0/*)": r"multi\(\) descriptors",
    f"rawtr({XPUB}/0/*)": r"rawtr\(\) descriptors",
    "raw(deadbeef)": r"raw\(\) descriptors",
    f"tr({XPUB}/0/*,pk({XPUB}/1/*))": "script tree",
    f"wpkh({XPUB}/0/*,{XPUB}/1/*)": "another expression",
    f"tr(musig({XPUB},{XPUB})/0/*)": "another expression",
    f"wpkh(pk({XPUB}))": "another expression",
    f"tr({XPUB}/0h/*)": "hardened",
    f"tr({XPUB}/0'/*)": "hardened",
    f"tr({XPUB}/0/*h)": "hardened",
    f"tr({XPUB}/0/*')": "hardened",
    f"tr({XPUB}/<0h;1>/*)": "hardened",
    f"tr({XPUB}/<0;1h>/*)": "hardened",
    f"tr({XPUB}/<0;1;1>/*)": "different numbers",
    f"tr({XPUB}/<1>/*)": "different numbers",
    f"tr({XPUB}/<0;1>/<2;3>)": "more than one <",
    f"tr({XPUB}/*/0)": "no number",
    f"tr({XPUB}/<0;15/*)": "no number",
    f"tr({XPUB}/50;1>/*)": "no number",
    f"tr({XPUB}/*/*)": "no number",
    f"tr({XPUB}/-1/*)": "no number",
    f"tr({XPUB}/01/*)": "no number",
    f"tr({XPUB}/\u0661/*)": "no descriptor has",
    f"tr({XPUB}/)": "malformed",
    f"tr({XPUB}//*)": "malformed",
    f"tr(/{XPUB})": "malformed",
    "tr()": "malformed",
    f"tr({XPUB}/2147483648/*)": "out of range",
    f"tr({XPUB}/<0;2147483648>/*)": "out of range",
    f"tr([deadbeef/2147483648]{XPUB}/0/*)": "origin is out of range",
    f"tr([deadbeef/0h/*]{XPUB})": "origin of the descriptor is malformed",
    f"tr([]{XPUB})": "origin of the descriptor is malformed",
    f"tr([deadbee]{XPUB})": "origin of the descriptor is malformed",
    f"tr([deadbeef][deadbeef]{XPUB})": "malformed",
    f"tr({XPUB[:-1]}2/0/*)": "typo",
    "wpkh(02" + "11" * 32 + ")": "no extended key",
    f"tr({XPUB}{'/1' * 256})": "more steps",
    f"tr({XPUB}{'/1' * 500})": "at most 1000 characters",
}


@pytest.mark.parametrize(("text", "message"), REFUSED.items())
def test_refusal_names_the_reason(text, message):
    with pytest.raises(MalformedError, match=message):
        parse(text)


@pytest.mark.parametrize("key", [*BIP380["valid_hardened_keys"]])
def test_bip380_hardened_steps_are_refused(key):
    with pytest.raises(MalformedError, match="hardened"):
        parse(f"wpkh({key})")


@pytest.mark.parametrize("key", [*BIP380["valid_private_keys"], *BIP380["invalid_keys"]])
def test_private_and_invalid_keys_are_refused_and_not_repeated(key):
    with pytest.raises(MalformedError) as refusal:
        parse(f"tr({key})")
    assert key[-20:] not in str(refusal.value) + refusal.value.hint


@pytest.mark.parametrize(
    "text",
    [
        *BIP382["valid_not_supported"],
        *BIP382["invalid"],
        *BIP386["valid_not_supported"],
        *BIP386["invalid"],
        *BIP389["invalid"],
    ],
)
def test_what_is_invalid_or_not_supported_is_refused(text):
    with pytest.raises(MalformedError):
        parse(text)


def test_key_of_another_network_is_refused_by_name():
    with pytest.raises(NetworkMismatchError, match="of mainnet, the wallet is on regtest"):
        Descriptor.parse(CHECKED, REGTEST)


def test_other_kinds_are_refused():
    with pytest.raises(MalformedError, match="not supported"):
        Descriptor(ScriptType.P2PKH, master(), MAINNET)


def test_longest_descriptor():
    text = f"wpkh([00000000]{XPUB})"
    longest = text.replace("]", "/1" * ((1000 - len(text)) // 2) + "]")
    if len(longest) < 1000:
        longest = longest.replace("/1", "/10", 1)
    assert len(longest) == 1000
    assert parse(longest)
    with pytest.raises(MalformedError, match="at most 1000 characters"):
        parse(longest.replace("/1", "/11", 1))


def test_deepest_descriptor():
    assert parse(f"tr({XPUB}{'/1' * 255})").script()
    assert parse(f"tr({XPUB}{'/1' * 254}/*)").script(0)
    with pytest.raises(MalformedError, match="more steps"):
        parse(f"tr({XPUB}{'/1' * 255}/*)")


# -- accounts


@pytest.mark.parametrize("network", NETWORKS.values(), ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_descriptor_of_an_account_is_read_by_bdk(kind, network):
    wallet = account(kind, network)
    descriptor = Descriptor.of(wallet)
    theirs = bdk_descriptor(descriptor.text(), network)
    assert str(theirs) == descriptor.text()
    singles = theirs.to_single_descriptors()
    assert [str(single) for single in singles] == [descriptor.branch(branch) for branch in Branch]
    for branch, single in zip(Branch, singles, strict=True):
        for path, script in wallet.scripts(branch, 0, 5):
            assert str(single.derive_address(path.index, BDK[network])) == address.encode(script, network)


@pytest.mark.parametrize("network", NETWORKS.values(), ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_account_round_trip(kind, network):
    wallet = account(kind, network)
    text = Descriptor.of(wallet).text()
    assert Descriptor.parse(text, network).account(wallet.name, BIRTH) == wallet
    without_origin = text.split("#")[0].replace(str(KeyOrigin(wallet.key.fingerprint)), "")
    assert Descriptor.parse(without_origin, network).account(wallet.name, BIRTH) == wallet


@pytest.mark.parametrize(
    "key",
    [
        f"{XPUB}/0/*",
        f"{XPUB}/<1;0>/*",
        f"{XPUB}/<0;1;2>/*",
        f"{XPUB}/<0;1>",
        f"{XPUB}/<0;1>/0/*",
        f"[deadbeef]{XPUB}/<0;1>/*",
        f"[{master().fingerprint.hex()}/84h/0h/0h]{XPUB}/<0;1>/*",
    ],
)
def test_descriptor_of_something_else_is_no_account(key):
    with pytest.raises(MalformedError, match="no descriptor of an account"):
        parse(f"tr({key})").account("taproot", BIRTH)


def test_key_with_a_parent_is_no_account():
    key = master().derive([0]).text(MAINNET)
    with pytest.raises(MalformedError, match="depth 0"):
        parse(f"tr({key}/<0;1>/*)").account("taproot", BIRTH)


def test_export_claims_no_seed():
    assert Descriptor.of(account(ScriptType.P2WPKH)).origin == KeyOrigin(master().fingerprint, ())


def test_importdescriptors_json():
    accounts = [account(kind) for kind in KINDS]
    requests = json.loads(import_json(*accounts, end=50))
    assert [request["internal"] for request in requests] == [False, True, False, True]
    for request, (wallet, branch) in zip(requests, ((a, b) for a in accounts for b in Branch), strict=True):
        assert set(request) == {"desc", "active", "range", "timestamp", "internal"}
        assert request["active"] is True
        assert request["range"] == [0, 49]
        assert request["timestamp"] == BIRTH
        descriptor = Descriptor.parse(request["desc"], REGTEST)
        assert request["desc"] == descriptor.text()
        assert descriptor.script(7) == wallet.script(KeyPath(branch, 7))
    assert all(a["desc"] != b["desc"] for a, b in pairwise(requests))


# -- properties


indices = st.integers(0, HARDENED - 1)
tuples = st.lists(indices, min_size=2, max_size=4, unique=True).map(tuple)
origins = st.builds(
    KeyOrigin,
    st.binary(min_size=4, max_size=4),
    st.lists(st.integers(0, 2 * HARDENED - 1), max_size=4).map(tuple),
)


@st.composite
def descriptors(draw) -> Descriptor:
    steps: list[int | tuple[int, ...]] = draw(st.lists(indices, max_size=3))
    if draw(st.booleans()):
        steps.insert(draw(st.integers(0, len(steps))), draw(tuples))
    return Descriptor(
        draw(st.sampled_from(KINDS)),
        master(draw(st.integers(1, 5))),
        draw(st.sampled_from(list(NETWORKS.values()))),
        draw(st.none() | origins),
        tuple(steps),
        draw(st.booleans()),
    )


@given(descriptors())
def test_round_trip(descriptor):
    assert Descriptor.parse(descriptor.text(), descriptor.network) == descriptor
    theirs = str(bdk_descriptor(descriptor.text(), descriptor.network))
    assert theirs.split("#", maxsplit=1)[0].replace("'", "h") == descriptor.text().split("#")[0]


@given(descriptors(), indices)
def test_bdk_derives_the_same_scripts(descriptor, index):
    for single in descriptor.singles():
        theirs = bdk_descriptor(single.text(), single.network).derive_address(
            index if single.ranged else 0, BDK[single.network]
        )
        assert theirs.script_pubkey().to_bytes() == single.script(index if single.ranged else 0)


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text):
    with pytest.raises(MalformedError):
        parse(text)
