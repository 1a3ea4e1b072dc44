"""What every transaction is built on: the wallet's state, its caps, the coins that may be spent."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from wallet.account import Account
from wallet.coins import Coin
from wallet.errors import RefusedError
from wallet.fees import FeeCaps
from wallet.ledger import Ledger
from wallet.tx import OutPoint

_DEFAULT_CAPS: Final = FeeCaps()


@dataclass(frozen=True, slots=True)
class Basis:
    """What transactions are built on.

    Args:
        ledger: the wallet's state.
        reserve: returns the index of a new address from account and branch, as WalletStore.reserve_index; for
            a dry run WalletStore.next_index. It is called last, when nothing can be refused any more.
        caps: limits of the fee.
        rng: for the draw of coins, the order of inputs, the place of the change, and the locktime. What is
            predictable tells others which output is the change.
        drafted: coins that drafts spend; unless they are named, they are taken where no others suffice.
    """

    ledger: Ledger
    reserve: Callable[[int, int], int]
    caps: FeeCaps = _DEFAULT_CAPS
    rng: random.Random = field(default_factory=random.SystemRandom)
    drafted: frozenset[OutPoint] = frozenset()

    def undrafted_first(self, *pools: tuple[Coin, ...]) -> tuple[tuple[Coin, ...], ...]:
        """Return pools of coins to be looked at in turn: first all of them without what drafts spend."""
        if not self.drafted:
            return pools
        left = (tuple(coin for coin in pool if coin.outpoint not in self.drafted) for pool in pools)
        return (*left, *pools)

    @property
    def accounts(self) -> tuple[Account, ...]:
        """The wallet's accounts."""
        return self.ledger.index.accounts


@dataclass(frozen=True, slots=True)
class CoinControl:
    """What the user says about coins.

    Args:
        use: coins that must be spent, also unconfirmed ones from others.
        only: whether no coin but these may be spent.
        avoid: coins that must not be spent.
        min_confirmations: of all other coins; 0 allows our unconfirmed change.
        unsafe: whether unconfirmed coins from others, which they may still take back, may be spent.
    """

    use: frozenset[OutPoint] = frozenset()
    only: bool = False
    avoid: frozenset[OutPoint] = frozenset()
    min_confirmations: int = 0
    unsafe: bool = False

    def required(self, ledger: Ledger) -> tuple[Coin, ...]:
        """Return the coins that must be spent.

        Raises:
            UnknownError: one is not the wallet's.
            RefusedError: "coin-avoided", "coin-spent", "coin-frozen", "coin-immature" or "coin-pending".
        """
        coins = tuple(ledger.coin(outpoint) for outpoint in sorted(self.use))
        for coin in coins:
            self._check_required(coin)
        return coins

    def _check_required(self, coin: Coin) -> None:
        name = f"the coin {coin.outpoint}"
        if coin.outpoint in self.avoid:
            raise RefusedError("coin-avoided", f"{name} is both to be used and to be avoided")
        if coin.spent_by is not None:
            raise RefusedError("coin-spent", f"{name} is spent", "bump or cancel what spends it")
        if coin.frozen:
            raise RefusedError("coin-frozen", f"{name} is frozen", "unfreeze it first")
        if not coin.mature:
            raise RefusedError("coin-immature", f"{name} is of a coinbase less than 100 blocks deep", "wait")
        if not coin.in_mempool:
            raise RefusedError(
                "coin-pending", f"{name} is of a transaction that is not sent yet", "sync first"
            )

    def candidates(self, ledger: Ledger) -> tuple[Coin, ...]:
        """Return the coins that may be spent besides those required."""
        return () if self.only else tuple(filter(self._allows, ledger.unspent))

    def _allows(self, coin: Coin) -> bool:
        """Tell whether an unspent coin may be spent without being named."""
        if coin.frozen or not coin.mature or not coin.in_mempool or coin.outpoint in self.use | self.avoid:
            return False
        safe = coin.height is not None or coin.own or self.unsafe
        return safe and coin.confirmations >= self.min_confirmations
