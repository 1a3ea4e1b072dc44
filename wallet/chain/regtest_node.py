"""A throwaway bitcoind with a regtest chain of its own, for tests and for trying things out."""

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from wallet.chain.endpoint import Endpoint
from wallet.chain.rpc import RpcClient
from wallet.errors import ChainError, UnknownError
from wallet.network import REGTEST

START_SECONDS: Final = 30.0
STOP_SECONDS: Final = 60.0

_CLONE: Final = Path(__file__).parents[2]
_LOG_LINES: Final = 15
_ATTEMPTS: Final = 3
_POLL_SECONDS: Final = 0.02
_PORTS: Final = range(20_000, 32_768)  # below those that Linux gives to connections

# The node ends when its starter does, however that ends: the shell sees its standard input close.
_SUPERVISOR: Final = """
exec 3<&0
"$@" 3<&- & node=$!
{ read -r _ <&3; kill "$node"; } & watch=$!
wait "$node"; code=$?
kill "$watch" 2>/dev/null
exit "$code"
"""

_OPTIONS: Final = (
    "-regtest",
    "-server",
    "-listen=0",
    "-connect=0",
    "-txindex=0",
    "-fallbackfee=0.00001",
    "-printtoconsole=0",
)


def find_bitcoind(binary: Path | None = None) -> Path:
    """Return the bitcoind to start: a given one, $BITCOIND, one on PATH, or what `make bitcoind` has fetched.

    Raises:
        UnknownError: there is none, or the one that is named is no program.
    """
    named = str(binary or os.environ.get("BITCOIND", ""))
    if named:
        found = shutil.which(named)
        if found is None:
            raise UnknownError(f"{named} is no program", "name a bitcoind, or unset BITCOIND")
        return Path(found)
    for candidate in ("bitcoind", str(_CLONE / ".cache" / "bitcoind" / "bitcoind")):
        if found := shutil.which(candidate):
            return Path(found)
    raise UnknownError(
        "there is no bitcoind on this machine",
        "run make bitcoind in a clone, put one on PATH, or set BITCOIND",
    )


class _PortTakenError(ChainError):
    """Another process took the port before bitcoind did."""


class RegtestNode:
    """A running node; a context that stops it.

    Args:
        datadir: an empty directory, or that of an earlier node, whose chain goes on.
        binary: as find_bitcoind takes it.
        options: of bitcoind, besides those that make it a regtest node of its own.
        port: of its JSON-RPC; a free one if None.

    Raises:
        UnknownError: there is no bitcoind.
        ChainError: it did not start; the error has the end of its log.
    """

    def __init__(
        self,
        datadir: Path,
        binary: Path | None = None,
        options: Sequence[str] = (),
        port: int | None = None,
    ) -> None:
        self.datadir = datadir
        self._port = port
        self._binary = find_bitcoind(binary)
        self._options = tuple(options)
        self._process: subprocess.Popen[bytes] | None = None
        self._endpoint: Endpoint | None = None
        self._log_start = 0  # where in a log that goes on this run begins
        datadir.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.start()

    @property
    def endpoint(self) -> Endpoint:
        """Where its JSON-RPC listens, with its cookie: the same place after a restart."""
        if self._endpoint is None:
            self._endpoint = Endpoint.local(REGTEST, self.datadir, self._port or _free_port())
        return self._endpoint

    def start(self) -> None:
        """Start it and wait until it answers; after stop() it goes on with its chain."""
        if self._port is not None:
            return self._start()
        for _ in range(_ATTEMPTS - 1):
            with contextlib.suppress(_PortTakenError):
                return self._start()
            self._endpoint = None
        return self._start()

    def stop(self) -> None:
        """Stop it cleanly, and kill it if it does not stop."""
        if self._process is None:
            return
        process, self._process = self._process, None
        try:
            process.communicate(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            _kill(process)
        except BaseException:
            _kill(process)
            raise

    def kill(self) -> None:
        """Kill it at once, as a crash would."""
        if self._process is not None:
            process, self._process = self._process, None
            _kill(process)

    def wait(self) -> int:
        """Wait until it ends by itself, and return its exit code."""
        return 0 if self._process is None else self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _start(self) -> None:
        port = f"-rpcport={self.endpoint.port}"
        command = [str(self._binary), *_OPTIONS, f"-datadir={self.datadir.absolute()}", port, *self._options]
        self._log_start = self._log.stat().st_size if self._log.exists() else 0
        with self._stderr.open("wb") as stderr:
            # its own session: Ctrl-C reaches the starter alone, which then stops the node
            self._process = subprocess.Popen(  # noqa: S603 - the user's choice of program
                ["/bin/sh", "-c", _SUPERVISOR, "sh", *command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,  # empty; it ends with the last process that has it
                stderr=stderr,
                start_new_session=True,
            )
        try:
            self._wait_until_ready(self._process)
        except BaseException:
            self.kill()
            raise

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise self._ended(self._last_words())
            # until it has written its cookie there is none, or that of a node that was killed here
            with contextlib.suppress(ChainError):
                RpcClient(self.endpoint).call("getblockcount")
                return
            time.sleep(_POLL_SECONDS)
        raise ChainError(f"{self._binary} does not answer: {self._last_words()}")

    def _ended(self, words: str) -> ChainError:
        """Return the error of a node that ended when it started: what holds what it needs, else its words."""
        port = self.endpoint.port
        if "Unable to bind" in words:
            return _PortTakenError(
                f"another program listens on port {port}",
                f"use the node that runs there, end it (ss -ltnp sport = :{port} names it),"
                " or choose another port",
            )
        if "Cannot obtain a lock" in words:
            return ChainError(
                f"another node runs in {self.datadir} and has the lock of it",
                "use that one, end it, or choose another directory",
            )
        return ChainError(f"{self._binary} ended when it started: {words}")

    @property
    def _log(self) -> Path:
        return self.datadir / "regtest" / "debug.log"

    @property
    def _stderr(self) -> Path:
        return self.datadir / "stderr.log"

    def _last_words(self) -> str:
        """Return what it wrote on standard error, and the end of its log."""
        log = b""
        if self._log.exists():
            with self._log.open("rb") as file:
                file.seek(self._log_start)
                log = file.read()
        lines = [*self._stderr.read_bytes().splitlines(), *log.splitlines()[-_LOG_LINES:]]
        return b"\n".join(lines).decode(errors="replace")


def _free_port() -> int:
    """Return a port that the system gives to no connection: a node that starts again finds it free."""
    for port in random.sample(_PORTS, 100):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise ChainError(f"no port is free from {_PORTS[0]} to {_PORTS[-1]}", "name one for the node")


def _kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
