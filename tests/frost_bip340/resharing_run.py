"""Sessions of resharing, refresh and repair in one process, and a third party in another."""

import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256
from itertools import combinations

import pytest

from frost_bip340.key_share import KeyShare
from frost_bip340.resharing import REPAIR, RESHARING, begin_repair, begin_resharing
from frost_bip340.signing import aggregate
from native.schnorr import xonly_key
from native.secret import SecretScalars, SecretSeed
from native.verify import verify_bip340
from protocol.driver import Outcome, Tamper, run
from protocol.errors import FaultyPartyError, UsageError
from protocol.evidence import Evidence
from protocol.header import Header
from protocol.ids import PartyId, SessionId
from protocol.resharing.handover import Certificate, Holding, Pending
from protocol.resharing.plan import Plan
from protocol.roster import Roster
from protocol.session import Session
from protocol.signed import SignedMessage, Slot, read_envelope
from protocol.spec import ProtocolSpec

from .parties import CHAIN_CODE, sign_all

MSG = b"coins move"


def host_key(party: int) -> SecretScalars:
    return SecretScalars.from_bytes(sha256(b"host key %d" % party).digest())


def roster(n: int) -> Roster:
    return Roster(tuple(xonly_key(host_key(i)) for i in range(n)))


def roster_of(plan: Plan) -> Roster:
    return roster(max(*plan.parties, plan.old.n - 1, 0) + 1)


def open_session(
    plan: Plan, party: int, spec: ProtocolSpec, parties: Iterable[int] | None = None, label: bytes = b""
) -> Session:
    ids = plan.parties if parties is None else tuple(PartyId(i) for i in sorted(parties))
    keys = roster_of(plan)
    name = SessionId(sha256(b"session" + label).digest())
    header = Header(spec.name, spec.version, name, keys.digest, ids, bytes(plan))
    return Session(spec, header, keys, PartyId(party), host_key(party))


def seed(party: int, label: bytes) -> SecretSeed:
    return SecretSeed.from_bytes(sha256(b"seed %d" % party + label).digest())


def reshare(
    plan: Plan,
    shares: Mapping[int, KeyShare],
    tamper: Tamper | None = None,
    parties: Iterable[int] | None = None,
    label: bytes = b"",
) -> dict[int, Outcome[Pending[KeyShare]]]:
    ids = plan.parties if parties is None else tuple(parties)
    sessions = {i: open_session(plan, i, RESHARING, ids, label) for i in ids}
    return run(
        {
            i: (session, begin_resharing(session, CHAIN_CODE, shares.get(i), seed(i, label)))
            for i, session in sessions.items()
        },
        tamper,
    )


def repair(
    plan: Plan, shares: Mapping[int, KeyShare], tamper: Tamper | None = None
) -> dict[int, Outcome[KeyShare | None]]:
    sessions = {i: open_session(plan, i, REPAIR) for i in plan.parties}
    return run(
        {
            i: (
                session,
                begin_repair(session, CHAIN_CODE, None if i == plan.lost else shares[i], seed(i, b"")),
            )
            for i, session in sessions.items()
        },
        tamper,
    )


def certificate(pending: Mapping[int, Pending[KeyShare]]) -> Certificate:
    confirmations = {PartyId(i): item.confirm(host_key(i)) for i, item in pending.items()}
    return next(iter(pending.values())).certify(confirmations)


def hand_over(plan: Plan, shares: Mapping[int, KeyShare], **options) -> dict[int, KeyShare | None]:
    """Run resharing and handover to the end; return each party's new share."""
    pending = {i: outcome.result for i, outcome in reshare(plan, shares, **options).items()}
    assert all(pending.values())
    proof = Certificate.from_bytes(bytes(certificate(pending)))
    holdings = {i: Holding(plan.old.epoch, shares.get(i)).prepare(item) for i, item in pending.items()}
    return {i: holding.activate(proof).share for i, holding in holdings.items()}


def by_new_id(shares: Iterable[KeyShare | None]) -> list[KeyShare]:
    return sorted((share for share in shares if share is not None), key=lambda share: share.party)


def signs(shares: list[KeyShare], signers: Iterable[int]) -> bool:
    session, pubnonces, psigs = sign_all(shares, signers, MSG)
    signature = aggregate(psigs, pubnonces, session)
    return verify_bip340(signature, MSG, shares[0].info.thresh_pk.x_bytes)


def every_quorum_signs(shares: list[KeyShare]) -> bool:
    info = shares[0].info
    return all(signs(shares, signers) for signers in combinations(range(info.n), info.t))


def side(shares: list[KeyShare]):
    return shares[0].sharing


def changing(slot: Slot, change: Callable[[bytes], bytes | None], party: int) -> Tamper:
    """A party that changes what it sends for one slot, to all receivers alike."""

    def mutate(sent: Slot, _receiver: PartyId, body: bytes) -> bytes | None:
        return change(body) if sent == slot else body

    return Tamper(corrupted={PartyId(party)}, mutate=mutate)


def recording() -> tuple[Tamper, dict[Slot, SignedMessage]]:
    """A network that keeps every message that it carries."""
    messages: dict[Slot, SignedMessage] = {}

    def keep(sender: PartyId, receiver: PartyId, envelope: bytes) -> tuple[bytes]:
        _, message = read_envelope(envelope, sender, receiver)
        messages[message.slot] = message
        return (envelope,)

    return Tamper(intercept=keep), messages


def accusation(session: Session, culprit: int, check: str, messages: Iterable[SignedMessage]) -> Evidence:
    """What a party puts forward against another."""
    ordered = sorted(messages, key=lambda message: message.slot)
    return Evidence(session.header, PartyId(culprit), check, tuple(ordered))


def expect_blame(plan: Plan, outcomes: Mapping[int, Outcome], culprit: int, check: str) -> FaultyPartyError:
    """All parties but the culprit blame it, can prove it elsewhere, and their sessions are dead."""
    errors = [outcome.error for party, outcome in outcomes.items() if party != culprit]
    for error in errors:
        assert isinstance(error, FaultyPartyError), error
        assert error.culprits == {culprit: check}
    for party, outcome in outcomes.items():
        if party != culprit:
            expect_dead(outcome)
    (proof,) = errors[0].evidence
    assert third_party(roster_of(plan), proof) == f"{culprit} {check}"
    specs = {spec.name: spec for spec in (RESHARING, REPAIR)}
    assert not proof.holds(roster(roster_of(plan).n + 1), specs)
    return errors[0]


def expect_dead(outcome: Outcome) -> None:
    assert outcome.result is None
    assert outcome.machine.failure is outcome.error
    with pytest.raises(UsageError):
        outcome.machine.result  # noqa: B018
    with pytest.raises(UsageError):
        outcome.machine.receive(PartyId(0), b"")


def expect_silent(error: FaultyPartyError, shares: Iterable[KeyShare]) -> None:
    """Neither the error nor its evidence contains a share."""
    for share in shares:
        secret = share.secshare.declassify()
        assert secret.hex() not in str(error) + repr(error)
        assert all(secret not in bytes(proof) for proof in error.evidence)


def third_party(keys: Roster, proof: Evidence) -> str:
    command = [sys.executable, "-m", "tests.frost_bip340.fresh_verifier", bytes(keys).hex()]
    return subprocess.run(
        command, input=bytes(proof).hex(), capture_output=True, text=True, check=True
    ).stdout
