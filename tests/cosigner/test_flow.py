"""A wallet on the embedded chain, from its creation to confirmed payments, and through kills."""

import os
import signal

import pytest

from cosigner.home import Home
from cosigner.local import LocalWallet
from cosigner.plan import ChainKind, ChainSettings, WalletPlan
from tests.cosigner.group import STRANGER
from tests.cosigner.test_local import child
from tests.cosigner.wallets import create, payment, unlock
from wallet import address
from wallet.amounts import FeeRate, Sats
from wallet.build import Draft, Payment
from wallet.chain.endpoint import Endpoint
from wallet.errors import ChainRefusedError
from wallet.history import Status
from wallet.network import REGTEST
from wallet.psbt import extract
from wallet.tx import Transaction, Txid, TxOut


def mine(wallet: LocalWallet, blocks: int, script: bytes = STRANGER) -> None:
    wallet.regtest().mine(blocks, script)


def script_of(text: str) -> bytes:
    return address.decode(text, REGTEST)


def send(wallet: LocalWallet, draft: Draft) -> Transaction:
    """Sign a draft, send it, and sync."""
    tx = extract(wallet.sign(draft.psbt).psbt)
    wallet.broadcast(tx)
    wallet.sync()
    return tx


def status(wallet: LocalWallet, txid: Txid) -> Status:
    return wallet.ledger().entry(txid).status


@pytest.fixture
def funded(wallet: LocalWallet) -> LocalWallet:
    """A wallet with two coinbases that may be spent."""
    unlock(wallet, 0, 2)
    mine(wallet, 2, script_of(wallet.new_address("mining").text))
    mine(wallet, 100)
    wallet.sync()
    return wallet


@pytest.fixture(params=["embedded", "bitcoind"])
def plan(request: pytest.FixtureRequest) -> WalletPlan:
    """A wallet on every backend in turn; without a bitcoind on this machine that one is skipped."""
    if request.param == "embedded":
        return WalletPlan()
    at: Endpoint = request.getfixturevalue("node").endpoint
    return WalletPlan(chain=ChainSettings(ChainKind.BITCOIND, f"http://{at.host}:{at.port}", at.cookie))


def test_wallet_is_made_funded_and_pays_and_all_of_it_confirms(home: Home, plan: WalletPlan) -> None:
    with create(home, plan=plan) as wallet:
        unlock(wallet, 0, 1, 2)
        received = wallet.new_address("savings")
        assert wallet.address_verify(received.text) == (0, 1, 2)
        mine(wallet, 1, script_of(received.text))
        mine(wallet, 100)
        report = wallet.sync()
        assert report.tip.height >= 101
        earned = wallet.balance().confirmed
        assert 0 < earned == sum(coin.out.value for coin in wallet.coins())  # a subsidy, whatever the height

        sent = send(wallet, wallet.draft_send(payment(1_000_000)))
        assert status(wallet, sent.txid) is Status.MEMPOOL
        assert wallet.balance().confirmed == 0

        bumped = send(wallet, wallet.draft_bump(sent.txid, FeeRate(10_000)))
        assert status(wallet, sent.txid) is Status.REPLACED
        assert status(wallet, bumped.txid) is Status.MEMPOOL

        child_tx = send(wallet, wallet.draft_cpfp(bumped.txid, FeeRate(30_000)))
        mine(wallet, 1)
        wallet.sync()
        assert {status(wallet, tx.txid) for tx in (bumped, child_tx)} == {Status.CONFIRMED}
        fees = sum(entry.fee or 0 for entry in wallet.history() if entry.status is Status.CONFIRMED)
        assert wallet.balance().total == earned - 1_000_000 - fees
        balance = wallet.balance()
    with LocalWallet.open(home) as wallet:
        assert wallet.balance() == balance
        assert not wallet.sync().changes
        assert not wallet.drafts()


def test_cancelled_payment_comes_back(funded: LocalWallet) -> None:
    sent = send(funded, funded.draft_send(payment(1_000_000)))
    back = send(funded, funded.draft_cancel(sent.txid))
    mine(funded, 1)
    funded.sync()
    assert status(funded, sent.txid) is Status.REPLACED
    entry = funded.ledger().entry(back.txid)
    assert (entry.status, entry.net) == (Status.CONFIRMED, -(entry.fee or 0))


