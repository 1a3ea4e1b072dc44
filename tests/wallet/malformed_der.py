"""Signatures that must not be accepted, made of a good one in the ways of Wycheproof's Bitcoin test set.

The classes are those of ecdsa_secp256k1_sha256_bitcoin_test.json (C2SP/wycheproof): BER instead of DER, wrong
lengths and tags, truncations, additions, integers out of range or modified, s above n/2.
"""

from collections.abc import Iterator
from typing import NamedTuple

N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
P = 2**256 - 2**32 - 977


class Case(NamedTuple):
    """A DER-like signature without sighash byte that must be refused.

    Args:
        name: what was done to the good one.
        der: the bytes.
        parses: whether it is well-formed, so that only its verification fails.
    """

    name: str
    der: bytes
    parses: bool = False


def tlv(tag: int, content: bytes, length: bytes | None = None) -> bytes:
    return bytes([tag]) + (bytes([len(content)]) if length is None else length) + content


def integer(value: int) -> bytes:
    return tlv(2, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def sequence(*items: bytes) -> bytes:
    return tlv(0x30, b"".join(items))


def bad_lengths(size: int) -> Iterator[tuple[str, bytes]]:
    yield "long form of length", bytes([0x81, size])
    yield "length with a leading zero", bytes([0x82, 0, size])
    yield "length with three leading zeros", bytes([0x84, 0, 0, 0, size])
    yield "length modulo 2^32", bytes([0x85, 1, 0, 0, 0, size])
    yield "length modulo 2^64", bytes([0x89, 1, *bytes(7), size])
    yield "length too large by 1", bytes([size + 1])
    yield "length too small by 1", bytes([size - 1])
    yield "length 0", b"\x00"
    yield "length 2^31 - 1", bytes.fromhex("847fffffff")
    yield "length 2^32 - 1", bytes.fromhex("84ffffffff")
    yield "length 2^40 - 1", bytes.fromhex("85ffffffffff")
    yield "length 2^64 - 1", bytes.fromhex("88ffffffffffffffff")
    yield "length 255", b"\xff"
    yield "indefinite length", b"\x80"
    yield "no length", b""


def wrong_structure(r: bytes, s: bytes) -> Iterator[tuple[str, bytes]]:
    good = sequence(r, s)
    for size in range(len(good)):
        yield f"first {size} bytes", good[:size]
    for extra in ("00", "0000", "0500", "02", "0201", "020101", "ff"):
        yield f"{extra} behind", good + bytes.fromhex(extra)
        yield f"{extra} before", bytes.fromhex(extra) + good
        yield f"{extra} behind s", sequence(r, s, bytes.fromhex(extra))
        yield f"{extra} before r", sequence(bytes.fromhex(extra), r, s)
        yield f"{extra} between", sequence(r, bytes.fromhex(extra), s)
    for tag in (0x00, 0x02, 0x10, 0x2E, 0x2F, 0x31, 0x32, 0x70, 0xB0, 0xFF):
        yield f"tag {tag:02x} of the sequence", bytes([tag]) + good[1:]
    yield "empty", b""
    yield "empty sequence", sequence()
    yield "null", bytes.fromhex("0500")
    yield "only r", sequence(r)
    yield "only s, no r", sequence(b"", s)
    yield "r twice and s", sequence(r, r, s)
    yield "integers without sequence", r + s
    yield "sequence in sequence", sequence(good)
    yield "sequence twice", good + good
    yield "indefinite length with end", b"\x30\x80" + r + s + bytes(2)
    yield "indefinite length with truncated end", b"\x30\x80" + r + s + bytes(1)
    yield "indefinite length with garbage", b"\x30\x80" + r + s + bytes.fromhex("4a0abe0000")
    for what, length in bad_lengths(len(good) - 2):
        yield f"sequence: {what}", tlv(0x30, r + s, length)


def wrong_integers(content: bytes) -> Iterator[tuple[str, bytes]]:
    for what, length in bad_lengths(len(content)):
        yield what, tlv(2, content, length)
    for tag in (0x00, 0x01, 0x03, 0x04, 0x0A, 0x22, 0x42, 0x82, 0xFF):
        yield f"tag {tag:02x}", tlv(tag, content)
    yield "constructed", tlv(0x22, tlv(2, content))
    yield "removed", b""
    yield "without content", tlv(2, b"")
    yield "null", bytes.fromhex("0500")
    yield "boolean", bytes.fromhex("010101")
    yield "real", bytes.fromhex("090380fe01")
    yield "real infinity", bytes.fromhex("090140")
    yield "string", bytes.fromhex("0c0130")
    yield "empty sequence", bytes.fromhex("3000")
    yield "with a leading zero", tlv(2, b"\x00" + content)
    yield "with leading zeros", tlv(2, bytes(6) + content)
    yield "with a leading ff", tlv(2, b"\xff" + content)
    yield "with trailing zeros", tlv(2, content + bytes(6))
    yield "first byte removed", tlv(2, content[1:], bytes([len(content)]))
    yield "last byte removed", tlv(2, content[:-1], bytes([len(content)]))
    yield "negative by its top bit", tlv(2, bytes([content[0] | 0x80]) + content[1:])


OUT_OF_RANGE = {
    "0": 0, "-1": -1, "-n": -N, "n": N, "n + 1": N + 1, "p": P, "p + 1": P + 1, "2^256 - 1": 2**256 - 1,
    "2^256": 2**256, "2^257": 2**257, "2^512": 2**512,
}  # fmt: skip
IN_RANGE = {"1": 1, "2": 2, "n / 2": N // 2, "n / 2 - 1": N // 2 - 1}
HIGH = {"n - 1": N - 1, "n / 2 + 1": N // 2 + 1}


def cases(r: int, s: int) -> Iterator[Case]:
    """Yield what was made of the good signature (r, s); s is low."""
    for name, der in wrong_structure(integer(r), integer(s)):
        yield Case(name, der)
    for name, wrong in wrong_integers(integer(r)[2:]):
        yield Case(f"r: {name}", sequence(wrong, integer(s)))
    for name, wrong in wrong_integers(integer(s)[2:]):
        yield Case(f"s: {name}", sequence(integer(r), wrong))
    yield from replaced(r, s)


def replaced(r: int, s: int) -> Iterator[Case]:
    """Yield well-formed encodings of other numbers."""
    for name, value in OUT_OF_RANGE.items():
        yield Case(f"r = {name}", sequence(integer(value), integer(s)))
        yield Case(f"s = {name}", sequence(integer(r), integer(value)))
        yield Case(f"r = s = {name}", sequence(integer(value), integer(value)))
    for name, value in HIGH.items():
        yield Case(f"s = {name}", sequence(integer(r), integer(value)))
    for name, value in IN_RANGE.items():
        yield Case(f"r = {name}", sequence(integer(value), integer(s)), parses=True)
        yield Case(f"s = {name}", sequence(integer(r), integer(value)), parses=True)
        yield Case(f"r = s = {name}", sequence(integer(value), integer(value)), parses=True)
    yield Case("s = n - s", sequence(integer(r), integer(N - s)))
    for name, shift in {"n": N, "-n": -N, "2^256": 2**256, "2^320": 2**320}.items():
        yield Case(f"r + {name}", sequence(integer(r + shift), integer(s)))
        yield Case(f"s + {name}", sequence(integer(r), integer(s + shift)))
    yield Case("-r", sequence(integer(-r), integer(s)))
    yield Case("-s", sequence(integer(r), integer(-s)))
    yield Case("r + 1", sequence(integer(r + 1), integer(s)), parses=True)
    yield Case("s + 1", sequence(integer(r), integer(s + 1)), parses=True)
    yield Case("s and r swapped", sequence(integer(s), integer(min(r, N - r))), parses=True)
