"""mpcw key: the wallet's threshold keys, their public side and the refresh of their shares."""

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Annotated

import typer

from cosigner.cli import show
from cosigner.cli.command import Invocation, command
from cosigner.cli.confirm import ask
from cosigner.cli.show import Line
from cosigner.cli.spending import YesOption
from cosigner.cli.unlock import PassphraseFiles, passphrase_files, stock_passphrase, unlock
from cosigner.errors import DeclinedError
from cosigner.keys import WalletKeys
from cosigner.local import LocalWallet
from cosigner.primes import PrimeSource
from protocol.ids import PartyId
from protocol.resharing.plan import Sharing
from wallet.account import Account

app = typer.Typer(no_args_is_help=True)

_SHOWN = ("account", "scheme", "signers", "epoch", "public_key", "xpub", "fingerprint")


@command(app, "show", examples="mpcw key show --json")
def show_key(call: Invocation) -> None:
    """Show the public side of the keys: what every party can tell anybody."""
    with call.open() as wallet:
        values = _values(wallet.keys)
    lines: list[Line] = []
    for value in values:
        lines += [""] if lines else []
        lines += show.facts(*((name.replace("_", " "), str(value[name])) for name in _SHOWN))
    call.out.result(values, lines)


@command(app, examples="mpcw key refresh\nmpcw key refresh --no-aux --yes --json")
def refresh(
    call: Invocation,
    aux: Annotated[
        bool, typer.Option(help="With new Paillier keys of SegWit signing, whose primes take a search.")
    ] = True,
    yes: YesOption = False,
    passphrase_file: PassphraseFiles = None,
) -> None:
    """Give all parties new shares of the same keys: shares that were stolen before are of no use with them.

    It takes all parties of the wallet. Keys, descriptors and addresses stay. Old shares are deleted, old
    presignatures become void, and copies of the parties' files from before hold nothing that goes with the
    new shares. But t such copies are still the key: destroy them.

    SegWit signing gets new Paillier keys with the shares: who has read the old one of a party could read
    that party's part of later signatures. Their primes take a search, or come from mpcw primes make.
    --no-aux keeps the old ones.

    A kill leaves the old shares in use, or the new ones: a party that has not gone over to them does so
    when it is unlocked next.
    """
    with call.open() as wallet:
        wallet.expect_refreshable()
        aux = aux and wallet.keys.segwit is not None
        call.out.notes(_before(wallet, aux))
        if not ask(call, "Replace the shares?", yes):
            raise DeclinedError("you said no: the shares stay as they are")
        unlock(wallet, [PartyId(i) for i in range(wallet.plan.n)], passphrase_file or [], call.out)
        before = wallet.keys.epoch
        with ExitStack() as typed:
            wallet.refresh(_primes(call, wallet, passphrase_file or [], typed) if aux else None)
        keys, name = wallet.keys, wallet.name
    accounts = [account.name for account in keys.accounts]
    value = {
        "accounts": accounts,
        "parties": wallet.plan.n,
        "epoch_before": before,
        "epoch": keys.epoch,
        "new_aux": aux,
    }
    done = f"The parties of {name} have shares of epoch {keys.epoch}; those of epoch {before} are deleted."
    call.out.result(value, [done])
    if keys.segwit is not None:
        call.out.note("Presignatures of before are void: mpcw serve makes new ones.")
    call.out.note("Destroy copies of the parties' files from before, and make new ones if you keep any.")
    call.out.hint("mpcw key show" if keys.segwit is None else "mpcw serve")


def _primes(call: Invocation, wallet: LocalWallet, given: Sequence[str], typed: ExitStack) -> PrimeSource:
    """Return where the parties get primes; passphrases of stocks that there are end with a context."""
    files = passphrase_files(given, wallet.plan.n)
    stocked = [party for party in call.place.stocked() if party < wallet.plan.n]
    passphrases = {party: typed.enter_context(stock_passphrase(party, files)) for party in stocked}
    return PrimeSource(call.place, passphrases, call.out.step)


def _before(wallet: LocalWallet, aux: bool) -> list[Line]:
    """Return what a refresh does, as its user reads it before."""
    plan, keys = wallet.plan, wallet.keys
    names = " and ".join(account.name for account in keys.accounts)
    return show.facts(
        ("wallet", wallet.name),
        ("keys", f"{names}; they stay, and so do all addresses"),
        ("new shares", f"of all {plan.n} parties, who all take part (any {plan.t} sign, as before)"),
        ("shares now", f"of epoch {keys.epoch}, deleted at the end"),
        ("paillier keys", "" if keys.segwit is None else "new" if aux else "stay"),
        ("void then", "copies of the parties' files" + (" and presignatures" if keys.segwit else "")),
    )


def _values(keys: WalletKeys) -> list[dict[str, object]]:
    values = [_value(keys.taproot.account, "FROST (ChillDKG, BIP-445)", keys.taproot.sharing)]
    if keys.segwit is not None:
        values.append(_value(keys.segwit.account, "threshold ECDSA (CGGMP24)", keys.segwit.sharing))
    return values


def _value(account: Account, scheme: str, sharing: Sharing) -> dict[str, object]:
    return {
        "account": account.name,
        "scheme": scheme,
        "threshold": sharing.t,
        "signers": f"any {sharing.t} of {sharing.n}",
        "epoch": sharing.epoch,
        "public_key": account.key.key.hex(),
        "xpub": account.key.text(account.network),
        "fingerprint": account.key.fingerprint.hex(),
        "public_shares": [bytes(share).hex() for share in sharing.pubshares],
    }
