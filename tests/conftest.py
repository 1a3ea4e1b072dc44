"""Settings of the whole suite, and the bitcoind of the tests that want one."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from wallet.chain.regtest_node import RegtestNode, find_bitcoind
from wallet.errors import UnknownError

# a shared machine is sometimes slow: what is slow by itself shows in the benchmarks
settings.register_profile("mpcwallet", deadline=None)
settings.load_profile("mpcwallet")

# A node watches up to 1000 scripts more than it is told to: as many as its keypool has.
OPTIONS = ["-keypool=1"]
# Bitcoin Knots is stricter than Bitcoin Core unless it is told otherwise.
CORE_POLICY = "-corepolicy"


@pytest.fixture(scope="session")
def bitcoind() -> Path:
    """The bitcoind of this machine; tests that want one are skipped without, unless it is required."""
    try:
        return find_bitcoind()
    except UnknownError as e:
        if os.environ.get("MPCW_REQUIRE_BITCOIND"):
            raise
        pytest.skip(f"{e}: {e.hint}")


@pytest.fixture(scope="session")
def node(bitcoind: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegtestNode]:
    """One node for all tests; a test that stops it starts it again."""
    usage = subprocess.run([bitcoind, "-help"], capture_output=True, text=True, check=True).stdout
    options = [*OPTIONS, CORE_POLICY] if f"  {CORE_POLICY}\n" in usage else OPTIONS
    with RegtestNode(tmp_path_factory.mktemp("bitcoind"), bitcoind, options) as node:
        yield node
