"""Refreshing a wallet's shares: keys stay, old shares and presignatures end, and no kill loses anything."""

import os
import shutil
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from cosigner import refreshing
from cosigner.errors import NotEnoughSignersError
from cosigner.home import Home
from cosigner.keys import SEGWIT_ACCOUNT, TAPROOT_ACCOUNT
from cosigner.local import LocalWallet
from cosigner.plan import WalletPlan
from cosigner.primes import PrimeSource
from cosigner.refresh_party import MAX_STEP, RefreshParty, RefreshTerms
from cosigner.refreshed import SPECS, Refreshed
from cosigner.refreshing import catch_up, refresh
from cosigner.steps import Deed, Step, silent
from ecdsa_cggmp import aux_rounds
from ecdsa_cggmp.aux_info import AuxInfo, AuxSecret
from frost_bip340 import resharing as frost_resharing
from native.entropy import random_bytes
from presig_pool.errors import PresignatureVoid
from protocol.errors import (
    EncodingError,
    FaultyPartyError,
    MpcError,
    SecretReuseError,
    UnattributedAbort,
    UsageError,
)
from protocol.header import Header
from protocol.ids import Epoch, PartyId, SessionId
from protocol.resharing.key import plan_refresh, plan_resharing
from protocol.resharing.plan import Plan
from protocol.roster import Roster
from protocol.spec import ProtocolSpec
from storage.engine import Database
from storage.errors import CorruptError, LockedError, RolledBackError, SealedError, StorageError
from storage.parties import PartyStore
from tests.conftest import fast_directory
from tests.cosigner.group import stock_up as deal_presignatures
from tests.cosigner.served import served
from tests.cosigner.tiny import forget_moduli
from tests.cosigner.wallets import create, fund, party, payment, pool, stock_up, unlock
from tests.ecdsa_cggmp.levels import TINY
from tests.ecdsa_cggmp.network import aux_secret
from wallet.amounts import FeeRate, Sats
from wallet.fees import FeeCaps

P0, P1, P2 = map(PartyId, range(3))
EVERYBODY = (P0, P1, P2)
CAPS = FeeCaps(Sats(5_000), 7, FeeRate(100_000))


def signs(wallet: LocalWallet, signers: Sequence[int]) -> bool:
    """Have unlocked parties sign a transaction that spends from all accounts, which is not sent."""
    accounts = len(wallet.accounts)
    if wallet.keys.segwit is not None:
        stock_up(wallet, signers, 1)
    draft = wallet.draft_send(payment(30_000 * accounts - 5_000), dry_run=True)
    assert len(draft.psbt.tx.inputs) == accounts
    wallet.sign(draft.psbt, tuple(map(PartyId, signers)))  # verifies what it has made
    return True


def every_pair_signs(wallet: LocalWallet) -> bool:
    return all(signs(wallet, pair) for pair in combinations(range(3), 2))


@pytest.fixture
def home() -> Iterator[Home]:
    """A home where it costs little to make something durable."""
    with TemporaryDirectory(dir=fast_directory()) as directory:
        yield Home(Path(directory) / "home")


def funded(wallet: LocalWallet) -> LocalWallet:
    fund(wallet, *[30_000] * len(wallet.accounts), accounts=range(len(wallet.accounts)))
    return wallet


def shares_in(wallet: LocalWallet) -> list[bytes]:
    """The sealed secrets of all shares in the files of unlocked parties."""
    query = "SELECT secret FROM sealed WHERE kind LIKE '%share'"
    return [row[0] for store in wallet.parties.own.stores.values() for row in store._db.rows(query)]


def files(wallet: LocalWallet) -> bytes:
    """All files of the parties."""
    paths = (wallet.folder.path / "parties").rglob("party.db*")
    return b"".join(path.read_bytes() for path in sorted(paths))


# ---- what a refresh does ----


@pytest.mark.parametrize("fixture", ["wallet", "mixed"])
def test_shares_are_new_and_the_keys_and_addresses_stay(
    fixture: str, request: pytest.FixtureRequest, home: Home
) -> None:
    wallet: LocalWallet = funded(request.getfixturevalue(fixture))
    unlock(wallet, 0, 1, 2)
    before, descriptors, old = wallet.keys, wallet.descriptors(), shares_in(wallet)
    secrets = [wallet.parties.own.stores[i].share(before.taproot.public_key) for i in EVERYBODY]
    address = wallet.new_address()
    for epoch in (1, 2):
        wallet.refresh()
        assert wallet.keys.epoch == epoch
        assert (wallet.accounts, wallet.descriptors()) == (before.accounts, descriptors)
        assert wallet.address_verify(address.text) == EVERYBODY
        for i in EVERYBODY:
            share = wallet.parties.own.stores[i].share(before.taproot.public_key)
            assert share.secshare.declassify() != secrets[i].secshare.declassify()
            assert share.sharing.pubshares != secrets[i].sharing.pubshares
    assert not any(secret in files(wallet) for secret in old)
    wallet.close()
    with LocalWallet.open(home) as again:
        assert again.keys == wallet.keys != before
        unlock(again, 0, 1, 2)
        assert every_pair_signs(again)


