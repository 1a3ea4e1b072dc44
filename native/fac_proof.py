"""Kernel of Pi-fac (CGGMP24, ePrint 2021/060): no factor of N_i = p q is small, shown to one verifier.

The prover commits when made; the caller hashes and answers. Widths are in bytes; R is the square root of N_i,
half as many bytes as N_i, rounded up to a multiple of 8.
"""

from dataclasses import dataclass
from enum import IntFlag
from typing import TYPE_CHECKING, Any, final

from native._core import ffi, lib
from native.columns import _contents, _room, _spans, _view, _views
from native.errors import UsedError, check
from native.handle import SecretHandle, _make, _or_null
from native.paillier import PaillierSecretKey
from native.range_proof import ProofSizes
from native.ring_pedersen import PedersenParameters
from native.secret import SecretSeed

if TYPE_CHECKING:
    from typing_extensions import Buffer  # collections.abc has it from Python 3.12 on


@dataclass(frozen=True, slots=True)
class FacCommitment:
    """P = s^p t^mu, Q = s^q t^nu, A = s^alpha t^x, B = s^beta t^y, T = Q^alpha t^r; |N^| bytes each."""

    P: bytes
    Q: bytes
    A: bytes
    B: bytes
    T: bytes


@dataclass(frozen=True, slots=True)
class FacResponse:
    """z1 = alpha + e p, z2 = beta + e q, w1 = x + e mu, w2 = y + e nu, v = r - e nu p; two's complement."""

    z1: bytes  # (ell + epsilon) / 8 + |R|
    z2: bytes  # (ell + epsilon) / 8 + |R|
    w1: bytes  # (ell + epsilon) / 8 + |N^|
    w2: bytes  # (ell + epsilon) / 8 + |N^|
    v: bytes  # (ell + epsilon) / 8 + |N_i| + |N^|


@dataclass(frozen=True, slots=True)
class FacProof:
    """A proof; e is the challenge, ell / 8 bytes."""

    commitment: FacCommitment
    e: bytes
    response: FacResponse


class FacViolation(IntFlag):
    """What a proof violates; empty when it holds."""

    MODULUS = lib.MPCW_FAC_MODULUS  # N_i is even or not above 2^(4 ell)
    UNIT = lib.MPCW_FAC_UNIT  # a commitment is not a unit below N^
    RANGE = lib.MPCW_FAC_RANGE  # z1 or z2 is outside of +-2^(ell + epsilon) R
    FACTORS = lib.MPCW_FAC_FACTORS  # s^z1 t^w1 = A P^e or s^z2 t^w2 = B Q^e does not hold
    PRODUCT = lib.MPCW_FAC_PRODUCT  # Q^z1 t^v = T s^(N_i e) does not hold


@final
class FacProver(SecretHandle):
    """The masks of one proof: commits when made, responds once.

    Args:
        own: the prover's N_i = p q.
        verifier: N^, s and t of the other party.
        sizes: the paper's parameters; ell is at most 256.
        seed: replays a run; None draws from getrandom.

    Raises:
        LengthError: a width does not fit.
        ModulusError: N^ is even or does not fill its bytes.
        NotUnitError: s or t is not a unit below N^.
    """

    __slots__ = ("_commitment", "_own", "_widths")
    _commitment: FacCommitment
    _own: Any  # the C prover points to it
    _widths: dict[str, int]

    def __init__(
        self,
        own: PaillierSecretKey,
        verifier: PedersenParameters,
        sizes: ProofSizes,
        seed: SecretSeed | None = None,
    ) -> None:
        key, views = own._handle, _views(verifier)
        n_i, n_hat = len(own.public.n), len(views["n"])
        out = _room(dict.fromkeys(("P", "Q", "A", "B", "T"), n_hat), 1)
        owner = _make(
            "FacProver",
            "mpcw_fac_prover",
            lib.mpcw_fac_prover_free,
            lib.mpcw_fac_commit,
            ffi.new("mpcw_fac_commitment *", _spans(out)),
            key,
            ffi.new("mpcw_pedersen_parameters *", _spans(views)),
            sizes._c(),
            _or_null(seed),
        )
        super().__init__(owner)
        wide = (sizes.ell + sizes.epsilon) // 8
        z, w = wide + (n_i // 8 + 1) // 2 * 8, wide + n_hat
        self._widths = {"z1": z, "z2": z, "w1": w, "w2": w, "v": wide + n_i + n_hat}
        self._commitment, self._own = FacCommitment(**_contents(out)), key

    @property
    def commitment(self) -> FacCommitment:
        """The commitments, from which the challenge is derived."""
        return self._commitment

    def respond(self, e: "Buffer") -> FacResponse:
        """Answer the challenge and forget the masks, whether this succeeds or fails.

        Args:
            e: in 0..2^ell-1, ell / 8 bytes.

        Returns:
            The responses.

        Raises:
            UsedError: there was a response before.
            LengthError: the challenge has a wrong length.
            RangeError: a response fell out of its interval (with probability below 2^-250 at the parameters
                of the paper): commit again.
        """
        owner, self._owner = self._owner, None
        if owner is None:
            raise UsedError(f"FacProver: {UsedError.__doc__}")
        view, out = _view(e), _room(self._widths, 1)
        check(
            lib.mpcw_fac_respond(ffi.new("mpcw_fac_response *", _spans(out)), owner, (view, len(view))),
            "respond",
        )
        return FacResponse(**_contents(out))


def fac_violations(
    n_i: bytes, verifier: PedersenParameters, proof: FacProof, sizes: ProofSizes
) -> FacViolation:
    """Check a proof; public values only, in variable time.

    Values are checked first; equations when they are all right.

    Args:
        n_i: the prover's modulus.
        verifier: the verifier's parameters.
        proof: commitments, challenge and responses.
        sizes: the paper's parameters; ell is at most 256.

    Returns:
        What is violated; empty when the proof holds.

    Raises:
        LengthError: a value has a wrong width.
        ModulusError: N^ is even or does not fill its bytes.
        NotUnitError: s or t is not a unit below N^.
    """
    n, parameters = _view(n_i), _views(verifier)
    values = _views(proof.commitment) | {"e": _view(proof.e)} | _views(proof.response)
    out = ffi.new("uint32_t *")
    status = lib.mpcw_fac_check_var(
        out,
        (n, len(n)),
        ffi.new("mpcw_pedersen_parameters *", _spans(parameters)),
        ffi.new("mpcw_fac_proof *", _spans(values)),
        sizes._c(),
    )
    if status != lib.MPCW_REJECTED:
        check(status, "fac_violations")
    return FacViolation(out[0])
