import hashlib
import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from native.curve import ORDER, G, Point, PointVector, Scalar
from protocol.errors import UsageError
from protocol.header import Header
from protocol.ids import COORDINATOR, EVERYBODY, PartyId, SessionId
from protocol.transcript import Domain, Transcript

GOLDEN = Path(__file__).parents[1] / "vectors" / "protocol" / "transcript.json"
HEADER = Header("cggmp24", 1, SessionId(bytes(range(32))), bytes(32), (PartyId(0), PartyId(2)), b"params")
DOMAIN = Domain(HEADER, 3, PartyId(0), "aff-g", PartyId(2), 7)


def append(transcript: Transcript, item: tuple[str, str, Any]) -> Transcript:
    kind, label, value = item
    longer: Transcript = getattr(transcript, f"with_{kind}")(label, value)
    return longer


def digest(*items: tuple[str, str, Any]) -> bytes:
    transcript = Transcript(DOMAIN)
    for item in items:
        transcript = append(transcript, item)
    return transcript.challenge_bytes("e")


EVERY_TYPE = [
    ("bytes", "tag", b"\x00\x01"),
    ("integer", "N", 3 << 64),
    ("integer", "z", -5),
    ("integer", "zero", 0),
    ("scalar", "x", Scalar(ORDER - 1)),
    ("point", "X", G),
    ("point", "O", Point.infinity()),
    ("points", "A", PointVector([G, -G])),
    ("integers", "z", [1, -1, 256]),
    ("byte_strings", "rid", [b"", b"ab"]),
    ("points", "none", []),
]


def golden() -> dict[str, str]:
    return dict(json.loads(GOLDEN.read_text()))


def test_transcript_is_the_frozen_one() -> None:
    transcript = Transcript(DOMAIN)
    for item in EVERY_TYPE:
        transcript = append(transcript, item)
    assert transcript.challenge_bytes("e").hex() == golden()["challenge_bytes"]
    assert bytes(transcript.challenge_scalar("e")).hex() == golden()["challenge_scalar"]
    bits = transcript.challenge_bits("e", 128)
    assert f"{int(''.join(str(int(bit)) for bit in bits), 2):032x}" == golden()["challenge_bits"]


def test_challenge_is_a_hash_of_the_frozen_bytes() -> None:
    tag = hashlib.sha256(b"mpcwallet/transcript").digest()
    items = bytes.fromhex("".join(golden()["items"]))
    size = (32).to_bytes(4, "big")
    query = bytes([6, 1]) + b"e" + (4).to_bytes(8, "big") + size
    seed = hashlib.sha256(tag + tag + items + query).digest()
    assert hashlib.sha256(seed + bytes(4)).hexdigest() == golden()["challenge_bytes"]


CONFUSABLE: list[list[list[tuple[str, str, Any]]]] = [
    # a byte moves over a border
    [[("bytes", "a", b"xy"), ("bytes", "b", b"z")], [("bytes", "a", b"x"), ("bytes", "b", b"yz")]],
    [[("byte_strings", "a", [b"a$", b"b"])], [("byte_strings", "a", [b"a", b"$b"])]],
    [[("bytes", "ab", b"c")], [("bytes", "a", b"bc")]],
    # types
    [[("integer", "a", 1)], [("bytes", "a", b"\x00\x01")], [("scalar", "a", Scalar(1))]],
    [[("point", "a", G)], [("bytes", "a", bytes(G))], [("points", "a", [G])]],
    # signs and zeros
    [[("integer", "a", 5)], [("integer", "a", -5)], [("integer", "a", 5 << 8)]],
    [[("bytes", "a", b"\x05")], [("bytes", "a", b"\x00\x05")]],
    # lists
    [[("byte_strings", "a", [])], [("byte_strings", "a", [b""])], [("byte_strings", "a", [b"", b""])]],
    [[("integers", "a", [1, 2])], [("integers", "a", [1]), ("integer", "", 2)]],
    [[("integers", "a", []), ("integers", "b", [1])], [("integers", "a", [1]), ("integers", "b", [])]],
    [[("byte_strings", "a", [])], [("points", "a", [])], []],
]


def test_confusable_sequences_give_different_challenges() -> None:
    for group in CONFUSABLE:
        assert len({digest(*items) for items in group}) == len(group)


