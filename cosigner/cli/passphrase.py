"""mpcw passphrase: what seals the parties."""

from pathlib import Path
from typing import Annotated

import typer

from cosigner.cli.command import Invocation, command
from cosigner.cli.unlock import PassphraseFiles, ask_new, passphrase_files, passphrase_of
from protocol.errors import UsageError
from protocol.ids import PartyId
from storage.passphrase import Passphrase

app = typer.Typer(no_args_is_help=True)


@command(
    app,
    examples="""
mpcw passphrase change 1
mpcw passphrase change 1 --passphrase-file 1=old.txt --new-passphrase-file new.txt
""",
)
def change(
    call: Invocation,
    party: Annotated[int, typer.Argument(min=0, metavar="PARTY", help="Whose.")],
    new_passphrase_file: Annotated[
        Path | None, typer.Option(help="File with the new one; asked for at the terminal if not given.")
    ] = None,
    passphrase_file: PassphraseFiles = None,
) -> None:
    """Seal a party under another passphrase; copies of its old file still open with the old one.

    This command and all others take a party's passphrase from --passphrase-file, from the file that the
    variable MPCW_PASSPHRASE_FILE_<PARTY> names, or ask at the terminal.
    """
    who = PartyId(party)
    with call.open() as wallet:
        if party >= wallet.plan.n:
            raise UsageError(f"the parties of this wallet are 0..{wallet.plan.n - 1}, not {party}")
        files = passphrase_files(passphrase_file or [], wallet.plan.n)
        with (
            passphrase_of(wallet, who, files) as old,
            _new(new_passphrase_file, party) as new,
            call.out.working(f"sealing party {party} anew"),
        ):
            wallet.change_passphrase(who, old, new)
    call.out.result({"party": party, "changed": True}, [f"Party {party} has a new passphrase."])
    if call.place.primes(who).is_file():
        call.out.note(
            f"The primes of party {party} that wait for a new wallet keep the passphrase that they have;"
            f" mpcw primes discard --party {party} forgets them."
        )


def _new(path: Path | None, party: int) -> Passphrase:
    if path is None:
        return ask_new(PartyId(party), "say --new-passphrase-file FILE")
    return Passphrase.from_file(path.expanduser())
