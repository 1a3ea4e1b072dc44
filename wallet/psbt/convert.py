"""Convert between the versions of PSBT (BIP-370)."""

from wallet.psbt.psbt import Psbt


def to_v0(psbt: Psbt) -> Psbt:
    """Return the PSBT in version 0, as it is if it has it."""
    raise NotImplementedError


def to_v2(psbt: Psbt) -> Psbt:
    """Return the PSBT in version 2, as it is if it has it."""
    raise NotImplementedError
