from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import pytest

from cosigner.keygen import GeneratedKey, KeygenParty, KeygenTerms, generate
from cosigner.steps import Deed, Step
from frost_bip340 import keygen_rounds
from frost_bip340.key_share import KeyShare
from frost_bip340.recovery import participant_recover
from protocol.codec import decode
from protocol.errors import FaultyPartyError, MpcError, UnattributedAbort, UsageError
from protocol.header import HEADER_LIMIT, Header
from protocol.ids import COORDINATOR, PartyId, SessionId
from protocol.machine import Sealed
from protocol.roster import ROSTER_LIMIT, Roster
from protocol.session import Session
from protocol.signed import read_envelope
from tests.cosigner.memory_store import MemoryStore


class FullDiskError(MpcError):
    pass


def account(share: KeyShare) -> str:
    return (bytes(share.info.thresh_pk) + share.chain_code).hex()


@dataclass
class Group:
    """n parties, each with its store."""

    n: int
    t: int
    steps: list[Step] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.stores = [MemoryStore() for _ in range(self.n)]
        self.parties = {PartyId(i): self.party(PartyId(i)) for i in range(self.n)}

    def party(
        self, i: PartyId, show: Callable[[KeyShare], str] = account, kind: type[KeygenParty] = KeygenParty
    ) -> KeygenParty:
        return kind(KeygenTerms(i, self.n, self.t, show, self.steps.append), self.stores[i])

    def generate(self) -> GeneratedKey:
        return generate(self.parties, self.t, self.steps.append)


@pytest.mark.parametrize(("t", "n"), [(1, 1), (1, 2), (2, 2), (2, 3), (3, 5), (5, 7)])
def test_all_parties_get_shares_of_one_key_and_show_the_same_account(t: int, n: int) -> None:
    group = Group(n, t)
    made = group.generate()
    for i, store in enumerate(group.stores):
        assert store.share is not None
        assert store.share.party == i
        assert store.share.info == made.output.info
        assert account(store.share) == made.account
        assert store.data == made.output.recovery_data
    assert (made.output.info.t, made.output.info.n) == (t, n)
    assert {party.params_hash for party in group.parties.values()} == {made.params.hash()}


def test_every_step_of_every_party_is_told_in_order() -> None:
    group = Group(3, 2)
    group.generate()
    deeds = [Deed.HOST_KEY_MADE, Deed.SHARES_DEALT, Deed.SHARE_STORED, Deed.STORING_CONFIRMED]
    for i in range(3):
        assert [step.deed for step in group.steps if step.actor == i] == deeds
    compared = next(step for step in group.steps if step.deed is Deed.PARAMS_COMPARED)
    assert compared.actor == COORDINATOR
    dealt = [step.detail for step in group.steps if step.deed is Deed.SHARES_DEALT]
    assert dealt == [f"parameters {compared.detail}"] * 3


def test_share_is_recovered_from_the_sealed_host_key_and_another_party_s_data() -> None:
    group = Group(3, 2)
    group.generate()
    host_key = group.stores[2].host_key
    assert host_key is not None
    assert group.stores[2].share is not None
    recovered = participant_recover(host_key, group.stores[0].data)
    assert recovered.share.pubshare == group.stores[2].share.pubshare
    assert recovered.share.chain_code == group.stores[2].share.chain_code


def test_account_that_one_party_shows_otherwise_is_noticed() -> None:
    group = Group(3, 2)
    group.parties[PartyId(1)] = group.party(PartyId(1), lambda _: "another account")
    with pytest.raises(UnattributedAbort, match="same account"):
        group.generate()


def test_party_whose_store_fails_confirms_nothing() -> None:
    group = Group(3, 2)

    def fail(_share: KeyShare, _data: bytes) -> None:
        raise FullDiskError("full")

    group.stores[1].put_share = fail  # type: ignore[method-assign]
    with pytest.raises(FullDiskError):
        group.generate()
    assert Deed.STORING_CONFIRMED not in {step.deed for step in group.steps}
    with pytest.raises(UsageError, match="acknowledgment"):
        group.parties[PartyId(1)].confirm(bytes(3 * 64))


def test_party_that_cannot_read_back_what_it_stored_acknowledges_nothing() -> None:
    group = Group(3, 2)
    group.stores[1].recovery_data = lambda: b"torn"  # type: ignore[method-assign]
    with pytest.raises(UsageError, match="recovery data"):
        group.generate()


class Liar(KeygenParty):
    def acknowledge(self) -> bytes:
        return bytes(64)


