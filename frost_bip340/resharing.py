"""Resharing, refresh and repair of a FROST key; the plans are those of protocol/resharing/key.py."""

from collections.abc import Callable
from typing import Final

from frost_bip340.key_share import KeyShare
from native.secret import SecretScalars, SecretSeed
from protocol.ids import PartyId
from protocol.resharing import key
from protocol.resharing.checks import resharing_spec
from protocol.resharing.handover import Pending
from protocol.resharing.plan import Sharing
from protocol.round import Continue
from protocol.session import Session

RESHARING: Final = resharing_spec("frost resharing")
REPAIR: Final = resharing_spec("frost repair")


def begin_resharing(
    session: Session, chain_code: bytes, share: KeyShare | None, seed: SecretSeed | None = None
) -> Continue[Pending[KeyShare]]:
    """Start one party's part in a RESHARING session, a resharing or a refresh, see protocol.resharing.key."""
    return key.begin_handover(session, chain_code, share, _keeper(chain_code), seed)


def begin_repair(
    session: Session, chain_code: bytes, share: KeyShare | None, seed: SecretSeed | None = None
) -> Continue[KeyShare | None]:
    """Start one party's part in a REPAIR session, see protocol.resharing.key."""
    return key.begin_repair(session, chain_code, share, _keeper(chain_code), seed)


def _keeper(chain_code: bytes) -> Callable[[Sharing, PartyId, SecretScalars], KeyShare]:
    return lambda sharing, party, secshare: KeyShare.of(sharing, party, secshare, chain_code)
