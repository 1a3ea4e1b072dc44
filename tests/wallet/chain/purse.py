"""Keys, coins and signatures of tests that drive a chain; python-bitcointx makes the sighashes."""

import hmac
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

from bitcointx.core import CTransaction, CTxOut
from bitcointx.core.script import SIGVERSION_WITNESS_V0, CScript, SignatureHashSchnorr
from coincurve import PrivateKey

from native.hashing import tagged_hash
from wallet.account import Account, Branch, KeyPath
from wallet.amounts import Sats
from wallet.bip32 import ExtendedKey, hash160
from wallet.chain.base import Watch
from wallet.descriptor import Descriptor
from wallet.network import REGTEST
from wallet.script import ScriptType
from wallet.tx import SEQUENCE_RBF, OutPoint, Transaction, TxIn, TxOut

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
DEFAULT_FEE = 1_000  # satoshi
KINDS = (ScriptType.P2WPKH, ScriptType.P2TR)

_counter = itertools.count()


@dataclass(frozen=True, slots=True)
class Key:
    """A key with the output script that it can spend from."""

    secret: PrivateKey
    kind: ScriptType
    script: bytes

    def sign(self, tx: Transaction, i: int, spent: Sequence[TxOut]) -> tuple[bytes, ...]:
        """Return the witness of input i."""
        parsed = CTransaction.deserialize(tx.without_witness())
        if self.kind is ScriptType.P2WPKH:
            code = b"\x76\xa9\x14" + self.script[2:] + b"\x88\xac"
            digest = CScript(code).sighash(
                parsed, i, 1, amount=spent[i].value, sigversion=SIGVERSION_WITNESS_V0
            )
            return self.secret.sign(digest, hasher=None) + b"\x01", self.secret.public_key.format()
        outs = [CTxOut(out.value, CScript(out.script_pubkey)) for out in spent]
        return (self._output_secret().sign_schnorr(SignatureHashSchnorr(parsed, i, outs)),)

    def _output_secret(self) -> PrivateKey:
        public = self.secret.public_key.format()
        d = int.from_bytes(self.secret.secret, "big")
        d = d if public[0] == 2 else ORDER - d
        tweak = int.from_bytes(tagged_hash("TapTweak", public[1:]), "big")
        return PrivateKey(((d + tweak) % ORDER).to_bytes(32, "big"))


@dataclass(frozen=True, slots=True)
class Coin:
    """An output with the key that spends it."""

    prevout: OutPoint
    out: TxOut
    key: Key


class Purse:
    """An account whose private key is at hand; every purse has other keys."""

    def __init__(self, kind: ScriptType) -> None:
        self.name = f"purse{next(_counter)}"
        self._secret = PrivateKey()
        self._chain_code = sha256(self._secret.secret).digest()
        key = ExtendedKey(self._secret.public_key.format(), self._chain_code)
        self.account = Account(self.name, kind, key, REGTEST, birth=0)

    def key(self, index: int = 0, branch: Branch = Branch.RECEIVE) -> Key:
        """Return a key of a branch."""
        secret, node = self._secret, self.account.key
        for step in (branch, index):
            data = node.key + step.to_bytes(4, "big")
            secret = secret.add(hmac.digest(node.chain_code, data, "sha512")[:32])
            node = node.derive([step])
        return Key(secret, self.account.kind, self.account.script(KeyPath(branch, index)))

    def watch(self, end: int) -> list[Watch]:
        """Return both branches, to watch indices 0..end-1."""
        descriptor = Descriptor.of(self.account)
        return [Watch(descriptor.branch(branch), branch is Branch.CHANGE, end) for branch in Branch]


def outputs_of(tx: Transaction, keys: Iterable[Key]) -> list[Coin]:
    """Return the outputs of a transaction that keys can spend."""
    by_script = {key.script: key for key in keys}
    return [
        Coin(OutPoint(tx.txid, i), out, by_script[out.script_pubkey])
        for i, out in enumerate(tx.outputs)
        if out.script_pubkey in by_script
    ]


def spend(
    coins: Sequence[Coin],
    *outputs: tuple[int, bytes],
    fee: int = DEFAULT_FEE,
    sequence: int = SEQUENCE_RBF,
    locktime: int = 0,
    version: int = 2,
) -> Transaction:
    """Return a signed transaction.

    Args:
        coins: all are spent.
        outputs: satoshi and script; the last one gets the rest, whatever satoshi it says.
        fee: satoshi.
        sequence, locktime, version: of the transaction.
    """
    rest = sum(coin.out.value for coin in coins) - sum(value for value, _ in outputs[:-1]) - fee
    values = [*(value for value, _ in outputs[:-1]), rest]
    tx = Transaction(
        tuple(TxIn(coin.prevout, sequence) for coin in coins),
        tuple(TxOut(Sats(value), script) for value, (_, script) in zip(values, outputs, strict=True)),
        locktime,
        version,
    )
    return sign(tx, coins)


def sign(tx: Transaction, coins: Sequence[Coin]) -> Transaction:
    """Return a transaction with the witnesses of its inputs, whose coins are given in their order."""
    spent = [coin.out for coin in coins]
    return tx.with_witnesses(tuple(coin.key.sign(tx, i, spent) for i, coin in enumerate(coins)))


def with_witness(tx: Transaction, i: int, *stack: bytes) -> Transaction:
    """Return a transaction with another witness at input i."""
    inputs = list(tx.inputs)
    inputs[i] = replace(inputs[i], witness=stack)
    return replace(tx, inputs=tuple(inputs))


def high_s(signature: bytes) -> bytes:
    """Return a DER signature with its hash type whose S is negated modulo the order."""
    r_end = 4 + signature[3]
    s = ORDER - int.from_bytes(signature[r_end + 2 : -1], "big")
    encoded = s.to_bytes(33, "big").lstrip(b"\0")
    encoded = b"\0" * (encoded[0] >> 7) + encoded
    body = signature[2:r_end] + bytes([2, len(encoded)]) + encoded
    return bytes([0x30, len(body)]) + body + signature[-1:]


def uncompressed_key() -> Key:
    """Return a P2WPKH key whose script commits to 65 bytes."""
    secret = PrivateKey()
    return Key(secret, ScriptType.P2WPKH, b"\x00\x14" + hash160(secret.public_key.format(compressed=False)))
