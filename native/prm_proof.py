"""Kernel of Pi-prm (CGGMP24, ePrint 2021/060): s = t^lambda mod N^, in rounds with challenges of one bit.

The prover commits when made; the caller hashes and answers.
"""

from dataclasses import dataclass
from enum import IntFlag
from typing import TYPE_CHECKING, final

from native._core import ffi, lib
from native.columns import _spans, _view, _views
from native.errors import UsedError, check
from native.handle import SecretHandle, _make, _or_null
from native.ring_pedersen import PedersenParameters, RingPedersenSecret
from native.secret import SecretSeed, _size

if TYPE_CHECKING:
    from typing_extensions import Buffer  # collections.abc has it from Python 3.12 on


@final
class PrmProver(SecretHandle):
    """The masks a_k of one proof: commits when made, responds once.

    Args:
        own: the parameters with their trapdoor.
        m: number of rounds, 1..1024.
        seed: replays a run; None draws from getrandom.

    Raises:
        LengthError: m does not fit.
    """

    __slots__ = ("_A",)
    _A: bytes

    def __init__(self, own: RingPedersenSecret, m: int, seed: SecretSeed | None = None) -> None:
        # the length that C refuses, instead of room for an absurd m
        A = ffi.new("uint8_t[]", len(own.parameters.n) * (m if 0 < m <= 1024 else 0))
        create, release = lib.mpcw_prm_commit, lib.mpcw_prm_prover_free
        inputs = ((A, len(A)), own._handle, _size(m), _or_null(seed))
        super().__init__(_make("PrmProver", "mpcw_prm_prover", release, create, *inputs))
        self._A = bytes(ffi.buffer(A))

    @property
    def A(self) -> bytes:
        """The commitments A_k = t^(a_k), |N^| bytes each, from which the challenges are derived."""
        return self._A

    def respond(self, e: "Buffer") -> bytes:
        """Answer the challenges and forget the masks, whether this succeeds or fails.

        Args:
            e: m bytes, each 0 or 1.

        Returns:
            z_k = a_k + e_k lambda mod phi(N^), |N^| bytes each.

        Raises:
            UsedError: there was a response before.
            LengthError: the number of challenges is wrong.
            RangeError: a challenge is not 0 or 1.
            FaultError: the proof does not hold: the computer made a mistake; drop A, too.
        """
        owner, self._owner = self._owner, None
        if owner is None:
            raise UsedError(f"PrmProver: {UsedError.__doc__}")
        view, z = _view(e), ffi.new("uint8_t[]", len(self._A))
        check(lib.mpcw_prm_respond((z, len(z)), owner, (view, len(view))), "respond")
        return bytes(ffi.buffer(z))


class PrmViolation(IntFlag):
    """What a proof violates; empty when it holds."""

    MODULUS = lib.MPCW_PRM_MODULUS  # N^ is even or does not fill its bytes
    PARAMETERS = lib.MPCW_PRM_PARAMETERS  # s or t is not a unit in 2..N^-2, or they are equal
    UNIT = lib.MPCW_PRM_UNIT  # an A_k is not a unit below N^
    RANGE = lib.MPCW_PRM_RANGE  # a z_k is not below N^
    EQUATION = lib.MPCW_PRM_EQUATION  # t^(z_k) = A_k s^(e_k) does not hold


@dataclass(frozen=True, slots=True)
class PrmProof:
    """Commitments and responses of m rounds, |N^| bytes each, and their challenges.

    Args:
        A: commitments.
        e: m bytes, each 0 or 1.
        z: responses.
    """

    A: bytes
    e: bytes
    z: bytes


def prm_violations(parameters: PedersenParameters, proof: PrmProof, m: int) -> PrmViolation:
    """Check every round of a proof by itself; public values only, in variable time.

    Values are checked first; equations when they are all right.

    Args:
        parameters: N^, s and t.
        proof: m commitments, challenges and responses.
        m: the protocol's number of rounds, 1..1024.

    Returns:
        What is violated; empty when the proof holds.

    Raises:
        LengthError: there are not m items of the right width.
        RangeError: a challenge is not 0 or 1.
    """
    views, values = _views(parameters), _views(proof)
    out = ffi.new("uint32_t *")
    status = lib.mpcw_prm_check_var(
        out,
        ffi.new("mpcw_pedersen_parameters *", _spans(views)),
        ffi.new("mpcw_prm_proof *", _spans(values)),
        _size(m),
    )
    if status != lib.MPCW_REJECTED:
        check(status, "prm_violations")
    return PrmViolation(out[0])
