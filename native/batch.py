"""Verification of many equations of one prover at once, each but the first raised to a random 128-bit weight.

A batch that passes shows the integers and plaintexts of all equations, with an error of at most 2^-128; a
unit may be off by an element of small order, such as -1. Where several verifiers must agree, and for
evidence, use the strict checks of native.range_proof.

Of a batch that does not pass all malformed equations are told, or, if there are none, the first one that does
not hold: who sends many that do not costs a verifier no more than who sends one.

Challenges e are below the order of secp256k1. Integers z are two's complement, of one width in multiples of 8
bytes. The comment behind a column is the bytes of one item.
"""

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from native._core import ffi, lib
from native.columns import _bad, _spans, _view
from native.handle import Handle, _or_null
from native.paillier import PaillierKey, PaillierSecretKey
from native.ring_pedersen import RingPedersenSecret
from native.secret import Secret, SecretInts, SecretSeed

if TYPE_CHECKING:
    from typing_extensions import Buffer  # collections.abc has it from Python 3.12 on


@dataclass(frozen=True, slots=True)
class EncryptionEquations:
    """(1 + N)^z w^N = D C^e mod N^2."""

    D: "Buffer"  # 2 |N|
    C: "Buffer"  # 2 |N|
    e: "Buffer"  # 32
    z: "Buffer"
    w: "Buffer"  # |N|


@dataclass(frozen=True, slots=True)
class PedersenEquations:
    """s^z1 t^z3 = T S^e mod N^."""

    T: "Buffer"  # |N^|
    S: "Buffer"  # |N^|
    e: "Buffer"  # 32
    z1: "Buffer"
    z3: "Buffer"


@dataclass(frozen=True, slots=True, eq=False)
class AffineEquations:
    """C^z1 (1 + N)^z2 w^N = A D^e mod N^2, where k and d are the plaintexts of C and D."""

    C: "Buffer"  # 2 |N|
    D: "Buffer"  # 2 |N|
    A: "Buffer"  # 2 |N|
    e: "Buffer"  # 32
    z1: "Buffer"
    z2: "Buffer"
    w: "Buffer"  # |N|
    k: SecretInts
    d: SecretInts


def verify_encryptions(
    key: PaillierKey, equations: EncryptionEquations, seed: SecretSeed | None = None
) -> tuple[int, ...]:
    """Return indices of equations that do not hold modulo a prover's N^2.

    Args:
        key: of the prover, verified by Pi-mod and Pi-fac.
        equations: n of them.
        seed: replays a run; None draws from getrandom.

    Returns:
        Indices of bad ones, ascending; empty when all hold. See the module.

    Raises:
        LengthError: a column has a wrong length.
    """
    return _verify(lib.mpcw_verify_encryptions_var, key, "mpcw_encryption_equations", equations, seed)


def verify_own_encryptions(
    own: PaillierSecretKey, equations: EncryptionEquations, seed: SecretSeed | None = None
) -> tuple[int, ...]:
    """Return indices of the prover's own equations that do not hold modulo p^2 and q^2.

    Args:
        own: the prover's key.
        equations: n of them, before they are sent.
        seed: replays a run; None draws from getrandom.

    Returns:
        Indices of bad ones, ascending; empty when all hold. See the module.

    Raises:
        LengthError: a column has a wrong length.
    """
    return _verify(lib.mpcw_verify_own_encryptions, own, "mpcw_encryption_equations", equations, seed)


def verify_pedersen(
    own: RingPedersenSecret, equations: PedersenEquations, seed: SecretSeed | None = None
) -> tuple[int, ...]:
    """Return indices of equations that do not hold modulo the verifier's own N^, by its trapdoor.

    Args:
        own: the verifier's parameters.
        equations: n of them.
        seed: replays a run; None draws from getrandom.

    Returns:
        Indices of bad ones, ascending; empty when all hold. See the module.

    Raises:
        LengthError: a column has a wrong length.
    """
    return _verify(lib.mpcw_verify_pedersen, own, "mpcw_pedersen_equations", equations, seed)


def verify_affine(
    own: PaillierSecretKey, equations: AffineEquations, seed: SecretSeed | None = None
) -> tuple[int, ...]:
    """Return indices of equations that do not hold modulo the verifier's own N^2, by decryption.

    Args:
        own: the verifier's key.
        equations: n of them.
        seed: replays a run; None draws from getrandom.

    Returns:
        Indices of bad ones, ascending; empty when all hold. See the module.

    Raises:
        LengthError: a column or a secret has a wrong length.
    """
    return _verify(lib.mpcw_verify_affine, own, "mpcw_affine_equations", equations, seed)


def _verify(
    function: Any,
    key: Handle,
    ctype: str,
    equations: EncryptionEquations | PedersenEquations | AffineEquations,
    seed: SecretSeed | None,
) -> tuple[int, ...]:
    values = {field.name: getattr(equations, field.name) for field in fields(equations)}
    secrets = {name: value._handle for name, value in values.items() if isinstance(value, Secret)}
    views = {name: _view(value) for name, value in values.items() if name not in secrets}
    bad = ffi.new("uint8_t[]", len(views["e"]) // 32)
    eqs = ffi.new(f"{ctype} *", _spans(views) | secrets)
    return _bad(function((bad, len(bad)), key._handle, eqs, _or_null(seed)), bad, "verify")
