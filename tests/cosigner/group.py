"""A group of parties with a key, coins on it, and transactions that spend them."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import cycle

import pbk

from cosigner.keygen import KeygenParty, KeygenTerms, generate
from cosigner.keys import WalletKeys
from cosigner.party import Party
from cosigner.segwit_key import SegwitKey
from cosigner.segwit_signing import SegwitSigner
from cosigner.signing import Signed, SigningPeer, sign
from cosigner.signing_parts import Credentials
from cosigner.steps import Step, silent
from cosigner.taproot_key import TaprootKey
from ecdsa_cggmp.key_share import KeyShare as EcdsaShare
from ecdsa_cggmp.key_share import PublicShare
from frost_bip340.key_share import KeyShare
from native.entropy import random_bytes
from presig_pool.pool import Pool
from presig_pool.state import Stock
from protocol.ids import PartyId
from storage.signing_log import SignedEntry
from tests.cosigner.memory_store import MemoryStore
from tests.ecdsa_cggmp.network import dealt
from tests.ecdsa_cggmp.presignatures import presignature, secret_key
from tests.presig_pool.memory import MemoryStore as MemoryPoolStore
from wallet.account import Branch, KeyPath
from wallet.amounts import Sats
from wallet.fees import FeeCaps
from wallet.network import REGTEST
from wallet.psbt import Psbt, PsbtInput, PsbtOutput
from wallet.review import review
from wallet.script import p2tr
from wallet.script_index import Owner
from wallet.spending.draft import origin_fields
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


@lru_cache(maxsize=64)
def _dealt(n: int, t: int) -> list[EcdsaShare]:
    return dealt(n, t)


def stock_up(pools: Mapping[int, Pool], shares: Mapping[int, EcdsaShare], count: int, now: int) -> None:
    """Have a dealer put presignatures into the pools of the signers."""
    signers, session, x = tuple(shares), random_bytes(32), secret_key(tuple(shares.values()))
    sharing = shares[signers[0]].sharing
    made = [presignature(sharing, x, signers, session, index) for index in range(count)]
    batches = {j: pools[j].add([item[at] for item in made], now) for at, j in enumerate(signers)}
    digests = {PartyId(j): digest for j, digest in batches.items()}
    for j, digest in batches.items():
        assert pools[j].confirm(digest, digests, now) == ()


@dataclass
class Group:
    """Parties 0..n-1 of one key, each with a log of its own; of two keys if there is a SegWit account."""

    n: int
    t: int
    caps: FeeCaps = field(default_factory=lambda: FeeCaps(Sats(100_000), 10))
    steps: list[Step] = field(default_factory=list)
    segwit: bool = False
    now: int = 1_000

    def __post_init__(self) -> None:
        self.stores, self.key = _generated(self.n, self.t)
        self.shares = _dealt(self.n, self.t) if self.segwit else []
        segwit = SegwitKey.of(PublicShare.of(self.shares[0]), REGTEST, 0) if self.segwit else None
        self.keys = WalletKeys(self.key, segwit)
        self.logs = [MemoryLog() for _ in range(self.n)]
        self.pools = {i: Pool(MemoryPoolStore()) for i in range(self.n)}
        self.parties = {PartyId(i): self.party(PartyId(i)) for i in range(self.n)}

    def party(self, i: PartyId, kind: type[Party] = Party) -> Party:
        store, segwit = self.stores[i], None
        assert store.host_key is not None
        assert store.share is not None
        if self.keys.segwit is not None:
            segwit = SegwitSigner(self.keys.segwit, self.pools[i], lambda: self.now)
        credentials = Credentials(store.host_key, self.keys, store.share, segwit, self.caps)
        return kind(credentials, self.logs[i], self.steps.append)

    def stock_up(self, count: int, *signers: int) -> None:
        """Have a dealer put presignatures into the pools of some signers."""
        stock_up(self.pools, {j: self.shares[j] for j in signers}, count, self.now)

    def stock(self, *signers: int) -> Stock:
        assert self.keys.segwit is not None
        return self.keys.segwit.stock([PartyId(j) for j in signers])

    def free(self, party: int, *signers: int) -> tuple[bytes, ...]:
        """What a party has ready for some signers, granted to nobody."""
        return self.pools[party].free(self.stock(*signers), self.now)

    def signers(self, *ids: int) -> dict[PartyId, Party]:
        return {PartyId(i): self.parties[PartyId(i)] for i in ids}

    def sign(self, psbt: Psbt, *ids: int, caps: FeeCaps | None = None) -> Signed:
        return self.sign_with(psbt, self.signers(*ids), caps)

    def sign_with(
        self, psbt: Psbt, peers: Mapping[PartyId, SigningPeer], caps: FeeCaps | None = None
    ) -> Signed:
        seen = review(psbt, self.keys.accounts, caps or self.caps, next_change=(20, 20))
        return sign(seen, psbt, self.keys, peers, self.steps.append)

    # ---- transactions ----

    def funding(self, owner: Owner, value: int, rng: random.Random) -> Transaction:
        """Return a transaction that pays an address of the group in its second output."""
        source = TxIn(OutPoint(Txid(rng.randbytes(32)), 0))
        script = self.keys.accounts[owner.account].script(owner.path)
        return Transaction((source,), (TxOut(Sats(7_000), STRANGER), TxOut(Sats(value), script)))

    def spending(
        self,
        values: list[int],
        amount: int,
        fee: int,
        rng: random.Random,
        change: KeyPath | None = None,
        accounts: Sequence[int] = (0,),
    ) -> Psbt:
        """Return a PSBT that spends coins of these values: amount to a stranger, the rest back.

        The coins are of the accounts in turn, the change is of the first one.
        """
        owners = [
            Owner(account, KeyPath(rng.choice(list(Branch)), rng.randrange(1000)))
            for _, account in zip(values, cycle(accounts), strict=False)
        ]
        parents = [self.funding(owner, value, rng) for owner, value in zip(owners, values, strict=True)]
        back = Owner(accounts[0], change or KeyPath(Branch.CHANGE, rng.randrange(20)))
        script = self.keys.accounts[back.account].script(back.path)
        tx = Transaction(
            tuple(TxIn(OutPoint(parent.txid, 1)) for parent in parents),
            (TxOut(Sats(amount), STRANGER), TxOut(Sats(sum(values) - amount - fee), script)),
        )
        inputs = [self.input_fields(parent, owner) for parent, owner in zip(parents, owners, strict=True)]
        outputs = PsbtOutput(), PsbtOutput(**origin_fields(self.keys.accounts, back))
        return Psbt.of(tx, inputs, outputs)

    def input_fields(self, parent: Transaction, owner: Owner) -> PsbtInput:
        fields = origin_fields(self.keys.accounts, owner)
        return PsbtInput(non_witness_utxo=parent, witness_utxo=parent.outputs[1], **fields)


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
