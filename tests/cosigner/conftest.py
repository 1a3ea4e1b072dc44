import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from cosigner.home import Home
from cosigner.local import LocalWallet
from cosigner.remote import Server
from tests.cosigner.served import Serving, meeting, served
from tests.cosigner.tiny import tiny_ecdsa
from tests.cosigner.wallets import MIXED, create, fund
from tests.storage.cheap import cheap_passphrases


@pytest.fixture(autouse=True)
def cheap() -> Iterator[None]:
    with cheap_passphrases(), tiny_ecdsa():
        yield


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture(scope="session")
def _template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = Home(tmp_path_factory.mktemp("template"))
    with cheap_passphrases(), tiny_ecdsa():
        create(home).close()
    return home.path


@pytest.fixture
def wallet(home: Home, _template: Path) -> Iterator[LocalWallet]:
    """A wallet of its own for each test, copied from one that was made once."""
    shutil.copytree(_template, home.path)
    with LocalWallet.open(home) as opened:
        yield opened


@pytest.fixture(scope="session")
def _mixed_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = Home(tmp_path_factory.mktemp("mixed"))
    with cheap_passphrases(), tiny_ecdsa():
        create(home, plan=MIXED).close()
    return home.path


@pytest.fixture
def mixed(home: Home, _mixed_template: Path) -> Iterator[LocalWallet]:
    """A wallet with a Taproot and a SegWit account."""
    shutil.copytree(_mixed_template, home.path)
    with LocalWallet.open(home) as opened:
        yield opened


@pytest.fixture
def serving(mixed: LocalWallet) -> Iterator[Serving]:
    """Parties 0 and 2 of a funded wallet, with six presignatures."""
    fund(mixed, 40_000, 50_000, 60_000, 70_000, accounts=(0, 1))
    with served(mixed, (0, 2), stocked=6) as it:
        yield it


@pytest.fixture
def client(serving: Serving) -> Iterator[LocalWallet]:
    """The wallet as another process opens it."""
    with LocalWallet.open(serving.home) as wallet:
        yield wallet


@pytest.fixture
def server(serving: Serving) -> Iterator[Server]:
    found = Server.find(meeting(serving))
    assert found is not None
    with found:
        yield found
