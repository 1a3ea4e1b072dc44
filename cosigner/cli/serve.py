"""mpcw serve: keep parties unlocked and their pools filled, for all other commands."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from itertools import combinations, islice
from typing import Annotated, Final

import typer

from cosigner.cli import show
from cosigner.cli.command import Invocation, command
from cosigner.cli.journal import Journal
from cosigner.cli.unlock import PassphraseFiles, unlock
from cosigner.daemon import Daemon
from cosigner.local import LocalWallet
from cosigner.meeting import MeetingPlace
from cosigner.parties import OwnParties
from presig_pool.watermarks import Watermarks
from protocol.errors import UsageError
from protocol.ids import PartyId

app = typer.Typer(add_completion=False)

MAX_KEPT: Final = 8  # signer sets; of more, only those with the first parties are kept filled
_STOPPING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_LOOK_SECONDS: Final = 1.0


@command(
    app,
    examples="""
mpcw serve
mpcw serve -w treasury --parties 0,1
mpcw serve --low 50 --target 200 --max 300
mpcw serve --json
""",
)
def serve(
    call: Invocation,
    parties: Annotated[
        str | None, typer.Option(metavar="PARTIES", help="Whom to serve, such as 0,1; all if not given.")
    ] = None,
    low: Annotated[int | None, typer.Option(help="Refill a signer set that has fewer.")] = None,
    target: Annotated[int | None, typer.Option(help="Refill it to so many.")] = None,
    most: Annotated[int | None, typer.Option("--max", help="Never let it have more.")] = None,
    passphrase_file: PassphraseFiles = None,
) -> None:
    """Keep parties unlocked and their presignatures ready, for all other commands, until Ctrl-C.

    Other commands of the same user find the server by itself: they ask for no passphrase, and payments from
    SegWit coins use the presignatures that it has made. It writes what it does, a line each.
    """
    journal = Journal(call.out)
    with ExitStack() as stack, call.open(journal.step) as wallet:
        chosen, threshold, name = _parties_of(wallet, parties), wallet.plan.t, wallet.name
        marks = _marks(wallet, low=low, target=target, max=most)
        place = stack.enter_context(MeetingPlace.claim(wallet.folder.meeting))
        wallet.let_go()  # or all other commands would wait while passphrases are typed
        unlock(wallet, chosen, passphrase_file or [], call.out)
        own = wallet.detach()
        stack.callback(own.close)
        stop = stack.enter_context(stopped_by_signals())
        _tell_void(journal, own)
        if own.pools is not None and marks is not None:
            own.pools.keep_to(marks)
        stack.enter_context(Daemon(place, own, journal.incident))
        if own.pools is not None:  # ends before the daemon does: who wants to sign meanwhile can
            groups = list(islice(combinations(chosen, threshold), MAX_KEPT))
            stack.enter_context(own.pools.kept(groups, journal.refill))
        names = ", ".join(map(str, chosen))
        facts = {"wallet": name, "parties": list(chosen), "process": os.getpid()}
        journal.event("serving", f"serving party {names} of {name}, process {os.getpid()}", facts, "green")
        while not stop.wait(_LOOK_SECONDS):
            if own.pools is not None:
                journal.status(own.pools.figures())
        journal.quiet()
        journal.event("stopping", "stopping, when the batch that is being made is done", {"wallet": name})
    journal.event("stopped", "stopped: parties are sealed, presignatures void", {"wallet": name})


def _marks(wallet: LocalWallet, **asked: int | None) -> Watermarks | None:
    """Return the watermarks that the user asks for; None for the wallet's own.

    Raises:
        UsageError: they do not fit each other.
        UnknownError: the wallet has no SegWit account.
    """
    given = {name: mark for name, mark in asked.items() if mark is not None}
    return replace(wallet.own_pools.watermarks, **given) if given else None


def _parties_of(wallet: LocalWallet, text: str | None) -> tuple[PartyId, ...]:
    """Return the parties to serve, ascending.

    Raises:
        UsageError: the text is no list of parties.
    """
    everybody = tuple(map(PartyId, range(wallet.plan.n)))
    if text is None:
        return everybody
    wanted = {part.strip() for part in text.split(",")}
    chosen = tuple(i for i in everybody if str(i) in wanted)
    if len(chosen) != len(wanted):
        raise UsageError(f"{text!r} is no list of parties, such as 0,2, of 0..{wallet.plan.n - 1}")
    return chosen


def _tell_void(journal: Journal, own: OwnParties) -> None:
    """Say what a process that did not end well has left."""
    for party, store in own.stores.items():
        if own.pools is not None and (count := store.presignatures.voided):
            text = f"party {party}: {show.count(count, 'presignature')} of an earlier process are void"
            journal.event("void", text, {"party": party, "count": count})


@contextmanager
def stopped_by_signals() -> Iterator[threading.Event]:
    """Lend an event that Ctrl-C, SIGTERM and the end of the terminal set."""
    stop = threading.Event()
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in _STOPPING}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
