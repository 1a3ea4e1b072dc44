"""A hundred random payments of random signers: bitcoind relays and mines them, and refuses forgeries."""

import random
from collections.abc import Iterator
from dataclasses import replace

import pytest

from cosigner.home import Home
from cosigner.local import LocalWallet
from cosigner.plan import ChainKind, ChainSettings, WalletPlan
from protocol.ids import PartyId
from tests.cosigner.test_flow import mine, script_of
from tests.cosigner.wallets import create, unlock
from wallet.amounts import FeeRate, Sats
from wallet.build import CoinControl, Payment
from wallet.chain.regtest_node import RegtestNode
from wallet.fees import FeeCaps
from wallet.history import Status
from wallet.psbt import extract
from wallet.script import p2pkh, p2sh, p2tr, p2wpkh
from wallet.tx import Transaction, TxOut

PAYMENTS = 100
MOST_INPUTS = 20
SCRIPTS = {p2pkh: 20, p2sh: 20, p2wpkh: 20, p2tr: 32}
FORGED = "script-verify-flag"


@pytest.fixture
def rich(home: Home, node: RegtestNode) -> Iterator[LocalWallet]:
    """A wallet on bitcoind with many coins on addresses of their own."""
    at = node.endpoint
    chain = ChainSettings(ChainKind.BITCOIND, f"http://{at.host}:{at.port}", at.cookie)
    with create(home, plan=WalletPlan(chain=chain, caps=FeeCaps(relative=1000))) as wallet:
        unlock(wallet, 0, 1, 2)
        mine(wallet, 1, script_of(wallet.new_address().text))
        mine(wallet, 100)
        wallet.sync()
        outputs = tuple(own(wallet, 1_000_000) for _ in range(4 * MOST_INPUTS))
        wallet.broadcast(extract(wallet.sign(wallet.draft_send(Payment(outputs, FeeRate(1000))).psbt).psbt))
        mine(wallet, 1)
        wallet.sync()
        yield wallet


def own(wallet: LocalWallet, value: int) -> TxOut:
    return TxOut(Sats(value), script_of(wallet.new_address().text))


def draw(wallet: LocalWallet, rng: random.Random) -> Payment:
    """Return a payment of one to twenty coins, to others and to addresses of the wallet."""
    known = wallet.coins()
    coins = rng.sample(known, rng.randint(1, min(MOST_INPUTS, len(known))))
    parts = rng.randint(0, MOST_INPUTS)  # as many as are spent, on average
    share = sum(coin.value for coin in coins) // (parts + 4)
    make, size = rng.choice(list(SCRIPTS.items()))
    others = [TxOut(Sats(rng.randint(1000, share)), make(rng.randbytes(size)))]
    ours = [own(wallet, share) for _ in range(parts)]
    control = CoinControl(frozenset(coin.outpoint for coin in coins), only=True)
    return Payment((*others, *ours), FeeRate(rng.randint(1000, 20_000)), control, rbf=rng.random() < 0.5)


def forge(tx: Transaction, rng: random.Random) -> Transaction:
    """Flip one bit of one signature."""
    index = rng.randrange(len(tx.inputs))
    signature = bytearray(tx.inputs[index].witness[0])
    signature[rng.randrange(len(signature))] ^= 1 << rng.randrange(8)
    inputs = list(tx.inputs)
    inputs[index] = replace(inputs[index], witness=(bytes(signature),))
    return replace(tx, inputs=tuple(inputs))


@pytest.mark.slow
def test_random_payments_are_relayed_and_mined_and_forgeries_are_not(rich: LocalWallet) -> None:
    rng, sent = random.Random(341), []
    for number in range(PAYMENTS):
        draft = rich.draft_send(draw(rich, rng))
        signers = rng.sample([PartyId(i) for i in range(3)], rng.choice([2, 3]))
        tx = extract(rich.sign(draft.psbt, signers).psbt)
        forged, honest = (rich.chain.test([each])[0] for each in (forge(tx, rng), tx))
        assert forged.reason is not None
        assert FORGED in forged.reason
        assert (honest.reason, honest.fee, honest.vsize) == (None, draft.fee, draft.vsize)
        rich.broadcast(tx)
        sent.append(tx.txid)
        if number % 5 == 4:
            mine(rich, 1)
            rich.sync()
    ledger = rich.ledger()
    assert {ledger.entry(txid).status for txid in sent} == {Status.CONFIRMED}
