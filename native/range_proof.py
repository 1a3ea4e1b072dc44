"""Kernels of CGGMP24's proofs Pi-enc-elg and Pi-aff-g (ePrint 2021/060), n proofs to one verifier at a time.

A prover is made with its commitments; the challenges, which the caller derives from them, are answered once.
Letters are the paper's. A column holds n items, big-endian: integers in two's complement, points as x || y.
The comment behind a column is the bytes of one item; |N^|, |N_i| and |N_j| are those of the verifier's
ring-Pedersen modulus and of the Paillier moduli of prover and verifier.
"""

from dataclasses import dataclass
from enum import IntFlag
from typing import TYPE_CHECKING, Any, Generic, TypeVar, final

import native.secp  # noqa: F401  (fills the function table)
from native._core import ffi, lib
from native.columns import _contents, _room, _spans, _view, _views
from native.errors import LengthError, UsedError, check
from native.handle import SecretHandle, _make, _or_null
from native.paillier import PaillierKey, PaillierSecretKey, RandomnessTable
from native.ring_pedersen import PedersenParameters, RingPedersen
from native.secret import SecretInts, SecretResidues, SecretScalars, SecretSeed

if TYPE_CHECKING:
    from typing_extensions import Buffer  # collections.abc has it from Python 3.12 on

_SCALAR = 32
_POINT = 64

Commitment = TypeVar("Commitment", "EncElgCommitment", "AffGCommitment")
Response = TypeVar("Response", "EncElgResponse", "AffGResponse")


@dataclass(frozen=True, slots=True)
class ProofSizes:
    """The paper's ell, ell' and epsilon in bits, each a multiple of 64 in 64..8192.

    Raises:
        LengthError: a size does not fit.
    """

    ell: int
    ell_prime: int
    epsilon: int

    def __post_init__(self) -> None:
        for bits in (self.ell, self.ell_prime, self.epsilon):
            if not 64 <= bits <= 8192 or bits % 64:
                raise LengthError("ProofSizes: a size is not a multiple of 64 in 64..8192")

    def _c(self) -> Any:
        return ffi.new("mpcw_proof_sizes *", (self.ell, self.ell_prime, self.epsilon))


@dataclass(frozen=True, slots=True, eq=False)
class EncElgKeys:
    """The prover's own Paillier key with its table, and the verifier's ring-Pedersen parameters."""

    own: PaillierSecretKey
    verifier: RingPedersen
    own_table: RandomnessTable | None = None


@dataclass(frozen=True, slots=True, eq=False)
class EncElgWitness:
    """The witnesses of statements C = Enc_i(x; rho), B = b G, X = b A + x G, with their points A.

    Args:
        x: at most ell bits wide.
        rho: units modulo N_i.
        b: scalars.
        A: 64 bytes an item.
    """

    x: SecretInts
    rho: SecretResidues
    b: SecretScalars
    A: "Buffer"


@dataclass(frozen=True, slots=True)
class EncElgCommitment:
    """S = s^x t^mu, T = s^alpha t^gamma, D = Enc_i(alpha; r), Y = beta A + alpha G, Z = beta G."""

    S: bytes  # |N^|
    T: bytes  # |N^|
    D: bytes  # 2 |N_i|
    Y: bytes  # 64
    Z: bytes  # 64


@dataclass(frozen=True, slots=True)
class EncElgResponse:
    """z1 = alpha + e x, z2 = r rho^e, z3 = gamma + e mu, w = beta + e b."""

    z1: bytes  # (ell + epsilon) / 8
    z2: bytes  # |N_i|
    z3: bytes  # (ell + epsilon) / 8 + |N^|
    w: bytes  # 32


@dataclass(frozen=True, slots=True)
class EncElgStatement:
    """C = Enc_i(x; rho), B = b G, X = b A + x G."""

    C: bytes  # 2 |N_i|
    A: bytes  # 64
    B: bytes  # 64
    X: bytes  # 64


@dataclass(frozen=True, slots=True, eq=False)
class AffGKeys:
    """The prover's Paillier key N_i, the verifier's N_j, their tables, and the verifier's N^, s and t."""

    own: PaillierSecretKey
    peer: PaillierKey
    verifier: RingPedersen
    own_table: RandomnessTable | None = None
    peer_table: RandomnessTable | None = None