def test_two_wallets_of_a_home_pay_each_other(home: Home, funded: LocalWallet) -> None:
    funded.close()
    with create(home, "second") as other:
        text = other.new_address("from main").text
    with LocalWallet.open(home, "main") as wallet:
        unlock(wallet, 1, 2)
        send(wallet, wallet.draft_send(Payment((TxOut(Sats(70_000), script_of(text)),), FeeRate(2000))))
        mine(wallet, 1)
    with LocalWallet.open(home, "second") as other:
        other.sync()
        assert other.balance().confirmed == 70_000


def test_all_money_leaves_through_every_pair_of_signers(funded: LocalWallet) -> None:
    unlock(funded, 1)
    for pair in ((0, 1), (0, 2), (1, 2)):
        own = script_of(funded.new_address().text)
        draft = funded.draft_send_all(own, FeeRate(1000))
        tx = extract(funded.sign(draft.psbt, pair).psbt)  # type: ignore[arg-type]
        funded.broadcast(tx)
        mine(funded, 1)
        funded.sync()
        assert status(funded, tx.txid) is Status.CONFIRMED
    assert len(funded.coins()) == 1


def test_payment_that_the_mempool_refuses_at_last_stays_a_draft(
    funded: LocalWallet, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = funded.draft_send(payment(1_000_000))
    tx = extract(funded.sign(draft.psbt).psbt)

    def refuse(_: object) -> None:
        raise ChainRefusedError("mempool full")

    with monkeypatch.context() as context:
        context.setattr(funded.chain, "broadcast", refuse)
        with pytest.raises(ChainRefusedError):
            funded.broadcast(tx)
        funded.sync()
        assert tx.txid in funded.drafts()
    funded.broadcast(extract(funded.draft(tx.txid)))
    funded.sync()
    assert status(funded, tx.txid) is Status.MEMPOOL


# ---- kills ----


def killed_after(home: Home, act: str) -> Txid:
    """Kill a process that sends a payment at a moment, and return the payment that it had signed."""

    def run() -> None:
        with LocalWallet.open(home, "main") as wallet:
            unlock(wallet, 0, 1)
            draft = wallet.draft_send(payment(1_000_000))
            tx = extract(wallet.sign(draft.psbt).psbt)
            real = wallet.chain.broadcast

            def broadcast(package: list[Transaction]) -> None:
                if act == "sent":
                    real(package)
                os.kill(os.getpid(), signal.SIGKILL)

            if act == "signed":
                os.kill(os.getpid(), signal.SIGKILL)
            wallet.chain.broadcast = broadcast  # type: ignore[method-assign, assignment]
            wallet.broadcast(tx)

    assert os.WIFSIGNALED(child(run))
    with LocalWallet.open(home, "main") as wallet:
        (txid,) = wallet.drafts()
    return txid


@pytest.mark.parametrize("act", ["stored", "sent"])
def test_payment_of_a_killed_process_is_sent_by_the_next_sync(
    home: Home, funded: LocalWallet, act: str
) -> None:
    funded.close()
    txid = killed_after(home, act)
    with LocalWallet.open(home, "main") as wallet:
        wallet.sync()
        assert status(wallet, txid) is Status.MEMPOOL
        assert not wallet.drafts()
        mine(wallet, 1)
        wallet.sync()
        assert status(wallet, txid) is Status.CONFIRMED


def test_payment_that_was_signed_when_the_process_was_killed_is_still_a_draft(
    home: Home, funded: LocalWallet
) -> None:
    funded.close()
    txid = killed_after(home, "signed")
    with LocalWallet.open(home, "main") as wallet:
        wallet.sync()
        assert len(wallet.signed_by(0)) == 1  # type: ignore[arg-type]
        wallet.broadcast(extract(wallet.draft(txid)))
        wallet.sync()
        assert status(wallet, txid) is Status.MEMPOOL
