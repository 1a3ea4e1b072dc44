"""Put finished signatures into a PSBT, each verified before (BIP-174, Signer)."""

from collections.abc import Mapping
from dataclasses import replace

from wallet.errors import MalformedError
from wallet.psbt import Psbt, PsbtInput
from wallet.review import Review, ReviewedInput
from wallet.script import ScriptType, script_type
from wallet.signature import checked_bip340, checked_ecdsa, encode_bip340, encode_ecdsa


def attach(psbt: Psbt, seen: Review, signatures: Mapping[int, bytes]) -> Psbt:
    """Return a PSBT with signatures of the inputs that were reviewed.

    Args:
        psbt: of the transaction that was reviewed.
        seen: the review, made by the caller itself.
        signatures: 64 bytes each, by index of the input in the transaction: for P2WPKH r || s of ECDSA, whose
            s may be high; for P2TR BIP-340.

    Returns:
        The PSBT with tap_key_sig, or the entry of partial_sigs, of each of these inputs. In version 2 nothing
        in it is modifiable any more, as the signatures are of the whole transaction.

    Raises:
        MalformedError: the PSBT is of another transaction, or an index is not one of the reviewed inputs.
        SignatureError: a signature does not hold for its input.
    """
    if psbt.tx.txid != seen.tx.txid:
        raise MalformedError("this PSBT is not of the transaction that was reviewed")
    reviewed = {item.index: item for item in seen.inputs}
    inputs = list(psbt.inputs)
    for index, signature in signatures.items():
        if index not in reviewed:
            raise MalformedError(f"input {index} is not ours to sign")
        inputs[index] = _signed(inputs[index], reviewed[index], signature)
    return psbt.with_signatures(inputs)


def _signed(fields: PsbtInput, item: ReviewedInput, signature: bytes) -> PsbtInput:
    if script_type(item.coin.script_pubkey) is ScriptType.P2TR:
        checked = checked_bip340(signature, item.sighash, item.key)
        return replace(fields, tap_key_sig=encode_bip340(checked, item.sighash_type))
    checked = checked_ecdsa(signature, item.sighash, item.key)
    encoded = encode_ecdsa(checked, item.sighash_type)
    return replace(fields, partial_sigs={**fields.partial_sigs, item.key: encoded})
