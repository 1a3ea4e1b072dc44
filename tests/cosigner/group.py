"""A group of parties with a key, coins on it, and transactions that spend them."""

import random
from dataclasses import dataclass, field
from functools import lru_cache

import pbk

from cosigner.keygen import KeygenParty, KeygenTerms, generate
from cosigner.keys import WalletKeys
from cosigner.party import Credentials, Party
from cosigner.signing import Signed, sign
from cosigner.steps import Step, silent
from cosigner.taproot_key import TaprootKey
from frost_bip340.key_share import KeyShare
from protocol.ids import PartyId
from storage.signing_log import SignedEntry
from tests.cosigner.memory_store import MemoryStore
from wallet.account import Branch, KeyPath
from wallet.amounts import Sats
from wallet.fees import FeeCaps
from wallet.network import REGTEST
from wallet.psbt import KeyOrigin, Psbt, PsbtInput, PsbtOutput, TapKeyOrigin
from wallet.review import review
from wallet.script import p2tr
from wallet.tx import OutPoint, Transaction, Txid, TxIn, TxOut

STRANGER = p2tr(bytes.fromhex("79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"))


class MemoryLog:
    """A signing log without a disk."""

    def __init__(self) -> None:
        self.entries: list[SignedEntry] = []

    def record(self, entry: SignedEntry) -> None:
        self.entries.append(entry)

    def signatures(self) -> list[SignedEntry]:
        return self.entries


@lru_cache(maxsize=64)
def _generated(n: int, t: int) -> tuple[list[MemoryStore], TaprootKey]:
    stores = [MemoryStore() for _ in range(n)]

    def text(share: KeyShare) -> str:
        return share.chain_code.hex()

    parties = {
        PartyId(i): KeygenParty(KeygenTerms(PartyId(i), n, t, text, silent), store)
        for i, store in enumerate(stores)
    }
    made = generate(parties, t, silent)
    return stores, TaprootKey.recover(made.output.recovery_data, REGTEST, 0)


@dataclass
class Group:
    """Parties 0..n-1 of one key, each with a log of its own."""

    n: int
    t: int
    caps: FeeCaps = field(default_factory=lambda: FeeCaps(Sats(100_000), 10))
    steps: list[Step] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.stores, self.key = _generated(self.n, self.t)
        self.keys = WalletKeys(self.key, None)
        self.logs = [MemoryLog() for _ in range(self.n)]
        self.parties = {PartyId(i): self.party(PartyId(i)) for i in range(self.n)}

    def party(self, i: PartyId, kind: type[Party] = Party) -> Party:
        store = self.stores[i]
        assert store.host_key is not None
        assert store.share is not None
        credentials = Credentials(store.host_key, self.keys, store.share, None, self.caps)
        return kind(credentials, self.logs[i], self.steps.append)

    def signers(self, *ids: int) -> dict[PartyId, Party]:
        return {PartyId(i): self.parties[PartyId(i)] for i in ids}

    def sign(self, psbt: Psbt, *ids: int, caps: FeeCaps | None = None) -> Signed:
        seen = review(psbt, (self.key.account,), caps or self.caps, next_change=(20,))
        return sign(seen, psbt, self.keys, self.signers(*ids), self.steps.append)

    # ---- transactions ----

    def funding(self, path: KeyPath, value: int, rng: random.Random) -> Transaction:
        """Return a transaction that pays an address of the group in its second output."""
        source = TxIn(OutPoint(Txid(rng.randbytes(32)), 0))
        outputs = TxOut(Sats(7_000), STRANGER), TxOut(Sats(value), self.key.account.script(path))
        return Transaction((source,), outputs)

    def spending(
        self, values: list[int], amount: int, fee: int, rng: random.Random, change: KeyPath | None = None
    ) -> Psbt:
        """Return a PSBT that spends coins of these values: amount to a stranger, the rest back."""
        paths = [KeyPath(rng.choice(list(Branch)), rng.randrange(1000)) for _ in values]
        parents = [self.funding(path, value, rng) for path, value in zip(paths, values, strict=True)]
        change = change or KeyPath(Branch.CHANGE, rng.randrange(20))
        back = TxOut(Sats(sum(values) - amount - fee), self.key.account.script(change))
        tx = Transaction(
            tuple(TxIn(OutPoint(parent.txid, 1)) for parent in parents),
            (TxOut(Sats(amount), STRANGER), back),
        )
        inputs = [self.input_fields(parent, path) for parent, path in zip(parents, paths, strict=True)]
        return Psbt.of(tx, inputs, (PsbtOutput(), self.output_fields(change)))

    def input_fields(self, parent: Transaction, path: KeyPath) -> PsbtInput:
        return PsbtInput(
            non_witness_utxo=parent,
            witness_utxo=parent.outputs[1],
            tap_internal_key=self._internal(path),
            tap_bip32_derivation={self._internal(path): self._origin(path)},
        )

    def output_fields(self, path: KeyPath) -> PsbtOutput:
        return PsbtOutput(
            tap_internal_key=self._internal(path),
            tap_bip32_derivation={self._internal(path): self._origin(path)},
        )

    def _internal(self, path: KeyPath) -> bytes:
        return self.key.account.public_key(path)[1:]

    def _origin(self, path: KeyPath) -> TapKeyOrigin:
        return TapKeyOrigin(KeyOrigin(self.key.account.key.fingerprint, path.steps))


def consensus_accepts(psbt: Psbt, tx: Transaction) -> bool:
    """Ask libbitcoinkernel about every input of a signed transaction."""
    spent = [psbt.spent(i) for i in range(len(tx.inputs))]
    outs = [pbk.TransactionOutput(pbk.ScriptPubkey(o.script_pubkey), o.value) for o in spent if o]
    signed = pbk.Transaction(bytes(tx))
    shared = pbk.script.PrecomputedTransactionData(signed, outs)
    return all(
        out.script_pubkey.verify(out.amount, signed, shared, i, pbk.ScriptVerificationFlags.ALL)
        for i, out in enumerate(outs)
    )
