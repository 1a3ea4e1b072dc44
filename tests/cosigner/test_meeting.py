"""Where a server and its clients meet: who reaches it, and what a killed server leaves."""

import os
import socket
import stat
from pathlib import Path

import pytest

from cosigner.home import Home
from cosigner.local import LocalWallet
from cosigner.meeting import SOCKET, MeetingPlace
from storage.errors import LockedError, StorageError
from tests.cosigner.served import Serving, meeting, served, short_path


def test_second_server_is_refused(serving: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.directory.LOCK_WAIT", 0.1)
    with pytest.raises(LockedError, match="mpcw serve runs for this wallet already"):
        MeetingPlace.claim(meeting(serving))
    with LocalWallet.open(serving.home) as client:
        assert client.unlocked == (0, 2)


def test_only_the_user_reaches_the_socket(serving: Serving) -> None:
    place = meeting(serving)
    assert stat.S_IMODE(place.stat().st_mode) == 0o700
    assert stat.S_IMODE((place / SOCKET).stat().st_mode) == 0o600


@pytest.mark.parametrize("mode", [0o710, 0o701, 0o777])
def test_place_that_others_reach_is_not_used(serving: Serving, client: LocalWallet, mode: int) -> None:
    meeting(serving).chmod(mode)
    with pytest.raises(StorageError, match="could answer in the place of your parties"):
        client.unlocked  # noqa: B018


def test_place_that_others_reach_is_not_claimed(tmp_path: Path) -> None:
    (tmp_path / "serve").mkdir()
    (tmp_path / "serve").chmod(0o755)
    with pytest.raises(StorageError, match="others than you"):
        MeetingPlace.claim(tmp_path / "serve")


def test_place_of_another_user_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    MeetingPlace.claim(tmp_path / "serve").close()
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.raises(StorageError, match="others than you"):
        MeetingPlace.claim(tmp_path / "serve")


def test_link_is_no_place(tmp_path: Path) -> None:
    MeetingPlace.claim(tmp_path / "serve").close()
    (tmp_path / "link").symlink_to(tmp_path / "serve")
    with pytest.raises(StorageError, match="cannot be opened"):
        MeetingPlace.claim(tmp_path / "link")


def test_socket_that_a_killed_server_left_is_no_server(tmp_path: Path) -> None:
    path = tmp_path / "serve"
    MeetingPlace.claim(path).close()
    with socket.socket(socket.AF_UNIX) as left, short_path(path) as short:
        left.bind(short)
    assert MeetingPlace.find(path) is None
    with MeetingPlace.claim(path):
        assert not (path / SOCKET).exists()


def test_path_may_be_longer_than_that_of_a_socket(mixed: LocalWallet) -> None:
    deep = mixed.home.path.parent / ("d" * 100) / "100%20?#"
    deep.parent.mkdir()
    mixed.close()
    mixed.home.path.rename(deep)
    with served(LocalWallet.open(Home(deep)), (0, 2)), LocalWallet.open(Home(deep)) as client:
        assert client.unlocked == (0, 2)
