"""Values of PSBT fields that are more than bytes or a number."""

from dataclasses import dataclass
from typing import Final

from wallet.bip32 import HARDENED
from wallet.errors import MalformedError

_FINGERPRINT: Final = 4
_MAX_DEPTH: Final = 255  # the depth byte of an extended key


@dataclass(frozen=True, slots=True, order=True)
class KeyOrigin:
    """Where a public key comes from (BIP-174, PSBT_IN_BIP32_DERIVATION).

    Args:
        fingerprint: of the master key, 4 bytes.
        path: the steps below the master key, each 0..2^32-1; 2^31 and above are hardened.

    Raises:
        MalformedError: a field does not fit.
    """

    fingerprint: bytes
    path: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if len(self.fingerprint) != _FINGERPRINT:
            raise MalformedError("a master key fingerprint has 4 bytes")
        if len(self.path) > _MAX_DEPTH:
            raise MalformedError(f"a derivation path has more than {_MAX_DEPTH} steps")
        if any(not 0 <= step <= 0xFFFFFFFF for step in self.path):
            raise MalformedError("a step of a derivation path is out of range")

    @property
    def path_text(self) -> str:
        """The path as people write it, such as m/84h/0h/0/1."""
        steps = (f"{step - HARDENED}h" if step >= HARDENED else str(step) for step in self.path)
        return "/".join(("m", *steps))

    def __str__(self) -> str:
        return f"[{self.fingerprint.hex()}{self.path_text[1:]}]"


@dataclass(frozen=True, slots=True, order=True)
class TapKeyOrigin:
    """Where an x-only key comes from and which leaves use it (BIP-371, PSBT_IN_TAP_BIP32_DERIVATION).

    Args:
        origin: fingerprint and path.
        leaf_hashes: 32 bytes each; none for a key that is only the internal key.

    Raises:
        MalformedError: a leaf hash has another length.
    """

    origin: KeyOrigin
    leaf_hashes: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if any(len(leaf_hash) != 32 for leaf_hash in self.leaf_hashes):
            raise MalformedError("a leaf hash has 32 bytes")


@dataclass(frozen=True, slots=True, order=True)
class LeafScript:
    """A script of a Taproot script tree (BIP-371, PSBT_IN_TAP_LEAF_SCRIPT).

    Args:
        script: the script.
        version: leaf version, even, 0..254.

    Raises:
        MalformedError: the version is none.
    """

    script: bytes
    version: int = 0xC0

    def __post_init__(self) -> None:
        if not 0 <= self.version <= 0xFE or self.version & 1:
            raise MalformedError("a leaf version is an even byte")


@dataclass(frozen=True, slots=True, order=True)
class TapLeaf:
    """A leaf of a Taproot script tree with its depth (BIP-371, PSBT_OUT_TAP_TREE).

    Args:
        depth: 0..128.
        leaf: script and version.

    Raises:
        MalformedError: the depth is out of range.
    """

    depth: int
    leaf: LeafScript

    def __post_init__(self) -> None:
        if not 0 <= self.depth <= 128:
            raise MalformedError("the depth of a Taproot leaf is 0..128")
