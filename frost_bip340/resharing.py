"""Resharing of a FROST key: the same key, held by others or with another threshold.

Refresh and repair are the same protocol with other plans, see refresh.py and repair.py.
"""

from collections.abc import Sequence
from typing import Final

from frost_bip340.key_share import KeyShare, ThresholdInfo
from native.hashing import tagged_hash
from native.secret import SecretScalars, SecretSeed
from protocol.errors import UsageError
from protocol.ids import Epoch, PartyId, party_id, party_ids
from protocol.resharing.checks import resharing_spec
from protocol.resharing.handover import Handover, Pending
from protocol.resharing.plan import Plan, Sharing
from protocol.resharing.rounds import begin, plan_of
from protocol.round import Continue
from protocol.session import Session

RESHARING: Final = resharing_spec("frost resharing")


def chain_code_context(chain_code: bytes) -> bytes:
    """Return what a plan says of the chain code: all parties agree on it, and evidence does not show it."""
    return tagged_hash("mpcwallet/FROST reshare context", chain_code)


def public_side(info: ThresholdInfo, epoch: int) -> Sharing:
    """Return the public side of the shares of one epoch."""
    pubshares = tuple(info.pubshare(PartyId(i)) for i in range(info.n))
    return Sharing(info.thresh_pk, info.t, pubshares, Epoch(epoch))


def plan_resharing(
    old: Sharing, chain_code: bytes, quorum: Sequence[PartyId], t: int, holders: Sequence[PartyId]
) -> Plan:
    """Plan to give a key to new holders.

    Args:
        old: from public_side().
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


def begin_resharing(
    session: Session, chain_code: bytes, share: KeyShare | None, seed: SecretSeed | None = None
) -> Continue[Pending[KeyShare]]:
    """Start one party's part of a resharing or a refresh.

    Args:
        session: its place in a RESHARING session whose parameters are the plan.
        chain_code: of the key.
        share: its old share; None for newcomers and for who lost it.
        seed: replays a run; None draws from getrandom.

    Returns:
        The first round; the result is what to store before it is confirmed.

    Raises:
        UsageError: the parameters are no such plan, or not for this share or this chain code.
    """
    ending = Handover(
        lambda sharing, party, secshare: KeyShare(
            ThresholdInfo(sharing.t, sharing.key, sharing.pubshares),
            party,
            secshare,
            chain_code,
            sharing.epoch,
        )
    )
    return begin(session, old_secshare(session, chain_code, share), ending, seed)


def old_secshare(session: Session, chain_code: bytes, share: KeyShare | None) -> SecretScalars | None:
    """Return the secret share that a party brings to a session, if the session is about it.

    Raises:
        UsageError: the plan of the session is of another key, epoch, party or chain code.
    """
    plan = plan_of(session)
    if plan.context != chain_code_context(chain_code):
        raise UsageError("the plan is of another chain code")
    if share is None:
        return None
    if plan.old.epoch != share.epoch:
        raise UsageError("the plan is of another epoch than the share")
    if share.chain_code != chain_code or plan.old != public_side(share.info, share.epoch):
        raise UsageError("the plan is of another key than the share")
    if party_id(session.me, plan.old.n) != share.party:
        raise UsageError("the share is of another party")
    return share.secshare
