"""PSBTs that spend coins of the test accounts, with whole keys in the place of many parties."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from wallet.account import Account, Branch, KeyPath
from wallet.amounts import Sats
from wallet.errors import RefusedError
from wallet.fees import FeeCaps
from wallet.psbt import KeyOrigin, Psbt, PsbtInput, PsbtOutput, TapKeyOrigin
from wallet.review import ReviewedInput, Rule, review
from wallet.script import ScriptType
from wallet.tx import OutPoint, Transaction, Txid, TxIn, TxOut

from .accounts import account
from .fakes import ACCOUNTS, SEGWIT, TAPROOT
from .signer import secret, taproot

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


def sign(item: ReviewedInput) -> bytes:
    """Sign an input as the parties together would: 64 bytes."""
    key = secret(ACCOUNTS[item.account], item.path)
    if ACCOUNTS[item.account].kind is ScriptType.P2TR:
        return taproot(key).sign_schnorr(item.sighash)
    return key.sign_recoverable(item.sighash, hasher=None)[:64]


CAPS = FeeCaps()
HERE = [Coin(SEGWIT, receive(3), 100_000), Coin(TAPROOT, change(4), 200_000)]
FOREIGN, FOREIGN_TR = Coin(OTHER, receive(7), 50_000), Coin(OTHER_TR, receive(7), 50_000)
# fees of 1000 sat throughout
MIXED = spend(HERE, [payment(90_000), returned(209_000, TAPROOT, change(5))])
SEGWIT_PSBT = spend(HERE[:1], [payment(90_000), returned(9_000, SEGWIT, change(0))])
TAPROOT_PSBT = spend(HERE[1:], [payment(90_000), returned(109_000, TAPROOT, change(0))])
ONE_OF_EACH = pytest.mark.parametrize("psbt", [SEGWIT_PSBT, TAPROOT_PSBT], ids=["p2wpkh", "p2tr"])


def refused(rule: Rule | str, psbt: Psbt, **values: Any) -> None:
    caps = values.pop("caps", CAPS)
    with pytest.raises(RefusedError) as caught:
        review(psbt, ACCOUNTS, caps, **values)
    assert caught.value.rule == rule
