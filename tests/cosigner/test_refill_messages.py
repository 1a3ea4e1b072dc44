"""The bytes between leaders and signers."""

from dataclasses import replace

import pytest

from cosigner.refill_messages import (
    Holding,
    KeepRequest,
    LeaseRequest,
    read_stock,
    write_stock,
)
from presig_pool.refill import LEASE_SECONDS, Lease
from protocol.errors import EncodingError
from protocol.ids import PartyId
from tests.presig_pool.samples import NOW, stock

S = stock((0, 2))
LEASE = Lease(S, PartyId(2), 7, NOW + 20)
IDS = tuple(bytes([i]) * 32 for i in range(3))


@pytest.mark.parametrize(
    "holding",
    [Holding((), 0, False, None), Holding(IDS, 32, True, LEASE), Holding(IDS[:1], 1, False, LEASE)],
)
def test_holding_survives_its_encoding_and_no_other(holding: Holding) -> None:
    data = holding.encode(NOW)
    assert Holding.decode(data, S, NOW) == holding
    for wrong in (data[:-1], data + b"\0", b""):
        with pytest.raises(EncodingError):
            Holding.decode(wrong, S, NOW)


def test_requests_survive_their_encodings() -> None:
    request = LeaseRequest(S, 3)
    assert LeaseRequest.from_bytes(bytes(request)) == request
    assert KeepRequest.from_bytes(bytes(KeepRequest(request, IDS))) == KeepRequest(request, IDS)
    assert read_stock(write_stock(S)) == S
    for wrong in (bytes(request)[:-1], bytes(request) + b"\0"):
        with pytest.raises(EncodingError):
            LeaseRequest.from_bytes(wrong)


@pytest.mark.parametrize(("theirs", "left"), [(NOW, 20), (NOW + 3600, 0), (NOW - 3600, LEASE_SECONDS)])
def test_lease_goes_as_seconds_that_are_left_whatever_the_clocks_say(theirs: int, left: int) -> None:
    told = Holding.decode(Holding((), 0, False, LEASE).encode(theirs), S, NOW)
    assert told.lease == replace(LEASE, until=NOW + left)


def test_lease_is_of_a_signer_and_not_for_ever() -> None:
    data = Holding((), 0, False, LEASE).encode(NOW)
    leader = len(data) - 11  # then 8 bytes of fence and 2 of seconds
    for wrong in (
        data[:leader] + b"\x01" + data[leader + 1 :],
        data[:-2] + (LEASE_SECONDS + 1).to_bytes(2, "big"),
        data[:-1],
    ):
        with pytest.raises(EncodingError):
            Holding.decode(wrong, S, NOW)
