"""Join PSBTs of one transaction (BIP-174, Combiner)."""

from collections.abc import Sequence

from wallet.psbt.psbt import Psbt


def combine(psbts: Sequence[Psbt]) -> Psbt:
    """Return a PSBT with all fields of PSBTs of the same transaction, whatever their order.

    Raises:
        MalformedError: none is given, transactions or versions differ, or values of a field do.
    """
    raise NotImplementedError
