"""Killed processes, full disks and failing writes: what was reported as done is there, all else as it was."""

import random
import resource
import time
from dataclasses import replace
from pathlib import Path

import pytest

from protocol.ids import PartyId
from storage.errors import FullError, LockedError, StorageError, WrongPassphraseError
from storage.parties import PartyStore
from storage.wallets import SqlWalletStore
from tests.storage.crashes import Report, fill, killed
from tests.storage.samples import (
    drop_share,
    entry,
    full_party,
    key_shares,
    phrase,
    put_refreshed,
    script,
    unseal,
)
from tests.storage.test_wallets import SETTINGS, STORED, account, transaction
from wallet.chain.base import Block

KILLS = 10

pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")


def test_a_killed_signer_has_written_down_all_that_it_reported(tmp_path: Path) -> None:
    rng = random.Random(1)
    path = tmp_path / "1" / "party.db"
    full_party(path)

    def sign(report: Report) -> None:
        store = PartyStore.open(path)
        store.unseal(phrase())
        for i in range(len(store.signatures()), 256):
            store.record(entry(i))
            report(i)

    count = 2
    for _ in range(KILLS):
        if count > 200:
            break
        reports = killed(sign, rng)
        assert int(reports[0]) == count
        reported = int(reports[-1]) + 1
        with PartyStore.open(path) as store:
            store.unseal(phrase())  # every row and the chain of the log are whole
            count = len(store.signatures())
            assert reported <= count <= reported + 1
            assert store.signatures() == tuple(entry(i) for i in range(count))


def test_a_killed_refresh_leaves_whole_shares(tmp_path: Path) -> None:
    rng = random.Random(2)
    path = tmp_path / "1" / "party.db"
    full_party(path)

    def refresh(report: Report) -> None:
        store = PartyStore.open(path)
        store.unseal(phrase())
        *old, last = store.shares()
        for share in old:
            drop_share(store, share.key, share.epoch)
        report("opened")
        for epoch in range(last.epoch + 1, 1000):
            put_refreshed(store, key_shares(epoch=epoch)[1])
            drop_share(store, last.key, epoch - 1)

    counts = set()
    for _ in range(KILLS):
        killed(refresh, rng)
        with PartyStore.open(path) as store:
            store.unseal(phrase())
            counts.add(len(store.shares()))
            for share in store.shares():
                again = store.share(share.key, share.epoch)
                expected = key_shares(epoch=share.epoch)[1]
                assert again.secshare.declassify() == expected.secshare.declassify()
    assert counts <= {1, 2}


def test_a_killed_change_of_the_passphrase_leaves_one_that_opens(tmp_path: Path) -> None:
    rng = random.Random(3)
    path = tmp_path / "1" / "party.db"
    full_party(path)
    current = "correct horse"

    def change(report: Report) -> None:
        store, old = PartyStore.open(path), current
        for i in range(1000):
            store.change_passphrase(phrase(old), phrase(f"{k} {i}"))
            old = f"{k} {i}"
            report(i)

    for k in range(KILLS):
        reported = int(killed(change, rng)[-1])
        opening = [i for i in (reported, reported + 1) if opens(path, f"{k} {i}")]
        assert len(opening) == 1
        current = f"{k} {opening[0]}"


def opens(path: Path, text: str) -> bool:
    try:
        unseal(path, text)
    except WrongPassphraseError:
        return False
    return True


def test_a_store_killed_while_it_is_made_is_there_or_not(tmp_path: Path) -> None:
    rng = random.Random(4)
    for i in range(KILLS):
        path = tmp_path / str(i) / "party.db"

        def make(report: Report, path: Path = path) -> None:
            report("begins")
            PartyStore.create(path, PartyId(1), phrase())
            report("made")

        made = "made" in killed(make, rng)
        assert path.exists() or not made
        if path.exists():
            unseal(path)
        else:  # what is left of it is in nobody's way
            PartyStore.create(path, PartyId(1), phrase()).close()


