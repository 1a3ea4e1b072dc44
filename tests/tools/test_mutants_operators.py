"""mutants.operators on small functions: every check of theirs is deleted, one at a time."""

from pathlib import Path
from textwrap import dedent

import pytest
from mutants.operators import mutants
from mutants.source import Source

GUARD = """
    def read(x):
        if x < 0 or x > 9:
            raise ValueError
"""
CHAIN = """
    def read(x):
        if not 1 <= x <= 9:
            raise ValueError
"""
PAIRS = """
    def read(a, b):
        if (a.key, a.epoch) != (b.key, b.epoch):
            raise ValueError
"""
# the number is still taken from the reader
READ = """
    def read(reader):
        if reader.number() != 3:
            raise ValueError
"""
HOLDS = """
    def holds(A, z) -> bool:
        if A.is_infinity:
            return False
        return A.fits(z) and z < 9
"""
FAILS = """
    def _proof_fails(claim) -> bool:
        wrong = any(n % 2 == 0 or n < 9 for n in (claim.n, claim.m))
        return wrong or not all(p.ok for p in claim.proofs)
"""
EARLY = """
    def failed(equations):
        if total(equations).is_infinity:
            return ()
        return tuple(i for i, equation in enumerate(equations) if not right(equation))
"""
ROUND = """
    def finish(self, inbox):
        for j in inbox.peers:
            if not faults.test(j, "commitment"):
                faults.test(j, "modulus")
        faults.close()
"""
HANDLER = """
    def read(data):
        try:
            return parse(data)
        except UsageError:
            return None
"""
TRANSCRIPT = """
    def challenge(domain, context, x, A):
        transcript = Transcript(domain).with_bytes("context", context)
        return transcript.with_points("A", [A, x]).challenge_scalar("e")
"""
TAGGED = """
    def commit(header, party, data):
        return tagged_hash("tag", header, party)
"""
WRITTEN = """
    def context(keys, N, s):
        writer = Writer().fixed(keys, 32)
        for data in (N, s):
            writer.bytes_of(data)
        return tagged_hash("tag", bytes(writer))
"""
PLACE = """
    def place(header, i, j, k):
        return Domain(header, 3, i, "fac", j, k)
"""
LAYOUT = """
    def _statement(params):
        return {"C": 1, "X": 2}
    def _challenges(domain, statement, params):
        return challenges(domain, [Hashed(statement, _statement(params))])
"""
SPEC = """
    SPEC = ProtocolSpec("keygen", 1, {}, {"share": fails, "sch": lies}, frozenset({1, 2}))
"""
TABLE = """
    def find(parts):
        sums = {"delta": parts.delta, "chi": parts.chi}
        for name, part in sums.items():
            if part:
                return Failure(name)
"""
EQUATIONS = """
    def failed(z):
        equations = []
        equations.append([(z, G), (one, A)])
        return failed_equations(equations)
"""
ONCE = """
    class Secret:
        def use(self):
            if self.used:
                raise ValueError
            self.used = True
"""

