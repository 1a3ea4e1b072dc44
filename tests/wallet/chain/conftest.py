"""The backends that the suite in test_backend.py runs on, and the bitcoind of the tests that want one."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.wallet.chain.bitcoind.rig import BitcoindRig
from tests.wallet.chain.embedded.rig import EmbeddedRig
from tests.wallet.chain.rig import Rig
from wallet.chain.regtest_node import RegtestNode, find_bitcoind
from wallet.errors import UnknownError

# A node watches up to 1000 scripts more than it is told to: as many as its keypool has.
OPTIONS = ["-keypool=1"]
# Bitcoin Knots is stricter than Bitcoin Core unless it is told otherwise.
CORE_POLICY = "-corepolicy"


def embedded_rig(request: pytest.FixtureRequest) -> Rig:
    return EmbeddedRig(request.getfixturevalue("tmp_path") / "chain")


def bitcoind_rig(request: pytest.FixtureRequest) -> Rig:
    return BitcoindRig(request.getfixturevalue("node"))


# By the name of the backend. One that cannot run here skips or fails for itself.
RIGS: dict[str, Callable[[pytest.FixtureRequest], Rig]] = {"embedded": embedded_rig, "bitcoind": bitcoind_rig}


@pytest.fixture(params=RIGS)
def rig(request: pytest.FixtureRequest) -> Iterator[Rig]:
    """Every backend in turn."""
    rig = RIGS[request.param](request)
    yield rig
    rig.close()


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
def node(bitcoind: Path) -> Iterator[RegtestNode]:
    """One node for all tests; a test that stops it starts it again."""
    usage = subprocess.run([bitcoind, "-help"], capture_output=True, text=True, check=True).stdout
    options = [*OPTIONS, CORE_POLICY] if f"  {CORE_POLICY}\n" in usage else OPTIONS
    with (
        TemporaryDirectory(dir=fast_directory()) as directory,
        RegtestNode(Path(directory), bitcoind, options) as node,
    ):
        yield node


@pytest.fixture(autouse=True)
def no_fsync(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait for the disk: a killed process needs no fsync, and test_disk.py sees where it is called."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


def fast_directory() -> Path | None:
    """Return a place in memory if there is one: a node waits for the disk at every step."""
    memory = Path("/dev/shm")
    return memory if os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 1 << 28 else None
