"""The life of a party that is stopped again and again, and what must hold after each time."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from signal import SIGKILL

import pytest

from cosigner.keeper import Keeper
from cosigner.local import LocalWallet
from cosigner.signing import sign
from cosigner.waste import WINDOW_SECONDS
from ecdsa_cggmp import sign_rounds
from ecdsa_cggmp.presignature import Presignature
from ecdsa_cggmp.sign_messages import SigningPlan
from presig_pool.burning import Use
from presig_pool.errors import PresignatureVoid
from presig_pool.pool import Pool
from presig_pool.state import Stock
from protocol.errors import MpcError, SecretReuseError
from protocol.ids import PartyId, SessionId
from storage.errors import StorageError
from storage.parties import PartyStore
from storage.presigs import SqlPoolStore
from storage.signing_log import SignedEntry
from tests.cosigner.wallets import fund, party, passphrase, payment
from tests.e2e.crash_party import ME, OtherProcess, Overheard, Wire
from tests.e2e.injection import Injection, traced
from tests.presig_pool.extraction import Captured, Pair, extracted_keys, pair_of, secrets_of
from wallet.psbt import Psbt

PEER = PartyId(1)
SIGNERS = (ME, PEER)
BATCH = 2  # one is used, one is left to be voided
PSBTS = 5  # of different sighashes
SYSCALLS = ("fdatasync", "fsync", "pwrite64", "write", "ftruncate", "unlink", "sendto", "sendmsg")
DISK = ("fdatasync", "pwrite64", "ftruncate", "unlink")


class Hours:
    """The time of all parties: an hour passes at each run, and what those before wasted is forgotten."""

    def __init__(self) -> None:
        self.passed = 0

    def __call__(self) -> int:
        return int(time.time()) + WINDOW_SECONDS * self.passed


class Life:
    """Party 0 in one process after the other, on one file; the other signer and the coordinator are here."""

    def __init__(self, wallet: LocalWallet, log: Path, now: Hours) -> None:
        self.wallet, self.log, self.now = wallet, log, now
        assert wallet.keys.segwit is not None
        self.key = wallet.keys.segwit
        self.path = wallet.folder.party(ME)
        fund(wallet, 40_000, 50_000, accounts=(0, 1))
        self.psbts = [wallet.draft_send(payment(80_000 + i)).psbt for i in range(PSBTS)]
        self.runs = 0
        self.captured: list[Captured] = []  # of all runs
        self.colluder: dict[tuple[bytes, PartyId], Pair] = {}
        self.signed = 0  # entries of the party's log
        self.stopped: Counter[str] = Counter()  # at which steps

    def remember_secrets_of_the_peer(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Have the other signer be one who keeps what it should delete."""
        add = SqlPoolStore.add

        def remember(store: SqlPoolStore, made: Sequence[Presignature], batch: bytes, at: int) -> None:
            if store._owner.party == PEER:
                self.colluder.update({(item.public.id, PEER): pair_of(item) for item in made})
            add(store, made, batch, at)

        monkeypatch.setattr(SqlPoolStore, "add", remember)

    # ---- a run ----

    def live(
        self, syscalls: Sequence[str], injection: Injection | None, tell: "Callable[[Story], object]"
    ) -> tuple["Story", int]:
        """Run the party and tell its story; with its exit code, or the signal that killed it, negative."""
        self.runs += 1
        self.now.passed += 1
        child = OtherProcess(self.wallet, Wire(), self.now)
        with traced(child.pid, self.log, syscalls, injection), child.hung_up_on():
            story = Story(self, child, self.psbts[self.runs % PSBTS])
            tell(story)
        return story, child.ended()

    def run(self, syscalls: Sequence[str], injection: Injection | None = None) -> bool:
        """Run the party to its end and check what it leaves; return whether something was injected."""
        story, code = self.live(syscalls, injection, Story.told)
        hit = self.was_hit(code)
        if not hit:
            assert (story.errors, code) == ([], 0)
        elif injection is not None and injection.what != "KILL" and injection.syscall in DISK:
            story.expect_in_order(code, injection.what)
        if hit:
            self.stopped[story.stopped_at] += 1
        wire = story.child.wire
        self.captured += [share for _, share in wire.shares]
        signed, self.signed = self.signed, self.expect_clean(self.path, wire)
        assert self.signed >= signed
        party(self.wallet, PEER).refills.pool.purge()
        return hit

    def was_hit(self, code: int) -> bool:
        return code == -SIGKILL or "(INJECTED)" in self.log.read_text()

    # ---- after it ----

    def expect_clean(self, path: Path, wire: Wire) -> int:
        """The file opens; what was on the wire is in it, and nothing can be used; how much it has signed."""
        with PartyStore.open(path) as store:
            store.unseal(passphrase(ME))
            pool = Pool(store.presignatures)
            live = "SELECT count(*) FROM presignatures WHERE state IN ('PENDING', 'READY') OR secret NOT NULL"
            assert store._db.row(live) == (0,)
            signed = store.signatures()
            self.expect_recorded(store, signed, wire)
            for header in wire.headers.values():
                if header.protocol == sign_rounds.SPEC.name:
                    self.expect_no_other_share(pool, header.session, SigningPlan.of(header))
            figures = pool.statistics(self.stock, self.now())
            assert (figures.pending, figures.ready) == (0, 0)
            return len(signed)

    def expect_recorded(self, store: PartyStore, signed: Iterable[SignedEntry], wire: Wire) -> None:
        """No share has left before its record and its burning were durable."""
        entries = {entry.session: entry for entry in signed}
        for (session, sender), answer in wire.answers.items():
            if sender == ME:
                assert session in entries
                if wire.headers[session].protocol != sign_rounds.SPEC.name:
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
            assert pool.burn(session, uses, never, self.now()) == tuple(mine)
        else:  # they are void, or another session was granted them after it
            with pytest.raises((PresignatureVoid, SecretReuseError)):
                pool.burn(session, uses, never, self.now())
        other = bytes(32)
        for request, sighash in ((session, other), (other, uses[0].sighash)):
            with pytest.raises((PresignatureVoid, SecretReuseError)):
                pool.burn(request, [Use(use.presignature, sighash) for use in uses], never, self.now())
        with pytest.raises((PresignatureVoid, SecretReuseError)):
            pool.grant(self.stock, other, [use.presignature for use in uses], self.now())

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
        self.errors: list[Exception] = []
        self.stopped_at = "nothing"  # the first step that failed
        self.done_after_error: set[str] = set()  # steps

    def told(self) -> None:
        """Do all of it, as far as it goes."""
        if not self.done("start", self.child.start):
            return  # it has ended
        for name, step in (("refill", self.refill), ("sign", self.sign)):
            if not self.done(name, step) and self.child.alive:
                self.expect_void()
                self.done(name, step)  # as keepers and users try again
        for name in ("void", "purge", "close"):
            self.done(name, lambda name=name: self.child.ask(name))

    def opened(self) -> None:
        """Start the party and close it again."""
        if self.done("start", self.child.start):
            self.done("close", lambda: self.child.ask("close"))

    def done(self, name: str, step: Callable[[], object]) -> bool:
        """Take a step, unless the party is dead."""
        if not self.child.alive:
            return False
        try:
            step()
        except (MpcError, OSError) as e:
            if not self.errors:
                self.stopped_at = name
            self.errors.append(e)
            return False
        if self.errors:
            self.done_after_error.add(name)
        return True

    def expect_in_order(self, code: int, error: str) -> None:
        """After an error of its disk a party says what was wrong, and goes on until it is told to end."""
        assert code == 0
        assert not self.errors or isinstance(self.errors[0].__cause__ or self.errors[0], StorageError)
        # what an error of the disk has left of the last writes is not known before the next start
        assert error != "EIO" or self.done_after_error <= {"close"}

    def refill(self) -> None:
        keeper = Keeper(party(self.life.wallet, PEER).refills, self.peers, (), self.life.now, lambda _: None)
        assert keeper.refill(self.life.stock, BATCH) == BATCH

    def sign(self) -> None:
        wallet = self.life.wallet
        sign(wallet.review(self.psbt), self.psbt, wallet.keys, self.peers, lambda _: None)

    def expect_void(self) -> None:
        """What was to be burnt when the party failed is not offered again."""
        with suppress(StorageError, OSError):
            ready = set(self.child.ready_presignatures(SIGNERS))
            for header in map(self.child.wire.headers.get, self.child.broken_off):
                if header is not None and header.protocol == sign_rounds.SPEC.name:
                    assert not ready & {item.presignature.id for item in SigningPlan.of(header).inputs}
