"""Pi-prm of CGGMP24 (ePrint 2021/060): s is a power of t modulo N^, in m rounds of one-bit challenges."""

from dataclasses import dataclass
from typing import Self

from ecdsa_cggmp.params import Params
from native.prm_proof import PrmProof as _KernelProof
from native.prm_proof import PrmProver, prm_violations
from native.ring_pedersen import PedersenParameters, RingPedersenSecret
from protocol.codec import Reader, Writer
from protocol.transcript import Domain, Transcript


@dataclass(frozen=True, slots=True)
class PrmProof:
    """A proof of m rounds.

    Args:
        A: commitments t^(a_k), |N^| bytes each.
        z: responses a_k + e_k lambda mod phi(N^), |N^| bytes each.
    """

    A: bytes
    z: bytes

    @staticmethod
    def size(params: Params) -> int:
        """Return the bytes of a proof."""
        return 2 * params.m * params.modulus_bytes

    @classmethod
    def read(cls, reader: Reader, params: Params) -> Self:
        """Read a proof of exactly m rounds.

        Raises:
            EncodingError: bytes are missing.
        """
        column = params.m * params.modulus_bytes
        return cls(reader.fixed("A", column), reader.fixed("z", column))

    def write(self, writer: Writer) -> None:
        """Write the proof."""
        writer.fixed(self.A, len(self.A)).fixed(self.z, len(self.z))


def _challenges(domain: Domain, params: Params, statement: PedersenParameters, A: bytes) -> bytes:
    transcript = Transcript(domain).with_integer("m", params.m).with_bytes("N^", statement.n)
    transcript = transcript.with_bytes("s", statement.s).with_bytes("t", statement.t).with_bytes("A", A)
    return bytes(transcript.challenge_bits("e", params.m))


def prove(domain: Domain, params: Params, own: RingPedersenSecret) -> PrmProof:
    """Prove that s = t^lambda.

    Args:
        domain: where the proof belongs.
        params: the level.
        own: the parameters with their trapdoor.
    """
    prover = PrmProver(own, params.m)
    return PrmProof(prover.A, prover.respond(_challenges(domain, params, own.parameters, prover.A)))


def holds(domain: Domain, params: Params, statement: PedersenParameters, proof: PrmProof) -> bool:
    """Tell whether a proof holds, and N^, s and t are of the right form.

    Args:
        domain: where the proof belongs.
        params: the level.
        statement: N^, s and t, of |N^| bytes each.
        proof: m rounds.
    """
    e = _challenges(domain, params, statement, proof.A)
    # t^(z_k) = A_k s^(e_k) mod N^
    return not prm_violations(statement, _KernelProof(proof.A, e, proof.z), params.m)
