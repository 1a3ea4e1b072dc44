"""The rig of the real node."""

from collections.abc import Iterator

import pytest

from tests.wallet.chain.bitcoind.rig import BitcoindRig
from wallet.chain.regtest_node import RegtestNode


@pytest.fixture
def rig(node: RegtestNode) -> Iterator[BitcoindRig]:
    rig = BitcoindRig(node)
    yield rig
    rig.close()
