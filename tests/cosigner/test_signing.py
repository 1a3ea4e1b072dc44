import random
from dataclasses import replace
from hashlib import sha256

import pytest

from cosigner.errors import PolicyDenied
from cosigner.party import Party
from cosigner.steps import Deed
from frost_bip340 import signing_rounds
from protocol.codec import decode
from protocol.errors import FaultyPartyError, UnattributedAbort, UsageError
from protocol.evidence import Evidence
from protocol.header import HEADER_LIMIT, Header
from protocol.ids import COORDINATOR, PartyId
from protocol.machine import Sealed
from protocol.roster import ROSTER_LIMIT, Roster
from protocol.session import Session
from protocol.signed import read_envelope
from tests.cosigner.group import Group, consensus_accepts
from wallet.amounts import Sats
from wallet.errors import RefusedError
from wallet.fees import FeeCaps
from wallet.psbt import extract

SEEDS = range(6)


@pytest.mark.parametrize("seed", SEEDS)
def test_any_t_of_n_sign_what_consensus_accepts(seed: int) -> None:
    rng = random.Random(seed)
    t = rng.randint(1, 5)
    n = rng.randint(t, 7)
    group = Group(n, t)
    chosen = rng.sample(range(n), rng.randint(t, n))
    psbt = group.spending([rng.randrange(50_000, 10**8) for _ in range(rng.randint(1, 4))], 40_000, 900, rng)
    signed = group.sign(psbt, *chosen)
    tx = extract(signed.psbt)
    assert tx.txid == psbt.tx.txid, seed
    assert consensus_accepts(psbt, tx), seed
    assert [len(log.entries) for log in group.logs] == [int(i in chosen) for i in range(n)]
    for summary in signed.summaries.values():
        assert (summary.sent, summary.fee) == (40_000, 900)


def test_signers_see_and_log_the_transaction_that_was_signed() -> None:
    group = Group(3, 2)
    psbt = group.spending([80_000, 90_000], 100_000, 1000, random.Random(1))
    group.sign(psbt, 0, 2)
    for i in (0, 2):
        (entry,) = group.logs[i].entries
        assert entry.txid == psbt.tx.txid
        assert entry.psbt_digest == sha256(bytes(psbt)).digest()
        assert (entry.sent, entry.fee, len(entry.sighashes)) == (100_000, 1000, 2)
        assert entry.signers == (0, 2)
        assert len(entry.answer) == 2 * 98
    deeds = [step.deed for step in group.steps if step.actor == 2]
    assert deeds == [Deed.TRANSACTION_REVIEWED, Deed.SIGNING_LOGGED]
    assert [s.deed for s in group.steps if s.actor == COORDINATOR] == [
        Deed.SIGNING_ASKED,
        Deed.SIGNATURES_VERIFIED,
    ]


def test_signers_with_lower_caps_refuse_and_are_named_and_nothing_is_signed() -> None:
    group = Group(3, 2, FeeCaps(Sats(500), 10))
    psbt = group.spending([80_000], 40_000, 501, random.Random(2))
    with pytest.raises(PolicyDenied, match=r"party 0 refuses.*party 1 refuses") as caught:
        group.sign(psbt, 0, 1, caps=FeeCaps())
    assert set(caught.value.refusals) == {0, 1}
    assert not any(log.entries for log in group.logs)


def test_refusal_of_one_ends_the_session_at_the_others() -> None:
    group = Group(3, 2)
    strict = replace(group.parties[PartyId(1)]._credentials, caps=FeeCaps(Sats(500), 10))
    group.parties[PartyId(1)] = Party(strict, group.logs[1], group.steps.append)
    psbt = group.spending([80_000], 40_000, 501, random.Random(3))
    for _ in range(40):  # more than may be open at once
        with pytest.raises(PolicyDenied) as caught:
            group.sign(psbt, 0, 1, caps=FeeCaps())
        assert set(caught.value.refusals) == {1}
    group.sign(psbt, 0, 2, caps=FeeCaps())


def test_coordinator_refuses_by_its_own_caps_before_it_asks_anybody() -> None:
    group = Group(2, 2)
    psbt = group.spending([80_000], 40_000, 501, random.Random(4))
    with pytest.raises(RefusedError):
        group.sign(psbt, 0, 1, caps=FeeCaps(Sats(500), 10))
    assert group.steps == []


def test_too_few_signers_are_refused() -> None:
    group = Group(3, 2)
    psbt = group.spending([80_000], 40_000, 501, random.Random(5))
    with pytest.raises(UsageError):
        group.sign(psbt, 1, caps=FeeCaps())