@dataclass(frozen=True, slots=True, eq=False)
class AffGWitness:
    """The witnesses of statements D = C^x Enc_j(y; rho), Y = Enc_i(y; rho_y), X = x G, with their C.

    Args:
        x: at most ell bits wide.
        y: at most ell' bits wide.
        rho: units modulo N_j.
        rho_y: units modulo N_i.
        C: 2 |N_j| bytes an item.
    """

    x: SecretInts
    y: SecretInts
    rho: SecretResidues
    rho_y: SecretResidues
    C: "Buffer"


@dataclass(frozen=True, slots=True)
class AffGCommitment:
    """A = C^alpha Enc_j(beta; r), B_x = alpha G, B_y = Enc_i(beta; r_y), and four commitments.

    E = s^alpha t^gamma, S = s^x t^m, F = s^beta t^delta, T = s^y t^mu.
    """

    A: bytes  # 2 |N_j|
    B_x: bytes  # 64
    B_y: bytes  # 2 |N_i|
    E: bytes  # |N^|
    S: bytes  # |N^|
    F: bytes  # |N^|
    T: bytes  # |N^|


@dataclass(frozen=True, slots=True)
class AffGResponse:
    """Four integers and two units.

    z1 = alpha + e x, z2 = beta + e y, z3 = gamma + e m, z4 = delta + e mu, w = r rho^e, w_y = r_y rho_y^e.
    """

    z1: bytes  # (ell + epsilon) / 8
    z2: bytes  # (ell' + epsilon) / 8
    z3: bytes  # (ell + epsilon) / 8 + |N^|
    z4: bytes  # (ell + epsilon) / 8 + |N^|
    w: bytes  # |N_j|
    w_y: bytes  # |N_i|


@dataclass(frozen=True, slots=True)
class AffGStatement:
    """D = C^x Enc_j(y; rho), Y = Enc_i(y; rho_y), X = x G."""

    C: bytes  # 2 |N_j|
    D: bytes  # 2 |N_j|
    Y: bytes  # 2 |N_i|
    X: bytes  # 64


class _Prover(SecretHandle, Generic[Commitment, Response]):
    """All masks and witnesses of n proofs between commitment and response."""

    __slots__ = ("_commitment", "_count", "_keys", "_widths")
    _commitment: Commitment
    _keys: tuple[Any, ...]  # owners of what the C prover points to
    _widths: dict[str, int]
    _count: int

    @property
    def commitment(self) -> Commitment:
        """The commitments, from which the challenges are derived."""
        return self._commitment

    @property
    def count(self) -> int:
        """Number of proofs."""
        return self._count

    def _answer(self, function: Any, ctype: str, e: "Buffer") -> dict[str, bytes]:
        """Use up the masks, which are zeroed when this returns or raises."""
        owner, self._owner = self._owner, None
        if owner is None:
            raise UsedError(f"{type(self).__name__}: {UsedError.__doc__}")
        view, out = _view(e), _room(self._widths, self._count)
        check(function(ffi.new(f"{ctype} *", _spans(out)), owner, (view, len(view))), "respond")
        return _contents(out)


