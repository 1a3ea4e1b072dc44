"""A key share holds together, shows nothing, and is read back from its public part and its secret."""

import copy
import pickle
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecdsa_cggmp.key_share import KeyShare, PublicShare
from native.curve import G
from native.secret import SecretScalars
from protocol.errors import EncodingError, UsageError
from protocol.ids import Epoch, PartyId
from tests.ecdsa_cggmp.network import CHAIN_CODE, dealt


@pytest.fixture(scope="module")
def shares():
    return dealt(3, 2)


def test_share_fits_its_public_side(shares):
    share = shares[1]
    sharing, secshare = share.sharing, share.secshare
    for wrong, reason in (
        ((sharing, PartyId(0), secshare, CHAIN_CODE), "does not match"),
        ((sharing, PartyId(3), secshare, CHAIN_CODE), "party"),
        ((sharing, True, secshare, CHAIN_CODE), "party"),
        ((sharing, PartyId(1), SecretScalars.concat([secshare, secshare]), CHAIN_CODE), "one scalar"),
        ((sharing, PartyId(1), SecretScalars.from_bytes(bytes(32)), CHAIN_CODE), "out of range"),
        ((sharing, PartyId(1), secshare, bytes(31)), "chain code"),
        ((sharing, PartyId(1), secshare, bytes(33)), "chain code"),
    ):
        with pytest.raises(UsageError, match=reason):
            KeyShare(*wrong)


def test_share_shows_nothing_and_cannot_be_copied(shares):
    text = repr(shares[0]) + repr(PublicShare.of(shares[0]))
    assert shares[0].secshare.declassify().hex() not in text
    assert repr(CHAIN_CODE) not in text
    for duplicate in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError):
            duplicate(shares[0])


def test_stored_share_is_the_same(shares):
    for share in shares:
        encoding = bytes(PublicShare.of(share))
        assert len(encoding) == 76 + 33 * 3
        read = PublicShare.from_bytes(encoding)
        assert read == PublicShare.of(share)
        again = read.with_secshare(SecretScalars.from_bytes(share.secshare.declassify()))
        assert (again.sharing, again.party, again.chain_code) == (share.sharing, share.party, CHAIN_CODE)
        with pytest.raises(UsageError):
            read.with_secshare(shares[share.party - 1].secshare)


def test_encoding_is_the_frozen_one():
    """Holders, threshold, epoch, key, public shares, party, chain code: what is stored is read for ever."""
    (share,) = dealt(1, 1)
    public = replace(
        PublicShare.of(share), sharing=replace(share.sharing, key=G, pubshares=(G,), epoch=Epoch(7))
    )
    point = bytes(G).hex()
    assert bytes(public).hex() == "01010000000000000007" + 2 * point + "00" + CHAIN_CODE.hex()


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_altered_public_part_is_refused_or_another_one(data):
    encoding = bytes(PublicShare.of(dealt(3, 2)[1]))
    at = data.draw(st.integers(0, len(encoding) - 1))
    flipped = bytearray(encoding)
    flipped[at] ^= 1 << data.draw(st.integers(0, 7))
    # epoch, party and chain code have other values; everything else hangs together
    if 2 <= at < 10 or at >= len(encoding) - 33:
        try:
            assert bytes(PublicShare.from_bytes(bytes(flipped))) == bytes(flipped)
        except EncodingError:
            assert at == len(encoding) - 33
    else:
        with pytest.raises(EncodingError):
            PublicShare.from_bytes(bytes(flipped))
    for wrong in (encoding[:at], encoding + b"\0"):
        with pytest.raises(EncodingError):
            PublicShare.from_bytes(wrong)


def test_public_shares_off_the_polynomial_are_refused():
    share = dealt(4, 2)[0]
    sharing = share.sharing
    for pubshares in (
        (*sharing.pubshares[:3], sharing.pubshares[3] + G),
        sharing.pubshares[::-1],
        tuple(point + G for point in sharing.pubshares),
    ):
        public = PublicShare(replace(sharing, pubshares=pubshares), PartyId(0), CHAIN_CODE)
        with pytest.raises(EncodingError, match="polynomial"):
            PublicShare.from_bytes(bytes(public))
    lower = PublicShare(replace(sharing, t=1), PartyId(0), CHAIN_CODE)
    with pytest.raises(EncodingError, match="polynomial"):
        PublicShare.from_bytes(bytes(lower))


def test_largest_group_is_stored():
    public = PublicShare.of(dealt(128, 128)[127])
    assert PublicShare.from_bytes(bytes(public)) == public
