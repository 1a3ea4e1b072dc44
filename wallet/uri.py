"""Payment URIs, bitcoin:ADDRESS?amount=...&label=...&message=... (BIP-21, BIP-321)."""

import re
from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import quote, unquote

from wallet import address
from wallet.amounts import Sats, format_btc, parse_amount
from wallet.errors import MalformedError
from wallet.labels import check_text
from wallet.network import Network

MAX_LENGTH: Final = 4000  # characters; more than a QR code can hold

_SCHEME: Final = "bitcoin:"
_AMOUNT = re.compile(r"([0-9]{0,8})(?:\.([0-9]{0,8}))?")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


@dataclass(frozen=True, slots=True)
class PaymentUri:
    """A request for a payment. Nothing vouches for it: its user confirms each field.

    Args:
        script: the output script to pay.
        network: where it lives.
        amount: what is asked for, if it is told.
        label: name of the receiver; may be empty.
        message: what the payment is for; may be empty.

    Raises:
        MalformedError: the script has no address, or a text has characters that a line cannot show.
    """

    script: bytes
    network: Network
    amount: Sats | None = None
    label: str = ""
    message: str = ""

    def __post_init__(self) -> None:
        address.encode(self.script, self.network)
        check_text(self.label)
        check_text(self.message)

    @classmethod
    def parse(cls, text: str, network: Network) -> Self:
        """Read a URI.

        Raises:
            MalformedError: it is malformed, or has a parameter that must be understood and is not (req-...).
            NetworkMismatchError: its address is of another network.
        """
        plain = text.strip()
        if len(plain) > MAX_LENGTH:
            raise MalformedError(
                f"a payment URI has at most {MAX_LENGTH} characters and this has {len(plain)}"
            )
        if plain[: len(_SCHEME)].lower() != _SCHEME:
            raise MalformedError("a payment URI begins with bitcoin:")
        target, _, query = plain[len(_SCHEME) :].partition("?")
        script = address.decode(target, network)
        parameters = _parameters(query)
        amount = _parse_amount(parameters["amount"]) if "amount" in parameters else None
        return cls(script, network, amount, parameters.get("label", ""), parameters.get("message", ""))

    def text(self) -> str:
        """Return the URI."""
        parameters = []
        if self.amount is not None:
            parameters.append(f"amount={format_btc(self.amount).rstrip('0').rstrip('.')}")
        named = (("label", self.label), ("message", self.message))
        parameters += [f"{name}={quote(value, safe='')}" for name, value in named if value]
        query = "?" + "&".join(parameters) if parameters else ""
        return _SCHEME + address.encode(self.script, self.network) + query

    def qr_text(self) -> str:
        """Return the URI for a QR code, which is smaller in upper case: a segwit address alone (BIP-173)."""
        text = self.text()
        segwit = text.startswith(f"{_SCHEME}{self.network.hrp}1")
        return text.upper() if segwit and "?" not in text else text


def _parameters(query: str) -> dict[str, str]:
    """Return the parameters that are known, decoded; refuse the unknown that must be understood."""
    if _BAD_ESCAPE.search(query) or "#" in query:
        raise MalformedError("the payment URI has a character that is not percent-encoded right")
    known: dict[str, str] = {}
    for part in filter(None, query.split("&")):
        try:
            name, value = (unquote(half, errors="strict") for half in part.partition("=")[::2])
        except UnicodeDecodeError as e:
            raise MalformedError("the payment URI has a parameter that is not UTF-8") from e
        # a URI in upper case is common in QR codes: an ignored AMOUNT would ask for another payment
        name = name.lower()
        if name.startswith("req-"):
            raise MalformedError(
                f"the payment URI asks for {name[:40]!r}, which is not supported", "ask for another one"
            )
        if name in ("amount", "label", "message"):
            if name in known:
                raise MalformedError(f"the payment URI has two values of {name}")
            known[name] = value
    return known


def _parse_amount(text: str) -> Sats:
    match = _AMOUNT.fullmatch(text)
    if match is None or not (match[1] or match[2]):
        raise MalformedError(
            "the amount of the payment URI is malformed", "it is bitcoin with at most 8 decimals"
        )
    return parse_amount(f"{match[1] or 0}.{match[2] or 0}btc")
