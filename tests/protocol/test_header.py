from dataclasses import replace

import pytest

from protocol.codec import decode
from protocol.errors import EncodingError, UsageError
from protocol.header import Header
from protocol.ids import COORDINATOR, PartyId, SessionId

from .toss import header

HEADER = replace(header(4), parties=(PartyId(1), PartyId(3)))


def test_header_is_read_as_written() -> None:
    assert decode(bytes(HEADER), len(bytes(HEADER)), Header.read) == HEADER


@pytest.mark.parametrize("parties", [(), (1, 0), (1, 1), (-1, 0), (0, 128), (False, True)])
def test_parties_are_distinct_and_ascending(parties: tuple[int, ...]) -> None:
    with pytest.raises(UsageError):
        replace(HEADER, parties=tuple(PartyId(party) for party in parties))


@pytest.mark.parametrize(
    "change",
    [
        {"protocol": "x" * 65},
        {"version": 1 << 16},
        {"session": SessionId(bytes(31))},
        {"roster": b""},
        {"params": bytes((1 << 20) + 1)},
    ],
)
def test_part_out_of_range_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        replace(HEADER, **change)  # type: ignore[arg-type]


def test_descending_parties_are_no_encoding() -> None:
    data = bytes(HEADER).replace(bytes([2, 1, 3]), bytes([2, 3, 1]))
    with pytest.raises(EncodingError, match="parties"):
        decode(data, len(data), Header.read)


def test_only_its_parties_and_the_coordinator_take_part() -> None:
    assert [HEADER.takes_part(PartyId(i)) for i in range(4)] == [False, True, False, True]
    assert HEADER.takes_part(COORDINATOR)