def random_items(rng: random.Random) -> list[tuple[str, str, Any]]:
    """Few values of few types, so that near collisions are common."""

    def text() -> bytes:
        return bytes(rng.choices(b"\x00\x01a", k=rng.randrange(4)))

    items: list[tuple[str, str, Any]] = []
    for _ in range(rng.randrange(5)):
        label = rng.choice(["", "a", "b", "aa"])
        match rng.randrange(6):
            case 0:
                items.append(("bytes", label, text()))
            case 1:
                items.append(("integer", label, rng.choice([0, 1, -1, 256, -256])))
            case 2:
                items.append(("scalar", label, Scalar(rng.randrange(3))))
            case 3:
                items.append(("point", label, Point.infinity()))
            case 4:
                items.append(("byte_strings", label, [text() for _ in range(1 + rng.randrange(3))]))
            case _:
                items.append(("integers", label, [rng.randrange(-2, 3) for _ in range(1 + rng.randrange(3))]))
    return items


def test_a_hundred_thousand_different_sequences_give_different_challenges() -> None:
    rng = random.Random(20241021)
    challenges: dict[str, bytes] = {}
    while len(challenges) < 100_000:
        items = random_items(rng)
        if repr(items) not in challenges:
            challenges[repr(items)] = digest(*items)
    assert len(set(challenges.values())) == len(challenges)


OTHER_DOMAINS = [
    replace(DOMAIN, round=4),
    replace(DOMAIN, prover=PartyId(2)),
    replace(DOMAIN, verifier=PartyId(0)),
    replace(DOMAIN, verifier=EVERYBODY),
    replace(DOMAIN, verifier=COORDINATOR),
    replace(DOMAIN, proof="aff-h"),
    replace(DOMAIN, proof="aff-"),
    replace(DOMAIN, instance=8),
    replace(DOMAIN, header=replace(HEADER, protocol="cggmp2")),
    replace(DOMAIN, header=replace(HEADER, version=2)),
    replace(DOMAIN, header=replace(HEADER, session=SessionId(bytes(32)))),
    replace(DOMAIN, header=replace(HEADER, roster=bytes([1]) * 32)),
    replace(DOMAIN, header=replace(HEADER, parties=(PartyId(0), PartyId(1)))),
    replace(DOMAIN, header=replace(HEADER, parties=(PartyId(0), PartyId(1), PartyId(2)))),
    replace(DOMAIN, header=replace(HEADER, params=b"param")),
]


def test_every_part_of_the_domain_changes_the_challenge() -> None:
    challenges = {Transcript(domain).challenge_bytes("e") for domain in [DOMAIN, *OTHER_DOMAINS]}
    assert len(challenges) == 1 + len(OTHER_DOMAINS)


def test_appending_leaves_the_shorter_transcript_as_it_was() -> None:
    short = Transcript(DOMAIN)
    before = short.challenge_bytes("e")
    short.with_bytes("a", b"b")
    assert short.challenge_bytes("e") == before


def test_label_and_size_give_unrelated_challenges() -> None:
    transcript = Transcript(DOMAIN)
    assert transcript.challenge_bytes("e", 33)[:32] != transcript.challenge_bytes("e", 32)
    assert transcript.challenge_bytes("e") != transcript.challenge_bytes("f")
    blocks = transcript.challenge_bytes("e", 96)
    assert len({blocks[:32], blocks[32:64], blocks[64:]}) == 3


@given(count=st.integers(1, 400))
def test_as_many_bits_come_as_are_asked_for(count: int) -> None:
    assert len(Transcript(DOMAIN).challenge_bits("e", count)) == count


def test_bits_and_scalars_are_balanced() -> None:
    assert 3800 < sum(Transcript(DOMAIN).challenge_bits("e", 8000)) < 4200
    low = sum(
        Transcript(replace(DOMAIN, instance=i)).challenge_scalar("e").value < ORDER // 2 for i in range(1000)
    )
    assert 400 < low < 600


@pytest.mark.parametrize("size", [0, -1, (1 << 24) + 1])
def test_size_of_a_challenge_is_bounded(size: int) -> None:
    with pytest.raises(UsageError):
        Transcript(DOMAIN).challenge_bytes("e", size)


def test_long_label_is_refused() -> None:
    with pytest.raises(UsageError):
        Transcript(DOMAIN).with_bytes("x" * 256, b"")


@pytest.mark.parametrize(
    "domain",
    [
        replace(DOMAIN, round=1 << 16),
        replace(DOMAIN, prover=PartyId(-1)),
        replace(DOMAIN, instance=1 << 32),
        replace(DOMAIN, proof="x" * 65),
    ],
)
def test_domain_out_of_range_is_refused(domain: Domain) -> None:
    with pytest.raises(UsageError):
        Transcript(domain)
