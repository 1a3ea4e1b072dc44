"""The calls of the pools of a wallet on the wire: what its user asks of the process that has them."""

from collections.abc import Iterable, Sequence
from dataclasses import astuple
from typing import Final

from cosigner.calls import SECONDS, read_parties, write_parties
from cosigner.keeper import Refilling, Waiting
from cosigner.pools import PartyFigures, PoolFigures, PoolVerbs, StockFigures
from cosigner.refill_messages import read_stock, write_stock
from cosigner.trouble import Trouble
from cosigner.wire import NOTHING, Call, Codec, Method, read_counted, write_counted
from cosigner.wire_errors import read_text, write_text
from presig_pool.statistics import Statistics
from presig_pool.watermarks import Watermarks
from protocol.codec import Reader, Writer
from protocol.errors import EncodingError, UsageError
from protocol.ids import MAX_PARTIES, PartyId

REFILL_SECONDS: Final = 4 * 3600  # the largest stock of many parties
FIGURES_LIMIT: Final = 1 << 22  # bytes

_MAX_STOCKS: Final = 1024
_MICRO: Final = 1_000_000
_STATISTICS: Final = 7  # numbers, without the oldest
_WATERMARKS: Final = 6
_MAX_MICRO: Final = 1 << 50  # 35 years: above it two numbers of microseconds may be one float of seconds

Doing = Refilling | Waiting
RefillOrder = tuple[Sequence[PartyId], int, bool]  # signers, how many, for a payment
News = Refilling | Waiting | int  # of a refill: how far it is, or at the end how many were made


def _numbers(writer: Writer, numbers: Iterable[int]) -> Writer:
    return writer.items(tuple(numbers), lambda out, number: out.unsigned(number, 8))


def _read_numbers(reader: Reader, field: str, count: int) -> tuple[int, ...]:
    return reader.items(field, count, lambda source, name: source.unsigned(name, 8))


def _write_doing(writer: Writer, doing: Doing) -> None:
    stock = write_stock(doing.stock)
    writer.boolean(isinstance(doing, Refilling)).bytes_of(stock, 256)
    if isinstance(doing, Refilling):
        _numbers(writer, (doing.batch, doing.batches, doing.made, doing.wanted))
        writer.unsigned(round(doing.seconds * _MICRO), 8)
    else:
        write_text(_numbers(write_parties(writer, doing.peers), (doing.until,)), doing.reason)


def _read_doing(reader: Reader) -> Doing:
    refilling, stock = reader.boolean("refilling"), read_stock(reader.bytes_of("stock", 256))
    if refilling:
        batch, batches, made, wanted = _read_numbers(reader, "refilling", 4)
        micro = reader.unsigned("microseconds", 8, below=_MAX_MICRO)
        return Refilling(stock, batch, batches, made, wanted, micro / _MICRO)
    return Waiting(stock, read_parties(reader), reader.unsigned("until", 8), read_text(reader, "reason"))


def _write_stock_figures(writer: Writer, found: StockFigures) -> None:
    *numbers, oldest = astuple(found.statistics)
    _numbers(write_parties(writer, found.signers), (found.ready, *numbers))
    writer.boolean(oldest is not None)
    _numbers(writer, () if oldest is None else (oldest,))
    writer.boolean(found.doing is not None)
    if found.doing is not None:
        _write_doing(writer, found.doing)


def _read_stock_figures(reader: Reader, _: str) -> StockFigures:
    signers, ready = read_parties(reader), reader.unsigned("ready", 8)
    pending, usable, granted, burned, voided, used, made = _read_numbers(reader, "statistics", _STATISTICS)
    oldest = reader.unsigned("oldest", 8) if reader.boolean("has oldest") else None
    doing = _read_doing(reader) if reader.boolean("doing") else None
    statistics = Statistics(pending, usable, granted, burned, voided, used, made, oldest)
    return StockFigures(signers, ready, statistics, doing)


