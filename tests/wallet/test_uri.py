"""Payment URIs: the examples of BIP-21, round trips, and what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wallet import address
from wallet.amounts import COIN, MAX_MONEY, Sats
from wallet.errors import MalformedError, NetworkMismatchError
from wallet.network import MAINNET, REGTEST
from wallet.script import p2pkh, p2tr, p2wpkh
from wallet.uri import PaymentUri

from .test_labels import safe

# the address of BIP-21's examples has a wrong checksum
BASE58 = "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2"
SCRIPT = address.decode(BASE58, MAINNET)

EXAMPLES = {
    f"bitcoin:{BASE58}": PaymentUri(SCRIPT, MAINNET),
    f"bitcoin:{BASE58}?label=Luke-Jr": PaymentUri(SCRIPT, MAINNET, label="Luke-Jr"),
    f"bitcoin:{BASE58}?amount=20.3&label=Luke-Jr": PaymentUri(
        SCRIPT, MAINNET, Sats(2_030_000_000), "Luke-Jr"
    ),
    f"bitcoin:{BASE58}?amount=50&label=Luke-Jr&message=Donation%20for%20project%20xyz": PaymentUri(
        SCRIPT, MAINNET, Sats(50 * COIN), "Luke-Jr", "Donation for project xyz"
    ),
}


@pytest.mark.parametrize(("text", "uri"), EXAMPLES.items())
def test_bip21_example(text, uri):
    assert PaymentUri.parse(text, MAINNET) == uri
    assert uri.text() == text


def test_unknown_parameters_are_ignored():
    text = f"bitcoin:{BASE58}?somethingyoudontunderstand=50&&somethingelseyoudontget=999&flag"
    assert PaymentUri.parse(text, MAINNET) == PaymentUri(SCRIPT, MAINNET)


@pytest.mark.parametrize(
    ("query", "amount"),
    [("amount=.5", COIN // 2), ("amount=1.", COIN), ("amount=0.00000001", 1), ("AMOUNT=21000000", MAX_MONEY)],
)
def test_amounts(query, amount):
    assert PaymentUri.parse(f"bitcoin:{BASE58}?{query}", MAINNET).amount == amount


def test_plus_is_no_space():
    assert PaymentUri.parse(f"bitcoin:{BASE58}?label=a+b=c", MAINNET).label == "a+b=c"


REFUSED = {
    "": "begins with bitcoin:",
    BASE58: "begins with bitcoin:",
    "litecoin:x": "begins with bitcoin:",
    "bitcoin:": "empty",
    "bitcoin:?amount=1": "empty",
    f"bitcoin://{BASE58}": "no Bitcoin address",
    f"bitcoin:{BASE58}?req-somethingyoudontunderstand=50": "req-somethingyoudontunderstand",
    f"bitcoin:{BASE58}?REQ-x=1": "req-x",
    f"bitcoin:{BASE58}?%72eq-x=1": "req-x",
    f"bitcoin:{BASE58}?req-x": "req-x",
    f"bitcoin:{BASE58}?amount=50,000.00": "malformed",
    f"bitcoin:{BASE58}?amount=": "malformed",
    f"bitcoin:{BASE58}?amount=.": "malformed",
    f"bitcoin:{BASE58}?amount=-1": "malformed",
    f"bitcoin:{BASE58}?amount=1e3": "malformed",
    f"bitcoin:{BASE58}?amount=1_0": "malformed",
    f"bitcoin:{BASE58}?amount=\u0661": "malformed",
    f"bitcoin:{BASE58}?amount=0.123456789": "malformed",
    f"bitcoin:{BASE58}?amount=0": "out of range",
    f"bitcoin:{BASE58}?amount=21000000.00000001": "out of range",
    f"bitcoin:{BASE58}?amount=1&amount=2": "two values of amount",
    f"bitcoin:{BASE58}?label=a&LABEL=b": "two values of label",
    f"bitcoin:{BASE58}?label=%0a": "U\\+000A",
    f"bitcoin:{BASE58}?message=%1b[2J": "U\\+001B",
    f"bitcoin:{BASE58}?label=%ff": "not UTF-8",
    f"bitcoin:{BASE58}?label=%": "percent-encoded",
    f"bitcoin:{BASE58}?label=%zz": "percent-encoded",
    f"bitcoin:{BASE58}?label=a#b": "percent-encoded",
    f"bitcoin:{BASE58}?label=" + "a" * 4000: "at most 4000 characters",
}


def test_longest_uri():
    text = f"bitcoin:{BASE58}?label=".ljust(4000, "a")
    assert PaymentUri.parse(text, MAINNET).text() == text


@pytest.mark.parametrize(("text", "message"), REFUSED.items())
def test_refusal_names_the_reason(text, message):
    with pytest.raises(MalformedError, match=message):
        PaymentUri.parse(text, MAINNET)


def test_address_of_another_network_is_refused():
    with pytest.raises(NetworkMismatchError):
        PaymentUri.parse(f"bitcoin:{BASE58}", REGTEST)


def test_script_without_address_is_refused():
    with pytest.raises(MalformedError, match="no address"):
        PaymentUri(b"\x6a", MAINNET)


def test_segwit_address_alone_is_upper_case_in_a_qr_code():
    uri = PaymentUri(p2tr(bytes(32)), REGTEST)
    assert uri.qr_text() == uri.text().upper()
    assert PaymentUri.parse(uri.qr_text(), REGTEST) == uri


@pytest.mark.parametrize(
    "uri", [PaymentUri(p2pkh(bytes(20)), REGTEST), PaymentUri(p2wpkh(bytes(20)), REGTEST, Sats(1))]
)
def test_other_uris_keep_their_case_in_a_qr_code(uri):
    assert uri.qr_text() == uri.text()


@given(
    st.sampled_from([p2pkh, p2wpkh]),
    st.binary(min_size=20, max_size=20),
    st.none() | st.integers(1, MAX_MONEY),
    st.text(safe, max_size=50),
    st.text(safe, max_size=50),
)
def test_round_trip(kind, digest, amount, label, message):
    uri = PaymentUri(kind(digest), REGTEST, amount, label, message)
    assert PaymentUri.parse(uri.text(), REGTEST) == uri