class Unasked(KeygenParty):
    def confirm(self, acks: bytes) -> bytes:
        pytest.fail("the coordinator passes wrong acknowledgments on")


def test_acknowledgment_that_does_not_hold_is_blamed_by_the_coordinator_and_by_parties() -> None:
    group = Group(3, 2)
    group.parties[PartyId(0)] = group.party(PartyId(0), kind=Unasked)
    group.parties[PartyId(1)] = group.party(PartyId(1), kind=Liar)
    with pytest.raises(FaultyPartyError) as caught:
        group.generate()
    assert set(caught.value.culprits) == {1}
    assert Deed.STORING_CONFIRMED not in {step.deed for step in group.steps}
    acks = b"".join(party.acknowledge() for party in group.parties.values())
    with pytest.raises(FaultyPartyError) as at_party:
        group.parties[PartyId(2)].confirm(acks)
    assert set(at_party.value.culprits) == {1}


class Cheat(KeygenParty):
    def receive(self, sender: PartyId, envelope: bytes) -> tuple[Sealed, ...]:
        # signs the transcript and alters the signature
        return tuple(
            Sealed(s.receiver, s.envelope[:-1] + bytes([s.envelope[-1] ^ 1]))
            for s in super().receive(sender, envelope)
        )


def test_message_that_is_not_signed_ends_the_session_everywhere() -> None:
    group = Group(3, 2)
    group.parties[PartyId(2)] = group.party(PartyId(2), kind=Cheat)
    with pytest.raises(UnattributedAbort, match="signature"):
        group.generate()
    assert all(store.share is None for store in group.stores)


class BadProof(KeygenParty):
    """Deals with a wrong proof of possession, signed with its own host key."""

    def open(self, header: bytes, roster: bytes) -> tuple[Sealed, ...]:
        (sealed,) = super().open(header, roster)
        place = Session(
            keygen_rounds.SPEC,
            decode(header, HEADER_LIMIT, Header.read),
            decode(roster, ROSTER_LIMIT, Roster.read),
            PartyId(2),
            self._host_key,
        )
        _, message = read_envelope(sealed.envelope, PartyId(2), COORDINATOR)
        pop = slice(33 * place.roster.n - 33, None)  # t = n - 1 commitments stand before it
        body = message.body[: pop.start] + bytes(64) + message.body[pop.start + 64 :]
        return (Sealed(COORDINATOR, place.sign(message.slot, body).envelope(place.header)),)


class Witness(KeygenParty):
    ended: MpcError | None = None

    def end(self, session: SessionId, evidence: Iterable[bytes] = ()) -> MpcError | None:
        error = super().end(session, evidence)
        self.ended = self.ended or error
        return error


def test_proof_of_a_fault_is_passed_on_to_all_parties() -> None:
    group = Group(3, 2)
    group.parties[PartyId(2)] = group.party(PartyId(2), kind=BadProof)
    witnesses = [group.party(PartyId(i), kind=Witness) for i in range(2)]
    group.parties |= {PartyId(i): witness for i, witness in enumerate(witnesses)}
    with pytest.raises(FaultyPartyError) as caught:
        group.generate()
    assert dict(caught.value.culprits) == {2: "proof of possession"}
    for witness in witnesses:
        assert isinstance(witness, Witness)
        assert isinstance(witness.ended, FaultyPartyError)
        assert set(witness.ended.culprits) == {2}


@pytest.mark.parametrize(("t", "n"), [(1, 3), (3, 3)])
def test_party_refuses_another_threshold_than_its_operator_agreed_to(t: int, n: int) -> None:
    group = Group(3, 2)
    with pytest.raises(UsageError, match="not of 2 of 3"):
        generate(group.parties, t, group.steps.append)


def test_acknowledgments_are_as_many_as_the_parties() -> None:
    group = Group(2, 2)
    group.generate()
    acks = b"".join(party.acknowledge() for party in group.parties.values())
    for wrong in (b"", acks[:-1], acks + b"\0"):
        with pytest.raises(UsageError, match="acknowledgment"):
            group.parties[PartyId(0)].confirm(wrong)
    assert group.parties[PartyId(0)].confirm(acks)


def test_party_opens_one_session() -> None:
    group = Group(2, 2)
    group.generate()
    with pytest.raises(UsageError, match="opened once"):
        group.parties[PartyId(0)].open(b"", b"")


def test_nothing_is_said_before_a_session_is_opened() -> None:
    party = Group(2, 2).parties[PartyId(0)]
    with pytest.raises(UsageError):
        party.acknowledge()
    with pytest.raises(UsageError):
        _ = party.params_hash
