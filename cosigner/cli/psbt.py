"""mpcw psbt: partially signed transactions of this wallet and of others."""

import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from cosigner.cli.command import Invocation, command
from cosigner.cli.spending import Manner, SignersOption, WaitOption, YesOption, approve, is_signed, sign
from cosigner.cli.unlock import PassphraseFiles
from protocol.errors import UsageError
from storage.errors import StorageError
from wallet.errors import UnknownError
from wallet.network import REGTEST, network
from wallet.psbt import Psbt, combine, decode, extract, finalize, to_v0, to_v2
from wallet.tx import parse_txid, show_txid

app = typer.Typer(no_args_is_help=True)

Source = Annotated[str, typer.Argument(metavar="PSBT", help="A file, base64, or - for standard input.")]
Output = Annotated[Path | None, typer.Option("--output", "-o", help="Write the binary form to this file.")]

BASE64_MAGIC = "cHNidP"
MAX_FILE = 8_000_000  # bytes: base64 of the largest PSBT that is read


def read(source: str) -> Psbt:
    """Read a PSBT from a file, an argument in base64, or standard input.

    Raises:
        MalformedError: it is none.
        UnknownError: there is no such file.
    """
    if source == "-":
        return Psbt.parse(sys.stdin.buffer.read(MAX_FILE))
    path = Path(source)
    if len(source) < 4096 and path.is_file():
        with path.open("rb") as file:
            return Psbt.parse(file.read(MAX_FILE))
    if not source.lstrip().startswith(BASE64_MAGIC):
        raise UnknownError(
            f"there is no file {source[:80]}, nor is that a PSBT in base64", f"one begins with {BASE64_MAGIC}"
        )
    return Psbt.parse(source)


def write(call: Invocation, psbt: Psbt, output: Path | None) -> None:
    """Give a PSBT as the result: to a file in binary, else in base64."""
    value = {"txid": show_txid(psbt.tx.txid), "psbt": psbt.base64()}
    if output is None:
        call.out.result(value, [psbt.base64()])
    else:
        output.write_bytes(bytes(psbt))
        call.out.result({**value, "path": str(output)}, [f"written to {output}"])


@command(
    app,
    "decode",
    wallet=False,
    examples="mpcw psbt decode payment.psbt\ncat payment.psbt | mpcw psbt decode -",
)
def decode_psbt(
    call: Invocation,
    psbt: Source,
    network_name: Annotated[str, typer.Option("--network", help="Of the addresses.")] = REGTEST.name,
) -> None:
    """Show what a PSBT holds, in the words of Bitcoin Core's decodepsbt; needs no wallet."""
    value = decode(read(psbt), network(network_name))
    call.out.result(value, [json.dumps(value, indent=2)])


@command(app, "sign", examples="mpcw psbt sign payment.psbt -o signed.psbt\nmpcw psbt sign - < payment.psbt")
def sign_psbt(
    call: Invocation,
    psbt: Source,
    output: Output = None,
    signers: SignersOption = None,
    passphrase_file: PassphraseFiles = None,
    wait: WaitOption = False,
    yes: YesOption = False,
) -> None:
    """Review a PSBT, have t parties sign it and finalise it."""
    manner = Manner(signers, passphrase_file or [], yes, wait=wait)
    with call.open() as wallet:
        found = to_v0(read(psbt))
        if is_signed(found):
            raise UsageError("it is signed and final already: mpcw psbt extract prints the transaction")
        _expect_writable(output)  # before presignatures are used up
        approve(call, wallet, found, manner, "Sign it?")
        write(call, sign(call, wallet, found, manner).psbt, output)
    if output is not None:
        call.out.hint(f"mpcw psbt import {output}", "(to send it with mpcw tx broadcast)")


def _expect_writable(output: Path | None) -> None:
    if output is not None and not os.access(output if output.exists() else output.parent, os.W_OK):
        raise StorageError(f"{output} cannot be written")


@command(app, "combine", wallet=False, examples="mpcw psbt combine a.psbt b.psbt -o both.psbt")
def combine_psbts(
    call: Invocation,
    psbts: Annotated[list[str], typer.Argument(metavar="PSBT", help="Of one transaction.")],
    output: Output = None,
) -> None:
    """Join what several PSBTs of one transaction hold."""
    write(call, combine([read(source) for source in psbts]), output)


@command(app, "finalize", wallet=False, examples="mpcw psbt finalize signed.psbt")
def finalize_psbt(call: Invocation, psbt: Source, output: Output = None) -> None:
    """Turn the signatures of a PSBT into witnesses."""
    write(call, finalize(read(psbt)), output)


@command(app, "extract", wallet=False, examples="mpcw psbt extract final.psbt")
def extract_tx(call: Invocation, psbt: Source) -> None:
    """Print the transaction of a finalised PSBT in hex."""
    tx = extract(read(psbt))
    value = {"txid": show_txid(tx.txid), "hex": bytes(tx).hex(), "vsize": tx.vsize}
    call.out.result(value, [bytes(tx).hex()])


@command(app, "import", examples="mpcw psbt import payment.psbt")
def import_psbt(call: Invocation, psbt: Source) -> None:
    """Keep a PSBT as a draft of this wallet, after its review; what a draft of it holds already stays."""
    with call.open() as wallet:
        kept = wallet.keep_draft(to_v0(read(psbt)))
    txid = show_txid(kept.tx.txid)
    call.out.result({"txid": txid}, [f"kept {txid}"])
    call.out.hint(f"mpcw tx {'broadcast' if is_signed(kept) else 'sign'} {txid}")


@command(app, "export", examples="mpcw psbt export 4f2c... -o payment.psbt")
def export_psbt(
    call: Invocation, txid: Annotated[str, typer.Argument(metavar="TXID")], output: Output = None
) -> None:
    """Give a draft of this wallet as a PSBT."""
    with call.open() as wallet:
        write(call, wallet.draft(parse_txid(txid)), output)


@command(app, "convert", wallet=False, examples="mpcw psbt convert payment.psbt --to 2")
def convert(
    call: Invocation,
    psbt: Source,
    to: Annotated[int, typer.Option(help="0 (BIP-174) or 2 (BIP-370).")] = 0,
    output: Output = None,
) -> None:
    """Convert a PSBT between versions 0 and 2."""
    if to not in (0, 2):
        raise UsageError(f"there is no PSBT version {to}: choose 0 or 2")
    write(call, (to_v0 if to == 0 else to_v2)(read(psbt)), output)
