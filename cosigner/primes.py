"""Primes of auxiliary info: searched for, or taken out of the stock of a party, where they were put ahead.

A set is gone from the stock, and its moduli are written down as used, before a session has it: a crash
anywhere costs a set, and none is used twice.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from cosigner import level
from cosigner.clock import unix_now
from cosigner.home import Home
from cosigner.steps import Deed, Progress, Step
from ecdsa_cggmp.aux_info import AuxSecret
from native.errors import LengthError, RejectedError
from native.primes import PrimeKind
from native.primes import Progress as SearchProgress
from protocol.errors import SecretReuseError
from protocol.ids import PartyId
from storage.errors import CorruptError, StorageError, WrongPassphraseError
from storage.passphrase import Passphrase
from storage.prime_stock import PrimeSet, PrimeStock
from storage.used_moduli import UsedModuli


def search(me: PartyId, progress: Progress, what: str = "") -> AuxSecret:
    """Search for a set of primes, and tell how far it is.

    Args:
        me: for whom.
        progress: told about five times a second; what it raises cancels the search and is raised here.
        what: which set it is, to be told with it.
    """

    def tell(kind: PrimeKind, so_far: SearchProgress) -> None:
        found = f"{so_far.found} of 2 {'safe' if kind is PrimeKind.SAFE else 'Blum'} primes"
        tested = f"{so_far.tests} tried (~{so_far.expected_tests})"
        progress(Step(me, Deed.PRIMES_SEARCHED, f"{what}{found}, {tested}"))

    return AuxSecret.search(level.PARAMS, progress=tell)


def open_stock(home: Home, party: PartyId) -> PrimeStock:
    """Open the stock of a party, sealed.

    Raises:
        CorruptError: it is another party's, or damaged.
        StorageError: there is none, or another process has it.
    """
    stock = PrimeStock.open(home.primes(party))
    if stock.party != party:
        stock.close()
        raise CorruptError(f"this is the stock of primes of party {stock.party}, not of party {party}")
    return stock


@dataclass(frozen=True, slots=True)
class PrimeSource:
    """Where the parties of a new wallet get their primes: out of their stocks, else by a search.

    Args:
        home: of the wallet.
        passphrases: of the parties; a stock that is sealed under another one is left alone.
        progress: told where the primes come from.
    """

    home: Home
    passphrases: Mapping[PartyId, Passphrase]
    progress: Progress

    def factors(self, me: PartyId) -> AuxSecret:
        """Return a set of primes that is in no stock, and was in no session of this home.

        Raises:
            SecretReuseError: a search has found what was used before: this machine's random numbers are none.
            StorageError: what was used cannot be written down.
        """
        taken = self._taken(me)
        if taken is not None:
            return taken
        found = search(me, self.progress)
        with UsedModuli.open(self.home.moduli) as used:
            _claim(used, me, found)
        return found

    def _taken(self, me: PartyId) -> AuxSecret | None:
        """Take a set out of the stock of a party; None, and the reason is told, if that gives none."""
        if not self.home.primes(me).is_file():
            return None
        try:
            with open_stock(self.home, me) as stock:
                if _fitting(stock):  # the passphrase's key takes most of a second
                    stock.unseal(self.passphrases[me])
                return self._first_good(stock)
        except WrongPassphraseError:
            self._say(me, Deed.STOCK_NOT_USED, "it has another passphrase")
            return None
        except StorageError as e:
            self._say(me, Deed.STOCK_NOT_USED, str(e))
            return None

    def _first_good(self, stock: PrimeStock) -> AuxSecret | None:
        fitting = _fitting(stock)
        for left, item in zip(reversed(range(len(fitting))), fitting, strict=True):
            try:
                secret = self._take(stock, item)
            except (SecretReuseError, RejectedError, LengthError) as e:
                self._say(stock.party, Deed.PRIMES_DROPPED, str(e))
            else:
                self._say(stock.party, Deed.PRIMES_TAKEN, f"{left} left")
                return secret
        self._say(stock.party, Deed.STOCK_NOT_USED, "it is empty")
        return None

    def _take(self, stock: PrimeStock, item: PrimeSet) -> AuxSecret:
        """Burn a set in the stock, and return it if it can be used."""
        with UsedModuli.open(self.home.moduli) as used, stock.take(item) as primes:
            if item.home != used.home:
                raise SecretReuseError("it was made in another home, where it may be used")
            secret = AuxSecret.of_primes(level.PARAMS, primes)
            _claim(used, stock.party, secret)
            return secret

    def _say(self, me: PartyId, deed: Deed, detail: str) -> None:
        self.progress(Step(me, deed, detail))


def _fitting(stock: PrimeStock) -> list[PrimeSet]:
    return [item for item in stock.sets() if item.bits == level.PARAMS.prime_bits]


def _claim(used: UsedModuli, me: PartyId, secret: AuxSecret) -> None:
    used.claim((secret.public.N, secret.public.pedersen.n), me, unix_now())
