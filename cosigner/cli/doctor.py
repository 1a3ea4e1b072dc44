"""mpcw doctor: what this machine lacks."""

import resource
import stat
from collections.abc import Callable
from dataclasses import dataclass

import typer

from cosigner.cli import show
from cosigner.cli.command import Invocation, command
from cosigner.home import Home
from wallet.chain.regtest_node import find_bitcoind
from wallet.errors import UnknownError

LOCKED_MEMORY = 64 << 20  # bytes: shares, nonces, and the presignatures that will come


def register(app: typer.Typer) -> None:
    """Add the command to the top level."""
    command(app, wallet=False, examples="mpcw doctor")(doctor)


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one check."""

    name: str
    good: bool
    text: str


def doctor(call: Invocation) -> None:
    """Check what wallets need of this machine."""
    checks: tuple[Callable[[Home], Finding], ...] = (_locked_memory, _core_dumps, _home, _library, _bitcoind)
    found = [check(call.place) for check in checks]
    rows = show.table("", "check", "finding")
    for item in found:
        rows.add_row("[green]ok[/green]" if item.good else "[yellow]look[/yellow]", item.name, item.text)
    value = [{"check": item.name, "ok": item.good, "finding": item.text} for item in found]
    call.out.result(value, lambda console: console.print(rows))


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
    return Finding(
        "core dumps", good, "off" if good else "on: secrets are kept out of them, but ulimit -c 0 is safer"
    )


def _home(home: Home) -> Finding:
    if not home.path.exists():
        return Finding("home", True, f"{home.path} will be made with the first wallet")
    mode = stat.S_IMODE(home.path.stat().st_mode)
    good = not mode & 0o077
    return Finding(
        "home", good, f"{home.path}, mode {mode:03o}" + ("" if good else f": chmod 700 {home.path}")
    )


def _library(_: Home) -> Finding:
    from native import secp  # noqa: F401, PLC0415  (loading it is the check)

    return Finding("C core", True, "loads, with libsecp256k1 of coincurve")


def _bitcoind(_: Home) -> Finding:
    try:
        return Finding("bitcoind", True, str(find_bitcoind()))
    except UnknownError as e:
        return Finding("bitcoind", False, f"{e}; only needed for other chains than the embedded one")
