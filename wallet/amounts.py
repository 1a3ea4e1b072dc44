"""Amounts in satoshi and fee rates; nothing here is a float."""

import re
from dataclasses import dataclass
from typing import Final, NewType, Self

from wallet.errors import MalformedError

Sats = NewType("Sats", int)

COIN: Final = 100_000_000
MAX_MONEY: Final = 21_000_000 * COIN

_MAX_RATE: Final = 1_000_000_000  # sat/kvB; one sat/vB is a thousand

_SATS = re.compile(
    r"([0-9]{1,16}|[0-9]{1,3}(?:([ _\u00a0\u2009\u202f])[0-9]{3})(?:\2[0-9]{3}){0,4})\s?(?:sats?)?"
)
_BTC = re.compile(r"([0-9]{1,8})(?:\.([0-9]{1,8}))?\s?btc")
_RATE = re.compile(r"([0-9]{1,7})(?:\.([0-9]{1,3}))?\s?(?:sats?/vb)?")


def parse_amount(text: str) -> Sats:
    """Read an amount as a person types it.

    Args:
        text: satoshi as "120000", "120_000" or "120 000 sat"; bitcoin as "0.0012btc" or "0.0012 BTC".

    Returns:
        The amount, 1..MAX_MONEY.

    Raises:
        MalformedError: it is neither, or out of range. A number with a point needs its unit.
    """
    plain = text.strip().lower()
    sats, btc = _SATS.fullmatch(plain), _BTC.fullmatch(plain)
    if sats is not None:
        value = int(re.sub("[^0-9]", "", sats[1]))
    elif btc is not None:
        value = int(btc[1]) * COIN + int((btc[2] or "").ljust(8, "0"))
    else:
        raise MalformedError(
            f"{text[:50]!r} is no amount",
            "write satoshi as 120000, or bitcoin with its unit as 0.0012btc and at most 8 decimals",
        )
    if not 0 < value <= MAX_MONEY:
        raise MalformedError(f"{text[:50]!r} is out of range: an amount is 1 sat to 21 million BTC")
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
        """Read sat/vB as a person types it, such as "2", "1.5" or "1.5 sat/vB".

        Raises:
            MalformedError: it is no number in 0..1,000,000 with at most three decimals.
        """
        match = _RATE.fullmatch(text.strip().lower())
        value = int(match[1]) * 1000 + int((match[2] or "").ljust(3, "0")) if match else -1
        if not 0 <= value <= _MAX_RATE:
            raise MalformedError(
                f"{text[:50]!r} is no fee rate", "write satoshi per virtual byte, such as 2 or 1.5"
            )
        return cls(value)

    @classmethod
    def of(cls, fee: int, vsize: int) -> Self:
        """Return the rate of a fee in satoshi over virtual bytes, at least 1, rounded down."""
        return cls(fee * 1000 // vsize)

    def fee(self, vsize: int) -> Sats:
        """Return the fee of so many virtual bytes in satoshi, rounded up."""
        return Sats(-(-self.sat_per_kvb * vsize // 1000))

    def __str__(self) -> str:
        whole, rest = divmod(self.sat_per_kvb, 1000)
        return f"{whole}.{rest:03d}".rstrip("0").rstrip(".") + " sat/vB"
