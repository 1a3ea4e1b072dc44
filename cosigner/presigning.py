"""A signer's side of refills of its ECDSA key: leases, presigning sessions, and the agreement on batches.

lend -> open_presigning -> the rounds of ecdsa_cggmp.presign -> vouch -> confirm. A batch is PENDING before
anybody is told of it, and READY when all signers have signed the same digest of it.
Nothing that a leader says is believed: it can keep its own stocks empty, as any signer of them can.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Final

from cosigner.randomness import Tables
from cosigner.refill_messages import (
    Holding,
    KeepRequest,
    LeaseRequest,
    PresignOrder,
    read_stock,
    vouch,
    vouched_digest,
)
from cosigner.sessions import Sessions
from cosigner.steps import Deed, Progress, Step
from cosigner.waste import Waste
from ecdsa_cggmp import presign
from ecdsa_cggmp.aux_info import AuxInfo
from ecdsa_cggmp.key_share import KeyShare
from ecdsa_cggmp.params import Params
from ecdsa_cggmp.presign_messages import PresignPlan
from ecdsa_cggmp.presignature import Presignature
from native.entropy import random_bytes
from native.secret import SecretScalars
from presig_pool.errors import LeaseRefused, PresignatureVoid
from presig_pool.pool import Pool
from presig_pool.refill import LEASE_SECONDS, Lease, lend
from presig_pool.state import Stock
from protocol.codec import decode
from protocol.errors import UnattributedAbort, UsageError
from protocol.header import HEADER_LIMIT, Header
from protocol.ids import PartyId, SessionId
from protocol.machine import Sealed
from protocol.roster import Roster
from protocol.session import Session

Clock = Callable[[], int]  # Unix seconds

MAX_STOCKS: Final = 64  # security: of one leader; a group has more signer sets than memory has room for


@dataclass(frozen=True, slots=True, eq=False)
class EcdsaCredentials:
    """What a signer makes presignatures with, unsealed.

    Args:
        host_key: signs its messages.
        host_keys: x-only host keys of all parties, 32 bytes each, in the order of their ids.
        share: of the key, of the present epoch.
        aux: verified auxiliary info of all parties.
        params: the level.
    """

    host_key: SecretScalars
    host_keys: tuple[bytes, ...]
    share: KeyShare
    aux: AuxInfo
    params: Params


class _Stage(Enum):
    OPENING = "opening"
    RUNNING = "running"
    MADE = "made"


@dataclass(slots=True, eq=False)
class _Refill:
    """A refill that a leader runs; its stock and its leader have no other here."""

    header: Header
    stock: Stock
    leader: PartyId
    until: int
    stage: _Stage = _Stage.OPENING
    digest: bytes = b""  # of the batch, once it is made


class Signer:
    """One party's side of refills. Threads may share it; it holds no lock while it computes."""

    def __init__(
        self, credentials: EcdsaCredentials, pool: Pool, sessions: Sessions, clock: Clock, progress: Progress
    ) -> None:
        """Take part in refills.

        Args:
            credentials: what to make presignatures with.
            pool: of this party alone.
            sessions: those of the party, which carries their messages.
            clock: tells the time.
            progress: told what the party did.
        """
        self.pool = pool
        self._credentials, self._sessions = credentials, sessions
        self._clock, self._progress = clock, progress
        self._spec = presign.presign_spec(credentials.params)
        self._roster = Roster(credentials.host_keys)
        self._guard = threading.Lock()  # of the two below
        self._leases: dict[Stock, Lease] = {}
        self._refills: dict[SessionId, _Refill] = {}
        self._waste = Waste()
        self._tables = Tables(credentials.aux)

    @property
    def id(self) -> PartyId:
        """Which party this is."""
        return self._credentials.share.party

    @property
    def signing(self) -> bool:
        """Whether a session other than a refill is open."""
        return any(protocol != self._spec.name for protocol in self._sessions.open_protocols())

    def stock(self, signers: Iterable[PartyId]) -> Stock:
        """Return the stock of signers for the key in its present epoch.

        Raises:
            UsageError: they are not t parties of the key, this one among them.
        """
        sharing = self._credentials.share.sharing
        stock = Stock(bytes(sharing.key), sharing.epoch, tuple(sorted(signers)))
        self._expect_own(stock)
        return stock

    # ---- asked by leaders ----

    def depth(self, stock: bytes) -> bytes:
        """Return what there is of a stock.

        Args:
            stock: as write_stock() encodes it.

        Returns:
            A Holding.

        Raises:
            EncodingError: stock is malformed.
            UsageError: it is not one of this party's key.
        """
        asked, now = read_stock(stock), self._clock()
        self._expect_own(asked)
        self.expire()
        pending = self.pool.statistics(asked, now).pending
        with self._guard:
            lease = self._leases.get(asked)
        return Holding(self.pool.ready(asked, now), pending, self.signing, lease).encode(now)

    def lend(self, leader: PartyId, asked: bytes) -> None:
        """Consent to a leader, or renew the consent.

        Args:
            leader: who asks, by its channel.
            asked: a LeaseRequest.

        Raises:
            EncodingError: asked is malformed.
            UsageError: the stock is not one of this party's key.
            LeaseRefused: the epoch is over, another leader has a lease, the fence is not newer; see Waste.
        """
        request, now = LeaseRequest.from_bytes(asked), self._clock()
        stock = request.stock
        self._expect_own(stock)
        with self._guard:
            held = self._leases.get(stock)
            if held is None and sum(lease.leader == leader for lease in self._leases.values()) >= MAX_STOCKS:
                raise LeaseRefused(f"party {leader} leads {MAX_STOCKS} stocks already")
            self._waste.expect_little(stock, leader, now)
            wanted = Lease(stock, leader, request.fence, 0)
            self._leases[stock] = lend(held, wanted, self._credentials.share.sharing.epoch, now)

    def keep(self, leader: PartyId, asked: bytes) -> None:
        """Void what not all signers have: the pool of one who was started again is empty.

        Args:
            leader: who asks, by its channel.
            asked: a KeepRequest.

        Raises:
            EncodingError: asked is malformed.
            UsageError: the stock is not one of this party's key.
            LeaseRefused: who asks does not lead.
        """
        request, now = KeepRequest.from_bytes(asked), self._clock()
        stock = request.lease.stock
        self._expect_own(stock)
        self._expect_lease(stock, leader, request.lease.fence, now)
        if voided := self.pool.keep(stock, frozenset(request.ids), now):
            self._waste.void(stock, leader, now)
            self._say(Deed.PRESIGNATURES_VOID, f"{voided} that another signer does not have")

    def open_presigning(self, leader: PartyId, order: PresignOrder) -> tuple[Sealed, ...]:
        """Take part in a presigning session; it is over, with its batch, LEASE_SECONDS from now.

        Args:
            leader: who asks, by its channel.
            order: what it asks.

        Returns:
            What to deliver.

        Raises:
            EncodingError: the header or its plan is malformed.
            UsageError: they are not of this party's key, epoch and auxiliary info, the session's id was used
                before, the batch is too large, or there is no room for it.
            LeaseRefused: who asks does not lead, or a refill of it or of the stock runs; see Waste.
        """
        header, mine = decode(order.header, HEADER_LIMIT, Header.read), self._credentials
        self._sessions.expect_new(header)
        place = Session(self._spec, header, self._roster, self.id, mine.host_key)
        plan, now = PresignPlan.of(header, mine.params), self._clock()
        stock = Stock(bytes(plan.sharing.key), plan.sharing.epoch, plan.signers)
        self._expect_lease(stock, leader, order.fence, now)
        with self._begun(_Refill(header, stock, leader, now + LEASE_SECONDS)) as refill:
            self._expect_room(stock, plan.batch, now)  # after the leader's last batch has made way
            self._waste.begin(stock, leader, header.session, now)
            self._tables.prepare(plan)
            opening = presign.participate(place, mine.share, mine.aux)
            return self._sessions.open(place, opening, partial(self._keep, refill))

    def vouch(self, session: SessionId) -> bytes:
        """Sign the digest of the batch that a session made here.

        Returns:
            A voucher, for all signers.

        Raises:
            UsageError: the session made none, or its time is over.
        """
        refill = self._made(session)
        return vouch(refill.header, self.id, refill.digest, self._credentials.host_key)

    def confirm(self, session: SessionId, vouchers: Mapping[PartyId, bytes]) -> None:
        """Make the batch of a session READY, if all signers vouch for the same.

        Args:
            session: which.
            vouchers: of all signers.

        Raises:
            UsageError: the session made no batch, or its time is over.
            PresignatureVoid: it was voided meanwhile.
            UnattributedAbort: signers vouch for nothing, and nothing has changed; or for another batch, and
                this one is void. Suspects are these signers, although the leader may have lied.
        """
        refill, keys = self._made(session), self._credentials.host_keys
        digests = {
            j: vouched_digest(refill.header, j, vouchers.get(j, b""), keys[j]) for j in refill.stock.signers
        }
        if silent := [j for j, digest in digests.items() if digest is None]:
            raise UnattributedAbort("voucher", silent)
        said = {j: digest for j, digest in digests.items() if digest is not None}
        count = self._count(refill)
        others = self.pool.confirm(refill.digest, said, self._clock())
        self._forget(refill)
        if others:
            self._say(Deed.PRESIGNATURES_VOID, f"{count}: the signers made different ones")
            raise UnattributedAbort("batch digest", others)
        self._waste.finish(refill.stock, refill.leader, session)
        self._say(Deed.PRESIGNATURES_READY, str(count))

    # ---- at any time ----

    def header(self, stock: Stock, count: int) -> Header:
        """Return the header of a new session that makes presignatures.

        Args:
            stock: what for.
            count: how many.

        Raises:
            UsageError: the stock is not one of this party's key, or the count is out of range.
        """
        self._expect_own(stock)
        mine, spec = self._credentials, self._spec
        publics = {j: mine.aux.publics[j] for j in stock.signers}
        plan = PresignPlan(mine.share.sharing, stock.signers, count, publics)
        fresh = SessionId(random_bytes(32))
        return Header(spec.name, spec.version, fresh, self._roster.digest, stock.signers, bytes(plan))

    def lease(self, stock: Stock) -> Lease | None:
        """Return the last lease that this party lent for a stock."""
        with self._guard:
            return self._leases.get(stock)

    def expire(self) -> None:
        """End the refills whose time is over, and void what is too old."""
        now = self._clock()
        with self._guard:
            late = [refill for refill in self._refills.values() if refill.until <= now]
        for refill in late:
            self._drop(refill)
        self.pool.expire(now)

    # ---- inside ----

    def _expect_own(self, stock: Stock) -> None:
        sharing = self._credentials.share.sharing
        if stock.key != bytes(sharing.key) or self.id not in stock.signers:
            raise UsageError("the stock is of another key or of other signers")
        if len(stock.signers) != sharing.t or stock.signers[-1] >= sharing.n:
            raise UsageError("a stock is of t parties of the key")

    def _expect_lease(self, stock: Stock, leader: PartyId, fence: int, now: int) -> None:
        with self._guard:
            held = self._leases.get(stock)
        if held is None or (held.leader, held.fence) != (leader, fence) or held.until <= now:
            raise LeaseRefused(f"party {leader} does not lead the refill of these signers")

    def _expect_room(self, stock: Stock, batch: int, now: int) -> None:
        marks, figures = self.pool.watermarks, self.pool.statistics(stock, now)
        if batch > marks.batch:
            raise UsageError(f"a batch has at most {marks.batch} presignatures")
        if figures.pending + figures.ready + batch > marks.room:
            raise UsageError(f"the pool has at most {marks.room} presignatures")

    @contextmanager
    def _begun(self, refill: _Refill) -> Iterator[_Refill]:
        """Make a refill the only one of its stock and of its leader while its session is opened."""
        try:
            self._make_way(refill)
            yield refill
        except BaseException:
            self._forget(refill)
            raise
        with self._guard:
            current = refill.header.session in self._refills
            refill.stage = _Stage.RUNNING
        if not current:
            self._sessions.end(refill.header.session)
            raise LeaseRefused("the time of the refill is over")

    def _make_way(self, refill: _Refill) -> None:
        self.expire()
        with self._guard:
            before = [
                it for it in self._refills.values() if it.stock == refill.stock or it.leader == refill.leader
            ]
            if any(self._goes_on(it, refill.leader) for it in before):
                raise LeaseRefused("a refill of this leader or of these signers runs already")
            self._refills[refill.header.session] = refill
        for it in before:
            self._drop(it)

    def _goes_on(self, refill: _Refill, leader: PartyId) -> bool:
        """Tell whether a refill is not over: its leader gives a batch up by asking for the next."""
        if refill.stage is _Stage.RUNNING:
            return self._sessions.is_open(refill.header.session)
        return refill.stage is _Stage.OPENING or refill.leader != leader

    def _keep(self, refill: _Refill, batch: Sequence[Presignature]) -> None:
        """Put a batch into the pool."""
        with self._guard:
            if current := refill.header.session in self._refills:
                refill.digest = self.pool.add(batch, self._clock())
                refill.stage = _Stage.MADE
        if not current:
            for secret in (secret for item in batch for secret in item.secrets()):
                secret.wipe()
            raise UsageError("the time of the refill is over")
        self._say(Deed.PRESIGNATURES_MADE, f"{len(batch)}, digest {refill.digest.hex()}")

    def _made(self, session: SessionId) -> _Refill:
        self.expire()
        with self._guard:
            refill = self._refills.get(session)
        if refill is None or refill.stage is not _Stage.MADE:
            raise UsageError("the session has made no batch, or its time is over")
        return refill

    def _count(self, refill: _Refill) -> int:
        return PresignPlan.of(refill.header, self._credentials.params).batch

    def _forget(self, refill: _Refill) -> None:
        with self._guard:
            self._refills.pop(refill.header.session, None)

    def _drop(self, refill: _Refill) -> None:
        """End a refill, and void its batch if it is not READY; if that fails, the refill is still there."""
        with self._guard:
            if refill.stage is not _Stage.MADE:
                self._refills.pop(refill.header.session, None)  # no batch comes any more
        if refill.stage is _Stage.MADE:
            with suppress(UsageError, PresignatureVoid):
                self.pool.confirm(refill.digest, {}, self._clock())
                self._say(Deed.PRESIGNATURES_VOID, f"{self._count(refill)}: not confirmed in time")
        self._forget(refill)
        self._sessions.end(refill.header.session)

    def _say(self, deed: Deed, detail: str) -> None:
        self._progress(Step(self.id, deed, detail))
