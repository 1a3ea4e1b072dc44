"""python -m mutants [MODULE ...]: delete each check of ecdsa_cggmp in turn; no test may pass then."""

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from mutants.run import Project, run

ROOT = Path(__file__).parents[2]
PROJECT = Project(
    ROOT,
    "ecdsa_cggmp",
    ("tests/ecdsa_cggmp/**/test_*.py", "tests/adversarial/test_cggmp_*.py"),
    ("native", "protocol", "wallet", "wallet.chain.regtest_node", "hypothesis", "pytest_cov.plugin"),
    Path(__file__).parent / "equivalent.toml",
)


def main(arguments: Sequence[str]) -> int:
    """Run the tool; return the exit code."""
    parser = argparse.ArgumentParser(prog="mutants", description=__doc__)
    parser.add_argument("module", nargs="*", help="file of ecdsa_cggmp/; all if none is given")
    parser.add_argument("--changed", action="store_true", help="the modules that differ from main")
    options = parser.parse_args(arguments)
    wanted = {str(Path(name).resolve().relative_to(ROOT)) for name in options.module}
    if options.changed:
        wanted |= set(_git("diff", "--name-only", _git("merge-base", "HEAD", "main")).splitlines())
    some = options.module or options.changed
    return run(PROJECT, [name for name in PROJECT.modules() if not some or name in wanted])


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True, text=True)
    return done.stdout.strip()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
