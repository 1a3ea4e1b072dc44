"""An account: one threshold key with its addresses of one kind, receiving on branch 0, change on branch 1."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from wallet.bip32 import HARDENED, ExtendedKey, hash160
from wallet.errors import MalformedError
from wallet.network import Network
from wallet.script import ScriptType, p2tr, p2wpkh
from wallet.taproot import output_key

GAP_LIMIT: Final = 20


class Branch(IntEnum):
    """First step of a path."""

    RECEIVE = 0
    CHANGE = 1


@dataclass(frozen=True, slots=True, order=True)
class KeyPath:
    """Path of an address below the account's key.

    Args:
        branch: receiving or change.
        index: 0..2^31-1.

    Raises:
        MalformedError: the index is out of range.
    """

    branch: Branch
    index: int

    def __post_init__(self) -> None:
        if not 0 <= self.index < HARDENED:
            raise MalformedError("the index of an address is 0..2147483647")

    @property
    def steps(self) -> tuple[int, int]:
        """The two steps of the derivation."""
        return int(self.branch), self.index

    def __str__(self) -> str:
        return f"{int(self.branch)}/{self.index}"


def output_script(kind: ScriptType, key: bytes) -> bytes:
    """Return the output script that a public key can spend alone.

    Args:
        kind: P2WPKH or P2TR; P2TR without a script path (BIP-86).
        key: 33 bytes.
    """
    return p2wpkh(hash160(key)) if kind is ScriptType.P2WPKH else p2tr(output_key(key[1:]))


@dataclass(frozen=True, slots=True)
class Account:
    """One key and what it receives on.

    Args:
        name: what users call it, such as "taproot".
        kind: P2WPKH or P2TR.
        key: the threshold public key as a synthetic master key of depth 0, with its agreed chain code.
        network: where it lives.
        birth: Unix seconds; no address was used before.

    Raises:
        MalformedError: the kind is another, the key has a parent, or the birth is before 1970.
    """

    name: str
    kind: ScriptType
    key: ExtendedKey
    network: Network
    birth: int

    def __post_init__(self) -> None:
        if self.kind not in (ScriptType.P2WPKH, ScriptType.P2TR):
            raise MalformedError("an account is P2WPKH or P2TR")
        if self.key.depth != 0:
            raise MalformedError("the key of an account has depth 0")
        if self.birth < 0:
            raise MalformedError("the birth of an account is in Unix seconds, not negative")

    def public_key(self, path: KeyPath) -> bytes:
        """Return the key at a path, 33 bytes; for P2TR the internal key with its parity."""
        return self.key.derive(path.steps).key

    def script(self, path: KeyPath) -> bytes:
        """Return the output script at a path."""
        return output_script(self.kind, self.public_key(path))

    def scripts(self, branch: Branch, start: int, end: int) -> Iterator[tuple[KeyPath, bytes]]:
        """Yield the paths start..end-1 of a branch with their output scripts.

        Raises:
            MalformedError: a path is out of range.
        """
        parent = self.key.derive([branch])
        for index in range(start, end):
            yield KeyPath(branch, index), output_script(self.kind, parent.derive([index]).key)
