"""The calls of a party on the wire: every question and answer comes back, and everything else is refused."""

from types import SimpleNamespace
from typing import Any, NoReturn

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cosigner.calls import (
    END,
    MAX_ENVELOPE,
    OFFER,
    OPEN_SIGNING,
    READY,
    RECEIVE,
    SCRIPT,
    WALLET_CALLS,
)
from cosigner.keeper import Refilling, Waiting
from cosigner.party import Acceptance, SigningOrder, Summary
from cosigner.pool_calls import DRAIN, FIGURES, POOL_CALLS, PURGE, REFILL
from cosigner.pools import PartyFigures, PoolFigures, StockFigures
from cosigner.refill_calls import CONFIRM, DEPTH, KEEP, LEND, OPEN_PRESIGNING, REFILL_CALLS, VOUCH
from cosigner.refill_messages import PresignOrder
from cosigner.segwit_signing import MAX_LISTED
from cosigner.service import ABOUT, PRESENT, About, handlers
from cosigner.trouble import Trouble
from cosigner.wire import MAX_REQUEST, Answered, Call, Codec, refusal
from presig_pool.state import Stock
from presig_pool.statistics import Statistics
from presig_pool.watermarks import DEFAULT, MAX_PAYMENT, Watermarks
from protocol.codec import Writer
from protocol.errors import EncodingError, SessionTimeout, UsageError
from protocol.header import HEADER_LIMIT
from protocol.ids import MAX_PARTIES, Epoch, PartyId, SessionId
from protocol.machine import Sealed
from wallet.errors import MalformedError

STOCK = Stock(b"\2" * 33, Epoch(1), (PartyId(0), PartyId(2)))
SMALL = st.binary(max_size=40)
PARTY = st.integers(0, 2**32 - 1).map(PartyId)
INDEX = st.integers(0, MAX_PARTIES - 1).map(PartyId)
U32, U64 = st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1)
LETTERS = st.lists(st.builds(Sealed, PARTY, SMALL), max_size=5).map(tuple)
SESSION = st.binary(min_size=32, max_size=32).map(SessionId)
IDS = st.lists(st.binary(min_size=32, max_size=32), max_size=4).map(tuple)
FEW = st.lists(SMALL, max_size=4).map(tuple)

SIGNERS = st.lists(INDEX, max_size=5).map(tuple)
SECONDS = st.integers(0, 10**12).map(lambda micro: micro / 10**6)
WORDS = st.text(st.characters().filter(str.isprintable), max_size=9)
DOING = st.builds(Refilling, st.just(STOCK), U32, U32, U32, U32, SECONDS) | st.builds(
    Waiting, st.just(STOCK), SIGNERS, U32, WORDS
)
FIGURE = st.builds(Statistics, U32, U32, U32, U32, U32, U32, U32, st.none() | U32)
STOCKS = st.lists(st.builds(StockFigures, SIGNERS, U32, FIGURE, st.none() | DOING), max_size=3).map(tuple)
TROUBLE = st.builds(Trouble, st.none() | U32, WORDS)
PARTIES = st.lists(st.builds(PartyFigures, INDEX, U32, U32, st.none() | TROUBLE), max_size=3).map(tuple)

QUESTIONS: dict[Call[Any, Any], st.SearchStrategy[Any]] = {
    OPEN_SIGNING: st.builds(SigningOrder, FEW, SMALL, SMALL),
    RECEIVE: st.tuples(PARTY, SMALL),
    END: st.tuples(SESSION, FEW),
    OFFER: st.tuples(st.lists(INDEX, max_size=5).map(tuple), st.integers(0, 65535), IDS),
    READY: st.lists(INDEX, max_size=5).map(tuple),
    SCRIPT: st.tuples(U32, U32, U32),
    ABOUT: st.none(),
    DEPTH: SMALL,
    LEND: st.tuples(INDEX, SMALL),
    KEEP: st.tuples(INDEX, SMALL),
    OPEN_PRESIGNING: st.tuples(INDEX, st.builds(PresignOrder, SMALL, U64)),
    VOUCH: SESSION,
    CONFIRM: st.tuples(SESSION, st.dictionaries(INDEX, SMALL, max_size=4)),
    FIGURES: st.none(),
    DRAIN: st.none() | SIGNERS,
    PURGE: st.none(),
    REFILL: st.tuples(SIGNERS, U32, st.booleans()),
    PRESENT: st.none(),
}
ANSWERS: dict[Call[Any, Any], st.SearchStrategy[Any]] = {
    OPEN_SIGNING: st.builds(
        Acceptance, st.builds(Summary, U32, U64, U64, U64), st.lists(LETTERS, max_size=3).map(tuple)
    ),
    RECEIVE: LETTERS,
    END: st.none(),
    OFFER: FEW,
    READY: IDS,
    SCRIPT: SMALL,
    DEPTH: SMALL,
    LEND: st.none(),
    KEEP: st.none(),
    OPEN_PRESIGNING: LETTERS,
    VOUCH: SMALL,
    CONFIRM: st.none(),
    FIGURES: st.builds(PoolFigures, st.booleans(), st.just(DEFAULT), STOCKS, PARTIES),
    DRAIN: U64,
    PURGE: U64,
    REFILL: U32 | DOING,
    PRESENT: st.sampled_from([b"", bytes(range(16))]),
    ABOUT: st.builds(About, U32, st.sets(INDEX, max_size=5).map(lambda ids: tuple(sorted(ids)))),
}
CODECS = [
    *((f"{method.name} question", method.request, values) for method, values in QUESTIONS.items()),
    *((f"{method.name} answer", method.answer, values) for method, values in ANSWERS.items()),
]
each = pytest.mark.parametrize(("codec", "values"), [c[1:] for c in CODECS], ids=[c[0] for c in CODECS])
few = settings(max_examples=25)  # of each of many encodings


