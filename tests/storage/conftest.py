from collections.abc import Iterator

import pytest

from tests.storage.cheap import cheap_passphrases


@pytest.fixture(autouse=True)
def cheap() -> Iterator[None]:
    with cheap_passphrases():
        yield
