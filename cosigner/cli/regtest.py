"""mpcw regtest: a throwaway bitcoind."""

import shlex
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from cosigner.cli import show
from cosigner.cli.command import Invocation, command
from wallet.chain.regtest_node import RegtestNode
from wallet.errors import ChainError

app = typer.Typer(add_completion=False)


@command(
    app,
    wallet=False,
    examples="mpcw regtest\nmpcw regtest --dir ~/chain --port 18543 --bitcoind /opt/bitcoin/bin/bitcoind",
)
def regtest(
    call: Invocation,
    directory: Annotated[
        Path | None,
        typer.Option(
            "--dir", help="Where its chain is kept; a directory that is removed at the end if not given."
        ),
    ] = None,
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Of its JSON-RPC; a free one if not given.")
    ] = None,
    binary: Annotated[
        Path | None,
        typer.Option("--bitcoind", help="Which; otherwise $BITCOIND, then PATH, then `make bitcoind`."),
    ] = None,
) -> None:
    """Run a bitcoind with a regtest chain of its own until Ctrl-C."""
    with (
        _ended_like_ctrl_c(),
        tempfile.TemporaryDirectory(prefix="mpcw-regtest-") as temporary,
        RegtestNode(_place(directory, temporary), binary, port=port) as node,
    ):
        try:
            _tell(call, node, kept=directory is not None)
            code = node.wait()
        except KeyboardInterrupt:
            call.out.note("stopped")
        else:
            raise ChainError(f"bitcoind ended by itself with exit code {code}")


def _tell(call: Invocation, node: RegtestNode, *, kept: bool) -> None:
    """Say how to make a wallet on a node, and how to go on with its chain if that is kept."""
    url, cookie = node.endpoint.url, node.endpoint.cookie
    value = {"url": url, "cookie": str(cookie), "datadir": str(node.datadir)}
    rows = show.facts(("url", url), ("cookie", str(cookie)), ("datadir", str(node.datadir)))
    call.out.result(value, rows)
    call.out.hint(f"mpcw wallet create NAME --chain bitcoind --rpc-url {url} --rpc-cookie {cookie}")
    call.out.note("Ctrl-C ends it.")
    if kept:
        again = shlex.quote(str(node.datadir))
        call.out.note(f"To go on with this chain: mpcw regtest --dir {again} --port {node.endpoint.port}")


def _place(directory: Path | None, temporary: str) -> Path:
    """Return where the chain is, as a command that is typed elsewhere takes it."""
    return Path(temporary) if directory is None else directory.expanduser().absolute()


@contextmanager
def _ended_like_ctrl_c() -> Iterator[None]:
    """Have SIGTERM and the end of the terminal do as Ctrl-C does: nothing is left behind."""
    numbers = (signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, signal.default_int_handler) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
