from dataclasses import replace
from hashlib import sha256

import pytest

from native.secret import SecretSeed
from protocol.ids import PartyId
from storage import kdf
from storage.errors import CorruptError, WrongPassphraseError
from storage.header import Header, Owner
from storage.kdf import Cost
from tests.storage.samples import phrase

OWNER = Owner(bytes(range(16)), PartyId(2))
MASTER = bytes(range(50, 82))


@pytest.fixture
def header() -> Header:
    return Header.wrap(OWNER, SecretSeed.from_bytes(MASTER), phrase())


def repaired(data: bytes) -> bytes:
    """A header with a checksum that fits, as anybody can make it."""
    return data[:-32] + sha256(data[:-32]).digest()


def test_the_master_key_comes_back(header: Header) -> None:
    again = Header.from_bytes(bytes(header))
    assert again == header
    assert again.owner == OWNER
    assert again.unwrap(phrase()).declassify() == MASTER


def test_the_encoding_has_a_fixed_length_and_begins_with_the_magic(header: Header) -> None:
    data = bytes(header)
    assert len(data) == 155
    assert data.startswith(b"mpcwallet sealed\x00\x01" + OWNER.store + b"\0\0\0\2")
    assert MASTER not in data


def test_another_passphrase_is_refused(header: Header) -> None:
    for wrong in ("correct horsf", "correct hors", "correct horse "):
        with pytest.raises(WrongPassphraseError) as e:
            header.unwrap(phrase(wrong))
        assert "nothing was changed" in e.value.hint
        assert wrong not in str(e.value)


def test_every_wrapping_has_a_salt_and_a_nonce_of_its_own() -> None:
    headers = [Header.wrap(OWNER, SecretSeed.from_bytes(MASTER), phrase()) for _ in range(5)]
    assert len({h.salt for h in headers}) == len({h.nonce for h in headers}) == 5
    assert len({h.wrapped for h in headers}) == 5


def test_every_flipped_bit_is_told_as_damage(header: Header) -> None:
    data = bytes(header)
    for bit in range(8 * len(data)):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(CorruptError):
            Header.from_bytes(bytes(changed))


def test_every_flipped_byte_is_refused_even_when_the_checksum_fits(header: Header) -> None:
    data = bytes(header)
    for at in range(len(data) - 32):
        changed = bytearray(data)
        changed[at] ^= 1
        with pytest.raises((CorruptError, WrongPassphraseError)):
            Header.from_bytes(repaired(bytes(changed))).unwrap(phrase())


@pytest.mark.parametrize("length", [0, 1, 100, 154, 156, 300])
def test_another_length_is_damage(header: Header, length: int) -> None:
    with pytest.raises(CorruptError, match="header is damaged"):
        Header.from_bytes((bytes(header) + bytes(200))[:length])


@pytest.mark.parametrize("cost", [Cost(32, 1, 1), Cost(64, 0, 1), Cost(64, 1, 0), Cost(1 << 31, 1, 1)])
def test_a_header_with_another_cost_is_refused_on_sight(header: Header, cost: Cost) -> None:
    with pytest.raises(CorruptError, match=r"weaker|harder"):
        Header.from_bytes(bytes(replace(header, cost=cost)))


def test_a_header_written_for_a_lower_cost_is_refused_where_the_floor_is_higher(
    header: Header, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kdf, "FLOOR", Cost(64 << 10, 3, 4))
    with pytest.raises(CorruptError, match="weaker"):
        Header.from_bytes(bytes(header))
    with pytest.raises(CorruptError, match="weaker"):
        header.unwrap(phrase())


def test_cost_and_owner_are_bound_to_the_key(header: Header) -> None:
    others = (
        replace(header, cost=replace(header.cost, iterations=2)),
        replace(header, owner=replace(OWNER, party=PartyId(1))),
        replace(header, owner=replace(OWNER, store=bytes(16))),
        replace(header, salt=bytes(16)),
    )
    for other in others:
        with pytest.raises(WrongPassphraseError):
            Header.from_bytes(bytes(other)).unwrap(phrase())
