"""mpcw coin: the unspent outputs of the wallet."""

from typing import Annotated

import typer

from cosigner.cli import show
from cosigner.cli.command import Invocation, command
from wallet.coins import Coin
from wallet.labels import LabelType
from wallet.tx import OutPoint

app = typer.Typer(no_args_is_help=True)

CoinArgument = Annotated[str, typer.Argument(metavar="COIN", help="txid:index")]


@command(app, "list", examples="mpcw coin list")
def list_coins(call: Invocation) -> None:
    """Read the chain and list the unspent coins."""
    with call.open() as wallet:
        wallet.sync()
        coins, labels = wallet.coins(), wallet.labels()
        names = [account.name for account in wallet.accounts]
    rows = show.Rows("amount", "depth", "account", "path", "state", "label", right=("amount", "depth"))
    values = []
    for coin in sorted(coins, key=lambda c: (-c.value, c.outpoint)):
        label = labels.get((LabelType.OUTPUT, str(coin.outpoint)), "")
        state = _state(coin)
        account, path = names[coin.owner.account], str(coin.owner.path)
        cells = (show.sats(coin.value), str(coin.confirmations), account, path, state, label)
        rows.add(*cells, below=str(coin.outpoint))
        values.append(describe(coin, account, label))
    call.out.result(values, rows.lines("There are no coins."))


def describe(coin: Coin, account: str, label: str) -> dict[str, object]:
    """Return a coin for scripts."""
    return {
        "coin": str(coin.outpoint),
        "value": coin.value,
        "kind": coin.kind.value,
        "account": account,
        "path": str(coin.owner.path),
        "confirmations": coin.confirmations,
        "own": coin.own,
        "coinbase": coin.coinbase,
        "mature": coin.mature,
        "frozen": coin.frozen,
        "label": label,
    }


def _state(coin: Coin) -> str:
    if coin.frozen:
        return "frozen"
    if not coin.mature:
        return "immature"
    if not coin.confirmations:
        return "own change" if coin.own else "incoming"
    return ""


@command(app, examples="mpcw coin freeze 4f2c...:0")
def freeze(call: Invocation, coin: CoinArgument) -> None:
    """Forbid to spend a coin."""
    outpoint = OutPoint.parse(coin)
    with call.open() as wallet:
        wallet.freeze(outpoint)
    call.out.result({"coin": str(outpoint), "frozen": True}, [f"{outpoint} is frozen."])
    call.out.hint(f"mpcw coin unfreeze {outpoint}")


@command(app, examples="mpcw coin unfreeze 4f2c...:0")
def unfreeze(call: Invocation, coin: CoinArgument) -> None:
    """Allow to spend a coin again."""
    outpoint = OutPoint.parse(coin)
    with call.open() as wallet:
        wallet.unfreeze(outpoint)
    value = {"coin": str(outpoint), "frozen": False}
    call.out.result(value, [f"{outpoint} may be spent."])


@command(app, examples="mpcw coin label 4f2c...:0 'from the miner'")
def label(
    call: Invocation,
    coin: CoinArgument,
    text: Annotated[str, typer.Argument(help="The label; an empty one takes it away.")],
) -> None:
    """Label a coin."""
    outpoint = OutPoint.parse(coin)
    with call.open() as wallet:
        wallet.ledger().coin(outpoint)
        wallet.set_label(LabelType.OUTPUT, str(outpoint), text)
    value = {"coin": str(outpoint), "label": text}
    call.out.result(value, [f"{outpoint}: {text or 'no label'}"])
