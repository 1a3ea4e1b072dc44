"""What relay asks of scripts beyond consensus, such as low-S (Core, STANDARD_SCRIPT_VERIFY_FLAGS)."""

import functools
from typing import Final

from bitcointx import set_custom_secp256k1_path
from bitcointx.core import CTransaction, ValidationError
from bitcointx.core.script import CScript, CScriptWitness
from bitcointx.core.scripteval import (
    SCRIPT_VERIFY_TAPROOT,
    STANDARD_SCRIPT_VERIFY_FLAGS,
    UNHANDLED_SCRIPT_VERIFY_FLAGS,
    VerifyScript,
)
from coincurve import _libsecp256k1

from wallet.errors import ChainRefusedError
from wallet.tx import Transaction, TxOut

_HALF_ORDER: Final = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0
_HASH_TYPES: Final = frozenset({1, 2, 3, 0x81, 0x82, 0x83})
_FLAGS: Final = STANDARD_SCRIPT_VERIFY_FLAGS - UNHANDLED_SCRIPT_VERIFY_FLAGS - {SCRIPT_VERIFY_TAPROOT}


def script_failed(why: str, hint: str = "") -> ChainRefusedError:
    """Return the refusal of a transaction whose script fails.

    Args:
        why: in the words of script_error.cpp; empty if it is not known.
        hint: what else is known.
    """
    return ChainRefusedError("mempool-script-verify-flag-failed" + (f" ({why})" if why else ""), hint)


def check_p2wpkh(witness: tuple[bytes, ...]) -> None:
    """Check the witness of a P2WPKH input that consensus has accepted.

    Args:
        witness: signature in strict DER (BIP-66) with its hash type, key.

    Raises:
        ChainRefusedError: high S, an unknown hash type, or a key that is not compressed.
    """
    signature, key = witness
    if signature[-1] not in _HASH_TYPES:
        raise script_failed("Signature hash type missing or not understood")
    # 30 len 02 len(R) R 02 len(S) S hashtype
    s = signature[6 + signature[3] : -1]
    if int.from_bytes(s, "big") > _HALF_ORDER:
        raise script_failed("Non-canonical signature: S value is unnecessarily high")
    if len(key) != 33:
        raise script_failed("Using non-compressed keys in segwit")


def check_script(tx: Transaction, i: int, spent: TxOut) -> None:
    """Check an input before Taproot of any other form; its scripts are run once more with the flags of relay.

    Args:
        tx: accepted by consensus.
        i: index of the input.
        spent: its coin.

    Raises:
        ChainRefusedError: a flag is violated.
    """
    _load_secp256k1()
    txin = tx.inputs[i]
    try:
        VerifyScript(
            CScript(txin.script_sig),
            CScript(spent.script_pubkey),
            CTransaction.deserialize(bytes(tx)),
            i,
            _FLAGS,
            amount=spent.value,
            witness=CScriptWitness(txin.witness),
        )
    except ValidationError as e:
        raise script_failed(str(e)) from e


@functools.cache
def _load_secp256k1() -> None:
    """Have bitcointx verify signatures with the libsecp256k1 that coincurve brings."""
    set_custom_secp256k1_path(_libsecp256k1.__file__)
