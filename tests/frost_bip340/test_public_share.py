from dataclasses import replace

import pytest

from frost_bip340.key_share import ThresholdInfo
from frost_bip340.public_share import PublicShare
from protocol.errors import EncodingError, UsageError
from protocol.ids import PartyId
from tests.storage.samples import key_shares

SHARES = key_shares(epoch=3)
PUBLIC = PublicShare.of(SHARES[1])


def test_a_share_is_read_as_it_was_written() -> None:
    again = PublicShare.from_bytes(bytes(PUBLIC))
    assert again == PUBLIC
    assert (again.key, again.epoch, again.party) == (bytes(SHARES[0].info.thresh_pk), 3, PartyId(1))
    assert len(bytes(PUBLIC)) == 79 + 3 * 34


def test_unknown_public_shares_stay_unknown() -> None:
    info = SHARES[1].info
    partial = replace(PUBLIC, info=ThresholdInfo(info.t, info.thresh_pk, (None, *info.pubshares[1:])))
    again = PublicShare.from_bytes(bytes(partial))
    assert again.info.pubshares[0] is None
    assert again == partial


def test_the_secret_makes_it_whole() -> None:
    share = PUBLIC.with_secshare(SHARES[1].secshare)
    assert share.secshare.declassify() == SHARES[1].secshare.declassify()
    assert (share.info, share.party, share.chain_code, share.epoch) == (
        SHARES[1].info, PartyId(1), SHARES[1].chain_code, 3,
    )  # fmt: skip


def test_another_secret_does_not_fit() -> None:
    with pytest.raises(UsageError, match="does not match"):
        PUBLIC.with_secshare(SHARES[0].secshare)


def test_every_cut_is_refused() -> None:
    data = bytes(PUBLIC)
    for end in range(len(data)):
        with pytest.raises(EncodingError):
            PublicShare.from_bytes(data[:end])
    with pytest.raises(EncodingError):
        PublicShare.from_bytes(data + b"\0")


@pytest.mark.parametrize(
    ("at", "byte"), [(0, 0), (0, 4), (1, 2), (1, 255), (2, 4), (35, 2), (35, 0), (79 + 3 * 34 - 41, 3)]
)
def test_what_is_no_share_is_refused(at: int, byte: int) -> None:
    data = bytearray(bytes(PUBLIC))
    assert data[at] != byte
    data[at] = byte
    with pytest.raises(EncodingError):
        PublicShare.from_bytes(bytes(data))


def test_public_shares_of_another_key_are_refused() -> None:
    other = bytes(PublicShare.of(key_shares(seed=2, epoch=3)[1]))
    data = bytes(PUBLIC)
    with pytest.raises(EncodingError, match="threshold public key"):
        PublicShare.from_bytes(data[:2] + other[2:35] + data[35:])


def test_too_many_bytes_are_refused_before_they_are_read() -> None:
    with pytest.raises(EncodingError, match="more than"):
        PublicShare.from_bytes(bytes(10**6))
