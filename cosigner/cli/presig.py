"""mpcw presig: the presignatures with which SegWit inputs are signed."""

import time
from dataclasses import asdict
from typing import Annotated, Any, Final

import typer
from rich.text import Text

from cosigner.cli import show
from cosigner.cli.command import Invocation, command
from cosigner.cli.refill import progress_text, refill_line, trouble_text
from cosigner.cli.show import Line
from cosigner.cli.spending import signers_of
from cosigner.cli.unlock import PassphraseFiles, unlock
from cosigner.errors import NotEnoughSignersError, NotKeptError
from cosigner.exit_codes import ExitCode
from cosigner.keeper import Refilling
from cosigner.local import LocalWallet
from cosigner.pools import PoolFigures, StockFigures
from cosigner.steps import silent
from protocol.errors import UsageError
from protocol.ids import PartyId

app = typer.Typer(no_args_is_help=True)

SignersOption = Annotated[
    str | None,
    typer.Option("--signers", metavar="PARTIES", help="Whose, such as 0,2; the first t if not given."),
]
_LOOK_SECONDS: Final = 1.0
_ENDS_HERE: Final = "Presignatures end with the process that makes them, and no process keeps this wallet's."


@command(app, examples="mpcw presig status\nmpcw presig status --json")
def status(call: Invocation) -> None:
    """Show how many presignatures there are, how fast they are used and made, and what went wrong."""
    with call.open() as wallet:
        found, epoch = wallet.pool_figures(), wallet.keys.epoch
    call.out.result({"epoch": epoch, **describe(found)}, _table(found, _none_yet(epoch)))
    for line in _remarks(found):
        call.out.note(line)
    for line in _troubles(found):
        call.out.warn(line)
    if any(party.reuse_attempts for party in found.parties):
        call.out.warn(_reuse(found))
    if not found.kept:
        call.out.hint("mpcw serve")


@command(app, examples="mpcw presig refill --count 50 --signers 0,2\nmpcw presig refill --count 32 --measure")
def refill(
    call: Invocation,
    count: Annotated[
        int | None, typer.Option(min=1, help="How many; as many as the target lacks if not given.")
    ] = None,
    signers: SignersOption = None,
    measure: Annotated[
        bool, typer.Option("--measure", help="Make them in this process, only to see how fast it is.")
    ] = False,
    passphrase_file: PassphraseFiles = None,
) -> None:
    """Make presignatures now, more than the watermarks ask for if there is room."""
    with call.open(silent) as wallet:
        group, before = _group(wallet, signers), wallet.pool_figures()
        if not before.kept and not measure:
            raise NotKeptError(
                "no process keeps this wallet's presignatures, and they would end with this one",
                "start mpcw serve, which fills the pool by itself; send --wait makes what a payment needs",
            )
        unlock(wallet, group, passphrase_file or [], call.out)
        ready = next((it.ready for it in before.stocks if it.signers == group), 0)
        wanted = before.watermarks.target - ready if count is None else count
        if wanted < 1:
            raise UsageError(f"there are {ready} already, no fewer than the target: say --count")
        began = time.perf_counter()
        made = wallet.pools.refill(group, wanted, refill_line(call.out))
        seconds = time.perf_counter() - began
    names = ", ".join(map(str, group))
    value = {"signers": list(group), "made": made, "seconds": round(seconds, 3), "kept": before.kept}
    rate = f"{made / seconds:.1f} per second"
    call.out.result(value, [f"{made} made by {names} in {seconds:.1f} s: {rate}"])
    if not before.kept:
        call.out.note("They have ended with this process.")
        call.out.hint("mpcw serve")


