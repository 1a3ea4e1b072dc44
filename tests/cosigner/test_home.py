import os
import subprocess
import sys
from pathlib import Path

import pytest

from cosigner.errors import WalletExistsError
from cosigner.home import Home
from wallet.errors import MalformedError, UnknownError


def make(home: Home, name: str) -> None:
    with home.staging(name) as folder:
        folder.database.write_bytes(b"state")
        folder.party(0).parent.mkdir(parents=True)
        folder.party(0).write_bytes(b"share")


def test_argument_wins_over_the_environment_and_that_over_the_user_s_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MPCW_HOME", raising=False)
    assert Home.find().path == Path.home() / ".mpcw"
    monkeypatch.setenv("MPCW_HOME", str(tmp_path / "a"))
    assert Home.find().path == tmp_path / "a"
    assert Home.find(tmp_path / "b").path == tmp_path / "b"


def test_wallet_that_was_made_is_found(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    assert home.wallets() == ()
    make(home, "main")
    make(home, "another_one-2")
    assert home.wallets() == ("another_one-2", "main")
    assert home.wallet("main").database.read_bytes() == b"state"
    assert home.wallet("main").party(0).read_bytes() == b"share"


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../x", "a/b", "/etc", ".new-x", "-x", "x" * 65, "a b", "a\n", "a\0", "ä", "a.b"]
)
def test_name_that_is_no_plain_word_is_refused(tmp_path: Path, name: str) -> None:
    home = Home(tmp_path)
    with pytest.raises(MalformedError, match="cannot be the name"):
        home.wallet(name)
    with pytest.raises(MalformedError, match="cannot be the name"), home.staging(name):
        pytest.fail("unreachable")
    assert list(tmp_path.iterdir()) == []


def test_only_wallet_is_the_default_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MPCW_WALLET", raising=False)
    home = Home(tmp_path)
    with pytest.raises(UnknownError, match="no wallet"):
        home.wallet()
    make(home, "one")
    assert home.default() == "one"
    make(home, "two")
    with pytest.raises(UnknownError, match="several wallets: one, two"):
        home.wallet()
    monkeypatch.setenv("MPCW_WALLET", "two")
    assert home.wallet() == home.wallet("two")
    monkeypatch.setenv("MPCW_WALLET", "../two")
    with pytest.raises(MalformedError):
        home.wallet()


def test_unknown_wallet_is_named_with_those_that_are(tmp_path: Path) -> None:
    home = Home(tmp_path)
    make(home, "one")
    with pytest.raises(UnknownError, match="'three'") as caught:
        home.wallet("three")
    assert "one" in caught.value.hint


def test_name_is_given_once(tmp_path: Path) -> None:
    home = Home(tmp_path)
    make(home, "one")
    with pytest.raises(WalletExistsError, match="'one'"):
        make(home, "one")
    assert home.wallet("one").database.read_bytes() == b"state"


def test_failure_leaves_nothing_behind(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with pytest.raises(FileNotFoundError), home.staging("one") as folder:
        (folder.path / "missing" / "file").write_bytes(b"half")
    assert home.wallets() == ()
    assert [entry.name for entry in (tmp_path / "wallets").iterdir()] == [".lock"]


def test_directories_are_private(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    make(home, "one")
    for path in (home.path, home.path / "wallets", home.wallet("one").path):
        assert path.stat().st_mode & 0o777 == 0o700


HALF = """
import os, signal, sys
from pathlib import Path
from cosigner.home import Home
with Home(Path(sys.argv[1])).staging("one") as folder:
    folder.database.write_bytes(b"half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_killed_process_leaves_no_wallet_and_the_next_one_cleans_up(tmp_path: Path) -> None:
    killed = subprocess.run([sys.executable, "-c", HALF, str(tmp_path)], check=False)
    home = Home(tmp_path)
    assert killed.returncode == -9
    assert (tmp_path / "wallets" / ".new-one").is_dir()
    assert home.wallets() == ()
    make(home, "two")
    assert sorted(os.listdir(tmp_path / "wallets")) == [".lock", "two"]


def test_one_process_makes_a_wallet_at_a_time(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with home.staging("one") as folder:
        folder.database.write_bytes(b"one")
        with pytest.raises(WalletExistsError, match="another process"), home.staging("two"):
            pytest.fail("unreachable")
        assert folder.database.exists()
    assert home.wallets() == ("one",)
