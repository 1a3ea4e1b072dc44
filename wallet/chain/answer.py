"""What a node has answered, read with every type checked: it is input like any other."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Self, TypeAlias

from wallet.amounts import COIN, MAX_MONEY, FeeRate, Sats
from wallet.errors import ChainError

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | Decimal | bool | None"

_TOO_LARGE: Final = 1 << 63
_MAX_BTC: Final = MAX_MONEY // COIN


def parse_json(data: bytes) -> Json:
    """Read JSON with its fractions as decimals, since amounts are written as such.

    Raises:
        ValueError: it is no JSON, or nested too deep.
    """
    try:
        parsed: Json = json.loads(data, parse_float=Decimal, parse_constant=_refuse_constant)
    except RecursionError as e:
        raise ValueError("nested too deep") from e
    return parsed


def _refuse_constant(name: str) -> Json:
    raise ValueError(f"{name} is no JSON")


@dataclass(frozen=True, slots=True)
class Answer:
    """A value in the answer of a node.

    Args:
        value: the value.
        where: the method and the fields that lead to it, for errors.

    Each accessor raises ChainError when the value is of another type.
    """

    value: Json
    where: str

    def __getitem__(self, key: str) -> Self:
        """Return a field of an object."""
        field = self.get(key)
        if field is None:
            raise self._unexpected(f"has no {key!r}")
        return field

    def get(self, key: str) -> Self | None:
        """Return a field of an object, None if it has no such field."""
        if not isinstance(self.value, dict):
            raise self._unexpected("is no object")
        return self._part(self.value[key], key) if key in self.value else None

    def __iter__(self) -> Iterator[Self]:
        """Yield the elements of an array."""
        if not isinstance(self.value, list):
            raise self._unexpected("is no array")
        return (self._part(value, "[]") for value in self.value)

    def names(self) -> list[str]:
        """Return the names of an object's fields."""
        if not isinstance(self.value, dict):
            raise self._unexpected("is no object")
        return list(self.value)

    def text(self) -> str:
        """Return a string."""
        if not isinstance(self.value, str):
            raise self._unexpected("is no string")
        return self.value

    def integer(self) -> int:
        """Return a whole number of at most 64 bits: a store keeps it."""
        if not isinstance(self.value, int) or isinstance(self.value, bool):
            raise self._unexpected("is no whole number")
        if not -_TOO_LARGE <= self.value < _TOO_LARGE:
            raise self._unexpected("is out of range")
        return self.value

    def count(self) -> int:
        """Return a whole number of at least 1."""
        value = self.integer()
        if value < 1:
            raise self._unexpected("is out of range")
        return value

    def number(self) -> Decimal:
        """Return a number."""
        if isinstance(self.value, bool) or not isinstance(self.value, int | Decimal):
            raise self._unexpected("is no number")
        return Decimal(self.value)

    def boolean(self) -> bool:
        """Return a truth value."""
        if not isinstance(self.value, bool):
            raise self._unexpected("is neither true nor false")
        return self.value

    def hash(self) -> bytes:
        """Return the 32 bytes of a hash, which is displayed reversed, in their own order."""
        data = self.raw()
        if len(data) != 32:
            raise self._unexpected("is no hash")
        return data[::-1]

    def raw(self) -> bytes:
        """Return bytes that are written in hex."""
        try:
            return bytes.fromhex(self.text())
        except ValueError as e:
            raise self._unexpected("is not written in hex") from e

    def sats(self) -> Sats:
        """Return an amount that is written in bitcoin, exactly."""
        value = self.number()
        if not 0 <= value <= _MAX_BTC:
            raise self._unexpected("is no amount")
        # at most 8 decimals: nothing is rounded, and the product has at most 16 digits
        if int(value.as_tuple().exponent) < -8:
            raise self._unexpected("is no whole number of satoshi")
        return Sats(int(value * COIN))

    def fee_rate(self) -> FeeRate:
        """Return a fee rate that is written in bitcoin per 1000 virtual bytes."""
        return FeeRate(self.sats())

    def _part(self, value: Json, key: str) -> Self:
        return type(self)(value, f"{self.where}.{key}")

    def _unexpected(self, what: str) -> ChainError:
        return ChainError(
            f"bitcoind's answer to {self.where} {what}", "this wallet needs Bitcoin Core 26 or later"
        )
