"""Which keys a PSBT says to be ours. What it says is only where to look; our own derivation decides."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from wallet.account import Account, Branch, KeyPath, output_script
from wallet.bip32 import HARDENED
from wallet.psbt import KeyOrigin, PsbtInput, PsbtOutput
from wallet.script import ScriptType
from wallet.script_index import Owner


@dataclass(frozen=True, slots=True)
class Claim:
    """A key that a map of a PSBT says to be ours.

    Args:
        owner: where it says that the key is.
        key: as the map has it, 33 bytes, or 32 for P2TR.
    """

    owner: Owner
    key: bytes


@dataclass(frozen=True, slots=True)
class OwnKey:
    """A key of ours, derived by us.

    Args:
        public_key: 33 bytes; for P2TR the internal key with its parity.
        script: the output script that belongs to it.
    """

    public_key: bytes
    script: bytes


class OwnKeys:
    """The keys of a wallet by the fingerprints of its accounts.

    Args:
        accounts: the wallet's.
    """

    def __init__(self, accounts: Sequence[Account]) -> None:
        self._accounts = tuple(accounts)
        self._names = {
            (account.kind, account.key.fingerprint): index for index, account in enumerate(self._accounts)
        }

    def claims(self, fields: PsbtInput | PsbtOutput, kind: ScriptType) -> tuple[Claim, ...]:
        """Return what a map says to be ours, for an output script of a kind.

        An origin counts if its fingerprint is that of an account of the kind, and its path is branch and
        index below the account's key. Nothing is derived: a map may have thousands.
        """
        return tuple(
            Claim(Owner(account, path), key)
            for key, origin in _origins(fields, kind)
            if (account := self._names.get((kind, origin.fingerprint))) is not None
            if (path := _key_path(origin.path)) is not None
        )

    def derive(self, owner: Owner) -> OwnKey:
        """Derive the key at a place."""
        account = self._accounts[owner.account]
        key = account.public_key(owner.path)
        return OwnKey(key, output_script(account.kind, key))


def _origins(fields: PsbtInput | PsbtOutput, kind: ScriptType) -> Iterator[tuple[bytes, KeyOrigin]]:
    if kind is ScriptType.P2TR:
        return ((key, tap.origin) for key, tap in fields.tap_bip32_derivation.items())
    return iter(fields.bip32_derivation.items())


def _key_path(steps: Sequence[int]) -> KeyPath | None:
    if len(steps) != 2 or steps[0] not in (Branch.RECEIVE, Branch.CHANGE) or steps[1] >= HARDENED:
        return None
    return KeyPath(Branch(steps[0]), steps[1])