@final
class EncElgProver(_Prover[EncElgCommitment, EncElgResponse]):
    """The prover of n statements of Pi-enc-elg: commits when made, responds once.

    Args:
        keys: of prover and verifier.
        witness: n witnesses.
        sizes: the paper's parameters.
        seed: replays a run; None draws from getrandom.

    Raises:
        LengthError: a count or a width does not fit the sizes, the keys or the verifier's tables.
        RangeError: the group of N_i is too small for the masks.
        PointError: an A is malformed or infinity.
        KindError: the table is not of the own key.
    """

    __slots__ = ()

    def __init__(
        self, keys: EncElgKeys, witness: EncElgWitness, sizes: ProofSizes, seed: SecretSeed | None = None
    ) -> None:
        own, verifier, count = keys.own._handle, keys.verifier._handle, witness.x.count
        n_i, n_hat = len(keys.own.public.n), keys.verifier.size
        A = _view(witness.A)
        secrets = (witness.x._handle, witness.rho._handle, witness.b._handle)
        out = _room({"S": n_hat, "T": n_hat, "D": 2 * n_i, "Y": _POINT, "Z": _POINT}, count)
        owner = _make(
            "EncElgProver",
            "mpcw_prover",
            lib.mpcw_prover_free,
            lib.mpcw_enc_elg_commit,
            ffi.new("mpcw_enc_elg_commitment *", _spans(out)),
            own,
            _or_null(keys.own_table),
            verifier,
            ffi.new("mpcw_enc_elg_witness *", (*secrets, (A, len(A)))),
            sizes._c(),
            _or_null(seed),
        )
        super().__init__(owner)
        wide = (sizes.ell + sizes.epsilon) // 8
        self._widths = {"z1": wide, "z2": n_i, "z3": wide + n_hat, "w": _SCALAR}
        self._commitment, self._count, self._keys = EncElgCommitment(**_contents(out)), count, (own,)

    def respond(self, e: "Buffer") -> EncElgResponse:
        """Answer the challenges and forget the masks, whether this succeeds or fails.

        Args:
            e: one challenge below the order of secp256k1 for each proof, 32 bytes each.

        Returns:
            The responses.

        Raises:
            UsedError: there was a response before.
            LengthError: the number of challenges is wrong.
            RangeError: a challenge is not below the order, or a response fell out of its interval (with
                probability below 2^-250 at the parameters of the paper): commit again.
        """
        return EncElgResponse(**self._answer(lib.mpcw_enc_elg_respond, "mpcw_enc_elg_response", e))


@final
class AffGProver(_Prover[AffGCommitment, AffGResponse]):
    """The prover of n statements of Pi-aff-g: commits when made, responds once.

    Args:
        keys: of prover and verifier.
        witness: n witnesses.
        sizes: the paper's parameters.
        seed: replays a run; None draws from getrandom.

    Raises:
        LengthError: a count or a width does not fit the sizes, the keys or the verifier's tables.
        RangeError: N_i or N_j is too small for the masks, or a C is out of range.
        NotUnitError: a C shares a factor with N_j.
        KindError: a table is not of its key.
    """

    __slots__ = ()

    def __init__(
        self, keys: AffGKeys, witness: AffGWitness, sizes: ProofSizes, seed: SecretSeed | None = None
    ) -> None:
        own, peer, verifier = keys.own._handle, keys.peer._handle, keys.verifier._handle
        n_i, n_j, n_hat = len(keys.own.public.n), len(keys.peer.n), keys.verifier.size
        tables = (_or_null(keys.own_table), _or_null(keys.peer_table))
        C, count = _view(witness.C), witness.x.count
        secrets = (witness.x._handle, witness.y._handle, witness.rho._handle, witness.rho_y._handle)
        pedersen = dict.fromkeys(("E", "S", "F", "T"), n_hat)
        out = _room({"A": 2 * n_j, "B_x": _POINT, "B_y": 2 * n_i, **pedersen}, count)
        owner = _make(
            "AffGProver",
            "mpcw_prover",
            lib.mpcw_prover_free,
            lib.mpcw_aff_g_commit,
            ffi.new("mpcw_aff_g_commitment *", _spans(out)),
            ffi.new("mpcw_aff_g_keys *", (own, tables[0], peer, tables[1], verifier)),
            ffi.new("mpcw_aff_g_witness *", (*secrets, (C, len(C)))),
            sizes._c(),
            _or_null(seed),
        )
        super().__init__(owner)
        wide, wider = (sizes.ell + sizes.epsilon) // 8, (sizes.ell_prime + sizes.epsilon) // 8
        masked = dict.fromkeys(("z3", "z4"), wide + n_hat)
        self._widths = {"z1": wide, "z2": wider, **masked, "w": n_j, "w_y": n_i}
        self._commitment, self._count, self._keys = AffGCommitment(**_contents(out)), count, (own, peer)

    def respond(self, e: "Buffer") -> AffGResponse:
        """Answer the challenges and forget the masks, whether this succeeds or fails.

        Args:
            e: one challenge below the order of secp256k1 for each proof, 32 bytes each.

        Returns:
            The responses.

        Raises:
            UsedError: there was a response before.
            LengthError: the number of challenges is wrong.
            RangeError: a challenge is not below the order, or a response fell out of its interval (with
                probability below 2^-250 at the parameters of the paper): commit again.
        """
        return AffGResponse(**self._answer(lib.mpcw_aff_g_respond, "mpcw_aff_g_response", e))


