"""PSBTs that spend coins of test accounts, and their secret keys in the place of many parties."""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from coincurve import PrivateKey

from native.curve import ORDER
from native.hashing import tagged_hash
from wallet.account import Account, Branch, KeyPath
from wallet.amounts import Sats
from wallet.psbt import KeyOrigin, Psbt, PsbtInput, PsbtOutput, TapKeyOrigin
from wallet.review import ReviewedInput
from wallet.script import ScriptType
from wallet.tx import OutPoint, Transaction, Txid, TxIn, TxOut

from .accounts import account

SEEDS = {ScriptType.P2WPKH: 1, ScriptType.P2TR: 2}
WPKH, TR = (account(kind, seed=seed) for kind, seed in SEEDS.items())
ACCOUNTS = (WPKH, TR)
OTHER = account(ScriptType.P2WPKH, seed=9)
OTHER_TR = account(ScriptType.P2TR, seed=9)


def receive(index: int) -> KeyPath:
    return KeyPath(Branch.RECEIVE, index)


def change(index: int) -> KeyPath:
    return KeyPath(Branch.CHANGE, index)


def derivation(owner: Account, path: KeyPath) -> dict[str, Any]:
    """Return the fields by which a map of an input or output says whose its key is."""
    key, origin = owner.public_key(path), KeyOrigin(owner.key.fingerprint, path.steps)
    if owner.kind is ScriptType.P2TR:
        return {"tap_internal_key": key[1:], "tap_bip32_derivation": {key[1:]: TapKeyOrigin(origin)}}
    return {"bip32_derivation": {key: origin}}


@dataclass(frozen=True)
class Coin:
    """A coin and the transaction that made it."""

    owner: Account
    path: KeyPath
    value: int
    funding: Transaction = field(init=False)

    def __post_init__(self) -> None:
        out = TxOut(Sats(self.value), self.owner.script(self.path))
        spent = TxIn(OutPoint(Txid(self.owner.key.chain_code), self.path.index))
        filler = TxOut(Sats(1000), b"\x51\x20" + bytes(32))
        object.__setattr__(self, "funding", Transaction((spent,), (filler, out)))

    @property
    def outpoint(self) -> OutPoint:
        return OutPoint(self.funding.txid, 1)

    @property
    def out(self) -> TxOut:
        return self.funding.outputs[1]

    @property
    def fields(self) -> PsbtInput:
        named = derivation(self.owner, self.path)
        return PsbtInput(non_witness_utxo=self.funding, witness_utxo=self.out, **named)


def payment(value: int, script: bytes = OTHER.script(receive(0))) -> tuple[TxOut, PsbtOutput]:
    return TxOut(Sats(value), script), PsbtOutput()


def returned(value: int, owner: Account, path: KeyPath) -> tuple[TxOut, PsbtOutput]:
    return TxOut(Sats(value), owner.script(path)), PsbtOutput(**derivation(owner, path))


def spend(coins: Sequence[Coin], outputs: Sequence[tuple[TxOut, PsbtOutput]], **values: Any) -> Psbt:
    tx = Transaction(tuple(TxIn(coin.outpoint) for coin in coins), tuple(out for out, _ in outputs), **values)
    return Psbt.of(tx, [coin.fields for coin in coins], [fields for _, fields in outputs])


def with_input(psbt: Psbt, index: int, **values: Any) -> Psbt:
    inputs = list(psbt.inputs)
    inputs[index] = replace(inputs[index], **values)
    return replace(psbt, inputs=tuple(inputs))


def with_output(psbt: Psbt, index: int, **values: Any) -> Psbt:
    outputs = list(psbt.outputs)
    outputs[index] = replace(outputs[index], **values)
    return replace(psbt, outputs=tuple(outputs))


def secret(owner: Account, path: KeyPath) -> PrivateKey:
    """Return the secret key of an output (BIP-32, CKDpriv; BIP-341, taproot_tweak_seckey)."""
    d, chain_code = PrivateKey(bytes([SEEDS[owner.kind]]) * 32), owner.key.chain_code
    for step in path.steps:
        digest = hmac.digest(chain_code, d.public_key.format() + step.to_bytes(4, "big"), "sha512")
        d, chain_code = d.add(digest[:32]), digest[32:]
    if owner.kind is ScriptType.P2TR:
        public = d.public_key.format()
        even = (
            d if public[0] == 2 else PrivateKey((ORDER - int.from_bytes(d.secret, "big")).to_bytes(32, "big"))
        )
        d = even.add(tagged_hash("TapTweak", public[1:]))
    return d


def sign(item: ReviewedInput) -> bytes:
    """Sign an input as the parties together would: 64 bytes."""
    owner = ACCOUNTS[item.account]
    d = secret(owner, item.path)
    if owner.kind is ScriptType.P2TR:
        return d.sign_schnorr(item.sighash)
    return d.sign_recoverable(item.sighash, hasher=None)[:64]
