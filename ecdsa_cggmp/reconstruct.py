"""Reconstruction: the whole ECDSA key from t shares, for export. See protocol/whole_key.py for the danger."""

from collections.abc import Sequence

from ecdsa_cggmp.key_share import KeyShare
from native.secret import SecretScalars
from protocol.whole_key import join_whole_key


def reconstruct_whole_key(shares: Sequence[KeyShare]) -> SecretScalars:
    """Put the whole key together, as join_whole_key() says.

    Security:
        The result is a SINGLE POINT OF FAILURE, and so is every machine that has ever seen it.
    """
    return join_whole_key(shares)
