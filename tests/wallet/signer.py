"""Sign for the test accounts with whole keys, and have the consensus library check it."""

import hmac
from collections.abc import Sequence

import pbk
from coincurve import PrivateKey
from coincurve.utils import GROUP_ORDER_INT as ORDER

from native.hashing import tagged_hash
from tests.wallet.fakes import ACCOUNTS
from wallet.account import Account, KeyPath
from wallet.bip32 import hash160
from wallet.build import Draft
from wallet.script import ScriptType
from wallet.sighash import SighashCache
from wallet.tx import Transaction, TxOut

SEEDS = {account.key.key: seed for seed, account in enumerate(ACCOUNTS, 1)}


def secret(account: Account, path: KeyPath) -> PrivateKey:
    key, chain_code = PrivateKey(bytes([SEEDS[account.key.key]]) * 32), account.key.chain_code
    for step in path.steps:
        digest = hmac.digest(chain_code, key.public_key.format() + step.to_bytes(4, "big"), "sha512")
        key, chain_code = key.add(digest[:32]), digest[32:]
    return key


def taproot(key: PrivateKey) -> PrivateKey:
    """Return the key of the output key (BIP-341, taproot_tweak_seckey)."""
    even = key.public_key.format()[0] == 2
    d = key.to_int() if even else ORDER - key.to_int()
    t = int.from_bytes(tagged_hash("TapTweak", key.public_key.format()[1:]), "big")
    return PrivateKey.from_int((d + t) % ORDER)


def sign(draft: Draft) -> Transaction:
    cache = SighashCache(draft.tx, [coin.out for coin in draft.inputs])
    stacks = []
    for i, coin in enumerate(draft.inputs):
        key = secret(ACCOUNTS[coin.owner.account], coin.owner.path)
        if coin.kind is ScriptType.P2TR:
            stacks.append((taproot(key).sign_schnorr(cache.taproot_key_path(i)),))
        else:
            public = key.public_key.format()
            digest = cache.segwit_v0(i, hash160(public))
            stacks.append((key.sign(digest, hasher=None) + b"\x01", public))
    return draft.tx.with_witnesses(tuple(stacks))


def consensus_verdicts(tx: Transaction, spent: Sequence[TxOut]) -> list[bool]:
    """Tell which inputs libbitcoinkernel takes."""
    kernel_tx = pbk.Transaction(bytes(tx))
    outs = [pbk.TransactionOutput(pbk.ScriptPubkey(out.script_pubkey), out.value) for out in spent]
    data = pbk.script.PrecomputedTransactionData(kernel_tx, outs)
    flags = pbk.ScriptVerificationFlags.ALL
    return [out.script_pubkey.verify(spent[i].value, kernel_tx, data, i, flags) for i, out in enumerate(outs)]


def consensus_accepts(tx: Transaction, spent: Sequence[TxOut]) -> bool:
    """Tell whether libbitcoinkernel takes every input."""
    return all(consensus_verdicts(tx, spent))
