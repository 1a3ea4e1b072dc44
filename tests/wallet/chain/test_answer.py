from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wallet.amounts import MAX_MONEY, FeeRate, format_btc
from wallet.chain.answer import Answer, Json, parse_json
from wallet.errors import ChainError


def answer(text: str) -> Answer:
    return Answer(parse_json(text.encode()), "method")


@given(st.integers(0, MAX_MONEY))
def test_every_amount_is_read_exactly(amount: int) -> None:
    assert answer(format_btc(amount)).sats() == amount
    assert answer(format_btc(amount)).fee_rate() == FeeRate(amount)


@pytest.mark.parametrize(
    ("text", "sats"), [("0", 0), ("1", 100_000_000), ("1e-8", 1), ("0.5", 50_000_000), ("2.1E7", MAX_MONEY)]
)
def test_amounts_may_be_written_in_other_ways(text: str, sats: int) -> None:
    assert answer(text).sats() == sats


@pytest.mark.parametrize(
    "text",
    [
        "-0.00000001",
        "21000000.00000001",
        "1e999999999",
        "0.000000001",
        "1e-9",
        "0.1000000000000000000000000000000000000001",
        "true",
        '"1"',
        "null",
        "[]",
    ],
)
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(ChainError, match="answer to method"):
        answer(text).sats()


READERS: dict[str, tuple[Callable[[Answer], object], list[Json]]] = {
    "text": (Answer.text, [1, None, [], {}]),
    "integer": (Answer.integer, ["1", True, Decimal(1), None, 1 << 63, -(1 << 63) - 1]),
    "count": (Answer.count, ["1", 0, -1, 1 << 63]),
    "number": (Answer.number, ["1", True, None]),
    "boolean": (Answer.boolean, [0, "true", None]),
    "raw": (Answer.raw, ["x", "0", 1]),
    "hash": (Answer.hash, ["00" * 31, "00" * 33, "", 0]),
    "names": (Answer.names, [[], "x", None]),
    "iter": (iter, [{}, "x", None]),
    "get": (lambda a: a.get("x"), [[], "x", None]),
    "item": (lambda a: a["x"], [[], "x", None, {}, {"y": 1}]),
}


@pytest.mark.parametrize("reader", READERS)
def test_a_value_of_another_type_is_refused(reader: str) -> None:
    read, wrong = READERS[reader]
    for value in wrong:
        with pytest.raises(ChainError, match=r"answer to getthing\.field"):
            read(Answer(value, "getthing.field"))


def test_values_are_read() -> None:
    value = answer('{"a": [1, "x", true, 1.5], "h": "' + "00" * 31 + 'ff", "n": null}')
    one, x, true, half = value["a"]
    assert (one.integer(), x.text(), true.boolean(), half.number()) == (1, "x", True, Decimal("1.5"))
    assert one.count() == 1
    assert all(answer(str(number)).integer() == number for number in (2**63 - 1, -(2**63)))
    assert value["h"].hash() == b"\xff" + bytes(31)
    assert value["n"].value is None
    assert value.get("missing") is None
    assert value.names() == ["a", "h", "n"]


def test_an_error_names_the_way_to_the_value() -> None:
    with pytest.raises(ChainError, match=r"method\.a\.\[\]\.b is no string"):
        next(iter(answer('{"a": [{"b": 1}]}')["a"]))["b"].text()
