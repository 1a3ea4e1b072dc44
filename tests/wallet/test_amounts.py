"""Amounts and fee rates as people write them."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wallet.amounts import COIN, MAX_MONEY, FeeRate, Sats, format_btc, parse_amount
from wallet.errors import MalformedError

AMOUNTS = {
    "1": 1,
    "120000": 120_000,
    "120_000": 120_000,
    "120 000": 120_000,
    "120 000 sat": 120_000,
    "1\u2009234\u2009567 sats": 1_234_567,
    " 5sat\n": 5,
    "7 SAT": 7,
    "000120": 120,
    "2100000000000000": MAX_MONEY,
    "2 100 000 000 000 000": MAX_MONEY,
    "0.0012btc": 120_000,
    "0.0012 BTC": 120_000,
    "1btc": COIN,
    "0.00000001 btc": 1,
    "21000000BTC": MAX_MONEY,
}


@pytest.mark.parametrize(("text", "amount"), AMOUNTS.items())
def test_amount_is_read(text, amount):
    assert parse_amount(text) == amount


NO_AMOUNTS = [
    "", " ", "sat", "btc", "0.0012", "1.5", ".5btc", "1.btc", "1.btc5", "0.000000001btc", "1,000", "1,5btc",
    "+1", "-1", "1e5", "0x10", "nan", "1 2", "12 0000", "1 000_000", "1__000", "_1", "1_", "1 000.5 btc",
    "1 0btc", "1satsats", "1btcbtc", "1 sat sat",
    "\u0661", "\u0661btc", "\uff11", "100000000btc", "1" * 17, "1" * 5000,
    "1" + " " * 60 + "x", "1 satoshi", "1btc sat",
]  # fmt: skip


@pytest.mark.parametrize("text", NO_AMOUNTS, ids=range(len(NO_AMOUNTS)))
def test_other_text_is_refused(text):
    with pytest.raises(MalformedError, match="is no amount") as refusal:
        parse_amount(text)
    assert refusal.value.hint
    assert len(str(refusal.value)) < 100


@pytest.mark.parametrize("text", ["0", "0btc", "0.00000000 btc", "2100000000000001", "21000000.00000001btc"])
def test_amount_out_of_range_is_refused(text):
    with pytest.raises(MalformedError, match="out of range"):
        parse_amount(text)


@given(st.integers(1, MAX_MONEY))
def test_formatted_amounts_are_read_back(amount):
    assert parse_amount(f"{format_btc(amount)} BTC") == amount
    assert parse_amount(str(amount)) == amount
    assert parse_amount(f"{amount:_} sat") == amount
    assert parse_amount(f"{amount:,}".replace(",", "\u2009")) == amount


@given(st.text(max_size=30))
def test_any_text_is_read_or_refused(text):
    with suppress(MalformedError):
        assert 0 < parse_amount(text) <= MAX_MONEY


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (0, "0.00000000"),
        (1, "0.00000001"),
        (-1, "-0.00000001"),
        (-COIN, "-1.00000000"),
        (MAX_MONEY, "21000000.00000000"),
    ],
)
def test_bitcoin_with_eight_decimals(amount, text):
    assert format_btc(amount) == text


RATES = {"0": 0, "2": 2000, "1.5": 1500, "0.001": 1, " 10 sat/vB": 10_000, "3sats/vb": 3000, "1000000": 10**9}


@pytest.mark.parametrize(("text", "rate"), RATES.items())
def test_fee_rate_is_read(text, rate):
    assert FeeRate.parse(text) == FeeRate(rate)


NO_RATES = [
    "", "-1", "+1", "1.0001", ".5", "1.", "1000000.001", "1000001", "1e3", "nan", "inf", "sNaN", "1_0",
    "\u0661", "1e999999999999", "1" * 5000, "sat/vb", "1 btc",
]  # fmt: skip


@pytest.mark.parametrize("text", NO_RATES, ids=range(len(NO_RATES)))
def test_other_text_is_no_fee_rate(text):
    with pytest.raises(MalformedError, match="is no fee rate") as refusal:
        FeeRate.parse(text)
    assert len(str(refusal.value)) < 100


def test_negative_fee_rate_is_refused():
    with pytest.raises(MalformedError, match="negative"):
        FeeRate(-1)


@given(st.integers(0, 10**9))
def test_shown_fee_rates_are_read_back(rate):
    assert FeeRate.parse(str(FeeRate(rate))) == FeeRate(rate)


@pytest.mark.parametrize(
    ("rate", "text"),
    [(0, "0"), (1, "0.001"), (1500, "1.5"), (1000, "1"), (10_000, "10"), (1_000_000, "1000")],
)
def test_fee_rate_is_shown_without_needless_zeros(rate, text):
    assert str(FeeRate(rate)) == f"{text} sat/vB"


@given(st.integers(0, 10**7), st.integers(1, 10**6))
def test_fee_is_rounded_up_and_its_rate_down(rate, vsize):
    fee = FeeRate(rate).fee(vsize)
    assert (fee - 1) * 1000 < rate * vsize <= fee * 1000
    assert FeeRate.of(fee, vsize) >= FeeRate(rate)
    if fee > 0:
        assert FeeRate.of(fee - 1, vsize) < FeeRate(rate)


def test_fee_rates_are_ordered():
    assert FeeRate(1) < FeeRate(2)
    assert FeeRate(1000).fee(141) == Sats(141)
    assert FeeRate(1001).fee(141) == Sats(142)
