"""Random payments of threshold wallets from coins of both accounts, judged and mined by a real bitcoind.

Copies that were tampered with are refused. The first payment's presignatures are made between the parties,
those of the others by a dealer, in no time.
"""

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from cosigner.home import Home
from cosigner.keys import SEGWIT_ACCOUNT
from cosigner.local import LocalWallet
from cosigner.plan import ChainKind, ChainSettings, WalletPlan
from native.curve import Scalar
from native.verify import ecdsa_from_der, ecdsa_to_der
from protocol.ids import PartyId
from storage.passphrase import Passphrase
from tests.conftest import running_node
from tests.cosigner.tiny import deal_aux, tiny_ecdsa
from tests.cosigner.wallets import pool, stock_up
from tests.seeds import new_seed
from tests.storage.cheap import cheap_passphrases
from wallet.amounts import COIN, FeeRate, Sats, format_btc
from wallet.build import CoinControl, Draft, Payment
from wallet.chain.regtest_node import RegtestNode
from wallet.chain.rpc import RpcClient
from wallet.history import Status
from wallet.network import REGTEST
from wallet.psbt import extract
from wallet.script import p2pkh, p2sh, p2tr, p2wpkh
from wallet.tx import Transaction, TxOut

MIXED = 50  # payments of each wallet that spend from both accounts
PER_BLOCK = 5
MAX_INPUTS = 20
ADDRESSES = 60
STOCK = 60  # presignatures dealt at once, above what a payment uses

# output scripts of every type that has an address; of a Taproot key, nobody needs to know the secret
KINDS: tuple[Callable[[random.Random], bytes], ...] = (
    lambda rng: p2pkh(rng.randbytes(20)),
    lambda rng: p2sh(rng.randbytes(20)),
    lambda rng: p2wpkh(rng.randbytes(20)),
    lambda rng: b"\x00\x20" + rng.randbytes(32),  # P2WSH
    lambda rng: p2tr(rng.randbytes(32)),
)


class Payer:
    """A wallet with money, and a random number generator that decides what it does."""

    def __init__(self, wallet: LocalWallet, node: RegtestNode, rng: random.Random) -> None:
        self.wallet, self.rng = wallet, rng
        self.node = RpcClient(node.endpoint)
        self.addresses = [wallet.new_address(account=i % 2).text for i in range(ADDRESSES)]
        self.sent: list[Transaction] = []

    def fund(self) -> None:
        """Have the node's wallet pay coins to random addresses, and confirm them."""
        chosen = self.rng.sample(self.addresses, 40)
        coins = {text: format_btc(self.rng.randint(200_000, 5_000_000)) for text in chosen}
        self.node.of_wallet("miner").call("sendmany", "", coins)
        self.mine()

    def mine(self) -> None:
        self.wallet.regtest().mine(1, b"\x51")
        self.wallet.sync()

    def draft(self) -> Draft:
        """Draft a random payment of 1 to 20 coins."""
        rng, wallet = self.rng, self.wallet
        ready = sorted((c for c in wallet.coins() if c.confirmations), key=lambda coin: coin.outpoint)
        if len(ready) < MAX_INPUTS:
            self.fund()
            return self.draft()
        coins = rng.sample(ready, rng.randint(1, MAX_INPUTS))
        control = CoinControl(frozenset(coin.outpoint for coin in coins), only=True)
        # far enough above what a node relays that no copy is refused for its fee
        rate = FeeRate(rng.randint(2_000, 10_000))
        if rng.randrange(8) == 0:
            return wallet.draft_send_all(rng.choice(KINDS)(rng), rate, control)
        total = sum(coin.value for coin in coins)
        count = rng.randint(1, 4)
        outputs = [
            TxOut(Sats(int(total * rng.uniform(0.5, 0.9) / count)), rng.choice(KINDS)(rng))
            for _ in range(count)
        ]
        return wallet.draft_send(Payment(tuple(outputs), rate, control, rbf=rng.random() < 0.5))

    def signed(self, draft: Draft) -> Transaction:
        """Sign a draft with random signers, after a dealer has filled their pools if they need it."""
        wallet, plan = self.wallet, self.wallet.plan
        signers = [PartyId(i) for i in self.rng.sample(range(plan.n), self.rng.randint(plan.t, plan.n))]
        segwit = sum(item.account == SEGWIT_ACCOUNT for item in wallet.review(draft.psbt).inputs)
        first = sorted(signers)[: plan.t]
        stock = wallet.keys.key_of(SEGWIT_ACCOUNT).stock(first)  # type: ignore[union-attr]
        if self.sent and len(pool(wallet, first[0]).ready(stock, 0)) < segwit:
            stock_up(wallet, first, STOCK)
        return extract(wallet.sign(draft.psbt, signers, wait=lambda _: None).psbt)

    def pay(self) -> set[bool]:
        """Have the node judge a payment and its tampered copies, and send it; whether inputs were SegWit."""
        draft = self.draft()
        tx = self.signed(draft)
        for name, copy in tampered(tx, self.rng).items():
            (verdict,) = self.wallet.chain.test([copy])
            assert "script-verify-flag" in (verdict.reason or ""), f"{name}: {verdict.reason}"
        (verdict,) = self.wallet.chain.test([tx])
        assert verdict.reason is None, f"{verdict.reason}: {bytes(tx).hex()}"
        assert (verdict.fee, verdict.vsize) == (draft.fee, tx.vsize)
        assert tx.vsize <= draft.vsize
        self.wallet.broadcast(tx)
        self.sent.append(tx)
        return {len(txin.witness) == 2 for txin in tx.inputs}


