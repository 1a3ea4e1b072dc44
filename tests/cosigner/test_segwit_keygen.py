from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import pytest

from cosigner.segwit_keygen import VOUCHER_SIZE, SegwitKeygenParty, SegwitTerms, generate
from cosigner.steps import Deed, Step
from ecdsa_cggmp import aux_rounds, keygen_checks
from ecdsa_cggmp.aux_info import AuxInfo, AuxSecret
from ecdsa_cggmp.key_share import KeyShare, PublicShare
from ecdsa_cggmp.keygen_messages import keygen_params
from ecdsa_cggmp.params import Params
from frost_bip340 import keygen_rounds as frost_keygen
from native.curve import mul_base
from native.entropy import random_bytes
from native.schnorr import xonly_key
from native.secret import SecretScalars
from native.secret_scalar import random_scalars
from protocol.codec import decode
from protocol.errors import EncodingError, FaultyPartyError, MpcError, UnattributedAbort, UsageError
from protocol.evidence import Evidence
from protocol.header import HEADER_LIMIT, Header
from protocol.ids import SESSION_ID_SIZE, PartyId, SessionId
from protocol.machine import Sealed
from protocol.roster import Roster
from protocol.session import Session
from protocol.signed import Kind, read_envelope
from protocol.spec import ProtocolSpec
from protocol.vss import weights
from storage.errors import StorageError
from tests.ecdsa_cggmp.levels import TINY
from tests.ecdsa_cggmp.network import aux_infos, aux_secret, dealt, judged

AUX = aux_rounds.aux_spec(TINY)
KEYGEN = keygen_checks.SPEC
CHEAT = PartyId(1)


class Store:
    """A party's store without a disk."""

    def __init__(self) -> None:
        self.shares: dict[bytes, KeyShare] = {}
        self.info: AuxInfo | None = None

    def put_ecdsa_share(self, share: KeyShare) -> None:
        self.shares[bytes(share.sharing.key)] = share

    def put_aux(self, aux: AuxInfo) -> None:
        self.info = aux

    def ecdsa_share(self, key: bytes) -> KeyShare:
        return self.shares[key]

    def aux(self, params: Params) -> AuxInfo:
        assert self.info is not None
        assert self.info.params == params
        return self.info


PartyKind = type[SegwitKeygenParty]


@dataclass
class Group:
    """n parties, each with its store, that know each other's host keys."""

    n: int = 3
    t: int = 2
    steps: list[Step] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.keys: list[SecretScalars] = [random_scalars() for _ in range(self.n)]
        self.host_keys = tuple(map(xonly_key, self.keys))
        self.stores = [Store() for _ in range(self.n)]
        self.parties = {PartyId(i): self.party(PartyId(i)) for i in range(self.n)}

    def party(self, i: PartyId, kind: PartyKind = SegwitKeygenParty) -> SegwitKeygenParty:
        def factors() -> AuxSecret:
            return aux_secret(i)

        terms = SegwitTerms(i, self.t, self.keys[i], self.host_keys, TINY, factors, self.steps.append)
        return kind(terms, self.stores[i])

    def put(self, i: int, kind: PartyKind) -> None:
        self.parties[PartyId(i)] = self.party(PartyId(i), kind)

    def generate(self) -> PublicShare:
        return generate(self.parties, self.t, self.host_keys, TINY, self.steps.append)

    def header(self, spec: ProtocolSpec, params: bytes = b"", parties: int | None = None) -> Header:
        ids = tuple(map(PartyId, range(self.n if parties is None else parties)))
        session = SessionId(random_bytes(32))
        return Header(spec.name, spec.version, session, Roster(self.host_keys).digest, ids, params)

    def vouchers(self) -> list[bytes]:
        return [party.vouch() for party in self.parties.values()]

    @property
    def deeds(self) -> set[Deed]:
        return {step.deed for step in self.steps}


@pytest.fixture(scope="module")
def made() -> Group:
    """A group whose key generation went well."""
    group = Group()
    group.generate()
    return group


