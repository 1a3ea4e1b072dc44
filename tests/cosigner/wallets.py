"""Wallets on disk, of three parties any two of whom sign."""

from dataclasses import replace

from cosigner.home import Home
from cosigner.local import LocalWallet
from cosigner.plan import WalletPlan
from cosigner.steps import Progress, silent
from native.entropy import random_bytes
from protocol.ids import PartyId
from storage.passphrase import Passphrase
from tests.cosigner.group import STRANGER
from wallet import address
from wallet.amounts import FeeRate, Sats
from wallet.build import Payment
from wallet.chain.base import Block
from wallet.network import REGTEST
from wallet.store import StoredTransaction
from wallet.tx import OutPoint, Transaction, Txid, TxIn, TxOut

PLAN = WalletPlan(n=3, t=2)


def passphrase(i: int) -> Passphrase:
    return Passphrase(bytearray(b"correct horse %d" % i))


def create(
    home: Home, name: str = "main", progress: Progress = silent, plan: WalletPlan = PLAN
) -> LocalWallet:
    passphrases = {PartyId(i): passphrase(i) for i in range(plan.n)}
    return LocalWallet.create(home, name, plan, passphrases, progress)


def unlock(wallet: LocalWallet, *ids: int) -> None:
    for i in ids:
        wallet.unlock(PartyId(i), passphrase(i))


def fund(wallet: LocalWallet, *values: int, height: int = 150) -> tuple[OutPoint, ...]:
    """Put confirmed coins of these values on new addresses, as a sync would."""
    outputs = []
    for value in values:
        script = address.decode(wallet.new_address().text, REGTEST)
        outputs.append(TxOut(Sats(value), script))
    tx = Transaction((TxIn(OutPoint(Txid(random_bytes(32)), 0)),), tuple(outputs))
    block = Block(height, bytes([height]) * 32, 1_700_000_000)
    wallet._store.put_transactions([StoredTransaction(tx, block, block.time, own=False, in_mempool=True)])
    wallet._store.set_sync_point(replace(block, height=height + 10))
    return tuple(OutPoint(tx.txid, i) for i in range(len(values)))


def payment(amount: int, rate: int = 2000) -> Payment:
    """Return a payment to a stranger."""
    return Payment((TxOut(Sats(amount), STRANGER),), FeeRate(rate))