@command(app, examples="mpcw presig drain\nmpcw presig drain --signers 0,2")
def drain(
    call: Invocation,
    signers: Annotated[
        str | None, typer.Option(metavar="PARTIES", help="Only theirs, such as 0,2; all if not given.")
    ] = None,
) -> None:
    """Void the presignatures that there are, so that none can be used; `mpcw serve` makes new ones."""
    with call.open() as wallet:
        group = None if signers is None else _group(wallet, signers)
        kept = wallet.pool_figures().kept
        voided = wallet.pools.drain(group) if kept else 0
    call.out.result({"voided": voided, "kept": kept}, [f"{show.count(voided, 'presignature')} voided"])
    if not kept:
        call.out.note(_ENDS_HERE)


@command(app, examples="mpcw presig purge")
def purge(call: Invocation, passphrase_file: PassphraseFiles = None) -> None:
    """Forget void presignatures, and leave no trace of them in the files of the parties."""
    with call.open() as wallet:
        before = wallet.pool_figures()
        left = 0
        if not before.kept:  # unsealing a file voids and forgets what another process has left in it
            left = sum(party.voided for party in before.parties)
            unlock(wallet, [PartyId(i) for i in range(wallet.plan.n)], passphrase_file or [], call.out)
        gone = left + wallet.pools.purge()
    call.out.result({"rows": gone}, [f"{show.count(gone, 'row')} gone from the files of the parties"])


@command(app, examples="mpcw presig watch\nmpcw presig watch --signers 0,1 --signers 0,2")
def watch(
    call: Invocation,
    signers: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PARTIES", help="Keep theirs filled; the first t if not given. Repeat for more."
        ),
    ] = None,
    seconds: Annotated[float | None, typer.Option(min=0, help="End by itself after so long.")] = None,
    passphrase_file: PassphraseFiles = None,
) -> None:
    """Show the pool as it changes, until Ctrl-C; fill it meanwhile if no other process does."""
    with call.open(silent) as wallet:
        groups = [_group(wallet, text) for text in (signers or (None,))]
        if wallet.pool_figures().kept:
            found, interrupted = _look(call, wallet, seconds)
        else:
            members = sorted({party for group in groups for party in group})
            unlock(wallet, members, passphrase_file or [], call.out)
            with wallet.own_pools.kept(groups):
                _, interrupted = _look(call, wallet, seconds)
                call.out.note("Ending, when the batch that is being made is done.")
            found = wallet.pool_figures()
            ended = sum(stock.ready for stock in found.stocks)
            call.out.note(f"{show.count(ended, 'presignature')} ended with this process.")
            call.out.hint("mpcw serve")
    call.out.result(describe(found), [])
    if interrupted:
        raise typer.Exit(ExitCode.INTERRUPTED)


def _look(call: Invocation, wallet: LocalWallet, seconds: float | None) -> tuple[PoolFigures, bool]:
    """Show the figures again and again; return the last ones, and whether the user has ended it."""
    end = None if seconds is None else time.monotonic() + seconds
    found = wallet.pool_figures()
    with call.out.table() as shown:
        try:
            while end is None or time.monotonic() < end:
                shown(_screen(found, wallet.keys.epoch))
                time.sleep(
                    _LOOK_SECONDS if end is None else min(_LOOK_SECONDS, max(0.0, end - time.monotonic()))
                )
                found = wallet.pool_figures()
        except KeyboardInterrupt:
            return found, True
        shown(_screen(found, wallet.keys.epoch))
    return found, False


def _group(wallet: LocalWallet, text: str | None) -> tuple[PartyId, ...]:
    """Return t signers.

    Raises:
        NotEnoughSignersError: they are not t.
    """
    group = signers_of(wallet, text)
    if len(group) != wallet.plan.t:
        raise NotEnoughSignersError(
            f"presignatures are made by exactly {wallet.plan.t} parties of this wallet"
        )
    return group


# ---- what is shown ----


def describe(found: PoolFigures) -> dict[str, Any]:
    """Return the figures of pools for scripts."""
    return {
        "kept": found.kept,
        "watermarks": asdict(found.watermarks),
        "stocks": [_stock_value(stock) for stock in found.stocks],
        "parties": [asdict(party) for party in found.parties],
    }


