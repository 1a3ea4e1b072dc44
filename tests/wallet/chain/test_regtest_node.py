import math
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from wallet.chain import regtest_node
from wallet.chain.regtest_node import RegtestNode, find_bitcoind
from wallet.chain.rpc import RpcClient
from wallet.errors import ChainError, UnknownError


def program(directory: Path, name: str = "bitcoind", script: str = "") -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def height(node: RegtestNode) -> int:
    return RpcClient(node.endpoint).call("getblockcount").integer()


# which program


def test_a_bitcoind_is_looked_for_in_the_order_that_is_documented(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(regtest_node, "_CLONE", tmp_path / "clone")
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    monkeypatch.delenv("BITCOIND", raising=False)
    with pytest.raises(UnknownError, match="no bitcoind on this machine") as caught:
        find_bitcoind()
    assert "make bitcoind" in caught.value.hint

    fetched = program(tmp_path / "clone" / ".cache" / "bitcoind")
    assert find_bitcoind() == fetched
    on_path = program(tmp_path / "path")
    assert find_bitcoind() == on_path
    named = program(tmp_path, "mine")
    monkeypatch.setenv("BITCOIND", str(named))
    assert find_bitcoind() == named
    assert find_bitcoind(on_path) == on_path


def test_a_named_program_that_is_none_is_an_error_and_no_other_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("BITCOIND", str(tmp_path / "nothing"))
    with pytest.raises(UnknownError, match="nothing is no program"):
        find_bitcoind()


# programs that do not start


def test_a_program_that_ends_is_an_error_with_its_words(tmp_path: Path) -> None:
    broken = program(tmp_path, script="echo out of luck >&2; exit 3")
    with pytest.raises(ChainError, match="ended when it started: out of luck"):
        RegtestNode(tmp_path / "node", broken)


def test_its_last_words_have_the_end_of_its_log_and_nothing_of_an_earlier_run(tmp_path: Path) -> None:
    log = tmp_path / "node" / "regtest" / "debug.log"
    log.parent.mkdir(parents=True)
    log.write_text("earlier\n")
    broken = program(tmp_path, script=f"seq 100 >> {log}; exit 1")
    with pytest.raises(ChainError) as caught:
        RegtestNode(tmp_path / "node", broken)
    assert str(caught.value).endswith("\n".join(map(str, range(86, 101))))

    log.write_text("earlier\n")
    with pytest.raises(ChainError) as caught:
        RegtestNode(tmp_path / "node", program(tmp_path, script=f"echo now >> {log}; exit 1"))
    assert str(caught.value).endswith("ended when it started: now")


def test_a_program_that_never_answers_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deaf = program(tmp_path, script=f"echo $$ > {tmp_path}/pid; exec sleep 600")

    def monotonic() -> float:
        return math.inf if pid_in(tmp_path) else 0.0  # its time is over when it runs

    monkeypatch.setattr(regtest_node, "time", SimpleNamespace(monotonic=monotonic, sleep=time.sleep))
    with pytest.raises(ChainError, match="does not answer"):
        RegtestNode(tmp_path / "node", deaf)
    assert gone(int(pid_in(tmp_path)))


def pid_in(directory: Path) -> str:
    """What a program has written as its process id; empty before it runs."""
    path = directory / "pid"
    return path.read_text().strip() if path.exists() else ""


def test_a_port_that_was_taken_in_the_meantime_is_replaced_by_another(tmp_path: Path) -> None:
    taken = program(
        tmp_path, script=f"echo x >> {tmp_path}/ports; echo 'Unable to bind to any endpoint' >&2; exit 1"
    )
    with pytest.raises(ChainError, match="another program listens"):
        RegtestNode(tmp_path / "node", taken)
    assert len((tmp_path / "ports").read_text().split()) == 3


def test_a_program_that_does_not_stop_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(regtest_node, "STOP_SECONDS", 0.3)

    def until_it_runs(*_: object) -> None:
        late = time.monotonic() + 60
        while not pid_in(tmp_path):
            assert time.monotonic() < late
            time.sleep(0.02)

    monkeypatch.setattr(RegtestNode, "_wait_until_ready", until_it_runs)
    stubborn = program(tmp_path, script=f"trap '' TERM; echo $$ > {tmp_path}/pid; while :; do sleep 1; done")
    node = RegtestNode(tmp_path / "node", stubborn)
    node.stop()
    assert gone(int(pid_in(tmp_path)))


# the real one


def test_a_chain_outlives_a_stop_and_a_kill_and_keeps_its_port(bitcoind: Path, tmp_path: Path) -> None:
    with RegtestNode(tmp_path / "node", bitcoind) as node:
        port = node.endpoint.port
        RpcClient(node.endpoint).call("generatetodescriptor", 3, "raw(51)")
        node.stop()
        node.start()
        assert height(node) == 3
        node.kill()
        node.start()  # the cookie of the killed one is still there
        assert height(node) <= 3
        assert node.endpoint.port == port
    node.stop()  # again: nothing happens


def test_a_refused_option_is_an_error_with_its_words(bitcoind: Path, tmp_path: Path) -> None:
    with pytest.raises(ChainError, match="Invalid parameter -nonsense"):
        RegtestNode(tmp_path / "node", bitcoind, ["-nonsense"])


def test_a_directory_that_another_node_uses_is_an_error(bitcoind: Path, tmp_path: Path) -> None:
    with RegtestNode(tmp_path / "node", bitcoind) as node:
        with pytest.raises(ChainError, match=f"another node runs in {tmp_path / 'node'}") as caught:
            RegtestNode(tmp_path / "node", bitcoind)
        assert "choose another directory" in caught.value.hint
        assert height(node) == 0  # which it has not disturbed


def test_the_directory_is_private(bitcoind: Path, tmp_path: Path) -> None:
    with RegtestNode(tmp_path / "node", bitcoind) as node:
        assert node.datadir.stat().st_mode & 0o077 == 0


STARTER = """
import sys, time
from pathlib import Path
from wallet.chain.regtest_node import RegtestNode
node = RegtestNode(Path(sys.argv[1]), Path(sys.argv[2]))
print("ready", flush=True)
time.sleep(600)
"""


def test_the_node_ends_when_its_starter_is_killed(bitcoind: Path, tmp_path: Path) -> None:
    datadir = tmp_path / "node"
    with subprocess.Popen(
        [sys.executable, "-c", STARTER, datadir, bitcoind], stdout=subprocess.PIPE, text=True
    ) as starter:
        assert starter.stdout is not None
        assert starter.stdout.readline() == "ready\n"
        node = int((datadir / "regtest" / "bitcoind.pid").read_text())
        assert not gone(node, seconds=0)
        os.kill(starter.pid, signal.SIGKILL)
    assert gone(node)


def gone(pid: int, seconds: float = 60) -> bool:
    """Whether a process ends in time."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.02)


# its port


def test_a_port_that_is_given_is_kept(bitcoind: Path, tmp_path: Path) -> None:
    with RegtestNode(tmp_path, bitcoind) as node:
        port = node.endpoint.port
    with RegtestNode(tmp_path, bitcoind, port=port) as node:
        assert node.endpoint.port == port
        assert height(node) == 0


def test_a_given_port_that_is_taken_is_named_at_once_and_no_other_is_used(
    bitcoind: Path, tmp_path: Path
) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(ChainError, match=f"^another program listens on port {port}$") as caught:
            RegtestNode(tmp_path, bitcoind, port=port)
    assert "end it" in caught.value.hint
    assert "choose another port" in caught.value.hint
    log = (tmp_path / "regtest" / "debug.log").read_text()
    assert log.count("Unable to bind") == 1
