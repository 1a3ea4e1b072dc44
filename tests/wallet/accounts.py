"""Accounts for tests."""

from coincurve import PrivateKey

from wallet.account import Account
from wallet.bip32 import ExtendedKey
from wallet.network import REGTEST, Network
from wallet.script import ScriptType

BIRTH = 1_700_000_000


def master(seed: int = 1) -> ExtendedKey:
    """Return a synthetic master key, as key generation makes them."""
    return ExtendedKey(PrivateKey(bytes([seed]) * 32).public_key.format(), bytes([seed + 100]) * 32)


def account(kind: ScriptType, network: Network = REGTEST, seed: int = 1) -> Account:
    """Return an account with its key made from a seed, 1..155."""
    return Account(kind.value, kind, master(seed), network, BIRTH)
