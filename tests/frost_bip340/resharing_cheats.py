"""Parties of a resharing that cheat consistently: what they send fits together except for one check."""

from dataclasses import replace
from unittest.mock import patch

from frost_bip340.key_share import KeyShare
from frost_bip340.resharing import REPAIR, RESHARING, begin_repair, begin_resharing
from native.curve import ORDER, G, Scalar
from native.secret import SecretScalars
from protocol.driver import Tamper
from protocol.ids import PartyId
from protocol.resharing import dealing
from protocol.resharing.dealing import Dealing, commitment
from protocol.resharing.messages import COMMIT, SHARE, RevealMsg
from protocol.resharing.plan import Plan
from protocol.resharing.rounds import CollectCommits
from protocol.round import Continue, Outgoing
from protocol.session import Session
from protocol.signed import Slot

from .parties import CHAIN_CODE
from .resharing_run import open_session, seed

Opening = tuple[Session, Continue]


def opening(plan: Plan, party: int, share: KeyShare | None, label: bytes = b"") -> Opening:
    spec, begin = (RESHARING, begin_resharing) if plan.lost is None else (REPAIR, begin_repair)
    session = open_session(plan, party, spec, label=label)
    return session, begin(session, CHAIN_CODE, share, seed(party, label))


def openings(plan: Plan, shares: dict[int, KeyShare]) -> dict[int, Opening]:
    return {i: opening(plan, i, None if i == plan.lost else shares.get(i)) for i in plan.parties}


def with_constant(plan: Plan, party: int, share: KeyShare | None, factor: Scalar) -> Opening:
    """An opening whose polynomial has another constant: factor * s_i, or factor outside the quorum."""
    point = factor * (G if party not in plan.quorum else plan.old.pubshares[party])

    def constant(_plan: Plan, _me: PartyId, secshare: SecretScalars | None) -> SecretScalars:
        secret = 1 if party not in plan.quorum else int.from_bytes(secshare.declassify(), "big")
        return SecretScalars.from_bytes((secret * int(factor) % ORDER).to_bytes(32, "big"))

    with patch.object(dealing, "_constant", constant), patch.object(Plan, "constant", lambda *_: point):
        return opening(plan, party, share)


def with_reveal(cheated: Opening, reveal: RevealMsg, committed: RevealMsg | None = None) -> Opening:
    """An opening that reveals something else than it deals, and commits to that or to something else yet."""
    session, step = cheated
    context = step.round.context
    digest = commitment(session.header, session.me, committed or reveal)
    return _with_dealing(cheated, reveal=reveal, commit=replace(context.dealing.commit, digest=digest))


def with_digest(cheated: Opening, digest: bytes, reveal: RevealMsg) -> Opening:
    """An opening that commits to any 32 bytes."""
    commit = replace(dealing_of(cheated).commit, digest=digest)
    return _with_dealing(cheated, reveal=reveal, commit=commit)


def with_other_shares(cheated: Opening, other: Opening) -> Opening:
    """An opening that sends the shares of another polynomial than the one it reveals."""
    return _with_dealing(cheated, coefficients=dealing_of(other).coefficients)


def dealing_of(cheated: Opening) -> Dealing:
    return cheated[1].round.context.dealing


def _with_dealing(cheated: Opening, **changes) -> Opening:
    session, step = cheated
    context = step.round.context
    other = replace(context, dealing=replace(context.dealing, **changes))
    return session, Continue(CollectCommits(other), [Outgoing(COMMIT, other.dealing.commit)])


def plus_one(body: bytes) -> bytes:
    return ((int.from_bytes(body, "big") + 1) % ORDER).to_bytes(32, "big")


def wrong_scalar_to(victim: int, cheat: int, number: int = SHARE) -> Tamper:
    slot = Slot.direct(number, PartyId(cheat), PartyId(victim))
    return Tamper(corrupted={PartyId(cheat)}, mutate=lambda s, _, body: plus_one(body) if s == slot else body)
