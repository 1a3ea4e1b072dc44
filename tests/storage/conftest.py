from collections.abc import Iterator
from typing import Any

import pytest

from storage.engine import Database
from tests.storage.cheap import cheap_passphrases


@pytest.fixture(autouse=True)
def cheap() -> Iterator[None]:
    with cheap_passphrases():
        yield


@pytest.fixture(autouse=True)
def closed_files(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Close at the end of a test what it has opened."""
    opened: list[Database] = []
    init = Database.__init__

    def remember(self: Database, *arguments: Any) -> None:
        init(self, *arguments)
        opened.append(self)

    monkeypatch.setattr(Database, "__init__", remember)
    yield
    for db in opened:
        db.close()