def test_steps_of_a_refresh_are_told(mixed: LocalWallet) -> None:
    steps: list[Step] = []
    mixed._progress = mixed.parties._progress = steps.append
    unlock(mixed, 0, 1, 2)
    mixed.refresh()
    deeds = [step.deed for step in steps]
    assert deeds == [
        *[Deed.NEW_SHARE_SEALED] * 6,
        *[Deed.REFRESH_CONFIRMED] * 3,
        Deed.REFRESH_CERTIFIED,
        *[Deed.OLD_SHARES_DELETED] * 3,
    ]
    assert [str(step) for step in steps[-4:-2]] == [
        "coordinator: new shares confirmed by all parties, in use from now on (epoch 0 to 1)",
        "party 0: new shares in the place of the old ones, which are deleted (epoch 1)",
    ]
    assert steps[3].detail == "segwit, epoch 1"


def test_presignatures_of_before_are_void_and_nobody_is_granted_one(mixed: LocalWallet) -> None:
    funded(mixed)
    unlock(mixed, 0, 1, 2)
    stock_up(mixed, (0, 1), 3)
    assert [(it.ready, it.signers) for it in mixed.pool_figures().stocks] == [(3, (P0, P1))]
    old_party, old_pool = party(mixed, 0), pool(mixed, 0)
    (stock,) = old_pool.stocks()
    ids = old_pool.free(stock, 0)
    mixed.refresh()
    assert mixed.pool_figures().stocks == ()
    rows = mixed.parties.own.stores[P0]._db.rows("SELECT DISTINCT state, reason, secret FROM presignatures")
    assert rows == [("VOID", "the shares were refreshed", None)]
    # neither by the party as it is now, nor by one that somebody still has
    for pool_of_0 in (old_pool, pool(mixed, 0)):
        with pytest.raises(PresignatureVoid):
            pool_of_0.grant(stock, random_bytes(32), ids, 0)
    assert old_party.ready_presignatures((P0, P1)) == ()
    assert party(mixed, 0).ready_presignatures((P0, P1)) == ()


def test_signing_that_runs_ends_with_the_refresh(mixed: LocalWallet) -> None:
    funded(mixed)
    unlock(mixed, 0, 1, 2)
    stock_up(mixed, (0, 1), 1)
    old = party(mixed, 0)
    draft = mixed.draft_send(payment(55_000), dry_run=True)
    sent: list[bytes] = []
    receive = old.receive

    def refreshing(sender: PartyId, envelope: bytes) -> object:
        if not sent:
            sent.append(envelope)
            mixed.refresh()
        return receive(sender, envelope)

    old.receive = refreshing  # type: ignore[method-assign,assignment]
    with pytest.raises((MpcError, SecretReuseError)):
        mixed.sign(draft.psbt, (P0, P1))
    assert mixed.parties.own.stores[P0].signatures() == ()
    assert every_pair_signs(mixed)


def test_presignatures_that_come_late_go_nowhere(mixed: LocalWallet) -> None:
    unlock(mixed, 0, 1, 2)
    old = pool(mixed, 0)
    mixed.refresh()
    key = mixed.parties.own.stores[P0].ecdsa_share(mixed.keys.segwit.public_key)  # type: ignore[union-attr]
    shares = {i: mixed.parties.own.stores[i].ecdsa_share(bytes(key.sharing.key)) for i in (P0, P1)}
    with pytest.raises(SealedError):
        deal_presignatures({0: old, 1: pool(mixed, 1)}, shares, 1, 0)


# ---- what it takes ----


def test_all_parties_take_part(mixed: LocalWallet) -> None:
    unlock(mixed, 0, 2)
    with pytest.raises(NotEnoughSignersError, match="all 3 parties, and party 1 is sealed"):
        mixed.refresh()
    assert mixed.keys.epoch == 0


def test_served_parties_are_not_refreshed(mixed: LocalWallet) -> None:
    with served(mixed, (0, 1)), LocalWallet.open(mixed.home) as client:
        with pytest.raises(LockedError, match="mpcw serve") as e:
            client.refresh()
        assert "stop it with Ctrl-C, refresh" in e.value.hint


def test_shares_that_are_the_key_itself_are_not_refreshed(home: Home) -> None:
    plan = WalletPlan(n=2, t=1, segwit=False)
    with create(home, plan=plan) as wallet, pytest.raises(UsageError, match="threshold of 1"):
        wallet.refresh()


# ---- kills and failures ----


