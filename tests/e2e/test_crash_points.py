"""A party that dies, or whose disk or channel fails, at any system call: one share per presignature at most.

A real party runs in a process of its own: it is unlocked, makes presignatures, signs a transaction with
Taproot and SegWit inputs, voids what is left, purges and closes. strace kills it before its k-th system call
of a kind, or makes that call fail. After each, its file is opened again.
"""

import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from signal import SIGKILL

import pytest

from cosigner.home import Home
from cosigner.keeper import Keeper
from cosigner.local import LocalWallet
from cosigner.signing import sign
from ecdsa_cggmp import sign_rounds
from ecdsa_cggmp.presignature import Presignature
from ecdsa_cggmp.sign_messages import SigningPlan
from native.curve import G
from presig_pool.errors import PresignatureVoid
from presig_pool.pool import Pool, Shares, Use
from presig_pool.state import Stock
from protocol.errors import MpcError, SecretReuseError
from protocol.ids import PartyId, SessionId
from storage.errors import StorageError
from storage.parties import PartyStore
from storage.presigs import SqlPoolStore
from tests.cosigner.tiny import tiny_ecdsa
from tests.cosigner.wallets import MIXED, create, fund, party, passphrase, payment, unlock
from tests.e2e.crash_party import ME, OtherProcess, Overheard, Wire
from tests.e2e.injection import Injection, counted, hindrance, traced
from tests.presig_pool.extraction import Captured, Pair, extracted_keys, pair_of, secrets_of
from tests.storage.cheap import cheap_passphrases
from wallet.psbt import Psbt

Make = Callable[[Sequence[Presignature]], Sequence[bytes]]
Record = Callable[[Shares], object]

PEER = PartyId(1)
SIGNERS = (ME, PEER)
BATCH = 2  # one is used, one is left to be voided
PSBTS = 5  # of different sighashes
SYSCALLS = ("fdatasync", "fsync", "pwrite64", "write", "ftruncate", "unlink", "sendto", "sendmsg")
DISK = ("fdatasync", "pwrite64", "ftruncate", "unlink")
ERRORS = ("EIO", "ENOSPC")

pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")


def now() -> int:
    return int(time.time())


@pytest.fixture(autouse=True)
def cheap() -> Iterator[None]:
    with cheap_passphrases(), tiny_ecdsa():
        yield


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = Home(tmp_path_factory.mktemp("crashes"))
    with cheap_passphrases(), tiny_ecdsa():
        create(home, plan=MIXED).close()
    return home.path


