"""mpcw chain: the chain that the wallet sees, and blocks on demand on regtest."""

from pathlib import Path
from typing import Annotated, Final

import typer

from cosigner.cli import show
from cosigner.cli.address import AccountOption
from cosigner.cli.command import Invocation, command
from cosigner.local import LocalWallet
from cosigner.plan import ChainKind, ChainSettings
from wallet import address
from wallet.network import REGTEST

app = typer.Typer(no_args_is_help=True)

RpcUrlOption = Annotated[str, typer.Option("--rpc-url", help="bitcoind's JSON-RPC, without credentials.")]
RpcCookieOption = Annotated[
    Path | None,
    typer.Option("--rpc-cookie", help="File with bitcoind's cookie; the default one if not given."),
]
BLOCKS_TO_MATURE: Final = 100
# an output that anybody could spend and nobody counts
NOBODY: Final = b"\x51"


@command(app, examples="mpcw chain info")
def info(call: Invocation) -> None:
    """Show the backend and the last block."""
    with call.open() as wallet:
        tip, backend = wallet.chain.tip(), wallet.chain
        value = {
            "backend": backend.name,
            "network": backend.network.name,
            "height": tip.height,
            "hash": tip.hash[::-1].hex(),
            "time": tip.time,
        }
        rows = show.facts(
            ("backend", backend.name),
            ("network", backend.network.name),
            ("height", str(tip.height)),
            ("last block", tip.hash[::-1].hex()),
            ("its time", show.when(tip.time) + " UTC"),
        )
        call.out.result(value, rows)


def chain_settings(kind: ChainKind, url: str, cookie: Path | None) -> ChainSettings:
    """Return the settings that options name; a path holds wherever the next command is typed."""
    return ChainSettings(kind, url, None if cookie is None else cookie.expanduser().absolute())


@command(
    app,
    "set",
    examples="mpcw chain set bitcoind --rpc-url http://127.0.0.1:18543 --rpc-cookie ~/chain/regtest/.cookie",
)
def set_chain(
    call: Invocation,
    kind: Annotated[ChainKind, typer.Argument(metavar="CHAIN", help="embedded or bitcoind.")],
    rpc_url: RpcUrlOption = "",
    rpc_cookie: RpcCookieOption = None,
) -> None:
    """See the chain through another backend from now on, such as a node that has moved.

    Nothing is changed if it cannot be reached or is of another network.
    """
    with call.open() as wallet:
        before = wallet.plan.chain
        wallet.set_chain(chain_settings(kind, rpc_url, rpc_cookie))
        try:
            wallet.sync()
        except BaseException:
            wallet.set_chain(before)
            raise
        height, place = wallet.chain.tip().height, f" at {rpc_url}" if rpc_url else ""
        value = {"chain": kind.value, "chain_url": rpc_url, "height": height}
        call.out.result(value, [f"{kind.value}{place}, height {height}"])
    call.out.hint("mpcw wallet balance")


@command(app, examples="mpcw chain mine 6")
def mine(
    call: Invocation,
    blocks: Annotated[int, typer.Argument(min=1, max=10_000, help="How many.")] = 1,
    to: Annotated[str | None, typer.Option(help="Who gets the coinbases; nobody by default.")] = None,
) -> None:
    """Mine blocks, on regtest."""
    with call.open() as wallet:
        made = wallet.regtest().mine(blocks, NOBODY if to is None else address.decode(to, REGTEST))
        wallet.sync()
        value = {"blocks": blocks, "height": made[-1].height}
        call.out.result(value, [f"height {made[-1].height}"])


@command(app, examples="mpcw chain faucet\nmpcw chain faucet --account segwit")
def faucet(call: Invocation, account: AccountOption = None) -> None:
    """Give the wallet the coinbase of a new block and let it mature, on regtest."""
    with call.open() as wallet:
        received = fund(wallet, *([] if account is None else [wallet.account_named(account)]))
        call.out.result({"received": received}, [f"received {show.amount(received)}"])
    call.out.hint("mpcw wallet balance")


def fund(wallet: LocalWallet, *accounts: int) -> int:
    """Mine a block to a new address of each account, and as many blocks as they need to be spendable.

    Args:
        wallet: whose accounts they are.
        accounts: their indices; the first account if none is named.

    Returns:
        Satoshi that came.
    """
    chain = wallet.regtest()
    paid = [wallet.new_address("faucet", account) for account in accounts or (0,)]
    wallet.sync()
    before = wallet.balance().total
    for item in paid:
        chain.mine(1, address.decode(item.text, REGTEST))
    chain.mine(BLOCKS_TO_MATURE, NOBODY)
    wallet.sync()
    return wallet.balance().total - before
