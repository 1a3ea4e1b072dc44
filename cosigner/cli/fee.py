"""mpcw fee: what a transaction should pay."""

from typing import Annotated

import typer

from cosigner.cli import show
from cosigner.cli.command import Invocation, command

app = typer.Typer(no_args_is_help=True)


@command(app, examples="mpcw fee estimate --blocks 2")
def estimate(
    call: Invocation,
    blocks: Annotated[int, typer.Option(min=1, max=1008, help="Confirmed within so many blocks.")] = 6,
) -> None:
    """Estimate the fee rate."""
    with call.open() as wallet:
        rate = wallet.fee_rate(blocks)
    value = {"blocks": blocks, "sat_per_kvb": rate.sat_per_kvb}
    call.out.result(value, [f"{rate} for {show.count(blocks, 'block')}"])