@pytest.fixture
def life(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator["Life"]:
    if (reason := hindrance()) is not None:
        pytest.skip(reason)
    home = Home(tmp_path / "home")
    shutil.copytree(template, home.path)
    with LocalWallet.open(home) as wallet:
        unlock(wallet, PEER)
        life = Life(wallet, tmp_path / "strace.log")
        life.remember_secrets_of_the_peer(monkeypatch)
        yield life


class Life:
    """Party 0 in one process after the other, on one file; the other signer and the coordinator are here."""

    def __init__(self, wallet: LocalWallet, log: Path) -> None:
        self.wallet, self.log = wallet, log
        assert wallet.keys.segwit is not None
        self.key = wallet.keys.segwit
        self.path = wallet.folder.party(ME)
        fund(wallet, 40_000, 50_000, accounts=(0, 1))
        self.psbts = [wallet.draft_send(payment(80_000 + i)).psbt for i in range(PSBTS)]
        self.runs = 0
        self.captured: list[Captured] = []  # of all runs
        self.colluder: dict[tuple[bytes, PartyId], Pair] = {}
        self.signed = 0  # entries of the party's log

    def remember_secrets_of_the_peer(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Have the other signer be one who keeps what it should delete."""
        add = SqlPoolStore.add

        def remember(store: SqlPoolStore, made: Sequence[Presignature], batch: bytes, at: int) -> None:
            if store._owner.party == PEER:
                self.colluder.update({(item.public.id, PEER): pair_of(item) for item in made})
            add(store, made, batch, at)

        monkeypatch.setattr(SqlPoolStore, "add", remember)

    # ---- a run ----

    def run(self, syscalls: Sequence[str], injection: Injection | None = None) -> bool:
        """Run the party to its end and check what it leaves; return whether something was injected."""
        self.runs += 1
        wire = Wire()
        child = OtherProcess(self.wallet, wire, now)
        with traced(child.pid, self.log, syscalls, injection), child.hung_up_on():
            errors = Story(self, child, self.psbts[self.runs % PSBTS]).told()
        code = child.ended()
        hit = code == -SIGKILL or "(INJECTED)" in self.log.read_text()
        if not hit:
            assert (errors, code) == ([], 0)
        elif injection is not None and injection.what != "KILL" and injection.syscall in DISK:
            # it said what was wrong, if anything was, and went on until it was told to end
            assert code == 0
            assert not errors or isinstance(errors[0].__cause__ or errors[0], StorageError)
        self.captured += [share for _, share in wire.shares]
        self.expect_clean(wire)
        party(self.wallet, PEER).refills.pool.purge()
        return hit

    # ---- after it ----

    def expect_clean(self, wire: Wire) -> None:
        """The file opens; all that was on the wire is in it, and nothing in it can be used."""
        with PartyStore.open(self.path) as store:
            store.unseal(passphrase(ME))
            pool = Pool(store.presignatures)
            live = "SELECT count(*) FROM presignatures WHERE state IN ('PENDING', 'READY') OR secret NOT NULL"
            assert store._db.row(live) == (0,)
            self.expect_recorded(store, wire)
            for header in wire.headers.values():
                if header.protocol == sign_rounds.SPEC.name:
                    self.expect_no_other_share(pool, header.session, SigningPlan.of(header))
            figures = pool.statistics(self.stock, now())
            assert (figures.pending, figures.ready) == (0, 0)

    def expect_recorded(self, store: PartyStore, wire: Wire) -> None:
        """No share has left before its record and its burning were durable."""
        entries = {entry.session: entry for entry in store.signatures()}
        assert len(entries) >= self.signed
        self.signed = len(entries)
        answered = {session for session, sender in wire.answers if sender == ME}
        assert answered <= set(entries)
        for (session, sender), answer in wire.answers.items():
            if sender == ME and wire.headers[session].protocol != sign_rounds.SPEC.name:
                assert entries[session].answer == answer
        for session, share in wire.shares:
            if share.signer == ME:
                use = store.presignatures.consumption(share.context.presignature.id)
                assert use is not None
                assert (use.request, use.share) == (session, bytes(share.share))
                assert use.sighash == share.context.request.digest
                assert use.share in entries[session].answer

    def expect_no_other_share(self, pool: Pool, session: SessionId, plan: SigningPlan) -> None:
        """A session that is run again gets what was stored, if anything; another one gets nothing."""
        uses = [Use(item.presignature.id, item.request.digest) for item in plan.inputs]
        stored = [pool._store.consumption(use.presignature) for use in uses]
        mine = [use.share for use in stored if use is not None and use.request == session]
        if mine:
            assert pool.burn(session, uses, never, now()) == tuple(mine)
        else:  # they are void, or another session was granted them after it
            with pytest.raises((PresignatureVoid, SecretReuseError)):
                pool.burn(session, uses, never, now())
        other = bytes(32)
        for request, sighash in ((session, other), (other, uses[0].sighash)):
            with pytest.raises((PresignatureVoid, SecretReuseError)):
                pool.burn(request, [Use(use.presignature, sighash) for use in uses], never, now())
        with pytest.raises((PresignatureVoid, SecretReuseError)):
            pool.grant(self.stock, other, [use.presignature for use in uses], now())

    def expect_no_key(self) -> None:
        """All shares of all runs, and the secrets of the other signer, give nothing away."""
        shares = {(it.context.presignature.id, it.signer, it.share) for it in self.captured}
        assert len(shares) == len({(item, signer) for item, signer, _ in shares})
        assert secrets_of(self.captured) == {}
        assert extracted_keys(self.captured, self.colluder) == set()

    @property
    def stock(self) -> Stock:
        return self.key.stock(SIGNERS)


def never(_: object) -> list[bytes]:
    raise AssertionError("a second share is made")


class Story:
    """What a party is asked for in a run."""

    def __init__(self, life: Life, child: OtherProcess, psbt: Psbt) -> None:
        self.life, self.child, self.psbt = life, child, psbt
        peer = Overheard(party(life.wallet, PEER), child.wire)
        self.peers = {ME: child, PEER: peer}

    def told(self) -> list[Exception]:
        """Do all of it, as far as it goes; what failed."""
        errors: list[Exception] = []
        if not self.done(self.child.start, errors):
            return errors  # it has ended
        for step in (self.refill, self.sign):
            if not self.done(step, errors):
                self.done(self.expect_void, errors)
                self.done(step, errors)  # as keepers and users try again
        for verb in ("void", "purge", "close"):
            self.done(lambda verb=verb: self.child.ask(verb), errors)
        return errors

    def done(self, step: Callable[[], object], errors: list[Exception]) -> bool:
        """Take a step, unless the party is dead."""
        if not self.child.alive:
            return False
        try:
            step()
        except (MpcError, OSError) as e:
            errors.append(e)
            return False
        return True

    def refill(self) -> None:
        keeper = Keeper(party(self.life.wallet, PEER).refills, self.peers, (), now, lambda _: None)
        assert keeper.refill(self.life.stock, BATCH) == BATCH

    def sign(self) -> None:
        wallet = self.life.wallet
        sign(wallet.review(self.psbt), self.psbt, wallet.keys, self.peers, lambda _: None)

    def expect_void(self) -> None:
        """What was to be burnt when the party failed is not offered again."""
        with suppress(StorageError):
            ready = set(self.child.ready_presignatures(SIGNERS))
            for header in map(self.child.wire.headers.get, self.child.broken_off):
                if header is not None and header.protocol == sign_rounds.SPEC.name:
                    assert not ready & {item.presignature.id for item in SigningPlan.of(header).inputs}


# ---- the sweeps ----


@pytest.mark.slow
@pytest.mark.parametrize("what", ["KILL", *ERRORS])
def test_no_system_call_at_which_a_party_ends_makes_a_second_share(
    life: Life, what: str, record_property: Callable[[str, object], None]
) -> None:
    for _ in range(2):  # the file is as a process before left it
        life.run(SYSCALLS)
    there_are = counted(life.log)
    assert set(there_are) == {*DISK, "sendto"}
    hit: Counter[str] = Counter()
    for syscall in sorted(there_are):
        k = 1
        while life.run([syscall], Injection(syscall, what, k)):
            hit[syscall] += 1
            k += 1
        assert hit[syscall] >= there_are[syscall]
    life.expect_no_key()
    points = ", ".join(f"{count} {syscall}" for syscall, count in sorted(hit.items()))
    record_property("measured", f"{what} at each of {hit.total()} system calls of a party: {points}")


# ---- that the sweeps would see it ----


def test_key_is_found_when_presignatures_are_not_burnt(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Pool, "burn", forgetful_burn)
    wire = Wire()
    child = OtherProcess(life.wallet, wire, now)
    with child.hung_up_on():
        child.start()
        story = Story(life, child, life.psbts[0])
        story.refill()
        for story.psbt in life.psbts[:2]:
            story.sign()
    child.ended()
    (key,) = extracted_keys([share for _, share in wire.shares])
    assert bytes(key * G) == life.key.public_key
    mine = [share for _, share in wire.shares if share.signer == ME]
    assert extracted_keys(mine, life.colluder) == {key}


def forgetful_burn(
    pool: Pool, request: bytes, uses: Sequence[Use], make: Make, at: int, record: Record
) -> Shares:
    shares = tuple(make(pool._store.secrets([use.presignature for use in uses])))
    record(shares)
    return shares


def test_share_that_leaves_before_it_is_written_down_is_seen(
    life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    burn, void = Pool.burn, Pool.void
    late: list[Callable[[], object]] = []

    def late_burn(
        pool: Pool,
        request: bytes,
        uses: Sequence[Use],
        make: Make,
        at: int,
        *record: Record,
    ) -> Shares:
        if pool._store._owner.party != ME or make is never:
            return burn(pool, request, uses, make, at, *record)
        ids = [use.presignature for use in uses]

        def write() -> None:
            pool.grant(life.stock, request, ids, at)
            burn(pool, request, uses, make, at, *record)

        late.append(write)
        return tuple(make(pool._store.secrets(ids)))

    def void_after_burning(pool: Pool, reason: str, at: int) -> int:
        for write in late:
            write()
        return void(pool, reason, at)

    monkeypatch.setattr(Pool, "burn", late_burn)
    monkeypatch.setattr(Pool, "void", void_after_burning)
    life.run(SYSCALLS)  # nobody stops it: all is written in the end
    sent = counted(life.log)["sendto"]
    seen = 0
    for k in range(sent - 6, sent + 1):
        try:
            assert life.run(["sendto"], Injection("sendto", "KILL", k))
        except AssertionError:
            seen += 1
    assert 0 < seen < 7
