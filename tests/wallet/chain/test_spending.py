"""Payments, bumps, cancels and CPFP on every backend: what wallet.build makes is relayed and mined."""

import random
from dataclasses import replace
from itertools import count

import pytest

from tests.wallet.chain.embedded.rig import EmbeddedRig
from tests.wallet.fakes import ACCOUNTS, SEGWIT, TAPROOT, MemoryStore, script
from tests.wallet.funded import NO_CAPS, check_sums
from tests.wallet.signer import sign
from wallet.account import Branch
from wallet.amounts import FeeRate, Sats
from wallet.build import Basis, CoinControl, Payment, bump, cancel, cpfp, send, send_all
from wallet.coins import Balance
from wallet.history import Status
from wallet.ledger import Ledger
from wallet.psbt import Psbt
from wallet.review import review
from wallet.script import p2wpkh
from wallet.script_index import ScriptIndex
from wallet.sync import publish, sync
from wallet.tx import OutPoint, TxOut

SHOP = p2wpkh(b"\x07" * 20)
NOW = 1_900_000_000
RATE = FeeRate(3000)

_serial = count()


class Wallet:
    """A wallet of two accounts with a coin on each."""

    def __init__(self, chain):
        self.chain, self.store, self.index = chain, MemoryStore(), ScriptIndex(ACCOUNTS)
        self.name = f"spending{next(_serial)}"
        self.rng = random.Random(7)
        chain.mine(1, script(TAPROOT))
        chain.mine(1, script(SEGWIT))
        chain.mine(100, SHOP)
        self.sync()

    def sync(self):
        return sync(self.chain, self.store, self.index, self.name)

    def mine(self, blocks=1):
        self.chain.mine(blocks, SHOP)
        return self.sync()

    @property
    def ledger(self):
        return Ledger.load(self.index, self.store)

    @property
    def basis(self):
        return Basis(self.ledger, self.store.reserve_index, NO_CAPS, self.rng)

    def status(self, tx):
        return self.ledger.entry(tx.txid).status

    def address(self, account):
        index = self.store.reserve_index(account, Branch.RECEIVE)
        return script(ACCOUNTS[account], index)

    def publish(self, draft):
        """Review as a signer does, sign, have the mempool agree on size and fee, and send."""
        check_sums(draft, FeeRate(0))
        next_change = [self.store.next_index(i, Branch.CHANGE) for i in range(2)]
        psbt = Psbt.from_bytes(bytes(draft.psbt))
        reviewed = review(psbt, ACCOUNTS, NO_CAPS, next_change=next_change, tip=self.ledger.tip)
        assert reviewed.fee == draft.fee
        assert [item.own for item in reviewed.outputs if item.own] == (
            [draft.change.owner] if draft.change else []
        )
        tx = sign(draft)
        [verdict] = self.chain.test([tx])
        assert (verdict.reason, verdict.fee, verdict.vsize) == (None, draft.fee, tx.vsize)
        assert draft.vsize - len(draft.inputs) - 1 <= tx.vsize <= draft.vsize
        publish(self.chain, self.store, tx, NOW)
        return tx

    def split(self, *values):
        """Have confirmed coins of some values, of either kind in turn."""
        outputs = tuple(TxOut(Sats(v), self.address(i % 2)) for i, v in enumerate(values))
        self.publish(send(self.basis, Payment(outputs, RATE)))
        self.mine()


@pytest.fixture
def wallet(rig):
    return Wallet(rig.chain)


def test_random_payments_are_mined(wallet):
    wallet.split(*(wallet.rng.randrange(20_000, 400_000) for _ in range(30)))
    for _ in range(12):
        coins = wallet.rng.sample(wallet.ledger.unspent, wallet.rng.randrange(1, 9))
        use = CoinControl(frozenset(coin.outpoint for coin in coins if coin.mature))
        amounts = [wallet.rng.randrange(1000, 60_000) for _ in range(wallet.rng.randrange(1, 4))]
        outputs = tuple(TxOut(Sats(a), wallet.rng.choice([SHOP, wallet.address(0)])) for a in amounts)
        rate = FeeRate(wallet.rng.randrange(1000, 30_000))
        draft = send(wallet.basis, Payment(outputs, rate, use))
        check_sums(draft, rate)
        tx = wallet.publish(draft)
        if wallet.rng.random() < 0.5:
            wallet.mine()
            assert wallet.status(tx) is Status.CONFIRMED
    wallet.mine()
    assert {entry.status for entry in wallet.ledger.entries.values()} == {Status.CONFIRMED}
    wallet.publish(send_all(wallet.basis, SHOP, RATE))
    wallet.mine()
    assert wallet.ledger.balance() == Balance()


