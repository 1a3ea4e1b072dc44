"""Refresh of a FROST key: the same key, holders and threshold, new shares, the next epoch.

Shares stolen before a refresh are of no use with shares stolen after it. All holders must be there.
"""

from frost_bip340.resharing import plan_resharing
from protocol.ids import PartyId
from protocol.resharing.plan import Plan, Sharing


def plan_refresh(old: Sharing, chain_code: bytes) -> Plan:
    """Plan a refresh, to be run by begin_resharing().

    Args:
        old: from public_side().
        chain_code: of the key.

    Returns:
        The parameters of the session, in which all holders take part.

    Security:
        With t = 1 every share is the secret itself, and a refresh changes none.
    """
    everybody = [PartyId(i) for i in range(old.n)]
    return plan_resharing(old, chain_code, everybody, old.t, everybody)
