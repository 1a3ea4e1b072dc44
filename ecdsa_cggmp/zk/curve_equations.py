"""Many public equations of curve points, sum_i scalar_i P_i = O, checked together.

Their sum, each equation weighted by a random 128-bit number, is one multi-multiplication; a wrong equation
goes unnoticed with probability 2^-128, as the group has prime order. When the sum is not O, each is checked
alone.
"""

from collections.abc import Sequence

from native.curve import Point, Scalar, multi_mul
from native.entropy import random_bytes

Equation = Sequence[tuple[Scalar, Point]]

_WEIGHT_SIZE = 16


def failed_equations(equations: Sequence[Equation]) -> tuple[int, ...]:
    """Return the indices of the equations that do not hold, ascending.

    Args:
        equations: each the terms of a sum that should be infinity; weights are drawn after all are fixed.
    """
    if not equations:
        return ()
    randomness = random_bytes(_WEIGHT_SIZE * len(equations))
    scalars, points = [], []
    for i, equation in enumerate(equations):
        weight = Scalar(int.from_bytes(randomness[i * _WEIGHT_SIZE : (i + 1) * _WEIGHT_SIZE], "big"))
        for scalar, point in equation:
            scalars.append(weight * scalar)
            points.append(point)
    if multi_mul(scalars, points).is_infinity:
        return ()
    return tuple(i for i, equation in enumerate(equations) if not holds(equation))


def holds(equation: Equation) -> bool:
    """Tell whether one equation holds."""
    return multi_mul([scalar for scalar, _ in equation], [point for _, point in equation]).is_infinity
