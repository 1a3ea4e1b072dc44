"""Settings of the whole suite, and the bitcoind of the tests that want one."""

import gc
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, settings

from wallet.chain.regtest_node import RegtestNode, find_bitcoind
from wallet.errors import UnknownError

# a shared machine is sometimes slow: what is slow by itself shows in the benchmarks
settings.register_profile(
    "mpcwallet", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
# The verdict on a commit is about the commit: its examples are a function of its tests. Every run by hand
# draws new ones; what fails is told, kept in .hypothesis, and belongs into the test as an @example.
settings.register_profile("mpcwallet-ci", settings.get_profile("mpcwallet"), derandomize=True, database=None)
settings.load_profile("mpcwallet-ci" if os.environ.get("CI") else "mpcwallet")

# a shell that runs the suite in the background has it ignore Ctrl-C, and children inherit that
signal.signal(signal.SIGINT, signal.default_int_handler)

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
def node(bitcoind: Path) -> Iterator[RegtestNode]:
    """One node for all tests; a test that stops it starts it again."""
    with running_node(bitcoind) as node:
        yield node


@contextmanager
def running_node(bitcoind: Path) -> Iterator[RegtestNode]:
    """Run a node with the policy of Bitcoin Core."""
    usage = subprocess.run([bitcoind, "-help"], capture_output=True, text=True, check=True).stdout
    options = [*OPTIONS, CORE_POLICY] if f"  {CORE_POLICY}\n" in usage else OPTIONS
    with (
        TemporaryDirectory(dir=fast_directory()) as directory,
        RegtestNode(Path(directory), bitcoind, options) as node,
    ):
        yield node


def fast_directory() -> Path | None:
    """Return a place in memory if there is one: a node waits for the disk at every step."""
    memory = Path("/dev/shm")
    return memory if os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 1 << 28 else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that have a slow test, so that no core waits for one at the end."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


def pytest_collection_finish() -> None:
    """Keep what stays until the end out of every search for garbage: tests count what is left of secrets."""
    gc.collect()
    gc.freeze()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show what tests have recorded as measured."""
    passed = terminalreporter.getreports("passed")
    lines = [text for report in passed for name, text in report.user_properties if name == "measured"]
    if lines:
        terminalreporter.section("measured")
        for line in lines:
            terminalreporter.write_line(str(line))
