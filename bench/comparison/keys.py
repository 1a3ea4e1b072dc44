"""Keys of two parties i and j at full size, the same in every run; tables are built on first use."""

import hashlib
import random
from functools import cached_property
from typing import Final

from native.paillier import PaillierKey, PaillierSecretKey, RandomnessTable
from native.range_proof import ProofSizes
from native.ring_pedersen import RingPedersen, RingPedersenSecret
from native.secret import SecretResidues

SIZES: Final = ProofSizes(ell=256, ell_prime=1280, epsilon=512)
PRIME_BYTES: Final = 192

# Steps of 4 from a hashed start to the next prime that is 3 mod 4; for P and Q, to the next safe prime.
STEPS: Final = {"p_i": 166, "q_i": 1519, "p_j": 256, "q_j": 115, "P_j": 180500, "Q_j": 913735}


def prime(name: str) -> int:
    """Return the prime of 1536 bits that STEPS names."""
    start = int.from_bytes(hashlib.shake_256(f"mpcwallet bench {name}".encode()).digest(PRIME_BYTES), "big")
    return (start | 3 << 8 * PRIME_BYTES - 2 | 3) + 4 * STEPS[name]


def number(bits: int, seed: str) -> int:
    """Return the same number of exactly bits bits, odd, for one seed."""
    return random.Random(f"{seed} {bits}").getrandbits(bits) | 1 << bits - 1 | 1


def secret_residues(*numbers: int) -> SecretResidues:
    """Put numbers into C memory, as wide as the longest in multiples of 64 bits."""
    size = 8 * -(-max(n.bit_length() for n in numbers) // 64)
    return SecretResidues.from_bytes(b"".join(n.to_bytes(size, "big") for n in numbers), len(numbers))


class Keys:
    """What i has of its own and of j, and what j has of its own."""

    @cached_property
    def i(self) -> PaillierSecretKey:
        """The prover's Paillier key."""
        return PaillierSecretKey(secret_residues(prime("p_i")), secret_residues(prime("q_i")))

    @cached_property
    def i_table(self) -> RandomnessTable:
        """Randomness of i's own key, modulo its primes."""
        return RandomnessTable.build_own(self.i)

    @cached_property
    def j(self) -> PaillierSecretKey:
        """The verifier's Paillier key."""
        return PaillierSecretKey(secret_residues(prime("p_j")), secret_residues(prime("q_j")))

    @cached_property
    def j_public(self) -> PaillierKey:
        """The verifier's key as i has it."""
        return PaillierKey(self.j.public.n)

    @cached_property
    def j_table(self) -> RandomnessTable:
        """Randomness of j's key, as i builds it."""
        return RandomnessTable.build(self.j_public)

    @cached_property
    def j_pedersen(self) -> RingPedersenSecret:
        """The verifier's ring-Pedersen parameters with their trapdoor."""
        P, Q = prime("P_j"), prime("Q_j")
        lambda_ = secret_residues(number(3070, "lambda"))
        t = pow(number(3070, "t"), 2, P * Q)
        return RingPedersenSecret(
            secret_residues(P), secret_residues(Q), lambda_, t.to_bytes(2 * PRIME_BYTES, "big")
        )

    @cached_property
    def j_pedersen_public(self) -> RingPedersen:
        """The same as i has it, with tables as wide as Pi-aff-g wants."""
        widest = SIZES.ell_prime + SIZES.epsilon
        return RingPedersen(self.j_pedersen.parameters, widest, SIZES.ell + SIZES.epsilon + 16 * PRIME_BYTES)


KEYS: Final = Keys()
