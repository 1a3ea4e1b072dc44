"""Pay recipients, or send all that there is."""

from dataclasses import dataclass, replace
from typing import Final

from wallet.amounts import MAX_MONEY, FeeRate, Sats
from wallet.errors import InsufficientFundsError, MalformedError, RefusedError
from wallet.fees import input_fee, transaction_weight
from wallet.script import dust_threshold
from wallet.spending.basis import Basis, CoinControl
from wallet.spending.draft import Draft, Plan, check_dust, finish, vsize
from wallet.spending.fund import Order, fund
from wallet.tx import MAX_STANDARD_WEIGHT, TxOut

_ANY_COIN: Final = CoinControl()


@dataclass(frozen=True, slots=True)
class Payment:
    """Who is to get what.

    Args:
        recipients: at least one.
        rate: what the transaction pays.
        control: which coins to spend.
        fee_from: indices of recipients who pay the fee in equal parts; none if the wallet pays it.
        rbf: whether the transaction may be replaced.

    Raises:
        MalformedError: there is no recipient, an index is wrong, or the sum is out of range.
    """

    recipients: tuple[TxOut, ...]
    rate: FeeRate
    control: CoinControl = _ANY_COIN
    fee_from: frozenset[int] = frozenset()
    rbf: bool = True

    def __post_init__(self) -> None:
        if not self.recipients:
            raise MalformedError("a payment needs a recipient")
        if any(not 0 <= i < len(self.recipients) for i in self.fee_from):
            raise MalformedError("the recipient who is to pay the fee does not exist")
        values = [out.value for out in self.recipients]
        if min(values) < 0 or sum(values) > MAX_MONEY:
            raise MalformedError("an amount is out of range: it is 0 to 21 million BTC")


def send(basis: Basis, payment: Payment) -> Draft:
    """Build a transaction that pays recipients, from confirmed coins and those of no draft if they suffice.

    Raises:
        InsufficientFundsError: the coins that may be spent do not suffice.
        RefusedError: "dust", "weight", a fee cap, or a coin that was named may not be spent.
        UnknownError: a coin that was named is not the wallet's.
    """
    for out in payment.recipients:
        check_dust(out)
    required = payment.control.required(basis.ledger)
    candidates = payment.control.candidates(basis.ledger)
    confirmed = tuple(coin for coin in candidates if coin.height is not None)
    pools = basis.undrafted_first(confirmed, candidates)
    order = Order(payment.recipients, payment.rate, required, pools, fee_from=payment.fee_from)
    return finish(basis, replace(fund(basis, order), rbf=payment.rbf))


def send_all(
    basis: Basis, script: bytes, rate: FeeRate, control: CoinControl = _ANY_COIN, *, rbf: bool = True
) -> Draft:
    """Build a transaction that pays the coins that may be spent to one recipient, less the fee.

    Args:
        basis: what it is built on.
        script: of the recipient; one's own to merge coins.
        rate: what the transaction pays.
        control: which coins to spend; if some must be, they alone are.
        rbf: whether the transaction may be replaced.

    Raises:
        InsufficientFundsError: there is nothing to send, or it is less than its fee and dust.
        RefusedError: as send.
        UnknownError: as send.
    """
    coins = control.required(basis.ledger) or tuple(
        coin for coin in control.candidates(basis.ledger) if coin.value > input_fee(coin.kind, rate)
    )
    if transaction_weight([coin.kind for coin in coins], [script]) > MAX_STANDARD_WEIGHT:
        raise RefusedError(
            "weight", "the transaction would have more inputs than nodes relay", "name some of the coins"
        )
    total, fee = sum(coin.value for coin in coins), rate.fee(vsize(coins, [script]))
    if not coins or total - fee < dust_threshold(script):
        raise InsufficientFundsError(fee + dust_threshold(script), total)
    recipients = (TxOut(Sats(total - fee), script),)
    return finish(basis, Plan(coins, recipients, Sats(0), coins[0].owner.account, rbf=rbf))
