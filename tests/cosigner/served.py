"""A wallet whose parties are served by this process, and what asks it."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from cosigner.daemon import Daemon, Incident
from cosigner.home import Home
from cosigner.local import LocalWallet
from cosigner.meeting import SOCKET, MeetingPlace
from cosigner.parties import OwnParties
from presig_pool.pool import Pool
from protocol.ids import PartyId
from tests.cosigner.group import STRANGER
from tests.cosigner.wallets import pool, stock_up, unlock
from wallet.amounts import FeeRate
from wallet.psbt import Psbt

P0, P1, P2 = map(PartyId, range(3))


@dataclass
class Serving:
    """What serves.

    Args:
        home: of the wallet.
        own: the parties, on the server's side.
        pools: theirs.
        daemon: what serves them.
        incidents: what it told.
    """

    home: Home
    own: OwnParties
    pools: dict[int, Pool]
    daemon: Daemon
    incidents: list[Incident] = field(default_factory=list)

    def ready(self, party: int, *signers: int) -> tuple[int, int]:
        """Return how many presignatures of a stock are ready and how many granted."""
        chosen = next(s for s in self.pools[party].stocks() if s.signers == tuple(map(PartyId, signers)))
        figures = self.pools[party].statistics(chosen, 0)
        return figures.ready, figures.granted

    def granted(self) -> int:
        """Return how many grants there are at all parties."""
        return sum(
            pool.statistics(stock, 0).granted for pool in self.pools.values() for stock in pool.stocks()
        )

    def burned(self, party: int | None = None) -> int:
        """Return how many presignatures a party, or all of them, have burnt."""
        pools = self.pools.values() if party is None else [self.pools[party]]
        return sum(pool.statistics(stock, 0).burned for pool in pools for stock in pool.stocks())


@contextmanager
def served(wallet: LocalWallet, ids: Sequence[int], stocked: int = 0) -> Iterator[Serving]:
    """Serve parties of a wallet, the first two with presignatures; the wallet is closed."""
    unlock(wallet, *ids)
    if stocked:
        stock_up(wallet, ids[:2], stocked)
    pools = {i: pool(wallet, i) for i in ids} if wallet.keys.segwit else {}
    incidents: list[Incident] = []
    with ExitStack() as stack:
        place = stack.enter_context(MeetingPlace.claim(wallet.folder.meeting))
        own = wallet.detach()
        stack.callback(own.close)
        daemon = stack.enter_context(Daemon(place, own, incidents.append))
        yield Serving(wallet.home, own, pools, daemon, incidents)


def meeting(serving: Serving) -> Path:
    return serving.home.wallet().meeting


@contextmanager
def short_path(place: Path) -> Iterator[str]:
    """Lend another path of the socket at a meeting place: a socket's may have 107 bytes."""
    fd = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{fd}/{SOCKET}"
    finally:
        os.close(fd)


def everything(wallet: LocalWallet, rate: int = 2000) -> Psbt:
    """A transaction with two inputs of each account."""
    return wallet.draft_send_all(STRANGER, FeeRate(rate), dry_run=True).psbt


def fail(error: Exception) -> NoReturn:
    raise error


def eventually(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)
