import ast
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cosigner import level
from ecdsa_cggmp.params import SECURITY_128
from protocol.errors import UsageError
from tests.ecdsa_cggmp.levels import TINY


def test_the_level_is_that_of_the_design() -> None:
    level = SECURITY_128
    assert (level.ell, level.ell_prime, level.epsilon, level.m) == (256, 1280, 512, 128)
    assert (level.modulus_bits, level.modulus_bytes, level.ciphertext_bytes) == (3072, 384, 768)


@pytest.mark.parametrize(
    ("change", "claim"),
    [
        ({"ell": 192}, "ell >= log q"),
        ({"kappa": 320, "epsilon": 640}, "ell >= kappa"),
        ({"epsilon": 256}, "epsilon >= ell"),
        ({"ell_prime": 1024}, "ell' >= 3 ell"),
        ({"ell_prime": 1280}, "log N > ell' + epsilon"),
        ({"prime_bits": 768}, "2 ell + epsilon <= log p"),
        ({"m": 127}, "m >= 128"),
    ],
)
def test_a_broken_inequality_is_refused_by_name(change: dict[str, int], claim: str) -> None:
    with pytest.raises(UsageError) as caught:
        replace(TINY, **change)
    assert claim in str(caught.value)


ROOT = Path(__file__).parents[2]
PROGRAM = ("native", "protocol", "ecdsa_cggmp", "presig_pool", "storage", "cosigner")


def names(package: str) -> Iterator[tuple[str, str]]:
    """Every name and attribute in the source of a package, with its module."""
    for path in (ROOT / package).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Name(id=name) | ast.Attribute(attr=name) | ast.alias(name=name):
                    yield f"{package}/{path.stem}", name


def test_no_other_level_can_be_selected() -> None:
    """Neither by a user nor by a file, a message or the environment (A-Z5); tests put theirs in by force."""
    assert level.PARAMS is SECURITY_128
    found = {where for package in PROGRAM for where, name in names(package) if name == "SECURITY_128"}
    # the default of those who make primes and auxiliary info, and what others read the protocols with
    assert found == {
        "cosigner/level",
        *(f"ecdsa_cggmp/{it}" for it in ("params", "aux_info", "aux_rounds", "presign")),
    }
    for package in PROGRAM:
        for path in (ROOT / package).rglob("*.py"):
            made = [n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Call)]
            calls = {ast.unparse(call.func) for call in made}
            assert "Params" not in calls or path.stem == "params"
    for package in ("native", "protocol", "ecdsa_cggmp", "presig_pool", "storage"):
        assert not {name for _, name in names(package)} & {"environ", "getenv", "environb"}
