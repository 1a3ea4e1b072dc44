"""Values of PSBT fields that are more than bytes or a number."""

from dataclasses import dataclass
from typing import Final, Self

from wallet.bip32 import HARDENED
from wallet.errors import MalformedError
from wallet.wire import Reader, counted, sized

MAX_ITEMS: Final = 10_000  # of what a field or map repeats, so that hostile bytes cost little

_FINGERPRINT: Final = 4
_TREE_DEPTH: Final = 128  # BIP-341, Script validation rules
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

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read fingerprint || steps of 4 bytes.

        Raises:
            MalformedError: it has another length.
        """
        if len(data) < _FINGERPRINT or len(data) % 4 or len(data) > _FINGERPRINT + 4 * _MAX_DEPTH:
            raise MalformedError(f"{len(data)} bytes are no fingerprint and path")
        steps = (int.from_bytes(data[at : at + 4], "little") for at in range(_FINGERPRINT, len(data), 4))
        return cls(data[:_FINGERPRINT], tuple(steps))

    def __bytes__(self) -> bytes:
        """Return the serialisation."""
        return self.fingerprint + b"".join(step.to_bytes(4, "little") for step in self.path)

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

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read number of leaf hashes || leaf hashes || origin.

        Raises:
            MalformedError: it is another thing.
        """
        reader = Reader(data)
        leaf_hashes = tuple(reader.fixed(32) for _ in range(reader.count(32)))
        return cls(KeyOrigin.from_bytes(reader.fixed(reader.left)), leaf_hashes)

    def __bytes__(self) -> bytes:
        """Return the serialisation."""
        return counted(self.leaf_hashes) + bytes(self.origin)


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

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read script || version.

        Raises:
            MalformedError: it is empty, or the version is none.
        """
        if not data:
            raise MalformedError("the leaf version is missing")
        return cls(data[:-1], data[-1])

    def __bytes__(self) -> bytes:
        """Return the serialisation."""
        return self.script + bytes((self.version,))


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
        if not 0 <= self.depth <= _TREE_DEPTH:
            raise MalformedError(f"the depth of a Taproot leaf is 0..{_TREE_DEPTH}")


def check_items(count: int) -> None:
    """Check that a field or map repeats something at most MAX_ITEMS times.

    Raises:
        MalformedError: it does so more often.
    """
    if count > MAX_ITEMS:
        raise MalformedError(f"it has more than {MAX_ITEMS} items")


def read_tree(data: bytes) -> tuple[TapLeaf, ...]:
    """Read the leaves of a Taproot script tree in depth-first order.

    Raises:
        MalformedError: it is another thing.
    """
    reader = Reader(data)
    leaves: list[TapLeaf] = []
    while reader.left:
        check_items(len(leaves) + 1)
        depth, version = reader.unsigned(1), reader.unsigned(1)
        leaves.append(TapLeaf(depth, LeafScript(reader.sized(), version)))
    return tuple(leaves)


def write_tree(leaves: tuple[TapLeaf, ...]) -> bytes:
    """Return the serialisation of the leaves of a Taproot script tree."""
    return b"".join(bytes((leaf.depth, leaf.leaf.version)) + sized(leaf.leaf.script) for leaf in leaves)


def check_tree(leaves: tuple[TapLeaf, ...]) -> None:
    """Check that leaves in depth-first order are those of one complete binary tree.

    Raises:
        MalformedError: a leaf cannot stand where it does, or leaves are missing.
    """
    # A leaf of depth d covers 2^(128-d) of the 2^128 positions of the deepest level, at a multiple of that.
    filled = 0
    for leaf in leaves:
        width = 1 << (_TREE_DEPTH - leaf.depth)
        if filled % width:
            raise MalformedError("the leaves are not in depth-first order")
        filled += width
    if filled != 1 << _TREE_DEPTH:
        raise MalformedError("the leaves make no complete tree")
