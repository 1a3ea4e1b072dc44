"""The backends that the suite in test_backend.py runs on."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.wallet.chain.embedded.rig import EmbeddedRig
from tests.wallet.chain.rig import Rig

# By the name of the backend. One that cannot run here skips or fails for itself.
RIGS: dict[str, Callable[[Path], Rig]] = {"embedded": EmbeddedRig}


@pytest.fixture(params=RIGS)
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rig]:
    """Every backend in turn."""
    rig = RIGS[request.param](tmp_path / "chain")
    yield rig
    rig.close()
