"""Amounts in satoshi and fee rates; nothing here is a float."""

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final, NewType, Self

from wallet.errors import MalformedError

Sats = NewType("Sats", int)

COIN: Final = 100_000_000
MAX_MONEY: Final = 21_000_000 * COIN

_BTC = re.compile(r"(\d{1,8})(?:\.(\d{1,8}))?")


def parse_amount(text: str) -> Sats:
    """Read an amount as a person types it.

    Args:
        text: satoshi as "120000", "120_000" or "120 000 sat"; bitcoin as "0.0012btc" or "0.0012 BTC".

    Returns:
        The amount, 1..MAX_MONEY.

    Raises:
        MalformedError: it is neither, or out of range. A number with a point needs its unit.
    """
    plain = text.strip().lower().replace("_", "").replace("\u2009", "").replace(" ", "")
    if plain.endswith("btc"):
        match = _BTC.fullmatch(plain[:-3])
        value = int(match[1]) * COIN + int((match[2] or "").ljust(8, "0")) if match else -1
    else:
        digits = plain.removesuffix("sats").removesuffix("sat")
        value = int(digits) if re.fullmatch(r"[0-9]{1,16}", digits) else -1
    if value < 0:
        raise MalformedError(
            f"{text!r} is no amount", "write satoshi as 120000, or bitcoin with its unit as 0.0012btc"
        )
    if not 0 < value <= MAX_MONEY:
        raise MalformedError(f"{text!r} is out of range: an amount is 1 sat to 21 million BTC")
    return Sats(value)


def format_btc(amount: int) -> str:
    """Return an amount in bitcoin with 8 decimals."""
    sign = "-" if amount < 0 else ""
    return f"{sign}{abs(amount) // COIN}.{abs(amount) % COIN:08d}"


@dataclass(frozen=True, slots=True, order=True)
class FeeRate:
    """A fee rate.

    Args:
        sat_per_kvb: satoshi per 1000 virtual bytes, not negative: sat/vB with three decimals.

    Raises:
        MalformedError: it is negative.
    """

    sat_per_kvb: int

    def __post_init__(self) -> None:
        if self.sat_per_kvb < 0:
            raise MalformedError("a fee rate must not be negative")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read sat/vB as a person types it, such as "2" or "1.5".

        Raises:
            MalformedError: it is no number in 0..1,000,000 with at most three decimals.
        """
        try:
            value = Decimal(text.strip()) * 1000
            if not 0 <= value <= 10**9 or value != int(value):
                raise InvalidOperation
        except InvalidOperation as e:
            raise MalformedError(
                f"{text!r} is no fee rate", "write satoshi per virtual byte, such as 2 or 1.5"
            ) from e
        return cls(int(value))

    @classmethod
    def of(cls, fee: int, vsize: int) -> Self:
        """Return the rate of a fee in satoshi over virtual bytes, rounded down."""
        return cls(fee * 1000 // vsize)

    def fee(self, vsize: int) -> Sats:
        """Return the fee of so many virtual bytes in satoshi, rounded up."""
        return Sats(-(-self.sat_per_kvb * vsize // 1000))

    def __str__(self) -> str:
        whole, rest = divmod(self.sat_per_kvb, 1000)
        return f"{whole}.{rest:03d}".rstrip("0").rstrip(".") + " sat/vB"
