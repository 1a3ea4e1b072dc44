"""Refresh and resharing of an ECDSA key (ePrint 2021/060, key refresh); plans: protocol/resharing/key.py.

A refresh is a resharing to the same holders with the same threshold. Both end with another public side, of a
higher epoch, and so void every presignature: it belongs to one public side.

DEVIATION: the paper refreshes n-of-n shares together with the auxiliary info. Here the shares are refreshed
by resharing, whatever the threshold, and auxiliary info by a session of its own, as one set serves many keys.
"""

from typing import Final

from ecdsa_cggmp.key_share import KeyShare
from native.secret import SecretSeed
from protocol.resharing.checks import resharing_spec
from protocol.resharing.handover import Pending
from protocol.resharing.key import begin_handover
from protocol.round import Continue
from protocol.session import Session

RESHARING: Final = resharing_spec("CGGMP24 resharing")


def begin_resharing(
    session: Session, chain_code: bytes, share: KeyShare | None, seed: SecretSeed | None = None
) -> Continue[Pending[KeyShare]]:
    """Start one party's part of a refresh or a resharing, as begin_handover() says.

    Args:
        session: its place in a RESHARING session whose parameters are the plan.
        chain_code: of the key.
        share: its old share; None for newcomers and for who lost it.
        seed: replays a run; None draws from getrandom.

    Returns:
        The first round; the result is what to store before it is confirmed.

    Raises:
        UsageError: the parameters are no such plan, or not for this share or this chain code.

    Security:
        Delete all presignatures of the old epoch with the old share: with a peer's later share, one of them
        gives the key away.
    """
    return begin_handover(
        session,
        chain_code,
        share,
        lambda sharing, party, secshare: KeyShare(sharing, party, secshare, chain_code),
        seed,
    )
