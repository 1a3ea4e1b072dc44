"""Signers of one ECDSA key in one process, at the tiny level, without a disk."""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from cosigner.exchange import Failure, carry
from cosigner.presigning import EcdsaCredentials, Signer
from cosigner.refill_messages import LeaseRequest, PresignOrder
from cosigner.sessions import Sessions
from cosigner.steps import Step
from ecdsa_cggmp.key_share import KeyShare
from ecdsa_cggmp.params import Params
from native.schnorr import xonly_key
from native.secret_scalar import random_scalars
from presig_pool.pool import Pool
from presig_pool.state import Stock
from presig_pool.store import PoolStore
from presig_pool.watermarks import Watermarks
from protocol.errors import MpcError
from protocol.header import Header
from protocol.ids import PartyId, SessionId
from protocol.machine import Sealed
from tests.ecdsa_cggmp.levels import TINY
from tests.ecdsa_cggmp.network import aux_infos, dealt
from tests.presig_pool.memory import MemoryStore
from tests.presig_pool.samples import NOW

MARKS = Watermarks(low=2, target=3, max=5, batch=2)


class Peer:
    """A party that takes part in refills: a RefillPeer."""

    def __init__(self, signer: Signer, sessions: Sessions) -> None:
        self.signer, self.sessions = signer, sessions

    def depth(self, stock: bytes) -> bytes:
        return self.signer.depth(stock)

    def lend(self, leader: PartyId, asked: bytes) -> None:
        self.signer.lend(leader, asked)

    def keep(self, leader: PartyId, asked: bytes) -> None:
        self.signer.keep(leader, asked)

    def open_presigning(self, leader: PartyId, order: PresignOrder) -> Sequence[Sealed]:
        return self.signer.open_presigning(leader, order)

    def vouch(self, session: SessionId) -> bytes:
        return self.signer.vouch(session)

    def confirm(self, session: SessionId, vouchers: Mapping[PartyId, bytes]) -> None:
        self.signer.confirm(session, vouchers)

    def receive(self, sender: PartyId, envelope: bytes) -> Sequence[Sealed]:
        return self.sessions.receive(sender, envelope)

    def end(self, session: SessionId, evidence: Iterable[bytes] = ()) -> MpcError | None:
        return self.sessions.end(session, evidence)


class Signers:
    """Parties 0..n-1 of one key, with one clock.

    Args:
        n, t: parties and threshold.
        marks: of every pool.
        stores: of the pools of some parties; those of the others are in memory.
    """

    def __init__(
        self,
        n: int = 3,
        t: int = 2,
        marks: Watermarks = MARKS,
        stores: Mapping[int, PoolStore] | None = None,
        params: Params = TINY,
    ) -> None:
        self.n, self.t, self.marks, self.params = n, t, marks, params
        self.now = NOW
        self.steps: list[Step] = []
        self.host_keys = [random_scalars() for _ in range(n)]
        self.shares: Sequence[KeyShare] = dealt(n, t)
        self.stores: dict[int, PoolStore] = {i: MemoryStore() for i in range(n)} | dict(stores or {})
        self.peers = {PartyId(i): self.peer(i) for i in range(n)}

    def peer(self, i: int, kind: type[Peer] = Peer) -> Peer:
        """A party after its start."""
        keys = tuple(xonly_key(key) for key in self.host_keys)
        aux = aux_infos(self.n, self.params)[i]
        credentials = EcdsaCredentials(self.host_keys[i], keys, self.shares[i], aux, self.params)
        pool, sessions = Pool(self.stores[i], self.marks), Sessions()
        return kind(Signer(credentials, pool, sessions, lambda: self.now, self.steps.append), sessions)

    def signer(self, i: int) -> Signer:
        return self.peers[PartyId(i)].signer

    def stock(self, *ids: int) -> Stock:
        return self.signer(ids[0]).stock([PartyId(i) for i in ids])

    # what a leader does, one step after the other

    def lend(self, stock: Stock, leader: int, fence: int = 0) -> None:
        for j in stock.signers:
            self.peers[j].lend(PartyId(leader), bytes(LeaseRequest(stock, fence)))

    def open(self, stock: Stock, count: int = 2, leader: int | None = None) -> Header:
        """Open a session at all signers, whose letters wait."""
        by = stock.signers[0] if leader is None else PartyId(leader)
        header = self.signer(by).header(stock, count)
        order = PresignOrder(bytes(header), 0)
        self.letters = [
            (j, sealed) for j in stock.signers for sealed in self.peers[j].open_presigning(by, order)
        ]
        return header

    def carry(self, header: Header) -> list[Failure]:
        taking_part = {j: self.peers[j] for j in header.parties}
        with ThreadPoolExecutor(len(taking_part)) as threads:
            return carry(header.session, taking_part, self.letters, threads)

    def made(self, *ids: int, count: int = 2) -> Header:
        """Run a session to its end; the batch is not yet confirmed."""
        stock = self.stock(*ids)
        self.lend(stock, stock.signers[0])
        header = self.open(stock, count)
        assert self.carry(header) == []
        return header

    def vouchers(self, header: Header) -> dict[PartyId, bytes]:
        return {j: self.peers[j].vouch(header.session) for j in header.parties}

    def filled(self, *ids: int, count: int = 2) -> Stock:
        """Make presignatures READY at all signers."""
        header = self.made(*ids, count=count)
        vouchers = self.vouchers(header)
        for j in header.parties:
            self.peers[j].confirm(header.session, vouchers)
        return self.stock(*ids)

    def figures(self, stock: Stock, i: int) -> tuple[int, int, int]:
        """PENDING, READY and VOID at a party."""
        figures = self.signer(i).pool.statistics(stock, self.now)
        return figures.pending, figures.ready, figures.voided
