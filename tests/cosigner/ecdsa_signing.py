"""Signing with presignatures of a group's pools, as a party will."""

from collections.abc import Sequence

from cosigner.exchange import coordinate
from ecdsa_cggmp import sign_rounds
from ecdsa_cggmp.presignature import Presignature
from ecdsa_cggmp.sign import SigningContext, SigningRequest, sign_share
from ecdsa_cggmp.sign_messages import Input, SharesMsg, SigningPlan
from native.curve import Scalar
from native.entropy import random_bytes
from native.schnorr import xonly_key
from native.secret_scalar import random_scalars
from presig_pool.burning import Use
from presig_pool.state import Stock
from protocol.header import Header
from protocol.ids import COORDINATOR, PartyId, SessionId
from protocol.machine import Sealed
from protocol.roster import Roster
from protocol.session import Session
from tests.cosigner.signers import Signers
from tests.ecdsa_cggmp.presignatures import presignature, secret_key


def stocked(group: Signers, *ids: int, count: int) -> Stock:
    """Put presignatures of a dealer into the pools of all signers of a stock."""
    stock = group.stock(*ids)
    key = secret_key([group.shares[i] for i in ids])
    for _ in range(count):
        made = presignature(group.shares[0].sharing, key, ids)
        for item in made:
            pool = group.signer(item.party).pool
            digest = pool.add([item], group.now)
            pool.confirm(digest, dict.fromkeys(stock.signers, digest), group.now)
    return stock


def sign(group: Signers, stock: Stock, sighash: bytes) -> bytes:
    """Sign one input in a session of the signers and a coordinator; return r || s."""
    host_key, spec = random_scalars(), sign_rounds.SPEC
    roster = Roster(group.signer(0)._roster.keys, xonly_key(host_key))
    ids = group.signer(stock.signers[0]).pool.choose(stock, 1, group.now)
    session = SessionId(random_bytes(32))
    opened = [_Signer(group, j, stock, session, ids, sighash) for j in stock.signers]
    plan = SigningPlan(group.shares[0].sharing, stock.signers, opened[0].inputs)
    header = Header(spec.name, spec.version, session, roster.digest, stock.signers, bytes(plan))
    letters = [(it.me, sealed) for it in opened for sealed in it.open(header, roster)]
    place = Session(spec, header, roster, COORDINATOR, host_key)
    peers = {j: group.peers[j] for j in stock.signers}
    (signature,) = coordinate(place, sign_rounds.coordinate(place), peers, letters)
    return signature


class _Signer:
    def __init__(
        self,
        group: Signers,
        me: PartyId,
        stock: Stock,
        session: SessionId,
        ids: Sequence[bytes],
        sighash: bytes,
    ) -> None:
        self.group, self.me, self.session, self.sighash = group, me, session, sighash
        self.signer = group.signer(me)
        self.publics = self.signer.pool.grant(stock, session, ids, group.now)
        self.inputs = tuple(Input(public, SigningRequest(sighash, Scalar(0))) for public in self.publics)

    def open(self, header: Header, roster: Roster) -> tuple[Sealed, ...]:
        place = Session(sign_rounds.SPEC, header, roster, self.me, self.group.host_keys[self.me])
        sharing = self.group.shares[self.me].sharing
        opening = sign_rounds.participate(place, sharing, self.publics, self.sign)
        return self.group.peers[self.me].sessions.open(place, opening, self.store)

    def sign(self, contexts: tuple[SigningContext, ...]) -> list[Scalar]:
        uses = [Use(public.id, self.sighash) for public in self.publics]

        def make(held: Sequence[Presignature]) -> list[bytes]:
            return [bytes(sign_share(item, it)) for item, it in zip(held, contexts, strict=True)]

        shares = self.signer.pool.burn(self.session, uses, make, self.group.now)
        return [Scalar.from_bytes(share) for share in shares]

    def store(self, _answer: SharesMsg) -> None:
        """The pool has stored the shares."""
