"""The keys that proofs are made under, and the hash of them that enters every challenge."""

from dataclasses import dataclass, field

from ecdsa_cggmp.params import Params
from native.hashing import tagged_hash
from native.ring_pedersen import PedersenParameters
from protocol.codec import Writer

_LIMIT = 1 << 12


@dataclass(frozen=True, slots=True)
class ProofKeys:
    """Public keys of a prover i and a verifier j.

    Args:
        params: the level.
        N_i: the prover's Paillier modulus.
        N_j: the verifier's.
        pedersen: the verifier's N^, s and t.
    """

    params: Params
    N_i: bytes
    N_j: bytes
    pedersen: PedersenParameters
    context: bytes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        level, aux = self.params, self.pedersen
        writer = Writer()
        for number in (level.kappa, level.ell, level.ell_prime, level.epsilon, level.m, level.prime_bits):
            writer.unsigned(number, 4)
        for data in (self.N_i, self.N_j, aux.n, aux.s, aux.t):
            writer.bytes_of(data, _LIMIT)
        object.__setattr__(self, "context", tagged_hash("mpcwallet/CGGMP24 keys", bytes(writer)))
