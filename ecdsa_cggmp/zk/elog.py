"""Pi-elog of CGGMP24 (ePrint 2021/060): L = lambda G, M = y G + lambda X, Y = y H.

DEVIATION: a challenge is in [0, q) instead of +-q.
"""

from dataclasses import dataclass, replace
from typing import Self

from ecdsa_cggmp.zk.curve_equations import Equation, failed_equations
from ecdsa_cggmp.zk.wire import (
    POINT,
    SCALAR,
    Hashed,
    Layout,
    challenges,
    layout_size,
    point_items,
    read_columns,
    scalar_items,
    write_columns,
)
from native.columns import take
from native.curve import G, Scalar, mul_add_secret, mul_base, mul_secret
from native.secret import SecretScalars
from native.secret_scalar import add, random_scalars, scale
from protocol.codec import Reader, Writer
from protocol.transcript import Domain

_MINUS_ONE = -Scalar(1)

_STATEMENT: Layout = {"L": POINT, "M": POINT, "X": POINT, "Y": POINT, "H": POINT}
_COMMITMENT: Layout = {"A": POINT, "N": POINT, "B": POINT}
_RESPONSE: Layout = {"z": SCALAR, "u": SCALAR}


@dataclass(frozen=True, slots=True)
class ElogStatement:
    """Columns of points, 64 bytes each: L = lambda G, M = y G + lambda X, Y = y H."""

    L: bytes
    M: bytes
    X: bytes
    Y: bytes
    H: bytes


@dataclass(frozen=True, slots=True, eq=False)
class ElogWitness:
    """The y and lambda of n statements."""

    y: SecretScalars
    lambda_: SecretScalars


@dataclass(frozen=True, slots=True)
class ElogCommitment:
    """A = alpha G, N = m G + alpha X, B = m H; 64 bytes each."""

    A: bytes
    N: bytes
    B: bytes


@dataclass(frozen=True, slots=True)
class ElogResponse:
    """z = alpha + e lambda, u = m + e y; 32 bytes each."""

    z: bytes
    u: bytes


@dataclass(frozen=True, slots=True)
class ElogProofs:
    """Proofs of one prover, for everybody.

    Args:
        count: how many.
        commitment: columns A, N, B.
        response: columns z, u.
    """

    count: int
    commitment: ElogCommitment
    response: ElogResponse

    @staticmethod
    def size(count: int) -> int:
        """Return the bytes of so many proofs."""
        return count * (layout_size(_COMMITMENT) + layout_size(_RESPONSE))

    @classmethod
    def read(cls, reader: Reader, count: int) -> Self:
        """Read proofs.

        Raises:
            EncodingError: bytes are missing, a point is malformed or infinity, a scalar is not below q.
        """
        commitment = read_columns(reader, ElogCommitment, _COMMITMENT, count)
        return cls(count, commitment, read_columns(reader, ElogResponse, _RESPONSE, count))

    def write(self, writer: Writer) -> None:
        """Write the proofs."""
        write_columns(writer, self.commitment, _COMMITMENT, self.count)
        write_columns(writer, self.response, _RESPONSE, self.count)


def _challenges(
    domain: Domain, context: bytes, statement: ElogStatement, commitment: ElogCommitment, count: int
) -> bytes:
    return challenges(
        domain, context, [Hashed(statement, _STATEMENT), Hashed(commitment, _COMMITMENT)], count
    )


def prove(domain: Domain, context: bytes, statement: ElogStatement, witness: ElogWitness) -> ElogProofs:
    """Prove statements.

    Args:
        domain: of the first proof; the others are the instances that follow.
        context: hash of what the proofs are bound to besides, 32 bytes.
        statement: columns L, M, X, Y, H.
        witness: their y and lambda.

    Returns:
        The proofs.
    """
    count = witness.y.count
    alpha, m = random_scalars(count), random_scalars(count)
    A = mul_base(alpha).xy
    N = mul_add_secret(m, alpha, point_items(statement.X)).xy
    B = mul_secret(m, point_items(statement.H)).xy
    commitment = ElogCommitment(A, N, B)
    e = scalar_items(_challenges(domain, context, statement, commitment, count))
    z = add(alpha, scale(witness.lambda_, e)).declassify()
    u = add(m, scale(witness.y, e)).declassify()
    return ElogProofs(count, commitment, ElogResponse(z, u))


def failed(domain: Domain, context: bytes, statement: ElogStatement, proofs: ElogProofs) -> tuple[int, ...]:
    """Return the indices of the proofs that do not hold, ascending.

    Args:
        domain: of the first proof.
        context: as for prove.
        statement: columns L, M, X, Y, H.
        proofs: as many proofs.
    """
    e = scalar_items(_challenges(domain, context, statement, proofs.commitment, proofs.count))
    points = {
        name: point_items(getattr(part, name))
        for part, layout in ((statement, _STATEMENT), (proofs.commitment, _COMMITMENT))
        for name in layout
    }
    z, u = scalar_items(proofs.response.z), scalar_items(proofs.response.u)
    equations: list[Equation] = []
    for k in range(proofs.count):
        at = {name: column[k] for name, column in points.items()}
        # z G = A + e L, u G + z X = N + e M, u H = B + e Y
        equations.append([(z[k], G), (_MINUS_ONE, at["A"]), (-e[k], at["L"])])
        equations.append([(u[k], G), (z[k], at["X"]), (_MINUS_ONE, at["N"]), (-e[k], at["M"])])
        equations.append([(u[k], at["H"]), (_MINUS_ONE, at["B"]), (-e[k], at["Y"])])
    return tuple(sorted({at // 3 for at in failed_equations(equations)}))


def holds(domain: Domain, context: bytes, statement: ElogStatement, proofs: ElogProofs, k: int) -> bool:
    """Check one of several proofs by itself: what evidence stands on.

    Args:
        domain: of the first proof.
        context: as for prove.
        statement: columns of all proofs.
        proofs: all proofs.
        k: index of the one to check.
    """
    one = ElogProofs(1, take(proofs.commitment, k, proofs.count), take(proofs.response, k, proofs.count))
    domain = replace(domain, instance=domain.instance + k)
    return not failed(domain, context, take(statement, k, proofs.count), one)
