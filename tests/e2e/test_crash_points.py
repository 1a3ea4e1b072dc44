"""A party that dies, or whose disk or channel fails, at any system call: one share per presignature at most.

A real party runs in a process of its own: it is unlocked, makes presignatures, signs a transaction with
Taproot and SegWit inputs, voids what is left, purges and closes. strace kills it before its k-th system call
of a kind, or makes that call fail. After each, its file is opened again; later runs refill and sign on it.
"""

import os
import random
import shutil
from collections import Counter
from collections.abc import Callable, Container, Iterator, Sequence
from itertools import product
from pathlib import Path
from signal import SIGKILL
from tempfile import TemporaryDirectory

import pytest

from cosigner.home import Home
from cosigner.local import LocalWallet
from ecdsa_cggmp.presignature import Presignature
from native.curve import G
from presig_pool.burning import Shares, Use
from presig_pool.pool import Pool
from storage.errors import CorruptError, StorageError
from tests.conftest import fast_directory
from tests.cosigner.tiny import tiny_ecdsa
from tests.cosigner.wallets import MIXED, create, unlock
from tests.e2e import power_loss
from tests.e2e.crash_life import DISK, PEER, SYSCALLS, Hours, Life, Story, never
from tests.e2e.crash_party import ME, OtherProcess, Wire
from tests.e2e.injection import Injection, counted, hindrance, traced
from tests.e2e.power_loss import Disk
from tests.presig_pool.extraction import extracted_keys
from tests.storage.cheap import cheap_passphrases

Make = Callable[[Sequence[Presignature]], Sequence[bytes]]
Record = Callable[[Shares], object]

pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")


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
def life(template: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Life]:
    if (reason := hindrance()) is not None:
        (pytest.fail if os.environ.get("MPCW_REQUIRE_STRACE") else pytest.skip)(reason)
    with TemporaryDirectory(dir=fast_directory()) as directory:
        home = Home(Path(directory) / "home")
        shutil.copytree(template, home.path)
        now = Hours()
        monkeypatch.setattr("cosigner.parties.unix_now", now)
        with LocalWallet.open(home) as wallet:
            unlock(wallet, PEER)
            life = Life(wallet, home.path / "strace.log", now)
            life.remember_secrets_of_the_peer(monkeypatch)
            yield life


# ---- the sweeps ----


@pytest.mark.slow
@pytest.mark.parametrize("what", ["KILL", "EIO", "ENOSPC"])
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
    assert hit.total() == life.stopped.total()
    record_property("measured", f"{what} at each of {hit.total()} system calls of a party: {listed(hit)}")
    record_property("measured", f"{what} stopped {listed(life.stopped)}")


def listed(counter: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counter.items()))


def test_no_system_call_at_which_a_start_after_a_kill_ends_brings_a_presignature_back(
    life: Life, record_property: Callable[[str, object], None]
) -> None:
    life.run(SYSCALLS)
    end_of_signing = counted(life.log)["sendto"] - 3  # before the answers to void, purge and close
    story, code = life.live(["sendto"], Injection("sendto", "KILL", end_of_signing), Story.told)
    assert (code, story.stopped_at) == (-SIGKILL, "sign")
    left = {path: path.read_bytes() for path in life.path.parent.iterdir()}
    hit: Counter[str] = Counter()
    for what, syscall in product(("KILL", "EIO", "ENOSPC"), (*DISK, "sendto")):
        k, goes_on = 1, True
        while goes_on:
            for path in life.path.parent.iterdir():
                path.unlink()
            for path, content in left.items():
                path.write_bytes(content)
            _, code = life.live([syscall], Injection(syscall, what, k), Story.opened)
            goes_on = life.was_hit(code)
            life.expect_clean(life.path, story.child.wire)
            hit[what] += goes_on
            k += 1
    record_property("measured", f"at system calls of a start after a kill: {listed(hit)}")


def images_after_power_loss(
    life: Life, image: Path, *, syncs: Container[str] = ("fdatasync", "fsync")
) -> Iterator[Wire]:
    """Make the images that a loss of power may leave after each system call; tell what was sent before.

    Args:
        life: of the party, which runs once.
        image: where.
        syncs: system calls that do what they say.
    """
    disk, rng = Disk(life.path.parent), random.Random(1)
    child = OtherProcess(life.wallet, Wire(), life.now)
    with traced(child.pid, life.log, power_loss.SYSCALLS, options=power_loss.READABLE), child.hung_up_on():
        Story(life, child, life.psbts[0]).told()
    assert child.ended() == 0
    sent, seen = 0, None
    for call in power_loss.calls(life.log):
        sent += call.name == "sendto"
        if "sync" not in call.name or call.name in syncs:
            disk.do(call)
        for files in (disk.least(), disk.some(rng)):
            if (files, sent) != seen:
                seen = files, sent
                shutil.rmtree(image, ignore_errors=True)
                image.mkdir()
                for path, content in files.items():
                    (image / path.name).write_bytes(content)
                yield child.history[sent] if sent < len(child.history) else child.wire
    assert disk.most() == {path: path.read_bytes() for path in life.path.parent.iterdir()}


def test_no_loss_of_power_brings_a_presignature_back(
    life: Life, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    life.run(SYSCALLS)
    image, count = tmp_path / "image", 0
    for wire in images_after_power_loss(life, image):
        life.expect_clean(image / life.path.name, wire)
        count += 1
    record_property("measured", f"loss of power in the life of a party: {count} images of its file")


# ---- that the sweeps would see it ----


def test_share_that_leaves_before_its_record_is_synced_is_seen(life: Life, tmp_path: Path) -> None:
    life.run(SYSCALLS)
    image, seen = tmp_path / "image", set[type[Exception]]()
    for wire in images_after_power_loss(life, image, syncs=()):
        try:
            life.expect_clean(image / life.path.name, wire)
        except (AssertionError, StorageError) as e:
            seen.add(type(e))
    assert seen == {AssertionError, CorruptError}  # shares without a record, and files in parts


def test_key_is_found_when_presignatures_are_not_burnt(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Pool, "burn", forgetful_burn)
    wire = Wire()
    child = OtherProcess(life.wallet, wire, life.now)
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
