"""The leader's side of one refill: leases, presigning sessions, vouchers, as bytes to and from all signers.

The leader is a signer itself, which checks what the others say as it checks what a leader says: of what
failed elsewhere only that it failed there is believed.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, ParamSpec, Protocol, TypeVar

from cosigner.errors import RefillFailedError
from cosigner.exchange import FAILURES, Endpoint, Failure, Letter, carry
from cosigner.presigning import Signer
from cosigner.refill_messages import FENCES, Holding, KeepRequest, LeaseRequest, PresignOrder, write_stock
from cosigner.trouble import STORE_FAILURES
from presig_pool.errors import LeaseRefused
from presig_pool.refill import Lease
from presig_pool.state import Stock
from protocol.errors import FaultyPartyError, SessionTimeout, UnattributedAbort
from protocol.header import Header
from protocol.ids import PartyId, SessionId
from protocol.machine import Sealed

P = ParamSpec("P")
R = TypeVar("R")


class RefillPeer(Endpoint, Protocol):
    """A signer as the leader of a refill sees it: bytes in, bytes out; see Signer.

    Every call returns or raises in bounded time, OSError if the signer cannot be reached.
    """

    def depth(self, stock: bytes) -> bytes:
        """Return what there is of a stock."""

    def lend(self, leader: PartyId, asked: bytes) -> None:
        """Consent to a leader."""

    def keep(self, leader: PartyId, asked: bytes) -> None:
        """Void what not all signers have."""

    def open_presigning(self, leader: PartyId, order: PresignOrder) -> Sequence[Sealed]:
        """Take part in a presigning session and return what to deliver."""

    def vouch(self, session: SessionId) -> bytes:
        """Sign the digest of the batch that a session made."""

    def confirm(self, session: SessionId, vouchers: Mapping[PartyId, bytes]) -> None:
        """Make the batch READY if all signers vouch for the same."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What the signers of a stock say that they have.

    Args:
        holdings: of each signer.
        common: ids of the presignatures that all have.
    """

    holdings: Mapping[PartyId, Holding]
    common: tuple[bytes, ...]

    @property
    def pending(self) -> int:
        """How many wait for the agreement of all, at every signer."""
        return min(held.pending for held in self.holdings.values())

    @property
    def lease(self) -> Lease | None:
        """The last lease that any signer has lent."""
        leases = [held.lease for held in self.holdings.values() if held.lease is not None]
        return max(leases, key=lambda lease: (lease.fence, lease.until), default=None)

    @property
    def in_order(self) -> bool:
        """Whether all signers have the same."""
        return all(set(held.ready) == set(self.common) for held in self.holdings.values())


class Leader:
    """Leads refills of one stock.

    Args:
        signer: the leader's own.
        peers: all parties of the key, or the signers of the stock at least.
        stock: what is refilled.
    """

    def __init__(self, signer: Signer, peers: Mapping[PartyId, RefillPeer], stock: Stock) -> None:
        self._signer, self._stock = signer, stock
        self._peers: Final = {j: peers[j] for j in stock.signers}

    def look(self, now: int) -> Seen:
        """Ask all signers what they have.

        Args:
            now: seconds.

        Raises:
            RefillFailedError: names the signer who does not say.
        """
        asked = write_stock(self._stock)

        def holding(peer: RefillPeer) -> Holding:
            return Holding.decode(peer.depth(asked), self._stock, now)

        held = {j: self._ask(j, holding, peer) for j, peer in self._peers.items()}
        others = [frozenset(holding.ready) for holding in held.values()]
        mine = held[self._signer.id].ready
        return Seen(held, tuple(item for item in mine if all(item in ready for ready in others)))

    def lend(self, fence: int) -> None:
        """Ask all signers for their leases, or renew them.

        All leaders ask in the same order: of two, the second is refused before anybody has lent it anything.

        Raises:
            LeaseRefused: another leads, or the numbers of leases have come to their end.
            RefillFailedError: names the signer who does not answer.
        """
        if fence >= FENCES:  # a signer said so of the last one; honest ones would be named for refusing it
            raise LeaseRefused(
                "a signer of the stock says that there are no more leases: start the signers again"
            )
        asked = bytes(LeaseRequest(self._stock, fence))
        for j, peer in self._peers.items():
            self._ask(j, peer.lend, self._signer.id, asked)

    def keep(self, fence: int, ids: tuple[bytes, ...]) -> None:
        """Have all signers void what not all of them have.

        Raises:
            LeaseRefused, RefillFailedError: as of lend().
        """
        asked = bytes(KeepRequest(LeaseRequest(self._stock, fence), ids))
        for j, peer in self._peers.items():
            self._ask(j, peer.keep, self._signer.id, asked)

    def make(self, fence: int, count: int) -> None:
        """Have one batch made, and READY at all signers.

        Args:
            fence: of the lease.
            count: of presignatures.

        Raises:
            LeaseRefused: another leads, or a refill of the stock still runs.
            RefillFailedError: names who it seems to have failed at; what was made is void.
        """
        self.lend(fence)
        header = self._signer.header(self._stock, count)
        try:
            with ThreadPoolExecutor(len(self._peers), "refill") as threads:
                letters = self._open(PresignOrder(bytes(header), fence), threads)
                failures = carry(header.session, self._peers, letters, threads)
            if failures:
                raise self._failed(failures)
            self._agree(header)
        except BaseException:
            for peer in self._peers.values():
                with suppress(*FAILURES):
                    peer.end(header.session)
            raise

    def _open(self, order: PresignOrder, threads: ThreadPoolExecutor) -> list[Letter]:
        """Open the session at all signers, at once: it costs each of them as much as a message."""
        me = self._signer.id
        opening = {
            j: threads.submit(self._ask, j, peer.open_presigning, me, order)
            for j, peer in self._peers.items()
        }
        return [(j, sealed) for j, future in opening.items() for sealed in future.result()]

    def _agree(self, header: Header) -> None:
        """Pass the vouchers of all on to all, the leader's own signer first, which checks them."""
        vouchers = dict[PartyId, bytes]()
        for j, peer in self._peers.items():
            try:
                vouchers[j] = peer.vouch(header.session)
            except FAILURES as e:
                raise self._failed([Failure(j, e)]) from e
        mine, *others = sorted(self._peers, key=lambda j: (j != self._signer.id, j))
        failures = []
        for j in (mine, *others):
            try:
                self._peers[j].confirm(header.session, vouchers)
            except FAILURES as e:
                failures.append(Failure(j, e))
        if failures:
            raise self._failed(failures)

    def _ask(self, party: PartyId, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return call(*args, **kwargs)
        except LeaseRefused:
            raise
        except FAILURES as e:
            raise RefillFailedError([party], e, blamed=[party]) from e

    def _failed(self, failures: Sequence[Failure]) -> RefillFailedError:
        """Say what failed: what the own signer proved or suspects, its file, who broke off, who is silent.

        Who broke off or is silent may have had no other choice, and a suspect may be honest: it is blamed
        for its own machine only.
        """
        by_party = {failure.party: failure.error for failure in failures}
        mine = by_party.pop(self._signer.id, None)
        if isinstance(mine, FaultyPartyError):
            return RefillFailedError(mine.culprits, mine, blamed=mine.culprits)
        if isinstance(mine, UnattributedAbort) and mine.suspects:
            return RefillFailedError(mine.suspects, mine)
        if isinstance(mine, STORE_FAILURES):
            return RefillFailedError([self._signer.id], mine)
        broken = {j: error for j, error in by_party.items() if not isinstance(error, SessionTimeout)}
        if broken:
            down = [j for j, error in broken.items() if isinstance(error, STORE_FAILURES)]
            return RefillFailedError(broken, next(iter(broken.values())), blamed=down)
        if mine is not None:
            return RefillFailedError(mine.missing if isinstance(mine, SessionTimeout) else (), mine)
        return RefillFailedError(by_party, failures[0].error)
