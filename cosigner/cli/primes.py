"""mpcw primes: find the primes of wallets to come ahead of time, and keep them sealed until one is made."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from cosigner.cli import show
from cosigner.cli.command import Invocation, command
from cosigner.cli.confirm import ask
from cosigner.cli.unlock import PassphraseFiles, new_passphrase, passphrase_files, stock_passphrase
from cosigner.errors import DeclinedError
from cosigner.home import Home
from cosigner.prime_making import PrimeMaker
from cosigner.primes import open_stock
from cosigner.priority import yield_to_others
from protocol.errors import UsageError
from protocol.ids import MAX_PARTIES, PartyId
from storage.engine import Database
from storage.errors import StorageError, WrongPassphraseError
from storage.prime_stock import MAX_SETS, PrimeSet
from wallet.errors import UnknownError

_LOST: Final = "if it is lost, discard them: mpcw primes discard --party PARTY"

app = typer.Typer(no_args_is_help=True)

PartyOption = Annotated[
    list[int] | None,
    typer.Option(
        "--party", min=0, max=MAX_PARTIES - 1, metavar="PARTY", help="Only theirs. Repeat for more."
    ),
]


@command(
    app,
    wallet=False,
    examples="""
mpcw primes make
mpcw primes make -n 5 --count 2
mpcw primes make --party 1 --passphrase-file 1=secret.txt
""",
)
def make(
    call: Invocation,
    parties: Annotated[
        int | None,
        typer.Option("--parties", "-n", min=1, max=MAX_PARTIES, help="For parties 0 to n-1; 3 if not given."),
    ] = None,
    party: PartyOption = None,
    count: Annotated[int, typer.Option(min=1, max=MAX_SETS, help="How many sets for each.")] = 1,
    passphrase_file: PassphraseFiles = None,
) -> None:
    """Search for the primes of new wallets now, so that `mpcw wallet create` need not.

    Each party has a stock of its own, sealed under its passphrase: give it the one that the party of the new
    wallet will have. A wallet takes one set for each party, and no set is ever used twice. Ctrl-C ends the
    search at any time: sets that are sealed stay.
    """
    chosen = _chosen(party, parties)
    files = passphrase_files(passphrase_file or [], MAX_PARTIES)
    with PrimeMaker(call.place, call.out.step) as maker:
        held = {i: _unlock(call, maker, i, files) for i in chosen}
        if full := [i for i, sets in held.items() if sets + count > MAX_SETS]:
            raise UsageError(
                f"a stock holds {MAX_SETS} sets: there is no room for {count} more of {_names(full)}"
            )
        yield_to_others()
        began = time.perf_counter()
        stays = ["Sets that were sealed stay:", call.out.again("  mpcw primes list")]
        with call.out.kept("stocks", str(call.place.stocks), stays):
            for k in range(count):
                for i in chosen:
                    held[i] = maker.make(i, f"set {k + 1} of {count}")
        seconds = time.perf_counter() - began
    value = {"made": count, "seconds": round(seconds, 3), "sets": {str(i): n for i, n in held.items()}}
    each = "each of " if len(chosen) > 1 else ""
    call.out.result(value, [f"{show.count(count, 'set')} for {each}{_names(chosen)} in {seconds:.1f} s"])
    call.out.hint("mpcw wallet create NAME")


@command(app, "list", wallet=False, examples="mpcw primes list\nmpcw primes list --json")
def list_primes(call: Invocation) -> None:
    """List the sets of primes that wait for a wallet; no passphrase is needed."""
    rows = show.Rows("party", "sets", "bits", "made (UTC)", right=("party", "sets", "bits"))
    values: list[dict[str, Any]] = []
    for party in call.place.stocked():
        try:
            found, trouble = _sets(call.place, party), None
        except StorageError as e:
            found, trouble = [], str(e)
        values.append(_describe(party, found, trouble))
        bits = ", ".join(map(str, sorted({item.bits for item in found})))
        rows.add(str(party), str(len(found)) if trouble is None else "?", bits, trouble or _when(found))
    call.out.result(values, rows.lines(f"There are no primes in {call.place.path}."))
    if not any(value["sets"] for value in values):
        call.out.hint("mpcw primes make")


@command(app, wallet=False, examples="mpcw primes discard\nmpcw primes discard --party 1 --yes")
def discard(
    call: Invocation,
    party: PartyOption = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete stocks of primes, such as those whose passphrase is lost; wallets keep what they took."""
    stocked = call.place.stocked()
    chosen = stocked if party is None else tuple(map(PartyId, sorted(set(party))))
    for i in chosen:
        if i not in stocked:
            raise UnknownError(f"party {i} has no stock of primes", "mpcw primes list shows who has one")
    if chosen:
        counts = {i: _count(call.place, i) for i in chosen}
        what = ", ".join(f"{text} of party {i}" for i, text in counts.items())
        if not ask(call, f"Discard {what}, for good?", yes):
            raise DeclinedError("you said no: nothing was discarded")
    for i in chosen:
        Database.destroy(call.place.primes(i))
    text = (
        f"Discarded the primes of {_names(chosen)}."
        if chosen
        else f"There are no primes in {call.place.path}."
    )
    call.out.result({"discarded": list(chosen)}, [text])


def _chosen(given: Sequence[int] | None, n: int | None) -> tuple[PartyId, ...]:
    """Return the parties to make primes for, ascending.

    Raises:
        UsageError: they are named in two ways.
    """
    if given and n is not None:
        raise UsageError("name parties with --party, or say how many with -n, not both")
    return tuple(map(PartyId, sorted(set(given)) if given else range(3 if n is None else n)))


def _unlock(call: Invocation, maker: PrimeMaker, party: PartyId, files: Mapping[PartyId, Path]) -> int:
    """Unlock or make the stock of a party, and return how many sets it has."""
    known = call.place.primes(party).is_file()
    with (
        (stock_passphrase if known else new_passphrase)(party, files) as passphrase,
        call.out.working(f"unlocking the primes of party {party}"),
    ):
        try:
            return maker.unlock(party, passphrase)
        except WrongPassphraseError as e:
            raise WrongPassphraseError(f"party {party}: {e}", _LOST) from e


def _names(parties: Sequence[int]) -> str:
    """Return party 1, or parties 0, 2."""
    return f"part{'ies' if len(parties) > 1 else 'y'} {', '.join(map(str, parties))}"


def _sets(home: Home, party: PartyId) -> Sequence[PrimeSet]:
    with open_stock(home, party) as stock:
        return stock.sets()


def _count(home: Home, party: PartyId) -> str:
    try:
        return show.count(len(_sets(home, party)), "set")
    except StorageError:
        return "what cannot be read"


def _describe(party: PartyId, found: Sequence[PrimeSet], trouble: str | None) -> dict[str, Any]:
    sets = [{"bits": item.bits, "made": item.made} for item in found]
    return {"party": party, "sets": sets, "error": trouble}


def _when(found: Sequence[PrimeSet]) -> str:
    times = [show.when(item.made) for item in found]
    return " to ".join(dict.fromkeys([times[0], times[-1]])) if times else ""