def test_every_call_is_looked_at() -> None:
    assert (
        set(QUESTIONS) == set(ANSWERS) == {*WALLET_CALLS, *REFILL_CALLS, *POOL_CALLS, REFILL, ABOUT, PRESENT}
    )


@each
@few
@given(data=st.data())
def test_value_comes_back(codec: Codec[Any], values: st.SearchStrategy[Any], data: st.DataObject) -> None:
    value = data.draw(values)
    assert codec.decode(codec.encode(value)) == value


@each
@few
@given(data=st.data())
def test_cut_longer_and_changed_encodings_are_refused_or_of_another_value(
    codec: Codec[Any], values: st.SearchStrategy[Any], data: st.DataObject
) -> None:
    good = codec.encode(data.draw(values))
    for bad in (good[: data.draw(st.integers(0, max(0, len(good) - 1)))], good + b"\0"):
        if bad != good:
            with pytest.raises(EncodingError):
                codec.decode(bad)
    if good:
        at = data.draw(st.integers(0, len(good) - 1))
        changed = good[:at] + bytes([good[at] ^ data.draw(st.integers(1, 255))]) + good[at + 1 :]
        expect_one_encoding(codec, changed)


@each
@few
@given(data=st.data())
def test_bytes_are_the_one_encoding_of_a_value_or_refused(
    codec: Codec[Any], values: st.SearchStrategy[Any], data: st.DataObject
) -> None:
    expect_one_encoding(codec, data.draw(st.binary(max_size=80)))


def test_seconds_beyond_what_a_float_tells_apart_are_refused() -> None:
    years = [Refilling(STOCK, 0, 0, 0, 0, micro / 10**6) for micro in ((1 << 50) - 1, 1 << 50)]
    assert REFILL.answer.decode(REFILL.answer.encode(years[0])) == years[0]
    with pytest.raises(EncodingError, match="microseconds"):
        REFILL.answer.decode(REFILL.answer.encode(years[1]))


def expect_one_encoding(codec: Codec[Any], data: bytes) -> None:
    try:
        value = codec.decode(data)
    except EncodingError:
        return
    assert codec.encode(value) == data


@each
def test_longer_than_the_limit_is_refused_unread(codec: Codec[Any], values: st.SearchStrategy[Any]) -> None:
    with pytest.raises(EncodingError, match=f"more than {codec.limit} bytes"):
        codec.decode(bytes(codec.limit + 1))


@pytest.mark.parametrize(
    ("method", "question"),
    [
        (OPEN_SIGNING, SigningOrder((b"",) * 9, b"", b"")),
        (OPEN_SIGNING, SigningOrder((bytes(HEADER_LIMIT + 1),), b"", b"")),
        (OPEN_SIGNING, SigningOrder((), b"", bytes(4_000_001))),
        (RECEIVE, (PartyId(0), bytes(MAX_ENVELOPE + 1))),
        (END, (SessionId(b"short"), ())),
        (OFFER, ((PartyId(0),) * (MAX_PARTIES + 1), 1, ())),
        (OFFER, ((), 1, (bytes(32),) * (MAX_LISTED + 1))),
        (OFFER, ((), 1, (bytes(31),))),
        (SCRIPT, (1 << 32, 0, 0)),
    ],
)
def test_question_that_is_too_large_is_not_asked(method: Call[Any, Any], question: Any) -> None:
    with pytest.raises(UsageError):
        method.request.encode(question)