@pytest.fixture
def dealt_sessions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a dealer give the parties what the sessions make, in no time."""

    def run(peers: Mapping[PartyId, SegwitKeygenParty], spec: ProtocolSpec, *_: object) -> None:
        if spec.name == KEYGEN.name:
            for party, share in zip(peers.values(), dealt(len(peers), 2), strict=True):
                party._keep_share(share)
        else:
            for party, aux in zip(peers.values(), aux_infos(len(peers)), strict=True):
                party._keep_aux(aux)

    monkeypatch.setattr("cosigner.segwit_keygen._run", run)


def test_all_parties_store_shares_of_one_key_and_the_same_auxiliary_info(made: Group) -> None:
    group, (t, n) = made, (2, 3)
    public = PublicShare.of(next(iter(group.stores[0].shares.values())))
    shares = [store.ecdsa_share(public.key) for store in group.stores]
    assert {(bytes(share.sharing), share.chain_code) for share in shares} == {
        (bytes(public.sharing), public.chain_code)
    }
    assert [share.party for share in shares] == list(range(n))
    assert (public.sharing.t, public.sharing.n, public.sharing.epoch) == (t, n, 0)
    some = shares[-t:]
    factors = weights(tuple(share.party for share in some))
    points = [share.sharing.pubshares[share.party] for share in some]
    total = sum((f * p for f, p in zip(factors[1:], points[1:], strict=True)), factors[0] * points[0])
    assert total == public.sharing.key
    assert all(mul_base(share.secshare)[0] == share.sharing.pubshares[share.party] for share in shares)
    infos = [store.aux(TINY) for store in group.stores]
    assert all(info.publics == infos[0].publics for info in infos)
    assert [info.me for info in infos] == list(range(n))


def test_every_step_of_every_party_is_told_in_order(made: Group) -> None:
    deeds = [Deed.PRIMES_FOUND, Deed.SHARE_STORED, Deed.AUX_STORED, Deed.STORING_CONFIRMED]
    for i in range(3):
        assert [step.deed for step in made.steps if step.actor == i] == deeds
    assert made.steps[-1].deed is Deed.KEY_AGREED
    first_said = [step.deed for step in made.steps].index(Deed.STORING_CONFIRMED)
    assert [step.deed for step in made.steps[:first_said]].count(Deed.AUX_STORED) == 3


# ---- what a party refuses ----


@pytest.mark.parametrize("t", [1, 3])
def test_another_threshold_than_the_operator_agreed_to_is_refused(t: int) -> None:
    group = Group()
    with pytest.raises(UsageError, match="not one of 2 signers"):
        generate(group.parties, t, group.host_keys, TINY, group.steps.append)
    assert not any(store.shares for store in group.stores)
    assert not any(party._sessions._running for party in group.parties.values())


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"protocol": frost_keygen.SPEC.name}, "another protocol"),
        ({"protocol": "CGGMP24 presign"}, "another protocol"),
        ({"version": 2}, "version"),
        ({"parties": (PartyId(0), PartyId(1))}, "all parties"),
        ({"parties": tuple(map(PartyId, range(4)))}, "all parties"),
        ({"roster": bytes(32)}, "roster"),
    ],
    ids=["FROST", "presign", "version", "fewer parties", "more parties", "roster"],
)
def test_session_that_was_not_agreed_to_is_refused(change: dict[str, object], match: str) -> None:
    group = Group()
    for spec, params in ((KEYGEN, keygen_params(2)), (AUX, b"")):
        header = replace(group.header(spec, params), **change)  # type: ignore[arg-type]
        with pytest.raises(UsageError, match=match):
            group.parties[PartyId(0)].open(bytes(header))


@pytest.mark.parametrize("params", [b"", b"\2\0"])
def test_header_without_a_threshold_is_refused(params: bytes) -> None:
    group = Group()
    with pytest.raises(EncodingError):
        group.parties[PartyId(0)].open(bytes(group.header(KEYGEN, params)))
    with pytest.raises(EncodingError):
        group.parties[PartyId(0)].open(bytes(group.header(KEYGEN, keygen_params(2)))[:-1])


def test_auxiliary_info_of_another_level_is_refused() -> None:
    group = Group()
    group.parties[PartyId(0)].prepare()
    with pytest.raises(UsageError, match="another protocol"):
        group.parties[PartyId(0)].open(bytes(group.header(replace(AUX, name=AUX.name + "x"))))


def test_each_session_is_opened_once() -> None:
    group = Group()
    party = group.parties[PartyId(0)]
    party.prepare()
    for spec, params in ((KEYGEN, keygen_params(2)), (AUX, b"")):
        header = group.header(spec, params)
        assert party.open(bytes(header))
        for again in (header, group.header(spec, params)):
            with pytest.raises(UsageError, match="opened before"):
                party.open(bytes(again))
        party.end(header.session)
        with pytest.raises(UsageError, match="opened before"):
            party.open(bytes(group.header(spec, params)))


def test_auxiliary_info_waits_for_its_primes_which_are_found_once() -> None:
    group = Group()
    party = group.parties[PartyId(0)]
    with pytest.raises(UsageError, match="no primes"):
        party.open(bytes(group.header(AUX)))
    party.prepare()
    with pytest.raises(UsageError, match="there already"):
        party.prepare()
    assert party.open(bytes(group.header(AUX)))
    with pytest.raises(UsageError, match="there already"):
        party.prepare()


# ---- parties that cheat ----


class Cheating(SegwitKeygenParty):
    """Changes some of its messages, and signs them with its own host key."""

    spec: ProtocolSpec = KEYGEN
    slot: tuple[int, Kind] = (3, Kind.BROADCAST)

    def open(self, header: bytes) -> tuple[Sealed, ...]:
        self.header = decode(header, HEADER_LIMIT, Header.read)
        return self._spoilt(super().open(header))

    def receive(self, sender: PartyId, envelope: bytes) -> tuple[Sealed, ...]:
        return self._spoilt(super().receive(sender, envelope))

    def _spoilt(self, sealed: Iterable[Sealed]) -> tuple[Sealed, ...]:
        if self.header.protocol != self.spec.name:
            return tuple(sealed)
        place = Session(self.spec, self.header, self._roster, CHEAT, self._terms.host_key)
        return tuple(self._spoil(place, letter) for letter in sealed)

    def _spoil(self, place: Session, letter: Sealed) -> Sealed:
        _, message = read_envelope(letter.envelope, CHEAT, letter.receiver)
        if (message.slot.round, message.slot.kind) != self.slot:
            return letter
        body = message.body[:-1] + bytes([message.body[-1] ^ 1])
        return Sealed(letter.receiver, place.sign(message.slot, body).envelope(self.header))


class Witness(SegwitKeygenParty):
    ended: MpcError | None = None

    def end(self, session: SessionId, evidence: Iterable[bytes] = ()) -> MpcError | None:
        error = super().end(session, evidence)
        self.ended = self.ended or error
        return error


@pytest.mark.parametrize(
    ("protocol", "slot", "check"),
    [
        (KEYGEN, (2, Kind.BROADCAST), "commitment"),
        (KEYGEN, (2, Kind.DIRECT), "share"),
        (KEYGEN, (3, Kind.BROADCAST), "sch"),
        (AUX, (2, Kind.BROADCAST), "commitment"),
        (AUX, (3, Kind.BROADCAST), "mod"),
        (AUX, (3, Kind.DIRECT), "fac"),
    ],
    ids=lambda value: value.name if isinstance(value, ProtocolSpec) else str(value),
)
def test_cheat_is_named_with_evidence_that_all_parties_get(
    protocol: ProtocolSpec, slot: tuple[int, Kind], check: str
) -> None:
    class ThisCheat(Cheating):
        pass

    ThisCheat.spec, ThisCheat.slot = protocol, slot
    group = Group(n=3 if protocol is KEYGEN else 2)
    for i in range(group.n):
        group.put(i, ThisCheat if i == CHEAT else Witness)
    with pytest.raises(FaultyPartyError) as caught:
        group.generate()
    assert dict(caught.value.culprits) == {CHEAT: check}
    proof = Evidence.from_bytes(bytes(caught.value.evidence[0]))
    assert judged(Roster(group.host_keys), proof) == f"{CHEAT} {check}"
    if protocol is KEYGEN:  # the first that found it passed the evidence on
        ends = [group.parties[PartyId(i)].ended for i in (0, 2)]  # type: ignore[attr-defined]
        (end,) = filter(None, ends)
        assert isinstance(end, FaultyPartyError)
        assert set(end.culprits) == {CHEAT}
    assert Deed.STORING_CONFIRMED not in group.deeds
    for party in group.parties.values():
        assert not party._sessions._running
        with pytest.raises(UsageError, match="not come to its end"):
            party.vouch()


class Crashing(SegwitKeygenParty):
    def open(self, header: bytes) -> tuple[Sealed, ...]:
        raise RuntimeError("crash")


def test_crash_of_a_party_ends_the_session_at_the_others() -> None:
    group = Group()
    group.put(2, Crashing)
    with pytest.raises(RuntimeError, match="crash"):
        group.generate()
    assert not any(party._sessions._running for party in group.parties.values())


# ---- vouchers ----


def test_nothing_is_vouched_for_before_the_end() -> None:
    party = Group().parties[PartyId(0)]
    with pytest.raises(UsageError, match="not come to its end"):
        party.vouch()
    with pytest.raises(UsageError, match="not come to its end"):
        party.confirm(bytes(3 * VOUCHER_SIZE))


def test_nothing_is_vouched_for_after_one_of_the_two_sessions() -> None:
    with_aux, with_share, _ = Group().parties.values()
    with_aux._keep_aux(aux_infos(3)[0])
    with_share._keep_share(dealt(3, 2)[1])
    for party in (with_aux, with_share):
        with pytest.raises(UsageError, match="not come to its end"):
            party.vouch()


def test_vouchers_are_as_many_as_the_parties_and_in_their_order(made: Group) -> None:
    party, each = made.parties[PartyId(0)], made.vouchers()
    vouchers = b"".join(each)
    for wrong in (b"", vouchers[:-1], vouchers + b"\0", vouchers[VOUCHER_SIZE:], vouchers + each[0]):
        with pytest.raises(UsageError, match="one voucher of each party"):
            party.confirm(wrong)
    with pytest.raises(UnattributedAbort) as caught:
        party.confirm(each[0] + each[2] + each[1])
    assert caught.value.suspects == {1, 2}
    assert PublicShare.from_bytes(party.confirm(vouchers)).party == 0


def test_voucher_that_does_not_hold_names_its_party(made: Group) -> None:
    each = made.vouchers()
    for i in range(3):
        spoilt = bytearray(b"".join(each))
        spoilt[VOUCHER_SIZE * i + 40] ^= 1
        with pytest.raises(UnattributedAbort) as caught:
            made.parties[PartyId(0)].confirm(bytes(spoilt))
        assert caught.value.suspects == {i}


@pytest.mark.usefixtures("dealt_sessions")
def test_voucher_of_another_key_of_the_same_parties_does_not_hold(made: Group) -> None:
    group = Group()
    group.keys, group.host_keys = made.keys, made.host_keys
    group.parties = {PartyId(i): group.party(PartyId(i)) for i in range(3)}
    group.generate()
    old, new = made.vouchers(), group.vouchers()
    with pytest.raises(UnattributedAbort) as caught:
        group.parties[PartyId(0)].confirm(new[0] + old[1] + new[2])
    assert caught.value.suspects == {1}


class SilentVoucher(SegwitKeygenParty):
    def vouch(self) -> bytes:
        return b""


class WrongVoucher(SegwitKeygenParty):
    def vouch(self) -> bytes:
        return bytes(VOUCHER_SIZE)


class LongVoucher(SegwitKeygenParty):
    def vouch(self) -> bytes:
        return super().vouch() * 2


class GivenOthers(SegwitKeygenParty):
    """Stands for a coordinator that hands this party other vouchers."""

    def confirm(self, vouchers: bytes) -> bytes:
        return super().confirm(vouchers[:-VOUCHER_SIZE] + bytes(VOUCHER_SIZE))


class ShowsAnother(SegwitKeygenParty):
    def confirm(self, vouchers: bytes) -> bytes:
        super().confirm(vouchers)
        return bytes(PublicShare.of(dealt(3, 2)[1]))


class ShowsNothing(SegwitKeygenParty):
    def confirm(self, vouchers: bytes) -> bytes:
        return super().confirm(vouchers)[:-1]


class KeepsOther(SegwitKeygenParty):
    """Has stored another chain code than the others have."""

    def _keep_share(self, share: KeyShare) -> None:
        super()._keep_share(replace(share, chain_code=bytes(32)))


class KeepsOtherKey(SegwitKeygenParty):
    """Has stored a share of another key, of the same chain code."""

    def _keep_share(self, share: KeyShare) -> None:
        super()._keep_share(dealt(3, 2, share.chain_code)[1])


class KeepsOtherAux(SegwitKeygenParty):
    """Has stored auxiliary info in which the parameters of the other two have changed places."""

    def _keep_aux(self, aux: AuxInfo) -> None:
        zero, two = PartyId(0), PartyId(2)
        swapped = {**aux.publics, zero: aux.publics[two], two: aux.publics[zero]}
        super()._keep_aux(AuxInfo(aux.params, aux.me, aux.own, swapped))


@pytest.mark.usefixtures("dealt_sessions")
@pytest.mark.parametrize(
    ("kind", "suspects", "confirmed"),
    [
        (SilentVoucher, {1}, 0),
        (LongVoucher, {1}, 0),
        (WrongVoucher, {1}, 0),
        (KeepsOther, {1}, 0),
        (KeepsOtherKey, {1}, 0),
        (KeepsOtherAux, {1}, 0),
        (GivenOthers, {2}, 1),
        (ShowsAnother, {0, 1, 2}, 3),
        (ShowsNothing, {1}, 3),
    ],
)
def test_parties_that_do_not_agree_are_suspected_and_there_is_no_key(
    kind: PartyKind, suspects: set[int], confirmed: int
) -> None:
    group = Group()
    group.put(1, kind)
    with pytest.raises(UnattributedAbort) as caught:
        group.generate()
    assert caught.value.suspects == suspects
    assert [step.deed for step in group.steps].count(Deed.STORING_CONFIRMED) == confirmed
    assert Deed.KEY_AGREED not in group.deeds


@pytest.mark.usefixtures("dealt_sessions")
def test_party_vouches_for_what_it_reads_back() -> None:
    class Torn(Store):
        def ecdsa_share(self, key: bytes) -> KeyShare:
            return replace(super().ecdsa_share(key), chain_code=bytes(32))

    class TornAux(Store):
        def aux(self, params: Params) -> AuxInfo:
            zero, one, two = aux_infos(3)[1].publics.values()
            return AuxInfo(TINY, CHEAT, aux_infos(3)[1].own, dict(enumerate((two, one, zero))))  # type: ignore[arg-type]

    for torn in (Torn, TornAux):
        group = Group()
        group.stores[1] = torn()
        group.put(1, SegwitKeygenParty)
        with pytest.raises(UnattributedAbort) as caught:
            group.generate()
        assert caught.value.suspects == {1}


@pytest.mark.usefixtures("dealt_sessions")
@pytest.mark.parametrize("method", ["put_ecdsa_share", "put_aux", "ecdsa_share", "aux"])
def test_party_whose_store_fails_vouches_for_nothing(method: str) -> None:
    group = Group()

    def fail(_: object) -> None:
        raise StorageError("the disk is full")

    setattr(group.stores[1], method, fail)
    with pytest.raises(StorageError, match="full"):
        group.generate()
    with pytest.raises((UsageError, StorageError)):
        group.parties[PartyId(1)].vouch()
    assert Deed.STORING_CONFIRMED not in group.deeds


def test_store_that_fails_in_a_session_ends_it_everywhere() -> None:
    group = Group()

    def fail(_: object) -> None:
        raise StorageError("the disk is full")

    group.stores[1].put_ecdsa_share = fail  # type: ignore[method-assign]
    with pytest.raises(StorageError, match="full"):
        group.generate()
    assert not any(party._sessions._running for party in group.parties.values())
    assert Deed.PRIMES_FOUND in group.deeds
    assert Deed.AUX_STORED not in group.deeds


def test_message_of_no_session_is_refused() -> None:
    party = Group().parties[PartyId(0)]
    with pytest.raises(UsageError, match="no such session"):
        party.receive(PartyId(1), bytes(SESSION_ID_SIZE))
