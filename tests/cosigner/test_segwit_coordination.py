"""Coordinating signatures of SegWit inputs: cheating signers, pools that differ, others who sign as well."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import combinations, islice
from threading import Thread

import pytest

from cosigner.errors import PolicyDenied
from cosigner.party import Acceptance, Party, SigningOrder
from cosigner.steps import Deed
from ecdsa_cggmp import sign_rounds
from native.entropy import random_bytes
from presig_pool.errors import PoolExhausted, PresignatureVoid
from presig_pool.state import State
from protocol.codec import decode
from protocol.errors import (
    FaultyPartyError,
    MpcError,
    SecretReuseError,
    SessionTimeout,
    UnattributedAbort,
    UsageError,
)
from protocol.header import HEADER_LIMIT, Header
from protocol.ids import COORDINATOR, SESSION_ID_SIZE, PartyId, SessionId
from protocol.machine import Sealed
from protocol.roster import ROSTER_LIMIT, Roster
from protocol.session import Session
from protocol.signed import read_envelope
from tests.cosigner.group import Group, consensus_accepts
from tests.ecdsa_cggmp.network import dealt, judged
from tests.ecdsa_cggmp.presignatures import presignature, secret_key
from tests.presig_pool.memory import MemoryStore
from wallet.amounts import Sats
from wallet.fees import FeeCaps
from wallet.psbt import Psbt, extract

RNG = random.Random(0)


def segwit_psbt(group: Group, inputs: int = 1) -> Psbt:
    return group.spending([60_000] * inputs, 40_000, 900, RNG, accounts=(1,))


def mixed_psbt(group: Group) -> Psbt:
    return group.spending([60_000, 70_000, 80_000], 50_000, 900, RNG, accounts=(1, 0))


def group_of(count: int, *signers: int, n: int = 3, t: int = 2) -> Group:
    group = Group(n, t, segwit=True)
    group.stock_up(count, *signers)
    return group


def idle(group: Group) -> None:
    """No session is open anywhere, and no presignature is granted that is ready."""
    for i, party in group.parties.items():
        assert not party._sessions._running
        for stock in group.pools[i].stocks():
            assert group.pools[i].statistics(stock, group.now).granted == 0


def burnt(group: Group, party: int) -> list[bytes]:
    store = group.pools[party]._store
    assert isinstance(store, MemoryStore)
    return [item for item, kept in store.kept.items() if kept.entry.state is State.BURNED]


SETS = [
    (n, t, signers) for n in range(2, 6) for t in range(2, n + 1) for signers in combinations(range(n), t)
]


@pytest.mark.parametrize(("n", "t"), sorted({(n, t) for n, t, _ in SETS}))
def test_every_t_of_n_sign_mixed_inputs_with_one_presignature_each(n: int, t: int) -> None:
    group = Group(n, t, segwit=True)
    rng = random.Random(n * 10 + t)
    for signers in (signers for *place, signers in SETS if place == [n, t]):
        group.stock_up(3, *signers)
        values = [rng.randrange(50_000, 10**6) for _ in range(4)]
        psbt = group.spending(values, 40_000, 900, rng, accounts=rng.choice([(1,), (0, 1), (1, 0, 0)]))
        segwit = sum(1 for fields in psbt.inputs if fields.bip32_derivation)
        group.stock_up(segwit, *signers)
        assert consensus_accepts(psbt, extract(group.sign(psbt, *signers).psbt))
        assert [len(group.free(j, *signers)) for j in signers] == [3] * t
    idle(group)


@pytest.mark.parametrize("signers", [(0, 1, 2), (1,), ()])
def test_other_numbers_of_signers_than_t_are_refused(signers: tuple[int, ...]) -> None:
    group = group_of(2, 0, 1)
    with pytest.raises(UsageError):
        group.sign(mixed_psbt(group), *signers)
    idle(group)
    assert not any(log.entries for log in group.logs)


def test_steps_of_a_mixed_signature_are_told_in_order() -> None:
    group = group_of(2, 0, 1)
    group.sign(mixed_psbt(group), 0, 1)
    assert [s.deed for s in group.steps if s.actor == 1] == [
        Deed.TRANSACTION_REVIEWED,
        Deed.SIGNING_LOGGED,
        Deed.PRESIGNATURES_BURNT,
    ]
    assert [s.detail for s in group.steps if s.actor == COORDINATOR][1:] == ["1 of BIP-340", "2 of ECDSA"]


# ---- pools that differ ----


def lose(group: Group, party: int, ids: Iterable[bytes]) -> None:
    """Have a party void some of its presignatures, as it does when a session fails."""
    group.pools[party]._store.void(list(ids), "a test")


@pytest.mark.parametrize("loser", [0, 2])
def test_signers_sign_with_what_all_have_however_much_one_has_lost(loser: int) -> None:
    group = group_of(40, 0, 2)
    every = group.free(0, 0, 2)
    lose(group, loser, every[:37])
    psbt = segwit_psbt(group, 3)
    assert consensus_accepts(psbt, extract(group.sign(psbt, 0, 2).psbt))
    assert set(burnt(group, 0)) == set(burnt(group, 2)) == set(every[37:])


def test_signers_of_whom_each_has_lost_others_sign_with_the_rest() -> None:
    group = group_of(30, 0, 1, 3, n=4, t=3)
    every = group.free(0, 0, 1, 3)
    for at, j in enumerate((0, 1, 3)):
        lose(group, j, every[at::4])
    psbt = segwit_psbt(group, 7)
    group.sign(psbt, 0, 1, 3)
    assert set(burnt(group, 3)) == set(every[3::4])
    with pytest.raises(PoolExhausted) as caught:
        group.sign(segwit_psbt(group, 2), 0, 1, 3)
    assert (caught.value.wanted, caught.value.ready) == (2, 0)
    idle(group)


def test_pools_that_have_nothing_in_common_are_exhausted() -> None:
    group = group_of(4, 0, 1)
    every = group.free(0, 0, 1)
    lose(group, 0, every[:2])
    lose(group, 1, every[2:])
    with pytest.raises(PoolExhausted) as caught:
        group.sign(segwit_psbt(group), 0, 1)
    assert (caught.value.wanted, caught.value.ready) == (1, 0)


# ---- a first signer that picks badly ----


class Picker(Party):
    """Offers what a test makes of what it should."""

    def offer_presignatures(
        self, signers: Sequence[PartyId], count: int, among: Sequence[bytes]
    ) -> tuple[bytes, ...]:
        return self.make(super().offer_presignatures(signers, count, among))  # type: ignore[attr-defined, no-any-return]


def strangers(count: int) -> list[bytes]:
    shares = dealt(3, 2)
    x = secret_key(shares[:2])
    return [bytes(presignature(shares[0].sharing, x, (0, 1))[0].public) for _ in range(count)]


@pytest.mark.parametrize(
    "make",
    [
        lambda offered: (),
        lambda offered: offered[:1],
        lambda offered: (*offered, offered[0]),
        lambda offered: (offered[0], offered[0]),
        lambda offered: (offered[0], b""),
        lambda offered: (offered[0], offered[1][:-1]),
        lambda offered: (offered[0], bytes(1 << 17)),
        lambda offered: (offered[0], *strangers(1)),
        lambda offered: tuple(strangers(2)),
    ],
    ids=["none", "few", "many", "twice", "empty", "torn", "long", "foreign", "foreign ones"],
)
def test_first_signer_that_offers_something_else_is_suspected(make: object) -> None:
    group = group_of(4, 0, 1)
    picker = group.party(PartyId(0), Picker)
    picker.make = make  # type: ignore[attr-defined]
    group.parties[PartyId(0)] = picker
    with pytest.raises(UnattributedAbort, match="presignatures") as caught:
        group.sign(segwit_psbt(group, 2), 0, 1)
    assert caught.value.suspects == {0}
    idle(group)


def test_first_signer_that_offers_what_another_has_not_ready_is_suspected() -> None:
    group = group_of(4, 0, 1)
    every, old = group.free(0, 0, 1), group.pools[0].publics(group.free(0, 0, 1)[:1])[0]
    lose(group, 1, every[:1])
    picker = group.party(PartyId(0), Picker)
    picker.make = lambda offered: (bytes(old),)  # type: ignore[attr-defined]
    group.parties[PartyId(0)] = picker
    with pytest.raises(UnattributedAbort):
        group.sign(segwit_psbt(group), 0, 1)


class Pretender(Party):
    """Says that it has what it has not."""

    def ready_presignatures(self, signers: Sequence[PartyId]) -> tuple[bytes, ...]:
        return self.claimed  # type: ignore[attr-defined, no-any-return]


def test_signer_that_says_to_have_what_it_has_not_ends_the_attempt() -> None:
    group = group_of(4, 0, 1)
    pretender = group.party(PartyId(1), Pretender)
    pretender.claimed = group.free(1, 0, 1)  # type: ignore[attr-defined]
    group.parties[PartyId(1)] = pretender
    lose(group, 1, group.free(1, 0, 1))
    with pytest.raises(PresignatureVoid):
        group.sign(segwit_psbt(group), 0, 1)
    idle(group)
    assert len(group.free(0, 0, 1)) == 4


# ---- signers that cheat in the session ----


class OneSessionLess(Party):
    def open_signing(self, order: SigningOrder) -> Acceptance:
        accepted = super().open_signing(order)
        return replace(accepted, messages=accepted.messages[:1])


def test_signer_that_answers_to_one_of_two_sessions_is_suspected() -> None:
    group = group_of(3, 0, 1)
    group.parties[PartyId(1)] = group.party(PartyId(1), OneSessionLess)
    with pytest.raises(UnattributedAbort, match="first messages") as caught:
        group.sign(mixed_psbt(group), 0, 1)
    assert caught.value.suspects == {1}
    idle(group)
    assert len(group.free(0, 0, 1)) == 3


class Segwit(Party):
    """Knows which of its messages are of the SegWit session."""

    def open_signing(self, order: SigningOrder) -> Acceptance:
        headers = [decode(header, HEADER_LIMIT, Header.read) for header in order.headers]
        (self.header,) = (header for header in headers if header.protocol == sign_rounds.SPEC.name)
        self.roster = decode(order.roster, ROSTER_LIMIT, Roster.read)
        return super().open_signing(order)

    def receive(self, sender: PartyId, envelope: bytes) -> tuple[Sealed, ...]:
        if envelope[:SESSION_ID_SIZE] != self.header.session:
            return super().receive(sender, envelope)
        return self.answer(sender, envelope)

    def answer(self, sender: PartyId, envelope: bytes) -> tuple[Sealed, ...]:
        return super().receive(sender, envelope)

    def altered(self, sealed: Sealed, at: int) -> Sealed:
        place = Session(sign_rounds.SPEC, self.header, self.roster, self.id, self._credentials.host_key)
        _, message = read_envelope(sealed.envelope, self.id, sealed.receiver)
        body = bytearray(message.body)
        body[at] ^= 1
        return Sealed(sealed.receiver, place.sign(message.slot, bytes(body)).envelope(self.header))


class WrongShare(Segwit):
    def answer(self, sender: PartyId, envelope: bytes) -> tuple[Sealed, ...]:
        return tuple(self.altered(sealed, -1) for sealed in super().answer(sender, envelope))


class OtherContributions(Segwit):
    def answer(self, sender: PartyId, envelope: bytes) -> tuple[Sealed, ...]:
        return tuple(self.altered(sealed, 0) for sealed in super().answer(sender, envelope))


class Silent(Segwit):
    def answer(self, sender: PartyId, envelope: bytes) -> tuple[Sealed, ...]:
        return ()


class Gone(Segwit):
    def answer(self, sender: PartyId, envelope: bytes) -> tuple[Sealed, ...]:
        raise OSError("the connection is closed")


class Broken(Segwit):
    def answer(self, sender: PartyId, envelope: bytes) -> tuple[Sealed, ...]:
        raise RuntimeError("a bug")


def test_signer_whose_share_is_wrong_is_named_with_evidence_that_convinces_others() -> None:
    group = group_of(9, 0, 2)
    group.stock_up(3, 0, 1)
    cheat = group.party(PartyId(2), WrongShare)
    group.parties[PartyId(2)] = cheat
    psbt = mixed_psbt(group)
    with pytest.raises(FaultyPartyError) as caught:
        group.sign(psbt, 0, 2)
    assert dict(caught.value.culprits) == {2: "signature share"}
    (proof,) = caught.value.evidence
    assert judged(cheat.roster, proof) == "2 signature share"  # type: ignore[attr-defined]
    idle(group)
    assert burnt(group, 0) == burnt(group, 2)
    assert len(burnt(group, 0)) == 2
    # the others go on without it
    assert consensus_accepts(psbt, extract(group.sign(psbt, 0, 1).psbt))


def test_signer_with_three_wrong_shares_is_refused_and_no_presignature_has_two_shares() -> None:
    """Lindell17, CVE-2023-33242 (A-N15): a signature that failed is no reason to try again for ever."""
    group = group_of(12, 0, 2)
    group.stock_up(3, 0, 1)
    group.parties[PartyId(2)] = group.party(PartyId(2), WrongShare)
    psbt = mixed_psbt(group)
    for attempt in range(5):
        expected = FaultyPartyError if attempt < 3 else PolicyDenied
        with pytest.raises(
            expected, match="party 2: signature share" if attempt < 3 else "party 2 was at fault"
        ):
            group.sign(psbt, 0, 2)
        assert len(burnt(group, 0)) == 2 * min(attempt + 1, 3)
        idle(group)
    assert len(group.free(0, 0, 2)) == 6
    # the others go on without it
    assert consensus_accepts(psbt, extract(group.sign(psbt, 0, 1).psbt))


def test_signer_that_says_to_have_been_told_other_contributions_is_named() -> None:
    group = group_of(2, 0, 1)
    group.parties[PartyId(1)] = group.party(PartyId(1), OtherContributions)
    with pytest.raises(FaultyPartyError) as caught:
        group.sign(mixed_psbt(group), 0, 1)
    assert dict(caught.value.culprits) == {1: "contributions"}
    idle(group)


@pytest.mark.parametrize(
    ("kind", "error"), [(Silent, SessionTimeout), (Gone, OSError), (Broken, RuntimeError)]
)
@pytest.mark.parametrize("place", [0, 1])
def test_failure_after_the_taproot_session_leaves_nothing_open_and_the_next_attempt_signs(
    kind: type[Party], error: type[Exception], place: int
) -> None:
    group = group_of(8, 0, 1)
    honest = group.parties[PartyId(place)]
    group.parties[PartyId(place)] = group.party(PartyId(place), kind)
    psbt = mixed_psbt(group)
    for _ in range(2):
        with pytest.raises(error):
            group.sign(psbt, 0, 1)
        idle(group)
    group.parties[PartyId(place)] = honest
    assert consensus_accepts(psbt, extract(group.sign(psbt, 0, 1).psbt))
    idle(group)
    # the pools have diverged: the failed attempts have burnt presignatures of one signer only
    assert len(set(burnt(group, 0)) & set(burnt(group, 1))) == 2


def test_refusal_of_one_signer_gives_the_presignatures_of_the_others_back() -> None:
    group = Group(3, 2, FeeCaps(Sats(500), 10), segwit=True)
    group.stock_up(2, 0, 1)
    lenient = Group(3, 2, segwit=True)
    lenient.pools, lenient.now = group.pools, group.now
    group.parties[PartyId(0)] = lenient.party(PartyId(0))
    before = group.free(0, 0, 1)
    for _ in range(40):  # more than may be open at once
        with pytest.raises(PolicyDenied) as caught:
            group.sign_with(mixed_psbt(group), group.signers(0, 1), FeeCaps())
        assert set(caught.value.refusals) == {1}
        assert group.free(0, 0, 1) == group.free(1, 0, 1) == before
    idle(group)


# ---- others who sign as well ----


class Overtaken(Party):
    """Before it is asked, another coordinator is granted what it has offered."""

    rivals = 3

    def open_signing(self, order: SigningOrder) -> Acceptance:
        if self.rivals and self._credentials.segwit is not None:
            self.rivals -= 1
            segwit = self._credentials.segwit
            signers = decode(order.headers[-1], HEADER_LIMIT, Header.read).parties
            (item,) = segwit.pool.choose(segwit.key.stock(signers), 1, segwit.clock())
            segwit.pool.grant(segwit.key.stock(signers), random_bytes(32), [item], segwit.clock())
        return super().open_signing(order)


@pytest.mark.parametrize("place", [0, 1])
def test_coordinator_that_is_overtaken_takes_other_presignatures(place: int) -> None:
    group = group_of(8, 0, 1)
    every = group.free(0, 0, 1)
    group.parties[PartyId(place)] = group.party(PartyId(place), Overtaken)
    group.sign(segwit_psbt(group), 0, 1)
    assert burnt(group, 0) == burnt(group, 1) == [every[3]]
    assert not any(party._sessions._running for party in group.parties.values())
    assert group.free(1 - place, 0, 1) == every[:3] + every[4:]


class Lost(Overtaken):
    """Cannot be reached any more after it has refused."""

    rivals = 1
    lost = False

    def open_signing(self, order: SigningOrder) -> Acceptance:
        if self.lost:
            raise ConnectionResetError("gone")
        try:
            return super().open_signing(order)
        finally:
            self.lost = True

    def end(self, session: SessionId, evidence: Iterable[bytes] = ()) -> MpcError | None:
        if self.lost:
            raise ConnectionResetError("gone")
        return super().end(session, evidence)


def test_signer_that_is_lost_between_two_attempts_leaves_nothing_open_at_the_others() -> None:
    group = group_of(8, 0, 1)
    peer, lost = group.parties[PartyId(0)], group.party(PartyId(1), Lost)
    with pytest.raises(ConnectionResetError):
        group.sign_with(mixed_psbt(group), {PartyId(1): lost, PartyId(0): peer})
    assert not peer._sessions._running
    assert len(group.free(0, 0, 1)) == 8


def test_coordinators_at_once_use_no_presignature_twice() -> None:
    group = group_of(24, 0, 1)
    psbts = [mixed_psbt(group) for _ in range(12)]
    signed: list[Psbt] = []
    errors: list[Exception] = []

    def work(mine: Iterable[Psbt]) -> None:
        try:
            for psbt in mine:
                signed.append(group.sign(psbt, 0, 1).psbt)
        except Exception as e:
            errors.append(e)

    threads = [Thread(target=work, args=(list(islice(psbts, at, None, 4)),)) for at in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(600)
    assert errors == []
    assert len(signed) == 12
    originals = {psbt.tx.txid: psbt for psbt in psbts}
    assert all(consensus_accepts(originals[made.tx.txid], extract(made)) for made in signed)
    for party in (0, 1):
        assert len(burnt(group, party)) == 24
        assert len({entry.answer for entry in group.logs[party].entries}) == 24
    idle(group)


def test_presignature_that_was_burnt_for_others_is_not_offered_and_a_copy_of_it_is_refused() -> None:
    group = group_of(3, 0, 1)
    group.sign(segwit_psbt(group), 0, 1)
    (used,) = burnt(group, 0)
    assert used not in group.free(0, 0, 1)
    with pytest.raises(SecretReuseError):
        group.pools[0].grant(group.stock(0, 1), random_bytes(32), [used], group.now)
