"""Filling the stocks of primes of parties, ahead of the wallets that will use them."""

from contextlib import suppress
from typing import Final, Self

from cosigner.clock import unix_now
from cosigner.home import Home
from cosigner.primes import open_stock, search
from cosigner.steps import Deed, Progress, Step
from native.secret import SecretSeed
from protocol.ids import PartyId
from storage.errors import LockedError
from storage.passphrase import Passphrase
from storage.prime_stock import PrimeStock
from storage.used_moduli import UsedModuli

_PATIENCE: Final = 30  # times as long as other commands wait for a file


class PrimeMaker:
    """Makes sets of primes for parties; a context manager.

    A stock is open only while a set is sealed, so that a wallet may take one out of it meanwhile. Between the
    sets the maker holds what unseals it, in locked memory.
    """

    def __init__(self, home: Home, progress: Progress) -> None:
        """Begin without parties.

        Args:
            home: where the stocks are.
            progress: told how far each search is, and of each set that was sealed.

        Raises:
            StorageError: where the moduli of the home are cannot be read or made.
        """
        self._home, self._progress = home, progress
        with UsedModuli.open(home.moduli) as used:
            self._where = used.home
        self._keys: dict[PartyId, SecretSeed] = {}

    def unlock(self, party: PartyId, passphrase: Passphrase) -> int:
        """Open the stock of a party, or make it when there is none.

        Returns:
            How many sets there are.

        Raises:
            WrongPassphraseError: the passphrase is another.
            StorageError: the stock cannot be read or made, or another process has it.
        """
        path = self._home.primes(party)
        if not path.is_file():
            self._keys[party] = PrimeStock.create(path, party, passphrase).release()
            return 0
        with open_stock(self._home, party) as stock:
            stock.unseal(passphrase)
            count = len(stock.sets())
            self._keys[party] = stock.release()
        return count

    def make(self, party: PartyId, what: str = "") -> int:
        """Search for one set and seal it; durable on return.

        Args:
            party: one that was unlocked.
            what: which set it is, to be told with the progress.

        Returns:
            How many sets there are now.

        Raises:
            UsageError: the stock is full.
            StorageError: the set cannot be sealed; it is lost.
        """
        found = search(party, self._progress, f"{what}: " if what else "")
        with self._opened(party) as stock, found.primes as primes:
            stock.admit(self._keys.pop(party))
            stock.put(primes, self._where, unix_now())
            count = len(stock.sets())
            self._keys[party] = stock.release()
        for secret in found.secrets():
            secret.wipe()
        self._progress(Step(party, Deed.PRIMES_KEPT, what))
        return count

    def _opened(self, party: PartyId) -> PrimeStock:
        """Open a stock, with more patience than commands have: a set that was found is worth some seconds."""
        for _ in range(_PATIENCE):
            with suppress(LockedError):
                return open_stock(self._home, party)
        return open_stock(self._home, party)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for key in self._keys.values():
            key.wipe()
        self._keys.clear()
