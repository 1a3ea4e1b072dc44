"""How far a refill is, on one line of a terminal; and how long one takes."""

import os
from typing import Final

from cosigner.cli import show
from cosigner.cli.output import Output
from cosigner.keeper import Refilling, RefillProgress, Waiting
from cosigner.trouble import Trouble
from protocol.ids import PartyId

# seconds of one core for a presignature and a pair of signers, and to start; no table of randomness yet
_PAIR_SECONDS: Final = 0.1
_START_SECONDS: Final = 0.5


def refill_line(out: Output) -> RefillProgress:
    """Return what shows people how far a refill is."""

    def tell(record: Refilling | Waiting) -> None:
        if isinstance(record, Refilling):
            out.live(progress_text(record))

    return tell


def progress_text(record: Refilling) -> str:
    """Return how far a refill is, in words."""
    batch = f"batch {min(record.batch + 1, record.batches)} of {record.batches}"
    text = f"making presignatures: {batch}, {record.made} of {record.wanted} made"
    if record.seconds_left is None:
        return f"{text}, about {expected_seconds(record.wanted, len(record.stock.signers))} s"
    return f"{text}, {record.per_second:.1f} per second, {show.span(round(record.seconds_left))} left"


def trouble_text(party: PartyId, trouble: Trouble) -> str:
    """Return why no presignatures are made for a party, in words."""
    long = "any more" if trouble.until is None else f"until {show.when(trouble.until)} UTC"
    return f"party {party} makes no presignatures {long}: {trouble.reason}"


def expected_seconds(count: int, signers: int) -> int:
    """Return about how long it takes parties in this process to make presignatures.

    Args:
        count: how many.
        signers: how many parties make them.
    """
    work = count * signers * (signers - 1) * _PAIR_SECONDS
    return round(_START_SECONDS + work / min(signers, os.cpu_count() or 1)) or 1
