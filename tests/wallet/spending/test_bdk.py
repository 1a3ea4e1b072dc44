"""Payments beside those of BDK: what is affordable, exact matches, fees."""

import random
from itertools import combinations

import bdkpython as bdk
import pytest

from tests.wallet.fakes import SEGWIT, TAPROOT, change
from tests.wallet.funded import basis, funding
from wallet.amounts import FeeRate, Sats
from wallet.build import CoinControl, Payment, send, send_all
from wallet.descriptor import Descriptor
from wallet.errors import InsufficientFundsError
from wallet.fees import fee_without_inputs, input_fee
from wallet.psbt import Psbt
from wallet.script import p2wpkh
from wallet.tx import OutPoint, TxOut

SHOP = p2wpkh(b"\x07" * 20)
RATE = FeeRate(5000)
KINDS = pytest.mark.parametrize("account", [TAPROOT, SEGWIT], ids=lambda account: account.name)


class Theirs:
    """A wallet of BDK with the same coins."""

    def __init__(self, stored, account):
        descriptor = bdk.Descriptor(Descriptor.of(account).text(), bdk.NetworkKind.TEST)
        memory = bdk.Persister.new_in_memory()
        self._wallet = bdk.Wallet.create_from_two_path_descriptor(descriptor, bdk.Network.REGTEST, memory)
        self._wallet.reveal_addresses_to(bdk.KeychainKind.EXTERNAL, 30)
        self._wallet.apply_unconfirmed_txs(
            [bdk.UnconfirmedTx(tx=bdk.Transaction(bytes(each.tx)), last_seen=1) for each in stored]
        )

    def send(self, amount, coins=()):
        """Return their PSBT, of these coins alone if any are named; None if they lack money."""
        builder = bdk.TxBuilder().add_recipient(bdk.Script(SHOP), bdk.Amount.from_sat(amount))
        if coins:  # their choice is random
            named = [bdk.OutPoint(txid=bdk.Txid.from_bytes(each.txid), vout=each.index) for each in coins]
            builder = builder.add_utxos(named).manually_selected_only()
        return self._finish(builder)

    def send_all(self):
        return self._finish(bdk.TxBuilder().drain_wallet().drain_to(bdk.Script(SHOP)))

    def _finish(self, builder):
        rate = bdk.FeeRate.from_sat_per_vb(RATE.sat_per_kvb // 1000)
        try:
            return Psbt.from_base64(builder.fee_rate(rate).finish(self._wallet).serialize())
        except bdk.CreateTxError.CoinSelection:
            return None


def ours(stored, amount, **fields):
    try:
        return send(basis(stored), Payment((TxOut(Sats(amount), SHOP),), RATE, **fields))
    except InsufficientFundsError:
        return None


@KINDS
def test_the_same_amounts_are_affordable(account):
    stored = funding(60_000, 70_000, 80_000, account=account)
    theirs = Theirs(stored, account)
    most = send_all(basis(stored), SHOP, RATE).amount
    assert ours(stored, most)
    assert ours(stored, most + 1) is None
    # BDK reserves some virtual bytes more, or fewer, for an input
    slack = 3 * RATE.fee(2)
    assert theirs.send(most - slack)
    assert theirs.send(most + slack) is None
    assert abs(theirs.send_all().tx.outputs[0].value - most) <= slack


@KINDS
@pytest.mark.parametrize("seed", range(12))
def test_an_exact_match_is_the_same_coins(account, seed):
    rng = random.Random(seed)
    stored = funding(*(rng.randrange(10_000, 40_000_000) for _ in range(9)), account=account)
    chosen = rng.sample(stored, rng.randrange(2, 5))
    worth = [each.tx.outputs[0].value - input_fee(account.kind, RATE) for each in stored]
    amount = sum(worth[stored.index(each)] for each in chosen) - RATE.fee(48)
    sums = sorted(sum(s) - amount for n in range(1, 10) for s in combinations(worth, n))
    assert len([one for one in sums if -300 <= one <= 3000]) == 1  # else another match is as near
    draft, theirs = ours(stored, amount), Theirs(stored, account).send(amount)
    coins = {each.tx.txid for each in chosen}
    assert {coin.outpoint.txid for coin in draft.inputs} == coins
    assert {txin.prevout.txid for txin in theirs.tx.inputs} == coins
    assert draft.change is None
    assert len(theirs.tx.outputs) == 1


@KINDS
@pytest.mark.parametrize("left", [0, 200, 2_000, 40_000])
@pytest.mark.parametrize("seed", range(4))
def test_the_same_coins_pay_the_same_fee(account, seed, left):
    draft, theirs = of_the_same_coins(account, random.Random(seed), left)
    assert (draft.change is None) == (len(theirs.tx.outputs) == 1) == (left < 2_000)
    assert abs(draft.fee - theirs.fee) <= RATE.fee(2 * len(draft.inputs))
    assert {out.script_pubkey for out in draft.tx.outputs} == {out.script_pubkey for out in theirs.tx.outputs}


@KINDS
@pytest.mark.parametrize("seed", range(4))
def test_change_that_costs_more_to_spend_goes_to_the_fee(account, seed):
    draft, theirs = of_the_same_coins(account, random.Random(seed), 450)
    (kept,) = (out.value for out in theirs.tx.outputs if out.script_pubkey != SHOP)  # above dust
    assert draft.change is None
    assert draft.fee == theirs.fee + kept


def of_the_same_coins(account, rng, left):
    """Return our draft and their PSBT of a payment that leaves so many satoshi of the coins named to both."""
    stored = funding(*(rng.randrange(10_000, 400_000) for _ in range(9)), account=account)
    chosen = rng.sample(stored, rng.randrange(1, 6))
    worth = sum(each.tx.outputs[0].value - input_fee(account.kind, RATE) for each in chosen)
    amount = worth - fee_without_inputs([SHOP, change(account)], RATE) - left
    coins = frozenset(OutPoint(each.tx.txid, 0) for each in chosen)
    draft = ours(stored, amount, control=CoinControl(coins, only=True))
    return draft, Theirs(stored, account).send(amount, coins)
