"""Convert between the versions of PSBT (BIP-370)."""

from dataclasses import replace

from wallet.psbt.psbt import Psbt


def to_v0(psbt: Psbt) -> Psbt:
    """Return the PSBT in version 0, as it is if it has it (BIP-370, Backwards Compatibility).

    What version 0 cannot say is left out: what each input requires of the lock time, which is fixed now, and
    what may still be changed.
    """
    if psbt.version == 0:
        return psbt
    inputs = (
        replace(fields, required_time_locktime=None, required_height_locktime=None) for fields in psbt.inputs
    )
    return replace(psbt, version=0, inputs=tuple(inputs), fallback_locktime=None, tx_modifiable=None)


def to_v2(psbt: Psbt) -> Psbt:
    """Return the PSBT in version 2, as it is if it has it; nothing of its transaction may be changed then."""
    return psbt if psbt.version == 2 else replace(psbt, version=2, fallback_locktime=psbt.unsigned.locktime)