@pytest.mark.parametrize("build", [bump, cancel])
@pytest.mark.parametrize("rate", [None, FeeRate(12_000)])
def test_a_replacement_is_taken_by_the_mempool_and_mined(wallet, build, rate):
    wallet.split(150_000, 160_000, 170_000)
    use = CoinControl(frozenset(coin.outpoint for coin in wallet.ledger.unspent if coin.value < 1_000_000))
    old = wallet.publish(send(wallet.basis, Payment((TxOut(Sats(300_000), SHOP),), RATE, use)))
    draft = build(wallet.basis, old.txid, rate, wallet.chain.mempool_entry(old.txid))
    new = wallet.publish(draft)
    assert wallet.chain.mempool_entry(old.txid) is None
    assert (wallet.status(old), wallet.status(new)) == (Status.REPLACED, Status.MEMPOOL)
    wallet.mine()
    assert (wallet.status(old), wallet.status(new)) == (Status.REPLACED, Status.CONFIRMED)


def test_the_least_bump_is_the_least_that_the_mempool_takes(tmp_path):
    # a node may be content with less: newer ones have a lower -incrementalrelayfee
    rig = EmbeddedRig(tmp_path / "chain")
    wallet = Wallet(rig.chain)
    old = wallet.publish(send(wallet.basis, Payment((TxOut(Sats(300_000), SHOP),), RATE)))
    draft = bump(wallet.basis, old.txid, None, wallet.chain.mempool_entry(old.txid))
    outputs = list(draft.tx.outputs)
    place = draft.change.position
    # the real size may be one virtual byte below the estimate
    outputs[place] = replace(outputs[place], value=Sats(outputs[place].value + 2))
    cheaper = replace(draft, psbt=Psbt.of(replace(draft.tx, outputs=tuple(outputs))))
    [verdict] = wallet.chain.test([sign(cheaper)])
    assert verdict.reason == "insufficient fee"
    wallet.publish(draft)
    rig.close()


def test_a_payment_to_us_is_pulled_along(wallet):
    sender = replace(wallet.basis, rng=random.Random(1))
    outputs = (TxOut(Sats(40_000), wallet.address(1)), TxOut(Sats(50_000), SHOP))
    parent = wallet.publish(send(sender, Payment(outputs, FeeRate(1000))))
    entry = wallet.chain.mempool_entry(parent.txid)
    rate = FeeRate(25_000)
    # our change of it is the most valuable output; that one is frozen, as if the sender were another
    for i, out in enumerate(parent.outputs):
        wallet.store.set_frozen(OutPoint(parent.txid, i), out.value > 100_000)
    child = wallet.publish(cpfp(wallet.basis, parent.txid, rate, entry))
    package = wallet.chain.mempool_entry(child.txid)
    assert package.ancestor_fee >= rate.fee(package.ancestor_vsize)
    wallet.mine()
    assert wallet.status(child) is Status.CONFIRMED


def test_what_was_published_survives_a_crash_before_it_is_marked(wallet):
    draft = send(wallet.basis, Payment((TxOut(Sats(300_000), SHOP),), RATE))
    wallet.store.fail_at = wallet.store.changes + 2
    with pytest.raises(OSError, match="full"):
        publish(wallet.chain, wallet.store, sign(draft), NOW)
    wallet.store.fail_at = None
    assert wallet.chain.mempool_entry(draft.tx.txid) is not None
    assert wallet.status(draft.tx) is Status.PENDING
    wallet.sync()
    assert wallet.status(draft.tx) is Status.MEMPOOL