def child(run: Callable[[], object]) -> int:
    """Run a function in a process of its own and return its wait status."""
    pid = os.fork()
    if pid == 0:
        try:
            run()
            os._exit(0)
        finally:
            os._exit(1)
    return os.waitpid(pid, 0)[1]


def counting(monkeypatch: pytest.MonkeyPatch, kill_at: int) -> list[str]:
    """Have the process killed before its k-th statement that makes something durable; list them."""
    run, seen = Database._run, list[str]()

    def counted(db: Database, sql: str, *values: object) -> object:
        if sql == "COMMIT" or (not db._depth and not sql.startswith(("SELECT", "BEGIN", "SAVEPOINT"))):
            if len(seen) == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)
            seen.append(sql)
        return run(db, sql, *values)

    monkeypatch.setattr(Database, "_run", counted)
    return seen


def refreshed_and_killed(home: Home, kill_at: int) -> int:
    """Refresh the shares in another process, which dies at a statement; return its wait status."""

    def run() -> None:
        with pytest.MonkeyPatch.context() as patch, LocalWallet.open(home) as wallet:
            unlock(wallet, 0, 1, 2)
            deal_aux(patch)
            patch.setattr(AuxSecret, "search", lambda *_, **__: aux_secret(3))
            patch.setattr("cosigner.primes._claim", lambda *_: None)
            counting(patch, kill_at)
            wallet.refresh(PrimeSource(home, {}, silent))

    return child(run)


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_kill_at_any_write_of_a_refresh_leaves_shares_that_go_together(
    mixed: LocalWallet, home: Home, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    funded(mixed)
    unlock(mixed, 0, 1, 2)
    old, aux = [*shares_in(mixed), *factors_in(mixed)], aux_of(mixed)
    mixed.close()
    template = tmp_path / "template"
    shutil.copytree(home.path, template)
    epochs, k, status = [], 0, 1
    while status:
        shutil.rmtree(home.path)
        shutil.copytree(template, home.path)
        status = refreshed_and_killed(home, k)
        assert status == 0 or os.WIFSIGNALED(status)
        with LocalWallet.open(home) as wallet:
            unlock(wallet, 0, 1, 2)
            epochs.append(wallet.keys.epoch)
            assert (aux_of(wallet).publics != aux.publics) == bool(wallet.keys.epoch)
            assert every_pair_signs(wallet), k
            if not wallet.keys.epoch and k % 4 == 0:
                wallet.refresh()
            if wallet.keys.epoch:
                kinds = {row[0] for row in wallet.parties.own.stores[P0]._db.rows("SELECT kind FROM sealed")}
                assert not any(kind.startswith("pending") for kind in kinds), k
        if epochs[-1]:
            assert not any(secret in files(wallet) for secret in old), k
        k += 1
    assert epochs == sorted(epochs)
    assert set(epochs) == {0, 1}
    record_property("measured", f"a refresh was killed at each of its {k - 1} writes")


def test_party_that_is_unlocked_later_goes_over_then(mixed: LocalWallet, home: Home) -> None:
    """Killed after the wallet's file says that the new shares are in use, before any party uses them."""
    funded(mixed)
    unlock(mixed, 0, 1, 2)
    refresh_without_going_over(mixed)
    with LocalWallet.open(home) as wallet:
        steps: list[Step] = []
        wallet.parties.own._progress = steps.append
        assert wallet.keys.epoch == 1
        unlock(wallet, 0, 1)
        assert [step.deed for step in steps] == [Deed.OLD_SHARES_DELETED] * 2
        assert signs(wallet, (0, 1))
    with LocalWallet.open(home) as wallet:
        unlock(wallet, 2, 0, 1)
        assert every_pair_signs(wallet)


def test_party_whose_disk_fails_keeps_none_of_the_others_from_going_over(
    mixed: LocalWallet, monkeypatch: pytest.MonkeyPatch
) -> None:
    funded(mixed)
    unlock(mixed, 0, 1, 2)
    hand_over = PartyStore.hand_over

    def fail_at_1(store: PartyStore, *args: object) -> None:
        if store.party == P1:
            failing()
        hand_over(store, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(PartyStore, "hand_over", fail_at_1)
    with pytest.raises(StorageError, match="disk is full"):
        mixed.refresh()
    assert mixed.unlocked == (P0, P2)
    assert signs(mixed, (0, 2))
    monkeypatch.setattr(PartyStore, "hand_over", hand_over)
    unlock(mixed, 1)
    assert every_pair_signs(mixed)


def refresh_without_going_over(wallet: LocalWallet, primes: PrimeSource | None = None) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cosigner.refreshing.Pool.void_before", failing)
        with pytest.raises(StorageError):
            wallet.refresh(primes)
    wallet.close()


def failing(*_: object) -> None:
    raise StorageError("the disk is full")


def test_refresh_that_failed_is_followed_by_one_of_a_higher_epoch(
    mixed: LocalWallet, monkeypatch: pytest.MonkeyPatch
) -> None:
    funded(mixed)
    unlock(mixed, 0, 1, 2)
    prepare = PartyStore.prepare_ecdsa

    def fail_at_2(store: PartyStore, pending: object) -> None:
        if store.party == P2:
            failing()
        prepare(store, pending)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PartyStore, "prepare_ecdsa", fail_at_2)
        with pytest.raises(StorageError, match="disk is full"):
            mixed.refresh()
    assert mixed.keys.epoch == 0
    assert every_pair_signs(mixed)
    mixed.refresh()
    assert mixed.keys.epoch == 2
    assert every_pair_signs(mixed)
    assert b"pending" not in b"".join(
        row[0].encode() for row in mixed.parties.own.stores[P0]._db.rows("SELECT kind FROM sealed")
    )


# ---- auxiliary info ----


@pytest.fixture
def primes(home: Home) -> PrimeSource:
    """Primes that the wallet does not have."""
    for _ in EVERYBODY:
        AuxSecret.search()
    forget_moduli(home)
    return PrimeSource(home, {}, silent)


def aux_of(wallet: LocalWallet) -> AuxInfo:
    """The auxiliary info that all unlocked parties have."""
    first, *others = (store.aux(TINY) for store in wallet.parties.own.stores.values())
    assert all(other.publics == first.publics for other in others)
    return first


def factors_in(wallet: LocalWallet) -> list[bytes]:
    query = "SELECT secret FROM sealed WHERE kind LIKE '%aux info'"
    return [row[0] for store in wallet.parties.own.stores.values() for row in store._db.rows(query)]


def test_auxiliary_info_stays_unless_it_is_asked_for(mixed: LocalWallet, primes: PrimeSource) -> None:
    unlock(mixed, 0, 1, 2)
    before, old = aux_of(mixed), factors_in(mixed)
    mixed.refresh()
    assert aux_of(mixed).publics == before.publics
    steps: list[Step] = []
    mixed._progress = steps.append
    mixed.refresh(primes)
    after = aux_of(mixed)
    assert not {public.N for public in after.publics.values()} & {it.N for it in before.publics.values()}
    assert [step.deed for step in steps].count(Deed.AUX_STORED) == 3
    assert not any(secret in files(mixed) for secret in old)
    assert mixed.pools.refill((P0, P2), 2, lambda _: None) == 2
    mixed.refresh()
    assert aux_of(mixed).publics == after.publics


def test_party_that_is_unlocked_later_has_the_new_auxiliary_info(
    mixed: LocalWallet, home: Home, primes: PrimeSource
) -> None:
    unlock(mixed, 0, 1, 2)
    before = aux_of(mixed)
    with pytest.MonkeyPatch.context() as patch:
        deal_aux(patch)
        refresh_without_going_over(mixed, primes)
    with LocalWallet.open(home) as wallet:
        unlock(wallet, 0)
        unlock(wallet, 1, 2)
        assert aux_of(wallet).publics != before.publics
        assert factors_in(wallet) != []


def deal_aux(patch: pytest.MonkeyPatch) -> None:
    """Have a dealer give the parties of a refresh their auxiliary info, in no time."""
    run = refreshing._run

    def deal(
        peers: Mapping[PartyId, RefreshParty], spec: ProtocolSpec, roster: Roster, params: bytes = b""
    ) -> Header | None:
        if spec.name != aux_rounds.aux_spec(TINY).name:
            return run(peers, spec, roster, params)
        secrets = [aux_secret(i + 3) for i in range(len(peers))]  # anew: those of before a fork are gone
        publics = {PartyId(i): secret.public for i, secret in enumerate(secrets)}
        for (i, peer), secret in zip(sorted(peers.items()), secrets, strict=True):
            epoch = peer._prepared(SEGWIT_ACCOUNT).sharing.epoch
            peer._keep_aux(AuxInfo(TINY, i, secret, publics), epoch)
        return None

    patch.setattr(refreshing, "_run", deal)


def test_wallet_without_segwit_has_no_use_for_primes(wallet: LocalWallet, primes: PrimeSource) -> None:
    unlock(wallet, 0, 1, 2)
    with pytest.raises(UsageError, match="no auxiliary info"):
        wallet.refresh(primes)


def aux_header(wallet: LocalWallet, parties: Sequence[PartyId] = EVERYBODY) -> bytes:
    spec, roster = aux_rounds.aux_spec(TINY), Roster(wallet.keys.host_keys)
    session = SessionId(random_bytes(32))
    return bytes(Header(spec.name, spec.version, session, roster.digest, tuple(parties)))


def test_party_makes_auxiliary_info_only_when_it_was_asked_for_after_the_shares(mixed: LocalWallet) -> None:
    peers = members(mixed)
    refresh(peers, mixed.keys, silent)
    with pytest.raises(UsageError, match="not asked for"):
        peers[P0].open(aux_header(mixed))
    asked = members(mixed, lambda: aux_secret(3))
    asked[P0].prepare()
    with pytest.raises(UsageError, match="not come to its end"):
        asked[P0].open(aux_header(mixed))
    for peer in (asked[P1], asked[P2]):
        peer.prepare()
    with pytest.raises(UsageError, match="auxiliary info is not there yet"):
        refresh(asked, mixed.keys, silent)
    with pytest.raises(UsageError, match="not of all parties"):
        asked[P0].open(aux_header(mixed, (P0, P1)))
    asked[P0].open(aux_header(mixed))
    with pytest.raises(UsageError, match="not asked for"):
        asked[P0].open(aux_header(mixed))


def aux_with_liar(wallet: LocalWallet, said: Callable[[RefreshParty], bytes]) -> MpcError:
    """Refresh with new auxiliary info, and return the error that a lie leads to."""
    peers = members(wallet, lambda: aux_secret(3))
    store = wallet.parties.own.stores[P1]
    liar = Liar(RefreshTerms(P1, store.host_key(), wallet.keys, TINY, lambda: aux_secret(3), silent), store)
    liar.said = said
    with pytest.MonkeyPatch.context() as patch:
        deal_aux(patch)
        with pytest.raises(MpcError) as e:
            refresh({**peers, P1: liar}, wallet.keys, silent, TINY)
    return e.value


def test_lies_about_auxiliary_info_are_found_out(mixed: LocalWallet) -> None:
    blamed = aux_with_liar(mixed, lambda me: RefreshParty.confirm(me)[:-64] + bytes(64))
    assert isinstance(blamed, FaultyPartyError)
    assert blamed.culprits == {P1: "confirmation"}
    other = aux_with_liar(mixed, lambda me: RefreshParty.confirm(me)[:-96] + bytes(96))
    assert isinstance(other, UnattributedAbort)
    assert "the same auxiliary info" in str(other)
    silent_one = aux_with_liar(mixed, lambda me: RefreshParty.confirm(me)[:-96])
    assert isinstance(silent_one, UnattributedAbort)
    assert silent_one.suspects == {P1}


def test_record_without_the_auxiliary_info_that_was_confirmed_is_not_followed(
    mixed: LocalWallet, monkeypatch: pytest.MonkeyPatch
) -> None:
    deal_aux(monkeypatch)
    peers = members(mixed, lambda: aux_secret(3))
    record = refresh(peers, mixed.keys, silent, TINY)
    assert record.aux is not None
    assert Refreshed.from_bytes(bytes(record)) == record
    forged = replace(record.aux, confirmations=record.aux.confirmations[::-1])
    for aux in (forged, replace(record.aux, confirmations=()), replace(record.aux, agreement=bytes(32))):
        with pytest.raises(UnattributedAbort, match="confirmed the auxiliary info"):
            mixed.keys.after(replace(record, aux=aux))
    store, keys = mixed.parties.own.stores[P0], mixed.keys
    with pytest.raises(RolledBackError):
        catch_up(store, P0, keys.after(replace(record, aux=None)), 0)
    other = record.keys[0].certificate  # all have signed it, for something else
    with pytest.raises(RolledBackError):
        catch_up(store, P0, keys.after(replace(record, aux=other)), 0)
    assert store.holding(keys.taproot.public_key).epoch == 0
    assert catch_up(store, P0, keys.after(record), 0)


# ---- files that were put back ----


def party_folder(home: Home, i: int) -> Path:
    return home.wallet().party(PartyId(i)).parent


def put_back(source: Path, target: Path) -> None:
    shutil.rmtree(target)
    shutil.copytree(source, target)


def test_party_put_back_from_before_is_refused_and_the_others_sign(
    mixed: LocalWallet, home: Home, tmp_path: Path
) -> None:
    shutil.copytree(party_folder(home, 1), tmp_path / "copy")
    funded(mixed)
    unlock(mixed, 0, 1, 2)
    mixed.refresh()
    mixed.close()
    put_back(tmp_path / "copy", party_folder(home, 1))
    with LocalWallet.open(home) as wallet:
        unlock(wallet, 0, 2)
        with pytest.raises(RolledBackError) as e:
            unlock(wallet, 1)
        assert "party 1 has shares of epoch 0, and the wallet was refreshed to epoch 1" in str(e.value)
        assert "put its newest file back" in e.value.hint
        assert wallet.unlocked == (P0, P2)
        assert signs(wallet, (0, 2))
        with pytest.raises(NotEnoughSignersError):
            wallet.refresh()


def test_wallet_file_put_back_from_before_learns_of_the_refresh_from_a_party(
    mixed: LocalWallet, home: Home, tmp_path: Path
) -> None:
    funded(mixed).close()
    shutil.copy(home.wallet().database, tmp_path / "wallet.db")
    with LocalWallet.open(home) as wallet:
        unlock(wallet, 0, 1, 2)
        wallet.refresh()
    shutil.copy(tmp_path / "wallet.db", home.wallet().database)
    with LocalWallet.open(home) as wallet:
        assert wallet.keys.epoch == 0
        unlock(wallet, 0, 1, 2)
        assert wallet.keys.epoch == 1
        assert every_pair_signs(wallet)
    with LocalWallet.open(home) as wallet:
        assert wallet.keys.epoch == 1


def test_refresh_made_by_others_after_the_wallet_was_let_go_is_followed(
    mixed: LocalWallet, home: Home
) -> None:
    """mpcw serve lets go of it while passphrases are typed."""
    funded(mixed).close()
    with LocalWallet.open(home) as waiting:
        waiting.let_go()
        for _ in range(2):
            with LocalWallet.open(home) as other:
                unlock(other, 0, 1, 2)
                other.refresh()
                other.set_caps(CAPS)
        unlock(waiting, 0, 2)
        assert (waiting.keys.epoch, waiting.unlocked) == (2, (P0, P2))
    with LocalWallet.open(home) as wallet:
        assert (wallet.keys.epoch, wallet.plan.caps) == (2, CAPS)
        unlock(wallet, 0, 2)
        assert signs(wallet, (0, 2))


def test_wallet_file_put_back_learns_of_the_refresh_after_it_was_let_go(
    mixed: LocalWallet, home: Home, tmp_path: Path
) -> None:
    funded(mixed).close()
    shutil.copy(home.wallet().database, tmp_path / "wallet.db")
    with LocalWallet.open(home) as wallet:
        unlock(wallet, 0, 1, 2)
        wallet.refresh()
    shutil.copy(tmp_path / "wallet.db", home.wallet().database)
    with LocalWallet.open(home) as waiting:
        waiting.let_go()
        unlock(waiting, 0, 2)
    with LocalWallet.open(home) as wallet:
        assert wallet.keys.epoch == 1


def test_stale_party_is_found_out_when_the_wallet_file_is_stale_too(
    mixed: LocalWallet, home: Home, tmp_path: Path
) -> None:
    funded(mixed).close()
    shutil.copytree(party_folder(home, 1), tmp_path / "copy")
    shutil.copy(home.wallet().database, tmp_path / "wallet.db")
    with LocalWallet.open(home) as wallet:
        unlock(wallet, 0, 1, 2)
        wallet.refresh()
    put_back(tmp_path / "copy", party_folder(home, 1))
    shutil.copy(tmp_path / "wallet.db", home.wallet().database)
    with LocalWallet.open(home) as wallet:
        unlock(wallet, 1)
        with pytest.raises(RolledBackError, match="party 1 has shares of epoch 0"):
            unlock(wallet, 0)
        assert wallet.unlocked == ()
        unlock(wallet, 0, 2)
        assert signs(wallet, (0, 2))


def test_party_copied_in_the_middle_of_a_refresh_goes_over(
    mixed: LocalWallet, home: Home, tmp_path: Path
) -> None:
    funded(mixed)
    unlock(mixed, 0, 1, 2)
    refresh_without_going_over(mixed)
    shutil.copytree(party_folder(home, 1), tmp_path / "copy")
    with LocalWallet.open(home) as wallet:
        unlock(wallet, 0, 1, 2)
    put_back(tmp_path / "copy", party_folder(home, 1))
    with LocalWallet.open(home) as wallet:
        unlock(wallet, 0, 1, 2)
        assert every_pair_signs(wallet)


def test_party_of_another_wallet_does_not_bring_its_refresh(mixed: LocalWallet, home: Home) -> None:
    create(home, "other", plan=WalletPlan(n=3, t=2, segwit=False)).close()
    unlock(mixed, 0, 1, 2)
    mixed.refresh()
    mixed.close()
    other, main = home.wallet("other"), home.wallet("main")
    put_back(main.party(P0).parent, other.party(P0).parent)
    with LocalWallet.open(home, "other") as wallet, pytest.raises(CorruptError, match="another key"):
        unlock(wallet, 0)
    put_back(other.party(P1).parent, main.party(P1).parent)
    with LocalWallet.open(home, "main") as wallet, pytest.raises(CorruptError, match="another key"):
        unlock(wallet, 1)


# ---- the record ----


@pytest.fixture
def record(mixed: LocalWallet) -> Refreshed:
    unlock(mixed, 0, 1, 2)
    mixed.refresh()
    found = mixed.keys.refresh
    assert found is not None
    return found


def test_record_comes_back_as_it_was(record: Refreshed, mixed: LocalWallet) -> None:
    assert Refreshed.from_bytes(bytes(record)) == record
    assert mixed.parties.own.stores[P0].record_of_handover() == bytes(record)


def test_record_that_is_none_is_refused(record: Refreshed) -> None:
    for data in (b"", b"\0", b"\3", bytes(record)[:-1], bytes(record) + b"\0"):
        with pytest.raises(EncodingError):
            Refreshed.from_bytes(data)


def test_record_that_not_all_parties_have_confirmed_is_refused(record: Refreshed, mixed: LocalWallet) -> None:
    keys = mixed.keys
    taproot, segwit = record.keys
    confirmations = taproot.certificate.confirmations
    forged = replace(taproot.certificate, confirmations=(*confirmations[:2], confirmations[0]))
    fewer = replace(taproot.certificate, confirmations=confirmations[:2])
    later = replace(taproot, sharing=replace(taproot.sharing, epoch=Epoch(2)))
    for wrong in (
        (segwit, taproot),
        (taproot,),
        (taproot, segwit, segwit),
        (taproot, taproot),
        (later, segwit),
        (later, replace(segwit, sharing=replace(segwit.sharing, epoch=Epoch(2)))),
        (replace(taproot, certificate=forged), segwit),
        (replace(taproot, certificate=fewer), segwit),
        (replace(taproot, certificate=segwit.certificate), segwit),
        (replace(taproot, header=replace(taproot.header, parties=(P0, P1))), segwit),
        (replace(taproot, header=replace(taproot.header, roster=bytes(32))), segwit),
    ):
        with pytest.raises(UnattributedAbort):
            keys.after(Refreshed(wrong))
    with pytest.raises(UnattributedAbort):
        record.check([bytes(key) for key in reversed(keys.host_keys)], 2)


def test_keys_of_two_refreshes_are_no_refresh(record: Refreshed, mixed: LocalWallet) -> None:
    mixed.refresh()
    second = mixed.keys.refresh
    assert second is not None
    with pytest.raises(UnattributedAbort, match="not of all keys"):
        mixed.keys.after(Refreshed((record.keys[0], second.keys[1])))


def test_shares_of_another_key_are_not_taken(record: Refreshed, mixed: LocalWallet) -> None:
    taproot, segwit = (new.sharing for new in record.keys)
    assert mixed.keys.segwit is not None
    with pytest.raises(UsageError, match="Taproot"):
        mixed.keys.taproot.after(segwit)
    with pytest.raises(UsageError, match="SegWit"):
        mixed.keys.segwit.after(taproot)


def test_wallet_file_with_a_forged_refresh_is_refused(
    mixed: LocalWallet, home: Home, record: Refreshed
) -> None:
    taproot, segwit = record.keys
    forged = Refreshed((replace(taproot, certificate=segwit.certificate), segwit))
    text = mixed.settings.text()
    assert bytes(record).hex() in text
    mixed._store.set_plan(text.replace(bytes(record).hex(), bytes(forged).hex()))
    mixed.close()
    with pytest.raises(CorruptError, match="settings of the wallet are damaged"):
        LocalWallet.open(home)


# ---- parties and coordinators that lie ----


def members(
    wallet: LocalWallet, factors: Callable[[], AuxSecret] | None = None
) -> dict[PartyId, RefreshParty]:
    unlock(wallet, 0, 1, 2)
    return {
        i: RefreshParty(RefreshTerms(i, store.host_key(), wallet.keys, TINY, factors, silent), store)
        for i, store in wallet.parties.own.stores.items()
    }


def header(
    wallet: LocalWallet, plan: Plan, parties: Sequence[PartyId] = EVERYBODY, account: int = 0
) -> bytes:
    spec, roster = SPECS[account], Roster(wallet.keys.host_keys)
    session = SessionId(random_bytes(32))
    return bytes(Header(spec.name, spec.version, session, roster.digest, tuple(parties), bytes(plan)))


def taproot_plan(wallet: LocalWallet) -> Plan:
    key = wallet.keys.taproot
    return plan_refresh(key.sharing, key.account.key.chain_code)


def test_party_takes_part_in_nothing_but_a_refresh(mixed: LocalWallet) -> None:
    me, plan, key = members(mixed)[P0], taproot_plan(mixed), mixed.keys.taproot
    chain_code = key.account.key.chain_code
    plans = [
        plan_resharing(key.sharing, chain_code, EVERYBODY, 3, EVERYBODY),
        plan_resharing(key.sharing, chain_code, EVERYBODY, 2, (P1, P0, P2)),
        plan_resharing(key.sharing, chain_code, (P0, P1), 2, EVERYBODY),
        plan_refresh(key.sharing, bytes(32)),
    ]
    for wrong in plans:
        with pytest.raises(UsageError, match="no refresh of this key by all"):
            me.open(header(mixed, wrong))
    with pytest.raises(UsageError, match="too many epochs"):
        me.open(header(mixed, replace(plan, epoch=Epoch(MAX_STEP + 1))))
    later = replace(key.sharing, epoch=Epoch(7))
    with pytest.raises(UsageError, match="shares of epoch 7, and party 0 has those of epoch 0"):
        me.open(header(mixed, plan_refresh(later, chain_code)))
    assert mixed.keys.segwit is not None
    with pytest.raises(UsageError, match="no refresh of this key"):
        me.open(header(mixed, plan_refresh(mixed.keys.segwit.sharing, chain_code)))
    assert not me._opened


def test_party_takes_part_in_each_session_once(mixed: LocalWallet) -> None:
    me, plan = members(mixed)[P0], taproot_plan(mixed)
    foreign = Header(frost_resharing.REPAIR.name, 1, SessionId(bytes(32)), bytes(32), EVERYBODY, bytes(plan))
    with pytest.raises(UsageError, match="another protocol"):
        me.open(bytes(foreign))
    me.open(header(mixed, plan))
    with pytest.raises(UsageError, match="opened before"):
        me.open(header(mixed, plan))


def test_wallet_without_segwit_refreshes_no_segwit_key(wallet: LocalWallet) -> None:
    me = members(wallet)[P0]
    with pytest.raises(UsageError, match="another protocol"):
        me.open(header(wallet, taproot_plan(wallet), account=SEGWIT_ACCOUNT))


def test_nothing_is_confirmed_before_it_is_sealed(mixed: LocalWallet) -> None:
    peers = members(mixed)
    with pytest.raises(UsageError, match="not come to its end"):
        peers[P0].confirm()
    refresh(peers, mixed.keys, silent)
    # sealed by a session before, which is not the one that this party has opened
    with pytest.raises(UsageError, match="not come to its end"):
        members(mixed)[P0].confirm()


class Liar(RefreshParty):
    """A party that says something else than it has."""

    said: Callable[[RefreshParty], bytes] | None = None
    last: Callable[[RefreshParty], bytes] | None = None

    def confirm(self) -> bytes:
        return super().confirm() if self.said is None else self.said(self)

    def last_epoch(self) -> bytes:
        return super().last_epoch() if self.last is None else self.last(self)


def with_liar(wallet: LocalWallet) -> tuple[dict[PartyId, RefreshParty], Liar]:
    peers = members(wallet)
    store = wallet.parties.own.stores[P1]
    liar = Liar(RefreshTerms(P1, store.host_key(), wallet.keys, TINY, None, silent), store)
    return {**peers, P1: liar}, liar


def test_confirmation_that_does_not_hold_is_blamed(mixed: LocalWallet) -> None:
    peers, liar = with_liar(mixed)
    liar.said = lambda me: RefreshParty.confirm(me)[:-64] + bytes(64)
    with pytest.raises(FaultyPartyError) as e:
        refresh(peers, mixed.keys, silent)
    assert e.value.culprits == {P1: "confirmation"}
    assert every_pair_signs(funded(mixed))


def test_party_that_confirms_other_shares_or_nothing_stops_the_refresh(mixed: LocalWallet) -> None:
    for said in (lambda _: b"", lambda me: RefreshParty.confirm(me)[:-1]):
        peers, liar = with_liar(mixed)
        liar.said = said
        with pytest.raises(UnattributedAbort, match="confirms nothing") as e:
            refresh(peers, mixed.keys, silent)
        assert e.value.suspects == {P1}
    peers, liar = with_liar(mixed)
    peers_of_before = members(mixed)
    refresh(peers_of_before, mixed.keys, silent)
    before = peers_of_before[P1].confirm()
    liar.said = lambda _: before
    with pytest.raises(UnattributedAbort, match="not stored the same shares"):
        refresh(peers, mixed.keys, silent)


@pytest.mark.parametrize("epoch", [MAX_STEP, (1 << 64) - 1])
def test_party_does_not_use_up_the_epochs(mixed: LocalWallet, epoch: int) -> None:
    peers, liar = with_liar(mixed)
    liar.last = lambda _: epoch.to_bytes(8, "big")
    with pytest.raises(UnattributedAbort, match="out of range") as e:
        refresh(peers, mixed.keys, silent)
    assert e.value.suspects == {P1}


def test_refresh_goes_beyond_what_any_party_has_sealed(mixed: LocalWallet) -> None:
    peers, liar = with_liar(mixed)
    liar.last = lambda _: (5).to_bytes(8, "big")
    assert refresh(peers, mixed.keys, silent).epoch == 6
    assert members(mixed)[P0].last_epoch() == (6).to_bytes(8, "big")
    assert {mixed.keys.key_of(i).public_key for i in (TAPROOT_ACCOUNT, SEGWIT_ACCOUNT)} == {
        bytes(new.sharing.key) for new in refresh(members(mixed), mixed.keys, silent).keys
    }
