"""Keys of the tests of Pi-prm, Pi-mod and Pi-fac, with their primes as Python ints for dishonest provers."""

import random
from dataclasses import dataclass
from functools import cache
from math import prod

import gmpy2

from native.paillier import PaillierSecretKey
from native.ring_pedersen import PedersenParameters, RingPedersenSecret
from native.secret import SecretResidues

# bits of a prime: two Blum primes, two safe primes
PRIMES = {
    256: (
        0xC5DB8F36512811E2C45C823ABF6BE7A3CCC25095CEAE7D910FB324C89DEA2E03,
        0xD22AAD890D478437215D9930FF73172411E9011EBAC45BF85C41E7F3AF944E27,
        0xD3E4806CFDF9A70C9923DF941EF1F0EC02EA0E445AC55EFE56809E78FA30E39B,
        0xEFFF57BB905E5D103835943BDEBE009E43E12430B6D7A06126769AB987CC5923,
    ),
    1536: (
        int(
            "d0c4182383fd20c20ee587395f5acccc3f180932359324223a3e6325bf5f00395a619dd57b48bba74f05f904ac8f30dd"
            "f19d9a0829282763d0ca6df5814c2a1b8605282a407424946741c93de931ac8de6ca6d621f83105a961511396647eb56"
            "46260c7ee8d616a57347d55c6aa0a5c161d24213f19112d5ea23e86fc7e686527daee798a6174f2a9f9dfe7ac45ee0ed"
            "1a154fe8c1c84cf49bc57da4ccdc774da0333493ed6b67dad607c94a95e91b54dd61e138e1d6c3ecb20fb0b26d4b4a73",
            16,
        ),
        int(
            "e77ea66e79becb89ff7f9c105f55bb4f904cc3d4382e5a4a4664cb3a6c5e325b9ef23438a69834966f743af5da9ab1bf"
            "0177888d976664b5c213745653614fdc9071fe3c23c062c7e704af57c8ffc30f36f8b81a5cd9433c72c663e2fa33d525"
            "33dd27bf3c240f4459936fa92db431df536f900efdcb107b56b0549152f2ec090c60fe7e4584e8aba98fa2dce3d766c9"
            "cffcc3bd0609beef21c00566a30e3eed2f851dda9a9cf851819d44e989cce068d6975923e22757db4bbc745b7b17d18f",
            16,
        ),
        int(
            "d5a840665f5eb17e1e135c655fad3028de2fcc33b70e0527bceb4217b6e023c9892f8a5f7369e62461b7ad6db7974c10"
            "1e5ddcb92ee740ebd7deb100e8138d6a7730955fed65818712472ec2c2d6eace4960d3ff64b6c5ed00b4ab6061b8d362"
            "cb3f4bf1877192b3e6e3240127b4958d2d4ae6aef387cce4ab1ad8fdc041c3233db2112e20167709e87e511a7a29a616"
            "afb4715b7937a6c978f9002e377dd51b67af92adaafdc7d88a37b96a1b0a14c579b9af35cdf2982a3e381e43ed950edf",
            16,
        ),
        int(
            "c5ad3101f7ccd3c8ae6aa831ed4256bfd005ec5dc166d4928b780aa1f186b4e5518fd0d617b57fbcddbe727acef9f941"
            "f56a4322849b3b8aeee7c29dd0a5f604a00afbbc809fd7e49ec429cabd2ae5306b737245cbea3d7c7fdc7a5a0190daa8"
            "5388de2802270903b9d6352663494de3c7bdfbc6b166b0719d487600b968b61adbd4076e6c9459fb5abe00b6cd4cb0d2"
            "06e063153ac1ddfa09b4b6d6cbe1d7c3d60768066f66ddf5a7906338c8077d1eb83747e4373b1fb802453fca7777fe87",
            16,
        ),
    ),
}


def secret(x: int, size: int) -> SecretResidues:
    return SecretResidues.from_bytes(x.to_bytes(size, "big"))


def column(values: list[int], size: int) -> bytes:
    return b"".join(x.to_bytes(size, "big") for x in values)


def items(data: bytes, size: int) -> list[int]:
    return [int.from_bytes(data[i : i + size], "big") for i in range(0, len(data), size)]


@dataclass(frozen=True)
class Keys:
    p: int
    q: int
    P: int
    Q: int
    size: int  # bytes of N and of N^
    own: PaillierSecretKey
    pedersen: RingPedersenSecret

    @property
    def n(self) -> int:
        return self.p * self.q

    @property
    def n_hat(self) -> int:
        return self.P * self.Q

    @property
    def phi_hat(self) -> int:
        return (self.P - 1) * (self.Q - 1)

    @property
    def s(self) -> int:
        return int.from_bytes(self.pedersen.parameters.s, "big")

    @property
    def t(self) -> int:
        return int.from_bytes(self.pedersen.parameters.t, "big")

    @property
    def lambda_(self) -> int:
        return int.from_bytes(self.pedersen.lambda_.declassify(), "big")

    def parameters(self, s: int, t: int) -> PedersenParameters:
        n, size = self.n_hat, self.size
        return PedersenParameters(n.to_bytes(size, "big"), s.to_bytes(size, "big"), t.to_bytes(size, "big"))


@cache
def keys(bits: int) -> Keys:
    p, q, P, Q = PRIMES[bits]
    half = bits // 8
    pedersen = RingPedersenSecret.generate(secret(P, half), secret(Q, half))
    return Keys(p, q, P, Q, 2 * half, PaillierSecretKey(secret(p, half), secret(q, half)), pedersen)


def prime(rng: random.Random, bits: int, residue: int = 3) -> int:
    """Return a prime of exactly bits bits, its upper two bits set, that is residue mod 4."""
    while True:
        x = rng.getrandbits(bits) | 3 << bits - 2 | 1
        if x % 4 == residue and gmpy2.is_prime(x):
            return x


def phi(factors: list[int]) -> int:
    """Return phi of the product of distinct primes."""
    return prod(p - 1 for p in factors)
