"""Key derivation that takes no time: other packages' tests use it too. No program has a way to ask for it."""

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from storage import kdf

CHEAP = kdf.Cost(64, 1, 1)


@contextmanager
def cheap_passphrases() -> Iterator[None]:
    """Lower the cost of new files and the floor of old ones while the context lasts."""
    with patch.object(kdf, "DEFAULT", CHEAP), patch.object(kdf, "FLOOR", CHEAP):
        yield
