"""mpcw demo: a wallet's life on regtest in a few seconds."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Annotated, Final

import typer
from coincurve import PrivateKey

from cosigner.cli import passphrases, show
from cosigner.cli.chain import NOBODY, fund, regtest
from cosigner.cli.command import Invocation, command
from cosigner.home import Home
from cosigner.local import LocalWallet
from cosigner.plan import ChainKind, ChainSettings, WalletPlan
from protocol.ids import PartyId
from storage.passphrase import Passphrase
from wallet import address, qr
from wallet.amounts import COIN, FeeRate, Sats
from wallet.bip32 import hash160
from wallet.build import Draft, Payment
from wallet.chain.regtest_node import RegtestNode
from wallet.network import REGTEST
from wallet.psbt import extract
from wallet.script import p2wpkh
from wallet.tx import Transaction, TxOut, show_txid
from wallet.uri import PaymentUri

PARTIES: Final = 3
THRESHOLD: Final = 2
AMOUNT: Final = Sats(COIN // 10)


def register(app: typer.Typer) -> None:
    """Add the command to the top level."""
    command(app, wallet=False, examples="mpcw demo\nmpcw demo --bitcoind\nmpcw send -w demo ADDRESS=50000")(
        demo
    )


def demo(
    call: Invocation,
    bitcoind: Annotated[
        bool, typer.Option("--bitcoind", help="Use a throwaway bitcoind instead of the embedded chain.")
    ] = False,
) -> None:
    """Show a 2-of-3 Taproot wallet: key generation, address, funding, a payment, a bump, confirmation.

    It uses or makes a wallet `demo` on regtest, whose money is worth nothing: its passphrases are in files
    beside it, so that the next command can use it without asking. Every run goes on with the same wallet.
    Taproot only: SegWit accounts come with threshold ECDSA.
    """
    if bitcoind:
        with RegtestNode(call.place.path / "bitcoind") as node:
            chain = ChainSettings(ChainKind.BITCOIND, node.endpoint.url, node.endpoint.cookie)
            _Demo(call, "demo-bitcoind", chain).run()
    else:
        _Demo(call, "demo", ChainSettings()).run()


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
        self.value: dict[str, object] = {"wallet": name, "seconds": {}}

    def run(self) -> None:
        """Run all steps."""
        began = perf_counter()
        with self._wallet() as wallet:
            self._unlock(wallet)
            self._receive(wallet)
            sent = self._pay(wallet)
            self._bump(wallet, sent)
            self._confirm(wallet)
        self.value["total_seconds"] = round(perf_counter() - began, 2)
        self.out.result(self.value, lambda _: None)
        self.out.note(f"\nAll of it took {perf_counter() - began:.1f} s. The wallet is yours to play with:")
        for line in (
            f"mpcw wallet history -w {self.name}",
            f"mpcw send -w {self.name} ADDRESS=50000",
            "mpcw --help",
        ):
            self.out.hint(line)

    @contextmanager
    def _step(self, title: str) -> Iterator[None]:
        """Show what comes, and how long it took."""
        self.out.note(f"\n[bold]{title}[/bold]")
        began = perf_counter()
        yield
        took = perf_counter() - began
        self.out.note(f"  [dim]{took:.2f} s[/dim]")
        seconds = self.value["seconds"]
        if isinstance(seconds, dict):
            seconds[title] = round(took, 3)

    def _wallet(self) -> LocalWallet:
        """Open the wallet, or make it."""
        home = self.call.place
        if self.name in home.wallets():
            self.out.note(f"Going on with the wallet {self.name} in {home.path}.")
            return LocalWallet.open(home, self.name, self.out.step)
        plan = WalletPlan(REGTEST, PARTIES, THRESHOLD, self.chain)
        keys = _demo_passphrases(home, self.name)
        with self._step(f"Distributed key generation: {PARTIES} parties, any {THRESHOLD} of them will sign"):
            return LocalWallet.create(home, self.name, plan, keys, self.out.step)

    def _unlock(self, wallet: LocalWallet) -> None:
        with self._step("Each party unseals its share with its own passphrase (Argon2id)"):
            passphrases.unlock(wallet, [PartyId(i) for i in range(PARTIES)], [], self.out)

    def _receive(self, wallet: LocalWallet) -> None:
        with self._step("An address that every party derives from its own store"):
            made = wallet.new_address("demo")
            agreed = wallet.address_verify(made.text)
            self.out.note(f"  {show.spaced(made.text)}")
            uri = PaymentUri(address.decode(made.text, REGTEST), REGTEST)
            self.out.picture(qr.terminal(uri.qr_text()))
            self.out.note(f"  derived alike by {', '.join(f'party {party}' for party in agreed)}")
            self.value["address"] = made.text
        with self._step(
            f"Funding: a coinbase on the {wallet.chain.name} regtest chain, and 100 blocks on top"
        ):
            received = fund(wallet)
            self.out.note(f"  received {show.amount(received)}")

    def _pay(self, wallet: LocalWallet) -> Transaction:
        payee = p2wpkh(hash160(PrivateKey().public_key.format()))
        with self._step("A payment, signed by parties 0 and 2: party 1 is not asked"):
            draft = wallet.draft_send(Payment((TxOut(AMOUNT, payee),), FeeRate(2000)))
            tx = self._sign_and_send(wallet, draft, (0, 2))
            self.out.note(f"  {show.amount(AMOUNT)} to {address.encode(payee, REGTEST)}")
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
        self.out.note(
            f"  [cyan]{'coordinator':<12}[/cyan] broadcast  [dim]{show_txid(tx.txid)}, {draft.rate}[/dim]"
        )
        return tx

    def _confirm(self, wallet: LocalWallet) -> None:
        with self._step("A block"):
            made = regtest(wallet.chain).mine(1, NOBODY)
            wallet.sync()
            balance = wallet.balance()
            self.out.note(
                f"  confirmed at height {made[-1].height}; the wallet has {show.amount(balance.total)}"
            )
            self.value |= {"height": made[-1].height, "balance": balance.total}


def _demo_passphrases(home: Home, name: str) -> dict[PartyId, Passphrase]:
    """Write a random passphrase for each party to a file, durably, before the wallet is made."""
    folder = passphrases.folder(home, name)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for party in range(PARTIES):
        _write(folder / str(party), secrets.token_urlsafe(16))
    return {PartyId(i): Passphrase.from_file(folder / str(i)) for i in range(PARTIES)}


def _write(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.write(descriptor, text.encode() + b"\n")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
