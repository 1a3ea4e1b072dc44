"""What is a check of a verifier, by the forms of this code: each function finds one form and deletes it.

Every change lets more pass, or takes something out of a hash; other changes are no deleted checks.
"""

import ast
import re
from collections.abc import Callable, Iterator
from typing import Final

from mutants.source import Function, Mutant, Source
from mutants.weaken import elements, weaker, without_each

Place = tuple[Function, ast.stmt]
Operator = Callable[[Source, Place, ast.AST], Iterator[Mutant]]

_ACCEPTS: Final = re.compile(r"holds$|_holds$|proves$")
_REJECTS: Final = re.compile(r"_fails$|^_?failed|^judge$")
_HASHES: Final = re.compile(r"^(tagged_hash|challenge_\w+)$")

# calls that decide, with what they return if all is well
_VERDICTS: Final = {
    r"(.*_)?holds|proves|on_polynomial|opens_to|verify_ecdsa": "True",
    r"test": "False",
    r"_?failed(_.*)?|check|non_units|verify_((own_)?encryptions|affine|pedersen)|bad_dealers": "{}",
    r"_?expect_.*|_verify|_note|party_id|close|complain|use|wipe|_wipe|find_failure": "None",
}


def mutants(source: Source) -> list[Mutant]:
    """Return all mutants of a module, in the order of its lines; those that are equal once."""
    found: dict[str, Mutant] = {}
    for function in source.functions():
        for node, statement in function.nodes:
            for operator in OPERATORS:
                for mutant in operator(source, (function, statement), node):
                    found.setdefault(mutant.source, mutant)
    return sorted(found.values(), key=lambda mutant: mutant.lines)


def guards(source: Source, place: Place, node: ast.AST) -> Iterator[Mutant]:
    """`if condition: raise ...` and `if condition: return ...`, whole and in parts."""
    if not isinstance(node, ast.If) or not _is_guard(place[0], node.test, node.body[-1]):
        return
    accepts = bool(_accepts_early(place[0], node.body[-1]))
    verdict = str(accepts)
    # what else the condition does, such as reading a field, is still done
    kept = f"{verdict} if ({ast.unparse(node.test)}) else {verdict}" if _has_effect(node.test) else verdict
    yield source.cut(place, node.test, kept)
    for old, new in weaker(node.test, rejects=not accepts):
        yield source.cut(place, old, new)


def _is_guard(function: Function, test: ast.expr, last: ast.stmt) -> bool:
    # an if that runs a check decides whether another one is run
    return _accepts_early(function, last) is not None and not _calls(test, "test")


def _accepts_early(function: Function, last: ast.stmt) -> bool | None:
    """Tell whether an if that ends so lets pass (True) or refuses (False); None if it does neither."""
    match last:
        case ast.Raise():
            return False
        case ast.Expr(value=ast.Call() as call) if _name(call) in {"test", "_note"}:
            return False
        case ast.Return(value=ast.Constant(value=bool(value))):
            return value is not bool(_REJECTS.search(function.last_name))
        case ast.Return(value=ast.Tuple(elts=[])) if _REJECTS.search(function.last_name):
            return True
        case (
            ast.Return(value=None | ast.Constant()) | ast.Return(value=ast.Call(func=ast.Name(id="Failure")))
        ):
            return False
    return None


def returns(source: Source, place: Place, node: ast.AST) -> Iterator[Mutant]:
    """What a deciding function returns or computes on the way, whole and in parts."""
    function = place[0]
    rejects = bool(_REJECTS.search(function.last_name))
    if function.returns != "bool" or not (rejects or _ACCEPTS.search(function.last_name)):
        return
    is_condition = isinstance(node, ast.Return) and not isinstance(node.value, ast.Constant)
    if isinstance(node, ast.Assign):
        is_condition = isinstance(node.value, ast.BoolOp | ast.Compare) or _calls(node.value, "any")
    if is_condition and isinstance(node, ast.Return | ast.Assign) and node.value is not None:
        yield source.cut(place, node.value, str(not rejects))
        for old, new in weaker(node.value, rejects=rejects):
            yield source.cut(place, old, new)


def selections(source: Source, place: Place, node: ast.AST) -> Iterator[Mutant]:
    """`[j for j in parties if condition]`: nobody is selected, or a part of the condition is left out."""
    if isinstance(node, ast.comprehension):
        for condition in node.ifs:
            yield source.cut(place, condition, "False")
            if isinstance(condition, ast.BoolOp):
                for old, new in without_each(condition, "values"):
                    yield source.cut(place, old, new)


def verdicts(source: Source, place: Place, node: ast.AST) -> Iterator[Mutant]:
    """Calls that decide."""
    if isinstance(node, ast.Call):
        for names, well in _VERDICTS.items():
            if re.fullmatch(names, _name(node)) and not _is_whole(place, node):
                yield source.cut(place, node, well)


def handlers(source: Source, place: Place, node: ast.AST) -> Iterator[Mutant]:
    """`except Error:` that makes a verdict of an error."""
    if isinstance(node, ast.ExceptHandler) and node.type is not None:
        yield source.cut(place, node.type, "()")


def bounds(source: Source, place: Place, node: ast.AST) -> Iterator[Mutant]:
    """The bound of a number that is read; the mark of what was used."""
    if isinstance(node, ast.Call) and any(keyword.arg == "below" for keyword in node.keywords):
        kept = [keyword for keyword in node.keywords if keyword.arg != "below"]
        yield source.cut(place, node, ast.Call(node.func, node.args, kept))
    match node:
        case ast.Assign(targets=[ast.Attribute()], value=ast.Constant(value=True) as mark):
            yield source.cut(place, mark, "False")


