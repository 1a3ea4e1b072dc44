"""Repair of a lost share of a FROST key by t holders; no other share changes (ePrint 2017/1155)."""

from collections.abc import Sequence
from typing import Final

from frost_bip340.key_share import KeyShare, ThresholdInfo
from frost_bip340.resharing import chain_code_context, old_secshare
from native.secret import SecretSeed
from protocol.errors import UsageError
from protocol.ids import PartyId, party_ids
from protocol.resharing.checks import resharing_spec
from protocol.resharing.plan import Plan, Sharing
from protocol.resharing.repair import Repair
from protocol.resharing.rounds import begin, plan_of
from protocol.round import Continue
from protocol.session import Session

REPAIR: Final = resharing_spec("frost repair")


def plan_repair(old: Sharing, chain_code: bytes, helpers: Sequence[PartyId], lost: PartyId) -> Plan:
    """Plan to repair a share.

    Args:
        old: from public_side().
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


def begin_repair(
    session: Session, chain_code: bytes, share: KeyShare | None, seed: SecretSeed | None = None
) -> Continue[KeyShare | None]:
    """Start one party's part of a repair.

    Args:
        session: its place in a REPAIR session whose parameters are the plan.
        chain_code: of the key.
        share: the share of a helper; None for who lost it.
        seed: replays a run; None draws from getrandom.

    Returns:
        The first round; the result is the share for who lost it, and None for a helper.

    Raises:
        UsageError: the parameters are no such plan, or not for this share or this chain code.
    """
    secshare = old_secshare(session, chain_code, share)
    plan = plan_of(session)
    if (plan.lost == session.me) != (share is None):
        raise UsageError("a helper brings its share, and who lost it none")
    info, me = ThresholdInfo(plan.old.t, plan.old.key, plan.old.pubshares), session.me
    ending = Repair(lambda repaired: KeyShare(info, me, repaired, chain_code, plan.old.epoch))
    return begin(session, secshare, ending, seed)
