"""Where wallets are on disk: HOME/wallets/NAME/ with wallet.db and parties/I/party.db.

Primes that were found ahead for party I of wallets to come are in HOME/primes/I/primes.db, and the moduli
that were ever used in HOME/moduli/moduli.db.

A wallet is made in a hidden staging directory and renamed when it is whole, so that a kill at any moment
leaves either no wallet or a whole one.
"""

import fcntl
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from cosigner.errors import WalletExistsError
from protocol.ids import MAX_PARTIES, PartyId
from storage.directory import make_private
from wallet.errors import MalformedError, UnknownError

HOME_VARIABLE: Final = "MPCW_HOME"
WALLET_VARIABLE: Final = "MPCW_WALLET"

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_STAGING: Final = ".new-"  # no name of a wallet begins so
_PRIVATE: Final = 0o700


@dataclass(frozen=True, slots=True)
class WalletFolder:
    """The directory of one wallet.

    Args:
        path: it.
    """

    path: Path

    @property
    def database(self) -> Path:
        """The state of the watching side."""
        return self.path / "wallet.db"

    @property
    def meeting(self) -> Path:
        """Where `mpcw serve` and the other commands meet."""
        return self.path / "serve"

    def party(self, party: PartyId) -> Path:
        """Return the store of a party, alone in its directory."""
        return self.path / "parties" / str(party) / "party.db"


@dataclass(frozen=True, slots=True)
class Home:
    """The directory of all wallets of a user.

    Args:
        path: it; made when the first wallet is.
    """

    path: Path

    @classmethod
    def find(cls, path: Path | None = None) -> Self:
        """Return the home that was given, else that of $MPCW_HOME, else ~/.mpcw."""
        chosen = path or os.environ.get(HOME_VARIABLE) or "~/.mpcw"
        return cls(Path(chosen).expanduser().absolute())

    @property
    def regtest(self) -> Path:
        """The embedded regtest chain, one for all wallets, so that they can pay each other."""
        return self.path / "regtest"

    @property
    def moduli(self) -> Path:
        """The moduli that parties of its wallets have used, alone in its directory."""
        return self.path / "moduli" / "moduli.db"

    def primes(self, party: PartyId) -> Path:
        """Return the stock of primes of a party of wallets to come, alone in its directory."""
        return self.stocks / str(party) / "primes.db"

    def stocked(self) -> tuple[PartyId, ...]:
        """Return the parties that have a stock of primes, ascending."""
        return tuple(party for party in map(PartyId, range(MAX_PARTIES)) if self.primes(party).is_file())

    @property
    def stocks(self) -> Path:
        """The stocks of primes of all parties."""
        return self.path / "primes"

    @property
    def _wallets(self) -> Path:
        return self.path / "wallets"

    def wallets(self) -> tuple[str, ...]:
        """Return the names of all wallets, sorted."""
        if not self._wallets.is_dir():
            return ()
        return tuple(
            sorted(e.name for e in self._wallets.iterdir() if _NAME.fullmatch(e.name) and e.is_dir())
        )

    def default(self) -> str:
        """Return the wallet that a user means who names none: that of $MPCW_WALLET, else the only one.

        Raises:
            UnknownError: there is none, or there are several.
        """
        chosen = os.environ.get(WALLET_VARIABLE)
        if chosen:
            return chosen
        names = self.wallets()
        if not names:
            raise UnknownError(f"there is no wallet in {self.path}", "make one with: mpcw wallet create NAME")
        if len(names) > 1:
            raise UnknownError(
                "there are several wallets: " + ", ".join(names),
                f"choose one with --wallet or ${WALLET_VARIABLE}",
            )
        return names[0]

    def wallet(self, name: str | None = None) -> WalletFolder:
        """Return the directory of a wallet that exists.

        Args:
            name: its name; None for the default one.

        Raises:
            MalformedError: the name cannot be one.
            UnknownError: there is no such wallet.
        """
        name = check_name(self.default() if name is None else name)
        folder = WalletFolder(self._wallets / name)
        if not folder.path.is_dir():
            known = ", ".join(self.wallets())
            raise UnknownError(
                f"there is no wallet {name!r} in {self.path}", f"there are: {known}" if known else ""
            )
        return folder

    def expect_free(self, name: str) -> None:
        """Refuse the name of a new wallet if it cannot be one, or is taken.

        Raises:
            MalformedError: the name cannot be one.
            WalletExistsError: there is a wallet of this name.
        """
        if (self._wallets / check_name(name)).exists():
            raise WalletExistsError(f"there is a wallet {name!r} already", "choose another name")

    @contextmanager
    def staging(self, name: str) -> Iterator[WalletFolder]:
        """Make a wallet: what the context puts into the directory appears at its end, or never.

        All files in it must be closed before the context ends. What killed processes left is removed.

        Args:
            name: of the wallet.

        Yields:
            An empty directory, private to the user.

        Raises:
            MalformedError: the name cannot be one.
            WalletExistsError: there is a wallet of this name, or another is being made now.
            StorageError: the home cannot be made.
        """
        self.expect_free(name)
        make_private(self._wallets)
        with self._alone():
            self.expect_free(name)
            target = self._wallets / name
            for left in self._wallets.glob(f"{_STAGING}*"):
                shutil.rmtree(left)
            folder = WalletFolder(self._wallets / f"{_STAGING}{name}")
            folder.path.mkdir(_PRIVATE)
            try:
                yield folder
                _sync_tree(folder.path)
                folder.path.rename(target)
                _sync(self._wallets)
            except BaseException:
                shutil.rmtree(folder.path, ignore_errors=True)
                raise

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep other processes from making a wallet; a killed one lets go."""
        lock = os.open(self._wallets / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError as e:
            raise WalletExistsError("another process is making a wallet", "wait until it is done") from e
        finally:
            os.close(lock)


def check_name(name: str) -> str:
    """Return the name of a wallet, which is safe as that of a directory.

    Raises:
        MalformedError: it is not 1 to 64 ASCII letters, digits, - and _, beginning with a letter or digit.
    """
    if not _NAME.fullmatch(name):
        raise MalformedError(
            f"{name[:80]!r} cannot be the name of a wallet",
            "use 1 to 64 letters, digits, - and _, beginning with a letter or a digit",
        )
    return name


def _sync_tree(root: Path) -> None:
    """Make files and directories durable before the name that makes them a wallet is."""
    for directory, _, files in os.walk(root):
        for name in files:
            _sync(Path(directory, name))
        _sync(Path(directory))


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
