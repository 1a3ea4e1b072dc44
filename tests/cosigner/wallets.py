"""Wallets on disk, of three parties any two of whom sign."""

import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import cycle

from cosigner.home import Home
from cosigner.local import LocalWallet
from cosigner.party import Party
from cosigner.plan import WalletPlan
from cosigner.steps import Progress, silent
from native.entropy import random_bytes
from presig_pool.pool import Pool
from protocol.ids import PartyId
from storage.passphrase import Passphrase
from tests.cosigner.group import STRANGER
from tests.cosigner.group import stock_up as deal_presignatures
from wallet import address
from wallet.amounts import FeeRate, Sats
from wallet.build import Payment
from wallet.chain.base import Block
from wallet.network import REGTEST
from wallet.store import StoredTransaction
from wallet.tx import OutPoint, Transaction, Txid, TxIn, TxOut

PLAN = WalletPlan(n=3, t=2, segwit=False)
MIXED = WalletPlan(n=3, t=2)


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


def fund(
    wallet: LocalWallet, *values: int, height: int = 150, accounts: Sequence[int] = (0,)
) -> tuple[OutPoint, ...]:
    """Put confirmed coins of these values on new addresses, as a sync would, of the accounts in turn."""
    outputs = []
    for value, account in zip(values, cycle(accounts), strict=False):
        script = address.decode(wallet.new_address(account=account).text, REGTEST)
        outputs.append(TxOut(Sats(value), script))
    tx = Transaction((TxIn(OutPoint(Txid(random_bytes(32)), 0)),), tuple(outputs))
    block = Block(height, bytes([height]) * 32, 1_700_000_000)
    wallet._store.put_transactions([StoredTransaction(tx, block, block.time, own=False, in_mempool=True)])
    wallet._store.set_sync_point(replace(block, height=height + 10))
    return tuple(OutPoint(tx.txid, i) for i in range(len(values)))


def pool(wallet: LocalWallet, party: int) -> Pool:
    """The pool of an unlocked party."""
    segwit = wallet.parties.own.parties[PartyId(party)]._credentials.segwit
    assert segwit is not None
    return segwit.pool


def stock_up(wallet: LocalWallet, signers: Sequence[int], count: int) -> None:
    """Have a dealer put presignatures into the pools of unlocked parties."""
    assert wallet.keys.segwit is not None
    key = wallet.keys.segwit.public_key
    shares = {i: wallet.parties.own.stores[PartyId(i)].ecdsa_share(key) for i in signers}
    deal_presignatures({i: pool(wallet, i) for i in signers}, shares, count, int(time.time()))


def payment(amount: int, rate: int = 2000) -> Payment:
    """Return a payment to a stranger."""
    return Payment((TxOut(Sats(amount), STRANGER),), FeeRate(rate))


def party(wallet: LocalWallet, i: int) -> Party:
    """An unlocked party."""
    return wallet.parties.own.parties[PartyId(i)]