CASES = [
    (GUARD, [("x < 0 or x > 9", "False"), ("x < 0 or x > 9", "(x > 9)"), ("x < 0 or x > 9", "(x < 0)")]),
    (
        CHAIN,
        [("not 1 <= x <= 9", "False"), ("1 <= x <= 9", "(x <= 9)"), ("1 <= x <= 9", "(1 <= x)")],
    ),
    (
        PAIRS,
        [
            ("(a.key, a.epoch) != (b.key, b.epoch)", "False"),
            ("(a.key, a.epoch) != (b.key, b.epoch)", "((a.epoch,) != (b.epoch,))"),
            ("(a.key, a.epoch) != (b.key, b.epoch)", "((a.key,) != (b.key,))"),
        ],
    ),
    (READ, [("reader.number() != 3", "False if (reader.number() != 3) else False")]),
    (
        HOLDS,
        [
            ("A.is_infinity", "False"),
            ("A.fits(z) and z < 9", "True"),
            ("A.fits(z) and z < 9", "(z < 9)"),
            ("A.fits(z) and z < 9", "(A.fits(z))"),
        ],
    ),
    (
        FAILS,
        [
            ("any((n % 2 == 0 or n < 9 for n in (claim.n, claim.m)))", "False"),
            ("n % 2 == 0 or n < 9", "(n < 9)"),
            ("n % 2 == 0 or n < 9", "(n % 2 == 0)"),
            ("(claim.n, claim.m)", "((claim.m,))"),
            ("(claim.n, claim.m)", "((claim.n,))"),
            ("wrong or not all((p.ok for p in claim.proofs))", "False"),
            ("wrong or not all((p.ok for p in claim.proofs))", "(not all((p.ok for p in claim.proofs)))"),
            ("wrong or not all((p.ok for p in claim.proofs))", "(wrong)"),
        ],
    ),
    (EARLY, [("total(equations).is_infinity", "True"), ("not right(equation)", "False")]),
    (
        ROUND,
        [
            ("faults.test(j, 'commitment')", "False"),
            ("faults.test(j, 'modulus')", "False"),
            ("faults.close()", "None"),
        ],
    ),
    (HANDLER, [("UsageError", "()")]),
    (
        TRANSCRIPT,
        [
            (".with_bytes('context', context)", ""),
            (".with_points('A', [A, x])", ""),
            ("[A, x]", "([x])"),
            ("[A, x]", "([A])"),
        ],
    ),
    (
        TAGGED,
        [
            ("tagged_hash('tag', header, party)", "(tagged_hash('tag', party))"),
            ("tagged_hash('tag', header, party)", "(tagged_hash('tag', header))"),
        ],
    ),
    (
        WRITTEN,
        [
            (".fixed(keys, 32)", ""),
            ("(N, s)", "((s,))"),
            ("(N, s)", "((N,))"),
            (".bytes_of(data)", ""),
            ("tagged_hash('tag', bytes(writer))", "(tagged_hash('tag'))"),
        ],
    ),
    (PLACE, [("3", "0"), ("i", "0"), ("'fac'", '"-"'), ("j", "0"), ("k", "0")]),
    (
        LAYOUT,
        [
            (
                "_statement(params)",
                f"{{name: column for name, column in (_statement(params)).items() if name != '{name}'}}",
            )
            for name in "CX"
        ],
    ),
    (
        SPEC,
        [
            ("{'share': fails, 'sch': lies}", "({'sch': lies})"),
            ("{'share': fails, 'sch': lies}", "({'share': fails})"),
            ("{1, 2}", "({2})"),
            ("{1, 2}", "({1})"),
        ],
    ),
    (
        TABLE,
        [
            ("{'delta': parts.delta, 'chi': parts.chi}", "({'chi': parts.chi})"),
            ("{'delta': parts.delta, 'chi': parts.chi}", "({'delta': parts.delta})"),
            ("part", "False"),
        ],
    ),
    (EQUATIONS, [("[(z, G), (one, A)]", "[(Scalar(0), G)]"), ("failed_equations(equations)", "{}")]),
    (ONCE, [("self.used", "False"), ("True", "False")]),
]


def source(folder: Path, text: str) -> Source:
    """A module with some text."""
    (folder / "toy.py").write_text(dedent(text))
    return Source(folder, "toy.py")


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_each_check_is_deleted_once(tmp_path: Path, text: str, expected: list[tuple[str, str]]) -> None:
    found = mutants(source(tmp_path, text))
    assert sorted((mutant.before, mutant.after) for mutant in found) == sorted(expected)
    for mutant in found:
        compile(mutant.source, "toy.py", "exec")


HARMLESS = """
    def peers(self, parties):
        name = parties[0] if parties else None
        if name:
            parties = sorted(parties)
        return [self.wire(j, name) for j in parties]
"""


def test_what_is_no_check_stays(tmp_path: Path) -> None:
    assert mutants(source(tmp_path, HARMLESS)) == []


def test_a_mutant_says_where_it_is_and_differs_in_one_line(tmp_path: Path) -> None:
    module = source(tmp_path, ONCE)
    mutant = mutants(module)[0]
    assert (mutant.place, mutant.function) == ("toy.py:4", "Secret.use")
    assert mutant.diff(module.text) == "    -         if self.used:\n    +         if False:"


def test_columns_are_characters_and_not_bytes(tmp_path: Path) -> None:
    text = 'def read(x):\n    if x == "äöü" or x: raise ValueError\n'
    (tmp_path / "toy.py").write_text(text)
    sources = {mutant.source for mutant in mutants(Source(tmp_path, "toy.py"))}
    assert sources == {
        text.replace('x == "äöü" or x', "False"),
        text.replace('x == "äöü" or x', "(x)"),
        text.replace('x == "äöü" or x', "(x == 'äöü')"),
    }
