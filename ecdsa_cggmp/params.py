"""Parameters of CGGMP24 (ePrint 2021/060, revision 2024-10-21, appendix C.1), with the paper's letters."""

from dataclasses import dataclass
from typing import Final

from native.range_proof import ProofSizes
from protocol.errors import UsageError

Q_BITS: Final = 256  # of the order q of secp256k1
# Pi-dec is about the sum of plaintexts of up to 2^62 parties: bits of room in its mask, a multiple of 64
DEC_ROOM: Final = 64


@dataclass(frozen=True, slots=True)
class Params:
    """A security level.

    Intervals are half intervals: +-2^b stands for [-2^(b-1), 2^(b-1)).

    Args:
        kappa: statistical security in bits.
        ell: bits of the range of x in the range proofs.
        ell_prime: bits of the range of y, the mask of a product.
        epsilon: bits by which a response is wider than its witness.
        m: rounds of Pi-prm and Pi-mod, whose challenges are single bits.
        prime_bits: of each prime of N and of N^.

    Raises:
        UsageError: an inequality that the proofs stand on does not hold.
    """

    kappa: int
    ell: int
    ell_prime: int
    epsilon: int
    m: int
    prime_bits: int

    def __post_init__(self) -> None:
        for claim, holds in self._inequalities().items():
            if not holds:
                raise UsageError(f"CGGMP24 parameters: {claim} does not hold")

    def _inequalities(self) -> dict[str, bool]:
        ell, epsilon, kappa = self.ell, self.epsilon, self.kappa
        return {
            # shares and nonces, lifted to (-q/2, q/2), are in +-2^ell
            "ell >= log q": ell >= Q_BITS,
            "ell >= kappa": ell >= kappa,
            # e x, with e below q, is hidden by alpha
            "epsilon >= ell + kappa": epsilon >= ell + kappa,
            # x k is hidden by y
            "ell' >= 3 ell + epsilon": self.ell_prime >= 3 * ell + epsilon,
            # Pi-fac: z1 within +-2^(ell + epsilon) sqrt(N) shows that factors are above 2^ell
            "2 ell + epsilon <= log p": 2 * ell + epsilon <= self.prime_bits,
            # no plaintext wraps around N, those of Pi-dec included; gives N > 2^(4 ell), too, for Pi-fac
            "log N > ell' + epsilon + kappa + 64": self.modulus_bits
            > self.ell_prime + epsilon + kappa + DEC_ROOM,
            # a cheater passes Pi-prm and Pi-mod with probability 2^-m
            "m >= 128": self.m >= 128,
        }

    @property
    def modulus_bits(self) -> int:
        """Exact size of N and of N^."""
        return 2 * self.prime_bits

    @property
    def modulus_bytes(self) -> int:
        """Bytes of N, N^, a unit or a ring-Pedersen commitment."""
        return self.modulus_bits // 8

    @property
    def ciphertext_bytes(self) -> int:
        """Bytes of a Paillier ciphertext."""
        return 2 * self.modulus_bytes

    @property
    def sizes(self) -> ProofSizes:
        """What the kernels of the range proofs take."""
        return ProofSizes(self.ell, self.ell_prime, self.epsilon)


# the only level that the program uses; smaller ones exist in tests/ alone
SECURITY_128: Final = Params(kappa=256, ell=256, ell_prime=1280, epsilon=512, m=128, prime_bits=1536)
