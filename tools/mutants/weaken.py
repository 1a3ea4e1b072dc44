"""Conditions with one part less, so that a verifier which decides by them lets more pass."""

import ast
from collections.abc import Iterator, Sequence
from copy import copy
from typing import TypeVar

# an expression, and what takes its place
Change = tuple[ast.expr, ast.expr]

N = TypeVar("N", bound=ast.expr)


def weaker(condition: ast.expr, *, rejects: bool) -> Iterator[Change]:
    """Return the changes of a condition that let more pass.

    Args:
        condition: the condition.
        rejects: whether it is true of what must not pass.
    """
    match condition:
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield from weaker(operand, rejects=not rejects)
        case ast.BoolOp(op=op, values=values):
            if isinstance(op, ast.Or) == rejects:
                yield from without_each(condition, "values")
            for value in values:
                yield from weaker(value, rejects=rejects)
        case ast.Compare():
            yield from _comparison(condition, rejects=rejects)
        case ast.Call(func=ast.Name(id="any" | "all"), args=[ast.GeneratorExp() as over]):
            yield from weaker(over.elt, rejects=rejects)
            for generator in over.generators:
                yield from elements(generator.iter)
        case ast.Call(func=ast.Name(id="bool"), args=[argument]):
            yield from weaker(argument, rejects=rejects)


def _comparison(node: ast.Compare, *, rejects: bool) -> Iterator[Change]:
    """Leave out one link of a <= b <= c, or one pair of (a, b) == (c, d)."""
    if len(node.ops) > 1 and not rejects:
        # a <= b <= c says a <= b and b <= c
        sides = [node.left, *node.comparators]
        links = [ast.Compare(sides[i], [op], [sides[i + 1]]) for i, op in enumerate(node.ops)]
        for k in range(len(links)):
            yield node, _and([*links[:k], *links[k + 1 :]])
    match node:
        case ast.Compare(left=ast.Tuple(elts=left), ops=[op], comparators=[ast.Tuple(elts=right)]):
            if isinstance(op, ast.NotEq) == rejects and len(left) == len(right):
                for k in range(len(left)):
                    pair = [ast.Tuple([*side[:k], *side[k + 1 :]], ast.Load()) for side in (left, right)]
                    yield node, ast.Compare(pair[0], node.ops, [pair[1]])


def _and(conditions: Sequence[ast.expr]) -> ast.expr:
    return conditions[0] if len(conditions) == 1 else ast.BoolOp(ast.And(), list(conditions))


def elements(literal: ast.expr) -> Iterator[Change]:
    """Leave out each element of a tuple, list, set or dictionary that is written out."""
    if isinstance(literal, ast.Tuple | ast.List | ast.Set):
        yield from without_each(literal, "elts")
    elif isinstance(literal, ast.Dict):
        for k in range(len(literal.keys)):
            keys = literal.keys[:k] + literal.keys[k + 1 :]
            yield literal, ast.Dict(keys, literal.values[:k] + literal.values[k + 1 :])


def without_each(node: N, field: str) -> Iterator[tuple[N, N]]:
    """Leave out each part of a node in turn."""
    parts: list[ast.expr] = getattr(node, field)
    for k in range(len(parts)):
        less = copy(node)
        setattr(less, field, parts[:k] + parts[k + 1 :])
        yield node, less