class Violation(IntFlag):
    """What a proof violates; empty when it holds."""

    UNIT = lib.MPCW_VIOLATES_UNIT  # a value is not a unit below its modulus
    CHALLENGE = lib.MPCW_VIOLATES_CHALLENGE  # a challenge or a response scalar is not below the order
    POINT = lib.MPCW_VIOLATES_POINT  # a point is malformed or infinity
    PAILLIER = lib.MPCW_VIOLATES_PAILLIER  # the equation modulo N_i^2, or modulo N_j^2 for Pi-aff-g
    PLAINTEXT = lib.MPCW_VIOLATES_PLAINTEXT  # Pi-aff-g's equation modulo N_i^2
    CURVE = lib.MPCW_VIOLATES_CURVE  # an equation of points
    PEDERSEN = lib.MPCW_VIOLATES_PEDERSEN  # an equation modulo N^


@dataclass(frozen=True, slots=True)
class EncElgProof:
    """One proof, each column a single item; e is the challenge, 32 bytes."""

    statement: EncElgStatement
    commitment: EncElgCommitment
    e: bytes
    response: EncElgResponse


@dataclass(frozen=True, slots=True)
class AffGProof:
    """One proof, each column a single item; e is the challenge, 32 bytes."""

    statement: AffGStatement
    commitment: AffGCommitment
    e: bytes
    response: AffGResponse


def enc_elg_violations(
    n_i: bytes, verifier: PedersenParameters, proof: EncElgProof, sizes: ProofSizes
) -> Violation:
    """Check one proof of Pi-enc-elg strictly, with public keys only: for evidence and third parties.

    Values that are no units, scalars or points are told first; equations are checked when there are none.

    Args:
        n_i: the prover's modulus.
        verifier: the verifier's parameters.
        proof: statement, commitments, challenge and responses.
        sizes: the paper's parameters.

    Returns:
        What is violated; empty when the proof holds.

    Raises:
        LengthError: a value has a wrong width.
        ModulusError: n_i or N^ is even or too short.
        NotUnitError: s or t is not a unit below N^.
    """
    return _violations(lib.mpcw_enc_elg_check_var, "mpcw_enc_elg_proof", (n_i,), (verifier, proof, sizes))


def aff_g_violations(
    n_i: bytes, n_j: bytes, verifier: PedersenParameters, proof: AffGProof, sizes: ProofSizes
) -> Violation:
    """Check one proof of Pi-aff-g strictly, with public keys only: for evidence and third parties.

    Values that are no units, scalars or points are told first; equations are checked when there are none.

    Args:
        n_i: the prover's modulus.
        n_j: the verifier's modulus.
        verifier: the verifier's parameters.
        proof: statement, commitments, challenge and responses.
        sizes: the paper's parameters.

    Returns:
        What is violated; empty when the proof holds.

    Raises:
        LengthError: a value has a wrong width.
        ModulusError: a modulus is even or too short.
        NotUnitError: s or t is not a unit below N^.
    """
    return _violations(lib.mpcw_aff_g_check_var, "mpcw_aff_g_proof", (n_i, n_j), (verifier, proof, sizes))


def _violations(
    function: Any,
    ctype: str,
    moduli: "tuple[Buffer, ...]",
    rest: tuple[PedersenParameters, EncElgProof | AffGProof, ProofSizes],
) -> Violation:
    parameters, proof, sizes = rest
    n, verifier = [_view(modulus) for modulus in moduli], _views(parameters)
    values = (
        _views(proof.statement) | _views(proof.commitment) | {"e": _view(proof.e)} | _views(proof.response)
    )
    out = ffi.new("uint32_t *")
    status = function(
        out,
        *[(view, len(view)) for view in n],
        ffi.new("mpcw_pedersen_parameters *", _spans(verifier)),
        ffi.new(f"{ctype} *", _spans(values)),
        sizes._c(),
    )
    if status != lib.MPCW_REJECTED:
        check(status, "violations")
    return Violation(out[0])
