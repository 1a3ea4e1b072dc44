"""mpcw doctor: what this machine lacks."""

import os
import resource
import stat
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import typer
from rich.text import Text

from cosigner.cli import show
from cosigner.cli.command import Invocation, command
from cosigner.errors import UnreachableError
from cosigner.home import Home
from storage.errors import StorageError
from wallet.chain.regtest_node import find_bitcoind
from wallet.errors import UnknownError

app = typer.Typer(add_completion=False)

LOCKED_MEMORY: Final = 64 << 20  # bytes: shares, nonces, and the presignatures that will come


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one check."""

    name: str
    good: bool
    text: str


@command(app, wallet=False, examples="mpcw doctor")
def doctor(call: Invocation) -> None:
    """Check what wallets need of this machine."""
    found = [check(call.place) for check in _CHECKS]
    rows = show.Rows("", "check", "finding")
    for item in found:
        state = Text("ok", "green") if item.good else Text("look", "yellow")
        rows.add(state, item.name, item.text)
    value = [{"check": item.name, "ok": item.good, "finding": item.text} for item in found]
    call.out.result(value, rows.lines())


def _locked_memory(_: Home) -> Finding:
    limit, _hard = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    if limit == resource.RLIM_INFINITY:
        return Finding("locked memory", True, "unlimited")
    enough = limit >= LOCKED_MEMORY
    text = f"{limit >> 10} KiB" + ("" if enough else f": raise it to {LOCKED_MEMORY >> 10} with ulimit -l")
    return Finding("locked memory", enough, text)


def _core_dumps(_: Home) -> Finding:
    limit, _hard = resource.getrlimit(resource.RLIMIT_CORE)
    good = limit == 0
    return Finding("core dumps", good, "off" if good else "on: ulimit -c 0 is safer")


def _home(home: Home) -> Finding:
    if not home.path.exists():
        return Finding("home", True, f"{home.path} will be made with the first wallet")
    if not os.access(home.path, os.W_OK):
        return Finding("home", False, f"{home.path} cannot be written: no wallet in it can be opened")
    mode = stat.S_IMODE(home.path.stat().st_mode)
    good = not mode & 0o077
    return Finding(
        "home", good, f"{home.path}, mode {mode:03o}" + ("" if good else f": chmod 700 {home.path}")
    )


def _servers(home: Home) -> Finding:
    from cosigner.remote import Server  # noqa: PLC0415  (gRPC takes its time)

    found = []
    for name in home.wallets():
        try:
            server = Server.find(home.wallet(name).meeting)
        except (StorageError, UnreachableError) as e:
            return Finding("mpcw serve", False, f"{name}: {e}")
        if server is not None:
            with server:
                parties = ", ".join(map(str, server.about.parties))
                found.append(f"{name}: party {parties}, process {server.about.process}")
    return Finding("mpcw serve", True, "; ".join(found) or "runs for no wallet")


def _library(_: Home) -> Finding:
    from native import secp  # noqa: F401, PLC0415  (loading it is the check)

    return Finding("C core", True, "loads, with libsecp256k1 of coincurve")


def _bitcoind(_: Home) -> Finding:
    try:
        return Finding("bitcoind", True, str(find_bitcoind()))
    except UnknownError as e:
        return Finding("bitcoind", False, f"{e} (for --chain bitcoind)")


_CHECKS: Final[tuple[Callable[[Home], Finding], ...]] = (
    _locked_memory,
    _core_dumps,
    _home,
    _servers,
    _library,
    _bitcoind,
)
