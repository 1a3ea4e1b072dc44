"""Digests and reading of a transaction of many inputs, and scripts of an account, beside python-bitcointx.

python bench/bench_wallet.py     the figures and their ratio, half a minute
pytest bench --benchmark-only    the same operations and others under pytest-benchmark

The program's figures are the least CPU time of one thread.
"""

import hashlib
from collections.abc import Callable
from functools import cache
from typing import Final

import pytest
from bitcointx.core import CTransaction, CTxOut
from bitcointx.core.script import (
    SIGHASH_ALL,
    SIGVERSION_WITNESS_V0,
    CScript,
    SignatureHash,
    SignatureHashSchnorr,
)
from coincurve import PrivateKey

from comparison.measure import seconds
from wallet import bip32
from wallet.account import Account, Branch, KeyPath
from wallet.amounts import Sats
from wallet.bip32 import ExtendedKey
from wallet.network import REGTEST
from wallet.script import ScriptType, p2tr, p2wpkh
from wallet.sighash import SighashCache
from wallet.tx import OutPoint, Transaction, Txid, TxIn, TxOut

INPUTS: Final = (1, 50, 500)
SIZES = pytest.mark.parametrize("count", INPUTS)
KEY_HASH: Final = bytes(range(20))


class Consolidation:
    """A transaction of so many inputs and two outputs, for both libraries.

    Args:
        count: of the inputs.
    """

    def __init__(self, count: int) -> None:
        txids = [hashlib.sha256(b"%d" % i).digest() for i in range(count)]
        inputs = tuple(TxIn(OutPoint(Txid(txid), i)) for i, txid in enumerate(txids))
        outputs = TxOut(Sats(10**6), p2wpkh(KEY_HASH)), TxOut(Sats(10**5), p2tr(bytes(range(32))))
        self.tx = Transaction(inputs, outputs)
        self.prevouts = tuple(TxOut(Sats(10**4 + i), p2tr(txid)) for i, txid in enumerate(txids))
        self.data = bytes(self.tx)
        self.other_tx = self.bitcointx_read()
        self.other_prevouts = [CTxOut(out.value, CScript(out.script_pubkey)) for out in self.prevouts]

    def segwit_v0(self) -> list[bytes]:
        digests = SighashCache(self.tx, self.prevouts)
        return [digests.segwit_v0(i, KEY_HASH) for i in range(len(self.prevouts))]

    def taproot(self) -> list[bytes]:
        digests = SighashCache(self.tx, self.prevouts)
        return [digests.taproot_key_path(i) for i in range(len(self.prevouts))]

    def bitcointx_segwit_v0(self) -> list[bytes]:
        code = CScript(b"\x76\xa9\x14" + KEY_HASH + b"\x88\xac")
        return [
            SignatureHash(code, self.other_tx, i, SIGHASH_ALL, out.nValue, SIGVERSION_WITNESS_V0)
            for i, out in enumerate(self.other_prevouts)
        ]

    def bitcointx_taproot(self) -> list[bytes]:
        return [
            SignatureHashSchnorr(self.other_tx, i, self.other_prevouts)
            for i in range(len(self.other_prevouts))
        ]

    def read(self) -> Transaction:
        return Transaction.from_bytes(self.data)

    def bitcointx_read(self) -> CTransaction:
        return CTransaction.deserialize(self.data)


consolidation = cache(Consolidation)


class Scripts:
    """The first thousand receiving scripts of an account.

    Args:
        kind: of the account.
    """

    def __init__(self, kind: ScriptType) -> None:
        key = ExtendedKey(PrivateKey(bytes(31) + b"\1").public_key.format(), bytes(32))
        self.account = Account("bench", kind, key, REGTEST, 0)

    def scripts(self) -> list[tuple[KeyPath, bytes]]:
        return list(self.account.scripts(Branch.RECEIVE, 0, 1000))

    def bitcointx_ripemd160(self) -> list[tuple[KeyPath, bytes]]:
        """Hash as where OpenSSL has no RIPEMD-160."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(bip32, "_OPENSSL_HAS_RIPEMD160", False)
            return self.scripts()


@SIZES
def test_sighash_segwit_v0(benchmark, count):
    benchmark(consolidation(count).segwit_v0)


@SIZES
def test_sighash_taproot(benchmark, count):
    benchmark(consolidation(count).taproot)


@SIZES
def test_bitcointx_segwit_v0(benchmark, count):
    benchmark.pedantic(consolidation(count).bitcointx_segwit_v0, rounds=3)


@SIZES
def test_bitcointx_taproot(benchmark, count):
    benchmark.pedantic(consolidation(count).bitcointx_taproot, rounds=3)


@SIZES
def test_read(benchmark, count):
    benchmark(consolidation(count).read)


@pytest.mark.parametrize("kind", [ScriptType.P2WPKH, ScriptType.P2TR])
def test_thousand_scripts(benchmark, kind):
    benchmark(Scripts(kind).scripts)


def least(call: Callable[[], object]) -> float:
    """Return the milliseconds of the fastest of a few calls."""
    return 1e3 * min(seconds(call) for _ in range(3))


def main() -> None:
    print(f"milliseconds\n{'a transaction: all digests, reading':44}{'ours':>9}{'bitcointx':>11}{'ratio':>9}")
    for count in INPUTS:
        run = consolidation(count)
        for name, ours, theirs in (
            ("BIP-143", run.segwit_v0, run.bitcointx_segwit_v0),
            ("BIP-341 key path", run.taproot, run.bitcointx_taproot),
        ):
            assert ours() == theirs()
            row(f"{name}, {count} inputs", ours, theirs)
        row(f"reading, {count} inputs", run.read, run.bitcointx_read)
    print("1000 scripts, beside those with bitcointx's RIPEMD-160")
    for kind in (ScriptType.P2WPKH, ScriptType.P2TR):
        scripts = Scripts(kind)
        row(kind.value, scripts.scripts, scripts.bitcointx_ripemd160)


def row(name: str, ours: Callable[[], object], theirs: Callable[[], object]) -> None:
    """Print the figures of an operation."""
    reached, other = least(ours), least(theirs)
    print(f"{name:44}{reached:9.2f}{other:11.2f}{other / reached:9.1f}")


if __name__ == "__main__":
    main()
