"""Make witnesses of signatures and take the signed transaction out (BIP-174, Finalizer and Extractor)."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from wallet.amounts import Sats
from wallet.bip32 import hash160
from wallet.errors import MalformedError, SignatureError
from wallet.psbt.maps import PsbtInput
from wallet.psbt.psbt import Psbt
from wallet.script import ScriptType, script_type
from wallet.sighash import SIGHASH_ALL, SIGHASH_DEFAULT, SighashCache
from wallet.signature import checked_bip340, checked_ecdsa, decode_bip340, decode_ecdsa
from wallet.tx import Transaction, TxOut

# The digest of a P2WPKH input has its own amount only, so that another input may be unknown.
_UNKNOWN: Final = TxOut(Sats(0), b"")


def finalize(psbt: Psbt) -> Psbt:
    """Return the PSBT with a final witness on every P2WPKH and P2TR input that has its signature.

    Every signature that becomes a witness is verified. Other inputs stay as they are.

    Raises:
        MalformedError: the transaction has no inputs or outputs.
        SignatureError: a signature does not hold, or its sighash type is not the one of the input.
    """
    spent = [psbt.spent(index) for index in range(len(psbt.inputs))]
    cache = SighashCache(psbt.tx, [out or _UNKNOWN for out in spent])
    inputs = []
    for index, fields in enumerate(psbt.inputs):
        try:
            final = fields if fields.is_final else _with_witness(index, fields, spent, cache)
        except SignatureError as e:
            raise SignatureError(f"input {index}: {e}") from e
        inputs.append(final)
    return cleared(replace(psbt, inputs=tuple(inputs)))


def cleared(psbt: Psbt) -> Psbt:
    """Return the PSBT without the fields that its final inputs need no more (BIP-174, Input Finalizer)."""
    inputs = (_cleared(fields) if fields.is_final else fields for fields in psbt.inputs)
    return replace(psbt, inputs=tuple(inputs))


def _with_witness(
    index: int, fields: PsbtInput, spent: Sequence[TxOut | None], cache: SighashCache
) -> PsbtInput:
    out = spent[index]
    if out is None:
        return fields
    kind, program = script_type(out.script_pubkey), out.script_pubkey[2:]
    if kind is ScriptType.P2WPKH:
        return replace(fields, final_script_witness=_p2wpkh_witness(index, fields, program, cache))
    # A Taproot signature commits to what all inputs spend.
    if kind is ScriptType.P2TR and fields.tap_key_sig is not None and None not in spent:
        signature, sighash_type = decode_bip340(fields.tap_key_sig)
        _expect_type(fields, sighash_type, {SIGHASH_DEFAULT, SIGHASH_ALL})
        checked_bip340(signature, cache.taproot_key_path(index, sighash_type), program)
        return replace(fields, final_script_witness=(fields.tap_key_sig,))
    return fields


def _p2wpkh_witness(
    index: int, fields: PsbtInput, key_hash: bytes, cache: SighashCache
) -> tuple[bytes, ...] | None:
    for key, partial_sig in fields.partial_sigs.items():
        if len(key) == 33 and hash160(key) == key_hash:
            signature, sighash_type = decode_ecdsa(partial_sig)
            _expect_type(fields, sighash_type, {SIGHASH_ALL})
            checked_ecdsa(signature, cache.segwit_v0(index, key_hash, sighash_type), key)
            return partial_sig, key
    return None


def _expect_type(fields: PsbtInput, sighash_type: int, default: set[int]) -> None:
    allowed = default if fields.sighash_type is None else {fields.sighash_type}
    if sighash_type not in allowed:
        raise SignatureError(f"the sighash type 0x{sighash_type:02x} of the signature was not asked for")


def _cleared(fields: PsbtInput) -> PsbtInput:
    """Keep what an extractor needs, what we do not know, and lock times (BIP-174, Input Finalizer)."""
    return PsbtInput(
        non_witness_utxo=fields.non_witness_utxo,
        witness_utxo=fields.witness_utxo,
        final_script_sig=fields.final_script_sig,
        final_script_witness=fields.final_script_witness,
        required_time_locktime=fields.required_time_locktime,
        required_height_locktime=fields.required_height_locktime,
        unknown=fields.unknown,
    )


def extract(psbt: Psbt) -> Transaction:
    """Return the signed transaction.

    Raises:
        MalformedError: an input is not final, all of which are named; or there is none.
    """
    missing = [str(index) for index, fields in enumerate(psbt.inputs) if not fields.is_final]
    if missing:
        raise MalformedError(f"inputs are not final: {', '.join(missing)}", "sign and finalize them first")
    inputs = (
        replace(txin, script_sig=fields.final_script_sig or b"", witness=fields.final_script_witness or ())
        for txin, fields in zip(psbt.tx.inputs, psbt.inputs, strict=True)
    )
    return replace(psbt.tx, inputs=tuple(inputs))
