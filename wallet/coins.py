"""The coins of a wallet and what they are worth."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Self

from wallet.amounts import Sats
from wallet.script import ScriptType
from wallet.script_index import Owner
from wallet.tx import OutPoint, Txid, TxOut

_NOTHING: Final = Sats(0)
COINBASE_MATURITY: Final = 100  # consensus: blocks after which the coins of a coinbase may be spent


@dataclass(frozen=True, slots=True)
class Coin:
    """An output of the wallet's.

    Args:
        outpoint: where it is.
        out: value and script.
        kind: P2WPKH or P2TR.
        owner: account and path of its key.
        height: of its block; None while unconfirmed.
        confirmations: 0 while unconfirmed.
        own: whether its transaction spends only coins of this wallet that are confirmed or own themselves:
            nobody else can take it back.
        in_mempool: whether its transaction is in the mempool or a block.
        coinbase: whether it is of a coinbase.
        frozen: whether the user has forbidden to spend it.
        spent_by: the transaction that spends it, confirmed or not.
    """

    outpoint: OutPoint
    out: TxOut
    kind: ScriptType
    owner: Owner
    height: int | None
    confirmations: int
    own: bool
    in_mempool: bool
    coinbase: bool
    frozen: bool
    spent_by: Txid | None

    @property
    def value(self) -> Sats:
        """Satoshi."""
        return self.out.value

    @property
    def mature(self) -> bool:
        """Whether the next block may spend it."""
        return not self.coinbase or self.confirmations >= COINBASE_MATURITY


@dataclass(frozen=True, slots=True)
class Balance:
    """What unspent coins are worth, in satoshi; each coin counts once.

    Args:
        confirmed: in blocks.
        unconfirmed_own: our change, which nobody else can take back.
        unconfirmed_foreign: on its way to us; the sender may still replace it.
        immature: of coinbases less than 100 blocks deep.
        frozen: whatever else it is.
    """

    confirmed: Sats = _NOTHING
    unconfirmed_own: Sats = _NOTHING
    unconfirmed_foreign: Sats = _NOTHING
    immature: Sats = _NOTHING
    frozen: Sats = _NOTHING

    @classmethod
    def of(cls, coins: Iterable[Coin]) -> Self:
        """Add up the unspent ones of some coins."""
        sums: dict[str, int] = defaultdict(int)
        for coin in coins:
            if coin.spent_by is None:
                sums[_purse(coin)] += coin.value
        return cls(**{name: Sats(value) for name, value in sums.items()})

    @property
    def total(self) -> Sats:
        """All of it."""
        parts = (self.confirmed, self.unconfirmed_own, self.unconfirmed_foreign, self.immature, self.frozen)
        return Sats(sum(parts))


def _purse(coin: Coin) -> str:
    if coin.frozen:
        return "frozen"
    if not coin.mature:
        return "immature"
    if coin.height is not None:
        return "confirmed"
    return "unconfirmed_own" if coin.own else "unconfirmed_foreign"
