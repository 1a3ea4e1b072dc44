"""mpcw key: the wallet's threshold keys, their public side."""

from collections.abc import Sequence

import typer

from cosigner.cli import show
from cosigner.cli.command import Invocation, command
from cosigner.cli.show import Line
from cosigner.keys import WalletKeys
from native.curve import Point
from protocol.ids import PartyId
from wallet.account import Account

app = typer.Typer(no_args_is_help=True)

_SHOWN = ("account", "scheme", "signers", "public_key", "xpub", "fingerprint")


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


def _values(keys: WalletKeys) -> list[dict[str, object]]:
    info = keys.taproot.info
    pubshares = [info.pubshare(PartyId(i)) for i in range(info.n)]
    values = [_value(keys.taproot.account, "FROST (ChillDKG, BIP-445)", info.t, pubshares)]
    if keys.segwit is not None:
        sharing = keys.segwit.sharing
        scheme = "threshold ECDSA (CGGMP24)"
        values.append(_value(keys.segwit.account, scheme, sharing.t, sharing.pubshares))
    return values


def _value(account: Account, scheme: str, t: int, pubshares: Sequence[Point]) -> dict[str, object]:
    return {
        "account": account.name,
        "scheme": scheme,
        "threshold": t,
        "signers": f"any {t} of {len(pubshares)}",
        "public_key": account.key.key.hex(),
        "xpub": account.key.text(account.network),
        "fingerprint": account.key.fingerprint.hex(),
        "public_shares": [bytes(share).hex() for share in pubshares],
    }
