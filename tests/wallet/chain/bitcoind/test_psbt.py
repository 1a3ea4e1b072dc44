"""PSBTs of a wallet against what the real node reads in them, puts in them and makes of them."""

import json
from dataclasses import replace
from typing import Any

from tests.wallet.chain.bitcoind.rig import BitcoindRig
from tests.wallet.chain.purse import KINDS, Coin, Purse, spend
from tests.wallet.psbt.test_description import as_ours
from wallet.account import Branch, KeyPath
from wallet.chain.rpc import RpcClient
from wallet.network import REGTEST
from wallet.psbt import (
    KeyOrigin,
    Psbt,
    PsbtInput,
    PsbtOutput,
    TapKeyOrigin,
    combine,
    decode,
    extract,
    finalize,
    to_v0,
    to_v2,
)
from wallet.script import ScriptType
from wallet.tx import Transaction, TxIn


def derivation(purse: Purse, path: KeyPath) -> dict[str, Any]:
    """Return the fields of an input or output that name its key."""
    origin = KeyOrigin(purse.account.key.fingerprint, path.steps)
    key = purse.account.public_key(path)
    if purse.account.kind is ScriptType.P2WPKH:
        return {"bip32_derivation": {key: origin}}
    return {"tap_internal_key": key[1:], "tap_bip32_derivation": {key[1:]: TapKeyOrigin(origin)}}


def previous(rig: BitcoindRig, coin: Coin) -> Transaction:
    """Return the transaction that made a coin, as PSBTs have it: without witnesses."""
    (tx,) = (s.tx for s in rig.chain.changes(None).seen if s.tx.txid == coin.prevout.txid)
    return Transaction.from_bytes(tx.without_witness())


def described(rpc: RpcClient, psbt: Psbt) -> Any:
    value = rpc.call("decodepsbt", psbt.base64()).value
    return as_ours(json.loads(json.dumps(value, default=float)))


def unsigned(tx: Transaction) -> Transaction:
    return replace(tx, inputs=tuple(TxIn(txin.prevout, txin.sequence) for txin in tx.inputs))


def test_a_psbt_goes_through_the_node_and_back(rig: BitcoindRig) -> None:
    for kind in KINDS:
        purse = Purse(kind)
        rig.chain.watch(purse.name, purse.watch(5), 0)
        coins = rig.fund(purse.key(3), purse.key(1, Branch.CHANGE))
        signed = spend(coins, (5_000, Purse(ScriptType.P2TR).key().script), (0, purse.key(2).script))
        paths = (KeyPath(Branch.RECEIVE, 3), KeyPath(Branch.CHANGE, 1))
        inputs = [
            PsbtInput(non_witness_utxo=previous(rig, coin), witness_utxo=coin.out, **derivation(purse, path))
            for coin, path in zip(coins, paths, strict=True)
        ]
        outputs = [PsbtOutput(), PsbtOutput(**derivation(purse, KeyPath(Branch.RECEIVE, 2)))]
        psbt = Psbt.of(unsigned(signed), inputs, outputs)
        assert to_v0(to_v2(psbt)) == psbt

        theirs = described(rig.rpc, psbt)
        theirs["tx"].pop("hash")
        assert as_ours(decode(psbt, REGTEST)) == theirs

        # the node derives the same keys from the same descriptors, and so adds nothing
        processed = rig.rpc.of_wallet(purse.name).named(
            "walletprocesspsbt", {"psbt": Psbt.of(psbt.tx).base64(), "sign": False}
        )["psbt"]
        assert combine([Psbt.from_base64(processed.text()), psbt]) == psbt

        witnesses = [txin.witness for txin in signed.inputs]
        complete = psbt.with_signatures(
            [
                replace(fields, partial_sigs={stack[1]: stack[0]})
                if kind is ScriptType.P2WPKH
                else replace(fields, tap_key_sig=stack[0])
                for fields, stack in zip(inputs, witnesses, strict=True)
            ]
        )
        final = rig.rpc.call("finalizepsbt", complete.base64())
        assert final["complete"].boolean()
        ours = extract(finalize(complete))
        assert final["hex"].raw() == bytes(ours) == bytes(signed)
        rig.chain.broadcast([ours])