def _write_party_figures(writer: Writer, found: PartyFigures) -> None:
    _numbers(writer.unsigned(found.party, 1), (found.voided, found.reuse_attempts))
    writer.boolean(found.trouble is not None)
    if (trouble := found.trouble) is not None:
        writer.boolean(trouble.until is not None)
        write_text(_numbers(writer, () if trouble.until is None else (trouble.until,)), trouble.reason)


def _read_party_figures(reader: Reader, name: str) -> PartyFigures:
    party, (voided, attempts) = PartyId(reader.unsigned(name, 1)), _read_numbers(reader, name, 2)
    return PartyFigures(party, voided, attempts, _read_trouble(reader) if reader.boolean("trouble") else None)


def _read_trouble(reader: Reader) -> Trouble:
    until = reader.unsigned("until", 8) if reader.boolean("again") else None
    return Trouble(until, read_text(reader, "reason"))


def _write_figures(writer: Writer, found: PoolFigures) -> None:
    _numbers(writer.boolean(found.kept), astuple(found.watermarks))
    write_counted(writer, found.stocks, _MAX_STOCKS, _write_stock_figures)
    write_counted(writer, found.parties, MAX_PARTIES, _write_party_figures)


def _read_figures(reader: Reader) -> PoolFigures:
    kept = reader.boolean("kept")
    try:
        marks = Watermarks(*_read_numbers(reader, "watermarks", _WATERMARKS))
    except UsageError as e:
        raise EncodingError("watermarks", str(e)) from e
    stocks = read_counted(reader, "stocks", _MAX_STOCKS, _read_stock_figures)
    return PoolFigures(kept, marks, stocks, read_counted(reader, "parties", MAX_PARTIES, _read_party_figures))


def _write_order(writer: Writer, order: RefillOrder) -> None:
    write_parties(writer, order[0]).unsigned(order[1], 4).boolean(order[2])


def _read_order(reader: Reader) -> RefillOrder:
    return read_parties(reader), reader.unsigned("count", 4), reader.boolean("payment")


def _write_news(writer: Writer, news: News) -> None:
    writer.boolean(isinstance(news, int))
    if isinstance(news, int):
        writer.unsigned(news, 4)
    else:
        _write_doing(writer, news)


def _read_news(reader: Reader) -> News:
    return reader.unsigned("made", 4) if reader.boolean("over") else _read_doing(reader)


def _write_drain(writer: Writer, signers: Sequence[PartyId] | None) -> None:
    writer.boolean(signers is not None)
    write_parties(writer, signers or ())


def _read_drain(reader: Reader) -> Sequence[PartyId] | None:
    some, signers = reader.boolean("some"), read_parties(reader)
    if not some and signers:
        raise EncodingError("signers", "all are meant")
    return signers if some else None


_COUNT: Final[Codec[int]] = Codec(lambda out, n: out.unsigned(n, 8), lambda r: r.unsigned("count", 8), 8)

FIGURES: Final[Method[PoolVerbs, None, PoolFigures]] = Method(
    "figures",
    NOTHING,
    Codec(_write_figures, _read_figures, FIGURES_LIMIT),
    SECONDS,
    lambda pools, _: pools.figures(),
)
DRAIN: Final[Method[PoolVerbs, Sequence[PartyId] | None, int]] = Method(
    "drain",
    Codec(_write_drain, _read_drain, MAX_PARTIES + 5),
    _COUNT,
    SECONDS,
    lambda pools, signers: pools.drain(signers),
)
PURGE: Final[Method[PoolVerbs, None, int]] = Method(
    "purge", NOTHING, _COUNT, SECONDS, lambda pools, _: pools.purge()
)
REFILL: Final[Call[RefillOrder, News]] = Call(
    "refill",
    Codec(_write_order, _read_order, MAX_PARTIES + 9),
    Codec(_write_news, _read_news, 1 << 13),
    REFILL_SECONDS,
)
POOL_CALLS: Final = (FIGURES, DRAIN, PURGE)
