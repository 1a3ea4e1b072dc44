"""mpcw demo: a wallet's life on regtest in a few seconds."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import perf_counter
from typing import Annotated, Any, Final

import typer
from coincurve import PrivateKey
from rich.text import Text

from cosigner.cli import show
from cosigner.cli.chain import NOBODY, fund
from cosigner.cli.command import Invocation, command
from cosigner.cli.refill import refill_line
from cosigner.cli.unlock import demo_folder, unlock
from cosigner.home import Home
from cosigner.local import LocalWallet
from cosigner.plan import ChainKind, ChainSettings, WalletPlan
from cosigner.steps import Step
from protocol.ids import PartyId
from storage.directory import make_private, sync_directory
from storage.passphrase import Passphrase
from wallet import address
from wallet.amounts import COIN, FeeRate, Sats
from wallet.bip32 import hash160
from wallet.build import CoinControl, Draft, Payment
from wallet.chain.endpoint import Endpoint
from wallet.chain.regtest_node import RegtestNode
from wallet.chain.rpc import RpcClient
from wallet.errors import ChainError
from wallet.network import REGTEST
from wallet.psbt import extract
from wallet.script import p2wpkh
from wallet.tx import OutPoint, Transaction, TxOut, show_txid

PARTIES: Final = 3
THRESHOLD: Final = 2
AMOUNT: Final = Sats(COIN // 10)
SIGNERS: Final = (PartyId(0), PartyId(2))
PRESIGNATURES: Final = 15  # as many as a batch has without tables, which take seconds to make

app = typer.Typer(add_completion=False)


@command(
    app, wallet=False, examples="mpcw demo\nmpcw demo --bitcoind\nmpcw send -w demo ADDRESS=50000 --wait"
)
def demo(
    call: Invocation,
    bitcoind: Annotated[
        bool, typer.Option("--bitcoind", help="Use a throwaway bitcoind instead of the embedded chain.")
    ] = False,
) -> None:
    """Show a 2-of-3 wallet on regtest: a Taproot and a SegWit account, spent from together.

    It uses or makes a wallet `demo`, whose money is worth nothing: its passphrases are in files beside it, so
    that the next command can use it without asking. Every run goes on with the same wallet.
    """
    began = perf_counter()
    name, place = ("demo-bitcoind", _Node(call)) if bitcoind else ("demo", _Embedded())
    with place.chain(name) as chain:
        value = _Demo(call, name, chain).run()
    took = perf_counter() - began
    call.out.note(f"\nAll of it took {took:.1f} s. The wallet is yours to play with:")
    if place.before_next:
        call.out.hint(place.before_next, "(in another terminal)")
    for line in (
        f"mpcw wallet history -w {name}",
        f"mpcw send -w {name} ADDRESS=50000 --wait",
    ):
        call.out.hint(line)
    call.out.result({**value, "total_seconds": round(took, 2)}, [])


class _Embedded:
    """The chain in this process."""

    before_next = ""

    @contextmanager
    def chain(self, _: str) -> Iterator[ChainSettings]:
        yield ChainSettings()


class _Node:
    """A bitcoind whose chain stays in the home, at the port that the wallet knows, for this run only."""

    def __init__(self, call: Invocation) -> None:
        self._home = call.place
        self._directory = self._home.path / "bitcoind"
        self.before_next = ""

    @contextmanager
    def chain(self, name: str) -> Iterator[ChainSettings]:
        endpoint = self._known(name)
        if endpoint is not None and _answers(endpoint):
            yield _settings(endpoint)  # mpcw regtest runs it
            return
        make_private(self._directory)
        with RegtestNode(self._directory, port=None if endpoint is None else endpoint.port) as node:
            port = node.endpoint.port
            self.before_next = f"mpcw regtest --dir {self._directory} --port {port}"
            yield _settings(node.endpoint)

    def _known(self, name: str) -> Endpoint | None:
        if name not in self._home.wallets():
            return None
        with LocalWallet.open(self._home, name) as wallet:
            return wallet.plan.chain.endpoint(REGTEST)


def _settings(endpoint: Endpoint) -> ChainSettings:
    return ChainSettings(ChainKind.BITCOIND, endpoint.url, endpoint.cookie)


def _answers(endpoint: Endpoint) -> bool:
    with suppress(ChainError):
        RpcClient(endpoint).call("getblockcount")
        return True
    return False


class _Demo:
    """One run.

    Args:
        call: the command's invocation.
        name: of the wallet.
        chain: where it sees the chain.
    """

    def __init__(self, call: Invocation, name: str, chain: ChainSettings) -> None:
        self.call, self.name, self.chain = call, name, chain
        self.out = call.out
        self.quiet = False
        self.seconds: dict[str, float] = {}
        self.value: dict[str, Any] = {"wallet": name, "seconds": self.seconds}

    def run(self) -> dict[str, Any]:
        """Run all steps, and return what scripts get."""
        with self._wallet() as wallet:
            if not wallet.unlocked:
                self._unlock(wallet)
            self._receive(wallet)
            if wallet.keys.segwit is not None:
                self._fill(wallet)
            sent = self._pay(wallet)
            self._bump(wallet, sent)
            self._confirm(wallet)
        return self.value

    @contextmanager
    def _step(self, title: str) -> Iterator[None]:
        """Show what comes, and how long it took."""
        self.out.note()
        self.out.note(title, "bold")
        began = perf_counter()
        yield
        took = perf_counter() - began
        self.out.note(f"  {took:.2f} s", "dim")
        self.seconds[title] = round(took, 3)

    def _wallet(self) -> LocalWallet:
        """Open the wallet, or make it."""
        home = self.call.place
        if self.name in home.wallets():
            self.out.note(f"Going on with the wallet {self.name} in {home.path}.")
            return self._known(LocalWallet.open(home, self.name, self._tell))
        plan = WalletPlan(REGTEST, PARTIES, THRESHOLD, self.chain)
        passphrases = _demo_passphrases(home, self.name)
        signers = f"any {THRESHOLD} of {PARTIES} will sign"
        with self._step(f"Key generation, {signers}: FROST for Taproot, CGGMP24 for SegWit"):
            return LocalWallet.create(home, self.name, plan, passphrases, self._tell)

    def _tell(self, step: Step) -> None:
        if not self.quiet:
            self.out.step(step)

    def _known(self, wallet: LocalWallet) -> LocalWallet:
        if wallet.keys.segwit is None:
            self.out.note("It has no SegWit account: Taproot alone. For both, choose a new home:")
            self.out.note(f"  mpcw demo --home {wallet.home.path}-2")
        return wallet

    def _unlock(self, wallet: LocalWallet) -> None:
        with self._step("Each party unseals its share with its own passphrase (Argon2id)"):
            unlock(wallet, [PartyId(i) for i in range(PARTIES)], [], self.out)

    def _receive(self, wallet: LocalWallet) -> None:
        accounts = range(len(wallet.accounts))
        with self._step("Addresses that every party derives from its own store"):
            made = [wallet.new_address("demo", account) for account in accounts]
            for item in made:
                wallet.address_verify(item.text)
                self.out.note(f"  {wallet.accounts[item.owner.account].name:<8} {item.text}")
            self.value["addresses"] = {wallet.accounts[it.owner.account].name: it.text for it in made}
        with self._step(f"Funding on the {wallet.chain.name} chain: a coinbase for each, 100 blocks on top"):
            self.out.note(f"  received {show.amount(fund(wallet, *accounts))}")

    def _fill(self, wallet: LocalWallet) -> None:
        """Make presignatures, before anybody knows what they will sign."""
        before, made, began = wallet.pool_figures(), 0, perf_counter()
        ready = sum(stock.ready for stock in before.stocks if stock.signers == SIGNERS)
        with self._step("Presignatures for SegWit inputs, made ahead by parties 0 and 2"):
            if left := max(party.voided for party in before.parties):
                self.out.note(f"  {left} of the last run ended with its process: nothing of them can be used")
            if ready >= PRESIGNATURES:
                self.out.note(f"  {ready} are ready: mpcw serve keeps them")
            else:
                made = wallet.pools.refill(SIGNERS, PRESIGNATURES, refill_line(self.out))
                rate = made / (perf_counter() - began)
                self.out.note(f"  {made} made, {rate:.1f} per second: both signers are on this machine")
        self.value["presignatures"] = {"made": made, "seconds": round(perf_counter() - began, 3)}

    def _pay(self, wallet: LocalWallet) -> Transaction:
        payee = p2wpkh(hash160(PrivateKey().public_key.format()))
        with self._step("One payment from all accounts, signed by parties 0 and 2, without party 1"):
            self.out.note(f"  {show.amount(AMOUNT)} to {address.encode(payee, REGTEST)}")
            control = CoinControl(frozenset(_a_coin_of_each(wallet)), only=True)
            draft = wallet.draft_send(Payment((TxOut(AMOUNT, payee),), FeeRate(2000), control))
            return self._sign_and_send(wallet, draft, "sent")

    def _bump(self, wallet: LocalWallet, sent: Transaction) -> None:
        with self._step("It waits: a replacement with a higher fee has another sighash"):
            draft = wallet.draft_bump(sent.txid, FeeRate(8000))
            if wallet.keys.segwit is not None:
                self.out.note("  so it takes a new presignature: each makes one signature share, ever")
            self.quiet = True  # the same steps as before
            self._sign_and_send(wallet, draft, "bumped")
            self.quiet = False

    def _sign_and_send(self, wallet: LocalWallet, draft: Draft, name: str) -> Transaction:
        signed = wallet.sign(draft.psbt, SIGNERS, refill_line(self.out))
        tx = extract(signed.psbt)
        wallet.broadcast(tx)
        took = Text(f"{1000 * signed.seconds:.0f} ms", "bold green")
        used = ""
        if signed.presignatures:
            (left,) = (it.ready for it in wallet.pool_figures().stocks if it.signers == SIGNERS)
            used = f": {show.count(signed.presignatures, 'presignature')} used up, {left} left"
            self.value["presignatures"]["left"] = left
        self.out.note(Text.assemble("  signed online in ", took, used, f"; sent at {draft.rate}"))
        self.out.note(f"  {show_txid(tx.txid)}", "dim")
        self.value |= {name: show_txid(tx.txid), f"{name}_signing_seconds": round(signed.seconds, 6)}
        return tx

    def _confirm(self, wallet: LocalWallet) -> None:
        with self._step("A block"):
            (block,) = wallet.regtest().mine(1, NOBODY)
            wallet.sync()
            ledger = wallet.ledger()
            total = ledger.balance().total
            self.out.note(f"  confirmed at height {block.height}; the wallet has {show.amount(total)}")
            for index, account in enumerate(wallet.accounts):
                self.out.note(f"  {account.name:<8} {show.amount(ledger.balance(index).total)}")
            self.value |= {"height": block.height, "balance": total}


def _a_coin_of_each(wallet: LocalWallet) -> list[OutPoint]:
    """Return the largest coin of each account that may be spent."""
    ready = [coin for coin in wallet.coins() if coin.confirmations and coin.mature and not coin.frozen]
    largest = {coin.owner.account: coin for coin in sorted(ready, key=lambda coin: coin.value)}
    return [coin.outpoint for coin in largest.values()]


def _demo_passphrases(home: Home, name: str) -> dict[PartyId, Passphrase]:
    """Write a random passphrase for each party to a file, durably, before the wallet is made."""
    folder = demo_folder(home, name)
    make_private(folder)
    for party in range(PARTIES):
        _write(folder / str(party), secrets.token_urlsafe(16))
    sync_directory(folder)
    return {PartyId(i): Passphrase.from_file(folder / str(i)) for i in range(PARTIES)}


def _write(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.write(descriptor, text.encode() + b"\n")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