def _stock_value(stock: StockFigures) -> dict[str, Any]:
    figures, doing = stock.statistics, stock.doing
    value: dict[str, Any] = {
        "signers": list(stock.signers),
        "ready": stock.ready,
        "pending": figures.pending,
        "granted": figures.granted,
        "generated": figures.generated,
        "burned": figures.burned,
        "voided": figures.voided,
        "used_last_hour": figures.hourly_use,
        "made_last_hour": figures.refill_rate,
        "seconds_to_empty": figures.time_to_empty,
        "oldest_seconds": figures.oldest,
        "refilling": None,
        "waiting": None,
    }
    if isinstance(doing, Refilling):
        left = None if doing.seconds_left is None else round(doing.seconds_left)
        value["refilling"] = {
            **{name: getattr(doing, name) for name in ("batch", "batches", "made", "wanted")},
            "per_second": round(doing.per_second, 3),
            "seconds_left": left,
        }
    elif doing is not None:
        value["waiting"] = {"peers": list(doing.peers), "until": doing.until, "reason": doing.reason}
    return value


def _none_yet(epoch: int) -> str:
    """Say that there were no presignatures for the shares in use."""
    if not epoch:
        return "There were never any presignatures."
    return (
        f"The shares were refreshed (epoch {epoch}): presignatures of before are void. There are no new ones."
    )


def _table(found: PoolFigures, empty: str) -> list[Line]:
    numbers = ("ready", "granted", "pending", "used/h", "made/h", "lasts", "oldest")
    rows = show.Rows("signers", *numbers, right=numbers)
    for stock in found.stocks:
        figures = stock.statistics
        counts = (figures.granted, figures.pending, figures.hourly_use, figures.refill_rate)
        times = (_span(figures.time_to_empty if stock.ready else None), _span(figures.oldest))
        ever = f"made {figures.generated}, used {figures.burned}, void {figures.voided}"
        names = ", ".join(map(str, stock.signers))
        rows.add(
            names, _ready(stock, found), *map(str, counts), *times, below="\n".join([ever, *_doing(stock)])
        )
    return rows.lines(empty)


def _screen(found: PoolFigures, epoch: int) -> list[Line]:
    return [
        *_table(found, _none_yet(epoch)),
        *_remarks(found),
        *(Text(line, "yellow") for line in _troubles(found)),
    ]


def _ready(stock: StockFigures, found: PoolFigures) -> Text:
    """Return how many are ready: red if none is, green if there are enough."""
    enough = "green" if stock.ready >= found.watermarks.low else "yellow"
    return Text(str(stock.ready), (enough if stock.ready else "red") if found.kept else "")


def _span(seconds: int | None) -> str:
    return "" if seconds is None else show.span(seconds)


def _doing(stock: StockFigures) -> list[str]:
    doing = stock.doing
    if doing is None:
        return []
    if isinstance(doing, Refilling):
        return [progress_text(doing)]
    peers = " and ".join(f"party {party}" for party in doing.peers) or "another leader"
    return [f"waits for {peers} until {show.when(doing.until)} UTC: {doing.reason}"]


def _remarks(found: PoolFigures) -> list[Line]:
    marks = found.watermarks
    lines: list[Line] = []
    if found.kept:
        age = show.span(marks.max_age)
        lines.append(f"filled to {marks.target} below {marks.low}, never above {marks.max}; void after {age}")
    else:
        lines.append(_ENDS_HERE)
    if voided := max((party.voided for party in found.parties), default=0):
        lines.append(
            f"A process ended with {show.count(voided, 'presignature')}: void, like all that it had."
        )
    return lines


def _troubles(found: PoolFigures) -> list[str]:
    return [trouble_text(it.party, it.trouble) for it in found.parties if it.trouble is not None]


def _reuse(found: PoolFigures) -> str:
    counts = ", ".join(f"party {it.party}: {it.reuse_attempts}" for it in found.parties if it.reuse_attempts)
    return f"somebody asked for presignatures that were used before, and was refused ({counts})"
