"""Every C function that touches secrets is run by a constant-time test (native/ctests/ctime.h)."""

import re
import tomllib
from pathlib import Path

import pytest

NATIVE = Path(__file__).parents[2] / "native"

CLASSES = tomllib.loads((Path(__file__).parent / "function_classes.toml").read_text())
SECRET, PRIME_SEARCH, PUBLIC = CLASSES["secret"], CLASSES["prime_search"], CLASSES["public"]

SECRET_TYPE = re.compile(r"\bmpcw_(secret|paillier_secret|ring_pedersen_secret|(\w+_)?prover)\b\s*\*")


def without_comments(source: str) -> str:
    return re.sub(r"/\*.*?\*/|//[^\n]*", " ", source, flags=re.DOTALL)


def prototypes() -> dict[str, str]:
    """Name without mpcw_ -> parameters."""
    found: dict[str, str] = {}
    for header in sorted((NATIVE / "include" / "mpcw").glob("*.h")):
        text = without_comments(header.read_text())
        for name, parameters in re.findall(r"\bmpcw_(\w+)\s*\(([^()]*)\)\s*;", text):
            found[name] = parameters
    return found


def ctime_sources() -> str:
    """The constant-time tests and the keys and proofs that they share, without comments."""
    files = [*sorted((NATIVE / "ctests").glob("ctime_*.c")), *sorted((NATIVE / "ctests").glob("toy*.c"))]
    return "\n".join(without_comments(file.read_text()) for file in files)


PROTOTYPES = prototypes()
CTIME_SOURCES = ctime_sources()


def test_every_function_of_the_headers_has_one_class() -> None:
    classified = SECRET + PUBLIC + PRIME_SEARCH
    assert sorted(classified) == sorted(PROTOTYPES)


def test_headers_declare_nothing_that_the_prototypes_miss() -> None:
    text = "".join(without_comments(file.read_text()) for file in (NATIVE / "include" / "mpcw").glob("*.h"))
    assert len(re.findall(r"\bmpcw_\w+\s*\(", text)) == len(PROTOTYPES)


@pytest.mark.parametrize("name", SECRET)
def test_secret_function_is_called_by_a_constant_time_test(name: str) -> None:
    assert re.search(rf"\bmpcw_{name}\(", CTIME_SOURCES), (
        f"no test in native/ctests/ctime_*.c calls mpcw_{name}"
    )


@pytest.mark.parametrize("name", [name for name in PROTOTYPES if SECRET_TYPE.search(PROTOTYPES[name])])
def test_function_with_a_secret_argument_is_not_public(name: str) -> None:
    assert name not in PUBLIC or name.endswith("_var")


@pytest.mark.parametrize("name", [name for name in PROTOTYPES if name.endswith("_var")])
def test_variable_time_function_is_public(name: str) -> None:
    assert name in PUBLIC
