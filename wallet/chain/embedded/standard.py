"""Which transactions nodes relay (Bitcoin Core 29, policy/policy.cpp): rules beyond those of consensus.

Every function raises ChainRefusedError with the reason that testmempoolaccept gives.
"""

from collections.abc import Sequence
from typing import Final

from bitcointx.core.script import (
    OP_1,
    OP_16,
    OP_CHECKMULTISIG,
    OP_CHECKMULTISIGVERIFY,
    OP_CHECKSIG,
    OP_CHECKSIGVERIFY,
    CScript,
    CScriptInvalidError,
)

from wallet.chain.embedded.signatures import check_p2wpkh, check_script, script_failed
from wallet.errors import ChainRefusedError
from wallet.script import ScriptType, is_dust, script_type, witness_program
from wallet.tx import MAX_STANDARD_WEIGHT, Transaction, TxIn, TxOut

MAX_STANDARD_SIGOPS: Final = 16_000  # a fifth of a block's

_VERSIONS: Final = (1, 2, 3)
_MIN_SIZE: Final = 65  # bytes without witness; 64 can be taken for a node of a Merkle tree
_MAX_SCRIPT_SIG: Final = 1650
_MAX_DATA_SCRIPT: Final = 83
_MAX_P2SH_SIGOPS: Final = 15
_MAX_MULTISIG_KEYS: Final = 20
_MAX_P2WSH_SCRIPT: Final = 3600
_MAX_P2WSH_ITEMS: Final = 100
_MAX_ITEM: Final = 80  # bytes, P2WSH and tapscript
_ANNEX: Final = 0x50
_LEAF_MASK: Final = 0xFE
_TAPSCRIPT: Final = 0xC0
_SPENDABLE: Final = frozenset(
    {ScriptType.P2PKH, ScriptType.P2SH, ScriptType.P2WPKH, ScriptType.P2WSH, ScriptType.P2TR, ScriptType.P2A}
)


def check_standard(tx: Transaction, weight: int) -> None:
    """Check what can be seen without the coins (IsStandardTx)."""
    if tx.version not in _VERSIONS:
        raise ChainRefusedError("version")
    if weight > MAX_STANDARD_WEIGHT:
        raise ChainRefusedError("tx-size")
    for txin in tx.inputs:
        if len(txin.script_sig) > _MAX_SCRIPT_SIG:
            raise ChainRefusedError("scriptsig-size")
        if not _is_push_only(txin.script_sig):
            raise ChainRefusedError("scriptsig-not-pushonly")
    if not all(_is_standard_output(out) for out in tx.outputs):
        raise ChainRefusedError("scriptpubkey")
    if any(map(is_dust, tx.outputs)):
        raise ChainRefusedError("dust")
    if sum(script_type(out.script_pubkey) is ScriptType.NULL_DATA for out in tx.outputs) > 1:
        raise ChainRefusedError("multi-op-return")
    if len(tx.without_witness()) < _MIN_SIZE:
        raise ChainRefusedError("tx-size-small")


def _is_standard_output(out: TxOut) -> bool:
    kind = script_type(out.script_pubkey)
    too_long = kind is ScriptType.NULL_DATA and len(out.script_pubkey) > _MAX_DATA_SCRIPT
    return kind is not ScriptType.NONSTANDARD and not too_long


def _is_push_only(script: bytes) -> bool:
    try:
        return CScript(script).is_push_only()
    except CScriptInvalidError:
        return False


def check_inputs(tx: Transaction, spent: Sequence[TxOut]) -> None:
    """Check the form of what inputs present for their coins (AreInputsStandard, IsWitnessStandard)."""
    for txin, out in zip(tx.inputs, spent, strict=True):
        kind = script_type(out.script_pubkey)
        busy = kind is ScriptType.P2SH and _sigops(_redeem_script(txin)) > _MAX_P2SH_SIGOPS
        if kind not in _SPENDABLE or busy:
            raise ChainRefusedError("bad-txns-nonstandard-inputs")
        if txin.witness and not _is_standard_witness(txin, out.script_pubkey):
            raise ChainRefusedError("bad-witness-nonstandard")


def _is_standard_witness(txin: TxIn, script: bytes) -> bool:
    kind = script_type(_redeem_script(txin) if script_type(script) is ScriptType.P2SH else script)
    if kind is ScriptType.P2TR:
        return not _has_annex(txin.witness) and _is_standard_leaf(txin.witness)
    if kind is ScriptType.P2WSH:
        *items, inner = txin.witness
        small = len(inner) <= _MAX_P2WSH_SCRIPT and len(items) <= _MAX_P2WSH_ITEMS
        return small and all(len(item) <= _MAX_ITEM for item in items)
    return kind is ScriptType.P2WPKH


def _has_annex(witness: tuple[bytes, ...]) -> bool:
    return len(witness) >= 2 and witness[-1][:1] == bytes([_ANNEX])


def _is_standard_leaf(witness: tuple[bytes, ...]) -> bool:
    """Tell whether the items of a tapscript are small; a key path has one item and no rule."""
    if len(witness) < 2:
        return True
    *items, _, control = witness
    tapscript = control[:1] and control[0] & _LEAF_MASK == _TAPSCRIPT
    return bool(control) and (not tapscript or all(len(item) <= _MAX_ITEM for item in items))


def _redeem_script(txin: TxIn) -> bytes:
    """Return the last push of a script, which is push-only."""
    *_, last = (b"", *CScript(txin.script_sig))
    return last if isinstance(last, bytes) else b""


def sigop_cost(tx: Transaction, spent: Sequence[TxOut]) -> int:
    """Return the cost of the signature operations (BIP-141, Sigops) of a standard transaction."""
    # of the standard outputs only that of P2PKH has an OP_CHECKSIG
    cost = 4 * sum(script_type(out.script_pubkey) is ScriptType.P2PKH for out in tx.outputs)
    for txin, out in zip(tx.inputs, spent, strict=True):
        script = out.script_pubkey
        if script_type(script) is ScriptType.P2SH:
            script = _redeem_script(txin)
            cost += 4 * _sigops(script)
        program = witness_program(script)
        if program is not None and program[0] == 0:
            inner = len(program[1]) == 32 and txin.witness
            cost += _sigops(txin.witness[-1]) if inner else 1
    return cost


def _sigops(script: bytes) -> int:
    """Count the signature operations of a script up to where it is broken (CScript::GetSigOpCount)."""
    count, previous = 0, 0
    try:
        for opcode, _, _ in CScript(script).raw_iter():
            if opcode in (OP_CHECKSIG, OP_CHECKSIGVERIFY):
                count += 1
            elif opcode in (OP_CHECKMULTISIG, OP_CHECKMULTISIGVERIFY):
                count += previous - OP_1 + 1 if OP_1 <= previous <= OP_16 else _MAX_MULTISIG_KEYS
            previous = int(opcode)
    except CScriptInvalidError:
        return count
    return count


def check_script_policy(tx: Transaction, spent: Sequence[TxOut]) -> None:
    """Check what relay asks of scripts that consensus has accepted, such as low-S."""
    for i, (txin, out) in enumerate(zip(tx.inputs, spent, strict=True)):
        kind = script_type(out.script_pubkey)
        if kind is ScriptType.P2WPKH:
            check_p2wpkh(txin.witness)
        elif kind is ScriptType.P2TR:
            if len(txin.witness) > 1 and txin.witness[-1][0] & _LEAF_MASK != _TAPSCRIPT:
                raise script_failed("Taproot version reserved for soft-fork upgrades")
        elif kind is not ScriptType.P2A:
            check_script(tx, i, out)
