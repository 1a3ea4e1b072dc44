"""QR codes for addresses, payment URIs and descriptors; segno makes them."""

from io import StringIO

import segno

from wallet.errors import MalformedError


def matrix(text: str) -> tuple[tuple[bool, ...], ...]:
    """Return the modules of a QR code by row, True for dark, without the light border of 4 that it needs.

    Raises:
        MalformedError: the text is longer than a QR code can hold.
    """
    return tuple(tuple(map(bool, row)) for row in _make(text).matrix)


def terminal(text: str) -> str:
    """Return a QR code for a terminal: two rows of modules to a line, with its border.

    Light modules are drawn and dark ones are left out: show it in a light colour on a dark ground.

    Raises:
        MalformedError: the text is longer than a QR code can hold.
    """
    out = StringIO()
    _make(text).terminal(out, compact=True)
    return out.getvalue()


def _make(text: str) -> segno.QRCode:
    try:
        return segno.make(text, error="m", micro=False)
    except ValueError as e:
        raise MalformedError("a QR code cannot hold a text of this length") from e
