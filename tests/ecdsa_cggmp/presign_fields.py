"""Where each field of a presigning message stands, and what a cheat may put there."""

from collections.abc import Iterator
from dataclasses import dataclass

from ecdsa_cggmp.params import Params
from native.curve import ORDER, G
from native.entropy import random_bytes
from tests.ecdsa_cggmp.levels import TINY

POINT, SCALAR, NUMBER = "point", "scalar", "number"


@dataclass(frozen=True)
class Field:
    """A column of a message.

    Args:
        name: with the proof that it is part of.
        start: of the column.
        width: bytes of an item.
        kind: POINT, SCALAR or NUMBER, of which numbers modulo something and integers are.
        count: items, B or 2 B.
    """

    name: str
    start: int
    width: int
    kind: str
    count: int

    def item(self, body: bytes, at: int) -> bytes:
        """One item of the column."""
        return body[self.start + at * self.width : self.start + (at + 1) * self.width]

    def put(self, body: bytes, at: int, value: bytes) -> bytes:
        """The message with another item."""
        assert len(value) == self.width
        start = self.start + at * self.width
        return body[:start] + value + body[start + self.width :]


def layout(message: str, batch: int, params: Params = TINY) -> tuple[Field, ...]:
    """The columns of an EncryptMsg, EncryptProofMsg, MultiplyMsg for one peer, or RevealMsg."""
    modulus, ell = params.modulus_bytes, (params.ell + params.epsilon) // 8
    ell_prime = (params.ell_prime + params.epsilon) // 8
    c, u = (2 * modulus, NUMBER), (modulus, NUMBER)
    point, scalar = (33, POINT), (32, SCALAR)
    enc_elg = {"S": u, "T": u, "D": c, "Y": point, "Z": point}
    enc_elg |= {"z1": (ell, NUMBER), "z2": u, "z3": (ell + modulus, NUMBER), "w": scalar}
    elog = {"A": point, "N": point, "B": point, "z": scalar, "u": scalar}
    aff_g = {"A": c, "B_x": point, "B_y": c, "E": u, "S": u, "F": u, "T": u}
    aff_g |= {"z1": (ell, NUMBER), "z2": (ell_prime, NUMBER), "z3": (ell + modulus, NUMBER)}
    aff_g |= {"z4": (ell + modulus, NUMBER), "w": u, "w_y": u}

    def of(proof: str, columns: dict[str, tuple[int, str]]) -> dict[str, tuple[int, str]]:
        return {f"{proof}.{name}": column for name, column in columns.items()}

    columns = {
        "encrypt": {"K": c, "G": c, **dict.fromkeys(("Y", "A1", "A2", "B1", "B2"), point)},
        "encrypt proof": of("psi", enc_elg),
        "multiply": {"Gamma": point} | of("psi", elog) | {"D": c, "F": c} | of("products.psi", aff_g),
        "reveal": {"delta": scalar, "S": point, "Delta": point} | of("psi", elog),
    }[message]
    fields, start = [], 0
    for name, (width, kind) in columns.items():
        paired = message == "encrypt proof" or name in {"D", "F"} or name.startswith("products")
        fields.append(Field(name, start, width, kind, (2 if paired else 1) * batch))
        start += fields[-1].count * width
    return tuple(fields)


def hostile(
    field: Field, body: bytes, at: int, moduli: dict[str, bytes], primes: dict[str, int]
) -> Iterator[tuple[str, bytes]]:
    """What may stand in place of an item, by name."""
    honest = field.item(body, at)
    for other in range(field.count):
        if field.item(body, other) != honest:
            yield f"item {other}", field.item(body, other)
    if field.kind == POINT:
        yield "identity", bytes(33)
        yield "generator", bytes(G)
        yield "negated", bytes([honest[0] ^ 1]) + honest[1:]
        yield "off the curve", b"\x02" + bytes(31) + b"\x05"
        yield "x = p", b"\x02" + b"\xff" * 27 + b"\xfe\xff\xff\xfc\x2f"
        yield "infinity with a tail", bytes(32) + b"\1"
        yield "hybrid", bytes([6 | honest[0] & 1]) + honest[1:]
        yield "uncompressed", b"\x04" + honest[1:]
    elif field.kind == SCALAR:
        for name, number in {"0": 0, "1": 1, "q": ORDER, "q + 1": ORDER + 1, "max": (1 << 256) - 1}.items():
            yield name, number.to_bytes(32, "big")
        yield "off by one", ((int.from_bytes(honest, "big") + 1) % ORDER).to_bytes(32, "big")
    else:
        yield "off by one", (int.from_bytes(honest, "big") ^ 1).to_bytes(field.width, "big")
        numbers = {**_around(moduli), **{f"multiple of {name}": 3 * p for name, p in primes.items()}}
        yield from _fitting(field.width, numbers)


def _around(moduli: dict[str, bytes]) -> dict[str, int]:
    out = {}
    for name, modulus in moduli.items():
        N = int.from_bytes(modulus, "big")
        out |= {f"{name}-1": N - 1, name: N, f"{name}^2": N * N, f"{name}^2-1": N * N - 1}
    return out


def _fitting(width: int, numbers: dict[str, int]) -> Iterator[tuple[str, bytes]]:
    yield "0", bytes(width)
    yield "1", (1).to_bytes(width, "big")
    yield "max", b"\xff" * width
    yield "least", b"\x80" + bytes(width - 1)
    yield "random", random_bytes(width)
    for name, number in numbers.items():
        if number.bit_length() <= 8 * width:
            yield name, number.to_bytes(width, "big")