def test_refusal_is_told_whatever_its_reason_is() -> None:
    group = Group(3, 2)
    psbt = group.spending([80_000], 40_000, 501, random.Random(8))
    group.parties[PartyId(1)]._sessions.expect_new = busy  # type: ignore[method-assign]
    with pytest.raises(PolicyDenied, match="party 1 refuses: busy"):
        group.sign(psbt, 0, 1)


def busy(_header: Header) -> None:
    raise UsageError("busy")


class Crashing(Party):
    def receive(self, sender: PartyId, envelope: bytes) -> tuple[Sealed, ...]:
        raise OSError("crash")


def test_crash_of_a_party_ends_the_session_at_the_others() -> None:
    group = Group(3, 2)
    group.parties[PartyId(0)] = group.party(PartyId(0), Crashing)
    psbt = group.spending([80_000], 40_000, 501, random.Random(9))
    with pytest.raises(OSError, match="crash"):
        group.sign(psbt, 0, 1)
    assert not group.parties[PartyId(1)]._sessions._running
    assert not group.logs[1].entries


class WrongShare(Party):
    """Sends a wrong partial signature, signed with its own host key."""

    def open_signing(self, order):  # type: ignore[no-untyped-def]
        self.order = order
        return super().open_signing(order)

    def receive(self, sender: PartyId, envelope: bytes) -> tuple[Sealed, ...]:
        return tuple(self._spoil(sealed) for sealed in super().receive(sender, envelope))

    def _spoil(self, sealed: Sealed) -> Sealed:
        header = decode(self.order.headers[0], HEADER_LIMIT, Header.read)
        roster = decode(self.order.roster, ROSTER_LIMIT, Roster.read)
        place = Session(signing_rounds.SPEC, header, roster, self.id, self._credentials.host_key)
        _, message = read_envelope(sealed.envelope, self.id, sealed.receiver)
        body = message.body[:-1] + bytes([message.body[-1] ^ 1])
        return Sealed(sealed.receiver, place.sign(message.slot, body).envelope(header))


def test_party_whose_partial_signature_is_wrong_is_named_with_evidence() -> None:
    group = Group(3, 2)
    group.parties[PartyId(1)] = group.party(PartyId(1), WrongShare)
    psbt = group.spending([80_000, 70_000], 40_000, 501, random.Random(6))
    with pytest.raises(FaultyPartyError) as caught:
        group.sign(psbt, 0, 1, caps=FeeCaps())
    assert dict(caught.value.culprits) == {1: "psig"}
    assert len(caught.value.evidence) == 1
    # the others go on without it
    group.sign(psbt, 0, 2, caps=FeeCaps())


class Slanderer(Party):
    """Blames another signer, with evidence of another session or none."""

    evidence: tuple[Evidence, ...] = ()

    def receive(self, sender: PartyId, envelope: bytes) -> tuple[Sealed, ...]:
        raise FaultyPartyError({PartyId(1): "psig"}, self.evidence)


def test_blame_is_no_proof_unless_its_evidence_holds() -> None:
    group = Group(3, 2)
    group.parties[PartyId(1)] = group.party(PartyId(1), WrongShare)
    psbt = group.spending([80_000], 40_000, 501, random.Random(10))
    with pytest.raises(FaultyPartyError) as proved:
        group.sign(psbt, 0, 1, caps=FeeCaps())
    group.parties[PartyId(1)] = group.party(PartyId(1))
    slanderer = group.party(PartyId(0), Slanderer)
    assert isinstance(slanderer, Slanderer)
    group.parties[PartyId(0)] = slanderer
    for evidence in ((), proved.value.evidence):
        slanderer.evidence = evidence
        with pytest.raises(UnattributedAbort, match="party 1: psig") as caught:
            group.sign(psbt, 0, 1, caps=FeeCaps())
        assert caught.value.suspects == {0, 1}


class Silent(Party):
    def receive(self, sender: PartyId, envelope: bytes) -> tuple[Sealed, ...]:
        return ()


def test_party_that_does_not_answer_is_named_as_missing() -> None:
    group = Group(3, 2)
    group.parties[PartyId(1)] = group.party(PartyId(1), Silent)
    psbt = group.spending([80_000], 40_000, 501, random.Random(7))
    with pytest.raises(Exception, match="no message from 1"):
        group.sign(psbt, 0, 1, caps=FeeCaps())
