"""Output keys of Taproot without a script path (BIP-341, BIP-86)."""

from coincurve import PublicKey

from native.hashing import tagged_hash
from wallet.errors import MalformedError


def output_key(internal_key: bytes, merkle_root: bytes = b"") -> bytes:
    """Return the x-only output key of an x-only internal key (BIP-341, taproot_tweak_pubkey).

    Args:
        internal_key: 32 bytes.
        merkle_root: 32 bytes, or empty for an output that has no script path (BIP-86).

    Raises:
        MalformedError: the internal key is no x coordinate of a point, or the root has another length.
    """
    if len(merkle_root) not in (0, 32):
        raise MalformedError("a Taproot merkle root has 32 bytes")
    # Q = lift_x(P) + hash_TapTweak(P || root) G
    try:
        t = tagged_hash("TapTweak", internal_key, merkle_root)
        Q: bytes = PublicKey(b"\x02" + internal_key).add(t).format()
    except ValueError as e:
        raise MalformedError("a Taproot internal key is no point") from e
    return Q[1:]
