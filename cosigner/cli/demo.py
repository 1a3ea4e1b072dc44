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
from cosigner.cli.unlock import demo_folder, unlock
from cosigner.home import Home
from cosigner.local import LocalWallet
from cosigner.plan import ChainKind, ChainSettings, WalletPlan
from protocol.ids import PartyId
from storage.directory import make_private, sync_directory
from storage.passphrase import Passphrase
from wallet import address, qr
from wallet.amounts import COIN, FeeRate, Sats
from wallet.bip32 import hash160
from wallet.build import Draft, Payment
from wallet.chain.endpoint import Endpoint
from wallet.chain.regtest_node import RegtestNode
from wallet.chain.rpc import RpcClient
from wallet.errors import ChainError
from wallet.network import REGTEST
from wallet.psbt import extract
from wallet.script import p2wpkh
from wallet.tx import Transaction, TxOut, show_txid
from wallet.uri import PaymentUri

PARTIES: Final = 3
THRESHOLD: Final = 2
AMOUNT: Final = Sats(COIN // 10)

app = typer.Typer(add_completion=False)


@command(app, wallet=False, examples="mpcw demo\nmpcw demo --bitcoind\nmpcw send -w demo ADDRESS=50000")
def demo(
    call: Invocation,
    bitcoind: Annotated[
        bool, typer.Option("--bitcoind", help="Use a throwaway bitcoind instead of the embedded chain.")
    ] = False,
) -> None:
    """Show a 2-of-3 Taproot wallet on regtest, from key generation to a confirmed payment.

    It uses or makes a wallet `demo`, whose money is worth nothing: its passphrases are in files beside it, so
    that the next command can use it without asking. Every run goes on with the same wallet.
    Taproot only: SegWit accounts come with threshold ECDSA.
    """
    began = perf_counter()
    name, place = ("demo-bitcoind", _Node(call)) if bitcoind else ("demo", _Embedded())
    with place.chain(name) as chain:
        value = _Demo(call, name, chain).run()
    took = perf_counter() - began
    call.out.note(f"\nAll of it took {took:.1f} s. The wallet is yours to play with:")
    for line in (*place.before_next, f"mpcw wallet history -w {name}", f"mpcw send -w {name} ADDRESS=50000"):
        call.out.hint(line)
    call.out.result({**value, "total_seconds": round(took, 2)}, [])


class _Embedded:
    """The chain in this process."""

    before_next: tuple[str, ...] = ()

    @contextmanager
    def chain(self, _: str) -> Iterator[ChainSettings]:
        yield ChainSettings()


class _Node:
    """A bitcoind whose chain stays in the home, at the port that the wallet knows, for this run only."""

    def __init__(self, call: Invocation) -> None:
        self._home = call.place
        self._directory = self._home.path / "bitcoind"
        self.before_next: tuple[str, ...] = ()

    @contextmanager
    def chain(self, name: str) -> Iterator[ChainSettings]:
        endpoint = self._known(name)
        if endpoint is not None and _answers(endpoint):
            yield _settings(endpoint)  # mpcw regtest runs it
            return
        make_private(self._directory)
        with RegtestNode(self._directory, port=None if endpoint is None else endpoint.port) as node:
            port = node.endpoint.port
            self.before_next = (f"mpcw regtest --dir {self._directory} --port {port}  (in another terminal)",)
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
        self.seconds: dict[str, float] = {}
        self.value: dict[str, Any] = {"wallet": name, "seconds": self.seconds}

    def run(self) -> dict[str, Any]:
        """Run all steps, and return what scripts get."""
        with self._wallet() as wallet:
            self._unlock(wallet)
            self._receive(wallet)
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
            return LocalWallet.open(home, self.name, self.out.step)
        plan = WalletPlan(REGTEST, PARTIES, THRESHOLD, self.chain)
        passphrases = _demo_passphrases(home, self.name)
        with self._step(f"Distributed key generation: {PARTIES} parties, any {THRESHOLD} of them will sign"):
            return LocalWallet.create(home, self.name, plan, passphrases, self.out.step)

    def _unlock(self, wallet: LocalWallet) -> None:
        with self._step("Each party unseals its share with its own passphrase (Argon2id)"):
            unlock(wallet, [PartyId(i) for i in range(PARTIES)], [], self.out)

    def _receive(self, wallet: LocalWallet) -> None:
        with self._step("An address that every party derives from its own store"):
            made = wallet.new_address("demo")
            agreed = wallet.address_verify(made.text)
            self.out.note(f"  {made.text}")
            uri = PaymentUri(address.decode(made.text, REGTEST), REGTEST)
            self.out.picture(qr.terminal(uri.qr_text()))
            self.out.note(f"  derived alike by {', '.join(f'party {party}' for party in agreed)}")
            self.value["address"] = made.text
        with self._step(f"Funding: a coinbase on the {wallet.chain.name} chain, and 100 blocks on top"):
            received = fund(wallet)
            self.out.note(f"  received {show.amount(received)}")

    def _pay(self, wallet: LocalWallet) -> Transaction:
        payee = p2wpkh(hash160(PrivateKey().public_key.format()))
        with self._step("A payment, signed by parties 0 and 2: party 1 is not asked"):
            self.out.note(f"  {show.amount(AMOUNT)} to {address.encode(payee, REGTEST)}")
            draft = wallet.draft_send(Payment((TxOut(AMOUNT, payee),), FeeRate(2000)))
            tx = self._sign_and_send(wallet, draft, (0, 2))
            self.value["sent"] = show_txid(tx.txid)
        return tx

    def _bump(self, wallet: LocalWallet, sent: Transaction) -> None:
        with self._step("It waits: a replacement with a higher fee, signed by parties 1 and 2"):
            draft = wallet.draft_bump(sent.txid, FeeRate(8000))
            tx = self._sign_and_send(wallet, draft, (1, 2))
            self.value["bumped"] = show_txid(tx.txid)

    def _sign_and_send(self, wallet: LocalWallet, draft: Draft, signers: tuple[int, int]) -> Transaction:
        signed = wallet.sign(draft.psbt, tuple(map(PartyId, signers)))
        tx = extract(signed.psbt)
        wallet.broadcast(tx)
        self.out.note(Text.assemble("  broadcast at ", str(draft.rate), "  ", (show_txid(tx.txid), "dim")))
        return tx

    def _confirm(self, wallet: LocalWallet) -> None:
        with self._step("A block"):
            (block,) = wallet.regtest().mine(1, NOBODY)
            wallet.sync()
            balance = wallet.balance()
            self.out.note(f"  confirmed at height {block.height}")
            self.out.note(f"  the wallet has {show.amount(balance.total)}")
            self.value |= {"height": block.height, "balance": balance.total}


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
