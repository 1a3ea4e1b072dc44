"""Pi-mod of CGGMP24 (ePrint 2021/060): N = p q with p, q = 3 mod 4 and gcd(N, phi(N)) = 1, in m rounds.

The verifier checks that w is a unit with Jacobi symbol -1: without it any N passes (CVE-2025-66016).
"""

from dataclasses import dataclass
from typing import Self

from ecdsa_cggmp.params import Params
from native.mod_proof import ModProof as _KernelProof
from native.mod_proof import ModResponse, mod_commit, mod_respond, mod_violations
from native.paillier import PaillierSecretKey
from protocol.codec import Reader, Writer
from protocol.transcript import Domain, Transcript

_SLACK = 16  # bytes that a challenge has more than N: it is uniform up to 2^-128


@dataclass(frozen=True, slots=True)
class ModProof:
    """A proof of m rounds.

    Args:
        w: |N| bytes.
        response: columns a, b, x, z of m items.
    """

    w: bytes
    response: ModResponse

    @staticmethod
    def size(params: Params) -> int:
        """Return the bytes of a proof."""
        return params.modulus_bytes + params.m * (2 + 2 * params.modulus_bytes)

    @classmethod
    def read(cls, reader: Reader, params: Params) -> Self:
        """Read a proof of exactly m rounds.

        Raises:
            EncodingError: bytes are missing, or a bit is neither 0 nor 1.
        """
        m, unit = params.m, params.modulus_bytes
        w = reader.fixed("w", unit)
        a, b = (bytes(reader.items(name, m, Reader.boolean)) for name in ("a", "b"))
        return cls(w, ModResponse(a, b, reader.fixed("x", m * unit), reader.fixed("z", m * unit)))

    def write(self, writer: Writer) -> None:
        """Write the proof."""
        for column in (self.w, self.response.a, self.response.b, self.response.x, self.response.z):
            writer.fixed(column, len(column))


def _challenges(domain: Domain, params: Params, rho: bytes, N: bytes, w: bytes) -> bytes:
    """Expand a hash to y_k in [0, N)."""
    transcript = Transcript(domain).with_integer("m", params.m).with_bytes("rho", rho)
    transcript = transcript.with_bytes("N", N).with_bytes("w", w)
    size = len(N) + _SLACK
    data = transcript.challenge_bytes("y", params.m * size)
    modulus = int.from_bytes(N, "big")
    y = (int.from_bytes(data[k * size : (k + 1) * size], "big") % modulus for k in range(params.m))
    return b"".join(y_k.to_bytes(len(N), "big") for y_k in y)


def prove(domain: Domain, params: Params, rho: bytes, own: PaillierSecretKey) -> ModProof:
    """Prove that the own N is well-formed.

    Args:
        domain: where the proof belongs.
        params: the level.
        rho: randomness of all parties, drawn before N was known and revealed after it was fixed.
        own: p and q.
    """
    w = mod_commit(own.public)
    return ModProof(w, mod_respond(own, w, _challenges(domain, params, rho, own.public.n, w)))


def holds(domain: Domain, params: Params, rho: bytes, N: bytes, proof: ModProof) -> bool:
    """Tell whether a proof holds, and N is odd, composite, of the exact size and without small factors.

    Args:
        domain: where the proof belongs.
        params: the level.
        rho: as for prove.
        N: the modulus.
        proof: m rounds.
    """
    if not any(N):
        return False
    y = _challenges(domain, params, rho, N, proof.w)
    return not mod_violations(N, params.modulus_bits, _KernelProof(proof.w, y, proof.response), params.m)
