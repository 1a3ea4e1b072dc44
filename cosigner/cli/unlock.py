"""Where the passphrases of parties come from: files, or the terminal; never arguments or variables."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Final

import typer

from cosigner.cli.output import Output
from cosigner.home import Home
from cosigner.local import LocalWallet
from protocol.errors import UsageError
from protocol.ids import PartyId
from storage.errors import StorageError, WrongPassphraseError
from storage.passphrase import TRIES, Passphrase

FILE_VARIABLE: Final = "MPCW_PASSPHRASE_FILE_"

PassphraseFiles = Annotated[
    list[str] | None,
    typer.Option(
        "--passphrase-file",
        metavar="PARTY=PATH",
        help="File with a party's passphrase; asked for if not given. Repeat for each party.",
    ),
]


def passphrase_files(given: Sequence[str], n: int) -> dict[PartyId, Path]:
    """Return the files that options name for parties.

    Args:
        given: PARTY=PATH each.
        n: number of parties.

    Raises:
        UsageError: one is no PARTY=PATH.
    """
    files = {}
    for item in given:
        party, separator, path = item.partition("=")
        # isdecimal() is true of digits of other scripts, too
        number = int(party) if party.isascii() and party.isdecimal() else n
        if not separator or number >= n or not path:
            raise UsageError(f"{item!r} is not PARTY=PATH with a party 0..{n - 1}")
        files[PartyId(number)] = Path(path).expanduser()
    return files


def new_passphrases(given: Sequence[str], n: int) -> dict[PartyId, Passphrase]:
    """Return the passphrases of the parties of a new wallet; those without a file are asked for twice.

    Args:
        given: PARTY=PATH each.
        n: number of parties.

    Raises:
        UsageError: a passphrase is empty, the two differ, or there is no terminal.
        StorageError: a file cannot be read.
    """
    files = passphrase_files(given, n)
    return {party: new_passphrase(party, files) for party in map(PartyId, range(n))}


def new_passphrase(party: PartyId, files: Mapping[PartyId, Path]) -> Passphrase:
    """Return the passphrase of a party to come, asked for twice if no file has it.

    Args:
        party: which.
        files: that options name; they go before those of variables.
    """
    file = files.get(party) or _of_variable(party)
    if file is None:
        return ask_new(party, _in_a_file(party))
    return Passphrase.from_file(file)


def stock_passphrase(party: PartyId, files: Mapping[PartyId, Path]) -> Passphrase:
    """Return the passphrase of a party's stock of primes, asked for if no file has it; see new_passphrase."""
    file = files.get(party) or _of_variable(party)
    if file is None:
        return _asked(f"Passphrase of the primes of party {party}", _in_a_file(party))
    return Passphrase.from_file(file)


def unlock(wallet: LocalWallet, parties: Sequence[PartyId], given: Sequence[str], out: Output) -> None:
    """Unlock parties with their passphrases, but for those that take part already.

    Who types another one is asked again; a file is read once.

    Args:
        wallet: whose they are.
        parties: which.
        given: PARTY=PATH each.
        out: told about each, as the derivation of its key takes most of a second.

    Raises:
        WrongPassphraseError: a passphrase is another.
        UsageError: there is no terminal to ask at.
        StorageError: a file or a store cannot be read.
    """
    files = passphrase_files(given, wallet.plan.n)
    for party in sorted(set(parties) - set(wallet.unlocked)):
        tries = TRIES if _file_of(wallet, party, files) is None else 1
        for left in reversed(range(tries)):
            with passphrase_of(wallet, party, files) as passphrase, out.working(f"unlocking party {party}"):
                try:
                    wallet.unlock(party, passphrase)
                    break
                except WrongPassphraseError as e:
                    if not left:
                        raise WrongPassphraseError(f"party {party}: {e}", e.hint) from e
            out.note("  that does not open it: try again")


def passphrase_of(wallet: LocalWallet, party: PartyId, files: Mapping[PartyId, Path]) -> Passphrase:
    """Return the passphrase of a party, asked for at the terminal if no file has it.

    Args:
        wallet: whose party it is.
        party: which.
        files: that options name; they go before those of a demo, and these before those of variables.
    """
    file = _file_of(wallet, party, files)
    if file is None:
        return _asked(f"Passphrase of party {party} of {wallet.name}", _in_a_file(party))
    return Passphrase.from_file(file)


def _file_of(wallet: LocalWallet, party: PartyId, files: Mapping[PartyId, Path]) -> Path | None:
    beside = demo_folder(wallet.home, wallet.name) / str(party)
    return files.get(party) or (beside if beside.exists() else _of_variable(party))


def ask_new(party: PartyId, instead: str) -> Passphrase:
    """Ask for a new passphrase, twice.

    Args:
        party: whose it will be.
        instead: what to do where there is no terminal.

    Raises:
        UsageError: it is empty, the two differ, or there is no terminal.
    """
    return _asked(f"New passphrase of party {party}", instead, confirm=True)


def _asked(prompt: str, instead: str, *, confirm: bool = False) -> Passphrase:
    try:
        return Passphrase.ask(prompt, confirm=confirm)
    except StorageError as e:
        raise UsageError(f"{e}: {instead}") from e


def _in_a_file(party: PartyId) -> str:
    return f"say --passphrase-file {party}=FILE, or name the file in ${FILE_VARIABLE}{party}"


def _of_variable(party: PartyId) -> Path | None:
    named = os.environ.get(f"{FILE_VARIABLE}{party}")
    return Path(named).expanduser() if named else None


def demo_folder(home: Home, name: str) -> Path:
    """Return where `mpcw demo`, and no other command, keeps the passphrases of its wallet.

    Whoever reads these files can sign; the demo's money is worth nothing.
    """
    return home.path / "wallets" / f"{name}.passphrases"
