"""Pi-fac of CGGMP24 (ePrint 2021/060): no factor of N_i = p q is small, shown to one verifier.

DEVIATION: a challenge is in [0, 2^ell) instead of +-2^ell.
"""

from dataclasses import dataclass
from typing import Self

from ecdsa_cggmp.params import Params
from ecdsa_cggmp.zk.keys import ProofKeys
from ecdsa_cggmp.zk.wire import Column, Layout, layout_size, read_columns, write_columns
from native.fac_proof import FacCommitment, FacProver, FacResponse, fac_violations
from native.fac_proof import FacProof as _KernelProof
from native.paillier import PaillierSecretKey
from protocol.codec import Reader, Writer
from protocol.transcript import Domain, Transcript


def _commitment(params: Params) -> Layout:
    return dict.fromkeys(("P", "Q", "A", "B", "T"), Column(params.modulus_bytes))


def _response(params: Params) -> Layout:
    wide, unit = (params.ell + params.epsilon) // 8, params.modulus_bytes
    root = (unit // 8 + 1) // 2 * 8  # of N_i
    z, w = Column(wide + root), Column(wide + unit)
    return {"z1": z, "z2": z, "w1": w, "w2": w, "v": Column(wide + 2 * unit)}


@dataclass(frozen=True, slots=True)
class FacProof:
    """A proof: P, Q, A, B, T and z1, z2, w1, w2, v."""

    commitment: FacCommitment
    response: FacResponse

    @staticmethod
    def size(params: Params) -> int:
        """Return the bytes of a proof."""
        return layout_size(_commitment(params)) + layout_size(_response(params))

    @classmethod
    def read(cls, reader: Reader, params: Params) -> Self:
        """Read a proof.

        Raises:
            EncodingError: bytes are missing.
        """
        commitment = read_columns(reader, FacCommitment, _commitment(params), 1)
        return cls(commitment, read_columns(reader, FacResponse, _response(params), 1))

    def write(self, writer: Writer, params: Params) -> None:
        """Write the proof."""
        write_columns(writer, self.commitment, _commitment(params), 1)
        write_columns(writer, self.response, _response(params), 1)


def _challenge(domain: Domain, keys: ProofKeys, rho: bytes, commitment: FacCommitment) -> bytes:
    transcript = Transcript(domain).with_bytes("context", keys.context).with_bytes("rho", rho)
    for name in _commitment(keys.params):
        transcript = transcript.with_bytes(name, getattr(commitment, name))
    return transcript.challenge_bytes("e", keys.params.ell // 8)


def prove(domain: Domain, keys: ProofKeys, rho: bytes, own: PaillierSecretKey) -> FacProof:
    """Prove to one verifier that the own factors are large.

    Args:
        domain: where the proof belongs.
        keys: of prover and verifier.
        rho: randomness of all parties.
        own: p and q.
    """
    prover = FacProver(own, keys.pedersen, keys.params.sizes)
    return FacProof(prover.commitment, prover.respond(_challenge(domain, keys, rho, prover.commitment)))


def holds(domain: Domain, keys: ProofKeys, rho: bytes, proof: FacProof) -> bool:
    """Tell whether a proof holds.

    Args:
        domain: where the proof belongs.
        keys: of prover and verifier.
        rho: randomness of all parties.
        proof: the proof.
    """
    e = _challenge(domain, keys, rho, proof.commitment)
    kernel = _KernelProof(proof.commitment, e, proof.response)
    return not fac_violations(keys.N_i, keys.pedersen, kernel, keys.params.sizes)