def hashed(source: Source, place: Place, node: ast.AST) -> Iterator[Mutant]:
    """What goes into a hash or a transcript."""
    match node:
        case ast.Call(func=ast.Name(id="tagged_hash")):
            for old, new in without_each(node, "args"):
                if new.args[:1] == node.args[:1]:  # the tag stays
                    yield source.cut(place, old, new)
        case ast.Call(func=ast.Attribute(attr="with_points" | "with_integers"), args=[_, items]):
            yield from (source.cut(place, old, new) for old, new in elements(items))
        case ast.Call(func=ast.Name(id="Domain"), args=[_, *items]):
            for item in items:
                yield source.cut(place, item, '"-"' if item is node.args[3] else "0")
        case ast.Call(func=ast.Name(id="replace"), args=[first, *_]):
            yield source.cut(place, node, first)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        writes = _hashes(place[0]) and _is_writer(node.func.value)
        if node.func.attr.startswith("with_") or writes:
            yield source.cut_call(place, node)
    if isinstance(node, ast.For) and _hashes(place[0]):
        yield from (source.cut(place, old, new) for old, new in elements(node.iter))


def columns(source: Source, place: Place, node: ast.AST) -> Iterator[Mutant]:
    """The columns that `Hashed(columns, layout)` or a loop over a layout puts into a hash."""
    match node:
        case ast.Call(func=ast.Name(id="Hashed"), args=[_, layout]):
            yield from _less_columns(source, place, layout)
        case ast.For(iter=layout) if _hashes(place[0]):
            yield from _less_columns(source, place, layout)


def _less_columns(source: Source, place: Place, layout: ast.expr) -> Iterator[Mutant]:
    for name in _names_of(source, layout):
        items = f"({ast.unparse(layout)}).items()"
        yield source.cut(place, layout, f"{{name: column for name, column in {items} if name != {name!r}}}")


def entries(source: Source, place: Place, node: ast.AST) -> Iterator[Mutant]:
    """Checks and echoed rounds of a ProtocolSpec, and what a loop looks at in a dictionary written out."""
    function = place[0]
    match node:
        case ast.Dict() if _is_table_of_checks(function, node):
            yield from (source.cut(place, old, new) for old, new in elements(node))
        case ast.Call(func=ast.Name(id="frozenset"), args=[literal]):
            yield from (source.cut(place, old, new) for old, new in elements(literal))
        case ast.keyword(arg="checks", value=ast.BinOp(left=left, right=right) as union):
            yield source.cut(place, union, left)
            yield source.cut(place, union, right)


def equations(source: Source, place: Place, node: ast.AST) -> Iterator[Mutant]:
    """One of the equations that are checked together, replaced by one that holds."""
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Name(id="equations"), attr="append"), args=[equation]):
            yield source.cut(place, equation, "[(Scalar(0), G)]")


OPERATORS: Final[tuple[Operator, ...]] = (
    guards,
    returns,
    selections,
    verdicts,
    handlers,
    bounds,
    hashed,
    columns,
    entries,
    equations,
)


def _name(call: ast.Call) -> str:
    """Return the name of what is called, without what it belongs to."""
    match call.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def _calls(node: ast.AST, name: str) -> bool:
    return any(isinstance(inner, ast.Call) and _name(inner) == name for inner in ast.walk(node))


def _has_effect(node: ast.AST) -> bool:
    reads = any(isinstance(inner, ast.Name) and inner.id == "reader" for inner in ast.walk(node))
    return reads or any(isinstance(inner, ast.NamedExpr) for inner in ast.walk(node))


def _is_whole(place: Place, call: ast.Call) -> bool:
    """Tell whether the call is all of a condition that guards() or returns() deletes."""
    function, statement = place
    match statement:
        case ast.If(test=whole, body=[*_, last]) if _is_guard(function, whole, last):
            pass
        case ast.Return(value=whole) if function.returns == "bool":
            pass
        case _:
            return False
    return whole is call or (isinstance(whole, ast.UnaryOp) and whole.operand is call)


def _hashes(function: Function) -> bool:
    return any(isinstance(node, ast.Call) and _HASHES.match(_name(node)) for node, _ in function.nodes)


def _is_writer(node: ast.expr) -> bool:
    while isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        node = node.func.value
    return (isinstance(node, ast.Name) and node.id == "writer") or (
        isinstance(node, ast.Call) and _name(node) == "Writer"
    )


def _names_of(source: Source, layout: ast.expr) -> list[str]:
    """Return the columns of a layout: the strings in the function or constant that makes it."""
    match layout:
        case ast.Call(func=ast.Name(id=name)) | ast.Name(id=name):
            for node in source.tree.body:
                made = node.name if isinstance(node, ast.FunctionDef) else None
                if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                    made = node.target.id
                if made == name:
                    strings = (n.value for n in ast.walk(node) if isinstance(n, ast.Constant))
                    return [value for value in strings if isinstance(value, str)]
    return []


def _is_table_of_checks(function: Function, node: ast.Dict) -> bool:
    if function.last_name in {"by_name", "_inequalities"}:
        return True
    for other, _ in function.nodes:
        match other:
            case ast.Call(func=ast.Name(id="ProtocolSpec")):
                checks = [keyword.value for keyword in other.keywords if keyword.arg == "checks"]
                if node in (checks or other.args[3:4]):
                    return True
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if value is node:
                if any(_loops_over(n, name) for n, _ in function.nodes):
                    return True
    return False


def _loops_over(node: ast.AST, name: str) -> bool:
    match node:
        case ast.For(iter=ast.Call(func=ast.Attribute(value=ast.Name(id=over), attr="items"))):
            return over == name
    return False
