"""The embedded chain for tests that only it has."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.wallet.chain.embedded.rig import EmbeddedRig


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[EmbeddedRig]:
    """A fresh embedded chain."""
    rig = EmbeddedRig(tmp_path / "chain")
    yield rig
    rig.close()
