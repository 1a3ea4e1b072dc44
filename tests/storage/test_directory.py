import fcntl
import os
from contextlib import suppress
from pathlib import Path

import pytest

from storage import directory
from storage.directory import DirectoryLock, file_system, make_private
from storage.errors import LockedError, StorageError
from tests.storage.samples import script


@pytest.fixture(autouse=True)
def no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directory, "LOCK_WAIT", 0.05)


def test_missing_directories_are_private(tmp_path: Path) -> None:
    make_private(tmp_path / "a" / "b")
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700


def test_a_directory_that_is_there_keeps_its_mode(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir(mode=0o755)
    make_private(tmp_path / "a")
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o755


def test_a_directory_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="cannot be made"):
        make_private(tmp_path / "file" / "a")


def test_a_second_owner_is_refused_until_the_first_lets_go(tmp_path: Path) -> None:
    lock = DirectoryLock.take(tmp_path)
    with pytest.raises(LockedError, match="in use"):
        DirectoryLock.take(tmp_path)
    lock.release()
    lock.release()
    DirectoryLock.take(tmp_path).release()


def test_a_refused_owner_keeps_no_descriptor(tmp_path: Path) -> None:
    lock = DirectoryLock.take(tmp_path)
    before = descriptors(tmp_path)
    with pytest.raises(LockedError):
        DirectoryLock.take(tmp_path)
    assert descriptors(tmp_path) == before
    lock.release()


def descriptors(path: Path) -> list[str]:
    """What this process has open in a directory."""
    found = []
    for link in Path("/proc/self/fd").iterdir():
        with suppress(OSError):  # others close theirs meanwhile
            found.append(os.readlink(link))
    return sorted(target for target in found if target.startswith(str(path)))


def test_another_process_holds_the_lock_until_it_ends(tmp_path: Path) -> None:
    with script(f"""
        from storage.directory import DirectoryLock
        lock = DirectoryLock.take(Path({str(tmp_path)!r}))
        print("locked", flush=True)
        sys.stdin.readline()
    """) as other:
        assert other.stdout
        assert other.stdout.readline() == "locked\n"
        with pytest.raises(LockedError):
            DirectoryLock.take(tmp_path)
        other.kill()
        other.wait()
    DirectoryLock.take(tmp_path).release()


def test_the_lock_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directory, "LOCK_WAIT", 30)
    lock = DirectoryLock.take(tmp_path)
    monkeypatch.setattr(directory.time, "sleep", lambda _: lock.release())
    DirectoryLock.take(tmp_path).release()


def test_a_directory_that_is_none_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot be opened"):
        DirectoryLock.take(tmp_path / "missing")


def test_a_lock_that_the_file_system_does_not_know_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(95, "not supported")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(StorageError, match="cannot be locked"):
        DirectoryLock.take(tmp_path)


MOUNTS = """\
22 28 0:20 / /sys rw,nosuid - sysfs sysfs rw
30 28 0:26 / /home/me rw,relatime shared:5 - nfs4 server:/home rw,vers=4.2
28 1 254:0 / / rw,relatime - ext4 /dev/vda rw
"""


def test_the_file_system_is_that_of_the_device(tmp_path: Path) -> None:
    (tmp_path / "mountinfo").write_text(MOUNTS)
    assert file_system(os.makedev(0, 26), tmp_path / "mountinfo") == "nfs4"
    assert file_system(os.makedev(254, 0), tmp_path / "mountinfo") == "ext4"
    assert file_system(os.makedev(1, 1), tmp_path / "mountinfo") == ""
    assert file_system(os.makedev(0, 26), tmp_path / "missing") == ""


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "smb3", "fuse.sshfs"])
def test_a_network_file_system_is_refused(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directory, "file_system", lambda *_: kind)
    with pytest.raises(StorageError, match=f"network file system .{kind}"):
        DirectoryLock.take(tmp_path)
