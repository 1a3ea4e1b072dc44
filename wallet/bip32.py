"""Extended public keys and unhardened derivation (BIP-32); a threshold key has no extended private key."""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

from bitcointx.base58 import Base58ChecksumError, Base58Error, CBase58Data
from bitcointx.core import Hash160
from coincurve import PublicKey

from wallet.errors import MalformedError, NetworkMismatchError
from wallet.network import NETWORKS, Network

HARDENED: Final = 1 << 31

_MAX_LENGTH: Final = 112  # 78 bytes and a checksum in Base58 have 111
_PRIVATE: Final = (bytes.fromhex("0488ade4"), bytes.fromhex("04358394"))


def _openssl_has_ripemd160() -> bool:
    try:
        hashlib.new("ripemd160")
    except ValueError:
        return False
    return True


# a hundred times faster than bitcointx's; OpenSSL 3.0.0 to 3.0.6 and restricted builds leave it out
_OPENSSL_HAS_RIPEMD160: Final = _openssl_has_ripemd160()


def hash160(data: bytes) -> bytes:
    """Return RIPEMD160(SHA256(data)), 20 bytes."""
    if not _OPENSSL_HAS_RIPEMD160:
        return bytes(Hash160(data))
    return hashlib.new("ripemd160", hashlib.sha256(data).digest()).digest()


def _base58check(text: str) -> bytes:
    if len(text) > _MAX_LENGTH:
        raise MalformedError(f"an extended key has at most {_MAX_LENGTH} characters and this has {len(text)}")
    try:
        return bytes(CBase58Data(text))
    except Base58ChecksumError as e:
        raise MalformedError("the extended key has a typo: its checksum does not hold") from e
    except Base58Error as e:
        raise MalformedError("this is no extended key", "give an xpub or tpub") from e


@dataclass(frozen=True, slots=True)
class ExtendedKey:
    """An extended public key (BIP-32, Serialization format).

    Args:
        key: public key, 33 bytes compressed.
        chain_code: 32 bytes.
        depth: 0 for a master key.
        parent: fingerprint of the parent, 4 bytes; zero for a master key.
        child: index below the parent; zero for a master key.

    Raises:
        MalformedError: the key is no point, or a field does not fit.
    """

    key: bytes
    chain_code: bytes
    depth: int = 0
    parent: bytes = bytes(4)
    child: int = 0

    def __post_init__(self) -> None:
        if len(self.key) != 33 or len(self.chain_code) != 32 or len(self.parent) != 4:
            raise MalformedError("an extended key has a field of a wrong length")
        if not 0 <= self.depth <= 255 or not 0 <= self.child < 1 << 32:
            raise MalformedError("an extended key has a depth or an index out of range")
        if self.depth == 0 and (any(self.parent) or self.child):
            raise MalformedError("an extended key of depth 0 names a parent")
        try:
            PublicKey(self.key)
        except ValueError as e:
            raise MalformedError("the key of an extended key is no point") from e

    @classmethod
    def parse(cls, text: str, network: Network) -> Self:
        """Read an xpub or tpub.

        Raises:
            MalformedError: it is malformed, or a private key.
            NetworkMismatchError: it is of another network.
        """
        data = _base58check(text)
        if data[:4] in _PRIVATE:
            raise MalformedError("this is an extended private key", "give the public one, xpub or tpub")
        if len(data) != 78:
            raise MalformedError("an extended key holds 78 bytes and this does not", "give an xpub or tpub")
        if data[:4] != network.xpub:
            names = [other.name for other in NETWORKS.values() if data[:4] == other.xpub]
            if names:
                raise NetworkMismatchError(
                    f"this extended key is of {' or '.join(names)}, the wallet is on {network}"
                )
            raise MalformedError(
                "an extended key has an unknown version", "give an xpub or tpub, no ypub or zpub"
            )
        return cls(data[45:], data[13:45], data[4], data[5:9], int.from_bytes(data[9:13], "big"))

    def text(self, network: Network) -> str:
        """Return the Base58Check form, xpub or tpub."""
        position = bytes([self.depth]) + self.parent + self.child.to_bytes(4, "big")
        return str(CBase58Data.from_bytes(network.xpub + position + self.chain_code + self.key))

    @property
    def fingerprint(self) -> bytes:
        """First 4 bytes of HASH160(key)."""
        return hash160(self.key)[:4]

    def derive(self, path: Sequence[int]) -> Self:
        """Return an unhardened descendant (CKDpub).

        Raises:
            MalformedError: an index is hardened or out of range, or has no key (probability 2^-127).
        """
        node = self
        for index in path:
            node = node._child(index)
        return node

    def _child(self, index: int) -> Self:
        if not 0 <= index < HARDENED:
            raise MalformedError("a threshold key has no hardened children: an index is 0..2147483647")
        # I = HMAC-SHA512(c_par, serP(K_par) || ser32(i)); K_i = K_par + parse256(I_L) G; c_i = I_R
        digest = hmac.digest(self.chain_code, self.key + index.to_bytes(4, "big"), "sha512")
        try:
            key = PublicKey(self.key).add(digest[:32]).format()
        except ValueError as e:
            raise MalformedError(f"index {index} has no key: take the next one") from e
        return type(self)(key, digest[32:], self.depth + 1, self.fingerprint, index)