def test_question_of_the_largest_size_is_asked() -> None:
    order = SigningOrder((bytes(HEADER_LIMIT),) * 2, b"", bytes(4_000_000))
    assert OPEN_SIGNING.request.decode(OPEN_SIGNING.request.encode(order)) == order
    assert OPEN_SIGNING.request.limit == MAX_REQUEST


def test_offer_of_the_largest_size_is_read() -> None:
    offered = (bytes(112 + 33 * MAX_PARTIES + 67 * MAX_PARTIES),) * MAX_PAYMENT  # see PublicPresignature
    assert OFFER.answer.decode(OFFER.answer.encode(offered)) == offered


def test_session_ends_with_an_error_of_a_protocol() -> None:
    error = END.answer.decode(END.answer.encode(SessionTimeout([PartyId(1)])))
    assert isinstance(error, SessionTimeout)
    assert error.missing == {1}
    with pytest.raises(EncodingError, match="not one with which a session ends"):
        END.answer.decode(b"\x01" + refusal(MalformedError("a PSBT"))[1:])


@pytest.mark.parametrize("method", ANSWERS, ids=lambda method: method.name)
@few
@given(data=st.data())
def test_reply_is_an_answer_or_an_error(method: Call[Any, Any], data: st.DataObject) -> None:
    value = data.draw(ANSWERS[method])
    assert method.read_reply(method.reply(value)) == Answered(value)
    assert isinstance(method.read_reply(refusal(UsageError("no"))), UsageError)
    for bad in (b"", b"\x02" + method.reply(value)[1:], method.reply(value) + b"\0"):
        with pytest.raises(EncodingError):
            method.read_reply(bad)


def test_server_of_another_version_is_told() -> None:
    data = bytearray(ABOUT.answer.encode(About(1, ())))
    data[1] += 1
    with pytest.raises(EncodingError, match="another version of mpcw"):
        ABOUT.answer.decode(bytes(data))


def test_value_of_small_parts_that_is_too_large_is_not_sent() -> None:
    codec: Codec[int] = Codec(
        lambda out, size: out.fixed(bytes(size), size), lambda r: len(r.fixed("all", 4)), 4
    )
    assert codec.decode(codec.encode(4)) == 4
    with pytest.raises(UsageError, match="more than 4 bytes"):
        codec.encode(5)


def test_more_items_than_there_may_be_are_refused_unread() -> None:
    many = Writer().unsigned(1, 2).unsigned(1, 4).unsigned(MAX_PARTIES + 1, 4)
    with pytest.raises(EncodingError, match="number of parties: out of range"):
        ABOUT.answer.decode(bytes(many) + bytes(range(MAX_PARTIES + 1)))


def test_drain_of_all_names_nobody() -> None:
    some = DRAIN.request.encode((PartyId(1),))
    with pytest.raises(EncodingError, match="all are meant"):
        DRAIN.request.decode(b"\0" + some[1:])


def test_vouchers_and_served_parties_are_ascending() -> None:
    vouched = CONFIRM.request.encode((SessionId(bytes(32)), {PartyId(0): b"", PartyId(1): b""}))
    with pytest.raises(EncodingError, match="not ascending"):
        CONFIRM.request.decode(vouched.replace(b"\x00\x01", b"\x01\x00", 1))
    about = ABOUT.answer.encode(About(7, (PartyId(3), PartyId(4))))
    with pytest.raises(EncodingError, match="not ascending"):
        ABOUT.answer.decode(about[:-2] + b"\x04\x03")


def test_watermarks_that_cannot_be_are_refused() -> None:
    found = PoolFigures(True, Watermarks(3, 4, 5), (), ())
    data = FIGURES.answer.encode(found)
    with pytest.raises(EncodingError, match="watermarks"):
        FIGURES.answer.decode(data.replace(b"\0\3", b"\0\7", 1))


def test_call_whose_client_has_given_up_is_not_begun() -> None:
    def never(*_: object) -> NoReturn:
        raise AssertionError

    peer = SimpleNamespace(script=never)
    service: Any = handlers("a", peer, [SCRIPT], never)
    answer = service.service(SimpleNamespace(method="/a/script", invocation_metadata=())).unary_unary
    assert answer(SCRIPT.request.encode((0, 0, 0)), SimpleNamespace(is_active=lambda: False)) == b""
