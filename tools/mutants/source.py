"""A module as text and as a tree, and a mutant of it: the module with one expression replaced."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import ndiff
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Mutant:
    """A module without one of its checks.

    Args:
        module: path of the file from the root of the repository.
        function: qualified name of the function, empty for the module itself.
        before: what stood there, on one line.
        after: what stands there now.
        lines: first and last line of the statement.
        source: the whole mutated module.
    """

    module: str
    function: str
    before: str
    after: str
    lines: tuple[int, int]
    source: str = field(repr=False)

    @property
    def place(self) -> str:
        """File and line."""
        return f"{self.module}:{self.lines[0]}"

    def diff(self, original: str) -> str:
        """Return the lines that differ."""
        lines = ndiff(original.splitlines(), self.source.splitlines())
        return "\n".join(f"    {line}" for line in lines if line[0] in "-+")


@dataclass(frozen=True, slots=True)
class Function:
    """A function, or the module itself, with the nodes of its own: those of inner functions are theirs.

    Args:
        name: qualified name, empty for the module.
        returns: annotation of what it returns.
        nodes: every node, each with the statement that it belongs to.
    """

    name: str
    returns: str
    nodes: tuple[tuple[ast.AST, ast.stmt], ...]

    @property
    def last_name(self) -> str:
        """The name without those of classes and outer functions."""
        return self.name.rpartition(".")[2]


class Source:
    """A module that can be mutated.

    Args:
        root: of the repository.
        module: path of the file from there.
    """

    def __init__(self, root: Path, module: str) -> None:
        self.module = module
        self.text = (root / module).read_text()
        self._lines = self.text.splitlines(keepends=True)
        self.tree = ast.parse(self.text)

    def functions(self) -> Iterator[Function]:
        """Return the module itself and all functions."""
        yield from _functions(self.tree, "")

    def cut(self, place: tuple[Function, ast.stmt], node: ast.expr, after: ast.expr | str) -> Mutant:
        """Replace an expression.

        Args:
            place: where it is.
            node: the expression.
            after: another one, or its text.
        """
        text = after if isinstance(after, str) else f"({ast.unparse(after)})"
        span = self._offset(node.lineno, node.col_offset), self._end(node)
        return self._mutant(place, span, ast.unparse(node), text)

    def cut_call(self, place: tuple[Function, ast.stmt], call: ast.Call) -> Mutant:
        """Take the last link off a chain of calls: a.b(x).c(y) becomes a.b(x)."""
        assert isinstance(call.func, ast.Attribute)
        receiver = call.func.value
        before = ast.unparse(call).removeprefix(ast.unparse(receiver))
        return self._mutant(place, (self._end(receiver), self._end(call)), before, "")

    def _mutant(
        self, place: tuple[Function, ast.stmt], span: tuple[int, int], before: str, after: str
    ) -> Mutant:
        (function, statement), (start, end) = place, span
        text = self.text[:start] + after + self.text[end:]
        return Mutant(self.module, function.name, before, after, _header(statement), text)

    def _offset(self, line: int, column: int) -> int:
        # columns count bytes
        before = self._lines[line - 1].encode()[:column].decode()
        return sum(map(len, self._lines[: line - 1])) + len(before)

    def _end(self, node: ast.expr) -> int:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return self._offset(node.end_lineno, node.end_col_offset)


def _header(statement: ast.stmt) -> tuple[int, int]:
    """Return the first and last line of a statement, of a compound one without its body."""
    body = getattr(statement, "body", None)
    last = body[0].lineno - 1 if body else statement.end_lineno
    return statement.lineno, max(statement.lineno, last or 0)


def _functions(scope: ast.AST, name: str) -> Iterator[Function]:
    own: list[tuple[ast.AST, ast.stmt]] = []
    inner: list[ast.AST] = []
    for child in ast.iter_child_nodes(scope):
        _collect(child, None, own, inner)
    returns = ast.unparse(scope.returns) if isinstance(scope, ast.FunctionDef) and scope.returns else ""
    yield Function(name, returns, tuple(own))
    for node in inner:
        assert isinstance(node, ast.FunctionDef | ast.ClassDef)
        yield from _functions(node, f"{name}.{node.name}" if name else node.name)


def _collect(
    node: ast.AST, statement: ast.stmt | None, own: list[tuple[ast.AST, ast.stmt]], inner: list[ast.AST]
) -> None:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        inner.append(node)
        return
    if isinstance(node, ast.stmt):
        statement = node
    if statement is not None:
        own.append((node, statement))
    for child in ast.iter_child_nodes(node):
        _collect(child, statement, own, inner)
