"""Wallets on disk, of three parties any two of whom sign."""

from cosigner.home import Home
from cosigner.local import LocalWallet
from cosigner.plan import WalletPlan
from cosigner.steps import Progress, silent
from protocol.ids import PartyId
from storage.passphrase import Passphrase

PLAN = WalletPlan(n=3, t=2)


def passphrase(i: int) -> Passphrase:
    return Passphrase(bytearray(b"correct horse %d" % i))


def create(home: Home, name: str = "main", progress: Progress = silent) -> LocalWallet:
    passphrases = {PartyId(i): passphrase(i) for i in range(PLAN.n)}
    return LocalWallet.create(home, name, PLAN, passphrases, progress)


def unlock(wallet: LocalWallet, *ids: int) -> None:
    for i in ids:
        wallet.unlock(PartyId(i), passphrase(i))