def tampered(tx: Transaction, rng: random.Random) -> dict[str, Transaction]:
    """Return copies of which each differs from a transaction in one thing that its signatures cover."""
    position = rng.randrange(len(tx.inputs))
    txin, out = tx.inputs[position], tx.outputs[-1]
    signature, *key = txin.witness
    place = rng.randrange(64)
    flipped = bytes(
        byte ^ (1 << rng.randrange(8)) if i == place else byte for i, byte in enumerate(signature)
    )

    def with_input(**changes: object) -> Transaction:
        inputs = list(tx.inputs)
        inputs[position] = replace(txin, **changes)  # type: ignore[arg-type]
        return replace(tx, inputs=tuple(inputs))

    def with_output(changed: TxOut) -> Transaction:
        return replace(tx, outputs=(*tx.outputs[:-1], changed))

    return {
        "a flipped bit": with_input(witness=(flipped, *key)),
        **{name: with_input(witness=witness) for name, witness in other_ecdsa(signature, key)},
        "another sequence": with_input(sequence=0xFFFFFFFF),
        "no witness": with_input(witness=()),
        "a lower amount": with_output(TxOut(Sats(out.value - 1), out.script_pubkey)),
        "another recipient": with_output(TxOut(out.value, rng.choice(KINDS)(rng))),
        "another locktime": replace(tx, locktime=max(0, tx.locktime - 1) if tx.locktime else 1),
    }


def other_ecdsa(signature: bytes, key: list[bytes]) -> Iterator[tuple[str, tuple[bytes, ...]]]:
    """Yield witnesses of a P2WPKH input with another key, and with the other s that holds."""
    for public_key in key:
        yield "another key", (signature, bytes([public_key[0] ^ 1]) + public_key[1:])
        r_s = ecdsa_from_der(signature[:-1])
        high = r_s[:32] + bytes(-Scalar.from_bytes(r_s[32:]))
        yield "a high s", (ecdsa_to_der(high) + signature[-1:], public_key)


@pytest.fixture(scope="module")
def node(bitcoind: Path) -> Iterator[RegtestNode]:
    """A node whose own wallet has money."""
    with running_node(bitcoind) as node:
        rpc = RpcClient(node.endpoint)
        rpc.call("createwallet", "miner")
        text = rpc.of_wallet("miner").call("getnewaddress").text()
        rpc.call("generatetoaddress", 110, text)
        yield node


@pytest.fixture(params=[(2, 3), (3, 5)], ids=["2-of-3", "3-of-5"])
def payer(request: pytest.FixtureRequest, tmp_path: Path, node: RegtestNode) -> Iterator[Payer]:
    t, n = request.param
    chain = ChainSettings(ChainKind.BITCOIND, node.endpoint.url, node.endpoint.cookie)
    seed = new_seed()
    with cheap_passphrases(), tiny_ecdsa(), pytest.MonkeyPatch.context() as patch:
        deal_aux(patch)
        secrets = {PartyId(i): Passphrase(bytearray(b"horse %d" % i)) for i in range(n)}
        plan = WalletPlan(REGTEST, n, t, chain)
        with LocalWallet.create(Home(tmp_path / "home"), "payer", plan, secrets) as wallet:
            for party, passphrase in secrets.items():
                wallet.unlock(party, passphrase)
            yield Payer(wallet, node, random.Random(seed))


@pytest.mark.slow
def test_random_payments_are_accepted_and_mined_and_tampered_ones_are_not(payer: Payer) -> None:
    kinds: list[set[bool]] = []
    while sum(len(kind) == 2 for kind in kinds) < MIXED or len(kinds) % PER_BLOCK:
        kinds.append(payer.pay())
        if len(kinds) % PER_BLOCK == 0:
            payer.mine()
    wallet = payer.wallet
    entries = wallet.ledger().entries
    assert {entries[tx.txid].status for tx in payer.sent} == {Status.CONFIRMED}
    assert all(wallet.chain.confirmations(tx.txid) for tx in payer.sent)
    # the node's set of unspent outputs has, for the descriptors alone, what the wallet says
    wanted = [{"desc": item["desc"], "range": 1000} for item in json.loads(wallet.import_json())]
    found = payer.node.call("scantxoutset", "start", wanted)["total_amount"]
    assert Decimal(str(found.value)) * COIN == wallet.balance().total
