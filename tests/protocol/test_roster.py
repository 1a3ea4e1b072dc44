import pytest

from native.curve import G
from protocol.codec import decode
from protocol.errors import EncodingError, UsageError
from protocol.ids import COORDINATOR, PartyId
from protocol.roster import Roster

from .toss import roster


@pytest.mark.parametrize("keys", [roster(1), roster(3), roster(3, coordinator=7), roster(128)])
def test_roster_is_read_as_written(keys: Roster) -> None:
    assert decode(bytes(keys), len(bytes(keys)), Roster.read) == keys


def test_digest_depends_on_order_and_coordinator() -> None:
    keys = roster(3).keys
    digests = {Roster(keys).digest, Roster(keys[::-1]).digest, Roster(keys[:2]).digest}
    digests |= {Roster(keys[:2], keys[2]).digest, Roster(keys, keys[0]).digest}
    assert len(digests) == 5


@pytest.mark.parametrize(
    "keys",
    [(), roster(2).keys * 2, (bytes(32),), (G.x_bytes[:31],), (b"\xff" * 32,), (bytes(31) + b"\x05",)],
)
def test_bad_keys_are_refused(keys: tuple[bytes, ...]) -> None:
    with pytest.raises(UsageError):
        Roster(keys)
    with pytest.raises(UsageError):
        Roster((*roster(129 - len(keys)).keys, *keys))


def test_bad_coordinator_key_is_refused() -> None:
    with pytest.raises(UsageError):
        Roster(roster(2).keys, bytes(32))


def test_a_roster_that_cannot_be_is_no_encoding() -> None:
    data = bytes([2, 0]) + roster(1).keys[0] * 2
    with pytest.raises(EncodingError, match="host keys"):
        decode(data, 100, Roster.read)


@pytest.mark.parametrize("party", [-1, 3, COORDINATOR])
def test_stranger_has_no_key(party: int) -> None:
    with pytest.raises(UsageError):
        roster(3).key(PartyId(party))


def test_coordinator_has_its_own_key() -> None:
    assert roster(3, coordinator=2).key(COORDINATOR) == roster(3).keys[2]
