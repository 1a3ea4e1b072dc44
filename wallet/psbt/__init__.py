"""Partially signed Bitcoin transactions: read, written, combined, finalised, extracted, converted."""

from wallet.psbt.combine import combine
from wallet.psbt.convert import to_v0, to_v2
from wallet.psbt.finalize import extract, finalize
from wallet.psbt.maps import PsbtInput, PsbtOutput
from wallet.psbt.psbt import Psbt, UnsignedTx
from wallet.psbt.values import KeyOrigin, LeafScript, TapKeyOrigin, TapLeaf

__all__ = [
    "KeyOrigin",
    "LeafScript",
    "Psbt",
    "PsbtInput",
    "PsbtOutput",
    "TapKeyOrigin",
    "TapLeaf",
    "UnsignedTx",
    "combine",
    "extract",
    "finalize",
    "to_v0",
    "to_v2",
]
