"""Make witnesses of signatures and take the signed transaction out (BIP-174, Finalizer and Extractor)."""

from wallet.psbt.psbt import Psbt
from wallet.tx import Transaction


def finalize(psbt: Psbt) -> Psbt:
    """Return the PSBT with a final witness on every input that has its signature; others stay as they are.

    Raises:
        SignatureError: a signature does not hold.
    """
    raise NotImplementedError


def extract(psbt: Psbt) -> Transaction:
    """Return the signed transaction.

    Raises:
        MalformedError: an input is not final; names all of them.
    """
    raise NotImplementedError
