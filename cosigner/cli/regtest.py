"""mpcw regtest: a throwaway bitcoind."""

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from cosigner.cli import show
from cosigner.cli.command import Invocation, command
from wallet.chain.regtest_node import RegtestNode


def register(app: typer.Typer) -> None:
    """Add the command to the top level."""
    command(
        app,
        wallet=False,
        examples="mpcw regtest\nmpcw regtest --dir /tmp/chain --bitcoind /opt/bitcoin/bin/bitcoind",
    )(regtest)


def regtest(
    call: Invocation,
    directory: Annotated[
        Path | None,
        typer.Option(
            "--dir", help="Where its chain is kept; a directory that is removed at the end if not given."
        ),
    ] = None,
    binary: Annotated[
        Path | None,
        typer.Option("--bitcoind", help="Which; otherwise $BITCOIND, then PATH, then `make bitcoind`."),
    ] = None,
) -> None:
    """Run a bitcoind with a regtest chain of its own until Ctrl-C."""
    with (
        tempfile.TemporaryDirectory(prefix="mpcw-regtest-") as temporary,
        RegtestNode(directory or Path(temporary), binary) as node,
    ):
        url, cookie = node.endpoint.url, node.endpoint.cookie
        value = {"url": url, "cookie": str(cookie), "datadir": str(node.datadir)}
        rows = show.facts(("url", url), ("cookie", str(cookie)), ("datadir", str(node.datadir)))
        call.out.result(value, lambda console: console.print(rows))
        call.out.hint(f"mpcw wallet create NAME --chain bitcoind --rpc-url {url} --rpc-cookie {cookie}")
        call.out.note("Ctrl-C ends it.")
        try:
            node.wait()
        except KeyboardInterrupt:
            call.out.note("stopped")
