"""mpcw wallet caps: the fees that a wallet and its parties refuse to exceed."""

from typing import Annotated, Any, Final

import typer

from cosigner.caps import CapsChange, caps_of, change_caps
from cosigner.cli import show
from cosigner.cli.command import Invocation
from cosigner.cli.unlock import PassphraseFiles, passphrase_files, passphrase_of
from cosigner.local import LocalWallet
from protocol.errors import UsageError
from protocol.ids import PartyId
from storage.errors import StorageError, WrongPassphraseError
from wallet.amounts import FeeRate, parse_amount
from wallet.fees import FeeCaps

SHOW_OR_CHANGE: Final = """
mpcw wallet caps
mpcw wallet caps --max-fee 0.02btc --max-fee-rate 800
mpcw wallet caps --max-fee-percent 5 --party 1
"""


def caps(
    call: Invocation,
    max_fee: Annotated[str | None, typer.Option(help="The highest fee, in satoshi or as 0.01btc.")] = None,
    max_fee_percent: Annotated[
        int | None, typer.Option(min=0, help="The highest fee, in percent of what is sent.")
    ] = None,
    max_fee_rate: Annotated[str | None, typer.Option(help="The highest fee rate, in sat/vB.")] = None,
    party: Annotated[
        list[int] | None,
        typer.Option("--party", min=0, metavar="PARTY", help="Change only theirs. Repeat for more."),
    ] = None,
    passphrase_file: PassphraseFiles = None,
) -> None:
    """Show the fee caps by which the wallet and each party judge, or change them.

    Each party judges by its own caps and takes others only with its own passphrase; it keeps those that it
    had, with the time of the change. Without --party all parties and the wallet's own review change.
    """
    change = CapsChange(
        None if max_fee is None else parse_amount(max_fee),
        max_fee_percent,
        None if max_fee_rate is None else FeeRate.parse(max_fee_rate),
    )
    if party and not change:
        raise UsageError("--party says whose caps to change: say which, with --max-fee and its like")
    with call.open() as wallet:
        if change:
            _change(call, wallet, change, party, passphrase_file or [])
        _show(call, wallet)


def _change(
    call: Invocation, wallet: LocalWallet, change: CapsChange, party: list[int] | None, given: list[str]
) -> None:
    chosen = sorted(set(party)) if party else range(wallet.plan.n)
    if chosen[-1] >= wallet.plan.n:
        raise UsageError(f"the parties of this wallet are 0..{wallet.plan.n - 1}, not {chosen[-1]}")
    files = passphrase_files(given, wallet.plan.n)
    for i in map(PartyId, chosen):
        with passphrase_of(wallet, i, files) as secret, call.out.working(f"changing the caps of party {i}"):
            try:
                change_caps(wallet, i, secret, change)
            except WrongPassphraseError as e:
                raise WrongPassphraseError(f"party {i}: {e}", e.hint) from e
        call.out.note(f"party {i} has changed its caps")
    if not party:
        wallet.set_caps(change.of(wallet.plan.caps))


def _show(call: Invocation, wallet: LocalWallet) -> None:
    rows = show.Rows("who", "fee", "of what is sent", "fee rate", "changed (UTC)")
    rows.add("wallet", *shown(wallet.plan.caps), "")
    parties: list[dict[str, Any]] = []
    for i in map(PartyId, range(wallet.plan.n)):
        try:
            found = caps_of(wallet, i)
        except StorageError as e:
            parties.append({"party": i, "caps": None, "changed": [], "error": str(e)})
            rows.add(f"party {i}", "?", "?", "?", "", below=str(e))
            continue
        changed = list(found.changed)
        parties.append({"party": i, "caps": caps_value(found.caps), "changed": changed, "error": None})
        rows.add(f"party {i}", *shown(found.caps), show.when(changed[-1]) if changed else "")
    call.out.result({"wallet": caps_value(wallet.plan.caps), "parties": parties}, rows.lines())


def caps_value(found: FeeCaps) -> dict[str, int]:
    """Return fee caps for scripts."""
    return {
        "absolute": found.absolute,
        "relative_percent": found.relative,
        "rate_sat_per_kvb": found.rate.sat_per_kvb,
    }


def shown(found: FeeCaps) -> tuple[str, str, str]:
    """Return fee caps for people, each by itself."""
    return show.sats(found.absolute), f"{found.relative} percent", str(found.rate)
