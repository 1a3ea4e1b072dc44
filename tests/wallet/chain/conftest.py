"""The backends that the suite in test_backend.py runs on."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import running_node
from tests.wallet.chain.bitcoind.rig import BitcoindRig
from tests.wallet.chain.embedded.rig import EmbeddedRig
from tests.wallet.chain.rig import Rig
from wallet.chain.regtest_node import RegtestNode


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
def node(bitcoind: Path) -> Iterator[RegtestNode]:
    """One node for all tests; a test that stops it starts it again."""
    with running_node(bitcoind) as node:
        yield node


@pytest.fixture(autouse=True)
def no_fsync(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait for the disk: a killed process needs no fsync, and test_disk.py sees where it is called."""
    monkeypatch.setattr(os, "fsync", lambda _: None)
