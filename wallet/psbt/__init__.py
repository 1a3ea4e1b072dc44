"""Partially signed Bitcoin transactions: read, written, combined, finalised, extracted, converted."""

from wallet.psbt.combiner import combine
from wallet.psbt.description import decode
from wallet.psbt.finalizer import cleared, extract, finalize
from wallet.psbt.maps import PsbtInput, PsbtOutput
from wallet.psbt.psbt import Psbt
from wallet.psbt.unsigned import UnsignedTx
from wallet.psbt.values import KeyOrigin, LeafScript, TapKeyOrigin, TapLeaf
from wallet.psbt.versions import to_v0, to_v2

__all__ = [
    "KeyOrigin",
    "LeafScript",
    "Psbt",
    "PsbtInput",
    "PsbtOutput",
    "TapKeyOrigin",
    "TapLeaf",
    "UnsignedTx",
    "cleared",
    "combine",
    "decode",
    "extract",
    "finalize",
    "to_v0",
    "to_v2",
]
