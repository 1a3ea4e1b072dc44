"""What a signer of SegWit inputs refuses, and what it does with presignatures when a session goes wrong."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from cosigner.party import SESSION_SECONDS, Party, SigningOrder
from cosigner.segwit_signing import MAX_LISTED
from cosigner.sessions import MAX_OPEN
from ecdsa_cggmp import sign_rounds
from ecdsa_cggmp.presignature import PublicPresignature
from ecdsa_cggmp.sign_messages import ContributionMsg, ContributionsMsg, Input, SigningPlan
from frost_bip340 import signing_rounds
from native.curve import Scalar
from native.entropy import random_bytes
from native.schnorr import xonly_key
from native.secret import SecretScalars
from native.secret_scalar import random_scalars
from presig_pool.burning import Use
from presig_pool.errors import PoolExhausted, PresignatureTaken, PresignatureVoid
from presig_pool.watermarks import MAX_PAYMENT
from protocol.codec import decode
from protocol.errors import (
    EncodingError,
    FaultyCoordinatorError,
    MpcError,
    SecretReuseError,
    UsageError,
)
from protocol.header import Header
from protocol.ids import COORDINATOR, PartyId, SessionId
from protocol.machine import Sealed
from protocol.resharing.plan import Sharing
from protocol.roster import Roster
from protocol.session import Session
from protocol.signed import Slot, read_envelope
from protocol.spec import ProtocolSpec
from storage.errors import StorageError
from storage.signing_log import SignedEntry
from tests.cosigner.group import Group, MemoryLog
from tests.ecdsa_cggmp.network import dealt
from tests.ecdsa_cggmp.presignatures import presignature, secret_key
from wallet.errors import RefusedError
from wallet.fees import FeeCaps
from wallet.psbt import Psbt
from wallet.review import review

RNG = random.Random(0)
SIGNERS = (0, 2)
STOCKED = 6


def mixed_group() -> Group:
    group = Group(3, 2, segwit=True)
    group.stock_up(STOCKED, *SIGNERS)
    return group


def mixed_psbt(group: Group) -> Psbt:
    """Inputs 0 and 2 are Taproot, 1 and 3 SegWit."""
    return group.spending([60_000, 70_000, 80_000, 90_000], 50_000, 900, RNG, accounts=(0, 1))


@dataclass
class Coordinator:
    """One that sends whatever it likes, with a key of its own."""

    group: Group
    psbt: Psbt
    signers: tuple[int, ...] = SIGNERS
    host_key: SecretScalars = field(default_factory=random_scalars)

    def __post_init__(self) -> None:
        self.roster = Roster(self.group.keys.host_keys, xonly_key(self.host_key))
        assert self.group.keys.segwit is not None
        self.key = self.group.keys.segwit
        self.inputs = review(self.psbt, self.group.keys.accounts, FeeCaps(), next_change=(20, 20)).inputs

    def _header(self, spec: ProtocolSpec, params: bytes) -> Header:
        parties = tuple(map(PartyId, self.signers))
        return Header(
            spec.name, spec.version, SessionId(random_bytes(32)), self.roster.digest, parties, params
        )

    def taproot(self) -> Header:
        request = self.group.key.request((it.sighash, it.path) for it in self.inputs if it.account == 0)
        return self._header(signing_rounds.SPEC, bytes(request))

    def plan(self, ids: tuple[bytes, ...] | None = None) -> SigningPlan:
        requests = self.key.requests((it.sighash, it.path) for it in self.inputs if it.account == 1)
        chosen = ids or self.group.free(self.signers[0], *self.signers)[: len(requests)]
        publics = self.group.pools[self.signers[0]].publics(chosen)
        return self.key.plan(tuple(map(PartyId, self.signers)), requests, publics)

    def segwit(self, plan: SigningPlan | bytes | None = None) -> Header:
        return self._header(sign_rounds.SPEC, bytes(plan or self.plan()))

    def order(self, *headers: Header) -> SigningOrder:
        return SigningOrder(tuple(map(bytes, headers)), bytes(self.roster), bytes(self.psbt))

    def place(self, header: Header) -> Session:
        return Session(sign_rounds.SPEC, header, self.roster, COORDINATOR, self.host_key)

    def contributions(self, header: Header, own: Sealed, party: int) -> ContributionsMsg:
        """What one signer is told: its own, and what the coordinator likes for the others."""
        _, message = read_envelope(own.envelope, PartyId(party), COORDINATOR)
        count = len(SigningPlan.of(header).inputs)
        mine = decode(message.body, 1 << 16, lambda reader: ContributionMsg.read(reader, count))
        other = ContributionMsg(tuple(random_bytes(32) for _ in range(count)))
        return ContributionsMsg(tuple(mine if j == party else other for j in self.signers))

    def tell(self, header: Header, told: ContributionsMsg) -> bytes:
        message = self.place(header).sign(Slot.broadcast(2, COORDINATOR), bytes(told))
        return message.envelope(header)


def refused(
    group: Group, order: SigningOrder, error: type[Exception], match: str | None = None, party: int = 0
) -> None:
    """A party refuses an order, and nothing is left of it there."""
    before = group.free(party, *SIGNERS)
    with pytest.raises(error, match=match):
        group.parties[PartyId(party)].open_signing(order)
    unharmed(group, party, before)


def unharmed(group: Group, party: int, before: tuple[bytes, ...]) -> None:
    assert not group.parties[PartyId(party)]._sessions._running
    assert group.free(party, *SIGNERS) == before
    assert not group.logs[party].entries


# ---- orders ----


Headers = Callable[[Coordinator], tuple[Header, ...]]


@pytest.mark.parametrize(
    "headers",
    [
        lambda it: (),
        lambda it: (it.taproot(),),
        lambda it: (it.segwit(),),
        lambda it: (it.segwit(), it.taproot()),
        lambda it: (it.segwit(), it.segwit()),
        lambda it: (it.taproot(), it.taproot()),
    ],
    ids=["none", "Taproot only", "SegWit only", "in the wrong order", "SegWit twice", "Taproot twice"],
)
def test_order_has_one_session_for_each_key_in_the_order_of_the_accounts(headers: Headers) -> None:
    group = mixed_group()
    coordinator = Coordinator(group, mixed_psbt(group))
    refused(group, coordinator.order(*headers(coordinator)), RefusedError, "one session for each key")


def test_order_with_more_sessions_than_keys_is_refused() -> None:
    group = mixed_group()
    coordinator = Coordinator(group, mixed_psbt(group))
    three = coordinator.taproot(), coordinator.segwit(), coordinator.segwit()
    refused(group, coordinator.order(*three), UsageError, "one session for each key")


def test_order_with_a_session_for_a_key_that_does_not_sign_is_refused() -> None:
    group = mixed_group()
    coordinator = Coordinator(group, group.spending([60_000], 50_000, 800, RNG, accounts=(1,)))
    extra = Coordinator(group, mixed_psbt(group)).taproot()
    refused(group, coordinator.order(extra, coordinator.segwit()), RefusedError, "one session for each key")


def test_two_sessions_of_one_id_are_refused() -> None:
    group = mixed_group()
    coordinator = Coordinator(group, mixed_psbt(group))
    first, second = coordinator.taproot(), coordinator.segwit()
    same = replace(second, session=first.session)
    refused(group, coordinator.order(first, same), UsageError, "one id")


def test_sessions_of_other_coordinators_or_signers_are_refused() -> None:
    group = mixed_group()
    coordinator, other = (Coordinator(group, mixed_psbt(group)) for _ in range(2))
    refused(group, coordinator.order(coordinator.taproot(), other.segwit()), UsageError, "another roster")
    order = coordinator.order(coordinator.taproot(), coordinator.segwit())
    refused(group, order, UsageError, "take part", party=1)


def test_segwit_session_of_a_wallet_without_that_account_is_refused() -> None:
    group, plain = mixed_group(), Group(3, 2)
    coordinator = Coordinator(group, group.spending([60_000], 50_000, 800, RNG, accounts=(1,)))
    with pytest.raises(RefusedError):
        plain.parties[PartyId(0)].open_signing(coordinator.order(coordinator.segwit()))
    for call in (
        lambda party: party.ready_presignatures((PartyId(0), PartyId(1))),
        lambda party: party.offer_presignatures((PartyId(0), PartyId(1)), 1, ()),
    ):
        with pytest.raises(UsageError, match="no SegWit account"):
            call(plain.parties[PartyId(0)])


# ---- plans ----


def changed(plan: SigningPlan, at: int, **request: object) -> SigningPlan:
    inputs = list(plan.inputs)
    inputs[at] = replace(inputs[at], request=replace(inputs[at].request, **request))
    return replace(plan, inputs=tuple(inputs))


def moved(plan: SigningPlan, sharing: Sharing) -> SigningPlan:
    inputs = [replace(it, presignature=replace(it.presignature, sharing=sharing)) for it in plan.inputs]
    return SigningPlan(sharing, plan.signers, tuple(inputs))


def of_another_key(plan: SigningPlan) -> SigningPlan:
    shares = dealt(3, 2)
    x, sharing = secret_key([shares[0], shares[2]]), shares[0].sharing
    publics = [presignature(sharing, x, SIGNERS)[0].public for _ in plan.inputs]
    pairs = zip(publics, plan.inputs, strict=True)
    return SigningPlan(sharing, plan.signers, tuple(Input(public, it.request) for public, it in pairs))


Change = Callable[[SigningPlan], SigningPlan]


@pytest.mark.parametrize(
    "change",
    [
        lambda plan: changed(plan, 1, digest=random_bytes(32)),
        lambda plan: changed(plan, 0, tweak=plan.inputs[0].request.tweak + Scalar(1)),
        lambda plan: changed(plan, 0, tweak=plan.inputs[1].request.tweak),
        lambda plan: changed(plan, 0, tweak=Scalar(0)),
        lambda plan: replace(plan, inputs=plan.inputs[::-1]),
        lambda plan: replace(plan, inputs=plan.inputs[:1]),
        of_another_key,
        lambda plan: moved(plan, replace(plan.sharing, epoch=plan.sharing.epoch + 1)),
        lambda plan: moved(plan, replace(plan.sharing, pubshares=plan.sharing.pubshares[::-1])),
    ],
    ids=[
        "sighash",
        "tweak",
        "tweak of another input",
        "no tweak",
        "order",
        "one less",
        "key",
        "epoch",
        "shares",
    ],
)
def test_plan_that_the_transaction_does_not_need_is_refused(change: Change) -> None:
    group = mixed_group()
    coordinator = Coordinator(group, mixed_psbt(group))
    header = coordinator.segwit(change(coordinator.plan()))
    order = coordinator.order(coordinator.taproot(), header)
    refused(group, order, RefusedError, "does not sign what this transaction needs")


def test_plan_with_one_input_more_is_refused() -> None:
    group = mixed_group()
    coordinator = Coordinator(group, mixed_psbt(group))
    plan, third = coordinator.plan(), group.pools[0].publics(group.free(0, *SIGNERS)[2:3])[0]
    more = replace(plan, inputs=(*plan.inputs, Input(third, plan.inputs[0].request)))
    order = coordinator.order(coordinator.taproot(), coordinator.segwit(more))
    refused(group, order, RefusedError, "does not sign what this transaction needs")


def test_plan_with_one_presignature_for_two_inputs_is_refused() -> None:
    group = mixed_group()
    coordinator = Coordinator(group, mixed_psbt(group))
    plan, data = coordinator.plan(), bytes(coordinator.plan())
    size = (len(data) - 2 - len(bytes(plan.sharing))) // 2
    first, second = data[-2 * size : -size], data[-size:]
    twice = data[: -2 * size] + first + first[:-64] + second[-64:]
    order = coordinator.order(coordinator.taproot(), coordinator.segwit(twice))
    refused(group, order, EncodingError, "used twice")


def test_plan_with_presignatures_of_other_signers_is_refused() -> None:
    group = mixed_group()
    group.stock_up(2, 0, 1)
    coordinator = Coordinator(group, mixed_psbt(group))
    other = Coordinator(group, coordinator.psbt, (0, 1)).plan()
    order = coordinator.order(coordinator.taproot(), coordinator.segwit(other))
    refused(group, order, PresignatureVoid)  # read as one of these signers, it has another id


@pytest.mark.parametrize("data", [b"", b"\0", bytes(200)])
def test_header_without_a_plan_is_refused(data: bytes) -> None:
    group = mixed_group()
    coordinator = Coordinator(group, mixed_psbt(group))
    header = replace(coordinator.segwit(), params=data)
    refused(group, coordinator.order(coordinator.taproot(), header), EncodingError)


# ---- presignatures that are not ready ----


def order_of(group: Group, coordinator: Coordinator, *ids: bytes) -> SigningOrder:
    return coordinator.order(coordinator.taproot(), coordinator.segwit(coordinator.plan(ids)))


def test_presignature_that_another_session_has_is_not_granted_until_that_is_over() -> None:
    group = mixed_group()
    first, second = (Coordinator(group, mixed_psbt(group)) for _ in range(2))
    one, two, three, *_ = group.free(0, *SIGNERS)
    taproot, segwit = first.taproot(), first.segwit(first.plan((one, two)))
    party = group.parties[PartyId(0)]
    party.open_signing(first.order(taproot, segwit))
    with pytest.raises(PresignatureTaken):
        party.open_signing(order_of(group, second, two, three))
    assert three in group.free(0, *SIGNERS)  # all or none
    party.end(segwit.session)
    party.open_signing(order_of(group, second, two, three))
    assert group.free(0, *SIGNERS)[0] == one
    party.end(taproot.session)
    assert len(party._opened) == 2  # those of the second


def test_presignature_that_is_burnt_void_or_unknown_is_not_granted() -> None:
    group = mixed_group()
    coordinator = Coordinator(group, mixed_psbt(group))
    burnt, void, ready, *_ = group.free(0, *SIGNERS)
    burnt_order, void_order, fresh = (
        order_of(group, coordinator, item, ready) for item in (burnt, void, group.free(0, *SIGNERS)[-1])
    )
    request = random_bytes(32)
    group.pools[0].grant(group.stock(*SIGNERS), request, [burnt], group.now)
    group.pools[0].burn(request, [Use(burnt, bytes(32))], lambda _: [bytes(32)], group.now)
    group.pools[0]._store.void([void], "a test")
    refused(group, burnt_order, SecretReuseError)
    refused(group, void_order, PresignatureVoid)
    shares = [group.shares[j] for j in SIGNERS]
    stranger = presignature(coordinator.key.sharing, secret_key(shares), SIGNERS)[0].public
    plan = coordinator.plan((ready, group.free(0, *SIGNERS)[-1]))
    unknown = replace(plan, inputs=(replace(plan.inputs[0], presignature=stranger), plan.inputs[1]))
    refused(group, coordinator.order(coordinator.taproot(), coordinator.segwit(unknown)), PresignatureVoid)
    group.parties[PartyId(0)].open_signing(fresh)


def test_numbers_that_a_coordinator_asks_for_are_bounded() -> None:
    group = mixed_group()
    party, signers = group.parties[PartyId(0)], (PartyId(0), PartyId(2))
    ready = party.ready_presignatures(signers)
    assert ready == group.free(0, *SIGNERS)
    for count, among in ((0, ready), (-1, ready), (MAX_PAYMENT + 1, ready), (1, [b""] * (MAX_LISTED + 1))):
        with pytest.raises(UsageError):
            party.offer_presignatures(signers, count, among)
    for odd in ((), (PartyId(0), PartyId(0)), (PartyId(200),)):
        with pytest.raises(UsageError):
            party.ready_presignatures(odd)
    with pytest.raises(PoolExhausted) as caught:
        party.offer_presignatures(signers, 3, ready[1:3])
    assert (caught.value.wanted, caught.value.ready) == (3, 2)
    (offered,) = party.offer_presignatures(signers, 1, ready[2:])
    assert decode(offered, 1 << 16, PublicPresignature.read).id == ready[2]
    assert group.free(0, *SIGNERS) == ready  # nothing is granted


# ---- sessions that go wrong ----


@dataclass
class Opened:
    """A SegWit session that one signer takes part in."""

    coordinator: Coordinator
    header: Header
    message: Sealed

    def right(self) -> bytes:
        told = self.coordinator.contributions(self.header, self.message, SIGNERS[0])
        return self.coordinator.tell(self.header, told)


def opened(group: Group) -> Opened:
    coordinator = Coordinator(group, group.spending([60_000, 70_000], 50_000, 900, RNG, accounts=(1,)))
    header = coordinator.segwit()
    ((message,),) = group.parties[PartyId(0)].open_signing(coordinator.order(header)).messages
    return Opened(coordinator, header, message)


def test_contributions_without_the_own_one_are_refused_and_nothing_is_burnt() -> None:
    group = mixed_group()
    before = group.free(0, *SIGNERS)
    session = opened(group)
    foreign = ContributionMsg((random_bytes(32), random_bytes(32)))
    with pytest.raises(FaultyCoordinatorError, match="contributions"):
        group.parties[PartyId(0)].receive(
            COORDINATOR, session.coordinator.tell(session.header, ContributionsMsg((foreign, foreign)))
        )
    unharmed(group, 0, before)


def test_shares_are_given_once_and_the_presignatures_are_burnt() -> None:
    group = mixed_group()
    before, party = group.free(0, *SIGNERS), group.parties[PartyId(0)]
    session = opened(group)
    right = session.right()
    (answer,) = party.receive(COORDINATOR, right)
    assert group.free(0, *SIGNERS) == before[2:]
    assert answer.envelope.endswith(group.logs[0].entries[0].answer)
    for envelope in (right, session.right()):
        with pytest.raises(UsageError, match="no such session"):
            party.receive(COORDINATOR, envelope)
    with pytest.raises(UsageError, match="used before"):
        party.open_signing(session.coordinator.order(session.header))
    assert len(group.logs[0].entries) == 1


def test_session_that_is_run_again_after_a_restart_yields_no_share() -> None:
    """The stored shares, signed with other contributions, would be evidence against an honest party."""
    group = mixed_group()
    session = opened(group)
    group.parties[PartyId(0)].receive(COORDINATOR, session.right())
    again = group.party(PartyId(0))  # has forgotten the session; a copy of its pool could have been kept
    ((message,),) = again.open_signing(session.coordinator.order(session.header)).messages
    with pytest.raises(SecretReuseError, match="answered before"):
        again.receive(COORDINATOR, Opened(session.coordinator, session.header, message).right())
    assert len(group.logs[0].entries) == 1


def test_session_whose_grant_has_ended_burns_nothing() -> None:
    group = mixed_group()
    before = group.free(0, *SIGNERS)
    session = opened(group)
    group.now += group.pools[0].watermarks.grant_seconds
    with pytest.raises(PresignatureTaken):
        group.parties[PartyId(0)].receive(COORDINATOR, session.right())
    unharmed(group, 0, before)


def test_session_that_fails_gives_its_presignatures_back() -> None:
    group = mixed_group()
    before, party = group.free(0, *SIGNERS), group.parties[PartyId(0)]
    session = opened(group)
    assert group.free(0, *SIGNERS) == before[2:]
    with pytest.raises(UsageError, match="belong"):
        party.receive(PartyId(1), session.right())  # who is in no session ends none
    assert group.free(0, *SIGNERS) == before[2:]
    with pytest.raises(MpcError):
        party.receive(COORDINATOR, session.right()[:-1])
    unharmed(group, 0, before)


def test_second_session_for_which_there_is_no_room_leaves_nothing_of_the_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    group = mixed_group()
    before = group.free(0, *SIGNERS)
    coordinator = Coordinator(group, mixed_psbt(group))
    order = coordinator.order(coordinator.taproot(), coordinator.segwit())
    sessions = group.parties[PartyId(0)]._sessions
    really, count = sessions.open, iter(range(9))

    def full(*args: object) -> tuple[Sealed, ...]:
        if next(count):
            raise UsageError("32 sessions are open already")
        return really(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(sessions, "open", full)
    with pytest.raises(UsageError, match="open already"):
        group.parties[PartyId(0)].open_signing(order)
    unharmed(group, 0, before)


def test_coordinator_that_opens_sessions_and_goes_keeps_nobody_from_signing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    group = Group(3, 2, segwit=True)
    group.stock_up(MAX_OPEN + 2, *SIGNERS)
    before, party = group.free(0, *SIGNERS), group.parties[PartyId(0)]
    psbt = group.spending([60_000], 50_000, 900, RNG, accounts=(1,))

    def ask() -> None:
        coordinator = Coordinator(group, psbt)
        party.open_signing(coordinator.order(coordinator.segwit()))

    for _ in range(MAX_OPEN):
        ask()
    with pytest.raises(UsageError, match="open already"):
        ask()
    assert group.free(0, *SIGNERS) == before[MAX_OPEN:]
    group.now += group.pools[0].watermarks.grant_seconds
    assert group.free(0, *SIGNERS) == before
    with pytest.raises(UsageError, match="open already"):
        ask()
    assert group.pools[0].watermarks.grant_seconds <= SESSION_SECONDS
    monkeypatch.setattr("cosigner.party.SESSION_SECONDS", 0)
    ask()
    assert len(party._sessions._running) == 1


class FullLog(MemoryLog):
    def record(self, entry: SignedEntry) -> None:
        raise StorageError("the disk is full")


def test_log_that_cannot_be_written_lets_no_share_out_and_voids_the_presignatures() -> None:
    group = mixed_group()
    before, group.logs[0] = group.free(0, *SIGNERS), FullLog()
    group.parties[PartyId(0)] = group.party(PartyId(0))
    session = opened(group)
    with pytest.raises(StorageError, match="full"):
        group.parties[PartyId(0)].receive(COORDINATOR, session.right())
    assert group.free(0, *SIGNERS) == before[2:]
    statistics = group.pools[0].statistics(group.stock(*SIGNERS), group.now)
    assert (statistics.voided, statistics.burned) == (2, 0)
    assert not group.parties[PartyId(0)]._sessions._running


def test_log_has_what_was_signed_for_the_segwit_inputs() -> None:
    group = mixed_group()
    psbt = mixed_psbt(group)
    group.sign(psbt, *SIGNERS)
    inputs = Coordinator(group, psbt).inputs
    for party in SIGNERS:
        entries = group.logs[party].entries
        assert [entry.key for entry in entries] == [
            group.key.public_key,
            group.keys.segwit.public_key,  # type: ignore[union-attr]
        ]
        for account, entry in enumerate(entries):
            assert entry.sighashes == tuple(it.sighash for it in inputs if it.account == account)
            assert (entry.txid, entry.signers, entry.epoch) == (psbt.tx.txid, SIGNERS, 0)
        assert len(entries[1].answer) == 2 * 32
        assert isinstance(group.parties[PartyId(party)], Party)