def test_a_killed_sync_is_whole_and_no_index_comes_twice(tmp_path: Path) -> None:
    rng = random.Random(5)
    path = tmp_path / "w" / "wallet.db"
    with SqlWalletStore.create(path, SETTINGS) as store:
        store.add_account(account(0))

    def sync(report: Report) -> None:
        store = SqlWalletStore.open(path)
        while True:
            with store.transaction():
                index = store.reserve_index(0, 0)
                store.put_transactions([replace(STORED, tx=transaction(index % 200))])
                store.set_sync_point(Block(index, bytes(32), index))
                store.set_label("addr", str(index), "label")
            report(index)

    seen = -1
    for _ in range(KILLS):
        numbers = list(map(int, killed(sync, rng)))
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        assert seen < numbers[0] <= seen + 2
        seen = numbers[-1]
        with SqlWalletStore.open(path) as store:
            point = store.sync_point()
            assert point is not None
            assert seen <= point.height <= seen + 1
            assert store.next_index(0, 0) == point.height + 1 == len(store.labels())


def test_two_processes_do_not_have_one_party(tmp_path: Path) -> None:
    path = tmp_path / "1" / "party.db"
    full_party(path)
    with script(f"""
        store = PartyStore.open(Path({str(path)!r}))
        print("open", flush=True)
        sys.stdin.readline()
        store.close()
        print("closed", flush=True)
        sys.stdin.readline()
    """) as other:
        assert other.stdin
        assert other.stdout
        assert other.stdout.readline() == "open\n"
        start = time.monotonic()
        with pytest.raises(LockedError, match="another process"):
            PartyStore.open(path)
        assert time.monotonic() - start > 1.5
        other.stdin.write("\n")
        other.stdin.flush()
        assert other.stdout.readline() == "closed\n"
        unseal(path)
        other.stdin.write("\n")


# full disks


def test_a_full_disk_refuses_a_signature_and_loses_nothing(small_disk: Path) -> None:
    path = small_disk / "1" / "party.db"
    full_party(path)
    store = PartyStore.open(path)
    store.unseal(phrase())
    ballast = fill(small_disk)
    written = 2
    with pytest.raises(FullError, match="disk is full") as e:  # noqa: PT012
        while True:
            store.record(entry(written, answer=bytes(10_000)))
            written += 1
    assert "free some space" in e.value.hint
    ballast.unlink()
    store.record(entry(written))
    store.close()
    with PartyStore.open(path) as store:
        store.unseal(phrase())
        assert len(store.signatures()) == written + 1


def test_a_full_disk_does_not_break_a_file_that_is_opened(small_disk: Path) -> None:
    path = small_disk / "1" / "party.db"
    full_party(path)
    ballast = fill(small_disk)
    unseal(path)
    ballast.unlink()
    unseal(path)


def test_a_full_disk_makes_no_half_wallet(small_disk: Path) -> None:
    ballast = fill(small_disk)
    path = small_disk / "1" / "party.db"
    with pytest.raises(StorageError, match=r"full|No space|disk"):
        PartyStore.create(path, PartyId(1), phrase())
    assert not path.exists()
    ballast.unlink()
    PartyStore.create(path, PartyId(1), phrase()).close()
    unseal(path)


def test_a_file_that_may_not_grow_refuses_a_signature_and_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "1" / "party.db"
    full_party(path)
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    store = PartyStore.open(path)
    store.unseal(phrase())
    store.record(entry(2))
    resource.setrlimit(resource.RLIMIT_FSIZE, (64 << 10, limit[1]))
    try:
        with pytest.raises(StorageError):
            store.record(entry(3, answer=bytes(200_000)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        store.close()
    with PartyStore.open(path) as store:
        store.unseal(phrase())
        assert store.signatures() == tuple(entry(i) for i in range(3))
