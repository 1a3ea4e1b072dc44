"""Kernel of Pi-mod (CGGMP24, ePrint 2021/060): N is a product of two Blum primes, coprime to phi(N).

The prover draws w, the caller expands a hash of N and w to challenges y_k, the prover answers with roots.
"""

from dataclasses import dataclass
from enum import IntFlag
from typing import TYPE_CHECKING

from native._core import ffi, lib
from native.columns import _contents, _room, _spans, _view, _views
from native.errors import check
from native.handle import _or_null
from native.paillier import PaillierKey, PaillierSecretKey
from native.secret import SecretSeed, _size

if TYPE_CHECKING:
    from typing_extensions import Buffer  # collections.abc has it from Python 3.12 on


@dataclass(frozen=True, slots=True)
class ModResponse:
    """The roots of m challenges, with x_k^4 = (-1)^(a_k) w^(b_k) y_k and z_k^N = y_k.

    Args:
        a: m bytes, each 0 or 1.
        b: m bytes, each 0 or 1.
        x: |N| bytes each.
        z: |N| bytes each.
    """

    a: bytes
    b: bytes
    x: bytes
    z: bytes


@dataclass(frozen=True, slots=True)
class ModProof:
    """A proof of m rounds.

    Args:
        w: |N| bytes.
        y: the challenges, |N| bytes each.
        response: the roots.
    """

    w: bytes
    y: bytes
    response: ModResponse


class ModViolation(IntFlag):
    """What a proof violates; empty when it holds."""

    MODULUS = lib.MPCW_MOD_MODULUS  # N is even, not of the exact size, prime, or has a factor below 2^20
    W = lib.MPCW_MOD_W  # w is not a unit below N with Jacobi symbol (w | N) = -1 (CVE-2025-66016)
    UNIT = lib.MPCW_MOD_UNIT  # a y_k, x_k or z_k is not a unit below N
    BIT = lib.MPCW_MOD_BIT  # an a_k or b_k is not 0 or 1
    NTH_ROOT = lib.MPCW_MOD_NTH_ROOT  # z_k^N = y_k does not hold
    FOURTH_ROOT = lib.MPCW_MOD_FOURTH_ROOT  # x_k^4 = (-1)^(a_k) w^(b_k) y_k does not hold


def mod_commit(key: PaillierKey, seed: SecretSeed | None = None) -> bytes:
    """Draw w, a random unit modulo N with Jacobi symbol -1.

    Args:
        key: N.
        seed: replays a run; None draws from getrandom.

    Returns:
        |N| bytes.

    Raises:
        ModulusError: N is a square.
    """
    w = ffi.new("uint8_t[]", len(key.n))
    check(lib.mpcw_mod_commit((w, len(w)), key._handle, _or_null(seed)), "mod_commit")
    return bytes(ffi.buffer(w))


def mod_respond(own: PaillierSecretKey, w: "Buffer", y: "Buffer") -> ModResponse:
    """Answer the challenges, in constant time in p and q.

    Args:
        own: p and q.
        w: what mod_commit returned.
        y: the challenges, |N| bytes each, 1..1024 of them.

    Returns:
        The roots.

    Raises:
        LengthError: a length does not fit.
        RangeError: a challenge is not in 1..N-1, or w has not the symbol -1.
        NotUnitError: a challenge or w shares a factor with N.
        ModulusError: p or q is 1 mod 4, or N is not coprime to phi(N).
        FaultError: the proof does not hold: the computer made a mistake.

    Security:
        Challenges must come out of a hash: whoever chooses one learns the factors of N.
    """
    w_view, y_view = _view(w), _view(y)
    size = len(own.public.n)
    m = len(y_view) // size
    out = _room({"a": 1, "b": 1, "x": size, "z": size}, m)
    response = ffi.new("mpcw_mod_response *", _spans(out))
    w_span, y_span = (w_view, len(w_view)), (y_view, len(y_view))
    check(lib.mpcw_mod_respond(response, own._handle, w_span, y_span), "mod_respond")
    return ModResponse(**_contents(out))


def mod_violations(n: bytes, n_bits: int, proof: ModProof, m: int) -> ModViolation:
    """Check every round of a proof by itself; public values only, in variable time.

    The modulus is checked first, then values, then the roots, each when what came before is all right.

    Args:
        n: N, big-endian, as many bytes as n_bits need, rounded up to a multiple of 8.
        n_bits: the exact size of N.
        proof: w, m challenges and m responses.
        m: the protocol's number of rounds, 1..1024.

    Returns:
        What is violated; empty when the proof holds.

    Raises:
        LengthError: there are not m items of the right width.
    """
    n_view = _view(n)
    values = {"w": _view(proof.w), "y": _view(proof.y)} | _views(proof.response)
    out = ffi.new("uint32_t *")
    c_proof = ffi.new("mpcw_mod_proof *", _spans(values))
    status = lib.mpcw_mod_check_var(out, (n_view, len(n_view)), _size(n_bits), c_proof, _size(m))
    if status != lib.MPCW_REJECTED:
        check(status, "mod_violations")
    return ModViolation(out[0])
