"""Moving a key with a chain code to new shares, the same in every scheme: plans, and how a party joins in.

Refresh: shares stolen before it are of no use with shares stolen after it. All holders must be there.
Resharing: the same key, held by others or with another threshold. Repair: one lost share, no other changes.
"""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from native.hashing import tagged_hash
from native.secret import SecretScalars, SecretSeed
from protocol.errors import UsageError
from protocol.ids import Epoch, PartyId, party_id, party_ids
from protocol.resharing.handover import Handover, Pending
from protocol.resharing.plan import Plan, Sharing
from protocol.resharing.repair import Repair
from protocol.resharing.rounds import begin, plan_of
from protocol.round import Continue
from protocol.session import Session

S = TypeVar("S")


class HeldShare(Protocol):
    """What every scheme's share of a key shows."""

    @property
    def sharing(self) -> Sharing:
        """The public side of all shares of the epoch."""

    @property
    def party(self) -> PartyId:
        """The holder."""

    @property
    def secshare(self) -> SecretScalars:
        """The secret share, one scalar."""

    @property
    def chain_code(self) -> bytes:
        """The chain code of the key, 32 bytes."""


def chain_code_context(chain_code: bytes) -> bytes:
    """Return what a plan says of the chain code: all parties agree on it, and evidence does not show it."""
    return tagged_hash("mpcwallet/reshare context", chain_code)


def plan_resharing(
    old: Sharing, chain_code: bytes, quorum: Sequence[PartyId], t: int, holders: Sequence[PartyId]
) -> Plan:
    """Plan to give a key to new holders.

    Args:
        old: the public side of the shares that there are.
        chain_code: of the key.
        quorum: at least old.t old holders who bring their shares.
        t: the new threshold.
        holders: the new holders, in the order of their new ids: old holders by their ids, newcomers from
            old.n on, by their places in the session's roster, which has 128 at most with the old holders.

    Returns:
        The parameters of the session, for its header. All old holders who can should take part: who does not
        is not asked to delete its old share.

    Raises:
        UsageError: a rule of Plan does not hold.

    Security:
        Whoever has old.t old shares has the key, until they are deleted. Newcomers must know the old key from
        elsewhere than the quorum.
    """
    epoch, context = Epoch(old.epoch + 1), chain_code_context(chain_code)
    return Plan(old, party_ids(quorum, old.n), t, tuple(holders), epoch, context)


def plan_refresh(old: Sharing, chain_code: bytes) -> Plan:
    """Plan a refresh, which is a resharing to the same holders with the same threshold.

    Args:
        old: the public side of the shares that there are.
        chain_code: of the key.

    Returns:
        The parameters of the session, in which all holders take part.

    Security:
        With t = 1 every share is the secret itself, and a refresh changes none.
    """
    everybody = [PartyId(i) for i in range(old.n)]
    return plan_resharing(old, chain_code, everybody, old.t, everybody)


def plan_repair(old: Sharing, chain_code: bytes, helpers: Sequence[PartyId], lost: PartyId) -> Plan:
    """Plan to repair a share.

    Args:
        old: the public side of the shares that there are.
        chain_code: of the key.
        helpers: at least old.t holders.
        lost: the holder whose share is lost.

    Returns:
        The parameters of the session, in which the helpers and the holder take part.

    Raises:
        UsageError: a rule of Plan does not hold.

    Security:
        If the share may have been stolen, refresh after the repair: the stolen one is still good.
    """
    quorum = party_ids(helpers, old.n)
    return Plan(old, quorum, old.t, quorum, old.epoch, chain_code_context(chain_code), lost)


def begin_handover(
    session: Session,
    chain_code: bytes,
    share: HeldShare | None,
    keep: Callable[[Sharing, PartyId, SecretScalars], S],
    seed: SecretSeed | None = None,
) -> Continue[Pending[S]]:
    """Start one party's part of a resharing or a refresh.

    Args:
        session: its place in a session whose parameters are the plan.
        chain_code: of the key.
        share: its old share; None for newcomers and for who lost it.
        keep: makes the scheme's share of public side, new id and secret one.
        seed: replays a run; None draws from getrandom.

    Returns:
        The first round; the result is what to store before it is confirmed.

    Raises:
        UsageError: the parameters are no such plan, or not for this share or this chain code.
    """
    return begin(session, _old_secshare(session, chain_code, share), Handover(keep), seed)


def begin_repair(
    session: Session,
    chain_code: bytes,
    share: HeldShare | None,
    keep: Callable[[Sharing, PartyId, SecretScalars], S],
    seed: SecretSeed | None = None,
) -> Continue[S | None]:
    """Start one party's part of a repair.

    Args:
        session: its place in a session whose parameters are the plan.
        chain_code: of the key.
        share: the share of a helper; None for who lost it.
        keep: makes the scheme's share of public side, id and secret one, at who lost it.
        seed: replays a run; None draws from getrandom.

    Returns:
        The first round; the result is the share for who lost it, and None for a helper.

    Raises:
        UsageError: the parameters are no such plan, or not for this share or this chain code.
    """
    secshare, plan, me = _old_secshare(session, chain_code, share), plan_of(session), session.me
    if (plan.lost == me) != (share is None):
        raise UsageError("a helper brings its share, and who lost it none")
    return begin(session, secshare, Repair(lambda repaired: keep(plan.old, me, repaired)), seed)


def _old_secshare(session: Session, chain_code: bytes, share: HeldShare | None) -> SecretScalars | None:
    """Return the secret share that a party brings to a session, if the session is about it.

    Raises:
        UsageError: the plan of the session is of another key, epoch, party or chain code.
    """
    plan = plan_of(session)
    if plan.context != chain_code_context(chain_code):
        raise UsageError("the plan is of another chain code")
    if share is None:
        return None
    if plan.old.epoch != share.sharing.epoch:
        raise UsageError("the plan is of another epoch than the share")
    if share.chain_code != chain_code or plan.old != share.sharing:
        raise UsageError("the plan is of another key than the share")
    if party_id(session.me, plan.old.n) != share.party:
        raise UsageError("the share is of another party")
    return share.secshare
